//! Chats as JSON lines, out and in: the shapes in which others keep conversations.
//!
//! Out goes OpenAI's `messages`, with tool calls as its clients have them. In comes every format that fine-tuning reads.

use rusqlite::params;
use serde_json::{Value, json};
use tasks::conversations::{Format, Paths, StoredConversation};
use tokenizer::chat::{Message, Part, Role};

use super::{Database, NewMessage, Result, Settings, Stored, messages, now};

/// Which branches of a chat are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Branches {
    /// The one that is shown.
    #[default]
    Shown,
    /// Each as a conversation of its own.
    All,
}

/// What an import did.
#[derive(Debug, Default, PartialEq, serde::Serialize)]
pub(crate) struct Imported {
    /// Numbers of the new chats.
    pub chats: Vec<i64>,
    /// A sentence for each line that was left out, at most [`TOLD`] of them.
    pub left_out: Vec<String>,
    /// How many were left out.
    pub n_left_out: usize,
}

/// So many lines that were left out are told.
const TOLD: usize = 20;

/// Conversations of an import, at most.
const IMPORTED: usize = 100_000;

/// Messages of an imported conversation, at most.
const MESSAGES: usize = 10_000;

/// Messages in OpenAI's shape, the system message first. An answer that calls tools becomes several; one in which nothing is said is left
/// out with nothing in its place.
pub(super) fn messages_json(system: Option<&str>, path: &[&Stored]) -> Vec<Value> {
    let told = system.filter(|text| !text.is_empty()).map(|text| json!({ "role": "system", "content": text }));
    told.into_iter().chain(path.iter().flat_map(|message| message_json(message))).collect()
}

fn message_json(message: &Stored) -> Vec<Value> {
    if message.role == Role::User {
        let text: String = message.parts.iter().map(Part::words).collect();
        return vec![json!({ "role": "user", "content": text })];
    }
    let parts = answered(&message.parts);
    let mut writer = TurnWriter::default();
    if parts.iter().all(|part| writer.push(part)) { writer.finish() } else { vec![json!({ "role": "assistant", "content": parts })] }
}

/// An answer's parts without calls that nobody answered (it ended there), outputs that answer nothing, and words that say nothing.
fn answered(parts: &[Part]) -> Vec<Part> {
    let is_call = |part: &Part| matches!(part, Part::Search(_) | Part::Python(_));
    let is_output = |part: &Part| matches!(part, Part::Output(_));
    let stays = |index: usize| match &parts[index] {
        Part::Search(_) | Part::Python(_) => parts.get(index + 1).is_some_and(is_output),
        Part::Output(_) => index > 0 && is_call(&parts[index - 1]),
        Part::Text(words) | Part::Thought(words) => !words.is_empty(),
    };
    (0..parts.len()).filter(|&index| stays(index)).map(|index| parts[index].clone()).collect()
}

/// Writes an answer as OpenAI's messages: what is thought, said and called, then what the tool says, and so on.
#[derive(Default)]
struct TurnWriter {
    done: Vec<Value>,
    thought: String,
    text: String,
    calls: usize,
}

impl TurnWriter {
    /// Adds a part. Gives false where this shape has no place for it: a thought behind words.
    fn push(&mut self, part: &Part) -> bool {
        match part {
            Part::Thought(_) if !self.text.is_empty() => return false,
            Part::Thought(words) => self.thought += words,
            Part::Text(words) => self.text += words,
            Part::Search(query) => self.call("search", json!({ "query": query })),
            Part::Python(code) => self.call("python", json!({ "code": code })),
            Part::Output(words) => {
                self.done.push(json!({ "role": "tool", "tool_call_id": format!("call_{}", self.calls), "content": words }))
            }
        }
        true
    }

    fn call(&mut self, name: &str, arguments: Value) {
        self.calls += 1;
        let function = json!({ "name": name, "arguments": arguments.to_string() });
        let call = json!({ "id": format!("call_{}", self.calls), "type": "function", "function": function });
        let mut message = self.message();
        message["tool_calls"] = json!([call]);
        self.done.push(message);
    }

    /// What was thought and said since the last one.
    fn message(&mut self) -> Value {
        let mut message = json!({ "role": "assistant", "content": std::mem::take(&mut self.text) });
        let thought = std::mem::take(&mut self.thought);
        if !thought.is_empty() {
            message["reasoning_content"] = json!(thought);
        }
        message
    }

    fn finish(mut self) -> Vec<Value> {
        if !self.text.is_empty() || !self.thought.is_empty() {
            let last = self.message();
            self.done.push(last);
        }
        self.done
    }
}

impl Database {
    /// A chat, or all of them, as JSON lines. `offered` is the line of a system message that offers tools.
    pub fn export_chats(&self, chat: Option<i64>, branches: Branches, offered: &str) -> Result<String> {
        let ids = chat.map_or_else(|| self.chat_ids(), |id| Ok(vec![id]))?;
        let mut lines = String::new();
        for id in ids {
            let (chat, tree) = (self.chat(id)?, self.tree(id)?);
            let ends: Vec<Option<i64>> = match branches {
                Branches::Shown => vec![tree.leaf],
                Branches::All => tree.leaves().map(Some).collect(),
            };
            for end in ends {
                let path = tree.path(end);
                let told = path.iter().rev().find_map(|message| message.told.clone());
                let system = told.unwrap_or_else(|| chat.settings.told(offered));
                let messages = messages_json(Some(&system), &path);
                if path.is_empty() || messages.is_empty() {
                    continue;
                }
                let name = end.filter(|_| branches == Branches::All).map_or(format!("chat-{id}"), |end| format!("chat-{id}-{end}"));
                lines += &json!({ "id": name, "title": chat.title, "model": chat.model, "messages": messages }).to_string();
                lines.push('\n');
            }
        }
        Ok(lines)
    }

