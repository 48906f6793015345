//! A model as a GGUF file, in any of the formats that are written here.
//!
//! What llama.cpp's converter leaves in 32 bits stays so: norms, biases and learned positions.

use std::borrow::Cow;
use std::path::Path;

use tensor::quant::Format;

use super::{Change, Hyperparameters, TensorHeader, TensorType, Value, halves_to_pairs, write};
use crate::linear::{Source, converted, possible};
use crate::params::{Role, TensorSpec};
use crate::stored::Stored;
use crate::{Error, Layout, Result};

/// Writes stored weights as one file: each matrix in `format`, or in what it is stored in, rows that its blocks do not divide in a finer
/// one. `vocabulary` are the keys of the vocabulary.
///
/// # Errors
/// Weights that are not those of the configuration, and what the file system has to say.
pub fn export(stored: &Stored, name: Option<&str>, vocabulary: Vec<(String, Value)>, format: Option<Format>, path: &Path) -> Result<()> {
    let config = &stored.config;
    let layout = Layout::new(config);
    stored.check(&layout)?;
    let source = Source::Stored(stored);
    let sizes = Hyperparameters { name: name.map(str::to_string), ..Hyperparameters::of(config) };
    let mut headers = Vec::new();
    let mut first = None;
    if let Some((header, bytes)) = sizes.rope_freqs_tensor() {
        headers.push(header);
        first = Some(Ok(Cow::Owned(bytes)));
    }
    let mut kept = Vec::new();
    for tensor in &layout.tensors {
        let renamed = config.family.to_gguf(&tensor.name);
        let renamed = renamed.ok_or_else(|| Error::Refused(format!("GGUF has no name for the tensor {}", tensor.name)))?;
        let format = format_of(&source, tensor, format)?;
        headers.push(TensorHeader { name: renamed.name, shape: tensor.shape.clone(), kind: type_of(format) });
        kept.push((tensor, renamed.change, format));
    }
    let data = kept.iter().map(|(tensor, change, format)| {
        let (stored_in, bytes) = source.rows(tensor)?;
        let bytes = match stored_in == *format {
            true => bytes,
            false => Cow::Owned(converted(stored_in, &bytes, row_of(tensor), *format)),
        };
        Ok(match change {
            Change::QueryPairs => Cow::Owned(halves_to_pairs(&bytes, config.n_heads, tensor.shape[0])),
            Change::KeyPairs => Cow::Owned(halves_to_pairs(&bytes, config.n_kv_heads, tensor.shape[0])),
            Change::None | Change::Transposed => bytes,
        })
    });
    let largest = kept.iter().filter(|(tensor, ..)| tensor.role.is_block_matrix()).map(|(.., format)| *format).next();
    let mut keys = sizes.keys(type_of(largest.unwrap_or(Format::F32)));
    keys.extend(vocabulary);
    write(path, &keys, &headers, first.into_iter().chain(data))
}

/// Bytes of all tensors in a file that [`export`] writes, without what stands between them.
///
/// # Errors
/// Weights that are not those of the configuration.
pub fn tensor_bytes(stored: &Stored, format: Option<Format>) -> Result<u64> {
    let source = Source::Stored(stored);
    let layout = Layout::new(&stored.config);
    let bytes = |tensor: &TensorSpec| Ok(format_of(&source, tensor, format)?.row_bytes(tensor.span.len) as u64);
    layout.tensors.iter().map(bytes).sum()
}

/// The formats of the matrices in a file that [`export`] writes, that of most numbers first; GPT-2's positions are none of them.
///
/// # Errors
/// Weights that are not those of the configuration.
pub fn formats(stored: &Stored, format: Option<Format>) -> Result<Vec<Format>> {
    let source = Source::Stored(stored);
    let layout = Layout::new(&stored.config);
    let mut formats: Vec<(Format, usize)> = Vec::new();
    for tensor in layout.tensors.iter().filter(|tensor| !stays_in_32_bits(tensor)) {
        let format = format_of(&source, tensor, format)?;
        match formats.iter_mut().find(|(known, _)| *known == format) {
            Some((_, numbers)) => *numbers += tensor.span.len,
            None => formats.push((format, tensor.span.len)),
        }
    }
    formats.sort_by_key(|(_, numbers)| std::cmp::Reverse(*numbers));
    Ok(formats.into_iter().map(|(format, _)| format).collect())
}

