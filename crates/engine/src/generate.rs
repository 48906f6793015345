//! Continuous batching: sequences run side by side, and a slot that falls free takes the next request at once.
//!
//! A prompt that begins like a sequence in another slot takes the common part over from there, so that many requests
//! with one prompt, and the turns of a conversation, pay for it once. Long prompts are read piece by piece, beside the
//! answers that are being written. Nothing else is left of a request when it is answered.

use std::collections::VecDeque;

use model::Model;
use model::inference::{self, Feed, KvCache, Weights};
use tokenizer::Tokenizer;

use crate::row::{Bounds, Outcome, Row};
use crate::sampling::Sampler;
use crate::slots::{Place, Slots, common};
use crate::{Completion, EngineConfig, Error, Finish, Next, Request, Result, Written};

/// A model ready to answer.
#[derive(Debug)]
pub struct Engine {
    weights: Weights,
    n_ids: usize, // that may come
    cache: KvCache,
    slots: Slots,
    threads: usize,
    prefill_tokens: usize,
    samplers: Vec<Sampler>,
    last_logits: Vec<f32>, // after the last token of a feed
    all_logits: Vec<f32>,  // after every token of a feed
    work: Work,
}

/// What an engine has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Passes of the model, each over some tokens of some sequences.
    pub steps: usize,
    /// Tokens that the model read.
    pub read: usize,
    /// Tokens of prompts that it did not have to read, because the cache held them.
    pub reused: usize,
}

/// Common ids from which on a prompt waits for another that is being read, to take them over from there.
const WORTH_WAITING: usize = 16;

/// Waiting requests that are looked at when a slot is free.
const LOOK_AHEAD: usize = 256;

/// Logits that are sampled on the calling thread; more than these are shared out (a thread starts in about 30 us).
const LOGITS_PER_THREAD: usize = 32_000;

impl Engine {
    /// Lays out a copy of the model's weights. Later changes of the model do not show here: make a new engine.
    pub fn new(model: &Model, config: EngineConfig) -> Engine {
        Engine::with_weights(Weights::new(model), config)
    }

    /// Takes weights as they are laid out.
    pub fn with_weights(weights: Weights, config: EngineConfig) -> Engine {
        let (slots, capacity) = config.fit(weights.config());
        Engine {
            n_ids: weights.config().vocab_size,
            cache: KvCache::new(weights.config(), slots, capacity),
            weights,
            slots: Slots::new(slots),
            threads: config.threads.max(1),
            prefill_tokens: config.prefill_tokens.max(1),
            samplers: Vec::new(),
            last_logits: Vec::new(),
            all_logits: Vec::new(),
            work: Work::default(),
        }
    }

    /// Lets no id come from this one on: a model may have more rows of logits than its tokenizer has tokens.
    pub fn limit_ids(&mut self, n_ids: usize) {
        self.n_ids = n_ids.min(self.weights.config().vocab_size);
    }

    /// Longest sequence in tokens, prompt and answer together.
    pub fn capacity(&self) -> usize {
        self.cache.capacity()
    }

    /// Sequences that run side by side.
    pub fn n_slots(&self) -> usize {
        self.cache.n_slots()
    }

    /// What it has done so far.
    pub fn work(&self) -> Work {
        self.work
    }

    /// Answers all requests, in their order. `on_token` hears of each id of each answer as it comes: the request's
    /// number, and the id.
    pub fn generate(&mut self, requests: &[Request], on_token: &mut dyn FnMut(usize, u32)) -> Result<Vec<Completion>> {
        self.generate_while(requests, &mut |request, id| {
            on_token(request, id);
            Next::Continue
        })
    }

    /// Like [`Engine::generate`], and the caller may end answers or force ids. A request that no slot was free for by the time
    /// all were ended has an empty answer.
    pub fn generate_while(&mut self, requests: &[Request], on_token: &mut dyn FnMut(usize, u32) -> Next) -> Result<Vec<Completion>> {
        self.run(requests, None, &mut |written| on_token(written.request, written.id))
    }

