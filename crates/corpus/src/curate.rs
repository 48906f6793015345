//! The driver: files in, documents and `funnel.json` out, through the filters in their order, over all cores.
//!
//! One thread reads records in order, workers take them through the filters, and the caller's thread puts the outcomes
//! back in order, drops exact duplicates and writes. So the bytes depend on the input alone, not on the number of
//! threads; memory is bounded by a budget of bytes under way. The filters themselves stand in their own files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Condvar, Mutex, Once};

use base::progress::Progress;
use base::stop::Stop;
use serde::{Deserialize, Serialize};

use crate::documents::{Document, ParquetWriter, read_file};
use crate::funnel::{Funnel, Input, LanguageModel, Output, Step};
use crate::inputs::{InputFile, Kind, list};
use crate::language::Doubt;
use crate::record::Content;
use crate::url::UrlLists;
use crate::warc::{Entry, WarcReader, WarcRecord};
use crate::words::split_words;
use crate::{Error, Reason, Result, c4, duplicates, extract, fineweb, gopher_quality, gopher_repetition, language, record, url};

/// Which filters a text has to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// All of them, as for FineWeb: for raw web pages.
    #[default]
    FineWeb,
    /// Language and exact duplicates: for shelves chosen by hand.
    Minimal,
}

impl Profile {
    /// Its name in recipes and in `funnel.json`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::FineWeb => "fineweb",
            Profile::Minimal => "minimal",
        }
    }
}

/// Inputs that pass the same filters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shelf {
    /// Files, folders and patterns; see [`crate::inputs::list`].
    pub inputs: Vec<PathBuf>,
    /// Which filters.
    pub profile: Profile,
    /// The name of the crawl; else each file's own name.
    pub dump: Option<String>,
}

/// What to curate and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CurateConfig {
    /// What is read, in this order. A text that stands on two shelves is a duplicate on the second.
    pub shelves: Vec<Shelf>,
    /// The folder for `documents-*.parquet` and `funnel.json`. What an earlier call left of these is replaced.
    pub output: PathBuf,
    /// Languages that stay, two letters each.
    pub languages: Vec<String>,
    /// A folder with URL lists instead of the built-in ones.
    pub url_lists: Option<PathBuf>,
    /// Worker threads, at least 1.
    pub threads: usize,
}

/// The name of the file with the counts.
pub const FUNNEL: &str = "funnel.json";

/// So many bytes of records may be under way between reading and writing.
const BYTES_UNDER_WAY: u64 = 256 << 20;
/// Each record counts as so many bytes more than it has, which bounds their number too.
const BYTES_PER_RECORD: u64 = 64 << 10;

/// Runs the filters over the inputs and writes the documents that stay, in the order of the input.
///
/// Damaged records, lines and pages are dropped and counted. Errors: an input that cannot be read at all, a disk that
/// cannot be written, a stop, and an input of which nothing stays (`funnel.json` is written even then).
pub fn curate(config: &CurateConfig, progress: &Progress, stop: &Stop) -> Result<Funnel> {
    if let Some(unknown) = config.languages.iter().find(|code| !language::is_known(code)) {
        return Err(Error::Refused(format!("the language {unknown:?} is not known; use two letters, as in \"en\"")));
    }
    if config.languages.is_empty() {
        return Err(Error::Refused("no language to keep is named; name at least one, as in \"en\"".into()));
    }
    let mut files = Vec::new();
    for shelf in &config.shelves {
        files.extend(list(&shelf.inputs)?.into_iter().map(|file| (file, shelf)));
    }
    let rules = Rules {
        languages: config.languages.clone(),
        url_lists: config.url_lists.as_deref().map_or_else(|| Ok(UrlLists::built_in()), UrlLists::load)?,
    };
    remove_earlier(&config.output)?;
    silence_extractor_panics();

    let mut collector = Collector::new(config)?;
    let budget = Budget::default();
    let cancelled = AtomicBool::new(false);
    let (job_sender, jobs) = sync_channel::<Job>(config.threads.max(1) * 2);
    let jobs = Mutex::new(jobs);
    let (sender, outcomes) = channel::<(u64, Outcome)>();
    let read = std::thread::scope(|scope| -> Result<()> {
        for worker in 0..config.threads.max(1) {
            let (sender, jobs, rules) = (sender.clone(), &jobs, &rules);
            let builder = std::thread::Builder::new().name(format!("{WORKER}{worker}")).stack_size(extract::STACK_BYTES);
            builder
                .spawn_scoped(scope, move || work(jobs, sender, rules))
                .map_err(|source| Error::Refused(format!("cannot start worker thread {worker}: {source}; use fewer with --threads")))?;
        }
        let feed = Feed { jobs: job_sender, sender, budget: &budget, cancelled: &cancelled, stop, next: 0 };
        scope.spawn(|| read_all(&files, feed, progress));
        let collected = collector.collect(outcomes, &budget);
        cancelled.store(true, Ordering::SeqCst);
        budget.wake();
        collected
    });
    read?;
    if stop.requested() {
        return Err(base::Error::Stopped.into());
    }
    let input = Input { files: files.len() as u64, records: collector.records, bytes: files.iter().map(|(file, _)| file.bytes).sum() };
    let funnel = collector.finish(config, input)?;
    base::files::write_json(&config.output.join(FUNNEL), &funnel)?;
    if funnel.output.documents == 0 {
        return Err(Error::Refused(format!(
            "nothing is left of {} records: {}; {} says why each was dropped",
            funnel.input.records,
            worst_step(&funnel),
            config.output.join(FUNNEL).display()
        )));
    }
    Ok(funnel)
}

