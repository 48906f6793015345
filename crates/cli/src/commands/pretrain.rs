//! `pretrain`: token shards to a base model.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::hold::Hold;
use model::{Config, Family};
use tokenizer::Tokenizer;
use tokenizer::shards::Shards;
use train::optimizer::Method;
use train::pretrain::{self, PretrainConfig, Resolved};
use train::trainer::Summary;

use crate::context::{self, Context};

/// Trains a base model on token shards.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of token shards, as `tokenize` wrote it
    #[arg(long)]
    shards: PathBuf,
    /// Folder of the tokenizer that made them
    #[arg(long)]
    tokenizer: PathBuf,
    /// Folder of the model to write; an interrupted run there is continued
    #[arg(long)]
    out: PathBuf,
    /// The dial: blocks; the width is 64 times as much, heads have 64
    #[arg(long, default_value_t = 3)]
    depth: usize,
    /// What the blocks are made of
    #[arg(long, default_value = "qwen3", value_parser = ["qwen3", "qwen2", "llama", "gpt2"])]
    architecture: String,
    /// Longest sequence, in tokens
    #[arg(long, default_value_t = 256)]
    context: usize,
    /// Passes over the tokens
    #[arg(long, default_value_t = 1.0)]
    epochs: f64,
    /// Tokens to train on, instead of passes
    #[arg(long)]
    tokens: Option<u64>,
    /// Tokens of a step [default: by the depth]
    #[arg(long)]
    batch_tokens: Option<usize>,
    /// What updates the blocks' matrices
    #[arg(long, default_value = "muon", value_parser = ["muon", "adamw"])]
    optimizer: String,
    /// What the samples begin with; may be given several times
    #[arg(long = "sample", default_value = "Once upon a time")]
    sample_prompts: Vec<String>,
    /// Seed of weights, order and samples
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Price of this machine per hour, to tell what the run cost
    #[arg(long)]
    price_per_hour: Option<f64>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let config = PretrainConfig {
        depth: args.depth,
        architecture: Family::ALL.into_iter().find(|family| family.name() == args.architecture).unwrap_or_default(),
        context: args.context,
        epochs: args.epochs,
        tokens: args.tokens,
        batch_tokens: args.batch_tokens,
        method: if args.optimizer == "adamw" { Method::AdamW } else { Method::Muon },
        sample_prompts: args.sample_prompts.clone(),
        seed: args.seed,
        threads: context.threads,
    };
    let summary = stage(&Stage { config: &config, shards: &args.shards, tokenizer: &args.tokenizer, out: &args.out }, context)?;
    context.line(&cost(&summary, args.price_per_hour));
    println!("{}", args.out.display());
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// What the user decides.
    pub config: &'a PretrainConfig,
    /// Folder of token shards.
    pub shards: &'a Path,
    /// Folder of the tokenizer.
    pub tokenizer: &'a Path,
    /// The model's folder.
    pub out: &'a Path,
}

/// Trains, going on where an interrupted run stopped.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Summary> {
    let tokenizer = Tokenizer::load_ours(stage.tokenizer)?;
    let shards = Shards::open(stage.shards)?;
    let resolved = pretrain::resolve(stage.config, &shards)?;
    tell(&resolved, context);
    let progress = context.progress("read", resolved.settings.steps as u64);
    let _hold = Hold::take_folder(stage.out)?;
    let outcome = pretrain::pretrain(stage.config, &shards, &tokenizer, stage.out, &progress, &context.stop);
    outcome.map_err(context::from_train).with_context(|| format!("pretraining in {}", stage.out.display()))
}

/// Prints what follows from the dial.
fn tell(resolved: &Resolved, context: &Context) {
    let Resolved { config, settings } = resolved;
    let &Config { family, n_layers, hidden_size, n_heads, intermediate_size, vocab_size, .. } = config;
    let parameters = model::Layout::new(config).len;
    context.line(&format!(
        "model: {}, depth {n_layers}, width {hidden_size}, {n_heads} heads of {}, MLP {intermediate_size}, vocabulary {vocab_size}: {:.2} M parameters",
        family.name(),
        config.head_dim,
        parameters as f64 / 1e6
    ));
    let (batch, workers) = (settings.rows * settings.len, settings.division.workers);
    context.line(&format!(
        "plan: {} steps of {batch} tokens = {:.2} M tokens, {:.1} MFLOP a token, {:?} {}, {} threads{}, {}",
        settings.steps,
        (settings.steps * batch) as f64 / 1e6,
        config.flops_per_token(settings.len) / 1e6,
        settings.optimizer.method,
        settings.optimizer.matrix_lr(),
        settings.threads,
        if workers < settings.threads { format!(" sharing {workers} gradient copies") } else { String::new() },
        tensor::instruction_set()
    ));
}

/// Time, work and, where the hour has a price, the cost of a stage.
pub fn cost(summary: &Summary, price_per_hour: Option<f64>) -> String {
    let price = price_per_hour.map(|price| format!(", cost {:.4}", price * summary.seconds / 3600.0)).unwrap_or_default();
    let held_out = summary.val_bpb.map(|bpb| format!(", held out {bpb:.4} bits/byte")).unwrap_or_default();
    format!(
        "{} steps, {:.2} M tokens, {:.2e} FLOP in {:.0} s, loss {:.4}{held_out}{price}",
        summary.steps,
        summary.tokens as f64 / 1e6,
        summary.flops,
        summary.seconds,
        summary.loss
    )
}
