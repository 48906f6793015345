//! Continuous batching: sequences run side by side, requests come at any time, and a slot that falls free takes the next one.
//!
//! A prompt that begins like a sequence in another slot takes the common part over from there, so that many requests
//! with one prompt, and the turns of a conversation, pay for it once. Long prompts are read piece by piece, beside the
//! answers that are being written. Nothing else is left of a request when it is answered.

use std::collections::VecDeque;

use model::Model;
use model::inference::{self, Feed, KvCache, Weights};
use tokenizer::Tokenizer;

use crate::row::{Bounds, Row};
use crate::sampling::Sampler;
use crate::slots::{Place, Slots, common};
use crate::{Completion, EngineConfig, Error, Finish, Next, Request, Result, Ticket, Written};

/// A model ready to answer.
#[derive(Debug)]
pub struct Engine {
    weights: Weights,
    n_ids: usize, // that may come
    cache: KvCache,
    slots: Slots,
    threads: usize,
    prefill_tokens: usize,
    submitted: u64,
    waiting: VecDeque<(Ticket, Request)>,
    rows: Vec<Row>,
    answered: Vec<(Ticket, Result<Completion>)>, // since the last step
    samplers: Vec<Sampler>,
    last_logits: Vec<f32>, // after the last token of a feed
    all_logits: Vec<f32>,  // after every token of a feed
    work: Work,
}

