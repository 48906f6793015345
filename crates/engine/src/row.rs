//! One request while it is being answered: what the model has seen of it, what it has written, and what ends it.
//!
//! A row's sequence is its prompt and the ids behind it, drawn and forced. The model has seen a part of it, reads another
//! piece in each step, and when nothing is left unseen, the next id is drawn.

use base::rng::{self, Rng};
use tokenizer::Tokenizer;

use crate::penalties::History;
use crate::sampling::Sampler;
use crate::{Completion, Error, Finish, Next, Request, Result, TextStream, Ticket, TokenLogprob, Written};

/// A request that is being answered.
#[derive(Debug)]
pub(crate) struct Row {
    pub ticket: Ticket,
    pub request: Request,
    pub slot: usize,
    /// Ids that are read in this step.
    pub piece: usize,
    /// What the last step gave.
    pub outcome: Outcome,
    bounds: Bounds,
    seen: usize,
    rng: Rng,
    history: History,
    stream: TextStream,
    /// Text of forced ids that the caller has not heard of yet.
    unheard: String,
    pause: Pause,
    /// How the answer ends, once that is certain; it may still owe log-probabilities.
    ending: Option<Finish>,
    /// Whether the prompt's log-probabilities are not owed any more.
    halted: bool,
    /// Why there is no answer.
    failure: Option<Error>,
    answer: Completion,
}

/// Whether a row waits for its caller.
#[derive(Debug)]
enum Pause {
    No,
    Waiting,
    /// These ids are forced in the next step.
    Resumed(Vec<u32>),
}

/// What no sequence passes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Longest sequence in tokens.
    pub capacity: usize,
    /// Ids that the model knows.
    pub vocab_size: usize,
    /// Ids that may come: those that have a text.
    pub n_ids: usize,
}

/// What a step gave.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// No id: there is more to read, or the answer has ended.
    Unfinished,
    /// An id, and the most likely ones.
    Drawn(TokenLogprob, Vec<TokenLogprob>),
    /// Logits that are not numbers.
    NotFinite,
}

impl Row {
    /// A request in a slot that holds the first `seen` ids of its prompt.
    pub fn new(ticket: Ticket, request: Request, slot: usize, seen: usize, bounds: Bounds) -> Row {
        let no_room = request.max_tokens == 0 || request.prompt.len() >= bounds.capacity;
        Row {
            ticket,
            slot,
            piece: 0,
            outcome: Outcome::Unfinished,
            bounds,
            seen,
            rng: Rng::derive(request.seed, &[rng::label("sample")]),
            history: History::new(&request.sampling, &request.prompt),
            stream: TextStream::new(request.stop_texts.clone()),
            unheard: String::new(),
            pause: Pause::No,
            ending: no_room.then_some(Finish::Length),
            halted: false,
            failure: None,
            answer: Completion::default(),
            request,
        }
    }

    /// Ids of prompt and answer.
    pub fn len(&self) -> usize {
        self.request.prompt.len() + self.answer.ids.len()
    }

    pub fn is_reading_prompt(&self) -> bool {
        self.seen < self.request.prompt.len()
    }

    /// Whether the answer has ended and nothing is left to read for log-probabilities.
    pub fn is_done(&self) -> bool {
        let owes_prompts = self.request.prompt_logprobs && self.is_reading_prompt() && !self.halted;
        let owes = self.answer.logprobs.len() < self.answer.ids.len() || owes_prompts;
        self.failure.is_some() || self.ending.is_some() && !owes
    }

    /// Whether nothing is read before the caller resumes it.
    pub fn is_waiting(&self) -> bool {
        matches!(self.pause, Pause::Waiting)
    }

    /// Ends the answer where it is. What it owes of forced ids it still reads.
    pub fn halt(&mut self) {
        self.ending.get_or_insert(Finish::Halted);
        self.halted = true;
        self.pause = Pause::No;
    }

    /// There will be no answer.
    pub fn fail(&mut self, error: Error) {
        self.failure = Some(error);
    }

    /// Ends the waiting with the next step, which these ids begin. Nothing if it does not wait.
    pub fn resume(&mut self, ids: Vec<u32>) {
        if self.is_waiting() {
            self.pause = Pause::Resumed(ids);
        }
    }

    /// Appends what the caller resumed it with.
    pub fn go_on(&mut self, tokenizer: Option<&Tokenizer>) {
        if let Pause::Resumed(ids) = &mut self.pause {
            let ids = std::mem::take(ids);
            self.pause = Pause::No;
            self.force(&ids, tokenizer);
            if self.room() == 0 {
                self.ending.get_or_insert(Finish::Length);
            }
        }
    }

    /// Decides what is read in this step: a single id always, more of them, but at most `most`, as far as there is room.
    pub fn take_piece(&mut self, most: usize, room: &mut usize) {
        self.piece = if self.is_waiting() { 0 } else { self.len() - self.seen };
        if self.piece > 1 {
            self.piece = self.piece.min(most).min(*room);
            *room -= self.piece;
        }
    }

    /// The ids that are read in this step.
    pub fn piece(&self) -> &[u32] {
        let from = self.request.prompt.len();
        match self.seen < from {
            true => &self.request.prompt[self.seen..][..self.piece],
            false => &self.answer.ids[self.seen - from..][..self.piece],
        }
    }

