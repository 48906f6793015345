//! Worked examples: next-token prediction on conversations, scored where the assistant speaks.
//!
//! Fine-tuning adds no facts; it teaches a manner. A share of pretraining rows is replayed so that what was read stays.

use std::path::Path;

use base::progress::Progress;
use base::rng::{self, Rng};
use base::stop::Stop;
use engine::{Engine, EngineConfig, Request, Sampling};
use model::Model;
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;
use tokenizer::chat::{self, Conversation, Message, Rendered, Role};
use tokenizer::shards::Shards;

use crate::batch::Batch;
use crate::checkpoint;
use crate::loader::Loader;
use crate::objective::Objective;
use crate::optimizer::Options;
use crate::packing;
use crate::pretrain::{end_tokens, fingerprint};
use crate::step::Division;
use crate::trainer::{self, Sample, Settings, Stage, Summary};
use crate::{Error, Result};

/// What the user decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SftConfig {
    /// Passes over the conversations.
    pub epochs: usize,
    /// Tokens of a row; at most the model's context, which is the default.
    pub context: Option<usize>,
    /// Tokens of a step.
    pub batch_tokens: usize,
    /// Share of pretraining's peak learning rates.
    pub lr_factor: f64,
    /// Share of all rows that are pretraining rows.
    pub replay: f64,
    /// Questions whose answers are logged as the model learns.
    pub sample_prompts: Vec<String>,
    /// The seed of packing and samples.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
}

/// Tokens of a sampled answer.
const SAMPLE_TOKENS: usize = 64;

/// What was found in the conversations, to be told.
#[derive(Clone, Debug, PartialEq)]
pub struct Prepared {
    /// Conversations in all.
    pub conversations: usize,
    /// Conversations longer than a row, cut at its end.
    pub cut: usize,
    /// Tokens in all.
    pub tokens: usize,
    /// Tokens that are learnt.
    pub learnt: usize,
    /// Rows of an epoch, replayed ones included.
    pub rows: usize,
}

/// Where a row of a step comes from.
#[derive(Clone, Debug)]
enum Row {
    Conversations(Vec<usize>),
    Replay(usize),
}

