//! Signature files: what the signature stage leaves for the clusters, one file per task.
//!
//! A file is a head (`MINHASH1`), blocks, and an end. A block holds up to 1024 documents column by column: their numbers,
//! then the hashes of bucket 0, of bucket 1, ..., so that one bucket is read without the others. Each column is
//! followed by the first 8 bytes of its BLAKE3 hash. All numbers are little-endian:
//!
//! ```text
//! block   n: u32 (1..=1024) | n x u32, check | 14 x (n x 8 x u64, check)
//! end     0: u32 | documents in the file: u64, check
//! ```
//!
//! Knows bytes and nothing about what equal hashes mean.

use std::fs::File;
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use base::files::AtomicFile;

use super::{BUCKETS, HASHES_PER_BUCKET, Signature};
use crate::{Error, Result};

const HEAD: &[u8; 8] = b"MINHASH1";
/// Documents in a full block. A writer holds as many: 1 MB.
const BLOCK: usize = 1024;
const CHECK_BYTES: usize = 8;
/// The bytes of one document in one bucket's column.
const HASH_BYTES: usize = 8 * HASHES_PER_BUCKET;

/// One document in one bucket. The order is that of the hashes, then of the documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub hashes: [u64; HASHES_PER_BUCKET],
    pub document: u32,
}

/// A signature file under construction.
#[derive(Debug)]
pub struct SignatureWriter {
    path: PathBuf,
    file: AtomicFile,
    documents: Vec<u32>,
    signatures: Vec<Signature>,
    total: u64,
}

impl SignatureWriter {
    /// Begins a file, and the folders above it.
    pub fn create(path: &Path) -> Result<SignatureWriter> {
        let file = AtomicFile::create(path)?;
        let mut writer = SignatureWriter { path: path.to_path_buf(), file, documents: Vec::new(), signatures: Vec::new(), total: 0 };
        writer.write(HEAD)?;
        Ok(writer)
    }

    /// Adds a document by its number. Numbers may come in any order and have gaps; each stands once in all files.
    pub fn push(&mut self, document: u32, signature: &Signature) -> Result<()> {
        self.documents.push(document);
        self.signatures.push(signature.clone());
        if self.documents.len() == BLOCK { self.end_block() } else { Ok(()) }
    }

    /// Puts the file in its place and gives the number of documents in it.
    pub fn finish(mut self) -> Result<u64> {
        self.end_block()?;
        self.write(&0u32.to_le_bytes())?;
        self.write_column(&self.total.to_le_bytes())?;
        self.file.commit()?;
        Ok(self.total)
    }

    fn end_block(&mut self) -> Result<()> {
        let n = self.documents.len();
        if n == 0 {
            return Ok(());
        }
        self.write(&(n as u32).to_le_bytes())?;
        let documents: Vec<u8> = self.documents.iter().flat_map(|document| document.to_le_bytes()).collect();
        self.write_column(&documents)?;
        for bucket in 0..BUCKETS {
            let hashes = self.signatures.iter().flat_map(|signature| signature.bucket(bucket));
            let column: Vec<u8> = hashes.flat_map(|hash| hash.to_le_bytes()).collect();
            self.write_column(&column)?;
        }
        self.total += n as u64;
        self.documents.clear();
        self.signatures.clear();
        Ok(())
    }

    fn write_column(&mut self, column: &[u8]) -> Result<()> {
        self.write(column)?;
        self.write(&check_of(column))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|source| Error::io(&self.path, "write", source))
    }
}

fn check_of(column: &[u8]) -> [u8; CHECK_BYTES] {
    std::array::from_fn(|i| blake3::hash(column).as_bytes()[i])
}

/// Gives every document's entry in one bucket, in the order of the file, and the number of documents. Errors: a file that
/// cannot be read, ends early, or is damaged in the columns that are read here; whatever `take` returns.
pub(super) fn read_bucket(path: &Path, bucket: usize, take: &mut dyn FnMut(Entry) -> Result<()>) -> Result<u64> {
    let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
    let mut columns = Columns { path, file: BufReader::with_capacity(1 << 16, file), at: 0, bytes: Vec::new() };
    if columns.take(HEAD.len())? != HEAD {
        return Err(columns.damaged(0, "it is no signature file"));
    }
    let mut total = 0u64;
    loop {
        let at = columns.at;
        let n = u32::from_le_bytes(columns.take(4)?.try_into().expect("4 bytes were asked for")) as usize;
        if n == 0 {
            break;
        }
        if n > BLOCK {
            return Err(columns.damaged(at, &format!("a block of {n} documents cannot be")));
        }
        let documents: Vec<u32> = columns.column(n * 4)?.as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)).collect();
        columns.skip(bucket * (n * HASH_BYTES + CHECK_BYTES))?;
        let rows = columns.column(n * HASH_BYTES)?.as_chunks::<HASH_BYTES>().0;
        for (row, &document) in rows.iter().zip(&documents) {
            let (hashes, _) = row.as_chunks::<8>();
            take(Entry { hashes: std::array::from_fn(|i| u64::from_le_bytes(hashes[i])), document })?;
        }
        columns.skip((BUCKETS - 1 - bucket) * (n * HASH_BYTES + CHECK_BYTES))?;
        total += n as u64;
    }
    let at = columns.at;
    let stated = u64::from_le_bytes(columns.column(8)?.try_into().expect("8 bytes were asked for"));
    if stated != total {
        return Err(columns.damaged(at, &format!("it holds {total} documents and says {stated}")));
    }
    if !columns.is_at_end()? {
        return Err(columns.damaged(columns.at, "bytes follow its end"));
    }
    Ok(total)
}

