//! The chat formats that people have, beside ours: how a conversation becomes tokens in each.
//!
//! A format is known by the special tokens that a vocabulary has. Each has a template in Jinja that gives the same ids in
//! transformers, as long as no content spells a special token. Contents are text here as everywhere.

use super::{Conversation, Part, Rendered, Role, render, render_prompt};
use crate::{Encoder, Error, Result, Tokenizer, json};

/// How conversations are written as tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatFormat {
    /// Ours, with tools and thoughts: `<|endoftext|>`, then messages as in [`ChatFormat::ChatMl`].
    Schoolhouse,
    /// `<|im_start|>role<|im_sep|>content<|im_end|>`, as GPT-4o shows it.
    ChatMl,
    /// `<|im_start|>role`, a newline, `content<|im_end|>`, a newline, as Qwen has it.
    ChatMlLines,
    /// `<|begin_of_text|>`, then `<|start_header_id|>role<|end_header_id|>`, a blank line, `content<|eot_id|>`.
    Llama3,
}

impl ChatFormat {
    /// All of them.
    pub const ALL: [ChatFormat; 4] = [ChatFormat::Schoolhouse, ChatFormat::ChatMl, ChatFormat::ChatMlLines, ChatFormat::Llama3];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            ChatFormat::Schoolhouse => "schoolhouse",
            ChatFormat::ChatMl => "chatml",
            ChatFormat::ChatMlLines => "chatml-lines",
            ChatFormat::Llama3 => "llama3",
        }
    }

    /// The format that a vocabulary's special tokens are for.
    pub fn of(tokenizer: &Tokenizer) -> Option<ChatFormat> {
        ChatFormat::ALL.into_iter().find(|format| format.specials().iter().all(|special| tokenizer.special(special).is_some()))
    }

    /// The special tokens that it is made of.
    fn specials(self) -> &'static [&'static str] {
        match self {
            ChatFormat::Schoolhouse => &crate::SPECIALS,
            ChatFormat::ChatMl => &["<|im_start|>", "<|im_sep|>", "<|im_end|>"],
            ChatFormat::ChatMlLines => &["<|im_start|>", "<|im_end|>"],
            ChatFormat::Llama3 => &["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        }
    }

    /// The special token that ends a message.
    pub fn turn_end(self) -> &'static str {
        if self == ChatFormat::Llama3 { "<|eot_id|>" } else { "<|im_end|>" }
    }

    /// The format as a Jinja template, as transformers and others read it.
    pub fn template(self) -> &'static str {
        match self {
            ChatFormat::Schoolhouse => json::CHAT_TEMPLATE,
            ChatFormat::ChatMl => include_str!("chatml.jinja"),
            ChatFormat::ChatMlLines => include_str!("chatml_lines.jinja"),
            ChatFormat::Llama3 => include_str!("llama3.jinja"),
        }
    }

    /// A conversation as ids with weights, for training: 1 for what an assistant writes and the token that ends it.
    ///
    /// # Errors
    /// A vocabulary without the format's special tokens, and a call of a tool or a thought in a format that has no place for it.
    pub fn render(self, conversation: &Conversation, tokenizer: &Tokenizer) -> Result<Rendered> {
        self.check(tokenizer)?;
        if self == ChatFormat::Schoolhouse {
            return Ok(render(conversation, tokenizer));
        }
        let mut writer = Writer::new(self, tokenizer);
        for message in &conversation.messages {
            let mut content = String::new();
            for part in &message.parts {
                match part {
                    Part::Text(text) => content += text,
                    _ => return Err(Error::Refused(format!("the chat format {} has no place for tools and thoughts", self.name()))),
                }
            }
            writer.message(message.role, &content);
        }
        Ok(writer.rendered)
    }

    /// A conversation up to where the assistant begins to write, for sampling.
    ///
    /// # Errors
    /// As [`ChatFormat::render`].
    pub fn render_prompt(self, conversation: &Conversation, tokenizer: &Tokenizer) -> Result<Vec<u32>> {
        self.check(tokenizer)?;
        if self == ChatFormat::Schoolhouse {
            return Ok(render_prompt(conversation, tokenizer));
        }
        let mut writer = Writer { rendered: self.render(conversation, tokenizer)?, ..Writer::new(self, tokenizer) };
        writer.header(Role::Assistant, "", 0.0);
        Ok(writer.rendered.ids)
    }

    fn check(self, tokenizer: &Tokenizer) -> Result<()> {
        match self.specials().iter().find(|special| tokenizer.special(special).is_none()) {
            Some(missing) => Err(Error::Refused(format!("the chat format {} needs {missing}, which this vocabulary has not", self.name()))),
            None => Ok(()),
        }
    }
}

/// Writes messages in one of the foreign formats.
struct Writer<'a> {
    format: ChatFormat,
    tokenizer: &'a Tokenizer,
    encoder: Encoder<'a>,
    rendered: Rendered,
}

