//! How a stage learnt: its logs as curves of a bounded number of points, and the samples on the way.
//!
//! Knows the rows of `metrics.jsonl`, `timing.jsonl` and `samples.jsonl`; what they are drawn as is the page's affair.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::{self, MOST_LOG};

/// Points of a curve; neighbours are averaged.
const MOST_POINTS: usize = 400;
/// Samples of a stage, and characters of one.
const MOST_SAMPLES: usize = 400;
const SAMPLE_CHARACTERS: usize = 4000;

/// A row of `metrics.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Metrics {
    step: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    loss: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lr: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grad_norm: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    val_bpb: Option<f64>,
}

/// A row of `timing.jsonl`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Timing {
    step: u64,
    tokens_per_second: f64,
}

/// A row of `samples.jsonl`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    step: u64,
    prompt: String,
    text: String,
}

impl Sample {
    /// Without what is too long to show.
    pub fn clipped(mut self) -> Sample {
        for text in [&mut self.prompt, &mut self.text] {
            if let Some((at, _)) = text.char_indices().nth(SAMPLE_CHARACTERS) {
                text.truncate(at);
            }
        }
        self
    }
}

/// Values at steps: `steps[i]` belongs to `values[i]`.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Curve {
    steps: Vec<u64>,
    values: Vec<f64>,
}

/// What a stage's logs hold.
#[derive(Debug, Default, PartialEq, Serialize)]
pub struct Learning {
    /// Nats a token, of each step.
    pub loss: Curve,
    /// Bits a byte on held-out pages.
    pub val_bpb: Curve,
    /// Learning rate of the blocks' matrices.
    pub lr: Curve,
    /// The gradient's norm before clipping.
    pub grad_norm: Curve,
    /// Tokens a second.
    pub tokens_per_second: Curve,
    /// What the model wrote on the way.
    pub samples: Vec<Sample>,
    /// Where reading of the three logs goes on.
    #[serde(skip)]
    pub ends: [u64; 3],
}

/// The names of a stage's logs, in the order of [`Learning::ends`].
pub const LOGS: [&str; 3] = ["metrics", "timing", "samples"];

/// The path of a log in a stage's folder.
pub fn log(folder: &Path, name: &str) -> std::path::PathBuf {
    folder.join(format!("{name}.jsonl"))
}

/// Reads a stage's logs; what is missing is empty.
pub fn read(folder: &Path) -> Learning {
    let metrics = files::rows::<Metrics>(&log(folder, LOGS[0]), 0, MOST_LOG);
    let timing = files::rows::<Timing>(&log(folder, LOGS[1]), 0, MOST_LOG);
    let samples = files::rows::<Sample>(&log(folder, LOGS[2]), 0, MOST_LOG);
    let of = |value: fn(&Metrics) -> Option<f64>| curve(metrics.rows.iter().filter_map(|row| Some((row.step, value(row)?))));
    let skipped = samples.rows.len().saturating_sub(MOST_SAMPLES);
    Learning {
        loss: of(|row| row.loss),
        val_bpb: of(|row| row.val_bpb),
        lr: of(|row| row.lr),
        grad_norm: of(|row| row.grad_norm),
        tokens_per_second: curve(timing.rows.iter().map(|row| (row.step, row.tokens_per_second))),
        ends: [metrics.end, timing.end, samples.end],
        samples: samples.rows.into_iter().skip(skipped).map(Sample::clipped).collect(),
    }
}

/// Points in ascending order of steps, at most [`MOST_POINTS`]: means of equally many neighbours, each at the last one's step.
fn curve(points: impl Iterator<Item = (u64, f64)>) -> Curve {
    let mut ascending: Vec<(u64, f64)> = Vec::new();
    for point in points {
        // A step that is logged again was done again: what was behind it is no more.
        while ascending.last().is_some_and(|last| last.0 >= point.0) {
            ascending.pop();
        }
        ascending.push(point);
    }
    let mut curve = Curve::default();
    for neighbours in ascending.chunks(ascending.len().div_ceil(MOST_POINTS).max(1)) {
        let sum: f64 = neighbours.iter().map(|(_, value)| value).sum();
        curve.steps.push(neighbours[neighbours.len() - 1].0);
        curve.values.push(rounded(sum / neighbours.len() as f64));
    }
    curve
}

/// Five digits: what a picture can show.
fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let unit = 10f64.powi(4 - value.abs().log10().floor() as i32);
    if unit.is_finite() && unit > 0.0 { (value * unit).round() / unit } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::school::tests::{scratch, write};

    #[test]
    fn curves_are_means_of_neighbours_and_steps_done_again_count_once() {
        let points = |n: u64| curve((1..=n).map(|step| (step, step as f64)));
        assert_eq!(points(3), Curve { steps: vec![1, 2, 3], values: vec![1.0, 2.0, 3.0] });
        let long = points(1000);
        assert_eq!((long.steps.len(), long.steps[0], long.values[0], long.steps[333]), (334, 3, 2.0, 1000));
        assert!(points(40_001).steps.len() <= MOST_POINTS);
        let again = curve([(1, 9.0), (2, 8.0), (3, 7.0), (2, 5.0)].into_iter());
        assert_eq!(again, Curve { steps: vec![1, 2], values: vec![9.0, 5.0] });
        assert_eq!([0.123456789, 123456.789, 0.0, -2.0, 1e-320].map(rounded), [0.12346, 123460.0, 0.0, -2.0, 1e-320]);
    }

    #[test]
    fn logs_torn_and_strange_give_what_is_whole() {
        let folder = scratch("curves").join("base");
        assert_eq!(read(&folder), Learning::default());
        write(
            &folder.join("metrics.jsonl"),
            "{\"step\":0,\"steps\":2,\"tokens\":0,\"val_bpb\":3.0}\n{\"step\":1,\"loss\":8.0,\"lr\":1e999}\n\
             []\n{\"step\":1,\"loss\":8.0}\n{\"step\":2,\"lo",
        );
        write(&folder.join("timing.jsonl"), "{\"step\":1,\"ms\":3,\"tokens_per_second\":5953.123456}\n");
        let long = "ä".repeat(5000);
        write(&folder.join("samples.jsonl"), &format!("{{\"step\":0,\"prompt\":\"Once\",\"text\":\"{long}\"}}\n"));
        let learning = read(&folder);
        assert_eq!(learning.loss, Curve { steps: vec![1], values: vec![8.0] });
        assert_eq!(learning.val_bpb, Curve { steps: vec![0], values: vec![3.0] });
        assert_eq!(learning.tokens_per_second.values, [5953.1]);
        assert_eq!(learning.samples[0].text.chars().count(), SAMPLE_CHARACTERS);
        let whole = std::fs::read_to_string(folder.join("metrics.jsonl")).unwrap().rfind('\n').unwrap() as u64 + 1;
        assert_eq!(learning.ends[0], whole);
    }
}
