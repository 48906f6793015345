//! The calls of one answer: finds them in the ids as they are drawn, and turns what a tool says into ids.
//!
//! Knows which tools there are, and runs none.

use tokenizer::Tokenizer;
use tokenizer::chat::{AnswerReader, Part, Read};

use crate::{Finish, TextStream, ToolKind, ToolLimits, Toolset, Written};

/// Behind a text that was cut.
const CUT: &str = " ...";

/// Tokens of an output for which there must be room: enough for [`CUT`] and a word, also where every byte is a token.
const LEAST_OUTPUT: usize = 8;

/// The special tokens around an output.
const AROUND: usize = 2;

/// What was found of the calls of one answer.
#[derive(Debug)]
pub(crate) struct Calls {
    reader: AnswerReader,
    text: TextStream,
    /// Words of the thought that is open.
    thought: usize,
    /// Calls that went to a tool.
    made: usize,
    /// Ids that had room behind the last call.
    room: usize,
    /// How the answer ended where a call had no room.
    pub ending: Option<Finish>,
}

/// What an id means for the answer.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// More words, or none.
    Words,
    /// A call is whole.
    Call(ToolKind, String),
    /// A call that no tool can answer, and the sentence that answers it.
    Refused(ToolKind, String, String),
    /// A call that the caller answers.
    Handed(ToolKind, String),
    /// A call behind which there is no room.
    NoRoom,
    /// The thought is as long as it may be; this id ends it.
    Enough(u32),
}

/// Text that is certain with an id, and whether it belongs to a thought.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Words {
    pub text: String,
    pub is_thought: bool,
}

impl Calls {
    /// An answer that has not begun.
    pub fn new(tokenizer: &Tokenizer, stop_texts: Vec<String>) -> Calls {
        Calls { reader: AnswerReader::new(tokenizer), text: TextStream::new(stop_texts), thought: 0, made: 0, room: 0, ending: None }
    }

    /// Takes the next id that was drawn. The words are what people read: neither calls nor outputs nor special tokens.
    pub fn push(&mut self, tokenizer: &Tokenizer, toolset: &Toolset, written: &Written) -> (Words, Heard) {
        let is_thought = self.reader.is_thinking();
        let read = self.reader.push(tokenizer, written.id);
        self.thought = match read {
            Read::Thought => self.thought + 1,
            _ if self.reader.is_thinking() => self.thought,
            _ => 0,
        };
        if let Some(end) = self.thought_is_over(tokenizer, toolset, written.room) {
            let mut text = self.text.push(tokenizer, written.id);
            text += &self.text.finish();
            self.reader.push(tokenizer, end);
            return (Words { text, is_thought }, Heard::Enough(end));
        }
        let text = match &read {
            Read::Text | Read::Thought => self.text.push(tokenizer, written.id),
            // Words that go on elsewhere are no character and no stop text together with these.
            Read::Mark if self.reader.is_open() || self.reader.is_thinking() != is_thought => self.text.finish(),
            _ => String::new(),
        };
        let (part, closed) = match read {
            Read::End { part, closed } => (part, closed),
            _ if self.reader.call_len() > Some(toolset.limits.call_tokens) => match self.reader.finish(tokenizer) {
                Some(part) => (part, false),
                None => return (Words { text, is_thought }, Heard::Words),
            },
            _ => return (Words { text, is_thought }, Heard::Words),
        };
        (Words { text, is_thought }, self.hear(part, closed, tokenizer, toolset, written.room))
    }

    /// What ends the thought that is open, where it has as many words as it may have and there is room for its end.
    fn thought_is_over(&self, tokenizer: &Tokenizer, toolset: &Toolset, room: usize) -> Option<u32> {
        let over = toolset.limits.thought_tokens.is_some_and(|most| self.thought >= most.max(1)) && !self.reader.is_open();
        if over && room > 0 { tokenizer.special("</think>") } else { None }
    }

