//! A client of endpoints that speak OpenAI's API, hosted ones and local ones (llama.cpp, vLLM, Ollama): chat completions.
//!
//! For judges and for writing conversations. Knows nothing of what is asked. The key stands in no message and in no answer.

use std::fmt;
use std::time::Duration;

use base::stop::Stop;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{Call, Client, Limits, hide_keys};
use crate::{Error, Result};

/// A model behind an endpoint.
pub struct OpenAi {
    base_url: String,
    key: Option<String>,
    model: String,
    client: Client,
}

/// A message of a chat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

impl Message {
    /// A message.
    pub fn new(role: &str, content: impl Into<String>) -> Message {
        Message { role: role.to_string(), content: content.into() }
    }
}

/// How an answer is drawn. What is `None` is left to the endpoint.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatOptions {
    /// 0 for the likeliest answer.
    pub temperature: Option<f32>,
    /// Tokens of the answer.
    pub max_tokens: Option<u32>,
    /// For endpoints that can repeat themselves.
    pub seed: Option<u64>,
    /// Texts at which the answer ends.
    pub stop: Vec<String>,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// Its text.
    pub text: String,
    /// Why it ended, in the endpoint's word: `stop`, `length`.
    pub finish: String,
    /// Tokens read, where the endpoint counts them.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
}

impl fmt::Debug for OpenAi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenAi").field("base_url", &self.base_url).field("model", &self.model).finish_non_exhaustive()
    }
}

impl OpenAi {
    /// The model of an endpoint: `base_url` as in `https://host/v1`; local endpoints need no key.
    pub fn new(base_url: &str, key: Option<&str>, model: &str) -> OpenAi {
        let limits = Limits {
            connect: Duration::from_secs(10),
            total: Duration::from_secs(120),
            max_bytes: 8 << 20,
            retries: 4,
            pause: Duration::from_secs(1),
        };
        let base_url = base_url.trim_end_matches('/').to_string();
        OpenAi { base_url, key: key.map(str::to_string), model: model.to_string(), client: Client::new(limits) }
    }

    /// The same with other times: of one answer, and before the second of several tries.
    pub fn with_times(mut self, total: Duration, pause: Duration) -> OpenAi {
        let limits = Limits { connect: total.min(Duration::from_secs(10)), total, max_bytes: 8 << 20, retries: 4, pause };
        self.client = Client::new(limits);
        self
    }

    /// Answers a chat. Waits and tries again where the endpoint is busy, until `stop` is raised.
    pub fn chat(&self, messages: &[Message], options: &ChatOptions, stop: &Stop) -> Result<Reply> {
        let url = format!("{}/chat/completions", self.base_url);
        let mut body = json!({"model": self.model, "messages": messages, "stream": false});
        let mut set = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                body[name] = value;
            }
        };
        set("temperature", options.temperature.map(|temperature| json!(temperature)));
        set("max_tokens", options.max_tokens.map(|tokens| json!(tokens)));
        set("seed", options.seed.map(|seed| json!(seed)));
        set("stop", (!options.stop.is_empty()).then(|| json!(options.stop)));

        let headers: Vec<(&str, String)> = self.key.iter().map(|key| ("authorization", format!("Bearer {key}"))).collect();
        let on_unknown = format!("check that it serves the model `{}` and that the base URL ends as in https://host/v1", self.model);
        let on_refused = match self.key {
            Some(_) => "check the API key",
            None => "it wants an API key",
        };
        let call = Call { url: &url, headers: &headers, on_refused, on_unknown: &on_unknown };
        let answer = self.client.post(&call, &body, stop)?;
        match reply(&answer) {
            Some(reply) => Ok(Reply { text: hide_keys(reply.text, &headers), ..reply }),
            None => Err(Error::Endpoint(format!("{url} answered without a message; check that it serves chat completions"))),
        }
    }
}

/// The first choice of an answer. A model that wrote nothing gives an empty text.
fn reply(answer: &Value) -> Option<Reply> {
    let choice = answer["choices"].get(0)?;
    let content = choice["message"].as_object()?.get("content");
    let text = match content {
        None | Some(Value::Null) => String::new(),
        Some(content) => content.as_str()?.to_string(),
    };
    let count = |name: &str| answer["usage"][name].as_u64().unwrap_or(0);
    Some(Reply {
        text,
        finish: choice["finish_reason"].as_str().unwrap_or_default().to_string(),
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
    })
}
