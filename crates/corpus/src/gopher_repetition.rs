//! Gopher's repetition rules: text that says the same thing over and over.
//!
//! Source: Rae et al. 2021 (arXiv 2112.11446), in the form of FineWeb's pipeline. A text and its words in, a verdict out.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use rustc_hash::{FxHashMap, FxHashSet};

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

    for ((n, most, reason), covered) in MAX_TOP_N_GRAM.into_iter().zip(top_n_gram_chars(words)) {
        debug_assert!((2..=4).contains(&n));
        if covered as f64 / length > most {
            return Err(reason);
        }
    }
    let joined = Joined::new(words);
    for (n, most, reason) in MAX_DUPLICATE_N_GRAMS {
        if joined.duplicate_n_gram_chars(n) as f64 / length > most {
            return Err(reason);
        }
    }
    Ok(())
}

/// How many of the pieces were seen before, and their characters.
pub fn duplicates(pieces: &[&str]) -> (usize, usize) {
    let mut seen = FxHashSet::with_capacity_and_hasher(pieces.len(), Default::default());
    let repeated = pieces.iter().filter(|piece| !seen.insert(**piece));
    repeated.fold((0, 0), |(count, chars), piece| (count + 1, chars + len(piece)))
}

/// For n = 2, 3, 4: the length of the most common n-gram, words joined by a space, times its count; of equally common
/// ones the first counts. 0 without n-grams.
///
/// Words hold no spaces, so an n-gram is its words' numbers, and one of n words is one of n - 1 with one more.
fn top_n_gram_chars(words: &[&str]) -> [usize; 3] {
    let mut numbers: FxHashMap<&str, u32> = FxHashMap::with_capacity_and_hasher(words.len(), Default::default());
    let words_as_numbers: Vec<u32> = words
        .iter()
        .map(|word| {
            let next = numbers.len() as u32;
            *numbers.entry(word).or_insert(next)
        })
        .collect();
    let mut grams = words_as_numbers.clone();
    let mut tops = [0; 3];
    let mut seen: HashTable<u32> = HashTable::with_capacity(words.len());
    // Of each n-gram, in the order of their first places: its two numbers, its count and its first place.
    let mut all: Vec<(u64, u32, u32)> = Vec::with_capacity(words.len());
    for (top, n) in tops.iter_mut().zip(2..) {
        seen.clear();
        all.clear();
        for i in 0..(words.len() + 1).saturating_sub(n) {
            let key = u64::from(grams[i]) << 32 | u64::from(words_as_numbers[i + n - 1]);
            grams[i] = match seen.entry(hash(key), |&number| all[number as usize].0 == key, |&number| hash(all[number as usize].0)) {
                Entry::Occupied(entry) => *entry.get(),
                Entry::Vacant(entry) => {
                    entry.insert(all.len() as u32);
                    all.push((key, 0, i as u32));
                    all.len() as u32 - 1
                }
            };
            all[grams[i] as usize].1 += 1;
        }
        let first_of_the_most = all.iter().max_by_key(|&&(_, count, first)| (count, std::cmp::Reverse(first)));
        if let Some(&(_, count, first)) = first_of_the_most {
            let chars: usize = words[first as usize..][..n].iter().map(|word| len(word)).sum();
            *top = (chars + n - 1) * count as usize;
        }
    }
    tops
}

/// Spreads a number over 64 bits, the upper ones too, which the table looks at.
fn hash(key: u64) -> u64 {
    let product = u128::from(key ^ 0x9E37_79B9_7F4A_7C15) * 0xD6E8_FEB8_6659_FD93;
    (product >> 64) as u64 ^ product as u64
}

/// Words joined without separator, so that an n-gram is a slice, and "ab c" equals "a bc".
struct Joined {
    text: String,
    /// Where each word starts, in bytes; one more for the end.
    starts: Vec<u32>,
    /// Whether the bytes of a window at each word are those at another word as well, or reach beyond the end. An n-gram
    /// no shorter than the window, at a word where they are not, equals no other: few of a usual text are looked up.
    may_repeat: Vec<bool>,
}

/// Bytes of the window: fewer than most n-grams have.
const WINDOW: usize = 16;

impl Joined {
    fn new(words: &[&str]) -> Joined {
        let mut joined = Joined { text: words.concat(), starts: Vec::with_capacity(words.len() + 1), may_repeat: vec![false; words.len()] };
        let mut start = 0;
        joined.starts.push(0);
        for word in words {
            start += word.len() as u32;
            joined.starts.push(start);
        }
        let mut seen: HashTable<(u128, u32)> = HashTable::with_capacity(words.len());
        let spread = |window: u128| hash(window as u64 ^ (window >> 64) as u64 ^ (window as u64).rotate_left(32));
        for i in 0..words.len() {
            let Some(window) = joined.text.as_bytes()[joined.starts[i] as usize..].first_chunk::<WINDOW>() else {
                joined.may_repeat[i] = true;
                continue;
            };
            let window = u128::from_le_bytes(*window);
            match seen.entry(spread(window), |&(other, _)| other == window, |&(other, _)| spread(other)) {
                Entry::Occupied(first) => {
                    joined.may_repeat[i] = true;
                    joined.may_repeat[first.get().1 as usize] = true;
                }
                Entry::Vacant(entry) => {
                    entry.insert((window, i as u32));
                }
            }
        }
        joined
    }

