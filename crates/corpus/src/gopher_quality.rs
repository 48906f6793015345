//! Gopher's quality rules: text that does not look like written language.
//!
//! Source: Rae et al. 2021 (arXiv 2112.11446), in the form of FineWeb's pipeline. A text and its words in, a verdict out.

use crate::Reason;
use crate::text::{is_alpha, is_space, is_symbol, len, splitlines};

/// Fewest words, marks not counted.
pub const MIN_WORDS: usize = 50;
/// Most words, marks not counted.
pub const MAX_WORDS: usize = 100_000;
/// Bounds of the mean word length in characters.
pub const MEAN_WORD_LENGTH: (f64, f64) = (3.0, 10.0);
/// Most hashes, or ellipses, per word.
pub const MAX_SYMBOLS: f64 = 0.1;
/// Largest share of lines that begin with a bullet.
pub const MAX_BULLET_LINES: f64 = 0.9;
/// Largest share of lines that end in an ellipsis.
pub const MAX_ELLIPSIS_LINES: f64 = 0.3;
/// Smallest share of words with a letter.
pub const MIN_ALPHA_WORDS: f64 = 0.8;
/// Fewest different ones of a language's [`stop_words`].
pub const MIN_STOP_WORDS: usize = 2;

/// Eight words that every running text of a language has, compared as they stand; none for a language without a list, whose
/// texts are not asked for them. The English ones are Gopher's. The others are the commonest short words of each, after
/// FineWeb2 (Penedo et al. 2025, arXiv 2506.20920), which gives each language a list of its own.
pub fn stop_words(language: &str) -> &'static [&'static str] {
    match language {
        "en" => &["the", "be", "to", "of", "and", "that", "have", "with"],
        "de" => &["der", "die", "und", "in", "den", "das", "mit", "zu"],
        "es" => &["de", "la", "que", "el", "en", "los", "del", "con"],
        "fr" => &["de", "la", "le", "et", "les", "des", "en", "que"],
        "it" => &["di", "che", "la", "il", "un", "per", "del", "una"],
        "nl" => &["de", "het", "van", "een", "en", "in", "dat", "met"],
        "pt" => &["de", "que", "do", "da", "em", "um", "para", "com"],
        _ => &[],
    }
}

/// Keeps a text that reads like running text. `words` are the words of `text`, and `stop_words` those of its language.
pub fn check(text: &str, words: &[&str], stop_words: &[&str]) -> Result<(), Reason> {
    let n_words = words.len() as f64;
    let (mut n_real, mut chars, mut n_alpha, mut stop_words_seen) = (0, 0, 0, 0_u32);
    for word in words {
        // Nearly every word begins with a letter of ASCII, which is all that the rest wants to know.
        let begins_with_letter = word.as_bytes().first().is_some_and(u8::is_ascii_alphabetic);
        if begins_with_letter || word.chars().any(|c| !is_symbol(c)) {
            n_real += 1;
            chars += len(word);
        }
        n_alpha += usize::from(begins_with_letter || word.chars().any(is_alpha));
        if (2..=4).contains(&word.len())
            && let Some(which) = stop_words.iter().position(|stop| stop == word)
        {
            stop_words_seen |= 1 << which;
        }
    }
    if n_real < MIN_WORDS {
        return Err(Reason("gopher_quality/too_few_words"));
    }
    if n_real > MAX_WORDS {
        return Err(Reason("gopher_quality/too_many_words"));
    }
    let mean = chars as f64 / n_real as f64;
    if mean < MEAN_WORD_LENGTH.0 || mean > MEAN_WORD_LENGTH.1 {
        return Err(Reason("gopher_quality/mean_word_length"));
    }
    let [hashes, ellipses] = hashes_and_ellipses(text);
    if hashes as f64 / n_words > MAX_SYMBOLS {
        return Err(Reason("gopher_quality/hash_ratio"));
    }
    if ellipses as f64 / n_words > MAX_SYMBOLS {
        return Err(Reason("gopher_quality/ellipsis_ratio"));
    }
    let lines = splitlines(text);
    let share = |accept: &dyn Fn(&str) -> bool| lines.iter().filter(|line| accept(line)).count() as f64 / lines.len() as f64;
    if share(&|line| line.trim_start_matches(is_space).starts_with(['•', '-'])) > MAX_BULLET_LINES {
        return Err(Reason("gopher_quality/bullet_lines"));
    }
    let ends_open = |line: &str| {
        let line = line.trim_end_matches(is_space);
        line.ends_with("...") || line.ends_with('…')
    };
    if share(&ends_open) > MAX_ELLIPSIS_LINES {
        return Err(Reason("gopher_quality/ellipsis_lines"));
    }
    if n_alpha as f64 / n_words < MIN_ALPHA_WORDS {
        return Err(Reason("gopher_quality/alpha_words"));
    }
    if !stop_words.is_empty() && (stop_words_seen.count_ones() as usize) < MIN_STOP_WORDS {
        return Err(Reason("gopher_quality/stop_words"));
    }
    Ok(())
}

