//! Reading: next-token prediction on the token shards, every position scored.

use std::path::Path;

use base::files;
use base::progress::Progress;
use base::rng::{self, Rng};
use base::stop::Stop;
use engine::{Engine, EngineConfig, Request, Sampling};
use model::{Config, Family, Model};
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;
use tokenizer::chat::ChatFormat;
use tokenizer::shards::Shards;

use crate::batch::Batch;
use crate::evaluate::Validation;
use crate::loader::Loader;
use crate::optimizer::{Method, Options, State};
use crate::start::end_tokens;
use crate::step::Division;
use crate::trainer::{self, Rows, Sample, Settings, Stage, Summary};
use crate::{Error, Result};

/// What the user decides. Everything else is derived by [`resolve`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PretrainConfig {
    /// The dial: blocks; width and heads follow.
    pub depth: usize,
    /// What the blocks are made of.
    #[serde(default)]
    pub architecture: Family,
    /// Tokens of a row, and the longest sequence of the model.
    pub context: usize,
    /// Passes over the training tokens, where `tokens` does not say otherwise.
    pub epochs: f64,
    /// Tokens to train on in all.
    pub tokens: Option<u64>,
    /// Tokens of a step; derived from the depth where absent.
    pub batch_tokens: Option<usize>,
    /// Muon or AdamW.
    pub method: Method,
    /// What the samples begin with.
    pub sample_prompts: Vec<String>,
    /// The seed of weights, order and samples.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
}

/// Rows of held-out pages that a measurement reads, at most.
pub(crate) const VALIDATION_ROWS: usize = 64;
/// Tokens of a sample.
const SAMPLE_TOKENS: usize = 48;

/// The derived numbers, to be printed and stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// The model.
    pub config: Config,
    /// The loop.
    pub settings: Settings,
}

/// Derives everything from the dial and the data.
///
/// Batch: 2048 tokens at depth 3, growing with depth^1.5 to the nearest power of two: more and smaller steps learn more
/// from the same tokens, until the update's own cost shows (docs/log.md, 2026-11-26). Warm-up a fortieth, warm-down the last 40%.
pub fn resolve(wanted: &PretrainConfig, shards: &Shards) -> Result<Resolved> {
    let &PretrainConfig { depth, context, threads, seed, method, .. } = wanted;
    if depth == 0 || context < 2 {
        return Err(Error::Refused(format!(
            "depth {depth} and context {context} make no model; give a depth of at least 1 and a context of at least 2"
        )));
    }
    let config = Config::from_depth(depth, shards.vocab_size(), context).with_family(wanted.architecture);
    let by_depth = 2048.0 * (depth as f64 / 3.0).powf(1.5);
    let batch_tokens = wanted.batch_tokens.unwrap_or(2usize.pow(by_depth.log2().round() as u32));
    let rows = (batch_tokens / context).max(1);
    let tokens = wanted.tokens.map_or(wanted.epochs * shards.train().len() as f64, |tokens| tokens as f64);
    let steps = ((tokens / (rows * context) as f64) as usize).max(1);
    let optimizer = peak(method, config.hidden_size);
    let settings = Settings {
        steps,
        rows,
        division: Division::new(&config, rows, context, threads),
        len: context,
        warmup: (steps / 40).clamp(1, 200),
        warmdown: steps * 2 / 5,
        optimizer,
        eval_every: (steps / 10).max(1),
        sample_every: (steps / 8).max(1),
        checkpoint_every: (steps / 8).clamp(1, 250),
        print_every: (steps / 100).max(1),
        seed,
        threads,
    };
    Ok(Resolved { config, settings })
}

