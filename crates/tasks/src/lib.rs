//! Conversations, graded problems, the report card and published task files. What is asked, how answers are graded, how the
//! result is told; knows no training, and of the models only that prompts go in and texts, or their odds, come out.

#![forbid(unsafe_code)]

pub mod ask;
pub mod card;
pub mod conversations;
pub mod evals;
pub mod key;
pub mod manners;
pub mod practice;
pub mod probe;
pub mod problems;
pub mod stats;
pub mod subject;
pub mod svg;
pub mod synthetic;
pub mod thoughts;
pub mod verbatim;
pub mod words;

/// What can go wrong between a run's files and its report card.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the run.
    #[error(transparent)]
    Base(#[from] base::Error),
    /// Conversations, or the tokenizer's files.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
    /// A model that cannot answer.
    #[error(transparent)]
    Engine(#[from] engine::Error),
    /// A file of conversations in a shape that is not known.
    #[error(
        "{} holds conversations in none of the known formats ({}); its first record has {keys}",
        path.display(),
        conversations::Format::ALL.map(conversations::Format::name).join(", ")
    )]
    UnknownFormat {
        /// The file.
        path: std::path::PathBuf,
        /// What its first record has.
        keys: String,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
