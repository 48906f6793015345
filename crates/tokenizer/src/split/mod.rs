//! Text to words, as the patterns of nine families of tokenizers cut them. Merges never cross a word's border.
//!
//! The patterns are written out by hand, without a regex engine: this is the inner loop of training and encoding.
//! Knows nothing of ids.

mod class;
mod letters;

mod cut;

use class::{CASELESS, Classes, LETTER, LOWER, MARK};
use cut::Newlines;
use letters::Letters;

/// The families whose texts we can cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Pattern {
    /// Qwen2 to Qwen3, and tokenizers that are trained here: each digit is a word.
    Qwen2,
    /// GPT-2, GPT-3 and the plain byte-level BPE of Hugging Face: small contractions, digits in runs of any length.
    Gpt2,
    /// GPT-3.5 and GPT-4: up to three digits, contractions in any case.
    Cl100k,
    /// GPT-4o and later: words end where small letters are followed by capitals, and keep their contraction.
    O200k,
    /// Llama 3, and cl100k as it was first published: it differs from [`Pattern::Cl100k`] in whitespace with newlines in it
    /// at the end of the text.
    Llama3,
    /// StarCoder and SmolLM: GPT-2's words, with each digit a word. Their files cut out the digits first and the words of what is
    /// between them then; the pattern here does both at once.
    StarCoder,
    /// Mistral's Tekken: [`Pattern::O200k`] without contractions, and each digit is a word.
    Tekken,
    /// Qwen3.5: [`Pattern::Qwen2`] with marks that belong to letters.
    Qwen35,
    /// Seed-Coder: [`Pattern::Qwen2`], with newlines that are no part of symbols before them.
    SeedCoder,
}

