//! Answers as a stream, in the page's own events:
//!
//! `start` {question, answer, siblings, model, title}, then in the order in which they happen `block` {index, html} (in place of what that
//! number said before), `thought` {text}, `call` {tool, input, html}, `output` {text, sources}, `tokens` {prompt, completion, context}, and
//! at the end `done` {message, finish, usage} or `error` {message}. The open block is told at most 20 times a second.
//!
//! Who stops listening stops the answer; what there is of it is kept.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::response::Response;
use axum::response::sse::Event as Sse;
use futures_util::future::{Either, select};
use serde::Deserialize;
use serde_json::json;
use tokenizer::chat::{ChatFormat, Role};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, timeout_at};

use super::writer::{Told, Writer, finish_name};
use super::{Answered, UNNAMED, prompt, title_of};
use crate::hub::{Answering, Event, Lease};
use crate::store::{Changes, Chat, NewMessage, Store, Tree};
use crate::{App, JsonBody, Refusal, events};

/// The open block is told this often, at most.
const EVERY: Duration = Duration::from_millis(50);

/// An answer under way is kept this often, in case the program is killed.
const KEEP: Duration = Duration::from_secs(2);

/// Events that wait for a slow reader; behind these the answer's own wait.
const WAITING: usize = 32;

/// What is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum Ask {
    /// A question behind the branch that is shown.
    Send {
        /// What it says.
        text: String,
    },
    /// Other words for a question: a branch beside it.
    Edit {
        /// The question.
        message: i64,
        /// What it says now.
        text: String,
    },
    /// Another answer beside this one, or one to a question that has none.
    Again {
        /// The answer, or the question.
        message: i64,
    },
}

/// Where the answer will stand: behind a new question, or behind one that is there.
struct Place {
    /// What the question or the answer follows.
    parent: Option<i64>,
    /// The new question.
    question: Option<String>,
}

impl Ask {
    fn place(&self, chat: i64, tree: &Tree) -> Answered<Place> {
        let find = |id: i64| tree.get(id).ok_or_else(|| Refusal::not_found(format!("there is no message {id} in chat {chat}")));
        let words = |text: &str| match text.trim() {
            "" => Err(Refusal::invalid(Some("text"), "a question has at least one word")),
            text => Ok(Some(text.to_owned())),
        };
        match self {
            Ask::Send { text } => Ok(Place { parent: tree.leaf, question: words(text)? }),
            Ask::Edit { message, text } => match find(*message)? {
                stored if stored.role == Role::User => Ok(Place { parent: stored.parent, question: words(text)? }),
                _ => Err(Refusal::invalid(Some("message"), "an answer cannot be edited; ask for another one")),
            },
            Ask::Again { message } => {
                let stored = find(*message)?;
                let parent = if stored.role == Role::User { Some(stored.id) } else { stored.parent };
                Ok(Place { parent, question: None })
            }
        }
    }
}

/// An answer that has begun.
struct Begun {
    app: Arc<App>,
    chat: i64,
    /// The answer's message.
    message: i64,
    answering: Answering,
    lease: Lease,
    format: ChatFormat,
    writer: Writer,
    sender: Sender<Told>,
}

pub(super) async fn answer(State(app): State<Arc<App>>, Path(id): Path<i64>, JsonBody(ask): JsonBody<Ask>) -> Answered<Response> {
    let (chat, tree) = app.store.with(move |store| Ok((store.chat(id)?, store.tree(id)?))).await?;
    let place = ask.place(id, &tree)?;
    let lease = app.hub.model(&chat.model).await?;
    let format = lease.format.ok_or_else(|| {
        Refusal::invalid(
            Some("model"),
            format!("the vocabulary of {} has no chat format that is known here; use the playground", chat.model),
        )
    })?;
    let has_tools = chat.settings.tools && format == ChatFormat::Schoolhouse;
    let told = chat.settings.told(if has_tools { &app.tools_offered } else { "" });
    let mut conversation = prompt::conversation(&told, &tree.path(place.parent), format);
    conversation.messages.extend(place.question.as_deref().map(|text| tokenizer::chat::Message::text(Role::User, text)));
    let ids = prompt::ids(&conversation, &lease.folder.tokenizer, format)?;
    let writer = Writer::new(ids.len());
    let request = prompt::request(ids, &chat.settings.sampling, &lease.folder, lease.context)?;
    // Nothing is kept before there is a place for the answer: who is refused may ask again.
    let answering = lease.submit(request, has_tools, chat.settings.sampling.thinking_tokens).await?;
    // From here on in a task of its own: who hangs up in between leaves no answer that nobody writes.
    let begun = tokio::spawn(begin(app, chat, place, told, Answerer { answering, lease, format, writer }));
    begun.await.map_err(|_| Refusal::internal("a part of the server failed; the question may be asked again"))?
}

/// Who writes an answer, and what of it is there.
struct Answerer {
    answering: Answering,
    lease: Lease,
    format: ChatFormat,
    writer: Writer,
}

/// Keeps the question and begins to tell the answer.
async fn begin(app: Arc<App>, chat: Chat, place: Place, told: String, answerer: Answerer) -> Answered<Response> {
    let Answerer { answering, lease, format, writer } = answerer;
    let id = chat.id;
    let (question, message, title, siblings) = keep(&app.store, chat, place, told).await?;
    let (sender, receiver) = channel(WAITING);
    let start = json!({ "question": question, "answer": message, "siblings": siblings, "model": lease.id, "title": title });
    tokio::spawn(Begun { app, chat: id, message, answering, lease, format, writer, sender }.write(("start", start)));
    Ok(events::send(receiver, |(name, data)| Sse::default().event(name).data(data.to_string()), None))
}

