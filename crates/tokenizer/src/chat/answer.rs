//! What a model wrote, read back: the ids of an answer become parts.
//!
//! A model may write anything: calls that it never closes, ends of what never began, one call within another. All of it is
//! read somehow, and nothing is refused. Knows no tools: who answers a call is told when it is whole.

use super::Part;
use crate::Tokenizer;

/// The special tokens around a part, and what becomes of the text between them.
const BRACKETS: [(&str, &str, fn(String) -> Part); 3] = [
    ("<|search_start|>", "<|search_end|>", Part::Search),
    ("<|python_start|>", "<|python_end|>", Part::Python),
    ("<|output_start|>", "<|output_end|>", Part::Output),
];

/// The place of outputs among these.
const OUTPUT: usize = 2;

/// Reads an answer id by id.
#[derive(Clone, Debug)]
pub struct AnswerReader {
    /// Start and end of each of the brackets, where the vocabulary has them.
    brackets: [[Option<u32>; 2]; BRACKETS.len()],
    think: [Option<u32>; 2],
    thinking: bool,
    /// The bracket that is open, with the ids in it.
    open: Option<(usize, Vec<u32>)>,
}

/// What an id of an answer is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read {
    /// Words to the other side.
    Text,
    /// Words of a thought.
    Thought,
    /// Words of a call or of an output, which is not whole yet.
    Inside,
    /// A special token that ends no call and no output. It is no words.
    Mark,
    /// The special token that ends this call or output.
    End {
        /// A search, a program or an output.
        part: Part,
        /// Whether it is the end that belongs to it. Any other special token ends it too, and means what it means elsewhere.
        closed: bool,
    },
}

impl AnswerReader {
    /// A reader at the beginning of an answer.
    pub fn new(tokenizer: &Tokenizer) -> AnswerReader {
        let ids = |start, end| [tokenizer.special(start), tokenizer.special(end)];
        AnswerReader {
            brackets: BRACKETS.map(|(start, end, _)| ids(start, end)),
            think: ids("<think>", "</think>"),
            thinking: false,
            open: None,
        }
    }

    /// Reads the next id. Panics if there is no such id.
    pub fn push(&mut self, tokenizer: &Tokenizer, id: u32) -> Read {
        if !tokenizer.is_special(id) {
            return match &mut self.open {
                Some((_, ids)) => {
                    ids.push(id);
                    Read::Inside
                }
                None if self.thinking => Read::Thought,
                None => Read::Text,
            };
        }
        let closed = self.open.as_ref().is_some_and(|(bracket, _)| self.brackets[*bracket][1] == Some(id));
        let part = self.finish(tokenizer);
        if let Some(bracket) = self.brackets.iter().position(|[start, _]| *start == Some(id)) {
            self.open = Some((bracket, Vec::new()));
        } else if let Some(ends) = self.think.iter().position(|mark| *mark == Some(id)) {
            self.thinking = ends == 0;
        }
        part.map_or(Read::Mark, |part| Read::End { part, closed })
    }

    /// Whether what comes outside of calls and outputs belongs to a thought.
    pub fn is_thinking(&self) -> bool {
        self.thinking
    }

    /// Whether a call or an output has begun and is not whole yet.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// How many ids the call has so far that is not whole yet.
    pub fn call_len(&self) -> Option<usize> {
        self.open.as_ref().filter(|(bracket, _)| *bracket != OUTPUT).map(|(_, ids)| ids.len())
    }

    /// Ends the call or output that is not whole yet where it is.
    pub fn finish(&mut self, tokenizer: &Tokenizer) -> Option<Part> {
        self.open.take().map(|(bracket, ids)| BRACKETS[bracket].2(tokenizer.decode(&ids)))
    }
}

