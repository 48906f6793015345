//! The vocabulary: which bytes stand behind an id, which pairs of ids merge into which, and how early.
//!
//! Our own vocabularies have the 256 bytes first, then an id for each merge in the order in which merges were learnt, then the
//! special tokens. Those of others have their own order: [`Parts`] holds what is asked of any. A vocabulary never changes once it
//! is made, and may be shared between threads.

use std::borrow::Cow;
use std::path::Path;

use rustc_hash::FxHashMap;

use crate::bytes::{BYTE_OF_ID, ID_OF_BYTE};
use crate::merge::merge_until;
use crate::pairs::{MAX_IDS, MAX_RANKS, NEVER, PairTable};
use crate::split::Pattern;
use crate::word_table::WordTable;
use crate::{Encoder, Error, Result, json, normalise, tiktoken};

/// The special tokens of our own tokenizers in the order of their ids, all after the merges. Text that looks like one is text:
/// encoding never gives these ids, only rendering a conversation and writing shards put them in.
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

/// Special tokens that stand before a document, in the vocabularies that people have.
const DOCUMENT_STARTS: [&str; 3] = ["<|endoftext|>", "<|begin_of_text|>", "<|startoftext|>"];

/// How many bytes there are.
pub(crate) const N_BYTES: usize = 256;

/// A byte-level BPE tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    parts: Parts,
    table: PairTable,
    /// The id of each byte.
    byte_ids: [u32; N_BYTES],
    /// When two bytes merge, at 256 times the left one and the right one.
    byte_ranks: Vec<u32>,
    /// The bytes of all tokens one after the other, special tokens as they are spelt.
    bytes: Vec<u8>,
    /// Where each token's bytes begin, and at last where all end. An id that no token has stands for no bytes.
    bounds: Vec<u32>,
    /// Which ids are special.
    is_special: Vec<bool>,
    /// Tokens by their bytes, where a word that is a token is that token whatever the merges say.
    whole_words: Option<WordTable>,
    document_start: Option<u32>,
}

/// What a tokenizer is made from.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// What cuts texts into words.
    pub pattern: Pattern,
    /// Whether texts are brought into normal form C first.
    pub normalises: bool,
    /// The bytes of the token of each id, none where no token has this id or a special one has. All 256 bytes are among them.
    pub tokens: Vec<Box<[u8]>>,
    /// Special tokens with their ids.
    pub specials: Vec<(String, u32)>,
    /// Which pairs of tokens merge.
    pub merges: Merges,
}

/// Which pairs of tokens merge, and when.
#[derive(Clone, Debug, PartialEq)]
pub enum Merges {
    /// These do, in this order, as Hugging Face's files list them. Where `whole_words`, a word that is a token is that token.
    Listed {
        /// Pairs of ids; what a pair becomes is the token that has the bytes of both.
        pairs: Vec<(u32, u32)>,
        /// `ignore_merges` of those files.
        whole_words: bool,
    },
    /// All do whose bytes together are a token, the smallest id first, and a word that is a token is that token: tiktoken's way.
    ByRank,
}

impl Tokenizer {
    /// Makes a tokenizer of our own kind from its merges: Qwen2's pattern and normal form C. Panics if a merge uses an id that
    /// does not exist yet.
    pub fn from_merges(merges: Vec<(u32, u32)>) -> Tokenizer {
        Tokenizer::with_pattern(Pattern::Qwen2, merges)
    }

    /// The same with another pattern.
    pub fn with_pattern(pattern: Pattern, merges: Vec<(u32, u32)>) -> Tokenizer {
        let mut tokens: Vec<Box<[u8]>> = BYTE_OF_ID.iter().map(|&byte| Box::from([byte])).collect();
        for (rank, &(left, right)) in merges.iter().enumerate() {
            let id = (N_BYTES + rank) as u32;
            assert!(left < id && right < id, "merge {rank} joins {left} and {right}, but only ids below {id} exist");
            tokens.push([&*tokens[left as usize], &*tokens[right as usize]].concat().into());
        }
        let first = tokens.len() as u32;
        let specials = SPECIALS.iter().zip(first..).map(|(special, id)| (special.to_string(), id)).collect();
        let merges = Merges::Listed { pairs: merges, whole_words: false };
        let parts = Parts { pattern, normalises: true, tokens, specials, merges };
        Tokenizer::from_parts(parts).expect("merges of our own kind make a vocabulary")
    }

