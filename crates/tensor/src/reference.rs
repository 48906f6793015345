//! The slow twins: every operation written once more in f64, as its formula reads.
//!
//! Nothing calls these but tests. Gradients of the fast kernels are checked against finite differences of these.

use crate::attention::Shape;
use crate::head::Target;
use crate::optimizer::{AdamW, COEFFICIENTS};

/// Product of `a` (m, k) and `b` (k, n), from f32.
pub fn matmul(a: &[f32], b: &[f32], m: usize, k: usize, n: usize) -> Vec<f64> {
    let cell = |i: usize, j: usize| (0..k).map(|l| f64::from(a[i * k + l]) * f64::from(b[l * n + j])).sum();
    (0..m * n).map(|at| cell(at / n, at % n)).collect()
}

/// Product of `x` (N, depth), each 32 of which are rounded to -127..=127 times a scale, and of weights (outs, depth).
pub fn quantized_linear(x: &[f32], weights: &[f32], depth: usize) -> Vec<f64> {
    let mut rounded = Vec::with_capacity(x.len());
    for block in x.chunks(32) {
        // In f32, as the fast twin: a tie must fall to the same side.
        let largest = block.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let (scale, inverse) = (largest / 127.0, if largest > 0.0 { 127.0 / largest } else { 0.0 });
        rounded.extend(block.iter().map(|x| f64::from(scale) * f64::from(x * inverse).round_ties_even()));
    }
    let cell = |row: &[f64], of: &[f32]| row.iter().zip(of).map(|(x, w)| x * f64::from(*w)).sum();
    rounded.chunks(depth).flat_map(|row| weights.chunks(depth).map(|of| cell(row, of)).collect::<Vec<f64>>()).collect()
}

/// RMSNorm of rows as long as `weight`.
pub fn rms_norm(x: &[f64], weight: &[f64], eps: f64) -> Vec<f64> {
    let c = weight.len();
    x.chunks(c)
        .flat_map(|row| {
            let rms = (row.iter().map(|x| x * x).sum::<f64>() / c as f64 + eps).sqrt();
            row.iter().zip(weight).map(move |(x, w)| x / rms * w).collect::<Vec<_>>()
        })
        .collect()
}

/// RMSNorm per head, then rotation of pairs (i, i + head_dim/2) by position * theta^(-2i/head_dim).
pub fn head_norm_rotary(x: &[f64], weight: &[f64], eps: f64, theta: f64, positions: &[u32]) -> Vec<f64> {
    rotate(&rms_norm(x, weight, eps), weight.len(), theta, positions)
}

/// The rotation alone, of heads of width `d`.
pub fn rotate(x: &[f64], d: usize, theta: f64, positions: &[u32]) -> Vec<f64> {
    let heads_per_row = x.len() / d / positions.len();
    let mut out = x.to_vec();
    for (place, head) in out.chunks_mut(d).enumerate() {
        let position = f64::from(positions[place / heads_per_row]);
        for i in 0..d / 2 {
            let (sin, cos) = (position * theta.powf(-2.0 * i as f64 / d as f64)).sin_cos();
            let (a, b) = (head[i], head[i + d / 2]);
            head[i] = a * cos - b * sin;
            head[i + d / 2] = b * cos + a * sin;
        }
    }
    out
}

/// LayerNorm of rows as long as `weight`.
pub fn layer_norm(x: &[f64], weight: &[f64], bias: &[f64], eps: f64) -> Vec<f64> {
    let c = weight.len();
    x.chunks(c)
        .flat_map(|row| {
            let mean = row.iter().sum::<f64>() / c as f64;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / c as f64;
            let deviation = (variance + eps).sqrt();
            row.iter().zip(weight.iter().zip(bias)).map(move |(x, (w, b))| (x - mean) / deviation * w + b).collect::<Vec<_>>()
        })
        .collect()
}

/// GELU in its tanh form.
pub fn gelu(x: &[f64]) -> Vec<f64> {
    let factor = (2.0 / std::f64::consts::PI).sqrt();
    x.iter().map(|x| 0.5 * x * (1.0 + (factor * (x + 0.044715 * x.powi(3))).tanh())).collect()
}

