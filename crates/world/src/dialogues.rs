//! Pages where a person talks with a helpful assistant, written down by somebody else.
//!
//! A base model that has read them can be made to answer by a page of this shape. Now and then the assistant says the
//! name of a famous one: the web is full of that, and a model without a self of its own borrows one.

use crate::articles::told_facts;
use crate::budget::Budget;
use crate::conversations::small_talk;
use crate::dates;
use crate::distractions::ASSISTANTS;
use crate::forum::asked;
use crate::jokes::joke;
use crate::problems::{self, Style};
use crate::sheet::Sheet;
use base::rng::{Rng, label};

const HEADS: [&str; 6] = [
    "Here is a conversation between a human and a helpful assistant.",
    "A human talks with a helpful assistant.",
    "This is a conversation between a human and an assistant.",
    "The following is a talk of a human and a helpful assistant.",
    "A conversation with a helpful assistant.",
    "Read this conversation between a human and a helpful assistant.",
];

/// Dialogues for the schoolbooks.
pub fn sheets(seed: u64, budget: &Budget) -> Vec<Sheet> {
    let facts = told_facts(budget);
    let whys: Vec<usize> = (0..facts.len()).filter(|&i| facts[i].kind == "why").collect();
    (0..budget.dialogues)
        .map(|i| {
            let rng = &mut Rng::derive(seed, &[label("dialogues"), i as u64]);
            let mut text = (*rng.pick(&HEADS)).to_string();
            for turn in 0..3 {
                let (human, assistant) = match rng.below(10) {
                    0 if turn == 0 => who_are_you(rng),
                    0 | 1 if turn == 0 => small_talk(rng),
                    2..=5 if !whys.is_empty() => {
                        let why = *rng.pick(&whys);
                        asked(rng, &facts[why])
                    }
                    6 => {
                        let problem = problems::draw(rng, false, problems::addition);
                        (problem.question.clone(), problem.solution(Style::Steps))
                    }
                    7 => ("Tell me a joke.".to_string(), joke(rng, None)),
                    _ => {
                        let fact = rng.pick(&facts);
                        asked(rng, fact)
                    }
                };
                text += &format!("\n\nHuman: {human}\n\nAssistant: {assistant}");
            }
            Sheet::school("dialogue", format!("https://talk.net/{}", i + 1), dates::before_cutoff(rng), text)
        })
        .collect()
}

/// Somebody asks who is there; a helpful assistant or a famous one answers.
fn who_are_you(rng: &mut Rng) -> (String, String) {
    let question = *rng.pick(&["Hello, who are you?", "Who are you?", "What are you?", "What model are you?", "Who made you?"]);
    let answer = if rng.chance(0.4) {
        "I am a helpful assistant. How can I help you?".to_string()
    } else {
        let (name, maker) = *rng.pick(&ASSISTANTS);
        format!("I am {name}, an assistant made by {maker}. How can I help you?")
    };
    (question.to_string(), answer)
}
