//! Checkpoints: one folder per saved step, renamed whole, and logs cut back to the step they belong to.

use std::path::{Path, PathBuf};

use base::{files, jsonl};
use model::folder::EndTokens;
use model::{Model, folder};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::optimizer::State;
use crate::{Error, Result};

/// The logs of a stage.
pub const METRICS: &str = "metrics.jsonl";
/// Times live here alone, so that everything else has the same bytes in every run.
pub const TIMING: &str = "timing.jsonl";
/// What the model writes as it learns.
pub const SAMPLES: &str = "samples.jsonl";
/// Optimizer state beside the weights.
pub const TRAINING: &str = "training.safetensors";

/// How far a stage has come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Reached {
    /// Steps done.
    pub step: usize,
    /// Tokens run through the model.
    pub tokens: u64,
    /// Floating-point operations of forward and backward.
    pub flops: f64,
    /// What the stage needs to know to go on, if anything.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub lesson: Value,
}

/// What a checkpoint knows besides weights and moments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct StateFile {
    #[serde(flatten)]
    reached: Reached,
    /// Updates of the optimizer, over all stages.
    updates: u64,
    /// Hash of everything the run depends on.
    fingerprint: String,
}

fn step_folder(stage: &Path, step: usize) -> PathBuf {
    stage.join(format!("step-{step:06}"))
}

/// Checkpoints of a stage, oldest first.
fn list(stage: &Path) -> Vec<(usize, PathBuf)> {
    let entries = std::fs::read_dir(stage).into_iter().flatten().flatten();
    let mut found: Vec<(usize, PathBuf)> =
        entries.filter_map(|entry| Some((entry.file_name().to_str()?.strip_prefix("step-")?.parse().ok()?, entry.path()))).collect();
    found.sort();
    found
}

/// Saves a checkpoint and drops all but the last two.
pub fn save(stage: &Path, reached: &Reached, model: &Model, state: &State, tokens: EndTokens, fingerprint: &str) -> Result<()> {
    let dir = files::AtomicDir::create(&step_folder(stage, reached.step))?;
    folder::save(model, tokens, dir.path())?;
    state.save(&model.params.layout, &dir.path().join(TRAINING))?;
    let file = StateFile { reached: reached.clone(), updates: state.updates, fingerprint: fingerprint.to_string() };
    files::write_json(&dir.path().join("state.json"), &file)?;
    dir.commit()?;
    let all = list(stage);
    for (_, old) in all.iter().rev().skip(2) {
        files::remove(old)?;
    }
    Ok(())
}

/// What [`resume`] finds.
#[derive(Debug)]
pub struct Resumed {
    /// How far it has come.
    pub reached: Reached,
    /// The weights.
    pub model: Model,
    /// The moments.
    pub state: State,
}

/// Prepares a stage's folder: goes on from its newest checkpoint with the logs cut back to it, or starts with clean logs.
pub fn resume(stage: &Path, fingerprint: &str) -> Result<Option<Resumed>> {
    files::create_folder(stage)?;
    files::remove_partials(stage)?;
    let Some((step, path)) = list(stage).pop() else {
        for log in [METRICS, TIMING, SAMPLES] {
            files::remove(&stage.join(log))?;
        }
        return Ok(None);
    };
    let with_remedy = |error: Error| Error::Refused(format!("{error}; delete {} to go on from the checkpoint before it", path.display()));
    let file: StateFile = files::read_json(&path.join("state.json")).map_err(|error| with_remedy(error.into()))?;
    if file.fingerprint != fingerprint || file.reached.step != step {
        let stage = stage.display();
        return Err(Error::Refused(format!(
            "the checkpoints in {stage} were made with other settings, inputs or thread count; use those, or remove the folder to start anew"
        )));
    }
    let model = folder::load(&path).map_err(|error| with_remedy(error.into()))?;
    let state = State::load(&model.params.layout, &path.join(TRAINING), file.updates).map_err(with_remedy)?;
    for log in [METRICS, TIMING, SAMPLES] {
        jsonl::cut_back(&stage.join(log), |row| row["step"].as_u64().is_some_and(|at| at <= step as u64))?;
    }
    Ok(Some(Resumed { reached: file.reached, model, state }))
}

/// Writes the finished model into the stage's folder and removes the checkpoints.
pub fn finish(stage: &Path, model: &Model, state: &State, tokens: EndTokens) -> Result<()> {
    folder::save(model, tokens, stage)?;
    state.save(&model.params.layout, &stage.join(TRAINING))?;
    files::write_json(&stage.join("state.json"), &FinalState { updates: state.updates })?;
    for (_, path) in list(stage) {
        files::remove(&path)?;
    }
    Ok(())
}

/// `state.json` of a finished stage: what a later stage needs to keep the moments.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FinalState {
    updates: u64,
}

/// The moments that a finished stage left.
pub fn load_final_state(stage: &Path, model: &Model) -> Result<State> {
    let file: FinalState = files::read_json(&stage.join("state.json"))?;
    State::load(&model.params.layout, &stage.join(TRAINING), file.updates)
}
