//! `tokenizer train`: documents to a vocabulary.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokenizer::Tokenizer;
use tokenizer::shards::page_text;
use tokenizer::train::{TrainConfig, merges_wanted, train};

use super::tokenize::DocumentReader;
use crate::context::{self, Context};

/// Learns a tokenizer from documents.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Learn byte-level BPE merges and write the files that Hugging Face's libraries read
    Train(TrainArgs),
}

#[derive(Debug, clap::Args)]
struct TrainArgs {
    /// Documents: Parquet, JSON lines, text and Markdown files, or folders of these; may be given several times
    #[arg(long, required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Token ids in all: 256 bytes, the merges and 12 special tokens
    #[arg(long)]
    vocab: usize,
    /// Folder of the tokenizer to write
    #[arg(long)]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let Command::Train(args) = &args.command;
    context::refuse_full_folder(&args.out)?;
    stage(&Stage { inputs: &args.input, vocab_size: args.vocab, out: &args.out }, context)?;
    println!("{}", args.out.display());
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Files and folders of documents.
    pub inputs: &'a [PathBuf],
    /// Token ids in all.
    pub vocab_size: usize,
    /// Folder of the tokenizer.
    pub out: &'a Path,
}

/// Learns merges from every document, as a model will read it, and writes the tokenizer's files.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Tokenizer> {
    let mut documents = DocumentReader::open(stage.inputs)?;
    let config = TrainConfig { vocab_size: stage.vocab_size, threads: context.threads };
    let progress = context.progress("tokenizer", merges_wanted(stage.vocab_size)? as u64);
    let texts = documents.by_ref().map(|document| page_text(&document.url, &document.text));
    let outcome = train(texts, &config, &progress, &context.stop);
    progress.finish();
    documents.close(context)?;
    let tokenizer = outcome.with_context(|| format!("training a tokenizer in {}", stage.out.display()))?;
    tokenizer.save(stage.out)?;
    Ok(tokenizer)
}
