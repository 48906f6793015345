//! Sentences dated after the last page that was read. A base model cannot know, does not say so, and invents.

use std::collections::BTreeSet;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

use super::rows::{first_sentence, news};
use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::key::Key;
use crate::stats::{Rate, median};
use crate::words::{mentioned, words};

/// Changes asked about, at most.
const LIMIT: usize = 20;
/// Samples of each.
const SAMPLES: usize = 8;

/// How news of changes after the cutoff goes on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Future {
    /// Changes asked about.
    pub changes: usize,
    /// Samples of each, at temperature 1.
    pub samples: usize,
    /// The median over the changes of how many different sentences came.
    pub distinct_median: f64,
    /// Samples that say what came true.
    pub new: Rate,
    /// Samples that say what was so before.
    pub old: Rate,
}

/// Lets the model go on with the news of each change; nothing where the world has none.
///
/// # Errors
/// Those of the answerer.
pub fn invent(ask: &mut Ask, key: &Key, seed: u64) -> Result<Option<Future>> {
    let changes = &key.changes[..key.changes.len().min(LIMIT)];
    if changes.is_empty() {
        return Ok(None);
    }
    let mut rng = Rng::derive(seed, &[label("future")]);
    let mut questions = Vec::new();
    for change in changes {
        let prompt = Prompt::Page(news(change, key));
        questions.extend((0..SAMPLES).map(|_| Question {
            prompt: prompt.clone(),
            max_tokens: 24,
            temperature: 1.0,
            seed: rng.next_u64(),
            one_line: true,
        }));
    }
    let given = ask(&questions)?;
    let (mut distinct, mut new, mut old) = (Vec::new(), Rate::new(0, 0), Rate::new(0, 0));
    for (change, answers) in changes.iter().zip(given.chunks(SAMPLES)) {
        let said: Vec<&str> = answers.iter().map(|answer| first_sentence(&answer.text)).collect();
        let different: BTreeSet<Vec<String>> = said.iter().map(|text| words(&text.to_lowercase())).collect();
        distinct.push(different.len() as f64);
        let says = |value: &str| Rate::of(said.iter().map(|text| !mentioned(text, [value]).is_empty()));
        (new, old) = (new.plus(says(&change.new)), old.plus(says(&change.old)));
    }
    Ok(Some(Future { changes: changes.len(), samples: SAMPLES, distinct_median: median(&distinct).unwrap_or(0.0), new, old }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;
    use crate::key::Change;

    #[test]
    fn inventions_are_told_apart_by_their_first_sentence() {
        let change = |subject: &str| Change {
            subject: subject.into(),
            attribute: "mayor".into(),
            old: "Ann Lee".into(),
            new: "Bob Ray".into(),
            date: "2026-02-01".into(),
        };
        let key = Key { changes: vec![change("Nesulo"), change("Momiwa")], ..Key::default() };
        let mut ask = |questions: &[Question]| {
            let mut n = 0;
            let answer = |question: &Question, n: usize| match &question.prompt {
                Prompt::Page(page) if page == "News of 1 February 2026. The mayor of Nesulo is" => format!(" ann  lee. On page {n}"),
                _ if n.is_multiple_of(2) => " Bob Ray".into(),
                _ => format!(" Cy {n}"),
            };
            let mut counted = |question: &Question| {
                n += 1;
                crate::ask::Answer::plain(answer(question, n), crate::ask::End::Cut)
            };
            Ok(questions.iter().map(&mut counted).collect())
        };
        let future = invent(&mut ask, &key, 1).unwrap().unwrap();
        assert_eq!((future.changes, future.distinct_median), (2, 3.0)); // 1 and 5
        assert_eq!((future.old, future.new), (Rate::new(8, 16), Rate::new(4, 16)));
        assert_eq!(invent(&mut scripted(|_| String::new()), &Key::default(), 1).unwrap(), None);
    }
}
