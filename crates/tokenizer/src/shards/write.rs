//! Documents to shards: leave out what is too new, split off validation, encode, shuffle, write.
//!
//! Documents are encoded in the order in which they come and laid down in a scratch file; only their places and
//! lengths stay in memory (32 bytes each). Then they are copied into the shards in shuffled order. The bytes written
//! depend on the documents, the tokenizer and the configuration, not on the number of threads.

use std::io::Write;
use std::path::{Path, PathBuf};

use base::files::AtomicFile;
use base::mmap::MappedFile;
use base::progress::Progress;
use base::rng::{Rng, label};
use base::stop::Stop;

use super::{Header, SHARDS_FILE, ShardsInfo, SplitInfo, VERSION, hash_from_hex, id_bytes};
use crate::batch::encode_each;
use crate::{Encoder, Error, Result, Tokenizer};

/// A document as shards need it.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Where it comes from; may be empty.
    pub url: String,
    /// ISO date, with or without a time; may be empty.
    pub date: String,
    /// Its text.
    pub text: String,
}

/// How shards are made.
#[derive(Clone, Debug)]
pub struct ShardConfig {
    /// The folder to write into.
    pub folder: PathBuf,
    /// Decides the split and the order.
    pub seed: u64,
    /// Share of documents held out, in `0..1`; if it is not 0 at least one is, unless there is only one.
    pub val_share: f64,
    /// ISO date; documents dated at or after it are left out.
    pub cutoff: Option<String>,
    /// Share of documents written without their URL, so that the model can begin a page without one.
    pub bare_share: f64,
    /// Threads that encode; they change the time only.
    pub threads: usize,
    /// A file takes no further document once it holds this many ids.
    pub file_tokens: u64,
}

impl ShardConfig {
    /// Files of half a billion ids, 1 GB in a vocabulary of up to 65,536.
    pub const FILE_TOKENS: u64 = 1 << 29;
}

/// What a model reads of a page: its URL on a line of its own, then its text.
pub fn page_text(url: &str, text: &str) -> String {
    if url.is_empty() { text.to_string() } else { format!("{url}\n{text}") }
}

/// Documents are encoded in batches of about this many bytes of text per thread.
const BATCH_BYTES: usize = 1 << 20;

/// Ids in the order in which the documents came.
const SCRATCH_FILE: &str = "unshuffled.bin";

/// An encoded document in the scratch file.
#[derive(Clone, Copy, Debug)]
struct Place {
    /// In ids.
    start: u64,
    /// In ids.
    tokens: u64,
    text_bytes: u64,
    /// Held out if below the share; the same for every document of one URL.
    draw: f64,
}

/// Writes shards, then `shards.json`. `progress` advances by one for each document.
pub fn write_shards(
    pages: impl Iterator<Item = Page>,
    tokenizer: &Tokenizer,
    config: &ShardConfig,
    progress: &Progress,
    stop: &Stop,
) -> Result<ShardsInfo> {
    check_config(config)?;
    remove_old(&config.folder)?;
    let outcome = write(pages, tokenizer, config, progress, stop);
    if outcome.is_err() {
        let _ = remove_old(&config.folder); // nothing that is not whole stays; the first failure is the one to tell
    }
    outcome
}

fn write(
    pages: impl Iterator<Item = Page>,
    tokenizer: &Tokenizer,
    config: &ShardConfig,
    progress: &Progress,
    stop: &Stop,
) -> Result<ShardsInfo> {
    let mut info = ShardsInfo {
        version: VERSION,
        seed: config.seed,
        cutoff: config.cutoff.clone(),
        val_share: config.val_share,
        vocab_size: tokenizer.vocab_size(),
        tokenizer: tokenizer.hash(),
        documents_after_cutoff: 0,
        documents_undated: 0,
        documents_empty: 0,
        train: SplitInfo::default(),
        val: SplitInfo::default(),
    };
    let kept = pages.filter(|page| keep(page, &mut info));
    let places = encode_pages(kept, tokenizer, config, progress, stop)?;
    if places.is_empty() {
        return Err(nothing_left(&info));
    }
    let (train, val) = split(places, config);
    let scratch = config.folder.join(SCRATCH_FILE);
    let ids = MappedFile::open(&scratch)?;
    info.train = write_split("train", train, &ids, tokenizer, config, stop)?;
    info.val = write_split("val", val, &ids, tokenizer, config, stop)?;
    drop(ids);
    base::files::remove(&scratch)?;
    base::files::write_json(&config.folder.join(SHARDS_FILE), &info)?;
    Ok(info)
}

