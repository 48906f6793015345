//! GELU in its tanh form, x/2 (1 + tanh(√(2/π) (x + 0.044715 x³))) (Hendrycks and Gimpel 2016), as GPT-2 has it.

use crate::share;
use crate::simd::{exp, fma, kernel};

/// √(8/π): tanh(z) = 1 - 2 / (1 + e^2z), so that twice the factor is what is needed.
const TWICE_FACTOR: f32 = 1.595_769;
const CUBIC: f32 = 0.044_715;

/// `x`, `out` of equal length.
pub fn gelu(x: &[f32], out: &mut [f32]) {
    assert_eq!(x.len(), out.len(), "gelu of {} into {}", x.len(), out.len());
    let piece = share::rows(x.len());
    share::each(x.chunks(piece).zip(out.chunks_mut(piece)), |(x, out)| gelu_piece(x, out));
}

kernel! {
    fn gelu_piece(x: &[f32], out: &mut [f32]) {
        for (out, &x) in out.iter_mut().zip(x) {
            *out = x * gate(x);
        }
    }
}

/// Backward: `dx` = `dout` times the derivative at `x`.
///
/// With s = sigmoid(u), u = √(8/π) (x + 0.044715 x³): GELU = x s, its derivative s + x s (1 - s) u'.
pub fn gelu_backward(dout: &[f32], x: &[f32], dx: &mut [f32]) {
    assert_eq!((dout.len(), x.len()), (dx.len(), dx.len()), "gelu_backward of {}", dx.len());
    let piece = share::rows(x.len());
    share::each(dout.chunks(piece).zip(x.chunks(piece)).zip(dx.chunks_mut(piece)), |((dout, x), dx)| gelu_piece_backward(dout, x, dx));
}

kernel! {
    fn gelu_piece_backward(dout: &[f32], x: &[f32], dx: &mut [f32]) {
        for ((dx, &dout), &x) in dx.iter_mut().zip(dout).zip(x) {
            let s = gate(x);
            let slope = TWICE_FACTOR * fma(3.0 * CUBIC * x, x, 1.0);
            *dx = dout * fma(x * s * (1.0 - s), slope, s);
        }
    }
}

/// (1 + tanh(z)) / 2, which is the sigmoid of 2z.
#[inline(always)]
fn gate(x: f32) -> f32 {
    let u = TWICE_FACTOR * x * fma(CUBIC * x, x, 1.0);
    1.0 / (1.0 + exp(-u))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, on_threads, random, weighted_sum, widen};

    /// Tolerances: forward 1e-6, backward 1e-5 against differences of the f64 twin.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        for (n, threads) in [(1, 1), (35, 1), (200, 3)] {
            let (x, dy) = (random(n, 1).iter().map(|x| 3.0 * x).collect::<Vec<f32>>(), random(n, 2));
            let (mut y, mut dx) = (vec![0.0; n], vec![0.0; n]);
            on_threads(threads, || gelu(&x, &mut y));
            assert_close(&y, &reference::gelu(&widen(&x)), 1e-6);
            on_threads(threads, || gelu_backward(&dy, &x, &mut dx));
            assert_close(&dx, &finite_differences(&widen(&x), |x| weighted_sum(&reference::gelu(x), &dy)), 1e-5);
        }
        let mut far = [0.0; 3];
        gelu(&[-1e30, 1e4, f32::MIN_POSITIVE], &mut far);
        assert_eq!(far[1], 1e4);
        assert!(far[0].abs() < 1e-5 && far[2] < 1e-30, "{far:?}");
    }
}
