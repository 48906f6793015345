//! Text to words, for the filters that count them.
//!
//! The published filters were written against spaCy's blank English tokenizer; this follows its rules (version 3.8) to
//! the letter, without regular expressions: split at white space; peel marks off both ends of each piece; keep
//! addresses; cut the rest at inner marks; contractions, abbreviations and emoticons are exceptions. Words are slices of
//! the text, so nothing is copied. Knows nothing about filters.

mod address;
mod classes;
mod exceptions;
mod phrases;

use classes::{ALPHA, BEFORE_STOP, CURRENCY, DIGIT, INFIX, LOWER, PLAIN, PREFIX, QUOTE, SPACE, SUFFIX, UPPER, ascii_classes, class};
use exceptions::{Cuts, EXCEPTIONS, Exceptions};

use crate::text::{is_terminal, is_unicode_punctuation};

/// The words of a text, in order. Punctuation marks are words of their own.
pub fn split_words(text: &str) -> Vec<&str> {
    let mut words = Vec::with_capacity(text.len() / 5 + 1);
    // Places of the words that begin with a mark, where an exception may have been cut.
    let mut marks: Vec<u32> = Vec::new();
    let mut splitter = Splitter::new();
    let (ascii, bytes) = (ascii_classes(), text.as_bytes());
    let mut at = 0;
    while at < bytes.len() {
        // What the piece consists of, and what all its characters are.
        let (start, mut any, mut all) = (at, 0, u16::MAX);
        while at < bytes.len() {
            let (class, length) = if bytes[at] < 128 {
                (ascii[usize::from(bytes[at])], 1)
            } else {
                let c = text[at..].chars().next().unwrap_or_default();
                (class(c), c.len_utf8())
            };
            if class & SPACE != 0 {
                break;
            }
            any |= class;
            all &= class;
            at += length;
        }
        if start == at {
            at += text[at..].chars().next().map_or(1, char::len_utf8); // white space
            continue;
        }
        let piece = &text[start..at];
        // Only a mark, or a unit behind a digit, is ever cut off.
        if all & PLAIN != 0 && (any & DIGIT == 0 || all & DIGIT != 0) {
            match EXCEPTIONS.get(piece) {
                Some(cuts) => push_cut(piece, cuts, &mut words),
                None => words.push(piece),
            }
            continue;
        }
        let before = words.len();
        splitter.split_piece(piece, &mut words);
        marks.extend((before..words.len()).filter(|&i| begins_with_mark(words[i])).map(|i| i as u32));
    }
    if marks.is_empty() { words } else { phrases::join(text, words, &marks) }
}

/// The number of sentences in a text, given its words as slices of it: a sentence ends after a word that is a terminal
/// mark, and the next one begins with the first word, or white space of more than one space, that is not punctuation.
///
/// Source: spaCy's rule-based sentencizer, which knows fewer terminal marks than the filters do.
pub fn count_sentences(text: &str, words: &[&str]) -> usize {
    let Some(first) = words.first() else { return 1 };
    // White space is a word of its own there, but for the one space between two words.
    let mut sentences = 1;
    let mut seen_end = false;
    let mut end = offset(text, first) + first.len();
    for (i, word) in words.iter().enumerate() {
        let at = offset(text, word);
        if i > 0 && at > end && seen_end && &text[end..at] != " " {
            sentences += 1;
            seen_end = false;
        }
        end = at + word.len();
        if ends_sentence(word) {
            seen_end = true;
        } else if seen_end && !word.chars().all(is_unicode_punctuation) {
            sentences += 1;
            seen_end = false;
        }
    }
    let space_behind = &text[end..];
    sentences + usize::from(seen_end && space_behind.len() > usize::from(space_behind.starts_with(' ')))
}

/// Whether a word is one terminal mark of those that the sentencizer knows.
fn ends_sentence(word: &str) -> bool {
    let mut chars = word.chars();
    let (Some(c), None) = (chars.next(), chars.next()) else { return false };
    is_terminal(c) && (c.is_ascii() || !is_newer_terminal(c))
}

