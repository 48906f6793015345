//! The bare continuation of a text: several samples at once, every token with its odds.
//!
//! A prompt is a text, or the ids themselves, so that a branch from any token goes on exactly there. Odds are those of the model's own
//! distribution: before temperature and before anything is cut off. The server keeps nothing of it.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::response::sse::Event as Sent;
use engine::{Completion, Finish, ModelFolder, Request, Sampling, TokenLogprob};
use serde::{Deserialize, Serialize};
use tokenizer::Tokenizer;
use tokio::sync::mpsc::{Sender, channel};

use super::pieces::Piece;
use super::tokenizers::at_most;
use crate::hub::{Answering, Event, Lease, Manner};
use crate::{App, JsonBody, Refusal, events};

/// Bytes of a prompt, samples, stop texts and their bytes, and alternatives that are told of each token.
const LONGEST_PROMPT: usize = 1 << 18;
const MOST_SAMPLES: usize = 8;
const MOST_STOPS: usize = 16;
const LONGEST_STOP: usize = 256;
const MOST_ODDS: usize = 20;
/// Tokens of a prompt whose odds are told: its last ones.
const MOST_PROMPT_ODDS: usize = 2048;
/// Where nobody says how many.
const USUAL_TOKENS: usize = 64;
const USUAL_ODDS: usize = 10;
/// Events that wait for a slow reader; the model's thread waits for none.
const WAITING_EVENTS: usize = 64;

/// What is to be continued, and how.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    model: String,
    prompt: Prompt,
    max_tokens: Option<usize>,
    /// What is not said is as the model's maker has it.
    temperature: Option<f32>,
    top_k: Option<usize>,
    top_p: Option<f32>,
    min_p: Option<f32>,
    repetition_penalty: Option<f32>,
    /// The first sample's; each further one has the next.
    #[serde(default)]
    seed: u64,
    samples: Option<usize>,
    /// Texts before which a sample ends.
    #[serde(default)]
    stop: Vec<String>,
    /// Alternatives that are told of each token.
    odds: Option<usize>,
    /// Whether the odds of the prompt's own tokens are told too.
    #[serde(default)]
    prompt_odds: bool,
}

/// A text that begins a document, or ids as they are.
#[derive(Deserialize)]
#[serde(untagged)]
enum Prompt {
    Text(String),
    Ids(Vec<u32>),
}

/// A token with its odds.
#[derive(Debug, PartialEq, Serialize)]
struct Drawn {
    #[serde(flatten)]
    piece: Piece,
    /// Its log-probability; null where nothing stands before it.
    logprob: Option<f32>,
    /// The most likely tokens at its place, most likely first.
    odds: Vec<Odds>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Odds {
    #[serde(flatten)]
    piece: Piece,
    logprob: f32,
}

/// What is told, one event each.
#[derive(Debug, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Told {
    /// First: the prompt as the model reads it.
    Start {
        prompt: Vec<Piece>,
        /// Tokens that prompt and answer may have together.
        context: usize,
        /// How many ids the model has to choose from.
        vocab_size: usize,
        sampling: Chosen,
    },
    /// A sample's next token.
    Token {
        sample: usize,
        #[serde(flatten)]
        drawn: Drawn,
    },
    /// A sample is whole.
    Done {
        sample: usize,
        /// "stop" where the model ended it, "text" before a stop text, "length" at a limit.
        finish: &'static str,
        /// The token that ended it, which is no part of it.
        end: Option<Drawn>,
        /// The sample's text, without the stop text.
        text: String,
    },
    /// The odds of the prompt's tokens from this one on.
    Prompt { from: usize, tokens: Vec<Drawn> },
    /// Something of it failed.
    Failed { sample: Option<usize>, message: String },
}

/// The sampling that is used, after what the request left open was filled in.
#[derive(Debug, PartialEq, Serialize)]
struct Chosen {
    temperature: f32,
    top_k: usize,
    top_p: f32,
    min_p: f32,
    repetition_penalty: f32,
}

