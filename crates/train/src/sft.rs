//! Worked examples: next-token prediction on conversations, scored where the assistant speaks.
//!
//! Fine-tuning adds no facts; it teaches a manner. A share of pretraining rows is replayed so that what was read stays.

use std::path::Path;

use base::progress::Progress;
use base::rng::{self, Rng};
use base::stop::Stop;
use engine::{Engine, EngineConfig, Request, Sampling};
use model::{Config, Model};
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;
use tokenizer::chat::{ChatFormat, Conversation, Message, Rendered, Role};
use tokenizer::shards::Shards;

use crate::batch::Batch;
use crate::evaluate::Validation;
use crate::loader::Loader;
use crate::mixture::{self, Share};
use crate::optimizer::{Method, Options, State};
use crate::packing;
use crate::pretrain::{VALIDATION_ROWS, fingerprint, peak};
use crate::start::{Start, end_tokens};
use crate::step::Division;
use crate::trainer::{self, Rows, Sample, Settings, Stage, Summary};
use crate::{Error, Result};

/// What the user decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SftConfig {
    /// Passes over the mixture of conversations.
    pub epochs: usize,
    /// Tokens of a row; at most the model's context, which is the default.
    pub context: Option<usize>,
    /// Tokens of a step.
    pub batch_tokens: usize,
    /// What updates the blocks' matrices; what pretraining used where that is known, else AdamW.
    pub method: Option<Method>,
    /// Share of pretraining's peak learning rates; [`LR_FACTOR`], or [`FRESH_LR_FACTOR`] for a model without moments.
    pub lr_factor: Option<f64>,
    /// Share of all rows that are pretraining rows.
    pub replay: f64,
    /// Questions whose answers are logged as the model learns.
    pub sample_prompts: Vec<String>,
    /// The seed of packing and samples.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
}

/// Share of pretraining's peak learning rates for models that were trained here, of which the moments are kept.
pub const LR_FACTOR: f64 = 0.5;
/// The same for models without moments.
pub const FRESH_LR_FACTOR: f64 = 0.2;

/// Tokens of a sampled answer.
const SAMPLE_TOKENS: usize = 64;

/// Where a row of a step comes from.
#[derive(Clone, Debug)]
enum Row {
    Conversations(Vec<usize>),
    Replay(usize),
}

/// The conversations as tokens: those that there is something to learn from.
pub(crate) struct Prepared {
    pub rendered: Vec<Rendered>,
    /// Of each file its conversations here, and its weight.
    pub files: Vec<(usize, f64)>,
    /// Conversations that were given.
    given: usize,
    /// Those longer than a row, cut at its end.
    cut: usize,
    /// Those left out because no token of theirs is learnt.
    mute: usize,
    /// Those left out because the chat format has no place for them, and why.
    refused: usize,
    why: String,
}

