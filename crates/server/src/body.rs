//! Bodies of requests: JSON of a bounded size that arrives in a bounded time.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::{App, Refusal};

/// A body as JSON. What is wrong with it is told in OpenAI's shape.
pub(crate) struct JsonBody<T>(pub T);

/// A body as bytes.
pub(crate) struct RawBody(pub Bytes);

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
        let read = tokio::time::timeout(time, axum::body::to_bytes(request.into_body(), limit)).await.map_err(slow)?;
        let refuse = |_| Refusal::too_large(format!("the body is larger than {limit} bytes, or broke off; make it smaller"));
        read.map(RawBody).map_err(refuse)
    }
}
