//! Exceptions that stand inside a longer piece: the marks of `hello:)` are cut off one by one and put together again here.
//!
//! The original looks for the tokens of each exception that has marks among the tokens of the whole text, and lets the
//! longest and then the first win; a find across spaces changes nothing but keeps others from the same tokens. So does
//! this. Knows words and the text that they are slices of.

use std::sync::LazyLock;

use rustc_hash::FxHashMap;

use super::exceptions::EXCEPTIONS;
use super::{Splitter, offset, push_cut};

/// For each first token, what follows it in an exception. Exceptions of one token change nothing and are left out.
static PHRASES: LazyLock<FxHashMap<String, Vec<Vec<String>>>> = LazyLock::new(|| {
    let mut phrases: FxHashMap<String, Vec<Vec<String>>> = FxHashMap::default();
    for piece in EXCEPTIONS.pieces() {
        let mut words = Vec::new();
        Splitter::without_exceptions().split_piece(piece, &mut words);
        if words.len() > 1 {
            phrases.entry(words[0].to_string()).or_default().push(words[1..].iter().map(|word| word.to_string()).collect());
        }
    }
    phrases
});

/// The longest first token in bytes, `Somethin`.
const LONGEST_FIRST: usize = 8;

/// Puts exceptions together. `marks` are the places of words that begin with a mark, in order; each phrase has one as
/// its first or second word.
pub fn join<'a>(text: &'a str, words: Vec<&'a str>, marks: &[u32]) -> Vec<&'a str> {
    let mut found: Vec<(usize, usize)> = Vec::new();
    let mut next = 0;
    for &mark in marks {
        let mark = mark as usize;
        for start in mark.saturating_sub(1).max(next)..=mark {
            find(text, &words, start, &mut found);
        }
        next = mark + 1;
    }
    if found.is_empty() {
        return words;
    }
    // The longest first, and of the same length the first.
    found.sort_by_key(|&(start, end)| (std::cmp::Reverse(end - start), start));
    let mut taken = vec![false; words.len()];
    found.retain(|&(start, end)| {
        let free = !taken[start] && !taken[end - 1];
        taken[start..end].fill(true);
        free
    });
    found.sort_unstable();

    let mut joined = Vec::with_capacity(words.len());
    let mut at = 0;
    for (start, end) in found {
        let first = offset(text, words[start]);
        let last = offset(text, words[end - 1]) + words[end - 1].len();
        let length: usize = words[start..end].iter().map(|word| word.len()).sum();
        let piece = &text[first..last];
        if length == piece.len()
            && let Some(cuts) = EXCEPTIONS.get(piece)
        {
            joined.extend_from_slice(&words[at..start]);
            push_cut(piece, cuts, &mut joined);
            at = end;
        }
    }
    joined.extend_from_slice(&words[at..]);
    joined
}

/// Adds the phrases that begin at word `start`. Their words may stand together or with one space between them.
fn find(text: &str, words: &[&str], start: usize, found: &mut Vec<(usize, usize)>) {
    let first = words[start];
    if first.len() > LONGEST_FIRST {
        return;
    }
    let Some(phrases) = PHRASES.get(first) else { return };
    for rest in phrases {
        let end = start + 1 + rest.len();
        let is_same = end <= words.len() && rest.iter().zip(&words[start + 1..end]).all(|(expected, word)| expected == word);
        let is_near = |pair: &[&str]| {
            let gap = &text[offset(text, pair[0]) + pair[0].len()..offset(text, pair[1])];
            gap.is_empty() || gap == " "
        };
        if is_same && words[start..end].windows(2).all(is_near) {
            found.push((start, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::begins_with_mark;

    #[test]
    fn each_phrase_has_a_mark_among_its_first_two_words() {
        for (first, phrases) in PHRASES.iter() {
            assert!(first.len() <= LONGEST_FIRST, "{first}");
            for rest in phrases {
                assert!(begins_with_mark(first) || begins_with_mark(&rest[0]), "{first} {rest:?}");
            }
        }
    }
}
