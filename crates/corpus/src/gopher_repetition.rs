//! Gopher's repetition rules: text that says the same thing over and over.
//!
//! Source: Rae et al. 2021 (arXiv 2112.11446), in the form of FineWeb's pipeline. A text and its words in, a verdict out.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};

use crate::Reason;
use crate::text::{len, split_newline_runs, strip};

/// Largest share of paragraphs, or of lines, that were seen before.
pub const MAX_DUPLICATES: f64 = 0.30;
/// Largest share of the text's characters in paragraphs, or in lines, that were seen before.
pub const MAX_DUPLICATE_CHARS: f64 = 0.20;
/// Largest share of the text covered by the most common n-gram.
pub const MAX_TOP_N_GRAM: [(usize, f64, Reason); 3] = [
    (2, 0.20, Reason("gopher_repetition/top_2_gram")),
    (3, 0.18, Reason("gopher_repetition/top_3_gram")),
    (4, 0.16, Reason("gopher_repetition/top_4_gram")),
];
/// Largest share of the text covered by n-grams seen before.
pub const MAX_DUPLICATE_N_GRAMS: [(usize, f64, Reason); 6] = [
    (5, 0.15, Reason("gopher_repetition/dup_5_grams")),
    (6, 0.14, Reason("gopher_repetition/dup_6_grams")),
    (7, 0.13, Reason("gopher_repetition/dup_7_grams")),
    (8, 0.12, Reason("gopher_repetition/dup_8_grams")),
    (9, 0.11, Reason("gopher_repetition/dup_9_grams")),
    (10, 0.10, Reason("gopher_repetition/dup_10_grams")),
];

/// Keeps a text that does not repeat itself too much. `words` are the words of `text`.
pub fn check(text: &str, words: &[&str]) -> Result<(), Reason> {
    let length = len(text) as f64;

    let paragraphs = split_newline_runs(strip(text), 2);
    let (count, chars) = duplicates(&paragraphs);
    if count as f64 / paragraphs.len() as f64 > MAX_DUPLICATES {
        return Err(Reason("gopher_repetition/dup_paragraphs"));
    }
    if chars as f64 / length > MAX_DUPLICATE_CHARS {
        return Err(Reason("gopher_repetition/dup_paragraph_chars"));
    }

    let lines = split_newline_runs(text, 1);
    let (count, chars) = duplicates(&lines);
    if count as f64 / lines.len() as f64 > MAX_DUPLICATES {
        return Err(Reason("gopher_repetition/dup_lines"));
    }
    if chars as f64 / length > MAX_DUPLICATE_CHARS {
        return Err(Reason("gopher_repetition/dup_line_chars"));
    }

    let spaced = Joined::new(words, " ");
    for (n, most, reason) in MAX_TOP_N_GRAM {
        if spaced.top_n_gram_chars(n) as f64 / length > most {
            return Err(reason);
        }
    }
    let dense = Joined::new(words, "");
    for (n, most, reason) in MAX_DUPLICATE_N_GRAMS {
        if dense.duplicate_n_gram_chars(n) as f64 / length > most {
            return Err(reason);
        }
    }
    Ok(())
}

/// How many of the pieces were seen before, and their characters.
pub fn duplicates(pieces: &[&str]) -> (usize, usize) {
    let mut seen = HashSet::with_capacity(pieces.len());
    let repeated = pieces.iter().filter(|piece| !seen.insert(**piece));
    repeated.fold((0, 0), |(count, chars), piece| (count + 1, chars + len(piece)))
}

/// Words joined by a separator, so that an n-gram is a slice and nothing is copied.
struct Joined {
    text: String,
    /// Where each word starts and ends, in bytes.
    bytes: Vec<(usize, usize)>,
    /// Where each word starts and ends, in characters.
    chars: Vec<(usize, usize)>,
}