    /// Makes a tokenizer of any kind. The error says what does not fit together.
    pub fn from_parts(parts: Parts) -> std::result::Result<Tokenizer, String> {
        let n_ids = parts.specials.iter().map(|(_, id)| *id as usize + 1).max().unwrap_or(0).max(parts.tokens.len());
        if n_ids > MAX_IDS as usize {
            return Err(format!("it has ids up to {n_ids}, and {MAX_IDS} are the most"));
        }
        let (mut bytes, mut bounds, mut is_special) = (Vec::new(), vec![0], vec![false; n_ids]);
        let spellings: FxHashMap<u32, &str> = parts.specials.iter().map(|(spelling, id)| (*id, spelling.as_str())).collect();
        if spellings.len() < parts.specials.len() {
            return Err("two special tokens have the same id".to_string());
        }
        let mut by_bytes: FxHashMap<Box<[u8]>, u32> = FxHashMap::default();
        for id in 0..n_ids as u32 {
            let token = parts.tokens.get(id as usize).map_or(&[][..], |token| token);
            match spellings.get(&id) {
                Some(spelling) => {
                    if !token.is_empty() && token != spelling.as_bytes() {
                        return Err(format!("id {id} is the special token {spelling} and another token too"));
                    }
                    is_special[id as usize] = true;
                    bytes.extend_from_slice(spelling.as_bytes());
                }
                None => {
                    bytes.extend_from_slice(token);
                    if !token.is_empty() && by_bytes.insert(token.into(), id).is_some() {
                        return Err(format!("two tokens are {:?}", String::from_utf8_lossy(token)));
                    }
                }
            }
            bounds.push(u32::try_from(bytes.len()).map_err(|_| "its tokens are longer than 4 GB together")?);
        }
        let mut byte_ids = [0; N_BYTES];
        for byte in 0..=u8::MAX {
            let id = by_bytes.get(&[byte][..]).ok_or_else(|| format!("no token is the byte {byte:#04x}"))?;
            byte_ids[usize::from(byte)] = *id;
        }
        let table = pair_table(&parts, &by_bytes)?;
        let byte_ranks = byte_ids.iter().flat_map(|&left| byte_ids.iter().map(move |&right| (left, right)));
        let byte_ranks = byte_ranks.map(|(left, right)| table.rank(left, right)).collect();
        let whole_words = match parts.merges {
            Merges::Listed { whole_words: false, .. } => None,
            _ => Some(WordTable::new(by_bytes.iter().map(|(token, &id)| (&**token, id)))),
        };
        let document_start =
            DOCUMENT_STARTS.iter().find_map(|start| parts.specials.iter().find(|(spelling, _)| spelling == start)).map(|(_, id)| *id);
        Ok(Tokenizer { parts, table, byte_ids, byte_ranks, bytes, bounds, is_special, whole_words, document_start })
    }

    /// Reads a tokenizer from a folder that holds `tokenizer.json`, from that file, or from a file of ranks as tiktoken has them,
    /// `cl100k_base.tiktoken`, whose name says which it is.
    pub fn load(path: &Path) -> Result<Tokenizer> {
        if path.extension().is_some_and(|extension| extension == "tiktoken") { tiktoken::load(path) } else { json::load(path) }
    }

    /// Writes `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja` into a folder.
    pub fn save(&self, folder: &Path) -> Result<()> {
        json::save(self, folder)
    }

    /// Identifies the tokenizer: the BLAKE3 hash, in hex, of the `tokenizer.json` that [`Tokenizer::save`] writes.
    pub fn hash(&self) -> String {
        base::files::hash_bytes(json::tokenizer_json(self).as_bytes())
    }

    /// What it was made from.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// What cuts texts into words.
    pub fn pattern(&self) -> Pattern {
        self.parts.pattern
    }

