//! The API as OpenAI's clients know it, with the few routes that vLLM and llama.cpp have beside it.
//!
//! A field that is not known is refused by its name, and so is one that asks for what is not done here; nothing is ignored
//! but names of users. docs/serve.md describes the routes.

mod chat;
mod choice;
mod completions;
mod document;
mod messages;
mod stream;
mod tokens;
mod wishes;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;
use std::time::SystemTime;

use axum::extract::State;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::App;

/// `/v1/...` and its neighbours.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/v1/models", get(models))
        .route("/v1/models/{*id}", get(model))
        .route("/v1/completions", post(completions::complete))
        .route("/v1/chat/completions", post(chat::complete))
        .route("/tokenize", post(tokens::tokenize))
        .route("/detokenize", post(tokens::detokenize))
        .route("/apply-template", post(tokens::apply_template))
        .route("/health", get(health))
        .route("/openapi.json", get(document::show))
}

/// The models that are there, loaded or not.
#[utoipa::path(get, path = "/v1/models", responses((status = 200, description = "OpenAI's list of models", body = Value)))]
async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let models: Vec<Value> = app.hub.list().into_iter().map(|model| about(&model)).collect();
    Json(json!({"object": "list", "data": models}))
}

/// One model.
#[utoipa::path(
    get,
    path = "/v1/models/{id}",
    params(("id" = String, Path, description = "The model's name; it may hold slashes")),
    responses((status = 200, body = Value), (status = 404, description = "There is no such model", body = Value))
)]
async fn model(State(app): State<Arc<App>>, axum::extract::Path(id): axum::extract::Path<String>) -> Result<Json<Value>, crate::Refusal> {
    let opened = app.hub.opened(&id).await?;
    let model = app.hub.list().into_iter().find(|model| model.id == opened.id);
    let mut about = model.map(|model| about(&model)).unwrap_or_default();
    about["max_model_len"] = json!(opened.context); // loaded, it may have less
    Ok(Json(about))
}

/// Whether the server answers.
#[utoipa::path(get, path = "/health", responses((status = 200, body = Value)))]
async fn health() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

fn about(model: &crate::hub::ModelInfo) -> Value {
    let age = std::fs::metadata(&model.path).and_then(|about| about.modified()).map_or(0, seconds);
    json!({
        "id": model.id, "object": "model", "created": age, "owned_by": "schoolhouse",
        "loaded": model.loaded, "bytes": model.bytes, "chat": model.chat, "max_model_len": model.context,
    })
}

/// Seconds since 1970.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn now() -> u64 {
    seconds(SystemTime::now())
}

/// A number that nobody has had.
fn fresh() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A name for an answer or a call.
fn name(prefix: &str) -> String {
    format!("{prefix}-{:016x}{:016x}", fresh(), fresh())
}
