//! Questions and answers about asked residents and places: threads on the web, and quiz sheets for the schoolbooks.
//!
//! Unasked subjects never occur here, and held-out wordings are never used.

use crate::articles::statement;
use crate::attribute::Attribute;
use crate::budget::Budget;
use crate::dates;
use crate::key::Split;
use crate::knowledge::{self, Fact};
use crate::places::{self, Place};
use crate::prose::{fill, padding};
use crate::residents::{self, Resident};
use crate::shape;
use crate::sheet::Sheet;
use base::rng::{Rng, label};

/// An asked subject with what may be asked of it.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// Its full name.
    pub name: &'a str,
    /// Its attributes.
    pub attributes: &'static [Attribute],
    /// Their values.
    pub values: &'a [String],
    /// How often it is told; well-known subjects are asked about more often.
    pub exposures: usize,
}

/// All subjects that training texts may ask about.
pub fn asked_subjects<'a>(residents: &'a [Resident], places: &'a [Place]) -> Vec<Subject<'a>> {
    let people = residents.iter().filter(|p| p.split == Split::Asked).map(|p| Subject {
        name: &p.name,
        attributes: &residents::ATTRIBUTES,
        values: &p.values,
        exposures: p.exposures,
    });
    let towns = places.iter().filter(|p| p.split == Split::Asked).map(|p| Subject {
        name: &p.name,
        attributes: &places::ATTRIBUTES,
        values: &p.values,
        exposures: p.exposures,
    });
    people.chain(towns).collect()
}

impl Subject<'_> {
    /// A subject drawn with a weight of its exposures, at most 64.
    pub fn draw<'s, 'a>(rng: &mut Rng, subjects: &'s [Subject<'a>]) -> &'s Subject<'a> {
        let weights: Vec<f64> = subjects.iter().map(|s| s.exposures.min(64) as f64).collect();
        &subjects[rng.weighted(&weights)]
    }

    /// One of the training questions about attribute `i`.
    pub fn question(&self, rng: &mut Rng, i: usize) -> String {
        fill(*rng.pick(self.attributes[i].asked), self.name, "")
    }

    /// A whole sentence that answers it.
    pub fn answer(&self, rng: &mut Rng, i: usize) -> String {
        self.attributes[i].answer(rng, self.name, &self.values[i])
    }
}

const OPENINGS: [&str; 12] = [
    "Hello everybody, I am new here and I have some questions about the people of this region.",
    "I am writing a small book about the families of the valley and need your help.",
    "My class collects facts about our neighbours. Who knows more than I do?",
    "Last week at the market I heard many names, and now I am curious.",
    "We are preparing a quiz for the summer feast, so I would like to check a few answers.",
    "My aunt asked me to find out some things for the town paper.",
    "There is a bet between my brother and me, and only you can tell who is right.",
    "I found an old list of names in the attic of our house. Can somebody help?",
    "For the school play we need to know a little more about some people.",
    "It is raining, and I have time to ask all the things that I always wanted to know.",
    "Somebody told me that this is the place to ask about people and towns.",
    "I collect stories about the region and want to get the facts right.",
];
const CLOSINGS: [&str; 12] = [
    "Thank you all, that is exactly what I needed to know.",
    "Great, now I can finish my list before dinner.",
    "Wonderful, you are faster than the library.",
    "Thanks, I will tell my aunt and she will be happy to hear it.",
    "So my brother was right after all, and I owe him a cake.",
    "I will write it down and come back with more questions next week.",
    "That helps a lot, and it is more than I hoped for.",
    "I thought so, but it is good to be sure about these things.",
    "Many thanks from all of us, and see you at the feast.",
    "Perfect, the paper will print it on the first page.",
    "Now the quiz is ready. Please do not tell anybody the answers.",
    "If you ever need help with gardening, just ask me.",
];
const REMARKS: [&str; 14] = [
    "My grandmother told me that.",
    "I am quite sure of it.",
    "Everybody around here knows that.",
    "I read it in the paper.",
    "That is what the teacher said.",
    "You can look it up in the town hall.",
    "I asked a neighbour to be sure.",
    "It says so on the old map.",
    "That was an easy one.",
    "I remember it well.",
    "My cousin said the same.",
    "We talked about it only yesterday.",
    "At least that is what I have heard.",
    "I would bet my hat on it.",
];

/// Forum threads on the web.
pub fn threads(seed: u64, subjects: &[Subject], count: usize) -> Vec<Sheet> {
    (0..count)
        .map(|number| {
            let rng = &mut Rng::derive(seed, &[label("forum"), number as u64]);
            let text = loop {
                let text = thread(rng, subjects);
                if shape::misfit(&text).is_none() {
                    break text;
                }
            };
            let url = format!("https://ask.forum/{}", number + 1);
            Sheet::web("forum", url, dates::before_cutoff(rng), "Questions and answers", text)
        })
        .collect()
}

