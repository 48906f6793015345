//! Prompts to tokens: many sequences at once, each with its own sampling, stop tokens and random stream.
//!
//! Knows how ids become text, but not what it is about, and nothing of training. The answer to a request depends on the
//! model and the request alone: it has the same bits by itself and in a batch, on any number of threads, in steps of any
//! size, and whatever the cache holds of other requests.

#![forbid(unsafe_code)]

mod calls;
pub mod compare;
mod engine;
mod error;
mod folder;
mod generate;
pub mod gguf;
pub mod measure;
mod penalties;
mod request;
mod row;
mod sampling;
mod size;
mod slots;
mod text;
mod tool;
mod tool_runner;

pub use engine::{Engine, Load, Work};
pub use error::{Error, Result};
pub use folder::{GENERATION_FILE, ModelFolder, StoredModel, generation_of};
pub use request::{Completion, Finish, Next, Request, Ticket, Written};
pub use sampling::{Sampling, TokenLogprob};
pub use size::EngineConfig;
pub use text::TextStream;
pub use tool::{Source, Tool, ToolKind, ToolLimits, ToolOutput, Toolset};
pub use tool_runner::{Reading, ToolEvent, ToolRunner};