/// The filter that dropped most, in words.
fn worst_step(funnel: &Funnel) -> String {
    let worst = funnel.steps.iter().rev().max_by_key(|step| step.dropped).filter(|step| step.dropped > 0);
    worst.map_or("there were none".to_string(), |step| format!("the filter {} dropped {}", step.name, step.dropped))
}

/// Removes what an earlier call wrote, so that no old shard stays beside the new ones.
fn remove_earlier(output: &std::path::Path) -> Result<()> {
    base::files::create_folder(output)?;
    base::files::remove(&output.join(FUNNEL))?;
    let entries = std::fs::read_dir(output).map_err(|source| Error::io(output, "read", source))?;
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("documents-") && name.ends_with(".parquet") {
            base::files::remove(&entry.path())?;
        }
    }
    Ok(base::files::remove_partials(output)?)
}

/// How the workers' threads are called.
const WORKER: &str = "curate-";

/// A page that makes the extractor panic is dropped and counted; the panic's own message would only frighten.
fn silence_extractor_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let in_dependency = info.location().is_none_or(|location| !location.file().contains("crates/corpus"));
            if !(in_dependency && std::thread::current().name().is_some_and(|name| name.starts_with(WORKER))) {
                others(info);
            }
        }));
    });
}

// ---- reading -------------------------------------------------------------------------------------------------------

/// A record on its way to a worker.
struct Job {
    number: u64,
    item: Item,
    profile: Profile,
    dump: String,
    file_path: String,
    /// What it takes of the budget.
    cost: u64,
}

enum Item {
    Record(WarcRecord),
    Document(Document),
}

/// Where the reader puts what it reads.
struct Feed<'a> {
    jobs: SyncSender<Job>,
    sender: Sender<(u64, Outcome)>,
    budget: &'a Budget,
    cancelled: &'a AtomicBool,
    stop: &'a Stop,
    next: u64,
}

impl Feed<'_> {
    fn ended(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst) || self.stop.requested()
    }

    /// Hands a record to the workers, once there is room for it.
    fn send(&mut self, item: Item, file: &InputFile, shelf: &Shelf) {
        let (bytes, dump, file_path) = match &item {
            Item::Record(record) => (record.block.len(), String::new(), String::new()),
            Item::Document(document) => (document.text.len(), document.dump.clone(), document.file_path.clone()),
        };
        let or = |own: String, other: &str| if own.is_empty() { other.to_string() } else { own };
        let dump = shelf.dump.clone().unwrap_or_else(|| or(dump, file.stem()));
        let cost = bytes as u64 + BYTES_PER_RECORD;
        self.budget.take(cost, self.cancelled);
        let job = Job { number: self.next, item, profile: shelf.profile, dump, file_path: or(file_path, &file.name), cost };
        self.next += 1;
        let _ = self.jobs.send(job); // fails only when the workers are gone, which ends everything
    }

    /// Something that is no record, or an error that ends it all.
    fn report(&mut self, outcome: Outcome) {
        let _ = self.sender.send((self.next, outcome));
        self.next += 1;
    }
}

/// Reads all files in order.
fn read_all(files: &[(InputFile, &Shelf)], mut feed: Feed, progress: &Progress) {
    for (file, shelf) in files {
        if feed.ended() {
            return;
        }
        if let Err(error) = read_one(file, shelf, &mut feed, progress) {
            feed.report(Outcome::Fatal(error));
            return;
        }
    }
}