/// POST `/api/look/complete`: a stream of events, and an event `end` when all samples are whole.
pub(super) async fn complete(State(app): State<Arc<App>>, JsonBody(ask): JsonBody<Ask>) -> Result<Response, Refusal> {
    ask.check()?;
    let lease = Arc::new(app.hub.model(&ask.model).await?);
    let prompt = ask.ids(&lease.folder)?;
    let sampling = ask.sampling(&lease.folder.sampling);
    let answers = lease.submit_all(ask.requests(&prompt, &sampling, &lease.folder), Manner::Raw).await?;
    let (sender, receiver) = channel(WAITING_EVENTS);
    let start = Told::Start {
        prompt: prompt.iter().map(|&id| Piece::of(&lease.folder.tokenizer, id)).collect(),
        context: lease.context,
        vocab_size: lease.folder.tokenizer.vocab_size(),
        sampling: Chosen::of(&sampling),
    };
    _ = sender.try_send(start); // there is room for the first one
    let samples = ask.samples();
    for (number, answering) in answers.into_iter().enumerate() {
        let sample = (number < samples).then_some(number);
        tokio::spawn(forward(sample, answering, lease.clone(), prompt.clone(), sender.clone()));
    }
    Ok(events::send(receiver, sent, Some(Sent::default().event("end").data("{}"))))
}

fn sent(told: Told) -> Sent {
    Sent::default().data(serde_json::to_string(&told).expect("numbers and texts can be written as JSON"))
}

/// Tells of one answer until it is whole, or nobody listens any more: then it is dropped, and its place is free.
async fn forward(sample: Option<usize>, mut answering: Answering, lease: Arc<Lease>, prompt: Vec<u32>, sender: Sender<Told>) {
    loop {
        let event = tokio::select! {
            event = answering.next() => event,
            () = sender.closed() => return,
        };
        let Some(event) = event else { return };
        let Some(told) = tell(sample, event, &prompt, &lease.folder.tokenizer) else { continue };
        if sender.send(told).await.is_err() {
            return;
        }
    }
}

/// What is told of an event; of the request that only reads the prompt there is no sample.
fn tell(sample: Option<usize>, event: Event, prompt: &[u32], tokenizer: &Tokenizer) -> Option<Told> {
    Some(match (event, sample) {
        (Event::Token { id, logprob, top, .. }, Some(sample)) => {
            Told::Token { sample, drawn: Drawn::of(tokenizer, id, Some(logprob), &top) }
        }
        (Event::Done(completion), Some(sample)) => done(sample, completion, tokenizer),
        (Event::Done(completion), None) => {
            let from = prompt.len().saturating_sub(MOST_PROMPT_ODDS);
            Told::Prompt { from, tokens: prompt_odds(prompt, from, &completion, tokenizer) }
        }
        (Event::Failed(refusal), sample) => Told::Failed { sample, message: refusal.message },
        _ => return None,
    })
}

fn done(sample: usize, completion: Completion, tokenizer: &Tokenizer) -> Told {
    let (finish, end) = match completion.finish {
        Finish::Stop(id) => {
            let top = completion.top_logprobs.last().map_or(&[][..], Vec::as_slice);
            ("stop", Some(Drawn::of(tokenizer, id, completion.logprobs.last().copied(), top)))
        }
        Finish::StopText(_) => ("text", None),
        _ => ("length", None),
    };
    Told::Done { sample, finish, end, text: completion.text }
}

/// The prompt's tokens from one on; before the first nothing stands, so it has no odds.
fn prompt_odds(prompt: &[u32], from: usize, completion: &Completion, tokenizer: &Tokenizer) -> Vec<Drawn> {
    let logprobs = std::iter::once(None).chain(completion.prompt_logprobs.iter().copied().map(Some));
    let tops = completion.prompt_top_logprobs.iter().map(Vec::as_slice).chain(std::iter::repeat(&[][..]));
    let odds = std::iter::once(&[][..]).chain(tops);
    prompt.iter().zip(logprobs.zip(odds)).skip(from).map(|(&id, (logprob, odds))| Drawn::of(tokenizer, id, logprob, odds)).collect()
}

impl Drawn {
    fn of(tokenizer: &Tokenizer, id: u32, logprob: Option<f32>, top: &[TokenLogprob]) -> Drawn {
        let odds = top.iter().map(|one| Odds { piece: Piece::of(tokenizer, one.id), logprob: one.logprob }).collect();
        Drawn { piece: Piece::of(tokenizer, id), logprob, odds }
    }
}

