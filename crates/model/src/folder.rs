//! Model folders as Hugging Face lays them out: `config.json`, `generation_config.json`, `model.safetensors`.
//!
//! The tokenizer's files lie beside them but are not this crate's affair.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;

use base::files::{self, AtomicFile};
use base::mmap::MappedFile;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tensor::quant::{self, Format};

use crate::linear::Source;
use crate::params::TensorSpec;
use crate::stored::{INDEX_FILE, Stored, WEIGHTS_FILE};
use crate::{Config, Error, Layout, Model, Params, Result, config_file};

/// How the model's maker samples from it.
pub const GENERATION_FILE: &str = "generation_config.json";

/// `generation_config.json`: what is read of it, and written.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Generation {
    /// Begins a text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bos_token_id: Option<u32>,
    /// What ends an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub eos_token_id: Option<Ids>,
    /// Whether ids are drawn, and not the most likely ones taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub do_sample: Option<bool>,
    /// Divides the logits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// So many of the most likely ids stay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_k: Option<usize>,
    /// The most likely ids stay until their probabilities sum to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f32>,
    /// Ids stay that are at least this times as likely as the most likely one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_p: Option<f32>,
    /// Divides positive logits of ids that were there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repetition_penalty: Option<f32>,
}

/// Hugging Face writes one id or a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ids {
    /// The only one.
    One(u32),
    /// Several.
    Many(Vec<u32>),
}

impl Ids {
    /// All of them, none where there are none.
    pub fn list(ids: &Option<Ids>) -> &[u32] {
        match ids {
            None => &[],
            Some(Ids::One(id)) => std::slice::from_ref(id),
            Some(Ids::Many(ids)) => ids,
        }
    }
}

/// Tokens that the folder's files name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTokens {
    /// Begins every document, and ends it.
    pub end_of_text: u32,
    /// Ends a turn of a conversation.
    pub end_of_turn: u32,
}

/// Writes configuration and weights into a folder, in 32 bits, each file whole or not at all.
pub fn save(model: &Model, tokens: EndTokens, folder: &Path) -> Result<()> {
    let EndTokens { end_of_text, end_of_turn } = tokens;
    let generation = Generation {
        bos_token_id: Some(end_of_text),
        eos_token_id: Some(Ids::Many(vec![end_of_turn, end_of_text])),
        do_sample: Some(true),
        temperature: Some(0.8),
        top_k: Some(50),
        top_p: Some(0.95),
        ..Generation::default()
    };
    files::write_json(&folder.join(GENERATION_FILE), &generation)?;
    let in_config = Generation { eos_token_id: Some(Ids::One(end_of_text)), ..generation };
    write_model(&model.config, Source::Params(&model.params), &in_config, Format::F32, None, folder)
}

/// Like [`save`], for a model whose ids all mean something else than an end: its answers have a length that is known
/// beforehand, and the most likely ids.
pub fn save_endless(model: &Model, folder: &Path) -> Result<()> {
    let generation = Generation { do_sample: Some(false), ..Generation::default() };
    files::write_json(&folder.join(GENERATION_FILE), &generation)?;
    write_model(&model.config, Source::Params(&model.params), &generation, Format::F32, None, folder)
}

/// Writes stored weights with their configuration in 32 or 16 bits, in files of at most about `max_file_bytes`. The configuration names
/// the ids that `generation` has; `generation_config.json` is the caller's.
pub fn export(stored: &Stored, format: Format, max_file_bytes: Option<u64>, generation: &Generation, folder: &Path) -> Result<()> {
    if dtype_of(format).is_none() {
        return Err(Error::Refused(format!("safetensors hold no {}; choose f32, f16 or bf16, or write GGUF", format.name())));
    }
    stored.check(&Layout::new(&stored.config))?;
    write_model(&stored.config, Source::Stored(stored), generation, format, max_file_bytes, folder)
}

/// A format's names in safetensors and in `config.json`.
fn dtype_of(format: Format) -> Option<(&'static str, &'static str)> {
    match format {
        Format::F32 => Some(("F32", "float32")),
        Format::F16 => Some(("F16", "float16")),
        Format::Bf16 => Some(("BF16", "bfloat16")),
        _ => None,
    }
}

