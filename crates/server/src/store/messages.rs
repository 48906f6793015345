//! Messages as a tree: an edited question and a regenerated answer stand beside the first one.

use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use tokenizer::chat::{Part, Role};

use super::{Database, Error, Result, now};

/// A page that a tool's output rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Source {
    /// Its address.
    pub url: String,
    /// Its title.
    pub title: String,
}

/// What somebody thinks of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Thumb {
    /// Good.
    Up,
    /// Bad.
    Down,
}

/// A message that is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stored {
    /// Its number, over all chats.
    pub id: i64,
    /// What it follows; nothing before a first message.
    pub parent: Option<i64>,
    /// Who speaks: user or assistant.
    pub role: Role,
    /// What is said.
    pub parts: Vec<Part>,
    /// For each output among the parts, where it is from.
    pub sources: Vec<Vec<Source>>,
    /// Id of the model that answered.
    pub model: Option<String>,
    /// The system message that an answer was written under.
    pub told: Option<String>,
    /// How an answer ended; nothing while it is written.
    pub finish: Option<String>,
    /// Tokens of the prompt and of the answer.
    pub tokens: Option<(i64, i64)>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// What somebody thinks of it.
    pub thumb: Option<Thumb>,
}

/// A message to be kept.
#[derive(Clone, Debug)]
pub(crate) struct NewMessage {
    /// What it follows.
    pub parent: Option<i64>,
    /// Who speaks: user or assistant.
    pub role: Role,
    /// What is said so far.
    pub parts: Vec<Part>,
    /// Id of the model that answers.
    pub model: Option<String>,
    /// The system message that it answers under.
    pub told: Option<String>,
}

impl NewMessage {
    /// A question.
    pub fn question(parent: Option<i64>, text: &str) -> NewMessage {
        NewMessage { parent, role: Role::User, parts: vec![Part::Text(text.into())], model: None, told: None }
    }
}

/// What became of an answer, so far or at its end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// What is said.
    pub parts: Vec<Part>,
    /// For each output among the parts, where it is from.
    pub sources: Vec<Vec<Source>>,
    /// How it ended; nothing while it is written.
    pub finish: Option<String>,
    /// Tokens of the prompt and of the answer.
    pub tokens: Option<(i64, i64)>,
}

/// All messages of a chat, and the branch that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    /// In the order in which they were written: a parent before its children.
    pub messages: Vec<Stored>,
    /// The last message of the branch that is shown.
    pub leaf: Option<i64>,
}

impl Tree {
    /// A message by its number.
    pub fn get(&self, id: i64) -> Option<&Stored> {
        let place = self.messages.binary_search_by_key(&id, |message| message.id).ok()?;
        Some(&self.messages[place])
    }

    /// The branch that is shown, first to last.
    pub fn shown(&self) -> Vec<&Stored> {
        self.path(self.leaf)
    }

    /// The messages from the first one to this one.
    pub fn path(&self, last: Option<i64>) -> Vec<&Stored> {
        let mut path: Vec<&Stored> = std::iter::successors(last.and_then(|id| self.get(id)), |message| self.get(message.parent?)).collect();
        path.reverse();
        path
    }

    /// Numbers of the messages that follow this one, oldest first.
    pub fn children(&self, parent: Option<i64>) -> impl Iterator<Item = i64> {
        self.messages.iter().filter(move |message| message.parent == parent).map(|message| message.id)
    }

    /// Messages that nothing follows.
    pub fn leaves(&self) -> impl Iterator<Item = i64> {
        let parents: std::collections::HashSet<i64> = self.messages.iter().filter_map(|message| message.parent).collect();
        self.messages.iter().map(|message| message.id).filter(move |id| !parents.contains(id))
    }

    /// The newest end below a message.
    pub fn newest_below(&self, id: i64) -> i64 {
        let mut last = id;
        while let Some(child) = self.children(Some(last)).last() {
            last = child;
        }
        last
    }
}

const COLUMNS: &str =
    "messages.id, parent, role, parts, sources, model, told, finish, prompt_tokens, completion_tokens, messages.created, up";

fn stored_of(row: &Row<'_>) -> rusqlite::Result<Result<Stored>> {
    let message: i64 = row.get(0)?;
    let damaged = |why: serde_json::Error| Error::Damaged { message, why: why.to_string() };
    let (role, parts, sources): (String, String, String) = (row.get(2)?, row.get(3)?, row.get(4)?);
    let tokens = row.get::<_, Option<i64>>(8)?.zip(row.get(9)?);
    let (parent, model, told, finish, created) = (row.get(1)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(10)?);
    let thumb = row.get::<_, Option<bool>>(11)?.map(|up| if up { Thumb::Up } else { Thumb::Down });
    let role = if role == "user" { Role::User } else { Role::Assistant };
    let read = |parts: &str, sources: &str| Ok((serde_json::from_str(parts)?, serde_json::from_str(sources)?));
    Ok(read(&parts, &sources).map_err(damaged).map(|(parts, sources)| Stored {
        id: message,
        parent,
        role,
        parts,
        sources,
        model,
        told,
        finish,
        tokens,
        created,
        thumb,
    }))
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data")
}

