//! What the patterns tell apart in a character, and runs of characters of a kind.
//!
//! ASCII is looked up by its byte; other characters in a flat table of the first two planes, where all living scripts and
//! all emoji are. Knows nothing of the patterns.
//!
//! Classes come from the `unicode-general-category` crate: small tables of Unicode 16, which agree on every code
//! point with `regex-syntax` 0.8 and with the engine of Hugging Face's `tokenizers` 0.23 (both checked).
//! `char::is_alphabetic` would not do: it also counts marks and letter-like numbers as alphabetic.

use std::sync::LazyLock;

use unicode_general_category::{GeneralCategory, get_general_category};

/// A set of classes, one bit each. A character has exactly one; the end of the text has none.
pub(super) type Classes = u8;

/// `[\p{Lu}\p{Lt}]`
pub(super) const UPPER: Classes = 1;
/// `\p{Ll}`
pub(super) const LOWER: Classes = 1 << 1;
/// `[\p{Lm}\p{Lo}]`
pub(super) const CASELESS: Classes = 1 << 2;
/// `\p{M}`
pub(super) const MARK: Classes = 1 << 3;
/// `\p{N}`
pub(super) const NUMBER: Classes = 1 << 4;
/// `[\r\n]`
pub(super) const NEWLINE: Classes = 1 << 5;
/// `\s`, newlines aside
pub(super) const SPACE: Classes = 1 << 6;
/// Everything else.
pub(super) const OTHER: Classes = 1 << 7;

/// `\p{L}`
pub(super) const LETTER: Classes = UPPER | LOWER | CASELESS;
/// `\s`
pub(super) const WHITESPACE: Classes = NEWLINE | SPACE;
/// `[^\s\p{L}\p{N}]`
pub(super) const SYMBOL: Classes = MARK | OTHER;

/// Class of an ASCII byte; of a byte beyond, which is a part of a character, none.
pub(super) const ASCII: [Classes; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match byte as u8 {
            b'A'..=b'Z' => UPPER,
            b'a'..=b'z' => LOWER,
            b'0'..=b'9' => NUMBER,
            b'\r' | b'\n' => NEWLINE,
            b'\t' | 0x0B | 0x0C | b' ' => SPACE,
            _ => OTHER,
        };
        byte += 1;
    }
    table
};

/// Characters below this stand in the table.
const TABLED: usize = 0x2_0000;

/// Made at first use: 128 KiB, of which a text touches the lines of its scripts.
static TABLE: LazyLock<Box<[Classes; TABLED]>> = LazyLock::new(|| {
    let mut table = Box::new([OTHER; TABLED]);
    for (code, class) in table.iter_mut().enumerate() {
        *class = char::from_u32(code as u32).map_or(OTHER, class_by_category);
    }
    table
});

/// Class of the character at `at`, a character's border, and where it ends. At the text's end no class.
#[inline(always)]
pub(super) fn class_at(text: &str, at: usize) -> (Classes, usize) {
    match text.as_bytes().get(at) {
        Some(byte) if byte.is_ascii() => (ASCII[usize::from(*byte)], at + 1),
        Some(_) => class_beyond_ascii(text, at),
        None => (0, at),
    }
}

/// The end of the run of characters in `classes` that goes on at `at`.
#[inline(always)]
pub(super) fn run_end(text: &str, mut at: usize, classes: Classes) -> usize {
    loop {
        let (class, next) = class_at(text, at);
        if class & classes == 0 {
            return at;
        }
        at = next;
    }
}

/// [`run_end`] of a run without ASCII characters: it ends before them.
#[inline(never)]
pub(super) fn run_end_beyond_ascii(text: &str, at: usize, classes: Classes) -> usize {
    let table = &**TABLE;
    let in_run = |character: &char| !character.is_ascii() && class_of(table, *character) & classes != 0;
    at + text[at..].chars().take_while(in_run).map(char::len_utf8).sum::<usize>()
}

#[inline(never)]
fn class_beyond_ascii(text: &str, at: usize) -> (Classes, usize) {
    text[at..].chars().next().map_or((0, at), |character| (class_of(&TABLE, character), at + character.len_utf8()))
}

#[inline(always)]
fn class_of(table: &[Classes; TABLED], character: char) -> Classes {
    table.get(character as usize).copied().unwrap_or_else(|| class_by_category(character))
}

fn class_by_category(character: char) -> Classes {
    use GeneralCategory as Category;
    match get_general_category(character) {
        Category::UppercaseLetter | Category::TitlecaseLetter => UPPER,
        Category::LowercaseLetter => LOWER,
        Category::ModifierLetter | Category::OtherLetter => CASELESS,
        Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => MARK,
        Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber => NUMBER,
        _ if matches!(character, '\r' | '\n') => NEWLINE,
        _ if character.is_whitespace() => SPACE,
        _ => OTHER,
    }
}
