//! `sft`: a model and conversations to an assistant.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::hold::Hold;
use tasks::conversations::{self, Format, Paths};
use tokenizer::shards::Shards;
use train::mixture::Share;
use train::optimizer::Method;
use train::sft::{self, SftConfig};
use train::trainer::Summary;

use super::pretrain::cost;
use crate::context::{self, Context};
use crate::recipe::Source;
use crate::summary;

/// Fine-tunes a model on conversations.
///
/// The model may be one that was trained here, another model folder with a byte-level tokenizer.json (GPT-2, Llama, Qwen2, Qwen3), or a
/// GGUF file. It is trained in the chat format that its vocabulary has; one that has none is given special tokens of ours.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model, or a GGUF file
    #[arg(long)]
    base: PathBuf,
    /// Conversations, as JSON lines or a JSON array, also gzipped; =WEIGHT behind the name gives the passes over this file in an epoch
    /// (0.5: half of it, drawn anew each time). May be given several times. Those marked split "test" are left out
    #[arg(long, required = true, value_name = "FILE[=WEIGHT]", value_parser = parse_source)]
    conversations: Vec<Source>,
    /// Format of all files [default: told by the content of each]
    #[arg(long, value_parser = parse_format)]
    format: Option<Format>,
    /// Ways through OpenAssistant's trees: the replies ranked first, or all
    #[arg(long, default_value = "best", value_parser = ["best", "all"])]
    paths: String,
    /// Folder of token shards to replay rows from; what they hold out is measured before and after
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
    /// What updates the blocks' matrices [default: what pretraining used if it was done here, else adamw]
    #[arg(long, value_parser = ["muon", "adamw"])]
    optimizer: Option<String>,
    /// Share of pretraining's peak learning rates [default: 0.5 where its moments are kept, else 0.2]
    #[arg(long)]
    lr_factor: Option<f64>,
    /// Share of rows that replay pretraining, where --shards is given
    #[arg(long, default_value_t = 0.1)]
    replay: f64,
    /// Questions whose answers are logged; may be given several times
    #[arg(long = "sample", default_value = "Why is the sky blue?")]
    sample_prompts: Vec<String>,
    /// Seed of packing, and of the rows of new tokens
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Price of this machine per hour, to tell what the run cost
    #[arg(long)]
    price_per_hour: Option<f64>,
}

/// A name, and behind the last `=` its weight, 1 where there is none. A name with such a sign in it is a name where no number follows.
pub fn weighted(text: &str) -> (&str, f64) {
    let named = text.rsplit_once('=').and_then(|(name, weight)| Some((name, weight.parse().ok()?)));
    named.unwrap_or((text, 1.0))
}

/// A file with its weight.
pub fn parse_source(text: &str) -> Result<Source, String> {
    let (file, weight) = weighted(text);
    let source = Source::new(file, weight);
    source.check().map(|()| source)
}

/// A format by its name.
fn parse_format(name: &str) -> Result<Format, String> {
    let known = || Format::ALL.map(Format::name).join(", ");
    Format::ALL.into_iter().find(|format| format.name() == name).ok_or_else(|| format!("the formats are {}", known()))
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
        method: args.optimizer.as_deref().map(|name| if name == "adamw" { Method::AdamW } else { Method::Muon }),
        lr_factor: args.lr_factor,
        replay: args.replay,
        sample_prompts: args.sample_prompts.clone(),
        seed: args.seed,
        threads: context.threads,
    };
    let paths = if args.paths == "all" { Paths::All } else { Paths::Best };
    let sources: Vec<Source> = args.conversations.iter().map(|source| Source { format: args.format, paths, ..source.clone() }).collect();
    let stage_of = Stage { config: &config, base: &args.base, sources: &sources, shards: args.shards.as_deref(), out: &args.out };
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
    /// Folder of the model, or a GGUF file.
    pub base: &'a Path,
    /// The files of conversations.
    pub sources: &'a [Source],
    /// Folder of token shards to replay from.
    pub shards: Option<&'a Path>,
    /// The model's folder.
    pub out: &'a Path,
}

/// Fine-tunes, going on where an interrupted run stopped.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Summary> {
    let mixture = stage.sources.iter().map(|source| read(source, &[], context)).collect::<anyhow::Result<Vec<Share>>>()?;
    let shards = stage.shards.map(Shards::open).transpose()?;
    let progress = context.progress("fine-tune", 0);
    let _hold = Hold::take_folder(stage.out)?;
    let outcome = sft::sft(stage.config, stage.base, &mixture, shards.as_ref(), stage.out, &progress, &context.stop);
    let summary = outcome.map_err(context::from_train).with_context(|| format!("fine-tuning in {}", stage.out.display()))?;
    if let Some((before, after)) = summary::held_out(stage.out)? {
        context.line(&format!("held-out pages: {before:.4} bits a byte before, {after:.4} after ({:+.4})", after - before));
    }
    Ok(summary)
}

/// Reads a file and tells what it holds. What tests own is left out, and conversations of these kinds.
pub fn read(source: &Source, but: &[&str], context: &Context) -> anyhow::Result<Share> {
    let file = conversations::read(&source.file, source.format, source.paths)?;
    let (name, format) = (source.file.display(), file.format.name());
    let kept: Vec<_> = file.conversations.into_iter().filter(|stored| !but.contains(&stored.kind.as_str())).collect();
    let found = kept.len();
    let conversations: Vec<_> = kept.into_iter().filter(|stored| stored.split != "test").map(|stored| stored.conversation).collect();
    let kept = match found - conversations.len() {
        0 => String::new(),
        n => format!(", {n} more are for tests"),
    };
    context.line(&format!("{name}: {} conversations ({format}{kept}), weight {}", conversations.len(), source.weight));
    if let Some(first) = file.left_out.first() {
        context.line(&format!("{} records left out; the first is {first}", file.left_out.len()));
    }
    Ok(Share { conversations, weight: source.weight })
}
