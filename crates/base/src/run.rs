//! Stage folders: a stage is done when its folder holds `done.json`, written last.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, files};

/// The name of the marker.
pub const DONE: &str = "done.json";

/// The name of the note that a stage was begun, with its fingerprint; gone once the stage is done.
pub const STARTED: &str = "started.json";

/// Files that are not outputs: the markers themselves, times, and the pages that show times among other things.
const NOT_OUTPUTS: [&str; 7] = [DONE, STARTED, "timing.jsonl", "timing.json", "funnel.html", "practice.md", "report.html"];

/// What a stage's result depends on. Two equal fingerprints give the same bytes on the same kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fingerprint {
    /// The stage's name.
    pub stage: String,
    /// Hash of its resolved configuration.
    pub config: String,
    /// Hash of each input by name: earlier stages' outputs, files.
    pub inputs: BTreeMap<String, String>,
    /// Number of worker threads, 0 where the result does not depend on it.
    pub threads: usize,
}

/// The content of `done.json`: the fingerprint and what came out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Done {
    /// What the result depends on.
    pub fingerprint: Fingerprint,
    /// Hash of each output file, by path relative to the folder.
    pub outputs: BTreeMap<String, String>,
}

impl Done {
    /// One hash for all outputs, to be an input of the next stage.
    pub fn outputs_hash(&self) -> String {
        let rows: Vec<String> = self.outputs.iter().map(|(name, hash)| format!("{name} {hash}\n")).collect();
        files::hash_bytes(rows.concat().as_bytes())
    }
}

/// Whether a stage has to run: `None` if its folder holds no marker, the marker if it is done as wanted.
/// A marker of another configuration, other inputs or another thread count is refused with the remedy, and so is one
/// whose outputs are gone.
pub fn check_done(folder: &Path, wanted: &Fingerprint) -> Result<Option<Done>> {
    let path = folder.join(DONE);
    if !path.exists() {
        return Ok(None);
    }
    let done: Done = files::read_json(&path)?;
    refuse_difference(folder, &done.fingerprint, wanted)?;
    match done.outputs.keys().find(|name| !folder.join(name).is_file()) {
        Some(name) => Err(Error::Refused(format!(
            "{} is gone, though {} is marked as done; run again with --redo {} to make it and what follows anew",
            folder.join(name).display(),
            folder.display(),
            wanted.stage
        ))),
        None => Ok(Some(done)),
    }
}

/// Prepares the folder of a stage that is not done. What an earlier attempt left is kept if the stage `resumes` by
/// itself and the attempt was of the same fingerprint, refused if it was of another, and removed otherwise.
pub fn begin(folder: &Path, wanted: &Fingerprint, resumes: bool) -> Result<()> {
    let started = folder.join(STARTED);
    if resumes && started.exists() {
        refuse_difference(folder, &files::read_json(&started)?, wanted)?;
        return files::remove_partials(folder);
    }
    files::remove(folder)?;
    files::create_folder(folder)?;
    files::write_json(&started, wanted)
}

/// Marks a stage as done: hashes every file of the folder and of those below it, apart from those that hold times,
/// and writes the marker last.
pub fn mark_done(folder: &Path, fingerprint: &Fingerprint) -> Result<Done> {
    let mut outputs = BTreeMap::new();
    collect_outputs(folder, "", &mut outputs)?;
    let done = Done { fingerprint: fingerprint.clone(), outputs };
    files::write_json(&folder.join(DONE), &done)?;
    files::remove(&folder.join(STARTED))?;
    Ok(done)
}

/// Removes a stage's folder, its marker first: a kill in between leaves a stage that is not done.
pub fn undo(folder: &Path) -> Result<()> {
    files::remove(&folder.join(DONE))?;
    files::remove(folder)
}

