//! Where a word ends, for each family of patterns.
//!
//! Each function takes the place where a word begins, which is not the text's end, and gives the end of the pattern's match
//! there: it always begins there. A word is decided in one pass: at most two characters, then a run. Knows nothing
//! of names and spellings.
//!
//! Nine words of ten in prose are plain: an ASCII character and the letters behind it, if there are any. Which pairs of
//! bytes begin a plain word stands in a table for each family, so that one branch, which nearly always goes
//! the same way, takes the place of several that cannot be guessed.

use super::class::{
    ASCII, CASELESS, Classes, LETTER, LOWER, MARK, NEWLINE, NUMBER, OTHER, SPACE, SYMBOL, UPPER, WHITESPACE, class_at, run_end,
};
use super::letters::Letters;

/// What newlines do where whitespace stands.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Newlines {
    /// They are whitespace: `\s+(?!\S)|\s+`.
    Plain,
    /// The last one of the run ends the word: `\s*[\r\n]+|\s+(?!\S)|\s+`.
    EndWord,
    /// The same, except that whitespace at the text's end is one word: `\s++$|\s*[\r\n]|\s+(?!\S)|\s`.
    EndWordInside,
}

/// A word is plain if the class of its second byte is in the set of its first byte.
type PlainWords = [Classes; 256];

const fn plain_words(upper: Classes, lower: Classes, number: Classes, blank: Classes, tab: Classes, other: Classes) -> PlainWords {
    let mut table = ASCII;
    let mut byte = 0;
    while byte < 128 {
        table[byte] = match ASCII[byte] {
            UPPER => upper,
            LOWER => lower,
            NUMBER => number,
            SPACE if byte as u8 == b' ' => blank,
            SPACE => tab,
            OTHER if byte as u8 == b'\'' => other & !LETTER,
            OTHER => other,
            _ => 0,
        };
        byte += 1;
    }
    table
}

const ANY: Classes = Classes::MAX;
const GPT2: PlainWords = plain_words(ANY, ANY, WHITESPACE | OTHER, LETTER, 0, WHITESPACE | NUMBER);
const QWEN2: PlainWords = plain_words(ANY, ANY, ANY & !LETTER, LETTER, LETTER, LETTER | SPACE | NUMBER);
const CL100K: PlainWords = plain_words(ANY, ANY, WHITESPACE | OTHER, LETTER, LETTER, LETTER | SPACE | NUMBER);
/// Here only small letters are a run, and a digit's apostrophe is none of its word.
const O200K: PlainWords = plain_words(ANY & !UPPER, ANY, WHITESPACE, LOWER, LOWER, LOWER | SPACE | NUMBER);
const TEKKEN: PlainWords = plain_words(ANY & !UPPER, ANY, ANY & !LETTER, LOWER, LOWER, LOWER | SPACE | NUMBER);

/// The end of the word at `at` if it is plain.
#[inline(always)]
fn plain_end(text: &str, at: usize, letters: &mut Letters<'_>, plain: &PlainWords) -> Option<usize> {
    let &[first, second] = text.as_bytes()[at..].first_chunk()?;
    (plain[usize::from(first)] & ASCII[usize::from(second)] != 0).then(|| letters.run_end(at + 1))
}

/// `'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+`, whitespace.
#[inline(always)]
pub(super) fn gpt2(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    if let Some(end) = plain_end(text, start, letters, &GPT2) {
        return end;
    }
    let first = text.as_bytes()[start];
    if first == b'\''
        && let Some(end) = contraction_end(text, start, false)
    {
        return end;
    }
    let (class, next) = class_at(text, start + usize::from(first == b' '));
    if class & LETTER != 0 {
        letters.run_end(next)
    } else if class & SYMBOL != 0 {
        run_end(text, next, SYMBOL)
    } else if class == NUMBER {
        run_end(text, next, NUMBER)
    } else {
        whitespace_end(text, start, Newlines::Plain)
    }
}

