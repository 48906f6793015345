//! A small random model in a folder, as Hugging Face has them, written without the crate that reads them. It writes small letters, and
//! goes on until its context is full, so that an answer can be stopped while it is written.

use std::path::Path;

use base::progress::Progress;
use base::rng::Rng;
use base::stop::Stop;
use serde_json::{Map, json};
use tokenizer::train::TrainConfig;
use tokenizer::{Pattern, Tokenizer};

const CONTEXT: usize = 2048;
const VOCABULARY: usize = 340;
const WIDTH: usize = 256;
const INNER: usize = 512;
const LAYERS: usize = 4;

const TEXT: &str = "Once upon a time there was a small mouse who lived near the old mill. The mouse liked bread and the bread was good. \
                    One day the mouse met a goose, and the goose asked: what is the name of the river? \
                    The river has no name, said the mouse. ";

/// Writes the model and its tokenizer.
pub fn write(folder: &Path) {
    let config = TrainConfig { vocab_size: VOCABULARY, pattern: Pattern::Qwen2, threads: 1 };
    let texts = std::iter::repeat_n(TEXT.to_string(), 4);
    let tokenizer = tokenizer::train::train(texts, &config, &Progress::silent(), &Stop::new()).expect("a tokenizer");
    tokenizer.save(folder).expect("the tokenizer is written");
    let config = json!({
        "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": VOCABULARY, "hidden_size": WIDTH,
        "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 64,
        "max_position_embeddings": CONTEXT, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "rope_scaling": null,
        "tie_word_embeddings": true, "attention_bias": false, "hidden_act": "silu", "torch_dtype": "float32",
    });
    let ends = [tokenizer.im_end(), tokenizer.eot()];
    let generation = json!({"eos_token_id": ends, "do_sample": true, "temperature": 0.8, "top_k": 20, "top_p": 0.95});
    let files = [("config.json", config.to_string().into_bytes()), ("generation_config.json", generation.to_string().into_bytes())];
    for (name, bytes) in files.into_iter().chain([("model.safetensors", weights(&tokenizer))]) {
        std::fs::write(folder.join(name), bytes).expect("the model is written");
    }
}

/// Gains of 1 and random matrices. What is no small letter is a row of zeros: never among the likeliest.
fn weights(tokenizer: &Tokenizer) -> Vec<u8> {
    let mut rng = Rng::new(7);
    let (mut header, mut data) = (Map::new(), Vec::new());
    for (name, shape) in tensors() {
        let start = data.len();
        for at in 0..shape.iter().product() {
            let number: f32 = match shape[..] {
                [_] => 1.0,
                [VOCABULARY, width] if !is_text(tokenizer, (at / width) as u32) => 0.0,
                _ => 0.08 * rng.normal(),
            };
            data.extend(number.to_le_bytes());
        }
        header.insert(name, json!({"dtype": "F32", "shape": shape, "data_offsets": [start, data.len()]}));
    }
    let mut header = json!(header).to_string();
    header += &" ".repeat(header.len().next_multiple_of(8) - header.len());
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &data].concat()
}

fn tensors() -> Vec<(String, Vec<usize>)> {
    let mut tensors = vec![("model.embed_tokens.weight".to_owned(), vec![VOCABULARY, WIDTH])];
    for layer in 0..LAYERS {
        let parts: [(&str, Vec<usize>); 11] = [
            ("input_layernorm", vec![WIDTH]),
            ("self_attn.q_proj", vec![WIDTH, WIDTH]),
            ("self_attn.k_proj", vec![WIDTH, WIDTH]),
            ("self_attn.v_proj", vec![WIDTH, WIDTH]),
            ("self_attn.q_norm", vec![64]),
            ("self_attn.k_norm", vec![64]),
            ("self_attn.o_proj", vec![WIDTH, WIDTH]),
            ("post_attention_layernorm", vec![WIDTH]),
            ("mlp.gate_proj", vec![INNER, WIDTH]),
            ("mlp.up_proj", vec![INNER, WIDTH]),
            ("mlp.down_proj", vec![WIDTH, INNER]),
        ];
        tensors.extend(parts.map(|(name, shape)| (format!("model.layers.{layer}.{name}.weight"), shape)));
    }
    tensors.push(("model.norm.weight".to_owned(), vec![WIDTH]));
    tensors
}

fn is_text(tokenizer: &Tokenizer, id: u32) -> bool {
    !tokenizer.is_special(id) && tokenizer.token_bytes(id).iter().all(|byte| byte.is_ascii_lowercase() || *byte == b' ')
}
