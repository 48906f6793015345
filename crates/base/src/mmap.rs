//! A file as memory, read only. The only `unsafe` outside the kernels.

#![allow(unsafe_code)]

use std::fs::File;
use std::ops::Deref;
use std::path::Path;

use crate::{Error, Result};

/// A file mapped into memory; dereferences to its bytes.
#[derive(Debug)]
pub struct MappedFile(Option<memmap2::Mmap>);

impl MappedFile {
    /// Maps a file. An empty file maps to no bytes.
    pub fn open(path: &Path) -> Result<MappedFile> {
        let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
        let length = file.metadata().map_err(|source| Error::io(path, "read", source))?.len();
        if length == 0 {
            return Ok(MappedFile(None));
        }
        // SAFETY: the mapping is read only. Files of a run folder are written under another name and renamed
        // whole, never changed in place, so the bytes do not change under us while the project alone writes there.
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|source| Error::io(path, "map", source))?;
        Ok(MappedFile(Some(map)))
    }

    /// Tells the system that the bytes before `end` are not needed for now, so that a file that is read from end to end does not
    /// count as this process's memory. They can be read again all the same. Does nothing where the system cannot be told.
    pub fn let_go_before(&self, end: usize) {
        #[cfg(unix)]
        if let Some(map) = &self.0 {
            let advice = memmap2::UncheckedAdvice::DontNeed;
            // SAFETY: nobody can write to the mapping, and it is shared with the file: pages that are given back come again from
            // there with the same bytes, so whoever holds a slice of them sees no difference.
            let _ = unsafe { map.unchecked_advise_range(advice, 0, end.min(map.len())) };
        }
    }
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_let_go_can_be_read_again() {
        let path = std::env::temp_dir().join(format!("schoolhouse-mmap-{}", std::process::id()));
        let bytes: Vec<u8> = (0..100_000u32).map(|i| i as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let map = MappedFile::open(&path).unwrap();
        let slice = &map[10..50_000];
        for end in [0, 1, 40_000, 99_999, 1 << 30] {
            map.let_go_before(end);
            assert!(slice == &bytes[10..50_000] && map[..] == bytes[..]);
        }
        std::fs::remove_file(path).unwrap();
    }
}
