//! What people leave here: chats, thumbs, and what follows from them. One SQLite file per data folder.
//!
//! [`Database`] is the file and everything that is asked of it, one call at a time; [`Store`] is the same for async code. Knows no
//! HTTP and no model: an answer is parts of text that somebody else made.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::Connection;

mod chats;
mod exchange;
mod messages;
mod preferences;
mod schema;
mod search;

pub(crate) use chats::{Changes, Chat, ChatLine, Sampling, Settings};
pub(crate) use exchange::{Branches, title_of};
pub(crate) use messages::{Answer, NewMessage, Source, Stored, Thumb, Tree};

/// Name of the file in the data folder.
pub(crate) const FILE: &str = "schoolhouse.sqlite";

/// So long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);

/// What can go wrong with what is kept.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// SQLite says so.
    #[error("{}: {source}", path.display())]
    File {
        /// The database.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// The folder cannot be made.
    #[error(transparent)]
    Base(#[from] base::Error),
    /// Written by a program that knew more.
    #[error(
        "{} has version {found}, and this program knows versions up to {known}; \
         use the newer program that wrote it, or another data folder",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// No such chat.
    #[error("there is no chat {0}; it may have been deleted")]
    NoChat(i64),
    /// No such message in the chat.
    #[error("there is no message {message} in chat {chat}")]
    NoMessage {
        /// Where it was looked for.
        chat: i64,
        /// What was looked for.
        message: i64,
    },
    /// What is in the file is not what this program writes.
    #[error("message {message} is damaged: {why}")]
    Damaged {
        /// Which.
        message: i64,
        /// Why.
        why: String,
    },
    /// SQLite says so, of a single statement.
    #[error("the database of chats: {0}")]
    Statement(#[from] rusqlite::Error),
}

/// What this module gives.
pub(crate) type Result<T> = std::result::Result<T, Error>;

/// The open file.
pub(crate) struct Database {
    connection: Connection,
}

impl Database {
    /// Opens the file of a data folder, or makes both, and brings it to the version that this program writes. An answer that was under
    /// way when an earlier program ended stays as far as it was kept.
    pub fn open(folder: &Path) -> Result<Database> {
        std::fs::create_dir_all(folder).map_err(|source| base::Error::io(folder, "make", source))?;
        let path = folder.join(FILE);
        let of_file = |source| Error::File { path: path.clone(), source };
        let mut connection = Connection::open(&path).map_err(of_file)?;
        connection.busy_timeout(BUSY).map_err(of_file)?;
        // With a write-ahead log readers never wait; what was committed survives a kill, though a power cut may take the last moments.
        connection.pragma_update(None, "journal_mode", "WAL").map_err(of_file)?;
        connection.pragma_update(None, "synchronous", "NORMAL").map_err(of_file)?;
        connection.pragma_update(None, "foreign_keys", true).map_err(of_file)?;
        schema::migrate(&mut connection, &path)?;
        let mut database = Database { connection };
        database.close_unfinished()?;
        Ok(database)
    }
}

/// The same file, for async code: each call runs on a thread that may wait.
#[derive(Clone)]
pub(crate) struct Store {
    database: Arc<Mutex<Database>>,
}

impl Store {
    /// As [`Database::open`].
    pub fn open(folder: &Path) -> Result<Store> {
        Ok(Store { database: Arc::new(Mutex::new(Database::open(folder)?)) })
    }

    /// Runs something on the database, away from the threads that answer.
    pub async fn with<T: Send + 'static>(&self, work: impl FnOnce(&mut Database) -> Result<T> + Send + 'static) -> Result<T> {
        let database = self.database.clone();
        // A panic within a transaction rolls it back, so the database is whole behind a poisoned lock.
        let run = move || work(&mut database.lock().unwrap_or_else(PoisonError::into_inner));
        match tokio::task::spawn_blocking(run).await {
            Ok(result) => result,
            Err(failure) => std::panic::resume_unwind(failure.into_panic()),
        }
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests;
