//! Bytes as text that may be shown anywhere: nothing in it moves a cursor, changes a colour or turns the direction.
//!
//! The escapes are those of Rust's strings and byte strings, so `\\` is a backslash and `\xff` a byte that is no UTF-8.

use std::fmt::Write;

use unicode_general_category::{GeneralCategory, get_general_category};

/// Bytes as text. Printable characters stand for themselves, everything else is escaped: control and format characters,
/// spaces other than the space, marks at the beginning (they would join what stands before), bytes that are not UTF-8.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                '\\' => text.push_str("\\\\"),
                character if is_printable(character) && !(text.is_empty() && is_mark(character)) => text.push(character),
                character if character.is_ascii() => push_byte(&mut text, character as u8),
                character => _ = write!(text, "\\u{{{:x}}}", character as u32),
            }
        }
        for &byte in chunk.invalid() {
            push_byte(&mut text, byte);
        }
    }
    text
}

fn push_byte(text: &mut String, byte: u8) {
    let _ = write!(text, "\\x{byte:02x}");
}

/// Whether a character can be shown as it is: it has a shape of its own or is the space.
pub fn is_printable(character: char) -> bool {
    use GeneralCategory as Category;
    if character.is_ascii() {
        return matches!(character, ' '..='~');
    }
    !matches!(
        get_general_category(character),
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::SpaceSeparator
            | Category::PrivateUse
            | Category::Surrogate
            | Category::Unassigned
    )
}

/// Whether a character joins the one before it.
fn is_mark(character: char) -> bool {
    use GeneralCategory as Category;
    !character.is_ascii()
        && matches!(get_general_category(character), Category::NonspacingMark | Category::EnclosingMark | Category::SpacingMark)
}

/// Bytes as hexadecimal pairs with spaces between.
pub fn hex(bytes: &[u8]) -> String {
    let pairs: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    pairs.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_cannot_be_shown_is_escaped() {
        let check = |bytes: &[u8], expected: &str| assert_eq!(escape(bytes), expected, "{bytes:?}");
        check(b" the", " the");
        check(b"a\r\n\tb\\n", "a\\r\\n\\tb\\\\n");
        check(b"\x1b[31m\x00\x7f", "\\x1b[31m\\x00\\x7f");
        check("é日😀".as_bytes(), "é日😀");
        check("\u{9b}31m\u{a0}\u{ad}\u{202e}\u{feff}\u{2028}\u{e000}".as_bytes(), r"\u{9b}31m\u{a0}\u{ad}\u{202e}\u{feff}\u{2028}\u{e000}");
        check("\u{301}e\u{301}".as_bytes(), "\\u{301}e\u{301}");
        check(b"\xe6\x97", "\\xe6\\x97");
        check(b"a\xff\xc3\xa9", "a\\xffé");
        check(b"", "");
        assert_eq!(hex(b"\x00 \xff"), "00 20 ff");
    }

    proptest! {
        #[test]
        fn nothing_raw_is_left_and_bytes_of_ascii_can_be_read_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let text = escape(&bytes);
            prop_assert!(text.chars().all(is_printable), "{:?}", text);
            let ascii: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
            prop_assert_eq!(read_back(&escape(&ascii)), ascii);
        }
    }

    /// The bytes behind an escaped ASCII text.
    fn read_back(text: &str) -> Vec<u8> {
        let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
        while let [first, tail @ ..] = rest {
            let (byte, used) = match (first, tail) {
                (b'\\', [b'x', pair @ ..]) => (u8::from_str_radix(std::str::from_utf8(&pair[..2]).unwrap(), 16).unwrap(), 4),
                (b'\\', [b'n', ..]) => (b'\n', 2),
                (b'\\', [b'r', ..]) => (b'\r', 2),
                (b'\\', [b't', ..]) => (b'\t', 2),
                (b'\\', _) => (b'\\', 2),
                (byte, _) => (*byte, 1),
            };
            bytes.push(byte);
            rest = &rest[used..];
        }
        bytes
    }
}
