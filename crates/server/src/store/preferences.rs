//! What people prefer: thumbs, and the pairs of answers that follow from them.

use rusqlite::params;
use serde_json::{Value, json};

use super::exchange::messages_json;
use super::{Database, Error, Result, Stored, Thumb, Tree, now};

impl Database {
    /// Sets or takes back what somebody thinks of an answer.
    pub fn set_thumb(&mut self, chat: i64, message: i64, thumb: Option<Thumb>) -> Result<()> {
        let answer = "SELECT 1 FROM messages WHERE id = ?1 AND chat = ?2 AND role = 'assistant'";
        if !self.connection.prepare(answer)?.exists([message, chat])? {
            return Err(Error::NoMessage { chat, message });
        }
        match thumb {
            Some(thumb) => self.connection.execute(
                "INSERT INTO thumbs (message, up, created) VALUES (?1, ?2, ?3)
                 ON CONFLICT (message) DO UPDATE SET up = excluded.up, created = excluded.created",
                params![message, thumb == Thumb::Up, now()],
            )?,
            None => self.connection.execute("DELETE FROM thumbs WHERE message = ?1", [message])?,
        };
        Ok(())
    }

    /// All pairs as JSON lines, in the conversational shape of preference data: `prompt`, `chosen` and `rejected` are lists of messages.
    pub fn export_preferences(&self) -> Result<String> {
        let mut query = self.connection.prepare("SELECT chat, chosen, rejected FROM preferences ORDER BY chat, chosen, rejected")?;
        let pairs = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let mut lines = String::new();
        let mut open: Option<(i64, Tree)> = None;
        for pair in pairs {
            let (chat, chosen, rejected): (i64, i64, i64) = pair?;
            if open.as_ref().is_none_or(|(of, _)| *of != chat) {
                open = Some((chat, self.tree(chat)?));
            }
            let (_, tree) = open.as_ref().expect("it was opened");
            lines.extend(pair_json(tree, chosen, rejected).map(|pair| format!("{pair}\n")));
        }
        Ok(lines)
    }
}

/// A pair, if both answers are there and say something.
fn pair_json(tree: &Tree, chosen: i64, rejected: i64) -> Option<Value> {
    let (chosen, rejected) = (tree.get(chosen)?, tree.get(rejected)?);
    let says = |answer: &Stored| Some(messages_json(None, &[answer])).filter(|messages| !messages.is_empty());
    let prompt = messages_json(chosen.told.as_deref(), &tree.path(chosen.parent));
    Some(json!({ "prompt": prompt, "chosen": says(chosen)?, "rejected": says(rejected)? }))
}
