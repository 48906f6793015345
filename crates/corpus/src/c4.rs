//! C4's rules: lines that are no sentences go, pages that are no prose are dropped.
//!
//! Source: Raffel et al. 2019 (arXiv 1910.10683), in the form of FineWeb's pipeline: lines need no terminal
//! punctuation, and there is no list of bad words. This filter rewrites the text. A text in, a shorter text or a verdict out.

use crate::Reason;
use crate::text::{count_sentences, is_decimal, len, split, splitlines, strip};
use crate::words::split_words;

/// A line with a longer word goes, in characters.
pub const MAX_WORD_LENGTH: usize = 1000;
/// A line with fewer words goes.
pub const MIN_WORDS_PER_LINE: usize = 3;
/// A text whose lines have fewer sentences in all is dropped.
pub const MIN_SENTENCES: usize = 5;
/// A line that mentions one of these goes.
pub const POLICY_PHRASES: [&str; 6] = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"];

/// The text without citation marks and without lines that are too short or speak of cookies.
pub fn rewrite(text: &str) -> Result<String, Reason> {
    let mut n_sentences = 0;
    let mut kept: Vec<String> = Vec::new();
    for line in splitlines(text) {
        let line = strip(line);
        let (mut n_words, mut longest) = (0, 0);
        for word in split(line) {
            n_words += 1;
            longest = longest.max(len(word));
        }
        if longest > MAX_WORD_LENGTH {
            continue;
        }
        let line = without_citations(line);
        if n_words < MIN_WORDS_PER_LINE {
            continue;
        }
        let low = line.to_lowercase();
        if low.contains("lorem ipsum") {
            return Err(Reason("c4/lorem_ipsum"));
        }
        if low.contains("javascript") {
            continue;
        }
        if line.contains('{') {
            return Err(Reason("c4/curly_bracket"));
        }
        if POLICY_PHRASES.iter().any(|phrase| low.contains(phrase)) {
            continue;
        }
        n_sentences += count_sentences(&split_words(&line));
        kept.push(line);
    }
    if n_sentences < MIN_SENTENCES {
        return Err(Reason("c4/too_few_sentences"));
    }
    Ok(strip(&kept.join("\n")).to_string())
}

/// Removes `[12]`, `[]`, `[edit]` and `[citation needed]`.
fn without_citations(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(open) = rest.find('[') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let inside = &rest[1..];
        let digits = inside.len() - inside.trim_start_matches(is_decimal).len();
        let mark = if inside[digits..].starts_with(']') {
            Some(digits + 2)
        } else {
            ["[edit]", "[citation needed]"].iter().find(|mark| rest.starts_with(**mark)).map(|mark| mark.len())
        };
        let length = mark.unwrap_or(1);
        if mark.is_none() {
            out.push('[');
        }
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIVE: &str = "One is here. Two is here. Three is here. Four is here. Five is here.";

    #[test]
    fn lines_that_go() {
        let cases = [
            ("Only two", false),
            ("Now three words", true),
            ("Please enable JavaScript to see it", false),
            ("We use cookies on this site", false),
            ("Read our Privacy Policy with care", false),
            ("Read our policy on privacy", true),
            ("   indented line of words  ", true),
        ];
        for (line, stays) in cases {
            let expected = if stays { format!("{}\n{FIVE}", line.trim()) } else { FIVE.to_string() };
            assert_eq!(rewrite(&format!("{line}\n{FIVE}")).unwrap(), expected, "{line}");
        }
        let long = |n: usize| format!("{FIVE}\na b {}", "é".repeat(n));
        assert_eq!(rewrite(&long(1000)).unwrap(), long(1000));
        assert_eq!(rewrite(&long(1001)).unwrap(), FIVE);
    }

    #[test]
    fn pages_that_are_dropped() {
        let verdict = |text: String| rewrite(&text).unwrap_err().0;
        assert_eq!(verdict(format!("{FIVE}\nLorem Ipsum dolor")), "c4/lorem_ipsum");
        assert_eq!(verdict(format!("{FIVE}\nif (a) {{ b(); }}")), "c4/curly_bracket");
        assert_eq!(verdict("One is here. Two is here. Three is here. Four is here.".into()), "c4/too_few_sentences");
        assert_eq!(verdict(String::new()), "c4/too_few_sentences");
        // In a line that goes anyway, neither counts.
        assert_eq!(rewrite(&format!("{FIVE}\n{{ x\nlorem ipsum")).unwrap(), FIVE);
        // Sentences are counted line by line: five lines without a full stop are five sentences.
        assert!(rewrite("one two three\n".repeat(5).as_str()).is_ok());
        assert!(rewrite("one two three\n".repeat(4).as_str()).is_err());
    }

    #[test]
    fn citations() {
        for (line, expected) in [
            ("a[1] b[23] c[]", "a b c"),
            ("a [edit] b[citation needed] c", "a  b c"),
            ("a [x] b [1 c", "a [x] b [1 c"),
            ("[[1]]", "[]"),
            ("a [Edit] b", "a [Edit] b"),
            ("[٣]", ""),
        ] {
            assert_eq!(without_citations(line), expected, "{line}");
        }
        // Words are counted before the marks are removed, and the line is not stripped again.
        assert_eq!(rewrite(&format!("{FIVE}\nend of [1]\nlast line here.")).unwrap(), format!("{FIVE}\nend of \nlast line here."));
    }
}
