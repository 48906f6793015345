//! The base model's nature: a base model does not answer, it goes on with pages like those that it read. What it makes of
//! prompts, how far it recites, how much it copies. Asks through [`Ask`], and looks into the shards for what was read.

mod charts;
mod copying;
mod future;
mod page;
mod questions;
mod recital;
mod rows;
mod stretches;

use base::progress::Progress;
use base::stop::Stop;
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;
use tokenizer::shards::Shards;

pub use copying::{Copy, Copying, Matches};
pub use future::Future;
pub use questions::{Form, Questions};
pub use recital::{Followed, Level, Point, Recited};
pub use rows::{Asked, Measure};

pub(super) use charts::all as pictures;
pub(super) use page::page;

use super::World;
use crate::Result;
use crate::ask::Ask;

/// What a model read.
pub struct Material<'a> {
    /// Training text and held-out pages.
    pub shards: &'a Shards,
    /// The one that they were made with, and the model's.
    pub tokenizer: &'a Tokenizer,
}

/// What was measured of the base model's nature.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Nature {
    /// Prompts, each sampled several times.
    pub rows: Vec<Asked>,
    /// Why-questions bare and in a dialogue; null where the world has none.
    pub questions: Option<Questions>,
    /// Sentences dated after the cutoff; null where the world has none.
    pub future: Option<Future>,
    /// The answer key's passages, most quoted first.
    pub passages: Vec<Recited>,
    /// Stretches of the training text by how often it has them, fewest first.
    pub stretches: Vec<Level>,
    /// What ordinary samples have in common with the training text.
    pub copying: Copying,
}

/// Parts of [`measure`]: what its progress counts.
pub const N_PARTS: u64 = 4;

/// Measures a base model's nature.
///
/// # Errors
/// Those of the answerer; shards of another tokenizer, or damaged; `Stopped` where that is asked for.
pub fn measure(ask: &mut Ask, world: &World, material: &Material, seed: u64, progress: &Progress, stop: &Stop) -> Result<Nature> {
    material.shards.check_tokenizer(material.tokenizer)?;
    let done = |part: &str| -> Result<()> {
        progress.message(part);
        progress.advance(1);
        if stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(()) }
    };
    let rows = rows::ask_all(ask, &world.key, seed)?;
    let questions = questions::compare(ask, &world.key, seed)?;
    done("the future")?;
    let future = future::invent(ask, &world.key, seed)?;
    done("recitation")?;
    let passages = recital::passages(ask, &world.key.passages, material, seed)?;
    let stretches = recital::stretches(ask, material, seed, stop)?;
    done("copying")?;
    let copying = copying::copying(ask, material, seed, stop)?;
    done("done")?;
    Ok(Nature { rows, questions, future, passages, stretches, copying })
}

/// Shards made up for tests, in a folder that goes when they do.
#[cfg(test)]
mod made_up {
    use std::path::PathBuf;

    use base::progress::Progress;
    use base::stop::Stop;
    use tokenizer::Tokenizer;
    use tokenizer::shards::{Page, ShardConfig, Shards, TokenView, write_shards};

    use super::Material;

    pub struct Folder {
        path: PathBuf,
        shards: Shards,
        tokenizer: Tokenizer,
    }

    /// A page without an address.
    pub fn page(text: &str) -> Page {
        Page { text: text.into(), ..Page::default() }
    }

    impl Folder {
        /// Shards of pages whose tokens are bytes.
        pub fn new(name: &str, pages: Vec<Page>, val_share: f64) -> Folder {
            let path = std::env::temp_dir().join(format!("schoolhouse-nature-{name}-{}", std::process::id()));
            let _ = std::fs::remove_dir_all(&path);
            let tokenizer = Tokenizer::from_merges(Vec::new());
            let config =
                ShardConfig { folder: path.clone(), seed: 1, val_share, cutoff: None, bare_share: 0.0, threads: 1, file_tokens: 1 << 20 };
            write_shards(pages.into_iter(), &tokenizer, &config, &Progress::silent(), &Stop::new()).unwrap();
            Folder { shards: Shards::open(&path).unwrap(), path, tokenizer }
        }

        pub fn material(&self) -> Material<'_> {
            Material { shards: &self.shards, tokenizer: &self.tokenizer }
        }

        /// The pages of a stream.
        pub fn texts(&self, view: &TokenView) -> Vec<String> {
            let mut ids = vec![0; view.len()];
            view.copy(0..view.len(), &mut ids).unwrap();
            ids.split(|&id| id == self.tokenizer.eot()).skip(1).map(|page| self.tokenizer.decode(page)).collect()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
