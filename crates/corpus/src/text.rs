//! Lines, sentences, white space and punctuation, with the semantics of Python's `str` that the published filters
//! were written against.
//!
//! Knows characters and nothing about filters. Lengths are counted in code points, as `len` does.

use std::sync::LazyLock;

use regex_syntax::hir::{Class, HirKind};

/// White space as `str.isspace`, `strip` and `split` see it: Unicode's plus the four separators \x1c-\x1f.
pub fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\x1c'..='\x1f')
}

/// `str.strip()`.
pub fn strip(text: &str) -> &str {
    text.trim_matches(is_space)
}

/// `str.split()`: the pieces between runs of white space.
pub fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split(is_space).filter(|piece| !piece.is_empty())
}

/// `len(text)`.
pub fn len(text: &str) -> usize {
    text.chars().count()
}

/// `str.splitlines()`: splits at \n \r \r\n \v \f \x1c-\x1e \x85 U+2028 U+2029; a line end at the end of the text
/// opens no further line.
pub fn splitlines(text: &str) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut lines = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let length = match bytes[at] {
            b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
            b'\n'..=b'\r' | 0x1c..=0x1e => 1,
            0xc2 if bytes[at + 1] == 0x85 => 2,
            0xe2 if bytes[at + 1] == 0x80 && matches!(bytes[at + 2], 0xa8 | 0xa9) => 3,
            _ => {
                at += 1;
                continue;
            }
        };
        lines.push(&text[start..at]);
        at += length;
        start = at;
    }
    if start < text.len() {
        lines.push(&text[start..]);
    }
    lines
}

/// `re.split(r"\n{n,}", text)`: pieces between runs of at least `least` newlines; may be empty at either end.
pub fn split_newline_runs(text: &str, least: usize) -> Vec<&str> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let (mut start, mut at) = (0, 0);
    while at < bytes.len() {
        let run = bytes[at..].iter().take_while(|&&byte| byte == b'\n').count();
        if run >= least {
            pieces.push(&text[start..at]);
            start = at + run;
        }
        at += run.max(1);
    }
    pieces.push(&text[start..]);
    pieces
}

/// A set of characters as sorted ranges.
pub(crate) struct CharClass(Vec<(char, char)>);

impl CharClass {
    /// The characters of a regular-expression class such as `\p{L}`.
    pub(crate) fn new(pattern: &str) -> CharClass {
        let hir = regex_syntax::parse(pattern).expect("the pattern is one of this crate's literals");
        let HirKind::Class(Class::Unicode(class)) = hir.kind() else { unreachable!("{pattern} is a class of characters") };
        CharClass(class.iter().map(|range| (range.start(), range.end())).collect())
    }

    pub(crate) fn contains(&self, c: char) -> bool {
        let after = self.0.partition_point(|&(start, _)| start <= c);
        after > 0 && c <= self.0[after - 1].1
    }

    pub(crate) fn ranges(&self) -> impl Iterator<Item = (char, char)> + '_ {
        self.0.iter().copied()
    }
}

/// What the functions below know of each character of the basic plane: filters ask for every character of every text.
struct Table {
    basic: Vec<u8>,
    letters: CharClass,
    punctuation: CharClass,
}

const LETTER: u8 = 1;
const PUNCTUATION: u8 = 2;
const SYMBOL: u8 = 4;

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { basic: vec![0; 0x10000], letters: CharClass::new(r"\p{L}"), punctuation: CharClass::new(r"\p{P}") };
    for c in (0..0x10000).filter_map(char::from_u32) {
        let flag = |is: bool, flag: u8| if is { flag } else { 0 };
        table.basic[c as usize] = flag(table.letters.contains(c), LETTER)
            | flag(table.punctuation.contains(c), PUNCTUATION)
            | flag(is_listed_symbol(c) || is_terminal(c), SYMBOL);
    }
    table
});

