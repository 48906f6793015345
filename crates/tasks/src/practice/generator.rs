//! Built-in generators as a table: how a problem is drawn, and which values are right. Knows neither what the questions are about
//! nor how an answer is written around its value.

use base::rng::{Rng, label};
use serde_json::{Value, json};

use super::{Environment, Problem, Split, countdown, numbers, stories, texts, tic_tac_toe};
use crate::Result;
use crate::problems::{given_value, same_value};

/// A problem before it has a number.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Draft {
    /// The same for the same problem in other words.
    pub key: String,
    /// The question.
    pub question: String,
    /// A right answer.
    pub answer: String,
    /// What it was made from: an object.
    pub metadata: Value,
}

/// A built-in environment.
#[derive(Clone, Copy)]
pub(super) struct Generator {
    /// Its name.
    pub name: &'static str,
    /// Its difficulties.
    pub levels: usize,
    /// Draws a problem of a level.
    pub draw: fn(&mut Rng, usize) -> Draft,
    /// Whether a value is right.
    pub right: fn(&Problem, &str) -> bool,
}

/// All of them.
pub(super) const GENERATORS: [Generator; 10] = [
    Generator { name: "parity", levels: 29, draw: texts::parity, right: texts::is_parity },
    Generator { name: "letters", levels: 5, draw: texts::letters, right: is_answer },
    Generator { name: "addition", levels: 8, draw: numbers::addition, right: is_answer },
    Generator { name: "subtraction", levels: 8, draw: numbers::subtraction, right: is_answer },
    Generator { name: "multiplication", levels: 6, draw: numbers::multiplication, right: is_answer },
    Generator { name: "word_problem", levels: 3, draw: stories::draw, right: is_answer },
    Generator { name: "countdown", levels: 5, draw: countdown::draw, right: countdown::is_right },
    Generator { name: "sorting", levels: 6, draw: texts::sorting, right: texts::is_sorted },
    Generator { name: "tic_tac_toe", levels: 3, draw: tic_tac_toe::draw, right: tic_tac_toe::is_right },
    Generator { name: "decimals", levels: 4, draw: numbers::decimals, right: is_answer },
];

/// The value that stands in the problem.
fn is_answer(problem: &Problem, value: &str) -> bool {
    same_value(value, &problem.answer)
}

/// So many draws without a problem of the wanted split mean that the generator has none: one in seven is held out.
const MAX_DRAWS: usize = 10_000;

impl Environment for Generator {
    fn name(&self) -> &str {
        self.name
    }

    fn levels(&self) -> usize {
        self.levels
    }

    fn problem(&self, seed: u64, index: u64, level: usize, split: Split) -> Problem {
        let level = level.clamp(1, self.levels);
        let rng = &mut Rng::derive(seed, &[label(self.name), level as u64, label(split.name()), index]);
        let draft = draw_of(self.name, split, || (self.draw)(rng, level));
        numbered(self.name, draft, seed, index, level, split)
    }

    fn score(&self, problem: &Problem, answer: &str) -> Result<f64> {
        let is_right = given_value(answer).is_some_and(|value| (self.right)(problem, &value));
        Ok(if is_right { 1.0 } else { 0.0 })
    }
}

/// Draws until a problem belongs to the split.
///
/// # Panics
/// Where a generator has none of them, which its tests would have found.
pub(super) fn draw_of(name: &str, split: Split, mut draw: impl FnMut() -> Draft) -> Draft {
    for _ in 0..MAX_DRAWS {
        let draft = draw();
        if Split::of(&draft.key) == split {
            return draft;
        }
    }
    panic!("the generator {name} has no problem for {} at this level", split.name());
}

/// A problem of a draft.
pub(super) fn numbered(name: &str, draft: Draft, seed: u64, index: u64, level: usize, split: Split) -> Problem {
    let mut metadata = draft.metadata;
    metadata["level"] = json!(level);
    metadata["key"] = json!(draft.key);
    Problem {
        id: format!("{name}-{}-{seed}-{level}-{index:05}", split.name()),
        generator: name.to_owned(),
        seed,
        index,
        split: split.name().to_owned(),
        question: draft.question,
        answer: draft.answer,
        metadata,
    }
}
