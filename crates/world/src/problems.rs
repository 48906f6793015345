//! Problems that a program can make and check: sums, word problems, decimals, letters.
//!
//! A problem is told apart by its `key`, not by its wording: 57 + 468 is 468 + 57. Keys are held out by their hash, so
//! whoever writes training text and whoever writes tests agree without a list. Which problems go where is decided
//! elsewhere.

use crate::names::syllables;
use crate::spelling::{self, WORDS};
use crate::word_problems;
use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A question, its answer, and how to get there.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// "addition", "three_digit_addition", "subtraction", "multiplication", "word_problem", "decimals", "letters", "thirds",
    /// "six_digit_addition", "dots".
    pub generator: &'static str,
    /// What makes it the same problem in other words.
    pub key: String,
    /// "What is 468 + 57?"
    pub question: String,
    /// "525"
    pub answer: String,
    /// The working in one line, without the answer; empty where there is nothing between question and answer.
    pub one_line: String,
    /// The working step by step, without the answer.
    pub steps: String,
    /// A program in Python that prints the answer. Words and letters keep the space before them, as they stand in the question:
    /// with it they are the same tokens, and copying a token is what a small model does most surely.
    pub code: String,
    /// The numbers it was made from.
    pub metadata: Value,
    /// Too small or too common to be held out.
    pub common: bool,
}

/// How much of the working a solution shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// The answer at once.
    Short,
    /// One expression, then the answer.
    OneLine,
    /// Every step, then the answer.
    Steps,
}

/// The mark that stands before every final answer.
pub const MARK: &str = "####";

/// Problems of the report card that no training text may hold.
const RESERVED: [&str; 6] =
    ["letters r strawberry", "decimals 9.11 9.9", "thirds ubiquitous", "apples 3 2 2 13", "apples 23 177 4 869", "dots 177"];

impl Problem {
    /// Whether tests own this problem.
    pub fn held_out(&self) -> bool {
        RESERVED.contains(&self.key.as_str()) || (!self.common && label(&self.key).is_multiple_of(7))
    }

    /// The solution in a style; every one ends in `#### answer`.
    pub fn solution(&self, style: Style) -> String {
        let working = match style {
            Style::Short => "",
            Style::OneLine => &self.one_line,
            Style::Steps => &self.steps,
        };
        if working.is_empty() { format!("{MARK} {}", self.answer) } else { format!("{working}. {MARK} {}", self.answer) }
    }
}

/// Draws problems until one belongs to training (`held_out` false) or to tests (true).
pub fn draw(rng: &mut Rng, held_out: bool, make: impl Fn(&mut Rng) -> Problem) -> Problem {
    loop {
        let problem = make(rng);
        if problem.held_out() == held_out {
            return problem;
        }
    }
}

/// An operand of a sum: mostly three digits, some two, few one.
fn operands(rng: &mut Rng) -> (i64, i64) {
    match rng.below(20) {
        0 | 1 => (rng.range(0, 9), rng.range(0, 9)),
        2..=5 => (rng.range(1, 99), rng.range(1, 99)),
        _ => (rng.range(10, 999), rng.range(10, 999)),
    }
}

/// `a + b` with one to three digits.
pub fn addition(rng: &mut Rng) -> Problem {
    let (a, b) = operands(rng);
    sum(a, b)
}

/// `a + b` with exactly three digits each.
pub fn three_digit_addition(rng: &mut Rng) -> Problem {
    Problem { generator: "three_digit_addition", ..sum(rng.range(100, 999), rng.range(100, 999)) }
}

/// The problem `a + b`, worked digit by digit from the right with carries.
pub fn sum(a: i64, b: i64) -> Problem {
    let mut carry = 0;
    let steps = columns(a, b, a + b, |x, y| {
        let (column, before) = (x + y + carry, carry);
        carry = column / 10;
        (format!("{x}+{y}+{before}={column}"), column % 10)
    });
    arithmetic("addition", '+', a, b, a + b, steps, a < 10 && b < 10, format!("+ {} {}", a.min(b), a.max(b)))
}

/// `a - b` with a result of zero or more.
pub fn subtraction(rng: &mut Rng) -> Problem {
    let (a, b) = operands(rng);
    difference(a.max(b), a.min(b))
}

/// The problem `a - b` with `a >= b`, worked digit by digit from the right with borrowing.
fn difference(a: i64, b: i64) -> Problem {
    let mut borrow = 0;
    let steps = columns(a, b, a - b, |x, y| {
        let (column, before) = (x - y - borrow, borrow);
        borrow = i64::from(column < 0);
        let ten = if column < 0 { "+10" } else { "" };
        (format!("{x}{ten}-{y}-{before}={}", column + 10 * borrow), column + 10 * borrow)
    });
    arithmetic("subtraction", '-', a, b, a - b, steps, a < 10, format!("- {a} {b}"))
}

