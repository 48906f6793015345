//! Causal self-attention with grouped queries, in blocks of queries that skip the masked half.
//!
//! For each sequence and head, a block of [`BLOCK`] queries meets the keys up to its own end: scores, softmax, sum of
//! values. Probabilities are not kept; forward leaves the log of each softmax's denominator, and backward computes
//! the block's probabilities again from it (Dao et al. 2022). One block's matrices stay in the L1/L2 cache.

use crate::matmul::{Mat, MatMut, matmul, matmul_add};
use crate::share;
use crate::simd::{self, exp, kernel};

/// Queries per block.
pub const BLOCK: usize = 64;

/// The sizes of an attention operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Sequences, B.
    pub batch: usize,
    /// Positions of each sequence, T.
    pub len: usize,
    /// Query heads, H.
    pub n_heads: usize,
    /// Key and value heads, K; H is a multiple of it.
    pub n_kv_heads: usize,
    /// Width of a head, D.
    pub head_dim: usize,
}

impl Shape {
    fn scale(&self) -> f32 {
        1.0 / (self.head_dim as f32).sqrt()
    }

    fn group(&self) -> usize {
        assert!(self.n_heads.is_multiple_of(self.n_kv_heads), "{} heads in groups of {} key heads", self.n_heads, self.n_kv_heads);
        self.n_heads / self.n_kv_heads
    }

    /// Panics unless matrices of queries and of keys have this shape.
    fn check(&self, queries: [(usize, usize); 2], keys: [(usize, usize); 2], lse: usize) {
        let rows = self.batch * self.len;
        assert_eq!(queries, [(rows, self.n_heads * self.head_dim); 2], "queries of attention {self:?}");
        assert_eq!(keys, [(rows, self.n_kv_heads * self.head_dim); 2], "keys and values of attention {self:?}");
        assert_eq!(lse, self.batch * self.n_heads * self.len, "log-sum-exp of attention {self:?}");
    }

    /// Sequences, or key heads of one sequence, cut in two for two halves of the threads; nothing where one thread does it all.
    fn halves(&self, threads: usize) -> Option<Cut> {
        match *self {
            _ if threads < 2 => None,
            Shape { batch: 1, n_kv_heads: 1, .. } => None,
            Shape { batch: 1, n_kv_heads, .. } => {
                let (left, right) = (n_kv_heads / 2, n_kv_heads.div_ceil(2));
                let heads = |n_kv_heads| Shape { n_kv_heads, n_heads: n_kv_heads * self.group(), ..*self };
                Some(Cut { by_rows: false, first: heads(left), rest: heads(right) })
            }
            Shape { batch, .. } => {
                let first = Shape { batch: batch / 2, ..*self };
                Some(Cut { by_rows: true, first, rest: Shape { batch: batch - first.batch, ..*self } })
            }
        }
    }
}

/// Two shapes that make up a third: all heads of some sequences and of the others, or some heads and the others.
struct Cut {
    by_rows: bool,
    first: Shape,
    rest: Shape,
}

impl Cut {
    /// The two parts of a matrix (B T, heads D): queries where `width` gives a shape's query heads, else keys.
    fn read<'a>(&self, matrix: Mat<'a>, width: fn(&Shape) -> usize) -> (Mat<'a>, Mat<'a>) {
        if self.by_rows {
            let at = self.first.batch * self.first.len;
            return (matrix.rows(0, at), matrix.rows(at, matrix.rows));
        }
        let at = width(&self.first);
        (matrix.cols(0, at), matrix.cols(at, matrix.cols))
    }

    fn write<'a>(&self, matrix: MatMut<'a>, width: fn(&Shape) -> usize) -> (MatMut<'a>, MatMut<'a>) {
        if self.by_rows { matrix.split_rows_at(self.first.batch * self.first.len) } else { matrix.split_cols_at(width(&self.first)) }
    }
}

/// Width of all query heads together.
fn q_width(shape: &Shape) -> usize {
    shape.n_heads * shape.head_dim
}

/// Width of all key heads together.
fn k_width(shape: &Shape) -> usize {
    shape.n_kv_heads * shape.head_dim
}