    /// Like [`Engine::generate_while`], with the text of the answers and the stop texts of the requests. Panics if the
    /// tokenizer knows fewer ids than the model, see [`crate::ModelFolder`].
    pub fn generate_texts(
        &mut self,
        tokenizer: &Tokenizer,
        requests: &[Request],
        on_token: &mut dyn FnMut(&Written) -> Next,
    ) -> Result<Vec<Completion>> {
        let (of_tokenizer, of_model) = (tokenizer.vocab_size(), self.n_ids);
        assert!(of_tokenizer >= of_model, "a tokenizer of {of_tokenizer} ids for a model of {of_model}");
        self.run(requests, Some(tokenizer), on_token)
    }

    fn run(
        &mut self,
        requests: &[Request],
        tokenizer: Option<&Tokenizer>,
        on_token: &mut dyn FnMut(&Written) -> Next,
    ) -> Result<Vec<Completion>> {
        requests.iter().enumerate().try_for_each(|(index, request)| self.check(index, request, tokenizer))?;
        let mut completions = vec![Completion::default(); requests.len()];
        let has_work = |request: &Request| request.prompt_logprobs || request.max_tokens > 0 && request.prompt.len() < self.capacity();
        let mut waiting: VecDeque<usize> = (0..requests.len()).filter(|&index| has_work(&requests[index])).collect();
        let mut rows: Vec<Row> = Vec::new();
        self.slots.free_all();
        while !(waiting.is_empty() && rows.is_empty()) {
            self.start_rows(requests, tokenizer, &mut waiting, &mut rows);
            self.step(&mut rows);
            let mut going_on = Vec::with_capacity(rows.len());
            let mut end_all = false;
            for mut row in rows.drain(..) {
                match std::mem::replace(&mut row.outcome, Outcome::Unfinished) {
                    Outcome::Unfinished => {}
                    Outcome::Drawn(drawn, top) => end_all |= row.write(drawn, top, on_token)?,
                    Outcome::NotFinite => return Err(Error::NotFinite { tokens: row.len() }),
                }
                if row.is_done() {
                    self.slots.free(row.slot);
                    let index = row.index;
                    completions[index] = row.complete();
                } else {
                    going_on.push(row);
                }
            }
            rows = going_on;
            if end_all {
                waiting.drain(..).for_each(|index| completions[index].finish = Finish::Halted);
                // Rows that owe log-probabilities of forced ids still read these.
                for row in rows.extract_if(.., |row| row.halt()) {
                    self.slots.free(row.slot);
                    let index = row.index;
                    completions[index] = row.complete();
                }
            }
        }
        Ok(completions)
    }

    fn check(&self, index: usize, request: &Request, tokenizer: Option<&Tokenizer>) -> Result<()> {
        let context = self.cache.capacity();
        let vocab_size = self.n_ids;
        request.sampling.check()?;
        if request.prompt.is_empty() {
            return Err(Error::PromptEmpty { request: index, context });
        }
        if request.prompt.len() > context {
            return Err(Error::PromptTooLong {
                request: index,
                tokens: request.prompt.len(),
                context,
                model_context: self.weights.config().context,
            });
        }
        if tokenizer.is_none() && !request.stop_texts.is_empty() {
            return Err(Error::StopTextsWithoutTokenizer { request: index });
        }
        if request.stop_texts.iter().any(String::is_empty) {
            return Err(Error::EmptyStopText { request: index });
        }
        let biased = request.sampling.logit_bias.iter().map(|&(id, _)| ("a logit bias", id));
        let mut ids = request.prompt.iter().map(|&id| ("a prompt", id)).chain(biased);
        match ids.find(|&(_, id)| id as usize >= vocab_size) {
            Some((what, id)) => Err(Error::UnknownId { what, request: index, id, vocab_size }),
            None => Ok(()),
        }
    }