    /// Characters of the n-grams that were seen before, scanning on behind each of them.
    fn duplicate_n_gram_chars(&self, n: usize) -> usize {
        let n_words = self.may_repeat.len();
        let mut seen: FxHashSet<&str> = FxHashSet::default();
        let (mut repeated, mut i) = (0, 0);
        while i + n <= n_words {
            let (start, end) = (self.starts[i] as usize, self.starts[i + n] as usize);
            if !self.may_repeat[i] && end - start >= WINDOW {
                i += 1;
                continue;
            }
            let gram = &self.text[start..end];
            if seen.insert(gram) {
                i += 1;
            } else {
                repeated += len(gram);
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
        // "a bb" and "bb c" both twice, and the first counts; "a bb c" twice; every 4-gram once.
        assert_eq!(top_n_gram_chars(&["a", "bb", "c", "a", "bb", "c"]), [8, 12, 8]);
        assert_eq!(top_n_gram_chars(&["é", "è"]), [3, 0, 0]);
        assert_eq!(top_n_gram_chars(&[]), [0, 0, 0]);
    }

    #[test]
    fn repeated_n_grams_jump() {
        let all: Vec<&str> = "a b c d e a b c d e a b c d e x".split(' ').collect();
        let joined = Joined::new(&all);
        assert_eq!(joined.duplicate_n_gram_chars(5), 10);
        assert_eq!(joined.duplicate_n_gram_chars(10), 10); // "bcdeabcdea"... only the window at 5 repeats
        assert_eq!(joined.duplicate_n_gram_chars(17), 0);
        // Joined without separator, "ab c" equals "a bc".
        assert_eq!(Joined::new(&["ab", "c", "a", "bc"]).duplicate_n_gram_chars(2), 3);
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

    /// The `i`th of words that all differ, of `length` letters.
    fn word(i: usize, length: usize) -> String {
        let letter = |i: usize| char::from(b'a' + (i % 26) as u8);
        format!("{}{}{}", letter(i), letter(i / 26), "z".repeat(length.saturating_sub(2)))
    }

    /// `times` times the same `runs` runs of `n` words, each followed by a word of its own.
    fn runs(n: usize, runs: usize, times: usize, length: usize) -> Vec<String> {
        let mut all = Vec::new();
        let mut other = runs * n;
        for _ in 0..times {
            for run in 0..runs {
                all.extend((0..n).map(|i| word(run * n + i, length)));
                all.push(word(other, length));
                other += 1;
            }
        }
        all
    }

    #[test]
    fn both_sides_of_each_n_gram_threshold() {
        // n, runs, times, word length, and the text's length of which what repeats is exactly the share that is allowed.
        for (n, n_runs, times, word_length, at, expected) in [
            (2, 1, 9, 2, 225, "top_2_gram"),     // 9 * 5 / 225 = 0.20
            (3, 1, 9, 2, 400, "top_3_gram"),     // 9 * 8 / 400 = 0.18
            (4, 1, 8, 2, 550, "top_4_gram"),     // 8 * 11 / 550 = 0.16
            (5, 4, 2, 3, 400, "dup_5_grams"),    // 4 * 15 / 400 = 0.15
            (6, 4, 2, 7, 1200, "dup_6_grams"),   // 4 * 42 / 1200 = 0.14
            (7, 4, 2, 13, 2800, "dup_7_grams"),  // 4 * 91 / 2800 = 0.13
            (8, 4, 2, 3, 800, "dup_8_grams"),    // 4 * 24 / 800 = 0.12
            (9, 4, 2, 11, 3600, "dup_9_grams"),  // 4 * 99 / 3600 = 0.11
            (10, 4, 2, 4, 1600, "dup_10_grams"), // 4 * 40 / 1600 = 0.10
        ] {
            let words = runs(n, n_runs, times, word_length);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            for (length, expected) in [(at + 1, "keep"), (at, "keep"), (at - 1, expected)] {
                let verdict = check(&"x".repeat(length), &words).map_or_else(|reason| reason.0.split('/').nth(1).unwrap(), |()| "keep");
                assert_eq!(verdict, expected, "n = {n}, {length} characters");
            }
        }
    }

    #[test]
    fn repeated_lines_at_the_threshold() {
        // A line of 100 characters twice: 100 of 500 characters are not above 0.20, of 499 they are.
        let (line, filler) = (&sentence(0, 21)[..100], sentence(100, 100));
        for (rest, expected) in [(249, "keep"), (248, "keep"), (247, "dup_line_chars")] {
            let text = format!("{line}\n{line}\n{}\n{}", &filler[..49], &filler[50..50 + rest]);
            assert_eq!(len(&text), 252 + rest);
            assert_eq!(check(&text, &[]).map_or_else(|reason| reason.0.split('/').nth(1).unwrap(), |()| "keep"), expected);
        }
    }
}
