//! Search in what was said, and in titles.

use rusqlite::params;
use serde::Serialize;

use super::chats::line_of;
use super::{ChatLine, Database, Result};

/// Marks around a word that was found, which no text on a page holds.
const MARKS: [char; 2] = ['\u{2}', '\u{3}'];

/// Words of a query, at most; further ones are not looked for.
const WORDS: usize = 16;

/// A chat in which something was found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Hit {
    /// The chat.
    #[serde(flatten)]
    pub chat: ChatLine,
    /// The best message; nothing where only the title fits.
    pub message: Option<i64>,
    /// What stands around the words.
    pub excerpt: Vec<Piece>,
}

/// A piece of an excerpt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Piece {
    /// What it says.
    pub text: String,
    /// Whether it was looked for.
    pub hit: bool,
}

/// A query of FTS5 for what somebody typed: every word must be there, the last one as a beginning. Nothing where no word is typed.
fn query_of(typed: &str) -> Option<String> {
    let words = typed.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| word.chars().any(char::is_alphanumeric));
    // In quotes nothing is syntax, and a quote is written twice.
    let quoted: Vec<String> = words.take(WORDS).map(|word| format!("\"{}\"", word.replace('"', "\"\""))).collect();
    (!quoted.is_empty()).then(|| format!("{}*", quoted.join(" ")))
}

/// An excerpt with marks as pieces.
fn pieces(marked: &str) -> Vec<Piece> {
    let mut hit = false;
    let mut list = Vec::new();
    for text in marked.split_inclusive(MARKS) {
        let plain = text.trim_end_matches(MARKS);
        if !plain.is_empty() {
            list.push(Piece { text: plain.to_string(), hit });
        }
        hit = text.ends_with(MARKS[0]);
    }
    list
}

impl Database {
    /// Chats that hold all the words, newest first: the words in one message, or what was typed in the title.
    pub fn search(&self, typed: &str, limit: usize) -> Result<Vec<Hit>> {
        let pattern = format!("%{}%", typed.trim().replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"));
        let mut of_title = self.connection.prepare(
            "SELECT id, title, model, updated FROM chats WHERE title LIKE ?1 ESCAPE '\\' ORDER BY updated DESC, id DESC LIMIT ?2",
        )?;
        let titles = of_title.query_map(params![pattern, limit as i64], line_of)?;
        let mut hits: Vec<Hit> =
            titles.map(|chat| Ok(Hit { chat: chat?, message: None, excerpt: Vec::new() })).collect::<rusqlite::Result<_>>()?;
        let Some(query) = query_of(typed) else { return Ok(hits) };
        // Of each chat the best message alone. `snippet` works in the query that matches and nowhere else.
        let mut of_words = self.connection.prepare(
            "WITH found AS MATERIALIZED (
               SELECT rowid AS message, rank AS score, snippet(words, 0, char(2), char(3), '…', 14) AS excerpt
               FROM words WHERE words MATCH ?1 ORDER BY rank LIMIT 1000)
             SELECT chats.id, title, chats.model, updated, found.message, found.excerpt, min(found.score)
             FROM found JOIN messages ON messages.id = found.message JOIN chats ON chats.id = messages.chat
             GROUP BY chats.id ORDER BY updated DESC, chats.id DESC LIMIT ?2",
        )?;
        let said = of_words.query_map(params![query, limit as i64], |row| {
            let excerpt: String = row.get(5)?;
            Ok(Hit { chat: line_of(row)?, message: row.get(4)?, excerpt: pieces(&excerpt) })
        })?;
        for hit in said {
            let hit = hit?;
            match hits.iter_mut().find(|title| title.chat.id == hit.chat.id) {
                Some(title) => *title = hit,
                None => hits.push(hit),
            }
        }
        hits.sort_by_key(|hit| std::cmp::Reverse((hit.chat.updated, hit.chat.id)));
        hits.truncate(limit);
        Ok(hits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_words_and_never_syntax() {
        assert_eq!(query_of("sky blue").as_deref(), Some("\"sky\" \"blue\"*"));
        assert_eq!(query_of("say \"hi\" NEAR(a b)").as_deref(), Some("\"say\" \"\"\"hi\"\"\" \"NEAR(a\" \"b)\"*"));
        assert_eq!(query_of(" * \" - \0 "), None);
        let piece = |text: &str, hit| Piece { text: text.into(), hit };
        assert_eq!(pieces("the \u{2}sky\u{3} is"), [piece("the ", false), piece("sky", true), piece(" is", false)]);
        assert_eq!(pieces("\u{2}a\u{3}"), [piece("a", true)]);
    }
}
