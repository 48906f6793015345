//! The seam between the report card and the models: prompts go in, texts come out.
//! Sections are written against it, so each is tested with a scripted answerer.

use engine::ToolKind;

use crate::Result;

/// Who speaks in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Whoever runs the assistant.
    System,
    /// Whoever asks.
    User,
    /// The assistant, in an earlier turn.
    Assistant,
}

/// What a model is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Prompt {
    /// The beginning of a page, to be gone on with.
    Page(String),
    /// A conversation in which the assistant has the next turn.
    Chat(Vec<(Speaker, String)>),
    /// The same, and the assistant may call the tools that its answerer has.
    Tools(Vec<(Speaker, String)>),
}

impl Prompt {
    /// A conversation of one question.
    pub fn user(text: impl Into<String>) -> Prompt {
        Prompt::Chat(vec![(Speaker::User, text.into())])
    }

    /// A conversation of one question, in which a system message offers tools.
    pub fn with_tools(offered: &str, text: impl Into<String>) -> Prompt {
        Prompt::Tools(vec![(Speaker::System, offered.to_owned()), (Speaker::User, text.into())])
    }
}

/// A prompt and how to go on from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// What the model is given.
    pub prompt: Prompt,
    /// At most so many tokens are written.
    pub max_tokens: usize,
    /// 0 is greedy.
    pub temperature: f32,
    /// The stream of this answer's draws.
    pub seed: u64,
    /// Whether only the first line is wanted: the answer may end with it.
    pub one_line: bool,
}

impl Question {
    /// The most likely answer.
    pub fn greedy(prompt: Prompt, max_tokens: usize) -> Question {
        Question { prompt, max_tokens, temperature: 0.0, seed: 0, one_line: false }
    }

    /// The most likely first line.
    pub fn greedy_line(prompt: Prompt, max_tokens: usize) -> Question {
        Question { one_line: true, ..Question::greedy(prompt, max_tokens) }
    }
}

/// How an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The model ended it.
    Ended,
    /// It was cut at `max_tokens`, or where the model's context is full.
    Cut,
    /// The prompt alone is longer than the model's context: nothing was asked.
    TooLong,
    /// Whoever was asked would not answer; the text says why.
    Refused,
}

/// What a model wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The text after the prompt, without control tokens, calls and what tools answered.
    pub text: String,
    /// How it ended.
    pub end: End,
    /// The calls of tools in it, in their order.
    pub calls: Vec<Call>,
}

impl Answer {
    /// An answer that called no tool.
    pub fn plain(text: String, end: End) -> Answer {
        Answer { text, end, calls: Vec::new() }
    }

    /// Whether it called this tool.
    pub fn called(&self, tool: ToolKind) -> bool {
        self.calls.iter().any(|call| call.tool == tool)
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which.
    pub tool: ToolKind,
    /// What the model wrote: a query or a program.
    pub input: String,
    /// What it read then.
    pub output: String,
}

/// What a text says behind the thought that it begins with; nothing where the thought has no end.
pub fn after_thought(text: &str) -> &str {
    match text.trim_start().strip_prefix("<think>") {
        None => text,
        Some(rest) => rest.split_once("</think>").map_or("", |(_, answer)| answer),
    }
}

/// Whoever answers: one answer a question, in their order. Many questions at a time
/// are answered much faster than one by one.
pub type Ask<'a> = dyn FnMut(&[Question]) -> Result<Vec<Answer>> + 'a;

/// An answerer from a function of the question, for tests of sections.
#[cfg(test)]
pub(crate) fn scripted(answer: impl Fn(&Question) -> String) -> impl FnMut(&[Question]) -> Result<Vec<Answer>> {
    move |questions| Ok(questions.iter().map(|question| Answer::plain(answer(question), End::Ended)).collect())
}

#[cfg(test)]
mod tests {
    use super::after_thought;

    #[test]
    fn a_thought_is_no_part_of_the_answer() {
        for (text, answer) in [
            ("Yes.", "Yes."),
            ("\n<think>Or no?</think>\n\nYes.", "\n\nYes."),
            ("<think>Or no?", ""),
            ("Yes. <think>Or no?</think>", "Yes. <think>Or no?</think>"),
        ] {
            assert_eq!(after_thought(text), answer);
        }
    }
}