/// `str.isalpha()` of one character: the letter categories only (not combining vowels, not letter numbers).
#[inline]
pub fn is_alpha(c: char) -> bool {
    TABLE.basic.get(c as usize).map_or_else(|| TABLE.letters.contains(c), |flags| flags & LETTER != 0)
}

/// Whether a character is a decimal digit of any script, as `\d` matches.
pub fn is_decimal(c: char) -> bool {
    static DIGITS: LazyLock<CharClass> = LazyLock::new(|| CharClass::new(r"\p{Nd}"));
    if c.is_ascii() { c.is_ascii_digit() } else { DIGITS.contains(c) }
}

/// Whether Unicode calls a character punctuation (the categories that begin with P).
#[inline]
pub fn is_unicode_punctuation(c: char) -> bool {
    TABLE.basic.get(c as usize).map_or_else(|| TABLE.punctuation.contains(c), |flags| flags & PUNCTUATION != 0)
}

/// Whether a character alone makes no word: a mark of datatrove's list, a control character or a terminal mark. Most
/// Unicode punctuation is on no list: `•` and `‹` make a word, and the fullwidth digit `１` makes none.
#[inline]
pub fn is_symbol(c: char) -> bool {
    TABLE.basic.get(c as usize).map_or_else(|| is_terminal(c), |flags| flags & SYMBOL != 0)
}

/// The marks of datatrove 0.10's list that are no terminal marks, and the control characters but for tab and newline.
fn is_listed_symbol(c: char) -> bool {
    (c.is_control() && !matches!(c, '\t' | '\n'))
        || c.is_ascii_punctuation()
        || "«´»–—’“”„…∶━►、〈《》「」【】％＆（），．１：；～".contains(c)
}

/// The marks that end a sentence, in any script: 159 characters, those that Unicode 15 calls sentence terminals and
/// their Khmer, fullwidth and small relatives. No quotation marks.
#[rustfmt::skip]
const TERMINAL: [(u32, u32); 82] = [
    (0x21, 0x21), (0x2E, 0x2E), (0x3F, 0x3F), (0x589, 0x589), (0x61D, 0x61F), (0x6D4, 0x6D4), (0x700, 0x702), (0x7F9, 0x7F9),
    (0x837, 0x837), (0x839, 0x839), (0x83D, 0x83E), (0x964, 0x965), (0x104A, 0x104B), (0x1362, 0x1362), (0x1367, 0x1368),
    (0x166E, 0x166E), (0x1735, 0x1736), (0x17D4, 0x17D6), (0x17D9, 0x17DA), (0x1803, 0x1803), (0x1809, 0x1809), (0x1944, 0x1945), (0x1AA8, 0x1AAB),
    (0x1B5A, 0x1B5B), (0x1B5E, 0x1B5F), (0x1B7D, 0x1B7E), (0x1C3B, 0x1C3C), (0x1C7E, 0x1C7F), (0x203C, 0x203D), (0x2047, 0x2049),
    (0x2E2E, 0x2E2E), (0x2E3C, 0x2E3C), (0x2E53, 0x2E54), (0x3002, 0x3002), (0xA4FF, 0xA4FF), (0xA60E, 0xA60F), (0xA6F3, 0xA6F3),
    (0xA6F7, 0xA6F7), (0xA876, 0xA877), (0xA8CE, 0xA8CF), (0xA92F, 0xA92F), (0xA9C8, 0xA9C9), (0xAA5D, 0xAA5F), (0xAAF0, 0xAAF1),
    (0xABEB, 0xABEB), (0xFE52, 0xFE52), (0xFE56, 0xFE57), (0xFF01, 0xFF01), (0xFF0E, 0xFF0E), (0xFF1F, 0xFF1F), (0xFF61, 0xFF61),
    (0x10A56, 0x10A57), (0x10F55, 0x10F59), (0x10F86, 0x10F89), (0x11047, 0x11048), (0x110BE, 0x110C1), (0x11141, 0x11143),
    (0x111C5, 0x111C6), (0x111CD, 0x111CD), (0x111DE, 0x111DF), (0x11238, 0x11239), (0x1123B, 0x1123C), (0x112A9, 0x112A9),
    (0x1144B, 0x1144C), (0x115C2, 0x115C3), (0x115C9, 0x115D7), (0x11641, 0x11642), (0x1173C, 0x1173E), (0x11944, 0x11944),
    (0x11946, 0x11946), (0x11A42, 0x11A43), (0x11A9B, 0x11A9C), (0x11C41, 0x11C42), (0x11EF7, 0x11EF8), (0x11F43, 0x11F44),
    (0x16A6E, 0x16A6F), (0x16AF5, 0x16AF5), (0x16B37, 0x16B38), (0x16B44, 0x16B44), (0x16E98, 0x16E98), (0x1BC9F, 0x1BC9F),
    (0x1DA88, 0x1DA88),
];

