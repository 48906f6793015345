//! Which models there are: what was named, and what stands in the run folders by now.
//!
//! Looks at names and small files alone; weights are none of its business.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use base::files::read_json;
use base::run::{DONE, Done, Fingerprint, STARTED};
use engine::StoredModel;
use tokenizer::chat::ChatFormat;

/// A model that could be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// What requests call it.
    pub id: String,
    /// Its folder or file.
    pub path: PathBuf,
}

/// What a model's small files say of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct About {
    /// Whether it is made for conversations: its vocabulary has the tokens of a chat format, and it is no stage `base` of a run,
    /// whose vocabulary has them too.
    pub chat: bool,
    /// Longest sequence in tokens, where its files can be read.
    pub context: Option<usize>,
}

/// Where models stand.
pub(super) struct Shelf {
    models: Vec<PathBuf>,
    runs: Option<PathBuf>,
    /// What was read, by the model's path, with the age of its vocabulary.
    known: Mutex<HashMap<PathBuf, (Option<SystemTime>, About)>>,
}

impl Shelf {
    /// Models that were named, each a folder, a file, or a folder of such, and a folder of runs that may grow.
    pub fn new(models: Vec<PathBuf>, runs: Option<PathBuf>) -> Shelf {
        Shelf { models, runs, known: Mutex::default() }
    }

    /// What is there now: what was named first, then the runs by their names. No two have the same id.
    pub fn look(&self) -> Vec<Found> {
        let mut paths = Vec::new();
        for path in &self.models {
            if is_model(path) {
                paths.push(path.clone());
            } else {
                paths.extend(children(path).into_iter().filter(|child| is_model(child)));
            }
        }
        for run in self.runs.iter().flat_map(|runs| children(runs)) {
            paths.extend(children(&run).into_iter().filter(|stage| is_model(stage) && stage.join("done.json").exists()));
        }
        let mut found: Vec<Found> = Vec::new();
        for path in paths {
            if found.iter().any(|other| other.path == path) {
                continue;
            }
            let short = short_id(&path);
            let is_taken = found.iter().any(|other| other.id == short);
            found.push(Found { id: if is_taken { path.to_string_lossy().into_owned() } else { short }, path });
        }
        found
    }

    /// The model of this id.
    pub fn find(&self, id: &str) -> Option<Found> {
        self.look().into_iter().find(|found| found.id == id)
    }

    /// What the files of the model at a path say of it; what cannot be read now is looked at again.
    pub fn about(&self, path: &Path) -> About {
        let age = std::fs::metadata(vocabulary(path)).and_then(|about| about.modified()).ok();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match known.get(path) {
            Some((of, about)) if *of == age => *about,
            _ => {
                let about = read(path);
                known.extend(about.map(|about| (path.to_path_buf(), (age, about))));
                about.unwrap_or_default()
            }
        }
    }
}

fn read(path: &Path) -> Option<About> {
    let stored = StoredModel::open(path).ok()?;
    let has_format = ChatFormat::of(&stored.folder.tokenizer).is_some();
    Some(About { chat: has_format && stage(path).as_deref() != Some("base"), context: Some(stored.context()) })
}

/// The stage of a run that a folder is, whatever it is called by now; none where it is no run's.
fn stage(folder: &Path) -> Option<String> {
    let done = read_json(&folder.join(DONE)).map(|done: Done| done.fingerprint);
    let made = done.or_else(|_| read_json::<Fingerprint>(&folder.join(STARTED)));
    made.ok().map(|made| made.stage)
}

fn vocabulary(path: &Path) -> PathBuf {
    if path.is_file() { path.to_path_buf() } else { path.join(tokenizer::TOKENIZER_FILE) }
}

/// A folder with a configuration and a vocabulary, or a GGUF file.
fn is_model(path: &Path) -> bool {
    match path.is_file() {
        true => path.extension().is_some_and(|extension| extension == "gguf"),
        false => path.join("config.json").is_file() && path.join(tokenizer::TOKENIZER_FILE).is_file(),
    }
}

/// What stands in a folder, sorted; nothing where it cannot be read.
fn children(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.sort();
    paths
}

/// The last two names of a folder's path, the last of a file's.
fn short_id(path: &Path) -> String {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let name = absolute.file_name().unwrap_or_default().to_string_lossy().into_owned();
    match absolute.parent().and_then(Path::file_name) {
        Some(parent) if absolute.is_dir() => format!("{}/{name}", parent.to_string_lossy()),
        _ => name,
    }
}