    /// Takes in JSON lines, or a JSON array, of conversations in any format that fine-tuning reads: each becomes a chat that `model`
    /// goes on with, all in one transaction. A record that cannot be used costs itself alone.
    pub fn import_chats(&mut self, text: &str, model: &str, offered: &str) -> Result<Imported> {
        let mut imported = Imported::default();
        let transaction = self.connection.transaction()?;
        for (index, record) in records(text).enumerate() {
            let outcome = record.and_then(|record| conversations(&record));
            let all = match outcome {
                Ok(_) if imported.chats.len() >= IMPORTED => Err(format!("more than {IMPORTED} conversations at once")),
                outcome => outcome,
            };
            match all {
                Ok(all) => {
                    for (title, stored) in all {
                        imported.chats.push(import(&transaction, &title, &stored, model, offered)?);
                    }
                }
                Err(why) => {
                    imported.n_left_out += 1;
                    if imported.left_out.len() < TOLD {
                        imported.left_out.push(format!("record {}: {why}", index + 1));
                    }
                }
            }
        }
        transaction.commit()?;
        Ok(imported)
    }
}

/// The records of a text: the elements of one array, or a line each.
fn records(text: &str) -> Box<dyn Iterator<Item = std::result::Result<Value, String>> + '_> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if text.starts_with('[') {
        return match serde_json::from_str::<Vec<Value>>(text) {
            Ok(records) => Box::new(records.into_iter().map(Ok)),
            Err(error) => Box::new(std::iter::once(Err(format!("the array is not JSON: {error}")))),
        };
    }
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    Box::new(lines.map(|line| serde_json::from_str(line).map_err(|error| format!("it is not JSON: {error}"))))
}

/// The conversations of a record, each with its title.
fn conversations(record: &Value) -> std::result::Result<Vec<(String, StoredConversation)>, String> {
    let format = Format::of(record).ok_or("it has none of the keys by which a conversation is known, such as \"messages\"")?;
    let all = tasks::conversations::of_record(record, format, Paths::Best)?;
    for stored in &all {
        let messages = &stored.conversation.messages;
        if messages.len() > MESSAGES {
            return Err(format!("it has more than {MESSAGES} messages"));
        }
        if messages.iter().skip(1).any(|message| message.role == Role::System) {
            return Err("a system message stands behind others".into());
        }
    }
    let title = |stored: &StoredConversation| match record["title"].as_str().map(str::trim) {
        Some(title) if !title.is_empty() => title_of(title),
        _ => title_of(first_words(&stored.conversation.messages)),
    };
    Ok(all.into_iter().map(|stored| (title(&stored), stored)).collect())
}

fn first_words(messages: &[Message]) -> &str {
    let first = messages.iter().find(|message| message.role == Role::User).or(messages.first());
    first.and_then(|message| message.parts.first()).map_or("", Part::words)
}

/// Characters of a title, at most.
const TITLE: usize = 60;

/// The beginning of a text in one line, cut behind a word.
pub(crate) fn title_of(text: &str) -> String {
    let mut title = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        let room = TITLE.saturating_sub(title.chars().count() + 1);
        if word.chars().count() > room {
            if title.is_empty() {
                title.extend(word.chars().take(TITLE));
            }
            title.push('…');
            break;
        }
        title += if title.is_empty() { "" } else { " " };
        title += word;
    }
    if title.is_empty() { "Untitled".into() } else { title }
}

/// Writes a conversation as a chat without branches.
fn import(connection: &rusqlite::Connection, title: &str, stored: &StoredConversation, model: &str, offered: &str) -> Result<i64> {
    let mut turns = &stored.conversation.messages[..];
    let mut settings = Settings::default();
    if let [Message { role: Role::System, parts }, rest @ ..] = turns {
        settings = Settings::of_told(&parts.iter().map(Part::words).collect::<String>(), offered);
        turns = rest;
    }
    let told = settings.told(offered);
    connection.execute(
        "INSERT INTO chats (title, model, settings, created, updated) VALUES (?1, ?2, ?3, ?4, ?4)",
        params![title, model, serde_json::to_string(&settings).expect("plain data"), now()],
    )?;
    let chat = connection.last_insert_rowid();
    let mut last = None;
    for Message { role, parts } in turns {
        let told = (*role == Role::Assistant).then(|| told.clone());
        let id = messages::insert(connection, chat, &NewMessage { parent: last, role: *role, parts: parts.clone(), model: None, told })?;
        let outputs = parts.iter().filter(|part| matches!(part, Part::Output(_))).count();
        if *role == Role::Assistant {
            let sources = serde_json::to_string(&vec![Vec::<u8>::new(); outputs]).expect("plain data");
            connection.execute("UPDATE messages SET sources = ?2, finish = 'imported' WHERE id = ?1", params![id, sources])?;
        }
        last = Some(id);
    }
    connection.execute("UPDATE chats SET leaf = ?2 WHERE id = ?1", params![chat, last])?;
    Ok(chat)
}
