//! Token shards: files of ids that training maps into memory. Layout in docs/formats.md.
//!
//! Here are the format and its reader; `shards::write` makes them. Knows nothing of batches: a loader asks for a range
//! of the stream and gets ids.

use std::ops::Range;
use std::path::{Path, PathBuf};

use base::mmap::MappedFile;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Tokenizer};

mod write;

pub use write::{Page, ShardConfig, page_text, write_shards};

/// The description of a folder of shards, written last.
pub const SHARDS_FILE: &str = "shards.json";

/// The first bytes of a shard.
const MAGIC: [u8; 8] = *b"SHTOKENS";
/// Version of the layout.
const VERSION: u32 = 1;
/// Bytes before the first id.
const HEADER_BYTES: usize = 128;

/// `shards.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ShardsInfo {
    /// Version of the layout.
    pub version: u32,
    /// The seed of the split and of the order.
    pub seed: u64,
    /// Documents dated at or after this were left out.
    pub cutoff: Option<String>,
    /// The share of documents asked for as validation.
    pub val_share: f64,
    /// Every id is below this.
    pub vocab_size: usize,
    /// Hash of the tokenizer, see [`Tokenizer::hash`].
    pub tokenizer: String,
    /// Documents left out because of the cutoff.
    pub documents_after_cutoff: u64,
    /// Documents without a date that can be read; they are in.
    pub documents_undated: u64,
    /// Documents without text; they are left out.
    pub documents_empty: u64,
    /// What is trained on.
    pub train: SplitInfo,
    /// What is held out.
    pub val: SplitInfo,
}

/// One half of `shards.json`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplitInfo {
    /// Files in order.
    pub files: Vec<String>,
    /// Documents.
    pub documents: u64,
    /// Ids, with the one `<|endoftext|>` before each document.
    pub tokens: u64,
    /// Bytes of text behind the ids (UTF-8, normal form C, URL lines included).
    pub text_bytes: u64,
}

/// The first bytes of a shard, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Header {
    /// 2 or 4.
    id_bytes: u32,
    vocab_size: u64,
    tokens: u64,
    documents: u64,
    text_bytes: u64,
    /// [`Tokenizer::hash`].
    tokenizer: [u8; 32],
}

impl Header {
    fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.id_bytes.to_le_bytes());
        for (place, number) in [self.vocab_size, self.tokens, self.documents, self.text_bytes].into_iter().enumerate() {
            bytes[16 + 8 * place..24 + 8 * place].copy_from_slice(&number.to_le_bytes());
        }
        bytes[48..80].copy_from_slice(&self.tokenizer);
        bytes
    }

    /// The error says what is wrong.
    fn from_bytes(bytes: &[u8]) -> std::result::Result<Header, String> {
        let header = bytes.get(..HEADER_BYTES).ok_or_else(|| format!("it has {} bytes, fewer than a header", bytes.len()))?;
        let small = |at: usize| u32::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
        let large = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| header[at + byte]));
        if header[..8] != MAGIC {
            return Err("it does not begin like a shard".into());
        }
        if small(8) != VERSION {
            return Err(format!("it has version {}, and this program reads version {VERSION}", small(8)));
        }
        let header = Header {
            id_bytes: small(12),
            vocab_size: large(16),
            tokens: large(24),
            documents: large(32),
            text_bytes: large(40),
            tokenizer: std::array::from_fn(|byte| header[48 + byte]),
        };
        if header.id_bytes != id_bytes(header.vocab_size as usize) {
            return Err(format!("ids of {} bytes do not fit a vocabulary of {}", header.id_bytes, header.vocab_size));
        }
        let expected = u128::from(header.tokens) * u128::from(header.id_bytes) + HEADER_BYTES as u128;
        if expected != bytes.len() as u128 {
            return Err(format!("it has {} bytes where its header promises {expected}", bytes.len()));
        }
        Ok(header)
    }
}

/// Bytes of an id in a shard.
fn id_bytes(vocab_size: usize) -> u32 {
    if vocab_size <= 1 << 16 { 2 } else { 4 }
}

/// A folder of shards, open for reading.
#[derive(Debug)]
pub struct Shards {
    folder: PathBuf,
    info: ShardsInfo,
    train: TokenView,
    val: TokenView,
}

