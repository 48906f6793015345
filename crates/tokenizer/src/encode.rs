//! Text to ids: each word's bytes, merged in the order in which the merges were learnt.
//!
//! Most words of a text have been seen before, so an encoder remembers them: short ones in a table of fixed size where a word's
//! bytes are its key, longer ones in a map. What it remembers never changes what it gives. Knows nothing of special tokens:
//! whatever the text spells, it is text.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::Tokenizer;
use crate::pairs::NEVER;

/// Words longer than this, in bytes, are merged with a queue and not remembered.
const SHORT: usize = 48;

/// The memory of longer words is emptied when it holds this many ids (8 MB of ids, and about as many words at most).
const REMEMBERED_IDS: usize = 1 << 21;

/// Words up to this length are their own key.
const TINY: usize = 15;

/// Bits of the number of tiny words that are remembered: 2^15 of 32 bytes are 1 MB, which a core's own cache holds.
const TINY_BITS: u32 = 15;

/// Bytes of text after which the table of tiny words pays for being made: most encoders see a question or an answer and no more.
const TABLE_PAYS: usize = 1 << 15;

/// A tiny word that was seen, and its ids.
#[derive(Clone, Copy, Debug)]
struct Tiny {
    /// Its bytes, with its length in the last; 0 where no word stands.
    key: u128,
    ids: [u32; 3],
    n: u32,
}

/// Encodes texts one after the other. One per thread.
#[derive(Debug)]
pub struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    /// Bytes of text so far.
    seen: usize,
    /// Tiny words of at most three ids; each place belongs to the word that came last. Empty until it pays.
    tiny: Vec<Tiny>,
    /// Other short words, to their places in `ids`.
    places: FxHashMap<Box<str>, Range<u32>>,
    ids: Vec<u32>,
    work: ShortWord,
}

