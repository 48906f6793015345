//! Problems with one right answer: at once, in steps, and asked plainly, where the model chooses how to answer. Greedy: what the
//! model says when it is asked once. The base model is given the beginning of a lesson.

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use super::{Role, one};
use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::problems::{Problem, grade, grade_at_once};
use crate::stats::Rate;

/// What is added to a question that is to be answered at once.
pub const AT_ONCE: &str = "Answer with the number only.";
/// What is added to a question that is to be worked out.
pub const IN_STEPS: &str = "Work it out step by step.";

/// Tokens for an answer at once: a number of the largest size, and a marker.
const AT_ONCE_TOKENS: usize = 16;
/// Tokens for an answer in steps, and for one as the model likes.
const STEPS_TOKENS: usize = 110;

/// Results of one kind of problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Problems {
    /// `three_digit_sums`, or the generator's name.
    pub kind: String,
    /// Answered at once.
    pub at_once: Rate,
    /// Worked out.
    pub in_steps: Rate,
    /// Asked with no word on how to answer: what practice changes.
    #[serde(default = "not_asked")]
    pub plainly: Rate,
    /// One problem, and how it was worked out.
    pub example: Example,
}

/// A question, its right answer, and what was said.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Example {
    /// As it was asked.
    pub question: String,
    /// What is right.
    pub right: String,
    /// What was said at once.
    pub at_once: String,
    /// What was said in steps.
    pub in_steps: String,
    /// What was said to the question alone.
    #[serde(default)]
    pub plainly: String,
}

/// Of reports that were written before it was asked.
fn not_asked() -> Rate {
    Rate::new(0, 0)
}

/// Asks problems of every kind, at most `limit` of the three-digit sums and a third
/// as many of each other kind; of a base model half as many three-digit sums alone. Drawn by seed.
///
/// # Errors
/// Those of the answerer.
pub fn solve(role: Role, ask: &mut Ask, problems: &[Problem], limit: usize, seed: u64) -> Result<Vec<Problems>> {
    let mut kinds: Vec<String> = Vec::new();
    for problem in problems {
        let kind = kind_of(problem);
        if !kinds.contains(&kind) && (role == Role::Assistant || kind == THREE_DIGITS) {
            kinds.push(kind);
        }
    }
    let mut rng = Rng::derive(seed, &[label("problems")]);
    let mut asked: Vec<(&str, Vec<&Problem>)> = Vec::new();
    for kind in &kinds {
        let all: Vec<&Problem> = problems.iter().filter(|problem| kind_of(problem) == *kind).collect();
        let wanted = match (role, kind == THREE_DIGITS) {
            (Role::Assistant, true) => limit,
            (Role::Assistant, false) => limit / 3,
            (Role::Base, _) => limit / 2,
        };
        asked.push((kind, rng.sample(&all, all.len().min(wanted)).into_iter().copied().collect()));
    }
    let every = || asked.iter().flat_map(|(_, problems)| problems);
    let mut questions: Vec<Question> = every().map(|problem| one(role, at_once_prompt(role, problem), AT_ONCE_TOKENS)).collect();
    questions.extend(every().map(|problem| one(role, in_steps_prompt(role, problem), STEPS_TOKENS)));
    questions.extend(every().map(|problem| one(role, plain_prompt(role, problem), STEPS_TOKENS)));
    let mut said = ask(&questions)?.into_iter().map(|answer| own_answer(role, answer.text));
    let mut third = || said.by_ref().take(questions.len() / 3).collect::<Vec<String>>();
    let (at_once, in_steps, plainly) = (third(), third(), third());

    let mut results = Vec::new();
    let mut start = 0;
    for (kind, problems) in &asked {
        let range = start..start + problems.len();
        start = range.end;
        let (short, long, plain) = (&at_once[range.clone()], &in_steps[range.clone()], &plainly[range]);
        let example = match problems.first() {
            Some(problem) => Example {
                question: problem.question.clone(),
                right: problem.answer.clone(),
                at_once: short[0].trim().to_owned(),
                in_steps: long[0].trim().to_owned(),
                plainly: plain[0].trim().to_owned(),
            },
            None => Example::default(),
        };
        results.push(Problems {
            kind: (*kind).to_owned(),
            at_once: Rate::of(problems.iter().zip(short).map(|(problem, text)| grade_at_once(problem, text))),
            in_steps: Rate::of(problems.iter().zip(long).map(|(problem, text)| grade(problem, text))),
            plainly: Rate::of(problems.iter().zip(plain).map(|(problem, text)| grade(problem, text))),
            example,
        });
    }
    Ok(results)
}

