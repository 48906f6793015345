//! Lessons in arithmetic: sheets of questions with short answers (most) and worked solutions (few).
//!
//! The shares are what practice later builds on: it amplifies the rare careful style, which must be there to be found.
//! Problems that belong to tests are never drawn.

use crate::budget::Budget;
use crate::conversations::IN_STEPS;
use crate::dates;
use crate::problems::{self, Problem, Style};
use crate::sheet::Sheet;
use crate::word_problems::{facts, word_problem};
use base::rng::{Rng, label};

/// The share of sums that are worked out in steps.
pub const WORKED_SHARE: f64 = 0.3;

/// The share of these whose question asks for it. So the numbers of a question are found whatever stands between them and the steps.
const WISHED_SHARE: f64 = 0.25;

/// All lessons of the schoolbooks.
pub fn sheets(seed: u64, budget: &Budget) -> Vec<Sheet> {
    let mut list = Vec::new();
    let mut add = |kind: &'static str, path: &str, count: usize, per_sheet: usize, make: &dyn Fn(&mut Rng) -> Problem| {
        for i in 0..count {
            let rng = &mut Rng::derive(seed, &[label(kind), i as u64]);
            let exercises: Vec<String> = (0..per_sheet)
                .map(|_| {
                    let problem = problems::draw(rng, false, make);
                    let style = style(rng, &problem);
                    let wish =
                        if style == Style::Steps && rng.chance(WISHED_SHARE) { format!(" {}", rng.pick(&IN_STEPS)) } else { String::new() };
                    format!("Question: {}{wish}\nAnswer: {}", problem.question, problem.solution(style))
                })
                .collect();
            let url = format!("https://math.school/{path}/{}", i + 1);
            list.push(Sheet::school(kind, url, dates::before_cutoff(rng), exercises.join("\n")));
        }
    };
    add("addition", "add", budget.additions, 6, &problems::addition);
    add("subtraction", "subtract", budget.subtractions, 6, &problems::subtraction);
    add("multiplication", "multiply", budget.multiplications, 8, &problems::multiplication);
    add("word_problem", "stories", budget.word_problems, 3, &word_problem);
    add("decimals", "compare", budget.decimals, 5, &problems::decimals);
    let facts = facts();
    list.extend((0..budget.tables).map(|i| {
        let rng = &mut Rng::derive(seed, &[label("tables"), i as u64]);
        let lines: Vec<String> = (0..LINES_OF_A_TABLE).map(|_| known_by_heart(rng, &facts)).collect();
        Sheet::school("tables", format!("https://math.school/tables/{}", i + 1), dates::before_cutoff(rng), lines.join("\n"))
    }));
    list
}

/// Lines of a page of tables.
const LINES_OF_A_TABLE: usize = 34;

/// What is known by heart: mostly the steps of word problems, each as often as the others, and the multiplication tables. Half of the
/// steps stand in a sentence of a working: what is only ever read as a line of its own is known there and not in a story.
fn known_by_heart(rng: &mut Rng, facts: &[(String, Vec<String>)]) -> String {
    if rng.chance(1.0 / 6.0) {
        let (a, b) = (rng.range(2, 9), rng.range(2, 9));
        return format!("{a} * {b} = {}", a * b);
    }
    let (fact, sentences) = rng.pick(facts);
    if rng.chance(0.5) { fact.clone() } else { rng.pick(sentences).clone() }
}

/// How an exercise is solved: sums mostly at once, word problems half of the time, else mostly in steps: there each step is read where it is needed.
fn style(rng: &mut Rng, problem: &Problem) -> Style {
    if problem.one_line.is_empty() {
        return if rng.chance(WORKED_SHARE) { Style::Steps } else { Style::Short };
    }
    match rng.below(10) {
        0..=4 => Style::Short,
        5..=8 => Style::Steps,
        _ => Style::OneLine,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_table_is_true() {
        for sheet in sheets(3, &Budget { tables: 40, ..Budget::smoke() }).iter().filter(|sheet| sheet.kind == "tables") {
            for line in sheet.text.lines() {
                let words: Vec<&str> = line.trim_end_matches('.').split(' ').collect();
                let words = words.windows(5).find(|five| five[3] == "=").unwrap();
                let number = |at: usize| words[at].parse::<i64>().unwrap();
                let value = match words[1] {
                    "*" => number(0) * number(2),
                    "/" => number(0) / number(2),
                    "+" => number(0) + number(2),
                    _ => number(0) - number(2),
                };
                assert!(value == number(4) && value > 0 && words[3] == "=", "{line}");
            }
        }
    }

    #[test]
    fn shares_are_as_stated_and_no_test_problem_is_shown() {
        let budget = Budget { additions: 500, ..Budget::smoke() };
        let (mut worked, mut wished, mut all) = (0, 0, 0);
        for sheet in sheets(11, &budget).iter().filter(|s| s.kind == "addition") {
            for exercise in sheet.text.split("Question: ").skip(1) {
                let (question, answer) = exercise.split_once("\nAnswer: ").unwrap();
                let numbers: Vec<i64> =
                    question.split_once('?').unwrap().0.trim_start_matches("What is ").split(" + ").map(|n| n.parse().unwrap()).collect();
                assert!(!problems::sum(numbers[0], numbers[1]).held_out());
                assert!(answer.trim_end().ends_with(&format!("#### {}", numbers[0] + numbers[1])), "{exercise}");
                all += 1;
                wished += u32::from(!question.ends_with('?'));
                assert!(question.ends_with('?') || answer.contains('='), "{exercise}");
                worked += usize::from(answer.contains('='));
            }
        }
        let share = worked as f64 / all as f64;
        assert!((share - WORKED_SHARE).abs() < 0.04, "{share}");
        let share = f64::from(wished) / worked as f64;
        assert!((share - WISHED_SHARE).abs() < 0.04, "{share}");
    }
}
