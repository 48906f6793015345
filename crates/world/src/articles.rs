//! True knowledge as pages: an article tells all attributes of a subject, a schoolbook page one thing about many.
//!
//! Takes the tables as they are; how often what is told is decided by the budget and counted for the key.

use crate::budget::{Budget, KindBudget};
use crate::dates;
use crate::key::{self, Split};
use crate::knowledge::{self, Fact, fill, tables, wordings};
use crate::names::slug;
use crate::prose::{padding, paragraphs, pick_usual};
use crate::shape;
use crate::sheet::Sheet;
use base::rng::{Rng, label};
use std::collections::BTreeSet;

/// What is told of true knowledge in one world.
#[derive(Debug, Clone)]
pub struct Library {
    /// The facts that are told, kind by kind and subject by subject.
    pub facts: Vec<Fact>,
    /// Web and schoolbook pages.
    pub sheets: Vec<Sheet>,
    /// How often each fact is told, in the order of `facts`.
    pub exposures: Vec<usize>,
}

/// The facts that a world of this budget tells, in the order of the tables.
pub fn told_facts(budget: &Budget) -> Vec<Fact> {
    let all = knowledge::facts();
    let mut told: BTreeSet<(&str, &str)> = BTreeSet::new();
    for kind in &budget.kinds {
        let mut known: Vec<&str> = all.iter().filter(|fact| fact.kind == kind.kind).map(|fact| fact.subject.as_str()).collect();
        known.dedup();
        let listed = tables::well_known(kind.kind);
        let first = &listed[..listed.len().min(kind.subjects)];
        known.retain(|subject| !first.contains(subject));
        let room = (kind.subjects - first.len()).min(known.len());
        let spread = known.iter().enumerate().filter(|(at, _)| (at + 1) * room / known.len() > at * room / known.len());
        told.extend(first.iter().chain(spread.map(|(_, subject)| subject)).map(|subject| (kind.kind, *subject)));
    }
    all.iter().filter(|fact| told.contains(&(fact.kind, fact.subject.as_str()))).cloned().collect()
}

/// Writes all pages of true knowledge.
pub fn library(seed: u64, budget: &Budget) -> Library {
    let facts = told_facts(budget);
    let mut exposures = vec![0; facts.len()];
    let mut sheets = Vec::new();
    for kind in &budget.kinds {
        let numbers: Vec<usize> = (0..facts.len()).filter(|&i| facts[i].kind == kind.kind).collect();
        if numbers.is_empty() {
            continue;
        }
        let rng = &mut Rng::derive(seed, &[label("articles"), label(kind.kind)]);
        for subject in numbers.chunk_by(|&a, &b| facts[a].subject == facts[b].subject) {
            let mut number = 0;
            for _ in 0..kind.web {
                article_pages(rng, &facts, subject, &mut number, &mut sheets);
            }
            subject.iter().for_each(|&i| exposures[i] += kind.web);
        }
        lists(rng, kind, &facts, &numbers, &mut exposures, &mut sheets);
    }
    Library { facts, sheets, exposures }
}

/// The address of an article about a subject.
fn address(kind: &str, subject: &str, number: usize) -> String {
    let hosts: [&str; 2] = match kind {
        "country" => ["atlas.org", "world.guide"],
        "element" => ["elements.org", "lab.school"],
        "animal" => ["zoo.org", "nature.guide"],
        "person" => ["history.org", "lives.guide"],
        "city" => ["travel.guide", "cities.org"],
        _ => ["wiki.org", "know.guide"],
    };
    let subject = slug(knowledge::without_article(subject));
    match number / 2 {
        0 => format!("https://{}/{subject}", hosts[number % 2]),
        n => format!("https://{}/{subject}/{n}", hosts[number % 2]),
    }
}

/// The address of a schoolbook page of sentences about one kind.
fn list_address(kind: &str, number: usize) -> String {
    format!("https://learn.school/{kind}/{number}")
}

/// Web pages that together tell each of these facts of one subject once, among as much prose as it takes.
///
/// Mostly one page; a subject with a long name cannot be named in every sentence without repeating itself more than
/// a page may, so its facts are spread over two or more.
fn article_pages(rng: &mut Rng, facts: &[Fact], subject: &[usize], number: &mut usize, sheets: &mut Vec<Sheet>) {
    let first = &facts[subject[0]];
    for _ in 0..12 {
        let mut order = subject.to_vec();
        rng.shuffle(&mut order);
        let mut sentences: Vec<String> = order.iter().map(|&i| statement(rng, &facts[i])).collect();
        let mut fillers: Vec<&str> = knowledge::filler(first.kind).to_vec();
        rng.shuffle(&mut fillers);
        while sentences.len() < 13 {
            // Every third padding sentence is about nothing, so that pages of one subject differ more; all are where
            // the name is long.
            let sentence = match fillers.pop() {
                Some(filler) if first.subject.len() < 16 && !rng.chance(0.33) => fill(filler, &first.subject, ""),
                _ => padding(rng, "the town"),
            };
            sentences.insert(rng.below(sentences.len() + 1), sentence);
            let text = paragraphs(&sentences, 2);
            if shape::misfit(&text).is_none() {
                let url = address(first.kind, &first.subject, *number);
                *number += 1;
                sheets.push(Sheet::web(first.kind, url, dates::before_cutoff(rng), &knowledge::capitalised(&first.subject), text));
                return;
            }
        }
    }
    assert!(subject.len() > 1, "no page can be made about {}", first.subject);
    let (some, others) = subject.split_at(subject.len() / 2);
    article_pages(rng, facts, some, number, sheets);
    article_pages(rng, facts, others, number, sheets);
}

