//! The loop of every stage: what it does in a step, a line in the log, checkpoints; now and then a look at what it learnt.
//!
//! A stage says what a step is. Pretraining and fine-tuning learn from one step's rows; practice draws answers first, and learns
//! from them in one or several updates. All of them learn by [`Pupil::learn`]: the three calls and an update.

use std::path::Path;
use std::time::Instant;

use base::jsonl::JsonLog;
use base::progress::Progress;
use base::stop::Stop;
use model::Model;
use model::folder::EndTokens;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::batch::Batch;
use crate::checkpoint::{self, METRICS, Reached, Resumed, SAMPLES, TIMING};
use crate::evaluate::Validation;
use crate::measure::Meter;
use crate::objective::{Objective, Tally};
use crate::optimizer::{Options, State};
use crate::schedule::Schedule;
use crate::step::{Division, Workers};
use crate::{Error, Result};

/// A stage's resolved numbers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Steps in all.
    pub steps: usize,
    /// Rows of a step.
    pub rows: usize,
    /// Rows of a micro-batch, and workers.
    pub division: Division,
    /// Tokens of a row, T.
    pub len: usize,
    /// Steps of warm-up.
    pub warmup: usize,
    /// Steps of warm-down.
    pub warmdown: usize,
    /// Learning rates and their like.
    pub optimizer: Options,
    /// Steps between measurements on held-out pages.
    pub eval_every: usize,
    /// Steps between samples.
    pub sample_every: usize,
    /// Steps between checkpoints.
    pub checkpoint_every: usize,
    /// Steps between printed lines; every step is logged.
    pub print_every: usize,
    /// The seed of everything random.
    pub seed: u64,
    /// Worker threads.
    pub threads: usize,
}

impl Settings {
    /// The learning rate's course.
    pub fn schedule(&self) -> Schedule {
        Schedule { steps: self.steps, warmup: self.warmup, warmdown: self.warmdown, floor: 0.0 }
    }
}

/// One line of `metrics.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsRow {
    /// Steps done; 0 is before the first.
    pub step: usize,
    /// Steps in all; stands in the row of step 0 alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub steps: Option<usize>,
    /// Mean loss of the step's scored positions, in nats per token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<f64>,
    /// Learning rate of the blocks' matrices.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lr: Option<f64>,
    /// Norm of the gradient before clipping.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grad_norm: Option<f64>,
    /// Tokens run through the model so far.
    pub tokens: u64,
    /// Bits per byte on held-out pages, where measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub val_bpb: Option<f64>,
    /// What a stage measures beside these.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One line of `timing.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimingRow {
    /// The step.
    pub step: usize,
    /// Milliseconds of gradient and update.
    pub ms: f64,
    /// Tokens per second.
    pub tokens_per_second: f64,
    /// Billions of floating-point operations per second.
    pub gflops: f64,
    /// What the `gemm` crate reached right after the step on its matrix products alone, where measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gemm_gflops: Option<f64>,
    /// What a stage measures beside these.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// One line of `samples.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// Steps done.
    pub step: usize,
    /// What the model was given.
    pub prompt: String,
    /// What it wrote.
    pub text: String,
}

/// What a stage brings to the loop.
pub struct Stage<'a> {
    /// Where checkpoints, logs and the model go.
    pub folder: &'a Path,
    /// The resolved numbers.
    pub settings: &'a Settings,
    /// Hash of everything the result depends on.
    pub fingerprint: &'a str,
    /// Ids that the model folder names.
    pub end_tokens: EndTokens,
    /// Held-out rows, if there are any.
    pub validation: Option<Validation>,
    /// What a stage does.
    pub lesson: &'a mut dyn Lesson,
}

/// What a stage does in a step. Steps are counted from 0.
pub trait Lesson {
    /// One step. The gradient and the updates are the pupil's.
    fn step(&mut self, step: usize, pupil: &mut Pupil) -> Result<Step>;

    /// Samples of the model after so many steps.
    fn samples(&mut self, model: &Model, done: usize) -> Result<Vec<Sample>>;

    /// What is measured beside the loss after so many steps, where it is due, and the first time before the first step.
    fn measure(&mut self, _model: &Model, _done: usize) -> Result<Map<String, Value>> {
        Ok(Map::new())
    }

    /// What a resumed run needs to know beside weights and moments; kept in checkpoints.
    fn state(&self) -> Value {
        Value::Null
    }

    /// Goes on from what [`Lesson::state`] gave.
    fn restore(&mut self, _state: Value) -> Result<()> {
        Ok(())
    }
}

