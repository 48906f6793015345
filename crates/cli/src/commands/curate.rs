//! `curate`: raw pages to clean documents.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use base::progress::Progress;
use corpus::curate::{CurateConfig, FUNNEL, PiiPolicy, Profile, Rank, Shelf, curate, curate_rank, write_report};
use corpus::funnel::Funnel;

use crate::context::{self, Context};

/// Cleans pages: picks the main text, the language and the quality, and drops duplicates.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// WARC, WET, Parquet, JSON lines, text files, folders of these, or patterns; may be given several times
    #[arg(long, required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Folder of documents to write
    #[arg(long)]
    out: PathBuf,
    /// fineweb: all filters, for raw web pages; minimal: language and exact duplicates, for shelves chosen by hand; extract: none,
    /// the main text of every page
    #[arg(long, default_value = "fineweb", value_parser = profile)]
    profile: Profile,
    /// Languages that stay, two letters each
    #[arg(long, default_value = "en", num_args = 1.., value_name = "CODE")]
    language: Vec<String>,
    /// fastText's language model, lid.176.bin or .ftz, instead of the built-in detector
    #[arg(long, value_name = "FILE")]
    language_model: Option<PathBuf>,
    /// A language with no more than this score is not believed [default: 0.65 with a model file, else 0.5]
    #[arg(long, value_name = "SCORE")]
    language_threshold: Option<f64>,
    /// Folder of URL lists in FineWeb's format, instead of the small built-in ones
    #[arg(long, value_name = "FOLDER")]
    url_lists: Option<PathBuf>,
    /// Name of the crawl [default: each file's own name]
    #[arg(long, value_name = "NAME")]
    dump: Option<String>,
    /// E-mail and IP addresses: replace (stand-ins take their place), drop (the page goes), keep
    #[arg(long, default_value = "replace", value_parser = pii_policy)]
    pii: PiiPolicy,
    /// Folder for what is dropped, with its reason
    #[arg(long, value_name = "FOLDER")]
    keep_dropped: Option<PathBuf>,
    /// Write funnel.html too: what each filter kept and dropped, with examples
    #[arg(long)]
    report: bool,
    /// Do only the tasks whose number is RANK modulo RANKS; a call without it does the rest and ends the work
    #[arg(long, value_name = "RANK/RANKS", value_parser = rank)]
    rank: Option<Rank>,
}

fn pii_policy(name: &str) -> Result<PiiPolicy, String> {
    match name {
        "replace" => Ok(PiiPolicy::Replace),
        "drop" => Ok(PiiPolicy::Drop),
        "keep" => Ok(PiiPolicy::Keep),
        _ => Err("there are replace, drop and keep".to_string()),
    }
}

fn rank(text: &str) -> Result<Rank, String> {
    let parts = text.split_once('/').and_then(|(rank, ranks)| Some((rank.parse().ok()?, ranks.parse().ok()?)));
    parts.map(|(rank, ranks)| Rank { rank, ranks }).ok_or("write it as in 0/4, the first of four".to_string())
}

fn profile(name: &str) -> Result<Profile, String> {
    [Profile::FineWeb, Profile::Minimal, Profile::Extract]
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or("there are fineweb, minimal and extract".to_string())
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.out.join(FUNNEL).exists() {
        context::refuse_full_folder(&args.out)?;
    }
    let shelf = Shelf { inputs: args.input.clone(), profile: args.profile, dump: args.dump.clone() };
    let config = CurateConfig {
        language_model: args.language_model.clone(),
        language_threshold: args.language_threshold,
        url_lists: args.url_lists.clone(),
        pii: args.pii,
        keep_dropped: args.keep_dropped.clone(),
        languages: args.language.clone(),
        ..CurateConfig::new(vec![shelf], &args.out, context.threads)
    };
    if let Some(rank) = args.rank {
        let progress = progress(&config, context)?;
        let done = curate_rank(&config, rank, &progress, &context.stop);
        progress.finish();
        context.line(&format!("{} tasks done", done.with_context(|| format!("curating into {}", args.out.display()))?));
        return Ok(());
    }
    print!("{}", carry_out(&config, context)?.table());
    if args.report {
        context.line(&format!("report: {}", write_report(&args.out)?.display()));
    }
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Debug)]
pub struct Stage<'a> {
    /// What is read, in this order, each shelf with its filters.
    pub shelves: Vec<Shelf>,
    /// Languages that stay.
    pub languages: &'a [String],
    /// Folder of documents.
    pub out: &'a Path,
}

impl Stage<'_> {
    /// The two shelves of a built-in world's folder: its web, and its schoolbooks.
    pub fn shelves_of_world(world: &Path) -> Vec<Shelf> {
        let shelf = |name: &str, profile| Shelf { inputs: vec![world.join(name)], profile, dump: None };
        vec![shelf("web-*.warc.gz", Profile::FineWeb), shelf("schoolbooks.jsonl.gz", Profile::Minimal)]
    }
}

/// Writes the documents, `funnel.json` and `funnel.html`. What an earlier attempt with the same inputs left is taken up.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Funnel> {
    let usual = CurateConfig::new(stage.shelves.clone(), stage.out, context.threads);
    let funnel = carry_out(&CurateConfig { languages: stage.languages.to_vec(), ..usual }, context)?;
    write_report(stage.out)?;
    Ok(funnel)
}

/// A bar as long as the input.
fn progress(config: &CurateConfig, context: &Context) -> anyhow::Result<Progress> {
    let mut bytes = 0;
    for shelf in &config.shelves {
        bytes += corpus::inputs::list(&shelf.inputs)?.iter().map(|file| file.bytes).sum::<u64>();
    }
    Ok(context.progress("curate", bytes))
}

fn carry_out(config: &CurateConfig, context: &Context) -> anyhow::Result<Funnel> {
    let progress = progress(config, context)?;
    let outcome = curate(config, &progress, &context.stop);
    progress.finish();
    outcome.with_context(|| format!("curating into {}", config.output.display()))
}
