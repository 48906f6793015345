//! `import`: a model file of another program becomes a model folder, and shows what it can do.
//!
//! The formats stand in `model::import`, llama2.c's vocabulary in `tokenizer`.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::bail;
use base::files::AtomicDir;
use base::rng::Rng;
use base::text::thousands;
use engine::{Engine, EngineConfig, Finish, Next, Request, Sampling};
use model::folder::{self, EndTokens};
use model::import::{self, Format};
use model::inference::{self, Feed, KvCache, Weights};
use model::{Config, Model};
use tokenizer::{PieceStream, Pieces};

use crate::context::{self, Context};

/// Reads a model file of llama2.c, or a minGPT as JSON, and writes a model folder.
///
/// The folder has what transformers opens: config.json, generation_config.json, model.safetensors. It has no
/// tokenizer.json, because the vocabularies of these models are not byte-level BPE: `complete` and `chat` need one
/// and refuse the folder. So the model is shown here: one of llama2.c goes on with a text if its vocabulary is named,
/// and a minGPT that sorts digits sorts some.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// llama2.c's .bin of version 0, or a minGPT as JSON; its content tells which
    file: PathBuf,
    /// Folder to write
    #[arg(long)]
    out: PathBuf,
    /// llama2.c's vocabulary file, such as tokenizer.bin, to see the model's text
    #[arg(long, value_name = "FILE")]
    vocabulary: Option<PathBuf>,
    /// What the text begins with
    #[arg(long, requires = "vocabulary", default_value = "", hide_default_value = true)]
    prompt: String,
    /// Tokens of the text, always the most likely ones; it ends earlier where the model ends it or its context is full
    #[arg(long, requires = "vocabulary", value_name = "N", default_value_t = 256)]
    tokens: usize,
}

/// Sequences that a sorter is given, at most.
const SEQUENCES: usize = 1000;
/// Of which so many are shown.
const EXAMPLES: usize = 5;

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    context::refuse_full_folder(&args.out)?;
    let (format, model) = import::read(&args.file)?;
    let story = match (&args.vocabulary, format) {
        (None, _) => None,
        (Some(path), Format::Llama2c) => Some(begin(vocabulary(path, &model.config, &args.file)?, &args.prompt, &model.config)?),
        (Some(_), Format::MinGptJson) => bail!("{} is a minGPT, which has no --vocabulary; leave it out", args.file.display()),
    };
    write(&model, format, &args.out)?;
    print!("{}", table(&model, format, &args.out));
    match (story, sorted_digits(&model.config)) {
        (Some((pieces, prompt)), _) => tell(&model, &pieces, prompt, args.tokens, context),
        (None, Some(n)) if format == Format::MinGptJson => {
            print!("\n{}", told_sorting(&sort(&model, n, context.threads), &model.config));
            Ok(())
        }
        _ if format == Format::Llama2c => {
            context.line("name the vocabulary file with --vocabulary to see the model's text");
            Ok(())
        }
        _ => Ok(()),
    }
}

fn vocabulary(path: &Path, config: &Config, model: &Path) -> anyhow::Result<Pieces> {
    let pieces = Pieces::load(path)?;
    if pieces.vocab_size() != config.vocab_size {
        let (has, asks, path, model) = (pieces.vocab_size(), config.vocab_size, path.display(), model.display());
        bail!("{model} gives {asks} ids, and {path} has {has} pieces; name the vocabulary with which the model was trained");
    }
    Ok(pieces)
}

/// The vocabulary and the ids of the prompt. A prompt that is too long is refused before anything is written.
fn begin(pieces: Pieces, prompt: &str, config: &Config) -> anyhow::Result<(Pieces, Vec<u32>)> {
    let ids = pieces.encode(prompt);
    if ids.len() >= config.context {
        bail!("a prompt of {} tokens leaves no room in the context of {}; shorten it", ids.len(), config.context);
    }
    Ok((pieces, ids))
}

/// Writes the model folder, whole or not at all.
fn write(model: &Model, format: Format, out: &Path) -> anyhow::Result<()> {
    let dir = AtomicDir::create(out)?;
    match format {
        Format::Llama2c => folder::save(model, EndTokens { end_of_text: Pieces::BOS, end_of_turn: Pieces::EOS }, dir.path())?,
        Format::MinGptJson => folder::save_endless(model, dir.path())?,
    }
    Ok(dir.commit()?)
}

