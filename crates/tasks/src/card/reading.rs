//! What the run's files tell without any model: the funnel of the documents, the
//! curve of the reading, the samples taken on the way. Files that a run does not
//! have leave their part empty; damaged ones are errors.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Result;
use crate::stats::round4;

/// Points of the loss curve that a report keeps.
const CURVE_POINTS: usize = 120;

/// `funnel.json`, as far as the report tells it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Funnel {
    /// The filters' profile.
    #[serde(default)]
    pub profile: String,
    /// Records read.
    pub records: u64,
    /// Filters in their order.
    pub steps: Vec<Step>,
    /// Documents written.
    pub documents: u64,
    /// Their text in bytes.
    pub bytes: u64,
}

/// One filter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// Documents it let pass.
    pub kept: u64,
    /// Documents it dropped.
    pub dropped: u64,
    /// Dropped documents by reason, most first.
    pub reasons: Vec<(String, u64)>,
}

/// How pretraining went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Reading {
    /// Steps taken.
    pub steps: u64,
    /// `[step, nats per token]`, averaged so that at most a hundred points remain.
    pub loss: Vec<(u64, f64)>,
    /// `[step, bits per byte on held-out pages]`.
    pub val_bpb: Vec<(u64, f64)>,
    /// Continuations of fixed prompts on the way.
    pub samples: Vec<Sample>,
}

/// What the model wrote at a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// The step.
    pub step: u64,
    /// The page's beginning that it was given.
    pub prompt: String,
    /// What it wrote.
    pub text: String,
}

/// Reads a documents folder's `funnel.json`; `None` where there is none.
///
/// # Errors
/// Where the file cannot be read as JSON.
pub fn read_funnel(path: &Path) -> Result<Option<Funnel>> {
    if !path.exists() {
        return Ok(None);
    }
    let value: Value = base::files::read_json(path)?;
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let step = |step: &Value| {
        let mut reasons: Vec<(String, u64)> =
            step["reasons"].as_object().into_iter().flatten().map(|(name, n)| (name.clone(), count(n))).collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        Step { name: step["name"].as_str().unwrap_or("").to_owned(), kept: count(&step["kept"]), dropped: count(&step["dropped"]), reasons }
    };
    Ok(Some(Funnel {
        profile: value["profile"].as_str().unwrap_or("").to_owned(),
        records: count(&value["input"]["records"]),
        steps: value["steps"].as_array().into_iter().flatten().map(step).collect(),
        documents: count(&value["output"]["documents"]),
        bytes: count(&value["output"]["bytes"]),
    }))
}

/// Reads a model folder's `metrics.jsonl` and `samples.jsonl`; what is missing is empty.
///
/// # Errors
/// Where a line is no JSON, or a sample is no sample.
pub fn read_reading(folder: &Path) -> Result<Reading> {
    let mut reading = Reading::default();
    let metrics = folder.join("metrics.jsonl");
    if metrics.exists() {
        let mut losses = Vec::new();
        for row in base::jsonl::read_jsonl::<Value>(&metrics)? {
            let row = row?;
            let Some(step) = row["step"].as_u64() else { continue };
            reading.steps = reading.steps.max(step);
            if let Some(loss) = row["loss"].as_f64() {
                losses.push((step, loss));
            }
            if let Some(bpb) = row["val_bpb"].as_f64() {
                reading.val_bpb.push((step, round4(bpb)));
            }
        }
        reading.loss = thinned(&losses);
    }
    let samples = folder.join("samples.jsonl");
    if samples.exists() {
        for sample in base::jsonl::read_jsonl::<Sample>(&samples)? {
            reading.samples.push(sample?);
        }
    }
    Ok(reading)
}

impl Reading {
    /// The samples of the first, the middle and the last step that has any, of one prompt.
    pub fn start_middle_end(&self) -> Vec<&Sample> {
        let Some(first) = self.samples.first() else { return Vec::new() };
        let same: Vec<&Sample> = self.samples.iter().filter(|sample| sample.prompt == first.prompt).collect();
        let last = same[same.len() - 1];
        let middle = same.iter().min_by_key(|sample| sample.step.abs_diff(last.step / 2)).expect("the first is there");
        let mut chosen = vec![same[0], *middle, last];
        chosen.dedup_by_key(|sample| sample.step);
        chosen
    }
}

/// Neighbours averaged into at most [`CURVE_POINTS`] points, each at its last step.
pub(super) fn thinned(values: &[(u64, f64)]) -> Vec<(u64, f64)> {
    let size = values.len().div_ceil(CURVE_POINTS).max(1);
    let mean = |chunk: &[(u64, f64)]| {
        let step = chunk[chunk.len() - 1].0;
        (step, round4(chunk.iter().map(|(_, value)| value).sum::<f64>() / chunk.len() as f64))
    };
    values.chunks(size).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_curve_is_averaged() {
        let values: Vec<(u64, f64)> = (1..=1000).map(|step| (step, step as f64)).collect();
        let curve = thinned(&values);
        assert!(curve.len() <= CURVE_POINTS, "{}", curve.len());
        assert_eq!((curve[0], curve.last().unwrap().0), ((9, 5.0), 1000));
        assert!(thinned(&[]).is_empty());
    }

    #[test]
    fn samples_from_start_middle_and_end() {
        let sample = |step: u64, prompt: &str| Sample { step, prompt: prompt.into(), text: String::new() };
        let mut reading = Reading::default();
        assert!(reading.start_middle_end().is_empty());
        reading.samples = (0..5).flat_map(|i| [sample(i * 100, "a"), sample(i * 100, "b")]).collect();
        let steps: Vec<u64> = reading.start_middle_end().iter().map(|sample| sample.step).collect();
        assert_eq!(steps, [0, 200, 400]);
        reading.samples.truncate(2);
        assert_eq!(reading.start_middle_end().len(), 1);
    }
}
