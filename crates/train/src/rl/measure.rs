//! Tests on held-out problems: the most likely answer, how long it is, and what sampling more answers brings.

use model::Model;
use serde_json::{Map, Value, json};
use tasks::practice::{Problem, Split};
use tasks::stats::pass_at_k;

use super::Course;
use super::rollout::{Answer, Asking, scores};
use crate::Result;

/// Answers that are sampled to each problem for pass@k.
const SAMPLES: usize = 16;

/// Of these numbers of answers it is told how likely one is right.
pub const KS: [usize; 3] = [1, 4, 16];

/// For each course `eval/NAME/accuracy` and `eval/NAME/mean_length` of the most likely answers to held-out problems of all
/// difficulties, and `with_samples` `eval/NAME/pass@K` at temperature 1, on a third of the problems.
pub(super) fn held_out(asking: &Asking, courses: &[Course], model: &Model, with_samples: bool) -> Result<Map<String, Value>> {
    let mut results = Map::new();
    for course in courses {
        let environment = &course.environment;
        let n = asking.wanted.eval_problems as u64;
        let level = |i: u64| 1 + (i as usize) % environment.levels();
        let problems: Vec<Problem> = (0..n).map(|i| environment.problem(asking.wanted.seed, i, level(i), Split::Test)).collect();
        let asked: Vec<&Problem> = problems.iter().collect();
        if asked.is_empty() {
            continue;
        }
        let name = environment.name();
        let answers = asking.greedy(model, &asked)?;
        let right = count_right(&scores(course, &asked.iter().copied().zip(&answers).collect::<Vec<_>>())?);
        let tokens: usize = answers.iter().map(Answer::own_tokens).sum();
        results.insert(format!("eval/{name}/accuracy"), json!(right as f64 / asked.len() as f64));
        results.insert(format!("eval/{name}/mean_length"), json!(tokens as f64 / asked.len() as f64));
        if !with_samples {
            continue;
        }
        let asked = &asked[..asked.len().div_ceil(3)];
        let sampled = asking.sampled(model, asked, SAMPLES)?;
        let each = asked.iter().zip(&sampled).flat_map(|(problem, answers)| answers.iter().map(move |answer| (*problem, answer)));
        let scores = scores(course, &each.collect::<Vec<_>>())?;
        let mut passes = [0.0; KS.len()];
        for of_problem in scores.chunks(SAMPLES) {
            let right = count_right(of_problem);
            KS.iter().zip(&mut passes).for_each(|(&k, pass)| *pass += pass_at_k(SAMPLES, right, k));
        }
        for (k, pass) in KS.iter().zip(passes) {
            results.insert(format!("eval/{name}/pass@{k}"), json!(pass / asked.len() as f64));
        }
    }
    Ok(results)
}

/// How many answers are right.
fn count_right(scores: &[f64]) -> usize {
    scores.iter().filter(|&&score| score > 0.5).count()
}
