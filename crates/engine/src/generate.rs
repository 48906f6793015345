//! Continuous batching: sequences run side by side, and a slot that falls free takes the next request at once.
//!
//! A prompt that begins like a sequence in another slot takes the common part over from there, so that many requests
//! with one prompt, and the turns of a conversation, pay for it once.

use std::collections::VecDeque;

use base::rng::{self, Rng};
use model::Model;
use model::inference::{self, Feed, KvCache, Weights};

use crate::penalties::History;
use crate::sampling::{Sampler, TokenLogprob};
use crate::{Error, Result, Sampling};

/// The size of an engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EngineConfig {
    /// Sequences that run side by side, at least 1.
    pub slots: usize,
    /// Longest sequence in tokens, prompt and answer together; the model's context where that is shorter.
    pub capacity: usize,
    /// Worker threads.
    pub threads: usize,
}

/// A prompt, and how to go on from it.
#[derive(Clone, Debug)]
pub struct Request {
    /// At least one id.
    pub prompt: Vec<u32>,
    /// The answer has at most so many ids.
    pub max_tokens: usize,
    /// How ids are chosen.
    pub sampling: Sampling,
    /// Ids that end the answer.
    pub stop_ids: Vec<u32>,
    /// The random stream of this request; equal requests with equal seeds have equal answers.
    pub seed: u64,
}

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// With this stop id.
    Stop(u32),
    /// At `max_tokens`, or where prompt and answer fill the context.
    Length,
    /// Where the caller asked for it.
    Halted,
}

/// An answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// Its ids, without the stop id.
    pub ids: Vec<u32>,
    /// How it ended.
    pub finish: Finish,
    /// The log-probability of each id, and behind them that of the stop id, if one ended the answer: under the model's
    /// own distribution, at temperature 1 with nothing cut off.
    pub logprobs: Vec<f32>,
}

/// What a caller of [`Engine::generate_while`] wants after an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// More.
    Continue,
    /// No more of this answer.
    End,
    /// No more of any answer.
    EndAll,
}

/// A model ready to answer.
#[derive(Debug)]
pub struct Engine {
    weights: Weights,
    cache: KvCache,
    threads: usize,
    held: Vec<Vec<u32>>, // the ids in each slot of the cache
    samplers: Vec<Sampler>,
    logits: Vec<f32>,
}

/// A request that is being answered.
struct Row {
    request: usize,
    slot: usize,
    /// Ids of the prompt that were taken over from another slot.
    shared: usize,
    rng: Rng,
    history: History,
    ids: Vec<u32>,
    logprobs: Vec<f32>,
    draw: Option<TokenLogprob>,
}

impl Row {
    /// What the model has not seen yet.
    fn unseen<'a>(&'a self, requests: &'a [Request]) -> &'a [u32] {
        match self.ids.len() {
            0 => &requests[self.request].prompt[self.shared..],
            n => &self.ids[n - 1..],
        }
    }

    fn complete(self, finish: Finish) -> (usize, Completion) {
        (self.request, Completion { ids: self.ids, finish, logprobs: self.logprobs })
    }
}

/// Common ids from which on a prompt waits for another that starts in the same step, to take them over from there.
const WORTH_WAITING: usize = 16;

/// Waiting requests that are looked at when a slot is free.
const LOOK_AHEAD: usize = 256;

/// Logits that are sampled on the calling thread; more than these are shared out (a thread starts in about 30 us).
const LOGITS_PER_THREAD: usize = 32_000;

impl Engine {
    /// Lays out a copy of the model's weights. Later changes of the model do not show here: make a new engine.
    pub fn new(model: &Model, config: EngineConfig) -> Engine {
        let slots = config.slots.max(1);
        let capacity = config.capacity.min(model.config.context);
        Engine {
            weights: Weights::new(model),
            cache: KvCache::new(&model.config, slots, capacity),
            threads: config.threads.max(1),
            held: vec![Vec::new(); slots],
            samplers: Vec::new(),
            logits: Vec::new(),
        }
    }

    /// Longest sequence in tokens, prompt and answer together.
    pub fn capacity(&self) -> usize {
        self.cache.capacity()
    }

    /// Answers all requests, in their order. `on_token` hears of each id of each answer as it comes: the request's
    /// number, and the id.
    pub fn generate(&mut self, requests: &[Request], on_token: &mut dyn FnMut(usize, u32)) -> Result<Vec<Completion>> {
        self.generate_while(requests, &mut |request, id| {
            on_token(request, id);
            Next::Continue
        })
    }

