//! The loop of every stage: rows in, three calls, an update, a line in the log; now and then a look at what it learnt.

use std::path::Path;
use std::time::Instant;

use base::jsonl::JsonLog;
use base::progress::Progress;
use base::stop::Stop;
use model::Model;
use model::folder::EndTokens;
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::checkpoint::{self, METRICS, SAMPLES, TIMING};
use crate::evaluate::Validation;
use crate::measure::Meter;
use crate::objective::Objective;
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
    /// What is minimised.
    pub objective: Objective,
    /// Held-out rows, if there are any.
    pub validation: Option<Validation>,
    /// The micro-batches of a step, counted from 0.
    pub batches: &'a mut dyn FnMut(usize) -> Result<Vec<Batch>>,
    /// Samples of the model after so many steps.
    pub samples: &'a mut dyn FnMut(&Model, usize) -> Result<Vec<Sample>>,
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
    let (first_step, mut model, mut state) = match checkpoint::resume(stage.folder, stage.fingerprint)? {
        Some(resumed) => {
            progress.line(&format!("going on from step {} in {}", resumed.step, stage.folder.display()));
            (resumed.step, resumed.model, resumed.state)
        }
        None => {
            let (model, state) = start()?;
            (0, model, state)
        }
    };
    let mut workers = Workers::new(&model, settings.division, settings.len, settings.threads);
    let mut meter = Meter::new(&model.config, settings.division.micro_rows * settings.len, settings.threads);
    let mut logs = Logs::open(stage.folder)?;
    let schedule = settings.schedule();
    let tokens_per_step = (settings.rows * settings.len) as u64;
    let flops_per_step = model.config.flops_per_token(settings.len) * tokens_per_step as f64;
    let (mut val_bpb, mut loss) = (None, f64::NAN);
    let began = Instant::now();

    if first_step == 0 {
        val_bpb = stage.validation.as_ref().map(|held_out| held_out.bits_per_byte(&model, &mut workers));
        let steps = Some(settings.steps);
        logs.metrics.write(&MetricsRow { step: 0, steps, loss: None, lr: None, grad_norm: None, tokens: 0, val_bpb })?;
        logs.sample(&mut stage, &model, 0, progress)?;
    }
    progress.advance(first_step as u64);
    for step in first_step..settings.steps {
        let batches = (stage.batches)(step)?;
        let step_began = Instant::now();
        let factor = schedule.factor(step);
        loss = workers.gradient(&model, &batches, stage.objective);
        let grad_norm = state.update(&mut model, workers.grads(), settings.optimizer, factor, settings.threads);
        let seconds = step_began.elapsed().as_secs_f64();
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
        let lr = f64::from(settings.optimizer.matrix_lr()) * factor;
        let tokens = done as u64 * tokens_per_step;
        logs.metrics.write(&MetricsRow {
            step: done,
            steps: None,
            loss: Some(loss),
            lr: Some(lr),
            grad_norm: Some(grad_norm),
            tokens,
            val_bpb,
        })?;
        let (tokens_per_second, gflops) = (tokens_per_step as f64 / seconds, flops_per_step / seconds / 1e9);
        let gemm_gflops = due(settings.eval_every).then(|| meter.rate() / 1e9);
        logs.timing.write(&TimingRow { step: done, ms: seconds * 1e3, tokens_per_second, gflops, gemm_gflops })?;
        progress.advance(1);
        progress.message(&format!("loss {loss:.3}, {tokens_per_second:.0} tokens/s"));
        if due(settings.print_every) {
            let held_out = val_bpb.map(|bpb| format!(" | held out {bpb:.4} bits/byte")).unwrap_or_default();
            progress.line(&format!(
                "step {done:>5}/{} | loss {loss:.4} | norm {grad_norm:.3} | lr {lr:.2e} | {:.0} ms | {tokens_per_second:.0} tokens/s | {gflops:.1} GFLOP/s{held_out}",
                settings.steps,
                seconds * 1e3
            ));
        }
        if due(settings.sample_every) {
            logs.sample(&mut stage, &model, done, progress)?;
        }
        if !last && (due(settings.checkpoint_every) || stop.requested()) {
            logs.flush()?;
            checkpoint::save(stage.folder, done, &model, &state, stage.end_tokens, stage.fingerprint)?;
        }
        if !last && stop.requested() {
            progress.line(&format!("stopped after step {done}; the checkpoint in {} continues from here", stage.folder.display()));
            return Err(base::Error::Stopped.into());
        }
    }
    logs.flush()?;
    checkpoint::finish(stage.folder, &model, &state, stage.end_tokens)?;
    let tokens = settings.steps as u64 * tokens_per_step;
    let flops = flops_per_step * settings.steps as f64;
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
        for sample in (stage.samples)(model, step)? {
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
