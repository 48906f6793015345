//! A reader of fastText's classifiers: whole models (.bin) and quantised ones (.ftz), such as lid.176 for languages.
//!
//! Reads formats 11 and 12 and predicts the best label as the original does: words of the dictionary and the hashed
//! pieces of every word are looked up, their vectors averaged, and the labels scored by softmax, flat or along a tree.
//! Quantised vectors are unpacked at the start, and the pieces of the dictionary's words are summed up once. Does not train
//! and knows nothing about what the labels mean. Source of the format and of the arithmetic: fastText 0.9.2.

use std::collections::HashMap;
use std::path::Path;

use rustc_hash::FxBuildHasher;

use super::model_file::{Args, Dictionary, Loss, Matrix, ModelFile};
use crate::Result;

/// What stands for the end of a line. Standing in a text it ends the line too.
const END: &[u8] = b"</s>";
/// What a label begins with; a word that does is skipped.
const LABEL: &str = "__label__";

/// A classifier in memory.
#[derive(Debug)]
pub struct FastText {
    args: Args,
    /// Number of each word of the dictionary.
    words: HashMap<Box<[u8]>, u32, FxBuildHasher>,
    /// For each word the sum of the vectors of itself and its pieces (words, dimension), and how many these are.
    sums: Matrix,
    n_vectors: Vec<u32>,
    n_words: usize,
    pieces: Pieces,
    input: Matrix,
    output: Matrix,
    labels: Vec<String>,
    /// For a loss along a tree: its inner nodes, the root last.
    tree: Vec<Node>,
}

/// An inner node. Children below the number of labels are labels, others inner nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Node {
    left: usize,
    right: usize,
}

impl FastText {
    /// Reads a model file. Errors: a file that cannot be read, is damaged, or holds no classifier of a known kind.
    pub fn open(path: &Path) -> Result<FastText> {
        let ModelFile { args, dictionary, input, output } = ModelFile::read(path)?;
        let Dictionary { words, labels, label_counts, pruned } = dictionary;
        let pieces = pruned.map_or(Pieces::All, |pairs| Pieces::pruned(args.buckets, &pairs));
        let mut model = FastText {
            sums: Matrix { columns: args.dimension, values: Vec::with_capacity(words.len() * args.dimension) },
            n_vectors: Vec::with_capacity(words.len()),
            n_words: words.len(),
            words: HashMap::with_capacity_and_hasher(words.len(), FxBuildHasher),
            tree: if args.loss == Loss::Tree { tree(&label_counts) } else { Vec::new() },
            labels: labels.into_iter().map(|label| label.strip_prefix(LABEL).map_or(label.clone(), str::to_string)).collect(),
            args,
            pieces,
            input,
            output,
        };
        for (number, word) in words.into_iter().enumerate() {
            let mut sum = Sum::new(model.args.dimension);
            sum.add(model.input.row(number), 1);
            if word.as_ref() != END {
                model.add_pieces(&word, &mut sum);
            }
            model.sums.values.extend(&sum.vector);
            model.n_vectors.push(sum.n);
            model.words.insert(word, number as u32);
        }
        Ok(model)
    }

    /// The labels, without the prefix that marks them.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// The best label of a text and its probability. `None` if the model knows nothing of the text, not even its end.
    /// The text is read up to its first newline.
    pub fn predict(&self, text: &str) -> Option<(&str, f64)> {
        let sum = self.sum_of(text);
        if sum.n == 0 {
            return None;
        }
        let hidden: Vec<f32> = sum.vector.iter().map(|value| value * (1.0 / sum.n as f32)).collect();
        let (label, log) = if self.args.loss == Loss::Tree { self.best_leaf(&hidden) } else { self.best_of_softmax(&hidden) };
        Some((&self.labels[label], f64::from(log).exp().min(1.0)))
    }

