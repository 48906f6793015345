//! What the keys of a GGUF file say of a model's sizes, read into one plain struct and written from it.
//!
//! A key that changes what is computed and is not read here is refused by its name: a model that is run without it would be another
//! one. Knows nothing of how this program keeps a configuration. Keys are those of `docs/gguf.md` of ggml and of llama.cpp.

use super::names::ROPE_FREQS;
use super::{Gguf, TensorHeader, TensorType, Value};
use crate::config_file::check_sizes;
use crate::{Config, Error, Family, Result, RopeScaling};

/// The sizes of a model. Field names are the ends of GGUF's keys where they have one.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// The architecture.
    pub architecture: Family,
    /// The model's name, for people.
    pub name: Option<String>,
    /// Rows of the table of embeddings, V.
    pub vocab_size: usize,
    /// Longest sequence, in tokens.
    pub context_length: usize,
    /// Width of the residual stream, C.
    pub embedding_length: usize,
    /// Width of the MLP, F.
    pub feed_forward_length: usize,
    /// Number of blocks, L.
    pub block_count: usize,
    /// Query heads, H.
    pub head_count: usize,
    /// Key and value heads, K.
    pub head_count_kv: usize,
    /// Width of a head, D.
    pub key_length: usize,
    /// Added to what every norm divides by, under the root.
    pub norm_epsilon: f32,
    /// Base of the rotary angles; nothing for GPT-2, which learns its positions.
    pub rope_theta: Option<f64>,
    /// What each of the D/2 rotary frequencies is divided by, if it is not 1 for all: Llama 3's scaling.
    pub rope_freqs: Option<Vec<f32>>,
    /// Whether the output head is the table of embeddings.
    pub tied: bool,
}

/// Sizes beyond this are in no model, and their products stay far below what memory can address.
const LARGEST: usize = 1 << 24;

/// The base of the rotary angles where a file does not say.
const DEFAULT_THETA: f64 = 10_000.0;

impl Hyperparameters {
    /// Reads the sizes of a file's model.
    ///
    /// # Errors
    /// Another architecture, a key that changes the computation and is not supported, a part of a file that was split, and sizes that
    /// do not fit together.
    pub fn read(file: &Gguf) -> Result<Hyperparameters> {
        let architecture = Family::of_gguf(file)?;
        refuse_what_is_no_whole_model(file)?;
        refuse_what_changes_the_computation(file, architecture)?;
        let key = |end: &str| format!("{}.{end}", architecture.name());
        let size = |end: &str| file.required(&key(end), file.integer(&key(end))?);
        let embeddings = file.tensor("token_embd.weight").filter(|tensor| tensor.shape.len() == 2);
        let embeddings = embeddings.ok_or_else(|| file.damaged("token_embd.weight", "there is no such matrix"))?;
        let (embedding_length, head_count) = (size("embedding_length")?, size("attention.head_count")?);
        let key_length = file.integer(&key("attention.key_length"))?.unwrap_or_else(|| embedding_length / head_count.max(1));
        let is_gpt2 = architecture == Family::Gpt2;
        let epsilon = key(if is_gpt2 { "attention.layer_norm_epsilon" } else { "attention.layer_norm_rms_epsilon" });
        let theta = file.number(&key("rope.freq_base"))?.unwrap_or(DEFAULT_THETA);
        let read = Hyperparameters {
            architecture,
            name: file.text("general.name")?.map(str::to_string),
            vocab_size: embeddings.shape[0],
            context_length: size("context_length")?,
            embedding_length,
            feed_forward_length: size("feed_forward_length")?,
            block_count: size("block_count")?,
            head_count,
            head_count_kv: file.integer(&key("attention.head_count_kv"))?.unwrap_or(head_count),
            key_length,
            norm_epsilon: file.required(&epsilon, file.number(&epsilon)?)? as f32,
            rope_theta: (!is_gpt2).then_some(theta),
            rope_freqs: rope_freqs(file, architecture, key_length)?,
            tied: tied(file),
        };
        read.check(file)?;
        Ok(read)
    }

