//! C4's rules: lines that are no sentences go, pages that are no prose are dropped.
//!
//! Source: Raffel et al. 2019 (arXiv 1910.10683), in the form of FineWeb's pipeline: lines need no terminal
//! punctuation, and there is no list of bad words. This filter rewrites the text. A text in, a shorter text or a verdict out.

use std::borrow::Cow;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use crate::Reason;
use crate::text::{is_decimal, len, split, splitlines, strip};
use crate::words::{count_sentences, offset, split_words};

/// A line with a longer word goes, in characters.
pub const MAX_WORD_LENGTH: usize = 1000;
/// A line with fewer words goes.
pub const MIN_WORDS_PER_LINE: usize = 3;
/// A text whose lines have fewer sentences in all is dropped.
pub const MIN_SENTENCES: usize = 5;
/// A line that mentions one of these goes.
pub const POLICY_PHRASES: [&str; 6] = ["terms of use", "privacy policy", "cookie policy", "uses cookies", "use of cookies", "use cookies"];

/// What is left of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// The lines that stayed.
    pub text: String,
    /// The number of its words, as `split_words` would find them.
    pub n_words: usize,
}

/// The text without citation marks and without lines that are too short or speak of cookies.
pub fn rewrite(text: &str) -> Result<String, Reason> {
    rewrite_words(text, &split_words(text)).map(|rewritten| rewritten.text)
}

/// The same for a text whose words are there already, as slices of it: no line is split again but those with citations.
pub fn rewrite_words(text: &str, words: &[&str]) -> Result<Rewritten, Reason> {
    let mut next = 0;
    rewrite_counted(text, |line| {
        let Cow::Borrowed(line) = line else {
            let words = split_words(line);
            return (words.len(), count_sentences(line, &words));
        };
        let start = offset(text, line);
        let first = next + words[next..].iter().take_while(|word| offset(text, word) < start).count();
        next = first + words[first..].iter().take_while(|word| offset(text, word) < start + line.len()).count();
        (next - first, count_sentences(line, &words[first..next]))
    })
}

/// The same with a function that counts the words and the sentences of a line that stays: a slice of `text`, or one
/// that has lost its citations.
pub fn rewrite_counted(text: &str, mut count: impl FnMut(&Cow<'_, str>) -> (usize, usize)) -> Result<Rewritten, Reason> {
    let (mut n_words, mut n_sentences) = (0, 0);
    let mut kept = String::with_capacity(text.len());
    for line in splitlines(text) {
        let line = strip(line);
        if line.len() > MAX_WORD_LENGTH && split(line).any(|word| word.len() > MAX_WORD_LENGTH && len(word) > MAX_WORD_LENGTH) {
            continue;
        }
        if split(line).take(MIN_WORDS_PER_LINE).count() < MIN_WORDS_PER_LINE {
            continue;
        }
        let line = without_citations(line);
        let mentions = Mentions::of(&line);
        if mentions.lorem_ipsum {
            return Err(Reason("c4/lorem_ipsum"));
        }
        if mentions.javascript {
            continue;
        }
        if line.contains('{') {
            return Err(Reason("c4/curly_bracket"));
        }
        if mentions.policy {
            continue;
        }
        let (words, sentences) = count(&line);
        n_words += words;
        n_sentences += sentences;
        kept.push_str(&line);
        kept.push('\n');
    }
    if n_sentences < MIN_SENTENCES {
        return Err(Reason("c4/too_few_sentences"));
    }
    Ok(Rewritten { text: strip(&kept).to_string(), n_words })
}

/// What a line speaks of, in small letters or capitals.
#[derive(Default)]
struct Mentions {
    lorem_ipsum: bool,
    javascript: bool,
    policy: bool,
}

impl Mentions {
    fn of(line: &str) -> Mentions {
        static PHRASES: LazyLock<AhoCorasick> = LazyLock::new(|| {
            let phrases = ["lorem ipsum", "javascript"].into_iter().chain(POLICY_PHRASES);
            AhoCorasick::builder().ascii_case_insensitive(true).build(phrases).expect("eight phrases are no large automaton")
        });
        // The only other character whose small letter is one of ASCII is the Kelvin sign.
        let low = if line.contains('\u{212A}') { Cow::Owned(line.to_lowercase()) } else { Cow::Borrowed(line) };
        let mut mentions = Mentions::default();
        for found in PHRASES.find_iter(low.as_ref()) {
            match found.pattern().as_usize() {
                0 => mentions.lorem_ipsum = true,
                1 => mentions.javascript = true,
                _ => mentions.policy = true,
            }
        }
        mentions
    }
}

/// Removes `[12]`, `[]`, `[edit]` and `[citation needed]`.
fn without_citations(line: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(open) = line[at..].find('[') {
        let open = at + open;
        let inside = &line[open + 1..];
        let digits = inside.len() - inside.trim_start_matches(is_decimal).len();
        let mark = if inside[digits..].starts_with(']') {
            Some(digits + 2)
        } else {
            ["[edit]", "[citation needed]"].iter().find(|mark| line[open..].starts_with(**mark)).map(|mark| mark.len())
        };
        at = open + mark.unwrap_or(1);
        if mark.is_some() {
            out.push_str(&line[from..open]);
            from = at;
        }
    }
    if from == 0 {
        return Cow::Borrowed(line);
    }
    out.push_str(&line[from..]);
    Cow::Owned(out)
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
