//! Questions with their answers, to find out what a model knows before it is taught what to say: about asked residents, places and
//! true knowledge in training wordings, and about people who occur nowhere.
//!
//! Unasked subjects, the key's people who occur nowhere and held-out wordings never occur here: they are for tests.

use crate::conversations::Sources;
use crate::forum::{asked, usual_answer};
use crate::knowledge::{self, Fact};
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
    /// How that sentence goes on where the value is not known: "don't know." or "will look up." follows.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub open: String,
    /// What one would look up.
    pub query: String,
}

/// Wordings of each question about an asked subject.
const WORDINGS: usize = 3;

/// Names of people as they are in the wide world; together they are nobody whom these pages tell of.
const FIRST_NAMES: [&str; 32] = [
    "Adam", "Bertha", "Conrad", "Dora", "Emil", "Fiona", "Gustav", "Helen", "Igor", "Julia", "Karl", "Laura", "Martin", "Nina", "Otto",
    "Petra", "Quentin", "Ruth", "Simon", "Tina", "Ulrich", "Victor", "Walter", "Xenia", "Yvonne", "Zoe", "Amos", "Betty", "Cyril", "Della",
    "Ernest", "Olga",
];
const LAST_NAMES: [&str; 32] = [
    "Abbott", "Barlow", "Carver", "Dunham", "Eklund", "Foster", "Granger", "Holt", "Ivanov", "Jansen", "Keller", "Lindholm", "Marsh",
    "Novak", "Olsen", "Parker", "Quimby", "Rossi", "Schmidt", "Thorne", "Ungar", "Vogel", "Weber", "Yates", "Zeller", "Kovacs", "Horvath",
    "Petrov", "Larsen", "Dubois", "Moreno", "Sato",
];
/// Asked about nobody in particular.
const WHO: [&str; 5] = ["Who is {n}?", "Who is {n}?", "Who was {n}?", "Tell me about {n}.", "What do you know about {n}?"];

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
                    statement: attribute.usual_answer(subject.name, &subject.values[i]),
                    open: fill(attribute.open, subject.name, ""),
                    query: fill(attribute.query, subject.name, ""),
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
            statement: usual_answer(fact),
            open: open(fact),
            query: format!("{} of {}", fact.attribute, fact.subject),
        });
    }
    for _ in 0..nobodies {
        // Many bear parts of residents' names, as people do; the others bear new ones, or those of the wide world.
        let name = match rng.below(10) {
            0..=3 => sources.names.recombined(rng),
            4..=6 => sources.names.stranger(rng),
            _ => format!("{} {}", rng.pick(&FIRST_NAMES), rng.pick(&LAST_NAMES)),
        };
        let attribute = Some(rng.pick(&ATTRIBUTES)).filter(|_| rng.chance(0.7));
        let wording = attribute.map_or(*rng.pick(&WHO), |attribute| *rng.pick(attribute.asked));
        let (query, open) = attribute.map_or(("who is {n}", "{n} is someone I"), |attribute| (attribute.query, attribute.open));
        let attribute = attribute.map_or("", |attribute| attribute.name);
        list.push(Question {
            id: String::new(),
            kind: "nobody".to_string(),
            question: fill(wording, &name, ""),
            attribute: attribute.to_string(),
            answer: String::new(),
            also: Vec::new(),
            statement: String::new(),
            open: fill(open, &name, ""),
            query: fill(query, &name, ""),
            subject: name,
        });
    }
    for (i, question) in list.iter_mut().enumerate() {
        question.id = format!("{}-{i:05}", slug(&question.kind));
    }
    list
}

/// The fact's cue, and what stands behind it where the value is not known; nothing where the subject itself is the cue.
fn open(fact: &Fact) -> String {
    match knowledge::wordings(fact.kind, fact.attribute).cue {
        "{s}" => String::new(),
        cue => format!("{} something I", knowledge::fill(cue, &fact.subject, "")),
    }
}

#[cfg(test)]
mod tests {
    use crate::world::World;
    use crate::{Size, Split, WorldConfig};

    #[test]
    fn only_what_training_asks_about_is_asked_and_nobody_is_nobody() {
        let world = World::build(&WorldConfig::new(4, Size::Smoke));
        let tested: Vec<&str> = world.facts.iter().flat_map(|fact| fact.questions.iter().map(String::as_str)).collect();
        for question in &world.questions {
            assert!(!tested.contains(&question.question.as_str()), "{question:?} is for tests");
            let told = |split: Split| world.residents.iter().any(|person| person.split == split && person.name == question.subject);
            assert!([Split::Unasked, Split::Unseen, Split::Recombined].iter().all(|&split| !told(split)), "{question:?}");
            match question.kind.as_str() {
                "resident" => assert!(told(Split::Asked) && question.statement.contains(&question.answer), "{question:?}"),
                "nobody" => {
                    assert!(!told(Split::Asked) && question.answer.is_empty());
                    assert!(world.sheets.iter().all(|sheet| !sheet.text.contains(&question.subject)), "{} is somebody", question.subject);
                }
                _ => assert!(!question.answer.is_empty(), "{question:?}"),
            }
        }
        let kinds: std::collections::BTreeSet<&str> = world.questions.iter().map(|question| question.kind.as_str()).collect();
        assert_eq!(kinds.into_iter().collect::<Vec<_>>(), ["knowledge", "nobody", "place", "resident"]);
    }
}
