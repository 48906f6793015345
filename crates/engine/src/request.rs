//! What is asked of an engine and what comes back: plain data.

use crate::{Sampling, TokenLogprob};

/// A prompt, and how to go on from it.
#[derive(Clone, Debug)]
pub struct Request {
    /// At least one id.
    pub prompt: Vec<u32>,
    /// The answer has at most so many ids, forced ones among them.
    pub max_tokens: usize,
    /// How ids are chosen.
    pub sampling: Sampling,
    /// Ids that end the answer.
    pub stop_ids: Vec<u32>,
    /// Texts before which the answer's text ends; they are looked for where the engine is given a tokenizer.
    pub stop_texts: Vec<String>,
    /// The random stream of this request; equal requests with equal seeds have equal answers.
    pub seed: u64,
    /// Whether the log-probabilities of the prompt are wanted. Such a prompt is read whole: nothing of it is taken over from
    /// the cache.
    pub prompt_logprobs: bool,
    /// So many of the most likely ids are told at each step.
    pub top_logprobs: usize,
}

impl Request {
    /// A request that no id and no text ends, and of which nothing but the answer is wanted.
    pub fn new(prompt: Vec<u32>, max_tokens: usize, sampling: Sampling, seed: u64) -> Request {
        let (stop_ids, stop_texts) = (Vec::new(), Vec::new());
        Request { prompt, max_tokens, sampling, stop_ids, stop_texts, seed, prompt_logprobs: false, top_logprobs: 0 }
    }
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// With this stop id.
    Stop(u32),
    /// Before the stop text of this number.
    StopText(usize),
    /// At `max_tokens`, or where prompt and answer fill the context.
    Length,
    /// Forced ids did not fit into what `max_tokens` and the context left. None of them was appended.
    NoRoom {
        /// How many were to be forced.
        forced: usize,
        /// How many there was room for.
        room: usize,
    },
    /// Where the caller asked for it.
    Halted,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Completion {
    /// Its ids, without the stop id.
    pub ids: Vec<u32>,
    /// For each id whether the caller forced it.
    pub forced: Vec<bool>,
    /// Its text, without the stop text; empty where the engine was given no tokenizer.
    pub text: String,
    /// How it ended.
    pub finish: Finish,
    /// The log-probability of each id, and behind them that of the stop id, if one ended the answer: under the model's
    /// own distribution, at temperature 1 with no bias, no penalty and nothing cut off.
    pub logprobs: Vec<f32>,
    /// For each of these the request's `top_logprobs` most likely ids of the same distribution, most likely first; empty if
    /// none were asked for.
    pub top_logprobs: Vec<Vec<TokenLogprob>>,
    /// If asked for, the log-probability of each id of the prompt but the first, before which nothing stands. Where the caller
    /// ended all answers, as far as the prompt was read.
    pub prompt_logprobs: Vec<f32>,
    /// For each of these the most likely ids, as in `top_logprobs`.
    pub prompt_top_logprobs: Vec<Vec<TokenLogprob>>,
}

impl Default for Finish {
    /// That of an answer for which there is no room.
    fn default() -> Finish {
        Finish::Length
    }
}

/// Names a request that was submitted, as long as the engine lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket {
    /// How many requests were submitted before.
    pub(crate) serial: u64,
    /// Number of the request in its batch; in errors it is named by it.
    pub(crate) index: usize,
}

/// An id as the model writes it.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The id.
    pub id: u32,
    /// The text that is certain with it, that of ids which were forced before it included; often empty within a character
    /// or a possible stop text. What is left at the end stands in the completion's text alone.
    pub text: &'a str,
    /// Its log-probability.
    pub logprob: f32,
    /// The most likely ids of this step, if any were asked for.
    pub top_logprobs: &'a [TokenLogprob],
    /// So many ids have room behind it; 0 where the answer ends with it.
    pub room: usize,
}

/// What a caller wants after an id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// More.
    Continue,
    /// More, after these ids, which are appended as if the model had written them. They are marked in the completion, and the
    /// caller does not hear of them again; neither stop ids nor stop texts are looked for in them. Where this id ended the
    /// answer anyway, they come too late, or have no room.
    Force(Vec<u32>),
    /// Nothing until [`crate::Engine::resume`] says which ids to force: the answer keeps its slot and costs no step. For callers
    /// of [`crate::Engine::step`]; those of `generate` have nobody who would resume it.
    Wait,
    /// No more of this answer.
    End,
    /// No more of any answer.
    EndAll,
}