impl Shards {
    /// Opens a folder of shards, and refuses one that is incomplete or damaged.
    pub fn open(folder: &Path) -> Result<Shards> {
        let path = folder.join(SHARDS_FILE);
        if !path.exists() {
            return Err(Error::Refused(format!("{} is missing, so tokenizing has not ended; run `tokenize` again", path.display())));
        }
        let info: ShardsInfo = base::files::read_json(&path)?;
        if info.version != VERSION {
            let why = format!("it has version {}, and this program reads version {VERSION}", info.version);
            return Err(damaged(&path, "its version", why));
        }
        let train = TokenView::open(folder, &info, &info.train)?;
        let val = TokenView::open(folder, &info, &info.val)?;
        Ok(Shards { folder: folder.to_path_buf(), info, train, val })
    }

    /// What `shards.json` says.
    pub fn info(&self) -> &ShardsInfo {
        &self.info
    }

    /// Every id is below this.
    pub fn vocab_size(&self) -> usize {
        self.info.vocab_size
    }

    /// What is trained on.
    pub fn train(&self) -> &TokenView {
        &self.train
    }

    /// What is held out; may be empty.
    pub fn val(&self) -> &TokenView {
        &self.val
    }

    /// Refuses a tokenizer other than the one that the shards were made with.
    pub fn check_tokenizer(&self, tokenizer: &Tokenizer) -> Result<()> {
        if tokenizer.hash() == self.info.tokenizer { Ok(()) } else { Err(Error::OtherTokenizer { path: self.folder.clone() }) }
    }
}

/// A stream of ids: documents one after the other, `<|endoftext|>` before each.
#[derive(Debug)]
pub struct TokenView {
    files: Vec<ShardFile>,
    vocab_size: u32,
    length: usize,
}

#[derive(Debug)]
struct ShardFile {
    path: PathBuf,
    map: MappedFile,
    id_bytes: usize,
    /// Its place in the stream.
    range: Range<usize>,
}

impl TokenView {
    fn open(folder: &Path, info: &ShardsInfo, split: &SplitInfo) -> Result<TokenView> {
        let mut view = TokenView { files: Vec::new(), vocab_size: info.vocab_size as u32, length: 0 };
        let (mut documents, mut text_bytes) = (0, 0);
        for name in &split.files {
            let path = folder.join(name);
            let map = MappedFile::open(&path)?;
            let header = Header::from_bytes(&map).map_err(|why| damaged(&path, "its header", why))?;
            if header.vocab_size != info.vocab_size as u64 || Some(header.tokenizer) != hash_from_hex(&info.tokenizer) {
                return Err(damaged(&path, "its header", format!("it was made with another tokenizer than {SHARDS_FILE} says")));
            }
            documents += header.documents;
            text_bytes += header.text_bytes;
            let range = view.length..view.length + header.tokens as usize;
            view.length = range.end;
            view.files.push(ShardFile { path, map, id_bytes: header.id_bytes as usize, range });
        }
        if (view.length as u64, documents, text_bytes) != (split.tokens, split.documents, split.text_bytes) {
            let why = format!("it counts {} ids, and its shards hold {}", split.tokens, view.length);
            return Err(damaged(&folder.join(SHARDS_FILE), "its counts", why));
        }
        view.check_samples()?;
        Ok(view)
    }

    /// Looks at evenly spaced stretches (at every id of a small stream), so that a damaged file is found before training
    /// and not after an hour.
    fn check_samples(&self) -> Result<()> {
        const STRETCHES: usize = 256;
        let mut ids = [0; 256];
        for stretch in 0..STRETCHES {
            let start = (self.length as u128 * stretch as u128 / STRETCHES as u128) as usize;
            let length = ids.len().min(self.length - start);
            self.copy(start..start + length, &mut ids[..length])?;
        }
        Ok(())
    }

    /// Number of ids.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies a range of the stream; it may cross documents and files. Every id is checked against the vocabulary's
    /// size. Panics if the range and `out` differ in length, or if the range goes beyond the end.
    pub fn copy(&self, range: Range<usize>, out: &mut [u32]) -> Result<()> {
        assert!(range.end <= self.length, "the range {range:?} goes beyond the {} ids of the stream", self.length);
        assert_eq!(range.len(), out.len(), "the range {range:?} and the place to copy it to must be equally long");
        let mut filled = 0;
        let first = self.files.partition_point(|file| file.range.end <= range.start);
        for file in self.files[first..].iter().take_while(|file| file.range.start < range.end) {
            let start = range.start.max(file.range.start) - file.range.start;
            let end = range.end.min(file.range.end) - file.range.start;
            let out = &mut out[filled..filled + (end - start)];
            filled += out.len();
            let bytes = &file.map[HEADER_BYTES + start * file.id_bytes..HEADER_BYTES + end * file.id_bytes];
            match file.id_bytes {
                2 => out.iter_mut().zip(bytes.chunks_exact(2)).for_each(|(id, two)| *id = u32::from(u16::from_le_bytes([two[0], two[1]]))),
                _ => out
                    .iter_mut()
                    .zip(bytes.chunks_exact(4))
                    .for_each(|(id, four)| *id = u32::from_le_bytes([four[0], four[1], four[2], four[3]])),
            }
            if let Some(at) = out.iter().position(|&id| id >= self.vocab_size) {
                let why = format!("the id {} is not in a vocabulary of {}", out[at], self.vocab_size);
                return Err(damaged(&file.path, &format!("token {}", start + at), why));
            }
        }
        Ok(())
    }
}

