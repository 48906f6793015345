//! The engine on small random models.

#![forbid(unsafe_code)]

use base::rng::Rng;
use engine::{Completion, Engine, EngineConfig, Request, Sampling};
use model::{Activations, Config, Model, Target};

mod alone;
mod answers;
mod forced;
mod logprobs;
mod room;
mod stop_texts;
mod tools;

const VOCAB: usize = 120;
const CONTEXT: usize = 48;

/// A model whose answers vary: every weight matters, and the logits are spread.
fn model() -> Model {
    model_of(Config { n_kv_heads: 1, ..Config::from_depth(2, VOCAB, CONTEXT) })
}

fn model_of(config: Config) -> Model {
    let mut model = Model::new(config, 1);
    let mut rng = Rng::new(2);
    model.params.data.iter_mut().for_each(|weight| *weight += 0.1 * rng.normal());
    model
}

fn engine(model: &Model, slots: usize, threads: usize) -> Engine {
    Engine::new(model, EngineConfig::new(slots, 1000, threads))
}

fn prompt(len: usize, seed: u64) -> Vec<u32> {
    let mut rng = Rng::new(seed);
    (0..len).map(|_| rng.below(VOCAB) as u32).collect()
}

fn request(prompt: Vec<u32>, max_tokens: usize, sampling: Sampling, seed: u64) -> Request {
    Request::new(prompt, max_tokens, sampling, seed)
}

fn answers(engine: &mut Engine, requests: &[Request]) -> Vec<Completion> {
    let mut streamed = vec![Vec::new(); requests.len()];
    let completions = engine.generate(requests, &mut |request, id| streamed[request].push(id)).unwrap();
    for (completion, streamed) in completions.iter().zip(streamed) {
        assert_eq!(completion.ids, streamed, "what was told as it came is what was given at the end");
    }
    completions
}

/// Log-probabilities of the ids of a sequence from `first` on, by the forward pass of training.
fn trained_logprobs(model: &Model, sequence: &[u32], first: usize) -> Vec<f32> {
    let mut acts = Activations::new(&model.config, 1, sequence.len());
    model.forward(sequence, &mut acts);
    let targets: Vec<Target> = (first..sequence.len()).map(|at| Target { row: at as u32 - 1, token: sequence[at] }).collect();
    model.score(&targets, &mut acts);
    acts.logprobs.clone()
}

#[track_caller]
fn assert_close(found: &[f32], expected: &[f32]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-3 * expected.abs().max(1.0), "{found} where training has {expected}");
    }
}
