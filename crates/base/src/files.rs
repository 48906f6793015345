//! Files and folders that appear whole or not at all.
//!
//! Everything is written under a temporary name in the same folder (`.NAME.partial`), flushed to the disk, and
//! renamed. A kill leaves at most a `.partial` behind, which the next writer of the same name replaces.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// The name under which something is written before it is whole.
fn partial_path(path: &Path) -> PathBuf {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    path.with_file_name(format!(".{name}.partial"))
}

/// Flushes a folder's entries, so that a rename survives a power cut. Systems without this are left alone.
fn sync_folder_of(path: &Path) {
    if let Some(folder) = path.parent()
        && let Ok(folder) = File::open(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
    {
        let _ = folder.sync_all();
    }
}

/// Creates a folder and those above it.
pub fn create_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|source| Error::io(path, "create", source))
}

/// Removes a file or a folder with everything in it; nothing there is fine too.
pub fn remove(path: &Path) -> Result<()> {
    let outcome = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    match outcome {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(Error::io(path, "remove", source)),
        _ => Ok(()),
    }
}

/// The whole of a file.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).map_err(|source| Error::io(path, "read", source))
}

/// The whole of a UTF-8 file.
pub fn read_text(path: &Path) -> Result<String> {
    String::from_utf8(read_bytes(path)?).map_err(|error| {
        let place = format!("byte {}", error.utf8_error().valid_up_to());
        Error::damaged(path, place, "it is not UTF-8", "convert it to UTF-8")
    })
}

/// Reads a JSON file into a type.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    serde_json::from_slice(&read_bytes(path)?).map_err(|error| {
        let place = format!("line {} column {}", error.line(), error.column());
        Error::damaged(path, place, error.to_string(), "restore the file or make it again")
    })
}

/// Writes a JSON file, indented, whole or not at all.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut text = serde_json::to_vec_pretty(value).map_err(|error| Error::Refused(format!("cannot write {}: {error}", path.display())))?;
    text.push(b'\n');
    write_atomic(path, &text)
}

/// Writes a file whole or not at all.
pub fn write_atomic(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes).map_err(|source| Error::io(path, "write", source))?;
    file.commit()
}

/// A file under construction. Dropped without [`AtomicFile::commit`] it leaves nothing under its final name.
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    partial: PathBuf,
    writer: BufWriter<File>,
}

impl AtomicFile {
    /// Begins a file, and the folders above it.
    pub fn create(path: &Path) -> Result<AtomicFile> {
        if let Some(folder) = path.parent() {
            create_folder(folder)?;
        }
        let partial = partial_path(path);
        let file = File::create(&partial).map_err(|source| Error::io(&partial, "create", source))?;
        Ok(AtomicFile { path: path.to_path_buf(), partial, writer: BufWriter::with_capacity(1 << 18, file) })
    }

    /// Puts the file in its place.
    pub fn commit(mut self) -> Result<()> {
        let wrap = |source| Error::io(&self.path, "write", source);
        self.writer.flush().map_err(wrap)?;
        self.writer.get_ref().sync_all().map_err(wrap)?;
        fs::rename(&self.partial, &self.path).map_err(|source| Error::io(&self.path, "rename", source))?;
        sync_folder_of(&self.path);
        Ok(())
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.writer.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.writer.flush()
    }
}

impl Seek for AtomicFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.writer.seek(to)
    }
}

/// A folder under construction: files go into [`AtomicDir::path`], then the folder takes its place whole.
#[derive(Debug)]
pub struct AtomicDir {
    target: PathBuf,
    partial: PathBuf,
}

impl AtomicDir {
    /// Begins a folder, away with what an earlier attempt left.
    pub fn create(target: &Path) -> Result<AtomicDir> {
        let partial = partial_path(target);
        remove(&partial)?;
        create_folder(&partial)?;
        Ok(AtomicDir { target: target.to_path_buf(), partial })
    }

    /// Where its files are written.
    pub fn path(&self) -> &Path {
        &self.partial
    }

    /// Puts the folder in its place; one of the same name is replaced.
    pub fn commit(self) -> Result<()> {
        sync_folder_of(&self.partial.join("."));
        remove(&self.target)?;
        fs::rename(&self.partial, &self.target).map_err(|source| Error::io(&self.target, "rename", source))?;
        sync_folder_of(&self.target);
        Ok(())
    }
}

/// Removes what a killed writer left in a folder: every entry named `.….partial`.
pub fn remove_partials(folder: &Path) -> Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') && name.ends_with(".partial") {
            remove(&entry.path())?;
        }
    }
    Ok(())
}

/// The BLAKE3 hash of bytes, in hex.
pub fn hash_bytes(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

/// The BLAKE3 hash of a file's bytes, in hex.
pub fn hash_file(path: &Path) -> Result<String> {
    let mut file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    let mut hasher = blake3::Hasher::new();
    let mut buffer = vec![0u8; 1 << 18];
    loop {
        let n = file.read(&mut buffer).map_err(|source| Error::io(path, "read", source))?;
        if n == 0 {
            return Ok(hasher.finalize().to_hex().to_string());
        }
        hasher.update(&buffer[..n]);
    }
}

#[cfg(test)]
pub(crate) fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-base-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_whole_or_not_at_all() {
        let folder = scratch("atomic-file");
        let path = folder.join("a.txt");
        let mut half = AtomicFile::create(&path).unwrap();
        half.write_all(b"half").unwrap();
        drop(half);
        assert!(!path.exists());
        write_atomic(&path, b"whole").unwrap();
        assert_eq!(read_text(&path).unwrap(), "whole");
        assert_eq!(hash_file(&path).unwrap(), hash_bytes(b"whole"));
        remove_partials(&folder).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_appears_whole_and_replaces_its_predecessor() {
        let folder = scratch("atomic-dir");
        for text in ["one", "two"] {
            let dir = AtomicDir::create(&folder.join("step")).unwrap();
            write_atomic(&dir.path().join("x"), text.as_bytes()).unwrap();
            dir.commit().unwrap();
            assert_eq!(read_text(&folder.join("step/x")).unwrap(), text);
        }
    }

    #[test]
    fn errors_name_the_file_and_the_place() {
        let folder = scratch("errors");
        let missing = read_text(&folder.join("none")).unwrap_err().to_string();
        assert!(missing.ends_with("none: there is no such file or folder"), "{missing}");
        fs::write(folder.join("bad.json"), "{\n \"a\": }").unwrap();
        let bad = read_json::<serde_json::Value>(&folder.join("bad.json")).unwrap_err().to_string();
        assert!(bad.contains("bad.json is damaged at line 2"), "{bad}");
        fs::write(folder.join("latin"), b"ab\xE9").unwrap();
        let latin = read_text(&folder.join("latin")).unwrap_err().to_string();
        assert!(latin.contains("byte 2"), "{latin}");
    }
}
