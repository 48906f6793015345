//! LayerNorm: y = (x - mean(x)) / deviation(x) * weight + bias (Ba et al. 2016), as GPT-2 has it.

use crate::share;
use crate::simd::{self, LANES, fma, kernel, sum_lanes};

/// Normalises each row. `x`, `y` (N, C); `weight`, `bias` (C); `rstd` (N) receives 1 / deviation for the backward pass.
pub fn layer_norm(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, y: &mut [f32], rstd: &mut [f32]) {
    let (n, c) = (rstd.len(), weight.len());
    assert_eq!((x.len(), y.len(), bias.len()), (n * c, n * c, c), "layer_norm of {n} rows of {c}");
    let rows = share::rows(n);
    let pieces = x.chunks(rows * c).zip(y.chunks_mut(rows * c)).zip(rstd.chunks_mut(rows));
    share::each(pieces, |((x, y), rstd)| layer_norm_rows(x, weight, bias, eps, y, rstd));
}

kernel! {
    fn layer_norm_rows(x: &[f32], weight: &[f32], bias: &[f32], eps: f32, y: &mut [f32], rstd: &mut [f32]) {
        let c = weight.len();
        for ((x, y), rstd) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)).zip(rstd.iter_mut()) {
            let mean = sum(x) / c as f32;
            for i in 0..c {
                y[i] = x[i] - mean;
            }
            *rstd = 1.0 / (simd::dot(y, y) / c as f32 + eps).sqrt();
            for i in 0..c {
                y[i] = fma(y[i] * *rstd, weight[i], bias[i]);
            }
        }
    }
}

/// Backward: adds to `dx` (N, C) and, in one buffer (2, C), to the gradients of weight and bias.
///
/// With x̂ = (x - mean) rstd: dx = rstd (dy w - mean(dy w) - x̂ mean(dy w x̂)), dw = sum over rows of dy x̂, db = sum of dy.
pub fn layer_norm_backward(dy: &[f32], x: &[f32], weight: &[f32], rstd: &[f32], dx: &mut [f32], dweight_and_bias: &mut [f32]) {
    let (n, c) = (rstd.len(), weight.len());
    let lengths = (dy.len(), x.len(), dx.len(), dweight_and_bias.len());
    assert_eq!(lengths, (n * c, n * c, n * c, 2 * c), "layer_norm_backward of {n} rows of {c}");
    let rows = share::rows(n);
    let pieces = dy.chunks(rows * c).zip(x.chunks(rows * c)).zip(dx.chunks_mut(rows * c)).zip(rstd.chunks(rows));
    share::each_adding(pieces, dweight_and_bias, |(((dy, x), dx), rstd), sums| layer_norm_rows_backward(dy, x, weight, rstd, dx, sums));
}

kernel! {
    fn layer_norm_rows_backward(dy: &[f32], x: &[f32], weight: &[f32], rstd: &[f32], dx: &mut [f32], dweight_and_bias: &mut [f32]) {
        let c = weight.len();
        let (dweight, dbias) = dweight_and_bias.split_at_mut(c);
        for (((dy, x), dx), &rstd) in dy.chunks_exact(c).zip(x.chunks_exact(c)).zip(dx.chunks_exact_mut(c)).zip(rstd) {
            let mean = sum(x) / c as f32;
            let slope = simd::dot(dy, weight) / c as f32;
            let projection = centred_dot(dy, weight, x, mean) * rstd * rstd / c as f32;
            for i in 0..c {
                let centred = x[i] - mean;
                dbias[i] += dy[i];
                dweight[i] = fma(dy[i] * rstd, centred, dweight[i]);
                dx[i] += rstd * (fma(dy[i], weight[i], -slope) - centred * projection);
            }
        }
    }
}

/// Sum of a row.
#[inline(always)]
fn sum(x: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (body, tail) = x.as_chunks::<LANES>();
    for chunk in body {
        for i in 0..LANES {
            lanes[i] += chunk[i];
        }
    }
    sum_lanes(lanes) + tail.iter().sum::<f32>()
}

/// Sum of a b (c - mean).
#[inline(always)]
fn centred_dot(a: &[f32], b: &[f32], c: &[f32], mean: f32) -> f32 {
    let n = a.len();
    assert!(b.len() == n && c.len() == n);
    let mut lanes = [0.0f32; LANES];
    let body = n - n % LANES;
    for start in (0..body).step_by(LANES) {
        let (a, b, c) = (&a[start..start + LANES], &b[start..start + LANES], &c[start..start + LANES]);
        for i in 0..LANES {
            lanes[i] = fma(a[i] * b[i], c[i] - mean, lanes[i]);
        }
    }
    let tail: f32 = (body..n).map(|i| a[i] * b[i] * (c[i] - mean)).sum();
    sum_lanes(lanes) + tail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, on_threads, random, weighted_sum, widen};

    /// Tolerances: forward 1e-6, backward 1e-5 against differences of the f64 twin.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        for (n, c, threads) in [(1, 2, 1), (3, 7, 1), (2, 64, 4), (5, 33, 3)] {
            let (mut x, w, b, dy) = (random(n * c, 1), random(c, 2), random(c, 4), random(n * c, 3));
            x.iter_mut().for_each(|x| *x += 2.0); // a mean that matters
            let eps = 1e-5;
            let (mut y, mut rstd) = (vec![0.0; n * c], vec![0.0; n]);
            on_threads(threads, || layer_norm(&x, &w, &b, eps, &mut y, &mut rstd));
            let twin = |x: &[f64], w: &[f64], b: &[f64]| reference::layer_norm(x, w, b, f64::from(eps));
            assert_close(&y, &twin(&widen(&x), &widen(&w), &widen(&b)), 1e-6);
            let (mut dx, mut sums) = (vec![1.0; n * c], vec![1.0; 2 * c]);
            on_threads(threads, || layer_norm_backward(&dy, &x, &w, &rstd, &mut dx, &mut sums));
            let add_one = |gradient: Vec<f64>| -> Vec<f64> { gradient.iter().map(|g| g + 1.0).collect() };
            let by_x = finite_differences(&widen(&x), |x| weighted_sum(&twin(x, &widen(&w), &widen(&b)), &dy));
            let by_w = finite_differences(&widen(&w), |w| weighted_sum(&twin(&widen(&x), w, &widen(&b)), &dy));
            let by_b = finite_differences(&widen(&b), |b| weighted_sum(&twin(&widen(&x), &widen(&w), b), &dy));
            assert_close(&dx, &add_one(by_x), 1e-5);
            assert_close(&sums, &add_one([by_w, by_b].concat()), 1e-5);
        }
    }
}
