//! What a request brings along: a query string, and a body of a bounded size that arrives in a bounded time.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::request::Parts;
use futures_util::StreamExt;
use serde::de::DeserializeOwned;

use crate::{App, Refusal};

/// A body as JSON. What is wrong with it is told in OpenAI's shape.
pub(crate) struct JsonBody<T>(pub T);

/// A body as bytes.
pub(crate) struct RawBody(pub Bytes);

/// A query string. What is wrong with it is told in OpenAI's shape too.
pub(crate) struct QueryOf<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for QueryOf<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<QueryOf<T>, Refusal> {
        let query = Query::try_from_uri(&parts.uri);
        query.map(|Query(query)| QueryOf(query)).map_err(|wrong| Refusal::invalid(None, wrong.body_text()))
    }
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<JsonBody<T>, Refusal> {
        let RawBody(bytes) = RawBody::from_request(request, app).await?;
        serde_json::from_slice(&bytes)
            .map(JsonBody)
            .map_err(|error| Refusal::invalid(None, format!("the body is not the JSON that is wanted here: {error}")))
    }
}

impl FromRequest<Arc<App>> for RawBody {
    type Rejection = Refusal;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<RawBody, Refusal> {
        let (limit, time) = (app.limits.body_bytes, app.limits.body_time);
        let slow = |_| Refusal::timeout(format!("the body did not arrive within {} seconds", time.as_secs()));
        let read = read(request.into_body(), limit);
        tokio::time::timeout(time, read).await.map_err(slow)?.map(RawBody)
    }
}

/// Bytes of a body that is too large are read and dropped up to so many times what is allowed: a client that is still sending hears
/// no answer.
const DRAINED: usize = 8;

async fn read(body: Body, limit: usize) -> Result<Bytes, Refusal> {
    let (mut stream, mut bytes, mut length) = (body.into_data_stream(), Vec::new(), 0);
    while let Some(chunk) = stream.next().await {
        let chunk = chunk.map_err(|error| Refusal::invalid(None, format!("the body broke off: {error}")))?;
        length += chunk.len();
        if length <= limit {
            bytes.extend_from_slice(&chunk);
        } else if length > limit.saturating_mul(DRAINED) {
            break;
        } else {
            bytes = Vec::new();
        }
    }
    if length > limit {
        return Err(Refusal::too_large(format!("the body is larger than {limit} bytes; make it smaller")));
    }
    Ok(bytes.into())
}