    /// A text as it is encoded: in normal form C where this tokenizer wants it.
    pub fn normalised<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.parts.normalises { normalise(text) } else { Cow::Borrowed(text) }
    }

    /// Number of ids, one more than the largest.
    pub fn vocab_size(&self) -> usize {
        self.bounds.len() - 1
    }

    /// The listed merges in their order; empty where all pairs merge whose bytes are a token.
    pub fn merges(&self) -> &[(u32, u32)] {
        match &self.parts.merges {
            Merges::Listed { pairs, .. } => pairs,
            Merges::ByRank => &[],
        }
    }

    /// All pairs of tokens whose bytes together are a token, by the id of that: the list of merges that does what merging by
    /// rank does.
    pub(crate) fn pairs_by_rank(&self) -> Vec<(u32, u32)> {
        let mut pairs: Vec<(u32, u32, u32)> = self.table.iter().map(|(left, right, rank)| (rank, left, right)).collect();
        pairs.sort_unstable();
        pairs.into_iter().map(|(_, left, right)| (left, right)).collect()
    }

    /// The two tokens that a token is merged from, none for bytes, special tokens, and tokens that no merge makes.
    pub fn halves(&self, id: u32) -> Option<(u32, u32)> {
        if self.is_special(id) {
            return None;
        }
        match merge_until(self, self.token_bytes(id), 2)[..] {
            [left, right] if self.rank(left, right) != NEVER && self.made_at(self.rank(left, right)) == id => Some((left, right)),
            _ => None,
        }
    }

    /// When two neighbours merge, [`NEVER`] if they do not; a smaller rank merges first.
    #[inline]
    pub(crate) fn rank(&self, left: u32, right: u32) -> u32 {
        self.table.rank(left, right)
    }

    /// The pairs that merge.
    #[inline]
    pub(crate) fn pairs(&self) -> &PairTable {
        &self.table
    }

    /// The token that the merge of a rank makes.
    #[inline]
    pub(crate) fn made_at(&self, rank: u32) -> u32 {
        self.table.id(rank)
    }

    /// When two bytes merge.
    #[inline]
    pub(crate) fn byte_rank(&self, left: u8, right: u8) -> u32 {
        self.byte_ranks[usize::from(left) << 8 | usize::from(right)]
    }

    /// The id of a byte.
    #[inline]
    pub(crate) fn byte_id(&self, byte: u8) -> u32 {
        self.byte_ids[usize::from(byte)]
    }

    /// The id of a word that is a token, where merges are not asked then.
    #[inline]
    pub(crate) fn whole_word(&self, word: &[u8]) -> Option<u32> {
        self.whole_words.as_ref()?.find(word, |id| self.token_bytes(id) == word)
    }

    /// The same for words that are too long for [`WordTable::find_key`].
    #[inline]
    pub(crate) fn long_whole_word(&self, word: &[u8]) -> Option<u32> {
        self.whole_words.as_ref()?.find_long(word, |id| self.token_bytes(id) == word)
    }

    /// The tokens by their bytes, where a word that is a token is that token.
    #[inline]
    pub(crate) fn whole_words(&self) -> Option<&WordTable> {
        self.whole_words.as_ref()
    }

    /// The id of a special token by its spelling.
    pub fn special(&self, spelling: &str) -> Option<u32> {
        self.parts.specials.iter().find(|(special, _)| special == spelling).map(|(_, id)| *id)
    }

    /// Whether an id is a special token.
    pub fn is_special(&self, id: u32) -> bool {
        self.is_special.get(id as usize).copied().unwrap_or(false)
    }

    /// The token that stands before each document, if there is one that is known.
    pub fn document_start(&self) -> Option<u32> {
        self.document_start
    }

    /// The same for a model that is trained or used here, which needs the special tokens of our chat format.
    pub fn load_ours(path: &Path) -> Result<Tokenizer> {
        let tokenizer = Tokenizer::load(path)?;
        match SPECIALS.iter().find(|special| tokenizer.special(special).is_none()) {
            Some(missing) => Err(Error::Unsupported { path: path.to_path_buf(), what: format!("it has no special token {missing}") }),
            None => Ok(tokenizer),
        }
    }

    /// The same vocabulary with all special tokens of our chat format: those that it lacks come behind its last id.
    pub fn with_specials(&self) -> Tokenizer {
        let mut parts = self.parts.clone();
        let missing = SPECIALS.iter().filter(|special| self.special(special).is_none());
        parts.specials.extend(missing.zip(self.vocab_size() as u32..).map(|(special, id)| (special.to_string(), id)));
        Tokenizer::from_parts(parts).expect("ids behind the last one are free")
    }

    /// Whether it has all special tokens of our own tokenizers.
    pub fn is_ours(&self) -> bool {
        SPECIALS.iter().all(|special| self.special(special).is_some())
    }

    /// `<|im_start|>`, which begins a message. Panics, as the next ones do, in a tokenizer that is not of our kind.
    pub fn im_start(&self) -> u32 {
        self.ours("<|im_start|>")
    }

    /// `<|im_sep|>`, between a message's role and its text.
    pub fn im_sep(&self) -> u32 {
        self.ours("<|im_sep|>")
    }

    /// `<|im_end|>`, which ends a message.
    pub fn im_end(&self) -> u32 {
        self.ours("<|im_end|>")
    }

    /// `<|endoftext|>`, which stands before each document.
    pub fn eot(&self) -> u32 {
        self.ours("<|endoftext|>")
    }

    fn ours(&self, spelling: &str) -> u32 {
        self.special(spelling).unwrap_or_else(|| panic!("this tokenizer has no special token {spelling}"))
    }

    /// The bytes of a token; of a special token its spelling. Panics if there is no such id.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        match self.bounds.get(id as usize..id as usize + 2) {
            Some(&[start, end]) => &self.bytes[start as usize..end as usize],
            _ => panic!("there is no id {id} in a vocabulary of {}", self.vocab_size()),
        }
    }

    /// Bytes of text behind each id, 0 for special tokens: what bits per byte divides by.
    pub fn token_lengths(&self) -> Vec<u32> {
        let length = |id: u32| if self.is_special(id) { 0 } else { self.token_bytes(id).len() as u32 };
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
        let mut bytes = Vec::with_capacity(4 * ids.len());
        ids.iter().for_each(|&id| bytes.extend_from_slice(self.token_bytes(id)));
        bytes
    }

    /// The text of ids, special tokens as they are spelt; what is not UTF-8 becomes U+FFFD. Panics if an id does not exist.
    pub fn decode(&self, ids: &[u32]) -> String {
        match String::from_utf8(self.decode_bytes(ids)) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }
    }
}

