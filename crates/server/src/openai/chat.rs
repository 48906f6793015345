//! `POST /v1/chat/completions`.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{Request, ToolKind};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizer::chat::ChatFormat;
use utoipa::ToSchema;

use super::choice::{Choice, Function, Heard, key, kind_of};
use super::messages::{self, Sent, typed};
use super::stream::{Pieces, Usage, stream};
use super::wishes::{MOST_TOP, Stop, StreamOptions, Wishes, check_stream, only};
use super::{name, now};
use crate::hub::{Answers, Event, Manner, blocking};
use crate::{App, JsonBody, Refusal};

/// What is asked of a chat.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChatRequest {
    /// One of `/v1/models`.
    model: String,
    /// The conversation.
    #[schema(value_type = Vec<Sent>)]
    messages: Vec<Value>,
    /// Tokens of the answer, at most; what the context has room for where it is not given.
    max_completion_tokens: Option<usize>,
    /// The same by its older name.
    max_tokens: Option<usize>,
    /// Tokens of a thought; where it has so many it is ended, and the answer begins. (Not OpenAI's.)
    thinking_token_budget: Option<usize>,
    /// 0 takes the most likely token always.
    temperature: Option<f32>,
    /// The most likely tokens stay until their probabilities sum to this.
    top_p: Option<f32>,
    /// So many of the most likely tokens stay; 0 or -1 is off. (Not OpenAI's.)
    top_k: Option<i64>,
    /// Tokens stay that are at least this times as likely as the most likely one. (Not OpenAI's.)
    min_p: Option<f32>,
    /// Divides the logits of tokens that were there before. (Not OpenAI's.)
    repetition_penalty: Option<f32>,
    /// Is taken from the logits of tokens that stand in the answer.
    presence_penalty: Option<f32>,
    /// Is taken from the logits of tokens as often as they stand in the answer.
    frequency_penalty: Option<f32>,
    /// Is added to the logits of tokens, by their ids.
    logit_bias: Option<BTreeMap<String, f32>>,
    /// Texts that end the answer.
    stop: Option<Stop>,
    /// Ids that end the answer. (Not OpenAI's.)
    stop_token_ids: Option<Vec<u32>>,
    /// Equal requests with equal seeds have equal answers.
    seed: Option<i64>,
    /// Answers.
    n: Option<usize>,
    /// Whether tokens come with their log-probabilities.
    logprobs: Option<bool>,
    /// So many of the most likely tokens come with each.
    top_logprobs: Option<usize>,
    /// Whether the answer comes as it is written.
    stream: Option<bool>,
    /// What comes with the stream.
    stream_options: Option<StreamOptions>,
    /// `{"type": "search"}` and `{"type": "python"}` are run here; functions of the names `search` and `python` are the client's.
    tools: Option<Vec<Value>>,
    /// `auto` or `none`.
    #[schema(value_type = Object)]
    tool_choice: Option<Value>,
    /// Either: an answer has one call at a time.
    #[serde(rename = "parallel_tool_calls")]
    _parallel_tool_calls: Option<bool>,
    /// A name for whoever asks; nothing is done with it.
    #[serde(rename = "user")]
    _user: Option<String>,
    /// The same by its newer name.
    #[serde(rename = "safety_identifier")]
    _safety_identifier: Option<String>,
    /// Only `{"type": "text"}`.
    #[schema(value_type = Object)]
    response_format: Option<Value>,
    /// Only `["text"]`.
    #[schema(value_type = Object)]
    modalities: Option<Value>,
    /// Only false: nothing is kept.
    #[schema(value_type = Object)]
    store: Option<Value>,
    /// Only `auto` or `default`.
    #[schema(value_type = Object)]
    service_tier: Option<Value>,
}