/// What forward reads and writes: `q`, `out` (B T, H D), `k`, `v` (B T, K D), rows at any stride; `lse` (B, H, T) receives the
/// log-sum-exp of each query's scores.
pub struct Forward<'a> {
    /// Queries, normed and rotated.
    pub q: Mat<'a>,
    /// Keys, normed and rotated.
    pub k: Mat<'a>,
    /// Values.
    pub v: Mat<'a>,
    /// What each head attended to.
    pub out: MatMut<'a>,
    /// Log-sum-exp of each query's scores.
    pub lse: &'a mut [f32],
}

/// Buffers of [`causal`] and [`causal_backward`], grown as needed.
pub type Scratch = Vec<f32>;

/// Elements of scratch that a thread needs.
fn scratch_len(shape: &Shape) -> usize {
    2 * BLOCK.min(shape.len) * shape.len
}

/// Forward, on the threads that share it.
pub fn causal(io: Forward, shape: Shape, scratch: &mut Scratch) {
    shape.check([(io.q.rows, io.q.cols), (io.out.rows, io.out.cols)], [(io.k.rows, io.k.cols), (io.v.rows, io.v.cols)], io.lse.len());
    let threads = share::threads();
    scratch.resize(threads * scratch_len(&shape), 0.0);
    forward_heads(io, shape, scratch, threads);
}

fn forward_heads(mut io: Forward, shape: Shape, scratch: &mut [f32], threads: usize) {
    if let Some(cut) = shape.halves(threads) {
        let ((q, q2), (k, k2), (v, v2)) = (cut.read(io.q, q_width), cut.read(io.k, k_width), cut.read(io.v, k_width));
        let (out, out2) = cut.write(io.out, q_width);
        let (lse, lse2) = io.lse.split_at_mut(cut.first.batch * cut.first.n_heads * shape.len);
        let (mine, others) = scratch.split_at_mut(threads / 2 * scratch_len(&shape));
        rayon::join(
            || forward_heads(Forward { q, k, v, out, lse }, cut.first, mine, threads / 2),
            || forward_heads(Forward { q: q2, k: k2, v: v2, out: out2, lse: lse2 }, cut.rest, others, threads - threads / 2),
        );
        return;
    }
    let Shape { batch, len: t, n_heads, head_dim: d, .. } = shape;
    for b in 0..batch {
        for h in 0..n_heads {
            let kv = h / shape.group();
            let (of_head, of_kv) = (h * d..(h + 1) * d, kv * d..(kv + 1) * d);
            for start in (0..t).step_by(BLOCK) {
                let rows = BLOCK.min(t - start);
                let keys = start + rows;
                let scores = &mut scratch[..rows * keys];
                let (block, seen) = (b * t + start..b * t + keys, b * t..b * t + keys);
                let (k, v) = (io.k.part(seen.clone(), of_kv.clone()), io.v.part(seen, of_kv.clone()));
                let q = io.q.part(block.clone(), of_head.clone());
                matmul(q, k.t(), MatMut::new(scores, rows, keys));
                softmax_rows(scores, start, keys, shape.scale(), &mut io.lse[(b * n_heads + h) * t + start..][..rows]);
                matmul(Mat::new(scores, rows, keys), v, io.out.part(block, of_head.clone()));
            }
        }
    }
}

kernel! {
    /// Softmax of scaled scores (rows, keys), where row r sees keys 0..=start + r; the others become 0.
    fn softmax_rows(scores: &mut [f32], start: usize, keys: usize, scale: f32, lse: &mut [f32]) {
        for (r, (row, lse)) in scores.chunks_exact_mut(keys).zip(lse).enumerate() {
            let (seen, masked) = row.split_at_mut(start + r + 1);
            for x in seen.iter_mut() {
                *x *= scale;
            }
            let largest = simd::max(seen);
            let sum = simd::exp_and_sum(seen, largest);
            *lse = largest + sum.ln();
            let inverse = 1.0 / sum;
            for x in seen {
                *x *= inverse;
            }
            masked.fill(0.0);
        }
    }
}

/// What backward reads and writes: gradients have the shapes of what they are gradients of. `dq`, `dk` and `dv` are overwritten.
pub struct Backward<'a> {
    /// Gradient of what each head attended to, (B T, H D).
    pub dout: Mat<'a>,
    /// What [`causal`] wrote, (B T, H D).
    pub out: Mat<'a>,
    /// Queries as in forward.
    pub q: Mat<'a>,
    /// Keys as in forward.
    pub k: Mat<'a>,
    /// Values as in forward.
    pub v: Mat<'a>,
    /// Log-sum-exp that [`causal`] wrote, (B, H, T).
    pub lse: &'a [f32],
    /// Gradient of the queries.
    pub dq: MatMut<'a>,
    /// Gradient of the keys.
    pub dk: MatMut<'a>,
    /// Gradient of the values.
    pub dv: MatMut<'a>,
}

