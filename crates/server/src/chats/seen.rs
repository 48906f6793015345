//! A conversation as the model sees it: one row of tokens, with the system message and the special tokens that the page hides.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Json;
use serde::Serialize;
use serde_json::{Value, json};
use tokenizer::Tokenizer;
use tokenizer::chat::ChatFormat;

use super::{Answered, prompt};
use crate::{App, Refusal};

/// Tokens that are shown, at most: the last ones.
const SHOWN: usize = 20_000;

/// A token.
#[derive(Debug, PartialEq, Serialize)]
struct Seen {
    id: u32,
    /// What it spells; a token that is no whole character is spelt in bytes.
    text: String,
    /// Whether it is control, and no text.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    special: bool,
}

fn seen(id: u32, tokenizer: &Tokenizer) -> Seen {
    let bytes = tokenizer.token_bytes(id);
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    let text = std::str::from_utf8(bytes).map_or_else(|_| hex(bytes), str::to_owned);
    Seen { id, text, special: tokenizer.is_special(id) }
}

/// The branch that is shown, up to where the model would write next.
pub(super) async fn tokens(State(app): State<Arc<App>>, Path(id): Path<i64>) -> Answered<Json<Value>> {
    let (chat, tree) = app.store.with(move |store| Ok((store.chat(id)?, store.tree(id)?))).await?;
    let lease = app.hub.model(&chat.model).await?;
    let format =
        lease.format.ok_or_else(|| Refusal::invalid(Some("model"), format!("{} has no chat format that is known here", chat.model)))?;
    let told = chat.settings.told(if format == ChatFormat::Schoolhouse { &app.tools_offered } else { "" });
    let conversation = prompt::conversation(&told, &tree.shown(), format);
    let tokenizer = &lease.folder.tokenizer;
    let ids = prompt::ids(&conversation, tokenizer, format)?;
    let shown: Vec<Seen> = ids[ids.len().saturating_sub(SHOWN)..].iter().map(|&id| seen(id, tokenizer)).collect();
    Ok(Json(json!({ "tokens": shown, "total": ids.len(), "context": lease.context, "format": format.name(), "system": told })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_spelt_whatever_it_is() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let ids = tokenizer.encode("a…");
        assert_eq!(seen(ids[0], &tokenizer), Seen { id: ids[0], text: "a".into(), special: false });
        assert_eq!(seen(ids[1], &tokenizer).text, "\\xe2", "a byte of a character");
        let end = tokenizer.im_end();
        assert_eq!(seen(end, &tokenizer), Seen { id: end, text: "<|im_end|>".into(), special: true });
    }
}