/// Keeps the question, if it is new, and an answer without words. Gives their numbers, the chat's title and the numbers of the answers
/// to the same question.
async fn keep(store: &Store, chat: Chat, place: Place, told: String) -> Answered<(Option<i64>, i64, String, Vec<i64>)> {
    let kept = store.with(move |store| {
        let question =
            place.question.as_ref().map(|text| store.add_message(chat.id, &NewMessage::question(place.parent, text))).transpose()?;
        let parent = question.or(place.parent);
        let (role, model, told) = (Role::Assistant, Some(chat.model), Some(told));
        let message = store.add_message(chat.id, &NewMessage { parent, role, parts: Vec::new(), model, told })?;
        let mut title = chat.title;
        if let Some(text) = place.question.filter(|_| title == UNNAMED) {
            title = title_of(&text);
            store.change_chat(chat.id, &Changes { title: Some(title.clone()), ..Changes::default() })?;
        }
        let siblings = store.tree(chat.id)?.children(parent).collect();
        Ok((question, message, title, siblings))
    });
    Ok(kept.await?)
}

/// What is heard next.
enum Heard {
    /// Of the answer.
    Event(Option<Event>),
    /// It is time to tell.
    Due,
    /// Nobody listens any more.
    Gone,
}

/// Waits for the next event, until a moment.
async fn hear(answering: &mut Answering, sender: &Sender<Told>, due: Option<Instant>) -> Heard {
    let (next, closed) = (pin!(answering.next()), pin!(sender.closed()));
    let either = select(next, closed);
    let heard = match due {
        Some(due) => timeout_at(due, either).await,
        None => Ok(either.await),
    };
    match heard {
        Ok(Either::Left((event, _))) => Heard::Event(event),
        Ok(Either::Right(_)) => Heard::Gone,
        Err(_) => Heard::Due,
    }
}

impl Begun {
    /// Tells and keeps the answer, until it is whole or nobody listens.
    async fn write(mut self, start: Told) {
        let mut kept = Instant::now();
        // When the open block may be told again; nothing while there is nothing new.
        let (mut last, mut due) = (Instant::now() - EVERY, None);
        let mut is_heard = self.tell(vec![start]).await;
        while is_heard {
            let told = match hear(&mut self.answering, &self.sender, due).await {
                Heard::Gone => break,
                Heard::Due => {
                    (last, due) = (Instant::now(), None);
                    if kept.elapsed() > KEEP {
                        self.keep(None).await;
                        kept = Instant::now();
                    }
                    self.writer.flush(self.lease.context)
                }
                Heard::Event(Some(Event::Done(completion))) => {
                    let finish = finish_name(completion.finish);
                    let told = self.writer.whole(&completion, &self.lease.folder.tokenizer, self.format);
                    return self.end(finish, told).await;
                }
                Heard::Event(Some(Event::Failed(refusal))) => return self.fail(refusal).await,
                Heard::Event(None) => return self.fail(Refusal::internal("the answer broke off")).await,
                Heard::Event(Some(event)) => {
                    due = due.or(Some(last + EVERY));
                    self.take(event)
                }
            };
            is_heard = self.tell(told).await;
        }
        self.stop().await;
    }

    fn take(&mut self, event: Event) -> Vec<Told> {
        match event {
            Event::Token { text, thought, .. } => {
                self.writer.token();
                self.writer.words(&text, thought)
            }
            Event::Rest { text, thought } => self.writer.words(&text, thought),
            Event::Call { tool, input } => self.writer.call(tool, input),
            Event::Output(output) => self.writer.output(output),
            Event::Done(_) | Event::Failed(_) => Vec::new(),
        }
    }

    /// Tells; gives whether somebody listens.
    async fn tell(&self, told: Vec<Told>) -> bool {
        for event in told {
            if self.sender.send(event).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Keeps the answer as it is.
    async fn keep(&self, finish: Option<&str>) -> bool {
        let (message, answer) = (self.message, self.writer.answer(finish));
        self.app.store.with(move |store| store.keep_answer(message, &answer)).await.is_ok()
    }

    /// The answer is whole.
    async fn end(mut self, finish: &'static str, mut told: Vec<Told>) {
        told.extend(self.writer.flush(self.lease.context));
        let is_kept = self.keep(Some(finish)).await;
        told.push(match is_kept {
            true => ("done", json!({ "message": self.message, "finish": finish, "usage": self.writer.usage() })),
            false => ("error", json!({ "message": "the answer could not be kept; is there room on the disk?" })),
        });
        self.tell(told).await;
    }

    /// The answer was stopped: what there is of it stays.
    async fn stop(self) {
        if self.writer.is_empty() {
            self.forget().await;
        } else {
            self.keep(Some("stopped")).await;
        }
    }

    /// The answer failed: what there is of it stays, and the reason is told.
    async fn fail(mut self, refusal: Refusal) {
        let mut told = self.writer.finish();
        if self.writer.is_empty() {
            self.forget().await;
        } else {
            self.keep(Some("error")).await;
        }
        told.push(("error", json!({ "message": refusal.message })));
        self.tell(told).await;
    }

    /// An answer without a word is none.
    async fn forget(&self) {
        let (chat, message) = (self.chat, self.message);
        // The chat may have been deleted meanwhile, and the answer with it.
        _ = self.app.store.with(move |store| store.remove_message(chat, message)).await;
    }
}
