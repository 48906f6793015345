//! Answers as events of a stream, and the token counts behind them.
//!
//! What a piece looks like is its route's business.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use engine::Completion;
use futures_util::stream::unfold;
use serde_json::{Value, json};

use crate::hub::{Answers, Event};

/// Makes the pieces of a stream.
pub(super) trait Pieces: Send + 'static {
    /// Those that stand before the answers.
    fn begin(&mut self) -> Vec<Value>;
    /// Those that an event of an answer becomes.
    fn hear(&mut self, index: usize, event: Event) -> Vec<Value>;
    /// Those behind the answers.
    fn end(&mut self) -> Vec<Value>;
}

struct State<P> {
    answers: Answers,
    pieces: P,
    lines: VecDeque<String>,
    is_over: bool,
}

/// A stream of server-sent events, which ends with `[DONE]`. The answers are cancelled where its reader goes away.
pub(super) fn stream(answers: Answers, mut pieces: impl Pieces) -> Response {
    let lines = pieces.begin().iter().map(Value::to_string).collect();
    let state = State { answers, pieces, lines, is_over: false };
    let stream = unfold(state, |mut state| async {
        while state.lines.is_empty() && !state.is_over {
            state.read().await;
        }
        let line = state.lines.pop_front()?;
        Some((Ok::<_, Infallible>(Line::default().data(line)), state))
    });
    Sse::new(stream).keep_alive(KeepAlive::default()).into_response()
}

impl<P: Pieces> State<P> {
    async fn read(&mut self) {
        let pieces = match self.answers.next().await {
            Some((_, Event::Failed(refusal))) => {
                self.is_over = true;
                vec![refusal.json()]
            }
            Some((index, event)) => self.pieces.hear(index, event),
            None => {
                self.is_over = true;
                self.pieces.end()
            }
        };
        self.lines.extend(pieces.iter().map(Value::to_string));
        if self.is_over {
            self.lines.push_back("[DONE]".to_owned());
        }
    }
}

/// Tokens that were read and written.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Usage {
    /// Of prompts, each once.
    pub prompt: usize,
    /// Of answers, but for what tools said.
    pub completion: usize,
    /// Of these, thoughts.
    pub thought: usize,
}

impl Usage {
    /// Counts an answer.
    pub fn add(&mut self, completion: &Completion) {
        self.completion += completion.forced.iter().filter(|forced| !**forced).count();
        self.completion += completion.logprobs.len() - completion.ids.len(); // what ended it
    }

    /// As OpenAI writes it.
    pub fn json(&self) -> Value {
        let Usage { prompt, completion, thought } = *self;
        json!({
            "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
            "completion_tokens_details": {"reasoning_tokens": thought},
        })
    }
}
