//! Learned norm of each head, then rotary position: what queries and keys go through, in one pass.
//!
//! Rotary embedding (Su et al. 2021) with half-split pairing, as Hugging Face models have it: element i of a head
//! turns together with element i + head_dim/2 by the angle position * frequency_i, usually theta^(-2i/head_dim). The norm is RMSNorm
//! over head_dim with one weight for all heads (Qwen3's QK-norm); [`rotate`] is the rotation alone.

use crate::norm::weighted_dot;
use crate::share;
use crate::simd::{self, fma, kernel};

/// The frequencies theta^(-2i/head_dim) of a head. Panics if `head_dim` is odd.
pub fn frequencies(head_dim: usize, theta: f64) -> Vec<f64> {
    assert!(head_dim.is_multiple_of(2), "head_dim {head_dim} must be even");
    (0..head_dim / 2).map(|i| theta.powf(-2.0 * i as f64 / head_dim as f64)).collect()
}

/// Cosines and sines for every position.
#[derive(Clone, Debug)]
pub struct Rotary {
    head_dim: usize,
    cos: Vec<f32>, // (positions, head_dim / 2)
    sin: Vec<f32>,
}

impl Rotary {
    /// Angles for `positions` positions, computed in f64, of as many frequencies as a head has pairs.
    pub fn new(positions: usize, frequencies: &[f64]) -> Rotary {
        let half = frequencies.len();
        let angle = |i: usize| (i / half) as f64 * frequencies[i % half];
        let of = |f: fn(f64) -> f64| (0..positions * half).map(|i| f(angle(i)) as f32).collect();
        Rotary { head_dim: 2 * half, cos: of(f64::cos), sin: of(f64::sin) }
    }

    /// Number of positions there are angles for.
    pub fn positions(&self) -> usize {
        self.cos.len() / (self.head_dim / 2)
    }

    /// Cosines and sines of a position, head_dim / 2 each.
    #[inline(always)]
    fn at(&self, position: u32) -> (&[f32], &[f32]) {
        let half = self.head_dim / 2;
        let start = position as usize * half;
        (&self.cos[start..start + half], &self.sin[start..start + half])
    }
}

/// Normalises and rotates. `x` (N, n_heads head_dim) with rows `x_stride` apart; `weight` (head_dim); `positions` (N);
/// `out` (N, n_heads head_dim) dense; `rstd` (N, n_heads).
pub fn head_norm_rotary(
    x: &[f32],
    x_stride: usize,
    weight: &[f32],
    eps: f32,
    rotary: &Rotary,
    positions: &[u32],
    out: &mut [f32],
    rstd: &mut [f32],
) {
    let (n, head_dim) = (positions.len(), rotary.head_dim);
    let n_heads = rstd.len() / n;
    assert_eq!((weight.len(), out.len()), (head_dim, n * n_heads * head_dim), "head_norm_rotary of {n} rows of {n_heads} heads");
    let rows = share::rows(n);
    let outs = out.chunks_mut(rows * n_heads * head_dim).zip(rstd.chunks_mut(rows * n_heads));
    share::each(x.chunks(rows * x_stride).zip(positions.chunks(rows)).zip(outs), |((x, positions), (out, rstd))| {
        head_norm_rotary_rows(x, x_stride, weight, eps, rotary, positions, out, rstd);
    });
}

kernel! {
    fn head_norm_rotary_rows(
        x: &[f32],
        x_stride: usize,
        weight: &[f32],
        eps: f32,
        rotary: &Rotary,
        positions: &[u32],
        out: &mut [f32],
        rstd: &mut [f32],
    ) {
        let head_dim = rotary.head_dim;
        let half = head_dim / 2;
        let n_heads = rstd.len() / positions.len();
        for (row, &position) in positions.iter().enumerate() {
            let (cos, sin) = rotary.at(position);
            for head in 0..n_heads {
                let x = &x[row * x_stride + head * head_dim..][..head_dim];
                let place = row * n_heads + head;
                let (low, high) = out[place * head_dim..][..head_dim].split_at_mut(half);
                let scale = 1.0 / (simd::dot(x, x) / head_dim as f32 + eps).sqrt();
                rstd[place] = scale;
                let (x_low, x_high) = x.split_at(half);
                let (w_low, w_high) = weight.split_at(half);
                for i in 0..half {
                    let a = x_low[i] * scale * w_low[i];
                    let b = x_high[i] * scale * w_high[i];
                    low[i] = fma(a, cos[i], -(b * sin[i]));
                    high[i] = fma(b, cos[i], a * sin[i]);
                }
            }
        }
    }
}

