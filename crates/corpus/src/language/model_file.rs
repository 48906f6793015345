//! The bytes of a fastText model: settings, dictionary, and the two matrices, unpacked if they are quantised.
//!
//! Every count is checked against the bytes that are there before room is made for it, and every index once here, so that
//! a damaged file ends in one sentence. Knows nothing of what is computed with a model.

use std::path::Path;

use crate::{Error, Result};

const MAGIC: i32 = 793_712_314;
/// Codes of a quantised vector's part: one byte.
const CODES: usize = 256;
/// More buckets than any model has; the known ones have up to 2 million.
const MOST_BUCKETS: i32 = 1 << 28;
/// No label occurs so often; the original takes this number for infinite.
const MOST: i64 = 1_000_000_000_000_000;

/// How labels are scored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// Softmax along a Huffman tree.
    Tree,
    /// Softmax over all labels.
    Flat,
}

/// What of a model's settings matters for prediction.
#[derive(Clone, Debug)]
pub(super) struct Args {
    pub dimension: usize,
    pub loss: Loss,
    /// Buckets that pieces and runs of words are hashed into.
    pub buckets: u32,
    /// The longest run of words.
    pub word_ngrams: usize,
    /// Characters of the shortest and of the longest piece of a word; no pieces if the longest has 0.
    pub min_piece: usize,
    pub max_piece: usize,
}

#[derive(Debug)]
pub(super) struct Dictionary {
    pub words: Vec<Box<[u8]>>,
    pub labels: Vec<String>,
    pub label_counts: Vec<i64>,
    /// Where pieces were pruned: bucket and row after the words' rows of what is left, sorted.
    pub pruned: Option<Vec<(u32, u32)>>,
}

/// Rows of numbers.
#[derive(Debug)]
pub(super) struct Matrix {
    pub columns: usize,
    pub values: Vec<f32>,
}

impl Matrix {
    pub fn rows(&self) -> usize {
        self.values.len() / self.columns
    }

    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.columns..(row + 1) * self.columns]
    }

    pub fn dot(&self, row: usize, vector: &[f32]) -> f32 {
        self.row(row).iter().zip(vector).map(|(a, b)| a * b).sum()
    }
}

/// A model as it stands in its file.
#[derive(Debug)]
pub(super) struct ModelFile {
    pub args: Args,
    pub dictionary: Dictionary,
    /// Vectors of words, then of buckets.
    pub input: Matrix,
    /// One row a label, or one a node of the tree.
    pub output: Matrix,
}

impl ModelFile {
    pub fn read(path: &Path) -> Result<ModelFile> {
        let bytes = base::files::read_bytes(path)?;
        let mut file = Bytes { path, bytes: &bytes, at: 0 };
        if file.i32().ok() != Some(MAGIC) {
            return Err(file.damaged(0, "it is no fastText model"));
        }
        let version = file.i32()?;
        if version != 11 && version != 12 {
            return Err(Error::Refused(format!("{} has fastText's format {version}; formats 11 and 12 are read", path.display())));
        }
        let args = file.args(version)?;
        let dictionary = file.dictionary(&args)?;
        let is_quantised = file.flag()?;
        let input = if is_quantised { file.quantised()? } else { file.dense()? };
        let is_output_quantised = file.flag()?;
        let output = if is_quantised && is_output_quantised { file.quantised()? } else { file.dense()? };
        let n_buckets = match &dictionary.pruned {
            Some(pairs) => pairs.iter().map(|&(_, row)| row as usize + 1).max().unwrap_or(0),
            None if args.max_piece > 0 || args.word_ngrams > 1 => args.buckets as usize,
            None => 0,
        };
        let fits = input.columns == args.dimension && output.columns == args.dimension;
        if !fits || input.rows() < dictionary.words.len() + n_buckets || output.rows() < dictionary.labels.len() {
            return Err(file.damaged(file.at, "its matrices do not fit its dictionary"));
        }
        if !input.values.iter().chain(&output.values).all(|value| value.is_finite()) {
            return Err(file.damaged(file.at, "its matrices hold what is no number"));
        }
        Ok(ModelFile { args, dictionary, input, output })
    }
}

