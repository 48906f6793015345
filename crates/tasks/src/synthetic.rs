//! Conversations that another model writes: prompts from a file, and what must hold of an answer before anybody learns from it. Knows
//! no endpoint and no model.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;
use tokenizer::SPECIALS;
use tokenizer::chat::{Conversation, Message, Role};

use crate::Result;
use crate::ask::{self, Answer, End, Speaker, after_thought};
use crate::conversations::StoredConversation;

/// The kind of these conversations.
pub const KIND: &str = "synthetic";

/// A line of a file of prompts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Prompt {
    /// Its name; where the file gives none, one that is made from the texts.
    pub id: String,
    /// What the model is told before the conversation; empty for nothing.
    pub system: String,
    /// What it is asked.
    pub text: String,
}

/// A file of prompts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Prompts {
    /// Those that can be asked, in order, each id once.
    pub prompts: Vec<Prompt>,
    /// Lines that say what a line before them says.
    pub repeated: usize,
    /// One sentence for each line that cannot be used; it is left out.
    pub left_out: Vec<String>,
}

/// What else an answer must keep to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Words of an answer, at most.
    pub max_words: Option<usize>,
    /// Texts that no answer may hold, in any case.
    pub refused: Vec<String>,
}

impl Prompt {
    /// What is asked.
    pub fn turns(&self) -> ask::Prompt {
        let system = Some((Speaker::System, self.system.clone())).filter(|(_, text)| !text.is_empty());
        ask::Prompt::Chat(system.into_iter().chain([(Speaker::User, self.text.clone())]).collect())
    }
}

/// Reads a file of prompts: each line is a JSON object with `prompt`, and `system` and `id` if it has them, or is the prompt itself.
///
/// # Errors
/// Where the file cannot be read.
pub fn read_prompts(path: &Path) -> Result<Prompts> {
    let text = base::files::read_text(path)?;
    let mut file = Prompts::default();
    let mut known: HashSet<Prompt> = HashSet::new();
    let mut ids: HashSet<String> = HashSet::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        match prompt_of(line) {
            Ok(prompt) if known.contains(&prompt) => file.repeated += 1,
            Ok(prompt) if !ids.insert(prompt.id.clone()) => {
                file.left_out.push(format!("{} line {}: the id {} stands on an earlier line", path.display(), index + 1, prompt.id));
            }
            Ok(prompt) => {
                known.insert(prompt.clone());
                file.prompts.push(prompt);
            }
            Err(why) => file.left_out.push(format!("{} line {}: {why}", path.display(), index + 1)),
        }
    }
    Ok(file)
}

fn prompt_of(line: &str) -> std::result::Result<Prompt, String> {
    let mut prompt = Prompt { id: String::new(), system: String::new(), text: line.to_owned() };
    if line.starts_with('{') {
        let record: Value = serde_json::from_str(line).map_err(|error| format!("it begins as JSON and is none: {error}"))?;
        let text = |key: &str| record[key].as_str().unwrap_or_default().trim().to_owned();
        prompt = Prompt { id: text("id"), system: text("system"), text: text("prompt") };
        if let Value::Number(id) = &record["id"] {
            prompt.id = id.to_string();
        }
    }
    if prompt.text.is_empty() {
        return Err("it has no text \"prompt\"".into());
    }
    for text in [&prompt.system, &prompt.text] {
        pure(text).map_err(|why| format!("the prompt {why}"))?;
    }
    if prompt.id.is_empty() {
        let texts = format!("{}\u{0}{}", prompt.system, prompt.text);
        prompt.id = format!("prompt-{}", &base::files::hash_bytes(texts.as_bytes())[..12]);
    }
    Ok(prompt)
}

/// The conversation that an answer makes of a prompt, or why it is none to learn from.
pub fn conversation(prompt: &Prompt, answer: &Answer, rules: &Rules) -> std::result::Result<StoredConversation, String> {
    match answer.end {
        End::Ended => {}
        End::Cut => return Err("the answer was cut by its length".into()),
        End::TooLong => return Err("the prompt is longer than the model's context".into()),
        End::Refused => return Err("the endpoint refused the prompt".into()),
    }
    let text = after_thought(&answer.text).replace("\r\n", "\n");
    let text = text.trim();
    if text.is_empty() {
        return Err("the answer is empty".into());
    }
    pure(text).map_err(|why| format!("the answer {why}"))?;
    if let Some(most) = rules.max_words.filter(|&most| text.split_whitespace().count() > most) {
        return Err(format!("the answer has more than {most} words"));
    }
    let lower = text.to_lowercase();
    if let Some(held) = rules.refused.iter().find(|refused| lower.contains(&refused.to_lowercase())) {
        return Err(format!("the answer holds {held:?}"));
    }
    let mut messages = Vec::new();
    if !prompt.system.is_empty() {
        messages.push(Message::text(Role::System, prompt.system.as_str()));
    }
    messages.extend([Message::text(Role::User, prompt.text.as_str()), Message::text(Role::Assistant, text)]);
    Ok(StoredConversation { id: prompt.id.clone(), split: "train".into(), kind: KIND.into(), conversation: Conversation { messages } })
}