    /// The keys that say this, without those of the vocabulary. `kind` is the type of most matrices.
    pub fn keys(&self, kind: TensorType) -> Vec<(String, Value)> {
        let mut keys = vec![("general.architecture".to_string(), Value::String(self.architecture.name().into()))];
        let mut push = |key: &str, value: Value| keys.push((key.to_string(), value));
        push("general.type", Value::String("model".into()));
        if let Some(name) = &self.name {
            push("general.name", Value::String(name.clone()));
        }
        if let Some(file_type) = kind.file_type() {
            push("general.file_type", Value::U32(file_type));
        }
        // The version of ggml's blocks: 2 since May 2023.
        push("general.quantization_version", Value::U32(2));

        let mut push = |end: &str, value: Value| keys.push((format!("{}.{end}", self.architecture.name()), value));
        let size = |n: usize| Value::U32(n as u32);
        push("vocab_size", size(self.vocab_size));
        push("context_length", size(self.context_length));
        push("embedding_length", size(self.embedding_length));
        push("block_count", size(self.block_count));
        push("feed_forward_length", size(self.feed_forward_length));
        push("attention.head_count", size(self.head_count));
        if let Some(theta) = self.rope_theta {
            push("attention.head_count_kv", size(self.head_count_kv));
            push("attention.key_length", size(self.key_length));
            push("attention.value_length", size(self.key_length));
            push("attention.layer_norm_rms_epsilon", Value::F32(self.norm_epsilon));
            push("rope.dimension_count", size(self.key_length));
            push("rope.freq_base", Value::F32(theta as f32));
        } else {
            push("attention.layer_norm_epsilon", Value::F32(self.norm_epsilon));
        }
        keys
    }

    /// The tensor of [`Hyperparameters::rope_freqs`], to be written before the others.
    pub fn rope_freqs_tensor(&self) -> Option<(TensorHeader, Vec<u8>)> {
        let freqs = self.rope_freqs.as_ref()?;
        let header = TensorHeader { name: ROPE_FREQS.into(), shape: vec![freqs.len()], kind: TensorType::F32 };
        Some((header, freqs.iter().flat_map(|divisor| divisor.to_le_bytes()).collect()))
    }

    /// What does not fit together.
    fn check(&self, file: &Gguf) -> Result<()> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("context_length", self.context_length),
            ("embedding_length", self.embedding_length),
            ("feed_forward_length", self.feed_forward_length),
            ("block_count", self.block_count),
            ("attention.head_count", self.head_count),
            ("attention.head_count_kv", self.head_count_kv),
            ("attention.key_length", self.key_length),
        ];
        let key = |end: &str| format!("{}.{end}", self.architecture.name());
        if let Some((end, size)) = sizes.iter().find(|(_, size)| *size == 0 || *size > LARGEST) {
            return Err(file.damaged(&key(end), format!("a size of {size} is in no model")));
        }
        if !self.head_count.is_multiple_of(self.head_count_kv) {
            let why = format!("{} query heads are no multiple of {} key heads", self.head_count, self.head_count_kv);
            return Err(file.damaged(&key("attention.head_count_kv"), why));
        }
        if self.rope_theta.is_some() && !self.key_length.is_multiple_of(2) {
            return Err(file.damaged(&key("attention.key_length"), format!("heads of {} have no halves to rotate", self.key_length)));
        }
        if !(self.norm_epsilon >= 0.0 && self.rope_theta.is_none_or(|theta| theta > 0.0)) {
            return Err(file.damaged(&key("rope.freq_base"), "an epsilon or a base of angles is below zero"));
        }
        // GGUF has a key for the width of a value; a model where it is another than that of a key is refused.
        let key_length = self.key_length;
        for end in ["attention.value_length", "rope.dimension_count"] {
            if let Some(other) = file.integer(&key(end))?.filter(|&other| other != key_length) {
                let what = format!("its key {} is {other} where heads are {key_length} wide", key(end));
                return Err(Error::unsupported(&file.path, what, "use a model whose heads are rotated whole and are all of one width"));
            }
        }
        if self.architecture == Family::Gpt2
            && (self.head_count_kv != self.head_count || self.head_count * key_length != self.embedding_length)
        {
            return Err(file.damaged(&key("attention.head_count"), "GPT-2's heads share its width evenly"));
        }
        let tokens = file.texts("tokenizer.ggml.tokens")?.map_or(0, <[String]>::len);
        let said = file.integer(&key("vocab_size"))?.unwrap_or(self.vocab_size);
        if tokens > self.vocab_size || said != self.vocab_size {
            let why = format!("{tokens} tokens, and {said} said, do not fit {} rows of embeddings", self.vocab_size);
            return Err(file.damaged("tokenizer.ggml.tokens", why));
        }
        let width = file.tensor("token_embd.weight").map_or(0, |tensor| tensor.shape[1]);
        if width != self.embedding_length {
            let why = format!("its rows have {width} elements where {} says {}", key("embedding_length"), self.embedding_length);
            return Err(file.damaged("token_embd.weight", why));
        }
        Ok(())
    }
}

