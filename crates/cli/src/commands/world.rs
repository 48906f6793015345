//! `world`: a seed to the built-in web, its answer key, conversations and problems.
//!
//! Joins the generator with the WARC writer; neither knows of the other.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use anyhow::Context as _;
use base::files::{AtomicFile, write_json};
use corpus::warc::{WarcPage, WarcWriter};
use serde::Serialize;
use world::{Page, Size, Summary, World, WorldConfig};

use crate::context::{self, Context};

/// Writes the built-in web: pages in WARC, schoolbooks, the answer key, conversations and problems.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Everything follows from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much: `smoke` (for tests) or `demo`
    #[arg(long, default_value = "demo", value_parser = size)]
    size: Size,
    /// Further pages that the filters are there for
    #[arg(long, value_name = "PAGES", default_value_t = 0)]
    junk: usize,
    /// Pages in Spanish
    #[arg(long, value_name = "PAGES", default_value_t = 0)]
    spanish: usize,
    /// Folder to write
    #[arg(long)]
    out: PathBuf,
}

fn size(name: &str) -> Result<Size, String> {
    match name {
        "smoke" => Ok(Size::Smoke),
        "demo" => Ok(Size::Demo),
        other => Err(format!("there is no size {other:?}; use smoke or demo")),
    }
}

/// The summary of a written world; written last.
pub const WORLD: &str = "world.json";
/// The web is spread over so many archives, as crawls are.
const N_ARCHIVES: usize = 2;
/// When the archives were made, as it stands in their first records.
const ARCHIVED: &str = "2026-07-01T00:00:00Z";

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.out.join(WORLD).exists() {
        context::refuse_full_folder(&args.out)?;
    }
    let config = WorldConfig { seed: args.seed, size: args.size, junk: args.junk, spanish: args.spanish };
    let summary = stage(&config, &args.out, context)?;
    let count = |name: &str| summary.pages.get(name).copied().unwrap_or(0);
    context.line(&format!(
        "{} pages of the web, {} schoolbook pages, {} facts, {} conversations, {} problems",
        count("web"),
        count("schoolbooks"),
        summary.facts.values().sum::<usize>(),
        summary.conversations.values().sum::<usize>(),
        summary.problems.values().sum::<usize>()
    ));
    println!("{}", args.out.display());
    Ok(())
}

/// Writes the world's files, in place of what an earlier attempt left.
pub fn stage(config: &WorldConfig, out: &Path, context: &Context) -> anyhow::Result<Summary> {
    let world = World::build(config);
    write_all(&world, out, context).with_context(|| format!("writing the world in {}", out.display()))
}

fn write_all(world: &World, out: &Path, context: &Context) -> anyhow::Result<Summary> {
    let summary = world.summary();
    let n_pages = summary.pages.get("web").copied().unwrap_or(0);
    let progress = context.progress("world", n_pages as u64);
    let mut pages = world.pages();
    for archive in 0..N_ARCHIVES {
        let name = format!("web-{archive:05}.warc.gz");
        let n_here = n_pages * (archive + 1) / N_ARCHIVES - n_pages * archive / N_ARCHIVES;
        let mut writer = Archive::create(&out.join(&name), &name)?;
        for page in pages.by_ref().take(n_here) {
            if context.stop.requested() {
                return Err(base::Error::Stopped.into());
            }
            writer.page(page)?;
            progress.advance(1);
        }
        writer.commit()?;
    }
    progress.finish();

    let mut books = AtomicFile::create(&out.join("schoolbooks.jsonl.gz"))?;
    world.write_schoolbooks(&mut books)?;
    books.commit()?;
    write_lines(&out.join("answers.jsonl"), world.rows())?;
    write_lines(&out.join("conversations.jsonl"), world.conversations.iter())?;
    write_lines(&out.join("tools.jsonl"), world.tool_lessons.iter())?;
    write_lines(&out.join("questions.jsonl"), world.questions.iter())?;
    write_lines(&out.join("problems.jsonl"), world.problems.iter())?;
    write_json(&out.join(WORLD), &summary)?;
    Ok(summary)
}

fn write_lines(path: &Path, rows: impl Iterator<Item = impl Serialize>) -> anyhow::Result<()> {
    let mut file = AtomicFile::create(path)?;
    for row in rows {
        serde_json::to_writer(&mut file, &row)?;
        file.write_all(b"\n")?;
    }
    file.commit()?;
    Ok(())
}

/// A WARC file, some of whose records are cut short on purpose.
struct Archive {
    writer: WarcWriter<Shears>,
    shears: Shears,
    file: AtomicFile,
}

impl Archive {
    fn create(path: &Path, name: &str) -> anyhow::Result<Archive> {
        let shears = Shears::default();
        let writer = WarcWriter::new(shears.clone(), name, ARCHIVED)?;
        let mut archive = Archive { writer, shears, file: AtomicFile::create(path)? };
        archive.pass_on(0)?;
        Ok(archive)
    }

    fn page(&mut self, page: Page) -> anyhow::Result<()> {
        let Page { url, date, status, headers, body, cut } = page;
        self.writer.page(&WarcPage { url, date, http_status: status, headers, body })?;
        self.pass_on(cut)
    }

    /// Writes what the writer has made of a record, without its last `cut` bytes.
    fn pass_on(&mut self, cut: usize) -> anyhow::Result<()> {
        let record = self.shears.0.take();
        self.file.write_all(&record[..record.len().saturating_sub(cut)])?;
        Ok(())
    }

    fn commit(mut self) -> anyhow::Result<()> {
        self.writer.finish()?;
        let rest = self.shears.0.take();
        self.file.write_all(&rest)?;
        self.file.commit()?;
        Ok(())
    }
}

/// Holds the bytes of the record that is being written.
#[derive(Clone, Debug, Default)]
struct Shears(Rc<RefCell<Vec<u8>>>);

impl Write for Shears {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
