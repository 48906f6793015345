//! Sums, differences, products, and decimals side by side. Whole numbers throughout: nothing is rounded.

use base::rng::Rng;
use serde_json::json;

use super::generator::Draft;

/// A number of exactly so many digits; of one digit also zero.
fn of_digits(rng: &mut Rng, digits: usize) -> i64 {
    match digits {
        1 => rng.range(0, 9),
        _ => rng.range(10_i64.pow(digits as u32 - 1), 10_i64.pow(digits as u32) - 1),
    }
}

/// Two numbers, the longer one of `digits` digits, the other mostly too.
fn pair(rng: &mut Rng, digits: usize) -> (i64, i64) {
    let other = if rng.chance(0.75) { digits } else { 1 + rng.below(digits) };
    let (a, b) = (of_digits(rng, digits), of_digits(rng, other));
    if rng.chance(0.5) { (a, b) } else { (b, a) }
}

fn arithmetic(sign: char, a: i64, b: i64, result: i64, key: String) -> Draft {
    Draft { key, question: format!("What is {a} {sign} {b}?"), answer: result.to_string(), metadata: json!({ "a": a, "b": b }) }
}

/// `a + b`; the level is the number of digits.
pub(super) fn addition(rng: &mut Rng, level: usize) -> Draft {
    let (a, b) = pair(rng, level);
    arithmetic('+', a, b, a + b, format!("+ {} {}", a.min(b), a.max(b)))
}

/// `a - b`, never below zero; the level is the number of digits.
pub(super) fn subtraction(rng: &mut Rng, level: usize) -> Draft {
    let (a, b) = pair(rng, level);
    let (a, b) = (a.max(b), a.min(b));
    arithmetic('-', a, b, a - b, format!("- {a} {b}"))
}

/// `a * b`; the digits of both by level.
pub(super) fn multiplication(rng: &mut Rng, level: usize) -> Draft {
    let (long, short) = [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (4, 4)][level - 1];
    let (a, b) = (of_digits(rng, long), of_digits(rng, short));
    let (a, b) = if rng.chance(0.5) { (a, b) } else { (b, a) };
    arithmetic('*', a, b, a * b, format!("* {} {}", a.min(b), a.max(b)))
}

/// A decimal as it is written, and in thousandths.
type Written = (i64, String);

/// So many digits behind the point, the last one no zero.
fn decimal(rng: &mut Rng, whole: i64, places: usize) -> Written {
    let rest = std::iter::repeat_with(|| rng.range(1, 10_i64.pow(places as u32) - 1)).find(|rest| rest % 10 != 0);
    let rest = rest.expect("the sequence has no end");
    (whole * 1000 + rest * 10_i64.pow(3 - places as u32), format!("{whole}.{rest:0places$}"))
}

/// Which is bigger: 1, whole numbers differ; 2, one digit against two behind the same whole number, the case that misleads; 3, up to
/// three digits, and the smaller one is asked for too; 4, four of them.
pub(super) fn decimals(rng: &mut Rng, level: usize) -> Draft {
    let whole = rng.range(0, 20);
    let written = loop {
        let written: Vec<Written> = match level {
            1 => vec![decimal(rng, whole, 1), decimal(rng, whole + 1, 1)],
            2 => vec![decimal(rng, whole, 2), decimal(rng, whole, 1)],
            3 => rng.sample(&[1, 2, 3], 2).into_iter().map(|&places| decimal(rng, whole, places)).collect(),
            _ => (0..4).map(|i| decimal(rng, whole, 1 + i % 3)).collect(),
        };
        let different = written.iter().enumerate().all(|(i, a)| written[..i].iter().all(|b| a.0 != b.0));
        if different {
            break written;
        }
    };
    // At level 2 the longer one first, elsewhere by size: the keys of the built-in web's problems.
    let mut in_order: Vec<&Written> = written.iter().collect();
    if level != 2 {
        in_order.sort();
    }
    let key = in_order.iter().fold("decimals".to_owned(), |key, (_, text)| key + " " + text);
    let smaller = level >= 3 && rng.chance(0.5);
    let asked = match (smaller, written.len() > 2) {
        (false, false) => "bigger",
        (true, false) => "smaller",
        (false, true) => "the biggest",
        (true, true) => "the smallest",
    };
    let answer = if smaller { written.iter().min() } else { written.iter().max() };
    let answer = answer.map(|(_, text)| text.clone()).unwrap_or_default();
    let mut shown: Vec<String> = written.into_iter().map(|(_, text)| text).collect();
    rng.shuffle(&mut shown);
    Draft { question: format!("Which is {asked}, {}?", listed(&shown, "or")), key, answer, metadata: json!({ "numbers": shown }) }
}

/// "3, 7 and 25".
pub(super) fn listed(items: &[impl AsRef<str>], joint: &str) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    match &items[..] {
        [rest @ .., last] if !rest.is_empty() => format!("{} {joint} {last}", rest.join(", ")),
        items => items.concat(),
    }
}
