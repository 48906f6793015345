//! What can go wrong with a request or a model folder: one sentence each.

use std::path::PathBuf;

/// Why a request was refused or could not be finished, or a folder not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file could not be read.
    #[error(transparent)]
    File(#[from] base::Error),
    /// The folder holds no model that can be used.
    #[error(transparent)]
    Model(#[from] model::Error),
    /// The folder holds no tokenizer that can be used.
    #[error(transparent)]
    Tokenizer(#[from] tokenizer::Error),
    /// Model and tokenizer do not belong together.
    #[error(
        "{} gives {model_ids} ids, and {} has {tokenizer_ids}; put the tokenizer with which the model was trained beside it",
        model.display(),
        tokenizer.display()
    )]
    OtherTokenizer {
        /// The model's configuration.
        model: PathBuf,
        /// Ids that the model knows.
        model_ids: usize,
        /// The tokenizer's file.
        tokenizer: PathBuf,
        /// Ids that the tokenizer has.
        tokenizer_ids: usize,
    },
    /// The prompt does not fit.
    #[error(
        "a prompt of {tokens} tokens (request {request}) does not fit into the context of {context}; {}",
        remedy(*context, *model_context)
    )]
    PromptTooLong {
        /// Number of the request, from 0.
        request: usize,
        /// Its length.
        tokens: usize,
        /// What there is room for.
        context: usize,
        /// What the model has room for.
        model_context: usize,
    },
    /// There is nothing to go on from.
    #[error("a prompt of 0 tokens (request {request}) for a context of {context}; begin it with at least one, such as <|endoftext|>")]
    PromptEmpty {
        /// Number of the request, from 0.
        request: usize,
        /// What there is room for.
        context: usize,
    },
    /// Ids were made with another tokenizer.
    #[error(
        "{what} (request {request}) holds the id {id}, and the model knows only {vocab_size} ids; use the tokenizer of the model's folder"
    )]
    UnknownId {
        /// Where the id stands.
        what: &'static str,
        /// Number of the request, from 0.
        request: usize,
        /// The id.
        id: u32,
        /// Ids that the model knows.
        vocab_size: usize,
    },
    /// Nothing gives text in which to look for stop texts.
    #[error("a request ({request}) has stop texts, and this call knows no text; call generate_texts with the model's tokenizer")]
    StopTextsWithoutTokenizer {
        /// Number of the request, from 0.
        request: usize,
    },
    /// A stop text that stands everywhere.
    #[error("a stop text (request {request}) is empty; leave it out, or give it at least one character")]
    EmptyStopText {
        /// Number of the request, from 0.
        request: usize,
    },
    /// A number that no sampler can work with.
    #[error("{name} is {value}; it must be {allowed}")]
    Sampling {
        /// The sampler's name.
        name: &'static str,
        /// What was asked for.
        value: f32,
        /// What would be right.
        allowed: &'static str,
    },
    /// The model gives infinities or not-a-numbers.
    #[error("the model's output is not a number after {tokens} tokens; its weights are damaged, or its training diverged")]
    NotFinite {
        /// Length of the sequence.
        tokens: usize,
    },
}

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

fn remedy(context: usize, model_context: usize) -> String {
    match context < model_context {
        true => format!("shorten it, or give the engine more room: the model's context is {model_context}"),
        false => "shorten it, or use a model with a longer context".to_owned(),
    }
}
