//! Questions on any documents: a model is given a passage and writes one question that it answers. Knows neither where passages come
//! from nor who writes.

use super::{Passage, Question};
use crate::ask::{Answer, End, Prompt, Question as Asked, after_thought};
use crate::words::words;

/// Tokens for a question and its answer.
const TOKENS: usize = 96;
/// The longest answer in words: a longer one is no fact.
const ANSWER_WORDS: usize = 12;
/// Words by which a question leans on its passage.
const LEANING: [&str; 4] = ["passage", "the text", "the article", "the author"];

/// What a model is asked, to write a question on a passage.
pub fn ask_for_question(passage: &Passage) -> Asked {
    let task = format!(
        "Passage: {}\n\nWrite one question about a fact in this passage, so that somebody who has not seen the passage understands \
         what is asked, and its short answer, in two lines:\nQuestion: ...\nAnswer: ...",
        passage.text
    );
    Asked::greedy(Prompt::user(task), TOKENS)
}

/// The question that was written, if it can be used: one that does not lean on the passage ("in the text"), with a short answer whose
/// words stand in the passage. Otherwise the reason why it cannot.
pub fn question_on(passage: &Passage, written: &Answer) -> Result<Question, &'static str> {
    match written.end {
        End::TooLong => return Err("the passage is longer than the model's context"),
        End::Refused => return Err("the endpoint refused the passage"),
        End::Cut | End::Ended => {}
    }
    let text = after_thought(&written.text);
    let line = |name: &str| text.lines().find_map(|line| line.trim().strip_prefix(name)).map(str::trim).filter(|text| !text.is_empty());
    let (Some(question), Some(answer)) = (line("Question:"), line("Answer:")) else {
        return Err("there are no two lines, Question: and Answer:");
    };
    let answer = answer.trim_end_matches('.');
    let in_passage = words(&passage.text.to_lowercase());
    let answer_words = words(&answer.to_lowercase());
    let lower = question.to_lowercase();
    match () {
        () if !question.ends_with('?') => Err("the question does not end with a question mark"),
        () if LEANING.iter().any(|words| lower.contains(words)) => Err("the question leans on the passage"),
        () if answer_words.is_empty() => Err("the answer has no word"),
        () if answer_words.len() > ANSWER_WORDS => Err("the answer is long"),
        () if answer_words.iter().any(|word| !in_passage.contains(word)) => Err("the answer has words that the passage has not"),
        () => Ok(Question {
            id: passage.id.clone(),
            kind: "passage".into(),
            subject: String::new(),
            attribute: String::new(),
            question: question.to_owned(),
            answer: answer.to_owned(),
            also: Vec::new(),
            statement: format!("{answer}."),
            open: String::new(),
            query: String::new(),
            passage: passage.text.clone(),
            url: passage.url.clone(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_questions_that_the_passage_answers_are_kept() {
        let passage =
            Passage { id: "p".into(), url: "https://a.org".into(), text: "The bridge at Kilo was built in 1903. It is red.".into() };
        let check = |written: &str, end: End, expected: &str| {
            let found = question_on(&passage, &Answer::plain(written.into(), end));
            let found = found.map_or_else(str::to_owned, |question| format!("{} {}", question.question, question.statement()));
            assert!(found.contains(expected), "{written}: {found}");
        };
        let good = "Question: When was the bridge at Kilo built?\nAnswer: 1903.";
        check(good, End::Ended, "When was the bridge at Kilo built? 1903.");
        check(
            &format!("<think>Question: a?\nAnswer: it</think>Here:\n{good}\nIt is right."),
            End::Cut,
            "When was the bridge at Kilo built?",
        );
        check("Question: When was it built, as the passage says?\nAnswer: 1903", End::Ended, "leans on the passage");
        check("Question: Who built the bridge?\nAnswer: Nesulo", End::Ended, "words that the passage has not");
        check("Question: Tell me the year.\nAnswer: 1903", End::Ended, "question mark");
        check("Question: What stands at Kilo?\nAnswer:", End::Ended, "no two lines");
        check("Question: What stands at Kilo?\nAnswer: ...", End::Ended, "no word");
        check(&format!("Question: What is told?\nAnswer: {}", "the bridge ".repeat(7)), End::Ended, "the answer is long");
        check("Tell me more.", End::Ended, "no two lines");
        check(good, End::TooLong, "longer than the model's context");
        check(good, End::Refused, "refused");
    }
}
