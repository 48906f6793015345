//! What a model may call while it writes, and a client of other models: search, Python, OpenAI's API.
//!
//! Keeps heavy and hostile things out of the rest: what a model or a page says goes in here and comes out as plain text
//! within limits. Knows nothing of tokens, conversations or where documents come from.

#![forbid(unsafe_code)]

mod error;
mod http;
mod openai;
mod plain;
mod providers;
pub mod python;
pub mod search;

pub use error::{Error, Result};
pub use openai::{ChatOptions, Message, OpenAi, Reply};
pub use providers::{Brave, SearXng};
