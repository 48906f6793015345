//! Conversations from files, in the formats that people have.
//!
//! The content of a file tells its format, JSON lines and arrays are both read, and a damaged record costs itself alone. Knows
//! nothing of tokens: what a conversation becomes is for `tokenizer::chat` to say.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokenizer::chat::{Conversation, Message, Part, Role};

use crate::{Error, Result};

mod plain;
mod trees;
mod turns;

/// A shape in which conversations are shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// OpenAI's `messages`, of `role` and `content`, with its `tool_calls`.
    Messages,
    /// ShareGPT's `conversations`, of `from` and `value`.
    ShareGpt,
    /// Alpaca's `instruction`, `input` and `output`.
    Alpaca,
    /// A tree of OpenAssistant: a `prompt` with its `replies`, and theirs.
    OpenAssistant,
    /// Anthropic's HH-RLHF: one text in `chosen`, with "Human:" and "Assistant:" before each turn.
    #[serde(rename = "hh-rlhf")]
    HhRlhf,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 5] = [Format::Messages, Format::ShareGpt, Format::Alpaca, Format::OpenAssistant, Format::HhRlhf];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Format::Messages => "messages",
            Format::ShareGpt => "sharegpt",
            Format::Alpaca => "alpaca",
            Format::OpenAssistant => "openassistant",
            Format::HhRlhf => "hh-rlhf",
        }
    }

    /// The format that a record is of, by the keys that it has.
    pub fn of(record: &Value) -> Option<Format> {
        let is = |key: &str, of_type: fn(&Value) -> bool| record.get(key).is_some_and(of_type);
        match () {
            () if is("messages", Value::is_array) => Some(Format::Messages),
            () if is("conversations", Value::is_array) => Some(Format::ShareGpt),
            () if is("chosen", Value::is_array) => Some(Format::Messages),
            () if is("prompt", Value::is_object) => Some(Format::OpenAssistant),
            () if is("chosen", Value::is_string) => Some(Format::HhRlhf),
            () if is("instruction", Value::is_string) && is("output", Value::is_string) => Some(Format::Alpaca),
            () => None,
        }
    }
}

/// Which ways through a tree of replies are conversations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Paths {
    /// From each message to the reply that people ranked first.
    #[default]
    Best,
    /// Every one that ends with an assistant's message to which no assistant answered further.
    All,
}

/// A conversation with what its file says about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredConversation {
    /// Its name, empty if the file gives none.
    pub id: String,
    /// "train", "test", or empty.
    pub split: String,
    /// What it is about, empty if the file gives none.
    pub kind: String,
    /// The turns.
    pub conversation: Conversation,
}

impl StoredConversation {
    /// The record from which [`read`] reads it again, in the format of messages: one text as a string, anything else as its parts.
    pub fn to_json(&self) -> Value {
        let message = |message: &Message| match &message.parts[..] {
            [Part::Text(text)] => json!({ "role": message.role.name(), "content": text }),
            parts => json!({ "role": message.role.name(), "content": parts }),
        };
        let messages: Vec<Value> = self.conversation.messages.iter().map(message).collect();
        json!({ "id": self.id, "split": self.split, "kind": self.kind, "messages": messages })
    }
}

/// Writes conversations as JSON lines.
///
/// # Errors
/// Where the file cannot be written.
pub fn write(path: &Path, conversations: &[StoredConversation]) -> Result<()> {
    let mut file = base::files::AtomicFile::create(path)?;
    for stored in conversations {
        writeln!(file, "{}", stored.to_json()).map_err(|source| base::Error::io(path, "write", source))?;
    }
    Ok(file.commit()?)
}

/// The content of a file of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationFile {
    /// The format that it has.
    pub format: Format,
    /// What could be read, in order.
    pub conversations: Vec<StoredConversation>,
    /// One sentence for each record that is damaged or cannot be used; it is left out.
    pub left_out: Vec<String>,
}

/// Records in which the format is looked for.
const HEAD: usize = 32;

/// Reads a file of conversations: JSON lines or a JSON array, gzip if the name ends in `.gz`.
///
/// # Errors
/// A file that cannot be read, and one whose first records are of no format that is known, where `format` names none.
pub fn read(path: &Path, format: Option<Format>, paths: Paths) -> Result<ConversationFile> {
    let mut records = base::records::read_records::<Value>(path)?;
    let head: Vec<base::Result<Value>> = records.by_ref().take(HEAD).collect();
    let whole = || head.iter().flatten();
    let format = match (format.or_else(|| whole().find_map(Format::of)), whole().next()) {
        (Some(format), _) => format,
        (None, None) => Format::Messages, // nothing to read; what is damaged is told below
        (None, Some(first)) => return Err(Error::UnknownFormat { path: path.to_path_buf(), keys: keys_of(first) }),
    };
    let mut file = ConversationFile { format, conversations: Vec::new(), left_out: Vec::new() };
    for (index, record) in head.into_iter().chain(records).enumerate() {
        match record {
            Ok(record) => match of_record(&record, format, paths) {
                Ok(conversations) => file.conversations.extend(conversations),
                Err(why) => file.left_out.push(format!("{}, record {}: {why}", path.display(), index + 1)),
            },
            Err(damage @ base::Error::Damaged { .. }) => file.left_out.push(damage.to_string()),
            Err(failure) => return Err(failure.into()),
        }
    }
    Ok(file)
}

/// The keys of a record, to be told.
fn keys_of(record: &Value) -> String {
    match record.as_object() {
        Some(object) => format!("the keys {}", object.keys().take(12).map(String::as_str).collect::<Vec<_>>().join(", ")),
        None => "no keys".into(),
    }
}

/// The conversations of a record: one, or of a tree one for each path.
///
/// # Errors
/// Why the record is left out.
pub fn of_record(record: &Value, format: Format, paths: Paths) -> std::result::Result<Vec<StoredConversation>, String> {
    let all = match format {
        Format::Messages => vec![turns::of_messages(record)?],
        Format::ShareGpt => vec![turns::of_share_gpt(record)?],
        Format::Alpaca => vec![plain::alpaca(record)?],
        Format::HhRlhf => vec![plain::hh_rlhf(record)?],
        Format::OpenAssistant => trees::paths(record, paths)?,
    };
    let first_of = |names: &[&str]| names.iter().find_map(|name| record[name].as_str()).unwrap_or_default().to_string();
    let store = |messages: Vec<Message>| {
        check(&messages)?;
        let conversation = Conversation { messages };
        Ok(StoredConversation {
            id: first_of(&["id", "prompt_id", "message_tree_id"]),
            split: first_of(&["split"]),
            kind: first_of(&["kind"]),
            conversation,
        })
    };
    all.into_iter().map(store).collect()
}

/// What holds for a conversation of every format.
fn check(messages: &[Message]) -> std::result::Result<(), String> {
    if messages.is_empty() {
        return Err("it has no messages".into());
    }
    let says_nothing = |message: &Message| message.parts.iter().all(|part| matches!(part, Part::Text(text) if text.trim().is_empty()));
    match messages.iter().any(|message| message.role == Role::Assistant && says_nothing(message)) {
        true => Err("a message of the assistant is empty".into()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
