//! `bench train`: the training step beside the rate of its own matrix products. `bench decode`: how fast sequences grow. `bench practice`: both halves of a step of practice.

use std::path::{Path, PathBuf};

use anyhow::bail;
use model::inference::Weights;
use model::stored::Stored;
use model::{Config, Family, Model};
use tensor::quant::Format;
use tokenizer::Tokenizer;
use train::measure::{self, PracticeShape, Shape};
use train::optimizer::Method;
use train::step::Division;

use super::export::parse_format;
use crate::context::Context;

/// Measures this machine.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// A training step with AdamW, and the `gemm` crate on the step's own shapes, in the same rounds
    Train(TrainArgs),
    /// Sampling: one sequence alone and many side by side, in the same rounds
    Decode(DecodeArgs),
    /// Practice: answers drawn at temperature 1, and an update from them
    Practice(PracticeArgs),
}

#[derive(Debug, clap::Args)]
struct PracticeArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// One of the models of `bench train`
    #[arg(long, default_value = "demo", value_parser = ["base", "demo", "small", "gpt2"])]
    shape: String,
    /// Prompts
    #[arg(long, default_value_t = 16)]
    prompts: usize,
    /// Answers to each prompt
    #[arg(long, default_value_t = 16)]
    samples: usize,
    /// Tokens of a prompt
    #[arg(long, default_value_t = 24)]
    prompt: usize,
    /// Tokens of an answer
    #[arg(long, default_value_t = 64)]
    tokens: usize,
    /// Rounds after one warm-up
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

#[derive(Debug, clap::Args)]
struct TrainArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// base: V 4096, width 256, 6 blocks, 8 rows of 256; demo: the demo's model; small: V 8192, width 512, 8 blocks, 4 rows of 512;
    /// gpt2: 124 million parameters, V 50304, width 768, 12 blocks, 4 rows of 1024
    #[arg(long, default_value = "base", value_parser = ["base", "demo", "small", "gpt2"])]
    shape: String,
    /// Update the blocks' matrices with muon instead of adamw
    #[arg(long)]
    muon: bool,
    /// Workers, each with a gradient of its own, among which the threads are divided [default: as many as threads and memory allow]
    #[arg(long)]
    workers: Option<usize>,
    /// Rounds after one warm-up
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

#[derive(Debug, clap::Args)]
struct DecodeArgs {
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Random weights of the models of `bench train`; 15m: V 12288, width 384, 6 blocks; qwen: the sizes of Qwen2.5 0.5B
    #[arg(long, default_value = "base", value_parser = ["base", "demo", "small", "gpt2", "15m", "qwen"])]
    shape: String,
    /// A model folder or GGUF file instead
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// The format of the weights: f32, f16, bf16, q8_0, q4_0, q5_0, q4_k, q5_k or q6_k [default: as stored; random ones f32]
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    weights: Option<Format>,
    /// Write the model as a GGUF file instead of measuring, with single bytes as its vocabulary, so that others can be measured on it
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Sequences side by side
    #[arg(long, default_value_t = 64)]
    sequences: usize,
    /// Tokens of a prompt
    #[arg(long, default_value_t = 16)]
    prompt: usize,
    /// Tokens that each sequence grows by
    #[arg(long, default_value_t = 200)]
    tokens: usize,
    /// Rounds after one warm-up
    #[arg(long, default_value_t = 20)]
    rounds: usize,
}

/// The named shapes: model, rows, tokens of a row.
fn named_shape(name: &str) -> (Config, usize, usize) {
    match name {
        "demo" => (Config::from_depth(3, 3072, 256), 8, 256),
        "gpt2" => (Config::from_depth(12, 50_304, 1024), 4, 1024),
        "15m" => (Config::from_depth(6, 12_288, 1024), 4, 1024),
        "qwen" => (qwen(), 1, 1024),
        "small" => (Config { n_layers: 8, ..Config::from_depth(8, 8192, 512) }, 4, 512),
        _ => (Config { n_layers: 6, intermediate_size: 704, tie_embeddings: false, ..Config::from_depth(4, 4096, 256) }, 8, 256),
    }
}

/// The sizes of Qwen2.5 0.5B.
fn qwen() -> Config {
    let (n_layers, n_kv_heads, intermediate_size, rope_theta) = (24, 2, 4864, 1e6);
    Config { n_layers, n_kv_heads, intermediate_size, rope_theta, ..Config::from_depth(14, 151_936, 4096) }.with_family(Family::Qwen2)
}

/// Runs the measurement and prints it.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    match &args.what {
        What::Train(args) => train(args, context),
        What::Decode(args) => decode(args, context),
        What::Practice(args) => practice(args, context),
    }
}

