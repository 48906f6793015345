//! Practice: what a stage of reinforcement learning left, as curves, and what the literature would expect of them.
//!
//! Reads the stage's logs alone; knows no model, no problem, and of the stage only what its rows are called. A log is taken as hostile.

mod charts;
mod logistic;
mod logs;
mod page;
mod speed;

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use logistic::Logistic;
pub use speed::{Half, Speed, speed};

pub(super) use charts::all as pictures;
pub(super) use page::{page, summary};

use super::reading::thinned;
use crate::stats::{mean, round4};
use logs::{Row, curve};

/// Values by ascending steps.
pub type Curve = Vec<(u64, f64)>;

/// Courses that are told.
const MOST_COURSES: usize = 12;
/// Problems whose answers are shown, and characters of a text.
const MOST_SHOWN: usize = 12;
const MOST_CHARACTERS: usize = 1200;

const SHARE: RangeInclusive<f64> = 0.0..=1.0;
const TOKENS: RangeInclusive<f64> = 0.0..=1e7;
const NUMBER: RangeInclusive<f64> = -1e9..=1e9;

/// What practice came to. Long curves are averaged to a bounded number of points.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Practice {
    /// Steps taken.
    pub steps: u64,
    /// Mean reward of a step's sampled answers.
    pub reward: Curve,
    /// Their mean length in tokens.
    pub length: Curve,
    /// The share of them that was cut at the longest that an answer may be.
    pub clipped: Curve,
    /// The share of groups whose answers all have the same reward, which teach nothing.
    pub same_reward: Curve,
    /// Nats a token of the model's own distribution.
    pub entropy: Curve,
    /// Nats a token from the model that practice began with.
    pub kl: Curve,
    /// The share of long answers.
    pub long: Curve,
    /// The share of answers that look again: "wait", "check".
    pub second_thoughts: Curve,
    /// pass@k of a step's sampled answers.
    pub pass: Vec<Pass>,
    /// Held-out problems, by the kind of problem.
    pub courses: Vec<Course>,
    /// Short and long answers apart, over all steps; null where there was only one kind.
    pub styles: Option<Styles>,
    /// Through the shares of long answers; null where these hardly move.
    pub logistic: Option<Logistic>,
    /// The same held-out problems answered on the way.
    pub samples: Samples,
}

/// How often at least one of `k` sampled answers is right.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// So many answers.
    pub k: u32,
    /// The share of problems by step.
    pub points: Curve,
}

/// One kind of problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Course {
    /// What it is called.
    pub name: String,
    /// The share of held-out problems that are answered rightly, greedily.
    pub accuracy: Curve,
    /// Mean tokens of these answers.
    pub length: Curve,
    /// Mean reward of this kind's sampled answers.
    pub reward: Curve,
    /// Of several sampled answers to each held-out problem.
    pub pass: Vec<Pass>,
}

/// Short answers and long ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Styles {
    /// Those below the bound.
    pub short: Style,
    /// Those from it on.
    pub long: Style,
}

/// Answers of one style, of all steps together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Style {
    /// The share that is right.
    pub right: f64,
    /// Mean tokens.
    pub length: f64,
}

/// Answers to the same problems after some numbers of steps.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Samples {
    /// Before, midway and after; fewer where fewer were taken.
    pub steps: Vec<u64>,
    /// The problems in the order of the log.
    pub problems: Vec<Answered>,
}

/// A problem and its answers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    /// The problem as it was asked.
    pub prompt: String,
    /// An answer for each of the steps; empty where there is none.
    pub texts: Vec<String>,
}

/// What follows from the logistic curve, at the steps where it was measured: Tsilivis et al. 2025 (arXiv 2510.11495) foretell that practice
/// changes how often the long style is used, and within the styles nothing.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expected {
    /// The share of long answers: `p(t)`.
    pub long: Curve,
    /// The reward: `a_short + p(t) (a_long - a_short)`.
    pub reward: Curve,
    /// The length: `L_short + p(t) (L_long - L_short)`.
    pub length: Curve,
}

/// Reads `metrics.jsonl` and `samples.jsonl` of a stage's folder; `None` where neither says anything.
pub fn read(folder: &Path) -> Option<Practice> {
    let rows = logs::steps(&folder.join("metrics.jsonl"));
    let samples = samples(&logs::rows(&folder.join("samples.jsonl")));
    if rows.is_empty() && samples.problems.is_empty() {
        return None;
    }
    let of = |key: &str, bounds: &RangeInclusive<f64>| thinned(&curve(&rows, key, bounds));
    let long = curve(&rows, "completions/long_share", &SHARE);
    let logistic = Logistic::fit(&long).map(|curve| Logistic { middle: round4(curve.middle), rate: (curve.rate * 1e6).round() / 1e6 });
    Some(Practice {
        steps: rows.last().map_or(0, |row| row.step),
        reward: of("reward", &NUMBER),
        length: of("completions/mean_length", &TOKENS),
        clipped: of("completions/clipped_ratio", &SHARE),
        same_reward: of("frac_reward_zero_std", &SHARE),
        entropy: of("entropy", &NUMBER),
        kl: of("kl", &NUMBER),
        long: thinned(&long),
        second_thoughts: of("completions/second_thoughts", &SHARE),
        pass: passes(&rows, ""),
        courses: courses(&rows),
        styles: style(&rows, "short").zip(style(&rows, "long")).map(|(short, long)| Styles { short, long }),
        logistic,
        samples,
    })
}

