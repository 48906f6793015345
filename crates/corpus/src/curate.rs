//! The driver: files in, documents and `funnel.json` out, through the filters in their order, over all cores.
//!
//! Three passes, each of which can be killed and goes on where it was:
//! 1. The input is cut into tasks, runs of files. Each task's records go through the filters that look at one record alone;
//!    what stays, with its hashes, is written to a folder of the task's own under `work/`, which takes its name when it is whole.
//!    Tasks do not know each other: other processes may do some of them ([`curate_rank`]).
//! 2. Duplicates are looked for among the hashes of all tasks.
//! 3. The tasks' documents are read in order, without the duplicates, and written as the documents of the whole.
//!
//! The bytes depend on the input alone, not on threads, ranks or kills. Memory is bounded: by a budget of bytes under way in
//! the first pass, by the budgets of [`crate::duplicates`] and [`crate::minhash`] in the second, by a row group in the
//! third. The filters themselves stand in files of their own; `curate/filters.rs` is their order.

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use serde::{Deserialize, Serialize};

use crate::funnel::Funnel;
use crate::{Error, Result, extract};

mod examples;
mod filters;
mod finish;
mod plan;
mod report;
mod task;

pub use examples::{Example, Examples, Extraction};
pub use filters::{Dropped, Item, Kept, Passed, Rules, STEPS, Verdict, filter};
pub use task::Counts;

/// Which filters a text has to pass.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// All of them, as for FineWeb: for raw web pages.
    #[default]
    FineWeb,
    /// Language and exact duplicates: for shelves chosen by hand.
    Minimal,
    /// None: the main text of every page, as something to compare with.
    Extract,
}

impl Profile {
    /// Its name in recipes and in `funnel.json`.
    pub fn name(self) -> &'static str {
        match self {
            Profile::FineWeb => "fineweb",
            Profile::Minimal => "minimal",
            Profile::Extract => "extract",
        }
    }

    /// Whether its texts pass a step of [`STEPS`], or of the two behind them.
    pub(crate) fn asks(self, step: &str) -> bool {
        match self {
            Profile::FineWeb => true,
            Profile::Minimal => ["record", "extract", "language", filters::EXACT_DUPLICATE].contains(&step),
            Profile::Extract => ["record", "extract"].contains(&step),
        }
    }
}

/// What is done about e-mail and IP addresses in texts that pass the profile `fineweb`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PiiPolicy {
    /// Stand-ins take their place, as in FineWeb.
    #[default]
    Replace,
    /// The page goes.
    Drop,
    /// They stay.
    Keep,
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
#[derive(Clone, Debug, PartialEq)]
pub struct CurateConfig {
    /// What is read, in this order. A text that stands on two shelves is a duplicate on the second.
    pub shelves: Vec<Shelf>,
    /// The folder for `documents-*.parquet` and `funnel.json`. What an earlier call left of these is replaced.
    pub output: PathBuf,
    /// Languages that stay, by the detector's codes.
    pub languages: Vec<String>,
    /// fastText's model of languages instead of the built-in detector.
    pub language_model: Option<PathBuf>,
    /// A language with no more than this score is not believed; the detector's own if absent.
    pub language_threshold: Option<f64>,
    /// A folder with URL lists instead of the built-in ones.
    pub url_lists: Option<PathBuf>,
    /// What is done about addresses of people and machines.
    pub pii: PiiPolicy,
    /// A folder for what is dropped: `dropped-*.parquet`, documents with a column `reason`.
    pub keep_dropped: Option<PathBuf>,
    /// A task ends with the file that brings it to so many stored bytes; see [`TASK_BYTES`].
    pub task_bytes: u64,
    /// Worker threads, at least 1.
    pub threads: usize,
}

