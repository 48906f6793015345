//! `complete`: a text goes on as the model thinks that pages go on, with the odds of each step if they are asked for.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::bail;
use engine::{Completion, Engine, EngineConfig, Finish, ModelFolder, Next, Request, TokenLogprob};
use tensor::quant::Format;
use tokenizer::Tokenizer;

use super::export::parse_format;
use super::tokenizer::paint;
use crate::context::{Context, read_stdin};

mod document;
mod sampling;
mod show;

pub use sampling::SamplingArgs;

/// In which format a model's matrices are kept.
#[derive(Debug, clap::Args)]
pub struct WeightsArgs {
    /// Keep the matrices in this format: f32, f16, bf16, q8_0, q4_0, q5_0, q4_k, q5_k or q6_k; fewer bits take less memory and time and
    /// cost precision [default: as stored]
    #[arg(long, value_name = "FORMAT", value_parser = parse_format)]
    pub weights: Option<Format>,
}

/// Lets a model go on with a text.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("begin").required(true).args(["prompt", "prompt_file"])))]
pub struct Args {
    /// Folder of the model, or a GGUF file [default: the newest finished runs/*/base]
    #[arg(long)]
    model: Option<PathBuf>,
    #[command(flatten)]
    weights: WeightsArgs,
    /// What the text begins with
    #[arg(long)]
    prompt: Option<String>,
    /// Read from this file what the text begins with, such as worked examples; `-` is the standard input. Its last line end
    /// belongs to the prompt
    #[arg(long, value_name = "FILE")]
    prompt_file: Option<PathBuf>,
    /// Samples, all from one reading of the prompt
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    n: u32,
    /// Tokens of a sample, at most [default: what the context has room for]
    #[arg(long)]
    max_tokens: Option<usize>,
    #[command(flatten)]
    sampling: SamplingArgs,
    /// A text before which a sample ends; may be given several times
    #[arg(long, value_parser = clap::builder::NonEmptyStringValueParser::new())]
    stop: Vec<String>,
    /// Show at each position the N most likely tokens with their probabilities: the model's own, at temperature 1, without
    /// bias and penalties, nothing cut off
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    odds: Option<u32>,
    /// Show how likely each token of the prompt was, given those before
    #[arg(long)]
    logprobs: bool,
    /// Print all of it as one JSON document
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let folder = model_folder(args.model.as_deref(), &["base"], context)?;
    let (weights, loaded) = ModelFolder::load(&folder, args.weights.weights)?;
    let sampling = args.sampling.resolve(&loaded.sampling)?;
    let tokenizer = &loaded.tokenizer;
    let text = prompt_text(args, context)?;
    let prompt = loaded.prompt(&text);
    let request = |index: u32| Request {
        stop_ids: loaded.document_ends(),
        stop_texts: args.stop.clone(),
        top_logprobs: args.odds.unwrap_or(0) as usize,
        ..Request::new(prompt.clone(), args.max_tokens.unwrap_or(usize::MAX), sampling.clone(), args.sampling.seed(u64::from(index)))
    };
    let requests: Vec<Request> = (0..args.n).map(request).collect();
    let config = EngineConfig::new(requests.len().min(64), weights.config().context, context.threads);
    let mut engine = loaded.engine(weights, config);

    // The samples take the prompt over from the cache.
    let asked = Request { prompt_logprobs: true, max_tokens: 0, ..request(0) };
    let scored = if args.logprobs { engine.generate(&[asked], &mut |_, _| {})?.pop() } else { None };
    if let (Some(scored), false) = (&scored, args.json) {
        println!("{}", show::surprise(tokenizer, &prompt, &scored.prompt_logprobs, context.colour));
    }
    let completions = write(args, tokenizer, &text, &requests, &mut engine, context)?;
    if args.json {
        let document = document::Document::new(&folder, tokenizer, &text, &requests, scored.as_ref(), &completions);
        print!("{}", paint::json(&document)?);
    }
    if context.stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(()) }
}

fn prompt_text(args: &Args, context: &Context) -> anyhow::Result<String> {
    match (&args.prompt, &args.prompt_file) {
        (Some(text), _) => Ok(text.clone()),
        (None, Some(path)) if path == Path::new("-") => read_stdin(context),
        (None, Some(path)) => Ok(base::files::read_text(path)?),
        (None, None) => bail!("there is no prompt; give it with --prompt or --prompt-file"),
    }
}

