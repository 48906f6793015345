//! Runs the tools that answers call: each on a thread of its own, while the other answers go on.
//!
//! An answer that calls waits in its slot and costs no step. With tools that say the same to the same input, answers depend on
//! their requests alone, as all of an engine's do.

use std::collections::{BTreeMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use tokenizer::Tokenizer;

use crate::calls::{Calls, Heard, Words};
use crate::{Completion, Engine, Next, Request, Result, Ticket, Tool, ToolKind, ToolOutput, Toolset, Written};

/// How long a step waits for tools where nothing else is to be done.
const PATIENCE: Duration = Duration::from_millis(20);

/// What is told of an answer as it grows.
#[derive(Clone, Copy, Debug)]
pub enum ToolEvent<'a> {
    /// An id was drawn. Its text is as the model wrote it, special tokens spelt out; for people to read is what follows.
    Written(&'a Written<'a>),
    /// With the id that was drawn, or with the end, this text is certain, for people to read: no call, no output, no special
    /// token. Often empty.
    Text(&'a str),
    /// The same within a thought.
    Thought(&'a str),
    /// A tool is called.
    Call {
        /// Which.
        tool: ToolKind,
        /// What the model wrote.
        input: &'a str,
    },
    /// The call is answered. The model reads the beginning of the text, as far as it has room.
    Output(&'a ToolOutput),
}

/// How an answer is read.
#[derive(Clone)]
pub enum Reading {
    /// As text: special tokens are spelt out, and nothing is a call. Nothing but [`ToolEvent::Written`] is told.
    Raw,
    /// Special tokens mean what they mean, and these tools are there.
    Tools(Toolset),
}

/// Answers requests whose answers may call tools. All requests of an engine come through the same runner.
pub struct ToolRunner<'a> {
    tokenizer: &'a Tokenizer,
    toolset: Toolset,
    answers: BTreeMap<Ticket, Answer>,
    queue: VecDeque<Call>,
    running: usize,
    sender: Sender<(Ticket, ToolOutput)>,
    receiver: Receiver<(Ticket, ToolOutput)>,
}

/// An answer whose calls are looked for.
struct Answer {
    calls: Calls,
    toolset: Toolset,
}

/// A call that no thread was free for yet.
struct Call {
    ticket: Ticket,
    tool: Arc<dyn Tool>,
    input: String,
}

impl<'a> ToolRunner<'a> {
    /// A runner for an engine whose model has this tokenizer. The tools are those of answers for which no others are named; of
    /// their limits that of threads is for all.
    pub fn new(tokenizer: &'a Tokenizer, toolset: Toolset) -> ToolRunner<'a> {
        let (sender, receiver) = mpsc::channel();
        ToolRunner { tokenizer, toolset, answers: BTreeMap::new(), queue: VecDeque::new(), running: 0, sender, receiver }
    }

    /// Takes a request at any time, see [`Engine::submit`].
    pub fn submit(&mut self, engine: &mut Engine, request: Request) -> Result<Ticket> {
        self.submit_as(engine, request, Reading::Tools(self.toolset.clone()))
    }

    /// Takes a request whose answer is read in a way of its own.
    pub fn submit_as(&mut self, engine: &mut Engine, request: Request, reading: Reading) -> Result<Ticket> {
        let stop_texts = request.stop_texts.clone();
        let ticket = engine.submit(request)?;
        if let Reading::Tools(toolset) = reading {
            self.watch(ticket, stop_texts, toolset);
        }
        Ok(ticket)
    }

    /// Forgets a request, see [`Engine::cancel`]. A tool that runs for it runs to its end, and nobody hears of it.
    pub fn cancel(&mut self, engine: &mut Engine, ticket: Ticket) -> bool {
        self.answers.remove(&ticket);
        engine.cancel(ticket)
    }

    fn watch(&mut self, ticket: Ticket, stop_texts: Vec<String>, toolset: Toolset) {
        self.answers.insert(ticket, Answer { calls: Calls::new(self.tokenizer, stop_texts), toolset });
    }

    /// A step of the engine, see [`Engine::step`]. Where all answers wait for their tools, it waits a moment with them. Where
    /// `on_event` gives false, all answers end where they are.
    pub fn step(&mut self, engine: &mut Engine, on_event: &mut dyn FnMut(Ticket, ToolEvent) -> bool) -> Vec<(Ticket, Result<Completion>)> {
        if !self.take_outputs(engine, on_event) {
            engine.end_all();
        }
        let ToolRunner { tokenizer, answers, queue, .. } = self;
        let mut answered = engine.step(Some(tokenizer), &mut |ticket, written| {
            let mut go_on = on_event(ticket, ToolEvent::Written(written));
            let Some(Answer { calls, toolset }) = answers.get_mut(&ticket) else {
                return if go_on { Next::Continue } else { Next::EndAll };
            };
            let (words, heard) = calls.push(tokenizer, toolset, written);
            go_on &= on_event(ticket, event(&words));
            let next = match heard {
                Heard::Words => Next::Continue,
                Heard::NoRoom => Next::End,
                Heard::Enough(end) => Next::Force(vec![end]),
                Heard::Call(kind, input) => {
                    go_on &= on_event(ticket, ToolEvent::Call { tool: kind, input: &input });
                    let tool = toolset.get(kind).expect("only tools that are there are called").clone();
                    queue.push_back(Call { ticket, tool, input });
                    Next::Wait
                }
                Heard::Handed(kind, input) => {
                    go_on &= on_event(ticket, ToolEvent::Call { tool: kind, input: &input });
                    Next::End
                }
                Heard::Refused(kind, input, why) => {
                    go_on &= on_event(ticket, ToolEvent::Call { tool: kind, input: &input });
                    let output = ToolOutput::text(why);
                    go_on &= on_event(ticket, ToolEvent::Output(&output));
                    Next::Force(calls.output(tokenizer, toolset.limits, &output.text))
                }
            };
            if go_on { next } else { Next::EndAll }
        });
        for (ticket, completion) in &mut answered {
            let Some(Answer { mut calls, .. }) = answers.remove(ticket) else { continue };
            let Ok(completion) = completion else { continue };
            completion.finish = calls.ending.unwrap_or(completion.finish);
            let rest = calls.finish();
            if !rest.text.is_empty() && !on_event(*ticket, event(&rest)) {
                engine.end_all();
            }
        }
        self.start_calls();
        answered
    }

    /// Hands over what tools have said. Waits for one of them where there is nothing else to do. Gives whether to go on.
    fn take_outputs(&mut self, engine: &mut Engine, on_event: &mut dyn FnMut(Ticket, ToolEvent) -> bool) -> bool {
        let load = engine.load();
        let has_work = load.running > 0 || load.waiting > 0 && load.paused < engine.n_slots();
        let mut first = if has_work || self.running == 0 { None } else { self.receiver.recv_timeout(PATIENCE).ok() };
        let mut go_on = true;
        while let Some((ticket, output)) = first.take().or_else(|| self.receiver.try_recv().ok()) {
            self.running -= 1;
            let Some(Answer { calls, toolset }) = self.answers.get(&ticket) else { continue }; // it ended or was cancelled
            go_on &= on_event(ticket, ToolEvent::Output(&output));
            engine.resume(ticket, calls.output(self.tokenizer, toolset.limits, &output.text));
        }
        self.start_calls();
        go_on
    }

    /// Starts as many calls as may run.
    fn start_calls(&mut self) {
        while self.running < self.toolset.limits.threads.max(1) {
            let Some(Call { ticket, tool, input }) = self.queue.pop_front() else { return };
            if !self.answers.contains_key(&ticket) {
                continue;
            }
            let sender = self.sender.clone();
            thread::spawn(move || {
                // A tool that panics must not leave its answer waiting for ever.
                let output = catch_unwind(AssertUnwindSafe(|| tool.call(&input)));
                let output = output.unwrap_or_else(|_| ToolOutput::text("The tool failed."));
                _ = sender.send((ticket, output)); // nobody listens where the runner is gone
            });
            self.running += 1;
        }
    }
}

fn event(words: &Words) -> ToolEvent<'_> {
    match words.is_thought {
        true => ToolEvent::Thought(&words.text),
        false => ToolEvent::Text(&words.text),
    }
}

impl Engine {
    /// Answers all requests, in their order, and lets their answers call tools. `on_event` hears of each answer as it grows, by
    /// the request's number; where it gives false, all end where they are.
    pub fn generate_with_tools(
        &mut self,
        tokenizer: &Tokenizer,
        toolset: &Toolset,
        requests: &[Request],
        on_event: &mut dyn FnMut(usize, ToolEvent) -> bool,
    ) -> Result<Vec<Completion>> {
        let tickets = self.submit_all(requests, true)?;
        let mut runner = ToolRunner::new(tokenizer, toolset.clone());
        for (ticket, request) in tickets.into_iter().zip(requests) {
            runner.watch(ticket, request.stop_texts.clone(), toolset.clone());
        }
        self.answer_all(requests.len(), &mut |engine| runner.step(engine, &mut |ticket, event| on_event(ticket.index, event)))
    }
}
