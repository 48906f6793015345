//! `tokenizer`: learn a vocabulary, and look into vocabularies, one file for each sub-command.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokenizer::Tokenizer;
use tokenizer::look::{Counts, count_texts, limited};

use super::tokenize::DocumentReader;
use crate::context::Context;

mod train;

mod show;

mod compare;

mod stats;

mod paint;

pub use train::{Stage, stage};

/// Learns a tokenizer from documents, and looks into tokenizers.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Learn byte-level BPE merges and write the files that Hugging Face's libraries read
    Train(train::Args),
    /// Show which tokens a text is cut into, and how they were built
    Show(show::Args),
    /// Set tokenizers side by side on a text or on documents
    Compare(compare::Args),
    /// Measure how well a vocabulary fits several kinds of documents
    Stats(stats::Args),
}

impl Args {
    /// Whether the command writes files, so that an interrupt has something to save.
    pub fn saves(&self) -> bool {
        matches!(self.command, Command::Train(_))
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    match &args.command {
        Command::Train(args) => train::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Stats(args) => stats::run(args, context),
    }
}

/// Counts the texts of documents, without their addresses, with each of the tokenizers. Refuses documents without text.
fn count_documents(
    label: &str,
    inputs: &[PathBuf],
    tokenizers: &[&Tokenizer],
    limit_bytes: Option<u64>,
    context: &Context,
) -> anyhow::Result<Vec<Counts>> {
    let mut documents = DocumentReader::open(inputs)?;
    let progress = context.progress(label, 0);
    let texts = limited(documents.by_ref().map(|document| document.text), limit_bytes.unwrap_or(u64::MAX));
    let outcome = count_texts(texts, tokenizers, context.threads, &progress, &context.stop);
    progress.finish();
    documents.close(context)?;
    let counts = outcome.with_context(|| format!("counting the tokens of {label}"))?;
    if counts.iter().all(|counts| counts.bytes == 0) {
        let names: Vec<String> = inputs.iter().map(|path| path.display().to_string()).collect();
        bail!("there is no text in {}; name documents that hold some", names.join(", "));
    }
    Ok(counts)
}