/// The parts of an answer: what [`super::render`] would write like this, as far as there is such a thing. Parts that are not
/// closed end where they do, special tokens that mean nothing where they stand are left out, and so are ids that nobody has.
pub fn parse_answer(ids: &[u32], tokenizer: &Tokenizer) -> Vec<Part> {
    let mut reader = AnswerReader::new(tokenizer);
    let (mut parts, mut words) = (Vec::new(), Vec::new());
    let mut nested = false; // whether what is open began within a call
    let flush = |parts: &mut Vec<Part>, words: &mut Vec<u32>, thinking: bool| {
        if !words.is_empty() {
            let text = tokenizer.decode(&std::mem::take(words));
            parts.push(if thinking { Part::Thought(text) } else { Part::Text(text) });
        }
    };
    for &id in ids.iter().filter(|&&id| (id as usize) < tokenizer.vocab_size()) {
        let thought = reader.is_thinking();
        match reader.push(tokenizer, id) {
            Read::Text | Read::Thought => words.push(id),
            Read::Inside => {}
            Read::Mark => {
                nested = false;
                if reader.is_open() || reader.is_thinking() != thought {
                    flush(&mut parts, &mut words, thought);
                }
            }
            Read::End { part, closed } => {
                // Where a call within a call is answered, nothing of the inner one is there.
                let is_none = nested && !closed && part.words().is_empty();
                nested = reader.is_open() && !is_none && !matches!(part, Part::Output(_));
                parts.extend(Some(part).filter(|_| !is_none));
            }
        }
    }
    flush(&mut parts, &mut words, reader.is_thinking());
    parts.extend(reader.finish(tokenizer).filter(|part| !part.words().is_empty()));
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Specials;
    use crate::chat::{Conversation, Message, Role, render, render_prompt};
    use proptest::prelude::*;

    fn text(text: &str) -> Part {
        Part::Text(text.into())
    }

    fn search(text: &str) -> Part {
        Part::Search(text.into())
    }

    fn output(text: &str) -> Part {
        Part::Output(text.into())
    }

    fn thought(text: &str) -> Part {
        Part::Thought(text.into())
    }

    #[test]
    fn whatever_a_model_writes_becomes_parts() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let specials = Specials::all(&tokenizer);
        let python = |text: &str| Part::Python(text.into());
        for (spelt, expected, why) in [
            ("", vec![], "nothing"),
            ("A weaver.", vec![text("A weaver.")], "words"),
            (
                "<think>look</think><|search_start|>Bado<|search_end|><|output_start|>a weaver<|output_end|>A weaver.",
                vec![thought("look"), search("Bado"), output("a weaver"), text("A weaver.")],
                "as it should be",
            ),
            ("<|search_start|><|search_end|>", vec![search("")], "an empty query is a query"),
            ("a<|search_start|>b", vec![text("a"), search("b")], "a call without an end"),
            ("a<|search_start|>", vec![text("a")], "a call that hardly began"),
            ("<|search_start|>a<|python_start|>1<|python_end|>b", vec![search("a"), python("1"), text("b")], "a call within a call"),
            (
                "<|search_start|>a<|search_start|><|output_start|>no<|output_end|>b",
                vec![search("a"), output("no"), text("b")],
                "a call within a call, answered there",
            ),
            ("<|search_start|>a<|python_end|>b", vec![search("a"), text("b")], "the end of another call"),
            ("<|python_start|>a<|im_end|>b", vec![python("a"), text("b")], "a turn's end within a call"),
            (
                "<|search_start|><|search_start|><|output_start|>no<|output_end|>",
                vec![search(""), output("no")],
                "an empty call, answered where it broke off",
            ),
            ("a<|search_end|>b<|output_end|></think>c", vec![text("abc")], "ends of what never began"),
            ("a<|im_start|>b<|endoftext|><|im_sep|>c", vec![text("abc")], "special tokens of other places"),
            ("<think>a<think>b</think>c</think>d", vec![thought("ab"), text("cd")], "a thought within a thought"),
            ("<think>a</think><think>b", vec![thought("a"), thought("b")], "one thought after the other, and no end"),
            ("<think></think>a", vec![text("a")], "no thought"),
            (
                "<think>a<|search_start|>b<|search_end|><|output_start|>c<|output_end|>d</think>e",
                vec![thought("a"), search("b"), output("c"), thought("d"), text("e")],
                "a thought goes on behind its call",
            ),
            ("<|output_start|>a", vec![output("a")], "an output that the model made up"),
        ] {
            assert_eq!(parse_answer(&specials.encode(spelt), &tokenizer), expected, "{why}: {spelt}");
        }
        assert_eq!(parse_answer(&[u32::MAX, tokenizer.vocab_size() as u32, tokenizer.encode("a")[0]], &tokenizer), [text("a")]);
        // What only spells a special token is words, also in a call.
        let ids =
            [&specials.encode("<|search_start|>")[..], &tokenizer.encode("<|search_end|>"), &specials.encode("<|search_end|>")].concat();
        assert_eq!(parse_answer(&ids, &tokenizer), [search("<|search_end|>")]);
    }

    #[test]
    fn half_a_character_harms_nobody() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let (half, start) = (tokenizer.encode("é")[0], tokenizer.special("<|search_start|>").unwrap());
        assert_eq!(parse_answer(&[half, start, half], &tokenizer), [text("\u{fffd}"), search("\u{fffd}")]);
    }

    fn parts() -> impl Strategy<Value = Vec<Part>> {
        let part = (0..5, "[a-zé<|>/ ]{1,12}|<\\|search_end\\|>|</think>").prop_map(|(kind, words)| match kind {
            0 => Part::Text(words),
            1 => Part::Search(words),
            2 => Part::Python(words),
            3 => Part::Output(words),
            _ => Part::Thought(words),
        });
        prop::collection::vec(part, 0..8)
    }

    proptest! {
        #[test]
        fn what_was_rendered_is_read_back(parts in parts()) {
            let tokenizer = Tokenizer::from_merges(vec![(1, 2), (65, 66)]);
            let mut conversation = Conversation { messages: vec![Message::text(Role::User, "Who?")] };
            let prompt = render_prompt(&conversation, &tokenizer);
            conversation.messages.push(Message { role: Role::Assistant, parts: parts.clone() });
            let ids = &render(&conversation, &tokenizer).ids[prompt.len()..];
            let (end, answer) = ids.split_last().unwrap();
            prop_assert_eq!(*end, tokenizer.im_end());
            // Neighbouring texts are one text.
            let mut expected: Vec<Part> = Vec::new();
            for part in parts {
                match (expected.last_mut(), part) {
                    (Some(Part::Text(text)), Part::Text(more)) => *text += &more,
                    (_, part) => expected.push(part),
                }
            }
            prop_assert_eq!(parse_answer(answer, &tokenizer), expected.clone());
            // Cut anywhere, what comes before stays: but for the last part, which is cut.
            for len in 0..answer.len() {
                let found = parse_answer(&answer[..len], &tokenizer);
                let whole = found.len().saturating_sub(1);
                prop_assert_eq!(&found[..whole], &expected[..whole]);
            }
        }

        #[test]
        fn random_ids_never_panic_and_lose_no_words(ids in prop::collection::vec(prop_oneof![0u32..256, 256u32..268, any::<u32>()], 0..60)) {
            let tokenizer = Tokenizer::from_merges(Vec::new());
            let words: Vec<u8> = ids.iter().filter(|&&id| id < 256).flat_map(|&id| tokenizer.token_bytes(id).to_vec()).collect();
            let found: String = parse_answer(&ids, &tokenizer).iter().map(|part| part.words().to_owned()).collect();
            let letters = |text: &str| text.chars().filter(char::is_ascii).collect::<String>();
            prop_assert_eq!(letters(&found), letters(&String::from_utf8_lossy(&words)));
        }
    }
}