/// Older spellings of the patterns, which give the same words.
const OLDER_SPELLINGS: &[(Pattern, &str)] = &[
    // Hugging Face's ByteLevel with `use_regex`.
    (Pattern::Gpt2, r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
    // The release of GPT-2.
    (Pattern::Gpt2, r"'s|'t|'re|'ve|'m|'ll|'d| ?[\p{L}]+| ?[\p{N}]+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
    // tiktoken before it had possessive quantifiers.
    (Pattern::Gpt2, r"'(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"),
    // cl100k_base in tiktoken before whitespace at the end of the text became one word.
    (Pattern::Llama3, r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"),
];

impl Pattern {
    /// All of them.
    pub const ALL: [Pattern; 9] = [
        Pattern::Qwen2,
        Pattern::Gpt2,
        Pattern::Cl100k,
        Pattern::O200k,
        Pattern::Llama3,
        Pattern::StarCoder,
        Pattern::Tekken,
        Pattern::Qwen35,
        Pattern::SeedCoder,
    ];

    /// The pattern, verbatim as the family's own files have it where they have one.
    pub const fn regex(self) -> &'static str {
        match self {
            Pattern::Qwen2 => {
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            }
            Pattern::Gpt2 => r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s",
            Pattern::Cl100k => {
                r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
            }
            Pattern::O200k => concat!(
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|",
                r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ),
            Pattern::Llama3 => {
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            }
            Pattern::StarCoder => r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+|\s+(?=\p{N})|\s+(?!\S)|\s+",
            Pattern::Tekken => concat!(
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|",
                r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|",
                r"\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ),
            Pattern::Qwen35 => concat!(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|",
                r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            ),
            Pattern::SeedCoder => {
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1}| ?[^\s\p{L}\p{N}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+"
            }
        }
    }

    /// The family's name, as a command line or a report has it.
    pub const fn name(self) -> &'static str {
        match self {
            Pattern::Qwen2 => "qwen2",
            Pattern::Gpt2 => "gpt2",
            Pattern::Cl100k => "cl100k_base",
            Pattern::O200k => "o200k_base",
            Pattern::Llama3 => "llama3",
            Pattern::StarCoder => "starcoder",
            Pattern::Tekken => "tekken",
            Pattern::Qwen35 => "qwen3.5",
            Pattern::SeedCoder => "seed-coder",
        }
    }

    /// The pattern that gives the same words as this regular expression, if it is the spelling of a known file. What
    /// Hugging Face's files call cl100k is its first spelling, which is [`Pattern::Llama3`]'s.
    pub fn from_regex(regex: &str) -> Option<Pattern> {
        let of_today = Pattern::ALL.into_iter().find(|pattern| pattern.regex() == regex);
        of_today.or_else(|| OLDER_SPELLINGS.iter().find(|(_, spelling)| *spelling == regex).map(|(pattern, _)| *pattern))
    }

    /// The words of a text, in order; joined they are the text again.
    pub fn words(self, text: &str) -> Words<'_> {
        Words { pattern: self, text, at: 0, letters: Letters::new(text, self.letters()) }
    }

    /// Calls `f` with each of [`Pattern::words`]. The family is chosen once, outside the loop.
    #[inline]
    pub fn for_each_word(self, text: &str, f: impl FnMut(&str)) {
        match self {
            Pattern::Qwen2 => for_each(Pattern::Qwen2, text, f),
            Pattern::Gpt2 => for_each(Pattern::Gpt2, text, f),
            Pattern::Cl100k => for_each(Pattern::Cl100k, text, f),
            Pattern::O200k => for_each(Pattern::O200k, text, f),
            Pattern::Llama3 => for_each(Pattern::Llama3, text, f),
            Pattern::StarCoder => for_each(Pattern::StarCoder, text, f),
            Pattern::Tekken => for_each(Pattern::Tekken, text, f),
            Pattern::Qwen35 => for_each(Pattern::Qwen35, text, f),
            Pattern::SeedCoder => for_each(Pattern::SeedCoder, text, f),
        }
    }

    /// The letters that stand in runs.
    fn letters(self) -> Classes {
        match self {
            Pattern::O200k | Pattern::Tekken => LOWER | CASELESS | MARK,
            Pattern::Qwen35 => LETTER | MARK,
            _ => LETTER,
        }
    }

    /// Where the word ends that begins at `start`, which is before the text's end.
    #[inline(always)]
    fn word_end(self, text: &str, start: usize, letters: &mut Letters<'_>) -> usize {
        match self {
            Pattern::Qwen2 => cut::qwen2(text, start, letters),
            Pattern::Gpt2 => cut::gpt2(text, start, letters),
            Pattern::Cl100k => cut::cl100k(text, start, letters, Newlines::EndWordInside),
            Pattern::O200k => cut::o200k(text, start, letters),
            Pattern::Llama3 => cut::cl100k(text, start, letters, Newlines::EndWord),
            Pattern::StarCoder => cut::starcoder(text, start, letters),
            Pattern::Tekken => cut::tekken(text, start, letters),
            Pattern::Qwen35 => cut::qwen35(text, start, letters),
            Pattern::SeedCoder => cut::seed_coder(text, start, letters),
        }
    }
}

/// See [`Pattern::words`].
#[derive(Clone, Debug)]
pub struct Words<'a> {
    pattern: Pattern,
    text: &'a str,
    at: usize,
    letters: Letters<'a>,
}

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    #[inline]
    fn next(&mut self) -> Option<&'a str> {
        if self.at == self.text.len() {
            return None;
        }
        let start = self.at;
        self.at = self.pattern.word_end(self.text, start, &mut self.letters);
        Some(&self.text[start..self.at])
    }
}

/// [`Pattern::for_each_word`] of a pattern that is named by the caller, so that the choice is made when it is compiled.
#[inline(always)]
fn for_each(pattern: Pattern, text: &str, mut f: impl FnMut(&str)) {
    let mut letters = Letters::new(text, pattern.letters());
    let mut at = 0;
    while at < text.len() {
        let end = pattern.word_end(text, at, &mut letters);
        f(&text[at..end]);
        at = end;
    }
}

#[cfg(test)]
mod tests;
