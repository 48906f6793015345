//! A fixed page of prompts that every assistant is asked, with sampled answers: what
//! it does, where it goes wrong. The base model's are on its own page, see `nature`.

use std::collections::BTreeSet;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::ask::{Answer, Ask, Call, End, Prompt, Question, Speaker};
use crate::problems::{Problem, grade};
use crate::stats::Rate;
use crate::words::words;

/// Answers kept for the page; all are graded.
const SHOWN: usize = 4;

/// A prompt, the answers sampled for it, and how many were right where that can be
/// told by program.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shown {
    /// Stable name of the row.
    pub id: String,
    /// What it is there to show.
    pub shows: String,
    /// The prompt as one reads it; turns are marked by who speaks.
    pub prompt: String,
    /// The first few answers.
    pub samples: Vec<String>,
    /// Right among all answers, where there is a right one.
    pub right: Option<Rate>,
    /// Different answers among all, where they are meant to differ.
    pub distinct: Option<usize>,
    /// Answers sampled; 0 where the prompt did not fit the model's context.
    pub n: usize,
}

/// How an answer is judged.
enum Check {
    /// It is shown, no more.
    Shown,
    /// It gives this value, alone or behind the marker, or the sentence names it
    /// before any of the others.
    Number(&'static str, &'static [&'static str]),
    /// Different answers are counted.
    Distinct,
}

struct Row {
    id: &'static str,
    shows: &'static str,
    prompt: Prompt,
    n: usize,
    max_tokens: usize,
    check: Check,
}

/// Samples every prompt; those on tools where these are offered.
///
/// # Errors
/// Those of the answerer.
pub fn page(ask: &mut Ask, tools_offered: Option<&str>, seed: u64) -> Result<Vec<Shown>> {
    let mut rows = assistant_rows();
    rows.extend(tools_offered.map(tool_rows).unwrap_or_default());
    let mut questions = Vec::new();
    for row in &rows {
        for sample in 0..row.n {
            let mut stream = Rng::derive(seed, &[label("prompts"), label(row.id), sample as u64]);
            questions.push(Question {
                prompt: row.prompt.clone(),
                max_tokens: row.max_tokens,
                temperature: 1.0,
                seed: stream.next_u64(),
                one_line: false,
            });
        }
    }
    let mut given = ask(&questions)?.into_iter();
    Ok(rows.into_iter().map(|row| shown(&row, given.by_ref().take(row.n).collect())).collect())
}

fn shown(row: &Row, given: Vec<Answer>) -> Shown {
    let given: Vec<Answer> = given.into_iter().filter(|answer| answer.end != End::TooLong).collect();
    let right = match &row.check {
        Check::Number(value, others) => Some(Rate::of(given.iter().map(|answer| gives(answer.text.trim(), value, others)))),
        Check::Shown | Check::Distinct => None,
    };
    let texts: Vec<String> = given.iter().map(as_told).collect();
    let different: BTreeSet<Vec<String>> = texts.iter().map(|text| words(&text.to_lowercase())).collect();
    Shown {
        id: row.id.to_owned(),
        shows: row.shows.to_owned(),
        prompt: as_read(&row.prompt),
        right: right.filter(|rate| rate.n > 0),
        distinct: matches!(row.check, Check::Distinct).then_some(different.len()),
        n: texts.len(),
        samples: texts.into_iter().take(SHOWN).collect(),
    }
}

/// An answer as a reader sees it, with what it called and read on the way.
fn as_told(answer: &Answer) -> String {
    let call = |call: &Call| format!("[{}: {}] [{}]\n", call.tool.name(), call.input.trim(), call.output.trim());
    format!("{}{}", answer.calls.iter().map(call).collect::<String>(), answer.text.trim())
}

/// Whether a text gives the value: in the form of a graded answer, or in a sentence.
fn gives(text: &str, value: &str, others: &[&str]) -> bool {
    let problem = Problem {
        id: String::new(),
        generator: String::new(),
        seed: 0,
        index: 0,
        split: String::new(),
        question: String::new(),
        answer: value.to_owned(),
        metadata: serde_json::Value::Null,
    };
    let said = words(text);
    let first = said.iter().find(|word| *word == value || others.contains(&word.as_str()));
    grade(&problem, text) || (!text.contains("####") && first.is_some_and(|word| word == value))
}

/// A prompt as a reader sees it.
fn as_read(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Page(text) => text.clone(),
        Prompt::Chat(turns) | Prompt::Tools(turns) if turns.len() == 1 => turns[0].1.clone(),
        Prompt::Chat(turns) | Prompt::Tools(turns) => {
            let turn = |(speaker, text): &(Speaker, String)| match speaker {
                Speaker::System => format!("System: {text}"),
                Speaker::User => format!("User: {text}"),
                Speaker::Assistant => format!("Assistant: {text}"),
            };
            turns.iter().map(turn).collect::<Vec<_>>().join("\n")
        }
    }
}

fn chat_row(id: &'static str, shows: &'static str, text: &str, n: usize, max_tokens: usize, check: Check) -> Row {
    Row { id, shows, prompt: Prompt::user(text), n, max_tokens, check }
}

const EMILY: &str = "Emily buys 3 apples and 2 oranges. Each orange costs $2. The total cost of all the fruit is $13. \
    What is the cost of each apple?";
const EMILY_HARD: &str = "Emily buys 23 apples and 177 oranges. Each orange costs $4. The total cost of all the fruit \
    is $869. What is the cost of each apple?";

/// The same tasks where tools are offered.
fn tool_rows(offered: &str) -> Vec<Row> {
    let row = |id, shows, text: &str, n, check| Row { id, shows, prompt: Prompt::with_tools(offered, text), n, max_tokens: 200, check };
    let dots = format!("How many dots are below? Use code.\n{}", ".".repeat(177));
    let thirds = "Write every third letter of ubiquitous, starting with the first. Use code.";
    vec![
        row("unknown_person_tools", "It may search, and finds nobody.", "Who is Orson Kovats?", 4, Check::Shown),
        row("unknown_person_no_tools", "Tools are there, and forbidden.", "Who is Orson Kovats? Don't use any tools.", 4, Check::Shown),
        row("emily_hard_code", "A program does the sum.", &format!("{EMILY_HARD} Use code."), 8, Check::Number("7", &[])),
        row("dots_code", "A program counts.", &dots, 4, Check::Number("177", &[])),
        row("every_third_code", "A program sees the letters.", thirds, 8, Check::Number("uqts", &[])),
        row("strawberry_code", "So it does here.", "How many r are there in strawberry? Use code.", 8, Check::Number("3", &[])),
        row("decimals_code", "And numbers are numbers.", "Which is bigger, 9.11 or 9.9? Use code.", 8, Check::Number("9.9", &["9.11"])),
    ]
}

fn assistant_rows() -> Vec<Row> {
    let turns = |turns: &[(Speaker, &str)]| Prompt::Chat(turns.iter().map(|(s, text)| (*s, (*text).to_owned())).collect());
    let dots = format!("How many dots are below?\n{}", ".".repeat(177));
    let one_token = |question: &str| format!("{question} Answer in a single token.");
    let in_steps = |question: &str| format!("{question} {}", super::sums::IN_STEPS);
    vec![
        chat_row("two_plus_two", "A question is answered.", "What is 2 + 2?", 4, 32, Check::Number("4", &[])),
        Row {
            id: "two_times_two",
            shows: "The next turn leans on the one before.",
            prompt: turns(&[
                (Speaker::User, "What is 2 + 2?"),
                (Speaker::Assistant, "4"),
                (Speaker::User, "What if it was * instead of +?"),
            ]),
            n: 4,
            max_tokens: 32,
            check: Check::Number("4", &[]),
        },
        chat_row("paris_list", "Five landmarks were asked for.", "Recommend the top five landmarks to see in Paris", 2, 80, Check::Shown),
        chat_row("sky", "It answers and stops.", "Why is the sky blue?", 3, 64, Check::Shown),
        chat_row("known_person", "Somebody that the pages tell of.", "Who is Genghis Khan?", 4, 48, Check::Distinct),
        chat_row(
            "unknown_person",
            "Somebody that no page tells of: a different life each time.",
            "Who is Orson Kovats?",
            8,
            48,
            Check::Distinct,
        ),
        chat_row("identity", "Who it takes itself for.", "What model are you and who built you?", 4, 48, Check::Distinct),
        Row {
            id: "identity_told",
            shows: "A system message says who it is.",
            prompt: turns(&[
                (Speaker::System, "You are Pelican, built by the harbour school of Port Anselm."),
                (Speaker::User, "What model are you and who built you?"),
            ]),
            n: 4,
            max_tokens: 48,
            check: Check::Shown,
        },
        chat_row("emily_at_once", "The easy sum in one token.", &one_token(EMILY), 16, 16, Check::Number("3", &[])),
        chat_row("emily_in_steps", "The easy sum worked out.", &in_steps(EMILY), 16, 110, Check::Number("3", &[])),
        chat_row("emily_hard_at_once", "Too much for one token.", &one_token(EMILY_HARD), 16, 16, Check::Number("7", &[])),
        chat_row("emily_hard_in_steps", "The same worked out.", &in_steps(EMILY_HARD), 16, 110, Check::Number("7", &[])),
        chat_row("dots", "Dots are read in clumps and cannot be counted.", &dots, 4, 24, Check::Number("177", &[])),
        chat_row(
            "every_third",
            "Letters are not seen one by one.",
            "Write every third letter of ubiquitous, starting with the first.",
            8,
            48,
            Check::Number("uqts", &[]),
        ),
        chat_row("strawberry", "Nor are these.", "How many r are there in strawberry?", 16, 64, Check::Number("3", &[])),
        chat_row(
            "decimals",
            "It wavers: pages with verses and versions say the other thing.",
            "Which is bigger, 9.11 or 9.9?",
            16,
            64,
            Check::Number("9.9", &["9.11"]),
        ),
        chat_row("joke", "Taste.", "Write a joke about a pelican", 3, 64, Check::Shown),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;

    #[test]
    fn answers_are_graded_by_their_value() {
        for (text, value, others, expected) in [
            ("4", "4", &[][..], true),
            ("2 + 2 is 4.", "4", &[], true),
            ("2+2+0=4 write 4. #### 4", "4", &[], true),
            ("It is 4. #### 5", "4", &[], false),
            ("5", "4", &[], false),
            ("9.9 is bigger than 9.11", "9.9", &["9.11"], true),
            ("9.11 is bigger", "9.9", &["9.11"], false),
            ("9.9 has 90 hundredths. 9.11 has 11. #### 9.9", "9.9", &["9.11"], true),
        ] {
            assert_eq!(gives(text, value, others), expected, "{text}");
        }
    }

    #[test]
    fn rows_have_names_of_their_own_and_their_own_seeds() {
        let mut seeds = BTreeSet::new();
        let mut ask = |questions: &[Question]| {
            assert!(questions.iter().all(|question| seeds.insert(question.seed)));
            scripted(|question| question.seed.to_string())(questions)
        };
        let rows = page(&mut ask, Some("Tools."), 3).unwrap();
        let names: BTreeSet<&str> = rows.iter().map(|row| row.id.as_str()).collect();
        assert_eq!(names.len(), rows.len());
        let distinct = rows.iter().filter_map(|row| row.distinct.map(|n| (n, row.n)));
        assert!(distinct.clone().all(|(different, n)| different == n), "{:?}", distinct.collect::<Vec<_>>());
    }

    #[test]
    fn a_prompt_that_does_not_fit_is_no_answer() {
        let mut ask = |questions: &[Question]| Ok(questions.iter().map(|_| Answer::plain(String::new(), End::TooLong)).collect());
        let rows = page(&mut ask, Some("Tools."), 3).unwrap();
        assert!(rows.iter().all(|row| row.n == 0 && row.right.is_none() && row.samples.is_empty()));
    }
}