/// Fine-tunes the model in `base`, a folder or a GGUF file, into `folder`. Where `shards` hold held-out pages, these are measured before
/// and after.
pub fn sft(
    wanted: &SftConfig,
    base: &Path,
    mixture: &[Share],
    shards: Option<&Shards>,
    folder: &Path,
    progress: &Progress,
    stop: &Stop,
) -> Result<Summary> {
    let start = Start::open(base, wanted.seed)?;
    if let Some(shards) = shards {
        shards.check_tokenizer(&start.found)?;
    }
    let config = start.config();
    let len = wanted.context.unwrap_or(config.context);
    if len > config.context {
        let most = config.context;
        return Err(Error::Refused(format!("a context of {len} tokens is longer than the model's {most}; give at most {most}")));
    }
    let capacity = len + 1;
    let prepared = prepare(mixture, &start, capacity);
    tell_prepared(&prepared, capacity, progress);
    if prepared.rendered.is_empty() {
        return Err(Error::Refused(format!(
            "none of the {} conversations has an assistant turn to learn from; give conversations with assistant messages",
            prepared.given
        )));
    }
    let plan = plan_rows(&prepared, capacity, wanted, shards.map_or(0, |shards| shards.train().len().saturating_sub(1) / len));
    if plan.is_empty() {
        return Err(Error::Refused("the weights draw no conversation; give more epochs or larger weights".into()));
    }
    let rows = (wanted.batch_tokens / len).clamp(1, plan.len());
    let division = Division::new(&config, rows, len, wanted.threads);
    let optimizer = optimizer(wanted, &start);
    let settings = settings(wanted, optimizer, plan.len() / rows, rows, len, division);
    progress.line(&told_start(&start, &optimizer, settings.steps));

    let Start { model, found, tokenizer, format, moments, hash } = start;
    let conversations_hash = base::files::hash_bytes(format!("{:?} {:?}", prepared.files, prepared.rendered).as_bytes());
    let fingerprint = fingerprint(&[&format!("{wanted:?} {optimizer:?}"), &conversations_hash, &hash, &found.hash()]);
    let mut loader = match shards {
        Some(shards) if wanted.replay > 0.0 => Some(Loader::new(shards.train(), len, wanted.seed)?),
        _ => None,
    };
    let held_out = shards.map(|shards| Validation::new(shards.val(), &tokenizer, division.micro_rows, len, VALIDATION_ROWS));
    let end_tokens = end_tokens(&tokenizer, format);
    let mut batches = |step: usize| {
        let mut batches = vec![Batch::default(); rows / division.micro_rows];
        for i in 0..rows {
            let batch = &mut batches[i / division.micro_rows];
            match (&plan[step * rows + i], &mut loader) {
                (Row::Replay(row), Some(loader)) => loader.push(*row, batch)?,
                (Row::Conversations(row), _) => {
                    let (ids, weights) = packing::join(&prepared.rendered, row, capacity);
                    batch.push_row(&ids, |at| weights[at], len, end_tokens.end_of_text);
                }
                (Row::Replay(_), None) => unreachable!("replay rows are planned only with a loader"),
            }
        }
        Ok(batches)
    };
    let mut samples = |model: &Model, step: usize| answer(model, &tokenizer, format, &wanted.sample_prompts, step, wanted);
    let stage = Stage {
        folder,
        settings: &settings,
        fingerprint: &fingerprint,
        end_tokens,
        validation: held_out.transpose()?.flatten(),
        lesson: &mut Rows { batches: &mut batches, samples: &mut samples },
    };
    let start = || {
        // Moments of another optimizer mean something else.
        let kept = moments.filter(|moments| moments.method(&model.params.layout) == optimizer.method);
        let state = kept.unwrap_or_else(|| State::new(&model.params.layout));
        Ok((model, state))
    };
    let (_, summary) = trainer::train(stage, start, progress, stop)?;
    tokenizer.save(folder)?;
    Ok(summary)
}

/// Renders all conversations. One of which nothing is learnt would be a row without a target; it is left out.
pub(crate) fn prepare(mixture: &[Share], start: &Start, capacity: usize) -> Prepared {
    let (mut rendered, mut files, mut why) = (Vec::new(), Vec::new(), String::new());
    let (mut given, mut cut, mut mute, mut refused) = (0, 0, 0, 0);
    for share in mixture {
        let before = rendered.len();
        given += share.conversations.len();
        for conversation in &share.conversations {
            match start.format.render(conversation, &start.tokenizer) {
                Ok(one) if learnt(&one, capacity) == 0 => mute += 1,
                Ok(one) => {
                    cut += usize::from(one.ids.len() > capacity);
                    rendered.push(one);
                }
                Err(error) => {
                    refused += 1;
                    why = error.to_string();
                }
            }
        }
        files.push((rendered.len() - before, share.weight));
    }
    Prepared { rendered, files, given, cut, mute, refused, why }
}

/// Tokens of a conversation that are learnt where it begins a row.
fn learnt(rendered: &Rendered, capacity: usize) -> usize {
    rendered.weights.iter().take(capacity).skip(1).filter(|&&weight| weight != 0.0).count()
}

