//! Connections: so many at once, and none on which nothing moves.
//!
//! A connection is closed when its reader takes nothing for a while, or when neither side says anything for as long as the
//! longest request may take. Knows no HTTP.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};

use crate::Limits;

/// Listens, and takes a connection when there is a place for it.
pub(crate) struct Listener {
    inner: TcpListener,
    places: Arc<Semaphore>,
    to_read: Duration,
    to_write: Duration,
}

impl Listener {
    /// Listens at the address.
    pub async fn bind(address: SocketAddr, limits: &Limits) -> io::Result<Listener> {
        let inner = TcpListener::bind(address).await?;
        let to_read = limits.request.max(limits.body_time) + limits.silence;
        Ok(Listener { inner, places: Arc::new(Semaphore::new(limits.connections)), to_read, to_write: limits.silence })
    }

    /// Where it listens.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

impl axum::serve::Listener for Listener {
    type Io = Socket;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Socket, SocketAddr) {
        let place = self.places.clone().acquire_owned().await.expect("the places are never closed");
        let (stream, address) = axum::serve::Listener::accept(&mut self.inner).await;
        _ = stream.set_nodelay(true); // a token is worth a packet
        let quiet = |time| Quiet { time, sleep: Box::pin(tokio::time::sleep(time)), is_waiting: false };
        (Socket { stream, reading: quiet(self.to_read), writing: quiet(self.to_write), _place: place }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.inner.local_addr()
    }
}

/// A connection.
pub(crate) struct Socket {
    stream: TcpStream,
    reading: Quiet,
    writing: Quiet,
    _place: OwnedSemaphorePermit,
}

/// How long one direction may wait.
struct Quiet {
    time: Duration,
    sleep: Pin<Box<Sleep>>,
    is_waiting: bool,
}

impl Quiet {
    /// What a poll gave, or that it has waited too long.
    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.is_waiting = false;
            return polled;
        }
        if !self.is_waiting {
            self.restart();
        }
        match self.sleep.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }

    fn restart(&mut self) {
        self.is_waiting = true;
        self.sleep.as_mut().reset(Instant::now() + self.time);
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        let polled = Pin::new(&mut socket.stream).poll_read(context, buffer);
        socket.reading.watch(context, polled)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let polled = Pin::new(&mut socket.stream).poll_write(context, bytes);
        if polled.is_ready() {
            socket.reading.is_waiting = false; // something moved
        }
        socket.writing.watch(context, polled)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }

    fn poll_write_vectored(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let polled = Pin::new(&mut socket.stream).poll_write_vectored(context, bytes);
        if polled.is_ready() {
            socket.reading.is_waiting = false;
        }
        socket.writing.watch(context, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
