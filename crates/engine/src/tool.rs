//! Tools that a model may call while it writes: text in, text out.

use std::sync::Arc;

/// A tool. What it is given was written by a model and is hostile; what it gives back is text that the model reads and never learns.
pub trait Tool: Send + Sync {
    /// Answers a call. It always answers: what went wrong is told in the text.
    fn call(&self, input: &str) -> ToolOutput;
}

/// A tool's answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolOutput {
    /// What the model reads.
    pub text: String,
    /// Where it is from, for people to follow.
    pub sources: Vec<Source>,
}

impl ToolOutput {
    /// An answer that is from nowhere.
    pub fn text(text: impl Into<String>) -> ToolOutput {
        ToolOutput { text: text.into(), sources: Vec::new() }
    }
}

/// A page that an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its address.
    pub url: String,
    /// Its title, or the beginning of its text.
    pub title: String,
}

/// The tools that a model can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ToolKind {
    /// Between `<|search_start|>` and `<|search_end|>`.
    Search,
    /// Between `<|python_start|>` and `<|python_end|>`.
    Python,
}

impl ToolKind {
    /// All of them.
    pub const ALL: [ToolKind; 2] = [ToolKind::Search, ToolKind::Python];

    /// The special token that begins a call of it.
    pub fn start(self) -> &'static str {
        match self {
            ToolKind::Search => "<|search_start|>",
            ToolKind::Python => "<|python_start|>",
        }
    }

    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            ToolKind::Search => "search",
            ToolKind::Python => "Python",
        }
    }
}

/// The tools that are there, and what a model may ask of them.
#[derive(Clone, Default)]
pub struct Toolset {
    /// Looks a query up.
    pub search: Option<Arc<dyn Tool>>,
    /// Runs a program.
    pub python: Option<Arc<dyn Tool>>,
    /// Tools that the caller runs itself: a call of one ends the answer, whatever room there is, and is told as any other.
    pub of_caller: Vec<ToolKind>,
    /// What the calls of an answer may cost.
    pub limits: ToolLimits,
}

impl Toolset {
    /// The tool of this kind, if it is there.
    pub fn get(&self, kind: ToolKind) -> Option<&Arc<dyn Tool>> {
        match kind {
            ToolKind::Search => self.search.as_ref(),
            ToolKind::Python => self.python.as_ref(),
        }
    }
}

/// What the calls of an answer may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolLimits {
    /// Calls of an answer. Those beyond are answered by a sentence.
    pub calls: usize,
    /// Tokens of a call; one that is longer counts as never closed.
    pub call_tokens: usize,
    /// Tokens of an output, at least 8. What is longer is cut.
    pub output_tokens: usize,
    /// Tokens that have room behind every output. An answer that has not so many left ends instead of calling.
    pub room_behind: usize,
    /// Tools that run at the same time, for all answers together, at least 1.
    pub threads: usize,
    /// Tokens of a thought, after which `</think>` is forced and the answer has to begin; any number where absent.
    pub thought_tokens: Option<usize>,
}

impl Default for ToolLimits {
    fn default() -> ToolLimits {
        ToolLimits { calls: 8, call_tokens: 512, output_tokens: 160, room_behind: 32, threads: 4, thought_tokens: None }
    }
}