/// Terminal marks that the sentencizer does not know.
fn is_newer_terminal(c: char) -> bool {
    matches!(c, '\u{61D}'..='\u{61E}' | '\u{837}' | '\u{839}' | '\u{83D}'..='\u{83E}' | '\u{17D4}'..='\u{17DA}' | '\u{1B7D}'..='\u{1B7E}')
        || matches!(c, '\u{2E53}'..='\u{2E54}' | '\u{10F55}'..='\u{10F89}' | '\u{11944}'..='\u{11946}')
        || matches!(c, '\u{11EF7}'..='\u{11F44}' | '\u{16E98}')
}

/// Where a slice of `text` begins in it.
pub(crate) fn offset(text: &str, slice: &str) -> usize {
    slice.as_ptr() as usize - text.as_ptr() as usize
}

/// Pushes a piece, cut before the bytes whose bits are set.
fn push_cut<'a>(piece: &'a str, mut cuts: Cuts, words: &mut Vec<&'a str>) {
    let mut start = 0;
    while cuts != 0 {
        let at = cuts.trailing_zeros() as usize;
        words.push(&piece[start..at]);
        start = at;
        cuts &= cuts - 1;
    }
    words.push(&piece[start..]);
}

/// Whether a word may be the first or the second of a phrase because of its first byte.
fn begins_with_mark(word: &str) -> bool {
    !word.as_bytes()[0].is_ascii_alphanumeric()
}

/// Splits one piece without white space after the other.
struct Splitter<'a> {
    exceptions: Option<&'static Exceptions>,
    /// Marks that were peeled off behind, the last one first.
    behind: Vec<&'a str>,
}

impl<'a> Splitter<'a> {
    fn new() -> Splitter<'a> {
        Splitter { exceptions: Some(&EXCEPTIONS), behind: Vec::new() }
    }

    fn without_exceptions() -> Splitter<'a> {
        Splitter { exceptions: None, behind: Vec::new() }
    }

    fn exception(&self, piece: &str) -> Option<Cuts> {
        self.exceptions.and_then(|exceptions| exceptions.get(piece))
    }

    /// Marks in front, the exceptional, whole or inner-split middle, marks behind.
    fn split_piece(&mut self, piece: &'a str, words: &mut Vec<&'a str>) {
        self.behind.clear();
        let mut rest = piece;
        let mut cuts = None;
        while !rest.is_empty() {
            cuts = self.exception(rest);
            if cuts.is_some() {
                break;
            }
            let front = prefix_len(rest);
            if front > 0 {
                cuts = self.exception(&rest[front..]);
                if cuts.is_some() {
                    words.push(&rest[..front]);
                    rest = &rest[front..];
                    break;
                }
            }
            let back = suffix_len(&rest[front..]);
            if back > 0 {
                cuts = self.exception(&rest[..rest.len() - back]);
                if cuts.is_some() {
                    self.behind.push(&rest[rest.len() - back..]);
                    rest = &rest[..rest.len() - back];
                    break;
                }
            }
            if front == 0 && back == 0 {
                break;
            }
            if front > 0 {
                words.push(&rest[..front]);
            }
            if back > 0 {
                self.behind.push(&rest[rest.len() - back..]);
            }
            rest = &rest[front..rest.len() - back];
        }
        if let Some(cuts) = cuts {
            push_cut(rest, cuts, words);
        } else if !rest.is_empty() {
            if address::is_address(rest) { words.push(rest) } else { split_inside(rest, words) }
        }
        words.extend(self.behind.drain(..).rev());
    }
}

/// The length in bytes of the mark in front, 0 if there is none.
fn prefix_len(text: &str) -> usize {
    let Some(first) = text.chars().next() else { return 0 };
    match first {
        '.' => two_or_more(text.len() - text.trim_start_matches('.').len()),
        '+' => usize::from(!text.as_bytes().get(1).is_some_and(u8::is_ascii_digit)),
        'U' if text.starts_with("US$") => 3,
        'C' | 'A' if text[1..].starts_with('$') => 2,
        _ if class(first) & PREFIX != 0 => first.len_utf8(),
        _ => 0,
    }
}

fn two_or_more(dots: usize) -> usize {
    if dots > 1 { dots } else { 0 }
}

