//! The error of this crate: one sentence that names the file, the place and the remedy.

use std::path::{Path, PathBuf};

/// What can go wrong with files, logs and run folders.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation on a file.
    #[error("cannot {action} {}: {}", path.display(), io_reason(source))]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, as a verb: "read", "write", "rename".
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// A file was read and its content is not what it should be.
    #[error("{} is damaged at {place}: {why}; {remedy}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where in it: a line, a record, a byte offset.
        place: String,
        /// What is wrong there.
        why: String,
        /// What to do about it.
        remedy: String,
    },
    /// The user asked to stop; everything finished so far is saved.
    #[error("stopped on request")]
    Stopped,
    /// The request cannot be carried out; the sentence says why and what would help.
    #[error("{0}")]
    Refused(String),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Wraps a system error with the file and the verb.
    pub fn io(path: &Path, action: &'static str, source: std::io::Error) -> Error {
        Error::Io { path: path.to_path_buf(), action, source }
    }

    /// A damaged file.
    pub fn damaged(path: &Path, place: impl Into<String>, why: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Damaged { path: path.to_path_buf(), place: place.into(), why: why.into(), remedy: remedy.into() }
    }
}

/// The system's answer in plain words; a full disk gets its remedy.
fn io_reason(source: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match source.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "the disk is full; free some space and run the same command again, it continues where it stopped".into()
        }
        ErrorKind::FileTooLarge => "the file would be larger than this system allows; raise the limit (ulimit -f) and run again".into(),
        ErrorKind::NotFound => "there is no such file or folder".into(),
        ErrorKind::PermissionDenied => "permission denied".into(),
        _ => source.to_string(),
    }
}