fn practice(args: &PracticeArgs, context: &Context) -> anyhow::Result<()> {
    let &PracticeArgs { prompts, samples, prompt, tokens, rounds, .. } = args;
    let config = named_shape(&args.shape).0;
    if prompts * samples * prompt == 0 || tokens < 2 || prompt + tokens > config.context {
        bail!("prompts, samples and prompt are at least 1, tokens 2, and --prompt and --tokens fit the context of {}", config.context);
    }
    let shape = PracticeShape { config, prompts, samples, prompt, tokens, threads: context.threads };
    let measured = measure::practice(shape, rounds.max(1))?;
    if args.json {
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    println!("shape {}, {prompts} x {samples} answers of {tokens} tokens, {} rounds, medians", args.shape, measured.rounds);
    println!("  generation  {:>8.0} tokens/s", measured.generation_tokens_per_second);
    println!("  training    {:>8.0} tokens/s", measured.training_tokens_per_second);
    Ok(())
}

fn decode(args: &DecodeArgs, context: &Context) -> anyhow::Result<()> {
    let stored = args.model.as_deref().map(Stored::open).transpose()?;
    let config = stored.as_ref().map_or_else(|| named_shape(&args.shape).0, |stored| stored.config);
    let DecodeArgs { sequences, prompt, tokens, .. } = *args;
    if prompt == 0 || tokens < 2 || sequences == 0 || prompt + tokens > config.context {
        bail!(
            "--sequences {sequences} of --prompt {prompt} and --tokens {tokens}: each is at least 1, tokens 2, and prompt and tokens fit the \
             context of {}",
            config.context
        );
    }
    if let Some(path) = &args.save {
        return save(&config, args.weights, path);
    }
    let weights = match &stored {
        Some(stored) => Weights::load(stored, args.weights)?,
        None => Weights::converted(&Model::new(config, 1), args.weights.unwrap_or(Format::F32)),
    };
    let name = args.model.as_ref().map_or(args.shape.clone(), |path| path.display().to_string());
    let shape = engine::measure::Shape { sequences, prompt, tokens, threads: context.threads };
    let measured = engine::measure::measure(weights, shape, args.rounds.max(1))?;
    if args.json {
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    let gigabytes = measured.weight_bytes as f64 / 1e9;
    println!(
        "{name} in {} ({gigabytes:.3} GB of matrices), {} threads, {}, {} rounds, medians",
        measured.formats.join(", "),
        context.threads,
        measured.instruction_set,
        measured.rounds
    );
    println!("  a prompt of {:<5}{:>8.0} tokens/s", measured.prompt, measured.prefill_tokens_per_second);
    println!(
        "  one sequence     {:>8.0} tokens/s (interquartile range {:.0}), {:.1} GB/s of weights",
        measured.one_tokens_per_second,
        measured.one_iqr,
        gigabytes * measured.one_tokens_per_second
    );
    println!(
        "  {:>3} sequences    {:>8.0} tokens/s (interquartile range {:.0})",
        sequences, measured.many_tokens_per_second, measured.many_iqr
    );
    Ok(())
}

/// Writes a model of random weights with single bytes as its vocabulary.
fn save(config: &Config, format: Option<Format>, path: &Path) -> anyhow::Result<()> {
    let scratch = base::files::AtomicDir::create(&path.with_extension("folder"))?;
    model::folder::save(&Model::new(*config, 1), model::folder::EndTokens { end_of_text: 0, end_of_turn: 0 }, scratch.path())?;
    let mut vocabulary = Tokenizer::from_merges(Vec::new()).gguf_keys().map_err(anyhow::Error::msg)?;
    vocabulary.pad(config.vocab_size);
    let stored = Stored::open(scratch.path())?;
    Ok(model::gguf::export(&stored, None, engine::gguf::vocabulary_keys(vocabulary), format, path)?)
}

fn train(args: &TrainArgs, context: &Context) -> anyhow::Result<()> {
    let (config, rows, len) = named_shape(&args.shape);
    let threads = context.threads;
    let division = match args.workers {
        Some(workers) if workers == 0 || workers > threads.min(rows) => {
            bail!("--workers {workers}: between 1 and {}, the threads and rows there are", threads.min(rows))
        }
        Some(workers) => Division::of(workers, rows, len),
        None => Division::new(&config, rows, len, threads),
    };
    let method = if args.muon { Method::Muon } else { Method::AdamW };
    let measured = measure::measure(Shape { config, rows, division, len, threads, method }, args.rounds.max(1));
    if args.json {
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    println!(
        "shape {}, {threads} threads, gradient copies {}, {}, {} rounds, medians",
        args.shape, measured.workers, measured.instruction_set, measured.rounds
    );
    println!("  matrix products alone   {:>8.1} GFLOP/s", measured.gemm_gflops);
    println!(
        "  whole step              {:>8.1} GFLOP/s ({:.0} ms, {:.0} tokens/s)",
        measured.step_gflops, measured.step_ms, measured.tokens_per_second
    );
    println!("  update alone            {:>8.1} ms", measured.update_ms);
    println!(
        "  step / products         {:>8.3} (best quarter {:.3}, interquartile range {:.3})",
        measured.ratio, measured.best_quarter, measured.iqr
    );
    if let Some(bytes) = base::process::peak_memory() {
        println!("  memory at most          {:>8.2} GB", bytes as f64 / 1e9);
    }
    Ok(())
}