fn write_model(
    config: &Config,
    source: Source,
    generation: &Generation,
    format: Format,
    max_file_bytes: Option<u64>,
    folder: &Path,
) -> Result<()> {
    let (dtype, name) = dtype_of(format).expect("a format that safetensors have");
    let layout = Layout::new(config);
    // Files of whole tensors, at least one in each.
    let mut parts: Vec<Vec<&TensorSpec>> = vec![Vec::new()];
    let mut bytes = 0;
    for tensor in &layout.tensors {
        let size = format.row_bytes(tensor.span.len) as u64;
        if bytes > 0 && bytes + size > max_file_bytes.unwrap_or(u64::MAX) {
            parts.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        parts.last_mut().expect("at least one file").push(tensor);
    }
    let file_name = |part: usize| match parts.len() {
        1 => WEIGHTS_FILE.to_string(),
        n => format!("model-{:05}-of-{n:05}.safetensors", part + 1),
    };
    for (part, tensors) in parts.iter().enumerate() {
        let headers = tensors.iter().map(|tensor| {
            let mut shape = tensor.shape.clone();
            if tensor.transposed {
                shape.reverse();
            }
            TensorHeader { name: tensor.name.clone(), dtype, shape, bytes: format.row_bytes(tensor.span.len) }
        });
        let data = tensors.iter().map(|tensor| {
            let mut values = source.numbers(&layout, tensor.span)?;
            if let (true, &[rows, cols]) = (tensor.transposed, &tensor.shape[..]) {
                values = transposed(&values, rows, cols);
            }
            let mut bytes = vec![0; format.row_bytes(values.len())];
            quant::quantize(format, &values, &mut bytes);
            Ok(Cow::Owned(bytes))
        });
        write_tensors(&folder.join(file_name(part)), &headers.collect::<Vec<_>>(), data)?;
    }
    if parts.len() > 1 {
        let places = parts.iter().enumerate().flat_map(|(part, tensors)| tensors.iter().map(move |tensor| (part, tensor)));
        let weight_map: BTreeMap<&str, String> = places.map(|(part, tensor)| (tensor.name.as_str(), file_name(part))).collect();
        let total: usize = format.row_bytes(layout.len);
        files::write_json(&folder.join(INDEX_FILE), &json!({"metadata": {"total_size": total}, "weight_map": weight_map}))?;
    }
    config_file::write(config, generation, name, folder)
}

/// A matrix (rows, cols) the other way round.
fn transposed(matrix: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..rows * cols).map(|at| matrix[at % rows * cols + at / rows]).collect()
}

/// Writes named f32 tensors as one safetensors file, whole or not at all.
pub fn write_safetensors<'a>(path: &Path, tensors: impl Iterator<Item = (String, Vec<usize>, &'a [f32])>) -> Result<()> {
    let (headers, values): (Vec<_>, Vec<_>) =
        tensors.map(|(name, shape, values)| (TensorHeader { name, dtype: "F32", shape, bytes: size_of_val(values) }, values)).unzip();
    let bytes = values.iter().map(|values| Ok(Cow::Owned(values.iter().flat_map(|value| value.to_le_bytes()).collect())));
    write_tensors(path, &headers, bytes)
}

/// A tensor that will be written.
struct TensorHeader {
    name: String,
    dtype: &'static str,
    shape: Vec<usize>,
    bytes: usize,
}

/// Writes a safetensors file as its tensors come. The format: the header's length in 8 bytes, the header as JSON, the numbers.
fn write_tensors<'a>(path: &Path, headers: &[TensorHeader], data: impl Iterator<Item = Result<Cow<'a, [u8]>>>) -> Result<()> {
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_string(), json!({"format": "pt"}));
    let mut end = 0;
    for TensorHeader { name, dtype, shape, bytes } in headers {
        let start = end;
        end += bytes;
        header.insert(name.clone(), json!({"dtype": dtype, "shape": shape, "data_offsets": [start, end]}));
    }
    let mut header = serde_json::Value::Object(header).to_string();
    // The numbers begin at a multiple of 8 bytes.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut file = AtomicFile::create(path)?;
    let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|source| base::Error::io(path, "write", source));
    write(&(header.len() as u64).to_le_bytes())?;
    write(header.as_bytes())?;
    for bytes in data {
        write(&bytes?)?;
    }
    Ok(file.commit()?)
}

/// Reads named f32 tensors of known shapes from a safetensors file into slices. A missing, surplus or misshapen tensor is an error.
pub fn read_safetensors(path: &Path, wanted: &mut [(String, Vec<usize>, &mut [f32])]) -> Result<()> {
    let file = MappedFile::open(path)?;
    let damaged = |why: String| Error::File(base::Error::damaged(path, "its header", why, "restore the file or make it again"));
    let tensors = SafeTensors::deserialize(&file).map_err(|error| damaged(error.to_string()))?;
    if tensors.len() != wanted.len() {
        return Err(damaged(format!("{} tensors where the configuration asks for {}", tensors.len(), wanted.len())));
    }
    for (name, shape, data) in wanted {
        let view = tensors.tensor(name).map_err(|_| damaged(format!("tensor {name} is missing")))?;
        if view.shape() != shape.as_slice() {
            return Err(damaged(format!("tensor {name} has shape {:?} where the configuration asks for {shape:?}", view.shape())));
        }
        if view.dtype() != Dtype::F32 {
            return Err(Error::unsupported(path, format!("tensor {name} is {:?}", view.dtype()), "convert the model to float32"));
        }
        for (value, bytes) in data.iter_mut().zip(view.data().as_chunks::<4>().0) {
            *value = f32::from_le_bytes(*bytes);
        }
        if let Some(at) = data.iter().position(|value| !value.is_finite()) {
            return Err(damaged(format!("tensor {name} holds {} at element {at}", data[at])));
        }
    }
    Ok(())
}