fn read_one(file: &InputFile, shelf: &Shelf, feed: &mut Feed, progress: &Progress) -> Result<()> {
    let mut reported = 0;
    if file.kind == Kind::Warc {
        let mut reader = WarcReader::open(&file.path)?;
        while let Some(entry) = reader.next() {
            match entry {
                Entry::Record(record) => feed.send(Item::Record(record), file, shelf),
                Entry::Damaged { offset, why } => {
                    progress.line(&format!("{}: the record at byte {offset} is dropped: {why}", file.path.display()));
                    feed.report(Outcome::dropped(Reason("record/damaged")));
                }
            }
            progress.advance(reader.position() - reported);
            reported = reader.position();
            if feed.ended() {
                return Ok(());
            }
        }
    } else {
        for row in read_file(file)? {
            match row {
                Ok(document) => feed.send(Item::Document(document), file, shelf),
                Err(Error::Base(base::Error::Damaged { path, place, why, .. })) => {
                    progress.line(&format!("{}: {place} is dropped: {why}", path.display()));
                    feed.report(Outcome::dropped(Reason("record/damaged")));
                }
                Err(error) => return Err(error),
            }
            if feed.ended() {
                return Ok(());
            }
        }
    }
    progress.advance(file.bytes - reported);
    Ok(())
}

/// Bytes under way. The reader waits while there are too many.
#[derive(Default)]
struct Budget {
    taken: Mutex<u64>,
    freed: Condvar,
}

impl Budget {
    /// Waits until there is room, or until all is cancelled. A single record always has room.
    fn take(&self, cost: u64, cancelled: &AtomicBool) {
        let mut taken = self.taken.lock().expect("no holder panics");
        while *taken > 0 && *taken + cost > BYTES_UNDER_WAY && !cancelled.load(Ordering::SeqCst) {
            taken = self.freed.wait(taken).expect("no holder panics");
        }
        *taken += cost;
    }

    fn give_back(&self, cost: u64) {
        *self.taken.lock().expect("no holder panics") -= cost;
        self.freed.notify_one();
    }

    fn wake(&self) {
        let _taken = self.taken.lock().expect("no holder panics");
        self.freed.notify_all();
    }
}

// ---- filtering -----------------------------------------------------------------------------------------------------

/// The filters' settings, shared by the workers.
struct Rules {
    languages: Vec<String>,
    url_lists: UrlLists,
}

/// The filters in their order, as `funnel.json` names them.
const STEPS: [&str; 9] = ["record", "url", "extract", "language", "gopher_repetition", "gopher_quality", "c4", "fineweb", EXACT_DUPLICATE];
const EXACT_DUPLICATE: &str = "exact_duplicate";