/// Requests that are not answered yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// For a slot.
    pub waiting: usize,
    /// In a slot, and going on with the next step.
    pub running: usize,
    /// In a slot, and waiting for [`Engine::resume`].
    pub paused: usize,
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
            submitted: 0,
            waiting: VecDeque::new(),
            rows: Vec::new(),
            answered: Vec::new(),
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

    /// What it has not answered yet.
    pub fn load(&self) -> Load {
        let paused = self.rows.iter().filter(|row| row.is_waiting()).count();
        Load { waiting: self.waiting.len(), running: self.rows.len() - paused, paused }
    }

    /// Whether it has answered everything, and told of it.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.rows.is_empty() && self.answered.is_empty()
    }

    /// Takes a request at any time. [`Engine::step`] answers it, when a slot is free.
    pub fn submit(&mut self, request: Request) -> Result<Ticket> {
        let index = self.submitted as usize;
        self.check(index, &request)?;
        Ok(self.enqueue(index, request))
    }

    /// Takes a request that was checked.
    pub(crate) fn enqueue(&mut self, index: usize, request: Request) -> Ticket {
        let ticket = Ticket { serial: self.submitted, index };
        self.submitted += 1;
        match request.prompt_logprobs || request.max_tokens > 0 && request.prompt.len() < self.capacity() {
            true => self.waiting.push_back((ticket, request)),
            false => self.answered.push((ticket, Ok(Completion::default()))),
        }
        ticket
    }

    /// One pass of the model over every sequence that runs. `on_token` hears of each id that is drawn. Gives what is answered
    /// with it; a request that cannot be answered costs none but itself. A step with nothing to read does nothing.
    ///
    /// With a tokenizer answers have texts, and stop texts are looked for; all steps of an answer should have the same one.
    /// Panics if it knows fewer ids than the model, see [`crate::ModelFolder`].
    pub fn step(
        &mut self,
        tokenizer: Option<&Tokenizer>,
        on_token: &mut dyn FnMut(Ticket, &Written) -> Next,
    ) -> Vec<(Ticket, Result<Completion>)> {
        if let Some(of_tokenizer) = tokenizer.map(Tokenizer::vocab_size) {
            assert!(of_tokenizer >= self.n_ids, "a tokenizer of {of_tokenizer} ids for a model of {}", self.n_ids);
        }
        self.rows.iter_mut().for_each(|row| row.go_on(tokenizer));
        self.take_done(); // there may have been no room to go on
        self.start_rows(tokenizer.is_some());
        if self.load().running > 0 {
            self.pass();
        }
        let mut end_all = false;
        for row in &mut self.rows {
            end_all |= row.write(tokenizer, on_token);
        }
        match end_all {
            true => self.end_all(),
            false => self.take_done(),
        }
        std::mem::take(&mut self.answered)
    }

    /// Goes on with an answer that waits, see [`Next::Wait`]: these ids are forced, as those of [`Next::Force`] are. Of another
    /// ticket, whose answer may have ended meanwhile, nothing comes.
    pub fn resume(&mut self, ticket: Ticket, ids: Vec<u32>) {
        if let Some(row) = self.rows.iter_mut().find(|row| row.ticket == ticket) {
            row.resume(ids);
        }
    }

    /// Forgets a request, and frees its slot at once; the cache keeps what was read of it. Whether it was still there.
    pub fn cancel(&mut self, ticket: Ticket) -> bool {
        let before = (self.waiting.len(), self.rows.len(), self.answered.len());
        self.waiting.retain(|(waiting, _)| *waiting != ticket);
        self.rows.extract_if(.., |row| row.ticket == ticket).for_each(|row| self.slots.free(row.slot));
        self.answered.retain(|(answered, _)| *answered != ticket);
        before != (self.waiting.len(), self.rows.len(), self.answered.len())
    }

    /// Forgets all requests.
    pub(crate) fn cancel_all(&mut self) {
        self.waiting.clear();
        self.rows.drain(..).for_each(|row| self.slots.free(row.slot));
        self.answered.clear();
    }

    /// Ends all answers where they are; the next step tells of them. Those to which ids were forced are told when the
    /// log-probabilities of these are there. A request that no slot was free for has an empty answer.
    pub fn end_all(&mut self) {
        let halted = || Completion { finish: Finish::Halted, ..Completion::default() };
        self.answered.extend(self.waiting.drain(..).map(|(ticket, _)| (ticket, Ok(halted()))));
        self.rows.iter_mut().for_each(Row::halt);
        self.take_done();
    }

    /// Frees the slots of the answers that have ended.
    fn take_done(&mut self) {
        for row in self.rows.extract_if(.., |row| row.is_done()) {
            let (ticket, slot, completion) = (row.ticket, row.slot, row.complete());
            self.slots.free(slot);
            if let Err(Error::NotFinite { .. }) = completion {
                self.slots.forget(slot); // attention leaves what is not a number at positions before it too
            }
            self.answered.push((ticket, completion));
        }
    }

    /// Refuses what cannot be answered. In the error the request has this number.
    pub(crate) fn check(&self, index: usize, request: &Request) -> Result<()> {
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
    fn start_rows(&mut self, has_text: bool) {
        let Engine { weights, n_ids, cache, slots, waiting, rows, answered, work, .. } = self;
        let bounds = Bounds { capacity: cache.capacity(), vocab_size: weights.config().vocab_size, n_ids: *n_ids };
        let mut place = 0;
        while slots.has_free() && place < waiting.len().min(LOOK_AHEAD) {
            let (ticket, request) = &waiting[place];
            if !has_text && !request.stop_texts.is_empty() {
                answered.push((*ticket, Err(Error::StopTextsWithoutTokenizer { request: ticket.index })));
                waiting.remove(place);
                continue;
            }
            // At least one id has to be fed, to have logits; all of them, to have the prompt's.
            let most = if request.prompt_logprobs { 0 } else { request.prompt.len() - 1 };
            let wanted = &request.prompt[..most];
            let shared = slots.longest(wanted);
            let coming =
                rows.iter().filter(|row| row.is_reading_prompt()).map(|row| common(&row.request.prompt, wanted)).max().unwrap_or(0);
            if coming > shared && (coming == most || coming >= shared + WORTH_WAITING) {
                place += 1; // starts when the other one's prompt is in the cache
                continue;
            }
            let Some(Place { slot, donor, shared }) = slots.take(wanted) else { return };
            cache.copy_prefix(donor, slot, shared);
            work.reused += shared;
            let (ticket, request) = waiting.remove(place).expect("a place within the waiting ones");
            rows.push(Row::new(ticket, request, slot, shared, bounds));
        }
    }

    /// Feeds every row what it has not seen yet, of a prompt at most `prefill_tokens`, of all together so many for each thread;
    /// draws the next id of rows that have seen all.
    fn pass(&mut self) {
        let Engine { weights, cache, slots, threads, prefill_tokens, rows, samplers, last_logits, all_logits, work, .. } = self;
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
