//! Text to ids: each word's bytes, merged in the order in which the merges were learnt.
//!
//! Most words of a text have been seen before, so an encoder remembers them: tiny ones in a table of fixed size where a word's
//! bytes are its key, longer ones in a map. Those that are new wait for memory more than they compute, so words are taken in
//! batches, and the new ones of a batch wait together. What is remembered never changes what is given. Knows nothing of special
//! tokens: whatever the text spells, it is text.

use std::ops::Range;

use rustc_hash::FxHashMap;

use crate::Tokenizer;
use crate::key::{self, Key};
use crate::merge::{LONGEST_ROW, Row, merge_long};

/// The memory of longer words is emptied when it holds this many ids (8 MB of ids, and about as many words at most).
const REMEMBERED_IDS: usize = 1 << 21;

/// Words that are taken together.
const BATCH: usize = 64;

/// Bits of the number of tiny words that are remembered: 2^15 of 32 bytes are 1 MB, which a core's own cache holds.
const TINY_BITS: u32 = 15;

/// Bytes of text after which the table of tiny words pays for being made: most encoders see a question or an answer and no more.
const TABLE_PAYS: usize = 1 << 15;

/// A tiny word that was seen, and its ids.
#[derive(Clone, Copy, Debug)]
struct Tiny {
    /// Its bytes; those of the empty word, which no text has, where no word stands.
    key: Key,
    ids: [u32; 3],
    n: u32,
}

/// A word of a text.
#[derive(Clone, Copy, Debug)]
struct Word {
    start: usize,
    length: usize,
    /// Its bytes, [`Key::NONE`] where they are too many.
    key: Key,
    /// Its place among the tiny words.
    at: usize,
}

/// What became of a tiny word that is not remembered.
#[derive(Clone, Copy, Debug)]
enum New {
    /// It is a token.
    Token(u32),
    /// It has a row of its own.
    Row,
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
    places: FxHashMap<Box<[u8]>, Range<u32>>,
    ids: Vec<u32>,
    /// For the words of a batch.
    new: [New; BATCH],
    rows: Box<[Row<16>; BATCH]>,
}

