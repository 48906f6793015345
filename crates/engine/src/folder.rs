//! A model folder, ready to answer: weights, tokenizer and how its maker samples from it.

use std::path::Path;

use base::files;
use model::Model;
use serde::Deserialize;
use tokenizer::{TOKENIZER_FILE, Tokenizer};

use crate::{Error, Result, Sampling};

/// The name of the file with the maker's sampling.
pub const GENERATION_FILE: &str = "generation_config.json";

/// What a model folder holds.
#[derive(Debug)]
pub struct ModelFolder {
    /// The weights.
    pub model: Model,
    /// Its tokenizer; both have equally many ids.
    pub tokenizer: Tokenizer,
    /// As `generation_config.json` has it; without that file temperature 0.8, top-k 50, top-p 0.95.
    pub sampling: Sampling,
    /// Ids that end an answer, by that file.
    pub stop_ids: Vec<u32>,
}

impl ModelFolder {
    /// Reads a folder. A tokenizer that is not the model's is refused.
    pub fn load(folder: &Path) -> Result<ModelFolder> {
        let model = Model::load(folder)?;
        let tokenizer = Tokenizer::load_ours(folder)?;
        if tokenizer.vocab_size() != model.config.vocab_size {
            return Err(Error::OtherTokenizer {
                model: folder.join("config.json"),
                model_ids: model.config.vocab_size,
                tokenizer: folder.join(TOKENIZER_FILE),
                tokenizer_ids: tokenizer.vocab_size(),
            });
        }
        let path = folder.join(GENERATION_FILE);
        let file = if path.exists() { files::read_json(&path)? } else { GenerationFile::default() };
        let usual = Sampling { top_k: 50, top_p: 0.95, ..Sampling::plain(0.8) };
        let sampling = match file.do_sample {
            Some(false) => Sampling::greedy(),
            _ => Sampling {
                temperature: file.temperature.unwrap_or(usual.temperature),
                top_k: file.top_k.unwrap_or(usual.top_k),
                top_p: file.top_p.unwrap_or(usual.top_p),
                min_p: file.min_p.unwrap_or(usual.min_p),
                repetition_penalty: file.repetition_penalty.unwrap_or(usual.repetition_penalty),
                ..usual
            },
        };
        let stop_ids = match file.eos_token_id {
            None => Vec::new(),
            Some(Ids::One(id)) => vec![id],
            Some(Ids::Many(ids)) => ids,
        };
        Ok(ModelFolder { model, tokenizer, sampling, stop_ids })
    }

    /// Ids that end a turn of a conversation: the file's, `<|im_end|>` and `<|endoftext|>`.
    pub fn turn_ends(&self) -> Vec<u32> {
        let mut ids = self.stop_ids.clone();
        ids.extend([self.tokenizer.im_end(), self.tokenizer.eot()]);
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// What is looked at in `generation_config.json`.
#[derive(Debug, Default, Deserialize)]
struct GenerationFile {
    do_sample: Option<bool>,
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    eos_token_id: Option<Ids>,
}

/// Hugging Face writes one id or a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Ids {
    One(u32),
    Many(Vec<u32>),
}
