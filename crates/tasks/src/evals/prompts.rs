//! Questions as texts and as ids: examples before them, and where the scored part begins. Templates and boundaries are those
//! of nanochat's `core_eval`; prompts that are too long lose examples first. Knows no engine.

use std::ops::Range;

use base::rng::{Rng, label};
use tokenizer::Encoder;

use super::files::Example;

/// What the questions of one setting have in common.
#[derive(Clone, Debug)]
pub struct Template<'a> {
    /// All records of the file.
    pub examples: &'a [Example],
    /// What stands before everything, empty or with a blank line at its end.
    pub header: String,
    /// Between a question and its answer.
    pub delimiter: &'a str,
    /// Ids that stand before everything and are never cut.
    pub start: Vec<u32>,
    /// Tokens of the longest sequence.
    pub capacity: usize,
}

/// A question whose answers are scored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scored {
    /// Ids that all options begin with.
    pub common: Vec<u32>,
    /// What follows, of each option.
    pub options: Vec<Tail>,
    /// What was cut to make it fit.
    pub cut: Cut,
}

/// The ids of an option behind the common ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The ids.
    pub ids: Vec<u32>,
    /// From here on they are scored.
    pub from: usize,
}

/// What a prompt lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Examples, from the front.
    pub shots: usize,
    /// Tokens of the front of the question.
    pub tokens: usize,
}

impl Scored {
    /// Tokens of the longest option, with what stands before it.
    pub fn longest(&self) -> usize {
        self.common.len() + self.options.iter().map(|tail| tail.ids.len()).max().unwrap_or(0)
    }
}

/// The examples before the question of this number: drawn by the seed, and never the question itself.
pub fn draw_shots(n_examples: usize, question: usize, shots: usize, seed: u64) -> Vec<usize> {
    let others: Vec<usize> = (0..n_examples).filter(|&other| other != question).collect();
    let mut rng = Rng::derive(seed, &[label("shots"), question as u64]);
    rng.sample(&others, shots).into_iter().copied().collect()
}

