//! What the keys of a GGUF file say of a model's sizes, read into one plain struct and written from it.
//!
//! A key that changes what is computed and is not read here is refused by its name: a model that is run without it would be another
//! one. Knows nothing of how this program keeps a configuration. Keys are those of `docs/gguf.md` of ggml and of llama.cpp.

use super::names::ROPE_FREQS;
use super::{Architecture, Gguf, TensorHeader, TensorType, Value};
use crate::{Error, Result};

/// The sizes of a model. Field names are the ends of GGUF's keys where they have one.
#[derive(Clone, Debug, PartialEq)]
pub struct Hyperparameters {
    /// The architecture.
    pub architecture: Architecture,
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

/// Llama 3's way to longer texts: slow frequencies are divided by a factor, fast ones stay, and between them it goes smoothly from one
/// to the other. Field names are those of `rope_scaling` in `config.json`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Llama3Scaling {
    /// What the slow ones are divided by.
    pub factor: f64,
    /// Slow is what turns fewer times than this in the original context.
    pub low_freq_factor: f64,
    /// Fast is what turns more often.
    pub high_freq_factor: f64,
    /// The context that the model was trained with first.
    pub original_max_position_embeddings: usize,
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
        let architecture = Architecture::of(file)?;
        refuse_what_is_no_whole_model(file)?;
        refuse_what_changes_the_computation(file, architecture)?;
        let key = |end: &str| format!("{}.{end}", architecture.name());
        let size = |end: &str| file.required(&key(end), file.integer(&key(end))?);
        let embeddings = file.tensor("token_embd.weight").filter(|tensor| tensor.shape.len() == 2);
        let embeddings = embeddings.ok_or_else(|| file.damaged("token_embd.weight", "there is no such matrix"))?;
        let (embedding_length, head_count) = (size("embedding_length")?, size("attention.head_count")?);
        let key_length = file.integer(&key("attention.key_length"))?.unwrap_or_else(|| embedding_length / head_count.max(1));
        let is_gpt2 = architecture == Architecture::Gpt2;
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
        if self.architecture == Architecture::Gpt2
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

impl Llama3Scaling {
    /// What each frequency is divided by in heads of this width, as transformers' `_compute_llama3_parameters` has it.
    pub fn divisors(&self, theta: f64, key_length: usize) -> Vec<f32> {
        let divisor = |i: usize| {
            let wavelength = 2.0 * std::f64::consts::PI * theta.powf(2.0 * i as f64 / key_length as f64);
            let turns = self.original_max_position_embeddings as f64 / wavelength;
            let fast = ((turns - self.low_freq_factor) / (self.high_freq_factor - self.low_freq_factor)).clamp(0.0, 1.0);
            1.0 / ((1.0 - fast) / self.factor + fast)
        };
        (0..key_length / 2).map(|i| divisor(i) as f32).collect()
    }

    /// The scaling of Llama 3.1 to 3.3 that has these divisors, up to a ten-thousandth. A file has the divisors alone; of all that
    /// have been published the factor differs, and the rest is what it is here.
    pub fn of(divisors: &[f32], theta: f64) -> Option<Llama3Scaling> {
        let factor = divisors.iter().copied().fold(0.0, f32::max);
        // The divisors went through f32, so the last bits of the factor are noise.
        let factor = f64::from((factor * 1024.0).round() / 1024.0);
        let scaling = Llama3Scaling { factor, low_freq_factor: 1.0, high_freq_factor: 4.0, original_max_position_embeddings: 8192 };
        let expected = scaling.divisors(theta, 2 * divisors.len());
        let same = expected.iter().zip(divisors).all(|(expected, found)| (expected - found).abs() <= 1e-4 * expected);
        (same && factor > 1.0).then_some(scaling)
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
fn refuse_what_changes_the_computation(file: &Gguf, architecture: Architecture) -> Result<()> {
    for (key, value) in &file.keys {
        let Some(end) = key.strip_prefix(architecture.name()).and_then(|end| end.strip_prefix('.')) else { continue };
        let number = value.as_f64().or(value.as_u64().map(|x| x as f64));
        let is_rotary = architecture != Architecture::Gpt2;
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
fn rope_freqs(file: &Gguf, architecture: Architecture, key_length: usize) -> Result<Option<Vec<f32>>> {
    let Some(tensor) = file.tensor(ROPE_FREQS) else { return Ok(None) };
    if architecture != Architecture::Llama {
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
