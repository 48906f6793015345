//! Files that somebody else writes while they are read here, and that may hold anything: read with bounds, and without waiting.
//!
//! Knows bytes, lines and JSON; what stands in a file is its reader's affair.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

use serde::de::DeserializeOwned;

/// Bytes of a JSON file that are read; a longer one is told and left alone.
pub const MOST_JSON: u64 = 16 << 20;
/// Bytes of a log that are read at once; of a longer one the end.
pub const MOST_LOG: u64 = 32 << 20;

/// A JSON file, none where there is no such file. The error is one sentence without the machine's paths.
pub fn json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let Some(bytes) = bytes(path, MOST_JSON)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| {
        format!("{} is damaged at line {} column {}; make its stage anew with --redo", shown(path), error.line(), error.column())
    };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// A text file, none where there is no such file.
pub fn text(path: &Path) -> Result<Option<String>, String> {
    let Some(bytes) = bytes(path, MOST_JSON)? else { return Ok(None) };
    String::from_utf8(bytes).map(Some).map_err(|_| format!("{} is not UTF-8", shown(path)))
}

/// When a regular file was last written.
pub fn written(path: &Path) -> Option<SystemTime> {
    path.metadata().ok().filter(|file| file.is_file())?.modified().ok()
}

/// What came to a log since the last look.
#[derive(Debug, Default, PartialEq)]
pub struct Fresh<T> {
    /// The rows, in order. Lines that are no such rows are left out.
    pub rows: Vec<T>,
    /// Where the last whole line ends.
    pub end: u64,
    /// Whether the log is another one than at the last look: cut back, or begun anew. The rows are then all it has.
    pub restarted: bool,
}

/// The rows of a log behind `from`, which ended a line at the last look; at most `most` bytes of them. A torn last line waits for the next
/// look. From the beginning, where a log is longer than `most`, its end is read.
pub fn rows<T: DeserializeOwned>(path: &Path, from: u64, most: u64) -> Fresh<T> {
    let nothing = Fresh { rows: Vec::new(), end: 0, restarted: from > 0 };
    let Some(mut file) = open(path) else { return nothing };
    let length = file.metadata().map_or(0, |file| file.len());
    let goes_on = from > 0 && ends_a_line(&mut file, from, length);
    let start = match goes_on {
        true => from,
        false => length.saturating_sub(most),
    };
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(start)).is_err() || (&mut file).take(most).read_to_end(&mut bytes).is_err() {
        return nothing;
    }
    let torn = start > 0 && !ends_a_line(&mut file, start, length);
    let first = if torn { bytes.iter().position(|&byte| byte == b'\n').map_or(0, |at| at + 1) } else { 0 };
    let whole = match bytes.iter().rposition(|&byte| byte == b'\n') {
        Some(at) => at + 1,
        // A line longer than everything that is read at once is none of ours.
        None if bytes.len() as u64 == most => bytes.len(),
        None => 0,
    };
    let rows = bytes[first.min(whole)..whole].split(|&byte| byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
    Fresh { rows, end: start + whole as u64, restarted: from > 0 && !goes_on }
}

/// The rows at the end of a log, of its last bytes.
pub fn last_rows<T: DeserializeOwned>(path: &Path) -> Vec<T> {
    rows(path, 0, 16 << 10).rows
}

/// The first row of a log.
pub fn first_row<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let mut bytes = Vec::new();
    open(path)?.take(4 << 10).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(bytes.split(|&byte| byte == b'\n').next()?).ok()
}

/// Lines of a file, none where it is longer than a log may be.
pub fn count_lines(path: &Path) -> Option<u64> {
    let bytes = bytes(path, MOST_LOG).ok()??;
    Some(bytes.iter().filter(|&&byte| byte == b'\n').count() as u64)
}

fn bytes(path: &Path, most: u64) -> Result<Option<Vec<u8>>, String> {
    let Some(file) = open(path) else { return Ok(None) };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(|error| format!("{} cannot be read: {error}", shown(path)))?;
    match bytes.len() as u64 > most {
        true => Err(format!("{} is larger than {} MB and is not shown", shown(path), most >> 20)),
        false => Ok(Some(bytes)),
    }
}

/// Opens a regular file; a pipe would be waited for.
fn open(path: &Path) -> Option<File> {
    path.metadata().ok().filter(|file| file.is_file())?;
    File::open(path).ok()
}

