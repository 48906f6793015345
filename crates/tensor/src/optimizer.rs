//! Updates of parameters from gradients: AdamW in one pass, Muon's orthogonalised momentum.

use multiversion::multiversion;

use crate::matmul::{Mat, MatMut, matmul, symmetric_matmul};
use crate::simd::{self, fma};

/// The numbers of an AdamW step (Loshchilov and Hutter 2019).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AdamW {
    /// Learning rate of this step.
    pub lr: f32,
    /// Decay of the first moment.
    pub beta1: f32,
    /// Decay of the second moment.
    pub beta2: f32,
    /// Added to the root of the second moment.
    pub eps: f32,
    /// Decoupled weight decay, multiplied by `lr`.
    pub weight_decay: f32,
    /// Number of this step, from 1, for bias correction.
    pub step: u64,
}

/// One AdamW step; all slices have one length. The gradient is multiplied by `grad_scale` first (clipping).
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
pub fn adamw(param: &mut [f32], grad: &[f32], first: &mut [f32], second: &mut [f32], grad_scale: f32, options: AdamW) {
    let n = param.len();
    assert_eq!((grad.len(), first.len(), second.len()), (n, n, n), "adamw of {n} parameters");
    let AdamW { lr, beta1, beta2, eps, weight_decay, step } = options;
    let exponent = step.min(1 << 30) as i32;
    let correction1 = (1.0 - f64::from(beta1).powi(exponent)) as f32;
    let correction2 = (1.0 - f64::from(beta2).powi(exponent)) as f32;
    let step_size = lr / correction1;
    let inverse_root = 1.0 / correction2.sqrt();
    let shrink = 1.0 - lr * weight_decay;
    for i in 0..n {
        let g = grad[i] * grad_scale;
        first[i] = fma(beta1, first[i], (1.0 - beta1) * g);
        second[i] = fma(beta2, second[i], (1.0 - beta2) * g * g);
        let denominator = fma(second[i].sqrt(), inverse_root, eps);
        param[i] = fma(param[i], shrink, -(step_size * first[i] / denominator));
    }
}

/// The numbers of a Muon step (Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks").
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Muon {
    /// Learning rate of this step.
    pub lr: f32,
    /// Decay of the momentum.
    pub momentum: f32,
    /// Decoupled weight decay, multiplied by `lr`.
    pub weight_decay: f32,
}

/// Buffers of [`muon`], grown as needed.
#[derive(Clone, Debug, Default)]
pub struct MuonScratch {
    x: Vec<f32>,
    next: Vec<f32>,
    gram: Vec<f32>,
    poly: Vec<f32>,
}

/// One Muon step on a matrix (rows, cols): Nesterov momentum, five Newton-Schulz steps, an update of spectral norm about 1
/// times sqrt(max(1, rows / cols)).
pub fn muon(
    param: &mut [f32],
    grad: &[f32],
    momentum: &mut [f32],
    rows: usize,
    cols: usize,
    grad_scale: f32,
    options: Muon,
    scratch: &mut MuonScratch,
) {
    let n = rows * cols;
    assert_eq!((param.len(), grad.len(), momentum.len()), (n, n, n), "muon of a matrix ({rows}, {cols})");
    scratch.x.resize(n, 0.0);
    nesterov(grad, grad_scale, options.momentum, momentum, &mut scratch.x);
    newton_schulz(rows, cols, scratch);
    let step_size = options.lr * (rows as f32 / cols as f32).max(1.0).sqrt();
    let shrink = 1.0 - options.lr * options.weight_decay;
    combine(shrink, -step_size, &scratch.x, param);
}

/// Momentum, and the gradient one momentum step ahead, into `ahead`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn nesterov(grad: &[f32], grad_scale: f32, beta: f32, momentum: &mut [f32], ahead: &mut [f32]) {
    for ((grad, momentum), ahead) in grad.iter().zip(momentum).zip(ahead) {
        let g = (1.0 - beta) * grad * grad_scale;
        *momentum = fma(beta, *momentum, g);
        *ahead = fma(beta, *momentum, g);
    }
}

