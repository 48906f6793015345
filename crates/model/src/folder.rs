//! Model folders as Hugging Face lays them out: `config.json`, `generation_config.json`, `model.safetensors`.
//!
//! The tokenizer's files lie beside them but are not this crate's affair.

use std::path::Path;

use base::files;
use base::mmap::MappedFile;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};

use crate::{Config, Error, Model, Params, Result};

/// `config.json` of `Qwen3ForCausalLM` (names of transformers 4.x, which 5.x reads).
#[derive(Clone, Debug, Serialize, Deserialize)]
struct ConfigFile {
    architectures: Vec<String>,
    model_type: String,
    attention_bias: bool,
    #[serde(default)]
    attention_dropout: f32,
    bos_token_id: Option<u32>,
    eos_token_id: Option<u32>,
    head_dim: usize,
    hidden_act: String,
    hidden_size: usize,
    #[serde(default)]
    initializer_range: f32,
    intermediate_size: usize,
    max_position_embeddings: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    num_key_value_heads: usize,
    rms_norm_eps: f32,
    rope_theta: f64,
    #[serde(default)]
    rope_scaling: Option<serde_json::Value>,
    tie_word_embeddings: bool,
    torch_dtype: String,
    use_cache: bool,
    vocab_size: usize,
}

/// `generation_config.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct GenerationFile {
    bos_token_id: u32,
    eos_token_id: Vec<u32>,
    do_sample: bool,
    temperature: f32,
    top_k: usize,
    top_p: f32,
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
    let config = &model.config;
    let file = ConfigFile {
        architectures: vec!["Qwen3ForCausalLM".into()],
        model_type: "qwen3".into(),
        attention_bias: false,
        attention_dropout: 0.0,
        bos_token_id: Some(tokens.end_of_text),
        eos_token_id: Some(tokens.end_of_text),
        head_dim: config.head_dim,
        hidden_act: "silu".into(),
        hidden_size: config.hidden_size,
        initializer_range: 0.02,
        intermediate_size: config.intermediate_size,
        max_position_embeddings: config.context,
        num_attention_heads: config.n_heads,
        num_hidden_layers: config.n_layers,
        num_key_value_heads: config.n_kv_heads,
        rms_norm_eps: config.norm_eps,
        rope_theta: config.rope_theta,
        rope_scaling: None,
        tie_word_embeddings: config.tie_embeddings,
        torch_dtype: "float32".into(),
        use_cache: true,
        vocab_size: config.vocab_size,
    };
    let generation = GenerationFile {
        bos_token_id: tokens.end_of_text,
        eos_token_id: vec![tokens.end_of_turn, tokens.end_of_text],
        do_sample: true,
        temperature: 0.8,
        top_k: 50,
        top_p: 0.95,
    };
    files::write_json(&folder.join("config.json"), &file)?;
    files::write_json(&folder.join("generation_config.json"), &generation)?;
    save_tensors(&model.params, &model.params.data, &folder.join("model.safetensors"))
}

/// Writes one buffer of the parameters' layout as safetensors under the parameters' names.
fn save_tensors(params: &Params, data: &[f32], path: &Path) -> Result<()> {
    let named = params.layout.tensors.iter().map(|tensor| (tensor.name.clone(), tensor.shape.clone(), tensor.span.of(data)));
    write_safetensors(path, named)
}

/// Writes named f32 tensors as one safetensors file, whole or not at all.
pub fn write_safetensors<'a>(path: &Path, tensors: impl Iterator<Item = (String, Vec<usize>, &'a [f32])>) -> Result<()> {
    let bytes: Vec<(String, Vec<usize>, Vec<u8>)> =
        tensors.map(|(name, shape, data)| (name, shape, data.iter().flat_map(|x| x.to_le_bytes()).collect())).collect();
    let views = bytes.iter().map(|(name, shape, bytes)| {
        let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(|error| Error::Refused(format!("{name}: {error}")))?;
        Ok((name.as_str(), view))
    });
    let views: Vec<_> = views.collect::<Result<_>>()?;
    let metadata = Some([("format".to_string(), "pt".to_string())].into());
    let file = safetensors::serialize(views, metadata).map_err(|error| Error::Refused(format!("{}: {error}", path.display())))?;
    Ok(files::write_atomic(path, &file)?)
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
    let path = folder.join("config.json");
    let file: ConfigFile = files::read_json(&path)?;
    let refuse = |what: String| Err(Error::unsupported(&path, what, "use a Qwen3 model without biases or rope scaling"));
    if file.model_type != "qwen3" {
        return refuse(format!("model_type {:?} is not supported", file.model_type));
    }
    if file.attention_bias || file.hidden_act != "silu" || file.rope_scaling.is_some() {
        return refuse("attention biases, other activations than silu, and rope scaling are not supported".into());
    }
    let config = Config {
        vocab_size: file.vocab_size,
        hidden_size: file.hidden_size,
        n_layers: file.num_hidden_layers,
        n_heads: file.num_attention_heads,
        n_kv_heads: file.num_key_value_heads,
        head_dim: file.head_dim,
        intermediate_size: file.intermediate_size,
        context: file.max_position_embeddings,
        rope_theta: file.rope_theta,
        norm_eps: file.rms_norm_eps,
        tie_embeddings: file.tie_word_embeddings,
    };
    let sizes = [
        config.vocab_size,
        config.hidden_size,
        config.n_layers,
        config.n_heads,
        config.n_kv_heads,
        config.head_dim,
        config.intermediate_size,
    ];
    if sizes.iter().any(|&size| size == 0 || size > 1 << 24)
        || !config.n_heads.is_multiple_of(config.n_kv_heads)
        || !config.head_dim.is_multiple_of(2)
    {
        return refuse("its sizes do not fit together".into());
    }
    Ok(config)
}

/// Reads a model folder.
pub fn load(folder: &Path) -> Result<Model> {
    let config = load_config(folder)?;
    let path = folder.join("model.safetensors");
    // The file's size bounds what is allocated: a hostile configuration cannot ask for more.
    let bytes = std::fs::metadata(&path).map_err(|source| base::Error::io(&path, "open", source))?.len();
    let layout_len = crate::Layout::new(&config).len;
    if (layout_len as u64).saturating_mul(2) > bytes {
        let why = format!("{bytes} bytes cannot hold the {layout_len} parameters that config.json asks for");
        return Err(base::Error::damaged(&path, "its end", why, "restore the file or make it again").into());
    }
    let mut params = Params::zeros(&config);
    load_tensors(&params.layout, &mut params.data, &path)?;
    Ok(Model { config, params })
}

/// Reads the tensors of a layout into one buffer.
fn load_tensors(layout: &crate::Layout, data: &mut [f32], path: &Path) -> Result<()> {
    let mut rest = data;
    let mut wanted = Vec::with_capacity(layout.tensors.len());
    for tensor in &layout.tensors {
        let (part, after) = rest.split_at_mut(tensor.span.len);
        wanted.push((tensor.name.clone(), tensor.shape.clone(), part));
        rest = after;
    }
    read_safetensors(path, &mut wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scratch(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("schoolhouse-model-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    #[test]
    fn a_model_comes_back_as_it_was() {
        let folder = scratch("roundtrip");
        for tie_embeddings in [true, false] {
            let model = Model::new(Config { tie_embeddings, ..Config::from_depth(1, 30, 8) }, 1);
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
            (whole[..100].to_vec(), "cannot hold the"),
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
