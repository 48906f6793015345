//! Causal self-attention with grouped queries, in blocks of queries that skip the masked half.
//!
//! For each sequence and head, a block of [`BLOCK`] queries meets the keys up to its own end: scores, softmax, sum of
//! values. Probabilities are not kept; forward leaves the log of each softmax's denominator, and backward computes
//! the block's probabilities again from it (Dao et al. 2022). One block's matrices stay in the L1/L2 cache.

use multiversion::multiversion;

use crate::matmul::{Mat, MatMut, matmul, matmul_add};
use crate::simd::{self, exp};

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

    /// Elements of scratch that [`causal`] and [`causal_backward`] need.
    pub fn scratch_len(&self) -> usize {
        2 * BLOCK.min(self.len) * self.len
    }
}

/// Forward. `q` (B, T, H, D), `k` (B, T, K, D) dense; `v` (B, T, K, D) with rows of (b, t) `v_stride` apart;
/// `out` (B, T, H, D); `lse` (B, H, T) receives the log-sum-exp of each query's scores.
pub fn causal(q: &[f32], k: &[f32], v: &[f32], v_stride: usize, shape: Shape, out: &mut [f32], lse: &mut [f32], scratch: &mut [f32]) {
    let Shape { batch, len: t, n_heads, n_kv_heads, head_dim: d } = shape;
    let (q_stride, k_stride, group) = (n_heads * d, n_kv_heads * d, shape.group());
    assert_eq!((q.len(), out.len(), lse.len()), (batch * t * q_stride, batch * t * q_stride, batch * n_heads * t), "causal {shape:?}");
    assert_eq!(k.len(), batch * t * k_stride, "causal {shape:?}");
    for b in 0..batch {
        for h in 0..n_heads {
            let kv = h / group;
            let k_head = &k[b * t * k_stride + kv * d..];
            let v_head = &v[b * t * v_stride + kv * d..];
            for start in (0..t).step_by(BLOCK) {
                let rows = BLOCK.min(t - start);
                let keys = start + rows;
                let place = (b * t + start) * q_stride + h * d;
                let scores = &mut scratch[..rows * keys];
                matmul(
                    Mat::strided(&q[place..], rows, d, q_stride),
                    Mat::strided(k_head, keys, d, k_stride).t(),
                    MatMut::new(scores, rows, keys),
                );
                softmax_rows(scores, start, keys, shape.scale(), &mut lse[(b * n_heads + h) * t + start..][..rows]);
                matmul(
                    Mat::new(scores, rows, keys),
                    Mat::strided(v_head, keys, d, v_stride),
                    MatMut::strided(&mut out[place..], rows, d, q_stride),
                );
            }
        }
    }
}

/// Softmax of scaled scores (rows, keys), where row r sees keys 0..=start + r; the others become 0.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
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

/// Backward. `dout`, `out`, `q` (B, T, H, D), `k`, `v` as in [`causal`]; writes `dq` (B, T, H, D), `dk` (B, T, K, D) and
/// `dv` (rows `v_stride` apart, like `v`).
///
/// With P the probabilities and Δ = sum(dout out): dV = Pᵀ dO, dS = P (dO Vᵀ - Δ), dQ = dS K / √D, dK = dSᵀ Q / √D.
pub fn causal_backward(
    dout: &[f32],
    out: &[f32],
    q: &[f32],
    k: &[f32],
    v: &[f32],
    v_stride: usize,
    lse: &[f32],
    shape: Shape,
    dq: &mut [f32],
    dk: &mut [f32],
    dv: &mut [f32],
    scratch: &mut [f32],
) {
    let Shape { batch, len: t, n_heads, n_kv_heads, head_dim: d } = shape;
    let (q_stride, k_stride, group) = (n_heads * d, n_kv_heads * d, shape.group());
    assert_eq!((q.len(), dq.len(), dout.len(), out.len()), (batch * t * q_stride, q.len(), q.len(), q.len()), "causal_backward {shape:?}");
    assert_eq!((k.len(), dk.len(), lse.len()), (batch * t * k_stride, k.len(), batch * n_heads * t), "causal_backward {shape:?}");
    dk.fill(0.0);
    for row in 0..batch * t {
        dv[row * v_stride..][..k_stride].fill(0.0);
    }
    let (scores, dscores) = scratch.split_at_mut(BLOCK.min(t) * t);
    for b in 0..batch {
        for h in 0..n_heads {
            let kv = h / group;
            let (k_place, v_place) = (b * t * k_stride + kv * d, b * t * v_stride + kv * d);
            for start in (0..t).step_by(BLOCK) {
                let rows = BLOCK.min(t - start);
                let keys = start + rows;
                let place = (b * t + start) * q_stride + h * d;
                let (p, dp) = (&mut scores[..rows * keys], &mut dscores[..rows * keys]);
                let q_block = Mat::strided(&q[place..], rows, d, q_stride);
                let dout_block = Mat::strided(&dout[place..], rows, d, q_stride);
                let k_head = Mat::strided(&k[k_place..], keys, d, k_stride);
                let v_head = Mat::strided(&v[v_place..], keys, d, v_stride);
                matmul(q_block, k_head.t(), MatMut::new(p, rows, keys));
                matmul(dout_block, v_head.t(), MatMut::new(dp, rows, keys));
                let lse = &lse[(b * n_heads + h) * t + start..][..rows];
                softmax_rows_backward(p, dp, &dout[place..], &out[place..], q_stride, d, start, keys, shape.scale(), lse);
                matmul_add(Mat::new(p, rows, keys).t(), dout_block, MatMut::strided(&mut dv[v_place..], keys, d, v_stride));
                matmul(Mat::new(dp, rows, keys), k_head, MatMut::strided(&mut dq[place..], rows, d, q_stride));
                matmul_add(Mat::new(dp, rows, keys).t(), q_block, MatMut::strided(&mut dk[k_place..], keys, d, k_stride));
            }
        }
    }
}