fn check_config(config: &ShardConfig) -> Result<()> {
    if !(0.0..1.0).contains(&config.val_share) {
        return Err(Error::Refused(format!("the share of validation must be at least 0 and below 1, not {}", config.val_share)));
    }
    if !(0.0..=1.0).contains(&config.bare_share) {
        return Err(Error::Refused(format!("the share of bare documents must be from 0 to 1, not {}", config.bare_share)));
    }
    match &config.cutoff {
        Some(cutoff) if !is_date(cutoff) => Err(Error::Refused(format!("the cutoff {cutoff:?} is not a date; write it as in 2024-05-31"))),
        _ => Ok(()),
    }
}

/// Whether a text begins with a date as in 2024-05-31; a time may follow.
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits = |from: usize, to: usize| text.get(from..to).filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    let number = |from: usize, to: usize| digits(from, to).and_then(|part| part.parse::<u32>().ok());
    number(0, 4).is_some()
        && number(5, 7).is_some_and(|month| (1..=12).contains(&month))
        && number(8, 10).is_some_and(|day| (1..=31).contains(&day))
        && bytes[4] == b'-'
        && bytes[7] == b'-'
        && matches!(bytes.get(10), None | Some(b'T' | b' '))
}

/// Removes what an earlier run left, the description first, so that half-written shards are never opened.
fn remove_old(folder: &Path) -> Result<()> {
    base::files::create_folder(folder)?;
    base::files::remove(&folder.join(SHARDS_FILE))?;
    base::files::remove_partials(folder)?;
    base::files::remove(&folder.join(SCRATCH_FILE))?;
    for split in ["train", "val"] {
        let mut number = 0;
        while folder.join(file_name(split, number)).exists() {
            base::files::remove(&folder.join(file_name(split, number)))?;
            number += 1;
        }
    }
    Ok(())
}

fn file_name(split: &str, number: usize) -> String {
    format!("{split}-{number:05}.bin")
}

/// Whether a page is used, counted if it is not. ISO dates compare as texts.
fn keep(page: &Page, info: &mut ShardsInfo) -> bool {
    if page.text.trim().is_empty() {
        info.documents_empty += 1;
        return false;
    }
    if !is_date(&page.date) {
        info.documents_undated += 1;
        return true;
    }
    if info.cutoff.as_ref().is_some_and(|cutoff| page.date >= *cutoff) {
        info.documents_after_cutoff += 1;
        return false;
    }
    true
}

fn nothing_left(info: &ShardsInfo) -> Error {
    let (late, empty) = (info.documents_after_cutoff, info.documents_empty);
    Error::Refused(match &info.cutoff {
        Some(cutoff) if late > 0 => {
            format!("no document is left: {late} are dated {cutoff} or later and {empty} have no text; choose a later --cutoff")
        }
        _ => format!("there is no document with text ({empty} without); check that the input folder is the right one"),
    })
}

/// Encodes pages batch by batch into the scratch file, in order.
fn encode_pages(
    mut pages: impl Iterator<Item = Page>,
    tokenizer: &Tokenizer,
    config: &ShardConfig,
    progress: &Progress,
    stop: &Stop,
) -> Result<Vec<Place>> {
    let path = config.folder.join(SCRATCH_FILE);
    let mut scratch = AtomicFile::create(&path)?;
    let threads = config.threads.max(1);
    let lengths = tokenizer.token_lengths();
    let mut encoders: Vec<Encoder> = (0..threads).map(|_| Encoder::new(tokenizer)).collect();
    let mut places: Vec<Place> = Vec::new();
    let mut start = 0;
    // `<|endoftext|>`, the URL line unless the page is bare, and the text.
    let encode = |encoder: &mut Encoder, page: &Page| {
        let mut ids = vec![tokenizer.eot()];
        let url = if is_bare(page, config) { "" } else { &page.url };
        encoder.encode_into(&page_text(url, &page.text), &mut ids);
        ids
    };
    loop {
        if stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        let batch = next_batch(&mut pages, BATCH_BYTES * threads);
        if batch.is_empty() {
            scratch.commit()?;
            return Ok(places);
        }
        for (page, ids) in batch.iter().zip(encode_each(&mut encoders, &batch, encode)) {
            let text_bytes = ids.iter().map(|&id| u64::from(lengths[id as usize])).sum();
            places.push(Place { start, tokens: ids.len() as u64, text_bytes, draw: draw(page, config.seed) });
            start += ids.len() as u64;
            let bytes: Vec<u8> = match id_bytes(tokenizer.vocab_size()) {
                2 => ids.iter().flat_map(|&id| (id as u16).to_le_bytes()).collect(),
                _ => ids.iter().flat_map(|&id| id.to_le_bytes()).collect(),
            };
            scratch.write_all(&bytes).map_err(|source| base::Error::io(&path, "write", source))?;
        }
        progress.advance(batch.len() as u64);
    }
}

