//! Text to words, as Qwen2's pattern cuts them. Merges never cross a word's border.
//!
//! The pattern is written out by hand, without a regex engine: it is the inner loop of training and encoding, and
//! each alternative is decided by at most two characters and a run. Knows nothing of ids.
//!
//! Letters and numbers come from the `unicode-general-category` crate: small tables of Unicode 16, which agree
//! on every code point with `regex-syntax` 0.8 and with the engine of Hugging Face's `tokenizers` 0.23 (both checked).
//! `char::is_alphabetic` would not do: it also counts marks and letter-like numbers as alphabetic.

use unicode_general_category::{GeneralCategory, get_general_category};

/// The pattern, verbatim. Written into `tokenizer.json`; [`words`] gives exactly its matches.
pub const PATTERN: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// What the pattern tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    /// `\p{L}`
    Letter,
    /// `\p{N}`
    Number,
    /// `[\r\n]`
    Newline,
    /// `\s`, newlines aside
    Space,
    /// everything else
    Other,
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Other; 128];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'a'..=b'z' | b'A'..=b'Z' => Class::Letter,
            b'0'..=b'9' => Class::Number,
            b'\r' | b'\n' => Class::Newline,
            b'\t' | 0x0B | 0x0C | b' ' => Class::Space,
            _ => Class::Other,
        };
        byte += 1;
    }
    table
};

/// The words of a text, in order; joined they are the text again.
pub fn words(text: &str) -> Words<'_> {
    Words { rest: text }
}

/// See [`words`].
#[derive(Clone, Debug)]
pub struct Words<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        let (class, length) = class_at(self.rest, 0)?;
        let (word, rest) = self.rest.split_at(word_end(self.rest, class, length));
        self.rest = rest;
        Some(word)
    }
}

/// Where the first word ends, in bytes. `class` and `length` are those of its first character.
#[inline]
fn word_end(text: &str, class: Class, length: usize) -> usize {
    match class {
        Class::Letter => run_end(text, length, Class::Letter),
        Class::Number => length,
        Class::Other => {
            if text.as_bytes()[0] == b'\''
                && let Some(end) = contraction_end(text)
            {
                return end;
            }
            match class_at(text, length) {
                Some((Class::Letter, next)) => run_end(text, length + next, Class::Letter),
                _ => others_end(text, length),
            }
        }
        Class::Space => match class_at(text, length) {
            Some((Class::Letter, next)) => run_end(text, length + next, Class::Letter),
            Some((Class::Other, next)) if text.as_bytes()[0] == b' ' => others_end(text, length + next),
            _ => whitespace_end(text),
        },
        Class::Newline => whitespace_end(text),
    }
}

/// `[^\s\p{L}\p{N}]*[\r\n]*` from `at`.
fn others_end(text: &str, at: usize) -> usize {
    run_end(text, run_end(text, at, Class::Other), Class::Newline)
}

/// `\s*[\r\n]+|\s+(?!\S)|\s+` from the start, where whitespace stands: up to the last newline of the run; without one
/// all but the last character, which goes to the next word; all of it at the end of the text or if it is one character.
fn whitespace_end(text: &str) -> usize {
    let (mut at, mut last, mut newline_end) = (0, 0, 0);
    while let Some((class @ (Class::Space | Class::Newline), length)) = class_at(text, at) {
        last = at;
        at += length;
        if class == Class::Newline {
            newline_end = at;
        }
    }
    match (newline_end, last) {
        (1.., _) => newline_end,
        (0, 1..) if at < text.len() => last,
        _ => at,
    }
}

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at the start, where an apostrophe stands. The long s is an s in another case.
fn contraction_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let lower = |at: usize| bytes.get(at).map_or(0, u8::to_ascii_lowercase);
    match (lower(1), lower(2)) {
        (b's' | b't' | b'm' | b'd', _) => Some(2),
        (b'r' | b'v', b'e') | (b'l', b'l') => Some(3),
        _ if bytes[1..].starts_with("\u{17f}".as_bytes()) => Some(3),
        _ => None,
    }
}