/// The merges in the form that encoding asks.
fn pair_table(parts: &Parts, by_bytes: &FxHashMap<Box<[u8]>, u32>) -> std::result::Result<PairTable, String> {
    let mut pairs = Vec::new();
    match &parts.merges {
        Merges::Listed { pairs: listed, .. } => {
            if listed.len() >= MAX_RANKS as usize {
                return Err(format!("it has {} merges, and {MAX_RANKS} are the most", listed.len()));
            }
            for (rank, &(left, right)) in listed.iter().enumerate() {
                let token = |id: u32| parts.tokens.get(id as usize).filter(|token| !token.is_empty());
                let (Some(first), Some(second)) = (token(left), token(right)) else {
                    return Err(format!("merge {rank} joins {left} and {right}, and one of them is no token"));
                };
                let both = [&**first, &**second].concat();
                let id = *by_bytes
                    .get(&both[..])
                    .ok_or_else(|| format!("merge {rank} makes {:?}, which is no token", String::from_utf8_lossy(&both)))?;
                pairs.push((left, right, rank as u32, id));
            }
        }
        Merges::ByRank => {
            for (token, &id) in by_bytes {
                for cut in 1..token.len() {
                    if let (Some(&left), Some(&right)) = (by_bytes.get(&token[..cut]), by_bytes.get(&token[cut..])) {
                        pairs.push((left, right, id, id));
                    }
                }
            }
        }
    }
    Ok(PairTable::new(&pairs))
}

