//! What fine-tuning begins with: a model of any maker that can be opened here, as one that can be talked with.
//!
//! A vocabulary with a known chat format keeps it. Any other is given the special tokens of ours, and the model rows for them.

use std::path::Path;

use base::files;
use engine::ModelFolder;
use model::folder::EndTokens;
use model::stored::Stored;
use model::{Config, Model};
use tokenizer::chat::ChatFormat;
use tokenizer::{TOKENIZER_FILE, Tokenizer};

use crate::checkpoint::{self, TRAINING};
use crate::optimizer::{Method, State};
use crate::{Error, Result};

/// A model before its first step.
#[derive(Debug)]
pub struct Start {
    /// The weights.
    pub model: Model,
    /// The vocabulary as it was found; token shards to replay were made with it.
    pub found: Tokenizer,
    /// The vocabulary with which it is trained.
    pub tokenizer: Tokenizer,
    /// How conversations are written.
    pub format: ChatFormat,
    /// The moments that its training left, if it was trained here and has no new ids.
    pub moments: Option<State>,
    /// Identifies the weights.
    pub hash: String,
}

impl Start {
    /// Opens a model folder or a GGUF file. The seed decides the rows of new ids.
    pub fn open(base: &Path, seed: u64) -> Result<Start> {
        let stored = Stored::open(base)?;
        if stored.gguf.is_none() && !base.join(TOKENIZER_FILE).exists() {
            return Err(Error::Refused(format!(
                "{} has no {TOKENIZER_FILE}; a model is fine-tuned with its byte-level BPE vocabulary, \
                 which stands in that file (others, such as llama2.c's, are not trained with here)",
                base.display()
            )));
        }
        let found = ModelFolder::tokenizer_of(base, &stored)?;
        let hash = hash_of(base)?;
        let model = Model::load(base)?;
        let (tokenizer, format) = match ChatFormat::of(&found) {
            Some(format) => (found.clone(), format),
            None => (found.with_specials(), ChatFormat::Schoolhouse),
        };
        let added = tokenizer.vocab_size() - found.vocab_size();
        let model = if added > 0 { model.with_vocab(tokenizer.vocab_size(), found.vocab_size(), seed) } else { model };
        let was_trained_here = added == 0 && base.join(TRAINING).exists();
        let moments = if was_trained_here { Some(checkpoint::load_final_state(base, &model)?) } else { None };
        Ok(Start { model, found, tokenizer, format, moments, hash })
    }

    /// Special tokens that were added.
    pub fn added(&self) -> usize {
        self.tokenizer.vocab_size() - self.found.vocab_size()
    }

    /// The optimizer that its moments belong to.
    pub fn method(&self) -> Option<Method> {
        self.moments.as_ref().map(|moments| moments.method(&self.model.params.layout))
    }

    /// The model's sizes.
    pub fn config(&self) -> Config {
        self.model.config
    }
}

/// The ids that a model folder of this vocabulary names.
pub(crate) fn end_tokens(tokenizer: &Tokenizer, format: ChatFormat) -> EndTokens {
    let end_of_turn = tokenizer.special(format.turn_end()).expect("the vocabulary has its format's tokens");
    EndTokens { end_of_text: tokenizer.document_start().unwrap_or(end_of_turn), end_of_turn }
}

/// The hash of a GGUF file, or of all weights of a folder in the order of their names.
fn hash_of(base: &Path) -> Result<String> {
    if base.is_file() {
        return Ok(files::hash_file(base)?);
    }
    let entries = std::fs::read_dir(base).map_err(|source| base::Error::io(base, "read", source))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "safetensors") && !path.ends_with(TRAINING));
    paths.sort();
    let hashes = paths.iter().map(|path| files::hash_file(path)).collect::<base::Result<Vec<String>>>()?;
    Ok(files::hash_bytes(hashes.join("\n").as_bytes()))
}