/// Whether a character is terminal punctuation: `.`, `?`, `!` and their relatives.
pub fn is_terminal(c: char) -> bool {
    let code = c as u32;
    let after = TERMINAL.partition_point(|&(start, _)| start <= code);
    after > 0 && code <= TERMINAL[after - 1].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_split_as_in_python() {
        let cases: [(&str, &[&str]); 7] = [
            ("", &[]),
            ("a", &["a"]),
            ("a\n", &["a"]),
            ("a\n\nb", &["a", "", "b"]),
            ("a\r\nb\rc\n\rd", &["a", "b", "c", "", "d"]),
            ("a\x0bb\x0cc\x1cd\x1ee\u{85}f\u{2028}g\u{2029}h", &["a", "b", "c", "d", "e", "f", "g", "h"]),
            ("a\x1fb\tc", &["a\x1fb\tc"]),
        ];
        for (text, expected) in cases {
            assert_eq!(splitlines(text), expected, "{text:?}");
        }
    }

    #[test]
    fn runs_of_newlines_split() {
        assert_eq!(split_newline_runs("a\nb\n\nc\n\n\nd", 2), ["a\nb", "c", "d"]);
        assert_eq!(split_newline_runs("\na\n\nb\n", 1), ["", "a", "b", ""]);
        assert_eq!(split_newline_runs("", 1), [""]);
    }

    #[test]
    fn space_is_pythons() {
        assert_eq!(strip("\x1f \u{a0}\u{3000}a b\u{85}"), "a b");
        assert_eq!(split(" a\x1cb\u{2009}c\n").collect::<Vec<_>>(), ["a", "b", "c"]);
        assert_eq!(strip("\u{200b}a"), "\u{200b}a");
    }

    #[test]
    fn letters_are_the_letter_categories() {
        for (c, expected) in [('a', true), ('é', true), ('語', true), ('1', false), ('_', false), ('Ⅷ', false), ('ा', false), ('ª', true)]
        {
            assert_eq!(is_alpha(c), expected, "{c}");
        }
    }

    #[test]
    fn symbols_and_terminal_marks() {
        let count: u32 = TERMINAL.iter().map(|(start, end)| end - start + 1).sum();
        assert_eq!(count, 159);
        assert!(TERMINAL.windows(2).all(|pair| pair[0].1 < pair[1].0));
        for c in ".?!。！？؟।‽⁉．".chars() {
            assert!(is_terminal(c) && is_symbol(c), "{c}");
        }
        for c in "\"'”…,;:)".chars() {
            assert!(!is_terminal(c) && is_symbol(c), "{c}");
        }
        for c in "$+<=>^`|~#«»—１\u{7f}\u{85}".chars() {
            assert!(is_symbol(c), "{c}");
        }
        for c in "a1é語€•‹\t\u{a0}".chars() {
            assert!(!is_symbol(c), "{c}");
        }
    }
}