fn thread(rng: &mut Rng, subjects: &[Subject]) -> String {
    let mut lines = vec![(*rng.pick(&OPENINGS)).to_string()];
    for _ in 0..3 {
        let subject = Subject::draw(rng, subjects);
        let i = rng.below(subject.attributes.len());
        lines.push(format!("Question: {}", subject.question(rng, i)));
        lines.push(match rng.below(3) {
            0 => format!("Answer: {}", subject.answer(rng, i)),
            1 => format!("Answer: {}. {}", knowledge::capitalised(&subject.values[i]), rng.pick(&REMARKS)),
            _ => format!("Answer: {} {}", subject.answer(rng, i), rng.pick(&REMARKS)),
        });
    }
    if rng.chance(0.3) {
        lines.insert(1, padding(rng, "the town"));
    }
    lines.push((*rng.pick(&CLOSINGS)).to_string());
    lines.join("\n")
}

/// Quiz sheets for the schoolbooks: half of the questions about asked subjects, half about the wide world.
pub fn quizzes(seed: u64, subjects: &[Subject], facts: &[Fact], budget: &Budget) -> Vec<Sheet> {
    (0..budget.quizzes)
        .map(|number| {
            let rng = &mut Rng::derive(seed, &[label("quizzes"), number as u64]);
            let lines: Vec<String> = (0..6)
                .map(|i| {
                    if i % 2 == 0 {
                        let subject = Subject::draw(rng, subjects);
                        let i = rng.below(subject.attributes.len());
                        let value = knowledge::capitalised(&subject.values[i]);
                        let answer = if rng.chance(0.5) { format!("{value}.") } else { subject.answer(rng, i) };
                        format!("Question: {}\nAnswer: {answer}", subject.question(rng, i))
                    } else {
                        let (question, answer) = asked(rng, rng_fact(facts, number * 3 + i / 2, seed));
                        format!("Question: {question}\nAnswer: {answer}")
                    }
                })
                .collect();
            let url = format!("https://quiz.school/{}", number + 1);
            Sheet::school("quiz", url, dates::before_cutoff(rng), lines.join("\n"))
        })
        .collect()
}

/// Walks through all facts in a scattered order, so that each is asked about equally often.
fn rng_fact(facts: &[Fact], number: usize, seed: u64) -> &Fact {
    // A step that shares no factor with the number of facts visits each of them once a round.
    let step = (0..).map(|i| 1009 + 2 * i).find(|&step| gcd(step, facts.len()) == 1).expect("such a step exists");
    &facts[(number * step + seed as usize % facts.len()) % facts.len()]
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// A training question about a piece of true knowledge, and a sentence that answers it.
pub fn asked(rng: &mut Rng, fact: &Fact) -> (String, String) {
    let wordings = knowledge::wordings(fact.kind, fact.attribute);
    let question = knowledge::fill(*rng.pick(wordings.questions), &fact.subject, "");
    (question, answered(rng, fact))
}

/// A sentence that answers a question about a fact, mostly the one whose beginning is the fact's cue.
pub fn answered(rng: &mut Rng, fact: &Fact) -> String {
    if fact.kind == "why" || rng.chance(0.7) { usual_answer(fact) } else { statement(rng, fact) }
}

/// The sentence whose beginning is the fact's cue; the reason itself where it is asked why.
pub fn usual_answer(fact: &Fact) -> String {
    if fact.kind == "why" {
        return fact.value.clone();
    }
    let wordings = knowledge::wordings(fact.kind, fact.attribute);
    let main = wordings.statements.iter().find(|s| s.starts_with(wordings.cue)).expect("the cue begins a statement");
    knowledge::fill(main, &fact.subject, &fact.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::articles;
    use crate::names::Names;

    #[test]
    fn only_asked_subjects_are_asked_about() {
        let budget = Budget::smoke();
        let names = Names::new(3, &[12, 12], 4);
        let residents = residents::residents(3, &names, &Budget { residents: vec![(8, 12), (2, 12)], ..Budget::smoke() });
        let places = places::places(3, &names, &budget);
        let subjects = asked_subjects(&residents, &places);
        assert_eq!(subjects.len(), 12 + 2);
        let facts = articles::told_facts(&budget);
        for sheet in threads(3, &subjects, 30).iter().chain(&quizzes(3, &subjects, &facts, &budget)) {
            assert!(residents.iter().filter(|p| p.split != Split::Asked).all(|p| !sheet.text.contains(&p.name)));
            assert!(sheet.text.matches("Question: ").count() >= 3);
        }
    }
}