fn collect_outputs(folder: &Path, below: &str, outputs: &mut BTreeMap<String, String>) -> Result<()> {
    let entries = std::fs::read_dir(folder).map_err(|source| Error::io(folder, "read", source))?;
    for entry in entries {
        let path = entry.map_err(|source| Error::io(folder, "read", source))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            collect_outputs(&path, &format!("{below}{name}/"), outputs)?;
        } else if !NOT_OUTPUTS.contains(&name.as_str()) {
            outputs.insert(format!("{below}{name}"), files::hash_file(&path)?);
        }
    }
    Ok(())
}

/// Refuses with the first difference between what a folder was made from and what is wanted.
fn refuse_difference(folder: &Path, found: &Fingerprint, wanted: &Fingerprint) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    let mut keep = String::new();
    let why = if found.config != wanted.config {
        "with another configuration".to_string()
    } else if found.threads != wanted.threads {
        keep = format!("with --threads {} to keep it, ", found.threads);
        format!("with {} threads instead of {}", found.threads, wanted.threads)
    } else {
        let changed = wanted.inputs.iter().find(|(name, hash)| found.inputs.get(*name) != Some(hash)).map(|(name, _)| name.as_str());
        match changed {
            Some(name) => format!("from {name} as it was before it changed"),
            None => "from more inputs".to_string(),
        }
    };
    Err(Error::Refused(format!(
        "{} was made {why}; run again {keep}with --redo {} to make it and what follows anew, or choose another --out",
        folder.display(),
        wanted.stage
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fingerprint() -> Fingerprint {
        let inputs = BTreeMap::from([("shards".to_string(), "1".to_string())]);
        Fingerprint { stage: "base".into(), config: "c".into(), inputs, threads: 2 }
    }

    #[test]
    fn a_stage_is_done_only_as_it_was_asked_for() {
        let folder = files::scratch("run");
        let wanted = fingerprint();
        assert_eq!(check_done(&folder, &wanted).unwrap(), None);
        for name in ["x", "timing.jsonl", "below/y"] {
            files::write_atomic(&folder.join(name), b"x").unwrap();
        }
        let done = mark_done(&folder, &wanted).unwrap();
        assert_eq!(done.outputs.keys().collect::<Vec<_>>(), ["below/y", "x"]);
        assert_eq!(check_done(&folder, &wanted).unwrap(), Some(done));
        let refusal = |change: &dyn Fn(&mut Fingerprint)| {
            let mut other = wanted.clone();
            change(&mut other);
            check_done(&folder, &other).unwrap_err().to_string()
        };
        assert!(refusal(&|f| f.config = "d".into()).contains("another configuration; run again with --redo base"));
        assert!(refusal(&|f| f.threads = 4).contains("with 2 threads instead of 4; run again with --threads 2 to keep it"));
        assert!(refusal(&|f| f.inputs.values_mut().for_each(|hash| *hash = "2".into())).contains("from shards as it was before"));
        std::fs::remove_file(folder.join("x")).unwrap();
        assert!(check_done(&folder, &wanted).unwrap_err().to_string().contains("is gone, though"));
        undo(&folder).unwrap();
        assert_eq!(check_done(&folder, &wanted).unwrap(), None);
    }

    #[test]
    fn what_an_attempt_left_is_kept_for_a_stage_that_resumes_and_removed_for_others() {
        let folder = files::scratch("begin").join("base");
        let half = folder.join("step-000100");
        begin(&folder, &fingerprint(), true).unwrap();
        for (resumes, kept) in [(true, true), (false, false)] {
            files::write_atomic(&half, b"x").unwrap();
            files::write_atomic(&folder.join(".step-000200.partial/x"), b"x").unwrap();
            begin(&folder, &fingerprint(), resumes).unwrap();
            assert_eq!(half.exists(), kept, "resumes: {resumes}");
            assert!(!folder.join(".step-000200.partial").exists());
        }
        let other = Fingerprint { config: "d".into(), ..fingerprint() };
        assert!(begin(&folder, &other, true).unwrap_err().to_string().contains("--redo base"));
    }
}
