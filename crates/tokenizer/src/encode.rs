//! Text to ids: each word's bytes, merged in the order in which the merges were learnt.
//!
//! Most words of a text have been seen before, so an encoder remembers them. What it remembers never changes what it
//! gives. Knows nothing of special tokens: whatever the text spells, it is text.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::vocabulary::byte_id;
use crate::{Tokenizer, normalise, words};

/// Words longer than this, in bytes, are merged with a queue and not remembered.
const SHORT: usize = 48;

/// The memory is emptied when it holds this many ids (8 MB of ids, and about as many words at most).
const REMEMBERED_IDS: usize = 1 << 21;

/// No merge: larger than any id.
const NONE: u32 = u32::MAX;

/// Encodes texts one after the other. One per thread.
#[derive(Debug)]
pub struct Encoder<'a> {
    tokenizer: &'a Tokenizer,
    /// Word to its place in `ids`.
    places: FxHashMap<Box<str>, Range<u32>>,
    ids: Vec<u32>,
    work: ShortWord,
}

impl<'a> Encoder<'a> {
    /// An encoder that remembers nothing yet.
    pub fn new(tokenizer: &'a Tokenizer) -> Encoder<'a> {
        Encoder { tokenizer, places: FxHashMap::default(), ids: Vec::new(), work: ShortWord::default() }
    }

    /// Appends the ids of a text, never a special token.
    pub fn encode_into(&mut self, text: &str, ids: &mut Vec<u32>) {
        let text = normalise(text);
        for word in words(&text) {
            if word.len() > SHORT {
                merge_long(self.tokenizer, word.as_bytes(), ids);
                continue;
            }
            if let Some(place) = self.places.get(word) {
                ids.extend_from_slice(&self.ids[place.start as usize..place.end as usize]);
                continue;
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
}

/// Buffers for merging a short word by looking for the smallest merge again after each one: quadratic, and the
/// fastest way for the lengths that words have.
#[derive(Debug, Default)]
struct ShortWord {
    ids: Vec<u32>,
    /// What each id and its right neighbour merge into.
    merges: Vec<u32>,
}

impl ShortWord {
    fn merge(&mut self, tokenizer: &Tokenizer, word: &[u8]) -> &[u32] {
        let merged = |left, right| tokenizer.merged(left, right).unwrap_or(NONE);
        let ShortWord { ids, merges } = self;
        ids.clear();
        ids.extend(word.iter().map(|&byte| byte_id(byte)));
        merges.clear();
        merges.extend(ids.windows(2).map(|pair| merged(pair[0], pair[1])));
        // The smallest id is the earliest merge; of equals `min_by_key` takes the leftmost.
        while let Some((at, &id)) = merges.iter().enumerate().min_by_key(|&(_, &id)| id)
            && id != NONE
        {
            ids[at] = id;
            ids.remove(at + 1);
            merges.remove(at);
            if at > 0 {
                merges[at - 1] = merged(ids[at - 1], id);
            }
            if at < merges.len() {
                merges[at] = merged(id, ids[at + 1]);
            }
        }
        ids
    }
}

/// Merges a word of any length in n log n: a queue of possible merges over a linked list of ids.
fn merge_long(tokenizer: &Tokenizer, word: &[u8], output: &mut Vec<u32>) {
    const END: u32 = u32::MAX;
    /// One id, and where its neighbours stand. A slot that was merged into its left neighbour has `id == NONE`.
    struct Slot {
        id: u32,
        previous: u32,
        next: u32,
    }
    let n = u32::try_from(word.len()).expect("a word below 4 GiB");
    let mut slots: Vec<Slot> = (0..n)
        .map(|at| Slot {
            id: byte_id(word[at as usize]),
            previous: at.checked_sub(1).unwrap_or(END),
            next: if at + 1 == n { END } else { at + 1 },
        })
        .collect();
    // (what it makes, where, with what on the right): the earliest merge first, and of equals the leftmost.
    let mut queue: BinaryHeap<Reverse<(u32, u32, u32, u32)>> = BinaryHeap::new();
    let offer = |slots: &[Slot], queue: &mut BinaryHeap<_>, left: u32, right: u32| {
        if left == END || right == END {
            return;
        }
        let (left_id, right_id) = (slots[left as usize].id, slots[right as usize].id);
        if let Some(id) = tokenizer.merged(left_id, right_id) {
            queue.push(Reverse((id, left, left_id, right_id)));
        }
    };
    for at in 1..n {
        offer(&slots, &mut queue, at - 1, at);
    }
    while let Some(Reverse((id, left, left_id, right_id))) = queue.pop() {
        // An entry is stale if one of its two ids has been merged since.
        let right = slots[left as usize].next;
        if slots[left as usize].id != left_id || right == END || slots[right as usize].id != right_id {
            continue;
        }
        let beyond = slots[right as usize].next;
        slots[left as usize].id = id;
        slots[left as usize].next = beyond;
        slots[right as usize].id = NONE;
        if beyond != END {
            slots[beyond as usize].previous = left;
        }
        offer(&slots, &mut queue, slots[left as usize].previous, left);
        offer(&slots, &mut queue, left, beyond);
    }
    output.extend(slots.iter().map(|slot| slot.id).filter(|&id| id != NONE));
}

#[cfg(test)]
mod tests {
    use super::*;
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
        encoder.encode_into("abc ab abc", &mut ids);
        assert_eq!(ids, tokenizer.encode("abc ab abc"));
        assert!(encoder.ids.len() < 100, "the memory was emptied");
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
        fn decoding_gives_the_normal_text_back(text in any::<String>()) {
            let tokenizer = small();
            prop_assert_eq!(tokenizer.decode(&tokenizer.encode(&text)), normalise(&text));
        }
    }
}
