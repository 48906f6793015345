//! What a page of the web must look like to be kept by FineWeb's filters, with a margin.
//!
//! The generators retry or add prose until a page fits, so that "keep" in the key is a promise. The margins are wider
//! than the differences between word splitters; this is no second implementation of the filters, which stand in the
//! corpus crate and are checked against the key end to end.

use std::collections::HashSet;

/// The words of a text: runs of letters, digits and inner apostrophes or hyphens; every other mark by itself.
pub fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut start = None;
    for (i, c) in text.char_indices() {
        if c.is_alphanumeric() || (start.is_some() && matches!(c, '\'' | '-')) {
            start.get_or_insert(i);
            continue;
        }
        if let Some(from) = start.take() {
            words.push(&text[from..i]);
        }
        if !c.is_whitespace() {
            words.push(&text[i..i + c.len_utf8()]);
        }
    }
    if let Some(from) = start {
        words.push(&text[from..]);
    }
    words
}

/// How many of the words hold a letter or digit.
pub fn n_words(text: &str) -> usize {
    words(text).iter().filter(|w| w.chars().next().is_some_and(char::is_alphanumeric)).count()
}

/// The mean length of the words that hold a letter or digit, in letters.
pub fn mean_word_length(text: &str) -> f64 {
    let (mut n, mut length) = (0, 0);
    for word in words(text).iter().filter(|w| w.chars().next().is_some_and(char::is_alphanumeric)) {
        (n, length) = (n + 1, length + word.chars().count());
    }
    length as f64 / f64::from(n.max(1))
}

/// The share of the text that its most repeated `n` consecutive words take, the longest of them where several are.
pub fn top_gram_share(words: &[&str], n: usize, text_chars: usize) -> f64 {
    let grams = grams(words, n);
    let (mut most, mut longest) = (0, 0);
    for group in grams.chunk_by(|a, b| a.0 == b.0) {
        let at = group[0].1;
        let length = words[at..at + n].iter().map(|w| w.chars().count()).sum::<usize>() + n - 1;
        if group.len() > most || (group.len() == most && length > longest) {
            (most, longest) = (group.len(), length);
        }
    }
    (longest * most) as f64 / text_chars.max(1) as f64
}

/// The share of the text in runs of `n` words that stood before.
pub fn repeated_share(words: &[&str], n: usize, text_chars: usize) -> f64 {
    let grams = grams(words, n);
    if grams.windows(2).all(|pair| pair[0].0 != pair[1].0) {
        return 0.0;
    }
    let mut seen: HashSet<&[&str]> = HashSet::new();
    let (mut i, mut repeated) = (0, 0);
    while i + n <= words.len() {
        let gram = &words[i..i + n];
        if seen.insert(gram) {
            i += 1;
        } else {
            repeated += gram.iter().map(|w| w.chars().count()).sum::<usize>();
            i += n;
        }
    }
    repeated as f64 / text_chars.max(1) as f64
}

/// Hashes of all runs of `n` words and where they begin, sorted so that equal runs are neighbours.
fn grams(words: &[&str], n: usize) -> Vec<(u64, usize)> {
    // FNV-1a: a page has few words, and hash maps of slices took most of the time of making a world.
    let ends: Vec<u64> =
        words.iter().map(|w| w.bytes().fold(0xcbf2_9ce4_8422_2325, |h: u64, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))).collect();
    let mut grams: Vec<(u64, usize)> = ends
        .windows(n)
        .enumerate()
        .map(|(at, run)| (run.iter().fold(0, |h: u64, w| h.rotate_left(7).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ w), at))
        .collect();
    grams.sort_unstable();
    grams
}

/// Why the text would not be kept, in a few words; `None` if it fits.
pub fn misfit(text: &str) -> Option<String> {
    let words = words(text);
    let n_chars = text.chars().count();
    let plain: Vec<&&str> = words.iter().filter(|w| w.chars().next().is_some_and(char::is_alphanumeric)).collect();
    if plain.len() < 53 {
        return Some(format!("{} words", plain.len()));
    }
    let mean = mean_word_length(text);
    if !(3.2..=9.0).contains(&mean) {
        return Some(format!("mean word length {mean:.2}"));
    }
    let alphabetic = words.iter().filter(|w| w.chars().any(char::is_alphabetic)).count();
    // Splitters differ in what they call a word, so marks count against the page here.
    if (alphabetic as f64) < 0.81 * words.len() as f64 {
        return Some(format!("{alphabetic} of {} words have a letter", words.len()));
    }
    for (n, limit) in [(2, 0.19), (3, 0.165), (4, 0.145)] {
        let share = top_gram_share(&words, n, n_chars);
        if share > limit {
            return Some(format!("top {n}-gram {share:.3}"));
        }
    }
    for n in 5..=10 {
        let share = repeated_share(&words, n, n_chars);
        if share > 0.08 {
            return Some(format!("repeated {n}-grams {share:.3}"));
        }
    }
    // As they stand: at the beginning of a sentence "The" is none.
    let stop_words: HashSet<&&str> =
        words.iter().filter(|w| ["the", "be", "to", "of", "and", "that", "have", "with"].contains(*w)).collect();
    if stop_words.len() < 2 {
        return Some("stop words".to_string());
    }
    if words.iter().filter(|w| matches!(**w, "." | "?" | "!")).count() < 5 {
        return Some("sentences".to_string());
    }
    let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
    let ended = lines.iter().filter(|l| l.ends_with(['.', '?', '!'])).count();
    let short = lines.iter().filter(|l| l.chars().count() <= 30).count();
    if (ended as f64) < 0.2 * lines.len() as f64 || short as f64 > 0.5 * lines.len() as f64 {
        return Some(format!("{ended} ended and {short} short of {} lines", lines.len()));
    }
    let distinct: HashSet<&&str> = lines.iter().collect();
    if distinct.len() < lines.len() || (lines.len() as f64) > 0.25 * plain.len() as f64 {
        return Some("lines".to_string());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_shares() {
        assert_eq!(words("It's 3 o'clock, Bado."), ["It's", "3", "o'clock", ",", "Bado", "."]);
        let text = "a b a b a b";
        assert_eq!(top_gram_share(&words(text), 2, 11), 9.0 / 11.0);
        assert_eq!(repeated_share(&words("a b c d e x a b c d e"), 5, 21), 5.0 / 21.0);
    }

    #[test]
    fn misfits_are_named() {
        let long = "The old baker walked to the market and bought a basket of ripe plums. ";
        assert_eq!(misfit(long).as_deref(), Some("14 words"));
        assert!(misfit(&long.repeat(5)).is_some_and(|why| why.starts_with("top")));
    }
}
