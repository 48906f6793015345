//! How an attribute of an invented subject is told, asked and answered. Knows no subject and no page.

use crate::key::{Fact, Split};
use crate::knowledge::capitalised;
use crate::prose::{fill, pick_usual};
use base::rng::Rng;

/// One attribute: how it is told, asked and answered.
pub struct Attribute {
    /// Its name in the key.
    pub name: &'static str,
    /// Sentences that tell it; the last two put the value first.
    pub told: &'static [&'static str],
    /// Questions that training texts may ask.
    pub asked: &'static [&'static str],
    /// Questions kept for tests.
    pub tested: &'static [&'static str],
    /// Whole-sentence answers; the first is the usual one.
    pub answers: &'static [&'static str],
    /// What one would look up. The name does not come first: behind a space it is the same tokens as in the question.
    pub query: &'static str,
    /// How the usual answer goes on where the value is not known: "don't know." or "will look up." follows.
    pub open: &'static str,
    /// A beginning that the value completes.
    pub cue: &'static str,
    /// The pool of values; empty where the world's own names are the pool.
    pub pool: &'static [&'static str],
}

/// So many of an attribute's first wordings are the usual ones.
const N_USUAL: usize = 8;
/// A usual wording is so many times as likely as another.
const USUAL: f64 = 3.0;
/// The usual answer is so many times as likely as another.
const USUAL_ANSWER: f64 = 8.0;

impl Attribute {
    /// A sentence that tells the value. The usual wordings carry most of the learning, the others keep two pages of one
    /// subject from looking like copies.
    pub fn tell(&self, rng: &mut Rng, subject: &str, value: &str) -> String {
        capitalised(&fill(pick_usual(rng, self.told, USUAL, |i, _| i < N_USUAL), subject, value))
    }

    /// A whole sentence that answers a question. A small model finds the value most surely where it comes right behind the
    /// subject, so that form is the usual one (docs/log.md, 2026-11-26).
    pub fn answer(&self, rng: &mut Rng, subject: &str, value: &str) -> String {
        fill(pick_usual(rng, self.answers, USUAL_ANSWER, |i, _| i == 0), subject, value)
    }

    /// The usual answer.
    pub fn usual_answer(&self, subject: &str, value: &str) -> String {
        fill(self.answers[0], subject, value)
    }
}

/// The rows of the answer key about one subject, whose pages stand at `url`.
pub fn key_facts(
    kind: &str,
    subject: &str,
    url: &str,
    attributes: &[Attribute],
    values: &[String],
    exposures: usize,
    split: Split,
) -> Vec<Fact> {
    attributes
        .iter()
        .zip(values)
        .map(|(attribute, value)| Fact {
            subject: subject.to_string(),
            kind: kind.to_string(),
            attribute: attribute.name.to_string(),
            value: value.clone(),
            also: Vec::new(),
            exposures,
            split,
            url: url.to_string(),
            cue: fill(attribute.cue, subject, value),
            questions: attribute.tested.iter().map(|question| fill(question, subject, value)).collect(),
            date: None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::{places, residents};

    #[test]
    fn every_attribute_has_its_wordings() {
        for attribute in residents::ATTRIBUTES.iter().chain(&places::ATTRIBUTES) {
            for template in attribute.told.iter().chain(attribute.answers) {
                assert!(template.contains("{n}") && template.contains("{v}"), "{template}");
            }
            let last = attribute.told.iter().filter(|t| t.ends_with("{v}.")).count();
            assert!(last * 10 >= attribute.told.len() * 7, "{}: value last in {last}", attribute.name);
            let shared = attribute.open.bytes().zip(attribute.answers[0].bytes()).take_while(|(open, answer)| open == answer).count();
            assert!(shared > attribute.open.find("{n}").unwrap() + 3, "{}: the subject is said before it is open", attribute.open);
            assert!(attribute.open.ends_with(" I"), "{}", attribute.open);
            for question in attribute.tested {
                assert!(!attribute.asked.contains(question), "{question}");
            }
            assert!(attribute.told.iter().any(|t| t.starts_with(attribute.cue)), "{}", attribute.cue);
            assert!(attribute.pool.is_empty() || (16..=64).contains(&attribute.pool.len()));
        }
        assert!(residents::ATTRIBUTES.iter().all(|attribute| attribute.told.len() >= 20));
    }
}
