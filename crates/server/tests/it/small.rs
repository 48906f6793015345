//! Small random models in folders, as Hugging Face has them, written without the crate that reads them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use base::rng::Rng;
use serde_json::{Map, json};
use tokenizer::Tokenizer;

/// Ids of the model, and of its tokenizer: bytes and special tokens.
pub const VOCAB: usize = 268;

const WIDTH: usize = 32;
const INNER: usize = 48;

/// A folder of its own that goes when this does.
pub struct Scratch(PathBuf);

impl Scratch {
    pub fn new() -> Scratch {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("schoolhouse-server-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::SeqCst));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// Writes a model of one block into a folder, and gives the folder.
pub fn write(folder: &Path, context: usize) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    let tokenizer = Tokenizer::from_merges(Vec::new());
    assert_eq!(tokenizer.vocab_size(), VOCAB);
    tokenizer.save(folder).unwrap();
    let config = json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": VOCAB, "hidden_size": WIDTH,
        "intermediate_size": INNER, "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 16,
        "max_position_embeddings": context, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": null,
        "tie_word_embeddings": true, "attention_bias": false, "hidden_act": "silu", "torch_dtype": "float32",
    });
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    let ends = [tokenizer.im_end(), tokenizer.eot()];
    let generation = json!({"eos_token_id": ends, "do_sample": true, "temperature": 0.8, "top_k": 50, "top_p": 0.95});
    fs::write(folder.join("generation_config.json"), generation.to_string()).unwrap();
    fs::write(folder.join("model.safetensors"), weights()).unwrap();
    folder.to_path_buf()
}

/// Gains near 1 and random matrices, so that answers vary.
fn weights() -> Vec<u8> {
    let block = |name: &str| format!("model.layers.0.{name}.weight");
    let tensors = [
        ("model.embed_tokens.weight".to_owned(), vec![VOCAB, WIDTH]),
        (block("input_layernorm"), vec![WIDTH]),
        (block("self_attn.q_proj"), vec![32, WIDTH]),
        (block("self_attn.k_proj"), vec![16, WIDTH]),
        (block("self_attn.v_proj"), vec![16, WIDTH]),
        (block("self_attn.q_norm"), vec![16]),
        (block("self_attn.k_norm"), vec![16]),
        (block("self_attn.o_proj"), vec![WIDTH, 32]),
        (block("post_attention_layernorm"), vec![WIDTH]),
        (block("mlp.gate_proj"), vec![INNER, WIDTH]),
        (block("mlp.up_proj"), vec![INNER, WIDTH]),
        (block("mlp.down_proj"), vec![WIDTH, INNER]),
        ("model.norm.weight".to_owned(), vec![WIDTH]),
    ];
    let mut rng = Rng::new(7);
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors {
        let start = data.len();
        for _ in 0..shape.iter().product() {
            let number = if shape.len() == 1 { 1.0 + 0.1 * rng.normal() } else { 0.3 * rng.normal() };
            data.extend(number.to_le_bytes());
        }
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let mut header = json!(header).to_string();
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}
