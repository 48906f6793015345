//! What is to be done: the tasks, and the folder in which they leave their results.
//!
//! The plan is a function of the inputs' names and sizes and of the configuration. It is stored, so that what was done for
//! another one is never taken for part of this one.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::filters::Rules;
use super::{CurateConfig, EXAMPLES, FUNNEL, Profile, REPORT, TIMING};
use crate::inputs::{InputFile, list};
use crate::language::Detector;
use crate::url::UrlLists;
use crate::{Error, Result};

/// The folder of the tasks' results, inside the output.
const WORK: &str = "work";
/// The plan that they belong to.
const PLAN: &str = "plan.json";

/// Consecutive files of a shelf.
pub struct Task {
    /// Its place in the order.
    pub number: usize,
    /// The shelf's profile.
    pub profile: Profile,
    /// The shelf's name for the crawl.
    pub dump: Option<String>,
    /// At least one.
    pub files: Vec<InputFile>,
}

impl Task {
    /// Bytes of its files as they are stored.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// The tasks, and where they leave their results.
pub struct Plan {
    /// What was asked for.
    pub config: CurateConfig,
    /// All tasks in order.
    pub tasks: Vec<Task>,
    /// The filters' settings.
    pub rules: Rules,
}

/// What is stored of a plan: all that the results depend on.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    version: String,
    tasks: Vec<StoredTask>,
    languages: Vec<String>,
    language_model: Option<String>,
    language_threshold: f64,
    url_lists: Vec<(String, String)>,
    keeps_dropped: bool,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredTask {
    profile: Profile,
    dump: Option<String>,
    files: Vec<(String, u64)>,
}

impl Plan {
    /// Makes the plan and its folder, or takes up the folder of an earlier call with the same plan.
    pub fn begin(config: &CurateConfig) -> Result<Plan> {
        let detector = Detector::open(config.language_model.as_deref())?;
        if let Some(unknown) = config.languages.iter().find(|code| !detector.knows(code)) {
            return Err(Error::Refused(format!("the language {unknown:?} is not known; use two letters, as in \"en\"")));
        }
        if config.languages.is_empty() {
            return Err(Error::Refused("no language to keep is named; name at least one, as in \"en\"".into()));
        }
        let rules = Rules {
            languages: config.languages.clone(),
            language_threshold: config.language_threshold.unwrap_or(detector.threshold()),
            detector,
            url_lists: config.url_lists.as_deref().map_or_else(|| Ok(UrlLists::built_in()), UrlLists::load)?,
        };
        let plan = Plan { config: config.clone(), tasks: tasks_of(config)?, rules };
        let stored = plan.stored()?;
        let path = plan.work().join(PLAN);
        if path.exists() && base::files::read_json::<Stored>(&path).ok().as_ref() == Some(&stored) {
            // Half-made folders of tasks stay: another rank may be at work on them. Each task removes its own.
            return Ok(plan);
        }
        if plan.has_results() {
            return Err(Error::Refused(format!(
                "{} holds the beginnings of a curation of other files or with other settings; delete it or use another folder",
                plan.work().display()
            )));
        }
        plan.remove_earlier()?;
        base::files::write_json(&path, &stored)?;
        Ok(plan)
    }

    /// Where tasks leave their results.
    pub fn work(&self) -> PathBuf {
        self.config.output.join(WORK)
    }

    /// A task's folder.
    pub fn folder(&self, task: &Task) -> PathBuf {
        self.work().join(format!("task-{:05}", task.number))
    }

    /// Whether a task's folder is there, and so whole.
    pub fn is_done(&self, task: &Task) -> bool {
        self.folder(task).exists()
    }

    /// Whether some task, of this plan or another, has left its results.
    fn has_results(&self) -> bool {
        let entries = std::fs::read_dir(self.work()).into_iter().flatten().flatten();
        entries.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with("task-"))
    }

    /// Removes the tasks' results: the work is done.
    pub fn clear(&self) -> Result<()> {
        // The plan goes last: what is left of a removal that was killed is still recognised.
        for task in &self.tasks {
            base::files::remove(&self.folder(task))?;
        }
        Ok(base::files::remove(&self.work())?)
    }

    /// Removes what an earlier call wrote, so that no old shard stays beside the new ones.
    fn remove_earlier(&self) -> Result<()> {
        let output = &self.config.output;
        base::files::create_folder(output)?;
        for name in [FUNNEL, EXAMPLES, TIMING, REPORT, WORK] {
            base::files::remove(&output.join(name))?;
        }
        remove_parquet(output, "documents-")?;
        if let Some(folder) = &self.config.keep_dropped {
            base::files::create_folder(folder)?;
            remove_parquet(folder, "dropped-")?;
        }
        Ok(base::files::remove_partials(output)?)
    }

    fn stored(&self) -> Result<Stored> {
        let files = |task: &Task| task.files.iter().map(|file| (file.name.clone(), file.bytes)).collect();
        let tasks = self.tasks.iter().map(|task| StoredTask { profile: task.profile, dump: task.dump.clone(), files: files(task) });
        Ok(Stored {
            version: env!("CARGO_PKG_VERSION").to_string(),
            tasks: tasks.collect(),
            languages: self.config.languages.clone(),
            language_model: self.config.language_model.as_deref().map(base::files::hash_file).transpose()?,
            language_threshold: self.rules.language_threshold,
            url_lists: self.config.url_lists.as_deref().map_or_else(|| Ok(Vec::new()), hashes_of)?,
            keeps_dropped: self.config.keep_dropped.is_some(),
        })
    }
}

/// The Parquet files of a stem in a folder, in order.
pub fn parquet_files(folder: &Path, stem: &str) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).map_err(|source| Error::io(folder, "read", source))?;
    let is_wanted = |name: &str| name.starts_with(stem) && name.ends_with(".parquet");
    let mut names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| is_wanted(name));
    names.sort();
    Ok(names.iter().map(|name| folder.join(name)).collect())
}

/// Removes the Parquet files of a stem from a folder.
pub fn remove_parquet(folder: &Path, stem: &str) -> Result<()> {
    parquet_files(folder, stem)?.iter().try_for_each(|path| Ok(base::files::remove(path)?))
}

/// Files in their order, cut into tasks; no task crosses shelves.
fn tasks_of(config: &CurateConfig) -> Result<Vec<Task>> {
    let mut tasks: Vec<Task> = Vec::new();
    for shelf in &config.shelves {
        let mut is_new = true;
        for file in list(&shelf.inputs)? {
            if is_new || tasks.last().is_none_or(|task| task.bytes() + file.bytes > config.task_bytes) {
                let number = tasks.len();
                tasks.push(Task { number, profile: shelf.profile, dump: shelf.dump.clone(), files: Vec::new() });
            }
            tasks.last_mut().expect("one was added").files.push(file);
            is_new = false;
        }
    }
    Ok(tasks)
}

/// The files of a folder with their hashes, by name.
fn hashes_of(folder: &Path) -> Result<Vec<(String, String)>> {
    let entries = std::fs::read_dir(folder).map_err(|source| Error::io(folder, "read", source))?;
    let mut hashes = Vec::new();
    for path in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()) {
        hashes.push((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), base::files::hash_file(&path)?));
    }
    hashes.sort();
    Ok(hashes)
}