/// Columns from the right, each with what is written down so far; behind the last this is the result.
///
/// Written down at every step, because a small model finds the digit of the column at hand long before it learns to gather
/// the digits of all columns at the end; without spaces, because a space before a digit is a token (docs/log.md, 2026-11-26).
fn columns(a: i64, b: i64, result: i64, mut column: impl FnMut(i64, i64) -> (String, i64)) -> String {
    let mut steps = Vec::new();
    let (mut x, mut y, mut written) = (a, b, String::new());
    loop {
        let last = x < 10 && y < 10;
        let (working, digit) = column(x % 10, y % 10);
        written = if last { result.to_string() } else { format!("{digit}{written}") };
        steps.push(format!("{working} write {written}"));
        if last {
            return steps.join(", ");
        }
        (x, y) = (x / 10, y / 10);
    }
}

/// A small multiplication: the tables up to 10, or one digit times two digits.
pub fn multiplication(rng: &mut Rng) -> Problem {
    if rng.chance(0.5) {
        let (a, b) = (rng.range(1, 10), rng.range(1, 10));
        return arithmetic("multiplication", '*', a, b, a * b, String::new(), true, format!("* {} {}", a.min(b), a.max(b)));
    }
    let (a, b) = (rng.range(11, 99), rng.range(2, 9));
    let (ones, tens) = (a % 10, a - a % 10);
    let steps = if ones == 0 {
        format!("{} * {b} = {}, times 10 = {}", tens / 10, tens / 10 * b, a * b)
    } else {
        format!("{ones} * {b} = {}, {tens} * {b} = {}, {} + {} = {}", ones * b, tens * b, ones * b, tens * b, a * b)
    };
    arithmetic("multiplication", '*', a, b, a * b, steps, false, format!("* {b} {a}"))
}

fn arithmetic(generator: &'static str, sign: char, a: i64, b: i64, result: i64, steps: String, common: bool, key: String) -> Problem {
    Problem {
        generator,
        key,
        question: format!("What is {a} {sign} {b}?"),
        answer: result.to_string(),
        one_line: String::new(),
        steps,
        code: format!("print(\"####\", {a} {sign} {b})"),
        metadata: json!({ "a": a, "b": b }),
        common,
    }
}

/// `a + b` with six digits each: too long to be worked out by a small model, and nothing for a program.
pub fn six_digit_addition(rng: &mut Rng) -> Problem {
    Problem { generator: "six_digit_addition", ..sum(rng.range(100_000, 999_999), rng.range(100_000, 999_999)) }
}

/// "How many dots are below?", and the dots on a line of their own.
pub fn dots(rng: &mut Rng) -> Problem {
    let n = rng.range(10, 199);
    let row = ".".repeat(n as usize);
    Problem {
        generator: "dots",
        key: format!("dots {n}"),
        question: format!("How many dots are below?\n{row}"),
        answer: n.to_string(),
        one_line: String::new(),
        steps: String::new(),
        code: format!("print(\"####\", \"{row}\".count(\".\"))"),
        metadata: json!({ "n": n }),
        common: false,
    }
}

/// "Which is bigger, 9.11 or 9.9?"
pub fn decimals(rng: &mut Rng) -> Problem {
    let whole = rng.range(0, 20);
    let (tenths, hundredths) = (rng.range(1, 9), rng.range(1, 99));
    // One digit against two behind the same whole number is the case that misleads; the others keep it company.
    let (long, short) = match rng.below(4) {
        0 => (whole + 1, whole),
        _ => (whole, whole),
    };
    let (a, b) = (format!("{long}.{hundredths:02}"), format!("{short}.{tenths}"));
    let (value_a, value_b) = (long * 100 + hundredths, short * 100 + tenths * 10);
    if value_a == value_b {
        return decimals(rng);
    }
    let swap = rng.chance(0.5);
    let (first, second) = if swap { (&b, &a) } else { (&a, &b) };
    let bigger = if value_a > value_b { &a } else { &b };
    let (more, less) =
        if long != short { (long.max(short), long.min(short)) } else { (hundredths.max(tenths * 10), hundredths.min(tenths * 10)) };
    let steps = if long != short {
        format!("Look at the whole numbers. {more} is more than {less}")
    } else {
        format!("{a} has {hundredths} hundredths. {b} has {} hundredths. {more} is more than {less}", tenths * 10)
    };
    Problem {
        generator: "decimals",
        key: format!("decimals {a} {b}"),
        question: format!("Which is bigger, {first} or {second}?"),
        answer: bigger.clone(),
        one_line: String::new(),
        steps,
        code: format!("print(\"####\", max({first}, {second}))"),
        metadata: json!({ "first": first, "second": second }),
        common: false,
    }
}