/// The optimizer's settings at the schedule's peak.
///
/// Muon 0.02 at every width (its update has unit spectral norm); beside it AdamW 6e-3 at width 192 for embeddings and norms,
/// falling with the root of the width. Higher rates remember facts sooner and never learn to copy or to add
/// (docs/log.md, 2026-11-26). Where AdamW updates the matrices too, 3e-3 at width 192, falling with the width.
pub fn peak(method: Method, hidden_size: usize) -> Options {
    let relative_width = hidden_size as f32 / 192.0;
    match method {
        Method::Muon => Options { method, muon_lr: 0.02, adamw_lr: 6e-3 / relative_width.sqrt(), weight_decay: 0.0, clip_norm: 1.0 },
        Method::AdamW => Options { method, muon_lr: 0.0, adamw_lr: 3e-3 / relative_width, weight_decay: 0.1, clip_norm: 1.0 },
    }
}

/// Runs the stage. `fingerprint` names everything the result depends on beyond `wanted`.
pub fn pretrain(
    wanted: &PretrainConfig,
    shards: &Shards,
    tokenizer: &Tokenizer,
    folder: &Path,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary> {
    shards.check_tokenizer(tokenizer)?;
    let Resolved { config, settings } = resolve(wanted, shards)?;
    let fingerprint = fingerprint(&[&format!("{wanted:?}"), &format!("{:?}", shards.info()), &tokenizer.hash()]);
    let mut loader = Loader::new(shards.train(), settings.len, settings.seed)?;
    let validation = Validation::new(shards.val(), tokenizer, settings.division.micro_rows, settings.len, VALIDATION_ROWS)?;
    let mut batches = |step: usize| {
        let mut batches = vec![Batch::default(); settings.rows / settings.division.micro_rows];
        for row in 0..settings.rows {
            loader.push(step * settings.rows + row, &mut batches[row / settings.division.micro_rows])?;
        }
        Ok(batches)
    };
    let mut samples = |model: &Model, step: usize| sample(model, tokenizer, &wanted.sample_prompts, step, settings.seed, settings.threads);
    let stage = Stage {
        folder,
        settings: &settings,
        fingerprint: &fingerprint,
        end_tokens: end_tokens(tokenizer, ChatFormat::Schoolhouse),
        validation,
        lesson: &mut Rows { batches: &mut batches, samples: &mut samples },
    };
    let start = || {
        let model = Model::new(config, settings.seed);
        let state = State::new(&model.params.layout);
        Ok((model, state))
    };
    let (_, summary) = trainer::train(stage, start, progress, stop)?;
    tokenizer.save(folder)?;
    Ok(summary)
}

/// One hash of everything a stage's result depends on.
pub(crate) fn fingerprint(parts: &[&str]) -> String {
    files::hash_bytes(parts.join("\n").as_bytes())
}

/// Continues each prompt at temperature 0.8, as a page begins.
fn sample(model: &Model, tokenizer: &Tokenizer, prompts: &[String], step: usize, seed: u64, threads: usize) -> Result<Vec<Sample>> {
    if prompts.is_empty() {
        return Ok(Vec::new());
    }
    let begin = |prompt: &String| [vec![tokenizer.eot()], tokenizer.encode(prompt)].concat();
    let requests: Vec<Request> = prompts
        .iter()
        .enumerate()
        .map(|(i, prompt)| {
            let prompt = begin(prompt);
            let max_tokens = SAMPLE_TOKENS.min(model.config.context.saturating_sub(prompt.len()));
            let sampling = Sampling { min_p: 0.05, ..Sampling::plain(0.8) };
            let seed = Rng::derive(seed, &[rng::label("samples"), step as u64, i as u64]).next_u64();
            Request { stop_ids: vec![tokenizer.eot()], ..Request::new(prompt, max_tokens, sampling, seed) }
        })
        .collect();
    let mut engine = Engine::new(model, EngineConfig::new(prompts.len(), model.config.context, threads));
    let completions = engine.generate(&requests, &mut |_, _| {})?;
    let texts = completions.iter().map(|completion| tokenizer.decode(&completion.ids));
    Ok(prompts.iter().zip(texts).map(|(prompt, text)| Sample { step, prompt: prompt.clone(), text }).collect())
}