impl RopeScaling {
    /// What each of these frequencies is divided by.
    fn divisors(&self, frequencies: &[f64]) -> Vec<f32> {
        frequencies.iter().map(|&frequency| (frequency / self.scaled(frequency)) as f32).collect()
    }

    /// A scaling that has these divisors, up to a ten-thousandth. A file has the divisors alone; what has been published differs in
    /// the factor and, seldom, in the original context, which is a power of two.
    fn with_divisors(divisors: &[f32], theta: f64) -> Option<RopeScaling> {
        let factor = divisors.iter().copied().fold(0.0, f32::max);
        // A factor that is not whole comes of rounding, up to what a float of a fraction keeps.
        let factor = f64::from((factor * 1024.0).round() / 1024.0);
        let frequencies = tensor::rotary::frequencies(2 * divisors.len(), theta);
        let contexts = [8192].into_iter().chain((4..22).map(|bits| 1 << bits));
        let scalings =
            contexts.map(|original_context| RopeScaling { factor, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context });
        let fits = |scaling: &RopeScaling| {
            let expected = scaling.divisors(&frequencies);
            expected.iter().zip(divisors).all(|(expected, found)| (expected - found).abs() <= 1e-4 * expected)
        };
        scalings.filter(|_| factor > 1.0).find(fits)
    }
}

impl Hyperparameters {
    /// The sizes of a configuration.
    pub fn of(config: &Config) -> Hyperparameters {
        let is_rotary = config.family != Family::Gpt2;
        let frequencies = tensor::rotary::frequencies(config.head_dim, config.rope_theta);
        Hyperparameters {
            architecture: config.family,
            name: None,
            vocab_size: config.vocab_size,
            context_length: config.context,
            embedding_length: config.hidden_size,
            feed_forward_length: config.intermediate_size,
            block_count: config.n_layers,
            head_count: config.n_heads,
            head_count_kv: config.n_kv_heads,
            key_length: config.head_dim,
            norm_epsilon: config.norm_eps,
            rope_theta: is_rotary.then_some(config.rope_theta),
            rope_freqs: config.rope_scaling.map(|scaling| scaling.divisors(&frequencies)),
            tied: config.tie_embeddings,
        }
    }

    /// The configuration with these sizes.
    ///
    /// # Errors
    /// A scaling of the rotary frequencies that is none of Llama 3's.
    pub fn config(&self, file: &Gguf) -> Result<Config> {
        let theta = self.rope_theta.unwrap_or(DEFAULT_THETA);
        let rope_scaling = match &self.rope_freqs {
            None => None,
            Some(divisors) => Some(RopeScaling::with_divisors(divisors, theta).ok_or_else(|| {
                let what = format!("its {ROPE_FREQS} is no scaling of Llama 3");
                Error::unsupported(&file.path, what, "use a model of Llama 3.1 to 3.3, or one without scaling")
            })?),
        };
        let config = Config {
            family: self.architecture,
            vocab_size: self.vocab_size,
            hidden_size: self.embedding_length,
            n_layers: self.block_count,
            n_heads: self.head_count,
            n_kv_heads: self.head_count_kv,
            head_dim: self.key_length,
            intermediate_size: self.feed_forward_length,
            context: self.context_length,
            rope_theta: theta,
            rope_scaling,
            norm_eps: self.norm_epsilon,
            tie_embeddings: self.tied,
        };
        check_sizes(&config).map_err(|what| Error::unsupported(&file.path, what, "use a model of another size"))?;
        Ok(config)
    }
}

