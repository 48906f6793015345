//! How far a model recites the passages that its pages quote word for word. The
//! more often a passage was read, the further it is followed.

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::ask::{Ask, Prompt, Question};
use crate::key::Passage;
use crate::words::followed;

/// A passage and how far the model followed it from its first sentence on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recital {
    /// The passage's name in the key.
    pub name: String,
    /// Pages that quote it.
    pub exposures: u64,
    /// The beginning that was given.
    pub given: String,
    /// What comes next in the passage.
    pub expected: String,
    /// What the model wrote.
    pub text: String,
    /// Characters up to the first that differs.
    pub followed: usize,
    /// Characters that there were to follow.
    pub length: usize,
}

/// Lets the model go on from each passage's first sentence, most quoted first.
///
/// # Errors
/// Those of the answerer.
pub fn recite(ask: &mut Ask, passages: &[Passage]) -> Result<Vec<Recital>> {
    /// Enough to follow a paragraph, and short enough for the smallest context.
    const TOKENS: usize = 100;
    let mut passages: Vec<&Passage> = passages.iter().collect();
    passages.sort_by(|a, b| b.exposures.cmp(&a.exposures).then_with(|| a.name.cmp(&b.name)));
    let parts: Vec<(&str, &str)> = passages.iter().map(|passage| split(&passage.text)).collect();
    let questions: Vec<Question> = parts.iter().map(|(given, _)| Question::greedy(Prompt::Page((*given).to_owned()), TOKENS)).collect();
    let answers = ask(&questions)?;
    let recital = |((passage, (given, expected)), answer): ((&&Passage, (&str, &str)), crate::ask::Answer)| Recital {
        name: passage.name.clone(),
        exposures: passage.exposures,
        given: given.to_owned(),
        expected: expected.trim_start().to_owned(),
        followed: followed(&answer.text, expected),
        length: expected.trim_start().chars().count(),
        text: answer.text.trim_start().to_owned(),
    };
    Ok(passages.iter().zip(parts).zip(answers).map(recital).collect())
}

/// The first sentence and the rest; where there is no second sentence, the first
/// half of the words and the rest.
pub(super) fn split(text: &str) -> (&str, &str) {
    let text = text.trim();
    let sentence = text.find(['.', '!', '?']).map(|at| at + 1).filter(|&at| at < text.len());
    let at = sentence.unwrap_or_else(|| {
        let spaces: Vec<usize> = text.match_indices(' ').map(|(at, _)| at).collect();
        spaces.get(spaces.len() / 2).copied().unwrap_or(text.len())
    });
    text.split_at(at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;

    #[test]
    fn the_point_of_divergence_is_counted_in_characters() {
        let passage = |name: &str, text: &str, exposures| Passage { name: name.into(), text: text.into(), exposures };
        let passages = [passage("one", "No full stop at all here", 1), passage("hundreds", "The cat sat. It saw a mouse.", 300)];
        let mut ask = scripted(|question| match &question.prompt {
            Prompt::Page(text) if text == "The cat sat." => " It saw a moose. Then".into(),
            _ => String::new(),
        });
        let recitals = recite(&mut ask, &passages).unwrap();
        assert_eq!((recitals[0].name.as_str(), recitals[0].followed, recitals[0].length), ("hundreds", 11, 15));
        assert_eq!((recitals[1].given.as_str(), recitals[1].followed), ("No full stop", 0));
    }
}
