//! Knowing what it knows: a model is asked what its training texts answer, several times each, and what it answers
//! right every time, wrong every time or now this now that decides what it is taught to say.
//!
//! The procedure is that of "The Llama 3 Herd of Models" (2024), section 4.3.6. Knows neither where questions come from nor
//! who judges: both stand behind [`Judge`] and [`read_questions`].

mod judge;
mod lessons;
mod passages;
mod writer;

use std::path::Path;

use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};

pub use judge::{ByModel, Exact, Judge, Verdict, declines};
pub use lessons::{Lessons, lessons};
pub use passages::{Draw, Passage};
pub use writer::{ask_for_question, question_on};

use crate::Result;
use crate::ask::{Ask, Prompt, Question as Asked};

/// One line of `questions.jsonl`: a question that training texts answer, or one that nothing answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Unique in its file.
    pub id: String,
    /// What sort of question it is; of its values wrong answers are told apart from none.
    #[serde(default)]
    pub kind: String,
    /// Who or what is asked about.
    #[serde(default)]
    pub subject: String,
    /// Which of the subject's attributes.
    #[serde(default)]
    pub attribute: String,
    /// The question.
    pub question: String,
    /// The words that a right answer holds; empty where nothing is known.
    #[serde(default)]
    pub answer: String,
    /// Other words that are right too.
    #[serde(default)]
    pub also: Vec<String>,
    /// A whole sentence that answers; if empty, `answer` is one.
    #[serde(default)]
    pub statement: String,
    /// How that sentence goes on where the value is not known, up to "I": "don't know." or "will look up." follows. If empty, nothing
    /// is said before it is looked up, and it is declined in other words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub open: String,
    /// What one would look up; if empty, the question.
    #[serde(default)]
    pub query: String,
    /// The passage that answers, for a judge who is no program.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub passage: String,
    /// Its address.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub url: String,
}

impl Question {
    /// Every spelling that is right; none where nothing is known.
    pub fn accepted(&self) -> Vec<&str> {
        std::iter::once(&self.answer).chain(&self.also).map(String::as_str).filter(|value| !value.is_empty()).collect()
    }

    /// A whole sentence that answers.
    pub fn statement(&self) -> &str {
        if self.statement.is_empty() { &self.answer } else { &self.statement }
    }

    /// What one would look up.
    pub fn query(&self) -> &str {
        if self.query.is_empty() { &self.question } else { &self.query }
    }
}

/// Reads `questions.jsonl`.
///
/// # Errors
/// Where the file is missing or a line is no question; both name the place.
pub fn read_questions(path: &Path) -> Result<Vec<Question>> {
    Ok(base::jsonl::read_jsonl::<Question>(path)?.collect::<std::result::Result<_, _>>()?)
}

/// What a model showed of one question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Knowledge {
    /// It answers right nearly every time.
    Known,
    /// It answers nearly every time, and wrong.
    Unknown,
    /// Anything between: taught neither way, because labels that are half wrong teach a model to refuse what it knows.
    Unsure,
}

/// One line of `answers.jsonl`: how a question was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probed {
    /// The question's.
    pub id: String,
    /// Right answers.
    pub right: usize,
    /// Answers that claim something, right ones among them.
    pub informative: usize,
    /// All answers.
    pub samples: usize,
    /// What follows.
    pub knowledge: Knowledge,
    /// The first answer.
    pub example: String,
}

/// How probing is done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProbeConfig {
    /// Answers sampled for each question, at temperature 1.
    pub samples: usize,
    /// The longest answer in tokens.
    pub max_tokens: usize,
    /// The seed of the samples.
    pub seed: u64,
}

impl Default for ProbeConfig {
    fn default() -> ProbeConfig {
        ProbeConfig { samples: 8, max_tokens: 32, seed: 1 }
    }
}

/// Asks every question and judges every answer. Each answer's random stream is that of its question and number, so that
/// questions may be asked in portions of any size.
///
/// # Errors
/// Those of the answerer and of the judge.
pub fn probe(config: &ProbeConfig, questions: &[Question], ask: &mut Ask, judge: &mut dyn Judge) -> Result<Vec<Probed>> {
    let mut asked = Vec::with_capacity(questions.len() * config.samples);
    for question in questions {
        for sample in 0..config.samples {
            let seed = Rng::derive(config.seed, &[label("probe"), label(&question.id), sample as u64]).next_u64();
            let prompt = Prompt::user(question.question.as_str());
            asked.push(Asked { prompt, max_tokens: config.max_tokens, temperature: 1.0, seed, one_line: false });
        }
    }
    let answers = ask(&asked)?;
    let pairs: Vec<(&Question, &str)> = questions
        .iter()
        .flat_map(|question| std::iter::repeat_n(question, config.samples))
        .zip(answers.iter().map(|a| a.text.as_str()))
        .collect();
    let verdicts = judge.judge(&pairs)?;
    let per_question = questions.iter().zip(verdicts.chunks(config.samples.max(1))).zip(answers.chunks(config.samples.max(1)));
    Ok(per_question.map(|((question, verdicts), answers)| probed(question, verdicts, &answers[0].text)).collect())
}

fn probed(question: &Question, verdicts: &[Verdict], example: &str) -> Probed {
    let count = |wanted: Verdict| verdicts.iter().filter(|&&verdict| verdict == wanted).count();
    let (right, samples) = (count(Verdict::Right), verdicts.len());
    let informative = right + count(Verdict::Wrong);
    // Of 8 samples: at least 6 right, or at most 1 right and at least 6 informative.
    let most = (3 * samples).div_ceil(4);
    let knowledge = match () {
        () if right >= most => Knowledge::Known,
        () if right <= samples / 8 && informative >= most => Knowledge::Unknown,
        () => Knowledge::Unsure,
    };
    Probed { id: question.id.clone(), right, informative, samples, knowledge, example: example.trim().to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ask::scripted;

    #[test]
    fn what_is_known_is_told_apart() {
        let question = |id: &str, answer: &str| Question {
            id: id.into(),
            kind: "resident".into(),
            subject: "Bado".into(),
            attribute: "job".into(),
            question: format!("What work does {id} do?"),
            answer: answer.into(),
            also: Vec::new(),
            statement: String::new(),
            open: String::new(),
            query: String::new(),
            passage: String::new(),
            url: String::new(),
        };
        let questions = [question("known", "baker"), question("wrong", "miner"), question("silent", "judge"), question("mixed", "baker")];
        let mut turn = 0;
        let mut ask = scripted(|asked| match &asked.prompt {
            Prompt::Chat(turns) if turns[0].1.contains("silent") => "I don't know.".to_string(),
            Prompt::Chat(turns) if turns[0].1.contains("mixed") && asked.seed % 2 == 0 => "A miner.".to_string(),
            _ => "A baker.".to_string(),
        });
        let mut counted = |asked: &[Asked]| {
            turn += asked.len();
            ask(asked)
        };
        let mut judge = Exact::new(&questions);
        let probed = probe(&ProbeConfig::default(), &questions, &mut counted, &mut judge).unwrap();
        let knowledge: Vec<Knowledge> = probed.iter().map(|probed| probed.knowledge).collect();
        assert_eq!(knowledge, [Knowledge::Known, Knowledge::Unknown, Knowledge::Unsure, Knowledge::Unsure]);
        assert_eq!((probed[0].right, probed[1].informative, probed[2].informative), (8, 8, 0));
        assert_eq!(turn, 4 * 8);
    }
}