/// Adds a message behind another of the same chat.
pub(super) fn insert(connection: &Connection, chat: i64, message: &NewMessage) -> Result<i64> {
    connection.execute(
        "INSERT INTO messages (chat, parent, role, parts, model, told, created) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![chat, message.parent, message.role.name(), json(&message.parts), message.model, message.told, now()],
    )?;
    Ok(connection.last_insert_rowid())
}

impl Database {
    /// All messages of a chat.
    pub fn tree(&self, chat: i64) -> Result<Tree> {
        let leaf = self.chat(chat)?.leaf;
        let query =
            format!("SELECT {COLUMNS} FROM messages LEFT JOIN thumbs ON message = messages.id WHERE chat = ?1 ORDER BY messages.id");
        let mut query = self.connection.prepare(&query)?;
        let messages = query.query_map([chat], stored_of)?.map(|row| row?).collect::<Result<_>>()?;
        Ok(Tree { messages, leaf })
    }

    /// Refuses a message that is not of this chat.
    fn check_message(&self, chat: i64, message: i64) -> Result<()> {
        let query = "SELECT 1 FROM messages WHERE id = ?1 AND chat = ?2";
        let found = self.connection.query_row(query, [message, chat], |_| Ok(())).optional()?;
        found.ok_or(Error::NoMessage { chat, message })
    }

    /// Adds a message, and shows it.
    pub fn add_message(&mut self, chat: i64, message: &NewMessage) -> Result<i64> {
        self.chat(chat)?;
        message.parent.map_or(Ok(()), |parent| self.check_message(chat, parent))?;
        let transaction = self.connection.transaction()?;
        let id = insert(&transaction, chat, message)?;
        transaction.execute("UPDATE chats SET leaf = ?2, updated = ?3 WHERE id = ?1", params![chat, id, now()])?;
        transaction.commit()?;
        Ok(id)
    }

    /// Keeps what an answer is so far, or at its end. Where the chat was deleted meanwhile, nothing is kept.
    pub fn keep_answer(&mut self, id: i64, answer: &Answer) -> Result<()> {
        let (prompt, completion) = answer.tokens.unzip();
        self.connection.execute(
            "UPDATE messages SET parts = ?2, sources = ?3, finish = ?4, prompt_tokens = ?5, completion_tokens = ?6 WHERE id = ?1",
            params![id, json(&answer.parts), json(&answer.sources), answer.finish, prompt, completion],
        )?;
        Ok(())
    }

    /// Takes a message out again, with what follows it; what it followed is shown then, if it was shown itself.
    pub fn remove_message(&mut self, chat: i64, id: i64) -> Result<()> {
        self.check_message(chat, id)?;
        let transaction = self.connection.transaction()?;
        transaction
            .execute("UPDATE chats SET leaf = (SELECT parent FROM messages WHERE id = ?2) WHERE id = ?1 AND leaf = ?2", [chat, id])?;
        transaction.execute("DELETE FROM messages WHERE id = ?1", [id])?;
        transaction.commit()?;
        Ok(())
    }

    /// Shows the branch through a message: down to the newest end below it.
    pub fn show(&mut self, chat: i64, message: i64) -> Result<()> {
        self.check_message(chat, message)?;
        let leaf = self.tree(chat)?.newest_below(message);
        self.connection.execute("UPDATE chats SET leaf = ?2 WHERE id = ?1", [chat, leaf])?;
        Ok(())
    }

    /// Answers that nobody writes any more have ended; those without a word are taken out.
    pub(super) fn close_unfinished(&mut self) -> Result<()> {
        let transaction = self.connection.transaction()?;
        let empty = "SELECT id FROM messages WHERE role = 'assistant' AND finish IS NULL AND parts = '[]'";
        transaction
            .execute(&format!("UPDATE chats SET leaf = (SELECT parent FROM messages WHERE id = leaf) WHERE leaf IN ({empty})"), [])?;
        transaction.execute(&format!("DELETE FROM messages WHERE id IN ({empty})"), [])?;
        transaction.execute("UPDATE messages SET finish = 'stopped' WHERE role = 'assistant' AND finish IS NULL", [])?;
        transaction.commit()?;
        Ok(())
    }
}