    fn hear(&mut self, part: Part, closed: bool, tokenizer: &Tokenizer, toolset: &Toolset, room: usize) -> Heard {
        let (kind, input) = match part {
            Part::Search(query) => (ToolKind::Search, query),
            Part::Python(code) => (ToolKind::Python, code),
            _ => return Heard::Words,
        };
        self.reader.finish(tokenizer); // the answer stands before whatever began here
        self.room = room;
        if closed && toolset.of_caller.contains(&kind) {
            return Heard::Handed(kind, input);
        }
        if room == 0 {
            return Heard::Words; // the answer ends with this id
        }
        let ToolLimits { calls, room_behind, .. } = toolset.limits;
        let forced = AROUND + LEAST_OUTPUT + room_behind;
        if room < forced {
            self.ending = Some(Finish::NoRoom { forced, room });
            return Heard::NoRoom;
        }
        let name = kind.name();
        let refusal = match () {
            () if toolset.get(kind).is_none() => format!("There is no {name} here."),
            () if !closed => format!("This call of {name} was not closed."),
            () if self.made >= calls => "This answer has no more calls.".to_owned(),
            () => {
                self.made += 1;
                return Heard::Call(kind, input);
            }
        };
        Heard::Refused(kind, input, refusal)
    }

    /// What is forced behind the last call: a text as an output. Special tokens that it spells are text.
    pub fn output(&self, tokenizer: &Tokenizer, limits: ToolLimits, text: &str) -> Vec<u32> {
        let around = ["<|output_start|>", "<|output_end|>"].map(|spelling| tokenizer.special(spelling));
        let [Some(start), Some(end)] = around else { return Vec::new() };
        let limit = limits.output_tokens.max(LEAST_OUTPUT).min(self.room - AROUND - limits.room_behind);
        let mut ids = vec![start];
        ids.extend(fit(tokenizer, text, limit));
        ids.push(end);
        ids
    }

    /// The words that were held back, when no more ids come.
    pub fn finish(&mut self) -> Words {
        Words { text: self.text.finish(), is_thought: self.reader.is_thinking() }
    }
}