/// Rows of a step in, one update: what pretraining and fine-tuning do.
pub struct Rows<'a> {
    /// The micro-batches of a step.
    pub batches: &'a mut dyn FnMut(usize) -> Result<Vec<Batch>>,
    /// Samples of the model after so many steps.
    pub samples: &'a mut dyn FnMut(&Model, usize) -> Result<Vec<Sample>>,
}

impl Lesson for Rows<'_> {
    fn step(&mut self, step: usize, pupil: &mut Pupil) -> Result<Step> {
        let learnt = pupil.learn(&(self.batches)(step)?, Objective::CrossEntropy);
        Ok(Step { loss: learnt.tally.loss, grad_norm: learnt.grad_norm, ..Step::default() })
    }

    fn samples(&mut self, model: &Model, done: usize) -> Result<Vec<Sample>> {
        (self.samples)(model, done)
    }
}

/// A model that learns: with its moments, the workers' buffers, and the learning rate of the step.
pub struct Pupil<'a> {
    /// The weights.
    pub model: &'a mut Model,
    /// The workers.
    pub workers: &'a mut Workers,
    state: &'a mut State,
    optimizer: Options,
    factor: f64,
    seconds: f64,
    tokens: u64,
    flops: f64,
}

/// What an update came to.
#[derive(Clone, Copy, Debug)]
pub struct Learnt {
    /// Loss, and what else was counted.
    pub tally: Tally,
    /// Norm of the gradient before clipping.
    pub grad_norm: f64,
}

impl Pupil<'_> {
    /// The three calls over all micro-batches, and one update.
    pub fn learn(&mut self, batches: &[Batch], objective: Objective) -> Learnt {
        let began = Instant::now();
        let tally = self.workers.gradient(self.model, batches, objective);
        let threads = self.workers.threads();
        let grad_norm = self.state.update(self.model, self.workers.grads(), self.optimizer, self.factor, threads);
        self.seconds += began.elapsed().as_secs_f64();
        for batch in batches {
            self.tokens += batch.tokens.len() as u64;
            self.flops += self.model.config.flops_per_token(batch.len) * batch.tokens.len() as f64;
        }
        Learnt { tally, grad_norm }
    }
}

/// What a step came to, for the log.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Loss of the step, the mean of its updates.
    pub loss: f64,
    /// Norm of the gradient before clipping, the mean of its updates.
    pub grad_norm: f64,
    /// What else `metrics.jsonl` has of it.
    pub metrics: Map<String, Value>,
    /// What else `timing.jsonl` has of it.
    pub timing: Map<String, Value>,
    /// What else is shown of it.
    pub told: String,
}

/// What a stage came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Steps done.
    pub steps: usize,
    /// Tokens run through the model.
    pub tokens: u64,
    /// Floating-point operations of forward and backward.
    pub flops: f64,
    /// Seconds of this process in the loop (a resumed run counts only its own).
    pub seconds: f64,
    /// Bits per byte on held-out pages at the end.
    pub val_bpb: Option<f64>,
    /// Loss of the last step.
    pub loss: f64,
}