/// The id of a byte in our own vocabularies.
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
        assert_eq!(tokenizer.document_start(), Some(261));
        assert_eq!(tokenizer.token_bytes(269), b"</think>");
        assert_eq!(tokenizer.special("<|nothing|>"), None);
        let lengths = tokenizer.token_lengths();
        assert_eq!((lengths[0], lengths[256], lengths[257], lengths[258]), (1, 2, 3, 0));
        assert_eq!(tokenizer.decode(&[257, 262 - 4, byte_id(0xC3)]), "abc<|im_start|>\u{fffd}");
        assert_eq!(tokenizer.halves(257), Some((256, byte_id(b'c'))));
        assert_eq!((tokenizer.halves(3), tokenizer.halves(258)), (None, None));
    }

    /// Tokens with their ids, the bytes first.
    fn parts(more: &[&str], merges: Merges) -> Parts {
        let bytes = (0..=u8::MAX).map(|byte| Box::from([byte]));
        let tokens = bytes.chain(more.iter().map(|token| token.as_bytes().into())).collect();
        Parts { pattern: Pattern::Cl100k, normalises: false, tokens, specials: Vec::new(), merges }
    }

    #[test]
    fn by_rank_any_two_tokens_merge_whose_bytes_are_a_token() {
        // No list of one merge a token gives "abc" from "ab" and "c" as well as from "a" and "bc".
        let tokenizer = Tokenizer::from_parts(parts(&["ab", "bc", "abc", "xa", "xabcd"], Merges::ByRank)).unwrap();
        let check = |text: &str, expected: &[u32]| assert_eq!(tokenizer.encode(text), expected, "{text}");
        check("abc", &[258]);
        check("xabc", &[u32::from(b'x'), 258]); // "ab" comes first
        check("xbc", &[u32::from(b'x'), 257]);
        check("xabcd", &[260]); // a word that is a token, though no merge leads there
        check("xabcdd", &[u32::from(b'x'), 258, u32::from(b'd'), u32::from(b'd')]);
        assert_eq!((tokenizer.halves(258), tokenizer.halves(260)), (Some((256, u32::from(b'c'))), None));
    }

    #[test]
    fn special_tokens_that_lack_come_behind_the_last_id() {
        let mut own = parts(&["ab"], Merges::Listed { pairs: vec![(97, 98)], whole_words: false });
        own.specials = vec![("<|endoftext|>".into(), 257), ("<|pad|>".into(), 260)];
        let plain = Tokenizer::from_parts(own).unwrap();
        let grown = plain.with_specials();
        assert!(!plain.is_ours() && grown.is_ours());
        assert_eq!((plain.vocab_size(), grown.vocab_size()), (261, 261 + SPECIALS.len() - 1));
        assert_eq!((grown.eot(), grown.im_start(), grown.im_end(), grown.special("<|pad|>")), (257, 261, 263, Some(260)));
        assert_eq!(grown.encode("cab<|im_end|>"), plain.encode("cab<|im_end|>"));
        assert_eq!(grown.with_specials().parts(), grown.parts());
    }

    #[test]
    fn what_does_not_fit_together_is_told() {
        let listed = |pairs: &[(u32, u32)]| Merges::Listed { pairs: pairs.to_vec(), whole_words: false };
        let check = |parts: Parts, expected: &str| {
            let why = Tokenizer::from_parts(parts).unwrap_err();
            assert!(why.contains(expected), "{why}");
        };
        check(parts(&["ab"], listed(&[(97, 98), (97, 99)])), "merge 1 makes \"ac\", which is no token");
        check(parts(&["ab"], listed(&[(97, 300)])), "one of them is no token");
        check(parts(&["ab", "ab"], listed(&[])), "two tokens are \"ab\"");
        let mut without = parts(&[], listed(&[]));
        without.tokens[7] = Box::from([]);
        check(without, "no token is the byte 0x07");
        let mut twice = parts(&[], listed(&[]));
        twice.specials = vec![("<a>".into(), 256), ("<b>".into(), 256)];
        check(twice, "same id");
        let mut taken = parts(&[], listed(&[]));
        taken.specials = vec![("<a>".into(), 5)];
        check(taken, "another token too");
    }
}