/// pass@k below a prefix, for every k that was measured.
fn passes(rows: &[Row], prefix: &str) -> Vec<Pass> {
    let pass = |k: u32| Pass { k, points: thinned(&curve(rows, &format!("{prefix}pass@{k}"), &SHARE)) };
    [1, 4, 16].map(pass).into_iter().filter(|pass| !pass.points.is_empty()).collect()
}

fn courses(rows: &[Row]) -> Vec<Course> {
    let named = |key: &str| {
        let name = match key.split('/').collect::<Vec<_>>()[..] {
            ["eval", name, _] | ["reward", name] => name,
            _ => return None,
        };
        let plain = (1..=40).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'));
        plain.then(|| name.to_owned())
    };
    let names: BTreeSet<String> = rows.iter().flat_map(|row| row.keys().filter_map(named)).collect();
    let course = |name: String| Course {
        accuracy: thinned(&curve(rows, &format!("eval/{name}/accuracy"), &SHARE)),
        length: thinned(&curve(rows, &format!("eval/{name}/mean_length"), &TOKENS)),
        reward: thinned(&curve(rows, &format!("reward/{name}"), &NUMBER)),
        pass: passes(rows, &format!("eval/{name}/")),
        name,
    };
    names.into_iter().map(course).filter(|course| !course.is_empty()).take(MOST_COURSES).collect()
}

impl Course {
    fn is_empty(&self) -> bool {
        self.accuracy.is_empty() && self.length.is_empty() && self.reward.is_empty() && self.pass.is_empty()
    }
}

/// Answers of one style, each step's weighted by how many it had.
fn style(rows: &[Row], name: &str) -> Option<Style> {
    let (mut share, mut right, mut length) = (0.0, 0.0, 0.0);
    for row in rows {
        let of = |what: &str, bounds| row.number(&format!("completions/{name}_{what}"), bounds);
        let (Some(weight), Some(is_right), Some(tokens)) = (of("share", &SHARE), of("right", &SHARE), of("length", &TOKENS)) else {
            continue;
        };
        share += weight;
        right += weight * is_right;
        length += weight * tokens;
    }
    (share > 0.0).then(|| Style { right: round4(right / share), length: round4(length / share) })
}

/// The answers of the first, the middle and the last step that has any.
fn samples(rows: &[Row]) -> Samples {
    let answers: Vec<(u64, &str, &str)> = rows.iter().filter_map(|row| Some((row.step, row.text("prompt")?, row.text("text")?))).collect();
    let mut steps: Vec<u64> = answers.iter().map(|answer| answer.0).collect();
    steps.sort_unstable();
    steps.dedup();
    let (Some(&first), Some(&last)) = (steps.first(), steps.last()) else { return Samples::default() };
    let middle = *steps.iter().min_by_key(|step| step.abs_diff(last / 2)).expect("the first is there");
    let mut shown = vec![first, middle, last];
    shown.dedup();
    let mut problems: Vec<Answered> = Vec::new();
    for (step, prompt, text) in answers {
        let Some(place) = shown.iter().position(|shown| *shown == step) else { continue };
        let prompt = clipped(prompt);
        let known = problems.iter().position(|problem| problem.prompt == prompt);
        let at = known.unwrap_or_else(|| {
            problems.push(Answered { prompt, texts: vec![String::new(); shown.len()] });
            problems.len() - 1
        });
        // A step that is done again says it again.
        problems[at].texts[place] = clipped(text);
    }
    problems.truncate(MOST_SHOWN);
    Samples { steps: shown, problems }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((at, _)) => format!("{} …", &text[..at]),
        None => text.to_owned(),
    }
}

impl Practice {
    /// What follows from the logistic curve; none where there is no such curve, or only one style.
    pub fn expected(&self) -> Option<Expected> {
        let (logistic, Styles { short, long }) = (self.logistic?, self.styles?);
        let along = |points: &[(u64, f64)], from: f64, to: f64| {
            points.iter().map(|&(step, _)| (step, round4(from + logistic.at(step as f64) * (to - from)))).collect()
        };
        Some(Expected {
            long: along(&self.long, 0.0, 1.0),
            reward: along(&self.reward, short.right, long.right),
            length: along(&self.length, short.length, long.length),
        })
    }
}

/// The first and the last value of a curve; none where there are not two.
fn before_and_after(points: &[(u64, f64)]) -> Option<(f64, f64)> {
    match points {
        [first, .., last] => Some((first.1, last.1)),
        _ => None,
    }
}

/// The means of a curve's first and last tenth: single steps are noisy.
fn tenths(points: &[(u64, f64)]) -> Option<(f64, f64)> {
    let n = points.len().div_ceil(10);
    let mean_of = |points: &[(u64, f64)]| mean(&points.iter().map(|point| point.1).collect::<Vec<_>>());
    mean_of(&points[..n]).zip(mean_of(&points[points.len() - n..]))
}

#[cfg(test)]
mod tests;