impl Chosen {
    fn of(sampling: &Sampling) -> Chosen {
        let Sampling { temperature, top_k, top_p, min_p, repetition_penalty, .. } = *sampling;
        Chosen { temperature, top_k, top_p, min_p, repetition_penalty }
    }
}

impl Ask {
    fn samples(&self) -> usize {
        self.samples.unwrap_or(1)
    }

    /// Refuses what is too much. What numbers mean, the engine checks.
    fn check(&self) -> Result<(), Refusal> {
        match &self.prompt {
            Prompt::Text(text) => at_most("prompt", text.len(), LONGEST_PROMPT, "bytes")?,
            Prompt::Ids(ids) => at_most("prompt", ids.len(), LONGEST_PROMPT, "ids")?,
        }
        at_most("samples", self.samples(), MOST_SAMPLES, "samples")?;
        at_most("odds", self.odds.unwrap_or(0), MOST_ODDS, "alternatives")?;
        at_most("stop", self.stop.len(), MOST_STOPS, "texts")?;
        self.stop.iter().try_for_each(|stop| at_most("stop", stop.len(), LONGEST_STOP, "bytes"))
    }

    /// The prompt's ids.
    fn ids(&self, folder: &ModelFolder) -> Result<Vec<u32>, Refusal> {
        let known = folder.tokenizer.vocab_size();
        match &self.prompt {
            Prompt::Text(text) => Ok(folder.prompt(text)),
            Prompt::Ids(ids) => match ids.iter().find(|&&id| id as usize >= known) {
                Some(id) => Err(Refusal::invalid(Some("prompt"), format!("there is no token {id}: the model has {known}"))),
                None => Ok(ids.clone()),
            },
        }
    }

    fn sampling(&self, usual: &Sampling) -> Sampling {
        Sampling {
            temperature: self.temperature.unwrap_or(usual.temperature),
            top_k: self.top_k.unwrap_or(usual.top_k),
            top_p: self.top_p.unwrap_or(usual.top_p),
            min_p: self.min_p.unwrap_or(usual.min_p),
            repetition_penalty: self.repetition_penalty.unwrap_or(usual.repetition_penalty),
            ..usual.clone()
        }
    }

