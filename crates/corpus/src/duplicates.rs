//! Exact duplicates: texts that were there before, character by character.
//!
//! Works on hashes of texts, 16 bytes each, in files. The first of equals stays. Memory is bounded whatever their number: a
//! hash belongs to one of several parts by its first bytes, and the parts are looked at one after the other.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Bytes that a hash takes in the set of those seen.
const BYTES_PER_HASH: u64 = 40;

/// One bit for each document of an input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks(Vec<u64>);

impl Marks {
    /// None of `n` documents is marked.
    pub fn none_of(n: u64) -> Marks {
        Marks(vec![0; n.div_ceil(64) as usize])
    }

    /// Marks a document.
    pub fn mark(&mut self, document: u64) {
        self.0[(document / 64) as usize] |= 1 << (document % 64);
    }

    /// Whether a document is marked.
    pub fn is_marked(&self, document: u64) -> bool {
        self.0[(document / 64) as usize] >> (document % 64) & 1 == 1
    }
}

/// The first 128 bits of a text's BLAKE3 hash. Two different texts among a billion share one with a chance of 10^-21.
pub fn hash(text: &str) -> [u8; 16] {
    blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().expect("a hash has 32 bytes")
}

/// Marks the documents whose hash an earlier one has. `files` hold the hashes of all documents in order; `budget` is in bytes.
pub fn mark_duplicates(files: &[PathBuf], budget: u64) -> Result<Marks> {
    let mut n = 0;
    for path in files {
        let bytes = std::fs::metadata(path).map_err(|source| Error::io(path, "read", source))?.len();
        if !bytes.is_multiple_of(16) {
            return Err(base::Error::damaged(path, "the end", "it ends inside a hash", "delete the folder and curate again").into());
        }
        n += bytes / 16;
    }
    let mut marks = Marks::none_of(n);
    let parts = (n * BYTES_PER_HASH).div_ceil(budget.max(1)).max(1);
    for part in 0..parts {
        let mut seen = HashSet::new();
        let mut document = 0;
        for path in files {
            for_each_hash(path, |hash| {
                let first = u64::from_le_bytes(hash[..8].try_into().expect("a hash has 16 bytes"));
                if first % parts == part && !seen.insert(*hash) {
                    marks.mark(document);
                }
                document += 1;
            })?;
        }
    }
    Ok(marks)
}

fn for_each_hash(path: &Path, mut work: impl FnMut(&[u8; 16])) -> Result<()> {
    let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    let mut file = BufReader::with_capacity(1 << 18, file);
    let mut hash = [0; 16];
    loop {
        match file.read_exact(&mut hash) {
            Ok(()) => work(&hash),
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(()),
            Err(source) => return Err(Error::io(path, "read", source)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_stays_whatever_the_budget() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-corpus-duplicates-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let texts: [&[&str]; 3] = [&["a", "b", "a"], &[], &["a ", "A", "b", "c"]];
        let write = |(i, texts): (usize, &&[&str])| {
            let path = folder.join(i.to_string());
            std::fs::write(&path, texts.iter().flat_map(|text| hash(text)).collect::<Vec<u8>>()).unwrap();
            path
        };
        let files: Vec<PathBuf> = texts.iter().enumerate().map(write).collect();
        for budget in [1, 100, 1 << 20] {
            let marks = mark_duplicates(&files, budget).unwrap();
            let marked: Vec<u64> = (0..7).filter(|&document| marks.is_marked(document)).collect();
            assert_eq!(marked, [2, 5], "{budget}");
        }
        std::fs::write(&files[1], [0; 17]).unwrap();
        assert!(mark_duplicates(&files, 1).unwrap_err().to_string().contains("ends inside a hash"));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
