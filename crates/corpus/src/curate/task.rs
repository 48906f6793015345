//! One task: its records through the filters, on all threads, into a folder.
//!
//! One thread reads records in order, workers take them through the filters, and the caller's thread puts the verdicts back
//! in order and writes. Knows nothing of other tasks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Condvar, Mutex};

use base::files::{AtomicDir, AtomicFile};
use base::progress::Progress;
use base::stop::Stop;
use serde::{Deserialize, Serialize};

use super::examples::{Examples, order_of};
use super::filters::{Dropped, EXACT_DUPLICATE, Item, Kept, NEAR_DUPLICATE, PII, Rules, STEPS, Verdict, filter};
use super::plan::{Plan, Task};
use super::{EXAMPLES, Profile, TIMING, worker};
use crate::documents::{ParquetWriter, read_file};
use crate::funnel::{Histogram, Input, Step};
use crate::inputs::{InputFile, Kind};
use crate::minhash::SignatureWriter;
use crate::warc::{Entry, WarcReader};
use crate::{Error, Reason, Result};

/// So many bytes of records may be under way between reading and writing.
const BYTES_UNDER_WAY: u64 = 128 << 20;
/// Each record counts as so many bytes more than it has, which bounds their number too.
const BYTES_PER_RECORD: u64 = 64 << 10;

/// The counts of a task.
pub const COUNTS: &str = "counts.json";
/// The hashes of a task's documents, 16 bytes each.
pub const HASHES: &str = "hashes.bin";
/// Their signatures, by their numbers in the task.
pub const SIGNATURES: &str = "signatures.bin";

/// What a task met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    /// What was read.
    pub input: Input,
    /// The steps in their order.
    pub steps: Vec<Step>,
    /// Names of those that some record was asked to pass.
    pub asked: BTreeSet<String>,
    /// Texts by the language that was found.
    pub languages: BTreeMap<String, u64>,
    /// Characters of the texts that stayed so far.
    pub kept_characters: Histogram,
    /// Characters of the texts that were dropped behind extraction.
    pub dropped_characters: Histogram,
    /// Documents that stayed so far.
    pub documents: u64,
}

/// Nanoseconds that a task's records took in each step, all threads together.
pub type Nanos = BTreeMap<String, u64>;

/// A task's entry in `timing.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskTime {
    /// The task.
    pub task: usize,
    /// Seconds by the clock on the wall.
    pub seconds: f64,
    /// Threads.
    pub threads: usize,
    /// Nanoseconds in each step, all threads together.
    pub nanos: Nanos,
}

/// Does a task and leaves its folder.
pub fn run(plan: &Plan, task: &Task, progress: &Progress, stop: &Stop) -> Result<()> {
    let began = std::time::Instant::now();
    let folder = AtomicDir::create(&plan.folder(task))?;
    let threads = plan.config.threads.max(1);
    let mut collector = Collector::new(folder.path(), task, plan.config.keep_dropped.is_some())?;
    let budget = Budget::default();
    let cancelled = AtomicBool::new(false);
    let extraction_bound = AtomicU64::new(u64::MAX);
    let (job_sender, jobs) = sync_channel::<Job>(threads * 2);
    let jobs = Mutex::new(jobs);
    let (sender, outcomes) = channel::<(u64, Outcome)>();
    std::thread::scope(|scope| -> Result<()> {
        for number in 0..threads {
            let (sender, jobs, rules, bound) = (sender.clone(), &jobs, &plan.rules, &extraction_bound);
            worker(number)
                .spawn_scoped(scope, move || work(jobs, sender, task, rules, bound))
                .map_err(|source| Error::Refused(format!("cannot start worker thread {number}: {source}; use fewer with --threads")))?;
        }
        let feed = Feed { jobs: job_sender, sender, budget: &budget, cancelled: &cancelled, stop, task, next: 0 };
        scope.spawn(|| read_all(feed, progress));
        let collected = collector.collect(outcomes, &budget, &extraction_bound);
        cancelled.store(true, Ordering::SeqCst);
        budget.wake();
        collected
    })?;
    if stop.requested() {
        return Err(base::Error::Stopped.into());
    }
    let nanos = collector.finish(task)?;
    let time = TaskTime { task: task.number, seconds: began.elapsed().as_secs_f64(), threads, nanos };
    base::files::write_json(&folder.path().join(TIMING), &time)?;
    Ok(folder.commit()?)
}

