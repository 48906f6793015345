//! Clusters of near duplicates, from signature files, in bounded memory.
//!
//! Buckets are looked at one by one: its entries are sorted by their hashes, in memory if they fit the budget, else in
//! sorted runs on the disk that are merged; entries with equal hashes stand side by side then, and their documents are
//! joined. The sets of documents take 4 bytes a document beside the budget. The outcome depends on neither the budget,
//! the threads, nor the order of the files. Knows numbers of documents and no texts.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::file::{Entry, read_bucket};
use super::{BUCKETS, HASHES_PER_BUCKET};
use crate::{Error, Result};

/// How the work is done; none of it changes the outcome.
#[derive(Clone, Copy, Debug)]
pub struct ClusterConfig<'a> {
    /// Bytes of entries that are held at once, by all threads together. A thread takes 64 KB at least, and a file that is
    /// read 200 KB beside it.
    pub budget_bytes: usize,
    /// A folder for sorted runs where the budget is too small. It is made, and removed at the end.
    pub scratch: &'a Path,
    /// Buckets that are looked at together, 1 to 14.
    pub threads: usize,
}

/// For every document the least number of its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clusters(Vec<u32>);

impl Clusters {
    /// The document that stays in place of this one, or `None` if this one stays itself. Panics if there is no such document.
    pub fn kept_for(&self, document: u32) -> Option<u32> {
        let kept = self.0[document as usize];
        (kept != document).then_some(kept)
    }

    /// The documents that go, in order, each with the one that stays in its place.
    pub fn removed(&self) -> impl Iterator<Item = (u32, u32)> {
        self.0.iter().enumerate().map(|(document, &kept)| (document as u32, kept)).filter(|(document, kept)| document != kept)
    }
}

/// Joins the documents of all files that agree in some bucket. Each file comes with the number of its document 0;
/// `n_documents` is one more than the greatest number.
pub fn cluster(files: &[(PathBuf, u32)], n_documents: usize, config: &ClusterConfig) -> Result<Clusters> {
    if n_documents > u32::MAX as usize {
        return Err(Error::Refused(format!(
            "{n_documents} documents are more than near duplicates are sought in at once; split the input"
        )));
    }
    let sets = Mutex::new(Sets((0..n_documents as u32).collect()));
    let threads = config.threads.clamp(1, BUCKETS);
    let budget = (config.budget_bytes / threads).max(MIN_BUDGET);
    let next = AtomicUsize::new(0);
    let work = || -> Result<()> {
        loop {
            let bucket = next.fetch_add(1, Ordering::SeqCst);
            if bucket >= BUCKETS {
                return Ok(());
            }
            let outcome = one_bucket(files, bucket, n_documents, budget, config.scratch, &sets);
            if outcome.is_err() {
                next.store(BUCKETS, Ordering::SeqCst);
                return outcome;
            }
        }
    };
    let outcome = std::thread::scope(|scope| {
        let workers: Vec<_> = (1..threads).map(|_| scope.spawn(work)).collect();
        let own = work();
        workers.into_iter().map(|worker| worker.join().expect("a bucket does not panic")).fold(own, |one, other| one.and(other))
    });
    base::files::remove(config.scratch)?;
    outcome?;
    Ok(Clusters(sets.into_inner().expect("no holder panics").roots()))
}

// ---- one bucket ----------------------------------------------------------------------------------------------------

const MIN_BUDGET: usize = 64 << 10;
const ENTRY_BYTES: usize = size_of::<Entry>();
/// The bytes of an entry in a run.
const RUN_ENTRY_BYTES: usize = 8 * HASHES_PER_BUCKET + 4;
/// The least buffer for reading a run, and the most runs that are open at once.
const MIN_BUFFER: usize = 8 << 10;
const MAX_OPEN: usize = 256;
/// Pairs that are gathered before the lock of the sets is taken.
const PAIRS: usize = 4096;

fn one_bucket(
    files: &[(PathBuf, u32)],
    bucket: usize,
    n_documents: usize,
    budget: usize,
    scratch: &Path,
    sets: &Mutex<Sets>,
) -> Result<()> {
    let mut runs = Runs { folder: scratch.join(format!("bucket-{bucket:02}")), paths: Vec::new(), made: 0 };
    // Doubling would take twice the budget for a moment, so the room is claimed at once, but for no more than there is.
    let most = (budget / ENTRY_BYTES).min(n_documents);
    let mut entries: Vec<Entry> = Vec::with_capacity(most);
    for (file, first) in files {
        read_bucket(file, bucket, &mut |entry| {
            let entry = Entry { document: entry.document.saturating_add(*first), ..entry };
            if entry.document as usize >= n_documents {
                let why = format!("document {} is not among {n_documents}", entry.document);
                return Err(base::Error::damaged(file, "a block", why, "delete it and run the signature stage again").into());
            }
            if entries.len() == most {
                entries.sort_unstable();
                runs.write(entries.drain(..).map(Ok))?;
            }
            entries.push(entry);
            Ok(())
        })?;
    }
    entries.sort_unstable();
    if runs.paths.is_empty() {
        return join_equal(entries.into_iter().map(Ok), sets);
    }
    runs.write(entries.drain(..).map(Ok))?;
    drop(entries);
    let open = (budget / MIN_BUFFER).clamp(2, MAX_OPEN);
    while runs.paths.len() > open {
        let first: Vec<PathBuf> = runs.paths.drain(..open).collect();
        runs.write(Merge::open(&first, budget / (open + 1))?)?;
        first.iter().try_for_each(|path| base::files::remove(path))?;
    }
    join_equal(Merge::open(&runs.paths, budget / runs.paths.len())?, sets)?;
    Ok(base::files::remove(&runs.folder)?)
}

