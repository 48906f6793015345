//! The journal of a crawl: every address found and what became of it, one JSON object a line, only ever appended.
//!
//! It is the frontier on disk: an address that waits is known by the place of its line, and is read back when its turn
//! comes. Knows lines, not scheduling.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// A line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Row {
    /// An address was found.
    Link(Link),
    /// An address is dealt with.
    Done(Done),
    /// A server is left alone from here on.
    Dropped(Dropped),
}

/// An address that was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// In its one form.
    pub url: String,
    /// Links between a seed and it.
    pub depth: u32,
    /// Redirects between the link and it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hops: u32,
    /// A page named it as its own address.
    #[serde(default, skip_serializing_if = "is_false")]
    pub canonical: bool,
}

/// What became of an address.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Done {
    /// The place of the link's line, in bytes of the journal.
    pub at: u64,
    /// `page`, `redirect`, or why it was left out.
    pub outcome: String,
    /// The HTTP status; null without a response.
    pub status: Option<u16>,
    /// Bytes of the body, unpacked.
    #[serde(default)]
    pub bytes: u64,
    /// The WARC file that holds it, if one does, and the length of the file up to the record's end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warc: Option<(u32, u64)>,
    /// Links of the page that were not taken, by reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub left_out: BTreeMap<String, u64>,
}

/// A server that is left alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Scheme, host and port.
    pub server: String,
    /// Why.
    pub why: String,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn is_false(b: &bool) -> bool {
    !b
}

/// The open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    writer: File,
    reader: File,
    end: u64,
}

impl Journal {
    /// Opens a journal, or begins one. A torn last line goes. Held by another process it is refused.
    pub fn open(path: &Path) -> Result<Journal> {
        let wrap = |source| Error::io(path, "open", source);
        let mut writer = OpenOptions::new().create(true).append(true).read(true).open(path).map_err(wrap)?;
        if writer.try_lock().is_err() {
            return Err(Error::Refused(format!("another process crawls into the folder of {}; wait for it or stop it", path.display())));
        }
        let end = end_of_last_line(&mut writer).map_err(|source| Error::io(path, "read", source))?;
        writer.set_len(end).map_err(|source| Error::io(path, "cut", source))?;
        let reader = File::open(path).map_err(wrap)?;
        Ok(Journal { path: path.to_path_buf(), writer, reader, end })
    }

    /// Appends rows in one write and gives the place of each.
    pub fn append(&mut self, rows: &[Row]) -> Result<Vec<u64>> {
        let mut bytes = Vec::new();
        let mut places = Vec::with_capacity(rows.len());
        for row in rows {
            places.push(self.end + bytes.len() as u64);
            serde_json::to_writer(&mut bytes, row).map_err(|error| Error::io(&self.path, "write", error.into()))?;
            bytes.push(b'\n');
        }
        self.writer.write_all(&bytes).map_err(|source| Error::io(&self.path, "write", source))?;
        self.end += bytes.len() as u64;
        Ok(places)
    }

    /// The link whose line is at a place.
    pub fn link(&mut self, at: u64) -> Result<Link> {
        let wrap = |source| Error::io(&self.path, "read", source);
        self.reader.seek(SeekFrom::Start(at)).map_err(wrap)?;
        let mut line = Vec::new();
        BufReader::with_capacity(512, &mut self.reader).read_until(b'\n', &mut line).map_err(wrap)?;
        match serde_json::from_slice(&line) {
            Ok(Row::Link(link)) => Ok(link),
            _ => {
                let place = format!("byte {at}");
                Err(base::Error::damaged(&self.path, place, "there is no link", "crawl into another folder").into())
            }
        }
    }

    /// The file, to be synchronised with the disk by whoever has the time.
    pub fn sync_handle(&self) -> Result<File> {
        self.writer.try_clone().map_err(|source| Error::io(&self.path, "open", source))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Calls `each` with every line's place and row in order. A damaged line is passed over and counted.
pub fn replay(path: &Path, mut each: impl FnMut(u64, Row)) -> Result<u64> {
    let wrap = |source| Error::io(path, "read", source);
    let mut reader = BufReader::with_capacity(1 << 18, File::open(path).map_err(wrap)?);
    let (mut at, mut damaged, mut line) = (0, 0, Vec::new());
    loop {
        line.clear();
        let n = reader.read_until(b'\n', &mut line).map_err(wrap)?;
        if n == 0 {
            return Ok(damaged);
        }
        match serde_json::from_slice(&line) {
            Ok(row) => each(at, row),
            Err(_) => damaged += 1,
        }
        at += n as u64;
    }
}

/// The length of a file without an unfinished last line.
fn end_of_last_line(file: &mut File) -> std::io::Result<u64> {
    let mut end = file.seek(SeekFrom::End(0))?;
    let mut block = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(64 << 10);
        file.seek(SeekFrom::Start(start))?;
        block.clear();
        (&mut *file).take(end - start).read_to_end(&mut block)?;
        if let Some(found) = block.iter().rposition(|&byte| byte == b'\n') {
            return Ok(start + found as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_come_back_and_a_torn_line_goes() {
        let path = std::env::temp_dir().join(format!("schoolhouse-corpus-journal-{}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let link = |n: u32| Link { url: format!("http://a.example/{n}"), depth: n, hops: n / 2, canonical: n == 2 };
        let done = |at, warc| Row::Done(Done { at, outcome: "page".into(), status: Some(200), bytes: 5, warc, ..Done::default() });
        let dropped = Row::Dropped(Dropped { server: "http://a.example".into(), why: "failures".into() });
        let mut journal = Journal::open(&path).unwrap();
        assert!(Journal::open(&path).unwrap_err().to_string().contains("another process"));
        let first = journal.append(&[Row::Link(link(1)), Row::Link(link(2))]).unwrap();
        let rows = [done(first[0], Some((0, 99))), dropped, done(first[1], None)];
        let second = journal.append(&rows).unwrap();
        assert_eq!((journal.link(first[0]).unwrap(), journal.link(first[1]).unwrap()), (link(1), link(2)));
        assert!(journal.link(second[0]).unwrap_err().to_string().contains("there is no link"));
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"nonsense\n{\"link\":{\"url\":\"http://a.exa").unwrap();
        let mut found = Vec::new();
        let _journal = Journal::open(&path).unwrap();
        let damaged = replay(&path, |at, row| found.push((at, row))).unwrap();
        let [a, b] = [Row::Link(link(1)), Row::Link(link(2))];
        let [c, d, e] = rows;
        let expected: Vec<(u64, Row)> = first.into_iter().chain(second).zip([a, b, c, d, e]).collect();
        assert_eq!((found, damaged), (expected, 1));
        std::fs::remove_file(path).unwrap();
    }
}
