//! What can go wrong with a model folder or a configuration.

use std::path::{Path, PathBuf};

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] base::Error),
    /// A model folder holds something that this program does not run.
    #[error("{}: {what}; {remedy}", path.display())]
    Unsupported {
        /// The file that says so.
        path: PathBuf,
        /// What it asks for.
        what: String,
        /// What would help.
        remedy: String,
    },
    /// A request that the configuration does not allow.
    #[error("{0}")]
    Refused(String),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Something in a file that this program does not run.
    pub fn unsupported(path: &Path, what: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Unsupported { path: path.to_path_buf(), what: what.into(), remedy: remedy.into() }
    }
}
