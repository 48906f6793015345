//! What every stage needs and no stage owns: run folders, atomic files, logs, seeds, progress.
//!
//! This crate knows no domain words: nothing here has heard of tokens, models or web pages.

#![deny(unsafe_code)]

mod error;
pub mod files;
pub mod hold;
pub mod jsonl;
pub mod mmap;
pub mod process;
pub mod progress;
pub mod records;
pub mod rng;
pub mod run;
pub mod stop;
pub mod text;

pub use error::{Error, Result};