impl CurateConfig {
    /// The usual settings: English, the built-in detector and lists, stand-ins for addresses, nothing dropped is kept.
    pub fn new(shelves: Vec<Shelf>, output: &Path, threads: usize) -> CurateConfig {
        CurateConfig {
            shelves,
            output: output.to_path_buf(),
            languages: vec!["en".into()],
            language_model: None,
            language_threshold: None,
            url_lists: None,
            pii: PiiPolicy::default(),
            keep_dropped: None,
            task_bytes: TASK_BYTES,
            threads,
        }
    }
}

/// Enough for a task to keep all threads busy most of its time, and little to lose in a kill.
pub const TASK_BYTES: u64 = 64 << 20;

/// One of several processes that share the tasks: it does those whose number is `rank` modulo `ranks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    /// Which one, from 0.
    pub rank: usize,
    /// How many there are.
    pub ranks: usize,
}

/// The name of the file with the counts.
pub const FUNNEL: &str = "funnel.json";
/// The file with examples of what filters dropped, what stayed, and what extraction made.
pub const EXAMPLES: &str = "examples.json";
/// The page that shows it all.
pub const REPORT: &str = "funnel.html";
/// The file with the tasks' times.
pub const TIMING: &str = "timing.json";

/// Runs the filters over the inputs and writes the documents that stay, in the order of the input.
///
/// Damaged records, lines and pages are dropped and counted. What an interrupted call with the same configuration left is
/// taken up. Errors: an input that cannot be read at all, a disk that cannot be written, a stop, the rest of a call with
/// another configuration, and an input of which nothing stays (`funnel.json` is written even then).
pub fn curate(config: &CurateConfig, progress: &Progress, stop: &Stop) -> Result<Funnel> {
    let plan = plan::Plan::begin(config)?;
    do_tasks(&plan, Rank { rank: 0, ranks: 1 }, progress, stop)?;
    let funnel = finish::finish(&plan, stop)?;
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

/// Does one rank's tasks and gives their number; [`curate`] with the same configuration does what is left and ends the work.
///
/// # Errors
/// Those of [`curate`], and a rank that there is not.
pub fn curate_rank(config: &CurateConfig, rank: Rank, progress: &Progress, stop: &Stop) -> Result<usize> {
    if rank.rank >= rank.ranks {
        return Err(Error::Refused(format!("there is no rank {} of {}; ranks count from 0", rank.rank, rank.ranks)));
    }
    do_tasks(&plan::Plan::begin(config)?, rank, progress, stop)
}

/// Does the tasks of a rank that are not done, and gives their number.
fn do_tasks(plan: &plan::Plan, rank: Rank, progress: &Progress, stop: &Stop) -> Result<usize> {
    let mut done = 0;
    for task in plan.tasks.iter().skip(rank.rank).step_by(rank.ranks) {
        if plan.is_done(task) {
            progress.advance(task.bytes());
            continue;
        }
        task::run(plan, task, progress, stop)?;
        done += 1;
    }
    Ok(done)
}

/// Writes `funnel.html` from what [`curate`] left in a folder of documents, and gives its path.
///
/// # Errors
/// A file that is missing or damaged, and a disk that cannot be written.
pub fn write_report(folder: &Path) -> Result<PathBuf> {
    let funnel = base::files::read_json(&folder.join(FUNNEL))?;
    let examples = base::files::read_json(&folder.join(EXAMPLES))?;
    let times: Vec<task::TaskTime> = base::files::read_json(&folder.join(TIMING))?;
    let path = folder.join(REPORT);
    base::files::write_atomic(&path, report::html(&funnel, &examples, &times).as_bytes())?;
    Ok(path)
}

/// The filter that dropped most, in words.
fn worst_step(funnel: &Funnel) -> String {
    let worst = funnel.steps.iter().rev().max_by_key(|step| step.dropped).filter(|step| step.dropped > 0);
    worst.map_or("there were none".to_string(), |step| format!("the filter {} dropped {}", step.name, step.dropped))
}

/// How the workers' threads are called.
const WORKER: &str = "curate-";

/// A worker thread's builder.
fn worker(number: usize) -> std::thread::Builder {
    std::thread::Builder::new().name(format!("{WORKER}{number}")).stack_size(extract::STACK_BYTES)
}
