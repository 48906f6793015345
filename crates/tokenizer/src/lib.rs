//! Text to ids and back: byte-level BPE, token shards, conversations as tokens.
//!
//! This crate knows no tensors and no models: an id is a number with bytes behind it, and nothing here asks what
//! is learned from it.

#![forbid(unsafe_code)]

mod batch;
mod bytes;
mod encode;
mod error;
mod json;
mod key;
mod merge;
mod normalise;
mod pairs;
mod pieces;
mod specials;
mod split;
mod stream;
mod tiktoken;
mod vocabulary;
mod word_table;

pub mod chat;
pub mod gguf;
pub mod look;
pub mod shards;
pub mod train;

pub use encode::Encoder;
pub use error::{Error, Result};
pub use json::{CHAT_TEMPLATE, CHAT_TEMPLATE_FILE, CONFIG_FILE, TOKENIZER_FILE};
pub use normalise::normalise;
pub use pieces::{PieceStream, Pieces};
pub use specials::Specials;
pub use split::{Pattern, Words};
pub use stream::Characters;
pub use vocabulary::{Merges, Parts, SPECIALS, Tokenizer};
