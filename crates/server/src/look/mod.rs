//! Looking inside: texts and conversations as tokens, where tokens come from, and what a model would write, with all its odds.
//!
//! The routes behind the pages Tokenizer and Playground. Knows the hub, and nothing of chats that are kept or of OpenAI's API.

mod complete;
mod pieces;
mod tokenizers;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::App;

/// The routes under `/api/look`.
pub(crate) fn routes() -> Router<Arc<App>> {
    let known = Arc::new(tokenizers::Known::default());
    Router::new()
        .route("/api/look/models", get(tokenizers::models))
        .route("/api/look/tokenizers", get(move |app| tokenizers::list(app, known)))
        .route("/api/look/tokenize", post(tokenizers::tokenize))
        .route("/api/look/merges", get(tokenizers::merges))
        .route("/api/look/chat", post(tokenizers::chat))
        .route("/api/look/complete", post(complete::complete))
}