/// [`gpt2`] between digits, each of which is a word: whitespace before one is as at the text's end.
#[inline(always)]
pub(super) fn starcoder(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    let (class, next) = class_at(text, start);
    if class == NUMBER {
        return next;
    }
    if class & WHITESPACE != 0 {
        let end = run_end(text, next, WHITESPACE);
        if class_at(text, end).0 == NUMBER {
            return end;
        }
    }
    gpt2(text, start, letters)
}

/// [`cl100k`] with words of one digit.
#[inline(always)]
pub(super) fn qwen2(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    plain_end(text, start, letters, &QWEN2).unwrap_or_else(|| letters_or_symbols_end(text, start, letters, &QWEN2_WORDS))
}

/// [`qwen2`] with marks that belong to letters.
#[inline(always)]
pub(super) fn qwen35(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    const WORDS: Words = Words { letters: LETTER | MARK, ..QWEN2_WORDS };
    plain_end(text, start, letters, &QWEN2).unwrap_or_else(|| letters_or_symbols_end(text, start, letters, &WORDS))
}

/// [`qwen2`] with newlines that are no part of symbols before them.
#[inline(always)]
pub(super) fn seed_coder(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    const WORDS: Words = Words { behind_symbols: 0, ..QWEN2_WORDS };
    plain_end(text, start, letters, &QWEN2).unwrap_or_else(|| letters_or_symbols_end(text, start, letters, &WORDS))
}

/// `'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*`, whitespace.
#[inline(always)]
pub(super) fn cl100k(text: &str, start: usize, letters: &mut Letters<'_>, newlines: Newlines) -> usize {
    let words = Words { digits: 3, newlines, ..QWEN2_WORDS };
    plain_end(text, start, letters, &CL100K).unwrap_or_else(|| letters_or_symbols_end(text, start, letters, &words))
}

/// In what patterns differ that are like Qwen2's.
struct Words {
    /// What is a letter to them; a symbol is what is none, and neither number nor whitespace.
    letters: Classes,
    /// Digits of a word.
    digits: usize,
    /// What belongs to the symbols before it.
    behind_symbols: Classes,
    newlines: Newlines,
}

const QWEN2_WORDS: Words = Words { letters: LETTER, digits: 1, behind_symbols: NEWLINE, newlines: Newlines::EndWord };

#[inline(always)]
fn letters_or_symbols_end(text: &str, start: usize, letters: &mut Letters<'_>, words: &Words) -> usize {
    let symbol = SYMBOL & !words.letters;
    let (class, next) = class_at(text, start);
    if class == NUMBER {
        return numbers_end(text, next, words.digits - 1);
    }
    if class != NEWLINE {
        let first = text.as_bytes()[start];
        if first == b'\''
            && let Some(end) = contraction_end(text, start, true)
        {
            return end;
        }
        let end = letters.run_end(next);
        if end > next || class & words.letters != 0 {
            return end;
        }
        if class & symbol != 0 || first == b' ' && class_at(text, next).0 & symbol != 0 {
            return run_end(text, run_end(text, next, symbol), words.behind_symbols);
        }
    }
    whitespace_end(text, start, words.newlines)
}

/// Letters as [`cased_end`], `\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*`, whitespace.
#[inline(always)]
pub(super) fn o200k(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    let letters_end = plain_end(text, start, letters, &O200K).or_else(|| cased_end(text, start, letters));
    if let Some(end) = letters_end {
        let apostrophe = text.as_bytes().get(end) == Some(&b'\'');
        return if apostrophe { contraction_end(text, end, true).unwrap_or(end) } else { end };
    }
    numbers_or_paths_end(text, start, 3)
}

/// [`o200k`] without contractions, with words of one digit.
#[inline(always)]
pub(super) fn tekken(text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
    let letters_end = plain_end(text, start, letters, &TEKKEN).or_else(|| cased_end(text, start, letters));
    letters_end.unwrap_or_else(|| numbers_or_paths_end(text, start, 1))
}