// ---- reading -------------------------------------------------------------------------------------------------------

/// A record on its way to a worker.
struct Job {
    number: u64,
    item: Item,
    dump: String,
    file_path: String,
    /// What it takes of the budget.
    cost: u64,
}

/// What became of a record.
enum Outcome {
    /// It went through some filters.
    Done { verdict: Box<Verdict>, cost: u64 },
    /// It is no record.
    Damaged,
    /// The input cannot be read on.
    Fatal(Error),
}

/// Where the reader puts what it reads.
struct Feed<'a> {
    jobs: SyncSender<Job>,
    sender: Sender<(u64, Outcome)>,
    budget: &'a Budget,
    cancelled: &'a AtomicBool,
    stop: &'a Stop,
    task: &'a Task,
    next: u64,
}

impl Feed<'_> {
    fn ended(&self) -> bool {
        self.cancelled.load(Ordering::SeqCst) || self.stop.requested()
    }

    /// Hands a record to the workers, once there is room for it.
    fn send(&mut self, item: Item, file: &InputFile) {
        let (bytes, dump, file_path) = match &item {
            Item::Record(record) => (record.block.len(), String::new(), String::new()),
            Item::Document(document) => (document.text.len(), document.dump.clone(), document.file_path.clone()),
        };
        let or = |own: String, other: &str| if own.is_empty() { other.to_string() } else { own };
        let dump = self.task.dump.clone().unwrap_or_else(|| or(dump, file.stem()));
        let cost = bytes as u64 + BYTES_PER_RECORD;
        self.budget.take(cost, self.cancelled);
        let job = Job { number: self.next, item, dump, file_path: or(file_path, &file.name), cost };
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
fn read_all(mut feed: Feed, progress: &Progress) {
    for file in &feed.task.files {
        if feed.ended() {
            return;
        }
        if let Err(error) = read_one(file, &mut feed, progress) {
            feed.report(Outcome::Fatal(error));
            return;
        }
    }
}

fn read_one(file: &InputFile, feed: &mut Feed, progress: &Progress) -> Result<()> {
    let mut reported = 0;
    if file.kind == Kind::Warc {
        let mut reader = WarcReader::open(&file.path)?;
        while let Some(entry) = reader.next() {
            match entry {
                Entry::Record(record) => feed.send(Item::Record(record), file),
                Entry::Damaged { offset, why } => {
                    progress.line(&format!("{}: the record at byte {offset} is dropped: {why}", file.path.display()));
                    feed.report(Outcome::Damaged);
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
                Ok(document) => feed.send(Item::Document(document), file),
                Err(Error::Base(base::Error::Damaged { path, place, why, .. })) => {
                    progress.line(&format!("{}: {place} is dropped: {why}", path.display()));
                    feed.report(Outcome::Damaged);
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

/// A worker: takes records until there are no more.
fn work(jobs: &Mutex<Receiver<Job>>, sender: Sender<(u64, Outcome)>, task: &Task, rules: &Rules, extraction_bound: &AtomicU64) {
    let wants_html = |id: &str| order_of(id) < extraction_bound.load(Ordering::Relaxed);
    loop {
        let job = jobs.lock().expect("no holder panics").recv();
        let Ok(Job { number, item, dump, file_path, cost }) = job else { return };
        let verdict = Box::new(filter(item, task.profile, dump, file_path, rules, &wants_html));
        if sender.send((number, Outcome::Done { verdict, cost })).is_err() {
            return;
        }
    }
}

// ---- collecting ----------------------------------------------------------------------------------------------------

/// Puts verdicts in order, counts and writes.
struct Collector<'a> {
    folder: &'a Path,
    profile: Profile,
    writer: ParquetWriter,
    dropped: Option<ParquetWriter>,
    hashes: AtomicFile,
    signatures: SignatureWriter,
    counts: Counts,
    steps: BTreeMap<&'static str, Step>,
    nanos: Nanos,
    examples: Examples,
}

impl Collector<'_> {
    fn new<'a>(folder: &'a Path, task: &Task, keeps_dropped: bool) -> Result<Collector<'a>> {
        let dropped = || ParquetWriter::of_dropped(folder, &format!("dropped-{:05}", task.number));
        Ok(Collector {
            folder,
            profile: task.profile,
            writer: ParquetWriter::create(folder)?,
            dropped: keeps_dropped.then(dropped).transpose()?,
            hashes: AtomicFile::create(&folder.join(HASHES))?,
            signatures: SignatureWriter::create(&folder.join(SIGNATURES))?,
            counts: Counts::default(),
            steps: BTreeMap::new(),
            nanos: Nanos::new(),
            examples: Examples::default(),
        })
    }

    /// Takes outcomes until all senders are gone.
    fn collect(&mut self, outcomes: Receiver<(u64, Outcome)>, budget: &Budget, extraction_bound: &AtomicU64) -> Result<()> {
        let mut waiting: BTreeMap<u64, Outcome> = BTreeMap::new();
        for (number, outcome) in outcomes {
            waiting.insert(number, outcome);
            while let Some(outcome) = waiting.remove(&self.counts.input.records) {
                self.counts.input.records += 1;
                match outcome {
                    Outcome::Fatal(error) => return Err(error),
                    Outcome::Damaged => self.count_drop(STEPS[0], Reason("record/damaged")),
                    Outcome::Done { verdict, cost } => {
                        self.take(*verdict)?;
                        budget.give_back(cost);
                        extraction_bound.store(self.examples.extraction_bound(), Ordering::Relaxed);
                    }
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, verdict: Verdict) -> Result<()> {
        for passed in &verdict.passed {
            self.step(passed.step).keep(passed.bytes);
            if passed.asked {
                self.counts.asked.insert(passed.step.to_string());
            }
            *self.nanos.entry(passed.step.to_string()).or_default() += passed.nanos;
        }
        if let Some(language) = verdict.language {
            *self.counts.languages.entry(language).or_default() += 1;
        }
        let document = match &verdict.end {
            Ok(kept) => &kept.document,
            Err(dropped) => &dropped.document,
        };
        if let Some((html, text)) = &verdict.extraction {
            self.examples.offer_extraction(&document.id, document.name(), html, text);
        }
        match verdict.end {
            Ok(kept) => self.keep(*kept),
            Err(dropped) => self.drop(*dropped),
        }
    }

    fn keep(&mut self, kept: Kept) -> Result<()> {
        let asked = [EXACT_DUPLICATE, NEAR_DUPLICATE, PII].into_iter().filter(|step| self.profile.asks(step));
        self.counts.asked.extend(asked.map(String::from));
        self.counts.documents += 1;
        self.counts.kept_characters.add(kept.document.text.chars().count());
        *self.nanos.entry(NEAR_DUPLICATE.to_string()).or_default() += kept.signature_nanos;
        if let Some(signature) = &kept.signature {
            let number = u32::try_from(self.counts.documents - 1)
                .map_err(|_| Error::Refused("a single file of more than 4 billion documents; split it".into()))?;
            self.signatures.push(number, signature)?;
        }
        self.hashes.write_all(&kept.hash).map_err(|source| Error::io(&self.folder.join(HASHES), "write", source))?;
        self.writer.write(kept.document)
    }

    fn drop(&mut self, dropped: Dropped) -> Result<()> {
        let Dropped { step, reason, nanos, document } = dropped;
        self.count_drop(step, reason);
        *self.nanos.entry(step.to_string()).or_default() += nanos;
        if !document.text.is_empty() {
            self.counts.dropped_characters.add(document.text.chars().count());
        }
        self.examples.offer_dropped(reason.0, &document.id, document.name(), &document.text);
        match &mut self.dropped {
            Some(writer) => writer.write_dropped(document, reason.0),
            None => Ok(()),
        }
    }

    fn count_drop(&mut self, step: &'static str, reason: Reason) {
        self.step(step).drop(reason);
        self.counts.asked.insert(step.to_string());
    }

    fn step(&mut self, name: &'static str) -> &mut Step {
        self.steps.entry(name).or_insert_with(|| Step { name: name.to_string(), ..Step::default() })
    }

    /// Ends the files, writes the counts and gives the times.
    fn finish(mut self, task: &Task) -> Result<Nanos> {
        self.writer.finish()?;
        if let Some(dropped) = self.dropped {
            dropped.finish()?;
        }
        self.hashes.commit()?;
        self.signatures.finish()?;
        self.counts.input.files = task.files.len() as u64;
        self.counts.input.bytes = task.bytes();
        self.counts.steps = STEPS.iter().filter_map(|name| self.steps.remove(name)).collect();
        base::files::write_json(&self.folder.join(EXAMPLES), &self.examples)?;
        base::files::write_json(&self.folder.join(COUNTS), &self.counts)?;
        Ok(self.nanos)
    }
}