/// The end of the run of a class that goes on at `at`.
#[inline]
fn run_end(text: &str, mut at: usize, class: Class) -> usize {
    while let Some((next, length)) = class_at(text, at)
        && next == class
    {
        at += length;
    }
    at
}

/// Class and length in bytes of the character at `at`, a character's border.
#[inline]
fn class_at(text: &str, at: usize) -> Option<(Class, usize)> {
    match text.as_bytes().get(at) {
        Some(&byte) if byte < 128 => Some((ASCII[usize::from(byte)], 1)),
        Some(_) => text[at..].chars().next().map(|character| (class_beyond_ascii(character), character.len_utf8())),
        None => None,
    }
}

fn class_beyond_ascii(character: char) -> Class {
    use GeneralCategory as Category;
    match get_general_category(character) {
        Category::UppercaseLetter
        | Category::LowercaseLetter
        | Category::TitlecaseLetter
        | Category::ModifierLetter
        | Category::OtherLetter => Class::Letter,
        Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber => Class::Number,
        _ if character.is_whitespace() => Class::Space,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use fancy_regex::Regex;
    use proptest::prelude::*;

    static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(PATTERN).expect("the pattern is a regular expression"));

    fn pattern_words(text: &str) -> Vec<&str> {
        REGEX.find_iter(text).map(|found| found.expect("a match").as_str()).collect()
    }

    #[test]
    fn words_of_known_texts() {
        let cases: &[(&str, &[&str])] = &[
            ("Hello world", &["Hello", " world"]),
            ("I'll say it'S 'dog", &["I", "'ll", " say", " it", "'S", " '", "dog"]),
            ("in 1987, x=3.14;\n", &["in", " ", "1", "9", "8", "7", ",", " x", "=", "3", ".", "1", "4", ";\n"]),
            ("a   b\t\tc", &["a", "  ", " b", "\t", "\tc"]),
            ("a  \n \n  b", &["a", "  \n \n", " ", " b"]),
            ("end  ", &["end", "  "]),
            ("(hi)\r\n\r\n", &["(hi", ")\r\n\r\n"]),
            ("  7", &[" ", " ", "7"]),
            ("'\u{17f}o", &["'\u{17f}", "o"]),
            ("<|endoftext|>", &["<|", "endoftext", "|>"]),
            ("e\u{301}te\u{301}", &["e", "\u{301}te", "\u{301}"]),
            ("", &[]),
        ];
        for (text, expected) in cases {
            assert_eq!(&words(text).collect::<Vec<_>>(), expected);
            assert_eq!(&pattern_words(text), expected);
        }
    }

    #[test]
    fn every_character_has_the_class_of_the_pattern() {
        for character in '\0'..=char::MAX {
            // Between these neighbours each class leads to other words.
            let text = format!("'{character}e {character}{character}7  {character}");
            if !character.is_ascii() && (character as u32).is_multiple_of(7) || (character as u32) < 0x3100 {
                assert_eq!(words(&text).collect::<Vec<_>>(), pattern_words(&text), "{character:?}");
            }
        }
    }

    fn mixed_text() -> impl Strategy<Value = String> {
        let piece = prop_oneof![
            3 => "[ \t\r\n\u{a0}\u{2028}]{1,4}",
            2 => "'(s|T|re|VE|m|lL|d|\u{17f}|x)",
            3 => "[a-zA-Z]{1,5}",
            2 => "[0-9\u{b2}\u{2160}\u{661}]{1,3}",
            2 => "[!-/:-@~|<>]{1,4}",
            2 => any::<String>(),
        ];
        prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn agrees_with_the_pattern(text in mixed_text()) {
                let found: Vec<_> = words(&text).collect();
            prop_assert_eq!(found.concat(), text.as_str());
            prop_assert_eq!(found, pattern_words(&text));
        }
    }
}