/// Units that are cut off the number before them. (In the original a space is missing between the last Cyrillic and the
/// first Arabic unit, so that only both together are one.)
#[rustfmt::skip]
const UNITS: [&str; 105] = [
    "km", "km²", "km³", "m", "m²", "m³", "dm", "dm²", "dm³", "cm", "cm²", "cm³", "mm", "mm²", "mm³", "ha", "µm", "nm", "yd", "in", "ft",
    "kg", "g", "mg", "µg", "t", "lb", "oz", "m/s", "km/h", "kmh", "mph", "hPa", "Pa", "mbar", "mb", "MB", "kb", "KB", "gb", "GB", "tb",
    "TB", "T", "G", "M", "K", "%", "км", "км²", "км³", "м", "м²", "м³", "дм", "дм²", "дм³", "см", "см²", "см³", "мм", "мм²", "мм³", "нм",
    "кг", "г", "мг", "м/с", "км/ч", "кПа", "Па", "мбар", "Кб", "КБ", "кб", "Мб", "МБ", "мб", "Гб", "ГБ", "гб", "Тб", "ТБ", "тбكم",
    "كم²", "كم³", "م", "م²", "م³", "سم", "سم²", "سم³", "مم", "مم²", "مم³", "كم", "غرام", "جرام", "جم", "كغ", "ملغ", "كوب", "اكواب",
    "US$", "C$", // not units, but cut off like them
];

/// The length in bytes of the mark behind, 0 if there is none.
fn suffix_len(text: &str) -> usize {
    let mut chars = text.chars().rev();
    let Some(last) = chars.next() else { return 0 };
    let flags = class(last);
    let (before, before_that) = (chars.next(), chars.next());
    if last == '.' {
        let Some(before) = before else { return 0 };
        let dots = text.len() - text.trim_end_matches('.').len();
        if dots > 1 {
            return dots;
        }
        let flags = class(before);
        let after_degree = matches!(before, 'F' | 'f' | 'C' | 'c' | 'K' | 'k') && before_that == Some('°');
        let after_capitals = flags & UPPER != 0 && before_that.is_some_and(|c| class(c) & UPPER != 0);
        return usize::from(flags & (DIGIT | LOWER | BEFORE_STOP) != 0 || after_capitals || after_degree);
    }
    if flags & SUFFIX != 0 {
        let is_pair = last == '…' && before == Some('…');
        return last.len_utf8() * if is_pair { 2 } else { 1 };
    }
    let Some(before) = before else { return 0 };
    if matches!(last, 's' | 'S') && matches!(before, '\'' | '’') {
        return last.len_utf8() + before.len_utf8();
    }
    // What is left stands behind a digit: longer ones first, because they begin first.
    if !text.bytes().any(|byte| byte.is_ascii_digit()) {
        return 0;
    }
    let behind_digit = |unit: &&&str| text.strip_suffix(**unit).is_some_and(|number| number.ends_with(|c: char| c.is_ascii_digit()));
    let unit = UNITS.iter().filter(behind_digit).map(|unit| unit.len()).max();
    let single = (class(before) & DIGIT != 0 && (last == '+' || flags & CURRENCY != 0)).then(|| last.len_utf8());
    unit.max(single).unwrap_or(0)
}

/// Cuts at marks between letters or digits: hyphens, dashes, commas, slashes, full stops before a capital, arithmetic.
fn split_inside<'a>(text: &'a str, words: &mut Vec<&'a str>) {
    let ascii = ascii_classes();
    let (mut start, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        if bytes[at] < 128 && ascii[usize::from(bytes[at])] & PLAIN != 0 {
            at += 1;
            continue;
        }
        let c = text[at..].chars().next().unwrap_or_default();
        let length = infix_len(text, at, c);
        if length > 0 && at > 0 {
            if start < at {
                words.push(&text[start..at]);
            }
            words.push(&text[at..at + length]);
            start = at + length;
        }
        at += if length > 0 { length } else { c.len_utf8() };
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
}

