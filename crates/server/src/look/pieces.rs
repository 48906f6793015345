//! Texts and conversations as tokens that can be shown: each with its bytes, its place, and whether it is special.
//!
//! Plain functions over a tokenizer. Knows no routes and no models.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};
use tokenizer::chat::{ChatFormat, Conversation, Message, Part, Role};
use tokenizer::look::{Spelling, hex, merge_steps};
use tokenizer::{Specials, Tokenizer};

/// A token as pages show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Piece {
    /// Its id.
    pub id: u32,
    /// Its text; null where its bytes are not whole characters.
    pub text: Option<String>,
    /// Its bytes, in hexadecimal.
    pub hex: String,
    /// Whether it is a special token.
    pub special: bool,
}

impl Piece {
    /// The token of an id, which must be one of the tokenizer's.
    pub fn of(tokenizer: &Tokenizer, id: u32) -> Piece {
        let Spelling { text, bytes, .. } = Spelling::of(tokenizer, id);
        Piece { id, text, hex: hex(&bytes), special: tokenizer.is_special(id) }
    }
}

/// A token at its place.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Placed {
    /// Which token.
    #[serde(flatten)]
    pub piece: Piece,
    /// The first byte of the text that it stands for.
    pub start: usize,
    /// One behind its last byte.
    pub end: usize,
}

/// A text in the tokens of one tokenizer. Counts are of the whole text, tokens those of the window that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Cut {
    /// Tokens of the whole text.
    pub count: usize,
    /// Different ones among them.
    pub distinct: usize,
    /// Whether the text was brought into normal form C first, and changed by it: places are those of the new text.
    pub normalised: bool,
    /// The number of the first token below.
    pub from: usize,
    /// Tokens from there on.
    pub tokens: Vec<Placed>,
}

/// Which of a text's tokens are wanted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window {
    /// The first.
    pub from: usize,
    /// So many at most.
    pub most: usize,
}

/// Cuts a text into tokens. Special tokens are looked for in it only where `specials` says so: it is shown, and no model reads it.
pub(crate) fn cut(tokenizer: &Tokenizer, text: &str, specials: bool, window: Window) -> Cut {
    let ids = if specials { Specials::all(tokenizer).encode(text) } else { tokenizer.encode(text) };
    let before = window.from.min(ids.len());
    let start = length(tokenizer, &ids[..before]);
    let shown = &ids[before..ids.len().min(before + window.most)];
    Cut {
        count: ids.len(),
        distinct: ids.iter().collect::<HashSet<_>>().len(),
        normalised: tokenizer.normalised(text) != text,
        from: before,
        tokens: placed(tokenizer, shown, start),
    }
}

fn length(tokenizer: &Tokenizer, ids: &[u32]) -> usize {
    ids.iter().map(|&id| tokenizer.token_bytes(id).len()).sum()
}

/// Tokens one behind the other, from this byte on.
fn placed(tokenizer: &Tokenizer, ids: &[u32], mut start: usize) -> Vec<Placed> {
    let mut place = |&id: &u32| {
        let end = start + tokenizer.token_bytes(id).len();
        Placed { piece: Piece::of(tokenizer, id), start: std::mem::replace(&mut start, end), end }
    };
    ids.iter().map(&mut place).collect()
}

/// How a token came to be.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Origin {
    /// The token.
    pub token: Piece,
    /// The merges that make it, a part before what is made of it; none for bytes and special tokens.
    pub steps: Vec<Join>,
    /// Merges that the tokenizer has.
    pub merges: usize,
}

/// One merge.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Join {
    /// What stands on the left.
    pub left: Piece,
    /// What stands on the right.
    pub right: Piece,
    /// What they become.
    pub merged: Piece,
    /// Its number in the order in which merges were learnt, from 1; null where the tokenizer keeps no list of merges.
    pub number: Option<usize>,
}

/// The merges of a token, which must be one of the tokenizer's.
pub(crate) fn origin(tokenizer: &Tokenizer, id: u32) -> Origin {
    let merges = tokenizer.merges();
    let join = |step: tokenizer::look::Step| {
        let [left, right, merged] = [step.left.id, step.right.id, step.merged.id];
        let number = merges.iter().position(|&pair| pair == (left, right)).map(|place| place + 1);
        let [left, right, merged] = [left, right, merged].map(|id| Piece::of(tokenizer, id));
        Join { left, right, merged, number }
    };
    let steps = merge_steps(tokenizer, id).into_iter().map(join).collect();
    Origin { token: Piece::of(tokenizer, id), steps, merges: merges.len() }
}

