//! The Transformer: configuration, parameters, forward, backward, model folders.
//!
//! This crate knows no data and no text: tokens are numbers, and where they come from is the caller's affair.

#![forbid(unsafe_code)]

mod backward;
mod config;
mod config_file;
mod error;
pub mod folder;
mod forward;
pub mod gguf;
mod grow;
pub mod import;
pub mod inference;
mod linear;
mod params;
pub mod stored;

pub use config::{Config, Family, RopeScaling};
pub use config_file::CONFIG_FILE;
pub use error::{Error, Result};
pub use forward::Activations;
pub use params::{Layout, Params, Role, Span, TensorSpec};
pub use tensor::head::Target;

/// A configuration with its parameters.
#[derive(Clone, Debug)]
pub struct Model {
    /// The architecture and its sizes.
    pub config: Config,
    /// The weights.
    pub params: Params,
}

impl Model {
    /// A model with fresh random weights.
    pub fn new(config: Config, seed: u64) -> Model {
        Model { config, params: Params::init(&config, seed) }
    }

    /// Reads a model folder.
    pub fn load(folder: &std::path::Path) -> Result<Model> {
        folder::load(folder)
    }
}
