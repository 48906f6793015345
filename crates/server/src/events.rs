//! Streams of server-sent events out of channels. What an event says is its sender's business.

use std::convert::Infallible;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{iter, poll_fn};
use tokio::sync::mpsc::Receiver;

/// Sends what comes through a channel, each piece as it is written, until no sender is left, and then the last event, if there is one.
/// When the reader goes away, the channel closes.
pub(crate) fn send<T: Send + 'static>(
    mut receiver: Receiver<T>,
    write: impl Fn(T) -> Event + Send + 'static,
    last: Option<Event>,
) -> Response {
    let told = poll_fn(move |context| receiver.poll_recv(context).map(|piece| piece.map(&write)));
    let events = told.chain(iter(last)).map(Ok::<_, Infallible>);
    Sse::new(events).keep_alive(KeepAlive::default()).into_response()
}