/// Part of a split file, an adapter, and others that are no model alone.
fn refuse_what_is_no_whole_model(file: &Gguf) -> Result<()> {
    if let Some(parts) = file.integer("split.count")?.filter(|&parts| parts > 1) {
        let what = format!("it is one of {parts} parts of a model");
        return Err(Error::unsupported(&file.path, what, "join them into one file with llama.cpp's llama-gguf-split --merge"));
    }
    match file.text("general.type")? {
        None | Some("model") => Ok(()),
        Some(other) => Err(Error::unsupported(&file.path, format!("it holds a {other:?} and not a model"), "give the model's own file")),
    }
}

/// Every key of the architecture is one that is read, or says what is done anyway.
fn refuse_what_changes_the_computation(file: &Gguf, architecture: Family) -> Result<()> {
    for (key, value) in &file.keys {
        let Some(end) = key.strip_prefix(architecture.name()).and_then(|end| end.strip_prefix('.')) else { continue };
        let number = value.as_f64().or(value.as_u64().map(|x| x as f64));
        let is_rotary = architecture != Family::Gpt2;
        let known = match end {
            "vocab_size" | "context_length" | "embedding_length" | "feed_forward_length" | "block_count" => true,
            "attention.head_count" | "attention.head_count_kv" | "attention.key_length" | "attention.value_length" => true,
            "attention.layer_norm_rms_epsilon" | "rope.dimension_count" | "rope.freq_base" => is_rotary,
            "attention.layer_norm_epsilon" => !is_rotary,
            // How the weights came to be; nothing is computed with it.
            "tensor_data_layout" | "rope.scaling.original_context_length" | "rope.scaling.finetuned" => true,
            "rope.scaling.type" => matches!(value.as_str(), Some("none" | "linear")),
            // llama.cpp takes 0 for a factor that is not given.
            "rope.scaling.factor" | "rope.scale_linear" => number.is_some_and(|x| x == 0.0 || x == 1.0),
            "rope.scaling.attn_factor" => number == Some(1.0),
            "expert_count" | "expert_used_count" | "pooling_type" => number == Some(0.0),
            "attention.causal" => value.as_bool() == Some(true),
            "use_parallel_residual" => value.as_bool() == Some(false),
            // A window as long as the context hides nothing.
            "attention.sliding_window" => {
                let context = file.integer(&format!("{}.context_length", architecture.name()))?;
                number.is_some_and(|x| x == 0.0 || context.is_some_and(|context| x >= context as f64))
            }
            _ => false,
        };
        if !known {
            let value = match value {
                Value::Array(array) => format!("a list of {}", array.len()),
                Value::String(text) => format!("{text:?}"),
                other => number.map_or(format!("{other:?}"), |x| x.to_string()),
            };
            let what = format!("its key {key} is {value}, which changes what is computed in a way that is not supported");
            return Err(Error::unsupported(&file.path, what, "use a model without it"));
        }
    }
    Ok(())
}

/// The divisors of the rotary frequencies; nothing where they are 1.
fn rope_freqs(file: &Gguf, architecture: Family, key_length: usize) -> Result<Option<Vec<f32>>> {
    let Some(tensor) = file.tensor(ROPE_FREQS) else { return Ok(None) };
    if architecture != Family::Llama {
        let what = format!("it has a tensor {ROPE_FREQS}, which models of the architecture {} have not", architecture.name());
        return Err(Error::unsupported(&file.path, what, "use a model without it"));
    }
    if tensor.kind != TensorType::F32 || tensor.shape != [key_length / 2] {
        let why = format!("it is {} of shape {:?} and not F32 of shape [{}]", tensor.kind.name(), tensor.shape, key_length / 2);
        return Err(file.damaged(ROPE_FREQS, why));
    }
    let divisors: Vec<f32> = file.bytes(tensor).as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    match divisors.iter().find(|divisor| !(divisor.is_finite() && **divisor > 0.0)) {
        Some(divisor) => Err(file.damaged(ROPE_FREQS, format!("{divisor} divides no frequency"))),
        None => Ok(divisors.iter().any(|&divisor| divisor != 1.0).then_some(divisors)),
    }
}

/// Whether the output head is the table of embeddings: it is missing, or it is there once more, as in many files of GPT-2.
fn tied(file: &Gguf) -> bool {
    match (file.tensor("output.weight"), file.tensor("token_embd.weight")) {
        (Some(output), Some(table)) => {
            (output.kind, &output.shape) == (table.kind, &table.shape) && file.bytes(output) == file.bytes(table)
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests;