impl Joined {
    fn new(words: &[&str], separator: &str) -> Joined {
        let mut joined = Joined { text: String::new(), bytes: Vec::with_capacity(words.len()), chars: Vec::with_capacity(words.len()) };
        let mut at = 0; // in characters; the separator is ASCII
        for word in words {
            let start = joined.text.len();
            joined.text.push_str(word);
            joined.bytes.push((start, joined.text.len()));
            let length = len(word);
            joined.chars.push((at, at + length));
            joined.text.push_str(separator);
            at += length + separator.len();
        }
        joined
    }

    /// The n-gram that starts at word `i`, and its length in characters.
    fn n_gram(&self, i: usize, n: usize) -> (&str, usize) {
        let last = i + n - 1;
        (&self.text[self.bytes[i].0..self.bytes[last].1], self.chars[last].1 - self.chars[i].0)
    }

    /// Length of the most common n-gram times its count; of equally common ones the first counts. 0 without n-grams.
    fn top_n_gram_chars(&self, n: usize) -> usize {
        let starts = 0..(self.bytes.len() + 1).saturating_sub(n);
        let mut seen: HashMap<&str, (usize, usize)> = HashMap::with_capacity(starts.len());
        let mut firsts: Vec<(&str, usize)> = Vec::with_capacity(starts.len());
        for i in starts {
            let (gram, chars) = self.n_gram(i, n);
            match seen.entry(gram) {
                Entry::Occupied(mut entry) => entry.get_mut().0 += 1,
                Entry::Vacant(entry) => {
                    entry.insert((1, firsts.len()));
                    firsts.push((gram, chars));
                }
            }
        }
        let top = seen.values().max_by_key(|&&(count, order)| (count, std::cmp::Reverse(order)));
        top.map_or(0, |&(count, order)| firsts[order].1 * count)
    }

    /// Characters of the n-grams that were seen before, scanning on behind each of them.
    fn duplicate_n_gram_chars(&self, n: usize) -> usize {
        let mut seen = HashSet::with_capacity(self.bytes.len());
        let mut repeated = 0;
        let mut i = 0;
        while i + n <= self.bytes.len() {
            let (gram, chars) = self.n_gram(i, n);
            if seen.insert(gram) {
                i += 1;
            } else {
                repeated += chars;
                i += n;
            }
        }
        repeated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_words;

    fn verdict(text: &str) -> &'static str {
        check(text, &split_words(text)).map_or_else(|reason| reason.0.split('/').nth(1).unwrap(), |()| "keep")
    }

    /// `n` words that all differ, four letters each.
    fn words(from: usize, n: usize) -> Vec<String> {
        let letter = |i: usize| char::from(b'a' + (i % 26) as u8);
        (from..from + n).map(|i| format!("{}{}{}q", letter(i / 676), letter(i / 26), letter(i))).collect()
    }

    fn sentence(from: usize, n: usize) -> String {
        words(from, n).join(" ")
    }

    #[test]
    fn repeated_paragraphs() {
        // 10 paragraphs; with 3 repeats of short ones 3/10 is not above 0.30, with 4 it is.
        let paragraphs = |repeats: usize| {
            let mut all: Vec<String> = (0..10 - repeats).map(|i| sentence(i * 40, 40)).collect();
            all[0] = "ab".into();
            all.extend((0..repeats).map(|_| "ab".to_string()));
            all.join("\n\n")
        };
        assert_eq!(verdict(&paragraphs(3)), "keep");
        assert_eq!(verdict(&paragraphs(4)), "dup_paragraphs");
        // One repeat of a paragraph of 100 characters: 100 of 500 is not above 0.20, 100 of 499 is.
        let twice = |total: usize| {
            let paragraph = &sentence(0, 21)[..100];
            let filler = sentence(100, 100);
            format!("{paragraph}\n\n{paragraph}\n\n{}\n\n{}", &filler[..48], &filler[50..50 + total - 254])
        };
        assert_eq!(len(&twice(500)), 500);
        assert_ne!(verdict(&twice(500)), "dup_paragraph_chars");
        assert_eq!(verdict(&twice(499)), "dup_paragraph_chars");
    }

