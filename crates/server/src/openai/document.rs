//! `GET /openapi.json`: the routes and their fields, as programs read them. Made from the types that requests are read with.

use axum::Json;
use utoipa::OpenApi;

use super::messages::Sent;
use super::{chat, completions, tokens};

#[derive(OpenApi)]
#[openapi(
    info(title = "Schoolhouse", description = "Models that were raised here, spoken to as OpenAI's."),
    paths(
        super::models,
        super::model,
        super::health,
        completions::complete,
        chat::complete,
        tokens::tokenize,
        tokens::detokenize,
        tokens::apply_template
    ),
    components(schemas(Sent))
)]
struct Document;

/// The document.
pub(super) async fn show() -> Json<utoipa::openapi::OpenApi> {
    Json(Document::openapi())
}
