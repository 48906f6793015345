//! One answer of a chat on its way to the client: which of its tokens are words, which are calls, and whose the calls are.

use std::sync::Arc;

use engine::{Finish, TokenLogprob, ToolKind, ToolOutput};
use serde_json::{Map, Value, json};
use tokenizer::Tokenizer;
use tokenizer::chat::{AnswerReader, Read};

use super::name;
use super::stream::Usage;
use crate::hub::Event;

/// A tool that the client runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Function {
    /// Which of the model's tools it stands for; also its name.
    pub kind: ToolKind,
    /// The name of its one argument.
    pub argument: String,
}

impl Function {
    /// The arguments of a call, as OpenAI writes them.
    fn arguments(&self, input: &str) -> String {
        json!({&self.argument: input}).to_string()
    }

    /// What the model wrote, read back from such arguments.
    pub fn input(arguments: &str) -> Result<String, &'static str> {
        match serde_json::from_str::<Map<String, Value>>(arguments).ok().as_ref().map(|map| (map.len(), map.values().next())) {
            Some((1, Some(Value::String(input)))) => Ok(input.clone()),
            _ => Err("must be an object with one text in it, as the call had it"),
        }
    }
}

/// The tool of this name in requests.
pub(super) fn kind_of(name: &str) -> Option<ToolKind> {
    ToolKind::ALL.into_iter().find(|kind| key(*kind) == name)
}

/// The name of a tool in requests.
pub(super) fn key(kind: ToolKind) -> &'static str {
    match kind {
        ToolKind::Search => "search",
        ToolKind::Python => "python",
    }
}

/// An answer on its way.
pub(super) struct Choice {
    tokenizer: Arc<Tokenizer>,
    reader: AnswerReader,
    functions: Vec<Function>,
    wants_logprobs: bool,
    /// A call that nobody has answered yet. What ends an answer is the client's; what was not closed is answered by a sentence,
    /// whosever it would have been.
    open: Option<(ToolKind, String)>,
    thoughts: usize,
}

/// What an event means for the client.
#[derive(Debug, PartialEq)]
pub(super) enum Heard {
    Nothing,
    /// More of the message: a piece of OpenAI's `delta`, and tokens with their log-probabilities.
    More(Value, Vec<Value>),
    /// The end, its reason, and a last piece of the message.
    End(&'static str, Option<Value>),
}

impl Choice {
    /// An answer that has not begun.
    pub fn new(tokenizer: Arc<Tokenizer>, functions: Vec<Function>, wants_logprobs: bool) -> Choice {
        let reader = AnswerReader::new(&tokenizer);
        Choice { tokenizer, reader, functions, wants_logprobs, open: None, thoughts: 0 }
    }

    /// What is to be told, and what is to be counted.
    pub fn hear(&mut self, event: Event, usage: &mut Usage) -> Heard {
        match event {
            Event::Token { id, text, thought, logprob, top } => {
                let read = self.reader.push(&self.tokenizer, id);
                self.thoughts += usize::from(read == Read::Thought);
                let is_word = self.wants_logprobs && read == Read::Text;
                let logprobs = if is_word { vec![self.logprob(TokenLogprob { id, logprob }, &top)] } else { Vec::new() };
                words(text, thought, logprobs)
            }
            Event::Rest { text, thought } => words(text, thought, Vec::new()),
            Event::Call { tool, input } => {
                self.reader.finish(&self.tokenizer);
                self.open = Some((tool, input));
                Heard::Nothing
            }
            Event::Output(output) => self.output(&output),
            Event::Done(completion) => {
                usage.add(&completion);
                usage.thought += self.thoughts;
                let call = self.handed();
                let reason = match completion.finish {
                    _ if call.is_some() => "tool_calls",
                    Finish::Length | Finish::NoRoom { .. } => "length",
                    Finish::Stop(_) | Finish::StopText(_) | Finish::Halted => "stop",
                };
                Heard::End(reason, call)
            }
            Event::Failed(_) => Heard::Nothing, // whoever asks looks for it first
        }
    }

    /// The call that ended the answer.
    fn handed(&mut self) -> Option<Value> {
        let (tool, input) = self.open.take()?;
        let function = self.functions.iter().find(|function| function.kind == tool)?;
        let call = json!({"name": key(tool), "arguments": function.arguments(&input)});
        Some(json!({"tool_calls": [{"index": 0, "id": name("call"), "type": "function", "function": call}]}))
    }

    fn output(&mut self, output: &ToolOutput) -> Heard {
        let Some((tool, input)) = self.open.take() else { return Heard::Nothing };
        let sources: Vec<Value> = output.sources.iter().map(|source| json!({"url": source.url, "title": source.title})).collect();
        let call = json!({"tool": key(tool), "input": input, "output": output.text, "sources": sources});
        Heard::More(json!({"calls": [call]}), Vec::new())
    }

    fn logprob(&self, token: TokenLogprob, top: &[TokenLogprob]) -> Value {
        let one = |token: &TokenLogprob| {
            let bytes = self.tokenizer.token_bytes(token.id);
            json!({"token": spelling(&self.tokenizer, token.id), "logprob": finite(token.logprob), "bytes": bytes})
        };
        let mut all = one(&token);
        all["top_logprobs"] = top.iter().map(one).collect();
        all
    }
}

fn words(text: String, thought: bool, logprobs: Vec<Value>) -> Heard {
    if text.is_empty() && logprobs.is_empty() {
        return Heard::Nothing;
    }
    Heard::More(if thought { json!({"reasoning_content": text}) } else { json!({"content": text}) }, logprobs)
}

/// JSON has no infinities; OpenAI tells what is next to impossible by this number.
pub(super) fn finite(logprob: f32) -> f32 {
    logprob.max(-9999.0)
}

/// A token as a text; of one that is no text its bytes, as OpenAI writes them.
pub(super) fn spelling(tokenizer: &Tokenizer, id: u32) -> String {
    let bytes = tokenizer.token_bytes(id);
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().fold("bytes:".to_owned(), |text, byte| text + &format!("\\x{byte:02x}")),
    }
}
