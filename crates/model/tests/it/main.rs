//! Logits, loss and every gradient against transformers in float32, for each architecture; sampling's logits too.
//!
//! Golden files: scripts/golden/models.py. Tolerance: norm of the difference over norm below 1e-4, for each tensor.

#![forbid(unsafe_code)]

mod gguf;

use std::path::{Path, PathBuf};

use model::inference::{self, Feed, KvCache, Weights};
use model::{Activations, Model, Target};
use safetensors::SafeTensors;

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn floats(file: &SafeTensors, name: &str) -> Vec<f32> {
    file.tensor(name).unwrap().data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

fn ids(file: &SafeTensors, name: &str) -> Vec<u32> {
    file.tensor(name).unwrap().data().as_chunks::<4>().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect()
}

#[track_caller]
fn assert_close(what: &str, found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let square = |x: f32| f64::from(x) * f64::from(x);
    let difference: f64 = found.iter().zip(expected).map(|(&f, &e)| square(f - e)).sum();
    let norm: f64 = expected.iter().map(|&e| square(e)).sum();
    let error = (difference / norm).sqrt();
    assert!(error < 1e-4, "{what}: relative error {error:e}");
}

fn check(name: &str) {
    let folder = golden(name);
    let model = Model::load(&folder).unwrap();
    let bytes = std::fs::read(folder.join("expected.safetensors")).unwrap();
    let expected = SafeTensors::deserialize(&bytes).unwrap();
    let (tokens, labels) = (ids(&expected, "tokens"), ids(&expected, "targets"));
    let (batch, len) = (2, tokens.len() / 2);
    let mut acts = Activations::new(&model.config, batch, len);
    model.forward(&tokens, &mut acts);

    let (c, vocab) = (model.config.hidden_size, model.config.vocab_size);
    let mut logits = vec![0.0; tokens.len() * vocab];
    let table = tensor::Mat::new(model.params.layout.head.of(&model.params.data), vocab, c);
    tensor::matmul(tensor::Mat::new(&acts.hidden, tokens.len(), c), table.t(), tensor::MatMut::new(&mut logits, tokens.len(), vocab));
    assert_close("logits", &logits, &floats(&expected, "logits"));

    let scored = expected.tensor("scored").unwrap().data().to_vec();
    let rows = (0..tokens.len()).filter(|&row| scored[row] != 0);
    let targets: Vec<Target> = rows.map(|row| Target { row: row as u32, token: labels[row] }).collect();
    let weight = -1.0 / targets.len() as f32;
    let mut grads = vec![0.0; model.params.layout.len];
    model.head(&targets, &|_, _| weight, &mut acts, &mut grads);
    model.backward(&tokens, &mut acts, &mut grads);
    let loss: f32 = acts.logprobs.iter().map(|logprob| weight * logprob).sum();
    assert_close("loss", &[loss], &floats(&expected, "loss"));
    for tensor in &model.params.layout.tensors {
        let mut gradient = floats(&expected, &format!("grad.{}", tensor.name));
        if let (true, &[rows, cols]) = (tensor.transposed, &tensor.shape[..]) {
            gradient = (0..rows * cols).map(|at| gradient[at % cols * rows + at / cols]).collect();
        }
        assert_close(&tensor.name, tensor.span.of(&grads), &gradient);
    }

    // Sampling gives the last token's logits.
    let weights = Weights::new(&model);
    let mut cache = KvCache::new(&model.config, 1, len);
    let mut last = Vec::new();
    inference::forward(&weights, &mut cache, &[Feed { slot: 0, tokens: &tokens[..len] }], 1, &mut last);
    assert_close("sampled", &last, &floats(&expected, "logits")[(len - 1) * vocab..len * vocab]);

    // Scoring alone gives the same log-probabilities, and a second pass in used buffers the same gradients.
    let trained = acts.logprobs.clone();
    model.score(&targets, &mut acts);
    assert_eq!(acts.logprobs, trained);
    let mut again = vec![0.0; grads.len()];
    model.forward(&tokens, &mut acts);
    model.head(&targets, &|_, _| weight, &mut acts, &mut again);
    model.backward(&tokens, &mut acts, &mut again);
    assert_eq!(again, grads);
}

#[test]
fn tied_with_grouped_queries_equals_transformers() {
    check("qwen3-tied");
}

#[test]
fn untied_with_odd_sizes_equals_transformers() {
    check("qwen3-untied");
}

#[test]
fn biases_on_queries_and_keys_in_bf16_equal_transformers() {
    check("qwen2-bf16");
}

#[test]
fn llama_in_several_files_equals_transformers() {
    check("llama-parts");
}

#[test]
fn scaled_rotation_in_f16_equals_transformers() {
    check("llama3-f16");
}

#[test]
fn gpt2_equals_transformers() {
    check("gpt2");
}
