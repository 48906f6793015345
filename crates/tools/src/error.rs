//! What can go wrong with an index or an endpoint: one sentence each.

use std::path::{Path, PathBuf};

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file, or the user's wish to stop.
    #[error(transparent)]
    File(#[from] base::Error),
    /// A search index cannot be used.
    #[error("the search index {} cannot be used: {why}; delete the folder, it is made again from the documents", path.display())]
    Index {
        /// Its folder.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// An endpoint did not give what was asked for; the sentence names it and the remedy.
    #[error("{0}")]
    Endpoint(String),
    /// An endpoint would not answer this request; others may be answered. The sentence names it and the remedy.
    #[error("{0}")]
    Request(String),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An index that cannot be used.
    pub(crate) fn index(path: &Path, why: impl ToString) -> Error {
        Error::Index { path: path.to_path_buf(), why: why.to_string() }
    }
}
