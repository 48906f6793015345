//! Questions bare and inside a page shaped as a dialogue of a human and a helpful assistant: the shape of the page decides
//! whether a base model answers, and nothing tells it to stop.

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::key::{Fact, Key, pool_of};
use crate::stats::Rate;
use crate::words::answers;

/// Questions asked, at most.
const LIMIT: usize = 24;
/// Samples of each question in each form.
const SAMPLES: usize = 4;
/// Enough for two sentences and the next turn.
const TOKENS: usize = 80;

/// How a page marks that the human speaks.
pub const HUMAN: &str = "Human:";

/// Why-questions in both forms.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Questions {
    /// Questions asked.
    pub questions: usize,
    /// Samples of each in each form, at temperature 1.
    pub samples: usize,
    /// The question as all of the page.
    pub bare: Form,
    /// The question as the human's turn in a dialogue.
    pub dialogue: Form,
}

/// What came of the questions in one form; shares of all samples.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Form {
    /// The answer is given, before a human speaks.
    pub answered: Rate,
    /// Something is asked.
    pub asks: Rate,
    /// The human's next turn is begun.
    pub human_turn: Rate,
}

/// A page that begins as a dialogue in which the assistant has the next turn.
pub fn as_dialogue(question: &str, address: &str) -> String {
    format!(
        "{address}Here is a conversation between a human and a helpful assistant.\n\nHuman: Hello, who are you?\n\nAssistant: I am a \
         helpful assistant. How can I help you?\n\nHuman: {question}\n\nAssistant:"
    )
}

/// What a text says before a human speaks.
pub fn own_turn(text: &str) -> &str {
    text.split(HUMAN).next().unwrap_or("")
}

/// Why-questions that the world answers on some page.
fn whys(key: &Key) -> Vec<&Fact> {
    key.facts.iter().filter(|fact| fact.kind == "why" && fact.exposures > 0).collect()
}

/// The first of them, with its answer.
pub fn first_why(key: &Key) -> Option<(&str, &str)> {
    whys(key).first().map(|fact| (fact.subject.as_str(), fact.value.as_str()))
}

/// Asks in both forms; nothing where the world has no such questions.
///
/// # Errors
/// Those of the answerer.
pub fn compare(ask: &mut Ask, key: &Key, seed: u64) -> Result<Option<Questions>> {
    let mut rng = Rng::derive(seed, &[label("questions")]);
    let whys = whys(key);
    let drawn: Vec<&Fact> = rng.sample(&whys, whys.len().min(LIMIT)).into_iter().copied().collect();
    if drawn.is_empty() {
        return Ok(None);
    }
    let pools = key.pools();
    let mut form = |page: &dyn Fn(&str) -> String| -> Result<Form> {
        let mut questions = Vec::new();
        for fact in &drawn {
            questions.extend((0..SAMPLES).map(|_| Question {
                prompt: Prompt::Page(page(&fact.subject)),
                max_tokens: TOKENS,
                temperature: 1.0,
                seed: rng.next_u64(),
                one_line: false,
            }));
        }
        let given = ask(&questions)?;
        let texts = || drawn.iter().flat_map(|fact| [*fact; SAMPLES]).zip(given.iter().map(|answer| answer.text.as_str()));
        let answered = |(fact, text): (&Fact, &str)| answers(own_turn(text), &fact.subject, &fact.accepted(), &pool_of(&pools, fact));
        Ok(Form {
            answered: Rate::of(texts().map(answered)),
            asks: Rate::of(texts().map(|(_, text)| text.contains('?'))),
            human_turn: Rate::of(texts().map(|(_, text)| text.contains(HUMAN))),
        })
    };
    let bare = form(&|question| question.to_owned())?;
    let dialogue = form(&|question| as_dialogue(question, "https://talk.net/9001\n"))?;
    Ok(Some(Questions { questions: drawn.len(), samples: SAMPLES, bare, dialogue }))
}

#[cfg(test)]
mod tests {
    use super::super::rows::tests::fact;
    use super::*;
    use crate::ask::scripted;

    #[test]
    fn the_shape_of_the_page_decides() {
        let snow =
            fact("Why is snow white?", "why", "answer", "Snow is full of small crystals that scatter every colour of the light.", &[]);
        let sea = fact("Why is the sea salty?", "why", "answer", "Rivers wash salt out of the rocks and carry it all to the sea.", &[]);
        let unread = Fact { exposures: 0, ..fact("Why do cats purr?", "why", "answer", "Nobody knows.", &[]) };
        let key = Key { facts: vec![snow.clone(), sea, unread], ..Key::default() };
        let mut ask = scripted(|question| match &question.prompt {
            Prompt::Page(page) if page.ends_with("snow white?\n\nAssistant:") => format!(" {}\n\nHuman: And why?", snow.value),
            Prompt::Page(page) if page.ends_with("Assistant:") => {
                " I am here.\n\nHuman: Rivers wash salt out of rocks and carry it to the sea.".into()
            }
            _ => "\nWhy is grass green?".into(),
        });
        let questions = compare(&mut ask, &key, 1).unwrap().unwrap();
        assert_eq!(questions.questions, 2);
        assert_eq!((questions.bare.answered.right, questions.bare.asks.right, questions.bare.human_turn.right), (0, 8, 0));
        assert_eq!((questions.dialogue.answered.right, questions.dialogue.asks.right, questions.dialogue.human_turn.right), (4, 4, 8));
        assert_eq!(compare(&mut ask, &Key::default(), 1).unwrap(), None);
    }
}
