//! `POST /v1/completions`: texts and ids, continued as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{Completion, Finish, Request, TokenLogprob};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenizer::{Characters, Tokenizer};
use utoipa::ToSchema;

use super::choice::{finite, spelling};
use super::stream::{Pieces, Usage, stream};
use super::wishes::{MOST_TOP, Stop, StreamOptions, Wishes, check_stream, only};
use super::{name, now};
use crate::hub::{Answers, Event, Lease, Manner, blocking};
use crate::{App, JsonBody, Refusal};

/// Tokens of an answer where nothing else is said, as OpenAI has it.
const MAX_TOKENS: usize = 16;

/// What is to be continued.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "`prompt` must be a text, a list of texts, a list of ids, or a list of lists of ids")]
enum Prompt {
    /// A text, as it stands at the beginning of a document.
    Text(String),
    /// Several.
    Texts(Vec<String>),
    /// Ids, as they are.
    Ids(Vec<u32>),
    /// Several such lists.
    IdLists(Vec<Vec<u32>>),
}

/// What is asked of a continuation.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct CompletionRequest {
    /// One of `/v1/models`.
    model: String,
    /// What is to be continued; the beginning of a document where it is not given.
    prompt: Option<Prompt>,
    /// Tokens of the answer, at most; 16 where it is not given.
    max_tokens: Option<usize>,
    /// Whether the answer begins with the prompt.
    echo: Option<bool>,
    /// Tokens come with their log-probabilities, and with so many of the most likely ones.
    logprobs: Option<usize>,
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
    /// Answers for each prompt.
    n: Option<usize>,
    /// Only as many as `n`: all that are drawn are given.
    best_of: Option<usize>,
    /// Whether the answer comes as it is written.
    stream: Option<bool>,
    /// What comes with the stream.
    stream_options: Option<StreamOptions>,
    /// A name for whoever asks; nothing is done with it.
    #[serde(rename = "user")]
    _user: Option<String>,
    /// Only null: there is no filling in.
    #[schema(value_type = Object)]
    suffix: Option<Value>,
}

/// Continues texts.
#[utoipa::path(
    post,
    path = "/v1/completions",
    request_body = CompletionRequest,
    responses(
        (status = 200, description = "OpenAI's text_completion, or a stream of pieces of it", body = Value),
        (status = 400, description = "Something is asked that is not done here, or the prompt does not fit", body = Value),
        (status = 404, description = "There is no such model", body = Value),
        (status = 429, description = "Too much at once", body = Value),
        (status = 503, description = "No memory for this model now", body = Value),
    )
)]
pub(super) async fn complete(State(app): State<Arc<App>>, JsonBody(body): JsonBody<CompletionRequest>) -> Result<Response, Refusal> {
    let is_stream = body.stream == Some(true);
    let with_usage = check_stream(is_stream, &body.stream_options)?;
    body.check()?;
    let look = Look { echo: body.echo == Some(true), logprobs: body.logprobs };
    let max_tokens = body.max_tokens.unwrap_or(MAX_TOKENS);
    let lease = Arc::new(app.hub.model(&body.model).await?);
    let (sent, wishes) = body.split();
    let model = lease.clone();
    let prompts = blocking(move || read_prompts(sent, &model)).await??;
    let room = max_tokens.min(1); // echoed alone, a prompt may fill the context
    if let Some(long) = prompts.iter().find(|prompt| prompt.ids.len() + room > lease.context) {
        return Err(Refusal::too_long(long.ids.len(), lease.context).at("prompt"));
    }
    let mut requests = Vec::new();
    for (index, prompt) in prompts.iter().enumerate() {
        let first = index * wishes.answers()?;
        requests.extend(wishes.requests(&prompt.ids, max_tokens, &lease.folder.sampling, &lease.folder.document_ends(), first)?);
    }
    let prompt_logprobs = look.echo && look.logprobs.is_some();
    let with_logprobs = |request| Request { prompt_logprobs, top_logprobs: look.logprobs.unwrap_or(0), ..request };
    let requests: Vec<Request> = requests.into_iter().map(with_logprobs).collect();
    let n = wishes.answers()?;
    let answers = Answers::new(lease.submit_all(requests, Manner::Raw).await?);
    let head = Head { id: name("cmpl"), created: now(), model: lease.id.clone() };
    let usage = Usage { prompt: prompts.iter().map(|prompt| prompt.ids.len()).sum(), ..Usage::default() };
    let texts = Texts { tokenizer: lease.folder.tokenizer.clone(), prompts, n, look };
    match is_stream {
        true => Ok(stream(answers, Chunks { head, offsets: vec![0; texts.prompts.len() * n], texts, usage, with_usage })),
        false => whole(answers, &head, &texts, usage).await.map(|answer| Json(answer).into_response()),
    }
}