/// Trains `start` (or the newest checkpoint) to the last step and leaves the finished model in the folder.
pub fn train(
    mut stage: Stage,
    start: impl FnOnce() -> Result<(Model, State)>,
    progress: &Progress,
    stop: &Stop,
) -> Result<(Model, Summary)> {
    let settings = stage.settings;
    let (reached, mut model, mut state) = match checkpoint::resume(stage.folder, stage.fingerprint)? {
        Some(Resumed { reached, model, state }) => {
            progress.line(&format!("going on from step {} in {}", reached.step, stage.folder.display()));
            stage.lesson.restore(reached.lesson.clone())?;
            (reached, model, state)
        }
        None => {
            let (model, state) = start()?;
            (Reached::default(), model, state)
        }
    };
    let Reached { step: first_step, mut tokens, mut flops, .. } = reached;
    let mut workers = Workers::new(&model, settings.division, settings.len, settings.threads);
    let mut meter = Meter::new(&model.config, settings.division.micro_rows * settings.len, settings.threads);
    let mut logs = Logs::open(stage.folder)?;
    let schedule = settings.schedule();
    let (mut val_bpb, mut loss) = (None, f64::NAN);
    let began = Instant::now();

    if first_step == 0 {
        val_bpb = stage.validation.as_ref().map(|held_out| held_out.bits_per_byte(&model, &mut workers));
        let more = stage.lesson.measure(&model, 0)?;
        let steps = Some(settings.steps);
        logs.metrics.write(&MetricsRow { step: 0, steps, loss: None, lr: None, grad_norm: None, tokens: 0, val_bpb, more })?;
        logs.sample(&mut stage, &model, 0, progress)?;
    }
    progress.advance(first_step as u64);
    for step in first_step..settings.steps {
        let step_began = Instant::now();
        let factor = schedule.factor(step);
        let optimizer = settings.optimizer;
        let mut pupil =
            Pupil { model: &mut model, workers: &mut workers, state: &mut state, optimizer, factor, seconds: 0.0, tokens: 0, flops: 0.0 };
        let Step { loss: of_step, grad_norm, metrics: mut more, timing, told } = stage.lesson.step(step, &mut pupil)?;
        let Pupil { seconds, tokens: of_tokens, flops: of_flops, .. } = pupil;
        (loss, tokens, flops) = (of_step, tokens + of_tokens, flops + of_flops);
        if !loss.is_finite() || !grad_norm.is_finite() {
            return Err(Error::Refused(format!(
                "the loss became {loss} and the gradient's norm {grad_norm} at step {}; lower the learning rate, the last checkpoint in {} is from before",
                step + 1,
                stage.folder.display()
            )));
        }

        let done = step + 1;
        let last = done == settings.steps;
        let due = |every: usize| last || (every > 0 && done.is_multiple_of(every));
        val_bpb = match &stage.validation {
            Some(held_out) if due(settings.eval_every) => Some(held_out.bits_per_byte(&model, &mut workers)),
            _ => None,
        };
        if due(settings.eval_every) {
            more.extend(stage.lesson.measure(&model, done)?);
        }
        let lr = f64::from(settings.optimizer.matrix_lr()) * factor;
        logs.metrics.write(&MetricsRow {
            step: done,
            steps: None,
            loss: Some(loss),
            lr: Some(lr),
            grad_norm: Some(grad_norm),
            tokens,
            val_bpb,
            more,
        })?;
        let per_second = |count: f64| if seconds > 0.0 { count / seconds } else { 0.0 };
        let (tokens_per_second, gflops) = (per_second(of_tokens as f64), per_second(of_flops) / 1e9);
        let gemm_gflops = due(settings.eval_every).then(|| meter.rate() / 1e9);
        let ms = step_began.elapsed().as_secs_f64() * 1e3;
        logs.timing.write(&TimingRow { step: done, ms: seconds * 1e3, tokens_per_second, gflops, gemm_gflops, more: timing })?;
        progress.advance(1);
        progress.message(&format!("loss {loss:.3}, {tokens_per_second:.0} tokens/s{told}"));
        if due(settings.print_every) {
            let held_out = val_bpb.map(|bpb| format!(" | held out {bpb:.4} bits/byte")).unwrap_or_default();
            progress.line(&format!(
                "step {done:>5}/{} | loss {loss:.4} | norm {grad_norm:.3} | lr {lr:.2e} | {ms:.0} ms | {tokens_per_second:.0} tokens/s | {gflops:.1} GFLOP/s{told}{held_out}",
                settings.steps,
            ));
        }
        if due(settings.sample_every) {
            logs.sample(&mut stage, &model, done, progress)?;
        }
        if !last && (due(settings.checkpoint_every) || stop.requested()) {
            logs.flush()?;
            let reached = Reached { step: done, tokens, flops, lesson: stage.lesson.state() };
            checkpoint::save(stage.folder, &reached, &model, &state, stage.end_tokens, stage.fingerprint)?;
        }
        if !last && stop.requested() {
            progress.line(&format!("stopped after step {done}; the checkpoint in {} continues from here", stage.folder.display()));
            return Err(base::Error::Stopped.into());
        }
    }
    logs.flush()?;
    checkpoint::finish(stage.folder, &model, &state, stage.end_tokens)?;
    let summary = Summary { steps: settings.steps, tokens, flops, seconds: began.elapsed().as_secs_f64(), val_bpb, loss };
    Ok((model, summary))
}

/// The open logs of a stage.
struct Logs {
    metrics: JsonLog,
    timing: JsonLog,
    samples: JsonLog,
}

impl Logs {
    fn open(folder: &Path) -> Result<Logs> {
        let open = |name| JsonLog::append_to(&folder.join(name));
        Ok(Logs { metrics: open(METRICS)?, timing: open(TIMING)?, samples: open(SAMPLES)? })
    }

    /// Draws samples, logs and shows them.
    fn sample(&mut self, stage: &mut Stage, model: &Model, step: usize, progress: &Progress) -> Result<()> {
        for sample in stage.lesson.samples(model, step)? {
            let shown = sample.text.replace('\n', " / ");
            progress.line(&format!("    {} | {shown}", sample.prompt.replace('\n', " / ")));
            self.samples.write(&sample)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.metrics.flush()?;
        self.timing.flush()?;
        Ok(self.samples.flush()?)
    }
}