/// Backward, on the threads that share it.
///
/// With P the probabilities and Δ = sum(dout out): dV = Pᵀ dO, dS = P (dO Vᵀ - Δ), dQ = dS K / √D, dK = dSᵀ Q / √D.
pub fn causal_backward(io: Backward, shape: Shape, scratch: &mut Scratch) {
    shape.check([(io.dout.rows, io.dout.cols), (io.q.rows, io.q.cols)], [(io.k.rows, io.k.cols), (io.v.rows, io.v.cols)], io.lse.len());
    shape.check([(io.out.rows, io.out.cols), (io.dq.rows, io.dq.cols)], [(io.dk.rows, io.dk.cols), (io.dv.rows, io.dv.cols)], io.lse.len());
    let threads = share::threads();
    scratch.resize(threads * scratch_len(&shape), 0.0);
    backward_heads(io, shape, scratch, threads);
}

fn backward_heads(mut io: Backward, shape: Shape, scratch: &mut [f32], threads: usize) {
    if let Some(cut) = shape.halves(threads) {
        let ((dout, dout2), (out, out2), (q, q2)) = (cut.read(io.dout, q_width), cut.read(io.out, q_width), cut.read(io.q, q_width));
        let ((k, k2), (v, v2)) = (cut.read(io.k, k_width), cut.read(io.v, k_width));
        let ((dq, dq2), (dk, dk2), (dv, dv2)) = (cut.write(io.dq, q_width), cut.write(io.dk, k_width), cut.write(io.dv, k_width));
        let (lse, lse2) = io.lse.split_at(cut.first.batch * cut.first.n_heads * shape.len);
        let (mine, others) = scratch.split_at_mut(threads / 2 * scratch_len(&shape));
        let first = Backward { dout, out, q, k, v, lse, dq, dk, dv };
        let rest = Backward { dout: dout2, out: out2, q: q2, k: k2, v: v2, lse: lse2, dq: dq2, dk: dk2, dv: dv2 };
        rayon::join(
            || backward_heads(first, cut.first, mine, threads / 2),
            || backward_heads(rest, cut.rest, others, threads - threads / 2),
        );
        return;
    }
    let Shape { batch, len: t, n_heads, head_dim: d, .. } = shape;
    io.dk.fill(0.0);
    io.dv.fill(0.0);
    let (scores, dscores) = scratch[..scratch_len(&shape)].split_at_mut(BLOCK.min(t) * t);
    for b in 0..batch {
        for h in 0..n_heads {
            let kv = h / shape.group();
            let (of_head, of_kv) = (h * d..(h + 1) * d, kv * d..(kv + 1) * d);
            for start in (0..t).step_by(BLOCK) {
                let rows = BLOCK.min(t - start);
                let keys = start + rows;
                let (p, dp) = (&mut scores[..rows * keys], &mut dscores[..rows * keys]);
                let (block, seen) = (b * t + start..b * t + keys, b * t..b * t + keys);
                let (k, v) = (io.k.part(seen.clone(), of_kv.clone()), io.v.part(seen.clone(), of_kv.clone()));
                let [q, dout, out] = [io.q, io.dout, io.out].map(|matrix| matrix.part(block.clone(), of_head.clone()));
                matmul(q, k.t(), MatMut::new(p, rows, keys));
                matmul(dout, v.t(), MatMut::new(dp, rows, keys));
                let lse = &io.lse[(b * n_heads + h) * t + start..][..rows];
                softmax_rows_backward(p, dp, dout, out, start, shape.scale(), lse);
                let (p, dp) = (Mat::new(p, rows, keys), Mat::new(dp, rows, keys));
                matmul_add(p.t(), dout, io.dv.part(seen.clone(), of_kv.clone()));
                matmul(dp, k, io.dq.part(block, of_head.clone()));
                matmul_add(dp.t(), q, io.dk.part(seen, of_kv.clone()));
            }
        }
    }
}