impl CompletionRequest {
    fn check(&self) -> Result<(), Refusal> {
        only("suffix", &self.suffix, &[])?;
        if self.best_of.is_some_and(|best_of| best_of != self.n.unwrap_or(1)) {
            return Err(Refusal::invalid(Some("best_of"), "best_of must be n: all answers that are drawn are given"));
        }
        if let Some(top) = self.logprobs.filter(|&top| top > MOST_TOP) {
            return Err(Refusal::invalid(Some("logprobs"), format!("logprobs is {top}; it may be {MOST_TOP}")));
        }
        if self.stream == Some(true) && self.echo == Some(true) && self.logprobs.is_some() {
            let message = "echo with logprobs is not streamed: what the prompt's tokens are worth is known at the end; set stream to false";
            return Err(Refusal::invalid(Some("echo"), message));
        }
        Ok(())
    }

    fn split(self) -> (Prompt, Wishes) {
        let wishes = Wishes {
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
        };
        (self.prompt.unwrap_or(Prompt::Text(String::new())), wishes)
    }
}

/// A prompt as it came, and as the model reads it.
struct Read {
    text: String,
    ids: Vec<u32>,
}

fn read_prompts(sent: Prompt, model: &Lease) -> Result<Vec<Read>, Refusal> {
    let tokenizer = &model.folder.tokenizer;
    let text = |text: String| Ok(Read { ids: model.folder.prompt(&text), text });
    let ids = |ids: Vec<u32>| match ids.iter().find(|&&id| id as usize >= tokenizer.vocab_size()) {
        Some(id) => {
            let message = format!("prompt holds the id {id}, and the model knows only {} ids", tokenizer.vocab_size());
            Err(Refusal::invalid(Some("prompt"), message))
        }
        None if ids.is_empty() => Err(Refusal::invalid(Some("prompt"), "prompt is a list of no ids; it needs at least one")),
        None => Ok(Read { text: tokenizer.decode(&ids), ids }),
    };
    let prompts: Vec<Read> = match sent {
        Prompt::Text(one) => vec![text(one)?],
        Prompt::Texts(list) => list.into_iter().map(text).collect::<Result<_, Refusal>>()?,
        Prompt::Ids(one) => vec![ids(one)?],
        Prompt::IdLists(lists) => lists.into_iter().map(ids).collect::<Result<_, _>>()?,
    };
    if prompts.is_empty() {
        return Err(Refusal::invalid(Some("prompt"), "prompt is an empty list; it needs at least one text"));
    }
    Ok(prompts)
}

/// How answers are shown.
#[derive(Clone, Copy)]
struct Look {
    echo: bool,
    logprobs: Option<usize>,
}

/// What the answers belong to.
struct Texts {
    tokenizer: Arc<Tokenizer>,
    prompts: Vec<Read>,
    /// Answers for each.
    n: usize,
    look: Look,
}

impl Texts {
    fn prompt(&self, index: usize) -> &Read {
        &self.prompts[index / self.n]
    }

    /// A whole answer.
    fn choice(&self, index: usize, completion: &Completion) -> Value {
        let prompt = self.prompt(index);
        let echoed = if self.look.echo { prompt.text.as_str() } else { "" };
        let logprobs = self.look.logprobs.map(|top| {
            let mut list = TokenList::new(&self.tokenizer, top, 0);
            if self.look.echo {
                list.prompt(&prompt.ids, completion);
            }
            list.answer(completion);
            list.json()
        });
        json!({
            "index": index, "text": format!("{echoed}{}", completion.text), "logprobs": logprobs,
            "finish_reason": reason(completion.finish),
        })
    }
}

fn reason(finish: Finish) -> &'static str {
    match finish {
        Finish::Length | Finish::NoRoom { .. } => "length",
        Finish::Stop(_) | Finish::StopText(_) | Finish::Halted => "stop",
    }
}

/// Tokens with what they are worth, in the lists that this route has for them.
struct TokenList<'a> {
    tokenizer: &'a Tokenizer,
    n_top: usize,
    characters: Characters,
    offset: usize,
    tokens: Vec<String>,
    logprobs: Vec<Option<f32>>,
    top: Vec<Option<Map<String, Value>>>,
    offsets: Vec<usize>,
}

