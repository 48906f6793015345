//! Logs and records as JSON lines: appended while a stage runs, cut back when it resumes.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result, files};

/// A log that grows by one JSON object a line.
#[derive(Debug)]
pub struct JsonLog {
    path: PathBuf,
    file: File,
}

impl JsonLog {
    /// Opens a log for appending, creating it and the folders above it.
    pub fn append_to(path: &Path) -> Result<JsonLog> {
        if let Some(folder) = path.parent() {
            files::create_folder(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(|source| Error::io(path, "open", source))?;
        Ok(JsonLog { path: path.to_path_buf(), file })
    }

    /// Appends one object, in one write, so that a reader never sees half a line of a living process.
    pub fn write(&mut self, row: &impl Serialize) -> Result<()> {
        let mut line = serde_json::to_vec(row).map_err(|error| Error::Refused(format!("cannot write {}: {error}", self.path.display())))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(|source| Error::io(&self.path, "write", source))
    }

    /// Waits until everything written is on the disk.
    pub fn flush(&mut self) -> Result<()> {
        self.file.sync_data().map_err(|source| Error::io(&self.path, "write", source))
    }
}

/// Keeps the lines of a log that `keep` accepts; a half-written last line goes. A missing log stays missing.
pub fn cut_back(path: &Path, keep: impl Fn(&serde_json::Value) -> bool) -> Result<()> {
    if !path.exists() {
        return Ok(());
    }
    let bytes = files::read_bytes(path)?;
    let mut kept = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let whole = line.ends_with(b"\n");
        if whole && serde_json::from_slice(line).is_ok_and(|value| keep(&value)) {
            kept.extend_from_slice(line);
        }
    }
    files::write_atomic(path, &kept)
}

/// The rows of a log that is about to be continued, none of a missing one. A half-written last line is cut off; any other line that is no
/// row of this kind refuses the file, because it may be somebody's own.
pub fn resume<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>> {
    if !path.exists() {
        return Ok(Vec::new());
    }
    let bytes = files::read_bytes(path)?;
    let whole = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
    let refuse = |number: usize, why: String| {
        Error::damaged(path, format!("line {number}"), why, "write to another file, or mend this one to go on with it")
    };
    let mut rows = Vec::new();
    for (index, line) in bytes[..whole].split_inclusive(|&byte| byte == b'\n').enumerate() {
        rows.push(serde_json::from_slice(line).map_err(|error| refuse(index + 1, error.to_string()))?);
    }
    match bytes.get(whole) {
        None => {}
        Some(b'{') => cut(path, whole as u64)?,
        Some(_) => return Err(refuse(rows.len() + 1, "it is no row of such a file".into())),
    }
    Ok(rows)
}

/// Cuts a file where it stands: whoever holds it goes on holding it.
fn cut(path: &Path, len: u64) -> Result<()> {
    let file = OpenOptions::new().write(true).open(path).map_err(|source| Error::io(path, "open", source))?;
    file.set_len(len).map_err(|source| Error::io(path, "write", source))
}

/// Opens a file to read, unpacked if the name ends in `.gz`.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Read>> {
    let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    Ok(match path.extension().is_some_and(|extension| extension == "gz") {
        true => Box::new(flate2::read::MultiGzDecoder::new(BufReader::new(file))),
        false => Box::new(file),
    })
}

/// Reads JSON lines, gzip if the name ends in `.gz`. Each damaged line is one error that names the file and the
/// line; blank lines are skipped; reading goes on after a damaged line.
pub fn read_jsonl<T: DeserializeOwned>(path: &Path) -> Result<impl Iterator<Item = Result<T>> + use<T>> {
    let source = open(path)?;
    let path = path.to_path_buf();
    let mut reader = BufReader::with_capacity(1 << 17, source);
    let mut number = 0;
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        while !ended {
            let mut line = Vec::new();
            number += 1;
            match reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) if line.trim_ascii().is_empty() => continue,
                Ok(_) => {
                    // Some programs put U+FEFF before everything.
                    let parsed = serde_json::from_slice(line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&line));
                    return Some(
                        parsed
                            .map_err(|error| Error::damaged(&path, format!("line {number}"), error.to_string(), "mend or delete the line")),
                    );
                }
                Err(source) => {
                    ended = true; // a broken gzip stream would give the same error forever
                    return Some(Err(Error::io(&path, "read", source)));
                }
            }
        }
        None
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_log_is_cut_back_to_a_step_and_loses_its_torn_line() {
        let path = files::scratch("jsonl").join("metrics.jsonl");
        let mut log = JsonLog::append_to(&path).unwrap();
        (1..=5).for_each(|step| log.write(&json!({"step": step})).unwrap());
        log.flush().unwrap();
        let mut torn = OpenOptions::new().append(true).open(&path).unwrap();
        torn.write_all(b"{\"step\": 2").unwrap();
        cut_back(&path, |row| row["step"].as_u64().unwrap() <= 3).unwrap();
        let rows: Vec<serde_json::Value> = read_jsonl(&path).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows, [json!({"step": 1}), json!({"step": 2}), json!({"step": 3})]);
    }

    #[test]
    fn a_log_goes_on_behind_its_last_whole_row_and_a_strange_file_stays() {
        let path = files::scratch("jsonl-resume").join("rows.jsonl");
        let row = |n: u32| json!({"n": n});
        assert_eq!(resume::<serde_json::Value>(&path).unwrap(), Vec::<serde_json::Value>::new());
        assert!(!path.exists());
        for (text, left) in [("{\"n\":1}\n{\"n\":2}\n{\"n\"", "{\"n\":1}\n{\"n\":2}\n"), ("{\"n\":1}\n", "{\"n\":1}\n"), ("{\"n\":1}", "")]
        {
            std::fs::write(&path, text).unwrap();
            let rows: Vec<serde_json::Value> = resume(&path).unwrap();
            assert_eq!(rows, (1..=left.lines().count() as u32).map(row).collect::<Vec<_>>());
            assert_eq!(files::read_text(&path).unwrap(), left);
        }
        for (text, place) in [("My diary\n", "line 1"), ("My diary", "line 1"), ("{\"n\":1}\n\n", "line 2"), ("{\"n\":1}\nx", "line 2")] {
            std::fs::write(&path, text).unwrap();
            let error = resume::<serde_json::Value>(&path).unwrap_err().to_string();
            assert!(error.contains(place) && error.contains("write to another file"), "{error}");
            assert_eq!(files::read_text(&path).unwrap(), text);
        }
    }

    #[test]
    fn a_damaged_line_costs_that_line_alone() {
        let path = files::scratch("jsonl-damaged").join("rows.jsonl");
        std::fs::write(&path, "{\"a\":1}\n\nnonsense\n{\"a\":2}\n").unwrap();
        let rows: Vec<Result<serde_json::Value>> = read_jsonl(&path).unwrap().collect();
        assert_eq!(rows.len(), 3);
        assert!(rows[1].as_ref().unwrap_err().to_string().contains("rows.jsonl is damaged at line 3"));
        assert_eq!(rows[2].as_ref().unwrap()["a"], 2);
    }
}
