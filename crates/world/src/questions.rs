//! Questions with their answers, to find out what a model knows before it is taught what to say: about asked residents, places and
//! true knowledge in training wordings, and about people who occur nowhere.
//!
//! Unasked subjects, unseen people of the key and held-out wordings never occur here: they are for tests.

use crate::conversations::Sources;
use crate::forum::{answered, asked};
use crate::names::slug;
use crate::prose::fill;
use crate::residents::ATTRIBUTES;
use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

/// One line of `questions.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// "resident-00017"
    pub id: String,
    /// "resident", "place", "knowledge", or "nobody": a person who occurs nowhere.
    pub kind: String,
    /// Who or what is asked about.
    pub subject: String,
    /// "town", "capital", ...
    pub attribute: String,
    /// The question.
    pub question: String,
    /// The value; empty where nobody knows it.
    pub answer: String,
    /// Other values that are right too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// A whole sentence that answers; empty where nobody knows it.
    pub statement: String,
    /// What one would look up.
    pub query: String,
}

/// Wordings of each question about an asked subject.
const WORDINGS: usize = 3;

/// Questions about everything that training texts ask about, and about `nobodies` people who occur nowhere.
pub fn questions(seed: u64, sources: &Sources, nobodies: usize) -> Vec<Question> {
    let mut list = Vec::new();
    let rng = &mut Rng::derive(seed, &[label("questions")]);
    for subject in sources.subjects {
        let kind = if subject.attributes[0].name == ATTRIBUTES[0].name { "resident" } else { "place" };
        for (i, attribute) in subject.attributes.iter().enumerate() {
            for wording in rng.sample(attribute.asked, WORDINGS.min(attribute.asked.len())) {
                list.push(Question {
                    id: String::new(),
                    kind: kind.to_string(),
                    subject: subject.name.to_string(),
                    attribute: attribute.name.to_string(),
                    question: fill(wording, subject.name, ""),
                    answer: subject.values[i].clone(),
                    also: Vec::new(),
                    statement: subject.answer(rng, i),
                    query: format!("{} {}", subject.name, attribute.name),
                });
            }
        }
    }
    for fact in sources.facts {
        let (question, _) = asked(rng, fact);
        list.push(Question {
            id: String::new(),
            kind: "knowledge".to_string(),
            subject: fact.subject.clone(),
            attribute: fact.attribute.to_string(),
            question,
            answer: fact.value.clone(),
            also: fact.also.clone(),
            statement: answered(rng, fact),
            query: format!("{} {}", fact.subject, fact.attribute),
        });
    }
    for _ in 0..nobodies {
        // Half of them bear parts of residents' names, as people do; the others bear new ones.
        let name = if rng.chance(0.5) { sources.names.nobody(rng) } else { sources.names.stranger(rng) };
        let attribute = rng.pick(&ATTRIBUTES);
        list.push(Question {
            id: String::new(),
            kind: "nobody".to_string(),
            question: fill(*rng.pick(attribute.asked), &name, ""),
            attribute: attribute.name.to_string(),
            answer: String::new(),
            also: Vec::new(),
            statement: String::new(),
            query: format!("{name} {}", attribute.name),
            subject: name,
        });
    }
    for (i, question) in list.iter_mut().enumerate() {
        question.id = format!("{}-{i:05}", slug(&question.kind));
    }
    list
}