/// Reads numbers and keeps account of the place.
struct Bytes<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let taken = self.bytes[self.at..].get(..length).ok_or_else(|| self.damaged(self.bytes.len(), "it ends too early"))?;
        self.at += length;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("as many bytes were asked for"))
    }

    fn i32(&mut self) -> Result<i32> {
        Ok(i32::from_le_bytes(self.array()?))
    }

    fn i64(&mut self) -> Result<i64> {
        Ok(i64::from_le_bytes(self.array()?))
    }

    fn flag(&mut self) -> Result<bool> {
        Ok(self.array::<1>()?[0] != 0)
    }

    /// A count or a size: a number that is not negative.
    fn count(&mut self, number: i64) -> Result<usize> {
        usize::try_from(number).map_err(|_| self.damaged(self.at, &format!("it counts {number} of something")))
    }

    fn floats(&mut self, n: usize) -> Result<Vec<f32>> {
        let length = n.checked_mul(4).ok_or_else(|| self.damaged(self.at, "a matrix is too large"))?;
        Ok(self.take(length)?.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn damaged(&self, at: usize, why: &str) -> Error {
        let remedy = "get the model anew, or name another one";
        Error::Base(base::Error::damaged(self.path, format!("byte {at}"), why, remedy))
    }

    fn args(&mut self, version: i32) -> Result<Args> {
        let at = self.at;
        let mut numbers = [0; 12];
        for number in &mut numbers {
            *number = self.i32()?;
        }
        self.take(8)?;
        let [dimension, _, _, _, _, word_ngrams, loss, model, buckets, min_piece, max_piece, _] = numbers;
        if model != 3 {
            return Err(Error::Refused(format!(
                "{} holds word vectors and no classifier; name a model such as lid.176",
                self.path.display()
            )));
        }
        let loss = match loss {
            1 => Loss::Tree,
            3 => Loss::Flat,
            _ => {
                return Err(Error::Refused(format!("{} was trained without softmax; only such classifiers are read", self.path.display())));
            }
        };
        let max_piece = if version == 11 { 0 } else { max_piece };
        let in_range = (1..=4096).contains(&dimension)
            && (0..=100).contains(&max_piece)
            && (0..=max_piece.max(100)).contains(&min_piece)
            && (0..=100).contains(&word_ngrams)
            && (i32::from(max_piece > 0 || word_ngrams > 1)..=MOST_BUCKETS).contains(&buckets);
        if !in_range {
            return Err(self.damaged(at, "its settings are out of range"));
        }
        Ok(Args {
            dimension: dimension as usize,
            loss,
            buckets: buckets as u32,
            word_ngrams: word_ngrams as usize,
            min_piece: min_piece as usize,
            max_piece: max_piece as usize,
        })
    }

    fn dictionary(&mut self, args: &Args) -> Result<Dictionary> {
        let at = self.at;
        let (size, n_words, n_labels) = (self.i32()?, self.i32()?, self.i32()?);
        self.i64()?; // words in the training text
        let n_pruned = self.i64()?;
        if n_words < 0 || n_labels < 1 || n_words.checked_add(n_labels) != Some(size) {
            return Err(self.damaged(at, "its dictionary's counts do not agree"));
        }
        let mut dictionary = Dictionary { words: Vec::new(), labels: Vec::new(), label_counts: Vec::new(), pruned: None };
        for number in 0..size {
            let at = self.at;
            let length = self.bytes[at..].iter().position(|&byte| byte == 0).unwrap_or(self.bytes.len() - at);
            let word = self.take(length)?;
            self.take(1)?;
            let (count, is_label) = (self.i64()?, self.flag()?);
            if is_label != (number >= n_words) || !(0..MOST).contains(&count) {
                return Err(self.damaged(at, "an entry of its dictionary is out of place"));
            }
            if is_label {
                dictionary.labels.push(String::from_utf8_lossy(word).into_owned());
                dictionary.label_counts.push(count);
            } else {
                dictionary.words.push(word.into());
            }
        }
        if n_pruned >= 0 {
            let mut pairs = Vec::new();
            for _ in 0..n_pruned {
                let at = self.at;
                let (bucket, row) = (self.i32()? as u32, self.i32()?);
                if bucket >= args.buckets || row < 0 {
                    return Err(self.damaged(at, "a piece of a word is out of range"));
                }
                pairs.push((bucket, row as u32));
            }
            pairs.sort_unstable();
            pairs.dedup_by_key(|pair| pair.0);
            dictionary.pruned = Some(pairs);
        }
        Ok(dictionary)
    }

    fn dense(&mut self) -> Result<Matrix> {
        let (rows, columns) = self.shape()?;
        Ok(Matrix { columns, values: self.floats(rows * columns)? })
    }

    /// The shape of a matrix, small enough to be multiplied out.
    fn shape(&mut self) -> Result<(usize, usize)> {
        let at = self.at;
        let (rows, columns) = (self.i64()?, self.i64()?);
        let (rows, columns) = (self.count(rows)?, self.count(columns)?);
        if rows > i32::MAX as usize || !(1..=4096).contains(&columns) {
            return Err(self.damaged(at, &format!("a matrix of {rows} x {columns} cannot be")));
        }
        Ok((rows, columns))
    }

    /// A matrix of which each row is kept as codes of its parts, and maybe a code of its length.
    fn quantised(&mut self) -> Result<Matrix> {
        let at = self.at;
        let has_norms = self.flag()?;
        let (rows, columns) = self.shape()?;
        let n_codes = self.i32()?;
        let n_codes = self.count(n_codes.into())?;
        let codes = self.take(n_codes)?;
        let parts = self.codebook()?;
        let norms = if has_norms {
            let norm_codes = self.take(rows)?;
            let norms = self.codebook()?;
            if norms.dimension != 1 {
                return Err(self.damaged(at, "its vectors' lengths are no numbers"));
            }
            norm_codes.iter().map(|&code| norms.centroid(0, code)[0]).collect()
        } else {
            vec![1.0; rows]
        };
        if parts.dimension != columns || n_codes != rows * parts.n {
            return Err(self.damaged(at, "a quantised matrix does not have the codes of its rows"));
        }
        let mut values = Vec::with_capacity(rows * columns);
        for (codes, norm) in codes.chunks_exact(parts.n).zip(norms) {
            for (part, &code) in codes.iter().enumerate() {
                values.extend(parts.centroid(part, code).iter().map(|value| norm * value));
            }
        }
        Ok(Matrix { columns, values })
    }

    fn codebook(&mut self) -> Result<Codebook> {
        let at = self.at;
        let (dimension, n, part, last) = (self.i32()?, self.i32()?, self.i32()?, self.i32()?);
        let is_whole = (1..=4096).contains(&dimension)
            && (1..=dimension).contains(&n)
            && (1..=dimension).contains(&part)
            && (1..=part).contains(&last)
            && (n - 1) * part + last == dimension;
        if !is_whole {
            return Err(self.damaged(at, "a codebook's parts do not make up a vector"));
        }
        let (dimension, n, part, last) = (dimension as usize, n as usize, part as usize, last as usize);
        Ok(Codebook { dimension, n, part, last, centroids: self.floats(dimension * CODES)? })
    }
}

/// 256 values for each part of a vector; the last part may be shorter.
struct Codebook {
    dimension: usize,
    n: usize,
    part: usize,
    last: usize,
    centroids: Vec<f32>,
}

impl Codebook {
    fn centroid(&self, part: usize, code: u8) -> &[f32] {
        let length = if part == self.n - 1 { self.last } else { self.part };
        let start = part * CODES * self.part + usize::from(code) * length;
        &self.centroids[start..start + length]
    }
}
