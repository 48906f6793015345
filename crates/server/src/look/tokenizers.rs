//! The tokenizers of the models that are there, and what they make of texts. No weights are loaded for any of this.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;
use tokenizer::chat::ChatFormat;

use super::pieces::{self, Cut, Origin, Said, Seen, Window};
use crate::{App, JsonBody, QueryOf, Refusal};

/// Bytes of a text, and of a conversation.
const LONGEST_TEXT: usize = 1 << 20;
const LONGEST_CHAT: usize = 1 << 17;
/// Messages of a conversation.
const MOST_MESSAGES: usize = 1000;
/// Tokenizers side by side.
const MOST_TOKENIZERS: usize = 8;
/// Tokens that are told at once, where nobody says how many, and at most.
const USUAL_WINDOW: usize = 2000;
const LARGEST_WINDOW: usize = 50_000;

/// The models.
#[derive(Serialize)]
pub(super) struct Models {
    models: Vec<Model>,
}

#[derive(Serialize)]
struct Model {
    id: String,
    loaded: bool,
    /// Whether it is made for conversations.
    chat: bool,
}

/// GET `/api/look/models`.
pub(super) async fn models(State(app): State<Arc<App>>) -> Json<Models> {
    let model = |info: crate::hub::ModelInfo| Model { id: info.id, loaded: info.loaded, chat: info.chat };
    Json(Models { models: app.hub.list().into_iter().map(model).collect() })
}

/// The tokenizers of all models, each once.
#[derive(Serialize)]
pub(super) struct Tokenizers {
    tokenizers: Vec<OneTokenizer>,
    /// Models whose tokenizer cannot be used, and why.
    broken: Vec<Broken>,
}

#[derive(Serialize)]
struct OneTokenizer {
    /// The first model that has it; other routes take this id, or that of any model.
    id: String,
    /// All models that have it.
    models: Vec<String>,
    vocab_size: usize,
    /// The name of the chat format that its special tokens are for.
    format: Option<&'static str>,
}

#[derive(Serialize)]
struct Broken {
    id: String,
    message: String,
}

/// What identifies the tokenizers that were asked for before, by model.
#[derive(Default)]
pub(super) struct Known(Mutex<HashMap<String, (Weak<Tokenizer>, String)>>);

impl Known {
    /// The tokenizer's hash, computed once as long as it stays in memory.
    fn hash(&self, id: &str, tokenizer: &Arc<Tokenizer>) -> String {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(id) {
            Some((of, hash)) if std::ptr::eq(of.as_ptr(), Arc::as_ptr(tokenizer)) => hash.clone(),
            _ => {
                let hash = tokenizer.hash();
                known.insert(id.to_owned(), (Arc::downgrade(tokenizer), hash.clone()));
                hash
            }
        }
    }
}

/// GET `/api/look/tokenizers`.
pub(super) async fn list(State(app): State<Arc<App>>, known: Arc<Known>) -> Result<Json<Tokenizers>, Refusal> {
    let mut found: Vec<(String, OneTokenizer)> = Vec::new();
    let mut broken = Vec::new();
    for id in app.hub.list().into_iter().map(|info| info.id) {
        let tokenizer = match app.hub.tokenizer(&id).await {
            Ok(tokenizer) => tokenizer,
            Err(refusal) => {
                broken.push(Broken { id, message: refusal.message });
                continue;
            }
        };
        let (known, of, shared) = (known.clone(), id.clone(), tokenizer.clone());
        let hash = beside(move || known.hash(&of, &shared)).await?;
        match found.iter_mut().find(|(other, _)| *other == hash) {
            Some((_, same)) => same.models.push(id),
            None => {
                let format = ChatFormat::of(&tokenizer).map(ChatFormat::name);
                found.push((hash, OneTokenizer { models: vec![id.clone()], id, vocab_size: tokenizer.vocab_size(), format }));
            }
        }
    }
    Ok(Json(Tokenizers { tokenizers: found.into_iter().map(|(_, one)| one).collect(), broken }))
}