impl<'a> Writer<'a> {
    fn new(format: ChatFormat, tokenizer: &'a Tokenizer) -> Writer<'a> {
        let mut writer = Writer { format, tokenizer, encoder: Encoder::new(tokenizer), rendered: Rendered::default() };
        if format == ChatFormat::Llama3 {
            writer.special("<|begin_of_text|>", 0.0);
        }
        writer
    }

    fn message(&mut self, role: Role, content: &str) {
        let weight = if role == Role::Assistant { 1.0 } else { 0.0 };
        self.header(role, content, weight);
        self.special(self.format.turn_end(), weight);
        if self.format == ChatFormat::ChatMlLines {
            self.text("\n", 0, 0.0);
        }
    }

    /// The header and the content behind it.
    fn header(&mut self, role: Role, content: &str, weight: f32) {
        let name = role.name();
        match self.format {
            ChatFormat::Llama3 => {
                self.special("<|start_header_id|>", 0.0);
                self.text(name, name.len(), 0.0);
                self.special("<|end_header_id|>", 0.0);
                self.text(&format!("\n\n{}", content.trim_matches(is_python_space)), 2, weight);
            }
            ChatFormat::ChatMlLines => {
                self.special("<|im_start|>", 0.0);
                self.text(&format!("{name}\n{content}"), name.len() + 1, weight);
            }
            ChatFormat::ChatMl | ChatFormat::Schoolhouse => {
                self.special("<|im_start|>", 0.0);
                self.text(name, name.len(), 0.0);
                self.special("<|im_sep|>", 0.0);
                self.text(content, 0, weight);
            }
        }
    }

    fn special(&mut self, spelling: &str, weight: f32) {
        self.rendered.ids.push(self.tokenizer.special(spelling).expect("the format was checked"));
        self.rendered.weights.push(weight);
    }

    /// A text whose first `unlearnt` bytes belong to the header. A token that begins there is not learnt.
    fn text(&mut self, text: &str, unlearnt: usize, weight: f32) {
        let start = self.rendered.ids.len();
        self.encoder.encode_into(text, &mut self.rendered.ids);
        let mut at = 0;
        for &id in &self.rendered.ids[start..] {
            self.rendered.weights.push(if at < unlearnt { 0.0 } else { weight });
            at += self.tokenizer.token_bytes(id).len();
        }
    }
}

/// What Jinja's `trim` takes away: white space as Python has it.
fn is_python_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

#[cfg(test)]
mod tests {
    use super::super::Message;
    use super::*;

    fn with(specials: &[&str]) -> Tokenizer {
        let ours = Tokenizer::from_merges(Vec::new());
        let specials = specials.iter().zip(256..).map(|(special, id)| (special.to_string(), id)).collect();
        Tokenizer::from_parts(crate::Parts { specials, ..ours.parts().clone() }).unwrap()
    }

    #[test]
    fn each_format_is_known_by_its_tokens_and_written_as_it_is() {
        let conversation = Conversation { messages: vec![Message::text(Role::User, " Who?\n"), Message::text(Role::Assistant, "\nI.")] };
        let check = |specials: &[&str], format: ChatFormat, expected: &str, learnt: &str| {
            let tokenizer = with(specials);
            assert_eq!(ChatFormat::of(&tokenizer), Some(format));
            let rendered = format.render(&conversation, &tokenizer).unwrap();
            assert_eq!(tokenizer.decode(&rendered.ids), expected);
            let ids = rendered.ids.iter().zip(&rendered.weights).filter(|(_, weight)| **weight > 0.0).map(|(id, _)| *id);
            assert_eq!(tokenizer.decode(&ids.collect::<Vec<_>>()), learnt);
        };
        check(
            &["<|im_start|>", "<|im_sep|>", "<|im_end|>"],
            ChatFormat::ChatMl,
            "<|im_start|>user<|im_sep|> Who?\n<|im_end|><|im_start|>assistant<|im_sep|>\nI.<|im_end|>",
            "\nI.<|im_end|>",
        );
        check(
            &["<|im_start|>", "<|im_end|>"],
            ChatFormat::ChatMlLines,
            "<|im_start|>user\n Who?\n<|im_end|>\n<|im_start|>assistant\n\nI.<|im_end|>\n",
            "\nI.<|im_end|>",
        );
        check(
            &["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
            ChatFormat::Llama3,
            "<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nWho?<|eot_id|>\
             <|start_header_id|>assistant<|end_header_id|>\n\nI.<|eot_id|>",
            "I.<|eot_id|>",
        );
        assert_eq!(ChatFormat::of(&Tokenizer::from_merges(Vec::new())), Some(ChatFormat::Schoolhouse));
        assert_eq!(ChatFormat::of(&with(&["<|endoftext|>"])), None);
    }

    #[test]
    fn what_a_format_cannot_hold_is_refused() {
        let call = Message { role: Role::Assistant, parts: vec![Part::Search("x".into())] };
        let conversation = Conversation { messages: vec![call] };
        let tokenizer = with(&["<|im_start|>", "<|im_end|>"]);
        let why = ChatFormat::ChatMlLines.render(&conversation, &tokenizer).unwrap_err().to_string();
        assert_eq!(why, "the chat format chatml-lines has no place for tools and thoughts");
        let why = ChatFormat::Llama3.render_prompt(&conversation, &tokenizer).unwrap_err().to_string();
        assert_eq!(why, "the chat format llama3 needs <|begin_of_text|>, which this vocabulary has not");
    }
}
