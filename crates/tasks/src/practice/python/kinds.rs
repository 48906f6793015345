//! The built-in kinds of functions: what is asked for, a program that does it, and calls whose results are computed here.

use base::rng::Rng;
use serde_json::{Value, json};

use super::Test;
use crate::practice::generator::Draft;
use crate::practice::numbers::listed;

/// Difficulties.
pub(super) const LEVELS: usize = 3;

/// Calls of a problem, beside the one that the question shows.
const TESTS: usize = 6;

/// A problem of a level.
pub(super) fn draw(rng: &mut Rng, level: usize) -> Draft {
    let kinds: &[fn(&mut Rng) -> Kind] = match level {
        1 => &[total, count, every],
        2 => &[term, turn, mirrored, shared],
        _ => &[flat, runs, digits],
    };
    rng.pick(kinds)(rng).draft()
}

/// What a kind says of a problem.
struct Kind {
    /// The head of the function: `total(numbers)`.
    head: &'static str,
    /// What tells it from others of its kind.
    parameters: String,
    /// What it returns, as the end of a sentence.
    returns: String,
    /// Arguments and results of calls; the first is shown in the question.
    cases: Vec<(Vec<Value>, Value)>,
    /// Lines of a right function.
    body: String,
}

impl Kind {
    fn draft(self) -> Draft {
        let name = self.head.split('(').next().unwrap_or_default();
        let call = |arguments: &[Value]| format!("{name}({})", arguments.iter().map(written).collect::<Vec<_>>().join(", "));
        let mut tests = self.cases.iter().map(|(arguments, expected)| Test { call: call(arguments), expected: expected.clone() });
        let shown = tests.next().map(|test| format!(" For example, {} is {}.", test.call, written(&test.expected))).unwrap_or_default();
        let tests: Vec<Test> = tests.collect();
        Draft {
            key: format!("python {name} {}", self.parameters),
            question: format!("Write a Python function {} that returns {}.{shown} Answer with the program alone.", self.head, self.returns),
            answer: format!("def {}:\n    {}", self.head, self.body.replace('\n', "\n    ")),
            metadata: json!({ "tests": tests }),
        }
    }
}