kernel! {
    /// Scores become probabilities again, gradients of probabilities become gradients of raw scores. Both (rows, keys).
    fn softmax_rows_backward(p: &mut [f32], dp: &mut [f32], dout: Mat, out: Mat, start: usize, scale: f32, lse: &[f32]) {
        let keys = start + lse.len();
        for (r, (p, dp)) in p.chunks_exact_mut(keys).zip(dp.chunks_exact_mut(keys)).enumerate() {
            let delta = simd::dot(dout.row(r), out.row(r));
            let (seen, masked) = p.split_at_mut(start + r + 1);
            let (dseen, dmasked) = dp.split_at_mut(start + r + 1);
            let lse = lse[r];
            for (p, dp) in seen.iter_mut().zip(dseen) {
                *p = exp(*p * scale - lse);
                *dp = *p * (*dp - delta) * scale;
            }
            masked.fill(0.0);
            dmasked.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, on_threads, random, weighted_sum, widen};

    /// Tolerances: forward 1e-5, backward 1e-4 against differences of the f64 twin; lengths on both sides of a block.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        let shapes = [(2, 1, 1, 1, 2), (2, 5, 4, 2, 6), (1, 67, 2, 1, 8), (1, 130, 1, 1, 4), (3, 7, 6, 3, 4)];
        for ((batch, len, n_heads, n_kv_heads, head_dim), threads) in shapes.into_iter().zip([1, 1, 1, 2, 5]) {
            let shape = Shape { batch, len, n_heads, n_kv_heads, head_dim };
            let (n_q, n_k) = (batch * len * n_heads * head_dim, batch * len * n_kv_heads * head_dim);
            let (q, k, v, dout) = (random(n_q, 1), random(n_k, 2), random(n_k, 3), random(n_q, 4));
            let (rows, q_width, width) = (batch * len, n_heads * head_dim, n_kv_heads * head_dim);
            let stride = width + 3;
            let spread = |dense: &[f32]| dense.chunks(width).flat_map(|row| [row, &[0.5; 3]].concat()).collect::<Vec<f32>>();
            let v_wide = spread(&v);
            let (mut out, mut lse) = (vec![0.0; n_q], vec![0.0; batch * n_heads * len]);
            let (mut dq, mut dk, mut dv) = (vec![f32::NAN; n_q], vec![f32::NAN; n_k], spread(&vec![f32::NAN; n_k]));
            let (q_mat, k_mat, v_mat) =
                (Mat::new(&q, rows, q_width), Mat::new(&k, rows, width), Mat::strided(&v_wide, rows, width, stride));
            let twin = |q: &[f64], k: &[f64], v: &[f64]| reference::causal_attention(q, k, v, shape);
            on_threads(threads, || {
                let scratch = &mut Scratch::new();
                let out_mat = MatMut::new(&mut out, rows, q_width);
                causal(Forward { q: q_mat, k: k_mat, v: v_mat, out: out_mat, lse: &mut lse }, shape, scratch);
                let io = Backward {
                    dout: Mat::new(&dout, rows, q_width),
                    out: Mat::new(&out, rows, q_width),
                    q: q_mat,
                    k: k_mat,
                    v: v_mat,
                    lse: &lse,
                    dq: MatMut::new(&mut dq, rows, q_width),
                    dk: MatMut::new(&mut dk, rows, width),
                    dv: MatMut::strided(&mut dv, rows, width, stride),
                };
                causal_backward(io, shape, scratch);
            });
            assert_close(&out, &twin(&widen(&q), &widen(&k), &widen(&v)), 1e-5);
            let (q, k, v) = (widen(&q), widen(&k), widen(&v));
            assert_close(&dq, &finite_differences(&q, |q| weighted_sum(&twin(q, &k, &v), &dout)), 1e-4);
            assert_close(&dk, &finite_differences(&k, |k| weighted_sum(&twin(&q, k, &v), &dout)), 1e-4);
            let dv_dense: Vec<f32> = dv.chunks(stride).flat_map(|row| row[..width].to_vec()).collect();
            assert_close(&dv_dense, &finite_differences(&v, |v| weighted_sum(&twin(&q, &k, v), &dout)), 1e-4);
            assert!(dv.chunks(stride).all(|row| row[width..] == [0.5; 3]), "wrote beyond its columns");
        }
    }
}