/// Joins the documents of neighbours with equal hashes.
fn join_equal(entries: impl Iterator<Item = Result<Entry>>, sets: &Mutex<Sets>) -> Result<()> {
    let mut pairs: Vec<(u32, u32)> = Vec::with_capacity(PAIRS);
    let mut first: Option<Entry> = None;
    for entry in entries {
        let entry = entry?;
        match first {
            Some(first) if first.hashes == entry.hashes => pairs.push((first.document, entry.document)),
            _ => first = Some(entry),
        }
        if pairs.len() == PAIRS {
            sets.lock().expect("no holder panics").join_all(&mut pairs);
        }
    }
    sets.lock().expect("no holder panics").join_all(&mut pairs);
    Ok(())
}

// ---- sorted runs on the disk ---------------------------------------------------------------------------------------

/// The sorted runs of one bucket.
struct Runs {
    folder: PathBuf,
    paths: Vec<PathBuf>,
    made: usize,
}

impl Runs {
    fn write(&mut self, entries: impl Iterator<Item = Result<Entry>>) -> Result<()> {
        base::files::create_folder(&self.folder)?;
        let path = self.folder.join(format!("run-{:06}", self.made));
        let wrap = |source| Error::io(&path, "write", source);
        let mut file = BufWriter::with_capacity(MIN_BUFFER, File::create(&path).map_err(wrap)?);
        for entry in entries {
            let entry = entry?;
            let mut bytes = [0u8; RUN_ENTRY_BYTES];
            for (place, hash) in bytes.as_chunks_mut().0.iter_mut().zip(entry.hashes) {
                *place = hash.to_le_bytes();
            }
            bytes[RUN_ENTRY_BYTES - 4..].copy_from_slice(&entry.document.to_le_bytes());
            file.write_all(&bytes).map_err(wrap)?;
        }
        file.flush().map_err(wrap)?;
        self.made += 1;
        self.paths.push(path);
        Ok(())
    }
}

/// A run that is read.
struct Run<'a> {
    path: &'a Path,
    file: BufReader<File>,
}

impl Run<'_> {
    fn next(&mut self) -> Result<Option<Entry>> {
        let mut bytes = [0u8; RUN_ENTRY_BYTES];
        match self.file.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(source) if source.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(source) => return Err(Error::io(self.path, "read", source)),
        }
        let hashes = bytes.as_chunks().0;
        let document = std::array::from_fn(|i| bytes[RUN_ENTRY_BYTES - 4 + i]);
        let hashes = std::array::from_fn(|i| u64::from_le_bytes(hashes[i]));
        Ok(Some(Entry { hashes, document: u32::from_le_bytes(document) }))
    }
}

/// The entries of several runs, in order.
struct Merge<'a> {
    runs: Vec<Run<'a>>,
    heads: BinaryHeap<Reverse<(Entry, usize)>>,
}

impl Merge<'_> {
    fn open(paths: &[PathBuf], buffer_bytes: usize) -> Result<Merge<'_>> {
        let mut merge = Merge { runs: Vec::new(), heads: BinaryHeap::new() };
        for path in paths {
            let file = File::open(path).map_err(|source| Error::io(path, "open", source))?;
            let mut run = Run { path, file: BufReader::with_capacity(buffer_bytes, file) };
            if let Some(entry) = run.next()? {
                merge.heads.push(Reverse((entry, merge.runs.len())));
            }
            merge.runs.push(run);
        }
        Ok(merge)
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let Reverse((entry, run)) = self.heads.pop()?;
        match self.runs[run].next() {
            Ok(Some(next)) => self.heads.push(Reverse((next, run))),
            Ok(None) => {}
            Err(error) => return Some(Err(error)),
        }
        Some(Ok(entry))
    }
}

// ---- sets of documents ---------------------------------------------------------------------------------------------

/// Sets as trees: each document names one of its set with a number that is not greater; a root names itself.
struct Sets(Vec<u32>);

impl Sets {
    fn root(&mut self, mut document: u32) -> u32 {
        while self.0[document as usize] != document {
            let above = self.0[document as usize];
            self.0[document as usize] = self.0[above as usize];
            document = above;
        }
        document
    }

    fn join_all(&mut self, pairs: &mut Vec<(u32, u32)>) {
        for (one, other) in pairs.drain(..) {
            let (one, other) = (self.root(one), self.root(other));
            self.0[one.max(other) as usize] = one.min(other);
        }
    }

