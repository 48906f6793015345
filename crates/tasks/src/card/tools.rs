//! What a model does with tools: whether it looks up what it does not know and answers itself what it knows, whether programs carry
//! it where its own steps do not, and whether it obeys who tells it to use them or not.

use std::collections::BTreeMap;

use base::rng::{Rng, label};
use engine::ToolKind;
use serde::{Deserialize, Serialize};

use super::Role;
use super::honesty::OFTEN;
use super::recall::{draw, is_resident, verdict};
use crate::Result;
use crate::ask::{Answer, Ask, Prompt, Question};
use crate::key::{Fact, Key, pool_of};
use crate::probe::Verdict;
use crate::problems::{Problem, grade};
use crate::stats::Rate;
use crate::words::mentioned;

/// Tokens of an answer with its calls and what tools say.
const TOKENS: usize = 200;
/// Problems that a program solves and a small model does not, with the name of each in the card.
const FOR_CODE: [&str; 6] = ["letters", "thirds", "addition", "six_digit_addition", "word_problem", "dots"];
/// Added to a problem that a program is to solve.
const USE_CODE: &str = "Use code.";

/// Questions about residents that stand on equally many pages, asked where tools are offered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Looked {
    /// Pages that tell the fact; 0 of names that occur nowhere.
    pub exposures: u64,
    /// Right among those asked; of names that occur nowhere: declined, whether searched or not.
    pub right: Rate,
    /// Searched among those asked.
    pub searched: Rate,
}

/// Problems of one kind, solved by programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Coded {
    /// The generator's name.
    pub kind: String,
    /// Right among those asked.
    pub right: Rate,
    /// A program was run, among those asked.
    pub called: Rate,
    /// One problem.
    pub question: String,
    /// The program that was written for it.
    pub program: String,
    /// What was said in the end.
    pub answer: String,
}

/// What a model does with tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ToolUse {
    /// By exposures, from names that occur nowhere up; residents about whom no training text asks.
    pub search: Vec<Looked>,
    /// Facts that changed after the cutoff: the new value is said.
    pub news: Rate,
    /// "Use web search." on what is well known: searched.
    pub search_obeyed: Rate,
    /// "Don't use any tools." on what is not known: nothing is called.
    pub no_tools_obeyed: Rate,
    /// Problems where a program is asked for.
    pub code: Vec<Coded>,
    /// One search: the question, the query, what was found, and the answer.
    pub example: Option<[String; 4]>,
}

/// How many are asked.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Facts of each number of exposures.
    pub per_level: usize,
    /// Problems of each kind.
    pub problems: usize,
}

