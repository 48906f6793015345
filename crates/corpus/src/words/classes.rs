//! What a character may be in a word: letter, mark at an end, mark inside.
//!
//! The sets are those of spaCy 3.8's English tokenizer, said by Unicode property where one fits: its letters are
//! Latin, Greek and Cyrillic of the larger languages, and scripts without case, which count as both cases; its
//! pictographs are Unicode 11's. Knows no words.

use std::sync::LazyLock;

use crate::text::CharClass;

/// A letter.
pub const ALPHA: u16 = 1;
/// A small letter, or one of a script without case.
pub const LOWER: u16 = 1 << 1;
/// A capital, or a letter of a script without case.
pub const UPPER: u16 = 1 << 2;
/// Cut off in front.
pub const PREFIX: u16 = 1 << 3;
/// Cut off behind.
pub const SUFFIX: u16 = 1 << 4;
/// Cut out of the middle, whatever stands around it.
pub const INFIX: u16 = 1 << 5;
/// A quotation mark, an apostrophe or a bracket of East Asia.
pub const QUOTE: u16 = 1 << 6;
/// A mark behind which a full stop is cut off.
pub const BEFORE_STOP: u16 = 1 << 7;
/// A currency sign of one character.
pub const CURRENCY: u16 = 1 << 8;
/// Not a mark of any kind: a piece of such characters alone has no inner structure.
pub const PLAIN: u16 = 1 << 9;
/// White space.
pub const SPACE: u16 = 1 << 10;
/// An ASCII digit.
pub const DIGIT: u16 = 1 << 11;

const UNCASED: &str = concat!(
    r"\u{591}-\u{5F4}\u{620}-\u{64A}\u{66E}-\u{6D5}\u{6E5}-\u{6FF}\u{750}-\u{77F}\u{8A0}-\u{8BD}\u{900}-\u{9FF}",
    r"\u{B80}-\u{CFF}\u{D80}-\u{DFF}\u{1100}-\u{137F}\u{2E80}-\u{2FDF}\u{2FF0}-\u{30FF}\u{31C0}-\u{31EF}\u{3200}-\u{4DBF}",
    r"\u{4E00}-\u{9FFF}\u{AC00}-\u{D7AF}\u{F900}-\u{FAFF}\u{FB1D}-\u{FBB1}\u{FBD3}-\u{FD3D}\u{FD50}-\u{FDC7}",
    r"\u{FDF0}-\u{FDFB}\u{FE30}-\u{FE4F}\u{FE70}-\u{FEFC}\u{1EE00}-\u{1EEBB}\u{1F200}-\u{1F2FF}\u{20000}-\u{2A6DF}",
    r"\u{2A700}-\u{2EBEF}\u{2F800}-\u{2FA1F}",
);
const LATIN: &str = concat!(
    r"A-Za-z\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{1BF}\u{1C4}-\u{2AF}\u{1D00}-\u{1D25}\u{1D6B}-\u{1D77}\u{1D79}-\u{1D9A}",
    r"\u{1E00}-\u{1EFF}\u{2C60}-\u{2C7B}\u{2C7E}\u{2C7F}\u{A722}-\u{A76F}\u{A771}-\u{A787}\u{A78B}-\u{A78E}",
    r"\u{A790}-\u{A7B9}\u{A7FA}\u{AB30}-\u{AB5A}\u{AB60}-\u{AB64}\u{FF21}-\u{FF3A}\u{FF41}-\u{FF5A}",
);
const GREEK_CYRILLIC: &str = "α-ωάέίόώήύΑ-ΩΆΈΊΌΏΉΎёа-яЁА-ЯәөүҗңһӘӨҮҖҢҺіїєґІЇЄҐѓѕјљњќѐѝЃЅЈЉЊЌЀЍ";
const QUOTES: &str = "'\"”“`‘´’‚,„»«「」『』（）〔〕【】《》〈〉\u{2329}\u{232A}⟦⟧";
const PUNCTUATION: &str = "…,:;!?¿؟¡()[]{}<>_#*&。？！，、；：～·।،۔؛٪";
const CURRENCIES: &str = "$£€¥฿₽﷼₴₠₡₢₣₤₥₦₧₨₩₪₫₭₮₯₰₱₲₳₵₶₷₸₹₺₻₼₾₿";

/// The classes of all characters: a table of the basic plane, and ranges beyond it.
struct Classes {
    basic: Vec<u16>,
    beyond: Vec<(char, char, u16)>,
}

