//! The thread of a loaded model: owns its engine, takes requests and tells of answers.
//!
//! Knows nothing of HTTP and waits for no reader: an answer whose reader has gone is cancelled.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use engine::{Completion, Engine, Error, Finish, Reading, Request, Ticket, ToolEvent, ToolRunner, Toolset};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

use super::Loaded;
use super::answering::Event;
use crate::Refusal;
use crate::metrics::{ModelMetrics, Outcome};

/// What the thread is asked for.
pub(super) enum Command {
    /// An answer.
    Submit(Box<Submission>),
    /// No more of the answer of this number.
    Cancel(u64),
}

/// A request, and where its answer goes.
pub(super) struct Submission {
    pub number: u64,
    pub request: Request,
    pub reading: Reading,
    pub deadline: Instant,
    pub events: UnboundedSender<Event>,
    /// Hears at once whether the request can be answered.
    pub accepted: oneshot::Sender<Result<(), Refusal>>,
}

/// An answer that is being written.
struct Asked {
    number: u64,
    events: UnboundedSender<Event>,
    deadline: Instant,
    is_raw: bool,
    /// Bytes of text that were told of a raw answer.
    told: usize,
    /// An id whose text is still to come.
    pending: Option<Event>,
    gone: bool,
    clock: Clock,
}

/// When the parts of an answer came.
struct Clock {
    submitted: Instant,
    last: Instant,
    prompt_tokens: usize,
    tokens: usize,
}

/// The thread's own state.
pub(super) struct Worker {
    engine: Engine,
    loaded: Arc<Loaded>,
    metrics: Arc<ModelMetrics>,
}

impl Worker {
    pub fn new(engine: Engine, loaded: Arc<Loaded>, metrics: Arc<ModelMetrics>) -> Worker {
        Worker { engine, loaded, metrics }
    }

    /// Answers until nobody can ask any more.
    pub fn run(self, commands: &Receiver<Command>) {
        let Worker { mut engine, loaded, metrics } = self;
        let mut runner = ToolRunner::new(&loaded.folder.tokenizer, Toolset::default());
        let mut desk = Desk { asked: HashMap::new(), metrics };
        loop {
            let command = match engine.is_idle() {
                true => commands.recv().map_err(|_| TryRecvError::Disconnected),
                false => commands.try_recv(),
            };
            match command {
                Ok(command) => {
                    desk.take(command, &mut engine, &mut runner);
                    continue; // take all that is there before the next step
                }
                Err(TryRecvError::Disconnected) => return desk.close(),
                Err(TryRecvError::Empty) => {}
            }
            let answered = runner.step(&mut engine, &mut |ticket, event| {
                desk.tell(ticket, event);
                true
            });
            answered.into_iter().for_each(|(ticket, completion)| desk.finish(ticket, completion));
            desk.cancel_lost(&mut engine, &mut runner);
            desk.measure(&engine);
        }
    }
}

/// Who waits for what.
struct Desk {
    asked: HashMap<Ticket, Asked>,
    metrics: Arc<ModelMetrics>,
}

impl Desk {
    fn take(&mut self, command: Command, engine: &mut Engine, runner: &mut ToolRunner) {
        match command {
            Command::Submit(submission) => self.submit(*submission, engine, runner),
            Command::Cancel(number) => {
                let found = self.asked.iter().find(|(_, asked)| asked.number == number);
                if let Some(ticket) = found.map(|(ticket, _)| *ticket) {
                    runner.cancel(engine, ticket);
                    self.end(ticket, Outcome::Abort);
                }
            }
        }
        self.measure(engine);
    }

    fn submit(&mut self, submission: Submission, engine: &mut Engine, runner: &mut ToolRunner) {
        let Submission { number, request, reading, deadline, events, accepted } = submission;
        let (is_raw, prompt_tokens, now) = (matches!(reading, Reading::Raw), request.prompt.len(), Instant::now());
        match runner.submit_as(engine, request, reading) {
            Ok(ticket) => {
                let clock = Clock { submitted: now, last: now, prompt_tokens, tokens: 0 };
                let asked = Asked { number, events, deadline, is_raw, told: 0, pending: None, gone: false, clock };
                self.asked.insert(ticket, asked);
                if accepted.send(Ok(())).is_err() {
                    runner.cancel(engine, ticket);
                    self.end(ticket, Outcome::Abort);
                }
            }
            Err(error) => _ = accepted.send(Err(refusal_of(&error))),
        }
    }