/// Asks everything with tools offered by the system message `offered`.
///
/// # Errors
/// Those of the answerer.
pub fn use_tools(ask: &mut Ask, offered: &str, key: &Key, problems: &[Problem], asked: Asked, seed: u64) -> Result<ToolUse> {
    let mut rng = Rng::derive(seed, &[label("tools")]);
    let pools = key.pools();
    let mut groups: BTreeMap<u64, Vec<&Fact>> = BTreeMap::new();
    for fact in key.facts.iter().filter(|fact| is_resident(fact) && fact.split != "asked" && !fact.questions.is_empty()) {
        groups.entry(fact.exposures).or_default().push(fact);
    }
    let drawn = draw(groups, asked.per_level, Rng::derive(seed, &[label("tools, recall")]));
    let facts: Vec<&Fact> = drawn.values().flatten().copied().collect();
    let wordings: Vec<String> = facts.iter().map(|fact| rng.pick(&fact.questions).clone()).collect();
    let put = |text: String| Question::greedy(Prompt::with_tools(offered, text), TOKENS);
    let answers = ask(&wordings.iter().map(|wording| put(wording.clone())).collect::<Vec<_>>())?;

    let mut search = Vec::new();
    let mut at = 0;
    for (&exposures, facts) in &drawn {
        let range = at..at + facts.len();
        at = range.end;
        let verdicts = facts.iter().zip(&wordings[range.clone()]).zip(&answers[range.clone()]);
        let is_right =
            |((fact, wording), answer): ((&&Fact, &String), &Answer)| match verdict(Role::Assistant, fact, wording, answer, &pools) {
                Verdict::Right => exposures > 0,
                Verdict::NotAttempted => exposures == 0,
                Verdict::Wrong => false,
            };
        search.push(Looked {
            exposures,
            right: Rate::of(verdicts.map(is_right)),
            searched: Rate::of(answers[range].iter().map(|answer| answer.called(ToolKind::Search))),
        });
    }
    let found = facts.iter().zip(&wordings).zip(&answers).find(|((fact, _), answer)| fact.exposures > 0 && answer.called(ToolKind::Search));
    let example = found.map(|((_, wording), answer)| {
        let call = &answer.calls[0];
        [wording.clone(), call.input.clone(), call.output.clone(), answer.text.trim().to_owned()]
    });

    let known: Vec<String> = chosen(&facts, &wordings, |fact| fact.exposures >= OFTEN, "Use web search.");
    let unknown: Vec<String> = chosen(&facts, &wordings, |fact| fact.exposures == 0, "Don't use any tools.");
    let told = ask(&known.iter().chain(&unknown).map(|text| put(text.clone())).collect::<Vec<_>>())?;
    let (with_search, without) = told.split_at(known.len());
    Ok(ToolUse {
        search,
        news: news(ask, offered, key, &pools)?,
        search_obeyed: Rate::of(with_search.iter().map(|answer| answer.called(ToolKind::Search))),
        no_tools_obeyed: Rate::of(without.iter().map(|answer| answer.calls.is_empty())),
        code: code(ask, offered, problems, asked.problems, &mut rng)?,
        example,
    })
}

fn chosen(facts: &[&Fact], wordings: &[String], wanted: impl Fn(&Fact) -> bool, wish: &str) -> Vec<String> {
    let pairs = facts.iter().zip(wordings).filter(|(fact, _)| wanted(fact));
    pairs.take(48).map(|(_, wording)| format!("{wording} {wish}")).collect()
}

/// Facts that changed after the cutoff: with search the new value can be found, and must be said.
fn news(ask: &mut Ask, offered: &str, key: &Key, pools: &crate::key::Pools) -> Result<Rate> {
    let changed: Vec<(&Fact, &str)> = key
        .changes
        .iter()
        .filter_map(|change| {
            let told = |fact: &&Fact| fact.subject == change.subject && fact.attribute == change.attribute && !fact.questions.is_empty();
            key.facts.iter().find(told).map(|fact| (fact, change.new.as_str()))
        })
        .collect();
    let questions: Vec<Question> = changed
        .iter()
        .map(|(fact, _)| Question::greedy(Prompt::with_tools(offered, format!("{} Use web search.", fact.questions[0])), TOKENS))
        .collect();
    let answers = ask(&questions)?;
    Ok(Rate::of(changed.iter().zip(&answers).map(|((fact, new), answer)| {
        let said = mentioned(&answer.text, pool_of(pools, fact).into_iter().chain([*new]));
        said.len() == 1 && said.contains(new)
    })))
}