/// Tools, sorted by who runs them.
#[derive(Debug, Default, PartialEq)]
struct Tools {
    here: Vec<ToolKind>,
    functions: Vec<Function>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentTool {
    r#type: String,
    function: Option<SentFunction>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentFunction {
    name: String,
    #[serde(rename = "description")]
    _description: Option<String>,
    parameters: Option<Value>,
    #[serde(rename = "strict")]
    _strict: Option<bool>,
}

/// Answers a conversation.
#[utoipa::path(
    post,
    path = "/v1/chat/completions",
    request_body = ChatRequest,
    responses(
        (status = 200, description = "OpenAI's chat.completion, or a stream of its chunks", body = Value),
        (status = 400, description = "Something is asked that is not done here, or the prompt does not fit", body = Value),
        (status = 404, description = "There is no such model", body = Value),
        (status = 429, description = "Too much at once", body = Value),
        (status = 503, description = "No memory for this model now", body = Value),
    )
)]
pub(super) async fn complete(State(app): State<Arc<App>>, JsonBody(body): JsonBody<ChatRequest>) -> Result<Response, Refusal> {
    let is_stream = body.stream == Some(true);
    let with_usage = check_stream(is_stream, &body.stream_options)?;
    let top = body.check()?;
    let tools = read_tools(body.tools.as_deref().unwrap_or_default(), &body.tool_choice)?;
    let has_tools = tools != Tools::default();
    let asked = messages::read(&body.messages, has_tools.then_some(&*app.tools_offered))?;
    let lease = app.hub.model(&body.model).await?;
    if has_tools && lease.format != Some(ChatFormat::Schoolhouse) {
        let message = format!("tools were given, and the vocabulary of {:?} has no tokens for calls; leave them out", lease.id);
        return Err(Refusal::invalid(Some("tools"), message));
    }
    let lease = Arc::new(lease);
    let model = lease.clone();
    let prompt = blocking(move || messages::prompt(&asked, &model)).await??;
    if prompt.len() >= lease.context {
        return Err(Refusal::too_long(prompt.len(), lease.context));
    }
    let max_tokens = body.max_completion_tokens.or(body.max_tokens).unwrap_or(usize::MAX);
    let n_prompt = prompt.len();
    let wants_logprobs = body.logprobs == Some(true);
    let thought_tokens = body.thinking_token_budget;
    let wishes = body.wishes();
    let requests = wishes.requests(&prompt, max_tokens, &lease.folder.sampling, &lease.folder.turn_ends(), 0)?;
    let requests: Vec<Request> = requests.into_iter().map(|request| Request { top_logprobs: top, ..request }).collect();
    let choice = || Choice::new(lease.folder.tokenizer.clone(), tools.functions.clone(), wants_logprobs);
    let choices = requests.iter().map(|_| choice()).collect();
    let of_caller = tools.functions.iter().map(|function| function.kind).collect();
    let answers = Answers::new(lease.submit_all(requests, Manner::Chat { here: tools.here, of_caller, thought_tokens }).await?);
    let head = Head { id: name("chatcmpl"), created: now(), model: lease.id.clone(), wants_logprobs };
    let usage = Usage { prompt: n_prompt, ..Usage::default() };
    match is_stream {
        true => Ok(stream(answers, Chunks { head, choices, usage, with_usage })),
        false => whole(answers, head, choices, usage).await.map(|answer| Json(answer).into_response()),
    }
}

impl ChatRequest {
    /// Refuses what is not done here. Gives how many of the most likely tokens are wanted.
    fn check(&self) -> Result<usize, Refusal> {
        only("response_format", &self.response_format, &[json!({"type": "text"})])?;
        only("modalities", &self.modalities, &[json!(["text"])])?;
        only("store", &self.store, &[json!(false)])?;
        only("service_tier", &self.service_tier, &[json!("auto"), json!("default")])?;
        for (name, tokens) in [("max_tokens", self.max_tokens), ("max_completion_tokens", self.max_completion_tokens)] {
            if tokens == Some(0) {
                return Err(Refusal::invalid(Some(name), format!("{name} is 0; an answer has at least one token")));
            }
        }
        let top = self.top_logprobs.unwrap_or(0);
        match top {
            1.. if self.logprobs != Some(true) => {
                Err(Refusal::invalid(Some("top_logprobs"), "top_logprobs is given, and logprobs is not true; set it to true"))
            }
            0..=MOST_TOP => Ok(top),
            _ => Err(Refusal::invalid(Some("top_logprobs"), format!("top_logprobs is {top}; it may be {MOST_TOP}"))),
        }
    }

    fn wishes(self) -> Wishes {
        Wishes {
            temperature: self.temperature,
            top_p: self.top_p,
            top_k: self.top_k,
            min_p: self.min_p,
            repetition_penalty: self.repetition_penalty,
            presence_penalty: self.presence_penalty,
            frequency_penalty: self.frequency_penalty,
            logit_bias: self.logit_bias,
            stop: self.stop,
            stop_token_ids: self.stop_token_ids,
            seed: self.seed,
            n: self.n,
        }
    }
}