/// Reads `config.json` alone.
pub fn load_config(folder: &Path) -> Result<Config> {
    config_file::read(folder)
}

/// Reads a model folder, or a GGUF file, into memory in 32 bits.
pub fn load(path: &Path) -> Result<Model> {
    let stored = Stored::open(path)?;
    let config = stored.config;
    // Shapes are checked before anything is allocated: a hostile configuration cannot ask for more than the files hold.
    let layout = Layout::new(&config);
    stored.check(&layout)?;
    let mut params = Params::zeros(&config);
    for tensor in &layout.tensors {
        stored.read(tensor, tensor.span.of_mut(&mut params.data))?;
    }
    Ok(Model { config, params })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Family, RopeScaling};

    fn scratch(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("schoolhouse-model-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_model_comes_back_as_it_was() {
        let folder = scratch("roundtrip");
        let scaling = RopeScaling { factor: 4.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 2 };
        for (tie_embeddings, family) in [true, false].into_iter().flat_map(|tied| Family::ALL.map(|family| (tied, family))) {
            let rope_scaling = (family == Family::Llama).then_some(scaling);
            let model = Model::new(Config { tie_embeddings, family, rope_scaling, ..Config::from_depth(1, 30, 8) }, 1);
            save(&model, EndTokens { end_of_text: 3, end_of_turn: 2 }, &folder).unwrap();
            let back = load(&folder).unwrap();
            assert_eq!(back.config, model.config);
            assert_eq!(back.params.data, model.params.data);
        }
    }

    /// Bytes of each tensor in 16 bits are what 16 bits hold of the model, in one file or in several.
    #[test]
    fn an_exported_model_is_the_model_in_that_format() {
        let folder = scratch("exported");
        for family in Family::ALL {
            let model = Model::new(Config::from_depth(1, 30, 8).with_family(family), 1);
            let (whole, parts) = (folder.join("whole"), folder.join("parts"));
            save(&model, EndTokens { end_of_text: 3, end_of_turn: 2 }, &whole).unwrap();
            for (format, max_file_bytes) in [(Format::F32, Some(40_000)), (Format::F16, None), (Format::Bf16, Some(20_000))] {
                let _ = std::fs::remove_dir_all(&parts);
                export(&Stored::open(&whole).unwrap(), format, max_file_bytes, &Generation::default(), &parts).unwrap();
                assert_eq!(parts.join(INDEX_FILE).exists(), max_file_bytes.is_some());
                let back = load(&parts).unwrap();
                assert_eq!(back.config, model.config);
                let mut bytes = vec![0; format.row_bytes(model.params.data.len())];
                quant::quantize(format, &model.params.data, &mut bytes);
                let mut expected = vec![0.0; model.params.data.len()];
                quant::dequantize(format, &bytes, &mut expected);
                assert_eq!(back.params.data, expected);
            }
        }
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn damaged_folders_end_in_a_sentence_that_names_the_file() {
        let folder = scratch("damaged");
        let model = Model::new(Config::from_depth(1, 30, 8), 1);
        save(&model, EndTokens { end_of_text: 3, end_of_turn: 2 }, &folder).unwrap();
        let path = folder.join("model.safetensors");
        let whole = std::fs::read(&path).unwrap();
        let mut not_finite = whole.clone();
        let end = not_finite.len();
        not_finite[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
        for (bytes, expected) in [
            (whole[..whole.len() - 8].to_vec(), "model.safetensors is damaged at its header"),
            (whole[..100].to_vec(), "model.safetensors is damaged at its header"),
            (vec![0xFF; whole.len()], "model.safetensors is damaged at its header"),
            (not_finite, "holds NaN at element"),
        ] {
            std::fs::write(&path, bytes).unwrap();
            let message = load(&folder).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
        std::fs::write(folder.join("config.json"), "{\"model_type\": 3}").unwrap();
        assert!(load(&folder).unwrap_err().to_string().contains("config.json is damaged at line 1"));
    }
}
