//! A thought in one sentence, by the model that had it or by another one. Nothing of it is kept.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use engine::{Request, Sampling};
use serde::Deserialize;
use serde_json::{Value, json};
use tasks::thoughts::{self, SUMMARY_TOKENS};
use tokenizer::chat::Part;

use super::Answered;
use crate::hub::Event;
use crate::{App, JsonBody, Refusal};

/// Who sums up.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct By {
    /// The model; the chat's where it is not given.
    model: Option<String>,
}

/// `{"summary"}` of what was thought in an answer.
pub(super) async fn of_thoughts(
    State(app): State<Arc<App>>,
    Path((chat, message)): Path<(i64, i64)>,
    JsonBody(By { model }): JsonBody<By>,
) -> Answered<Json<Value>> {
    let (chat, tree) = app.store.with(move |store| Ok((store.chat(chat)?, store.tree(chat)?))).await?;
    let stored = tree.get(message).ok_or_else(|| Refusal::not_found(format!("there is no message {message} in chat {}", chat.id)))?;
    let words: Vec<&str> = stored.parts.iter().filter(|part| matches!(part, Part::Thought(_))).map(Part::words).collect();
    if words.is_empty() {
        return Err(Refusal::invalid(Some("message"), "nothing was thought in this message"));
    }
    let lease = app.hub.model(model.as_ref().unwrap_or(&chat.model)).await?;
    let Some(format) = lease.format else {
        return Err(Refusal::invalid(Some("model"), "this model has no chat format that is known here; name another one"));
    };
    let ids = thoughts::summary_prompt(&words.join(" "), format, &lease.folder.tokenizer, lease.context);
    let ids = ids.map_err(|error| Refusal::invalid(None, error.to_string()))?;
    let request = Request { stop_ids: lease.folder.turn_ends(), ..Request::new(ids, SUMMARY_TOKENS, Sampling::greedy(), 0) };
    let mut answering = lease.submit(request, false, Some(1)).await?;
    let mut summary = String::new();
    while let Some(event) = answering.next().await {
        match event {
            Event::Token { text, thought: false, .. } | Event::Rest { text, thought: false } => summary += &text,
            Event::Failed(refusal) => return Err(refusal),
            _ => {}
        }
    }
    Ok(Json(json!({ "summary": summary.trim() })))
}