impl<'a> Encoder<'a> {
    /// An encoder that remembers nothing yet.
    pub fn new(tokenizer: &'a Tokenizer) -> Encoder<'a> {
        let (tiny, places, ids) = (Vec::new(), FxHashMap::default(), Vec::new());
        Encoder { tokenizer, seen: 0, tiny, places, ids, new: [New::Row; BATCH], rows: Box::new([Row::EMPTY; BATCH]) }
    }

    /// Appends the ids of a text, never a special token.
    pub fn encode_into(&mut self, text: &str, ids: &mut Vec<u32>) {
        self.seen += text.len();
        if self.tiny.is_empty() && self.seen >= TABLE_PAYS {
            self.tiny = vec![Tiny { key: Key::EMPTY, ids: [0; 3], n: 0 }; 1 << TINY_BITS];
        }
        let text = self.tokenizer.normalised(text);
        let bytes = text.as_bytes();
        let mut batch = [Word { start: 0, length: 0, key: Key::NONE, at: 0 }; BATCH];
        let (mut start, mut n) = (0, 0);
        self.tokenizer.pattern().for_each_word(&text, |word| {
            let key = if word.len() <= key::LONGEST { Key::at(bytes, start, word.len()) } else { Key::NONE };
            batch[n] = Word { start, length: word.len(), key, at: (key.hash() >> (64 - TINY_BITS)) as usize };
            start += word.len();
            n += 1;
            if n == BATCH {
                self.encode_batch(bytes, &batch, ids);
                n = 0;
            }
        });
        self.encode_batch(bytes, &batch[..n], ids);
    }

    /// Words in a row of a text.
    fn encode_batch(&mut self, text: &[u8], words: &[Word], ids: &mut Vec<u32>) {
        let mut numbers = [0; BATCH];
        let mut n_new = 0;
        for (number, word) in words.iter().enumerate() {
            numbers[n_new] = number as u8;
            n_new += usize::from(self.known(word).is_none());
        }
        let new = &numbers[..n_new];
        self.merge_new(text, words, new);

        let mut next_new = new.iter().copied().peekable();
        for (number, word) in words.iter().enumerate() {
            if next_new.next_if_eq(&(number as u8)).is_none() {
                let known = &self.tiny[word.at];
                match known.n {
                    1 => ids.push(known.ids[0]),
                    n => ids.extend_from_slice(&known.ids[..n as usize]),
                }
            } else if word.key == Key::NONE {
                self.encode_longer(&text[word.start..word.start + word.length], ids);
            } else {
                match self.new[number] {
                    New::Token(id) => ids.push(id),
                    New::Row => ids.extend(self.rows[number].ids()),
                }
            }
        }
        if !self.tiny.is_empty() {
            self.remember(words, new);
        }
    }

    /// What is known of a tiny word.
    #[inline]
    fn known(&self, word: &Word) -> Option<&Tiny> {
        self.tiny.get(word.at).filter(|known| known.key == word.key)
    }

    /// Finds out the ids of the tiny words among those of a batch with these numbers, all at the same time: what each will look up is
    /// touched first, and each makes one merge in turn.
    fn merge_new(&mut self, text: &[u8], words: &[Word], new: &[u8]) {
        let table = self.tokenizer.whole_words();
        if let Some(table) = table {
            let touched = new.iter().fold(0, |all, &number| all ^ table.slot(table.place(words[usize::from(number)].key)));
            std::hint::black_box(touched);
        }
        let mut merging = [0; BATCH];
        let mut n = 0;
        for &number in new {
            let word = &words[usize::from(number)];
            if word.key == Key::NONE {
                continue;
            }
            let spelt = &text[word.start..word.start + word.length];
            let id = table.and_then(|table| table.find_key(word.key).or_else(|| self.tokenizer.long_whole_word(spelt)));
            self.new[usize::from(number)] = match id {
                Some(id) => New::Token(id),
                None => {
                    self.rows[usize::from(number)].start(self.tokenizer, spelt);
                    merging[n] = number;
                    n += 1;
                    New::Row
                }
            };
        }
        let mut merged = [None; BATCH];
        while n > 0 {
            let (mut n_left, mut touched) = (0, 0);
            for at in 0..n {
                let number = merging[at];
                if let Some(made) = self.rows[usize::from(number)].merge(self.tokenizer) {
                    touched ^= made.touch(self.tokenizer);
                    (merging[n_left], merged[n_left]) = (number, Some(made));
                    n_left += 1;
                }
            }
            std::hint::black_box(touched);
            for (&number, merged) in merging[..n_left].iter().zip(&merged) {
                self.rows[usize::from(number)].renew(self.tokenizer, merged.expect("a merge that was made"));
            }
            n = n_left;
        }
    }

    /// Keeps the tiny words of a batch with these numbers.
    fn remember(&mut self, words: &[Word], new: &[u8]) {
        for &number in new {
            let word = &words[usize::from(number)];
            if word.key == Key::NONE {
                continue;
            }
            let (row, mut ids) = (&self.rows[usize::from(number)], [0; 3]);
            let n = match self.new[usize::from(number)] {
                New::Token(id) => {
                    ids[0] = id;
                    1
                }
                New::Row if row.len() > ids.len() => continue,
                New::Row => {
                    ids.iter_mut().zip(row.ids()).for_each(|(to, id)| *to = id);
                    row.len()
                }
            };
            self.tiny[word.at] = Tiny { key: word.key, ids, n: n as u32 };
        }
    }

    /// A word that is too long to be its own key.
    fn encode_longer(&mut self, word: &[u8], ids: &mut Vec<u32>) {
        if word.len() > LONGEST_ROW {
            match self.tokenizer.whole_word(word) {
                Some(id) => ids.push(id),
                None => merge_long(self.tokenizer, word, ids),
            }
            return;
        }
        if let Some(place) = self.places.get(word) {
            ids.extend_from_slice(&self.ids[place.start as usize..place.end as usize]);
            return;
        }
        let first = ids.len();
        self.tokenizer.encode_word(word, ids);
        let found = &ids[first..];
        if self.ids.len() + found.len() > REMEMBERED_IDS {
            self.ids.clear();
            self.places.clear();
        }
        let start = self.ids.len() as u32;
        self.ids.extend_from_slice(found);
        self.places.insert(word.into(), start..self.ids.len() as u32);
    }
}

impl Tokenizer {
    /// Appends the ids of a word of at most [`LONGEST_ROW`] bytes.
    fn encode_word(&self, word: &[u8], ids: &mut Vec<u32>) {
        if let Some(id) = self.whole_word(word) {
            ids.push(id);
            return;
        }
        let mut row = Row::<LONGEST_ROW>::EMPTY;
        row.start(self, word);
        while let Some(merged) = row.merge(self) {
            row.renew(self, merged);
        }
        ids.extend(row.ids());
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
        fn the_queue_gives_what_the_search_gives(word in "[abc ]{1,64}") {
            let tokenizer = small();
            let (mut long, mut short) = (Vec::new(), Vec::new());
            merge_long(&tokenizer, word.as_bytes(), &mut long);
            tokenizer.encode_word(word.as_bytes(), &mut short);
            prop_assert_eq!(long, short);
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
