//! Texts made alike before they are compared: lower case, numbers as 0, no punctuation, no accents, single spaces.
//!
//! The rules and their order are datatrove's `simplify_text`; where Python's and our Unicode tables differ in age,
//! letters that are younger than either may differ. One pass over the bytes; only what is not ASCII is looked at as
//! characters.

use std::sync::LazyLock;

use unicode_normalization::UnicodeNormalization;

use crate::text::{CharClass, is_decimal, is_space, strip};

/// The simplified text.
///
/// In this order: lower case; a run of digits with at most one decimal part becomes `0`; marks become spaces; white
/// space becomes one space and none at the ends; canonical decomposition, without the marks that do not advance.
/// A word of such marks alone leaves two spaces, as it does in the original.
pub fn simplify(text: &str) -> String {
    let text = text.to_lowercase();
    let bytes = text.as_bytes();
    let mut simple = Simple { text: String::with_capacity(text.len()), run: String::new(), space: false, started: false };
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        if byte.is_ascii_lowercase() {
            let end = at + bytes[at..].iter().position(|byte| !byte.is_ascii_lowercase()).unwrap_or(bytes.len() - at);
            simple.letters(&text[at..end]);
            at = end;
        } else if byte.is_ascii_digit() {
            at = number_end(&text, at);
            simple.letters("0");
        } else if byte.is_ascii() {
            // White space, punctuation and control characters: nothing else is left of ASCII in lower case.
            simple.space();
            at += 1;
        } else {
            let c = text[at..].chars().next().expect("a character begins here");
            if is_decimal(c) {
                at = number_end(&text, at);
                simple.letters("0");
            } else {
                at += c.len_utf8();
                if is_mark(c) || is_space(c) { simple.space() } else { simple.other(c) }
            }
        }
    }
    simple.finish()
}

/// The text so far. Characters that are not ASCII wait in `run`, because decomposition may reorder neighbours; it never
/// reaches across ASCII.
struct Simple {
    text: String,
    run: String,
    /// A space is due before the next character.
    space: bool,
    /// Some character was there, even if it vanished.
    started: bool,
}

impl Simple {
    fn space(&mut self) {
        self.space = self.started;
    }

    fn begin(&mut self) {
        if self.space {
            self.end_run();
            self.text.push(' ');
            self.space = false;
        }
        self.started = true;
    }

    fn letters(&mut self, letters: &str) {
        self.begin();
        self.end_run();
        self.text.push_str(letters);
    }

    fn other(&mut self, c: char) {
        self.begin();
        self.run.push(c);
    }

    fn end_run(&mut self) {
        if !self.run.is_empty() {
            self.text.extend(self.run.nfd().filter(|&c| !is_nonspacing(c)));
            self.run.clear();
        }
    }

    fn finish(mut self) -> String {
        self.end_run();
        let inner = strip(&self.text);
        if inner.len() < self.text.len() { inner.to_string() } else { self.text }
    }
}

/// The end of the number that begins at `at`: digits of any script, and a decimal part if there is one.
fn number_end(text: &str, at: usize) -> usize {
    let digits_end = |from: usize| text[from..].find(|c: char| !is_decimal(c)).map_or(text.len(), |length| from + length);
    let end = digits_end(at);
    let Some(separator) = text[end..].chars().next().filter(|c| matches!(c, '.' | ',' | '،' | '٫' | '⎖' | '⎗' | '⎘')) else {
        return end;
    };
    let decimals = end + separator.len_utf8();
    let decimals_end = digits_end(decimals);
    if decimals_end > decimals { decimals_end } else { end }
}

/// The punctuation beyond ASCII that becomes a space. The list is the original's, gaps included: U+2018 is not in it.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '«' | '´' | '»' | '–' | '—' | '’' | '“'..='„' | '…' | '∶' | '━' | '►' | '、' | '。'
        | '〈'..='」' | '【' | '】' | '！' | '％' | '（' | '）' | '，' | '．' | '：' | '；' | '？' | '～')
}

/// Marks that do not advance: accents and their like.
fn is_nonspacing(c: char) -> bool {
    static MARKS: LazyLock<CharClass> = LazyLock::new(|| CharClass::new(r"\p{Mn}"));
    // The first one is U+0300.
    c >= '\u{300}' && MARKS.contains(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule() {
        for (text, expected) in [
            ("", ""),
            (" \n\t ", ""),
            ("The  Quick\n\nFox.", "the quick fox"),
            ("It's \u{201c}well-known\u{201d} \u{2014} isn\u{2019}t it?", "it s well known isn t it"),
            ("\u{2018}quoted\u{2019}", "\u{2018}quoted"),
            ("12 1,234 3.14 1.2.3 1,234,567 10%", "0 0 0 0 0 0 0 0"),
            ("٣٫١٤ and ४२", "0 and 0"),
            ("a1b22c3.x 7, 8", "a0b0c0 x 0 0"),
            ("Café ÉLAN naïve Ångström ñ", "cafe elan naive angstrom n"),
            ("ΟΔΟΣ ΣΟΦΟΣ İstanbul", "οδος σοφος istanbul"),
            ("한국", "한국"),
            ("東京、日本。", "東京 日本"),
            ("a≠b \u{37e}", "a=b ;"), // decomposed after the marks went
            ("\u{301} a", "a"),
            ("a \u{301} b", "a  b"),
            ("a\u{200b}b\u{a0}c", "a\u{200b}b c"),
            ("x\0y\x1fz\u{85}w", "x y z w"),
        ] {
            let expected = if text == "한국" { expected.nfd().collect::<String>() } else { expected.to_string() };
            assert_eq!(simplify(text), expected, "{text:?}");
        }
    }
}
