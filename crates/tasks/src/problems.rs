//! Graded problems: the file, and the program that says right or wrong. Knows no
//! model; what it reads was written by one and is taken as hostile.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;

/// One line of `problems.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Unique in its file.
    pub id: String,
    /// Which generator made it: addition, word problem, ...
    pub generator: String,
    /// The generator's seed.
    pub seed: u64,
    /// Its number under that seed.
    pub index: u64,
    /// `train` or `test`.
    pub split: String,
    /// The question, without any instruction on the form of the answer.
    pub question: String,
    /// The right answer: a decimal number, or a word.
    pub answer: String,
    /// What the generator says about it: operands, difficulty, step count.
    #[serde(default)]
    pub metadata: serde_json::Value,
}

/// Reads the problems of one split (`train`, `test`), in file order.
///
/// # Errors
/// Where the file is missing or a line is no problem; both name the place.
pub fn read_problems(path: &Path, split: &str) -> Result<Vec<Problem>> {
    let mut problems = Vec::new();
    for problem in base::jsonl::read_jsonl::<Problem>(path)? {
        let problem = problem?;
        if problem.split == split {
            problems.push(problem);
        }
    }
    Ok(problems)
}

/// Whether a model's answer is well formed, ended and right. The rules:
///
/// 1. What stands between `<think>` and `</think>` is not part of the answer; a
///    thought that never ends leaves no answer.
/// 2. With `####` markers: each is followed, on its line, by one value alone; all
///    of them give the same value; after the last one nothing follows. Several
///    different values, a marker inside a sentence's middle, or text after the
///    last marker are wrong whatever the values are.
/// 3. Without a marker the whole answer is one value ("Answer with the number only.").
/// 4. Numbers are compared as numbers (`7`, `7.0`, `$7`, `007` are one), without
///    passing through floating point; words without regard to case.
pub fn grade(problem: &Problem, answer_text: &str) -> bool {
    given_value(answer_text).is_some_and(|value| same_value(&value, &problem.answer))
}

/// The one value that an answer gives by the rules of [`grade`], as it is written; `None` of an answer that is not well formed.
pub(crate) fn given_value(answer_text: &str) -> Option<String> {
    let answer = without_thoughts(answer_text)?;
    final_value(&answer).map(str::to_owned)
}

/// Whether an answer is right and nothing but the value, with or without a marker:
/// [`grade`] for answers that must not be worked out.
pub fn grade_at_once(problem: &Problem, answer_text: &str) -> bool {
    let text = answer_text.trim();
    let value = text.strip_prefix("####").unwrap_or(text).trim();
    !value.contains("####") && !value.contains('\n') && !value.contains("<think>") && same_value(value, &problem.answer)
}

/// The text outside thoughts; `None` where a thought is opened and not closed,
/// closed and not opened, or opened twice.
pub(crate) fn without_thoughts(text: &str) -> Option<String> {
    const OPEN: &str = "<think>";
    const CLOSE: &str = "</think>";
    let mut outside = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(OPEN) {
        let after = &rest[start + OPEN.len()..];
        let end = after.find(CLOSE)?;
        if after[..end].contains(OPEN) {
            return None;
        }
        outside.push_str(&rest[..start]);
        rest = &after[end + CLOSE.len()..];
    }
    outside.push_str(rest);
    (!outside.contains(CLOSE)).then_some(outside)
}

/// The one value that the answer gives, if it gives exactly one in good form.
fn final_value(answer: &str) -> Option<&str> {
    const MARKER: &str = "####";
    if !answer.contains(MARKER) {
        let value = answer.trim();
        return (!value.is_empty() && !value.contains('\n')).then_some(value);
    }
    let mut last: Option<&str> = None;
    for line in answer.trim_end().lines() {
        let Some(at) = line.find(MARKER) else { continue };
        let value = line[at + MARKER.len()..].trim();
        if value.is_empty() || value.contains('#') {
            return None;
        }
        if last.is_some_and(|earlier| !same_value(earlier, value)) {
            return None;
        }
        last = Some(value);
    }
    let last_line = answer.trim_end().lines().next_back()?;
    if last_line.contains(MARKER) { last } else { None }
}

/// Numbers as numbers where both are, otherwise words without regard to case and
/// a full stop at the end.
pub(crate) fn same_value(a: &str, b: &str) -> bool {
    match (Decimal::parse(a), Decimal::parse(b)) {
        (Some(a), Some(b)) => a == b,
        (None, None) => {
            let plain = |text: &str| text.trim().trim_end_matches('.').trim_end().to_lowercase();
            !plain(a).is_empty() && plain(a) == plain(b)
        }
        _ => false,
    }
}

/// A decimal number in its one spelling: no leading or trailing zeros, no minus zero.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

