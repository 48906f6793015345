//! FineWeb's own quality rules: lists, menus and chopped text.
//!
//! Source: Penedo et al. 2024 (arXiv 2406.17557), in the form of the pipeline's current code. Sees the text as C4's
//! rules left it. A text in, a verdict out.

use crate::Reason;
use crate::gopher_repetition::duplicates;
use crate::text::{is_terminal, len, strip};
use crate::words::split_words;

/// Smallest share of lines that end in terminal punctuation.
pub const MIN_LINE_PUNCT: f64 = 0.12;
/// Largest share of short lines.
pub const MAX_SHORT_LINES: f64 = 0.67;
/// A line of so many characters or fewer is short.
pub const SHORT_LINE: usize = 30;
/// Largest share of characters in lines seen before.
pub const MAX_DUPLICATE_CHARS: f64 = 0.01;
/// Most newlines per word.
pub const MAX_NEWLINES: f64 = 0.3;

/// Keeps a text that is more than a list. Blank lines are not counted as lines.
pub fn check(text: &str) -> Result<(), Reason> {
    check_counted(text, || split_words(text).len())
}

/// The same with a function that knows the number of the text's words; it is asked only if the other rules let the text pass.
pub fn check_counted(text: &str, n_words: impl FnOnce() -> usize) -> Result<(), Reason> {
    let lines: Vec<&str> = text.split('\n').filter(|line| !strip(line).is_empty()).collect();
    let n_lines = lines.len() as f64;
    let share = |accept: &dyn Fn(&str) -> bool| lines.iter().filter(|line| accept(line)).count() as f64 / n_lines;
    // A text without any line is 0 / 0; it ends no line in punctuation.
    if lines.is_empty() || share(&|line| line.ends_with(is_terminal)) < MIN_LINE_PUNCT {
        return Err(Reason("fineweb/line_punct"));
    }
    if share(&|line| len(line) <= SHORT_LINE) > MAX_SHORT_LINES {
        return Err(Reason("fineweb/short_lines"));
    }
    let newlines = text.matches('\n').count();
    if duplicates(&lines).1 as f64 / (len(text) - newlines) as f64 > MAX_DUPLICATE_CHARS {
        return Err(Reason("fineweb/dup_line_chars"));
    }
    if newlines as f64 / n_words() as f64 > MAX_NEWLINES {
        return Err(Reason("fineweb/newline_ratio"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(lines: &[String]) -> &'static str {
        check(&lines.join("\n")).map_or_else(|reason| reason.0.split('/').nth(1).unwrap(), |()| "keep")
    }

    /// `n` different lines of `length` characters that end in `end`.
    fn lines(n: usize, length: usize, end: &str) -> Vec<String> {
        (0..n).map(|i| format!("{}{i:03}{end}", "w ".repeat(length / 2)[..length - 3 - end.chars().count()].to_owned())).collect()
    }

    #[test]
    fn both_sides_of_each_threshold() {
        let both = |a: Vec<String>, b: Vec<String>| [a, b].concat();
        let cases: Vec<(Vec<String>, &str)> = vec![
            (both(lines(12, 40, "."), lines(88, 41, "")), "keep"), // 12 of 100
            (both(lines(11, 40, "."), lines(89, 41, "")), "line_punct"),
            (both(lines(12, 40, "\""), lines(88, 41, "")), "line_punct"), // a quotation mark ends nothing
            (both(lines(12, 40, "।"), lines(88, 41, "")), "keep"),
            (both(lines(67, 30, "."), lines(33, 31, ".")), "keep"), // 67 of 100
            (both(lines(68, 30, "."), lines(32, 31, ".")), "short_lines"),
            (lines(100, 31, "."), "keep"),
            (vec![], "line_punct"),
            (vec![" ".into()], "line_punct"),
        ];
        for (lines, expected) in cases {
            assert_eq!(verdict(&lines), expected, "{} lines", lines.len());
        }
    }

    #[test]
    fn repeated_lines() {
        // 99 different lines of 40 characters and one of them again: 40 / 4000 is not above 0.01.
        let different = lines(99, 40, ".");
        let again = |n: usize| [&different[..n], &different[..1]].concat();
        assert_eq!(verdict(&again(99)), "keep");
        assert_eq!(verdict(&again(98)), "dup_line_chars");
    }

    #[test]
    fn newlines_per_word() {
        // 31 lines have 30 newlines. Ten lines of eight words and 21 of one: 101 words, 0.297; one word less, 0.3;
        // two less, 0.303. The blank lines count as newlines only.
        let text = |words: usize| format!("{}{}", "\n".repeat(30), vec!["abcdefghij"; words].join(" ")) + ".";
        assert_eq!(check(&text(99)), Ok(())); // the full stop is a word
        assert_eq!(check(&text(98)), Err(Reason("fineweb/newline_ratio")));
    }
}
