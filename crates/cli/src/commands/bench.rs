//! `bench train`: the training step beside the rate of its own matrix products. `bench decode`: how fast sequences grow.

use anyhow::bail;
use model::Config;
use train::measure::{self, Shape};
use train::optimizer::Method;
use train::step::Division;

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
    /// The models of `bench train`
    #[arg(long, default_value = "base", value_parser = ["base", "demo", "small", "gpt2"])]
    shape: String,
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
        "small" => (Config { n_layers: 8, ..Config::from_depth(8, 8192, 512) }, 4, 512),
        _ => (Config { n_layers: 6, intermediate_size: 704, tie_embeddings: false, ..Config::from_depth(4, 4096, 256) }, 8, 256),
    }
}

/// Runs the measurement and prints it.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    match &args.what {
        What::Train(args) => train(args, context),
        What::Decode(args) => decode(args, context),
    }
}

fn decode(args: &DecodeArgs, context: &Context) -> anyhow::Result<()> {
    let (config, _, _) = named_shape(&args.shape);
    let DecodeArgs { sequences, prompt, tokens, .. } = *args;
    if prompt == 0 || tokens == 0 || sequences == 0 || prompt + tokens > config.context {
        bail!(
            "--sequences {sequences} of --prompt {prompt} and --tokens {tokens}: each is at least 1, and prompt and tokens fit the context of {}",
            config.context
        );
    }
    let shape = engine::measure::Shape { config, sequences, prompt, tokens, threads: context.threads };
    let measured = engine::measure::measure(shape, args.rounds.max(1))?;
    if args.json {
        println!("{}", serde_json::to_string(&measured)?);
        return Ok(());
    }
    println!("shape {}, {} threads, {}, {} rounds, medians", args.shape, context.threads, measured.instruction_set, measured.rounds);
    println!("  one sequence     {:>8.0} tokens/s (interquartile range {:.0})", measured.one_tokens_per_second, measured.one_iqr);
    println!(
        "  {:>3} sequences    {:>8.0} tokens/s (interquartile range {:.0})",
        sequences, measured.many_tokens_per_second, measured.many_iqr
    );
    Ok(())
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