impl<'a> Encoder<'a> {
    /// An encoder that remembers nothing yet.
    pub fn new(tokenizer: &'a Tokenizer) -> Encoder<'a> {
        Encoder { tokenizer, seen: 0, tiny: Vec::new(), places: FxHashMap::default(), ids: Vec::new(), work: ShortWord::default() }
    }

    /// Appends the ids of a text, never a special token.
    pub fn encode_into(&mut self, text: &str, ids: &mut Vec<u32>) {
        self.seen += text.len();
        if self.tiny.is_empty() && self.seen >= TABLE_PAYS {
            self.tiny = vec![Tiny { key: 0, ids: [0; 3], n: 0 }; 1 << TINY_BITS];
        }
        let has_table = !self.tiny.is_empty();
        let text = self.tokenizer.normalised(text);
        let bytes = text.as_bytes();
        let mut start = 0;
        self.tokenizer.pattern().for_each_word(&text, |word| {
            let at = start;
            start += word.len();
            if has_table && word.len() <= TINY {
                self.tiny(key_at(bytes, at, word.len()), word, ids);
            } else {
                self.longer(word, ids);
            }
        });
    }

    /// A word that is its own key.
    #[inline]
    fn tiny(&mut self, key: u128, word: &str, ids: &mut Vec<u32>) {
        let hash = (key as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((key >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        let at = (hash.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - TINY_BITS)) as usize;
        let known = &self.tiny[at];
        if known.key == key {
            if known.n == 1 {
                ids.push(known.ids[0]);
            } else {
                ids.extend_from_slice(&known.ids[..known.n as usize]);
            }
            return;
        }
        let found = self.work.merge(self.tokenizer, word.as_bytes());
        ids.extend_from_slice(found);
        if found.len() <= 3 {
            let mut three = [0; 3];
            three[..found.len()].copy_from_slice(found);
            self.tiny[at] = Tiny { key, ids: three, n: found.len() as u32 };
        }
    }

    fn longer(&mut self, word: &str, ids: &mut Vec<u32>) {
        if word.len() > SHORT {
            match self.tokenizer.whole_word(word.as_bytes()) {
                Some(id) => ids.push(id),
                None => merge_long(self.tokenizer, word.as_bytes(), ids),
            }
            return;
        }
        if let Some(place) = self.places.get(word) {
            ids.extend_from_slice(&self.ids[place.start as usize..place.end as usize]);
            return;
        }
        let found = self.work.merge(self.tokenizer, word.as_bytes());
        ids.extend_from_slice(found);
        if self.ids.len() + found.len() > REMEMBERED_IDS {
            self.ids.clear();
            self.places.clear();
        }
        let start = self.ids.len() as u32;
        self.ids.extend_from_slice(found);
        self.places.insert(word.into(), start..self.ids.len() as u32);
    }
}

/// The key of a tiny word: its bytes from the lowest on, its length at the top.
#[inline]
fn key_at(text: &[u8], at: usize, length: usize) -> u128 {
    let bytes = match text.get(at..at + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()) {
        Some(bytes) => bytes,
        None => {
            let mut bytes = [0; 16];
            bytes[..length].copy_from_slice(&text[at..at + length]);
            bytes
        }
    };
    let kept = u128::from_le_bytes(bytes) & ((1 << (8 * length)) - 1);
    kept | (length as u128) << 120
}

/// Buffers for merging a short word by looking for the earliest merge again after each one: quadratic, and the fastest way for
/// the lengths that words have.
#[derive(Debug, Default)]
struct ShortWord {
    ids: Vec<u32>,
    ranks: Vec<u32>,
}

impl ShortWord {
    fn merge(&mut self, tokenizer: &Tokenizer, word: &[u8]) -> &[u32] {
        match tokenizer.whole_word(word) {
            Some(id) => {
                self.ids.clear();
                self.ids.push(id);
            }
            None => tokenizer.merge_until(word, &mut self.ids, &mut self.ranks, 1),
        }
        &self.ids
    }
}

impl Tokenizer {
    /// The ids of a word's bytes, merged the earliest first and of equals the leftmost, until no more merge or `least` are left.
    /// `ranks` is a buffer for when each id merges with its right neighbour.
    pub(crate) fn merge_until(&self, word: &[u8], ids: &mut Vec<u32>, ranks: &mut Vec<u32>, least: usize) {
        ids.clear();
        ids.extend(word.iter().map(|&byte| self.byte_id(byte)));
        ranks.clear();
        ranks.extend(word.windows(2).map(|pair| self.byte_rank(pair[0], pair[1])));
        while ids.len() > least
            && let Some((at, &rank)) = ranks.iter().enumerate().min_by_key(|&(_, &rank)| rank)
            && rank != NEVER
        {
            let id = self.made_at(rank);
            ids[at] = id;
            ids.remove(at + 1);
            ranks.remove(at);
            if at > 0 {
                ranks[at - 1] = self.rank(ids[at - 1], id);
            }
            if at < ranks.len() {
                ranks[at] = self.rank(id, ids[at + 1]);
            }
        }
    }
}

/// Merges a word of any length in about linear time: the places where a merge is possible are kept by its rank, and those of the
/// earliest rank are merged from left to right.
fn merge_long(tokenizer: &Tokenizer, word: &[u8], output: &mut Vec<u32>) {
    let n = u32::try_from(word.len()).expect("a word below 4 GiB");
    let mut line = Line {
        ids: word.iter().map(|&byte| tokenizer.byte_id(byte)).collect(),
        previous: (0..n).map(|at| at.checked_sub(1).unwrap_or(END)).collect(),
        next: (1..=n).map(|at| if at == n { END } else { at }).collect(),
    };
    let mut places: FxHashMap<u32, Vec<u32>> = FxHashMap::default();
    let mut ranks: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
    let offer = |rank: u32, at: u32, ranks: &mut BinaryHeap<Reverse<u32>>, places: &mut FxHashMap<u32, Vec<u32>>| {
        if rank != NEVER {
            let list = places.entry(rank).or_default();
            if list.is_empty() {
                ranks.push(Reverse(rank));
            }
            list.push(at);
        }
    };
    for (at, pair) in word.windows(2).enumerate() {
        offer(tokenizer.byte_rank(pair[0], pair[1]), at as u32, &mut ranks, &mut places);
    }
    while let Some(Reverse(rank)) = ranks.pop() {
        let mut list = places.remove(&rank).unwrap_or_default();
        list.sort_unstable();
        let id = tokenizer.made_at(rank);
        for (index, &left) in list.iter().enumerate() {
            // One of the two may have been merged since.
            let right = line.next[left as usize];
            if line.ids[left as usize] == GONE || right == END || tokenizer.rank(line.ids[left as usize], line.ids[right as usize]) != rank
            {
                continue;
            }
            line.merge(left, right, id);
            let (before, after) = (line.previous[left as usize], line.next[left as usize]);
            let mut earliest = NEVER;
            for (first, second) in [(before, left), (left, after)] {
                if first != END && second != END {
                    let new = tokenizer.rank(line.ids[first as usize], line.ids[second as usize]);
                    earliest = earliest.min(new);
                    offer(new, first, &mut ranks, &mut places);
                }
            }
            // Where ranks do not grow with the tokens, the new pair comes before the rest of these places.
            if earliest < rank {
                for &at in &list[index + 1..] {
                    offer(rank, at, &mut ranks, &mut places);
                }
                break;
            }
        }
    }
    output.extend(line.ids.into_iter().filter(|&id| id != GONE));
}

/// No neighbour.
const END: u32 = u32::MAX;
/// What stands where an id was merged into its left neighbour.
const GONE: u32 = u32::MAX;

/// Ids in a row, and where the neighbours of each stand.
struct Line {
    ids: Vec<u32>,
    previous: Vec<u32>,
    next: Vec<u32>,
}

impl Line {
    /// Puts an id in place of two neighbours.
    fn merge(&mut self, left: u32, right: u32, id: u32) {
        let beyond = self.next[right as usize];
        self.ids[left as usize] = id;
        self.ids[right as usize] = GONE;
        self.next[left as usize] = beyond;
        if beyond != END {
            self.previous[beyond as usize] = left;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::normalise;
    use crate::vocabulary::byte_id;
    use proptest::prelude::*;

    /// `ab`, `abc`, `aa`, `aaaa`, `bc`, `c `.
    fn small() -> Tokenizer {
        let id = byte_id;
        Tokenizer::from_merges(vec![
            (id(b'a'), id(b'b')),
            (256, id(b'c')),
            (id(b'a'), id(b'a')),
            (258, 258),
            (id(b'b'), id(b'c')),
            (id(b' '), id(b'c')),
        ])
    }

    #[test]
    fn merges_apply_in_the_order_in_which_they_were_learnt() {
        let tokenizer = small();
        let check = |text: &str, expected: &[u32]| assert_eq!(tokenizer.encode(text), expected, "{text}");
        check("abc", &[257]);
        check("bc", &[260]);
        check("aaaab", &[258, byte_id(b'a'), 256]);
        check("aaaaa", &[259, byte_id(b'a')]);
        check("ab c", &[256, 261]);
        check("", &[]);
    }

    #[test]
    fn text_that_spells_a_special_token_is_text() {
        let tokenizer = small();
        let ids = tokenizer.encode("<|endoftext|><think>");
        assert!(ids.iter().all(|&id| !tokenizer.is_special(id)));
        assert_eq!(tokenizer.decode(&ids), "<|endoftext|><think>");
    }

    #[test]
    fn forgetting_does_not_change_what_is_given() {
        let tokenizer = small();
        let mut encoder = Encoder::new(&tokenizer);
        encoder.ids = vec![0; REMEMBERED_IDS];
        let mut ids = Vec::new();
        let text = "abcabcabcabcabcabcabc ab abcabcabcabcabcabcabc";
        encoder.encode_into(text, &mut ids);
        assert_eq!(ids, tokenizer.encode(text));
        assert!(encoder.ids.len() < 100, "the memory was emptied");
    }

    /// An encoder that has its table from the first word on.
    fn with_table(tokenizer: &Tokenizer) -> Encoder<'_> {
        Encoder { seen: TABLE_PAYS, ..Encoder::new(tokenizer) }
    }

    #[test]
    fn words_differ_by_their_zeros_and_lengths() {
        let tokenizer = small();
        let mut encoder = with_table(&tokenizer);
        for text in ["\0", "\0\0", "a\0", "a", "", "\0a", "abcabcabcabcabc", "abcabcabcabcabca"] {
            for padding in ["", "                              "] {
                let (mut ids, text) = (Vec::new(), format!("{text}{padding}"));
                encoder.encode_into(&text, &mut ids);
                assert_eq!(tokenizer.decode(&ids), text);
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn the_queue_gives_what_the_search_gives(word in "[abc ]{0,80}") {
            let tokenizer = small();
            let mut long = Vec::new();
            merge_long(&tokenizer, word.as_bytes(), &mut long);
            let mut short = ShortWord::default();
            prop_assert_eq!(&long[..], short.merge(&tokenizer, word.as_bytes()));
        }

        #[test]
        fn what_is_remembered_is_what_is_given_at_first(words in prop::collection::vec("[abc ]{0,20}", 0..40)) {
            let tokenizer = small();
            let mut encoder = with_table(&tokenizer);
            for word in words.iter().chain(&words) {
                let mut ids = Vec::new();
                encoder.encode_into(word, &mut ids);
                prop_assert_eq!(ids, tokenizer.encode(word));
            }
        }

        #[test]
        fn decoding_gives_the_normal_text_back(text in any::<String>()) {
            let tokenizer = small();
            prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), normalise(&text));
        }
    }
}
