//! An answer as it grows: what the model's thread tells becomes parts to keep and events to show.
//!
//! Blocks of text are rendered when the caller asks ([`Writer::flush`]), so that it decides how often. Knows no HTTP and no database.

use engine::{Completion, Finish, ToolKind, ToolOutput};
use serde_json::{Value, json};
use tokenizer::Tokenizer;
use tokenizer::chat::{ChatFormat, Part, parse_answer};

use super::view::shown;
use crate::render::{self, Blocks};
use crate::store::{Answer, Source};

/// An event of the page's stream: its name and its data.
pub(super) type Told = (&'static str, Value);

/// Collects an answer.
pub(super) struct Writer {
    parts: Vec<Part>,
    sources: Vec<Vec<Source>>,
    blocks: Blocks,
    /// A thought that was not told yet.
    thought: String,
    prompt_tokens: usize,
    completion_tokens: usize,
}

impl Writer {
    /// An answer without words to a prompt of so many tokens.
    pub fn new(prompt_tokens: usize) -> Writer {
        Writer {
            parts: Vec::new(),
            sources: Vec::new(),
            blocks: Blocks::new(0),
            thought: String::new(),
            prompt_tokens,
            completion_tokens: 0,
        }
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// A token came.
    pub fn token(&mut self) {
        self.completion_tokens += 1;
    }

    /// Words came. Where they follow something else, what was open is done: its last form is told.
    pub fn words(&mut self, text: &str, is_thought: bool) -> Vec<Told> {
        if text.is_empty() {
            return Vec::new();
        }
        let is_new = !matches!((self.parts.last(), is_thought), (Some(Part::Text(_)), false) | (Some(Part::Thought(_)), true));
        let told = if is_new { self.finish() } else { Vec::new() };
        if is_new {
            self.parts.push(if is_thought { Part::Thought(String::new()) } else { Part::Text(String::new()) });
        }
        if let Some(Part::Text(words) | Part::Thought(words)) = self.parts.last_mut() {
            *words += text;
        }
        if is_thought {
            self.thought += text
        } else {
            self.blocks.push(text)
        }
        told
    }

    /// A tool was called.
    pub fn call(&mut self, tool: ToolKind, input: String) -> Vec<Told> {
        let mut told = self.finish();
        let part = if tool == ToolKind::Python { Part::Python(input) } else { Part::Search(input) };
        told.extend(call_of(&part).map(|(name, input)| call_event(name, input)));
        self.parts.push(part);
        told
    }

    /// A tool answered.
    pub fn output(&mut self, output: ToolOutput) -> Vec<Told> {
        let mut told = self.finish();
        let sources: Vec<Source> = output.sources.into_iter().map(|source| Source { url: source.url, title: source.title }).collect();
        told.push(("output", json!({ "text": output.text, "sources": shown(sources.clone()) })));
        self.sources.push(sources);
        self.parts.push(Part::Output(output.text));
        told
    }

    /// What changed since the last call, and how many tokens there are.
    pub fn flush(&mut self, context: usize) -> Vec<Told> {
        let mut told = self.thoughts();
        told.extend(self.blocks.take().into_iter().map(|block| ("block", json!(block))));
        let (prompt, completion) = (self.prompt_tokens, self.completion_tokens);
        told.push(("tokens", json!({ "prompt": prompt, "completion": completion, "context": context })));
        told
    }

    /// Ends what is open.
    pub fn finish(&mut self) -> Vec<Told> {
        let mut told = self.thoughts();
        told.extend(self.blocks.finish().into_iter().map(|block| ("block", json!(block))));
        told
    }

    fn thoughts(&mut self) -> Vec<Told> {
        let thought = std::mem::take(&mut self.thought);
        if thought.is_empty() { Vec::new() } else { vec![("thought", json!({ "text": thought }))] }
    }

    /// Takes over what the model's thread says of the whole answer: its parts exactly as the model wrote and read them. Ends what is open,
    /// and tells a call that the answer broke off in.
    pub fn whole(&mut self, completion: &Completion, tokenizer: &Tokenizer, format: ChatFormat) -> Vec<Told> {
        self.completion_tokens = completion.ids.len();
        let mut told = self.finish();
        if format != ChatFormat::Schoolhouse {
            return told;
        }
        let known = self.parts.iter().filter(|part| call_of(part).is_some()).count();
        self.parts = parse_answer(&completion.ids, tokenizer);
        told.extend(self.parts.iter().filter_map(call_of).skip(known).map(|(name, input)| call_event(name, input)));
        told
    }

    /// What is to be kept.
    pub fn answer(&self, finish: Option<&str>) -> Answer {
        let outputs = self.parts.iter().filter(|part| matches!(part, Part::Output(_))).count();
        let mut sources = self.sources.clone();
        sources.resize(outputs, Vec::new());
        let tokens = Some((self.prompt_tokens as i64, self.completion_tokens as i64));
        Answer { parts: self.parts.clone(), sources, finish: finish.map(str::to_owned), tokens }
    }

    /// Tokens of the prompt and of the answer.
    pub fn usage(&self) -> Value {
        json!({ "prompt_tokens": self.prompt_tokens, "completion_tokens": self.completion_tokens })
    }
}

/// A call's tool and what was asked of it.
fn call_of(part: &Part) -> Option<(&'static str, &str)> {
    match part {
        Part::Search(query) => Some(("search", query)),
        Part::Python(code) => Some(("python", code)),
        _ => None,
    }
}

fn call_event(tool: &str, input: &str) -> Told {
    let html = if tool == "python" { render::program("python", input) } else { String::new() };
    ("call", json!({ "tool": tool, "input": input, "html": html }))
}

/// An answer's end in a word.
pub(super) fn finish_name(finish: Finish) -> &'static str {
    match finish {
        Finish::Stop(_) | Finish::StopText(_) => "stop",
        Finish::Length => "length",
        Finish::NoRoom { .. } => "no_room",
        Finish::Halted => "stopped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words of a stream, as the page would show them.
    fn names(told: &[Told]) -> Vec<&'static str> {
        told.iter().map(|(name, _)| *name).collect()
    }

    #[test]
    fn an_answer_with_a_tool_is_told_in_its_order() {
        let mut writer = Writer::new(10);
        assert_eq!(writer.words("I look", true), []);
        assert_eq!(names(&writer.flush(512)), ["thought", "tokens"]);
        writer.words(" it up", true);
        let told = writer.call(ToolKind::Search, "Bado".into());
        assert_eq!(names(&told), ["thought", "call"]);
        assert_eq!(told[0].1["text"], " it up");
        let source = engine::Source { url: "https://a.org/".into(), title: "A".into() };
        let script = engine::Source { url: "javascript:alert(1)".into(), title: "B".into() };
        let told = writer.output(ToolOutput { text: "a weaver".into(), sources: vec![source, script] });
        assert_eq!(told[0].1["sources"].as_array().unwrap().len(), 1, "no address that runs is shown");
        writer.words("A *weaver*", false);
        let told = writer.flush(512);
        assert_eq!(told[0], ("block", json!({ "index": 0, "html": "<p>A <em>weaver</em></p>\n" })));
        writer.words(".\n\nYes.", false);
        assert_eq!(names(&writer.finish()), ["block", "block"]);
        let kept = writer.answer(Some("stop"));
        let text = |words: &str| Part::Text(words.into());
        let expected = [
            Part::Thought("I look it up".into()),
            Part::Search("Bado".into()),
            Part::Output("a weaver".into()),
            text("A *weaver*.\n\nYes."),
        ];
        assert_eq!(kept.parts, expected);
        assert_eq!(kept.sources.len(), 1);
        assert_eq!(kept.tokens, Some((10, 0)));
    }

    #[test]
    fn blocks_are_numbered_through_the_answer() {
        let mut writer = Writer::new(1);
        writer.words("one", false);
        let first = writer.call(ToolKind::Python, "1+1".into());
        assert_eq!(names(&first), ["block", "call"]);
        assert!(first[1].1["html"].as_str().unwrap().contains("code-number"));
        writer.output(ToolOutput::text("2"));
        writer.words("two", false);
        assert_eq!(writer.finish()[0].1["index"], 1);
        assert!(writer.flush(9).len() == 1, "nothing is told twice");
    }
}
