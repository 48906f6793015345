//! The search tool: a query written by a model, an answer short enough for a small one to read and cite.
//!
//! Knows nothing of where hits come from: the local index and services on the web are providers alike.

mod index;
mod query;
mod snippet;

use engine::{Source, Tool, ToolOutput};

use crate::Result;
use crate::plain::{clip, one_line};

pub use index::{Document, SearchIndex};

/// What is answered when nothing fits.
pub const NOTHING_FOUND: &str = "Nothing was found.";

/// What stands before the query behind what was found.
pub const ASKED: &str = "Asked:";

/// A query is cut at so many characters.
const MAX_QUERY: usize = 400;

/// How much an answer may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SearchLimits {
    /// Pages.
    pub hits: usize,
    /// Characters of all pages' sentences together; addresses come on top.
    pub characters: usize,
}

impl Default for SearchLimits {
    /// One short page whole rather than pieces of several: little enough that a context of 256 tokens has room for it.
    fn default() -> SearchLimits {
        SearchLimits { hits: 1, characters: 400 }
    }
}

/// A page that fits a query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hit {
    /// Its address, or its id where it has none.
    pub url: String,
    /// Its title, or the beginning of its text.
    pub title: String,
    /// When it was fetched or written, where that is known.
    pub date: String,
    /// The sentences of it that fit best, in one line.
    pub text: String,
}

/// Where hits come from. A query is plain words; hits come best first and within the limits.
pub trait SearchProvider: Send + Sync {
    /// The pages that fit a query; none is fine.
    fn search(&self, query: &str, limits: &SearchLimits) -> Result<Vec<Hit>>;
}

/// The tool.
pub struct Search {
    provider: Box<dyn SearchProvider>,
    limits: SearchLimits,
}

impl Search {
    /// Search with a provider.
    pub fn new(provider: Box<dyn SearchProvider>, limits: SearchLimits) -> Search {
        Search { provider, limits }
    }
}

impl Tool for Search {
    /// One line per page: address, colon, sentences. The query stands once more behind them: a small model reads what it wants to know
    /// right before it answers.
    fn call(&self, input: &str) -> ToolOutput {
        let input = &input[..input.char_indices().nth(MAX_QUERY).map_or(input.len(), |(at, _)| at)];
        let query = one_line(input);
        let told = |text: String| ToolOutput { text, sources: Vec::new() };
        if !query.contains(char::is_alphanumeric) {
            return told("The query holds no words.".to_string());
        }
        match self.provider.search(&query, &self.limits) {
            Ok(hits) if hits.is_empty() => told(NOTHING_FOUND.to_string()),
            Ok(hits) => {
                let lines: Vec<String> =
                    hits.iter().map(|hit| format!("{}: {}", hit.url, hit.text)).chain([format!("{ASKED} {query}")]).collect();
                let sources = hits.into_iter().map(|hit| Source { url: hit.url, title: hit.title }).collect();
                ToolOutput { text: lines.join("\n"), sources }
            }
            Err(error) => told(format!("The search failed: {}.", clip(&one_line(&error.to_string()), 200, 0))),
        }
    }
}
