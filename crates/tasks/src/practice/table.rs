//! Problems and environments as tables, for people.

use super::{Environment, Problem, Split};
use crate::card::aligned;

/// Characters of a cell; what is longer is cut.
const MAX_CELL: usize = 160;

/// A table of problems: level, question, answer.
pub fn table(problems: &[Problem]) -> String {
    let row = |problem: &Problem| vec![problem.metadata["level"].to_string(), cell(&problem.question), cell(&problem.answer)];
    let head = ["level", "question", "answer"].map(str::to_owned).to_vec();
    aligned(&[vec![head], problems.iter().map(row).collect()].concat())
}

/// A table of environments: name, number of levels, and a problem of the first one.
pub fn overview(environments: &[Box<dyn Environment>]) -> String {
    let row = |environment: &Box<dyn Environment>| {
        let problem = environment.problem(1, 0, 1, Split::Train);
        vec![environment.name().to_owned(), environment.levels().to_string(), cell(&problem.question), cell(&problem.answer)]
    };
    let head = ["environment", "levels", "for example", "answer"].map(str::to_owned).to_vec();
    aligned(&[vec![head], environments.iter().map(row).collect()].concat())
}

/// A text on one line; where lines ended stands `\n`, and what is no plain text is shown as such.
fn cell(text: &str) -> String {
    let plain: String = text.trim().replace('\n', "\\n").chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    match plain.char_indices().nth(MAX_CELL) {
        Some((at, _)) => format!("{}...", &plain[..at]),
        None => plain,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_on_its_line() {
        assert_eq!(cell(" a\nb\u{1b}[2J "), "a\\nb\u{fffd}[2J");
        assert_eq!(cell(&"\u{e9}".repeat(200)), format!("{}...", "\u{e9}".repeat(160)));
    }
}
