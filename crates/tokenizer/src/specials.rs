//! Special tokens in a text, where they are allowed.

use crate::look::Spelling;
use crate::{Encoder, Tokenizer};

/// The special tokens that a text may spell. Without this, text that looks like one is text.
#[derive(Clone, Debug)]
pub struct Specials<'a> {
    tokenizer: &'a Tokenizer,
    /// Their ids, by the first byte of the spelling; the longest spelling first.
    by_first_byte: Vec<Vec<u32>>,
}

impl<'a> Specials<'a> {
    /// All special tokens of a tokenizer.
    pub fn all(tokenizer: &'a Tokenizer) -> Specials<'a> {
        Specials::with(tokenizer, tokenizer.parts().specials.iter().map(|(_, id)| *id))
    }

    /// Those with these spellings. The error is the first spelling that no special token has.
    pub fn only<'s>(tokenizer: &'a Tokenizer, spellings: &[&'s str]) -> std::result::Result<Specials<'a>, &'s str> {
        let ids = spellings.iter().map(|&spelling| tokenizer.special(spelling).ok_or(spelling));
        Ok(Specials::with(tokenizer, ids.collect::<std::result::Result<Vec<u32>, &str>>()?.into_iter()))
    }

    fn with(tokenizer: &'a Tokenizer, ids: impl Iterator<Item = u32>) -> Specials<'a> {
        let mut by_first_byte = vec![Vec::new(); 256];
        for id in ids {
            if let Some(&first) = tokenizer.token_bytes(id).first() {
                by_first_byte[usize::from(first)].push(id);
            }
        }
        for ids in &mut by_first_byte {
            ids.sort_by_key(|&id| std::cmp::Reverse(tokenizer.token_bytes(id).len()));
        }
        Specials { tokenizer, by_first_byte }
    }

    /// The first special token that a text spells, and where; of several at one place the longest.
    fn find(&self, text: &str) -> Option<(usize, u32)> {
        let bytes = text.as_bytes();
        (0..bytes.len()).find_map(|at| {
            let candidates = &self.by_first_byte[usize::from(bytes[at])];
            let id = candidates.iter().find(|&&id| bytes[at..].starts_with(self.tokenizer.token_bytes(id)))?;
            Some((at, *id))
        })
    }

    /// The ids of a text in which these special tokens are special tokens where they are spelt; what stands between them is
    /// encoded apart.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.encode_into(&mut Encoder::new(self.tokenizer), text, &mut ids);
        ids
    }

    /// Appends the same ids. `encoder` is one of the same tokenizer.
    pub fn encode_into(&self, encoder: &mut Encoder<'_>, text: &str, ids: &mut Vec<u32>) {
        let mut rest = text;
        while let Some((at, id)) = self.find(rest) {
            encoder.encode_into(&rest[..at], ids);
            ids.push(id);
            rest = &rest[at + self.tokenizer.token_bytes(id).len()..];
        }
        encoder.encode_into(rest, ids);
    }

    /// The special tokens that a text spells, each once, in the order in which they first come.
    pub fn spelt(&self, text: &str) -> Vec<Spelling> {
        let (mut found, mut rest) = (Vec::<Spelling>::new(), text);
        while let Some((at, id)) = self.find(rest) {
            if found.iter().all(|spelling| spelling.id != id) {
                found.push(Spelling::of(self.tokenizer, id));
            }
            rest = &rest[at + self.tokenizer.token_bytes(id).len()..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look;

    #[test]
    fn spelt_special_tokens_are_text_until_asked_for() {
        let tokenizer = look::small();
        let specials = Specials::all(&tokenizer);
        let (end, think) = (tokenizer.im_end(), tokenizer.special("<think>").unwrap());
        let check = |text: &str, expected: &[u32], spelt: &[u32]| {
            assert_eq!(specials.encode(text), expected, "{text:?}");
            assert_eq!(specials.spelt(text).iter().map(|spelling| spelling.id).collect::<Vec<_>>(), spelt, "{text:?}");
            let plain = tokenizer.encode(text);
            assert!(plain.iter().all(|&id| !tokenizer.is_special(id)), "{text:?}");
        };
        check("the cat", &[258, 220, 261], &[]);
        check("the<|im_end|>cat", &[258, end, 261], &[end]);
        check("<|im_end|><think><|im_end|>", &[end, think, end], &[end, think]);
        check("<<think>", &[27, think], &[think]);
        check("<|im_end|", &tokenizer.encode("<|im_end|"), &[]);
        check("é<think>é", &[262, think, 262], &[think]);
        check("", &[], &[]);
        let only = Specials::only(&tokenizer, &["<think>"]).unwrap();
        assert_eq!(only.encode("<|im_end|><think>"), [&tokenizer.encode("<|im_end|>")[..], &[think]].concat());
        assert_eq!(Specials::only(&tokenizer, &["<think>", "<nothing>"]).unwrap_err(), "<nothing>");
    }
}