/// `\p{N}{1,digits}| ?[^\s\p{L}\p{N}]+[\r\n/]*`, whitespace.
#[inline(always)]
fn numbers_or_paths_end(text: &str, start: usize, digits: usize) -> usize {
    let (class, next) = class_at(text, start);
    if class == NUMBER {
        return numbers_end(text, next, digits - 1);
    }
    if class & SYMBOL != 0 || text.as_bytes()[start] == b' ' && class_at(text, next).0 & SYMBOL != 0 {
        let end = run_end(text, next, SYMBOL);
        let more = text.as_bytes()[end..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n' | b'/'));
        return end + more.count();
    }
    whitespace_end(text, start, Newlines::EndWord)
}

/// Letters, and marks among them: `[^\r\n\p{L}\p{N}]?U*L+|[^\r\n\p{L}\p{N}]?U+L*`. U is a mark or any letter that is not
/// small, L is a mark or any letter that is not a capital.
///
/// A regex engine takes the longest U* that there is, and gives characters back until an L stands behind it. Nothing is
/// given back if a small letter stands there. Else the word ends behind the last character which is both; and if
/// there is none, the second alternative takes all of U*.
#[inline(always)]
fn cased_end(text: &str, start: usize, letters: &mut Letters<'_>) -> Option<usize> {
    let (class, next) = class_at(text, start);
    let run_start = if class & (LETTER | NUMBER | NEWLINE) == 0 { next } else { start };
    // A mark stands before other letters if it can, and is a word alone if it must.
    let mut both_end = if class == MARK { Some(next) } else { None };
    let mut at = run_start;
    loop {
        let (class, next) = class_at(text, at);
        match class {
            LOWER => return Some(letters.run_end(next)),
            UPPER => {}
            CASELESS | MARK => both_end = Some(next),
            _ => return both_end.or((at > run_start).then_some(at)),
        }
        at = next;
    }
}

/// `\p{N}{0,more}` from `at`.
#[inline(always)]
fn numbers_end(text: &str, mut at: usize, more: usize) -> usize {
    for _ in 0..more {
        let (class, next) = class_at(text, at);
        if class != NUMBER {
            break;
        }
        at = next;
    }
    at
}

/// The end of `'(?:[sdmt]|ll|ve|re)` at `at`, where an apostrophe stands. The long s is an s in another case.
fn contraction_end(text: &str, at: usize, any_case: bool) -> Option<usize> {
    let letters = &text.as_bytes()[at + 1..];
    let letter = |index: usize| letters.get(index).map_or(0, |byte| if any_case { byte.to_ascii_lowercase() } else { *byte });
    match (letter(0), letter(1)) {
        (b's' | b'd' | b'm' | b't', _) => Some(at + 2),
        (b'l', b'l') | (b'v' | b'r', b'e') => Some(at + 3),
        _ if any_case && letters.starts_with("\u{17f}".as_bytes()) => Some(at + 3),
        _ => None,
    }
}

/// Where a word of whitespace ends. Where no newline decides, behind all of the run but its last character, which goes to
/// the next word; behind all of it at the end of the text, or if it is one character.
#[inline(always)]
fn whitespace_end(text: &str, start: usize, newlines: Newlines) -> usize {
    let (mut at, mut last, mut newline_end) = (start, start, start);
    loop {
        let (class, next) = class_at(text, at);
        if class & WHITESPACE == 0 {
            break;
        }
        (last, at) = (at, next);
        if class == NEWLINE {
            newline_end = next;
        }
    }
    let at_end = at == text.len();
    let by_newline = match newlines {
        Newlines::Plain => false,
        Newlines::EndWord => newline_end > start,
        Newlines::EndWordInside => newline_end > start && !at_end,
    };
    if by_newline {
        newline_end
    } else if last > start && !at_end {
        last
    } else {
        at
    }
}