/// A message as pages and clients send it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Said {
    /// Who speaks.
    pub role: Role,
    /// A text, or parts.
    pub content: Content,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Content {
    /// One text.
    Text(String),
    /// Texts, thoughts, calls and what tools answered.
    Parts(Vec<Part>),
}

impl Said {
    /// Bytes of what is said.
    pub fn bytes(&self) -> usize {
        match &self.content {
            Content::Text(text) => text.len(),
            Content::Parts(parts) => parts.iter().map(|part| part.words().len()).sum(),
        }
    }

    fn into_message(self) -> Message {
        match self.content {
            Content::Text(text) => Message::text(self.role, text),
            Content::Parts(parts) => Message { role: self.role, parts },
        }
    }
}

/// A conversation as the model sees it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Seen {
    /// The name of the chat format.
    pub format: &'static str,
    /// The same format as a Jinja template.
    pub template: &'static str,
    /// Tokens in all.
    pub count: usize,
    /// Of these so many are learnt in training.
    pub learnt: usize,
    /// The tokens.
    pub tokens: Vec<SeenToken>,
}

/// A token of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct SeenToken {
    /// Which token, and where.
    #[serde(flatten)]
    pub placed: Placed,
    /// The message that it belongs to, from 0; null before the first.
    pub message: Option<usize>,
    /// Who speaks there.
    pub role: Option<Role>,
    /// Whether training asks the model for it.
    pub learnt: bool,
}

/// A conversation in a vocabulary's own chat format; with `open` it goes on to where the assistant begins to write.
pub(crate) fn seen(tokenizer: &Tokenizer, messages: Vec<Said>, open: bool) -> Result<Seen, String> {
    let format = ChatFormat::of(tokenizer).ok_or("this vocabulary has no chat format that is known here; choose one of an assistant")?;
    let conversation = Conversation { messages: messages.into_iter().map(Said::into_message).collect() };
    let rendered = format.render(&conversation, tokenizer).map_err(|error| error.to_string())?;
    let ids = match open {
        true => format.render_prompt(&conversation, tokenizer).map_err(|error| error.to_string())?,
        false => rendered.ids.clone(),
    };
    let role = |message: usize| conversation.messages.get(message).map_or(Role::Assistant, |message| message.role);
    let mut message = None;
    let mut tokens = Vec::with_capacity(ids.len());
    for (position, placed) in placed(tokenizer, &ids, 0).into_iter().enumerate() {
        if begins_message(&placed.piece) {
            message = Some(message.map_or(0, |before| before + 1));
        }
        let learnt = rendered.weights.get(position).is_some_and(|&weight| weight > 0.0);
        tokens.push(SeenToken { placed, message, role: message.map(role), learnt });
    }
    let learnt = tokens.iter().filter(|token| token.learnt).count();
    Ok(Seen { format: format.name(), template: format.template(), count: tokens.len(), learnt, tokens })
}