    /// Gives free slots to waiting requests, with whatever part of their prompts other slots hold.
    fn start_rows<'a>(
        &mut self,
        requests: &'a [Request],
        tokenizer: Option<&'a Tokenizer>,
        waiting: &mut VecDeque<usize>,
        rows: &mut Vec<Row<'a>>,
    ) {
        let bounds = Bounds { capacity: self.cache.capacity(), vocab_size: self.weights.config().vocab_size, n_ids: self.n_ids };
        let mut place = 0;
        while self.slots.has_free() && place < waiting.len().min(LOOK_AHEAD) {
            let index = waiting[place];
            let request = &requests[index];
            // At least one id has to be fed, to have logits; all of them, to have the prompt's.
            let most = if request.prompt_logprobs { 0 } else { request.prompt.len() - 1 };
            let wanted = &request.prompt[..most];
            let shared = self.slots.longest(wanted);
            let coming =
                rows.iter().filter(|row| row.is_reading_prompt()).map(|row| common(&row.request.prompt, wanted)).max().unwrap_or(0);
            if coming > shared && (coming == most || coming >= shared + WORTH_WAITING) {
                place += 1; // starts when the other one's prompt is in the cache
                continue;
            }
            let Some(Place { slot, donor, shared }) = self.slots.take(wanted) else { return };
            waiting.remove(place);
            self.cache.copy_prefix(donor, slot, shared);
            self.work.reused += shared;
            rows.push(Row::new(index, request, slot, shared, tokenizer, bounds));
        }
    }

    /// Feeds every row what it has not seen yet, of a prompt at most `prefill_tokens`, of all together so many for each thread;
    /// draws the next id of rows that have seen all.
    fn step(&mut self, rows: &mut [Row]) {
        let Engine { weights, cache, slots, threads, prefill_tokens, samplers, last_logits, all_logits, work, .. } = self;
        let mut room = prefill_tokens.saturating_mul(*threads);
        for row in rows.iter_mut() {
            row.take_piece(*prefill_tokens, &mut room);
        }
        let rows: Vec<&mut Row> = rows.iter_mut().filter(|row| row.piece > 0).collect();
        let (all, last): (Vec<&mut Row>, Vec<&mut Row>) = rows.into_iter().partition(|row| row.wants_all_logits());
        for (rows, logits, forward) in
            [(&last, &mut *last_logits, inference::forward as Forward), (&all, &mut *all_logits, inference::forward_all as Forward)]
        {
            let feeds: Vec<Feed> = rows.iter().map(|row| Feed { slot: row.slot, tokens: row.piece() }).collect();
            match feeds.is_empty() {
                true => logits.clear(),
                false => forward(weights, cache, &feeds, *threads, logits),
            }
            for feed in feeds {
                slots.append(feed.slot, feed.tokens);
                work.read += feed.tokens.len();
            }
        }
        work.steps += 1;

        let vocab = weights.config().vocab_size;
        let mut jobs: Vec<(&mut Row, &[f32])> = last.into_iter().zip(last_logits.chunks_exact(vocab)).collect();
        let mut rest = &all_logits[..];
        for row in all {
            let (logits, others) = rest.split_at(row.piece * vocab);
            jobs.push((row, logits));
            rest = others;
        }
        let n_groups = (*threads).min((last_logits.len() + all_logits.len()) / LOGITS_PER_THREAD).max(1);
        samplers.resize_with(n_groups.max(samplers.len()), Sampler::default);
        let per_group = jobs.len().div_ceil(n_groups).max(1);
        let read = |jobs: &mut [(&mut Row, &[f32])], sampler: &mut Sampler| {
            jobs.iter_mut().for_each(|(row, logits)| row.read(logits, sampler));
        };
        let mut groups = jobs.chunks_mut(per_group).zip(samplers);
        let first = groups.next();
        std::thread::scope(|scope| {
            for (jobs, sampler) in groups {
                scope.spawn(move || read(jobs, sampler));
            }
            if let Some((jobs, sampler)) = first {
                read(jobs, sampler);
            }
        });
    }
}

/// A forward pass of [`model::inference`].
type Forward = fn(&Weights, &mut KvCache, &[Feed], usize, &mut Vec<f32>);