static CLASSES: LazyLock<Classes> = LazyLock::new(Classes::new);

impl Classes {
    fn new() -> Classes {
        let mut classes = Classes { basic: vec![PLAIN; 0x10000], beyond: Vec::new() };
        let cased = format!("{LATIN}{GREEK_CYRILLIC}");
        for (pattern, flags) in [
            (format!("[{UNCASED}{cased}]"), ALPHA),
            (format!(r"[{UNCASED}[{cased}&&\p{{Ll}}]\u{{294}}\u{{295}}]"), LOWER),
            (format!(r"[{UNCASED}[{cased}&&\p{{Lu}}]]"), UPPER),
            // U+166D was no pictograph then.
            (r"[\p{So}&&\p{Age:11.0}--\u{166D}]".to_string(), PREFIX | SUFFIX | INFIX),
        ] {
            for (start, end) in CharClass::new(&pattern).ranges() {
                classes.add_range(start, end, flags);
            }
        }
        classes.add(QUOTES, PREFIX | SUFFIX | QUOTE | BEFORE_STOP);
        classes.add(PUNCTUATION, PREFIX | SUFFIX | BEFORE_STOP);
        classes.add(CURRENCIES, PREFIX | CURRENCY);
        classes.add("§%=", PREFIX);
        classes.add("—–", PREFIX | SUFFIX);
        classes.add("…", INFIX);
        classes.add("%²-+|", BEFORE_STOP);
        for code in 0..0x10000 {
            let flags = &mut classes.basic[code];
            let Some(c) = char::from_u32(code as u32) else { continue };
            if *flags & (PREFIX | SUFFIX | INFIX | BEFORE_STOP | CURRENCY) != 0 && c != '²' || ".^~/".contains(c) {
                *flags &= !PLAIN;
            }
            if crate::text::is_space(c) {
                *flags = SPACE;
            }
            if c.is_ascii_digit() {
                *flags |= DIGIT;
            }
        }
        classes
    }

    fn add(&mut self, chars: &str, flags: u16) {
        for c in chars.chars() {
            self.add_range(c, c, flags);
        }
    }

    fn add_range(&mut self, start: char, end: char, flags: u16) {
        for code in start as usize..=(end as usize).min(0xffff) {
            self.basic[code] |= flags;
        }
        if end as usize > 0xffff {
            self.beyond.push((start, end, flags));
        }
    }

    fn of(&self, c: char) -> u16 {
        if let Some(&flags) = self.basic.get(c as usize) {
            return flags;
        }
        let flags = self.beyond.iter().filter(|&&(start, end, _)| start <= c && c <= end).fold(0, |all, range| all | range.2);
        if flags & PREFIX == 0 { flags | PLAIN } else { flags }
    }
}

/// The flags of a character.
#[inline]
pub fn class(c: char) -> u16 {
    CLASSES.of(c)
}

/// The table itself, for loops over ASCII.
pub fn ascii_classes() -> &'static [u16] {
    &CLASSES.basic[..128]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_have_the_sizes_counted_in_the_original() {
        let count = |flag: u16| ('\0'..=char::MAX).filter(|&c| class(c) & flag != 0).count();
        // One fewer in each, U+3000, which is white space here, and of the capitals U+03A2, which is no character.
        assert_eq!((count(ALPHA), count(LOWER), count(UPPER)), (105_724 - 1, 105_177 - 1, 104_939 - 2));
        let icons = ('\0'..=char::MAX).filter(|&c| class(c) & INFIX != 0 && c != '…').count();
        assert_eq!(icons, 5_984);
    }

    #[test]
    fn some_characters() {
        for (c, flags) in [
            ('a', ALPHA | LOWER | PLAIN),
            ('語', ALPHA | LOWER | UPPER | PLAIN),
            ('Ж', ALPHA | UPPER | PLAIN),
            ('Ψ', ALPHA | UPPER | PLAIN),
            ('ა', PLAIN),
            ('7', DIGIT | PLAIN),
            ('°', PREFIX | SUFFIX | INFIX),
            ('€', PREFIX | CURRENCY),
            ('.', 0),
            ('-', BEFORE_STOP),
            ('\u{3000}', SPACE),
            ('😀', PREFIX | SUFFIX | INFIX),
            ('𠀀', ALPHA | LOWER | UPPER | PLAIN),
        ] {
            assert_eq!(class(c), flags, "{c}");
        }
    }
}
