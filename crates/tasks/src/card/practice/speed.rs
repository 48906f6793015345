//! What of the time of practice went where, from the stage's `timing.jsonl`. Times are no part of `report.json`: they differ from run to run.

use std::path::Path;

use serde::Serialize;

use super::logs::{self, Row};

/// Milliseconds of a step, and tokens a second, that are believed.
const NUMBER: std::ops::RangeInclusive<f64> = 0.0..=1e12;

/// The two halves of a step, over all steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Speed {
    /// Seconds of all steps.
    pub seconds: f64,
    /// Sampling the answers.
    pub generation: Half,
    /// Gradient and update.
    pub training: Half,
}

/// One half of the steps.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Half {
    /// Its share of the time of all steps; what is left is grading, tests and logs.
    pub share: f64,
    /// Tokens a second while it lasted.
    pub tokens_per_second: f64,
}

/// Reads a stage's `timing.jsonl`; none where it does not tell the halves.
pub fn speed(folder: &Path) -> Option<Speed> {
    let rows = logs::steps(&folder.join("timing.jsonl"));
    let (generation, training) = (Spent::of(&rows, "generation")?, Spent::of(&rows, "training")?);
    let steps: f64 = rows.iter().filter_map(|row| row.number("ms", &NUMBER)).sum();
    let whole = steps.max(generation.ms + training.ms);
    Some(Speed { seconds: whole / 1000.0, generation: generation.half(whole), training: training.half(whole) })
}

/// What one half took in all.
struct Spent {
    ms: f64,
    tokens: f64,
}

impl Spent {
    fn of(rows: &[Row], name: &str) -> Option<Spent> {
        let mut spent = Spent { ms: 0.0, tokens: 0.0 };
        for row in rows {
            let of = |what: &str| row.number(&format!("{name}_{what}"), &NUMBER);
            let (Some(ms), Some(rate)) = (of("ms"), of("tokens_per_second")) else { continue };
            spent.ms += ms;
            spent.tokens += ms / 1000.0 * rate;
        }
        (spent.ms > 0.0).then_some(spent)
    }

    fn half(&self, whole: f64) -> Half {
        Half { share: self.ms / whole, tokens_per_second: self.tokens / self.ms * 1000.0 }
    }
}
