//! Counting the tokens of texts, with several tokenizers at once and on several threads.
//!
//! Texts pass through in pieces, so memory holds the counts and a few pieces, however much is read. A word is what
//! Unicode's UAX #29 calls one, which does not depend on a tokenizer's own pattern: so tokenizers can be compared by it.
//! Bytes, characters and words are those of the text as it was given, also where a tokenizer normalises it first.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use base::progress::Progress;
use base::stop::Stop;
use serde::Serialize;
use unicode_segmentation::UnicodeSegmentation;

use crate::{Encoder, Result, Tokenizer};

/// Longer texts are cut into pieces of about this many bytes, at most twice as many.
const PIECE_BYTES: usize = 1 << 18;

/// Pieces are handed to the counting threads in batches of about this many bytes.
const BATCH_BYTES: usize = 1 << 20;

/// What was counted with one tokenizer. Counts of parts of a text add up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Texts.
    pub documents: u64,
    /// Bytes of the texts in UTF-8.
    pub bytes: u64,
    /// Characters (code points) of the texts.
    pub characters: u64,
    /// Words of the texts.
    pub words: u64,
    /// Words in which no token ends before the word does.
    pub one_token_words: u64,
    /// How often each id was used.
    pub uses: Vec<u64>,
}

impl Counts {
    /// Nothing counted yet.
    pub fn new(tokenizer: &Tokenizer) -> Counts {
        Counts { uses: vec![0; tokenizer.vocab_size()], ..Counts::default() }
    }

    /// The counts of one text and its ids, which may hold special tokens. Panics if an id does not exist.
    pub fn of(tokenizer: &Tokenizer, text: &str, ids: &[u32]) -> Counts {
        let mut counts = Counts { documents: 1, ..Counts::new(tokenizer) };
        counts.add_piece(tokenizer, &Piece::new(text), ids, &mut Vec::new());
        counts
    }

    /// Tokens in all.
    pub fn tokens(&self) -> u64 {
        self.uses.iter().sum()
    }

    /// Adds what was counted elsewhere with the same tokenizer.
    pub fn add(&mut self, other: &Counts) {
        assert_eq!(self.uses.len(), other.uses.len(), "counts of two vocabularies do not add up");
        self.documents += other.documents;
        self.bytes += other.bytes;
        self.characters += other.characters;
        self.words += other.words;
        self.one_token_words += other.one_token_words;
        self.uses.iter_mut().zip(&other.uses).for_each(|(sum, uses)| *sum += uses);
    }

    /// `decoded` is a buffer.
    fn add_piece(&mut self, tokenizer: &Tokenizer, piece: &Piece, ids: &[u32], decoded: &mut Vec<u8>) {
        self.bytes += piece.text.len() as u64;
        self.characters += piece.characters;
        self.words += piece.words.len() as u64;
        decoded.clear();
        for &id in ids {
            self.uses[id as usize] += 1;
            decoded.extend_from_slice(tokenizer.token_bytes(id));
        }
        // A normalised text has its words at other places.
        self.one_token_words += match std::str::from_utf8(decoded) {
            Ok(text) if text != piece.text => uncut_words(tokenizer, &words_of(text), ids),
            _ => uncut_words(tokenizer, &piece.words, ids),
        };
    }
}

/// What is told about counts. A share is between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measures {
    /// Texts.
    pub documents: u64,
    /// Bytes of the texts in UTF-8.
    pub bytes: u64,
    /// Characters (code points) of the texts.
    pub characters: u64,
    /// Words of the texts, by UAX #29.
    pub words: u64,
    /// Tokens of the texts.
    pub tokens: u64,
    /// Bytes for each token; none without tokens.
    pub bytes_per_token: Option<f64>,
    /// Characters for each token; none without tokens.
    pub characters_per_token: Option<f64>,
    /// Tokens for each word, those between the words included; none without words.
    pub tokens_per_word: Option<f64>,
    /// Share of the words that are one token; none without words.
    pub one_token_words: Option<f64>,
    /// Share of the tokens that are a single byte, which no merge made; none without tokens.
    pub single_byte_tokens: Option<f64>,
    /// Share of the tokens whose bytes are not whole characters; none without tokens.
    pub partial_tokens: Option<f64>,
}