impl<'a> TokenList<'a> {
    fn new(tokenizer: &'a Tokenizer, n_top: usize, offset: usize) -> TokenList<'a> {
        let (characters, tokens, logprobs, top, offsets) = Default::default();
        TokenList { tokenizer, n_top, characters, offset, tokens, logprobs, top, offsets }
    }

    fn push(&mut self, id: u32, worth: Option<(f32, &[TokenLogprob])>) {
        self.tokens.push(spelling(self.tokenizer, id));
        self.offsets.push(self.offset);
        self.offset += self.characters.push(self.tokenizer.token_bytes(id)).chars().count();
        self.logprobs.push(worth.map(|(logprob, _)| finite(logprob)));
        self.top.push(worth.map(|(logprob, top)| {
            // The token itself is there too, likely or not, as OpenAI has it.
            let all = top.iter().copied().chain([TokenLogprob { id, logprob }]);
            all.map(|token| (spelling(self.tokenizer, token.id), json!(finite(token.logprob)))).collect()
        }));
    }

    /// The tokens of a prompt; nothing stands before the first.
    fn prompt(&mut self, ids: &[u32], completion: &Completion) {
        for (at, &id) in ids.iter().enumerate() {
            let worth = at.checked_sub(1).and_then(|before| Some((*completion.prompt_logprobs.get(before)?, before)));
            let top = |before: usize| completion.prompt_top_logprobs.get(before).map_or(&[][..], |top| top);
            self.push(id, worth.map(|(logprob, before)| (logprob, top(before))));
        }
    }

    /// The tokens of an answer, that which ended it among them.
    fn answer(&mut self, completion: &Completion) {
        let end = match completion.finish {
            Finish::Stop(id) => Some(id),
            _ => None,
        };
        for (at, (&id, &logprob)) in completion.ids.iter().chain(&end).zip(&completion.logprobs).enumerate() {
            self.push(id, Some((logprob, completion.top_logprobs.get(at).map_or(&[][..], |top| top))));
        }
    }

    fn json(self) -> Value {
        let top = if self.n_top > 0 { json!(self.top) } else { Value::Null };
        json!({"tokens": self.tokens, "token_logprobs": self.logprobs, "top_logprobs": top, "text_offset": self.offsets})
    }
}

/// What stands in every piece.
struct Head {
    id: String,
    created: u64,
    model: String,
}

impl Head {
    fn json(&self, choices: Vec<Value>) -> Value {
        json!({"id": self.id, "object": "text_completion", "created": self.created, "model": self.model, "choices": choices})
    }
}

async fn whole(mut answers: Answers, head: &Head, texts: &Texts, mut usage: Usage) -> Result<Value, Refusal> {
    let mut choices = vec![Value::Null; texts.prompts.len() * texts.n];
    while let Some((index, event)) = answers.next().await {
        match event {
            Event::Failed(refusal) => return Err(refusal),
            Event::Done(completion) => {
                usage.add(&completion);
                choices[index] = texts.choice(index, &completion);
            }
            _ => {}
        }
    }
    let mut answer = head.json(choices);
    answer["usage"] = usage.json();
    Ok(answer)
}

/// The pieces of a stream.
struct Chunks {
    head: Head,
    texts: Texts,
    /// Characters of each answer so far.
    offsets: Vec<usize>,
    usage: Usage,
    with_usage: bool,
}

impl Chunks {
    fn chunk(&self, index: usize, text: &str, logprobs: Value, reason: Option<&str>) -> Value {
        let mut chunk = self.head.json(vec![json!({"index": index, "text": text, "logprobs": logprobs, "finish_reason": reason})]);
        if self.with_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }
}

impl Pieces for Chunks {
    fn begin(&mut self) -> Vec<Value> {
        let echoed = (0..self.offsets.len()).filter(|_| self.texts.look.echo);
        echoed.map(|index| self.chunk(index, &self.texts.prompt(index).text, Value::Null, None)).collect()
    }

    fn hear(&mut self, index: usize, event: Event) -> Vec<Value> {
        match event {
            Event::Token { id, text, logprob, top, .. } => {
                let offset = self.offsets[index];
                self.offsets[index] += text.chars().count();
                let logprobs = self.texts.look.logprobs.map_or(Value::Null, |n_top| {
                    let mut list = TokenList::new(&self.texts.tokenizer, n_top, offset);
                    list.push(id, Some((logprob, &top)));
                    list.json()
                });
                if text.is_empty() && logprobs.is_null() { Vec::new() } else { vec![self.chunk(index, &text, logprobs, None)] }
            }
            Event::Rest { text, .. } => vec![self.chunk(index, &text, Value::Null, None)],
            Event::Done(completion) => {
                self.usage.add(&completion);
                vec![self.chunk(index, "", Value::Null, Some(reason(completion.finish)))]
            }
            _ => Vec::new(),
        }
    }

    fn end(&mut self) -> Vec<Value> {
        if !self.with_usage {
            return Vec::new();
        }
        let mut last = self.head.json(Vec::new());
        last["usage"] = self.usage.json();
        vec![last]
    }
}