fn damaged(path: &Path, place: &str, why: String) -> Error {
    base::Error::damaged(path, place, why, "run `tokenize` again").into()
}

/// The 32 bytes of a hash in hex.
fn hash_from_hex(hex: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::progress::Progress;
    use base::stop::Stop;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("schoolhouse-shards-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        folder
    }

    fn pages(n: usize) -> Vec<Page> {
        let page = |index: usize| Page {
            url: if index.is_multiple_of(5) { String::new() } else { format!("https://a.example/{index}") },
            date: format!("2024-{:02}-{:02}", index % 12 + 1, index % 28 + 1),
            text: format!("Page {index} says é. ").repeat(index % 7 + 1),
        };
        (0..n).map(page).collect()
    }

    fn config(folder: &Path) -> ShardConfig {
        ShardConfig { folder: folder.to_path_buf(), seed: 1, val_share: 0.1, cutoff: None, bare_share: 0.0, threads: 2, file_tokens: 500 }
    }

    fn write(pages: &[Page], config: &ShardConfig) -> Result<ShardsInfo> {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        write_shards(pages.iter().cloned(), &tokenizer, config, &Progress::silent(), &Stop::new())
    }

    fn all(view: &TokenView) -> Vec<u32> {
        let mut ids = vec![0; view.len()];
        view.copy(0..view.len(), &mut ids).unwrap();
        ids
    }

    /// The documents of a stream as texts, sorted.
    fn documents(view: &TokenView, tokenizer: &Tokenizer) -> Vec<String> {
        let ids = all(view);
        assert_eq!(ids[0], tokenizer.eot());
        let mut texts: Vec<String> = ids[1..].split(|&id| id == tokenizer.eot()).map(|document| tokenizer.decode(document)).collect();
        texts.sort();
        texts
    }

    #[test]
    fn what_is_written_is_read_back_document_by_document() {
        let folder = folder("roundtrip");
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut pages = pages(200);
        pages[7].text = " \n".into();
        pages[8].date = "yesterday".into();
        let info = write(&pages, &config(&folder)).unwrap();
        let shards = Shards::open(&folder).unwrap();
        assert_eq!(shards.info(), &info);
        assert!(info.train.files.len() > 3 && info.val.documents > 5 && info.val.documents < 50);
        assert_eq!((info.documents_empty, info.documents_undated), (1, 1));
        assert!(shards.check_tokenizer(&tokenizer).is_ok());
        assert!(shards.check_tokenizer(&Tokenizer::from_merges(vec![(0, 0)])).is_err());

        let mut found = documents(shards.train(), &tokenizer);
        let val = documents(shards.val(), &tokenizer);
        assert_eq!((found.len() as u64, val.len() as u64), (info.train.documents, info.val.documents));
        found.extend(val);
        found.sort();
        let kept = pages.iter().filter(|page| !page.text.trim().is_empty());
        let mut expected: Vec<String> = kept.map(|page| page_text(&page.url, &page.text)).collect();
        expected.sort();
        assert_eq!(found, expected);
        assert_eq!(info.train.text_bytes + info.val.text_bytes, expected.iter().map(|text| text.len() as u64).sum::<u64>());

        let ids = all(shards.train());
        let mut part = vec![0; 1200];
        shards.train().copy(450..1650, &mut part).unwrap(); // across files
        assert_eq!(part, ids[450..1650]);
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_share_of_the_documents_is_written_without_its_url() {
        let folder = folder("bare");
        let pages: Vec<Page> =
            (0..2000).map(|i| Page { url: format!("u{}", i % 3), text: format!("page {i}"), ..Page::default() }).collect();
        write(&pages, &ShardConfig { bare_share: 0.25, val_share: 0.0, ..config(&folder) }).unwrap();
        let found = documents(Shards::open(&folder).unwrap().train(), &Tokenizer::from_merges(Vec::new()));
        let bare = found.iter().filter(|text| text.starts_with("page ")).count();
        assert!((430..570).contains(&bare), "{bare} of {}", found.len());
        assert!(write(&pages, &ShardConfig { bare_share: 1.5, ..config(&folder) }).unwrap_err().to_string().contains("not 1.5"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn threads_change_nothing_and_the_seed_changes_the_order() {
        let pages = pages(300);
        let bytes = |name: &str, seed: u64, threads: usize| {
            let folder = folder(name);
            let info = write(&pages, &ShardConfig { seed, threads, ..config(&folder) }).unwrap();
            let read = |files: &[String]| files.iter().flat_map(|file| std::fs::read(folder.join(file)).unwrap()).collect::<Vec<u8>>();
            let bytes = (read(&info.train.files), read(&info.val.files));
            std::fs::remove_dir_all(&folder).unwrap();
            bytes
        };
        let one = bytes("seed-a", 1, 1);
        assert_eq!(one, bytes("seed-b", 1, 3));
        assert_ne!(one, bytes("seed-c", 2, 1));
    }

    #[test]
    fn the_cutoff_leaves_out_what_is_dated_at_or_after_it() {
        let folder = folder("cutoff");
        let pages: Vec<Page> = ["2024-05-30T23:59:59Z", "2024-05-31", "2024-05-31T00:00:00Z", "2025-01-01", ""]
            .into_iter()
            .map(|date| Page { date: date.into(), text: format!("dated {date}"), ..Page::default() })
            .collect();
        let with = |cutoff: &str| ShardConfig { val_share: 0.0, cutoff: Some(cutoff.into()), ..config(&folder) };
        let info = write(&pages, &with("2024-05-31")).unwrap();
        assert_eq!((info.train.documents, info.val.documents), (2, 0));
        assert_eq!((info.documents_after_cutoff, info.documents_undated), (3, 1));
        assert!(Shards::open(&folder).unwrap().val().is_empty());
        let message = write(&pages[..4], &with("2020-01-01")).unwrap_err().to_string();
        assert!(message.starts_with("no document is left: 4 are dated 2020-01-01 or later"), "{message}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0, "nothing that is not whole stays");
        assert!(Shards::open(&folder).unwrap_err().to_string().contains("run `tokenize` again"));
        let message = write(&pages, &with("31.5.2024")).unwrap_err().to_string();
        assert!(message.contains("is not a date; write it as in 2024-05-31"), "{message}");
        assert!(write(&[], &config(&folder)).unwrap_err().to_string().contains("no document with text"));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_small_collection_has_both_halves() {
        let folder = folder("small");
        let info = write(&pages(5), &ShardConfig { val_share: 0.001, ..config(&folder) }).unwrap();
        assert_eq!((info.train.documents, info.val.documents), (4, 1));
        let info = write(&pages(5), &ShardConfig { val_share: 0.9999, ..config(&folder) }).unwrap();
        assert_eq!((info.train.documents, info.val.documents), (1, 4));
        let info = write(&pages(1), &config(&folder)).unwrap();
        assert_eq!((info.train.documents, info.val.documents), (1, 0));
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn damage_is_named() {
        let folder = folder("damage");
        let check = |damage: &dyn Fn(&mut Vec<u8>), expected: &str| {
            write(&pages(50), &config(&folder)).unwrap();
            let path = folder.join("train-00000.bin");
            let mut bytes = std::fs::read(&path).unwrap();
            damage(&mut bytes);
            std::fs::write(&path, bytes).unwrap();
            let message = Shards::open(&folder).unwrap_err().to_string();
            assert!(message.contains("train-00000.bin is damaged") && message.contains(expected), "{message}");
        };
        check(&|bytes| bytes.truncate(bytes.len() - 1), "where its header promises");
        check(&|bytes| bytes.truncate(50), "fewer than a header");
        check(&|bytes| bytes[0] = b'x', "does not begin like a shard");
        check(&|bytes| bytes[8] = 9, "version 9");
        check(&|bytes| bytes[50] ^= 1, "another tokenizer");
        check(&|bytes| bytes[HEADER_BYTES + 1] = 0xFF, "token 0: the id");
        std::fs::remove_file(folder.join("train-00001.bin")).unwrap();
        assert!(Shards::open(&folder).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn large_vocabularies_have_wide_ids() {
        let header =
            |vocab_size: u64, id_bytes: u32| Header { id_bytes, vocab_size, tokens: 0, documents: 0, text_bytes: 0, tokenizer: [3; 32] };
        assert_eq!((id_bytes(65_536), id_bytes(65_537)), (2, 4));
        let wide = header(65_537, 4);
        assert_eq!(Header::from_bytes(&wide.to_bytes()), Ok(wide));
        assert!(Header::from_bytes(&header(65_537, 2).to_bytes()).unwrap_err().contains("do not fit"));
    }
}