/// Fine-tunes the model in `base` into `folder`. `optimizer` is what pretraining used at its peak.
pub fn sft(
    wanted: &SftConfig,
    base: &Path,
    optimizer: Options,
    conversations: &[Conversation],
    replay: Option<&Shards>,
    tokenizer: &Tokenizer,
    folder: &Path,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary> {
    let model = Model::load(base)?;
    check_vocabulary(&model, tokenizer, base)?;
    let len = wanted.context.unwrap_or(model.config.context);
    if len > model.config.context {
        let most = model.config.context;
        return Err(Error::Refused(format!("a context of {len} tokens is longer than the model's {most}; give at most {most}")));
    }
    let rendered: Vec<Rendered> = conversations.iter().map(|conversation| chat::render(conversation, tokenizer)).collect();
    let capacity = len + 1;
    let lengths: Vec<usize> = rendered.iter().map(|rendered| rendered.ids.len()).collect();
    let plan = plan_rows(&lengths, capacity, wanted, replay.map_or(0, |shards| shards.train().len().saturating_sub(1) / len));
    let prepared = prepare(&rendered, capacity, plan.len() / wanted.epochs.max(1));
    if prepared.learnt == 0 {
        return Err(Error::Refused(format!(
            "none of the {} conversations has an assistant turn to learn from; give conversations with assistant messages",
            prepared.conversations
        )));
    }
    progress.line(&format!(
        "{} conversations, {} tokens, {} of them learnt, {} cut at {capacity} tokens, {} rows an epoch",
        prepared.conversations, prepared.tokens, prepared.learnt, prepared.cut, prepared.rows
    ));

    let rows = (wanted.batch_tokens / len).clamp(1, plan.len());
    let division = Division::new(&model.config, rows, len, wanted.threads);
    let settings = settings(wanted, optimizer, plan.len() / rows, rows, len, division);
    let conversations_hash = base::files::hash_bytes(format!("{rendered:?}").as_bytes());
    let base_hash = base::files::hash_file(&base.join("model.safetensors"))?;
    let fingerprint = fingerprint(&[&format!("{wanted:?} {optimizer:?}"), &conversations_hash, &base_hash, &tokenizer.hash()]);
    let mut loader = match replay {
        Some(shards) if wanted.replay > 0.0 => Some(Loader::new(shards.train(), len, wanted.seed)?),
        _ => None,
    };
    let pad = tokenizer.eot();
    let mut batches = |step: usize| {
        let mut batches = vec![Batch::default(); rows / settings.division.micro_rows];
        for i in 0..rows {
            let batch = &mut batches[i / settings.division.micro_rows];
            match (&plan[step * rows + i], &mut loader) {
                (Row::Replay(row), Some(loader)) => loader.push(*row, batch)?,
                (Row::Conversations(row), _) => {
                    let (ids, weights) = packing::join(&rendered, row, capacity);
                    batch.push_row(&ids, |at| weights[at], len, pad);
                }
                (Row::Replay(_), None) => unreachable!("replay rows are planned only with a loader"),
            }
        }
        Ok(batches)
    };
    let mut samples = |model: &Model, step: usize| answer(model, tokenizer, &wanted.sample_prompts, step, wanted.seed, wanted.threads);
    let stage = Stage {
        folder,
        settings: &settings,
        fingerprint: &fingerprint,
        end_tokens: end_tokens(tokenizer),
        objective: Objective::CrossEntropy,
        validation: None,
        batches: &mut batches,
        samples: &mut samples,
    };
    let start = || {
        let state = checkpoint::load_final_state(base, &model)?;
        Ok((model.clone(), state))
    };
    let (_, summary) = trainer::train(stage, start, progress, stop)?;
    tokenizer.save(folder)?;
    Ok(summary)
}

/// Refuses a tokenizer of another size than the model's table.
fn check_vocabulary(model: &Model, tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    let (of_model, of_tokenizer) = (model.config.vocab_size, tokenizer.vocab_size());
    match of_model == of_tokenizer {
        true => Ok(()),
        false => Err(Error::Refused(format!(
            "the model in {} has {of_model} tokens and its tokenizer {of_tokenizer}; use the tokenizer that the model was trained with",
            folder.display()
        ))),
    }
}

/// All rows of the run in order: each epoch packed anew, replayed rows strewn in.
fn plan_rows(lengths: &[usize], capacity: usize, wanted: &SftConfig, replay_windows: usize) -> Vec<Row> {
    let mut plan = Vec::new();
    let mut replayed = 0;
    for epoch in 0..wanted.epochs {
        let packed = packing::best_fit(lengths, capacity, wanted.seed, epoch);
        let mut rows: Vec<Row> = packed.rows.into_iter().map(Row::Conversations).collect();
        if replay_windows > 0 && wanted.replay > 0.0 {
            let count = (rows.len() as f64 * wanted.replay / (1.0 - wanted.replay.min(0.9))).round() as usize;
            rows.extend((replayed..replayed + count).map(Row::Replay));
            replayed += count;
        }
        Rng::derive(wanted.seed, &[rng::label("sft rows"), epoch as u64]).shuffle(&mut rows);
        plan.extend(rows);
    }
    plan
}

fn prepare(rendered: &[Rendered], capacity: usize, rows: usize) -> Prepared {
    let learnt = |rendered: &Rendered| rendered.weights.iter().skip(1).take(capacity - 1).filter(|&&weight| weight != 0.0).count();
    Prepared {
        conversations: rendered.len(),
        cut: rendered.iter().filter(|rendered| rendered.ids.len() > capacity).count(),
        tokens: rendered.iter().map(|rendered| rendered.ids.len().min(capacity)).sum(),
        learnt: rendered.iter().map(learnt).sum(),
        rows,
    }
}

/// The loop's numbers: half of the run is warm-down, no weight decay.
fn settings(wanted: &SftConfig, optimizer: Options, steps: usize, rows: usize, len: usize, division: Division) -> Settings {
    let scaled = |lr: f32| lr * wanted.lr_factor as f32;
    let optimizer = Options { muon_lr: scaled(optimizer.muon_lr), adamw_lr: scaled(optimizer.adamw_lr), weight_decay: 0.0, ..optimizer };
    let steps = steps.max(1);
    Settings {
        steps,
        rows,
        division,
        len,
        warmup: (steps / 20).max(1),
        warmdown: steps / 2,
        optimizer,
        eval_every: 0,
        sample_every: (steps / 3).max(1),
        checkpoint_every: (steps / 3).clamp(1, 250),
        print_every: (steps / 20).max(1),
        seed: wanted.seed,
        threads: wanted.threads,
    }
}

/// Answers each question greedily.
fn answer(model: &Model, tokenizer: &Tokenizer, questions: &[String], step: usize, seed: u64, threads: usize) -> Result<Vec<Sample>> {
    if questions.is_empty() {
        return Ok(Vec::new());
    }
    let requests: Vec<Request> = questions
        .iter()
        .map(|question| {
            let conversation = Conversation { messages: vec![Message::text(Role::User, question.clone())] };
            let prompt = chat::render_prompt(&conversation, tokenizer);
            let max_tokens = SAMPLE_TOKENS.min(model.config.context.saturating_sub(prompt.len()));
            let sampling = Sampling::greedy();
            Request { stop_ids: vec![tokenizer.im_end(), tokenizer.eot()], ..Request::new(prompt, max_tokens, sampling, seed) }
        })
        .collect();
    let mut engine = Engine::new(model, EngineConfig::new(questions.len(), model.config.context, threads));
    let completions = engine.generate(&requests, &mut |_, _| {})?;
    let texts = completions.iter().map(|completion| tokenizer.decode(&completion.ids));
    Ok(questions.iter().zip(texts).map(|(prompt, text)| Sample { step, prompt: prompt.clone(), text }).collect())
}