/// Whether a place is behind a line's end of the file as it is now.
fn ends_a_line(file: &mut File, place: u64, length: u64) -> bool {
    let mut before = [0];
    place <= length && file.seek(SeekFrom::Start(place - 1)).is_ok() && file.read_exact(&mut before).is_ok() && before == *b"\n"
}

/// A path as it is told: the last two parts, as in `base/metrics.jsonl`.
fn shown(path: &Path) -> String {
    let part = |path: Option<&Path>| path.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{}/{}", part(path.parent()), part(Some(path)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde_json::{Value, json};

    use super::*;
    use crate::school::tests::scratch;

    fn read(path: &Path, from: u64, most: u64) -> Fresh<Value> {
        rows(path, from, most)
    }

    #[test]
    fn a_growing_log_is_followed_and_a_torn_line_waits() {
        let path = scratch("files-follow").join("log.jsonl");
        assert_eq!(read(&path, 0, 100), Fresh { rows: vec![], end: 0, restarted: false });
        std::fs::write(&path, "{\"a\":1}\nnonsense\n{\"a\":2}\n{\"a\"").unwrap();
        let first = read(&path, 0, 100);
        assert_eq!(first, Fresh { rows: vec![json!({"a":1}), json!({"a":2})], end: 25, restarted: false });
        assert_eq!(read(&path, 25, 100), Fresh { rows: vec![], end: 25, restarted: false });
        std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b":3}\n").unwrap();
        assert_eq!(read(&path, 25, 100), Fresh { rows: vec![json!({"a":3})], end: 33, restarted: false });
        // Cut back: shorter, or with another line where the last one ended.
        std::fs::write(&path, "{\"a\":1}\n").unwrap();
        assert_eq!(read(&path, 33, 100), Fresh { rows: vec![json!({"a":1})], end: 8, restarted: true });
        std::fs::write(&path, "{\"a\":12345}\n").unwrap();
        assert_eq!(read(&path, 8, 100), Fresh { rows: vec![json!({"a":12345})], end: 12, restarted: true });
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read(&path, 12, 100), Fresh { rows: vec![], end: 0, restarted: true });
    }

    #[test]
    fn a_long_log_is_read_from_its_end_and_a_line_without_end_is_passed() {
        let path = scratch("files-long").join("log.jsonl");
        let lines: String = (10..30).map(|n| format!("{n}\n")).collect();
        std::fs::write(&path, &lines).unwrap();
        assert_eq!(read(&path, 0, 7).rows, [json!(28), json!(29)]);
        assert_eq!(read(&path, 0, 6).rows, [json!(28), json!(29)]);
        assert_eq!(read(&path, 3, 7).rows, [json!(11), json!(12)]);
        std::fs::write(&path, format!("1\n{}\n2\n", "9".repeat(400))).unwrap();
        let (mut from, mut seen) = (2, Vec::new());
        for _ in 0..20 {
            let fresh = read(&path, from, 100);
            // Behind a cut line's beginning nothing ends a line, so reading begins again at the end.
            seen.extend(fresh.rows);
            from = fresh.end;
        }
        assert!(seen.contains(&json!(2)), "{seen:?}");
        assert_eq!(first_row::<Value>(&path), Some(json!(1)));
        assert_eq!(count_lines(&path), Some(3));
    }

    #[test]
    fn json_is_told_damaged_by_its_place_and_a_folder_is_no_file() {
        let folder = scratch("files-json").join("base");
        std::fs::create_dir_all(&folder).unwrap();
        assert_eq!(json::<Value>(&folder.join("none.json")), Ok(None));
        assert_eq!(json::<Value>(&folder), Ok(None));
        std::fs::write(folder.join("bad.json"), "{\n \"a\": }").unwrap();
        assert_eq!(
            json::<Value>(&folder.join("bad.json")).unwrap_err(),
            "base/bad.json is damaged at line 2 column 7; make its stage anew with --redo"
        );
        let large = File::create(folder.join("large.json")).unwrap();
        large.set_len(MOST_JSON + 1).unwrap();
        assert_eq!(json::<Value>(&folder.join("large.json")).unwrap_err(), "base/large.json is larger than 16 MB and is not shown");
        std::fs::write(folder.join("latin"), b"\xe9").unwrap();
        assert_eq!(text(&folder.join("latin")).unwrap_err(), "base/latin is not UTF-8");
    }
}
