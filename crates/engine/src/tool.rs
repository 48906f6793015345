//! Tools that a model may call while it writes: text in, text out.

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

/// A page that an answer rests on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its address.
    pub url: String,
    /// Its title, or the beginning of its text.
    pub title: String,
}