/// What was found, line by line.
fn table(model: &Model, format: Format, out: &Path) -> String {
    let config = &model.config;
    let number = |n: usize| thousands(n as u64);
    let groups = if config.n_kv_heads == config.n_heads { String::new() } else { format!(", keys and values for {}", config.n_kv_heads) };
    let rows = [
        ("format", format.name().to_string()),
        ("architecture", config.family.name().to_string()),
        ("parameters", number(model.params.data.len())),
        ("blocks", number(config.n_layers)),
        ("width", number(config.hidden_size)),
        ("heads", format!("{} of width {}{groups}", config.n_heads, config.head_dim)),
        ("MLP width", number(config.intermediate_size)),
        ("ids", number(config.vocab_size)),
        ("context", number(config.context)),
        ("output head", if config.tie_embeddings { "the embedding table" } else { "its own" }.to_string()),
        ("folder", out.display().to_string()),
    ];
    rows.iter().map(|(name, value)| format!("{name:<13} {value}\n")).collect()
}

/// Shows how the model goes on with the prompt, as it comes.
fn tell(model: &Model, pieces: &Pieces, prompt: Vec<u32>, max_tokens: usize, context: &Context) -> anyhow::Result<()> {
    let request = Request { stop_ids: vec![Pieces::BOS, Pieces::EOS], ..Request::new(prompt, max_tokens, Sampling::greedy(), 0) };
    let mut stream = PieceStream::new(pieces);
    let mut text: String = request.prompt.iter().map(|&id| stream.push(id)).collect();
    let mut engine = Engine::new(model, EngineConfig::new(1, model.config.context, context.threads));
    println!();
    let completions = engine.generate_while(std::slice::from_ref(&request), &mut |_, id| {
        text += &stream.push(id);
        print!("{text}");
        text.clear();
        let shown = std::io::stdout().flush();
        if context.stop.requested() || shown.is_err() { Next::EndAll } else { Next::Continue }
    })?;
    println!("{text}{}", stream.finish());
    for completion in completions {
        let tokens = completion.ids.len();
        let ending = match completion.finish {
            Finish::Stop(_) => "ended by the model",
            Finish::Halted | Finish::StopText(_) | Finish::NoRoom { .. } => "stopped",
            Finish::Length if tokens == max_tokens => "cut at --tokens",
            Finish::Length => "cut where the context is full",
        };
        context.line(&format!("({tokens} tokens, {ending})"));
    }
    if context.stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(()) }
}

/// How many digits a model of minGPT's sorting demo is given, by its sizes: it reads n digits and writes them sorted, the last of
/// which it need not read again.
fn sorted_digits(config: &Config) -> Option<usize> {
    let may_be = config.vocab_size <= 10 && config.context % 2 == 1 && (3..32).contains(&config.context);
    may_be.then_some(config.context.div_ceil(2))
}

/// A sequence and what the model makes of it.
type Sorting = (Vec<u32>, Vec<u32>);

/// All sequences of n digits, or where they are many as many of them at equal distances, with the model's most likely answers.
fn sort(model: &Model, n: usize, threads: usize) -> Vec<Sorting> {
    let vocab = model.config.vocab_size;
    let all = vocab.pow(n as u32);
    let digits = |number: usize| (0..n).map(|place| (number / vocab.pow(place as u32) % vocab) as u32).collect();
    let mut sortings: Vec<Sorting> = (0..all).step_by(all.div_ceil(SEQUENCES)).map(|number| (digits(number), Vec::new())).collect();
    let weights = Weights::new(model);
    let mut cache = KvCache::new(&model.config, sortings.len(), model.config.context);
    let mut logits = Vec::new();
    for place in 0..n {
        let unseen = |(given, made): &'_ Sorting| if place == 0 { given.clone() } else { vec![made[place - 1]] };
        let tokens: Vec<Vec<u32>> = sortings.iter().map(unseen).collect();
        let feeds: Vec<Feed> = tokens.iter().enumerate().map(|(slot, tokens)| Feed { slot, tokens }).collect();
        inference::forward(&weights, &mut cache, &feeds, threads, &mut logits);
        for ((_, made), logits) in sortings.iter_mut().zip(logits.chunks(vocab)) {
            let best = (0..vocab).reduce(|best, id| if logits[id] > logits[best] { id } else { best });
            made.push(best.unwrap_or(0) as u32);
        }
    }
    sortings
}

fn told_sorting(sortings: &[Sorting], config: &Config) -> String {
    let is_sorted = |(given, made): &Sorting| {
        let mut sorted = given.clone();
        sorted.sort_unstable();
        sorted == *made
    };
    let spelt = |digits: &[u32]| digits.iter().map(u32::to_string).collect::<Vec<_>>().join(" ");
    let mut text = String::new();
    for sorting in Rng::new(1).sample(sortings, EXAMPLES.min(sortings.len())) {
        let verdict = if is_sorted(sorting) { "" } else { "   not sorted" };
        text += &format!("{}  ->  {}{verdict}\n", spelt(&sorting.0), spelt(&sorting.1));
    }
    let right = sortings.iter().filter(|sorting| is_sorted(sorting)).count();
    let n = config.context.div_ceil(2);
    text + &format!("sorted {right} of {} sequences of {n} digits from 0 to {}\n", sortings.len(), config.vocab_size - 1)
}
