//! Numbers and a target: the answer is an expression, and any that hits the target with these numbers is right.

use base::rng::Rng;
use serde_json::json;

use super::Problem;
use super::expression::{Fraction, evaluate};
use super::generator::Draft;
use super::numbers::listed;
use crate::problems::same_value;

/// Targets and all results on the way stay below.
const MAX_RESULT: i64 = 1000;

/// The first level has two numbers, each further one more. The target comes of a hidden expression that uses all of them.
pub(super) fn draw(rng: &mut Rng, level: usize) -> Draft {
    let largest = if level <= 2 { 12 } else { 25 };
    let (numbers, target, answer) = loop {
        let numbers: Vec<i64> = (0..=level).map(|_| rng.range(1, largest)).collect();
        let Some((target, answer)) = hidden_expression(rng, &numbers) else { continue };
        if target > 0 && !numbers.contains(&target) {
            break (numbers, target, answer);
        }
    };
    let mut sorted = numbers.clone();
    sorted.sort_unstable();
    let spoken = |numbers: &[i64]| numbers.iter().map(i64::to_string).collect::<Vec<_>>();
    Draft {
        key: format!("countdown {target} of {}", spoken(&sorted).join(" ")),
        question: format!(
            "Make {target} from the numbers {}: use each at most once, with +, -, *, / and brackets. Answer with the expression.",
            listed(&spoken(&numbers), "and")
        ),
        answer,
        metadata: json!({ "numbers": numbers, "target": target }),
    }
}

/// Joins two numbers after the other until one is left; its value and how it came about. `None` where two could not be joined.
fn hidden_expression(rng: &mut Rng, numbers: &[i64]) -> Option<(i64, String)> {
    let mut parts: Vec<(i64, String)> = numbers.iter().map(|&number| (number, number.to_string())).collect();
    while parts.len() > 1 {
        let (a, left) = parts.swap_remove(rng.below(parts.len()));
        let (b, right) = parts.swap_remove(rng.below(parts.len()));
        let sign = *rng.pick(&['+', '-', '*', '/']);
        let value = match sign {
            '+' => a + b,
            '-' if a > b => a - b,
            '*' if a > 1 && b > 1 => a * b,
            '/' if b > 1 && a % b == 0 => a / b,
            _ => return None,
        };
        if value >= MAX_RESULT {
            return None;
        }
        let text = format!("{left} {sign} {right}");
        parts.push((value, if parts.is_empty() { text } else { format!("({text})") }));
    }
    parts.pop()
}

/// Whether an expression hits the target and takes each number no more often than it is there; of a problem that somebody else made and
/// that does not say its target, whether it is the answer word for word.
pub(super) fn is_right(problem: &Problem, value: &str) -> bool {
    let whole = |value: &serde_json::Value| value.as_i64();
    let Some(target) = whole(&problem.metadata["target"]) else { return same_value(value, &problem.answer) };
    let mut left: Vec<i64> = problem.metadata["numbers"].as_array().into_iter().flatten().filter_map(whole).collect();
    let Some((found, used)) = evaluate(value) else { return false };
    let takes = |number: &i64| left.iter().position(|there| there == number).map(|at| left.swap_remove(at)).is_some();
    found == Fraction::whole(target) && used.iter().all(takes)
}
