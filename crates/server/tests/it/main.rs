//! The server over real sockets, on small random models.

#![forbid(unsafe_code)]

mod chats;
mod chats_of_openai;
mod client;
mod completions;
mod limits;
mod look;
mod models;
mod pages;
mod school;
mod small;
mod tokens;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use base::stop::Stop;
use engine::{Source, Tool, ToolOutput, Toolset};
use serde_json::Value;
use server::{Limits, Options, Server};

use client::{Answer, Client};
use small::Scratch;

/// A server that runs as long as this lives.
struct Running {
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    scratch: Scratch,
}

/// A tool that always says the same.
struct FortyTwo;

impl Tool for FortyTwo {
    fn call(&self, _: &str) -> ToolOutput {
        let source = Source { url: "https://example.org/42".into(), title: "Forty-two".into() };
        ToolOutput { text: "42".into(), sources: vec![source] }
    }
}

/// A server with the model `school/small`, whose context is 256.
fn serve() -> Running {
    serve_with(|_| {})
}

/// The same, with other options.
fn serve_with(change: impl FnOnce(&mut Options)) -> Running {
    serve_models(&[("small", 256)], change)
}

/// A server with models of these names and contexts.
fn serve_models(models: &[(&str, usize)], change: impl FnOnce(&mut Options)) -> Running {
    let scratch = Scratch::new();
    let models = models.iter().map(|(name, context)| small::write(&scratch.path().join("school").join(name), *context)).collect();
    let tools = |_: &Path| Ok(Toolset { search: Some(Arc::new(FortyTwo)), python: Some(Arc::new(FortyTwo)), ..Toolset::default() });
    let mut options = Options {
        address: "127.0.0.1:0".parse().unwrap(),
        keys: Vec::new(),
        models,
        runs: None,
        data: scratch.path().join("data"),
        limits: Limits::default(),
        tools: Arc::new(tools),
        tools_offered: "Tools: search, python.".into(),
        threads: 1,
    };
    change(&mut options);
    let server = Server::bind(options).unwrap();
    let (address, stop) = (server.address(), Stop::new());
    let stopped = stop.clone();
    let thread = std::thread::spawn(move || server.run(&stopped).unwrap());
    Running { address, stop, thread: Some(thread), scratch }
}

impl Running {
    fn client(&self) -> Client {
        Client::new(self.address)
    }

    fn get(&self, path: &str) -> Answer {
        self.client().get(path)
    }

    fn post(&self, path: &str, body: Value) -> Answer {
        self.client().post(path, &body)
    }

    /// The value of a line of /metrics; no number where it is not there.
    fn metric(&self, line: &str) -> f64 {
        let text = self.get("/metrics").text;
        text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok()).unwrap_or(f64::NAN)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

/// Waits until something is so, and fails where it is not within a minute.
#[track_caller]
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..1200 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("{what} did not come");
}
