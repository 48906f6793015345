//! `search`: what the search tool answers, from an index over documents that is made where there is none.

use std::path::{Path, PathBuf};
use std::time::{Instant, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use base::files;
use corpus::inputs;
use engine::Tool;
use tools::search::{Document, Search, SearchIndex, SearchLimits};

use super::tokenize::DocumentReader;
use crate::context::Context;

/// Shows what a model reads when it searches documents; makes the index over them, or opens it
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Documents: Parquet, JSON lines, text files, or folders and patterns of these; may be given several times
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    documents: Vec<PathBuf>,
    /// Plain words; may be given several times
    #[arg(long, required = true, value_name = "TEXT")]
    query: Vec<String>,
    /// Folder of the index, made again when the documents changed [default: beside the documents, NAME.index]
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// Pages of an answer
    #[arg(long, default_value_t = SearchLimits::default().hits, value_name = "N")]
    hits: usize,
    /// Characters of an answer, without the addresses
    #[arg(long, default_value_t = SearchLimits::default().characters, value_name = "N")]
    characters: usize,
}

/// Runs the command: answers on stdout, times beside them.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let begun = Instant::now();
    let index = open_index(&args.documents, args.index.as_deref(), context)?;
    context.line(&format!("index of {} documents ready after {:.2} s", index.documents(), begun.elapsed().as_secs_f64()));
    let search = Search::new(Box::new(index), SearchLimits { hits: args.hits, characters: args.characters });
    for query in &args.query {
        let begun = Instant::now();
        let output = search.call(query);
        let ms = begun.elapsed().as_secs_f64() * 1000.0;
        if args.query.len() > 1 {
            println!("> {query}");
        }
        println!("{}", output.text);
        context.line(&format!("{} pages in {ms:.2} ms", output.sources.len()));
    }
    Ok(())
}

/// The index over documents: that of the folder if it was made from them, a new one otherwise.
pub fn open_index(documents: &[PathBuf], folder: Option<&Path>, context: &Context) -> anyhow::Result<SearchIndex> {
    let folder = folder.map_or_else(|| default_folder(documents), |folder| Ok(folder.to_path_buf()))?;
    let fingerprint = fingerprint(documents)?;
    if let Some(index) = SearchIndex::open_of(&folder, &fingerprint) {
        return Ok(index);
    }
    if folder.exists() && !SearchIndex::is_index(&folder) {
        bail!("{} is no search index; name another folder with --index", folder.display());
    }
    let mut reader = DocumentReader::open(documents)?;
    let progress = context.progress("index", 0);
    let rows = |row: corpus::Document| Document { id: row.id, url: row.url, date: row.date, text: row.text };
    let built = SearchIndex::build(&folder, &fingerprint, &mut reader.by_ref().map(rows), &progress, &context.stop);
    progress.finish();
    let index = built.with_context(|| format!("indexing into {}; another folder can be named with --index", folder.display()))?;
    if let Err(error) = reader.close(context) {
        files::remove(&folder)?; // it holds a part of the documents only
        return Err(error);
    }
    Ok(index)
}

/// Beside the documents, under their name.
fn default_folder(documents: &[PathBuf]) -> anyhow::Result<PathBuf> {
    let first = documents.first().and_then(|first| std::fs::canonicalize(first).ok());
    match first.as_deref().map(|first| (first.file_name(), first)) {
        Some((Some(name), first)) => Ok(first.with_file_name(format!("{}.index", name.to_string_lossy()))),
        _ => bail!("name a folder for the index with --index; there is none beside {}", documents[0].display()),
    }
}

/// What stands for the documents: their files' names, sizes and times of change.
fn fingerprint(documents: &[PathBuf]) -> anyhow::Result<String> {
    let mut rows = String::new();
    for file in inputs::list(documents)? {
        let changed = std::fs::metadata(&file.path).and_then(|data| data.modified()).ok();
        let nanos = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok()).map_or(0, |time| time.as_nanos());
        rows += &format!("{} {} {nanos}\n", file.name, file.bytes);
    }
    Ok(files::hash_bytes(rows.as_bytes()))
}
