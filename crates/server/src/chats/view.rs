//! A chat as the page shows it: the branch that is shown, answers as HTML, and how many siblings each message has.

use std::sync::Arc;

use axum::response::Json;
use serde::Serialize;
use serde_json::Value;
use tokenizer::chat::{Part, Role};

use crate::store::{Chat, Source, Stored, Thumb, Tree};
use crate::{App, Refusal, render};

/// A chat with its branch.
#[derive(Serialize)]
struct ChatView {
    chat: Chat,
    messages: Vec<MessageView>,
}

/// A message of the branch that is shown.
#[derive(Serialize)]
pub(super) struct MessageView {
    id: i64,
    role: Role,
    /// What a user wrote, as it was written.
    #[serde(skip_serializing_if = "String::is_empty")]
    text: String,
    /// What an answer is made of.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    items: Vec<Item>,
    /// The messages in its place, itself included.
    siblings: Vec<i64>,
    model: Option<String>,
    finish: Option<String>,
    tokens: Option<(i64, i64)>,
    created: i64,
    thumb: Option<Thumb>,
}

/// A piece of an answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(super) enum Item {
    /// Words, rendered.
    Text {
        /// What to show.
        html: String,
    },
    /// A thought, as it was written.
    Thought {
        /// What it says.
        text: String,
    },
    /// A call of a tool.
    Call {
        /// Its name.
        tool: &'static str,
        /// What was asked.
        input: String,
        /// A program in colours; empty for other tools.
        html: String,
    },
    /// What a tool said.
    Output {
        /// What the model read.
        text: String,
        /// Where it is from.
        sources: Vec<Source>,
    },
}

impl Item {
    /// A part with its sources, if it is an output.
    fn of(part: &Part, sources: &mut impl Iterator<Item = Vec<Source>>) -> Item {
        match part {
            Part::Text(text) => Item::Text { html: render::html(text) },
            Part::Thought(text) => Item::Thought { text: text.clone() },
            Part::Search(query) => Item::Call { tool: "search", input: query.clone(), html: String::new() },
            Part::Python(code) => Item::Call { tool: "python", input: code.clone(), html: render::program("python", code) },
            Part::Output(text) => Item::Output { text: text.clone(), sources: shown(sources.next().unwrap_or_default()) },
        }
    }
}

/// Sources that a page may link to.
pub(super) fn shown(sources: Vec<Source>) -> Vec<Source> {
    sources.into_iter().filter(|source| source.url.starts_with("https://") || source.url.starts_with("http://")).collect()
}

/// A message as the page shows it.
pub(super) fn message(stored: &Stored, tree: &Tree) -> MessageView {
    let mut sources = stored.sources.iter().cloned();
    let (text, items) = match stored.role {
        Role::Assistant => (String::new(), stored.parts.iter().map(|part| Item::of(part, &mut sources)).collect()),
        _ => (stored.parts.iter().map(Part::words).collect(), Vec::new()),
    };
    MessageView {
        id: stored.id,
        role: stored.role,
        text,
        items,
        siblings: tree.children(stored.parent).collect(),
        model: stored.model.clone(),
        finish: stored.finish.clone(),
        tokens: stored.tokens,
        created: stored.created,
        thumb: stored.thumb,
    }
}

/// A chat as JSON.
pub(super) async fn chat(app: &Arc<App>, id: i64) -> Result<Json<Value>, Refusal> {
    let (chat, tree) = app.store.with(move |store| Ok((store.chat(id)?, store.tree(id)?))).await?;
    // Rendering a long chat takes a while, and the database is free meanwhile.
    let render = move || {
        let messages = tree.shown().into_iter().map(|stored| message(stored, &tree)).collect();
        serde_json::to_value(ChatView { chat, messages }).expect("plain data")
    };
    let view = tokio::task::spawn_blocking(render).await;
    Ok(Json(view.map_err(|_| Refusal::internal(format!("chat {id} cannot be shown: a part of the server failed")))?))
}
