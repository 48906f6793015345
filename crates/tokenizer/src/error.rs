//! The error of this crate: one sentence that names the file, the place and the remedy.

use std::path::PathBuf;

/// What can go wrong with tokenizers, shards and conversations.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read or written, is damaged, or the user asked to stop.
    #[error("{0}")]
    Base(#[from] base::Error),
    /// There is no text to learn from.
    #[error("the documents hold no text, so there is nothing to learn merges from; check that the input folder is the right one")]
    NoText,
    /// A vocabulary must at least hold every byte and the special tokens.
    #[error("a vocabulary of {asked} is too small: 256 bytes and {specials} special tokens need at least {smallest}")]
    VocabularyTooSmall {
        /// The size asked for.
        asked: usize,
        /// Number of special tokens.
        specials: usize,
        /// The smallest size that works.
        smallest: usize,
    },
    /// The text has fewer pairs to merge than the vocabulary needs.
    #[error(
        "a vocabulary of {asked} needs {wanted} merges, and this text allows only {possible}; ask for at most {largest}, or give it more text"
    )]
    VocabularyTooLarge {
        /// The size asked for.
        asked: usize,
        /// The merges that it needs.
        wanted: usize,
        /// The merges that the text allows.
        possible: usize,
        /// The largest size that works with this text.
        largest: usize,
    },
    /// A `tokenizer.json` of a kind that this crate does not read.
    #[error("{} cannot be used: {what}; this program reads byte-level BPE with the patterns of Qwen, Llama 3 and OpenAI's models", path.display())]
    Unsupported {
        /// The file.
        path: PathBuf,
        /// What it asks for.
        what: String,
    },
    /// Shards and tokenizer do not belong together.
    #[error("the shards in {} were made with another tokenizer; run `tokenize` again with this one", path.display())]
    OtherTokenizer {
        /// The folder of shards.
        path: PathBuf,
    },
    /// The request cannot be carried out; the sentence says why and what would help.
    #[error("{0}")]
    Refused(String),
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;
