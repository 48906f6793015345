//! `tokenizer stats`: how well a vocabulary fits several kinds of documents.

use std::path::PathBuf;

use base::text::thousands;
use serde::Serialize;
use tokenizer::Tokenizer;
use tokenizer::look::{Frequent, Measures, Stats, stats};

use super::{Counting, called, paint};
use crate::context::Context;

/// Marks of the longest bar.
const BAR: f64 = 24.0;

/// A tokenizer and documents.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the tokenizer, or its file
    #[arg(long)]
    tokenizer: PathBuf,
    /// Documents: Parquet, JSON lines, text files, or folders and patterns of these, each with a name or without, as in
    /// en=pages code=src/**/*.rs; documents of one name are counted together
    #[arg(long, required = true, num_args = 1.., value_name = "NAME=DOCUMENTS")]
    input: Vec<PathBuf>,
    #[command(flatten)]
    counting: Counting,
    /// Length of the lists of tokens
    #[arg(long, value_name = "N", default_value_t = 20)]
    top: usize,
    /// Print all of it as one JSON document
    #[arg(long)]
    json: bool,
}

/// What is printed as JSON.
#[derive(Debug, Serialize)]
struct Shown {
    tokenizer: String,
    #[serde(flatten)]
    stats: Stats,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let tokenizer = Tokenizer::load(&args.tokenizer)?;
    let counted = args.counting.count(&args.input, &[&tokenizer], context)?;
    let counted: Vec<_> = counted.into_iter().map(|(input, mut counts)| (input, counts.remove(0))).collect();
    let tokenizer_name = args.tokenizer.to_string_lossy().into_owned();
    let shown = Shown { tokenizer: tokenizer_name, stats: stats(&tokenizer, &counted, args.top) };
    print!("{}", if args.json { paint::json(&shown)? } else { told(&shown.stats) });
    Ok(())
}

fn told(stats: &Stats) -> String {
    let mut text = format!("vocabulary of {}, {} of them special tokens\n\n", thousands(stats.vocab_size as u64), stats.special_tokens);
    text += &told_inputs(stats);

    let unused = &stats.unused;
    let share = paint::percent(Some(unused.share));
    text += &format!("\nnever used: {} tokens ({share}), {} of them single bytes\n", thousands(unused.tokens as u64), unused.single_bytes);
    if !unused.examples.is_empty() {
        let examples: Vec<String> = unused.examples.iter().map(|token| format!("{} ({})", paint::quoted(token), token.id)).collect();
        text += &format!("for example {}\n", examples.join(", "));
    }
    text += &format!("\nmost frequent\n{}", told_tokens(&stats.frequent));
    text += &format!("\nlongest\n{}", told_tokens(&stats.longest));
    text += &format!("\nby length\n{}", told_lengths(stats));
    text
}

fn told_inputs(stats: &Stats) -> String {
    let heads = [
        "input",
        "documents",
        "bytes",
        "tokens",
        "bytes/token",
        "characters/token",
        "tokens/word",
        "one-token words",
        "single bytes",
        "partial",
    ];
    let row = |name: String, measures: &Measures| {
        vec![
            name,
            thousands(measures.documents),
            thousands(measures.bytes),
            thousands(measures.tokens),
            paint::number(measures.bytes_per_token),
            paint::number(measures.characters_per_token),
            paint::number(measures.tokens_per_word),
            paint::percent(measures.one_token_words),
            paint::percent(measures.single_byte_tokens),
            paint::percent(measures.partial_tokens),
        ]
    };
    let mut rows = vec![heads.map(str::to_string).to_vec()];
    rows.extend(stats.inputs.iter().map(|input| row(called(&input.input), &input.measures)));
    if stats.inputs.len() > 1 {
        rows.push(row("all".to_string(), &stats.all));
    }
    paint::columns(&rows, "<>>>>>>>>>", usize::MAX)
}

fn told_tokens(tokens: &[Frequent]) -> String {
    let mut rows = vec![["id", "bytes", "uses", "share", "text"].map(str::to_string).to_vec()];
    rows.extend(tokens.iter().map(|token| {
        let (id, length) = (token.spelling.id.to_string(), token.spelling.bytes.len().to_string());
        vec![id, length, thousands(token.uses), format!("{:.2}%", 100.0 * token.share), paint::quoted(&token.spelling)]
    }));
    paint::columns(&rows, ">>>><", usize::MAX)
}

/// Two bars a class: its share of the vocabulary and its share of the tokens used.
fn told_lengths(stats: &Stats) -> String {
    let heads = ["bytes", "in the vocabulary", "", "in the texts", ""];
    let n_tokens: usize = stats.lengths.iter().map(|bin| bin.tokens).sum();
    let mut rows = vec![heads.map(str::to_string).to_vec()];
    for bin in &stats.lengths {
        let range = match bin.to_bytes {
            Some(to) if to == bin.from_bytes => to.to_string(),
            Some(to) => format!("{}-{to}", bin.from_bytes),
            None => format!("{} or more", bin.from_bytes),
        };
        let shares = [bin.tokens as f64 / n_tokens.max(1) as f64, bin.uses as f64 / stats.all.tokens.max(1) as f64];
        let [of_vocabulary, of_texts] = shares.map(|share| "#".repeat((BAR * share).round() as usize));
        rows.push(vec![range, thousands(bin.tokens as u64), of_vocabulary, thousands(bin.uses), of_texts]);
    }
    paint::columns(&rows, ">><><", usize::MAX)
}
