//! Turns one after the other: OpenAI's `messages` and ShareGPT's `conversations`, with calls of tools.
//!
//! The two differ in their words alone. A call and its answer become parts of the assistant's turn, and what the assistant says after
//! them belongs to the same turn.

use serde_json::Value;
use tokenizer::chat::{Message, Part, Role};

type Outcome<T> = std::result::Result<T, String>;

/// OpenAI's `messages`; of a pair of answers to choose from, the chosen one.
pub fn of_messages(record: &Value) -> Outcome<Vec<Message>> {
    let list = ["messages", "chosen"].iter().find_map(|key| record[key].as_array()).ok_or("it has no list \"messages\"")?;
    let mut turns = Turns::default();
    list.iter().try_for_each(|turn| turns.push(turn))?;
    turns.finish()
}

/// ShareGPT's `conversations`, which may have `system` beside them, and a `chosen` answer as the last turn.
pub fn of_share_gpt(record: &Value) -> Outcome<Vec<Message>> {
    let list = record["conversations"].as_array().ok_or("it has no list \"conversations\"")?;
    let mut turns = Turns::default();
    if let Some(system) = record["system"].as_str().filter(|text| !text.trim().is_empty()) {
        turns.messages.push(Message::text(Role::System, system));
    }
    let chosen = record.get("chosen").filter(|turn| turn.is_object());
    list.iter().chain(chosen).try_for_each(|turn| turns.push(turn))?;
    turns.finish()
}

/// Turns so far.
#[derive(Default)]
struct Turns {
    messages: Vec<Message>,
    /// Calls that wait for an answer, with the id that it will name.
    calls: Vec<(Option<String>, Part)>,
}

impl Turns {
    fn push(&mut self, turn: &Value) -> Outcome<()> {
        let speaker = turn.get("role").or_else(|| turn.get("from")).unwrap_or(&Value::Null);
        let content = turn.get("content").or_else(|| turn.get("value")).unwrap_or(&Value::Null);
        let role = match speaker.as_str() {
            Some("system" | "developer") => Role::System,
            Some("user" | "human") => Role::User,
            Some("assistant" | "gpt" | "chatgpt" | "bing" | "bard" | "model") => Role::Assistant,
            Some("tool" | "function" | "observation") => return self.answered(turn, content),
            Some("function_call") => {
                let call: Value = read_arguments(content).ok_or("a call of a tool is not JSON")?;
                self.calls.push((None, call_of(&call)?));
                return Ok(());
            }
            _ => return Err(format!("the role {speaker} is not \"system\", \"user\" or \"assistant\"")),
        };
        self.all_are_answered()?;
        let calls = turn["tool_calls"].as_array().map(Vec::as_slice).unwrap_or_default();
        let mut parts = Vec::new();
        if let Some(thought) = turn["reasoning_content"].as_str().filter(|text| !text.is_empty()) {
            parts.push(Part::Thought(thought.to_string()));
        }
        parts.extend(parts_of(content, !calls.is_empty())?);
        for call in calls {
            self.calls.push((call["id"].as_str().map(str::to_string), call_of(&call["function"])?));
        }
        if role != Role::Assistant && (!calls.is_empty() || parts.iter().any(|part| !matches!(part, Part::Text(_)))) {
            return Err(format!("a message of the role \"{}\" holds more than text", role.name()));
        }
        match self.messages.last_mut() {
            // What is said after a tool's answer belongs to the turn that asked.
            Some(last) if role == Role::Assistant && matches!(last.parts.last(), Some(Part::Output(_))) => last.parts.extend(parts),
            _ => self.messages.push(Message { role, parts }),
        }
        Ok(())
    }

    /// A tool's answer: it stands behind its call, whatever the order in which several calls were made.
    fn answered(&mut self, turn: &Value, content: &Value) -> Outcome<()> {
        let id = turn["tool_call_id"].as_str();
        let place = self.calls.iter().position(|(of_call, _)| id.is_none() || of_call.is_none() || of_call.as_deref() == id);
        let (_, call) = self.calls.remove(place.ok_or("the answer of a tool follows no call of it")?);
        let output = match content {
            Value::String(text) => text.clone(),
            Value::Array(_) => parts_of(content, false)?
                .into_iter()
                .filter_map(|part| if let Part::Text(text) = part { Some(text) } else { None })
                .collect(),
            other => other.to_string(),
        };
        if self.messages.last().is_none_or(|last| last.role != Role::Assistant) {
            self.messages.push(Message { role: Role::Assistant, parts: Vec::new() });
        }
        let last = self.messages.last_mut().expect("there is one now");
        last.parts.extend([call, Part::Output(output)]);
        Ok(())
    }

    fn all_are_answered(&self) -> Outcome<()> {
        if self.calls.is_empty() { Ok(()) } else { Err("a call of a tool has no answer".into()) }
    }

    fn finish(self) -> Outcome<Vec<Message>> {
        self.all_are_answered()?;
        Ok(self.messages)
    }
}

/// A text, or a list of parts; nothing where a message only calls.
fn parts_of(content: &Value, calls: bool) -> Outcome<Vec<Part>> {
    match content {
        Value::String(text) if text.is_empty() && calls => Ok(Vec::new()),
        Value::Null if calls => Ok(Vec::new()),
        Value::String(text) => Ok(vec![Part::Text(text.clone())]),
        Value::Array(_) => serde_json::from_value(content.clone()).map_err(|error| format!("a part of a message: {error}")),
        _ => Err("the content of a message is neither a text nor a list of parts".into()),
    }
}

/// A call by the tool's name and its arguments.
fn call_of(call: &Value) -> Outcome<Part> {
    let name = call["name"].as_str().unwrap_or_default();
    let (key, part): (&str, fn(String) -> Part) = match name {
        "search" => ("query", Part::Search),
        "python" => ("code", Part::Python),
        _ => return Err(format!("it calls the tool {name:?}; known are search (query) and python (code)")),
    };
    let arguments = read_arguments(&call["arguments"]).unwrap_or_default();
    let argument = arguments[key].as_str().ok_or_else(|| format!("its call of {name} has no argument {key:?}"))?;
    Ok(part(argument.to_string()))
}

/// JSON that stands in a text, or by itself.
fn read_arguments(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Object(_) => Some(value.clone()),
        _ => None,
    }
}