/// "How many r are there in strawberry?"
pub fn letters(rng: &mut Rng) -> Problem {
    let word = *rng.pick(&WORDS);
    letters_of(rng, word)
}

/// The same of a word that nobody knows: there is no other way than to look at it, or to hand it on as it is.
pub fn letters_of_new_words(rng: &mut Rng) -> Problem {
    let word = new_word(rng);
    letters_of(rng, &word)
}

/// Three to nine letters, mostly as names are made.
fn new_word(rng: &mut Rng) -> String {
    if rng.chance(0.7) {
        let syllables_of_it = 2 + rng.below(3);
        return syllables(rng, syllables_of_it).to_lowercase();
    }
    let n = 3 + rng.below(6);
    spelling::letters(rng, n)
}

fn letters_of(rng: &mut Rng, word: &str) -> Problem {
    let among: Vec<char> = if rng.chance(0.8) { word.chars().collect() } else { ('a'..='z').collect() };
    let letter = *rng.pick(&among);
    let positions: Vec<String> = word.chars().enumerate().filter(|(_, c)| *c == letter).map(|(i, _)| (i + 1).to_string()).collect();
    let places = match positions.len() {
        0 => format!("There is no {letter}"),
        1 => format!("The letter {letter} is number {}", positions[0]),
        _ => format!("The letter {letter} is number {}", positions.join(" and ")),
    };
    Problem {
        generator: "letters",
        key: format!("letters {letter} {word}"),
        question: format!("How many {letter} are there in {word}?"),
        answer: positions.len().to_string(),
        one_line: String::new(),
        steps: format!("{}. {places}", spelled(word)),
        // The letter first: behind the word a small model guesses one of its letters.
        code: format!("letter = \" {letter}\".strip()\nprint(\"####\", \" {word}\".count(letter))"),
        metadata: json!({ "letter": letter.to_string(), "word": word }),
        common: false,
    }
}

/// "Write every third letter of garden, starting with the first."
pub fn thirds(rng: &mut Rng) -> Problem {
    let word = *rng.pick(&WORDS);
    thirds_of(word)
}

/// The same of a word that nobody knows. In most of them what is handed on is a vowel and a consonant, and sometimes a letter more: that is
/// often a token of its own which stands nowhere else, and a model must have seen it to copy it.
pub fn thirds_of_new_words(rng: &mut Rng) -> Problem {
    if rng.chance(0.25) {
        return thirds_of(&new_word(rng));
    }
    let n = 4 + rng.below(5);
    let mut word: Vec<char> = spelling::letters(rng, n).chars().collect();
    let (vowels, consonants) = (['a', 'e', 'i', 'o', 'u'], "bcdfghjklmnpqrstvwxyz".chars().collect::<Vec<char>>());
    let vowel_at = if rng.chance(0.5) { 0 } else { 3 };
    word[vowel_at] = *rng.pick(&vowels);
    word[3 - vowel_at] = *rng.pick(&consonants);
    thirds_of(&String::from_iter(word))
}

fn thirds_of(word: &str) -> Problem {
    let picked: String = word.chars().step_by(3).collect();
    Problem {
        generator: "thirds",
        key: format!("thirds {word}"),
        question: format!("Write every third letter of {word}, starting with the first."),
        answer: picked,
        one_line: String::new(),
        steps: spelled(word),
        code: format!("print(\"####\", \" {word}\".strip()[::3])"),
        metadata: json!({ "word": word }),
        common: false,
    }
}

/// A word letter by letter: "g a r d e n".
pub fn spelled(word: &str) -> String {
    word.chars().map(String::from).collect::<Vec<_>>().join(" ")
}

/// One line of `problems.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// "addition-00017"
    pub id: String,
    /// Which generator made it.
    pub generator: String,
    /// The world's seed.
    pub seed: u64,
    /// The number of the problem within its generator and split.
    pub index: usize,
    /// "train" or "test"
    pub split: String,
    /// The question as asked.
    pub question: String,
    /// The right answer.
    pub answer: String,
    /// The numbers it was made from, and its key.
    pub metadata: Value,
}