fn code(ask: &mut Ask, offered: &str, problems: &[Problem], limit: usize, rng: &mut Rng) -> Result<Vec<Coded>> {
    let mut kinds: Vec<(&str, Vec<&Problem>)> = Vec::new();
    for kind in FOR_CODE {
        let all: Vec<&Problem> = problems.iter().filter(|problem| problem.generator == kind).collect();
        let some: Vec<&Problem> = rng.sample(&all, all.len().min(limit)).into_iter().copied().collect();
        if !some.is_empty() {
            kinds.push((kind, some));
        }
    }
    let asked = |problem: &&Problem| {
        let text = match problem.question.split_once('\n') {
            None => format!("{} {USE_CODE}", problem.question),
            Some((first, rest)) => format!("{first} {USE_CODE}\n{rest}"),
        };
        Question::greedy(Prompt::with_tools(offered, text), TOKENS)
    };
    let questions: Vec<Question> = kinds.iter().flat_map(|(_, problems)| problems.iter().map(asked)).collect();
    let mut answers = ask(&questions)?.into_iter();
    let coded = kinds.into_iter().map(|(kind, problems)| {
        let given: Vec<Answer> = answers.by_ref().take(problems.len()).collect();
        Coded {
            kind: kind.to_owned(),
            right: Rate::of(problems.iter().zip(&given).map(|(problem, answer)| grade(problem, &answer.text))),
            called: Rate::of(given.iter().map(|answer| answer.called(ToolKind::Python))),
            question: problems[0].question.clone(),
            program: given[0].calls.iter().map(|call| call.input.as_str()).collect::<Vec<_>>().join("\n"),
            answer: given[0].text.trim().to_owned(),
        }
    });
    Ok(coded.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::{Call, End};

    fn fact(subject: &str, exposures: u64, value: &str) -> Fact {
        Fact {
            subject: subject.into(),
            kind: "resident".into(),
            attribute: "color".into(),
            value: value.into(),
            also: vec![],
            exposures,
            split: if exposures == 0 { "unseen" } else { "unasked" }.into(),
            url: format!("https://folk.town/{subject}"),
            cue: String::new(),
            questions: vec![format!("Which color does {subject} like?")],
            date: None,
        }
    }

    #[test]
    fn a_model_that_searches_what_it_does_not_know_is_seen_to_do_so() {
        let key = Key { facts: vec![fact("Bado", 64, "red"), fact("Kilo", 1, "blue"), fact("Fano", 0, "teal")], ..Key::default() };
        let problem: Problem = serde_json::from_value(serde_json::json!({"id": "letters-0", "generator": "letters", "seed": 1, "index": 0,
            "split": "test", "question": "How many r are there in river?", "answer": "2"}))
        .unwrap();
        let mut ask = |questions: &[Question]| {
            let answer = |question: &Question| {
                let Prompt::Tools(turns) = &question.prompt else { panic!("tools are offered") };
                let asked = &turns[1].1;
                let call = |tool, output: &str| vec![Call { tool, input: "q".into(), output: output.into() }];
                let (text, calls) = match () {
                    () if asked.contains("Use code") => ("#### 2", call(ToolKind::Python, "2")),
                    () if asked.contains("any tools") => ("I don't know.", vec![]),
                    () if asked.contains("Bado") && !asked.contains("web search") => ("It is red.", vec![]),
                    () if asked.contains("Bado") => ("It is red.", call(ToolKind::Search, "red")),
                    () if asked.contains("Kilo") => ("It is blue.", call(ToolKind::Search, "blue")),
                    () => ("I found nothing about Fano.", call(ToolKind::Search, "Nothing was found.")),
                };
                Answer { text: text.into(), end: End::Ended, calls }
            };
            Ok(questions.iter().map(answer).collect())
        };
        let used = use_tools(&mut ask, "Tools.", &key, &[problem], Asked { per_level: 8, problems: 8 }, 1).unwrap();
        let rows: Vec<(u64, f64, f64)> =
            used.search.iter().map(|looked| (looked.exposures, looked.right.share, looked.searched.share)).collect();
        assert_eq!(rows, [(0, 1.0, 1.0), (1, 1.0, 1.0), (64, 1.0, 0.0)]);
        assert_eq!((used.search_obeyed.share, used.no_tools_obeyed.share), (1.0, 1.0));
        assert_eq!((used.code.len(), used.code[0].right.share, used.code[0].called.share), (1, 1.0, 1.0));
        assert_eq!(used.example.unwrap()[3], "It is blue.");
    }
}
