//! Writes GGUF files for other programs to read, and what they should find: random models and a tokenizer's ids.
//!
//! `cargo run -p engine --example gguf_check TOKENIZER_JSON FOLDER`; scripts/check/gguf_llama_cpp.py runs it and llama.cpp on what it
//! wrote, with a conversation's ids besides. `qwen3.gguf` comes with the log-probabilities of this program. `qwen2.gguf` and `llama.gguf` are one model in two
//! architectures: the second has its query and key rows in pairs, so that both must give the same.

use std::borrow::Cow;
use std::path::Path;

use base::rng::Rng;
use model::gguf::{Architecture, Change, Hyperparameters, TensorHeader, TensorType, halves_to_pairs};
use model::{Activations, Config, Model, Target};
use tokenizer::Tokenizer;
use tokenizer::chat::{Conversation, Message, Role, render_prompt};

const TEXTS: [&str; 4] = ["The miller's daughter", "It's 1847, and\n\nI'm  tired.", "Où est la forêt? 東京は", " 3.14159 👍🏽\t\t<|im_end|>"];

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, tokenizer, folder] = &args[..] else { panic!("give the path of a tokenizer.json and of a folder") };
    let (tokenizer, folder) = (Tokenizer::load(Path::new(tokenizer)).expect("a tokenizer"), Path::new(folder));
    tensor::matmul::full_precision();
    let config = Config { n_kv_heads: 2, rope_theta: 1e6, ..Config::from_depth(4, tokenizer.vocab_size(), 128) };
    let mut model = Model::new(config, 1);
    let mut rng = Rng::new(2);
    model.params.data.iter_mut().for_each(|weight| *weight += 0.05 * rng.normal());

    for architecture in [Architecture::Qwen3, Architecture::Qwen2, Architecture::Llama] {
        write(&model, architecture, &tokenizer, &folder.join(format!("{}.gguf", architecture.name())));
    }
    let rows: Vec<String> = TEXTS.iter().map(|text| row(&model, &tokenizer, text)).collect();
    let conversation =
        Conversation { messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Who's there?\n")] };
    let chat = render_prompt(&conversation, &tokenizer);
    let expected = format!("{{\"texts\": [{}],\n\"chat\": {chat:?}}}", rows.join(",\n"));
    std::fs::write(folder.join("expected.json"), expected).expect("a folder to write to");
}

/// A model's file. Qwen2's has no norms of queries and keys, and biases that are 0.
fn write(model: &Model, architecture: Architecture, tokenizer: &Tokenizer, path: &Path) {
    let config = &model.config;
    let sizes = Hyperparameters {
        architecture,
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
        rope_theta: Some(config.rope_theta),
        rope_freqs: None,
        tied: config.tie_embeddings,
    };
    let mut keys = sizes.keys(TensorType::F32);
    keys.extend(engine::gguf::vocabulary_keys(tokenizer.gguf_keys().expect("a vocabulary that GGUF can hold")));
    let (mut headers, mut data) = (Vec::new(), Vec::new());
    let mut push = |name: String, shape: Vec<usize>, bytes: Vec<u8>| {
        headers.push(TensorHeader { name, shape, kind: TensorType::F32 });
        data.push(Ok(Cow::Owned(bytes)));
    };
    for tensor in &model.params.layout.tensors {
        // Norms of queries and keys are Qwen3's alone.
        let Some(to) = architecture.to_gguf(&tensor.name) else { continue };
        let bytes: Vec<u8> = tensor.span.of(&model.params.data).iter().flat_map(|x| x.to_le_bytes()).collect();
        let bytes = match to.change {
            Change::QueryPairs => halves_to_pairs(&bytes, config.n_heads, tensor.shape[0]),
            Change::KeyPairs => halves_to_pairs(&bytes, config.n_kv_heads, tensor.shape[0]),
            _ => bytes,
        };
        if architecture == Architecture::Qwen2 && ["attn_q.", "attn_k.", "attn_v."].iter().any(|part| to.name.contains(part)) {
            push(to.name.replace("weight", "bias"), vec![tensor.shape[0]], vec![0; 4 * tensor.shape[0]]);
        }
        push(to.name, tensor.shape.clone(), bytes);
    }
    model::gguf::write(path, &keys, &headers, data).expect("a file is written");
}

/// A text's ids, and the log-probability of every token behind it, as JSON.
fn row(model: &Model, tokenizer: &Tokenizer, text: &str) -> String {
    let ids = tokenizer.encode(text);
    let mut acts = Activations::new(&model.config, 1, ids.len());
    model.forward(&ids, &mut acts);
    let last = ids.len() as u32 - 1;
    let targets: Vec<Target> = (0..model.config.vocab_size as u32).map(|token| Target { row: last, token }).collect();
    let logprobs: Vec<f32> = targets
        .iter()
        .map(|&target| {
            model.score(&[target], &mut acts);
            acts.logprobs[0]
        })
        .collect();
    format!("{{\"text\": {:?}, \"ids\": {ids:?}, \"logprobs\": {logprobs:?}}}", text.as_bytes())
}