/// A text, and what is to cut it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Text {
    text: String,
    tokenizers: Vec<String>,
    /// Whether special tokens are looked for in the text.
    #[serde(default)]
    specials: bool,
    /// The first token that is told.
    #[serde(default)]
    from: usize,
    most: Option<usize>,
}

/// A text in the tokens of each.
#[derive(Serialize)]
pub(super) struct Tokenized {
    bytes: usize,
    characters: usize,
    tokenizers: Vec<OneCut>,
}

#[derive(Serialize)]
struct OneCut {
    id: String,
    #[serde(flatten)]
    cut: Cut,
}

/// POST `/api/look/tokenize`.
pub(super) async fn tokenize(State(app): State<Arc<App>>, JsonBody(asked): JsonBody<Text>) -> Result<Json<Tokenized>, Refusal> {
    let Text { text, tokenizers, specials, from, most } = asked;
    at_most("text", text.len(), LONGEST_TEXT, "bytes")?;
    at_most("tokenizers", tokenizers.len(), MOST_TOKENIZERS, "tokenizers")?;
    let window = Window { from, most: most.unwrap_or(USUAL_WINDOW) };
    at_most("most", window.most, LARGEST_WINDOW, "tokens")?;
    let text = Arc::new(text);
    let mut cuts = Vec::new();
    for id in tokenizers {
        let (tokenizer, text) = (app.hub.tokenizer(&id).await?, text.clone());
        let cut = beside(move || pieces::cut(&tokenizer, &text, specials, window)).await?;
        cuts.push(OneCut { id, cut });
    }
    Ok(Json(Tokenized { bytes: text.len(), characters: text.chars().count(), tokenizers: cuts }))
}

/// A token of a tokenizer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OneToken {
    tokenizer: String,
    token: u32,
}

/// GET `/api/look/merges`.
pub(super) async fn merges(
    State(app): State<Arc<App>>,
    QueryOf(OneToken { tokenizer: id, token }): QueryOf<OneToken>,
) -> Result<Json<Origin>, Refusal> {
    let tokenizer = app.hub.tokenizer(&id).await?;
    let known = tokenizer.vocab_size();
    if token as usize >= known {
        return Err(Refusal::invalid(Some("token"), format!("there is no token {token}: {id} has {known}, the last is {}", known - 1)));
    }
    Ok(Json(beside(move || pieces::origin(&tokenizer, token)).await?))
}

/// A conversation, and whose tokens it is to become.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Chat {
    tokenizer: String,
    messages: Vec<Said>,
    /// Whether it goes on to where the assistant begins to write.
    #[serde(default)]
    open: bool,
}

/// POST `/api/look/chat`.
pub(super) async fn chat(State(app): State<Arc<App>>, JsonBody(asked): JsonBody<Chat>) -> Result<Json<Seen>, Refusal> {
    let Chat { tokenizer, messages, open } = asked;
    at_most("messages", messages.len(), MOST_MESSAGES, "messages")?;
    at_most("messages", messages.iter().map(Said::bytes).sum(), LONGEST_CHAT, "bytes")?;
    let tokenizer = app.hub.tokenizer(&tokenizer).await?;
    let seen = beside(move || pieces::seen(&tokenizer, messages, open)).await?;
    seen.map(Json).map_err(|why| Refusal::invalid(Some("messages"), why))
}

/// Refuses what is too much of something.
pub(super) fn at_most(param: &str, is: usize, most: usize, unit: &str) -> Result<(), Refusal> {
    match is <= most {
        true => Ok(()),
        false => Err(Refusal::invalid(Some(param), format!("{param} has {is} {unit}, and {most} are the most here"))),
    }
}

/// Runs what may take a moment beside the threads that answer.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refusal::internal("a part of the server failed; its bug ended one request"))
}