/// A value as Python has it. Texts here are plain letters and signs.
fn written(value: &Value) -> String {
    match value {
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(written).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

/// The shown case and all tests, of which one is the odd one out.
fn cases(rng: &mut Rng, odd: (Vec<Value>, Value), mut case: impl FnMut(&mut Rng) -> (Vec<Value>, Value)) -> Vec<(Vec<Value>, Value)> {
    let mut cases: Vec<_> = (0..TESTS).map(|_| case(rng)).collect();
    cases.push(odd);
    cases
}

fn numbers(rng: &mut Rng, most: i64) -> Vec<i64> {
    (0..4 + rng.below(5)).map(|_| rng.range(0, most)).collect()
}

/// A word of letters from the beginning of the alphabet, so that they repeat.
fn word(rng: &mut Rng, letters: usize) -> String {
    (0..letters).map(|_| *rng.pick(&['a', 'b', 'c', 'd', 'e', 'i', 'n', 'o', 's', 't', 'u'])).collect()
}

fn total(rng: &mut Rng) -> Kind {
    let divisor = rng.range(2, 9);
    let rest = rng.range(0, divisor - 1);
    let which = match (divisor, rest) {
        (2, 0) => "even numbers of a list".to_owned(),
        (2, _) => "odd numbers of a list".to_owned(),
        (_, 0) => format!("numbers of a list that {divisor} divides"),
        _ => format!("numbers of a list that leave {rest} when divided by {divisor}"),
    };
    Kind {
        head: "total(numbers)",
        parameters: format!("{divisor} {rest}"),
        returns: format!("the sum of the {which}"),
        cases: cases(rng, (vec![json!([])], json!(0)), |rng| {
            let numbers = numbers(rng, 40);
            let sum: i64 = numbers.iter().filter(|number| *number % divisor == rest).sum();
            (vec![json!(numbers)], json!(sum))
        }),
        body: format!("return sum(n for n in numbers if n % {divisor} == {rest})"),
    }
}

fn count(rng: &mut Rng) -> Kind {
    let all: Vec<String> = "aeioucdnst".chars().map(String::from).collect();
    let n = 2 + rng.below(4);
    let mut letters: Vec<String> = rng.sample(&all, n).into_iter().cloned().collect();
    letters.sort();
    let set = letters.concat();
    let are = if set == "aeiou" { "vowels".to_owned() } else { format!("one of {}", listed(&letters, "and")) };
    Kind {
        head: "count(text)",
        parameters: set.clone(),
        returns: format!("how many letters of a text are {are}"),
        cases: cases(rng, (vec![json!("")], json!(0)), |rng| {
            let text = format!("{} {}", word(rng, 6), word(rng, 4));
            let n = text.chars().filter(|&c| set.contains(c)).count();
            (vec![json!(text)], json!(n))
        }),
        body: format!("return sum(1 for c in text if c in \"{set}\")"),
    }
}

fn every(rng: &mut Rng) -> Kind {
    let step = 2 + rng.below(5);
    let first = 1 + rng.below(step);
    let nth = |n: usize| ["first", "second", "third", "fourth", "fifth", "sixth"][n - 1];
    Kind {
        head: "every(items)",
        parameters: format!("{step} {first}"),
        returns: format!("every {} item of a list, beginning with the {}, as a list", nth(step), nth(first)),
        cases: cases(rng, (vec![json!([])], json!([])), |rng| {
            let items = numbers(rng, 99);
            let kept: Vec<i64> = items.iter().skip(first - 1).step_by(step).copied().collect();
            (vec![json!(items)], json!(kept))
        }),
        body: format!("return items[{}::{step}]", first - 1),
    }
}

fn term(rng: &mut Rng) -> Kind {
    let (a, b, p, q) = (rng.range(0, 3), rng.range(1, 3), rng.range(1, 3), rng.range(1, 3));
    let times = |n: i64, what: &str| if n == 1 { what.to_owned() } else { format!("{n} times {what}") };
    let nth = |n: i64| (1..n).fold((a, b), |(one, two), _| (two, p * two + q * one)).0;
    let mut places: Vec<i64> = (2..=12).collect();
    rng.shuffle(&mut places);
    Kind {
        head: "term(n)",
        parameters: format!("{a} {b} {p} {q}"),
        returns: format!(
            "the n-th number of the row that begins with {a} and {b}, and in which each further number is {} plus {}",
            times(p, "the one before it"),
            times(q, "the one before that")
        ),
        cases: places.into_iter().take(TESTS).chain([1]).map(|n| (vec![json!(n)], json!(nth(n)))).collect(),
        body: format!("a, b = {a}, {b}\nfor _ in range(n - 1):\n    a, b = b, {p} * b + {q} * a\nreturn a"),
    }
}

fn turn(rng: &mut Rng) -> Kind {
    let (between, name) =
        *rng.pick(&[(" ", "spaces"), (",", "commas"), ("-", "hyphens"), (";", "semicolons"), ("/", "slashes"), ("_", "underscores")]);
    let (how, inside, python) = *rng.pick(&[
        ("in reverse order", Inside::Order, "parts[::-1]"),
        ("each spelt backwards", Inside::Letters, "[p[::-1] for p in parts]"),
        ("in reverse order and each spelt backwards", Inside::Both, "[p[::-1] for p in parts[::-1]]"),
        ("each with its first letter moved to its end", Inside::First, "[p[1:] + p[:1] for p in parts]"),
    ]);
    Kind {
        head: "turn(text)",
        parameters: format!("{how}, {name}"),
        returns: format!("the words of a text, which {name} separate, {how}, separated in the same way"),
        cases: cases(rng, (vec![json!("sand")], json!(inside.turned(vec!["sand".to_owned()]).concat())), |rng| {
            let words: Vec<String> = (0..2 + rng.below(3))
                .map(|_| {
                    let n = 2 + rng.below(4);
                    word(rng, n)
                })
                .collect();
            (vec![json!(words.join(between))], json!(inside.turned(words).join(between)))
        }),
        body: format!("parts = text.split(\"{between}\")\nreturn \"{between}\".join({python})"),
    }
}

/// What is turned round.
#[derive(Clone, Copy)]
enum Inside {
    Order,
    Letters,
    Both,
    First,
}

impl Inside {
    fn turned(self, mut words: Vec<String>) -> Vec<String> {
        let backwards = |word: &String| word.chars().rev().collect::<String>();
        if matches!(self, Inside::Order | Inside::Both) {
            words.reverse();
        }
        match self {
            Inside::Order => words,
            Inside::Letters | Inside::Both => words.iter().map(backwards).collect(),
            Inside::First => words.iter().map(|word| format!("{}{}", &word[1..], &word[..1])).collect(),
        }
    }
}

fn mirrored(rng: &mut Rng) -> Kind {
    let signs = ["spaces", "commas", "hyphens", "question marks", "points"];
    let written = [" ", ",", "-", "?", "."];
    let n = 1 + rng.below(3);
    let mut ignored: Vec<usize> = rng.sample(&[0, 1, 2, 3, 4], n).into_iter().copied().collect();
    ignored.sort_unstable();
    let set: String = ignored.iter().map(|&i| written[i]).collect();
    let without_case = rng.chance(0.5);
    let names: Vec<&str> = ignored.iter().map(|&i| signs[i]).collect();
    let case = if without_case { ", and without regard to case" } else { "" };
    let lowered = if without_case { ".lower()" } else { "" };
    let is_mirrored = |text: &str| {
        let text = if without_case { text.to_lowercase() } else { text.to_owned() };
        let kept: Vec<char> = text.chars().filter(|&c| !set.contains(c)).collect();
        kept.iter().eq(kept.iter().rev())
    };
    let mut number = 0;
    Kind {
        head: "mirrored(text)",
        parameters: format!("{set}{}", if without_case { " aA" } else { "" }),
        returns: format!("whether a text reads the same backwards, without its {}{case}", listed(&names, "and")),
        cases: cases(rng, (vec![json!("")], json!(true)), |rng| {
            number += 1;
            let half = word(rng, 4);
            let back: String = half.chars().rev().collect();
            // By turns: mirrored but for a sign, mirrored but for its case, and with a letter that spoils it.
            let text = match number % 3 {
                0 => format!("{half}{}{back}", &set[..1]),
                1 => format!("{}{back}", half.to_uppercase()),
                _ => format!("x{half}{}{back}", &set[..1]),
            };
            let result = is_mirrored(&text);
            (vec![json!(text)], json!(result))
        }),
        body: format!("kept = [c for c in text{lowered} if c not in \"{set}\"]\nreturn kept == kept[::-1]"),
    }
}

fn shared(rng: &mut Rng) -> Kind {
    let most = rng.range(5, 60);
    let largest = |a: i64, b: i64| (1..=most).rev().find(|n| a % n == 0 && b % n == 0).unwrap_or(1);
    Kind {
        head: "shared(a, b)",
        parameters: most.to_string(),
        returns: format!("the largest whole number up to {most} that divides both a and b"),
        cases: cases(rng, (vec![json!(17), json!(4)], json!(1)), |rng| {
            let common = rng.range(2, 70);
            let (a, b) = (common * rng.range(1, 12), common * rng.range(1, 12));
            (vec![json!(a), json!(b)], json!(largest(a, b)))
        }),
        body: format!("return max(n for n in range(1, {most} + 1) if a % n == 0 and b % n == 0)"),
    }
}

fn flat(rng: &mut Rng) -> Kind {
    let (limit, less) = (rng.range(5, 40), rng.chance(0.5));
    let sign = if less { "<" } else { ">" };
    let words = if less { "less" } else { "more" };
    let leaves = |n: i64| if less { n < limit } else { n > limit };
    Kind {
        head: "flat(lists)",
        parameters: format!("{sign} {limit}"),
        returns: format!(
            "one list of all numbers that stand in the lists of a list, in their order, without those that are {words} than {limit}"
        ),
        cases: cases(rng, (vec![json!([[], []])], json!([])), |rng| {
            let lists: Vec<Vec<i64>> = (0..2 + rng.below(3)).map(|_| (0..rng.below(4)).map(|_| rng.range(0, 50)).collect()).collect();
            let kept: Vec<i64> = lists.concat().into_iter().filter(|&n| !leaves(n)).collect();
            (vec![json!(lists)], json!(kept))
        }),
        body: format!("return [n for inner in lists for n in inner if not n {sign} {limit}]"),
    }
}

fn runs(rng: &mut Rng) -> Kind {
    let least = 1 + rng.below(3);
    let letter_first = rng.chance(0.5);
    let (between, joined) =
        *rng.pick(&[("", "with nothing between them"), (" ", "with a space between them"), ("-", "with a hyphen between them")]);
    let order = if letter_first { "as its letter and its length" } else { "as its length and its letter" };
    let which = if least == 1 { String::new() } else { format!(" Runs shorter than {least} are left out.") };
    let part = if letter_first { "c + str(n)" } else { "str(n) + c" };
    let encoded = |text: &str| {
        let letters: Vec<char> = text.chars().collect();
        let runs = letters.chunk_by(|a, b| a == b).filter(|run| run.len() >= least);
        let parts: Vec<String> =
            runs.map(|run| if letter_first { format!("{}{}", run[0], run.len()) } else { format!("{}{}", run.len(), run[0]) }).collect();
        parts.join(between)
    };
    Kind {
        head: "runs(text)",
        parameters: format!("{least} {order} {between:?}"),
        returns: format!("a text in which each run of equal letters of the given text is told {order}, {joined}.{which}")
            .trim_end_matches('.')
            .to_owned(),
        cases: cases(rng, (vec![json!("")], json!("")), |rng| {
            let text: String = (0..3 + rng.below(3)).map(|_| word(rng, 1).repeat(1 + rng.below(4))).collect();
            let result = encoded(&text);
            (vec![json!(text)], json!(result))
        }),
        body: format!(
            "found = []\nfor c in text:\n    if found and found[-1][0] == c:\n        found[-1][1] += 1\n    else:\n        found.append([c, 1])\n\
             return \"{between}\".join([{part} for c, n in found if n >= {least}])"
        ),
    }
}

fn digits(rng: &mut Rng) -> Kind {
    let base = rng.range(2, 16);
    let last_first = rng.chance(0.5);
    let order = if last_first { "last" } else { "first" };
    let in_base = |mut n: i64| {
        let mut digits = vec![n % base];
        while n >= base {
            n /= base;
            digits.push(n % base);
        }
        if !last_first {
            digits.reverse();
        }
        digits
    };
    Kind {
        head: "digits(n)",
        parameters: format!("{base} {order}"),
        returns: format!(
            "the digits of the whole number n written in base {base}, as a list of numbers, its {order} digit at the beginning"
        ),
        cases: cases(rng, (vec![json!(0)], json!([0])), |rng| {
            let n = rng.range(1, 5000);
            (vec![json!(n)], json!(in_base(n)))
        }),
        body: format!(
            "found = [n % {base}]\nwhile n >= {base}:\n    n = n // {base}\n    found.append(n % {base})\nreturn found{}",
            if last_first { "" } else { "[::-1]" }
        ),
    }
}
