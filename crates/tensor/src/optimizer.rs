//! Updates of parameters from gradients: AdamW in one pass, Muon's orthogonalised momentum.

use crate::matmul::{Mat, MatMut, matmul, symmetric_matmul};
use crate::simd::{self, fma, kernel};

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

kernel! {
    /// One AdamW step; all slices have one length. The gradient is multiplied by `grad_scale` first (clipping).
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
    /// (rows, cols): what is orthogonalised, and its successor.
    x: Vec<f32>,
    next: Vec<f32>,
    /// (short, short): A = XXᵀ, a product on the way, the step's polynomial Q and the product of all of them.
    gram: Vec<f32>,
    square: Vec<f32>,
    poly: Vec<f32>,
    total: Vec<f32>,
}

/// One Muon step on a matrix (rows, cols): Nesterov momentum, four Newton-Schulz steps, an update of spectral norm about 1
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

kernel! {
    /// Momentum, and the gradient one momentum step ahead, into `ahead`.
    fn nesterov(grad: &[f32], grad_scale: f32, beta: f32, momentum: &mut [f32], ahead: &mut [f32]) {
        for ((grad, momentum), ahead) in grad.iter().zip(momentum).zip(ahead) {
            let g = (1.0 - beta) * grad * grad_scale;
            *momentum = fma(beta, *momentum, g);
            *ahead = fma(beta, *momentum, g);
        }
    }
}

kernel! {
    /// `y = a y + b x`.
    fn combine(a: f32, b: f32, x: &[f32], y: &mut [f32]) {
        for (x, y) in x.iter().zip(y) {
            *y = fma(a, *y, b * x);
        }
    }
}

kernel! {
    /// `out = a x + b y`.
    fn sum_of_two(a: f32, x: &[f32], b: f32, y: &[f32], out: &mut [f32]) {
        for ((x, y), out) in x.iter().zip(y).zip(out) {
            *out = fma(a, *x, b * y);
        }
    }
}

/// Each step's a, b and c of σ <- aσ + bσ³ + cσ⁵, as in Amsel et al. 2025 ("The Polar Express"): the polynomial that
/// comes nearest to 1 on all the step may meet, from singular values of 0.003 to 1 on. Four steps bring these into 0.8 to
/// 1.2; Jordan's one polynomial needs five for 0.7 to 1.2. Printed by scripts/newton_schulz.py.
pub(crate) const COEFFICIENTS: [(f32, f32, f32); 4] = [
    (8.383_674, -24.765_907, 18.357_083),
    (4.043_421, -3.011_405, 0.569_512),
    (3.505_571, -2.626_654, 0.525_719),
    (2.490_116, -1.834_275, 0.436_835),
];

/// Brings the singular values of `scratch.x` (rows, cols) near 1: X <- QX with Q = a + bA + cA² and A = XXᵀ on the short side.
///
/// Where one side is clearly longer, X itself waits to the end: Q and A commute, so A becomes QAQ and only the product of
/// all Q, short by short, is multiplied with X.
fn newton_schulz(rows: usize, cols: usize, scratch: &mut MuonScratch) {
    let (short, long) = (rows.min(cols), rows.max(cols));
    scratch.next.resize(rows * cols, 0.0);
    for square in [&mut scratch.gram, &mut scratch.square, &mut scratch.poly, &mut scratch.total] {
        square.resize(short * short, 0.0);
    }
    let MuonScratch { x, next, gram, square, poly, total } = scratch;
    let inverse = 1.0 / (simd::sum_of_squares(x).sqrt() as f32 + 1e-7);
    simd::scale(inverse, x);
    // Counted with symmetric products at two thirds, the way over A pays from a ratio of 1.2 on.
    if 5 * long <= 6 * short {
        for step in COEFFICIENTS {
            gram_of(x, rows, cols, gram);
            polynomial(step, gram, short, square, poly);
            multiply(poly, x, rows, cols, next);
            std::mem::swap(x, next);
        }
        return;
    }
    gram_of(x, rows, cols, gram);
    polynomial(COEFFICIENTS[0], gram, short, square, poly);
    total.copy_from_slice(poly);
    for step in &COEFFICIENTS[1..] {
        // A <- QAQ with the Q of the step before, then this step's Q, then the product of all.
        let q = Mat::new(poly, short, short);
        symmetric_matmul(q, Mat::new(gram, short, short), square);
        symmetric_matmul(q, Mat::new(square, short, short), gram);
        polynomial(*step, gram, short, square, poly);
        symmetric_matmul(Mat::new(poly, short, short), Mat::new(total, short, short), square);
        std::mem::swap(total, square);
    }
    multiply(total, x, rows, cols, next);
    std::mem::swap(x, next);
}

