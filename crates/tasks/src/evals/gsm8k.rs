//! Word problems whose answer is a number: what the model is asked, and the number that it gives.

use base::rng::{Rng, label};
use engine::{Next, Request, Sampling};
use tokenizer::Encoder;
use tokenizer::chat::{ChatFormat, Conversation, Message, Role as Speaker};

use super::files::Example;
use super::prompts::{Cut, Template};
use crate::Result;
use crate::problems::Decimal;
use crate::subject::Subject;

/// Tokens of an answer, at most; half of the context where that is less.
const ANSWER_TOKENS: usize = 400;

/// With which a model begins to ask itself the next question.
const NEXT_QUESTION: &str = "Question:";

/// A problem as the model is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its ids.
    pub prompt: Vec<u32>,
    /// Its number in the file.
    pub question: usize,
    /// Tokens of an answer, at most.
    pub room: usize,
    /// What was cut to make it fit.
    pub cut: Cut,
}

/// What became of a problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graded {
    /// Whether the most likely answer is right.
    pub greedy: bool,
    /// Of each sampled answer.
    pub samples: Vec<bool>,
}

/// How problems are answered.
#[derive(Clone, Copy, Debug)]
pub struct Answering<'a> {
    /// In a conversation; as a page without a format.
    pub chat: Option<ChatFormat>,
    /// Ids that end an answer.
    pub stop_ids: &'a [u32],
    /// Answers at temperature 1, beside the most likely one.
    pub samples: usize,
    /// From which their random streams follow.
    pub seed: u64,
}

/// A problem with its examples: on a page, or as earlier turns of a conversation. Nothing where it does not fit.
pub fn ask(
    template: &Template,
    question: usize,
    shots: &[usize],
    chat: Option<ChatFormat>,
    encoder: &mut Encoder,
    tokenizer: &tokenizer::Tokenizer,
) -> Result<Option<Asked>> {
    let room = ANSWER_TOKENS.min(template.capacity / 2);
    let Some(format) = chat else {
        let asked = template.prompt(question, shots, room, encoder);
        return Ok(asked.map(|(prompt, cut)| Asked { prompt, question, room, cut }));
    };
    for dropped in 0..=shots.len() {
        let mut messages = Vec::new();
        for &shot in shots[dropped..].iter().chain([&question]) {
            let Example::Problem { question: asked, solution } = &template.examples[shot] else { return Ok(None) };
            messages.push(Message::text(Speaker::User, asked.as_str()));
            messages.push(Message::text(Speaker::Assistant, solution.as_str()));
        }
        messages.pop();
        let prompt = format.render_prompt(&Conversation { messages }, tokenizer)?;
        if prompt.len() + room <= template.capacity {
            return Ok(Some(Asked { prompt, question, room, cut: Cut { shots: dropped, tokens: 0 } }));
        }
    }
    Ok(None)
}

/// Lets the model answer, and grades. `on_answer` is called when an answer begins.
///
/// # Errors
/// `Stopped` where that was asked for; the engine's own.
pub fn answer(
    subject: &mut Subject,
    asked: &[&Asked],
    examples: &[Example],
    answering: Answering,
    on_answer: &mut dyn FnMut(),
) -> Result<Vec<Graded>> {
    let mut requests = Vec::new();
    for problem in asked {
        for sample in 0..=answering.samples {
            let sampling = if sample == 0 { Sampling::greedy() } else { Sampling::plain(1.0) };
            let seed = Rng::derive(answering.seed, &[label("gsm8k"), problem.question as u64, sample as u64]).next_u64();
            let mut request = Request::new(problem.prompt.clone(), problem.room, sampling, seed);
            request.stop_ids = answering.stop_ids.to_vec();
            if answering.chat.is_none() {
                request.stop_texts = vec![NEXT_QUESTION.to_owned()];
            }
            requests.push(request);
        }
    }
    let stop = subject.stop.clone();
    let mut begun = vec![false; requests.len()];
    let completions = subject.engine.generate_texts(subject.tokenizer, &requests, &mut |request, _| {
        if !std::mem::replace(&mut begun[request], true) {
            on_answer();
        }
        if stop.requested() { Next::EndAll } else { Next::Continue }
    })?;
    if stop.requested() {
        return Err(base::Error::Stopped.into());
    }
    let graded = asked.iter().zip(completions.chunks_exact(answering.samples + 1)).map(|(problem, completions)| {
        let right = match &examples[problem.question] {
            Example::Problem { solution, .. } => number(solution),
            _ => None,
        };
        let mut answers = completions.iter().map(|completion| right.is_some() && number(&completion.text) == right);
        Graded { greedy: answers.next().unwrap_or(false), samples: answers.collect() }
    });
    Ok(graded.collect())
}

/// The number that a text gives: the first behind its last `####`, or, without a marker, the last of all. What a model
/// thought before is not its answer.
pub(crate) fn number(text: &str) -> Option<Decimal> {
    let text = text.rsplit_once("</think>").map_or(text, |(_, answer)| answer);
    match text.rsplit_once("####") {
        Some((_, behind)) => numbers(behind).next(),
        None => numbers(text).last(),
    }
}

/// The numbers of a text, in order: `-1,234.50`, `$7`.
fn numbers(text: &str) -> impl Iterator<Item = Decimal> {
    let is_inside = |c: char| c.is_ascii_digit() || c == ',' || c == '.';
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let begin = at + text[at..].find(|c: char| c.is_ascii_digit())?;
            let (before, from) = text.split_at(begin);
            let end = from.find(|c: char| !is_inside(c)).unwrap_or(from.len());
            at = begin + end;
            let digits = from[..end].trim_end_matches([',', '.']);
            // A minus behind a digit or a letter takes away.
            let sign = before.trim_end_matches('$').strip_suffix('-');
            let is_negative = sign.is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric() || c == ')'));
            let written = if is_negative { format!("-{digits}") } else { digits.to_owned() };
            if let Some(number) = Decimal::parse(&written) {
                return Some(number);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_behind_the_marker_or_the_last_one() {
        for (text, expected) in [
            ("48/2 = <<48/2=24>>24\n#### 72", Some("72")),
            ("#### 7\nWait: #### $1,080.00.", Some("1080")),
            ("#### no number", None),
            ("The answer is 3, or rather 4.5.", Some("4.5")),
            ("So 16-7=9 and 5 - 3 = 2 eggs", Some("2")),
            ("it falls to -12.", Some("-12")),
            ("7-3", Some("3")),
            ("#### -$5", Some("-5")),
            ("<think>12</think>It is 13.", Some("13")),
            ("1,2,3 and 1,23", None),
            ("in 1.2.3 there are 4", Some("4")),
            ("none", None),
        ] {
            assert_eq!(number(text), expected.and_then(Decimal::parse), "{text:?}");
            assert!(expected.is_none_or(|expected| Decimal::parse(expected).is_some()));
        }
    }
}
