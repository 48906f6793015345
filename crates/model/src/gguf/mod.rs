//! GGUF, the file of llama.cpp and those who read with it: a model's keys and tensors in one file. Versions 2 and 3 are read, 3 is
//! written.
//!
//! The container (`value`, `kind`, `read`, `write`) knows no architecture; `names`, `rows` and `hyperparameters` know what the keys
//! and tensors of four of them mean; `convert` writes a model. Nothing here computes with a tensor's
//! blocks, and a vocabulary is keys like others.
//! The format is described in `docs/gguf.md` of the ggml project.

mod convert;
mod hyperparameters;
mod kind;
mod names;
mod read;
mod rows;
mod value;
mod write;

pub(crate) use convert::type_of;
pub use convert::{export, formats, tensor_bytes};
pub use hyperparameters::Hyperparameters;
pub use kind::TensorType;
pub use names::{Change, Renamed, renamed_tensors};
pub use read::{Gguf, TensorEntry};
pub use rows::{halves_to_pairs, pairs_to_halves};
pub use value::{Array, Value};
pub use write::{TensorHeader, write};

/// Where a tensor's bytes begin is a multiple of this, if the file does not say otherwise.
const DEFAULT_ALIGNMENT: usize = 32;

/// The key that says otherwise.
const ALIGNMENT_KEY: &str = "general.alignment";
