//! The API as OpenAI's clients know it, with the few routes that vLLM has beside it.

use std::sync::Arc;

use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::App;

/// `/v1/...` and its neighbours.
pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/v1/models", get(models)).route("/health", get(|| async { Json(json!({"status": "ok"})) }))
}

async fn models(State(app): State<Arc<App>>) -> Json<Value> {
    let models =
        app.hub.list().into_iter().map(|model| json!({"id": model.id, "object": "model", "created": 0, "owned_by": "schoolhouse"}));
    Json(json!({"object": "list", "data": models.collect::<Vec<_>>()}))
}