    /// Every document's root. What is named is never greater, so one pass in order finds roots at once.
    fn roots(mut self) -> Vec<u32> {
        for document in 0..self.0.len() {
            self.0[document] = self.0[self.0[document] as usize];
        }
        self.0
    }
}

#[cfg(test)]
mod tests {
    use base::rng::Rng;

    use super::super::{Signature, SignatureWriter};
    use super::*;

    /// Documents whose signatures agree by chance: each bucket holds one of `kinds` values. Every fifth has none.
    fn signatures(n: usize, kinds: usize, rng: &mut Rng) -> Vec<Option<Signature>> {
        let mut signature = |i: usize| {
            let hashes: Vec<u64> = (0..BUCKETS).flat_map(|_| [rng.below(kinds) as u64; HASHES_PER_BUCKET]).collect();
            (i % 5 != 4).then(|| Signature(Box::new(hashes.try_into().unwrap())))
        };
        (0..n).map(&mut signature).collect()
    }

    /// The same by comparing all pairs until nothing changes.
    fn naive(signatures: &[Option<Signature>]) -> Vec<u32> {
        let mut least: Vec<u32> = (0..signatures.len() as u32).collect();
        loop {
            let before = least.clone();
            for (i, one) in signatures.iter().enumerate() {
                for (j, other) in signatures.iter().enumerate() {
                    let (Some(one), Some(other)) = (one, other) else { continue };
                    if (0..BUCKETS).any(|bucket| one.bucket(bucket) == other.bucket(bucket)) {
                        let both = least[i].min(least[j]);
                        (least[i], least[j]) = (both, both);
                    }
                }
            }
            if before == least {
                return least;
            }
        }
    }

    fn write(folder: &Path, tasks: usize, signatures: &[Option<Signature>]) -> Vec<(PathBuf, u32)> {
        // Task t holds the documents t, t + tasks, ..., numbered from its first one.
        let paths: Vec<PathBuf> = (0..tasks).map(|task| folder.join(format!("task-{task}"))).collect();
        let mut writers: Vec<SignatureWriter> = paths.iter().map(|path| SignatureWriter::create(path).unwrap()).collect();
        for (i, signature) in signatures.iter().enumerate() {
            if let Some(signature) = signature {
                writers[i % tasks].push((i - i % tasks) as u32, signature).unwrap();
            }
        }
        for writer in writers {
            writer.finish().unwrap();
        }
        paths.into_iter().zip(0..).collect()
    }

    fn folder(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("schoolhouse-clusters-{name}-{}", std::process::id()))
    }

    #[test]
    fn clusters_are_those_of_all_pairs() {
        let mut rng = Rng::new(4);
        for (n, kinds) in [(0, 1), (1, 1), (60, 3), (300, 500), (300, 3000), (300, 30_000)] {
            let folder = folder("naive");
            let signatures = signatures(n, kinds, &mut rng);
            let files = write(&folder, 3, &signatures);
            let scratch = folder.join("scratch");
            let found = cluster(&files, n, &ClusterConfig { budget_bytes: 1 << 20, scratch: &scratch, threads: 2 }).unwrap();
            assert_eq!(found.0, naive(&signatures), "{n} {kinds}");
            let removed: Vec<(u32, u32)> = (0..n as u32).filter_map(|i| Some((i, found.kept_for(i)?))).collect();
            assert_eq!(found.removed().collect::<Vec<_>>(), removed);
            assert_eq!(removed.is_empty(), n < 2);
            std::fs::remove_dir_all(folder).unwrap();
        }
    }

    /// 20,000 entries of 72 bytes in 64 KB: 23 runs a bucket, merged 8 at a time.
    #[test]
    fn any_budget_and_any_number_of_threads_give_the_same() {
        let mut rng = Rng::new(5);
        for kinds in [1, 200_000] {
            let folder = folder("budget");
            let signatures = signatures(25_000, kinds, &mut rng);
            let files = write(&folder, 2, &signatures);
            let scratch = folder.join("scratch");
            let of = |budget_bytes, threads| {
                let found = cluster(&files, 25_000, &ClusterConfig { budget_bytes, scratch: &scratch, threads }).unwrap();
                assert!(!scratch.exists());
                found
            };
            let roomy = of(256 << 20, 1);
            assert!(roomy.removed().count() > 1000);
            assert!(roomy == of(0, 1) && roomy == of(300_000, 3) && roomy == of(256 << 20, 20));
            std::fs::remove_dir_all(folder).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let folder = folder("refused");
        let files = write(&folder, 1, &signatures(10, 5, &mut Rng::new(6)));
        let scratch = folder.join("scratch");
        let config = ClusterConfig { budget_bytes: 0, scratch: &scratch, threads: 1 };
        let error = cluster(&files, 5, &config).unwrap_err().to_string();
        assert!(
            error.ends_with("is damaged at a block: document 5 is not among 5; delete it and run the signature stage again"),
            "{error}"
        );
        let error = cluster(&[(folder.join("none"), 0)], 5, &config).unwrap_err().to_string();
        assert!(error.ends_with("none: there is no such file or folder"), "{error}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
