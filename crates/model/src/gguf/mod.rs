//! GGUF, the file of llama.cpp and those who read with it: a model's keys and tensors in one file. Versions 2 and 3 are read, 3 is
//! written.
//!
//! The container knows no architecture, and nothing here computes with a tensor's blocks.
//! The format is described in `docs/gguf.md` of the ggml project.

mod kind;
mod read;
mod value;
mod write;

pub use kind::TensorType;
pub use read::{Gguf, TensorEntry};
pub use value::{Array, Value};
pub use write::{TensorHeader, write};

/// Where a tensor's bytes begin is a multiple of this, if the file does not say otherwise.
const DEFAULT_ALIGNMENT: usize = 32;

/// The key that says otherwise.
const ALIGNMENT_KEY: &str = "general.alignment";
