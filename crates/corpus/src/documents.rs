//! Documents: read from Parquet, JSON lines and text files, written as Parquet with FineWeb's columns.
//!
//! Knows the columns and nothing about filters. Parquet goes through the library's column interface, so Arrow is not needed.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::inputs::{self, InputFile, Kind};
use crate::{Error, Result, charset};

mod parquet_read;
mod parquet_write;

pub use parquet_write::{ParquetWriter, Written};

/// A text file is one document and may be so large.
pub const MAX_TEXT_FILE_BYTES: u64 = 256 << 20;
/// A line of JSON may be so long.
pub const MAX_LINE_BYTES: usize = 64 << 20;

/// A document, with FineWeb's columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The main text.
    pub text: String,
    /// `WARC-Record-ID`, or what the input gave it, or file and row.
    pub id: String,
    /// The crawl it comes from: a name given, or the file's.
    pub dump: String,
    /// Its address; empty if it has none.
    pub url: String,
    /// When it was fetched, ISO 8601; empty if unknown.
    pub date: String,
    /// The file it comes from, below the input that was asked for.
    pub file_path: String,
    /// Two letters (ISO 639-1).
    pub language: String,
    /// How sure the detector is, between 0 and 1.
    pub language_score: f64,
    /// Its words, until a tokenizer has counted its tokens.
    pub token_count: i64,
}

impl Document {
    /// What people call it: its address, or its id where it has none.
    pub fn name(&self) -> &str {
        if self.url.is_empty() { &self.id } else { &self.url }
    }
}

/// Reads documents from files, folders and patterns of Parquet, JSON lines (plain, gzip, zstd), `.txt` and `.md`, in the
/// order of the paths, then of the file names, then of the rows. A damaged row is one error; reading goes on behind it
/// where the format allows.
pub fn read_documents(paths: &[PathBuf]) -> Result<impl Iterator<Item = Result<Document>> + use<>> {
    let files = inputs::list(paths)?;
    if let Some(warc) = files.iter().find(|file| file.kind == Kind::Warc) {
        return Err(Error::Refused(format!("{} holds raw pages, not documents; run curate on it first", warc.path.display())));
    }
    Ok(files.into_iter().flat_map(|file| match read_file(&file) {
        Ok(rows) => rows,
        Err(error) => Box::new(std::iter::once(Err(error))),
    }))
}

/// Reads the documents of one file that is not a WARC.
pub fn read_file(file: &InputFile) -> Result<Box<dyn Iterator<Item = Result<Document>> + Send>> {
    let (name, stem) = (file.name.clone(), file.stem().to_string());
    let mut row = 0;
    let complete = move |document: Result<Document>| {
        row += 1;
        document.map(|mut document| {
            if document.id.is_empty() {
                document.id = format!("{name}/{row}");
            }
            if document.dump.is_empty() {
                document.dump.clone_from(&stem);
            }
            if document.file_path.is_empty() {
                document.file_path.clone_from(&name);
            }
            document
        })
    };
    Ok(match file.kind {
        Kind::Parquet => Box::new(parquet_read::rows(&file.path)?.map(complete)),
        Kind::Jsonl => Box::new(json_rows(&file.path)?.map(complete)),
        Kind::Text => Box::new(
            std::iter::once_with({
                let (path, bytes) = (file.path.clone(), file.bytes);
                move || read_text(&path, bytes)
            })
            .map(complete),
        ),
        Kind::Warc => return Err(Error::Refused(format!("{} holds raw pages, not documents", file.path.display()))),
    })
}

/// A text file as one document.
fn read_text(path: &Path, bytes: u64) -> Result<Document> {
    if bytes > MAX_TEXT_FILE_BYTES {
        let most = MAX_TEXT_FILE_BYTES >> 20;
        return Err(Error::Refused(format!(
            "{} has {} MB; a text file is one document of at most {most} MB, split it",
            path.display(),
            bytes >> 20
        )));
    }
    let bytes = base::files::read_bytes(path)?;
    let text = charset::decode(&bytes, None)
        .ok_or_else(|| base::Error::damaged(path, "some byte", "it is text in no charset that could be told", "convert it to UTF-8"))?;
    Ok(Document { text, ..Document::default() })
}

/// One line of JSON. Unknown fields are passed over.
#[derive(Deserialize)]
struct Row {
    text: String,
    #[serde(default)]
    id: serde_json::Value,
    url: Option<String>,
    date: Option<String>,
    dump: Option<String>,
    file_path: Option<String>,
    language: Option<String>,
    language_score: Option<f64>,
    token_count: Option<i64>,
}

/// The rows of a JSON-lines file; compression is told by the first bytes. Blank lines are passed over.
fn json_rows(path: &Path) -> Result<impl Iterator<Item = Result<Document>> + Send + use<>> {
    let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    let mut file = BufReader::with_capacity(1 << 17, file);
    let magic = file.fill_buf().map_err(|source| Error::io(path, "read", source))?;
    let source: Box<dyn Read + Send> = if magic.starts_with(&[0x1f, 0x8b]) {
        Box::new(flate2::bufread::MultiGzDecoder::new(file))
    } else if magic.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) {
        Box::new(zstd::Decoder::with_buffer(file).map_err(|source| Error::io(path, "decompress", source))?)
    } else {
        Box::new(file)
    };
    let mut lines = BufReader::with_capacity(1 << 17, source);
    let path = path.to_path_buf();
    let mut number = 0u64;
    let mut ended = false;
    Ok(std::iter::from_fn(move || {
        while !ended {
            number += 1;
            match read_line(&mut lines) {
                Ok(None) => return None,
                Ok(Some(line)) if line.trim_ascii().is_empty() => {}
                Ok(Some(line)) => return Some(parse_row(&path, number, &line)),
                Err(source) => {
                    ended = true; // a broken stream would give the same error forever
                    let why = format!("reading stops there ({source})");
                    return Some(Err(base::Error::damaged(&path, format!("line {number}"), why, "fetch the file again").into()));
                }
            }
        }
        None
    }))
}

/// The next line, or `None` at the end. Of a longer line than [`MAX_LINE_BYTES`] the beginning is given, which is no JSON.
fn read_line(lines: &mut impl BufRead) -> std::io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let n = lines.take(MAX_LINE_BYTES as u64).read_until(b'\n', &mut line)?;
    if n == MAX_LINE_BYTES && !line.ends_with(b"\n") {
        line.truncate(1 << 10);
        while {
            let rest = lines.fill_buf()?;
            let end = rest.iter().position(|&byte| byte == b'\n');
            let (used, more) = (end.map_or(rest.len(), |end| end + 1), end.is_none() && !rest.is_empty());
            lines.consume(used);
            more
        } {}
    }
    Ok((n > 0).then_some(line))
}

fn parse_row(path: &Path, number: u64, line: &[u8]) -> Result<Document> {
    let row: Row = serde_json::from_slice(line)
        .map_err(|error| base::Error::damaged(path, format!("line {number}"), error.to_string(), "mend or delete the line"))?;
    let id = match row.id {
        serde_json::Value::Null => String::new(),
        serde_json::Value::String(id) => id,
        other => other.to_string(),
    };
    Ok(Document {
        text: row.text,
        id,
        dump: row.dump.unwrap_or_default(),
        url: row.url.unwrap_or_default(),
        date: row.date.unwrap_or_default(),
        file_path: row.file_path.unwrap_or_default(),
        language: row.language.unwrap_or_default(),
        language_score: row.language_score.unwrap_or_default(),
        token_count: row.token_count.unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