/// How often `#` stands in a text, and how often `...` or `…`; of a run of full stops three count once.
fn hashes_and_ellipses(text: &str) -> [usize; 2] {
    let bytes = text.as_bytes();
    let hashes = bytes.iter().filter(|&&byte| byte == b'#').count();
    let (mut ellipses, mut dots) = (0, 0);
    for (at, &byte) in bytes.iter().enumerate() {
        dots = if byte == b'.' { dots + 1 } else { 0 };
        if dots == 3 || (byte == 0xe2 && bytes[at..].starts_with("…".as_bytes())) {
            ellipses += 1;
            dots = 0;
        }
    }
    [hashes, ellipses]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::split_words;

    #[test]
    fn each_language_has_its_own_stop_words() {
        let spanish = "casa ".repeat(60) + "de la";
        let said = |language: &str| check(&spanish, &split_words(&spanish), stop_words(language)).map_err(|reason| reason.0);
        assert_eq!((said("es"), said("fr")), (Ok(()), Ok(())));
        assert_eq!((said("en"), said("de")), (Err("gopher_quality/stop_words"), Err("gopher_quality/stop_words")));
        assert_eq!(said("fi"), Ok(())); // has no list
        for language in ["en", "de", "es", "fr", "it", "nl", "pt"] {
            assert!(stop_words(language).iter().all(|word| (2..=4).contains(&word.len())), "other lengths are not looked for");
        }
    }

    fn verdict(text: &str) -> &'static str {
        check(text, &split_words(text), stop_words("en")).map_or_else(|reason| reason.0.split('/').nth(1).unwrap(), |()| "keep")
    }

    /// `n` words: two stop words, then one word again and again.
    fn text(n: usize, word: &str) -> String {
        format!("the of{}", format!(" {word}").repeat(n - 2))
    }

    #[test]
    fn both_sides_of_each_threshold() {
        let join = |parts: &[(&str, usize)]| parts.iter().flat_map(|&(part, n)| std::iter::repeat_n(part, n)).collect::<Vec<_>>().join(" ");
        let lines =
            |parts: &[(&str, usize)]| parts.iter().flat_map(|&(part, n)| std::iter::repeat_n(part, n)).collect::<Vec<_>>().join("\n");
        let cases: Vec<(String, &str)> = vec![
            (text(50, "house"), "keep"),
            (text(49, "house"), "too_few_words"),
            (format!("{} , . !", text(49, "house")), "too_few_words"), // marks are not counted
            (text(100_000, "house"), "keep"),
            (text(100_001, "house"), "too_many_words"),
            (format!("the offer to of {}", join(&[("abc", 46)])), "keep"), // 150 characters / 50 words = 3
            (join(&[("the", 1), ("of", 1), ("abc", 48)]), "mean_word_length"), // 149 / 50 = 2.98
            (join(&[("the", 1), ("off", 1), ("to", 1), ("abcd", 1), ("abc", 46)]), "keep"), // 150 / 50 = 3
            (join(&[("the", 2), ("that", 1), ("abcdefghij", 46), ("abcdefghijklmnopqrstuvwxyzabcd", 1)]), "keep"), // 500 / 50 = 10
            (join(&[("the", 2), ("that", 1), ("abcdefghij", 46), ("abcdefghijklmnopqrstuvwxyzabcde", 1)]), "mean_word_length"),
            // Words are counted with the marks: 54 words and 6 hashes are 60 words.
            (format!("{} {}", text(54, "house"), join(&[("#", 6)])), "keep"),
            (format!("{} {}", text(53, "house"), join(&[("#", 6)])), "hash_ratio"),
            (format!("{} {} house", text(53, "house"), join(&[("...", 6)])), "keep"),
            (format!("{} {} house", text(52, "house"), join(&[("...", 3), ("…", 3)])), "ellipsis_ratio"),
            (lines(&[("- the house of words that is here", 9), ("the last", 1)]), "keep"), // 9 of 10
            (lines(&[("- the house of words that is here", 9), ("  • the last", 1)]), "bullet_lines"),
            (lines(&[("the house of words that is here and...", 3), ("the house of words that is here and", 7)]), "keep"),
            (lines(&[("the house of words that is here and… ", 4), ("the house of words that is here and", 6)]), "ellipsis_lines"),
            (join(&[("the", 1), ("of", 1), ("house", 46), ("1234", 12)]), "keep"), // 48 of 60
            (join(&[("the", 1), ("of", 1), ("house", 46), ("1234", 13)]), "alpha_words"), // 48 of 61
            (join(&[("the", 10), ("house", 50)]), "stop_words"),
            (join(&[("The", 10), ("of", 1), ("house", 50)]), "stop_words"), // as they stand
            (join(&[("have", 1), ("with", 1), ("house", 50)]), "keep"),
        ];
        for (text, expected) in cases {
            assert_eq!(verdict(&text), expected, "{}", &text[..text.len().min(80)]);
        }
    }
}
