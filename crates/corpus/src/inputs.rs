//! Which files are read: paths, folders and name patterns to a sorted list, each file with its kind.
//!
//! The kind is told by the name, and where the name says nothing, by the first bytes. Opens no file further than that.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use glob::MatchOptions;

use crate::{Error, Result};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Records of a crawl: `.warc`, `.wet`, also with `.gz`.
    Warc,
    /// Rows with a column `text`.
    Parquet,
    /// A JSON object with a `text` a line: `.jsonl`, also with `.gz` or `.zst`.
    Jsonl,
    /// One document: `.txt`, `.md`, and any file of UTF-8 text that is named itself or by a pattern.
    Text,
}

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// Where it is.
    pub path: PathBuf,
    /// Its name below what was asked for: the file's own name, or its path inside the folder. Does not depend on where
    /// the input lies.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Its size as it is stored.
    pub bytes: u64,
}

impl InputFile {
    /// The name without folders and without the endings that say what kind of file it is.
    pub fn stem(&self) -> &str {
        let mut stem = self.name.rsplit('/').next().unwrap_or(&self.name);
        for ending in [".gz", ".zst", ".warc", ".wet", ".parquet", ".jsonl", ".ndjson", ".txt", ".md"] {
            stem = stem.strip_suffix(ending).filter(|stem| !stem.is_empty()).unwrap_or(stem);
        }
        stem
    }
}

/// The files that the paths mean: files, folders with everything below them that can be read (names with a dot in front
/// left out), and patterns: `*`, `?`, `[a-z]`, and `**` for folders of any depth. Sorted by name within each path.
pub fn list(paths: &[PathBuf]) -> Result<Vec<InputFile>> {
    let mut files = Vec::new();
    for path in paths {
        let before = files.len();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() {
            walk(path, "", &mut files)?;
        } else if path.exists() {
            let Some(kind) = kind_of(path, &name)? else {
                return Err(Error::Refused(format!(
                    "{} is of no kind that is read here; these are: .warc and .wet (.gz), .parquet, .jsonl (.gz, .zst), and text in UTF-8",
                    path.display()
                )));
            };
            files.push(InputFile { path: path.clone(), name, kind, bytes: size_of(path)? });
        } else if path.to_string_lossy().contains(['*', '?']) {
            for entry in matches_of(path)? {
                let name = entry.strip_prefix(fixed_part(path)).unwrap_or(&entry).to_string_lossy().into_owned();
                if let Some(kind) = kind_of(&entry, &name)? {
                    files.push(InputFile { bytes: size_of(&entry)?, path: entry, name, kind });
                }
            }
        } else {
            return Err(Error::io(path, "read", std::io::ErrorKind::NotFound.into()));
        }
        if files.len() == before {
            return Err(Error::Refused(format!(
                "{} holds nothing that can be read; name files or a folder of .warc(.gz), .parquet, .jsonl(.gz), .txt or .md",
                path.display()
            )));
        }
    }
    Ok(files)
}

/// The files that fit a pattern, sorted by name.
fn matches_of(pattern: &Path) -> Result<Vec<PathBuf>> {
    let options = MatchOptions { require_literal_separator: true, require_literal_leading_dot: true, ..MatchOptions::new() };
    let paths = glob::glob_with(&pattern.to_string_lossy(), options)
        .map_err(|error| Error::Refused(format!("the pattern {} cannot be read: {error}", pattern.display())))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().to_path_buf();
            Error::io(&path, "read", error.into())
        })?;
        if !path.is_dir() {
            files.push(path);
        }
    }
    Ok(files)
}

/// The folders of a pattern before the first that is no plain name.
fn fixed_part(pattern: &Path) -> PathBuf {
    let folders = pattern.parent().into_iter().flat_map(Path::components);
    folders.take_while(|part| !part.as_os_str().to_string_lossy().contains(['*', '?', '['])).collect()
}

/// Adds what lies below a folder.
fn walk(folder: &Path, prefix: &str, files: &mut Vec<InputFile>) -> Result<()> {
    for entry in entries_of(folder)? {
        let own = file_name(&entry);
        let name = format!("{prefix}{own}");
        if own.starts_with('.') {
            continue;
        }
        if entry.is_dir() {
            walk(&entry, &format!("{name}/"), files)?;
        } else if let Some(kind) = kind_by_name(&own) {
            files.push(InputFile { bytes: size_of(&entry)?, path: entry, name, kind });
        }
    }
    Ok(())
}

