//! RMSNorm: y = x / rms(x) * weight (Zhang and Sennrich 2019).

use crate::share;
use crate::simd::{self, LANES, fma, kernel, sum_lanes};

/// Normalises each row. `x`, `y` (N, C); `weight` (C); `rstd` (N) receives 1 / rms for the backward pass.
pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32], rstd: &mut [f32]) {
    let c = weight.len();
    assert_eq!((x.len(), y.len()), (rstd.len() * c, rstd.len() * c), "rms_norm of {} rows of {c}", rstd.len());
    let rows = share::rows(rstd.len());
    let pieces = x.chunks(rows * c).zip(y.chunks_mut(rows * c)).zip(rstd.chunks_mut(rows));
    share::each(pieces, |((x, y), rstd)| rms_norm_rows(x, weight, eps, y, rstd));
}

kernel! {
    fn rms_norm_rows(x: &[f32], weight: &[f32], eps: f32, y: &mut [f32], rstd: &mut [f32]) {
        let c = weight.len();
        for ((x, y), rstd) in x.chunks_exact(c).zip(y.chunks_exact_mut(c)).zip(rstd.iter_mut()) {
            *rstd = 1.0 / (simd::dot(x, x) / c as f32 + eps).sqrt();
            for i in 0..c {
                y[i] = x[i] * *rstd * weight[i];
            }
        }
    }
}

/// Backward: adds to `dx` (N, C) and to `dweight` (C).
///
/// With x̂ = x rstd: dx = rstd (dy w - x̂ mean(dy w x̂)), dw = sum over rows of dy x̂.
pub fn rms_norm_backward(dy: &[f32], x: &[f32], weight: &[f32], rstd: &[f32], dx: &mut [f32], dweight: &mut [f32]) {
    let c = weight.len();
    let n = rstd.len();
    assert_eq!((dy.len(), x.len(), dx.len(), dweight.len()), (n * c, n * c, n * c, c), "rms_norm_backward of {n} rows of {c}");
    let rows = share::rows(n);
    let pieces = dy.chunks(rows * c).zip(x.chunks(rows * c)).zip(dx.chunks_mut(rows * c)).zip(rstd.chunks(rows));
    share::each_adding(pieces, dweight, |(((dy, x), dx), rstd), dweight| rms_norm_rows_backward(dy, x, weight, rstd, dx, dweight));
}

kernel! {
    fn rms_norm_rows_backward(dy: &[f32], x: &[f32], weight: &[f32], rstd: &[f32], dx: &mut [f32], dweight: &mut [f32]) {
        let c = weight.len();
        for (((dy, x), dx), &rstd) in dy.chunks_exact(c).zip(x.chunks_exact(c)).zip(dx.chunks_exact_mut(c)).zip(rstd) {
            let projection = weighted_dot(dy, weight, x) * rstd * rstd / c as f32;
            for i in 0..c {
                dweight[i] = fma(dy[i] * rstd, x[i], dweight[i]);
                dx[i] += rstd * fma(dy[i], weight[i], -(x[i] * projection));
            }
        }
    }
}

/// Sum of a b c.
#[inline(always)]
pub(crate) fn weighted_dot(a: &[f32], b: &[f32], c: &[f32]) -> f32 {
    let n = a.len();
    assert!(b.len() == n && c.len() == n);
    let mut lanes = [0.0f32; LANES];
    let body = n - n % LANES;
    for start in (0..body).step_by(LANES) {
        let (a, b, c) = (&a[start..start + LANES], &b[start..start + LANES], &c[start..start + LANES]);
        for i in 0..LANES {
            lanes[i] = fma(a[i] * b[i], c[i], lanes[i]);
        }
    }
    let tail: f32 = (body..n).map(|i| a[i] * b[i] * c[i]).sum();
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
        for (n, c, threads) in [(1, 1, 1), (3, 7, 1), (2, 64, 4), (5, 33, 3)] {
            let (x, w, dy) = (random(n * c, 1), random(c, 2), random(n * c, 3));
            let eps = 1e-6;
            let (mut y, mut rstd) = (vec![0.0; n * c], vec![0.0; n]);
            on_threads(threads, || rms_norm(&x, &w, eps, &mut y, &mut rstd));
            assert_close(&y, &reference::rms_norm(&widen(&x), &widen(&w), f64::from(eps)), 1e-6);
            let (mut dx, mut dw) = (vec![1.0; n * c], vec![1.0; c]);
            on_threads(threads, || rms_norm_backward(&dy, &x, &w, &rstd, &mut dx, &mut dw));
            let add_one = |gradient: Vec<f64>| -> Vec<f64> { gradient.iter().map(|g| g + 1.0).collect() };
            let by_x = finite_differences(&widen(&x), |x| weighted_sum(&reference::rms_norm(x, &widen(&w), f64::from(eps)), &dy));
            let by_w = finite_differences(&widen(&w), |w| weighted_sum(&reference::rms_norm(&widen(&x), w, f64::from(eps)), &dy));
            assert_close(&dx, &add_one(by_x), 1e-5);
            assert_close(&dw, &add_one(by_w), 1e-5);
        }
    }
}
