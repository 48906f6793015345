//! Tokens on a terminal or in a plain file: colours, columns, and JSON that is safe to look at.
//!
//! What comes out holds no character that a terminal would obey, apart from the colours set here.

use base::text::thousands;
use serde::Serialize;
use tokenizer::look::{Measures, Spelling, Token, escape, is_printable};

/// Backgrounds of tokens in turn: pale colours under black letters, which can be read on dark and on light terminals.
/// The numbers are of the fixed part of the 256 colours, which themes do not change.
const BACKGROUNDS: [u8; 5] = [153, 157, 223, 218, 189];
/// White on dark red.
const SPECIAL: &str = "\x1b[1;38;5;231;48;5;88m";
const RESET: &str = "\x1b[0m";

/// Between tokens where there is no colour.
const SEPARATOR: char = '│';

/// Tokens one after the other, in colours or with separators. After a token that ends a line a new line begins.
pub fn in_a_row(tokens: &[Token], colour: bool) -> String {
    let mut text = String::new();
    for (place, token) in tokens.iter().enumerate() {
        let bytes = &token.spelling.bytes;
        let shown = escape(bytes);
        if colour {
            match token.special {
                true => text.push_str(SPECIAL),
                false => text += &format!("\x1b[38;5;16;48;5;{}m", BACKGROUNDS[place % BACKGROUNDS.len()]),
            }
            text += &format!("{shown}{RESET}");
        } else {
            text += &shown.replace(SEPARATOR, "\\u{2502}");
        }
        let is_last = place + 1 == tokens.len();
        match (is_last, bytes.ends_with(b"\n"), colour) {
            (false, true, _) => text.push('\n'),
            (false, false, false) => text.push(SEPARATOR),
            _ => {}
        }
    }
    text.push('\n');
    text
}

/// A token's bytes in quotes.
pub fn quoted(spelling: &Spelling) -> String {
    format!("\"{}\"", escape(&spelling.bytes).replace('"', "\\\""))
}

/// Rows in columns, each as wide as its widest cell but `most` at most. `sides` has for each column `<` or `>`, the side
/// that its cells lean to.
pub fn columns(rows: &[Vec<String>], sides: &str, most: usize) -> String {
    let width = |column: usize| {
        let widths = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
        widths.filter(|&width| width <= most).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..sides.len()).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(sides.chars()).zip(&widths).map(|((cell, side), &width)| match side {
            '<' => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// How many tokens a text has, in a sentence.
pub fn counted(measures: &Measures) -> String {
    let units = [(measures.tokens, "token"), (measures.bytes, "byte"), (measures.characters, "character")];
    format!("{}, {} bytes per token", numbered(&units), number(measures.bytes_per_token))
}

/// Numbers of things, as in `1 token, 2,000 bytes`.
pub fn numbered(units: &[(u64, &str)]) -> String {
    let told = units.iter().map(|&(n, unit)| format!("{} {unit}{}", thousands(n), if n == 1 { "" } else { "s" }));
    told.collect::<Vec<_>>().join(", ")
}

/// A ratio; a dash where there is none.
pub fn number(value: Option<f64>) -> String {
    value.map_or("-".to_string(), |value| format!("{value:.2}"))
}

/// A share in percent; a dash where there is none.
pub fn percent(share: Option<f64>) -> String {
    share.map_or("-".to_string(), |share| format!("{:.1}%", 100.0 * share))
}

/// A value as indented JSON, in which every character that cannot be shown is escaped.
pub fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let mut text = String::new();
    for character in serde_json::to_string_pretty(value)?.chars() {
        if character == '\n' || is_printable(character) {
            text.push(character);
        } else {
            // Outside ASCII only strings have characters, and there this is the same character.
            for unit in character.encode_utf16(&mut [0; 2]) {
                text += &format!("\\u{unit:04x}");
            }
        }
    }
    text.push('\n');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bytes: &[u8], special: bool) -> Token {
        let spelling = Spelling { id: 0, text: None, bytes: bytes.to_vec() };
        Token { position: 0, spelling, special, steps: None }
    }

    #[test]
    fn tokens_stand_in_a_row() {
        let check = |tokens: &[Token], plain: &str, coloured: &str| {
            assert_eq!(in_a_row(tokens, false), plain);
            assert_eq!(in_a_row(tokens, true), coloured);
        };
        check(&[], "\n", "\n");
        check(
            &[token(b"the", false), token(b" \x1b[2J", false), token(b"<think>", true)],
            "the│ \\x1b[2J│<think>\n",
            "\x1b[38;5;16;48;5;153mthe\x1b[0m\x1b[38;5;16;48;5;157m \\x1b[2J\x1b[0m\x1b[1;38;5;231;48;5;88m<think>\x1b[0m\n",
        );
        check(
            &[token(b"a\n", false), token("│".as_bytes(), false), token(b"\n", false)],
            "a\\n\n\\u{2502}│\\n\n",
            "\x1b[38;5;16;48;5;153ma\\n\x1b[0m\n\x1b[38;5;16;48;5;157m│\x1b[0m\x1b[38;5;16;48;5;223m\\n\x1b[0m\n",
        );
        // After five tokens the colours begin again.
        let row = in_a_row(&vec![token(b"a", false); 6], true);
        assert_eq!(row.matches(";153m").count(), 2);
    }

    #[test]
    fn columns_lean_to_their_sides() {
        let rows = [["id", "bytes", "text"], ["7", "61", "\"a\""], ["10", "a very wide cell", "x"]];
        let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| cell.to_string()).collect()).collect();
        assert_eq!(columns(&rows, "><<", 6), "id  bytes  text\n 7  61     \"a\"\n10  a very wide cell  x\n");
    }

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys() {
        let text = "a\"\\\n\t\u{1b}\u{7f}\u{9b}\u{202e}\u{e0041}é日😀";
        let shown = json(&vec![text]).unwrap();
        assert!(shown.chars().all(|character| character == '\n' || is_printable(character)), "{shown}");
        assert!(shown.contains("\\u007f\\u009b\\u202e\\udb40\\udc41é日😀"), "{shown}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&shown).unwrap(), [text]);
    }
}