/// Whether a token opens the header of a message: in every known format a special token does, and contents never have one.
fn begins_message(piece: &Piece) -> bool {
    piece.special && matches!(piece.text.as_deref(), Some("<|im_start|>" | "<|start_header_id|>"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Window = Window { from: 0, most: 1000 };

    /// The bytes, then `th`, `the`, `é`.
    fn small() -> Tokenizer {
        let bytes = Tokenizer::from_merges(Vec::new());
        let id = |byte: u8| (0..256).find(|&id| bytes.token_bytes(id) == [byte]).expect("every byte is a token");
        Tokenizer::from_merges(vec![(id(b't'), id(b'h')), (256, id(b'e')), (id(0xC3), id(0xA9))])
    }

    fn texts(cut: &Cut) -> Vec<&str> {
        cut.tokens.iter().map(|token| token.piece.text.as_deref().unwrap_or(&token.piece.hex)).collect()
    }

    #[test]
    fn every_token_knows_the_bytes_that_it_stands_for() {
        let tokenizer = small();
        let text = "the é€<|im_end|>";
        let cut = cut(&tokenizer, text, true, ALL);
        assert_eq!(texts(&cut), ["the", " ", "é", "e2", "82", "ac", "<|im_end|>"]);
        assert_eq!((cut.count, cut.distinct, cut.normalised), (7, 7, false));
        for token in &cut.tokens {
            assert_eq!(hex(&text.as_bytes()[token.start..token.end]), token.piece.hex);
        }
        assert!(cut.tokens[6].piece.special && cut.tokens.last().unwrap().end == text.len());
    }

    #[test]
    fn special_tokens_in_a_text_are_text_unless_they_are_asked_for() {
        let tokenizer = small();
        let plain = cut(&tokenizer, "<think>", false, ALL);
        assert!(plain.count == 6 && plain.tokens.iter().all(|token| !token.piece.special));
        assert_eq!(cut(&tokenizer, "<think>", true, ALL).count, 1);
    }

    #[test]
    fn a_window_shows_a_part_and_counts_the_whole() {
        let tokenizer = small();
        let part = cut(&tokenizer, "the the the", false, Window { from: 2, most: 2 });
        assert_eq!((part.count, part.distinct, part.from), (5, 2, 2));
        assert_eq!((texts(&part), part.tokens[0].start, part.tokens[1].end), (vec!["the", " "], 4, 8));
        let behind = cut(&tokenizer, "the", false, Window { from: 9, most: 2 });
        assert_eq!((behind.count, behind.from, behind.tokens.len()), (1, 1, 0));
        assert!(cut(&tokenizer, "e\u{301}", false, ALL).normalised);
    }

    #[test]
    fn merges_are_told_in_their_order_with_their_numbers() {
        let origin = origin(&small(), 257);
        let told: Vec<_> = origin.steps.iter().map(|join| (join.merged.text.clone().unwrap(), join.number)).collect();
        assert_eq!(told, [("th".to_string(), Some(1)), ("the".to_string(), Some(2))]);
        assert_eq!((origin.merges, origin.token.text.as_deref()), (3, Some("the")));
        assert!(super::origin(&small(), 5).steps.is_empty());
    }

    fn say(role: Role, text: &str) -> Said {
        Said { role, content: Content::Text(text.into()) }
    }

    #[test]
    fn a_conversation_tells_who_speaks_and_what_is_learnt() {
        let messages = vec![say(Role::User, "<|im_start|>"), say(Role::Assistant, "the")];
        let seen = seen(&small(), messages, false).unwrap();
        let special = |token: &SeenToken| token.placed.piece.special;
        assert_eq!(seen.format, "schoolhouse");
        assert_eq!(seen.tokens.iter().filter(|token| special(token)).count(), 1 + 3 + 3);
        assert_eq!((seen.tokens[0].message, seen.tokens[0].role), (None, None));
        // What the user spells begins no message.
        assert_eq!(seen.tokens.iter().filter_map(|token| token.message).max(), Some(1));
        let learnt: Vec<_> =
            seen.tokens.iter().filter(|token| token.learnt).map(|token| token.placed.piece.text.clone().unwrap()).collect();
        assert_eq!((learnt, seen.learnt), (vec!["the".to_string(), "<|im_end|>".into()], 2));
        assert!(seen.tokens.iter().filter(|token| token.learnt).all(|token| token.role == Some(Role::Assistant)));
    }

    #[test]
    fn an_open_conversation_ends_where_the_assistant_begins() {
        let closed = seen(&small(), vec![say(Role::User, "the")], false).unwrap();
        let open = seen(&small(), vec![say(Role::User, "the")], true).unwrap();
        assert_eq!(open.tokens[..closed.count], closed.tokens[..]);
        let last = open.tokens.last().unwrap();
        assert_eq!((last.placed.piece.text.as_deref(), last.message, last.role), (Some("<|im_sep|>"), Some(1), Some(Role::Assistant)));
        assert_eq!(open.learnt, 0);
    }

    #[test]
    fn parts_of_a_message_are_read_as_our_files_have_them() {
        let json =
            r#"{"role":"assistant","content":[{"type":"search","query":"the"},{"type":"output","text":"th"},{"type":"text","text":"e"}]}"#;
        let said: Said = serde_json::from_str(json).unwrap();
        assert_eq!(said.bytes(), 6);
        let seen = seen(&small(), vec![said], false).unwrap();
        let learnt: Vec<_> =
            seen.tokens.iter().filter(|token| token.learnt).filter_map(|token| token.placed.piece.text.as_deref()).collect();
        assert_eq!(learnt, ["<|search_start|>", "the", "<|search_end|>", "e", "<|im_end|>"]);
        assert!(serde_json::from_str::<Said>(r#"{"role":"wizard","content":""}"#).is_err());
        assert!(serde_json::from_str::<Said>(r#"{"role":"user","content":"","name":"x"}"#).is_err());
    }
}
