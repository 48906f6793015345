//! Biases: one row of numbers added to every row.

use crate::share;
use crate::simd::{axpy, kernel};

/// `y` (N, C) += `bias` (C). No bias is nothing to do.
pub fn add_bias(y: &mut [f32], bias: &[f32]) {
    let c = bias.len();
    if c == 0 {
        return;
    }
    assert!(y.len().is_multiple_of(c), "a bias of {c} for {} numbers", y.len());
    let rows = share::rows(y.len() / c);
    share::each(y.chunks_mut(rows * c), |y| add_rows(y, bias));
}

kernel! {
    fn add_rows(y: &mut [f32], bias: &[f32]) {
        for row in y.chunks_exact_mut(bias.len()) {
            axpy(1.0, bias, row);
        }
    }
}

/// Backward: adds the sum of the rows of `dy` (N, C) to `dbias` (C).
pub fn add_bias_backward(dy: &[f32], dbias: &mut [f32]) {
    let c = dbias.len();
    if c == 0 {
        return;
    }
    assert!(dy.len().is_multiple_of(c), "a bias of {c} for {} numbers", dy.len());
    let rows = share::rows(dy.len() / c);
    share::each_adding(dy.chunks(rows * c), dbias, sum_rows);
}

kernel! {
    fn sum_rows(dy: &[f32], dbias: &mut [f32]) {
        for row in dy.chunks_exact(dbias.len()) {
            axpy(1.0, row, dbias);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_util::{assert_close, on_threads, random, widen};

    #[test]
    fn rows_are_added_to_and_summed() {
        for (n, c, threads) in [(1, 1, 1), (3, 17, 1), (5, 40, 3)] {
            let (x, b) = (random(n * c, 1), random(c, 2));
            let mut y = x.clone();
            on_threads(threads, || add_bias(&mut y, &b));
            let exact: Vec<f64> = x.iter().enumerate().map(|(i, &x)| f64::from(x) + f64::from(b[i % c])).collect();
            assert_close(&y, &exact, 1e-6);
            let mut sums = vec![1.0; c];
            on_threads(threads, || add_bias_backward(&x, &mut sums));
            let exact: Vec<f64> = (0..c).map(|i| 1.0 + widen(&x)[i..].iter().step_by(c).sum::<f64>()).collect();
            assert_close(&sums, &exact, 1e-6);
        }
        let mut y = [1.0];
        add_bias(&mut y, &[]);
        add_bias_backward(&y, &mut []);
        assert_eq!(y, [1.0]);
    }
}
