//! `curate`: raw pages to clean documents.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use corpus::curate::{CurateConfig, FUNNEL, Profile, Shelf, curate};
use corpus::funnel::Funnel;

use crate::context::{self, Context};

/// Cleans pages: picks the main text, the language and the quality, and drops duplicates.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// WARC, WET, Parquet, JSON lines, text and Markdown files, folders of these, or patterns; may be given several times
    #[arg(long, required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Folder of documents to write
    #[arg(long)]
    out: PathBuf,
    /// fineweb: all filters, for raw web pages; minimal: language and exact duplicates, for shelves chosen by hand
    #[arg(long, default_value = "fineweb", value_parser = profile)]
    profile: Profile,
    /// Languages that stay, two letters each
    #[arg(long, default_value = "en", num_args = 1.., value_name = "CODE")]
    language: Vec<String>,
    /// Folder of URL lists in FineWeb's format, instead of the small built-in ones
    #[arg(long, value_name = "FOLDER")]
    url_lists: Option<PathBuf>,
    /// Name of the crawl [default: each file's own name]
    #[arg(long, value_name = "NAME")]
    dump: Option<String>,
}

fn profile(name: &str) -> Result<Profile, String> {
    [Profile::FineWeb, Profile::Minimal]
        .into_iter()
        .find(|profile| profile.name() == name)
        .ok_or("there are fineweb and minimal".to_string())
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.out.join(FUNNEL).exists() {
        context::refuse_full_folder(&args.out)?;
    }
    let shelf = Shelf { inputs: args.input.clone(), profile: args.profile, dump: args.dump.clone() };
    let stage_of = Stage { shelves: vec![shelf], languages: &args.language, url_lists: args.url_lists.as_deref(), out: &args.out };
    let funnel = stage(&stage_of, context)?;
    print!("{}", funnel.table());
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Debug)]
pub struct Stage<'a> {
    /// What is read, in this order, each shelf with its filters.
    pub shelves: Vec<Shelf>,
    /// Languages that stay.
    pub languages: &'a [String],
    /// Folder of URL lists; built-in ones if absent.
    pub url_lists: Option<&'a Path>,
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

/// Writes the documents and `funnel.json`, in place of what an earlier attempt left.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Funnel> {
    let config = CurateConfig {
        shelves: stage.shelves.clone(),
        output: stage.out.to_path_buf(),
        languages: stage.languages.to_vec(),
        url_lists: stage.url_lists.map(Path::to_path_buf),
        threads: context.threads,
    };
    let mut bytes = 0;
    for shelf in &config.shelves {
        bytes += corpus::inputs::list(&shelf.inputs)?.iter().map(|file| file.bytes).sum::<u64>();
    }
    let progress = context.progress("curate", bytes);
    let outcome = curate(&config, &progress, &context.stop);
    progress.finish();
    outcome.with_context(|| format!("curating into {}", stage.out.display()))
}