/// The length in bytes of an inner mark at byte `at`, 0 if none.
fn infix_len(text: &str, at: usize, c: char) -> usize {
    let flags = class(c);
    if flags & PLAIN != 0 {
        return 0;
    }
    if flags & INFIX != 0 {
        return c.len_utf8();
    }
    if c == '.' {
        let dots = text[at..].len() - text[at..].trim_start_matches('.').len();
        if dots > 1 {
            return dots;
        }
    }
    let before = text[..at].chars().next_back().map_or(0, class);
    let is_behind = |length: usize, flags: u16| text[at + length..].chars().next().is_some_and(|c| class(c) & flags != 0);
    match c {
        '+' | '-' | '*' | '^' if before & DIGIT != 0 && (is_behind(1, DIGIT) || text[at + 1..].starts_with('-')) => 1,
        '.' if before & (LOWER | QUOTE) != 0 && is_behind(1, UPPER | QUOTE) => 1,
        ',' if before & ALPHA != 0 && is_behind(1, ALPHA) => 1,
        '-' | '–' | '—' | '~' if before & (ALPHA | DIGIT) != 0 => {
            let longest = match c {
                '-' => 3,
                '—' => 2,
                _ => 1,
            };
            let run = text[at..].chars().take_while(|&next| next == c).count();
            if run <= longest && is_behind(run * c.len_utf8(), ALPHA) { run * c.len_utf8() } else { 0 }
        }
        ':' | '<' | '>' | '=' | '/' if before & (ALPHA | DIGIT) != 0 && is_behind(1, ALPHA) => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(split_words(text), expected.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>(), "{text:?}");
    }

    #[test]
    fn words_and_marks() {
        check("", "");
        check("The cat sat.", "The cat sat .");
        check("\"Well,\" he said (twice).", "\" Well , \" he said ( twice ) .");
        check("Wait... what?!", "Wait ... what ? !");
        check("a…b", "a … b");
        check("It cost $5.50, or 20%.", "It cost $ 5.50 , or 20 % .");
        check("a\x1cb\u{2009}c", "a b c");
    }

    #[test]
    fn full_stops() {
        check("Mr. Smith of the U.S. met Dr. No, e.g. at 8am.", "Mr. Smith of the U.S. met Dr. No , e.g. at 8 am .");
        check("NASA. The end.The start", "NASA . The end . The start");
        check("A. b. C.", "A. b. C.");
        check("3.14 and 9.11.", "3.14 and 9.11 .");
    }

    #[test]
    fn contractions() {
        check("I don't; they're, it’s cannot.", "I do n't ; they 're , it ’s can not .");
        check("John's dogs' toys", "John 's dogs ' toys");
        check("Let's go, I'm gonna win", "Let 's go , I 'm gon na win");
        check("well hell its were", "well hell its were");
    }

    #[test]
    fn inner_marks() {
        check("well-known word—dash and/or 5-3 1990-2000", "well - known word — dash and/or 5 - 3 1990 - 2000");
        check("one,two 1,000 x=y", "one , two 1,000 x = y");
        check("-5 + -a- state-of-the-art", "-5 + -a- state - of - the - art");
        check("10km 5kg 30°C. 5m/s 5US$ 50€", "10 km 5 kg 30 ° C . 5 m/s 5 US$ 50 €");
        check("a--b a----b 2-year x~y e.g.,the", "a -- b a----b 2 - year x ~ y e.g. ,the");
    }

    #[test]
    fn addresses_stay_whole() {
        check("See https://www.a-b.com/x/y-z?q=1, or me@example.org.", "See https://www.a-b.com/x/y-z?q=1 , or me@example.org .");
        check("www.example.com/and/or", "www.example.com/and/or");
    }

    #[test]
    fn exceptions_inside_longer_pieces() {
        check("hello:) (8) a.b. word''", "hello :) ( 8) a.b . word ''");
        check("this/and/or/that :)x", "this / and/or / that :) x");
        // A find across a space changes nothing, but takes its words from others.
        check("( :)x", "( : ) x");
    }

    #[test]
    fn sentences_end_at_terminal_words() {
        for (text, expected) in [
            ("", 1),
            ("  ", 1),
            ("One", 1),
            ("One.", 1),
            ("One. Two", 2),
            ("One. \" Two", 2),
            ("One.  \" Two", 2), // two spaces: one of them is a word, and begins the sentence
            ("One!? Two.", 2),
            ("One.  ! Two", 3),
            ("Mr. Low... and so on. Two", 2),
            ("e.g. this", 1),
            (". . .", 1),
            ("One. + Two", 2),
            ("One.\nTwo", 2),
            ("One. ", 1),
            ("One.  ", 2),
            ("One.\n", 2),
            ("एक। दो", 2),
            ("One\u{2E53} Two", 1), // newer than the sentencizer
        ] {
            assert_eq!(count_sentences(text, &split_words(text)), expected, "{text:?}");
        }
    }
}
