//! How fast sequences grow: one alone, and many side by side, in the same rounds.
//!
//! Greedy, from random weights: what is measured does not depend on what is said.

use std::time::Instant;

use model::inference::Weights;
use serde::Serialize;

use crate::{Engine, EngineConfig, Request, Result, Sampling};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// Sequences side by side in the second measurement.
    pub sequences: usize,
    /// Tokens of a prompt, each sequence with one of its own.
    pub prompt: usize,
    /// Tokens that each sequence grows by, at least 2.
    pub tokens: usize,
    /// Threads.
    pub threads: usize,
}

/// Medians over the rounds, and interquartile ranges.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Tokens per second of one sequence's prompt.
    pub prefill_tokens_per_second: f64,
    /// New tokens per second of one sequence behind its first one.
    pub one_tokens_per_second: f64,
    /// Interquartile range of these.
    pub one_iqr: f64,
    /// Sequences side by side.
    pub sequences: usize,
    /// New tokens per second of all of them together, their prompts' time included.
    pub many_tokens_per_second: f64,
    /// Interquartile range of these.
    pub many_iqr: f64,
    /// Tokens of a prompt.
    pub prompt: usize,
    /// New tokens of a sequence.
    pub tokens: usize,
    /// Rounds.
    pub rounds: usize,
    /// Bytes of the matrices that each new token of one sequence reads.
    pub weight_bytes: usize,
    /// The formats of the matrices.
    pub formats: Vec<&'static str>,
    /// The instruction set that was picked.
    pub instruction_set: String,
}

/// Measures `rounds` rounds after one warm-up.
///
/// # Errors
/// Those of [`Engine::generate`].
pub fn measure(weights: Weights, shape: Shape, rounds: usize) -> Result<Measurement> {
    let Shape { sequences, prompt, tokens, threads } = shape;
    let (weight_bytes, formats) = (weights.bytes(), weights.formats().into_iter().map(|format| format.name()).collect());
    let vocab_size = weights.config().vocab_size;
    let mut engine = Engine::with_weights(weights, EngineConfig::new(sequences, prompt + tokens, threads));
    let requests = |round: usize, n: usize| -> Vec<Request> {
        // Prompts that nobody has asked before, so that none is taken over from another.
        let id = |sequence: usize, at: usize| ((round * 7919 + sequence * 104_729 + at * 31 + n) % vocab_size) as u32;
        let prompts = (0..n).map(|sequence| (0..prompt).map(|at| id(sequence, at)).collect());
        let ask = |prompt| Request::new(prompt, tokens, Sampling::greedy(), 1);
        prompts.map(ask).collect()
    };
    let (mut prefill, mut one, mut many) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let began = Instant::now();
        let (mut first, mut last) = (0.0, 0.0);
        engine.generate(&requests(round, 1), &mut |_, _| {
            last = began.elapsed().as_secs_f64();
            first = if first == 0.0 { last } else { first };
        })?;
        let together = requests(round, sequences);
        let began = Instant::now();
        engine.generate(&together, &mut |_, _| {})?;
        if round > 0 {
            prefill.push(prompt as f64 / first);
            one.push((tokens - 1) as f64 / (last - first));
            many.push((sequences * tokens) as f64 / began.elapsed().as_secs_f64());
        }
    }
    Ok(Measurement {
        prefill_tokens_per_second: quantile(&mut prefill, 0.5),
        one_tokens_per_second: quantile(&mut one, 0.5),
        one_iqr: quantile(&mut one, 0.75) - quantile(&mut one, 0.25),
        sequences,
        many_tokens_per_second: quantile(&mut many, 0.5),
        many_iqr: quantile(&mut many, 0.75) - quantile(&mut many, 0.25),
        prompt,
        tokens,
        rounds,
        weight_bytes,
        formats,
        instruction_set: tensor::instruction_set(),
    })
}

/// The value below which a share of the values lies; sorts them.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    values[((values.len() - 1) as f64 * share).round() as usize]
}
