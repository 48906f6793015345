//! `tokenizer compare`: several tokenizers on the same text or on the same documents.

use std::path::PathBuf;

use anyhow::bail;
use base::text::thousands;
use serde::Serialize;
use tokenizer::Tokenizer;
use tokenizer::look::{Compared, Comparison, Counts, compare, compare_inputs, escape, tokens};

use super::{Counting, called, paint};
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
    /// Documents: Parquet, JSON lines, text files, or folders and patterns of these, each with a name or without, as in
    /// en=pages code=src/**/*.rs; documents of one name are counted together
    #[arg(long, group = "on", num_args = 1.., value_name = "NAME=DOCUMENTS")]
    input: Vec<PathBuf>,
    #[command(flatten)]
    counting: Counting,
    /// Print all of it as one JSON document
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Shown<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(flatten)]
    comparison: Comparison,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.text.as_deref() == Some("") {
        bail!("there is no text to compare; give one with --text, or documents with --input");
    }
    let loaded: Vec<Tokenizer> = args.tokenizers.iter().map(|path| Tokenizer::load(path)).collect::<Result<_, _>>()?;
    let names = args.tokenizers.iter().map(|path| path.to_string_lossy().into_owned());
    let named: Vec<(String, &Tokenizer)> = names.zip(&loaded).collect();
    let comparison = match &args.text {
        Some(text) => {
            let ids: Vec<Vec<u32>> = loaded.iter().map(|tokenizer| tokenizer.encode(text)).collect();
            let counted =
                named.iter().zip(&ids).map(|((name, tokenizer), ids)| (name.clone(), *tokenizer, Counts::of(tokenizer, text, ids)));
            let mut comparison = compare(&counted.collect::<Vec<_>>());
            for ((compared, tokenizer), ids) in comparison.tokenizers.iter_mut().zip(&loaded).zip(&ids) {
                compared.tokens = Some(tokens(tokenizer, ids));
            }
            comparison
        }
        None => compare_inputs(&named, &args.counting.count(&args.input, &loaded.iter().collect::<Vec<_>>(), context)?),
    };
    let shown = Shown { text: args.text.as_deref(), comparison };
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
    text += &paint::columns(&rows, &sides, usize::MAX);
    if comparison.inputs.len() > 1 {
        text += &format!("\nbytes per token\n{}", told_inputs(comparison));
    }
    text + &format!("(x: times what {first_name} has)\n")
}

/// For each input the bytes for each token of each tokenizer.
fn told_inputs(comparison: &Comparison) -> String {
    let names = comparison.tokenizers.iter().map(|compared| escape(compared.name.as_bytes()));
    let mut rows = vec![["input", "bytes"].map(str::to_string).into_iter().chain(names).collect::<Vec<_>>()];
    for input in &comparison.inputs {
        let per_token = |tokens: u64| (tokens > 0).then(|| input.bytes as f64 / tokens as f64);
        let cells = input.tokens.iter().enumerate().map(|(place, &tokens)| match per_token(tokens) {
            Some(_) if place > 0 => format!("{} (x{:.3})", paint::number(per_token(tokens)), input.tokens[0] as f64 / tokens as f64),
            value => paint::number(value),
        });
        rows.push([called(&input.input), thousands(input.bytes)].into_iter().chain(cells).collect());
    }
    let sides = format!("<>{}", ">".repeat(comparison.tokenizers.len()));
    paint::columns(&rows, &sides, usize::MAX)
}
