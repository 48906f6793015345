//! `tokenizer compare`: several tokenizers on the same text or on the same documents.

use std::path::PathBuf;

use anyhow::bail;
use base::text::thousands;
use serde::Serialize;
use tokenizer::Tokenizer;
use tokenizer::look::{Compared, Comparison, Counts, compare, escape, tokens};

use super::{count_documents, paint};
use crate::context::Context;

/// Tokenizers, and what they are compared on.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("on").required(true)))]
pub struct Args {
    /// Folders of tokenizers, or their files; the first is what the others are measured by
    #[arg(required = true, num_args = 2.., value_name = "TOKENIZER")]
    tokenizers: Vec<PathBuf>,
    /// A text
    #[arg(long, group = "on")]
    text: Option<String>,
    /// Documents: Parquet, JSON lines, text and Markdown files, or folders of these; may be given several times
    #[arg(long, group = "on", num_args = 1.., value_name = "DOCUMENTS")]
    input: Vec<PathBuf>,
    /// Read no more than so many bytes of text
    #[arg(long, value_name = "BYTES", requires = "input", value_parser = clap::value_parser!(u64).range(1..))]
    limit_bytes: Option<u64>,
    /// Print all of it as one JSON document
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    inputs: &'a [PathBuf],
    #[serde(flatten)]
    comparison: Comparison,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.text.as_deref() == Some("") {
        bail!("there is no text to compare; give one with --text, or documents with --input");
    }
    let loaded: Vec<Tokenizer> = args.tokenizers.iter().map(|path| Tokenizer::load(path)).collect::<Result<_, _>>()?;
    let named = |counts: Vec<Counts>| {
        let names = args.tokenizers.iter().map(|path| path.to_string_lossy().into_owned());
        let tokenizers: Vec<_> = names.zip(&loaded).zip(counts).map(|((name, tokenizer), counts)| (name, tokenizer, counts)).collect();
        compare(&tokenizers)
    };
    let comparison = match &args.text {
        Some(text) => {
            let ids: Vec<Vec<u32>> = loaded.iter().map(|tokenizer| tokenizer.encode(text)).collect();
            let counts = loaded.iter().zip(&ids).map(|(tokenizer, ids)| Counts::of(tokenizer, text, ids)).collect();
            let mut comparison = named(counts);
            for ((compared, tokenizer), ids) in comparison.tokenizers.iter_mut().zip(&loaded).zip(&ids) {
                compared.tokens = Some(tokens(tokenizer, ids));
            }
            comparison
        }
        None => named(count_documents("compare", &args.input, &loaded.iter().collect::<Vec<_>>(), args.limit_bytes, context)?),
    };
    let shown = Shown { text: args.text.as_deref(), inputs: &args.input, comparison };
    print!("{}", if args.json { paint::json(&shown)? } else { told(&shown.comparison, context.colour) });
    Ok(())
}

/// The tokens of a text, if it was one, and the table.
fn told(comparison: &Comparison, colour: bool) -> String {
    let mut text = String::new();
    for compared in &comparison.tokenizers {
        if let Some(tokens) = &compared.tokens {
            let (row, count) = (paint::in_a_row(tokens, colour), paint::counted(&compared.measures));
            text += &format!("{}\n{row}{count}\n\n", escape(compared.name.as_bytes()));
        }
    }
    let first = &comparison.tokenizers[0].measures;
    if comparison.tokenizers[0].tokens.is_none() {
        let units = [(first.documents, "document"), (first.bytes, "byte"), (first.characters, "character"), (first.words, "word")];
        text += &format!("{}\n\n", paint::numbered(&units));
    }
    let row = |label: &str, cell: &dyn Fn(&Compared) -> (String, Option<f64>)| {
        let cells = comparison.tokenizers.iter().enumerate().map(|(place, compared)| match cell(compared) {
            (value, Some(relative)) if place > 0 => format!("{value} (x{relative:.3})"),
            (value, _) => value,
        });
        std::iter::once(label.to_string()).chain(cells).collect::<Vec<_>>()
    };
    let rows = [
        row("", &|compared| (escape(compared.name.as_bytes()), None)),
        row("vocabulary", &|compared| (thousands(compared.vocab_size as u64), compared.relative.vocab_size)),
        row("tokens", &|compared| (thousands(compared.measures.tokens), compared.relative.tokens)),
        row("bytes per token", &|compared| (paint::number(compared.measures.bytes_per_token), compared.relative.bytes_per_token)),
        row("characters per token", &|compared| (paint::number(compared.measures.characters_per_token), None)),
        row("tokens per word", &|compared| (paint::number(compared.measures.tokens_per_word), None)),
        row("one-token words", &|compared| (paint::percent(compared.measures.one_token_words), compared.relative.one_token_words)),
    ];
    let sides = format!("<{}", ">".repeat(comparison.tokenizers.len()));
    let first_name = escape(comparison.tokenizers[0].name.as_bytes());
    text + &paint::columns(&rows, &sides, usize::MAX) + &format!("(x: times what {first_name} has)\n")
}
