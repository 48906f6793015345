//! `tokenizer show`: the tokens of a text, and how they were built.

use std::path::PathBuf;

use anyhow::bail;
use serde::Serialize;
use tokenizer::look::{Counts, Measures, Spelling, Token, escape, hex, merge_steps, tokens};
use tokenizer::{Specials, Tokenizer};

use super::paint;
use crate::context::{Context, read_stdin};

/// Wider columns of bytes are left ragged.
const BYTES_WIDTH: usize = 23;

/// A tokenizer and a text.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the tokenizer, or its file
    #[arg(long)]
    tokenizer: PathBuf,
    /// The text [default: the standard input]
    text: Option<String>,
    /// Read the text from this file
    #[arg(long, conflicts_with = "text")]
    file: Option<PathBuf>,
    /// Take special tokens that the text spells for special tokens, which otherwise are text
    #[arg(long)]
    special: bool,
    /// Show for each token the merges that built it from bytes
    #[arg(long)]
    merges: bool,
    /// Print all of it as one JSON document
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Shown {
    tokenizer: String,
    vocab_size: usize,
    text: String,
    /// The text that the tokens spell, where the tokenizer normalised it.
    normalised: Option<String>,
    /// Whether spelt special tokens were taken for special tokens.
    special: bool,
    /// The special tokens that the text spells.
    spelt: Vec<Spelling>,
    measures: Measures,
    tokens: Vec<Token>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let tokenizer = Tokenizer::load(&args.tokenizer)?;
    let text = read_text(args, context)?;
    if text.is_empty() {
        bail!("there is no text to show; give it as an argument, as a file with --file, or on the standard input");
    }
    let shown = look(args, &tokenizer, text);
    print!("{}", if args.json { paint::json(&shown)? } else { told(&shown, context.colour) });
    Ok(())
}

fn read_text(args: &Args, context: &Context) -> anyhow::Result<String> {
    match (&args.text, &args.file) {
        (Some(text), _) => Ok(text.clone()),
        (None, Some(path)) => Ok(base::files::read_text(path)?),
        (None, None) => read_stdin(context),
    }
}

fn look(args: &Args, tokenizer: &Tokenizer, text: String) -> Shown {
    let specials = Specials::all(tokenizer);
    let ids = if args.special { specials.encode(&text) } else { tokenizer.encode(&text) };
    let mut tokens = tokens(tokenizer, &ids);
    if args.merges {
        tokens.iter_mut().for_each(|token| token.steps = Some(merge_steps(tokenizer, token.spelling.id)));
    }
    Shown {
        tokenizer: args.tokenizer.to_string_lossy().into_owned(),
        vocab_size: tokenizer.vocab_size(),
        normalised: Some(tokenizer.decode(&ids)).filter(|decoded| *decoded != text),
        special: args.special,
        spelt: specials.spelt(&text),
        measures: Measures::of(tokenizer, &Counts::of(tokenizer, &text, &ids)),
        tokens,
        text,
    }
}

/// The tokens in a row, the count, what is to be noted, and the table.
fn told(shown: &Shown, colour: bool) -> String {
    let mut text = paint::in_a_row(&shown.tokens, colour);
    text += &format!("\n{}\n", paint::counted(&shown.measures));
    if let Some(normalised) = &shown.normalised {
        text += &format!("the tokenizer normalises this text to {} bytes\n", normalised.len());
    }
    text += &told_specials(shown);
    text.push('\n');
    let mut rows = vec![["position", "id", "bytes", "text"].map(str::to_string).to_vec()];
    rows.extend(shown.tokens.iter().map(|token| {
        let mark = if token.special { "  special" } else { "" };
        let spelling = &token.spelling;
        let cell = format!("{}{mark}", paint::quoted(spelling));
        vec![token.position.to_string(), spelling.id.to_string(), hex(&spelling.bytes), cell]
    }));
    let table = paint::columns(&rows, ">><<", BYTES_WIDTH);
    let steps = std::iter::once(&None).chain(shown.tokens.iter().map(|token| &token.steps));
    for (line, steps) in table.lines().zip(steps) {
        text += &format!("{line}\n");
        for step in steps.iter().flatten() {
            let [left, right, merged] = [&step.left, &step.right, &step.merged].map(paint::quoted);
            text += &format!("            {left} + {right} -> {merged} ({})\n", step.merged.id);
        }
    }
    text
}

/// What became of special tokens that the text spells.
fn told_specials(shown: &Shown) -> String {
    let named = |spelling: &Spelling| match shown.special {
        true => format!("{} ({})", escape(&spelling.bytes), spelling.id),
        false => escape(&spelling.bytes),
    };
    let list = shown.spelt.iter().map(named).collect::<Vec<_>>().join(", ");
    match (shown.special, shown.spelt.is_empty()) {
        (true, true) => "special tokens are taken as such, and this text spells none\n".to_string(),
        (true, false) => format!("special tokens are taken as such: {list}\n"),
        (false, true) => String::new(),
        (false, false) => format!("special tokens that this text spells are text: {list}; --special takes them as such\n"),
    }
}
