//! How an answer is to be drawn, as both routes' fields ask for it.
//!
//! What is not asked for is as the model's generation_config.json has it.

use std::collections::BTreeMap;

use base::rng::{Rng, label};
use engine::{Request, Sampling};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::fresh;
use crate::Refusal;

/// The most likely tokens that are told at each step, at most.
pub(super) const MOST_TOP: usize = 20;

/// Stop texts of a request, at most.
const MOST_STOPS: usize = 16;

/// Answers to one prompt, at most.
const MOST_ANSWERS: usize = 128;

/// Texts that end an answer.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(untagged, expecting = "`stop` must be a text or a list of texts")]
pub(super) enum Stop {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

/// What comes with a stream.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StreamOptions {
    /// Whether the last piece tells how many tokens were read and written.
    pub include_usage: Option<bool>,
    /// Only false: pieces are not padded.
    pub include_obfuscation: Option<bool>,
}

/// The fields that both routes have.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    pub temperature: Option<f32>,
    pub top_p: Option<f32>,
    pub top_k: Option<i64>,
    pub min_p: Option<f32>,
    pub repetition_penalty: Option<f32>,
    pub presence_penalty: Option<f32>,
    pub frequency_penalty: Option<f32>,
    pub logit_bias: Option<BTreeMap<String, f32>>,
    pub stop: Option<Stop>,
    pub stop_token_ids: Option<Vec<u32>>,
    pub seed: Option<i64>,
    pub n: Option<usize>,
}

impl Wishes {
    /// How many answers are wanted.
    pub fn answers(&self) -> Result<usize, Refusal> {
        match self.n.unwrap_or(1) {
            n @ 1..=MOST_ANSWERS => Ok(n),
            n => Err(Refusal::invalid(Some("n"), format!("n is {n}; it must be from 1 to {MOST_ANSWERS}"))),
        }
    }

    /// The requests for a prompt, one for each answer. Equal seeds give equal answers, and the first of several is that which would
    /// come alone.
    pub fn requests(
        &self,
        prompt: &[u32],
        max_tokens: usize,
        own: &Sampling,
        stop_ids: &[u32],
        first: usize,
    ) -> Result<Vec<Request>, Refusal> {
        let sampling = self.sampling(own)?;
        let stop_texts = self.stop_texts()?;
        let seed = self.seed.map_or_else(fresh, |seed| seed as u64);
        let stop_ids: Vec<u32> = stop_ids.iter().chain(self.stop_token_ids.iter().flatten()).copied().collect();
        let request = |index: usize| {
            let seed = Rng::derive(seed, &[label("answer"), (first + index) as u64]).next_u64();
            let request = Request::new(prompt.to_vec(), max_tokens, sampling.clone(), seed);
            Request { stop_ids: stop_ids.clone(), stop_texts: stop_texts.clone(), ..request }
        };
        Ok((0..self.answers()?).map(request).collect())
    }

    fn sampling(&self, own: &Sampling) -> Result<Sampling, Refusal> {
        let top_k = match self.top_k {
            None => own.top_k,
            Some(-1) => 0, // as vLLM has it
            Some(k) => {
                usize::try_from(k).map_err(|_| Refusal::invalid(Some("top_k"), format!("top_k is {k}; it must be 0 (off) or more")))?
            }
        };
        let bias = |(id, bias): (&String, &f32)| match id.parse() {
            Ok(id) => Ok((id, *bias)),
            Err(_) => Err(Refusal::invalid(Some("logit_bias"), format!("logit_bias names {id:?}; its keys are ids of tokens"))),
        };
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(own.temperature),
            logit_bias: self.logit_bias.iter().flatten().map(bias).collect::<Result<_, _>>()?,
            repetition_penalty: self.repetition_penalty.unwrap_or(own.repetition_penalty),
            presence_penalty: self.presence_penalty.unwrap_or(own.presence_penalty),
            frequency_penalty: self.frequency_penalty.unwrap_or(own.frequency_penalty),
            top_k,
            top_p: self.top_p.unwrap_or(own.top_p),
            min_p: self.min_p.unwrap_or(own.min_p),
        };
        match sampling.check() {
            Ok(()) => Ok(sampling),
            Err(engine::Error::Sampling { name, value, allowed }) => {
                let name = if name == "a logit bias" { "logit_bias" } else { name };
                Err(Refusal::invalid(Some(name), format!("{name} is {value}; it must be {allowed}")))
            }
            Err(error) => Err(Refusal::invalid(None, error.to_string())),
        }
    }

    fn stop_texts(&self) -> Result<Vec<String>, Refusal> {
        let texts = match &self.stop {
            None => Vec::new(),
            Some(Stop::One(text)) => vec![text.clone()],
            Some(Stop::Many(texts)) => texts.clone(),
        };
        if texts.len() > MOST_STOPS {
            return Err(Refusal::invalid(Some("stop"), format!("stop has {} texts; it may have {MOST_STOPS}", texts.len())));
        }
        if texts.iter().any(String::is_empty) {
            return Err(Refusal::invalid(Some("stop"), "a text of stop is empty; leave it out, or give it at least one character"));
        }
        Ok(texts)
    }
}

/// Refuses a field that asks for what is not done here; what is done anyway may be asked for.
pub(super) fn only(name: &str, given: &Option<Value>, done: &[Value]) -> Result<(), Refusal> {
    let Some(given) = given.as_ref().filter(|given| !done.contains(given)) else { return Ok(()) };
    let done: Vec<String> = done.iter().map(Value::to_string).collect();
    Err(Refusal::invalid(Some(name), format!("{name} is {given}, which is not done here; leave it out, or give {}", done.join(" or "))))
}

/// Refuses a stream's options where there is no stream, and padding.
pub(super) fn check_stream(stream: bool, options: &Option<StreamOptions>) -> Result<bool, Refusal> {
    let Some(options) = options else { return Ok(false) };
    if !stream {
        return Err(Refusal::invalid(Some("stream_options"), "stream_options is for streams; set stream to true or leave it out"));
    }
    if options.include_obfuscation == Some(true) {
        let message = "stream_options.include_obfuscation is true, which is not done here; leave it out";
        return Err(Refusal::invalid(Some("stream_options"), message));
    }
    Ok(options.include_usage == Some(true))
}
