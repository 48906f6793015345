//! How fast a training step is, beside the rate of its own matrix products in the same rounds.
//!
//! Machines are shared and noisy, so that only ratios of one run count: every round measures the products alone, then a
//! whole step, and medians over the rounds are reported.

use std::time::Instant;

use base::rng::Rng;
use engine::measure::quantile;
use engine::{Engine, EngineConfig, Request, Sampling};
use model::{Config, Model};
use serde::Serialize;
use tensor::{Mat, MatMut, head, yardstick};

use crate::batch::{Batch, Drawn};
use crate::objective::{Objective, Policy, PolicyMethod};
use crate::optimizer::{Method, Options, State};
use crate::step::{Division, Workers};

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Shape {
    /// The model.
    pub config: Config,
    /// Rows of a step.
    pub rows: usize,
    /// Workers, and rows of a micro-batch.
    pub division: Division,
    /// Tokens of a row.
    pub len: usize,
    /// Threads.
    pub threads: usize,
    /// Optimizer inside the step.
    pub method: Method,
}

/// Medians over the rounds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Rate of the `gemm` crate on this step's linear layers and head, every thread on its own copy.
    pub gemm_gflops: f64,
    /// Rate of whole steps: FLOPs by `Config::flops_per_token` over the time of gradient and update.
    pub step_gflops: f64,
    /// Median of the rounds' quotients of the two.
    pub ratio: f64,
    /// What the best quarter of the rounds reached at least.
    pub best_quarter: f64,
    /// Interquartile range of those quotients.
    pub iqr: f64,
    /// Tokens trained per second.
    pub tokens_per_second: f64,
    /// Milliseconds of a step.
    pub step_ms: f64,
    /// Milliseconds of the update alone.
    pub update_ms: f64,
    /// FLOPs per trained token.
    pub flops_per_token: f64,
    /// Gradient copies among which the threads were divided.
    pub workers: usize,
    /// Rounds.
    pub rounds: usize,
    /// The instruction set that was picked.
    pub instruction_set: String,
}

/// Measures `rounds` rounds after one warm-up.
pub fn measure(shape: Shape, rounds: usize) -> Measurement {
    let mut model = Model::new(shape.config, 1);
    let mut state = State::new(&model.params.layout);
    let mut workers = Workers::new(&model, shape.division, shape.len, shape.threads);
    let batches = random_batches(&shape);
    let options = Options { method: shape.method, muon_lr: 0.02, adamw_lr: 1e-3, weight_decay: 0.1, clip_norm: 1.0 };
    let flops_per_token = shape.config.flops_per_token(shape.len);
    let step_flops = flops_per_token * (shape.rows * shape.len) as f64;
    let mut meter = Meter::new(&shape.config, shape.division.micro_rows * shape.len, shape.threads);

    let (mut gemm_rates, mut step_rates, mut update_times) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=rounds {
        let gemm_rate = meter.rate();
        let began = Instant::now();
        workers.gradient(&model, &batches, Objective::CrossEntropy);
        let update_began = Instant::now();
        state.update(&mut model, workers.grads(), options, 1.0, shape.threads);
        if round > 0 {
            gemm_rates.push(gemm_rate);
            step_rates.push(step_flops / began.elapsed().as_secs_f64());
            update_times.push(update_began.elapsed().as_secs_f64());
        }
    }
    let mut ratios: Vec<f64> = step_rates.iter().zip(&gemm_rates).map(|(step, gemm)| step / gemm).collect();
    let step_rate = quantile(&mut step_rates, 0.5);
    Measurement {
        gemm_gflops: quantile(&mut gemm_rates, 0.5) / 1e9,
        step_gflops: step_rate / 1e9,
        ratio: quantile(&mut ratios, 0.5),
        best_quarter: quantile(&mut ratios, 0.75),
        iqr: quantile(&mut ratios, 0.75) - quantile(&mut ratios, 0.25),
        tokens_per_second: step_rate / flops_per_token,
        step_ms: step_flops / step_rate * 1e3,
        update_ms: quantile(&mut update_times, 0.5) * 1e3,
        flops_per_token,
        workers: shape.division.workers,
        rounds,
        instruction_set: tensor::instruction_set(),
    }
}

fn random_batches(shape: &Shape) -> Vec<Batch> {
    let mut rng = Rng::new(1);
    let mut batch = || {
        let mut batch = Batch::default();
        for _ in 0..shape.division.micro_rows {
            let ids: Vec<u32> = (0..=shape.len).map(|_| rng.below(shape.config.vocab_size) as u32).collect();
            batch.push_row(&ids, |_| 1.0, shape.len, 0);
        }
        batch
    };
    (0..shape.rows / shape.division.micro_rows).map(|_| batch()).collect()
}

/// Measures, now and then, how fast this machine computes a step's matrix products alone: the measure by which runs on
/// different or busy machines compare.
pub struct Meter {
    /// One for each thread.
    copies: Vec<Products>,
}

impl Meter {
    /// Matrices of a model's micro-batch of `n` tokens, for every thread. Small beside the model: each shape once.
    pub fn new(config: &Config, n: usize, threads: usize) -> Meter {
        Meter { copies: (0..threads).map(|_| Products::new(config, n)).collect() }
    }

    /// FLOPs per second of all threads together, over as many products as one micro-batch each takes.
    pub fn rate(&mut self) -> f64 {
        let flops: f64 = self.copies.iter().map(Products::flops).sum();
        let began = Instant::now();
        std::thread::scope(|scope| {
            for copy in &mut self.copies {
                scope.spawn(|| copy.run());
            }
        });
        flops / began.elapsed().as_secs_f64()
    }
}

/// One thread's copy of the matrices of a micro-batch's linear layers and head.
struct Products {
    layers: Vec<Layer>,
}

