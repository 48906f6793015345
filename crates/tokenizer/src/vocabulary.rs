//! The vocabulary: which bytes stand behind an id, and which pairs of ids merge into which.
//!
//! Ids are laid out as 256 bytes, then one id per merge in the order in which merges were learnt, then the special
//! tokens. So a merge's rank is its id, and the special ids move with the vocabulary's size. A vocabulary never
//! changes once it is made, and may be shared between threads.

use std::path::Path;

use rustc_hash::FxHashMap;

use crate::bytes::{BYTE_OF_ID, ID_OF_BYTE};
use crate::{Encoder, Result, json};

/// The special tokens in the order of their ids, all after the merges. Text that looks like one is text: encoding
/// never gives these ids, only rendering a conversation and writing shards put them in.
pub const SPECIALS: [&str; 12] = [
    "<|im_start|>",
    "<|im_sep|>",
    "<|im_end|>",
    "<|endoftext|>",
    "<|search_start|>",
    "<|search_end|>",
    "<|python_start|>",
    "<|python_end|>",
    "<|output_start|>",
    "<|output_end|>",
    "<think>",
    "</think>",
];

/// Ids below this are single bytes.
pub(crate) const N_BYTES: usize = 256;

/// A byte-level BPE tokenizer: Qwen2's split, normal form C, and merges of its own.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    /// Pair of ids for each merge, in order; merge `k` makes id `256 + k`.
    merges: Vec<(u32, u32)>,
    /// The id that a pair merges into.
    merged: FxHashMap<(u32, u32), u32>,
    /// The bytes of all tokens one after the other, special tokens as they are spelt.
    bytes: Vec<u8>,
    /// Where each token's bytes end.
    ends: Vec<u32>,
}

impl Tokenizer {
    /// Makes a tokenizer from its merges. Panics if a merge uses an id that does not exist yet.
    pub fn from_merges(merges: Vec<(u32, u32)>) -> Tokenizer {
        let mut bytes: Vec<u8> = BYTE_OF_ID.to_vec();
        let mut ends: Vec<u32> = (1..=N_BYTES as u32).collect();
        let mut merged = FxHashMap::default();
        for (rank, &(left, right)) in merges.iter().enumerate() {
            let id = (N_BYTES + rank) as u32;
            assert!(left < id && right < id, "merge {rank} joins {left} and {right}, but only ids below {id} exist");
            for part in [left, right] {
                let range = token_range(&ends, part);
                bytes.extend_from_within(range);
            }
            ends.push(bytes.len() as u32);
            merged.insert((left, right), id);
        }
        for special in SPECIALS {
            bytes.extend_from_slice(special.as_bytes());
            ends.push(bytes.len() as u32);
        }
        Tokenizer { merges, merged, bytes, ends }
    }

    /// Reads a tokenizer from a folder that holds `tokenizer.json`, or from that file.
    pub fn load(path: &Path) -> Result<Tokenizer> {
        json::load(path)
    }