    /// A request for each sample, and behind them, where it is wanted, one that only reads the prompt.
    fn requests(&self, prompt: &[u32], sampling: &Sampling, folder: &ModelFolder) -> Vec<Request> {
        let top_logprobs = self.odds.unwrap_or(USUAL_ODDS);
        let request = |max_tokens, seed| Request { top_logprobs, ..Request::new(prompt.to_vec(), max_tokens, sampling.clone(), seed) };
        let max_tokens = self.max_tokens.unwrap_or(USUAL_TOKENS);
        let sample = |number: usize| Request {
            stop_ids: folder.document_ends(),
            stop_texts: self.stop.clone(),
            ..request(max_tokens, self.seed.wrapping_add(number as u64))
        };
        let mut requests: Vec<Request> = (0..self.samples()).map(sample).collect();
        if self.prompt_odds {
            requests.push(Request { prompt_logprobs: true, ..request(0, 0) });
        }
        requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(json: &str) -> Result<Ask, String> {
        let ask: Ask = serde_json::from_str(json).map_err(|error| error.to_string())?;
        ask.check().map_err(|refusal| refusal.message)?;
        Ok(ask)
    }

    fn folder() -> ModelFolder {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let start = vec![tokenizer.eot()];
        ModelFolder { tokenizer: tokenizer.into(), start, sampling: Sampling { top_k: 50, ..Sampling::plain(0.8) }, stop_ids: Vec::new() }
    }

    #[test]
    fn what_is_too_much_or_unknown_is_refused() {
        let refused = |rest: &str, expected: &str| {
            let error = ask(&format!(r#"{{"model":"m","prompt":"a"{rest}}}"#)).map(drop).unwrap_err();
            assert!(error.contains(expected), "{rest}: {error}");
        };
        refused(r#","samples":9"#, "samples has 9 samples, and 8 are the most here");
        refused(r#","odds":21"#, "21 alternatives");
        refused(r#","top_n":3"#, "unknown field `top_n`");
        refused(&format!(r#","stop":["{}"]"#, "x".repeat(257)), "257 bytes");
        assert!(ask(r#"{"model":"m"}"#).is_err());
        assert!(ask(r#"{"model":"m","prompt":"a","samples":8,"stop":["\n"]}"#).is_ok());
    }

    #[test]
    fn a_prompt_of_ids_is_taken_as_it_is() {
        let folder = folder();
        let ids = |json: &str| ask(json).unwrap().ids(&folder);
        let text = ids(r#"{"model":"m","prompt":"ab"}"#).unwrap();
        assert_eq!(text, folder.prompt("ab"));
        assert_eq!(ids(r#"{"model":"m","prompt":[5,6]}"#).unwrap(), [5, 6]);
        assert_eq!(ids(r#"{"model":"m","prompt":""}"#).unwrap(), folder.start);
        assert!(ids(r#"{"model":"m","prompt":[5,9999]}"#).unwrap_err().message.contains("no token 9999"));
    }

    #[test]
    fn samples_have_seeds_of_their_own_and_the_prompt_is_read_behind_them() {
        let folder = folder();
        let ask =
            ask(r#"{"model":"m","prompt":"a","samples":2,"seed":18446744073709551615,"temperature":0.5,"prompt_odds":true}"#).unwrap();
        let sampling = ask.sampling(&folder.sampling);
        assert_eq!((sampling.temperature, sampling.top_k), (0.5, 50));
        let requests = ask.requests(&[1, 2], &sampling, &folder);
        let seeds: Vec<(u64, usize)> = requests.iter().map(|request| (request.seed, request.max_tokens)).collect();
        assert_eq!(seeds, [(u64::MAX, 64), (0, 64), (0, 0)]);
        assert!(requests[2].prompt_logprobs && !requests[0].prompt_logprobs && requests[0].top_logprobs == 10);
        assert_eq!(requests[0].stop_ids, folder.document_ends());
    }

    #[test]
    fn the_token_that_ends_a_sample_is_told_with_its_odds() {
        let folder = folder();
        let (tokenizer, eot) = (&folder.tokenizer, folder.tokenizer.eot());
        let top = vec![TokenLogprob { id: eot, logprob: -0.5 }];
        let completion = Completion {
            ids: vec![3],
            logprobs: vec![-1.0, -0.5],
            top_logprobs: vec![Vec::new(), top],
            finish: Finish::Stop(eot),
            ..Completion::default()
        };
        let Some(Told::Done { finish, end: Some(end), .. }) = tell(Some(0), Event::Done(completion), &[], tokenizer) else {
            panic!("no end")
        };
        assert_eq!((finish, end.piece.id, end.logprob, end.odds.len()), ("stop", eot, Some(-0.5), 1));
        assert!(end.piece.special);
    }

    #[test]
    fn the_first_token_of_a_prompt_has_no_odds() {
        let folder = folder();
        let completion = Completion {
            prompt_logprobs: vec![-2.0],
            prompt_top_logprobs: vec![vec![TokenLogprob { id: 7, logprob: -0.1 }]],
            ..Completion::default()
        };
        let Some(Told::Prompt { from: 0, tokens }) = tell(None, Event::Done(completion), &[1, 2], &folder.tokenizer) else {
            panic!("no prompt")
        };
        assert_eq!(
            tokens.iter().map(|token| (token.piece.id, token.logprob, token.odds.len())).collect::<Vec<_>>(),
            [(1, None, 0), (2, Some(-2.0), 1)]
        );
        let long = vec![3; MOST_PROMPT_ODDS + 5];
        let completion = Completion { prompt_logprobs: vec![-1.0; long.len() - 1], ..Completion::default() };
        let told = tell(None, Event::Done(completion), &long, &folder.tokenizer);
        assert!(matches!(told, Some(Told::Prompt { from: 5, tokens }) if tokens.len() == MOST_PROMPT_ODDS));
        let failed = tell(Some(1), Event::Failed(Refusal::internal("broken")), &[], &folder.tokenizer);
        assert_eq!(failed, Some(Told::Failed { sample: Some(1), message: "broken".into() }));
    }
}