/// Reads checked columns and keeps account of the place.
struct Columns<'a> {
    path: &'a Path,
    file: BufReader<File>,
    at: u64,
    bytes: Vec<u8>,
}

impl Columns<'_> {
    fn take(&mut self, length: usize) -> Result<&[u8]> {
        self.bytes.resize(length, 0);
        self.file.read_exact(&mut self.bytes).map_err(|source| match source.kind() {
            ErrorKind::UnexpectedEof => self.damaged(self.at, "it ends too early"),
            _ => Error::io(self.path, "read", source),
        })?;
        self.at += length as u64;
        Ok(&self.bytes)
    }

    fn column(&mut self, length: usize) -> Result<&[u8]> {
        let at = self.at;
        let check = {
            let bytes = self.take(length + CHECK_BYTES)?;
            check_of(&bytes[..length]) == bytes[length..]
        };
        if check { Ok(&self.bytes[..length]) } else { Err(self.damaged(at, "its bytes do not agree with their check")) }
    }

    /// Leaves bytes out. A file that ends within them is found out by what is read next.
    fn skip(&mut self, length: usize) -> Result<()> {
        self.at += length as u64;
        self.file.seek_relative(length as i64).map_err(|source| Error::io(self.path, "read", source))
    }

    fn is_at_end(&mut self) -> Result<bool> {
        let end = self.file.seek(SeekFrom::End(0)).map_err(|source| Error::io(self.path, "read", source))?;
        Ok(end == self.at)
    }

    fn damaged(&self, at: u64, why: &str) -> Error {
        let remedy = "delete it and run the signature stage again";
        Error::Base(base::Error::damaged(self.path, format!("byte {at}"), why, remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::super::signature::least;
    use super::*;

    /// A file of `n` documents, numbered by threes, and their signatures.
    fn written(name: &str, n: usize) -> (PathBuf, Vec<Signature>) {
        let folder = std::env::temp_dir().join(format!("schoolhouse-signatures-{name}-{}", std::process::id()));
        let path = folder.join("a/task.minhash");
        let signatures: Vec<Signature> = (0..n).map(|i| least(&[i as u64, 7])).collect();
        let mut writer = SignatureWriter::create(&path).unwrap();
        for (i, signature) in signatures.iter().enumerate() {
            writer.push(3 * i as u32, signature).unwrap();
        }
        assert!(!path.exists());
        assert_eq!(writer.finish().unwrap(), n as u64);
        (path, signatures)
    }

    fn read(path: &Path, bucket: usize) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        read_bucket(path, bucket, &mut |entry| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    #[test]
    fn what_is_written_is_read() {
        for n in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 5] {
            let (path, signatures) = written("whole", n);
            for bucket in [0, 5, BUCKETS - 1] {
                let entries = read(&path, bucket).unwrap();
                assert_eq!(entries.len(), n);
                for (i, entry) in entries.iter().enumerate() {
                    assert_eq!((entry.document, &entry.hashes[..]), (3 * i as u32, signatures[i].bucket(bucket)));
                }
            }
            std::fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
        }
    }

    #[test]
    fn damage_is_one_sentence() {
        let (path, _) = written("damaged", 10);
        let whole = std::fs::read(&path).unwrap();
        let sentence = |bytes: &[u8]| {
            // A new file: some file systems wait for the disk where an old one is written over.
            let _ = std::fs::remove_file(&path);
            std::fs::write(&path, bytes).unwrap();
            let found = (0..BUCKETS).find_map(|bucket| read(&path, bucket).err());
            found.map_or("nothing".to_string(), |error| error.to_string().replace(&*path.display().to_string(), "FILE"))
        };
        assert_eq!(sentence(&whole), "nothing");
        for length in [0, 7, 8, 20, 60, whole.len() / 2, whole.len() - 21, whole.len() - 20, whole.len() - 1] {
            let found = sentence(&whole[..length]);
            assert!(found.starts_with("FILE is damaged at byte ") && found.contains("it ends too early; delete it"), "{length}: {found}");
        }
        assert!(sentence(&[&whole[..], &[0]].concat()).contains("bytes follow its end"));
        assert!(sentence(b"PAR1.............").contains("it is no signature file"));
        // Whatever single byte is wrong, some bucket's reader finds it.
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            let found = sentence(&bytes);
            assert!(found.starts_with("FILE is damaged at byte "), "byte {at}: {found}");
        }
        std::fs::remove_dir_all(path.parent().unwrap().parent().unwrap()).unwrap();
    }
}