/// Whether a text is text alone. One that spells a special token is harmless here, and control for other programs that read the file.
fn pure(text: &str) -> std::result::Result<(), String> {
    if text.chars().any(|c| c.is_control() && c != '\n' && c != '\t') {
        return Err("has control characters".into());
    }
    match SPECIALS.iter().find(|special| text.contains(*special)) {
        Some(special) => Err(format!("spells the special token {special}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_prompts_is_read_line_by_line() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-prompts-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("prompts.jsonl");
        let lines = [
            "\u{feff}Why is the sky blue?",
            "",
            r#"{"prompt": "Name a bird.", "system": "Be brief.", "id": "bird"}"#,
            r#"{"prompt": "Name a fish.", "id": 7}"#,
            "  Why is the sky blue?  ",
            r#"{"prompt": "Why is the sky blue?"}"#,
            r#"{"prompt": "Name a tree.", "id": "bird"}"#,
            r#"{"prompt": "Name a"#,
            r#"{"text": "Name a stone."}"#,
            "Say <|im_end|> twice.",
            r#"{"prompt": "Ring the \u0007."}"#,
        ];
        std::fs::write(&path, lines.join("\r\n")).unwrap();
        let file = read_prompts(&path).unwrap();
        let found: Vec<(&str, &str, &str)> = file.prompts.iter().map(|p| (p.id.as_str(), p.system.as_str(), p.text.as_str())).collect();
        let sky = found[0].0;
        assert!(sky.starts_with("prompt-") && sky.len() == 19, "{sky}");
        assert_eq!(found, [(sky, "", lines[4].trim()), ("bird", "Be brief.", "Name a bird."), ("7", "", "Name a fish.")]);
        assert_eq!(file.repeated, 2);
        let expected = [
            "line 7: the id bird stands",
            "line 8: it begins as JSON and is none",
            "line 9: it has no text \"prompt\"",
            "line 10: the prompt spells the special token <|im_end|>",
            "line 11: the prompt has control characters",
        ];
        assert_eq!(file.left_out.len(), expected.len(), "{:?}", file.left_out);
        for (told, expected) in file.left_out.iter().zip(expected) {
            assert!(told.contains(expected), "{told}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_nobody_should_learn_from_is_refused() {
        let prompt = Prompt { id: "a".into(), system: "Be kind.".into(), text: "Hello".into() };
        let rules = Rules { max_words: Some(5), refused: vec!["language model".into()] };
        let check = |text: &str, end: End, expected: &str| {
            let found = conversation(&prompt, &Answer::plain(text.into(), end), &rules);
            let found = found.map_or_else(|why| why, |stored| stored.to_json()["messages"].to_string());
            assert!(found.contains(expected), "{text:?}: {found}");
        };
        let whole =
            r#"[{"role":"system","content":"Be kind."},{"role":"user","content":"Hello"},{"role":"assistant","content":"Good\nday."}]"#;
        check(" Good\r\nday.\n", End::Ended, whole);
        check("<think>He greets.</think>\n\nGood\nday.", End::Ended, whole);
        check("Good day", End::Cut, "cut by its length");
        check("", End::TooLong, "longer than the model's context");
        check("no", End::Refused, "the endpoint refused the prompt");
        check(" \n", End::Ended, "is empty");
        check("<think>He greets.", End::Ended, "is empty");
        check("Good\u{1b}[2J", End::Ended, "control characters");
        check("Good <|endoftext|>", End::Ended, "special token <|endoftext|>");
        check("Good <think>day</think>", End::Ended, "special token <think>");
        check("one two three four five six", End::Ended, "more than 5 words");
        check("I, a Language Model", End::Ended, "holds \"language model\"");
    }
}