/// Numbers of a row.
fn row_of(tensor: &TensorSpec) -> usize {
    *tensor.shape.last().expect("a tensor has a shape")
}

/// Whether a tensor is written in 32 bits, whatever is asked for.
fn stays_in_32_bits(tensor: &TensorSpec) -> bool {
    let is_positions = tensor.role == Role::Table && tensor.name.ends_with("wpe.weight");
    matches!(tensor.role, Role::Gain | Role::Bias) || is_positions
}

/// The format that a tensor is written in.
fn format_of(source: &Source, tensor: &TensorSpec, wanted: Option<Format>) -> Result<Format> {
    if stays_in_32_bits(tensor) {
        return Ok(Format::F32);
    }
    Ok(match wanted {
        Some(wanted) => possible(wanted, row_of(tensor)),
        None => source.rows(tensor)?.0,
    })
}

/// A format's type in GGUF.
pub(crate) fn type_of(format: Format) -> TensorType {
    match format {
        Format::F32 => TensorType::F32,
        Format::F16 => TensorType::F16,
        Format::Bf16 => TensorType::BF16,
        Format::Q8_0 => TensorType::Q8_0,
        Format::Q4_0 => TensorType::Q4_0,
        Format::Q5_0 => TensorType::Q5_0,
        Format::Q4K => TensorType::Q4_K,
        Format::Q5K => TensorType::Q5_K,
        Format::Q6K => TensorType::Q6_K,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::folder::{self, EndTokens};
    use crate::inference::{self, Feed, KvCache, Weights};
    use crate::{Config, Family, Model, RopeScaling};
    use base::rng::Rng;

    fn last_logits(weights: &Weights, tokens: &[u32]) -> Vec<f32> {
        let mut cache = KvCache::new(weights.config(), 1, tokens.len());
        let mut logits = Vec::new();
        inference::forward(weights, &mut cache, &[Feed { slot: 0, tokens }], 1, &mut logits);
        logits
    }

    /// In 32 bits the file is the model; in others it computes what the model converted in memory computes.
    #[test]
    fn a_model_comes_back_from_its_file_in_every_format() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-model-convert-{}", std::process::id()));
        let scaling = RopeScaling { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
        for (family, tie_embeddings) in Family::ALL.into_iter().flat_map(|family| [(family, true), (family, false)]) {
            let rope_scaling = (family == Family::Llama).then_some(scaling);
            let n_kv_heads = if family == Family::Gpt2 { 4 } else { 2 };
            let config = Config { tie_embeddings, rope_scaling, n_kv_heads, ..Config::from_depth(4, 70, 24) };
            let mut model = Model::new(Config { n_layers: 2, ..config }.with_family(family), 1);
            let mut rng = Rng::new(2);
            model.params.data.iter_mut().for_each(|weight| *weight += 0.05 * rng.normal());
            folder::save(&model, EndTokens { end_of_text: 3, end_of_turn: 2 }, &folder).unwrap();
            let stored = Stored::open(&folder).unwrap();
            let tokens: Vec<u32> = (0..20).map(|i| i * 7 % 70).collect();
            let all = [None].into_iter().chain(Format::ALL.map(Some));
            let is_first = family == Family::Qwen3 && tie_embeddings;
            for format in all.filter(|format| is_first || matches!(format, None | Some(Format::Q8_0 | Format::Q4K))) {
                let path = folder.join("model.gguf");
                let keys = vec![("tokenizer.ggml.model".to_string(), Value::String("none".into()))];
                export(&stored, Some("small"), keys, format, &path).unwrap();
                let back = Stored::open(&path).unwrap();
                assert_eq!(back.config, model.config);
                assert_eq!(back.gguf.as_ref().unwrap().text("general.name").unwrap(), Some("small"));
                if format.is_none() {
                    assert_eq!(folder::load(&path).unwrap().params.data, model.params.data);
                }
                let found = last_logits(&Weights::load(&back, None).unwrap(), &tokens);
                let expected = last_logits(&Weights::converted(&model, format.unwrap_or(Format::F32)), &tokens);
                assert!(found == expected, "{family:?} in {format:?}");
            }
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