impl Measures {
    /// The measures of counts made with this tokenizer.
    pub fn of(tokenizer: &Tokenizer, counts: &Counts) -> Measures {
        let tokens = counts.tokens();
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        let uses_where = |is_meant: &dyn Fn(&[u8]) -> bool| {
            let used = counts.uses.iter().enumerate().filter(|&(_, &uses)| uses > 0);
            used.filter(|&(id, _)| is_meant(tokenizer.token_bytes(id as u32))).map(|(_, uses)| uses).sum::<u64>()
        };
        Measures {
            documents: counts.documents,
            bytes: counts.bytes,
            characters: counts.characters,
            words: counts.words,
            tokens,
            bytes_per_token: share(counts.bytes, tokens),
            characters_per_token: share(counts.characters, tokens),
            tokens_per_word: share(tokens, counts.words),
            one_token_words: share(counts.one_token_words, counts.words),
            single_byte_tokens: share(uses_where(&|bytes| bytes.len() == 1), tokens),
            partial_tokens: share(uses_where(&|bytes| std::str::from_utf8(bytes).is_err()), tokens),
        }
    }
}

/// Counts texts with each of the tokenizers; special tokens that they spell are text. Each text comes with the number of its group;
/// given are the counts of each group with each tokenizer. `progress` advances by one for each text. The counts do not depend on
/// the number of threads.
pub fn count_texts(
    texts: impl Iterator<Item = (usize, String)>,
    tokenizers: &[&Tokenizer],
    threads: usize,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<Vec<Counts>>> {
    let threads = threads.max(1);
    let (sender, receiver) = sync_channel::<Vec<(usize, String)>>(threads);
    let receiver = Mutex::new(receiver);
    let count_batches = || {
        let mut counters: Vec<Counter> = tokenizers.iter().map(|tokenizer| Counter::new(tokenizer)).collect();
        loop {
            let batch = receiver.lock().expect("no counting thread panics").recv();
            let Ok(batch) = batch else { return counters.into_iter().map(|counter| counter.groups).collect::<Vec<_>>() };
            for (group, piece) in &batch {
                let piece = Piece::new(piece);
                counters.iter_mut().for_each(|counter| counter.add(*group, &piece));
            }
        }
    };
    let mut sums: Vec<Vec<Counts>> = Vec::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(count_batches)).collect();
        let documents = send_batches(texts, &|batch| sender.send(batch).expect("the counting threads wait for batches"), progress, stop);
        drop(sender);
        sums = documents.iter().map(|_| tokenizers.iter().map(|tokenizer| Counts::new(tokenizer)).collect()).collect();
        for worker in workers {
            let parts = worker.join().expect("a counting thread does not panic");
            for (at, groups) in parts.iter().enumerate() {
                sums.iter_mut().zip(groups).for_each(|(sum, part)| sum[at].add(part));
            }
        }
        for (group, documents) in sums.iter_mut().zip(documents) {
            group.iter_mut().for_each(|sum| sum.documents = documents);
        }
    });
    if stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(sums) }
}

/// The texts until so many bytes of them have come; the last one is cut at a character's border. Each comes with something else.
pub fn limited<T>(texts: impl Iterator<Item = (T, String)>, limit_bytes: u64) -> impl Iterator<Item = (T, String)> {
    let mut left = limit_bytes;
    let mut texts = texts.fuse();
    std::iter::from_fn(move || {
        if left == 0 {
            return None;
        }
        let (with, mut text) = texts.next()?;
        if text.len() as u64 >= left {
            text.truncate(text.floor_char_boundary(left as usize));
            left = 0;
        } else {
            left -= text.len() as u64;
        }
        Some((with, text))
    })
}

/// Cuts texts into batches of pieces and sends them; gives the number of texts of each group.
fn send_batches(
    texts: impl Iterator<Item = (usize, String)>,
    send: &dyn Fn(Vec<(usize, String)>),
    progress: &Progress,
    stop: &Stop,
) -> Vec<u64> {
    let (mut documents, mut batch, mut bytes) = (Vec::new(), Vec::new(), 0);
    for (group, text) in texts {
        if documents.len() <= group {
            documents.resize(group + 1, 0);
        }
        documents[group] += 1;
        let mut rest = &text[..];
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(piece_end(rest));
            rest = after;
            bytes += piece.len();
            batch.push((group, piece.to_string()));
            if bytes >= BATCH_BYTES {
                send(std::mem::take(&mut batch));
                bytes = 0;
                if stop.requested() {
                    return documents;
                }
            }
        }
        progress.advance(1);
    }
    send(batch);
    documents
}