/// y (n, out) = x (n, inner) wᵀ, with its two backward products, `repeat` times a micro-batch.
struct Layer {
    n: usize,
    inner: usize,
    out: usize,
    repeat: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    dx: Vec<f32>,
    dw: Vec<f32>,
}

impl Products {
    fn new(config: &Config, n: usize) -> Products {
        let (c, f) = (config.hidden_size, config.intermediate_size);
        let mut rng = Rng::new(2);
        let mut layer = |n: usize, inner: usize, out: usize, repeat: usize| {
            let mut random = |len: usize| (0..len).map(|_| rng.unit() - 0.5).collect::<Vec<f32>>();
            let (x, w) = (random(n * inner), random(out * inner));
            Layer { n, inner, out, repeat, y: vec![0.0; n * out], dx: vec![0.0; n * inner], dw: vec![0.0; out * inner], x, w }
        };
        let (blocks, slice) = (config.n_layers, head::slice(config.vocab_size).min(n));
        Products {
            layers: vec![
                layer(n, c, config.qkv_width(), blocks),
                layer(n, config.q_width(), c, blocks),
                layer(n, c, 2 * f, blocks),
                layer(n, f, c, blocks),
                layer(slice, c, config.vocab_size, n.div_ceil(slice)),
            ],
        }
    }

    fn flops(&self) -> f64 {
        self.layers.iter().map(|layer| 6.0 * (layer.n * layer.inner * layer.out * layer.repeat) as f64).sum()
    }

    fn run(&mut self) {
        for Layer { n, inner, out, repeat, x, w, y, dx, dw } in &mut self.layers {
            let (n, inner, out) = (*n, *inner, *out);
            for _ in 0..*repeat {
                yardstick::product(Mat::new(x, n, inner), Mat::new(w, out, inner).t(), MatMut::new(y, n, out), false);
                yardstick::product(Mat::new(y, n, out), Mat::new(w, out, inner), MatMut::new(dx, n, inner), false);
                yardstick::product(Mat::new(y, n, out).t(), Mat::new(x, n, inner), MatMut::new(dw, out, inner), true);
            }
        }
    }
}

/// A step of practice to be measured: answers of one length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PracticeShape {
    /// The model.
    pub config: Config,
    /// Prompts.
    pub prompts: usize,
    /// Answers to each.
    pub samples: usize,
    /// Tokens of a prompt.
    pub prompt: usize,
    /// Tokens of an answer.
    pub tokens: usize,
    /// Threads.
    pub threads: usize,
}

/// Medians over the rounds, tokens of answers per second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PracticeMeasurement {
    /// Drawn at temperature 1, prompts and the layout of the weights included.
    pub generation_tokens_per_second: f64,
    /// Learnt, the update included.
    pub training_tokens_per_second: f64,
    /// Rounds.
    pub rounds: usize,
}

/// Measures both halves of a step of practice, `rounds` rounds after one warm-up.
pub fn practice(shape: PracticeShape, rounds: usize) -> engine::Result<PracticeMeasurement> {
    let PracticeShape { config, prompts, samples, prompt, tokens, threads } = shape;
    let mut model = Model::new(config, 1);
    let mut state = State::new(&model.params.layout);
    let (len, rows) = (prompt + tokens - 1, prompts * samples);
    let Division { workers, micro_rows } = Division::new(&config, rows, len, threads);
    let mut workers = Workers::new(&model, Division { workers, micro_rows }, len, threads);
    let objective = Objective::Policy(Policy::new(PolicyMethod::DrGrpo));
    let options = Options { method: Method::AdamW, muon_lr: 0.0, adamw_lr: 1e-5, weight_decay: 0.0, clip_norm: 1.0 };
    let (mut generation, mut training) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let mut rng = Rng::new(round as u64);
        let prompts: Vec<Vec<u32>> = (0..prompts).map(|_| (0..prompt).map(|_| rng.below(config.vocab_size) as u32).collect()).collect();
        let request = |row: usize| Request::new(prompts[row / samples].clone(), tokens, Sampling::plain(1.0), row as u64);
        let requests: Vec<Request> = (0..rows).map(request).collect();
        let began = Instant::now();
        let mut engine = Engine::new(&model, EngineConfig::new(rows, prompt + tokens, threads));
        let answers = engine.generate(&requests, &mut |_, _| {})?;
        let drawn = began.elapsed().as_secs_f64();
        drop(engine);

        let mut batches = vec![Batch::default(); rows / micro_rows];
        for (row, (request, answer)) in requests.iter().zip(&answers).enumerate() {
            let ids = [&request.prompt[..], &answer.ids].concat();
            let batch = &mut batches[row / micro_rows];
            let weight = PolicyMethod::DrGrpo.weight(tokens, rows, rows * tokens, tokens);
            batch.push_row(&ids, |at| if at < prompt { 0.0 } else { weight }, len, 0);
            let advantage = if row % 2 == 0 { 0.5 } else { -0.5 };
            let answer_of = (row % micro_rows) as u32;
            batch.drawn.extend(answer.logprobs.iter().map(|&logprob| Drawn { logprob, reference: 0.0, advantage, answer: answer_of }));
        }
        let began = Instant::now();
        workers.gradient(&model, &batches, objective);
        state.update(&mut model, workers.grads(), options, 1.0, threads);
        if round > 0 {
            generation.push((rows * tokens) as f64 / drawn);
            training.push((rows * tokens) as f64 / began.elapsed().as_secs_f64());
        }
    }
    Ok(PracticeMeasurement {
        generation_tokens_per_second: quantile(&mut generation, 0.5),
        training_tokens_per_second: quantile(&mut training, 0.5),
        rounds,
    })
}
