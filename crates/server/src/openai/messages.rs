//! Messages as OpenAI's clients send them, turned into a conversation.
//!
//! Contents are text whatever they spell. A call and what the tool said belong to the message of the assistant that called, and
//! so does the answer behind them: the model was trained on one message.

use engine::ToolKind;
use serde::Deserialize;
use serde_json::Value;
use tokenizer::chat::{ChatFormat, Conversation, Message, Part, Role};
use utoipa::ToSchema;

use super::choice::{Function, kind_of};
use crate::Refusal;
use crate::hub::Opened;

/// A message. Which fields it may have depends on its role.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Sent {
    /// `system` (or `developer`, which is the same here), `user`, `assistant` or `tool`.
    role: String,
    /// A text, or a list of parts `{"type": "text", "text": ...}`.
    content: Option<Value>,
    /// Of an assistant: what it thought before.
    reasoning_content: Option<String>,
    /// Of an assistant: calls that the client has run.
    tool_calls: Option<Vec<Value>>,
    /// Of an assistant: calls that were run here, as they came.
    calls: Option<Vec<Value>>,
    /// Of a tool: the call that it answers.
    tool_call_id: Option<String>,
    /// Only null: there are no refusals apart from what is said.
    #[schema(value_type = Object)]
    refusal: Option<Value>,
    /// Only null or empty.
    annotations: Option<Vec<Value>>,
    /// Only null.
    #[schema(value_type = Object)]
    audio: Option<Value>,
    /// Only null.
    #[schema(value_type = Object)]
    function_call: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TextPart {
    r#type: String,
    text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentCall {
    id: String,
    r#type: Option<String>,
    function: SentFunction,
    #[serde(rename = "index")]
    _index: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentFunction {
    name: String,
    arguments: String,
}

/// A call that was run here, as the answer told it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SentRun {
    tool: String,
    input: String,
    output: String,
    #[serde(rename = "sources")]
    _sources: Option<Value>,
}

/// A conversation, and whether its last message goes on instead of a new one.
pub(super) struct Asked {
    pub conversation: Conversation,
    pub goes_on: bool,
}

/// Reads messages. `offer` is a line for the system message.
pub(super) fn read(messages: &[Value], offer: Option<&str>) -> Result<Asked, Refusal> {
    if messages.is_empty() {
        return Err(Refusal::invalid(Some("messages"), "messages is empty; it needs at least one message"));
    }
    let mut reader = Reader::default();
    for (index, message) in messages.iter().enumerate() {
        let place = format!("messages[{index}]");
        let sent: Sent = typed(message, &place)?;
        reader.message(sent, &place)?;
    }
    reader.all_answered()?;
    let mut conversation = Conversation { messages: reader.messages };
    if let Some(offer) = offer {
        add_system_line(&mut conversation, offer);
    }
    Ok(Asked { conversation, goes_on: reader.after_tool })
}

/// The ids of a conversation up to where the assistant writes.
pub(super) fn prompt(asked: &Asked, model: &Opened) -> Result<Vec<u32>, Refusal> {
    let Some(format) = model.format else {
        return Err(Refusal::invalid(
            Some("model"),
            format!("the vocabulary of {:?} has no chat format that is known here; let it go on with a text: /v1/completions", model.id),
        ));
    };
    let refuse = |error: tokenizer::Error| Refusal::invalid(Some("messages"), error.to_string());
    let tokenizer = &model.folder.tokenizer;
    if !asked.goes_on {
        return format.render_prompt(&asked.conversation, tokenizer).map_err(refuse);
    }
    let mut ids = format.render(&asked.conversation, tokenizer).map_err(refuse)?.ids;
    debug_assert_eq!(format, ChatFormat::Schoolhouse, "no other format has a place for calls");
    ids.pop(); // the end of the message that goes on
    Ok(ids)
}

#[derive(Default)]
struct Reader {
    messages: Vec<Message>,
    /// Calls of the last message, by their names, each with the place of its part.
    calls: Vec<(String, usize, bool)>,
    /// Whether the last message that came was a tool's.
    after_tool: bool,
}

impl Reader {
    fn message(&mut self, sent: Sent, place: &str) -> Result<(), Refusal> {
        let role = sent.role.clone();
        if role == "tool" {
            return self.output(sent, place);
        }
        let is_assistant = role == "assistant";
        for (name, is_there) in [
            ("reasoning_content", sent.reasoning_content.is_some() && !is_assistant),
            ("tool_calls", sent.tool_calls.is_some() && !is_assistant),
            ("calls", sent.calls.is_some() && !is_assistant),
            ("tool_call_id", sent.tool_call_id.is_some()),
            ("refusal", sent.refusal.is_some()),
            ("annotations", sent.annotations.as_ref().is_some_and(|list| !list.is_empty())),
            ("audio", sent.audio.is_some()),
            ("function_call", sent.function_call.is_some()),
        ] {
            if is_there {
                return Err(refused(place, name, &format!("has no place in a message of the role {role:?}")));
            }
        }
        self.all_answered()?;
        let role = match role.as_str() {
            "system" | "developer" => Role::System,
            "user" => Role::User,
            "assistant" => return self.assistant(sent, place),
            _ => return Err(refused(place, "role", "must be system, developer, user, assistant or tool")),
        };
        let Some(content) = sent.content else { return Err(refused(place, "content", "is missing")) };
        self.after_tool = false;
        self.calls.clear();
        self.messages.push(Message::text(role, text(&content, place)?));
        Ok(())
    }

    fn assistant(&mut self, sent: Sent, place: &str) -> Result<(), Refusal> {
        if !self.after_tool {
            self.messages.push(Message { role: Role::Assistant, parts: Vec::new() });
        }
        self.after_tool = false;
        self.calls.clear();
        let parts = &mut self.messages.last_mut().expect("there is one").parts;
        parts.extend(sent.reasoning_content.filter(|text| !text.is_empty()).map(Part::Thought));
        for (number, run) in sent.calls.iter().flatten().enumerate() {
            let run: SentRun = typed(run, &format!("{place}.calls[{number}]"))?;
            let kind = kind_of(&run.tool).ok_or_else(|| refused(place, "calls", "names a tool that is not here"))?;
            parts.extend([call(kind, run.input), Part::Output(run.output)]);
        }
        let content = sent.content.as_ref().filter(|content| !content.is_null()).map(|content| text(content, place)).transpose()?;
        if content.is_none() && sent.tool_calls.is_none() && sent.calls.is_none() {
            return Err(refused(place, "content", "is missing"));
        }
        parts.extend(content.filter(|text| !text.is_empty()).map(Part::Text));
        for (number, sent) in sent.tool_calls.iter().flatten().enumerate() {
            let place = format!("{place}.tool_calls[{number}]");
            let SentCall { id, r#type, function, .. } = typed(sent, &place)?;
            if r#type.is_some_and(|kind| kind != "function") {
                return Err(refused(&place, "type", "must be function"));
            }
            let kind = kind_of(&function.name).ok_or_else(|| refused(&place, "function.name", "must be search or python"))?;
            self.calls.push((id, parts.len(), false));
            parts.push(call(kind, Function::input(&function.arguments).map_err(|why| refused(&place, "function.arguments", why))?));
        }
        Ok(())
    }

    fn output(&mut self, sent: Sent, place: &str) -> Result<(), Refusal> {
        let Some(id) = sent.tool_call_id else { return Err(refused(place, "tool_call_id", "is missing")) };
        let Some(content) = sent.content else { return Err(refused(place, "content", "is missing")) };
        let Some(number) = self.calls.iter().position(|(call, _, is_answered)| *call == id && !is_answered) else {
            return Err(refused(place, "tool_call_id", &format!("is {id:?}, and no call of the message before waits for that")));
        };
        let at = self.calls[number].1 + 1;
        self.messages.last_mut().expect("one that calls").parts.insert(at, Part::Output(text(&content, place)?));
        self.calls[number].2 = true;
        self.calls.iter_mut().filter(|(_, place, _)| *place >= at).for_each(|(_, place, _)| *place += 1);
        self.after_tool = true;
        Ok(())
    }

    fn all_answered(&self) -> Result<(), Refusal> {
        match self.calls.iter().find(|(_, _, is_answered)| !is_answered) {
            Some((id, ..)) => {
                Err(Refusal::invalid(Some("messages"), format!("the call {id:?} has no answer; a message of the role tool must follow it")))
            }
            None => Ok(()),
        }
    }
}

fn call(kind: ToolKind, input: String) -> Part {
    match kind {
        ToolKind::Search => Part::Search(input),
        ToolKind::Python => Part::Python(input),
    }
}

/// A content: a text, or parts that are texts.
fn text(content: &Value, place: &str) -> Result<String, Refusal> {
    match content {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let read = |(number, part): (usize, &Value)| {
                let place = format!("{place}.content[{number}]");
                match part.get("type").and_then(Value::as_str) {
                    Some("text") | None => {}
                    Some(other) => return Err(refused(&place, "type", &format!("is {other:?}; only text is read here"))),
                }
                let TextPart { text, r#type } = typed(part, &place)?;
                debug_assert_eq!(r#type, "text");
                Ok(text)
            };
            parts.iter().enumerate().map(read).collect()
        }
        _ => Err(refused(place, "content", "must be a text or a list of parts")),
    }
}

/// A part of the body in its type; what is wrong is told with its place.
pub(super) fn typed<T: serde::de::DeserializeOwned>(value: &Value, place: &str) -> Result<T, Refusal> {
    T::deserialize(value).map_err(|error| Refusal::invalid(Some(place), format!("{place}: {error}")))
}

fn refused(place: &str, name: &str, why: &str) -> Refusal {
    Refusal::invalid(Some(&format!("{place}.{name}")), format!("{place}.{name} {why}"))
}

fn add_system_line(conversation: &mut Conversation, line: &str) {
    match conversation.messages.first_mut() {
        Some(Message { role: Role::System, parts }) => parts.push(Part::Text(format!("\n{line}"))),
        _ => conversation.messages.insert(0, Message::text(Role::System, line)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use tokenizer::Tokenizer;

    fn spelt(messages: Value, offer: Option<&str>) -> Result<String, String> {
        let asked = read(messages.as_array().unwrap(), offer).map_err(|refusal| refusal.message)?;
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut ids = ChatFormat::Schoolhouse.render(&asked.conversation, &tokenizer).unwrap().ids;
        if asked.goes_on {
            ids.pop();
        }
        Ok(tokenizer.decode(&ids).replace("<|im_start|>", "[").replace("<|im_sep|>", ":").replace("<|im_end|>", "]"))
    }

    #[test]
    fn messages_become_a_conversation() {
        let user = json!({"role": "user", "content": "Hi"});
        for (messages, offer, expected) in [
            (json!([user]), None, "[user:Hi]"),
            (json!([user]), Some("Tools."), "[system:Tools.][user:Hi]"),
            (json!([{"role": "developer", "content": "Be."}, user]), Some("Tools."), "[system:Be.\nTools.][user:Hi]"),
            (json!([{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}]), None, "[user:ab]"),
            (
                json!([user, {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "search", "arguments": "{\"query\": \"x\"}"}},
                    {"id": "2", "type": "function", "function": {"name": "python", "arguments": "{\"code\": \"1\"}"}}]},
                    {"role": "tool", "tool_call_id": "2", "content": "one"}, {"role": "tool", "tool_call_id": "1", "content": "found"}]),
                None,
                "[user:Hi][assistant:<think>hm</think><|search_start|>x<|search_end|><|output_start|>found<|output_end|>\
                 <|python_start|>1<|python_end|><|output_start|>one<|output_end|>",
            ),
            (
                json!([user, {"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "search", "arguments": "{\"q\": \"x\"}"}}]},
                    {"role": "tool", "tool_call_id": "1", "content": "y"}, {"role": "assistant", "content": "It is y."}, user]),
                None,
                "[user:Hi][assistant:<|search_start|>x<|search_end|><|output_start|>y<|output_end|>It is y.][user:Hi]",
            ),
            (
                json!([user, {"role": "assistant", "content": "2", "calls": [{"tool": "python", "input": "1+1", "output": "2", "sources": []}]}]),
                None,
                "[user:Hi][assistant:<|python_start|>1+1<|python_end|><|output_start|>2<|output_end|>2]",
            ),
        ] {
            let found = spelt(messages.clone(), offer).unwrap();
            assert_eq!(found.strip_prefix("<|endoftext|>"), Some(expected), "{messages}");
        }
    }

    #[test]
    fn what_a_message_cannot_hold_is_refused_by_name() {
        for (messages, expected) in [
            (json!([]), "messages is empty"),
            (json!([{"role": "user"}]), "messages[0].content is missing"),
            (json!([{"role": "owner", "content": ""}]), "messages[0].role must be system"),
            (json!([{"role": "user", "content": "a", "name": "Bo"}]), "messages[0]: unknown field `name`"),
            (json!([{"role": "user", "content": 7}]), "messages[0].content must be a text"),
            (json!([{"role": "user", "content": [{"type": "image_url"}]}]), "messages[0].content[0].type is \"image_url\""),
            (json!([{"role": "user", "content": "a", "tool_calls": []}]), "messages[0].tool_calls has no place"),
            (json!([{"role": "tool", "content": "a", "tool_call_id": "7"}]), "messages[0].tool_call_id is \"7\", and no call"),
            (
                json!([{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "fly", "arguments": "{}"}}]}]),
                "messages[0].tool_calls[0].function.name must be search or python",
            ),
            (
                json!([{"role": "assistant", "tool_calls": [{"id": "1", "function": {"name": "search", "arguments": "{\"q\": \"x\"}"}}]}]),
                "the call \"1\" has no answer",
            ),
        ] {
            let why = spelt(messages.clone(), None).unwrap_err();
            assert!(why.contains(expected), "{messages}: {why}");
        }
    }
}