/// Backward: writes `dx` (same layout and stride as `x`), adds to `dweight` (head_dim). `dout` is turned back in place.
pub fn head_norm_rotary_backward(
    dout: &mut [f32],
    x: &[f32],
    dx: &mut [f32],
    x_stride: usize,
    weight: &[f32],
    rstd: &[f32],
    rotary: &Rotary,
    positions: &[u32],
    dweight: &mut [f32],
) {
    let (n, head_dim) = (positions.len(), rotary.head_dim);
    let n_heads = rstd.len() / n;
    assert_eq!((weight.len(), dout.len()), (head_dim, n * n_heads * head_dim), "head_norm_rotary_backward of {n} rows of {n_heads} heads");
    let rows = share::rows(n);
    let outs = dout.chunks_mut(rows * n_heads * head_dim).zip(rstd.chunks(rows * n_heads));
    let inputs = x.chunks(rows * x_stride).zip(dx.chunks_mut(rows * x_stride)).zip(positions.chunks(rows));
    share::each_adding(inputs.zip(outs), dweight, |(((x, dx), positions), (dout, rstd)), dweight| {
        head_norm_rotary_rows_backward(dout, x, dx, x_stride, weight, rstd, rotary, positions, dweight);
    });
}

kernel! {
    fn head_norm_rotary_rows_backward(
        dout: &mut [f32],
        x: &[f32],
        dx: &mut [f32],
        x_stride: usize,
        weight: &[f32],
        rstd: &[f32],
        rotary: &Rotary,
        positions: &[u32],
        dweight: &mut [f32],
    ) {
        let head_dim = rotary.head_dim;
        let half = head_dim / 2;
        let n_heads = rstd.len() / positions.len();
        for (row, &position) in positions.iter().enumerate() {
            let (cos, sin) = rotary.at(position);
            for head in 0..n_heads {
                let place = row * n_heads + head;
                let dy = &mut dout[place * head_dim..][..head_dim];
                let (low, high) = dy.split_at_mut(half);
                for i in 0..half {
                    let (da, db) = (low[i], high[i]);
                    low[i] = fma(da, cos[i], db * sin[i]);
                    high[i] = fma(db, cos[i], -(da * sin[i]));
                }
                let start = row * x_stride + head * head_dim;
                let (x, dx) = (&x[start..][..head_dim], &mut dx[start..][..head_dim]);
                let scale = rstd[place];
                let projection = weighted_dot(dy, weight, x) * scale * scale / head_dim as f32;
                for i in 0..head_dim {
                    dweight[i] = fma(dy[i] * scale, x[i], dweight[i]);
                    dx[i] = scale * fma(dy[i], weight[i], -(x[i] * projection));
                }
            }
        }
    }
}

/// Rotates alone. `x` (N, n_heads head_dim) with rows `x_stride` apart; `positions` (N); `out` (N, n_heads head_dim) dense.
pub fn rotate(x: &[f32], x_stride: usize, rotary: &Rotary, positions: &[u32], out: &mut [f32]) {
    let n = positions.len();
    let width = out.len() / n;
    assert!(out.len() == n * width && width.is_multiple_of(rotary.head_dim), "rotate {n} rows of {} into {}", x_stride, out.len());
    let rows = share::rows(n);
    let pieces = x.chunks(rows * x_stride).zip(positions.chunks(rows)).zip(out.chunks_mut(rows * width));
    share::each(pieces, |((x, positions), out)| rotate_rows(x, x_stride, rotary, positions, 1.0, out, width));
}

/// Backward: writes `dx` (rows `x_stride` apart) from `dout` (N, n_heads head_dim), dense.
pub fn rotate_backward(dout: &[f32], dx: &mut [f32], x_stride: usize, rotary: &Rotary, positions: &[u32]) {
    let n = positions.len();
    let width = dout.len() / n;
    assert!(dout.len() == n * width && width.is_multiple_of(rotary.head_dim), "rotate_backward of {n} rows into {x_stride}");
    let rows = share::rows(n);
    let pieces = dout.chunks(rows * width).zip(positions.chunks(rows)).zip(dx.chunks_mut(rows * x_stride));
    share::each(pieces, |((dout, positions), dx)| rotate_rows(dout, width, rotary, positions, -1.0, dx, x_stride));
}