fn read_tools(sent: &[Value], choice: &Option<Value>) -> Result<Tools, Refusal> {
    let mut tools = Tools::default();
    for (number, tool) in sent.iter().enumerate() {
        let place = format!("tools[{number}]");
        let SentTool { r#type, function } = typed(tool, &place)?;
        match (function, kind_of(&r#type)) {
            (Some(function), None) if r#type == "function" => tools.functions.push(read_function(&function, &place)?),
            (None, Some(kind)) => tools.here.push(kind),
            _ => {
                let message = format!("{place}.type is {:?}; it must be search, python, or function with a function beside it", r#type);
                return Err(Refusal::invalid(Some(&format!("{place}.type")), message));
            }
        }
    }
    let mut kinds: Vec<ToolKind> = tools.here.iter().copied().chain(tools.functions.iter().map(|function| function.kind)).collect();
    kinds.sort();
    if let Some(twice) = kinds.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Refusal::invalid(Some("tools"), format!("tools has {} twice; one of them is enough", key(twice[0]))));
    }
    match choice.as_ref().map(|choice| choice.as_str().unwrap_or("another")) {
        None | Some("auto") => Ok(tools),
        Some("none") => Ok(Tools::default()),
        Some(_) => Err(Refusal::invalid(Some("tool_choice"), "tool_choice must be auto or none: a call cannot be forced here")),
    }
}

fn read_function(function: &SentFunction, place: &str) -> Result<Function, Refusal> {
    let Some(kind) = kind_of(&function.name) else {
        return Err(Refusal::invalid(
            Some(&format!("{place}.function.name")),
            format!(
                "{place}.function.name is {:?}; models here know the tools search and python alone, so functions must have one of these names",
                function.name
            ),
        ));
    };
    let properties = function.parameters.as_ref().and_then(|parameters| parameters.get("properties")).and_then(Value::as_object);
    let argument = match (properties, kind) {
        (None, ToolKind::Search) => "query".to_owned(),
        (None, ToolKind::Python) => "code".to_owned(),
        (Some(properties), _) => match properties.iter().next() {
            Some((name, about)) if properties.len() == 1 && about.get("type").is_none_or(|kind| kind == "string") => name.clone(),
            _ => {
                let message = format!("{place}.function.parameters must have one property, a string: what a model writes is one text");
                return Err(Refusal::invalid(Some(&format!("{place}.function.parameters")), message));
            }
        },
    };
    Ok(Function { kind, argument })
}

/// What stands in every piece.
struct Head {
    id: String,
    created: u64,
    model: String,
    wants_logprobs: bool,
}

impl Head {
    fn json(&self, object: &str, choices: Vec<Value>) -> Value {
        json!({"id": self.id, "object": object, "created": self.created, "model": self.model, "choices": choices})
    }

    fn logprobs(&self, tokens: Vec<Value>) -> Value {
        if self.wants_logprobs { json!({"content": tokens, "refusal": null}) } else { Value::Null }
    }
}

/// Waits for all answers.
async fn whole(mut answers: Answers, head: Head, mut choices: Vec<Choice>, mut usage: Usage) -> Result<Value, Refusal> {
    let mut said: Vec<Said> = choices.iter().map(|_| Said::default()).collect();
    while let Some((index, event)) = answers.next().await {
        if let Event::Failed(refusal) = event {
            return Err(refusal);
        }
        match choices[index].hear(event, &mut usage) {
            Heard::Nothing => {}
            Heard::More(delta, logprobs) => said[index].add(delta, logprobs),
            Heard::End(reason, last) => {
                last.into_iter().for_each(|delta| said[index].add(delta, Vec::new()));
                said[index].finish_reason = reason;
            }
        }
    }
    let choices = said.into_iter().enumerate().map(|(index, said)| {
        let logprobs = head.logprobs(said.logprobs);
        json!({"index": index, "message": said.message, "logprobs": logprobs, "finish_reason": said.finish_reason})
    });
    let mut answer = head.json("chat.completion", choices.collect());
    answer["usage"] = usage.json();
    Ok(answer)
}

/// What an answer has said so far.
struct Said {
    message: Map<String, Value>,
    logprobs: Vec<Value>,
    finish_reason: &'static str,
}

impl Default for Said {
    fn default() -> Said {
        let message = Map::from_iter([("role".to_owned(), json!("assistant")), ("content".to_owned(), json!(""))]);
        Said { message, logprobs: Vec::new(), finish_reason: "stop" }
    }
}

impl Said {
    /// Joins a piece to what is there: texts are one text, lists one list.
    fn add(&mut self, delta: Value, logprobs: Vec<Value>) {
        self.logprobs.extend(logprobs);
        let Value::Object(delta) = delta else { return };
        for (name, more) in delta {
            match (self.message.get_mut(&name), more) {
                (Some(Value::String(text)), Value::String(more)) => *text += &more,
                (Some(Value::Array(list)), Value::Array(more)) => list.extend(more),
                (_, more) => _ = self.message.insert(name, more),
            }
        }
    }
}

/// The pieces of a stream.
struct Chunks {
    head: Head,
    choices: Vec<Choice>,
    usage: Usage,
    with_usage: bool,
}

impl Chunks {
    fn chunk(&self, index: usize, delta: Value, logprobs: Value, reason: Option<&str>) -> Value {
        let choice = json!({"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": reason});
        let mut chunk = self.head.json("chat.completion.chunk", vec![choice]);
        if self.with_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }
}

impl Pieces for Chunks {
    fn begin(&mut self) -> Vec<Value> {
        let first = |index| self.chunk(index, json!({"role": "assistant", "content": ""}), Value::Null, None);
        (0..self.choices.len()).map(first).collect()
    }

    fn hear(&mut self, index: usize, event: Event) -> Vec<Value> {
        match self.choices[index].hear(event, &mut self.usage) {
            Heard::Nothing => Vec::new(),
            Heard::More(delta, logprobs) => vec![self.chunk(index, delta, self.head.logprobs(logprobs), None)],
            Heard::End(reason, last) => {
                let last = last.into_iter().map(|delta| self.chunk(index, delta, Value::Null, None));
                last.chain([self.chunk(index, json!({}), Value::Null, Some(reason))]).collect()
            }
        }
    }

    fn end(&mut self) -> Vec<Value> {
        if !self.with_usage {
            return Vec::new();
        }
        let mut last = self.head.json("chat.completion.chunk", Vec::new());
        last["usage"] = self.usage.json();
        vec![last]
    }
}

/// The ids of a conversation, for routes that show them.
pub(super) async fn rendered(app: &App, model: &str, sent: &[Value]) -> Result<Vec<u32>, Refusal> {
    let asked = messages::read(sent, None)?;
    let opened = app.hub.opened(model).await?;
    blocking(move || messages::prompt(&asked, &opened)).await?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_sorted_by_who_runs_them() {
        let function = |name: &str, parameters: Value| json!({"type": "function", "function": {"name": name, "parameters": parameters}});
        let one = json!({"type": "object", "properties": {"q": {"type": "string"}}});
        let sent = [json!({"type": "python"}), function("search", one.clone())];
        let tools = read_tools(&sent, &None).unwrap();
        assert_eq!(tools.here, [ToolKind::Python]);
        assert_eq!(tools.functions, [Function { kind: ToolKind::Search, argument: "q".into() }]);
        assert_eq!(read_tools(&sent, &Some(json!("none"))).unwrap(), Tools::default());
        for (sent, choice, expected) in [
            (json!([{"type": "search"}, {"type": "search"}]), None, "tools has search twice"),
            (json!([function("fly", one.clone())]), None, "tools[0].function.name is \"fly\""),
            (json!([function("search", json!({"properties": {}}))]), None, "tools[0].function.parameters must have one property"),
            (json!([{"type": "function"}]), None, "tools[0].type is \"function\""),
            (json!([{"type": "search", "k": 1}]), None, "tools[0]: unknown field `k`"),
            (json!([]), Some(json!("required")), "tool_choice must be auto or none"),
            (json!([]), Some(json!({"type": "function"})), "tool_choice must be auto or none"),
        ] {
            let why = read_tools(sent.as_array().unwrap(), &choice).unwrap_err().message;
            assert!(why.contains(expected), "{sent}: {why}");
        }
    }
}