impl Template<'_> {
    /// The texts of a question: one for each option, or, where one continuation is right, the prompt without and with it.
    pub fn texts(&self, question: usize, shots: &[usize]) -> Vec<String> {
        let before = self.before(shots);
        let delimiter = self.delimiter;
        match &self.examples[question] {
            Example::Choice { query, choices, .. } => choices.iter().map(|choice| format!("{before}{query}{delimiter}{choice}")).collect(),
            Example::Schema { contexts, continuation, .. } => {
                contexts.iter().map(|context| format!("{before}{context}{delimiter}{continuation}")).collect()
            }
            Example::Language { context, continuation } => {
                let prompt = format!("{before}{}{delimiter}", context.trim());
                // White space at its end would become part of the continuation's first token.
                vec![prompt.trim_end().to_owned(), format!("{prompt}{continuation}")]
            }
            Example::Problem { question, .. } => vec![format!("{before}Question: {question}{}", delimiter.trim_end())],
        }
    }

    fn before(&self, shots: &[usize]) -> String {
        let mut before = self.header.clone();
        for &shot in shots {
            let (question, answer) = match &self.examples[shot] {
                Example::Choice { query, choices, gold } => (query.clone(), &choices[*gold]),
                Example::Schema { contexts, continuation, gold } => (contexts[*gold].clone(), continuation),
                Example::Language { context, continuation } => (context.trim().to_owned(), continuation),
                Example::Problem { question, solution } => (format!("Question: {question}"), solution),
            };
            before += &format!("{question}{}{answer}\n\n", self.delimiter);
        }
        before
    }

    /// A question with its options as ids. One that is too long loses examples from the front, then the front of what is
    /// left, all options as many tokens. Nothing where a scored part alone is too long.
    pub fn scored(&self, question: usize, shots: &[usize], encoder: &mut Encoder) -> Option<Scored> {
        for dropped in 0..=shots.len() {
            let texts = self.texts(question, &shots[dropped..]);
            let mut sequences: Vec<Vec<u32>> = texts.iter().map(|text| self.encode(text, encoder)).collect();
            let from = self.boundaries(question, &sequences);
            if let Example::Language { .. } = self.examples[question] {
                sequences.remove(0);
            }
            let longest = sequences.iter().map(Vec::len).max().unwrap_or(0);
            if longest > self.capacity && dropped < shots.len() {
                continue;
            }
            let cut = Cut { shots: dropped, tokens: longest.saturating_sub(self.capacity) };
            return self.split(sequences, &from, cut);
        }
        None
    }

    /// The ids of a prompt that the model goes on with, leaving `room` for its answer. Cut as in [`Template::scored`].
    pub fn prompt(&self, question: usize, shots: &[usize], room: usize, encoder: &mut Encoder) -> Option<(Vec<u32>, Cut)> {
        let capacity = self.capacity.saturating_sub(room);
        for dropped in 0..=shots.len() {
            let mut ids = self.encode(&self.texts(question, &shots[dropped..])[0], encoder);
            let over = ids.len().saturating_sub(capacity);
            if over > 0 && dropped < shots.len() {
                continue;
            }
            let front = self.front(over);
            if front.end >= ids.len() {
                return None;
            }
            ids.drain(front);
            return Some((ids, Cut { shots: dropped, tokens: over }));
        }
        None
    }

    fn encode(&self, text: &str, encoder: &mut Encoder) -> Vec<u32> {
        let mut ids = self.start.clone();
        encoder.encode_into(text, &mut ids);
        ids
    }

    /// The ids that are cut where so many are too many.
    fn front(&self, tokens: usize) -> Range<usize> {
        self.start.len()..self.start.len() + tokens
    }

    /// Where the scored part of each option begins: behind what all options begin with, before what all of them end with,
    /// or behind the prompt. At least one id is scored, and one stands before it.
    fn boundaries(&self, question: usize, sequences: &[Vec<u32>]) -> Vec<usize> {
        let shortest = sequences.iter().map(Vec::len).min().unwrap_or(0);
        let same = |at: &dyn Fn(&Vec<u32>) -> u32| sequences.windows(2).all(|pair| at(&pair[0]) == at(&pair[1]));
        match self.examples[question] {
            Example::Schema { .. } => {
                let ends = (1..=shortest).take_while(|back| same(&|ids| ids[ids.len() - back])).count();
                sequences.iter().map(|ids| (ids.len() - ends).clamp(1, ids.len().max(2) - 1)).collect()
            }
            _ => {
                let begins = (0..shortest).take_while(|&at| same(&|ids| ids[at])).count();
                let last = match self.examples[question] {
                    Example::Language { .. } => sequences[1].len(),
                    _ => shortest,
                };
                vec![begins.clamp(1, last.max(2) - 1); sequences.len()]
            }
        }
    }

    fn split(&self, mut sequences: Vec<Vec<u32>>, from: &[usize], cut: Cut) -> Option<Scored> {
        let front = self.front(cut.tokens);
        // Something has to stand before what is scored.
        let first = *from.iter().min()?;
        let leaves_nothing = cut.tokens > 0 && (front.end > first || cut.tokens >= first);
        if leaves_nothing || sequences.iter().any(|ids| ids.len() < 2) {
            return None;
        }
        sequences.iter_mut().for_each(|ids| drop(ids.drain(front.clone())));
        let from: Vec<usize> = from.iter().map(|from| from - cut.tokens).collect();
        // What is scored is never common, though the options may begin alike.
        let most = *from.iter().min()?;
        let common = (0..most).take_while(|&at| sequences.iter().all(|ids| ids[at] == sequences[0][at])).count();
        let tail = |(ids, from): (&Vec<u32>, &usize)| Tail { ids: ids[common..].to_vec(), from: from - common };
        Some(Scored { common: sequences[0][..common].to_vec(), options: sequences.iter().zip(&from).map(tail).collect(), cut })
    }
}