/// A filter passed: its name, the bytes that went on, and whether the profile asked for it.
type Passed = (&'static str, u64, bool);

/// What became of a record.
enum Outcome {
    /// It went through some filters, and was dropped by one or stayed so far.
    Done { passed: Vec<Passed>, end: std::result::Result<Box<(Document, [u8; 16])>, (&'static str, Reason)>, cost: u64 },
    /// The input cannot be read on.
    Fatal(Error),
}

impl Outcome {
    /// A record that did not come through the first filter.
    fn dropped(reason: Reason) -> Outcome {
        Outcome::Done { passed: Vec::new(), end: Err((STEPS[0], reason)), cost: 0 }
    }
}

/// A worker: takes records until there are no more.
fn work(jobs: &Mutex<Receiver<Job>>, sender: Sender<(u64, Outcome)>, rules: &Rules) {
    loop {
        let job = jobs.lock().expect("no holder panics").recv();
        let Ok(job) = job else { return };
        let (number, cost) = (job.number, job.cost);
        let mut passed = Vec::with_capacity(STEPS.len());
        let end = filter(job, rules, &mut passed).map(Box::new);
        if sender.send((number, Outcome::Done { passed, end, cost })).is_err() {
            return;
        }
    }
}

/// Takes one record through the filters, up to exact duplicates. A filter that its profile does not ask for lets it pass.
fn filter(job: Job, rules: &Rules, passed: &mut Vec<Passed>) -> std::result::Result<(Document, [u8; 16]), (&'static str, Reason)> {
    let all = job.profile == Profile::FineWeb;
    let mut pass = |step: &'static str, bytes: usize, asked: bool| passed.push((step, bytes as u64, asked));

    let (mut document, content) = match job.item {
        Item::Document(mut document) => {
            let text = std::mem::take(&mut document.text);
            (document, Content::Text(text))
        }
        Item::Record(warc) => {
            let page = record::page(&warc).map_err(|reason| ("record", reason))?;
            (Document { id: page.id, url: page.url, date: page.date, ..Document::default() }, page.content)
        }
    };
    document.dump = job.dump;
    document.file_path = job.file_path;
    pass("record", content.bytes() as usize, true);

    let is_page = !matches!(content, Content::Text(_));
    if all && is_page {
        url::check(&document.url, &rules.url_lists).map_err(|reason| ("url", reason))?;
    }
    pass("url", content.bytes() as usize, all && is_page);

    let mut text = extract::main_text(content).map_err(|reason| ("extract", reason))?;
    pass("extract", text.len(), true);

    let doubt = if all { Doubt::Drops } else { Doubt::Keeps };
    let detected = language::detect(&text);
    language::check(&detected, &rules.languages, doubt).map_err(|reason| ("language", reason))?;
    pass("language", text.len(), true);

    if all {
        let words = split_words(&text);
        gopher_repetition::check(&text, &words).map_err(|reason| ("gopher_repetition", reason))?;
        pass("gopher_repetition", text.len(), true);

        gopher_quality::check(&text, &words).map_err(|reason| ("gopher_quality", reason))?;
        pass("gopher_quality", text.len(), true);

        text = c4::rewrite(&text).map_err(|reason| ("c4", reason))?;
        pass("c4", text.len(), true);

        fineweb::check(&text).map_err(|reason| ("fineweb", reason))?;
        pass("fineweb", text.len(), true);
    } else {
        ["gopher_repetition", "gopher_quality", "c4", "fineweb"].into_iter().for_each(|step| pass(step, text.len(), false));
    }

    document.text = text;
    let is_wanted = rules.languages.contains(&detected.code);
    // What stays by the benefit of the doubt is in no language that is known.
    (document.language, document.language_score) = if is_wanted { (detected.code, detected.score) } else { ("und".to_string(), 0.0) };
    document.token_count = split_words(&document.text).len() as i64;
    let hash = duplicates::hash(&document.text);
    Ok((document, hash))
}

// ---- collecting ----------------------------------------------------------------------------------------------------

/// Puts outcomes in order, drops duplicates, counts and writes.
struct Collector {
    writer: ParquetWriter,
    seen: duplicates::Seen,
    steps: BTreeMap<&'static str, Step>,
    /// Filters that some record was asked to pass.
    asked: BTreeSet<&'static str>,
    records: u64,
}

impl Collector {
    fn new(config: &CurateConfig) -> Result<Collector> {
        let writer = ParquetWriter::create(&config.output)?;
        Ok(Collector { writer, seen: duplicates::Seen::default(), steps: BTreeMap::new(), asked: BTreeSet::new(), records: 0 })
    }

    /// Takes outcomes until all senders are gone.
    fn collect(&mut self, outcomes: Receiver<(u64, Outcome)>, budget: &Budget) -> Result<()> {
        let mut waiting: BTreeMap<u64, Outcome> = BTreeMap::new();
        for (number, outcome) in outcomes {
            waiting.insert(number, outcome);
            while let Some(outcome) = waiting.remove(&self.records) {
                self.records += 1;
                self.take(outcome, budget)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, outcome: Outcome, budget: &Budget) -> Result<()> {
        let (passed, end, cost) = match outcome {
            Outcome::Done { passed, end, cost } => (passed, end, cost),
            Outcome::Fatal(error) => return Err(error),
        };
        budget.give_back(cost);
        for (step, bytes, asked) in passed {
            self.step(step).keep(bytes);
            if asked {
                self.asked.insert(step);
            }
        }
        match end {
            Err((step, reason)) => {
                self.step(step).drop(reason);
                self.asked.insert(step);
            }
            Ok(kept) => {
                self.asked.insert(EXACT_DUPLICATE);
                let (document, hash) = *kept;
                match duplicates::check(hash, &mut self.seen) {
                    Err(reason) => self.step(EXACT_DUPLICATE).drop(reason),
                    Ok(()) => {
                        self.step(EXACT_DUPLICATE).keep(document.text.len() as u64);
                        self.writer.write(document)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, name: &'static str) -> &mut Step {
        self.steps.entry(name).or_insert_with(|| Step { name: name.to_string(), ..Step::default() })
    }

    /// Ends the last file and gives the counts. Filters that no record was asked to pass are left out.
    fn finish(mut self, config: &CurateConfig, input: Input) -> Result<Funnel> {
        let written = self.writer.finish()?;
        let mut profiles: Vec<&str> = config.shelves.iter().map(|shelf| shelf.profile.name()).collect();
        profiles.dedup();
        Ok(Funnel {
            profile: profiles.join(" + "),
            input,
            steps: STEPS.iter().filter(|name| self.asked.contains(*name)).filter_map(|name| self.steps.remove(name)).collect(),
            language: LanguageModel { model: language::MODEL.to_string(), threshold: language::THRESHOLD },
            output: Output { documents: written.documents, bytes: written.bytes },
        })
    }
}
