//! What can go wrong in a training stage.

/// One sentence each.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written, or the user asked to stop.
    #[error(transparent)]
    File(#[from] base::Error),
    /// A model folder is damaged or not supported.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// The tokenizer or the token shards are damaged.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
    /// Sampling failed.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A grader cannot say what an answer is worth.
    #[error(transparent)]
    Tasks(#[from] tasks::Error),
    /// The stage cannot run as asked; the sentence says why and what would help.
    #[error("{0}")]
    Refused(String),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// Whether this is no failure but the user's wish.
    pub fn is_stop(&self) -> bool {
        matches!(self, Error::File(base::Error::Stopped))
    }
}
