//! `sft`: a base model and conversations to an assistant.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tokenizer::Tokenizer;
use tokenizer::chat::{self, Conversation};
use tokenizer::shards::Shards;
use train::optimizer::Method;
use train::pretrain::peak;
use train::sft::{self, SftConfig};
use train::trainer::Summary;

use super::pretrain::cost;
use crate::context::{self, Context};

/// Fine-tunes a base model on conversations.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the base model
    #[arg(long)]
    base: PathBuf,
    /// Conversations as JSON lines (OpenAI's messages); those marked split "test" are left out
    #[arg(long)]
    conversations: PathBuf,
    /// Folder of token shards to replay rows from
    #[arg(long)]
    shards: Option<PathBuf>,
    /// Folder of the model to write; an interrupted run there is continued
    #[arg(long)]
    out: PathBuf,
    /// Passes over the conversations
    #[arg(long, default_value_t = 2)]
    epochs: usize,
    /// Tokens of a row [default: the model's context]
    #[arg(long)]
    context: Option<usize>,
    /// Tokens of a step
    #[arg(long, default_value_t = 4096)]
    batch_tokens: usize,
    /// Share of pretraining's peak learning rates
    #[arg(long, default_value_t = 0.5)]
    lr_factor: f64,
    /// Share of rows that replay pretraining, where --shards is given
    #[arg(long, default_value_t = 0.1)]
    replay: f64,
    /// Questions whose answers are logged; may be given several times
    #[arg(long = "sample", default_value = "Why is the sky blue?")]
    sample_prompts: Vec<String>,
    /// Seed of packing
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Price of this machine per hour, to tell what the run cost
    #[arg(long)]
    price_per_hour: Option<f64>,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if !(0.0..=0.9).contains(&args.replay) {
        bail!("--replay {} is not a share between 0 and 0.9", args.replay);
    }
    let config = SftConfig {
        epochs: args.epochs,
        context: args.context,
        batch_tokens: args.batch_tokens,
        lr_factor: args.lr_factor,
        replay: args.replay,
        sample_prompts: args.sample_prompts.clone(),
        seed: args.seed,
        threads: context.threads,
    };
    let stage_of =
        Stage { config: &config, base: &args.base, conversations: &args.conversations, shards: args.shards.as_deref(), out: &args.out };
    let summary = stage(&stage_of, context)?;
    context.line(&cost(&summary, args.price_per_hour));
    println!("{}", args.out.display());
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// What the user decides.
    pub config: &'a SftConfig,
    /// Folder of the base model.
    pub base: &'a Path,
    /// The conversations' file.
    pub conversations: &'a Path,
    /// Folder of token shards to replay from.
    pub shards: Option<&'a Path>,
    /// The model's folder.
    pub out: &'a Path,
}

/// Fine-tunes, going on where an interrupted run stopped.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Summary> {
    let tokenizer = Tokenizer::load_ours(stage.base)?;
    let file = chat::read_conversations(stage.conversations)?;
    if !file.damaged.is_empty() {
        context.line(&format!(
            "{}: {} damaged lines left out, the first: {}",
            stage.conversations.display(),
            file.damaged.len(),
            file.damaged[0]
        ));
    }
    let conversations: Vec<Conversation> =
        file.conversations.into_iter().filter(|stored| stored.split != "test").map(|stored| stored.conversation).collect();
    let shards = stage.shards.map(Shards::open).transpose()?;
    if let Some(shards) = &shards {
        shards.check_tokenizer(&tokenizer)?;
    }
    let optimizer = peak(Method::Muon, model::folder::load_config(stage.base)?.hidden_size);
    let progress = context.progress("fine-tune", 0);
    let outcome =
        sft::sft(stage.config, stage.base, optimizer, &conversations, shards.as_ref(), &tokenizer, stage.out, &progress, &context.stop);
    outcome.map_err(context::from_train).with_context(|| format!("fine-tuning in {}", stage.out.display()))
}
