//! Raw web pages to clean documents: WARC -> URL filter -> main text -> language -> quality -> duplicates -> Parquet.
//!
//! Every filter is one plain function: a page or a text in, and out comes either what the next filter sees or the
//! [`Reason`] of the drop. [`curate::curate`] is the driver that runs them in order over all cores. This crate is the
//! only one that reads web pages; it knows nothing about tokens, models or the built-in web.

#![forbid(unsafe_code)]

pub mod crawl;
pub mod warc;

pub mod documents;
pub mod inputs;

pub mod charset;
pub mod record;

pub mod url;

mod scan;

pub mod extract;

pub mod language;

pub mod text;
pub mod words;

pub mod gopher_repetition;

pub mod gopher_quality;

pub mod c4;

pub mod fineweb;

pub mod duplicates;
pub mod minhash;

pub mod pii;

pub mod curate;
pub mod funnel;

use std::path::{Path, PathBuf};

pub use documents::Document;

/// Why a page was dropped: `filter` or `filter/rule`, as it is counted in `funnel.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reason(pub &'static str);

impl Reason {
    /// The filter that dropped the page: the name before the slash.
    pub fn filter(self) -> &'static str {
        self.0.split('/').next().unwrap_or(self.0)
    }
}

/// What can go wrong as a whole. What goes wrong with one page is a [`Reason`] and is counted.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written, or the user asked to stop.
    #[error("{0}")]
    Base(#[from] base::Error),
    /// A Parquet file could not be read or written.
    #[error("cannot {action} {}: {source}; {remedy}", path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What was attempted, as a verb.
        action: &'static str,
        /// The library's answer.
        source: parquet::errors::ParquetError,
        /// What to do about it.
        remedy: &'static str,
    },
    /// The request cannot be carried out; the sentence says why and what would help.
    #[error("{0}")]
    Refused(String),
}

impl Error {
    /// Wraps a system error with the file and the verb.
    pub(crate) fn io(path: &Path, action: &'static str, source: std::io::Error) -> Error {
        Error::Base(base::Error::io(path, action, source))
    }
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
