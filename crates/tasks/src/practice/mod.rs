//! Practice: an environment makes problems and says what an answer is worth.
//!
//! A problem is told apart by its key, not by its wording, and keys are held out by their hash: what tests ask never comes up in
//! practice, and nobody needs a list for that. Knows no model; every answer was written by one and is taken as hostile.

mod countdown;
mod expression;
mod files;
mod generator;
mod judged;
mod numbers;
pub mod python;
mod stories;
mod table;
mod texts;
mod tic_tac_toe;

#[cfg(test)]
mod tests;

use base::files::hash_bytes;
use base::rng::label;
use rayon::iter::{IntoParallelRefIterator, ParallelIterator};
use serde::{Deserialize, Serialize};
use serde_json::json;

use self::generator::GENERATORS;
use crate::Result;

pub use self::files::{Listed, Opened, read};
pub use self::judged::{Judge, Judged, asking};
pub use self::python::Programs;
pub use self::table::{overview, table};
pub use crate::problems::Problem;

/// Whether a problem is for practice or for tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// For practice.
    Train,
    /// Held out.
    Test,
}

/// One key in so many is held out.
const HELD_OUT_OF: u64 = 7;

/// Keys that the report card asks by name: they are for tests whatever their hash is.
const RESERVED: [&str; 3] = ["letters r strawberry", "decimals 9.11 9.9", "word_problem (13 - (2 * 2)) / 3"];

impl Split {
    /// Both.
    pub const ALL: [Split; 2] = [Split::Train, Split::Test];

    /// Where the problems of this key belong.
    pub fn of(key: &str) -> Split {
        match RESERVED.contains(&key) || label(key).is_multiple_of(HELD_OUT_OF) {
            true => Split::Test,
            false => Split::Train,
        }
    }

    /// Its name in [`Problem::split`] and in files.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Test => "test",
        }
    }

    /// The split of this name.
    pub fn named(name: &str) -> Option<Split> {
        Split::ALL.into_iter().find(|split| split.name() == name)
    }
}

/// Whatever makes problems and grades answers to them.
pub trait Environment: Send + Sync {
    /// Its name: the generator's in the problems that it makes.
    fn name(&self) -> &str;

    /// How many difficulties it has: levels are `1..=levels()`.
    fn levels(&self) -> usize;

    /// The problem of this number. Equal arguments give the same problem on every machine; a test problem never comes up as one for
    /// practice, at any level, under any seed, in any wording. A level beyond the last is the last.
    fn problem(&self, seed: u64, index: u64, level: usize, split: Split) -> Problem;

    /// How many different problems there are of a level and a split, where that is known: of a file. An `index` beyond them begins anew.
    fn count(&self, level: usize, split: Split) -> Option<usize> {
        let _ = (level, split);
        None
    }

    /// What an ended answer is worth, from 0 to 1; 1 only for one that is well formed and right. `answer` is what the model wrote,
    /// special tokens spelt out: `<think>...</think>#### 7`.
    ///
    /// # Errors
    /// Where nobody can say: the sandbox or the judge is not there. An answer never is the cause.
    fn score(&self, problem: &Problem, answer: &str) -> Result<f64>;

    /// What each of several ended answers is worth, in their order. All at once, on all threads, or as many as a judge can take.
    ///
    /// # Errors
    /// As [`Environment::score`].
    fn scores(&self, answered: &[(&Problem, &str)]) -> Result<Vec<f64>> {
        answered.par_iter().map(|(problem, answer)| self.score(problem, answer)).collect()
    }

    /// Another one where other problems are asked: what was practised on these does not go on with those.
    fn fingerprint(&self) -> String {
        of_firsts(self)
    }
}

/// Of an environment that makes its problems: by the first of each level.
fn of_firsts<E: Environment + ?Sized>(environment: &E) -> String {
    let first = |level| environment.problem(0, 0, level, Split::Train);
    fingerprint(environment.name(), &(1..=environment.levels()).map(first).collect::<Vec<_>>())
}

/// Of an environment with these problems.
fn fingerprint(name: &str, problems: &[Problem]) -> String {
    format!("{name} {}", hash_bytes(json!(problems).to_string().as_bytes()))
}

/// The built-in environments that need nothing else, by name. Those over files are opened by [`read`]; [`Programs`] need a sandbox.
pub const NAMES: [&str; GENERATORS.len()] = {
    let mut names = [""; GENERATORS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = GENERATORS[i].name;
        i += 1;
    }
    names
};

/// The built-in environment of this name.
pub fn environment(name: &str) -> Option<Box<dyn Environment>> {
    let generator = GENERATORS.into_iter().find(|generator| generator.name == name)?;
    Some(Box::new(generator))
}