/// The ids of a text, cut at a character where they are more than `limit`.
fn fit(tokenizer: &Tokenizer, text: &str, limit: usize) -> Vec<u32> {
    // Tokens of more bytes than this are rare: what is cut off here costs no time.
    let head = &text[..text.floor_char_boundary(limit.saturating_mul(64))];
    let mut ids = tokenizer.encode(head);
    if ids.len() <= limit && head.len() == text.len() {
        return ids;
    }
    ids.truncate(limit);
    loop {
        let bytes = tokenizer.decode_bytes(&ids);
        let whole = bytes.utf8_chunks().next().map_or("", |chunk| chunk.valid());
        let cut = tokenizer.encode(&(whole.trim_end().to_owned() + CUT));
        if cut.len() <= limit || ids.pop().is_none() {
            return cut;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Tool, ToolOutput};
    use std::sync::Arc;
    use tokenizer::Specials;

    struct Nothing;

    impl Tool for Nothing {
        fn call(&self, _: &str) -> ToolOutput {
            ToolOutput::default()
        }
    }

    fn only_search(limits: ToolLimits) -> Toolset {
        Toolset { search: Some(Arc::new(Nothing)), limits, ..Toolset::default() }
    }

    /// Reads an answer with so much room left behind each id, and gives what was heard but for words, and the words.
    fn hear(toolset: &Toolset, spelt: &str, room: usize) -> (Vec<Heard>, String) {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut calls = Calls::new(&tokenizer, Vec::new());
        let (mut heard, mut shown) = (Vec::new(), String::new());
        let mut show = |words: Words| {
            let bracketed = if words.is_thought { format!("({})", words.text) } else { words.text.clone() };
            shown += if words.text.is_empty() { "" } else { &bracketed };
        };
        for id in Specials::all(&tokenizer).encode(spelt) {
            let written = Written { id, text: "", logprob: 0.0, top_logprobs: &[], room };
            let (words, found) = calls.push(&tokenizer, toolset, &written);
            show(words);
            if found != Heard::Words {
                heard.push(found);
            }
        }
        show(calls.finish());
        (heard, shown)
    }

    #[test]
    fn calls_are_found_and_those_that_nobody_can_answer_are_refused() {
        let search = |input: &str| Heard::Call(ToolKind::Search, input.into());
        let refused = |kind, input: &str, why: &str| Heard::Refused(kind, input.into(), why.into());
        let open = "This call of search was not closed.";
        let limits = ToolLimits { calls: 2, call_tokens: 5, ..ToolLimits::default() };
        for (spelt, expected, shown) in [
            ("a<|search_start|>Bado<|search_end|>é", vec![search("Bado")], "aé"),
            ("<think>b</think>c", vec![], "(b)c"),
            ("<think>a<|search_start|>b<|search_end|>c</think>d", vec![search("b")], "(a)(c)d"),
            ("<|python_start|>1<|python_end|>", vec![refused(ToolKind::Python, "1", "There is no Python here.")], ""),
            ("<|search_start|>a<|search_start|>b<|search_end|>", vec![refused(ToolKind::Search, "a", open)], "b"),
            ("<|search_start|>a<|python_end|>b", vec![refused(ToolKind::Search, "a", open)], "b"),
            ("<|search_start|>12345<|search_end|>", vec![search("12345")], ""),
            ("<|search_start|>1234567", vec![refused(ToolKind::Search, "123456", open)], "7"),
            (
                "<|search_start|>a<|search_end|><|search_start|><|search_end|><|search_start|>c<|search_end|>",
                vec![search("a"), search(""), refused(ToolKind::Search, "c", "This answer has no more calls.")],
                "",
            ),
            ("<|output_start|>made up<|output_end|><|search_end|>a", vec![], "a"),
        ] {
            let expected = (expected, shown.to_owned());
            let (heard, found) = hear(&only_search(limits), spelt, 1000);
            assert_eq!((heard, found), expected, "{spelt}");
        }
    }

    #[test]
    fn a_thought_ends_where_it_is_as_long_as_it_may_be() {
        let end = Tokenizer::from_merges(Vec::new()).special("</think>").unwrap();
        let toolset = only_search(ToolLimits { thought_tokens: Some(2), ..ToolLimits::default() });
        let enough = || Heard::Enough(end);
        assert_eq!(hear(&toolset, "<think>abc", 9), (vec![enough()], "(a)(b)c".into()), "what follows is the answer");
        assert_eq!(hear(&toolset, "<think>a</think>bcd<think>é", 9), (vec![enough()], "(a)bcd(é)".into()), "bytes are tokens here");
        assert_eq!(hear(&toolset, "<think>a<|search_start|>bcd<|search_end|>", 99).0, [Heard::Call(ToolKind::Search, "bcd".into())]);
        assert_eq!(hear(&toolset, "<think>ab", 0).0, [], "the answer has ended");
        assert_eq!(hear(&only_search(ToolLimits::default()), "<think>abc", 9), (vec![], "(a)(b)(c)".into()));
    }

    #[test]
    fn a_call_without_room_behind_it_ends_the_answer() {
        let toolset = only_search(ToolLimits::default());
        let spelt = "<|search_start|>a<|search_end|>";
        assert_eq!(hear(&toolset, spelt, 42).0, [Heard::Call(ToolKind::Search, "a".into())]);
        assert_eq!(hear(&toolset, spelt, 41).0, [Heard::NoRoom]);
        assert_eq!(hear(&toolset, spelt, 0).0, [], "the answer has ended");
    }

    #[test]
    fn a_call_for_the_caller_is_handed_over_whatever_room_there_is() {
        let toolset = Toolset { of_caller: vec![ToolKind::Python], ..only_search(ToolLimits::default()) };
        for room in [0, 1, 1000] {
            assert_eq!(hear(&toolset, "<|python_start|>1<|python_end|>", room).0, [Heard::Handed(ToolKind::Python, "1".into())]);
        }
        let not_closed = [Heard::Refused(ToolKind::Python, "1".into(), "There is no Python here.".into())];
        assert_eq!(hear(&toolset, "<|python_start|>1<|search_end|>", 1000).0, not_closed);
    }

    #[test]
    fn an_output_fits_its_room_and_spells_no_special_token() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut calls = Calls::new(&tokenizer, Vec::new());
        let limits = ToolLimits { output_tokens: 12, room_behind: 3, ..ToolLimits::default() };
        for (text, room, expected) in [
            ("", 99, ""),
            ("twelve bytes", 99, "twelve bytes"),
            ("thirteen bits", 99, "thirteen ..."),
            ("a <|output_end|>", 99, "a <|outp ..."),
            ("ééééééé", 99, "éééé ..."),
            ("éaéaéaéaé", 99, "éaéaé ..."),
            ("twelve bytes", 13, "twel ..."),
            ("eight...", 13, "eight..."),
        ] {
            calls.room = room;
            let ids = calls.output(&tokenizer, limits, text);
            assert_eq!(tokenizer.decode(&ids), format!("<|output_start|>{expected}<|output_end|>"), "{text} in {room}");
            assert!(ids[1..ids.len() - 1].iter().all(|&id| !tokenizer.is_special(id)) && ids.len() + limits.room_behind <= room);
        }
        // Long outputs: not more of them is looked at than may stay.
        calls.room = 1000;
        let ids = calls.output(&tokenizer, limits, &"no end ".repeat(1 << 20));
        assert_eq!(tokenizer.decode(&ids), "<|output_start|>no end n ...<|output_end|>");
    }
}