/// Where the first piece of a text ends: before a letter or number that follows a newline, where every pattern in use
/// begins a new word. In a text without such a place a word may be cut, which costs a token in each piece.
fn piece_end(text: &str) -> usize {
    if text.len() <= 2 * PIECE_BYTES {
        return text.len();
    }
    let starts = |at: &usize| text.as_bytes()[at - 1] == b'\n' && text[*at..].starts_with(char::is_alphanumeric);
    (PIECE_BYTES..2 * PIECE_BYTES).find(starts).unwrap_or_else(|| text.floor_char_boundary(2 * PIECE_BYTES))
}

/// A piece of text, and what is the same for all tokenizers.
struct Piece<'a> {
    text: &'a str,
    characters: u64,
    /// Places of its words.
    words: Vec<Range<usize>>,
}

impl Piece<'_> {
    fn new(text: &str) -> Piece<'_> {
        Piece { text, characters: text.chars().count() as u64, words: words_of(text) }
    }
}

/// The places of a text's words.
fn words_of(text: &str) -> Vec<Range<usize>> {
    text.unicode_word_indices().map(|(start, word)| start..start + word.len()).collect()
}

/// Number of words that lie within one token. The places are those of the tokens' own bytes.
fn uncut_words(tokenizer: &Tokenizer, words: &[Range<usize>], ids: &[u32]) -> u64 {
    let mut ids = ids.iter();
    let (mut token_end, mut uncut) = (0, 0);
    for word in words {
        while token_end <= word.start {
            let Some(&id) = ids.next() else { return uncut };
            token_end += tokenizer.token_bytes(id).len();
        }
        uncut += u64::from(token_end >= word.end);
    }
    uncut
}

/// Counts pieces with one tokenizer.
struct Counter<'a> {
    tokenizer: &'a Tokenizer,
    encoder: Encoder<'a>,
    /// What was counted in each group of texts.
    groups: Vec<Counts>,
    ids: Vec<u32>,
    decoded: Vec<u8>,
}