/// XXᵀ, or XᵀX where there are more rows than columns.
fn gram_of(x: &[f32], rows: usize, cols: usize, gram: &mut [f32]) {
    let x = Mat::new(x, rows, cols);
    let (left, right) = if rows <= cols { (x, x.t()) } else { (x.t(), x) };
    symmetric_matmul(left, right, gram);
}

/// QX, or XQ where there are more rows than columns.
fn multiply(q: &[f32], x: &[f32], rows: usize, cols: usize, out: &mut [f32]) {
    let short = rows.min(cols);
    let (q, x) = (Mat::new(q, short, short), Mat::new(x, rows, cols));
    let (left, right) = if rows <= cols { (q, x) } else { (x, q) };
    matmul(left, right, MatMut::new(out, rows, cols));
}

/// Q = a + bA + cA²; A² is left in `square`.
fn polynomial((a, b, c): (f32, f32, f32), gram: &[f32], n: usize, square: &mut [f32], poly: &mut [f32]) {
    let matrix = Mat::new(gram, n, n);
    symmetric_matmul(matrix, matrix, square);
    sum_of_two(b, gram, c, square, poly);
    for i in 0..n {
        poly[i * n + i] += a;
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

    /// Tolerance 2e-3: rounding of A = XXᵀ, of size 6e-8, grows with each step's a² as small singular values do. With
    /// AMX it is of size 4e-6 and so is felt by ten times larger singular values.
    #[test]
    fn muon_agrees_with_the_twin_where_singular_values_are_far_apart() {
        for (rows, cols) in [(24, 64), (64, 24), (48, 48)] {
            let (u, v, noise) = (random(rows, 1), random(cols, 2), random(rows * cols, 3));
            for level in [1e-2, 1e-4, 1e-6] {
                let grad: Vec<f32> = (0..rows * cols).map(|i| u[i / cols] * v[i % cols] + level * noise[i]).collect();
                let (mut param, mut momentum) = (vec![0.0; rows * cols], vec![0.0; rows * cols]);
                let options = Muon { lr: 1.0, momentum: 0.95, weight_decay: 0.0 };
                muon(&mut param, &grad, &mut momentum, rows, cols, 1.0, options, &mut MuonScratch::default());
                let exact = reference::muon_first_update(&widen(&grad), rows, cols);
                assert_close(&param, &exact, if crate::matmul::on_amx() { 2e-2 } else { 2e-3 });
            }
        }
    }

    #[test]
    fn the_polynomials_bring_singular_values_near_one() {
        let end = |sigma: f64| {
            COEFFICIENTS.iter().fold(sigma, |x, &(a, b, c)| x * (f64::from(a) + x * x * (f64::from(b) + x * x * f64::from(c))))
        };
        let ends: Vec<f64> = (3000..=1_000_000).map(|millionths| end(f64::from(millionths) * 1e-6)).collect();
        let (least, most) = ends.iter().fold((f64::MAX, f64::MIN), |(least, most), &x| (least.min(x), most.max(x)));
        assert!(0.8 < least && least < 0.81 && 1.19 < most && most < 1.2, "{least} to {most}");
        assert!((1..3000).all(|millionths| end(f64::from(millionths) * 1e-6) < 1.2), "smaller ones only grow");
    }

    /// Tolerance 1e-4: four polynomials of degree five in f32. With AMX products of error 4e-6 run through slopes of up to 8.
    #[test]
    fn muon_agrees_with_the_twin_and_orthogonalises() {
        for (rows, cols) in [(5, 5), (12, 7), (7, 12), (64, 33)] {
            let n = rows * cols;
            let (grad, mut param, mut momentum) = (random(n, 1), vec![0.0; n], vec![0.0; n]);
            let options = Muon { lr: 1.0, momentum: 0.95, weight_decay: 0.0 };
            muon(&mut param, &grad, &mut momentum, rows, cols, 1.0, options, &mut MuonScratch::default());
            let exact = reference::muon_first_update(&widen(&grad), rows, cols);
            assert_close(&param, &exact, if crate::matmul::on_amx() { 4e-4 } else { 1e-4 });
            // Singular values near 1: the Frobenius norm tells their root mean square.
            let scale = (rows as f64 / cols as f64).max(1.0);
            let mean_square = widen(&param).iter().map(|x| x * x).sum::<f64>() / scale / rows.min(cols) as f64;
            assert!((0.5..1.4).contains(&mean_square), "mean square of singular values {mean_square}");
        }
    }
}