    fn tell(&mut self, ticket: Ticket, event: ToolEvent) {
        let Some(asked) = self.asked.get_mut(&ticket) else { return };
        match event {
            ToolEvent::Written(written) => {
                self.metrics.token(asked.clock.lap(), asked.clock.tokens == 1);
                let text = if asked.is_raw { written.text.to_owned() } else { String::new() };
                asked.told += text.len();
                let (id, logprob, top) = (written.id, written.logprob, written.top_logprobs.to_vec());
                let token = Event::Token { id, text, thought: false, logprob, top };
                if asked.is_raw { asked.send(token) } else { asked.pending = Some(token) }
            }
            ToolEvent::Text(words) => asked.words(words, false),
            ToolEvent::Thought(words) => asked.words(words, true),
            ToolEvent::Call { tool, input } => asked.send(Event::Call { tool, input: input.to_owned() }),
            ToolEvent::Output(output) => asked.send(Event::Output(output.clone())),
        }
    }

    fn finish(&mut self, ticket: Ticket, completion: engine::Result<Completion>) {
        let Some(asked) = self.asked.get_mut(&ticket) else { return };
        let outcome = match completion {
            Ok(completion) => {
                if let Some(rest) = completion.text.get(asked.told..).filter(|rest| asked.is_raw && !rest.is_empty()) {
                    asked.send(Event::Rest { text: rest.to_owned(), thought: false });
                }
                let outcome = if completion.finish == Finish::Length { Outcome::Length } else { Outcome::Stop };
                asked.send(Event::Done(completion));
                outcome
            }
            Err(error) => {
                asked.send(Event::Failed(refusal_of(&error)));
                Outcome::Abort
            }
        };
        self.end(ticket, outcome);
    }

    fn end(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(asked) = self.asked.remove(&ticket) {
            self.metrics.ended(outcome, asked.clock.submitted.elapsed(), asked.clock.prompt_tokens);
        }
    }

    /// Cancels what nobody reads any more, and what has taken too long.
    fn cancel_lost(&mut self, engine: &mut Engine, runner: &mut ToolRunner) {
        let now = Instant::now();
        let lost: Vec<Ticket> =
            self.asked.iter().filter(|(_, asked)| asked.gone || asked.deadline <= now).map(|(ticket, _)| *ticket).collect();
        for ticket in lost {
            runner.cancel(engine, ticket);
            if let Some(asked) = self.asked.get_mut(&ticket) {
                let seconds = asked.clock.submitted.elapsed().as_secs_f64();
                asked.send(Event::Failed(Refusal::timeout(format!(
                    "the answer was not whole after {seconds:.0} seconds, which is all that a request may take here; ask for fewer tokens"
                ))));
            }
            self.end(ticket, Outcome::Abort);
        }
    }

    fn measure(&self, engine: &Engine) {
        let load = engine.load();
        self.metrics.load(load.running + load.paused, load.waiting, engine.work());
    }

    /// Nobody can ask any more, and so nobody reads.
    fn close(self) {
        self.metrics.load(0, 0, engine::Work::default());
    }
}

impl Asked {
    fn send(&mut self, event: Event) {
        self.gone |= self.events.send(event).is_err();
    }

    /// Text that belongs to the id that was just drawn, or is left at the end.
    fn words(&mut self, words: &str, is_thought: bool) {
        match self.pending.take() {
            Some(Event::Token { id, logprob, top, .. }) => {
                self.send(Event::Token { id, text: words.to_owned(), thought: is_thought, logprob, top });
            }
            _ => self.send(Event::Rest { text: words.to_owned(), thought: is_thought }),
        }
    }
}

impl Clock {
    /// Time since the last id, or since the request came.
    fn lap(&mut self) -> Duration {
        let now = Instant::now();
        let lap = now - self.last;
        (self.last, self.tokens) = (now, self.tokens + 1);
        lap
    }
}

/// An engine's error as the answer to a request: it is the request's fault but where the model is broken.
fn refusal_of(error: &Error) -> Refusal {
    match error {
        Error::PromptTooLong { tokens, context, .. } => Refusal::too_long(*tokens, *context),
        Error::NotFinite { .. } => Refusal::internal(error.to_string()),
        Error::Sampling { name, .. } => Refusal::invalid(Some(name), error.to_string()),
        _ => Refusal::invalid(None, error.to_string()),
    }
}