    /// Like [`Engine::generate`], and the caller may end answers. A request that no slot was free for by the time all
    /// were ended has an empty answer.
    pub fn generate_while(&mut self, requests: &[Request], on_token: &mut dyn FnMut(usize, u32) -> Next) -> Result<Vec<Completion>> {
        requests.iter().enumerate().try_for_each(|(index, request)| self.check(index, request))?;
        let nothing = Completion { ids: Vec::new(), finish: Finish::Length, logprobs: Vec::new() };
        let mut completions = vec![nothing; requests.len()];
        let has_room = |request: &Request| request.max_tokens > 0 && request.prompt.len() < self.cache.capacity();
        let mut waiting: VecDeque<usize> = (0..requests.len()).filter(|&index| has_room(&requests[index])).collect();
        let mut free: Vec<usize> = (0..self.cache.n_slots()).rev().collect();
        let mut rows: Vec<Row> = Vec::new();
        let mut end_all = false;
        while !(end_all || waiting.is_empty() && rows.is_empty()) {
            self.start_rows(requests, &mut waiting, &mut free, &mut rows);
            self.step(requests, &mut rows);
            let mut going_on = Vec::with_capacity(rows.len());
            for mut row in rows.drain(..) {
                let request = &requests[row.request];
                let Some(draw) = row.draw.take() else {
                    return Err(Error::NotFinite { tokens: request.prompt.len() + row.ids.len() });
                };
                row.logprobs.push(draw.logprob);
                let mut finish = None;
                if request.stop_ids.contains(&draw.id) {
                    finish = Some(Finish::Stop(draw.id));
                } else {
                    row.ids.push(draw.id);
                    row.history.push(&request.sampling, draw.id);
                    let length = row.ids.len();
                    if length == request.max_tokens || request.prompt.len() + length == self.cache.capacity() {
                        finish = Some(Finish::Length);
                    }
                    match on_token(row.request, draw.id) {
                        Next::Continue => {}
                        Next::End => finish = Some(Finish::Halted),
                        Next::EndAll => end_all = true,
                    }
                }
                match finish {
                    None => going_on.push(row),
                    Some(finish) => {
                        free.push(row.slot);
                        let (request, completion) = row.complete(finish);
                        completions[request] = completion;
                    }
                }
            }
            rows = going_on;
        }
        for row in rows {
            let (request, completion) = row.complete(Finish::Halted);
            completions[request] = completion;
        }
        waiting.into_iter().for_each(|request| completions[request].finish = Finish::Halted);
        Ok(completions)
    }

    fn check(&self, index: usize, request: &Request) -> Result<()> {
        let context = self.cache.capacity();
        let vocab_size = self.weights.config().vocab_size;
        request.sampling.check()?;
        if request.prompt.is_empty() {
            return Err(Error::PromptEmpty { request: index, context });
        }
        if request.prompt.len() > context {
            return Err(Error::PromptTooLong { request: index, tokens: request.prompt.len(), context });
        }
        let biased = request.sampling.logit_bias.iter().map(|&(id, _)| ("a logit bias", id));
        let mut ids = request.prompt.iter().map(|&id| ("a prompt", id)).chain(biased);
        match ids.find(|&(_, id)| id as usize >= vocab_size) {
            Some((what, id)) => Err(Error::UnknownId { what, request: index, id, vocab_size }),
            None => Ok(()),
        }
    }

    /// Gives free slots to waiting requests, with whatever part of their prompts other slots hold.
    fn start_rows(&mut self, requests: &[Request], waiting: &mut VecDeque<usize>, free: &mut Vec<usize>, rows: &mut Vec<Row>) {
        let first_new = rows.len();
        let mut place = 0;
        while !free.is_empty() && place < waiting.len().min(LOOK_AHEAD) {
            let index = waiting[place];
            let request = &requests[index];
            // At least one id has to be fed, to have logits.
            let most = request.prompt.len() - 1;
            let common = |held: &[u32]| held.iter().zip(&request.prompt[..most]).take_while(|(a, b)| a == b).count();
            let donors = self.held.iter().enumerate().map(|(slot, held)| (common(held), slot));
            let (shared, donor) = donors.max_by_key(|&(shared, slot)| (shared, free.last() == Some(&slot))).unwrap_or((0, 0));
            let starting = rows[first_new..].iter().map(|row| common(&requests[row.request].prompt)).max().unwrap_or(0);
            if starting > shared && (starting == most || starting >= shared + WORTH_WAITING) {
                place += 1; // starts in the next step, when the other one's prompt is in the cache
                continue;
            }
            waiting.remove(place);
            let slot = match free.iter().position(|&slot| slot == donor) {
                Some(at) if shared > 0 => free.remove(at),
                _ => free.pop().expect("a free slot"),
            };
            self.cache.copy_prefix(donor, slot, shared);
            self.held[slot] = request.prompt[..shared].to_vec();
            let rng = Rng::derive(request.seed, &[rng::label("sample")]);
            let history = History::new(&request.sampling, &request.prompt);
            rows.push(Row { request: index, slot, shared, rng, history, ids: Vec::new(), logprobs: Vec::new(), draw: None });
        }
    }

    /// Feeds every row what it has not seen yet, and draws its next id.
    fn step(&mut self, requests: &[Request], rows: &mut [Row]) {
        let Engine { weights, cache, threads, held, samplers, logits } = self;
        let feeds: Vec<Feed> = rows.iter().map(|row| Feed { slot: row.slot, tokens: row.unseen(requests) }).collect();
        inference::forward(weights, cache, &feeds, *threads, logits);
        feeds.iter().for_each(|feed| held[feed.slot].extend_from_slice(feed.tokens));

        let vocab = weights.config().vocab_size;
        let n_groups = (*threads).min(logits.len() / LOGITS_PER_THREAD).max(1);
        samplers.resize_with(n_groups.max(samplers.len()), Sampler::default);
        let per_group = rows.len().div_ceil(n_groups);
        let draw = |rows: &mut [Row], logits: &[f32], sampler: &mut Sampler| {
            for (row, logits) in rows.iter_mut().zip(logits.chunks_exact(vocab)) {
                let sampling = &requests[row.request].sampling;
                row.draw = sampler.draw(logits, sampling, &row.history, 0, &mut row.rng).map(|(drawn, _)| drawn);
            }
        };
        let mut groups = rows.chunks_mut(per_group).zip(logits.chunks(per_group * vocab)).zip(samplers);
        let first = groups.next();
        std::thread::scope(|scope| {
            for ((rows, logits), sampler) in groups {
                scope.spawn(move || draw(rows, logits, sampler));
            }
            if let Some(((rows, logits), sampler)) = first {
                draw(rows, logits, sampler);
            }
        });
    }
}
