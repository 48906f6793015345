//! What a request is answered with when it cannot be answered: one sentence, in the shape that OpenAI's clients read.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// HTTP's number for it.
    pub status: StatusCode,
    /// One sentence: what is wrong, where, and what to do.
    pub message: String,
    /// OpenAI's kind of error.
    pub kind: &'static str,
    /// The field that is wrong.
    pub param: Option<String>,
    /// OpenAI's name for what is wrong, where it has one.
    pub code: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Refusal {
        Refusal { status, message: message.into(), kind, param: None, code: None }
    }

    /// A request that means nothing, or something that is not there, in this field.
    pub fn invalid(param: Option<&str>, message: impl Into<String>) -> Refusal {
        Refusal { param: param.map(str::to_owned), ..Refusal::new(StatusCode::BAD_REQUEST, "invalid_request_error", message) }
    }

    /// A prompt that does not fit.
    pub fn too_long(tokens: usize, context: usize) -> Refusal {
        let message = format!(
            "the prompt has {tokens} tokens, and the model's context is {context}, which must hold prompt and answer; shorten the prompt"
        );
        Refusal { code: Some("context_length_exceeded"), ..Refusal::invalid(Some("messages"), message) }
    }

    /// Something that is not there.
    pub fn not_found(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::NOT_FOUND, "invalid_request_error", message)
    }

    /// A model that is not there.
    pub fn no_model(message: impl Into<String>) -> Refusal {
        Refusal { param: Some("model".into()), code: Some("model_not_found"), ..Refusal::not_found(message) }
    }

    /// A path that knows other methods.
    pub fn wrong_method(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "invalid_request_error", message)
    }

    /// A body that is too large.
    pub fn too_large(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    /// A request without one of the keys.
    pub fn unauthorized(message: impl Into<String>) -> Refusal {
        Refusal { code: Some("invalid_api_key"), ..Refusal::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message) }
    }

    /// A request that comes from where none may come from.
    pub fn forbidden(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::FORBIDDEN, "invalid_request_error", message)
    }

    /// Too much at once; it may be tried again.
    pub fn too_many(message: impl Into<String>) -> Refusal {
        Refusal { code: Some("rate_limit_exceeded"), ..Refusal::new(StatusCode::TOO_MANY_REQUESTS, "rate_limit_error", message) }
    }

    /// A request that took longer than it may.
    pub fn timeout(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::REQUEST_TIMEOUT, "timeout_error", message)
    }

    /// No room or no time now.
    pub fn busy(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, "server_error", message)
    }

    /// Not the request's fault.
    pub fn internal(message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }

    /// The same of this field.
    pub fn at(self, param: &str) -> Refusal {
        Refusal { param: Some(param.to_owned()), ..self }
    }

    /// As OpenAI writes it.
    pub fn json(&self) -> Value {
        let code = self.code.map_or(Value::Null, Value::from);
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": code}})
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let retry = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE].contains(&self.status);
        let mut response = (self.status, Json(self.json())).into_response();
        if retry {
            response.headers_mut().insert("retry-after", axum::http::HeaderValue::from_static("1"));
        }
        response
    }
}
