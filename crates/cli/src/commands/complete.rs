//! `complete`: a text goes on as the model thinks that pages go on.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::bail;
use base::rng::{Rng, label};
use engine::{Completion, Engine, EngineConfig, Finish, ModelFolder, Next, Request, Sampling, TextStream};

use crate::context::Context;

/// Lets a model go on with a text.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model [default: the newest finished runs/*/base]
    #[arg(long)]
    model: Option<PathBuf>,
    /// What the text begins with
    #[arg(long)]
    prompt: String,
    /// Samples
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
}

/// How ids are chosen; what is not given is as the model's generation_config.json has it.
#[derive(Debug, clap::Args)]
pub struct SamplingArgs {
    /// 0 takes the most likely token always, more gives more variety [default: the model's]
    #[arg(long)]
    temperature: Option<f32>,
    /// So many of the most likely tokens stay; 0 is off [default: the model's]
    #[arg(long)]
    top_k: Option<usize>,
    /// The most likely tokens stay until their probabilities sum to this; 1 is off [default: the model's]
    #[arg(long)]
    top_p: Option<f32>,
    /// Tokens stay that are at least this times as likely as the most likely one; 0 is off [default: the model's]
    #[arg(long)]
    min_p: Option<f32>,
    /// Seed of the draws
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

impl SamplingArgs {
    /// The model's own sampling, with what was given instead.
    pub fn resolve(&self, own: Sampling) -> anyhow::Result<Sampling> {
        let sampling = Sampling {
            temperature: self.temperature.unwrap_or(own.temperature),
            top_k: self.top_k.unwrap_or(own.top_k),
            top_p: self.top_p.unwrap_or(own.top_p),
            min_p: self.min_p.unwrap_or(own.min_p),
            ..own
        };
        sampling.check()?;
        Ok(sampling)
    }

    /// The seed of one of several answers.
    pub fn seed(&self, index: u64) -> u64 {
        Rng::derive(self.seed, &[label("answer"), index]).next_u64()
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let folder = model_folder(args.model.as_deref(), "base", context)?;
    let loaded = ModelFolder::load(&folder)?;
    let sampling = args.sampling.resolve(loaded.sampling)?;
    let tokenizer = &loaded.tokenizer;
    let mut prompt = vec![tokenizer.eot()];
    tokenizer.encode_into(&args.prompt, &mut prompt);
    let request = |index: u32| Request {
        prompt: prompt.clone(),
        max_tokens: args.max_tokens.unwrap_or(usize::MAX),
        sampling: sampling.clone(),
        stop_ids: vec![tokenizer.eot()],
        seed: args.sampling.seed(u64::from(index)),
    };
    let requests: Vec<Request> = (0..args.n).map(request).collect();
    let capacity = loaded.model.config.context;
    let mut engine = Engine::new(&loaded.model, EngineConfig { slots: requests.len().min(64), capacity, threads: context.threads });

    // A single sample is shown as it comes, the prompt with its first token, so that a refused one shows nothing; several
    // are shown when they are whole.
    let single = args.n == 1;
    let mut streams: Vec<TextStream> = requests.iter().map(|_| TextStream::new(tokenizer, &args.stop)).collect();
    let mut texts = vec![args.prompt.clone(); requests.len()];
    let show = |text: &mut String| {
        print!("{text}");
        text.clear();
        std::io::stdout().flush()
    };
    let completions = engine.generate_while(&requests, &mut |index, id| {
        texts[index] += &streams[index].push(id);
        let shown = if single { show(&mut texts[index]) } else { Ok(()) };
        match (context.stop.requested() || shown.is_err(), streams[index].stopped()) {
            (true, _) => Next::EndAll,
            (_, true) => Next::End,
            _ => Next::Continue,
        }
    })?;
    for (index, (completion, stream)) in completions.iter().zip(&mut streams).enumerate() {
        let ending = if stream.stopped() { "ended at --stop".into() } else { ending(completion, prompt.len(), capacity) };
        let (tokens, text) = (completion.ids.len(), &texts[index]);
        let rest = stream.finish();
        if single {
            println!("{text}{rest}");
            context.line(&format!("({tokens} tokens, {ending})"));
        } else {
            println!("--- sample {} of {} ({tokens} tokens, {ending})\n{text}{rest}", index + 1, args.n);
        }
    }
    if context.stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(()) }
}

/// How a completion ended, in words.
fn ending(completion: &Completion, prompt: usize, context: usize) -> String {
    let answer = completion.ids.len();
    match completion.finish {
        Finish::Stop(_) => "ended by the model".into(),
        Finish::Halted => "stopped".into(),
        Finish::Length if prompt + answer >= context => {
            format!("cut where the context is full: prompt of {prompt} and answer of {answer} fill {context}")
        }
        Finish::Length => "cut at --max-tokens".into(),
    }
}

/// The folder that was named, or the newest finished one of this stage below runs/, which is then told.
pub fn model_folder(named: Option<&Path>, stage: &str, context: &Context) -> anyhow::Result<PathBuf> {
    if let Some(folder) = named {
        return Ok(folder.to_path_buf());
    }
    let Some(folder) = newest_finished(Path::new("runs"), stage) else {
        bail!("there is no finished runs/*/{stage} here; name a model's folder with --model, or make one with `schoolhouse run demo`");
    };
    context.line(&format!("model {}", folder.display()));
    Ok(folder)
}

/// The folder `runs/*/stage` that was finished last; of equally old ones the last by name.
fn newest_finished(runs: &Path, stage: &str) -> Option<PathBuf> {
    let finished = |folder: PathBuf| -> Option<(SystemTime, PathBuf)> {
        let time = std::fs::metadata(folder.join(base::run::DONE)).and_then(|marker| marker.modified()).ok()?;
        Some((time, folder))
    };
    let entries = std::fs::read_dir(runs).ok()?;
    entries.filter_map(|entry| finished(entry.ok()?.path().join(stage))).max().map(|(_, folder)| folder)
}
