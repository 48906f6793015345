//! Model folders as Hugging Face lays them out: `config.json`, `generation_config.json`, `model.safetensors`.
//!
//! The tokenizer's files lie beside them but are not this crate's affair.

use std::borrow::Cow;
use std::io::Write;
use std::path::Path;

use base::files::{self, AtomicFile};
use base::mmap::MappedFile;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Serialize;
use serde_json::json;

use crate::stored::{Stored, WEIGHTS_FILE};
use crate::{Config, Error, Model, Params, Result, config_file};

/// How the model's maker samples from it.
const GENERATION_FILE: &str = "generation_config.json";

/// `generation_config.json`.
#[derive(Clone, Debug, Serialize)]
struct GenerationFile {
    bos_token_id: u32,
    eos_token_id: Vec<u32>,
    do_sample: bool,
    temperature: f32,
    top_k: usize,
    top_p: f32,
}

/// `generation_config.json` of a model that has no end.
#[derive(Clone, Debug, Serialize)]
struct EndlessGenerationFile {
    do_sample: bool,
}

/// Tokens that the folder's files name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EndTokens {
    /// Begins every document, and ends it.
    pub end_of_text: u32,
    /// Ends a turn of a conversation.
    pub end_of_turn: u32,
}

/// Writes configuration and weights into a folder, each file whole or not at all.
pub fn save(model: &Model, tokens: EndTokens, folder: &Path) -> Result<()> {
    let generation = GenerationFile {
        bos_token_id: tokens.end_of_text,
        eos_token_id: vec![tokens.end_of_turn, tokens.end_of_text],
        do_sample: true,
        temperature: 0.8,
        top_k: 50,
        top_p: 0.95,
    };
    config_file::write(&model.config, Some(tokens), "float32", folder)?;
    files::write_json(&folder.join(GENERATION_FILE), &generation)?;
    save_weights(model, folder)
}

/// Like [`save`], for a model whose ids all mean something else than an end: its answers have a length that is known
/// beforehand, and the most likely ids.
pub fn save_endless(model: &Model, folder: &Path) -> Result<()> {
    config_file::write(&model.config, None, "float32", folder)?;
    files::write_json(&folder.join(GENERATION_FILE), &EndlessGenerationFile { do_sample: false })?;
    save_weights(model, folder)
}

fn save_weights(model: &Model, folder: &Path) -> Result<()> {
    let tensors = model.params.layout.tensors.iter();
    let named = tensors.map(|tensor| {
        let values = tensor.span.of(&model.params.data);
        match (tensor.transposed, &tensor.shape[..]) {
            (true, &[rows, cols]) => (tensor.name.clone(), vec![cols, rows], Cow::Owned(transposed(values, rows, cols))),
            _ => (tensor.name.clone(), tensor.shape.clone(), Cow::Borrowed(values)),
        }
    });
    write_safetensors(&folder.join(WEIGHTS_FILE), named)
}

/// A matrix (rows, cols) the other way round.
fn transposed(matrix: &[f32], rows: usize, cols: usize) -> Vec<f32> {
    (0..rows * cols).map(|at| matrix[at % rows * cols + at / rows]).collect()
}

/// Writes named f32 tensors as one safetensors file, whole or not at all. The format: the header's length in 8 bytes, the header as
/// JSON, the numbers.
pub fn write_safetensors<'a>(path: &Path, tensors: impl Iterator<Item = (String, Vec<usize>, Cow<'a, [f32]>)>) -> Result<()> {
    let tensors: Vec<_> = tensors.collect();
    let mut header = serde_json::Map::new();
    header.insert("__metadata__".to_string(), json!({"format": "pt"}));
    let mut end = 0;
    for (name, shape, values) in &tensors {
        let start = end;
        end += size_of_val(&values[..]);
        header.insert(name.clone(), json!({"dtype": "F32", "shape": shape, "data_offsets": [start, end]}));
    }
    let mut header = serde_json::Value::Object(header).to_string();
    // The numbers begin at a multiple of 8 bytes.
    header.extend(std::iter::repeat_n(' ', header.len().next_multiple_of(8) - header.len()));
    let mut file = AtomicFile::create(path)?;
    let mut write = |bytes: &[u8]| file.write_all(bytes).map_err(|source| base::Error::io(path, "write", source));
    write(&(header.len() as u64).to_le_bytes())?;
    write(header.as_bytes())?;
    for (_, _, values) in &tensors {
        for piece in values.chunks(1 << 16) {
            write(&piece.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())?;
        }
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

/// Reads a model folder.
pub fn load(folder: &Path) -> Result<Model> {
    let config = load_config(folder)?;
    let stored = Stored::open(folder)?;
    // Shapes are checked before anything is allocated: a hostile configuration cannot ask for more than the files hold.
    let layout = crate::Layout::new(&config);
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