    /// The vectors of a line: those of its words, their pieces, runs of words, and of its end.
    fn sum_of(&self, text: &str) -> Sum {
        let line = text.split('\n').next().unwrap_or_default();
        let mut sum = Sum::new(self.args.dimension);
        let mut hashes: Vec<i32> = Vec::new();
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c | 0);
        for word in line.as_bytes().split(is_space).filter(|word| !word.is_empty()).chain([END]) {
            match self.words.get(word) {
                Some(&number) => sum.add(self.sums.row(number as usize), self.n_vectors[number as usize]),
                None if word == END => {}
                None if word.starts_with(LABEL.as_bytes()) => continue,
                None => self.add_pieces(word, &mut sum),
            }
            if self.args.word_ngrams > 1 {
                hashes.push(hash(FNV_START, word) as i32);
            }
            if word == END {
                break;
            }
        }
        self.add_runs(&hashes, &mut sum);
        sum
    }

    /// Adds the vectors of a word's pieces: `min_piece` to `max_piece` characters of `<word>`, but not `<` or `>` alone.
    fn add_pieces(&self, word: &[u8], sum: &mut Sum) {
        if self.args.max_piece == 0 {
            return;
        }
        let marked = [b"<", word, b">"].concat();
        let is_inside = |at: usize| marked.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        for start in 0..marked.len() {
            if is_inside(start) {
                continue;
            }
            let (mut hashed, mut at) = (FNV_START, start);
            for n in 1..=self.args.max_piece {
                if at == marked.len() {
                    break;
                }
                let begin = at;
                at += 1;
                while is_inside(at) {
                    at += 1;
                }
                hashed = hash(hashed, &marked[begin..at]);
                if n >= self.args.min_piece && !(n == 1 && (start == 0 || at == marked.len())) {
                    self.add_bucket(hashed % self.args.buckets, sum);
                }
            }
        }
    }

    /// Adds the vectors of runs of 2 to `word_ngrams` words.
    fn add_runs(&self, hashes: &[i32], sum: &mut Sum) {
        for start in 0..hashes.len() {
            // Hashes are signed there, and become unsigned after they are widened.
            let mut run = hashes[start] as i64 as u64;
            for &next in hashes[start + 1..].iter().take(self.args.word_ngrams - 1) {
                run = run.wrapping_mul(116_049_371).wrapping_add(next as i64 as u64);
                self.add_bucket((run % u64::from(self.args.buckets)) as u32, sum);
            }
        }
    }

    fn add_bucket(&self, bucket: u32, sum: &mut Sum) {
        if let Some(row) = self.pieces.row(bucket) {
            sum.add(self.input.row(self.n_words + row), 1);
        }
    }

    /// The best label along the tree and the logarithm of its probability. Branches that are worse already are cut.
    fn best_leaf(&self, hidden: &[f32]) -> (usize, f32) {
        let n_labels = self.labels.len();
        let mut best = (0, f32::NEG_INFINITY);
        let mut open = vec![(self.tree.len() + n_labels - 1, 0.0f32)];
        while let Some((node, score)) = open.pop() {
            if score <= best.1 {
                continue;
            }
            let Some(inner) = node.checked_sub(n_labels) else {
                best = (node, score);
                continue;
            };
            let right = 1.0 / (1.0 + f64::from(-self.output.dot(inner, hidden)).exp()) as f32;
            let Node { left: left_child, right: right_child } = self.tree[inner];
            open.push((right_child, score + log(right)));
            open.push((left_child, score + log(1.0 - right)));
        }
        best
    }

    /// The best label of a flat softmax and the logarithm of its probability.
    fn best_of_softmax(&self, hidden: &[f32]) -> (usize, f32) {
        let scores: Vec<f32> = (0..self.labels.len()).map(|label| self.output.dot(label, hidden)).collect();
        let (best, most) =
            scores.iter().enumerate().fold((0, f32::NEG_INFINITY), |best, (i, &score)| if score > best.1 { (i, score) } else { best });
        let total: f32 = scores.iter().map(|score| (score - most).exp()).sum();
        (best, log(1.0 / total))
    }
}

/// The logarithm as the original takes it.
fn log(probability: f32) -> f32 {
    (f64::from(probability) + 1e-5).ln() as f32
}

const FNV_START: u32 = 0x811c_9dc5;

/// Goes on with a hash: FNV-1a, but bytes are signed before they are widened.
fn hash(start: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(start, |hash, &byte| (hash ^ byte as i8 as u32).wrapping_mul(0x0100_0193))
}

/// Vectors added up.
struct Sum {
    vector: Vec<f32>,
    n: u32,
}

impl Sum {
    fn new(dimension: usize) -> Sum {
        Sum { vector: vec![0.0; dimension], n: 0 }
    }

    fn add(&mut self, vector: &[f32], n: u32) {
        for (sum, value) in self.vector.iter_mut().zip(vector) {
            *sum += value;
        }
        self.n += n;
    }
}

/// Which buckets of pieces have a vector, and which one.
#[derive(Debug)]
enum Pieces {
    /// All, in order.
    All,
    /// Those with a bit; `before` counts the bits before each word of bits, `rows` has a row for each bit.
    Pruned { bits: Vec<u64>, before: Vec<u32>, rows: Vec<u32> },
}

impl Pieces {
    /// From pairs of bucket and row, sorted by bucket.
    fn pruned(buckets: u32, pairs: &[(u32, u32)]) -> Pieces {
        let mut bits = vec![0u64; buckets as usize / 64 + 1];
        for &(bucket, _) in pairs {
            bits[bucket as usize / 64] |= 1 << (bucket % 64);
        }
        let before = bits.iter().scan(0, |sum, bits| Some(std::mem::replace(sum, *sum + bits.count_ones()))).collect();
        Pieces::Pruned { bits, before, rows: pairs.iter().map(|&(_, row)| row).collect() }
    }

    fn row(&self, bucket: u32) -> Option<usize> {
        match self {
            Pieces::All => Some(bucket as usize),
            Pieces::Pruned { bits, before, rows } => {
                let (word, bit) = (bucket as usize / 64, bucket % 64);
                let is_kept = bits[word] >> bit & 1 == 1;
                is_kept.then(|| rows[before[word] as usize + (bits[word] & ((1 << bit) - 1)).count_ones() as usize] as usize)
            }
        }
    }
}

/// The Huffman tree over labels whose counts do not rise: the two least nodes are joined until one is left.
fn tree(counts: &[i64]) -> Vec<Node> {
    let n = counts.len();
    let mut totals = counts.to_vec();
    let mut nodes = Vec::with_capacity(n.saturating_sub(1));
    let (mut leaves, mut inner) = (n, n);
    for _ in 1..n {
        let mut least = || {
            // Of equals the inner node comes first; a node that is not made yet never comes.
            if leaves > 0 && totals.get(inner).is_none_or(|&total| totals[leaves - 1] < total) {
                leaves -= 1;
                leaves
            } else {
                inner += 1;
                inner - 1
            }
        };
        let node = Node { left: least(), right: least() };
        totals.push(totals[node.left].saturating_add(totals[node.right]));
        nodes.push(node);
    }
    nodes
}

#[cfg(test)]
mod tests;
