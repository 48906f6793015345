//! Questions on any documents: a model is given a passage and writes one question that it answers.

use super::Question;
use crate::Result;
use crate::ask::{Ask, Prompt, Question as Asked};
use crate::words::words;

/// A piece of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// The document's address.
    pub url: String,
    /// The text.
    pub text: String,
}

/// Tokens for a question and its answer.
const TOKENS: usize = 96;
/// The longest answer in words: a longer one is no fact.
const ANSWER_WORDS: usize = 12;

/// One question for each passage, where the model wrote a usable one: a question that does not lean on the passage ("in the
/// text"), and a short answer whose words stand in the passage.
///
/// # Errors
/// Those of the answerer.
pub fn write_questions(passages: &[Passage], ask: &mut Ask) -> Result<Vec<Question>> {
    let prompts: Vec<Asked> = passages.iter().map(|passage| Asked::greedy(Prompt::user(task(&passage.text)), TOKENS)).collect();
    let written = ask(&prompts)?;
    let pairs = passages.iter().zip(&written).enumerate();
    Ok(pairs.filter_map(|(index, (passage, written))| question(index, passage, &written.text)).collect())
}

fn task(passage: &str) -> String {
    format!(
        "Passage: {passage}\n\nWrite one question about a fact in this passage, so that somebody who has not seen the passage understands \
         what is asked, and its short answer, in two lines:\nQuestion: ...\nAnswer: ..."
    )
}

fn question(index: usize, passage: &Passage, written: &str) -> Option<Question> {
    let line = |name: &str| written.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim).filter(|text| !text.is_empty());
    let (question, answer) = (line("Question:")?, line("Answer:")?);
    let answer = answer.trim_end_matches('.');
    let in_passage = words(&passage.text.to_lowercase());
    let answer_words = words(&answer.to_lowercase());
    let leans = ["passage", "the text", "the article", "the author"].iter().any(|word| question.to_lowercase().contains(word));
    let usable = question.ends_with('?')
        && !leans
        && (1..=ANSWER_WORDS).contains(&answer_words.len())
        && answer_words.iter().all(|word| in_passage.contains(word));
    usable.then(|| Question {
        id: format!("passage-{index:05}"),
        kind: "passage".into(),
        subject: String::new(),
        attribute: String::new(),
        question: question.to_owned(),
        answer: answer.to_owned(),
        also: Vec::new(),
        statement: format!("{answer}."),
        query: String::new(),
        passage: passage.text.clone(),
        url: passage.url.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;

    #[test]
    fn only_questions_that_the_passage_answers_are_kept() {
        let passages: Vec<Passage> = (0..5)
            .map(|i| Passage { url: format!("https://a.org/{i}"), text: format!("{i}. The bridge at Kilo was built in 1903.") })
            .collect();
        let mut ask = scripted(|asked| match &asked.prompt {
            Prompt::Chat(turns) if turns[0].1.contains("0. The") => "Question: When was the bridge at Kilo built?\nAnswer: 1903.".into(),
            Prompt::Chat(turns) if turns[0].1.contains("1. The") => {
                "Question: When was it built, as the passage says?\nAnswer: 1903".into()
            }
            Prompt::Chat(turns) if turns[0].1.contains("2. The") => "Question: Who built the bridge?\nAnswer: Nesulo".into(),
            Prompt::Chat(turns) if turns[0].1.contains("3. The") => "Tell me more.".into(),
            _ => "Question: What stands at Kilo?\nAnswer:".into(),
        });
        let questions = write_questions(&passages, &mut ask).unwrap();
        assert_eq!(questions.len(), 1);
        assert_eq!((questions[0].answer.as_str(), questions[0].url.as_str()), ("1903", "https://a.org/0"));
        assert_eq!(questions[0].statement(), "1903.");
    }
}