/// The entries of a folder, sorted by name.
fn entries_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let wrap = |source| Error::io(folder, "read", source);
    let mut entries = fs::read_dir(folder)
        .map_err(wrap)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(wrap)?;
    entries.sort();
    Ok(entries)
}

fn file_name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

fn size_of(path: &Path) -> Result<u64> {
    Ok(fs::metadata(path).map_err(|source| Error::io(path, "read", source))?.len())
}

/// The kind of a file by its name, then by its content.
fn kind_of(path: &Path, name: &str) -> Result<Option<Kind>> {
    if let Some(kind) = kind_by_name(name) {
        return Ok(Some(kind));
    }
    let mut head = Vec::new();
    let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    file.take(1 << 16).read_to_end(&mut head).map_err(|source| Error::io(path, "read", source))?;
    if head.starts_with(&[0x1f, 0x8b]) {
        let mut plain = [0; 5];
        let whole = flate2::read::GzDecoder::new(&head[..]).read_exact(&mut plain).is_ok();
        head = if whole { plain.to_vec() } else { Vec::new() };
    }
    Ok(match &head[..] {
        head if head.starts_with(b"WARC/") => Some(Kind::Warc),
        head if head.starts_with(b"PAR1") => Some(Kind::Parquet),
        head if head.starts_with(b"{\"") => Some(Kind::Jsonl),
        head if is_text(head) => Some(Kind::Text),
        _ => None,
    })
}

/// Whether a file that begins so is text in UTF-8.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if error.error_len().is_none() => return is_text(&head[..error.valid_up_to()]),
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !c.is_whitespace() && c != '\u{1b}')
}

fn kind_by_name(name: &str) -> Option<Kind> {
    let low = name.to_ascii_lowercase();
    let plain = low.strip_suffix(".gz").unwrap_or(&low);
    let lines = plain.strip_suffix(".zst").unwrap_or(plain);
    let ends = |text: &str, endings: &[&str]| endings.iter().any(|ending| text.ends_with(ending));
    if ends(plain, &[".warc", ".wet"]) {
        Some(Kind::Warc)
    } else if low.ends_with(".parquet") {
        Some(Kind::Parquet)
    } else if ends(lines, &[".jsonl", ".ndjson"]) {
        Some(Kind::Jsonl)
    } else if ends(&low, &[".txt", ".md"]) {
        Some(Kind::Text)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_and_told_apart() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-corpus-inputs-{}", std::process::id()));
        fs::create_dir_all(folder.join("deep")).unwrap();
        for (name, content) in [
            ("b.warc.gz", ""),
            ("a.WET", ""),
            ("c.jsonl.zst", ""),
            ("deep/d.md", ""),
            ("e.parquet", ""),
            ("funnel.json", "{}"),
            (".f.txt", ""),
            ("g.bin", "WARC/1.0"),
            ("h.bin", "what\0"),
            ("deep/i.rs", "fn main() {}"),
            ("deep/j.rs", ""),
            ("k.gz.rs", "\u{1f}\u{8b}"),
        ] {
            fs::write(folder.join(name), content).unwrap();
        }
        let names = |paths: &[&str]| {
            let paths: Vec<PathBuf> = paths.iter().map(|path| folder.join(path)).collect();
            list(&paths).map(|files| files.iter().map(|file| format!("{} {:?}", file.name, file.kind)).collect::<Vec<_>>().join(", "))
        };
        assert_eq!(names(&[""]).unwrap(), "a.WET Warc, b.warc.gz Warc, c.jsonl.zst Jsonl, deep/d.md Text, e.parquet Parquet");
        assert_eq!(names(&["g.bin", "*.g?"]).unwrap(), "g.bin Warc, b.warc.gz Warc");
        assert_eq!(names(&["deep/i.rs", "**/*.rs", "d*/*"]).unwrap(), "i.rs Text, deep/i.rs Text, deep/d.md Text, deep/i.rs Text");
        assert!(names(&["h.bin"]).unwrap_err().to_string().contains("is of no kind that is read here"));
        assert!(names(&["*.html"]).unwrap_err().to_string().contains("holds nothing that can be read"));
        assert!(names(&["none.warc"]).unwrap_err().to_string().contains("there is no such file"));
        let stem = |name: &str| InputFile { path: PathBuf::new(), name: name.into(), kind: Kind::Warc, bytes: 0 }.stem().to_string();
        assert_eq!([stem("x/web-00000.warc.gz"), stem("a.txt"), stem("b")], ["web-00000", "a", "b"]);
        fs::remove_dir_all(&folder).unwrap();
    }
}
