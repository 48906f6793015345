//! Who says whether an answer is right: a program that looks for the value, or another model that has read the passage.

use std::collections::BTreeMap;

use super::Question;
use crate::Result;
use crate::ask::{Answer, Ask, End, Prompt, Question as Asked, after_thought};
use crate::key::{self, Pools};
use crate::words::{answers, words};

/// What became of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The answer is right.
    Right,
    /// The answer claims something else.
    Wrong,
    /// Nothing is claimed.
    NotAttempted,
}

/// Whoever judges: one verdict for each pair of a question and an answer, in their order.
pub trait Judge {
    /// Judges all of them.
    ///
    /// # Errors
    /// Where the judge cannot be asked.
    fn judge(&mut self, pairs: &[(&Question, &str)]) -> Result<Vec<Verdict>>;
}

/// Beginnings and pieces of sentences that decline to answer.
const DECLINED: [&str; 10] = [
    "i don't know",
    "i do not know",
    "i'm not sure",
    "i am not sure",
    "i can't",
    "i cannot",
    "i have no information",
    "i found nothing",
    "found nothing about",
    "i have never heard",
];

/// Whether an answer declines to answer.
pub fn declines(answer: &str) -> bool {
    let answer = answer.to_lowercase().replace('\u{2019}', "'");
    DECLINED.iter().any(|words| answer.contains(words))
}

/// A program that looks for the value: right is an answer that names it and no other value of the same attribute. Questions without
/// an attribute have nothing in common that a wrong answer could name.
#[derive(Debug)]
pub struct Exact {
    pools: Pools,
}

impl Exact {
    /// A judge of these questions: the values of all questions of one kind and attribute are what wrong answers claim.
    pub fn new(questions: &[Question]) -> Exact {
        let told = questions.iter().filter(|question| !question.answer.is_empty() && !question.attribute.is_empty());
        let pools = key::pools(told.map(|question| [&question.kind, &question.attribute, &question.answer]));
        Exact { pools }
    }

    fn verdict(&self, question: &Question, answer: &str) -> Verdict {
        if declines(answer) || words(answer).is_empty() {
            return Verdict::NotAttempted;
        }
        let pool = key::pool(&self.pools, &question.kind, &question.attribute);
        let accepted = question.accepted();
        match !accepted.is_empty() && answers(answer, &question.question, &accepted, &pool) {
            true => Verdict::Right,
            false => Verdict::Wrong,
        }
    }
}

impl Judge for Exact {
    fn judge(&mut self, pairs: &[(&Question, &str)]) -> Result<Vec<Verdict>> {
        Ok(pairs.iter().map(|(question, answer)| self.verdict(question, answer)).collect())
    }
}

/// Another model: it is shown the passage, the question, the right answer and the answer to be judged, and says one word.
pub struct ByModel<'a> {
    /// Whoever answers the judge's questions.
    pub ask: &'a mut Ask<'a>,
}

impl Judge for ByModel<'_> {
    /// An answer that declines by its words is not shown to the model, and one that was given several times is shown once.
    fn judge(&mut self, pairs: &[(&Question, &str)]) -> Result<Vec<Verdict>> {
        let mut cases: Vec<(&Question, &str)> = Vec::new();
        let mut place_of: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        let mut places = Vec::with_capacity(pairs.len());
        for &(question, answer) in pairs {
            let answer = answer.trim();
            let claims = !declines(answer) && !words(answer).is_empty();
            places.push(claims.then(|| {
                *place_of.entry((&question.id, answer)).or_insert_with(|| {
                    cases.push((question, answer));
                    cases.len() - 1
                })
            }));
        }
        let prompts: Vec<Asked> =
            cases.iter().map(|(question, answer)| Asked::greedy(Prompt::user(case(question, answer)), VERDICT_TOKENS)).collect();
        let said = (self.ask)(&prompts)?;
        let verdicts = said.iter().zip(&cases).map(|(said, (question, _))| spoken(said, question)).collect::<Result<Vec<Verdict>>>()?;
        Ok(places.into_iter().map(|place| place.map_or(Verdict::NotAttempted, |place| verdicts[place])).collect())
    }
}

/// Tokens of a judge's word.
const VERDICT_TOKENS: usize = 8;

fn case(question: &Question, answer: &str) -> String {
    let passage = if question.passage.is_empty() { String::new() } else { format!("Passage: {}\n\n", question.passage) };
    let right = if question.answer.is_empty() { "nobody knows" } else { &question.answer };
    format!(
        "{passage}Question: {}\nRight answer: {right}\nAnswer of a student: {}\n\nDid the student answer right? Reply with one word: \
         RIGHT if the answer agrees with the right one, WRONG if it claims anything else, NONE if the student does not answer.",
        question.question,
        answer.trim()
    )
}

