//! What `complete --json` prints: ids, texts, log-probabilities and alternatives of prompt and samples.

use std::path::Path;

use engine::{Completion, Finish, Request, Sampling, TokenLogprob};
use serde::Serialize;
use tokenizer::Tokenizer;
use tokenizer::look::Spelling;

/// The whole of it.
#[derive(Debug, Serialize)]
pub struct Document {
    model: String,
    sampling: Settings,
    prompt: Text,
    samples: Vec<Sample>,
}

/// How ids were chosen.
#[derive(Debug, Serialize)]
struct Settings {
    temperature: f32,
    logit_bias: Vec<(u32, f32)>,
    repetition_penalty: f32,
    presence_penalty: f32,
    frequency_penalty: f32,
    top_k: usize,
    top_p: f32,
    min_p: f32,
}

/// A text with its tokens.
#[derive(Debug, Serialize)]
struct Text {
    text: String,
    tokens: Vec<Token>,
}

/// A sample, without its prompt.
#[derive(Debug, Serialize)]
struct Sample {
    #[serde(flatten)]
    text: Text,
    /// `stop_id`, `stop_text`, `length` or `halted`.
    finish: &'static str,
    /// The token that ended it, which is not part of it.
    stop: Option<Token>,
}

/// A token, and what could have stood in its place.
#[derive(Debug, Serialize)]
struct Token {
    #[serde(flatten)]
    spelling: Spelling,
    /// Natural logarithm of the model's own probability; none where it was not asked for or nothing stands before.
    logprob: Option<f32>,
    /// The most likely tokens, as many as were asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    top: Vec<Alternative>,
}

/// One of the most likely tokens.
#[derive(Debug, Serialize)]
struct Alternative {
    #[serde(flatten)]
    spelling: Spelling,
    logprob: f32,
}

impl Document {
    /// All requests have one prompt and one way of sampling. `scored` has the prompt's log-probabilities.
    pub fn new(
        model: &Path,
        tokenizer: &Tokenizer,
        prompt: &str,
        requests: &[Request],
        scored: Option<&Completion>,
        completions: &[Completion],
    ) -> Document {
        let Request { prompt: ids, sampling, .. } = &requests[0];
        let mut tokens: Vec<Token> = ids.iter().map(|&id| token(tokenizer, id, None, &[])).collect();
        if let Some(Completion { prompt_logprobs, prompt_top_logprobs, .. }) = scored {
            for (at, (token, &logprob)) in tokens.iter_mut().skip(1).zip(prompt_logprobs).enumerate() {
                token.logprob = Some(logprob);
                token.top = alternatives(tokenizer, prompt_top_logprobs.get(at).map_or(&[], Vec::as_slice));
            }
        }
        Document {
            model: model.to_string_lossy().into_owned(),
            sampling: settings(sampling),
            prompt: Text { text: prompt.to_owned(), tokens },
            samples: completions.iter().map(|completion| sample(tokenizer, completion)).collect(),
        }
    }
}

fn settings(sampling: &Sampling) -> Settings {
    let Sampling { temperature, logit_bias, repetition_penalty, presence_penalty, frequency_penalty, top_k, top_p, min_p } =
        sampling.clone();
    Settings { temperature, logit_bias, repetition_penalty, presence_penalty, frequency_penalty, top_k, top_p, min_p }
}

fn sample(tokenizer: &Tokenizer, completion: &Completion) -> Sample {
    let top = |at: usize| completion.top_logprobs.get(at).map_or(&[][..], Vec::as_slice);
    let scored = |at: usize, id: u32| token(tokenizer, id, completion.logprobs.get(at).copied(), top(at));
    let tokens: Vec<Token> = completion.ids.iter().enumerate().map(|(at, &id)| scored(at, id)).collect();
    let (finish, stop) = match completion.finish {
        Finish::Stop(id) => ("stop_id", Some(scored(tokens.len(), id))),
        Finish::StopText(_) => ("stop_text", None),
        Finish::Length | Finish::NoRoom { .. } => ("length", None),
        Finish::Halted => ("halted", None),
    };
    Sample { text: Text { text: completion.text.clone(), tokens }, finish, stop }
}

fn token(tokenizer: &Tokenizer, id: u32, logprob: Option<f32>, top: &[TokenLogprob]) -> Token {
    Token { spelling: Spelling::of(tokenizer, id), logprob, top: alternatives(tokenizer, top) }
}

fn alternatives(tokenizer: &Tokenizer, top: &[TokenLogprob]) -> Vec<Alternative> {
    top.iter().map(|&TokenLogprob { id, logprob }| Alternative { spelling: Spelling::of(tokenizer, id), logprob }).collect()
}
