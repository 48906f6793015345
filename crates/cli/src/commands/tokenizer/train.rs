//! `tokenizer train`: documents to a vocabulary.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use tokenizer::shards::page_text;
use tokenizer::train::{TrainConfig, merges_wanted, train};
use tokenizer::{Pattern, Tokenizer};

use crate::commands::tokenize::DocumentReader;
use crate::context::{self, Context};

/// Documents, and how large a vocabulary to learn from them.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Documents: Parquet, JSON lines, text files, or folders and patterns of these; may be given several times
    #[arg(long, required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Token ids in all: 256 bytes, the merges and 12 special tokens
    #[arg(long)]
    vocab: usize,
    /// What cuts texts into words: qwen2, llama3, gpt2, cl100k_base or o200k_base
    #[arg(long, default_value = "qwen2", value_parser = pattern)]
    pattern: Pattern,
    /// Folder of the tokenizer to write
    #[arg(long)]
    out: PathBuf,
}

fn pattern(name: &str) -> Result<Pattern, String> {
    Pattern::ALL
        .into_iter()
        .find(|pattern| pattern.name() == name)
        .ok_or_else(|| format!("there is no pattern {name:?}; there are {}", Pattern::ALL.map(Pattern::name).join(", ")))
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    context::refuse_full_folder(&args.out)?;
    stage(&Stage { inputs: &args.input, vocab_size: args.vocab, pattern: args.pattern, out: &args.out }, context)?;
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
    /// What cuts texts into words.
    pub pattern: Pattern,
    /// Folder of the tokenizer.
    pub out: &'a Path,
}

/// Learns merges from every document, as a model will read it, and writes the tokenizer's files.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Tokenizer> {
    let mut documents = DocumentReader::open(stage.inputs)?;
    let config = TrainConfig { vocab_size: stage.vocab_size, pattern: stage.pattern, threads: context.threads };
    let progress = context.progress("tokenizer", merges_wanted(stage.vocab_size)? as u64);
    let texts = documents.by_ref().map(|document| page_text(&document.url, &document.text));
    let outcome = train(texts, &config, &progress, &context.stop);
    progress.finish();
    documents.close(context)?;
    let tokenizer = outcome.with_context(|| format!("training a tokenizer in {}", stage.out.display()))?;
    tokenizer.save(stage.out)?;
    Ok(tokenizer)
}
