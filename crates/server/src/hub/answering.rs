//! An answer as it comes from a model's thread.
//!
//! Events wait in a channel that holds no more than the answer itself, so that a slow reader stops nobody. Who lets go of an
//! answer cancels it.

use std::future::poll_fn;
use std::sync::mpsc;
use std::task::{Context, Poll};

use engine::{Completion, TokenLogprob, ToolKind, ToolOutput};
use tokio::sync::mpsc::UnboundedReceiver;

use super::Lease;
use super::worker::Command;
use crate::Refusal;

/// What is told of an answer.
#[derive(Debug)]
pub(crate) enum Event {
    /// An id was drawn.
    Token {
        /// Which.
        id: u32,
        /// Text that is certain with it, for people to read; often empty. Of an answer that is read raw, special tokens are spelt
        /// out in it.
        text: String,
        /// Whether the text belongs to a thought.
        thought: bool,
        /// Its log-probability under the model's own distribution.
        logprob: f32,
        /// The most likely ids of the step, as many as were asked for.
        top: Vec<TokenLogprob>,
    },
    /// Text that was held back and is certain now that the answer has ended; it belongs to ids that were told before.
    Rest {
        /// The text.
        text: String,
        /// Whether it belongs to a thought.
        thought: bool,
    },
    /// A tool is called.
    Call {
        /// Which.
        tool: ToolKind,
        /// What the model wrote.
        input: String,
    },
    /// The call was answered.
    Output(ToolOutput),
    /// The answer is whole. Nothing comes behind it.
    Done(Completion),
    /// There will be no whole answer. Nothing comes behind it.
    Failed(Refusal),
}

/// An answer that is being written. Dropping it cancels the request and frees its place at once.
pub(crate) struct Answering {
    pub(super) number: u64,
    pub(super) events: UnboundedReceiver<Event>,
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) ended: bool,
    pub(super) _lease: Lease,
}

impl Answering {
    /// The next event; nothing behind [`Event::Done`] and [`Event::Failed`], one of which always comes.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.events.poll_recv(context).map(|event| {
            let event = event.unwrap_or_else(|| Event::Failed(Refusal::internal("the model's thread has ended")));
            self.ended = matches!(event, Event::Done(_) | Event::Failed(_));
            Some(event)
        })
    }
}

/// Several answers that are being written side by side.
pub(crate) struct Answers {
    list: Vec<Answering>,
    /// Whose turn it is to be looked at first.
    turn: usize,
}

impl Answers {
    /// These, named by their places.
    pub fn new(list: Vec<Answering>) -> Answers {
        Answers { list, turn: 0 }
    }

    /// The next event of any of them, with its answer's place; nothing when all are whole.
    pub async fn next(&mut self) -> Option<(usize, Event)> {
        poll_fn(|context| {
            let n = self.list.len();
            let mut is_over = true;
            for place in (self.turn..n).chain(0..self.turn) {
                match self.list[place].poll(context) {
                    Poll::Ready(Some(event)) => {
                        self.turn = (place + 1) % n;
                        return Poll::Ready(Some((place, event)));
                    }
                    Poll::Ready(None) => {}
                    Poll::Pending => is_over = false,
                }
            }
            if is_over { Poll::Ready(None) } else { Poll::Pending }
        })
        .await
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.ended {
            _ = self.commands.send(Command::Cancel(self.number)); // nobody listens where the thread has ended
        }
    }
}
