//! The training stages. Every stage is the same three calls; they differ in the rows they feed and in the objective.
//!
//! ```text
//! model.forward(tokens, acts);              // hidden states
//! model.head(targets, dloss, acts, grads);  // log-probabilities and dLoss/dlogprob, fused
//! model.backward(tokens, acts, grads);      // gradients of every weight
//! ```
//!
//! In reading order: a [`batch`] is what a worker trains on; [`step`] runs micro-batches on all threads; [`optimizer`] and
//! [`schedule`] update the weights; [`checkpoint`] makes it stoppable; [`trainer`] is the loop; [`pretrain`], [`sft`]
//! and [`rl`] are the stages; [`start`] is what fine-tuning begins with. Nothing here prints: the caller passes a progress and reads the logs.

#![forbid(unsafe_code)]

pub mod batch;
pub mod checkpoint;
mod error;
pub mod evaluate;
pub mod loader;
pub mod measure;
pub mod mixture;
pub mod objective;
pub mod optimizer;
pub mod packing;
pub mod pretrain;
pub mod rl;
pub mod schedule;
pub mod sft;
pub mod start;
pub mod step;
pub mod trainer;

pub use error::{Error, Result};
