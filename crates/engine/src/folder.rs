//! A model, ready to answer: weights, tokenizer and how its maker samples from it. A folder as Hugging Face has them, or a GGUF file.

use std::path::Path;
use std::sync::Arc;

use base::files;
use model::CONFIG_FILE;
use model::folder::{Generation, Ids};
use model::inference::{KvCache, Weights};
use model::stored::Stored;
use tensor::quant::Format;
use tokenizer::{TOKENIZER_FILE, Tokenizer};

use crate::{Engine, EngineConfig, Error, Result, Sampling, gguf};

pub use model::folder::GENERATION_FILE;

/// Special tokens that end a turn of a conversation, in the formats that are known.
const TURN_ENDS: [&str; 4] = ["<|im_end|>", "<|endoftext|>", "<|eot_id|>", "<|end_of_text|>"];

/// What a model folder or a GGUF file holds beside the weights.
#[derive(Debug)]
pub struct ModelFolder {
    /// Its tokenizer; the model may have more ids, for which there is no text.
    pub tokenizer: Arc<Tokenizer>,
    /// What stands before a text: `<|endoftext|>` in our own models, what they were trained with in others.
    pub start: Vec<u32>,
    /// As `generation_config.json` has it; without that file temperature 0.8, top-k 50, top-p 0.95.
    pub sampling: Sampling,
    /// Ids that end an answer, by that file.
    pub stop_ids: Vec<u32>,
}

/// A model whose weights are not read yet.
#[derive(Debug)]
pub struct StoredModel {
    stored: Stored,
    /// What stands beside the weights.
    pub folder: ModelFolder,
}

impl StoredModel {
    /// Opens a folder or a file, and reads all but the weights. A tokenizer that is not the model's is refused.
    pub fn open(path: &Path) -> Result<StoredModel> {
        let stored = Stored::open(path)?;
        let folder = ModelFolder::beside(path, &stored)?;
        Ok(StoredModel { stored, folder })
    }

    /// The model's context in tokens.
    pub fn context(&self) -> usize {
        self.stored.config.context
    }

    /// About how many bytes the weights take in memory.
    pub fn weights_bytes(&self) -> usize {
        self.stored.n_bytes()
    }

    /// How many bytes the keys and values of an engine of this size take, when all its slots are full.
    pub fn cache_bytes(&self, config: EngineConfig) -> usize {
        let (slots, capacity) = config.fit(&self.stored.config);
        slots * KvCache::bytes_per_slot(&self.stored.config, capacity)
    }

    /// Reads the weights, the matrices in the format that they are stored in, and makes an engine of them.
    pub fn load(self, config: EngineConfig) -> Result<(Engine, ModelFolder)> {
        let weights = Weights::load(&self.stored, None)?;
        Ok((self.folder.engine(weights, config), self.folder))
    }
}

impl ModelFolder {
    /// Reads a folder or a file, the matrices in the format that they are stored in or in another. A tokenizer that is not the model's
    /// is refused.
    pub fn load(path: &Path, format: Option<Format>) -> Result<(Weights, ModelFolder)> {
        let StoredModel { stored, folder } = StoredModel::open(path)?;
        Ok((Weights::load(&stored, format)?, folder))
    }

    fn beside(path: &Path, stored: &Stored) -> Result<ModelFolder> {
        let tokenizer = ModelFolder::tokenizer_of(path, stored)?;
        let (file, start) = match &stored.gguf {
            Some(file) => (gguf::generation(file)?, gguf::start(file)?),
            // Llama 3 puts its first token before every text; GPT-2 and Qwen2 put none.
            None => (generation_file(path)?, tokenizer.special("<|begin_of_text|>")),
        };
        let start = if tokenizer.is_ours() { Some(tokenizer.eot()) } else { start };
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
        let stop_ids = Ids::list(&file.eos_token_id).to_vec();
        Ok(ModelFolder { tokenizer: Arc::new(tokenizer), start: start.into_iter().collect(), sampling, stop_ids })
    }

