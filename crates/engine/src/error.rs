//! What can go wrong with a request: one sentence each.

/// Why a request was refused, or could not be finished.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Error {
    /// The prompt does not fit.
    #[error(
        "prompt {request} has {tokens} tokens, and the context holds {context}; shorten the prompt, or use a model with a longer context"
    )]
    PromptTooLong {
        /// Number of the request, from 0.
        request: usize,
        /// Its length.
        tokens: usize,
        /// What there is room for.
        context: usize,
    },
    /// There is nothing to go on from.
    #[error("prompt {request} has 0 tokens of the {context} that the context holds; begin it with at least one, such as <|endoftext|>")]
    PromptEmpty {
        /// Number of the request, from 0.
        request: usize,
        /// What there is room for.
        context: usize,
    },
    /// The prompt was made with another tokenizer.
    #[error("prompt {request} holds the id {id}, and the model knows only {vocab_size} ids; use the tokenizer of the model's folder")]
    UnknownId {
        /// Number of the request, from 0.
        request: usize,
        /// The id.
        id: u32,
        /// Ids that the model knows.
        vocab_size: usize,
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
