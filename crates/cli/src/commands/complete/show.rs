//! Odds on a terminal or in a plain file: what could have come, and how the model was surprised by a prompt.
//!
//! What comes out holds no character that a terminal would obey, apart from the colours set here.

use engine::TokenLogprob;
use tokenizer::Tokenizer;
use tokenizer::look::{Spelling, escape};

use crate::commands::tokenizer::paint;

/// A share as a bar of one character.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Width of a token's cell; wider ones are left ragged.
const CELL: usize = 12;

const RESET: &str = "\x1b[0m";
/// Black on pale green: the token that was drawn.
const DRAWN: &str = "\x1b[38;5;16;48;5;157m";
const BAR: &str = "\x1b[38;5;33m";

/// Backgrounds under black letters, from the expected to the surprising: below so many bits a token has this colour.
const HEAT: [(f32, u8, &str); 5] = [
    (1.0, 157, "likelier than 1 in 2"),
    (3.0, 194, "1 in 8"),
    (6.0, 229, "1 in 64"),
    (10.0, 216, "1 in 1024"),
    (f32::INFINITY, 203, "less likely"),
];

/// A position as one line: its number, the token that was drawn with its probability, and the most likely ones with theirs,
/// each behind a bar; the drawn one among them is marked.
pub fn odds(tokenizer: &Tokenizer, position: usize, drawn: TokenLogprob, top: &[TokenLogprob], colour: bool) -> String {
    let cell = |token: &TokenLogprob| format!("{:<CELL$} {:>6}", paint::quoted(&Spelling::of(tokenizer, token.id)), percent(token.logprob));
    let mut line = format!("{position:>4}  {} ", cell(&drawn));
    for token in top {
        let (cell, bar) = (cell(token), bar(token.logprob));
        line += &match (colour, token.id == drawn.id) {
            (true, true) => format!(" {BAR}{bar}{RESET} {DRAWN}{cell}{RESET}"),
            (true, false) => format!(" {BAR}{bar}{RESET} {cell}"),
            (false, true) => format!(" {bar}*{cell}"),
            (false, false) => format!(" {bar} {cell}"),
        };
    }
    line.push('\n');
    line
}

fn percent(logprob: f32) -> String {
    format!("{:.1}%", 100.0 * logprob.exp())
}

fn bar(logprob: f32) -> char {
    let eighths = (logprob.exp() * BARS.len() as f32).ceil() as usize;
    BARS[eighths.clamp(1, BARS.len()) - 1]
}

/// How likely each token of a prompt was: in colours on a terminal, in a table elsewhere. `logprobs` are those of all ids
/// but the first.
pub fn surprise(tokenizer: &Tokenizer, ids: &[u32], logprobs: &[f32], colour: bool) -> String {
    let scored = || ids.iter().skip(1).zip(logprobs);
    let mut text = String::new();
    if colour {
        for (&id, &logprob) in scored() {
            let bytes = tokenizer.token_bytes(id);
            text += &format!("\x1b[38;5;16;48;5;{}m{}{RESET}", heat(logprob), escape(bytes));
            if bytes.ends_with(b"\n") {
                text.push('\n');
            }
        }
        text.push('\n');
        let legend = HEAT.map(|(_, background, meaning)| format!("\x1b[38;5;16;48;5;{background}m {meaning} {RESET}"));
        text += &format!("{}\n", legend.concat());
    } else {
        let mut rows = vec![["position", "id", "probability", "bits", "text"].map(str::to_string).to_vec()];
        rows.extend(scored().enumerate().map(|(at, (&id, &logprob))| {
            let (spelling, bits) = (paint::quoted(&Spelling::of(tokenizer, id)), bits(logprob));
            vec![(at + 1).to_string(), id.to_string(), percent(logprob), format!("{bits:.2}"), spelling]
        }));
        text += &paint::columns(&rows, ">>>><", usize::MAX);
    }
    let sum = logprobs.iter().map(|&logprob| bits(logprob)).fold(0.0, |sum, bits| sum + bits);
    let mean = sum / logprobs.len().max(1) as f32;
    text += &format!("{}, {sum:.1} bits, {mean:.2} bits per token\n", paint::numbered(&[(logprobs.len() as u64, "token")]));
    text
}

fn bits(logprob: f32) -> f32 {
    -logprob / std::f32::consts::LN_2 + 0.0
}

fn heat(logprob: f32) -> u8 {
    let hottest = HEAT[HEAT.len() - 1].1;
    HEAT.iter().find(|(below, ..)| bits(logprob) < *below).map_or(hottest, |&(_, background, _)| background)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(tokenizer: &Tokenizer, text: &str, probability: f32) -> TokenLogprob {
        TokenLogprob { id: tokenizer.encode(text)[0], logprob: probability.ln() }
    }

    #[test]
    fn a_position_is_a_line_with_bars() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let top = [("a", 0.75), ("\u{1b}", 0.125), ("\"", 0.001)].map(|(text, probability)| token(&tokenizer, text, probability));
        assert_eq!(
            odds(&tokenizer, 3, top[1], &top, false),
            concat!("   3  \"\\x1b\"        12.5%  ▆ \"a\"           75.0%", " ▁*\"\\x1b\"        12.5% ▁ \"\\\"\"           0.1%\n")
        );
        assert_eq!(
            odds(&tokenizer, 12, top[0], &top[..2], true),
            concat!(
                "  12  \"a\"           75.0%  \x1b[38;5;33m▆\x1b[0m \x1b[38;5;16;48;5;157m\"a\"           75.0%\x1b[0m",
                " \x1b[38;5;33m▁\x1b[0m \"\\x1b\"        12.5%\n"
            )
        );
        assert_eq!([1.0, 0.99, 0.51, 0.5, 0.01, 0.0].map(|p: f32| bar(p.ln())), ['█', '█', '▅', '▄', '▁', '▁']);
    }

    #[test]
    fn a_prompt_is_a_table_or_a_map_of_heat() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let ids = tokenizer.encode("xa\n\u{7f}");
        let logprobs = [0.5f32, 0.25, 0.0001].map(f32::ln);
        assert_eq!(
            surprise(&tokenizer, &ids, &logprobs, false),
            concat!(
                "position   id  probability   bits  text\n",
                "       1   64        50.0%   1.00  \"a\"\n",
                "       2  198        25.0%   2.00  \"\\n\"\n",
                "       3  221         0.0%  13.29  \"\\x7f\"\n",
                "3 tokens, 16.3 bits, 5.43 bits per token\n"
            )
        );
        let map = surprise(&tokenizer, &ids, &logprobs, true);
        assert!(
            map.starts_with("\x1b[38;5;16;48;5;194ma\x1b[0m\x1b[38;5;16;48;5;194m\\n\x1b[0m\n\x1b[38;5;16;48;5;203m\\x7f\x1b[0m\n"),
            "{map:?}"
        );
        assert_eq!([0.9, 0.4, 0.1, 0.01, 0.0].map(|p: f32| heat(p.ln())), [157, 194, 229, 216, 203]);
        assert!(surprise(&tokenizer, &ids[..1], &[], false).ends_with("0 tokens, 0.0 bits, 0.00 bits per token\n"));
    }
}
