//! SwiGLU: silu(gate) * up (Shazeer 2020), where gate and up come side by side from one product.

use crate::share;
use crate::simd::{exp, fma, kernel};

/// `gate_up` (N, 2F), gate first; `out` (N, F).
pub fn swiglu(gate_up: &[f32], f: usize, out: &mut [f32]) {
    assert_eq!(gate_up.len(), 2 * out.len(), "swiglu of {} into {}", gate_up.len(), out.len());
    let piece = f * share::rows(out.len() / f);
    share::each(gate_up.chunks(2 * piece).zip(out.chunks_mut(piece)), |(gate_up, out)| swiglu_rows(gate_up, f, out));
}

kernel! {
    fn swiglu_rows(gate_up: &[f32], f: usize, out: &mut [f32]) {
        for (gate_up, out) in gate_up.chunks_exact(2 * f).zip(out.chunks_exact_mut(f)) {
            let (gate, up) = gate_up.split_at(f);
            for i in 0..f {
                out[i] = gate[i] * up[i] / (1.0 + exp(-gate[i]));
            }
        }
    }
}

/// Backward: `dout` (N, F) becomes `dgate_up` (N, 2F).
///
/// With s = sigmoid(gate): dgate = dout up s (1 + gate (1 - s)), dup = dout gate s.
pub fn swiglu_backward(dout: &[f32], gate_up: &[f32], f: usize, dgate_up: &mut [f32]) {
    assert_eq!((gate_up.len(), dgate_up.len()), (2 * dout.len(), 2 * dout.len()), "swiglu_backward of {}", dout.len());
    let piece = f * share::rows(dout.len() / f);
    let pieces = dout.chunks(piece).zip(gate_up.chunks(2 * piece)).zip(dgate_up.chunks_mut(2 * piece));
    share::each(pieces, |((dout, gate_up), dgate_up)| swiglu_rows_backward(dout, gate_up, f, dgate_up));
}

kernel! {
    fn swiglu_rows_backward(dout: &[f32], gate_up: &[f32], f: usize, dgate_up: &mut [f32]) {
        for ((dout, gate_up), dgate_up) in dout.chunks_exact(f).zip(gate_up.chunks_exact(2 * f)).zip(dgate_up.chunks_exact_mut(2 * f)) {
            let (gate, up) = gate_up.split_at(f);
            let (dgate, dup) = dgate_up.split_at_mut(f);
            for i in 0..f {
                let s = 1.0 / (1.0 + exp(-gate[i]));
                dgate[i] = dout[i] * up[i] * s * fma(gate[i], 1.0 - s, 1.0);
                dup[i] = dout[i] * gate[i] * s;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, on_threads, random, weighted_sum, widen};

    /// Tolerances: forward 1e-6, backward 1e-5 against differences of the f64 twin.
    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        for (n, f, threads) in [(1, 1, 1), (3, 5, 1), (2, 64, 4), (5, 19, 3)] {
            let (x, dy) = (random(n * 2 * f, 1), random(n * f, 2));
            let mut y = vec![0.0; n * f];
            on_threads(threads, || swiglu(&x, f, &mut y));
            assert_close(&y, &reference::swiglu(&widen(&x), f), 1e-6);
            let mut dx = vec![0.0; n * 2 * f];
            on_threads(threads, || swiglu_backward(&dy, &x, f, &mut dx));
            assert_close(&dx, &finite_differences(&widen(&x), |x| weighted_sum(&reference::swiglu(x, f), &dy)), 1e-5);
        }
    }
}