    /// Writes `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja` into a folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        json::save(self, folder)
    }

    /// Identifies the tokenizer: the BLAKE3 hash, in hex, of the `tokenizer.json` that [`Tokenizer::save`] writes.
    pub fn hash(&self) -> String {
        base::files::hash_bytes(json::tokenizer_json(self).as_bytes())
    }

    /// Number of ids: bytes, merges and special tokens.
    pub fn vocab_size(&self) -> usize {
        self.ends.len()
    }

    /// The merges in the order in which they were learnt; merge `k` makes id `256 + k`.
    pub fn merges(&self) -> &[(u32, u32)] {
        &self.merges
    }

    /// The id that two neighbours merge into, if they do. A smaller id merges first.
    #[inline]
    pub(crate) fn merged(&self, left: u32, right: u32) -> Option<u32> {
        self.merged.get(&(left, right)).copied()
    }

    /// The id of the first special token.
    fn first_special(&self) -> u32 {
        (N_BYTES + self.merges.len()) as u32
    }

    /// The id of a special token by its spelling.
    pub fn special(&self, spelling: &str) -> Option<u32> {
        let place = SPECIALS.iter().position(|&special| special == spelling)?;
        Some(self.first_special() + place as u32)
    }

    /// Whether an id is a special token.
    pub fn is_special(&self, id: u32) -> bool {
        id >= self.first_special() && (id as usize) < self.vocab_size()
    }

    /// `<|im_start|>`, which begins a message.
    pub fn im_start(&self) -> u32 {
        self.first_special()
    }

    /// `<|im_sep|>`, between a message's role and its text.
    pub fn im_sep(&self) -> u32 {
        self.first_special() + 1
    }

    /// `<|im_end|>`, which ends a message.
    pub fn im_end(&self) -> u32 {
        self.first_special() + 2
    }

    /// `<|endoftext|>`, which stands before each document.
    pub fn eot(&self) -> u32 {
        self.first_special() + 3
    }

    /// The bytes of a token; of a special token its spelling. Panics if there is no such id.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        assert!((id as usize) < self.vocab_size(), "there is no id {id} in a vocabulary of {}", self.vocab_size());
        &self.bytes[token_range(&self.ends, id)]
    }

    /// Bytes of text behind each id, 0 for special tokens: what bits per byte divides by.
    pub fn token_lengths(&self) -> Vec<u32> {
        let length = |id: u32| if self.is_special(id) { 0 } else { token_range(&self.ends, id).len() as u32 };
        (0..self.vocab_size() as u32).map(length).collect()
    }

    /// The ids of a text, never a special token. To encode many texts keep an [`Encoder`].
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = Vec::new();
        self.encode_into(text, &mut ids);
        ids
    }

    /// Appends the ids of a text.
    pub fn encode_into(&self, text: &str, ids: &mut Vec<u32>) {
        Encoder::new(self).encode_into(text, ids);
    }

    /// The bytes of ids, special tokens as they are spelt. Panics if an id does not exist.
    pub fn decode_bytes(&self, ids: &[u32]) -> Vec<u8> {
        ids.iter().flat_map(|&id| self.token_bytes(id)).copied().collect()
    }

    /// The text of ids, special tokens as they are spelt; what is not UTF-8 becomes U+FFFD. Panics if an id does not exist.
    pub fn decode(&self, ids: &[u32]) -> String {
        String::from_utf8_lossy(&self.decode_bytes(ids)).into_owned()
    }
}

/// Where a token's bytes stand, given where each token's bytes end.
fn token_range(ends: &[u32], id: u32) -> std::ops::Range<usize> {
    let start = if id == 0 { 0 } else { ends[id as usize - 1] };
    start as usize..ends[id as usize] as usize
}

/// The id of a byte.
#[inline]
pub(crate) fn byte_id(byte: u8) -> u32 {
    u32::from(ID_OF_BYTE[usize::from(byte)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_bytes_then_merges_then_specials() {
        let tokenizer = Tokenizer::from_merges(vec![(byte_id(b'a'), byte_id(b'b')), (256, byte_id(b'c'))]);
        assert_eq!(tokenizer.vocab_size(), 256 + 2 + 12);
        assert_eq!(tokenizer.token_bytes(257), b"abc");
        assert_eq!(tokenizer.special("<|endoftext|>"), Some(tokenizer.eot()));
        assert_eq!((tokenizer.im_start(), tokenizer.im_sep(), tokenizer.im_end(), tokenizer.eot()), (258, 259, 260, 261));
        assert_eq!(tokenizer.token_bytes(269), b"</think>");
        assert_eq!(tokenizer.special("<|nothing|>"), None);
        let lengths = tokenizer.token_lengths();
        assert_eq!((lengths[0], lengths[256], lengths[257], lengths[258]), (1, 2, 3, 0));
        assert_eq!(tokenizer.decode(&[257, 262 - 4, byte_id(0xC3)]), "abc<|im_start|>\u{fffd}");
    }
}