/// The problem set of a world: `n_train` problems for practice and a sixth as many for tests, without repeats.
pub fn entries(seed: u64, n_train: usize) -> Vec<Entry> {
    type Maker = fn(&mut Rng) -> Problem;
    // Shares of 20, with three beside that are for programs; three-digit sums have tests of their own size because the report card counts them.
    let makers: [(Maker, usize); 10] = [
        (three_digit_addition, 6),
        (addition, 3),
        (subtraction, 2),
        (multiplication, 2),
        (word_problems::word_problem, 5),
        (letters, 1),
        (decimals, 1),
        (thirds, 1),
        (six_digit_addition, 1),
        (dots, 1),
    ];
    let mut list: Vec<Entry> = Vec::new();
    let mut seen = std::collections::BTreeSet::new();
    for split in ["train", "test"] {
        for (number, (make, share)) in makers.iter().enumerate() {
            let rng = &mut Rng::derive(seed, &[label("problems"), label(split), number as u64]);
            let wanted = (if split == "train" { n_train } else { n_train / 6 } * share / 20).max(4);
            let mut tries = 0;
            let mut made = 0;
            // Small generators run dry (there are only so many decimals to compare), hence the limit on tries.
            while made < wanted && tries < wanted * 40 {
                tries += 1;
                let problem = make(rng);
                if problem.held_out() != (split == "test") || !seen.insert(problem.key.clone()) {
                    continue;
                }
                let index = list.iter().filter(|e| e.generator == problem.generator && e.split == split).count();
                let mut metadata = problem.metadata.clone();
                metadata["key"] = json!(problem.key);
                list.push(Entry {
                    id: format!("{}-{split}-{index:05}", problem.generator),
                    generator: problem.generator.to_string(),
                    seed,
                    index,
                    split: split.to_string(),
                    question: problem.question,
                    answer: problem.answer,
                    metadata,
                });
                made += 1;
            }
        }
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn solutions_read_as_designed() {
        let cases = [
            (sum(468, 57), "8+7+0=15 write 5, 6+5+1=12 write 25, 4+0+1=5 write 525. #### 525"),
            (sum(468, 557), "8+7+0=15 write 5, 6+5+1=12 write 25, 4+5+1=10 write 1025. #### 1025"),
            (sum(2, 2), "2+2+0=4 write 4. #### 4"),
            (difference(523, 98), "3+10-8-0=5 write 5, 2+10-9-1=2 write 25, 5-0-1=4 write 425. #### 425"),
            (difference(105, 98), "5+10-8-0=7 write 7, 0+10-9-1=0 write 07, 1-0-1=0 write 7. #### 7"),
        ];
        for (problem, expected) in cases {
            assert_eq!(problem.solution(Style::Steps), expected);
            assert_eq!(problem.solution(Style::Short), format!("#### {}", problem.answer));
        }
    }

    #[test]
    fn columns_give_the_answer() {
        for seed in 0..300 {
            let rng = &mut Rng::new(seed);
            for problem in [addition(rng), subtraction(rng)] {
                // Every working is true; its last digit is put before what is written, and behind the last column stands the answer.
                let mut before = String::new();
                for step in problem.steps.split(", ") {
                    let (working, written) = step.split_once(" write ").unwrap();
                    let (left, right) = working.split_once('=').unwrap();
                    let value: i64 = left.replace('-', "+-").split('+').map(|term| term.parse::<i64>().unwrap()).sum();
                    assert_eq!(value.to_string(), right, "{problem:?}");
                    if written == problem.answer {
                        assert_eq!(format!("{right}{before}").parse::<i64>().unwrap().to_string(), written, "{problem:?}");
                    } else {
                        assert_eq!(format!("{}{before}", &right[right.len() - 1..]), written, "{problem:?}");
                    }
                    before = written.to_string();
                }
                assert_eq!(before, problem.answer);
            }
        }
    }

    #[test]
    fn the_same_sum_is_held_out_both_ways() {
        for seed in 0..200 {
            let rng = &mut Rng::new(seed);
            let (a, b) = (rng.range(10, 999), rng.range(10, 999));
            assert_eq!(sum(a, b).held_out(), sum(b, a).held_out());
        }
        assert!(!sum(2, 2).held_out());
    }

    #[test]
    fn decimals_are_compared_as_numbers() {
        for seed in 0..500 {
            let problem = decimals(&mut Rng::new(seed));
            let number = |name: &str| problem.metadata[name].as_str().unwrap().parse::<f64>().unwrap();
            assert_eq!(problem.answer.parse::<f64>().unwrap(), number("first").max(number("second")), "{problem:?}");
        }
    }

    #[test]
    fn train_and_test_share_no_key() {
        let entries = entries(3, 600);
        let keys = |split: &str| -> std::collections::BTreeSet<String> {
            entries.iter().filter(|e| e.split == split).map(|e| e.metadata["key"].as_str().unwrap().to_string()).collect()
        };
        assert!(keys("train").is_disjoint(&keys("test")));
        assert_eq!(keys("train").len() + keys("test").len(), entries.len());
        let generators: std::collections::BTreeSet<&str> = entries.iter().map(|e| e.generator.as_str()).collect();
        assert_eq!(generators.len(), 10);
    }
}