kernel! {
    /// Rotates rows of the smaller of the two strides, `way` 1 for forward and -1 for back.
    fn rotate_rows(x: &[f32], x_stride: usize, rotary: &Rotary, positions: &[u32], way: f32, out: &mut [f32], out_stride: usize) {
        let half = rotary.head_dim / 2;
        let width = x_stride.min(out_stride);
        for (row, &position) in positions.iter().enumerate() {
            let (cos, sin) = rotary.at(position);
            let heads = x[row * x_stride..][..width].chunks_exact(2 * half);
            for (x, out) in heads.zip(out[row * out_stride..][..width].chunks_exact_mut(2 * half)) {
                let (low, high) = out.split_at_mut(half);
                for i in 0..half {
                    let (a, b, s) = (x[i], x[i + half], way * sin[i]);
                    low[i] = fma(a, cos[i], -(b * s));
                    high[i] = fma(b, cos[i], a * s);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, on_threads, random, weighted_sum, widen};

    /// Tolerances: forward 1e-6, backward 1e-5 against differences of the f64 twin; rows strided, positions unordered.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        for (n_heads, head_dim, threads) in [(1, 2, 1), (2, 6, 3), (3, 64, 1)] {
            let positions = [5u32, 0, 1, 9];
            let (n, width) = (positions.len(), n_heads * head_dim);
            let stride = width + 3;
            let (x, w, dy) = (random(n * width, 1), random(head_dim, 2), random(n * width, 3));
            let spread = |dense: &[f32]| dense.chunks(width).flat_map(|row| [row, &[0.5; 3]].concat()).collect::<Vec<f32>>();
            let rotary = Rotary::new(10, &frequencies(head_dim, 10_000.0));
            let (mut y, mut rstd) = (vec![0.0; n * width], vec![0.0; n * n_heads]);
            on_threads(threads, || head_norm_rotary(&spread(&x), stride, &w, 1e-6, &rotary, &positions, &mut y, &mut rstd));
            let twin = |x: &[f64], w: &[f64]| reference::head_norm_rotary(x, w, 1e-6, 10_000.0, &positions);
            assert_close(&y, &twin(&widen(&x), &widen(&w)), 1e-6);
            let (mut dx, mut dw) = (spread(&vec![0.0; n * width]), vec![0.0; head_dim]);
            on_threads(threads, || {
                head_norm_rotary_backward(&mut dy.clone(), &spread(&x), &mut dx, stride, &w, &rstd, &rotary, &positions, &mut dw);
            });
            let by_x = finite_differences(&widen(&x), |x| weighted_sum(&twin(x, &widen(&w)), &dy));
            let by_w = finite_differences(&widen(&w), |w| weighted_sum(&twin(&widen(&x), w), &dy));
            let dense: Vec<f32> = dx.chunks(stride).flat_map(|row| row[..width].to_vec()).collect();
            assert_close(&dense, &by_x, 1e-5);
            assert_close(&dw, &by_w, 1e-5);
            assert!(dx.chunks(stride).all(|row| row[width..] == [0.5; 3]), "wrote beyond its columns");
        }
    }

    /// The same for the rotation alone: the norm's twin with rows that have the norm already.
    #[test]
    fn rotation_alone_agrees_with_the_twin() {
        for (n_heads, head_dim, threads) in [(1, 2, 1), (2, 6, 3), (3, 64, 1)] {
            let positions = [5u32, 0, 1, 9];
            let (n, width) = (positions.len(), n_heads * head_dim);
            let stride = width + 3;
            let (x, dy) = (random(n * width, 1), random(n * width, 3));
            let spread: Vec<f32> = x.chunks(width).flat_map(|row| [row, &[0.5; 3]].concat()).collect();
            let rotary = Rotary::new(10, &frequencies(head_dim, 10_000.0));
            let mut y = vec![0.0; n * width];
            on_threads(threads, || rotate(&spread, stride, &rotary, &positions, &mut y));
            let twin = |x: &[f64]| reference::rotate(x, head_dim, 10_000.0, &positions);
            assert_close(&y, &twin(&widen(&x)), 1e-6);
            let mut dx = vec![0.5; n * stride];
            on_threads(threads, || rotate_backward(&dy, &mut dx, stride, &rotary, &positions));
            let dense: Vec<f32> = dx.chunks(stride).flat_map(|row| row[..width].to_vec()).collect();
            assert_close(&dense, &finite_differences(&widen(&x), |x| weighted_sum(&twin(x), &dy)), 1e-5);
            assert!(dx.chunks(stride).all(|row| row[width..] == [0.5; 3]), "wrote beyond its columns");
        }
    }
}
