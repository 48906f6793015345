//! Prompts to tokens: many sequences at once, each with its own sampling, stop tokens and random stream.
//!
//! Knows ids only: what they spell, and how a model learnt them, is the affair of others. The answer to a request
//! depends on the model and the request alone. It has the same bits by itself and in a batch, and on any number of
//! threads.

#![forbid(unsafe_code)]

mod error;
mod generate;
mod sampling;

pub use error::{Error, Result};
pub use generate::{Completion, Engine, EngineConfig, Finish, Next, Request};
pub use sampling::Sampling;