    #[test]
    fn repeated_lines() {
        let lines = |repeats: usize| {
            let mut all: Vec<String> = (0..10 - repeats).map(|i| sentence(i * 40, 40)).collect();
            all[0] = "ab".into();
            all.extend((0..repeats).map(|_| "ab".to_string()));
            all.join("\n")
        };
        assert_eq!(verdict(&lines(3)), "keep");
        assert_eq!(verdict(&lines(4)), "dup_lines");
        let line = &sentence(0, 21)[..100];
        let filler = sentence(100, 100);
        assert_eq!(verdict(&format!("{line}\n{line}\n{}\n{}", &filler[..50], &filler[50..296])), "dup_line_chars");
    }

    #[test]
    fn the_most_common_n_gram() {
        // "a bb": 4 characters, 10 times among other words, so 40 of the text's length.
        let with = |filler: usize| {
            let others = words(0, filler);
            let mut all: Vec<&str> = Vec::new();
            for (i, word) in others.iter().enumerate() {
                if i % (filler / 10) == 0 && i / (filler / 10) < 10 {
                    all.extend(["a", "bb"]);
                }
                all.push(word);
            }
            all.join(" ")
        };
        // 30 fillers: 10 * 5 + 30 * 5 - 1 = 199 characters, 40/199 > 0.20; 40 fillers: 249, 0.16.
        assert_eq!(verdict(&with(30)), "top_2_gram");
        assert_eq!(verdict(&with(40)), "keep");
        let joined = Joined::new(&["a", "bb", "c", "a", "bb", "c"], " ");
        assert_eq!(joined.top_n_gram_chars(2), 8); // "a bb" and "bb c" both twice; the first counts
        assert_eq!(joined.top_n_gram_chars(3), 12);
        assert_eq!(joined.top_n_gram_chars(7), 0);
        assert_eq!(Joined::new(&["é", "è"], " ").top_n_gram_chars(2), 3);
    }

    #[test]
    fn repeated_n_grams_jump() {
        let all: Vec<&str> = "a b c d e a b c d e a b c d e x".split(' ').collect();
        let joined = Joined::new(&all, "");
        assert_eq!(joined.duplicate_n_gram_chars(5), 10);
        assert_eq!(joined.duplicate_n_gram_chars(10), 10); // "bcdeabcdea"... only the window at 5 repeats
        assert_eq!(joined.duplicate_n_gram_chars(17), 0);
        // Joined without separator, "ab c" equals "a bc".
        assert_eq!(Joined::new(&["ab", "c", "a", "bc"], "").duplicate_n_gram_chars(2), 3);
    }

    #[test]
    fn the_rules_run_in_order_of_n() {
        // A run of 14 distinct words said twice in a text of 100 words: 56 of 499 characters are above 0.10 only.
        let mut all = words(0, 72);
        all.extend(words(500, 14));
        all.extend(words(600, 0));
        all.extend(words(500, 14));
        let text = all.join(" ");
        assert_eq!(verdict(&text), "keep");
        // 20 words said twice: n = 10 covers 2 * 40 = 80 of 499 characters, 0.16 > 0.10; n = 5 covers 0.16 > 0.15 first.
        let mut all = words(0, 60);
        all.extend(words(500, 20));
        all.extend(words(500, 20));
        assert_eq!(verdict(&all.join(" ")), "dup_5_grams");
        // 19 words said twice: 3 * 20 = 60 characters at n = 5 (0.12), 72 at n = 6 (0.144 > 0.14).
        let mut all = words(0, 62);
        all.extend(words(500, 19));
        all.extend(words(500, 19));
        assert_eq!(verdict(&all.join(" ")), "dup_6_grams");
    }
}