    /// Whether log-probabilities of ids are wanted that stand within or right behind the piece already.
    pub fn wants_all_logits(&self) -> bool {
        match self.is_reading_prompt() {
            true => self.request.prompt_logprobs,
            false => self.len() - self.seen > 1,
        }
    }

    /// Takes the logits after the piece's ids, or after the last of them, and draws if nothing is left unseen.
    pub fn read(&mut self, logits: &[f32], sampler: &mut Sampler) {
        let vocab = self.bounds.vocab_size;
        let n = logits.len() / vocab;
        let first = self.seen + self.piece - n;
        self.seen += self.piece;
        for (place, logits) in (first + 1..).zip(logits.chunks_exact(vocab)) {
            let logits = &logits[..self.bounds.n_ids];
            let request = &self.request;
            let behind = place.checked_sub(request.prompt.len());
            let known = match behind {
                None if request.prompt_logprobs => request.prompt[place],
                None => continue,
                Some(at) if at < self.answer.ids.len() => self.answer.ids[at],
                Some(_) => {
                    if self.ending.is_none() {
                        let drawn = sampler.draw(logits, &request.sampling, &self.history, request.top_logprobs, &mut self.rng);
                        self.outcome = drawn.map_or(Outcome::NotFinite, |(drawn, top)| Outcome::Drawn(drawn, top));
                    }
                    return;
                }
            };
            let Some((scored, top)) = sampler.score(logits, known, request.top_logprobs) else {
                self.outcome = Outcome::NotFinite;
                return;
            };
            self.push_logprob(behind.is_some(), scored.logprob, top);
        }
    }

    /// Takes what the last step gave: appends a drawn id, hears what the caller wants, and appends what it forces. Gives whether
    /// all answers are to end.
    pub fn write(&mut self, tokenizer: Option<&Tokenizer>, on_token: &mut dyn FnMut(Ticket, &Written) -> Next) -> bool {
        let (TokenLogprob { id, logprob }, top) = match std::mem::replace(&mut self.outcome, Outcome::Unfinished) {
            Outcome::Unfinished => return false,
            Outcome::Drawn(drawn, top) => (drawn, top),
            Outcome::NotFinite => {
                self.fail(Error::NotFinite { tokens: self.len() });
                return false;
            }
        };
        if self.request.stop_ids.contains(&id) {
            self.push_logprob(true, logprob, top);
            self.ending = Some(Finish::Stop(id));
            return false;
        }
        let mut text = std::mem::take(&mut self.unheard);
        if let Some(tokenizer) = tokenizer {
            let piece = self.stream.push(tokenizer, id);
            self.answer.text += &piece;
            text += &piece;
            self.ending = self.stream.stopped().map(Finish::StopText);
        }
        self.push_id(id, false);
        if self.room() == 0 {
            self.ending.get_or_insert(Finish::Length);
        }
        let room = if self.ending.is_some() { 0 } else { self.room() };
        let next = on_token(self.ticket, &Written { id, text: &text, logprob, top_logprobs: &top, room });
        self.push_logprob(true, logprob, top);
        match next {
            Next::Continue => {}
            Next::Wait if matches!(self.ending, Some(Finish::StopText(_))) => {}
            Next::Wait => {
                self.ending = None; // where there is no room, what comes may be nothing
                self.pause = Pause::Waiting;
            }
            Next::End => self.ending = Some(Finish::Halted),
            Next::EndAll => return true,
            Next::Force(ids) => self.force(&ids, tokenizer),
        }
        false
    }

    /// How many ids still fit.
    fn room(&self) -> usize {
        (self.request.max_tokens - self.answer.ids.len()).min(self.bounds.capacity - self.len())
    }

    fn force(&mut self, ids: &[u32], tokenizer: Option<&Tokenizer>) {
        let (vocab_size, room) = (self.bounds.n_ids, self.room());
        if let Some(&id) = ids.iter().find(|&&id| id as usize >= vocab_size) {
            return self.fail(Error::UnknownId { what: "a forced answer", request: self.ticket.index, id, vocab_size });
        }
        if ids.is_empty() || matches!(self.ending, Some(Finish::StopText(_))) {
            return;
        }
        if ids.len() > room {
            self.ending = Some(Finish::NoRoom { forced: ids.len(), room });
            return;
        }
        for &id in ids {
            if let Some(tokenizer) = tokenizer {
                let piece = self.stream.push_forced(tokenizer, id);
                self.answer.text += &piece;
                self.unheard += &piece;
            }
            self.push_id(id, true);
        }
        if ids.len() == room {
            self.ending = Some(Finish::Length);
        }
    }

    fn push_id(&mut self, id: u32, forced: bool) {
        self.answer.ids.push(id);
        self.answer.forced.push(forced);
        self.history.push(&self.request.sampling, id);
    }

    fn push_logprob(&mut self, of_answer: bool, logprob: f32, top: Vec<TokenLogprob>) {
        let Completion { logprobs, top_logprobs, prompt_logprobs, prompt_top_logprobs, .. } = &mut self.answer;
        let (logprobs, tops) = if of_answer { (logprobs, top_logprobs) } else { (prompt_logprobs, prompt_top_logprobs) };
        logprobs.push(logprob);
        if self.request.top_logprobs > 0 {
            tops.push(top);
        }
    }

    /// The answer as it is, or why there is none.
    pub fn complete(mut self) -> Result<Completion> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        self.answer.text += &self.stream.finish();
        Ok(Completion { finish: self.ending.unwrap_or(Finish::Halted), ..self.answer })
    }
}