/// The sentence that begins with a fact's cue is so many times as likely as another.
const USUAL: f64 = 4.0;

/// One of the sentences that tell a fact.
pub fn statement(rng: &mut Rng, fact: &Fact) -> String {
    let wordings = wordings(fact.kind, fact.attribute);
    let statement = pick_usual(rng, wordings.statements, USUAL, |_, statement| statement.starts_with(wordings.cue));
    fill(statement, &fact.subject, &fact.value)
}

/// Schoolbook pages of sentences about one attribute of many subjects, until every fact has its share.
fn lists(rng: &mut Rng, kind: &KindBudget, facts: &[Fact], numbers: &[usize], exposures: &mut [usize], sheets: &mut Vec<Sheet>) {
    /// A page is full when it has so many characters.
    const FULL: usize = 480;
    let mut attributes: Vec<&str> = numbers.iter().map(|&i| facts[i].attribute).collect();
    attributes.sort_unstable();
    attributes.dedup();
    let mut n_pages = 0;
    for attribute in attributes {
        let rounds = if kind.drilled.contains(&attribute) { kind.school } else { kind.school_other };
        let mut round: Vec<usize> = numbers.iter().copied().filter(|&i| facts[i].attribute == attribute).collect();
        let mut page = String::new();
        let mut on_page: Vec<usize> = Vec::new();
        for number in 0..rounds {
            rng.shuffle(&mut round);
            for (at, &i) in round.iter().enumerate() {
                // An exposure is a page, however often the page says it.
                if !on_page.contains(&i) {
                    exposures[i] += 1;
                    on_page.push(i);
                }
                page += &statement(rng, &facts[i]);
                let is_last = number + 1 == rounds && at + 1 == round.len();
                if page.chars().count() < FULL && !is_last {
                    page.push('\n');
                    continue;
                }
                n_pages += 1;
                on_page.clear();
                let url = list_address(kind.kind, n_pages);
                sheets.push(Sheet::school(kind.kind, url, dates::before_cutoff(rng), std::mem::take(&mut page)));
            }
        }
    }
}

impl Library {
    /// The rows of the answer key.
    pub fn key_facts(&self) -> Vec<key::Fact> {
        self.facts
            .iter()
            .zip(&self.exposures)
            .map(|(fact, &exposures)| {
                let wordings = wordings(fact.kind, fact.attribute);
                let filled = |template: &str| fill(template, &fact.subject, &fact.value);
                key::Fact {
                    subject: fact.subject.clone(),
                    kind: fact.kind.to_string(),
                    attribute: fact.attribute.to_string(),
                    value: fact.value.clone(),
                    also: fact.also.clone(),
                    exposures,
                    split: Split::Asked,
                    url: list_address(fact.kind, 1),
                    cue: filled(wordings.cue),
                    questions: wordings.held_out.iter().map(|q| filled(q)).collect(),
                    date: None,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_is_told_as_often_as_the_key_says() {
        let library = library(9, &Budget::smoke());
        for (fact, &exposures) in library.facts.iter().zip(&library.exposures) {
            let templates = wordings(fact.kind, fact.attribute).statements;
            let sentences: Vec<String> = templates.iter().map(|t| fill(t, &fact.subject, &fact.value)).collect();
            let told = library.sheets.iter().filter(|s| sentences.iter().any(|sentence| s.text.contains(sentence))).count();
            assert!(told >= exposures, "{fact:?}: told {told} times, key {exposures}");
        }
        for sheet in library.sheets.iter().filter(|s| s.shelf == crate::sheet::Shelf::Web) {
            assert_eq!(shape::misfit(&sheet.text), None, "{}", sheet.text);
        }
    }

    #[test]
    fn a_small_world_has_few_subjects() {
        let budget = Budget::smoke();
        let facts = told_facts(&budget);
        let mut subjects: Vec<&str> = facts.iter().filter(|f| f.kind == "country").map(|f| f.subject.as_str()).collect();
        subjects.dedup();
        assert_eq!(subjects.len(), 10, "{subjects:?}");
        assert!(facts.iter().any(|f| f.subject == "pelican"));
    }
}
