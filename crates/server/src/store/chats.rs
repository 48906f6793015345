//! Chats: title, model, settings, and which branch is shown.

use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

use super::{Database, Error, Result, now};

/// What a chat differs in from what its model's maker says. Absent is as the maker says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Sampling {
    /// 0 always takes the most likely token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Draw from the most likely tokens that have this share together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Draw from so many of the most likely tokens; 0 is all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// Leave out what is less likely than this share of the most likely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// Tokens of an answer, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<usize>,
    /// Tokens of a thought, at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thinking_tokens: Option<usize>,
    /// The random stream; without it each answer has another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

/// How a chat is answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Settings {
    /// What the assistant is told before.
    pub system: String,
    /// Whether tools are offered.
    pub tools: bool,
    /// How tokens are drawn.
    pub sampling: Sampling,
}

impl Settings {
    /// The whole system message: what the assistant is told, and the line that offers tools.
    pub fn told(&self, offered: &str) -> String {
        let lines: Vec<&str> =
            [self.system.trim(), if self.tools { offered } else { "" }].into_iter().filter(|line| !line.is_empty()).collect();
        lines.join("\n")
    }

    /// What gives this system message.
    pub fn of_told(told: &str, offered: &str) -> Settings {
        let before = told.strip_suffix(offered).filter(|before| !offered.is_empty() && (before.is_empty() || before.ends_with('\n')));
        Settings { system: before.unwrap_or(told).trim().to_string(), tools: before.is_some(), sampling: Sampling::default() }
    }
}

/// A chat without its messages.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Chat {
    /// Its number.
    pub id: i64,
    /// Its name in the list.
    pub title: String,
    /// Id of the model that answers.
    pub model: String,
    /// How it is answered.
    pub settings: Settings,
    /// The last message of the branch that is shown.
    pub leaf: Option<i64>,
    /// Milliseconds since 1970.
    pub created: i64,
    /// The same, of the last message or change.
    pub updated: i64,
}

/// A line of the list of chats.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ChatLine {
    /// Its number.
    pub id: i64,
    /// Its name.
    pub title: String,
    /// Id of the model that answers.
    pub model: String,
    /// Milliseconds since 1970, of the last message or change.
    pub updated: i64,
}

/// What is to be changed of a chat; absent stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Changes {
    /// Another name.
    pub title: Option<String>,
    /// Another model.
    pub model: Option<String>,
    /// Other settings, all of them.
    pub settings: Option<Settings>,
}

const COLUMNS: &str = "id, title, model, settings, leaf, created, updated";

fn chat_of(row: &Row<'_>) -> rusqlite::Result<Chat> {
    let settings: String = row.get(3)?;
    Ok(Chat {
        id: row.get(0)?,
        title: row.get(1)?,
        model: row.get(2)?,
        // Settings of another version are better lost than the chat with them.
        settings: serde_json::from_str(&settings).unwrap_or_default(),
        leaf: row.get(4)?,
        created: row.get(5)?,
        updated: row.get(6)?,
    })
}

pub(super) fn line_of(row: &Row<'_>) -> rusqlite::Result<ChatLine> {
    Ok(ChatLine { id: row.get(0)?, title: row.get(1)?, model: row.get(2)?, updated: row.get(3)? })
}

impl Database {
    /// A new chat without messages.
    pub fn create_chat(&mut self, title: &str, model: &str, settings: &Settings) -> Result<i64> {
        let now = now();
        let settings = serde_json::to_string(settings).expect("plain data");
        self.connection.execute(
            "INSERT INTO chats (title, model, settings, created, updated) VALUES (?1, ?2, ?3, ?4, ?4)",
            params![title, model, settings, now],
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    /// A chat without its messages.
    pub fn chat(&self, id: i64) -> Result<Chat> {
        let query = format!("SELECT {COLUMNS} FROM chats WHERE id = ?1");
        self.connection.query_row(&query, [id], chat_of).optional()?.ok_or(Error::NoChat(id))
    }

    /// The chats that changed last, so many of them, older than the time and number of a line.
    pub fn list_chats(&self, before: Option<(i64, i64)>, limit: usize) -> Result<Vec<ChatLine>> {
        let (time, id) = before.unwrap_or((i64::MAX, i64::MAX));
        let mut query = self.connection.prepare(
            "SELECT id, title, model, updated FROM chats WHERE (updated, id) < (?1, ?2) ORDER BY updated DESC, id DESC LIMIT ?3",
        )?;
        let lines = query.query_map(params![time, id, limit as i64], line_of)?;
        Ok(lines.collect::<rusqlite::Result<_>>()?)
    }

    /// Numbers of all chats, oldest first.
    pub(super) fn chat_ids(&self) -> Result<Vec<i64>> {
        let mut query = self.connection.prepare("SELECT id FROM chats ORDER BY id")?;
        let ids = query.query_map([], |row| row.get(0))?;
        Ok(ids.collect::<rusqlite::Result<_>>()?)
    }

    /// Changes what is named.
    pub fn change_chat(&mut self, id: i64, changes: &Changes) -> Result<Chat> {
        let settings = changes.settings.as_ref().map(|settings| serde_json::to_string(settings).expect("plain data"));
        let changed = self.connection.execute(
            "UPDATE chats SET title = coalesce(?2, title), model = coalesce(?3, model), settings = coalesce(?4, settings) WHERE id = ?1",
            params![id, changes.title, changes.model, settings],
        )?;
        if changed == 0 { Err(Error::NoChat(id)) } else { self.chat(id) }
    }

    /// Deletes a chat with all its messages and thumbs.
    pub fn delete_chat(&mut self, id: i64) -> Result<()> {
        match self.connection.execute("DELETE FROM chats WHERE id = ?1", [id])? {
            0 => Err(Error::NoChat(id)),
            _ => Ok(()),
        }
    }
}