/// A lesson's head, as the built-in web's schoolbooks have it.
fn lesson(problem: &Problem) -> String {
    format!("https://math.school/add/1\nQuestion: {}\nAnswer:", problem.question)
}

fn at_once_prompt(role: Role, problem: &Problem) -> Prompt {
    match role {
        // The marker says that the value comes next.
        Role::Base => Prompt::Page(format!("{} ####", lesson(problem))),
        Role::Assistant => Prompt::user(format!("{} {AT_ONCE}", problem.question)),
    }
}

fn in_steps_prompt(role: Role, problem: &Problem) -> Prompt {
    match role {
        // The first column, up to its equals sign, says that the sum is worked out.
        Role::Base => {
            let last_digit = |name: &str| problem.metadata[name].as_i64().unwrap_or(0) % 10;
            Prompt::Page(format!("{} {}+{}+0=", lesson(problem), last_digit("a"), last_digit("b")))
        }
        Role::Assistant => Prompt::user(format!("{} {IN_STEPS}", problem.question)),
    }
}

fn plain_prompt(role: Role, problem: &Problem) -> Prompt {
    match role {
        Role::Base => Prompt::Page(lesson(problem)),
        Role::Assistant => Prompt::user(problem.question.clone()),
    }
}

/// What belongs to this answer: a base model goes on with the lesson's next question.
fn own_answer(role: Role, text: String) -> String {
    match role {
        Role::Base => text.lines().next().unwrap_or("").to_owned(),
        Role::Assistant => text,
    }
}

/// The kind that the report's claim is about.
pub const THREE_DIGITS: &str = "three_digit_sums";

/// The generator's name, with the sums of two three-digit numbers apart.
fn kind_of(problem: &Problem) -> String {
    let three_digits = |name: &str| problem.metadata[name].as_i64().is_some_and(|n| (100..1000).contains(&n));
    if problem.generator.ends_with("addition") && three_digits("a") && three_digits("b") {
        THREE_DIGITS.to_owned()
    } else {
        problem.generator.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;
    use serde_json::json;

    fn sum(a: i64, b: i64) -> Problem {
        Problem {
            id: format!("addition-test-{a}"),
            generator: "addition".into(),
            seed: 1,
            index: 0,
            split: "test".into(),
            question: format!("What is {a} + {b}?"),
            answer: (a + b).to_string(),
            metadata: json!({ "a": a, "b": b }),
        }
    }

    #[test]
    fn steps_and_short_answers_are_counted_apart() {
        let problems: Vec<Problem> = (0..40).map(|i| sum(if i < 30 { 100 } else { 5 }, 200 + i)).collect();
        // A model that can only work things out.
        let mut ask = scripted(|question| {
            let Prompt::Chat(turns) = &question.prompt else { panic!("a page") };
            let numbers: Vec<i64> = turns[0].1.split_whitespace().filter_map(|w| w.trim_matches('?').parse().ok()).collect();
            let answer = numbers.iter().sum::<i64>();
            match &*turns[0].1 {
                text if text.ends_with(IN_STEPS) => format!("as shown. #### {answer}"),
                // It works out every second of those that it is asked plainly.
                text if text.ends_with('?') && answer % 2 == 0 => format!("so it is.\n#### {answer}"),
                _ => "7".into(),
            }
        });
        let results = solve(Role::Assistant, &mut ask, &problems, 20, 9).unwrap();
        let told: Vec<(&str, usize, f64, f64)> =
            results.iter().map(|r| (r.kind.as_str(), r.in_steps.n, r.at_once.share, r.in_steps.share)).collect();
        assert_eq!(told, [(THREE_DIGITS, 20, 0.0, 1.0), ("addition", 6, 0.0, 1.0)]);
        let plainly = results[0].plainly;
        assert!(plainly.n == 20 && plainly.right > 0 && plainly.right < 20, "{plainly:?}");
        assert!(!results[0].example.plainly.is_empty());
    }

    #[test]
    fn a_base_model_is_given_a_lesson_and_read_up_to_its_next_line() {
        let problems = [sum(468, 557)];
        let mut ask = scripted(|question| match &question.prompt {
            Prompt::Page(text) if text.ends_with("Answer: ####") => " 1025\nQuestion: What is 1 + 1?".into(),
            Prompt::Page(text) if text.ends_with("Answer: 8+7+0=") => "15 write 5, and so on. #### 1025\n".into(),
            Prompt::Page(text) if text.ends_with("Answer:") => " #### 1024\nQuestion:".into(),
            other => panic!("{other:?}"),
        });
        let results = solve(Role::Base, &mut ask, &problems, 20, 9).unwrap();
        assert_eq!((results[0].at_once.right, results[0].in_steps.right, results[0].plainly.right), (1, 1, 0));
    }
}