/// `y = a y + b x`.
#[multiversion(targets("x86_64+avx512f+avx512vl+avx512bw+avx512dq+avx2+fma", "x86_64+avx2+fma"))]
fn combine(a: f32, b: f32, x: &[f32], y: &mut [f32]) {
    for (x, y) in x.iter().zip(y) {
        *y = fma(a, *y, b * x);
    }
}

/// Number of Newton-Schulz steps, and the polynomial's coefficients, from the paper.
const STEPS: usize = 5;
const COEFFICIENTS: (f32, f32, f32) = (3.4445, -4.7750, 2.0315);

/// Brings the singular values of `scratch.x` (rows, cols) near 1: X <- aX + (bA + cA²)X with A = XXᵀ on the short side.
fn newton_schulz(rows: usize, cols: usize, scratch: &mut MuonScratch) {
    let (a, b, c) = COEFFICIENTS;
    let short = rows.min(cols);
    scratch.next.resize(rows * cols, 0.0);
    scratch.gram.resize(short * short, 0.0);
    scratch.poly.resize(short * short, 0.0);
    let MuonScratch { x, next, gram, poly } = scratch;
    let inverse = 1.0 / (simd::sum_of_squares(x).sqrt() as f32 + 1e-7);
    simd::scale(inverse, x);
    for _ in 0..STEPS {
        let view = Mat::new(x, rows, cols);
        let (left, right) = if rows <= cols { (view, view.t()) } else { (view.t(), view) };
        symmetric_matmul(left, right, gram);
        let square = Mat::new(gram, short, short);
        symmetric_matmul(square, square, poly);
        combine(c, b, gram, poly);
        let poly = Mat::new(poly, short, short);
        let (left, right) = if rows <= cols { (poly, view) } else { (view, poly) };
        matmul(left, right, MatMut::new(next, rows, cols));
        combine(a, 1.0, next, x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, random, widen};

    #[test]
    fn adamw_agrees_with_the_twin_over_several_steps() {
        let n = 37;
        let mut param = random(n, 1);
        let mut exact = widen(&param);
        let (mut m, mut v) = (vec![0.0; n], vec![0.0; n]);
        let (mut m_exact, mut v_exact) = (vec![0.0; n], vec![0.0; n]);
        for step in 1..=5 {
            let grad = random(n, 10 + step);
            let options = AdamW { lr: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, step };
            adamw(&mut param, &grad, &mut m, &mut v, 0.5, options);
            let scaled: Vec<f64> = grad.iter().map(|&g| f64::from(g) * 0.5).collect();
            reference::adamw(&mut exact, &scaled, &mut m_exact, &mut v_exact, options);
        }
        assert_close(&param, &exact, 1e-6);
    }

    /// Tolerance 1e-4: five rounds of a polynomial of degree five in f32.
    #[test]
    fn muon_agrees_with_the_twin_and_orthogonalises() {
        for (rows, cols) in [(5, 5), (12, 7), (7, 12), (64, 33)] {
            let n = rows * cols;
            let (grad, mut param, mut momentum) = (random(n, 1), vec![0.0; n], vec![0.0; n]);
            let options = Muon { lr: 1.0, momentum: 0.95, weight_decay: 0.0 };
            muon(&mut param, &grad, &mut momentum, rows, cols, 1.0, options, &mut MuonScratch::default());
            let exact = reference::muon_first_update(&widen(&grad), rows, cols);
            assert_close(&param, &exact, 1e-4);
            // Singular values near 1 (the quintic brings them into about 0.7..1.2): the Frobenius norm tells their root mean square.
            let scale = (rows as f64 / cols as f64).max(1.0);
            let mean_square = widen(&param).iter().map(|x| x * x).sum::<f64>() / scale / rows.min(cols) as f64;
            assert!((0.5..1.4).contains(&mean_square), "mean square of singular values {mean_square}");
        }
    }
}
