//! The tools from outside: what they answer, to a model that means well and to one that does not.

#![forbid(unsafe_code)]

mod attacks;
mod endpoints;
mod programs;
mod searching;
mod server;

use engine::Tool;
use tools::python::{Limits, Python};
use tools::search::{Document, Search, SearchIndex, SearchLimits};

/// The Python tool with the child program of these tests.
fn python(limits: Limits) -> Python {
    Python::new(env!("CARGO_BIN_EXE_python-child"), &[], limits)
}

/// What a program answers that means well, on however busy a machine.
fn run(program: &str) -> String {
    python(Limits { wall_ms: 30_000, ..Limits::default() }).call(program).text
}

/// A document with its number as its id.
fn document(id: usize, url: &str, text: &str) -> Document {
    Document { id: format!("{id:04}"), url: url.to_string(), date: "2024-01-02T03:04:05Z".to_string(), text: text.to_string() }
}

/// The search tool over documents in memory.
fn search(documents: Vec<Document>) -> Search {
    let index = SearchIndex::in_memory(&mut documents.into_iter()).expect("an index");
    Search::new(Box::new(index), SearchLimits { hits: 3, characters: 300 })
}

/// What is found, without the query that stands behind it.
fn found(tool: &Search, query: &str) -> String {
    let text = tool.call(query).text;
    text.rsplit_once("\nAsked: ").map(|(found, _)| found.to_string()).unwrap_or(text)
}