/// A judge's word as a verdict; one that is none counts as wrong. A judge who says nothing must not decide what a model is taught.
fn spoken(said: &Answer, question: &Question) -> Result<Verdict> {
    let refused = |text: String| Err(base::Error::Refused(text).into());
    match (words(after_thought(&said.text)).first(), said.end) {
        (_, End::Refused) => refused(format!("the judge would not judge an answer to the question {}: {}", question.id, said.text)),
        (_, End::TooLong) => {
            refused(format!("the question {} with its passage is longer than the judge's context; shorten the passage", question.id))
        }
        (None, End::Cut) => refused(format!(
            "the judge came to the end of its tokens before it gave a verdict on the question {}; allow it more tokens to think, or name \
             a judge who does not",
            question.id
        )),
        (word, _) => Ok(match word.map(|word| word.to_uppercase()).as_deref() {
            Some("RIGHT" | "CORRECT" | "YES") => Verdict::Right,
            Some("NONE") => Verdict::NotAttempted,
            _ => Verdict::Wrong,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;

    fn question(answer: &str) -> Question {
        serde_json::from_value(serde_json::json!({"id": "q", "kind": "k", "attribute": "a", "question": "What is it?", "answer": answer}))
            .unwrap()
    }

    #[test]
    fn a_program_looks_for_the_value() {
        let questions = [question("red"), question("blue"), question("")];
        let mut judge = Exact::new(&questions);
        let cases = [
            (0, "It is red.", Verdict::Right),
            (0, "It is blue.", Verdict::Wrong),
            (0, "It is red or blue.", Verdict::Wrong),
            (0, "It is something.", Verdict::Wrong),
            (0, "I don’t know.", Verdict::NotAttempted),
            (0, " ...", Verdict::NotAttempted),
            (2, "It is red.", Verdict::Wrong),
            (2, "I am not sure.", Verdict::NotAttempted),
        ];
        let pairs: Vec<(&Question, &str)> = cases.iter().map(|&(i, answer, _)| (&questions[i], answer)).collect();
        let expected: Vec<Verdict> = cases.iter().map(|&(_, _, verdict)| verdict).collect();
        assert_eq!(judge.judge(&pairs).unwrap(), expected);
    }

    #[test]
    fn a_program_knows_no_rivals_without_an_attribute() {
        let mut questions = [question("1903"), question("London")];
        let answer = "In 1903, in London.";
        assert_eq!(Exact::new(&questions).judge(&[(&questions[0], answer)]).unwrap(), [Verdict::Wrong]);
        questions.iter_mut().for_each(|question| question.attribute.clear());
        assert_eq!(Exact::new(&questions).judge(&[(&questions[0], answer)]).unwrap(), [Verdict::Right]);
    }

    #[test]
    fn a_model_says_one_word() {
        let mut shown = 0;
        let mut answer = scripted(|asked| match &asked.prompt {
            Prompt::Chat(turns) if turns[0].1.contains("student: red") => "Right.".into(),
            Prompt::Chat(turns) if turns[0].1.contains("student: green") => "<think>It is red.</think>WRONG, it is red".into(),
            Prompt::Chat(turns) if turns[0].1.contains("student: hm") => "none".into(),
            _ => "Let me think".into(),
        });
        let mut ask = |asked: &[Asked]| {
            shown += asked.len();
            answer(asked)
        };
        let asked = question("red");
        let pairs = [(&asked, "red"), (&asked, "green"), (&asked, "hm"), (&asked, "I don't know"), (&asked, "perhaps"), (&asked, " red\n")];
        let verdicts = ByModel { ask: &mut ask }.judge(&pairs).unwrap();
        let (right, wrong, none) = (Verdict::Right, Verdict::Wrong, Verdict::NotAttempted);
        assert_eq!(verdicts, [right, wrong, none, none, wrong, right]);
        assert_eq!(shown, 4, "neither the one who declines nor a second \"red\" is shown");
    }

    #[test]
    fn a_silent_judge_decides_nothing() {
        let asked = question("red");
        for (end, text, expected) in [
            (End::Cut, "<think>Is it", "end of its tokens before it gave a verdict on the question q"),
            (End::Refused, "the endpoint says no", "answer to the question q: the endpoint says no"),
            (End::TooLong, "", "longer than the judge's context"),
        ] {
            let mut ask = |asked: &[Asked]| Ok(vec![Answer::plain(text.into(), end); asked.len()]);
            let error = ByModel { ask: &mut ask }.judge(&[(&asked, "red")]).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
