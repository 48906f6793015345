//! Unicode normal form C, so that a letter with an accent is one spelling however it was typed.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// The text in normal form C. ASCII, and text that is seen to be normal already, is not copied.
pub fn normalise(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_are_composed_and_the_rest_is_left_alone() {
        assert_eq!(normalise("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(normalise("\u{212b}"), "\u{c5}"); // ANGSTROM SIGN becomes the letter
        for plain in ["", "plain ASCII", "caf\u{e9}", "日本語"] {
            assert!(matches!(normalise(plain), Cow::Borrowed(_)), "{plain}");
        }
    }
}