/// Scores become probabilities again, gradients of probabilities become gradients of raw scores. Both (rows, keys).
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn softmax_rows_backward(
    p: &mut [f32],
    dp: &mut [f32],
    dout: &[f32],
    out: &[f32],
    stride: usize,
    d: usize,
    start: usize,
    keys: usize,
    scale: f32,
    lse: &[f32],
) {
    for (r, (p, dp)) in p.chunks_exact_mut(keys).zip(dp.chunks_exact_mut(keys)).enumerate() {
        let delta = simd::dot(&dout[r * stride..][..d], &out[r * stride..][..d]);
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, random, weighted_sum, widen};

    /// Tolerances: forward 1e-5, backward 1e-4 against differences of the f64 twin; lengths on both sides of a block.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        for (batch, len, n_heads, n_kv_heads, head_dim) in [(2, 1, 1, 1, 2), (2, 5, 4, 2, 6), (1, 67, 2, 1, 8), (1, 130, 1, 1, 4)] {
            let shape = Shape { batch, len, n_heads, n_kv_heads, head_dim };
            let (n_q, n_k) = (batch * len * n_heads * head_dim, batch * len * n_kv_heads * head_dim);
            let (q, k, v, dout) = (random(n_q, 1), random(n_k, 2), random(n_k, 3), random(n_q, 4));
            let width = n_kv_heads * head_dim;
            let stride = width + 3;
            let spread = |dense: &[f32]| dense.chunks(width).flat_map(|row| [row, &[0.5; 3]].concat()).collect::<Vec<f32>>();
            let v_wide = spread(&v);
            let mut scratch = vec![f32::NAN; shape.scratch_len()];
            let (mut out, mut lse) = (vec![0.0; n_q], vec![0.0; batch * n_heads * len]);
            causal(&q, &k, &v_wide, stride, shape, &mut out, &mut lse, &mut scratch);
            let twin = |q: &[f64], k: &[f64], v: &[f64]| reference::causal_attention(q, k, v, shape);
            assert_close(&out, &twin(&widen(&q), &widen(&k), &widen(&v)), 1e-5);
            let (mut dq, mut dk, mut dv) = (vec![f32::NAN; n_q], vec![f32::NAN; n_k], spread(&vec![f32::NAN; n_k]));
            causal_backward(&dout, &out, &q, &k, &v_wide, stride, &lse, shape, &mut dq, &mut dk, &mut dv, &mut scratch);
            let (q, k, v) = (widen(&q), widen(&k), widen(&v));
            assert_close(&dq, &finite_differences(&q, |q| weighted_sum(&twin(q, &k, &v), &dout)), 1e-4);
            assert_close(&dk, &finite_differences(&k, |k| weighted_sum(&twin(&q, k, &v), &dout)), 1e-4);
            let dv_dense: Vec<f32> = dv.chunks(stride).flat_map(|row| row[..width].to_vec()).collect();
            assert_close(&dv_dense, &finite_differences(&v, |v| weighted_sum(&twin(&q, &k, v), &dout)), 1e-4);
            assert!(dv.chunks(stride).all(|row| row[width..] == [0.5; 3]), "wrote beyond its columns");
        }
    }
}
