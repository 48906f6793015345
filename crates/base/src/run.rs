//! Stage folders: a stage is done when its folder holds `done.json`, written last.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::{Error, Result, files};

/// The name of the marker.
pub const DONE: &str = "done.json";

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
    /// Number of worker threads, where the result depends on it.
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
/// A marker of another configuration, other inputs or another thread count is refused with the remedy.
pub fn check_done(folder: &Path, wanted: &Fingerprint) -> Result<Option<Done>> {
    let path = folder.join(DONE);
    if !path.exists() {
        return Ok(None);
    }
    let done: Done = files::read_json(&path)?;
    let found = &done.fingerprint;
    if found == wanted {
        return Ok(Some(done));
    }
    let why = if found.config != wanted.config {
        "with another configuration".to_string()
    } else if found.threads != wanted.threads {
        format!("with {} threads instead of {}", found.threads, wanted.threads)
    } else {
        let changed = wanted.inputs.iter().find(|(name, hash)| found.inputs.get(*name) != Some(hash)).map(|(name, _)| name.as_str());
        format!("from another {}", changed.unwrap_or("set of inputs"))
    };
    let stage = &wanted.stage;
    Err(Error::Refused(format!(
        "{} was made {why}; run again with --redo {stage} to make it and what follows anew, or choose another --out",
        folder.display()
    )))
}

/// Writes the marker, with the hash of each output file named (paths relative to the folder).
pub fn mark_done(folder: &Path, fingerprint: &Fingerprint, outputs: &[&str]) -> Result<Done> {
    let hashed = outputs.iter().map(|name| Ok((name.to_string(), files::hash_file(&folder.join(name))?)));
    let done = Done { fingerprint: fingerprint.clone(), outputs: hashed.collect::<Result<_>>()? };
    files::write_json(&folder.join(DONE), &done)?;
    Ok(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_done_only_as_it_was_asked_for() {
        let folder = files::scratch("run");
        let inputs = BTreeMap::from([("shards".to_string(), "1".to_string())]);
        let wanted = Fingerprint { stage: "base".into(), config: "c".into(), inputs, threads: 2 };
        assert_eq!(check_done(&folder, &wanted).unwrap(), None);
        files::write_atomic(&folder.join("x"), b"x").unwrap();
        let done = mark_done(&folder, &wanted, &["x"]).unwrap();
        assert_eq!(check_done(&folder, &wanted).unwrap(), Some(done));
        let refusal = |change: &dyn Fn(&mut Fingerprint)| {
            let mut other = wanted.clone();
            change(&mut other);
            check_done(&folder, &other).unwrap_err().to_string()
        };
        assert!(refusal(&|f| f.config = "d".into()).contains("another configuration; run again with --redo base"));
        assert!(refusal(&|f| f.threads = 4).contains("with 2 threads instead of 4"));
        assert!(refusal(&|f| f.inputs.values_mut().for_each(|hash| *hash = "2".into())).contains("from another shards"));
    }
}
