//! The tables, and how a file of an earlier version becomes one of today's.
//!
//! A file's version is its `user_version`: how many of these steps it has seen. A step that was released is never changed; what is
//! new is a further step.
//!
//! Labels and votes come as further steps in the same file, beside these tables: a label is about a message (`message REFERENCES
//! messages`), a vote about two of them with the same parent (`left`, `right`, `verdict`, `voter`), each with its own time; so a chat
//! that is deleted takes its labels and votes with it, and the view `preferences` gains a `UNION ALL` for what votes say.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{Error, Result};

/// The steps, first to last.
const STEPS: [&str; 2] = [CHATS, WORDS];

/// Chats, their messages and thumbs. A message's parent is what it answers or follows: editing and regenerating make siblings.
/// `chats.leaf` is the last message of the branch that is shown. An answer's `told` is the system message that it was written under, and
/// `sources` has a list for each tool output among its `parts`. Of two answers to the same, a thumb up is preferred to a thumb down,
/// and to one without that was regenerated before it.
const CHATS: &str = "
CREATE TABLE chats (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  title TEXT NOT NULL,
  model TEXT NOT NULL,
  settings TEXT NOT NULL,
  leaf INTEGER REFERENCES messages (id) ON DELETE SET NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL
);
CREATE INDEX chats_by_time ON chats (updated DESC, id DESC);
CREATE INDEX chats_by_leaf ON chats (leaf);
CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  chat INTEGER NOT NULL REFERENCES chats (id) ON DELETE CASCADE,
  parent INTEGER REFERENCES messages (id) ON DELETE CASCADE,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant')),
  parts TEXT NOT NULL,
  sources TEXT NOT NULL DEFAULT '[]',
  model TEXT,
  told TEXT,
  finish TEXT,
  prompt_tokens INTEGER,
  completion_tokens INTEGER,
  created INTEGER NOT NULL
);
CREATE INDEX messages_by_chat ON messages (chat, parent, id);
CREATE INDEX messages_by_parent ON messages (parent);
CREATE TABLE thumbs (
  message INTEGER PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
  up INTEGER NOT NULL CHECK (up IN (0, 1)),
  created INTEGER NOT NULL
);
CREATE VIEW preferences AS
  SELECT good.chat AS chat, good.parent AS parent, good.id AS chosen, bad.id AS rejected, liked.created AS created
  FROM thumbs AS liked
  JOIN messages AS good ON good.id = liked.message AND liked.up = 1 AND good.role = 'assistant'
  JOIN messages AS bad ON bad.parent = good.parent AND bad.id <> good.id AND bad.role = 'assistant'
  LEFT JOIN thumbs AS other ON other.message = bad.id
  WHERE other.up = 0 OR (other.up IS NULL AND bad.id < good.id);
";

/// An index of what was said, kept by the database itself. What tools said is not in it.
const WORDS: &str = "
CREATE VIRTUAL TABLE words USING fts5 (text, tokenize = \"unicode61 remove_diacritics 2\");
CREATE VIEW said AS
  SELECT messages.id AS id, coalesce(group_concat(
    coalesce(json_extract(part.value, '$.text'), json_extract(part.value, '$.query'), json_extract(part.value, '$.code')), char(10)
  ), '') AS text
  FROM messages LEFT JOIN json_each(messages.parts) AS part ON json_extract(part.value, '$.type') <> 'output'
  GROUP BY messages.id;
INSERT INTO words (rowid, text) SELECT id, text FROM said;
CREATE TRIGGER words_of_new AFTER INSERT ON messages BEGIN
  INSERT INTO words (rowid, text) SELECT id, text FROM said WHERE id = new.id;
END;
CREATE TRIGGER words_of_changed AFTER UPDATE OF parts ON messages BEGIN
  UPDATE words SET text = (SELECT text FROM said WHERE id = new.id) WHERE rowid = new.id;
END;
CREATE TRIGGER words_of_deleted AFTER DELETE ON messages BEGIN
  DELETE FROM words WHERE rowid = old.id;
END;
";

/// Takes the steps that the file has not seen, all or none.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<()> {
    let of_file = |source| Error::File { path: path.to_path_buf(), source };
    let known = STEPS.len() as i64;
    // The lock comes first: two programs that open the same file take turns.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(of_file)?;
    let found: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(of_file)?;
    let taken = usize::try_from(found).ok().filter(|taken| *taken <= STEPS.len());
    let taken = taken.ok_or_else(|| Error::Newer { path: path.to_path_buf(), found, known })?;
    for step in &STEPS[taken..] {
        transaction.execute_batch(step).map_err(of_file)?;
    }
    transaction.pragma_update(None, "user_version", known).map_err(of_file)?;
    transaction.commit().map_err(of_file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Database, FILE, tests::Folder};

    #[test]
    fn a_file_of_version_one_is_brought_up_with_its_content() {
        let folder = Folder::new("version-one");
        let old = Connection::open(folder.path().join(FILE)).unwrap();
        old.execute_batch(CHATS).unwrap();
        old.execute_batch(
            "INSERT INTO chats VALUES (7, 'Weavers', 'demo', '{}', NULL, 1, 1);
             INSERT INTO messages (id, chat, role, parts, created) VALUES (9, 7, 'user',
               '[{\"type\":\"text\",\"text\":\"Who is Bado?\"}]', 1);
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        let database = Database::open(folder.path()).unwrap();
        assert_eq!(database.chat(7).unwrap().title, "Weavers");
        assert_eq!(database.search("bado", 10).unwrap()[0].message, Some(9), "what was said before is found");
        let version: i64 = database.connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, STEPS.len() as i64);
    }

    #[test]
    fn a_file_of_a_newer_program_is_refused_and_left_alone() {
        let folder = Folder::new("newer");
        drop(Database::open(folder.path()).unwrap());
        let file = Connection::open(folder.path().join(FILE)).unwrap();
        file.pragma_update(None, "user_version", 99).unwrap();
        let why = Database::open(folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains("has version 99, and this program knows versions up to 2"), "{why}");
        let version: i64 = file.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 99);
    }

    #[test]
    fn a_file_that_is_no_database_is_named() {
        let folder = Folder::new("no-database");
        std::fs::write(folder.path().join(FILE), "this is a diary, and no database at all".repeat(100)).unwrap();
        let why = Database::open(folder.path()).map(|_| ()).unwrap_err().to_string();
        assert!(why.contains(FILE) && why.contains("not a database"), "{why}");
    }
}