    /// The tokenizer of a stored model. One that has more ids than the model is refused.
    pub fn tokenizer_of(path: &Path, stored: &Stored) -> Result<Tokenizer> {
        let (tokenizer, file) = match &stored.gguf {
            Some(file) => (gguf::tokenizer_of(file)?, path.to_path_buf()),
            None => (Tokenizer::load(path)?, path.join(TOKENIZER_FILE)),
        };
        if tokenizer.vocab_size() > stored.config.vocab_size {
            return Err(Error::OtherTokenizer {
                model: path.to_path_buf(),
                model_ids: stored.config.vocab_size,
                tokenizer: file,
                tokenizer_ids: tokenizer.vocab_size(),
            });
        }
        Ok(tokenizer)
    }

    /// An engine that gives only ids that have a text.
    pub fn engine(&self, weights: Weights, config: EngineConfig) -> Engine {
        let mut engine = Engine::with_weights(weights, config);
        engine.limit_ids(self.tokenizer.vocab_size());
        engine
    }

    /// The ids of a text as it stands at the beginning of a document. An empty one begins with what begins a document.
    pub fn prompt(&self, text: &str) -> Vec<u32> {
        let mut ids = self.start.clone();
        self.tokenizer.encode_into(text, &mut ids);
        if ids.is_empty() {
            ids.extend(self.tokenizer.document_start());
        }
        ids
    }

    /// Ids that end a document: what the model's maker says, and what begins the next one.
    pub fn document_ends(&self) -> Vec<u32> {
        let mut ids = self.stop_ids.clone();
        ids.extend(self.tokenizer.document_start());
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Ids that end a turn of a conversation: what the model's maker says, and the special tokens that do so in known formats.
    pub fn turn_ends(&self) -> Vec<u32> {
        let mut ids = self.stop_ids.clone();
        ids.extend(TURN_ENDS.iter().filter_map(|spelling| self.tokenizer.special(spelling)));
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// `generation_config.json` of a folder, if it has one.
fn generation_file(folder: &Path) -> Result<Generation> {
    let path = folder.join(GENERATION_FILE);
    Ok(if path.exists() { files::read_json(&path)? } else { Generation::default() })
}

/// How a model's maker samples from it, and which tokens begin and end its texts: what its files say, and where they say nothing of
/// tokens, the special tokens that do so in known formats.
pub fn generation_of(path: &Path, stored: &Stored) -> Result<Generation> {
    let (mut generation, tokenizer) = match &stored.gguf {
        Some(file) => (gguf::generation(file)?, Some(gguf::tokenizer_of(file)?)),
        None => {
            let config: Generation = files::read_json(&path.join(CONFIG_FILE))?;
            let file = generation_file(path)?;
            let bos_token_id = config.bos_token_id.or(file.bos_token_id);
            let eos_token_id = config.eos_token_id.or_else(|| file.eos_token_id.clone());
            let tokenizer = path.join(TOKENIZER_FILE).exists().then(|| ModelFolder::tokenizer_of(path, stored)).transpose()?;
            (Generation { bos_token_id, eos_token_id, ..file }, tokenizer)
        }
    };
    let Some(tokenizer) = tokenizer else { return Ok(generation) };
    generation.bos_token_id = generation.bos_token_id.or(tokenizer.document_start());
    // A GGUF file has one id for the end, and conversations another.
    if generation.eos_token_id.is_none() || stored.gguf.is_some() {
        let mut ends = Ids::list(&generation.eos_token_id).to_vec();
        for end in TURN_ENDS.iter().filter_map(|spelling| tokenizer.special(spelling)) {
            if !ends.contains(&end) {
                ends.push(end);
            }
        }
        generation.eos_token_id = (!ends.is_empty()).then_some(Ids::Many(ends));
    }
    Ok(generation)
}