/// silu(gate) * up of rows (gate, up), `f` each.
pub fn swiglu(gate_up: &[f64], f: usize) -> Vec<f64> {
    gate_up.chunks(2 * f).flat_map(|row| (0..f).map(|i| row[i] / (1.0 + (-row[i]).exp()) * row[f + i]).collect::<Vec<_>>()).collect()
}

/// Rows of a table.
pub fn embedding(tokens: &[u32], table: &[f64], c: usize) -> Vec<f64> {
    tokens.iter().flat_map(|&token| table[token as usize * c..][..c].to_vec()).collect()
}

/// Causal attention: softmax(q kᵀ / √D) v over the keys up to each query.
pub fn causal_attention(q: &[f64], k: &[f64], v: &[f64], shape: Shape) -> Vec<f64> {
    let Shape { batch, len, n_heads, n_kv_heads, head_dim: d } = shape;
    let mut out = vec![0.0; q.len()];
    for b in 0..batch {
        for h in 0..n_heads {
            let kv = h / (n_heads / n_kv_heads);
            let key = |t: usize| ((b * len + t) * n_kv_heads + kv) * d;
            for t in 0..len {
                let query = ((b * len + t) * n_heads + h) * d;
                let scores: Vec<f64> =
                    (0..=t).map(|s| (0..d).map(|i| q[query + i] * k[key(s) + i]).sum::<f64>() / (d as f64).sqrt()).collect();
                let largest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = scores.iter().map(|s| (s - largest).exp()).sum();
                for (s, score) in scores.iter().enumerate() {
                    for i in 0..d {
                        out[query + i] += (score - largest).exp() / sum * v[key(s) + i];
                    }
                }
            }
        }
    }
    out
}

/// Log-probability of each target under softmax(hidden · tableᵀ).
pub fn logprobs(hidden: &[f64], table: &[f64], c: usize, targets: &[Target]) -> Vec<f64> {
    targets
        .iter()
        .map(|target| {
            let row = &hidden[target.row as usize * c..][..c];
            let logits: Vec<f64> = table.chunks(c).map(|of| of.iter().zip(row).map(|(a, b)| a * b).sum()).collect();
            let largest = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            logits[target.token as usize] - largest - logits.iter().map(|l| (l - largest).exp()).sum::<f64>().ln()
        })
        .collect()
}

/// One AdamW step.
pub fn adamw(param: &mut [f64], grad: &[f64], first: &mut [f64], second: &mut [f64], options: AdamW) {
    let [lr, beta1, beta2, eps, decay] = [options.lr, options.beta1, options.beta2, options.eps, options.weight_decay].map(f64::from);
    for i in 0..param.len() {
        first[i] = beta1 * first[i] + (1.0 - beta1) * grad[i];
        second[i] = beta2 * second[i] + (1.0 - beta2) * grad[i] * grad[i];
        let m = first[i] / (1.0 - beta1.powi(options.step as i32));
        let v = second[i] / (1.0 - beta2.powi(options.step as i32));
        param[i] -= lr * decay * param[i] + lr * m / (v.sqrt() + eps);
    }
}

/// What Muon's first step with learning rate 1 adds to a matrix of zeros (the momentum's factor cancels in the norm).
pub fn muon_first_update(grad: &[f64], rows: usize, cols: usize) -> Vec<f64> {
    let norm = grad.iter().map(|g| g * g).sum::<f64>().sqrt();
    let mut x: Vec<f64> = grad.iter().map(|g| g / norm).collect();
    let product = |a: &[f64], b: &[f64], m: usize, k: usize, n: usize| -> Vec<f64> {
        (0..m * n).map(|at| (0..k).map(|l| a[at / n * k + l] * b[l * n + at % n]).sum()).collect()
    };
    for (a, b, c) in COEFFICIENTS.map(|(a, b, c)| (f64::from(a), f64::from(b), f64::from(c))) {
        let transposed: Vec<f64> = (0..rows * cols).map(|at| x[at % rows * cols + at / rows]).collect();
        let gram = product(&x, &transposed, rows, cols, rows);
        let square = product(&gram, &gram, rows, rows, rows);
        let poly: Vec<f64> = gram.iter().zip(&square).map(|(g, s)| b * g + c * s).collect();
        x = product(&poly, &x, rows, rows, cols).iter().zip(&x).map(|(p, x)| a * x + p).collect();
    }
    let scale = (rows as f64 / cols as f64).max(1.0).sqrt();
    x.iter().map(|x| -x * scale).collect()
}
