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
}

impl Deref for MappedFile {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_deref().unwrap_or(&[])
    }
}
