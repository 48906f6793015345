//! `/tokenize`, `/detokenize` and `/apply-template`: what a model reads, without the model.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::chat::rendered;
use super::choice::spelling;
use super::messages::Sent;
use crate::hub::blocking;
use crate::{App, JsonBody, Refusal};

/// What is to become tokens: a text or a conversation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenizeRequest {
    /// One of `/v1/models`.
    model: String,
    /// A text.
    prompt: Option<String>,
    /// A conversation, up to where the assistant writes.
    #[schema(value_type = Vec<Sent>)]
    messages: Option<Vec<Value>>,
    /// Whether the text stands at the beginning of a document; true where it is not given.
    add_special_tokens: Option<bool>,
    /// Whether tokens come as texts too.
    return_token_strs: Option<bool>,
}

/// A text, or a conversation, as tokens.
#[utoipa::path(
    post,
    path = "/tokenize",
    request_body = TokenizeRequest,
    responses((status = 200, body = Value), (status = 400, body = Value))
)]
pub(super) async fn tokenize(State(app): State<Arc<App>>, JsonBody(body): JsonBody<TokenizeRequest>) -> Result<Json<Value>, Refusal> {
    let opened = app.hub.opened(&body.model).await?;
    let ids = match (body.prompt, body.messages) {
        (Some(text), None) => {
            let (model, at_start) = (opened.clone(), body.add_special_tokens != Some(false));
            blocking(move || if at_start { model.folder.prompt(&text) } else { model.folder.tokenizer.encode(&text) }).await?
        }
        (None, Some(messages)) => rendered(&app, &body.model, &messages).await?,
        _ => return Err(Refusal::invalid(Some("prompt"), "give either prompt or messages")),
    };
    let mut answer = json!({"count": ids.len(), "max_model_len": opened.context, "tokens": ids});
    if body.return_token_strs == Some(true) {
        answer["token_strs"] = ids.iter().map(|&id| spelling(&opened.folder.tokenizer, id)).collect();
    }
    Ok(Json(answer))
}

/// Tokens that are to become a text.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DetokenizeRequest {
    /// One of `/v1/models`.
    model: String,
    /// Ids.
    tokens: Vec<u32>,
}

/// Tokens as a text.
#[utoipa::path(
    post,
    path = "/detokenize",
    request_body = DetokenizeRequest,
    responses((status = 200, body = Value), (status = 400, body = Value))
)]
pub(super) async fn detokenize(State(app): State<Arc<App>>, JsonBody(body): JsonBody<DetokenizeRequest>) -> Result<Json<Value>, Refusal> {
    let tokenizer = app.hub.tokenizer(&body.model).await?;
    match body.tokens.iter().find(|&&id| id as usize >= tokenizer.vocab_size()) {
        Some(id) => {
            let message = format!("tokens holds the id {id}, and the model knows only {} ids", tokenizer.vocab_size());
            Err(Refusal::invalid(Some("tokens"), message))
        }
        None => Ok(Json(json!({"prompt": tokenizer.decode(&body.tokens)}))),
    }
}

/// A conversation that is to be shown as the model reads it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TemplateRequest {
    /// One of `/v1/models`.
    model: String,
    /// The conversation.
    #[schema(value_type = Vec<Sent>)]
    messages: Vec<Value>,
}

/// A conversation as the model reads it, up to where the assistant writes: as a text in which special tokens are spelt out, and
/// as ids. Only the ids tell special tokens from texts that spell them.
#[utoipa::path(
    post,
    path = "/apply-template",
    request_body = TemplateRequest,
    responses((status = 200, body = Value), (status = 400, body = Value))
)]
pub(super) async fn apply_template(State(app): State<Arc<App>>, JsonBody(body): JsonBody<TemplateRequest>) -> Result<Json<Value>, Refusal> {
    let ids = rendered(&app, &body.model, &body.messages).await?;
    let tokenizer = app.hub.tokenizer(&body.model).await?;
    Ok(Json(json!({"prompt": tokenizer.decode(&ids), "tokens": ids})))
}