fn tell_prepared(prepared: &Prepared, capacity: usize, progress: &Progress) {
    let Prepared { rendered, given, cut, mute, refused, why, .. } = prepared;
    let tokens: usize = rendered.iter().map(|one| one.ids.len().min(capacity)).sum();
    let learnt: usize = rendered.iter().map(|one| learnt(one, capacity)).sum();
    progress
        .line(&format!("{given} conversations, {tokens} tokens, {learnt} of them learnt, {cut} conversations cut at {capacity} tokens"));
    if *mute > 0 {
        progress.line(&format!("{mute} conversations left out: no assistant speaks within {capacity} tokens"));
    }
    if *refused > 0 {
        progress.line(&format!("{refused} conversations left out: {why}"));
    }
}

/// One line on the model and how it is trained.
fn told_start(start: &Start, optimizer: &Options, steps: usize) -> String {
    let Config { family, n_layers, hidden_size, .. } = start.config();
    let added = match start.added() {
        0 => String::new(),
        n => format!(", {n} special tokens added"),
    };
    let moments = if start.method() == Some(optimizer.method) { "kept" } else { "fresh" };
    format!(
        "{}, depth {n_layers}, width {hidden_size}; chat format {}{added}; {steps} steps, {:?} {:.1e}, {moments} moments",
        family.name(),
        start.format.name(),
        optimizer.method,
        optimizer.matrix_lr()
    )
}

/// Peak rates: a share of pretraining's.
///
/// A model whose moments are not known is trained with AdamW, whose step does not depend on the weights' scale, at a smaller share.
fn optimizer(wanted: &SftConfig, start: &Start) -> Options {
    let method = wanted.method.or(start.method()).unwrap_or(Method::AdamW);
    let factor = wanted.lr_factor.unwrap_or(if start.moments.is_some() { LR_FACTOR } else { FRESH_LR_FACTOR }) as f32;
    let peak = peak(method, start.config().hidden_size);
    Options { muon_lr: peak.muon_lr * factor, adamw_lr: peak.adamw_lr * factor, weight_decay: 0.0, ..peak }
}

/// All rows of the run in order: each epoch drawn and packed anew, replayed rows strewn in.
fn plan_rows(prepared: &Prepared, capacity: usize, wanted: &SftConfig, replay_windows: usize) -> Vec<Row> {
    let lengths: Vec<usize> = prepared.rendered.iter().map(|rendered| rendered.ids.len()).collect();
    let mut plan = Vec::new();
    let mut replayed = 0;
    for epoch in 0..wanted.epochs {
        let drawn = mixture::draw(&prepared.files, wanted.seed, epoch);
        let packed = packing::best_fit(&lengths, drawn, capacity, wanted.seed, epoch);
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

/// The loop's numbers: half of the run is warm-down.
fn settings(wanted: &SftConfig, optimizer: Options, steps: usize, rows: usize, len: usize, division: Division) -> Settings {
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
fn answer(
    model: &Model,
    tokenizer: &Tokenizer,
    format: ChatFormat,
    questions: &[String],
    step: usize,
    wanted: &SftConfig,
) -> Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let mut requests = Vec::new();
    let ends = end_tokens(tokenizer, format);
    for question in questions {
        let conversation = Conversation { messages: vec![Message::text(Role::User, question.clone())] };
        let prompt = format.render_prompt(&conversation, tokenizer)?;
        let room = model.config.context.saturating_sub(prompt.len());
        let stop_ids = vec![ends.end_of_turn, ends.end_of_text];
        requests.push(Request { stop_ids, ..Request::new(prompt, SAMPLE_TOKENS.min(room), Sampling::greedy(), wanted.seed) });
    }
    if !requests.is_empty() {
        let mut engine = Engine::new(model, EngineConfig::new(requests.len(), model.config.context, wanted.threads));
        engine.limit_ids(tokenizer.vocab_size());
        let completions = engine.generate(&requests, &mut |_, _| {})?;
        let texts = completions.iter().map(|completion| tokenizer.decode(&completion.ids));
        samples.extend(questions.iter().zip(texts).map(|(prompt, text)| Sample { step, prompt: prompt.clone(), text }));
    }
    Ok(samples)
}