impl Decimal {
    /// `-1,234.50`, `$7`, `7.` and the like; `None` for everything else. Thousands
    /// are grouped in threes or not at all.
    pub(crate) fn parse(text: &str) -> Option<Decimal> {
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let text = text.strip_prefix('$').unwrap_or(text);
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some((whole, fraction)) => (whole, fraction),
            None => (text, ""),
        };
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let whole = if whole.contains(',') {
            let groups: Vec<&str> = whole.split(',').collect();
            let grouped = (1..=3).contains(&groups[0].len()) && groups[1..].iter().all(|group| group.len() == 3);
            if !grouped {
                return None;
            }
            groups.concat()
        } else {
            whole.to_owned()
        };
        if whole.is_empty() || !digits(&whole) || !digits(fraction) {
            return None;
        }
        let whole = whole.trim_start_matches('0').to_owned();
        let fraction = fraction.trim_end_matches('0').to_owned();
        let zero = whole.is_empty() && fraction.is_empty();
        Some(Decimal { negative: negative && !zero, whole, fraction })
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let sign = if self.negative { "-" } else { "" };
        let whole = if self.whole.is_empty() { "0" } else { &self.whole };
        let point = if self.fraction.is_empty() { "" } else { "." };
        write!(f, "{sign}{whole}{point}{}", self.fraction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(answer: &str) -> Problem {
        Problem {
            id: "sum-1".into(),
            generator: "addition".into(),
            seed: 1,
            index: 0,
            split: "test".into(),
            question: "What is 345 + 678?".into(),
            answer: answer.into(),
            metadata: serde_json::Value::Null,
        }
    }

    #[track_caller]
    fn check(right_answer: &str, text: &str, expected: bool) {
        assert_eq!(grade(&problem(right_answer), text), expected, "{text:?} against {right_answer}");
    }

    #[test]
    fn right_answers() {
        check("1023", "5 + 8 = 13, write 3 carry 1\n#### 1023", true);
        check("1023", "#### 1023\n", true);
        check("1023", "1023", true);
        check("1023", " 1,023. ", true);
        check("1023", "#### 1023\nso\n#### 1023.0", true);
        check("7", "#### $7", true);
        check("7.5", "07.50", true);
        check("-3", "#### -3", true);
        check("0", "-0", true);
        check("uqts", "#### UQTS.", true);
        check("123456789012345678901", "#### 123456789012345678901", true);
        check("1023", "<think>it may be 5, #### 4</think>#### 1023", true);
    }

    #[test]
    fn wrong_answers() {
        check("1023", "#### 1024", false);
        check("1023", "The answer is 1023", false);
        check("1023", "", false);
        check("1023", "   \n", false);
        check("123456789012345678901", "#### 123456789012345678902", false);
        check("uqts", "#### uqt", false);
        check("1023", "#### one thousand", false);
    }

    #[test]
    fn attacks() {
        // Several different answers, in any order.
        check("1023", "#### 1022\n#### 1023", false);
        check("1023", "#### 1023\n#### 1022", false);
        check("1023", "#### 1022 #### 1023", false);
        check("1023", "#### 1023 1024", false);
        check("1023", "#### 1023 or 1024", false);
        check("1023", "1022\n1023", false);
        check("1023", "1022 1023", false);
        // Forged and broken markers.
        check("1023", "####", false);
        check("1023", "#### \n1023", false);
        check("1023", "######## 1023", false);
        check("1023", "#### #### 1023", false);
        check("1023", "#### 1023\n####", false);
        check("1023", "### 1023", false);
        // An answer that goes on after its end.
        check("1023", "#### 1023\nQuestion: What is 1 + 1?", false);
        // An answer inside the thought, and thoughts that never end.
        check("1023", "<think>#### 1023</think>", false);
        check("1023", "<think>#### 1023", false);
        check("1023", "#### 1023</think>", false);
        check("1023", "<think><think>x</think>#### 1023", false);
        check("1023", "<think>#### 1023</think>#### 1022", false);
        // Numbers in disguise.
        check("1023", "#### 10,23", false);
        check("1023", "#### 1.023e3", false);
        check("1023", "#### 1023.5", false);
        check("1023", "#### --1023", false);
        check("1023", "#### 1023..", false);
        check("1023", "#### ١٠٢٣", false);
        check("7", "#### 7.", true);
    }

    #[test]
    fn numbers_have_one_spelling() {
        for (text, expected) in [("$1,080.00", "1080"), ("-007.50", "-7.5"), ("-0", "0"), ("0.5", "0.5"), ("12.", "12")] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn at_once_takes_the_value_alone() {
        for (text, expected) in [
            ("1023", true),
            (" #### 1,023\n", true),
            ("1024", false),
            ("5 + 8 = 13. #### 1023", false),
            ("5 + 8 = 13\n1023", false),
            ("#### #### 1023", false),
            ("#### 1023 #### 1023", false),
            ("<think>1023</think>", false),
            ("", false),
        ] {
            assert_eq!(grade_at_once(&problem("1023"), text), expected, "{text:?}");
        }
    }
}
