//! HTTP: an API that speaks OpenAI, and the pages.
//!
//! The only crate with an async runtime, and the only one that listens. It reads run folders through their files, as docs/formats.md
//! describes them, and knows nothing of training.

#![forbid(unsafe_code)]

mod assets;
mod chats;
mod hub;
mod look;
mod metrics;
mod openai;
mod render;
mod school;
mod store;
