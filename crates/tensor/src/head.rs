//! The output head with the objective: hidden states to log-probabilities of targets and back, slice by slice.
//!
//! Logits exist only for a [`slice()`] of positions at a time and only for positions that have a target to be scored. An
//! objective that is local to a position enters as one number: dLoss/dlogprob. The gradient of the logits is then
//! that number times (onehot - softmax), whatever the stage.

use crate::matmul::{Mat, MatMut, matmul, matmul_add};
use crate::share;
use crate::simd::{self, kernel};

/// Positions whose logits exist at once: more where the vocabulary is small, because each slice reads the whole table.
pub fn slice(vocab: usize) -> usize {
    ((2 << 20) / vocab / 128 * 128).clamp(128, 512)
}

/// Buffers of [`score`] and [`score_and_backward`], allocated once.
#[derive(Clone, Debug)]
pub struct Scratch {
    rows: Vec<f32>,   // (slice, C)
    drows: Vec<f32>,  // (slice, C)
    logits: Vec<f32>, // (slice, V)
}

impl Scratch {
    /// For a table (V, C).
    pub fn new(vocab: usize, c: usize) -> Scratch {
        let slice = slice(vocab);
        Scratch { rows: vec![0.0; slice * c], drows: vec![0.0; slice * c], logits: vec![0.0; slice * vocab] }
    }

    /// Numbers that [`Scratch::new`] allocates.
    pub fn count(vocab: usize, c: usize) -> usize {
        slice(vocab) * (vocab + 2 * c)
    }
}

/// A position to be scored: row of the hidden states, and the token whose probability is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Target {
    /// Row in `hidden`.
    pub row: u32,
    /// The target token.
    pub token: u32,
}

/// Log-probabilities of the targets. `hidden` (N, C), `table` (V, C), `logprobs` (targets).
pub fn score(hidden: &[f32], table: &[f32], c: usize, targets: &[Target], logprobs: &mut [f32], scratch: &mut Scratch) {
    assert_eq!(targets.len(), logprobs.len());
    let slice = slice(table.len() / c);
    for (targets, logprobs) in targets.chunks(slice).zip(logprobs.chunks_mut(slice)) {
        slice_logprobs(hidden, table, c, targets, logprobs, scratch);
    }
}

/// Log-probabilities and gradients in one pass. `dloss(i, logprob)` gives dLoss/dlogprob of target i. Adds to `dhidden`
/// (N, C) and `dtable` (V, C).
pub fn score_and_backward(
    hidden: &[f32],
    table: &[f32],
    c: usize,
    targets: &[Target],
    dloss: &(dyn Fn(usize, f32) -> f32 + Sync),
    logprobs: &mut [f32],
    dhidden: &mut [f32],
    dtable: &mut [f32],
    scratch: &mut Scratch,
) {
    assert_eq!(targets.len(), logprobs.len());
    assert_eq!((hidden.len(), table.len()), (dhidden.len(), dtable.len()));
    let vocab = table.len() / c;
    let slice = slice(vocab);
    for (index, (targets, logprobs)) in targets.chunks(slice).zip(logprobs.chunks_mut(slice)).enumerate() {
        slice_logprobs(hidden, table, c, targets, logprobs, scratch);
        let n = targets.len();
        let logits = &mut scratch.logits[..n * vocab];
        let rows = share::rows(n);
        share::each(logits.chunks_mut(rows * vocab).enumerate(), |(piece, logits)| {
            for (i, row) in (piece * rows..).zip(logits.chunks_exact_mut(vocab)) {
                let weight = dloss(index * slice + i, logprobs[i]);
                simd::scale(-weight, row);
                row[targets[i].token as usize] += weight;
            }
        });
        let dlogits = Mat::new(logits, n, vocab);
        let drows = &mut scratch.drows[..n * c];
        matmul(dlogits, Mat::new(table, vocab, c), MatMut::new(drows, n, c));
        matmul_add(dlogits.t(), Mat::new(&scratch.rows[..n * c], n, c), MatMut::new(dtable, vocab, c));
        for (drow, target) in drows.chunks_exact(c).zip(targets) {
            simd::add(drow, &mut dhidden[target.row as usize * c..][..c]);
        }
    }
}

/// One slice: gathers its rows, leaves softmax probabilities in `scratch.logits` and log-probabilities in `logprobs`.
fn slice_logprobs(hidden: &[f32], table: &[f32], c: usize, targets: &[Target], logprobs: &mut [f32], scratch: &mut Scratch) {
    let (n, vocab) = (targets.len(), table.len() / c);
    let rows = &mut scratch.rows[..n * c];
    for (row, target) in rows.chunks_exact_mut(c).zip(targets) {
        row.copy_from_slice(&hidden[target.row as usize * c..][..c]);
    }
    let logits = &mut scratch.logits[..n * vocab];
    matmul(Mat::new(rows, n, c), Mat::new(table, vocab, c).t(), MatMut::new(logits, n, vocab));
    let share = share::rows(n);
    let pieces = logits.chunks_mut(share * vocab).zip(targets.chunks(share)).zip(logprobs.chunks_mut(share));
    share::each(pieces, |((logits, targets), logprobs)| {
        for ((row, target), logprob) in logits.chunks_exact_mut(vocab).zip(targets).zip(logprobs) {
            *logprob = softmax(row, target.token as usize);
        }
    });
}

kernel! {
    /// Logits become probabilities; returns the log-probability of one of them.
    fn softmax(row: &mut [f32], token: usize) -> f32 {
        let largest = simd::max(row);
        let of_token = row[token];
        let sum = simd::exp_and_sum(row, largest);
        let inverse = 1.0 / sum;
        for p in row {
            *p *= inverse;
        }
        of_token - largest - sum.ln()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, on_threads, random, weighted_sum, widen};

    /// Tolerances: log-probabilities 1e-6, gradients 1e-5. More positions than a slice; one row scored twice, some not at all.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        for (n, vocab, c, threads) in [(3, 7, 5, 1), (slice(19) + 9, 19, 3, 1), (slice(19) + 9, 19, 3, 5)] {
            let (hidden, table) = (random(n * c, 1), random(vocab * c, 2));
            let mut targets: Vec<Target> =
                (0..n as u32).filter(|row| row % 5 != 1).map(|row| Target { row, token: row * 3 % vocab as u32 }).collect();
            targets.push(Target { row: 0, token: 1 });
            let weights = random(targets.len(), 3);
            let mut scratch = Scratch::new(vocab, c);
            let mut logprobs = vec![0.0; targets.len()];
            let twin = |hidden: &[f64], table: &[f64]| reference::logprobs(hidden, table, c, &targets);
            on_threads(threads, || score(&hidden, &table, c, &targets, &mut logprobs, &mut scratch));
            assert_close(&logprobs, &twin(&widen(&hidden), &widen(&table)), 1e-6);
            let (mut dhidden, mut dtable) = (vec![0.0; n * c], vec![0.0; vocab * c]);
            let dloss = |i: usize, _: f32| weights[i];
            on_threads(threads, || {
                score_and_backward(&hidden, &table, c, &targets, &dloss, &mut logprobs, &mut dhidden, &mut dtable, &mut scratch);
            });
            assert_close(&dhidden, &finite_differences(&widen(&hidden), |h| weighted_sum(&twin(h, &widen(&table)), &weights)), 1e-5);
            assert_close(&dtable, &finite_differences(&widen(&table), |t| weighted_sum(&twin(&widen(&hidden), t), &weights)), 1e-5);
        }
    }
}