impl<'a> Counter<'a> {
    fn new(tokenizer: &'a Tokenizer) -> Counter<'a> {
        let (ids, decoded) = (Vec::new(), Vec::new());
        Counter { tokenizer, encoder: Encoder::new(tokenizer), groups: Vec::new(), ids, decoded }
    }

    fn add(&mut self, group: usize, piece: &Piece) {
        if self.groups.len() <= group {
            self.groups.resize_with(group + 1, || Counts::new(self.tokenizer));
        }
        self.ids.clear();
        self.encoder.encode_into(piece.text, &mut self.ids);
        self.groups[group].add_piece(self.tokenizer, piece, &self.ids, &mut self.decoded);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::small;
    use proptest::prelude::*;

    fn count(texts: &[&str], tokenizers: &[&Tokenizer], threads: usize) -> Vec<Counts> {
        let texts = texts.iter().map(|text| (0, text.to_string()));
        count_texts(texts, tokenizers, threads, &Progress::silent(), &Stop::new()).unwrap().remove(0)
    }

    #[test]
    fn measures_of_known_texts() {
        let tokenizer = small();
        let check = |text: &str, expected: [u64; 5], per_token: Option<f64>, shares: [Option<f64>; 3]| {
            let counts = Counts::of(&tokenizer, text, &tokenizer.encode(text));
            let found = Measures::of(&tokenizer, &counts);
            assert_eq!([found.bytes, found.characters, found.words, found.tokens, counts.one_token_words], expected, "{text:?}");
            assert_eq!(found.bytes_per_token, per_token, "{text:?}");
            assert_eq!([found.one_token_words, found.single_byte_tokens, found.partial_tokens], shares, "{text:?}");
        };
        // the|' the'|' '|cat|.
        check("the the cat.", [12, 12, 3, 5, 3], Some(2.4), [Some(1.0), Some(0.4), Some(0.0)]);
        // the|f|t, and the second word is one token with its space
        check("theft the", [9, 9, 2, 4, 1], Some(2.25), [Some(0.5), Some(0.5), Some(0.0)]);
        // é|\xe6|\x97|\xa5
        check("é日", [5, 2, 2, 4, 1], Some(1.25), [Some(0.5), Some(0.75), Some(0.75)]);
        // the letter in two parts becomes é, and the text keeps its three bytes
        check("e\u{301}", [3, 2, 1, 1, 1], Some(3.0), [Some(1.0), Some(0.0), Some(0.0)]);
        check("", [0, 0, 0, 0, 0], None, [None; 3]);
        check("--", [2, 2, 0, 2, 0], Some(1.0), [None, Some(1.0), Some(0.0)]);
    }

    #[test]
    fn threads_tokenizers_and_pieces_change_no_count() {
        let (tokenizer, bytes) = (small(), Tokenizer::from_merges(Vec::new()));
        let long = "The cat sat, the cat thought of théâtre.\nAnd then\n\n  the rest of it\n".repeat(3 * PIECE_BYTES / 30);
        assert!(piece_end(&long) < long.len());
        let texts = [&long, "the cat", ""];
        let whole = texts.iter().fold(Counts::new(&tokenizer), |mut sum, text| {
            sum.add(&Counts::of(&tokenizer, text, &tokenizer.encode(text)));
            sum
        });
        assert_eq!(count(&texts, &[&tokenizer], 1).remove(0), whole);
        let both = count(&texts, &[&bytes, &tokenizer], 3);
        assert_eq!(both[1], whole);
        assert_eq!(both[0].tokens(), whole.bytes);
    }

    #[test]
    fn groups_are_counted_apart() {
        let (tokenizer, bytes) = (small(), Tokenizer::from_merges(Vec::new()));
        let texts = [(2, "the"), (0, "the cat"), (2, " cat the")];
        let texts = texts.iter().map(|&(group, text)| (group, text.to_string()));
        let found = count_texts(texts, &[&tokenizer, &bytes], 2, &Progress::silent(), &Stop::new()).unwrap();
        let told = |counts: &[Counts]| counts.iter().map(|counts| (counts.documents, counts.tokens())).collect::<Vec<_>>();
        let found: Vec<_> = found.iter().map(|counts| told(counts)).collect();
        assert_eq!(found, [vec![(1, 3), (1, 7)], vec![(0, 0), (0, 0)], vec![(2, 4), (2, 11)]]);
    }

    #[test]
    fn a_text_without_a_place_to_cut_is_cut_all_the_same() {
        let text = "é".repeat(3 * PIECE_BYTES);
        let counts = count(&[&text], &[&small()], 2).remove(0);
        assert_eq!((counts.bytes, counts.documents), (6 * PIECE_BYTES as u64, 1));
        assert_eq!(piece_end(&text), 2 * PIECE_BYTES);
    }

    #[test]
    fn a_stop_is_no_count() {
        let stop = Stop::new();
        stop.request();
        let outcome = count_texts(std::iter::once((0, "the".to_string())), &[&small()], 1, &Progress::silent(), &stop);
        assert!(matches!(outcome, Err(crate::Error::Base(base::Error::Stopped))));
    }

    #[test]
    fn texts_end_at_the_limit() {
        let check = |limit: u64, expected: &[&str]| {
            let texts = ["abc", "dé", "f"].into_iter().map(|text| ((), text.to_string()));
            assert_eq!(limited(texts, limit).map(|((), text)| text).collect::<Vec<_>>(), expected, "{limit}");
        };
        check(0, &[]);
        check(2, &["ab"]);
        check(3, &["abc"]);
        check(5, &["abc", "d"]);
        check(6, &["abc", "dé"]);
        check(7, &["abc", "dé", "f"]);
        check(100, &["abc", "dé", "f"]);
    }

    proptest! {
        /// Beside the definition: a word is one token if no token's end lies inside it.
        #[test]
        fn words_are_uncut_where_no_token_ends(text in "[the ca\u{e9}.\n]{0,40}") {
            let tokenizer = small();
            let ids = tokenizer.encode(&text);
            let mut ends = vec![0];
            ids.iter().for_each(|&id| ends.push(ends[ends.len() - 1] + tokenizer.token_bytes(id).len()));
            let expected = words_of(&text).iter().filter(|word| !ends.iter().any(|end| (word.start + 1..word.end).contains(end))).count();
            prop_assert_eq!(Counts::of(&tokenizer, &text, &ids).one_token_words, expected as u64);
        }
    }
}