fn next_batch(pages: &mut impl Iterator<Item = Page>, bytes: usize) -> Vec<Page> {
    let mut total = 0;
    let mut batch = Vec::new();
    while total < bytes
        && let Some(page) = pages.next()
    {
        total += page.text.len();
        batch.push(page);
    }
    batch
}

/// A number in `[0, 1)` from the page's URL, or from its text if it has none.
fn draw(page: &Page, seed: u64) -> f64 {
    let key = if page.url.is_empty() { &page.text } else { &page.url };
    Rng::derive(seed, &[label("validation"), label(key)]).unit_f64()
}

/// Whether a page is written without its URL.
fn is_bare(page: &Page, config: &ShardConfig) -> bool {
    config.bare_share > 0.0
        && Rng::derive(config.seed, &[label("bare"), label(&page.url), label(&page.text)]).unit_f64() < config.bare_share
}

/// Train and validation, in the order of the documents. However small the collection, its largest draw is trained on
/// and, if any are wanted, its smallest is held out.
fn split(places: Vec<Place>, config: &ShardConfig) -> (Vec<Place>, Vec<Place>) {
    let draws = || places.iter().map(|place| place.draw);
    let (smallest, largest) = (draws().fold(1.0, f64::min), draws().fold(0.0, f64::max));
    let limit = if config.val_share > 0.0 { config.val_share.max(smallest.next_up()).min(largest) } else { 0.0 };
    places.into_iter().partition(|place| place.draw >= limit)
}

/// Shuffles the documents of a split and copies them into its files.
fn write_split(
    name: &str,
    mut places: Vec<Place>,
    scratch: &[u8],
    tokenizer: &Tokenizer,
    config: &ShardConfig,
    stop: &Stop,
) -> Result<SplitInfo> {
    Rng::derive(config.seed, &[label("shards"), label(name)]).shuffle(&mut places);
    let width = id_bytes(tokenizer.vocab_size());
    let hash = hash_from_hex(&tokenizer.hash()).expect("a hash in hex");
    let mut split = SplitInfo::default();
    let mut rest = &places[..];
    while !rest.is_empty() {
        let (mut n, mut tokens) = (0, 0);
        while n < rest.len() && (n == 0 || tokens < config.file_tokens) {
            tokens += rest[n].tokens;
            n += 1;
        }
        let (mine, others) = rest.split_at(n);
        rest = others;
        let header = Header {
            id_bytes: width,
            vocab_size: tokenizer.vocab_size() as u64,
            tokens,
            documents: mine.len() as u64,
            text_bytes: mine.iter().map(|place| place.text_bytes).sum(),
            tokenizer: hash,
        };
        let file = file_name(name, split.files.len());
        let path = config.folder.join(&file);
        let wrap = |source| base::Error::io(&path, "write", source);
        let mut writer = AtomicFile::create(&path)?;
        writer.write_all(&header.to_bytes()).map_err(wrap)?;
        for place in mine {
            if stop.requested() {
                return Err(base::Error::Stopped.into());
            }
            let start = (place.start * u64::from(width)) as usize;
            writer.write_all(&scratch[start..start + (place.tokens * u64::from(width)) as usize]).map_err(wrap)?;
        }
        writer.commit()?;
        split.documents += header.documents;
        split.tokens += header.tokens;
        split.text_bytes += header.text_bytes;
        split.files.push(file);
    }
    Ok(split)
}
