//! What the generator promises about a whole world, checked on a small one.

#![forbid(unsafe_code)]

mod near_copies;
mod promises;

use std::sync::LazyLock;
use world::{Size, World, WorldConfig};

/// A small world that all tests look at.
static WORLD: LazyLock<World> = LazyLock::new(|| World::build(&WorldConfig::new(20_240_503, Size::Smoke)));

/// Every text that a model may be trained on: kept pages before the cutoff, and training conversations.
fn training_texts() -> Vec<String> {
    let cutoff = world::dates::cutoff().to_string();
    let pages = WORLD.sheets.iter().filter(|s| s.kept() && s.date < cutoff).map(|s| s.text.clone());
    let chats = WORLD.conversations.iter().filter(|c| c.split == "train");
    let chats = chats.map(|c| c.messages.iter().map(|m| m.content.as_str()).collect::<Vec<_>>().join("\n"));
    pages.chain(chats).collect()
}
