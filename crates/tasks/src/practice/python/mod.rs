//! Python problems: the question asks for a function, the answer is a program, and the grade comes of running it.
//!
//! What a call should give never enters the sandbox. The program that runs there is the answer with a harness behind it, which calls
//! the function and prints what it gave; the comparison is made here. So there is nothing that an answer could print, or call itself,
//! to be right without computing what is asked. Knows no interpreter: the sandbox is text in, text out.

mod kinds;
mod literal;

use std::path::Path;
use std::sync::{Arc, OnceLock};

use base::rng::{Rng, label};
use engine::Tool;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::files::{Shelf, read_rows};
use super::generator::{draw_of, numbered};
use super::{Environment, Problem, Split, of_firsts};
use crate::Result;
use crate::problems::without_thoughts;

/// The name of the built-in Python problems.
pub const NAME: &str = "python";

/// A test of a problem has at most so many calls, each of so many bytes.
const MAX_TESTS: usize = 64;
const MAX_CALL_BYTES: usize = 1000;

/// A call of the function that is asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Test {
    /// An expression in Python, on one line.
    pub call: String,
    /// What it should give; lists stand for tuples too.
    pub expected: Value,
}

/// The environment.
pub struct Programs {
    sandbox: Arc<dyn Tool>,
    /// The problems of a file; without one they are made.
    shelf: Option<Shelf>,
    works: OnceLock<bool>,
}

impl Programs {
    /// Ten kinds of functions on three levels.
    pub fn built_in(sandbox: Arc<dyn Tool>) -> Programs {
        Programs { sandbox, shelf: None, works: OnceLock::new() }
    }

    /// Reads JSON lines with `question` and `tests`, each with `call` and `expected`.
    ///
    /// # Errors
    /// Where the file is missing, a line is no such problem, or there are none of a split; each names the place.
    pub fn read(path: &Path, sandbox: Arc<dyn Tool>) -> Result<Programs> {
        let problems = read_rows(path)?;
        for problem in &problems {
            if let Err(why) = tests_of(problem) {
                let remedy = "give each problem \"tests\": [{\"call\": \"f(1)\", \"expected\": 2}]";
                return Err(base::Error::damaged(path, format!("the problem {}", problem.id), why, remedy).into());
            }
        }
        Ok(Programs { sandbox, shelf: Some(Shelf::new(path, problems)?), works: OnceLock::new() })
    }

    /// Whether the sandbox runs programs at all. Asked once, when a program has failed: a sandbox that is not there must not make every
    /// answer wrong.
    fn works(&self) -> bool {
        *self.works.get_or_init(|| self.sandbox.call("print(6 * 7)").text.trim() == "42")
    }
}

impl Environment for Programs {
    fn name(&self) -> &str {
        NAME
    }

    fn levels(&self) -> usize {
        self.shelf.as_ref().map_or(kinds::LEVELS, Shelf::levels)
    }

    fn problem(&self, seed: u64, index: u64, level: usize, split: Split) -> Problem {
        if let Some(shelf) = &self.shelf {
            return shelf.problem(seed, index, level, split);
        }
        let level = level.clamp(1, kinds::LEVELS);
        let rng = &mut Rng::derive(seed, &[label(NAME), level as u64, label(split.name()), index]);
        numbered(NAME, draw_of(NAME, split, || kinds::draw(rng, level)), seed, index, level, split)
    }

    fn count(&self, level: usize, split: Split) -> Option<usize> {
        self.shelf.as_ref().map(|shelf| shelf.count(level, split))
    }

    fn fingerprint(&self) -> String {
        self.shelf.as_ref().map_or_else(|| of_firsts(self), |shelf| shelf.fingerprint(NAME))
    }

    /// 1 where all calls give what they should.
    fn score(&self, problem: &Problem, answer: &str) -> Result<f64> {
        let tests = tests_of(problem).map_err(|why| base::Error::Refused(format!("the problem {} cannot be graded: {why}", problem.id)))?;
        let Some(program) = program_of(answer) else { return Ok(0.0) };
        let nonce = nonce(problem, answer);
        let told = self.sandbox.call(&with_harness(&program, &tests, &nonce)).text;
        if passed(&told, &tests, &nonce) {
            return Ok(1.0);
        }
        match self.works() {
            true => Ok(0.0),
            false => {
                Err(base::Error::Refused("Python does not run here, so programs cannot be graded; build it in, or leave them out".into())
                    .into())
            }
        }
    }
}

/// The tests of a problem, or what is wrong with them.
fn tests_of(problem: &Problem) -> std::result::Result<Vec<Test>, String> {
    let tests: Vec<Test> = Deserialize::deserialize(&problem.metadata["tests"]).map_err(|error| format!("its tests are none: {error}"))?;
    if tests.is_empty() || tests.len() > MAX_TESTS {
        return Err(format!("it has {} tests, and should have 1 to {MAX_TESTS}", tests.len()));
    }
    for test in &tests {
        if test.call.len() > MAX_CALL_BYTES || test.call.contains(['\n', '\r']) {
            return Err(format!("a call is longer than {MAX_CALL_BYTES} bytes, or than one line"));
        }
        if !literal::is_exact(&test.expected) {
            return Err(format!("a number in {} is too large to be told exactly", json!(test.expected)));
        }
    }
    Ok(tests)
}

/// The program in an answer: what is fenced, or all of it where nothing is; `None` where several blocks are fenced, or one is not closed.
fn program_of(answer: &str) -> Option<String> {
    let answer = without_thoughts(answer)?;
    let mut blocks: Vec<String> = Vec::new();
    let mut open: Option<Vec<&str>> = None;
    for line in answer.lines() {
        match (line.trim().strip_prefix("```"), open.take()) {
            (Some(""), Some(lines)) => blocks.push(lines.join("\n")),
            (Some("" | "python" | "python3" | "py"), None) => open = Some(Vec::new()),
            (Some(_), _) => return None,
            (None, Some(mut lines)) => {
                lines.push(line);
                open = Some(lines);
            }
            (None, None) => {}
        }
    }
    match (open, blocks.len()) {
        (None, 0) => Some(answer),
        (None, 1) => blocks.pop(),
        _ => None,
    }
}

/// A word that tells the harness's lines from what the answer prints. It depends on the answer, which therefore cannot hold it.
fn nonce(problem: &Problem, answer: &str) -> String {
    format!("{:016x}", Rng::derive(label(&problem.id), &[label(&problem.question), label(answer)]).next_u64())
}

/// The program with the calls behind it, each printed on a line of its own.
fn with_harness(program: &str, tests: &[Test], nonce: &str) -> String {
    let calls = tests.iter().enumerate().map(|(i, test)| format!("print(\"\\n{nonce} {i} \" + repr({}))\n", test.call));
    format!("{program}\n\n{}", calls.collect::<String>())
}

/// Whether the harness's lines are all there, once each and in their order, and say what they should.
fn passed(told: &str, tests: &[Test], nonce: &str) -> bool {
    let lines: Vec<&str> = told.lines().filter_map(|line| line.strip_prefix(nonce)).collect();
    let is_right = |(i, (line, test)): (usize, (&&str, &Test))| {
        let given = line.strip_prefix(&format!(" {i} ")).and_then(literal::parse);
        given.is_some_and(|given| literal::is_same(&given, &test.expected))
    };
    lines.len() == tests.len() && lines.iter().zip(tests).enumerate().all(is_right)
}

#[cfg(test)]
mod tests;