/// Lets the model write all samples, and shows them unless they become a document.
fn write(
    args: &Args,
    tokenizer: &Tokenizer,
    prompt: &str,
    requests: &[Request],
    engine: &mut Engine,
    context: &Context,
) -> anyhow::Result<Vec<Completion>> {
    // A single sample is shown as it comes, the prompt with its first token, so that a refused one shows nothing; several
    // are shown when they are whole. Of one with odds the lines are shown as they come, and its text behind them.
    let streamed = args.n == 1 && !args.json;
    let mut begun = false;
    let mut shown = vec![0; requests.len()];
    let mut positions = vec![0; requests.len()];
    let mut tables = vec![String::new(); requests.len()];
    let completions = engine.generate_texts(tokenizer, requests, &mut |index, written| {
        positions[index] += 1;
        let mut text = String::new();
        if args.odds.is_some() {
            let drawn = TokenLogprob { id: written.id, logprob: written.logprob };
            text = show::odds(tokenizer, positions[index], drawn, written.top_logprobs, context.colour);
        } else if streamed {
            text = if begun { String::new() } else { prompt.to_owned() };
            text += written.text;
            shown[index] += written.text.len();
        }
        let mut failed = false;
        if streamed {
            begun = true;
            print!("{text}");
            failed = std::io::stdout().flush().is_err();
        } else {
            tables[index] += &text;
        }
        if failed || context.stop.requested() { Next::EndAll } else { Next::Continue }
    })?;
    if args.json {
        return Ok(completions);
    }
    for (index, (completion, request)) in completions.iter().zip(requests).enumerate() {
        let (tokens, text) = (completion.ids.len(), &completion.text[shown[index]..]);
        let ending = ending(completion, request.prompt.len(), engine.capacity());
        let mut table = std::mem::take(&mut tables[index]);
        if let (Some(_), Finish::Stop(id), Some(&logprob)) = (args.odds, completion.finish, completion.logprobs.last()) {
            let top = completion.top_logprobs.last().map_or(&[][..], Vec::as_slice);
            table += &show::odds(tokenizer, positions[index] + 1, TokenLogprob { id, logprob }, top, context.colour);
        }
        let table = if args.odds.is_some() { format!("{table}\n") } else { table };
        let prompt = if begun && args.odds.is_none() { "" } else { prompt };
        if streamed {
            println!("{table}{prompt}{text}");
            context.line(&format!("({tokens} tokens, {ending})"));
        } else {
            println!("--- sample {} of {} ({tokens} tokens, {ending})\n{table}{prompt}{text}", index + 1, args.n);
        }
    }
    Ok(completions)
}

/// How a completion ended, in words.
fn ending(completion: &Completion, prompt: usize, context: usize) -> String {
    let answer = completion.ids.len();
    match completion.finish {
        Finish::Stop(_) => "ended by the model".into(),
        Finish::StopText(_) => "ended at --stop".into(),
        Finish::Halted => "stopped".into(),
        Finish::Length if prompt + answer >= context => {
            format!("cut where the context is full: prompt of {prompt} and answer of {answer} fill {context}")
        }
        Finish::Length => "cut at --max-tokens".into(),
        Finish::NoRoom { forced, room } => format!("ended where {forced} tokens were to follow and {room} had room"),
    }
}

/// The folder that was named, or the newest finished one of this stage below runs/, which is then told.
pub fn model_folder(named: Option<&Path>, stages: &[&str], context: &Context) -> anyhow::Result<PathBuf> {
    if let Some(folder) = named {
        return Ok(folder.to_path_buf());
    }
    let Some(folder) = newest_finished(Path::new("runs"), stages) else {
        let stage = stages[0];
        bail!("there is no finished runs/*/{stage} here; name a model's folder with --model, or make one with `schoolhouse run demo`");
    };
    context.line(&format!("model {}", folder.display()));
    Ok(folder)
}

/// The folder `runs/*/stage` of any of the stages that was finished last; of equally old ones the last by name.
fn newest_finished(runs: &Path, stages: &[&str]) -> Option<PathBuf> {
    let finished = |folder: PathBuf| -> Option<(SystemTime, PathBuf)> {
        let time = std::fs::metadata(folder.join(base::run::DONE)).and_then(|marker| marker.modified()).ok()?;
        Some((time, folder))
    };
    let entries = std::fs::read_dir(runs).ok()?;
    let folders = entries.flatten().flat_map(|entry| stages.iter().map(move |stage| entry.path().join(stage)));
    folders.filter_map(finished).max().map(|(_, folder)| folder)
}
