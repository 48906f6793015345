//! Every kernel gives the same bits with every instruction set of this machine, at sizes that no register divides.

use crate::attention::{self, Backward, Forward, Shape};
use crate::head::Target;
use crate::optimizer::{AdamW, Muon, MuonScratch, adamw, muon};
use crate::rotary::{Rotary, frequencies, head_norm_rotary, head_norm_rotary_backward, rotate, rotate_backward};
use crate::simd::assert_same_on_every_level;
use crate::test_util::random;
use crate::{Mat, MatMut, bias, decode, embedding, gelu, head, layer_norm, norm, simd, swiglu};

#[test]
fn norms() {
    let (n, c) = (5, 83);
    let (x, weight, dy) = (random(n * c, 1), random(c, 2), random(n * c, 3));
    assert_same_on_every_level(|| {
        let (mut y, mut rstd) = (vec![0.0; n * c], vec![0.0; n]);
        norm::rms_norm(&x, &weight, 1e-6, &mut y, &mut rstd);
        let (mut dx, mut dweight) = (vec![1.0; n * c], vec![1.0; c]);
        norm::rms_norm_backward(&dy, &x, &weight, &rstd, &mut dx, &mut dweight);
        [y, rstd, dx, dweight].concat()
    });
}

#[test]
fn head_norms_and_rotation() {
    let (n, n_heads, head_dim) = (3, 2, 38);
    let width = n_heads * head_dim;
    let (x, weight, dy) = (random(n * width, 1), random(head_dim, 2), random(n * width, 3));
    let (rotary, positions) = (Rotary::new(9, &frequencies(head_dim, 1e4)), [7, 0, 3]);
    assert_same_on_every_level(|| {
        let (mut y, mut rstd) = (vec![0.0; n * width], vec![0.0; n * n_heads]);
        head_norm_rotary(&x, width, &weight, 1e-6, &rotary, &positions, &mut y, &mut rstd);
        let (mut dx, mut dweight) = (vec![0.0; n * width], vec![1.0; head_dim]);
        head_norm_rotary_backward(&mut dy.clone(), &x, &mut dx, width, &weight, &rstd, &rotary, &positions, &mut dweight);
        let (mut turned, mut back) = (vec![0.0; n * width], vec![0.0; n * width]);
        rotate(&x, width, &rotary, &positions, &mut turned);
        rotate_backward(&dy, &mut back, width, &rotary, &positions);
        [y, rstd, dx, dweight, turned, back].concat()
    });
}

#[test]
fn layer_norms_gelus_and_biases() {
    let (n, c) = (5, 83);
    let (x, weight, shift, dy) = (random(n * c, 1), random(c, 2), random(c, 4), random(n * c, 3));
    assert_same_on_every_level(|| {
        let (mut y, mut rstd) = (vec![0.0; n * c], vec![0.0; n]);
        layer_norm::layer_norm(&x, &weight, &shift, 1e-5, &mut y, &mut rstd);
        let (mut dx, mut sums) = (vec![1.0; n * c], vec![1.0; 2 * c]);
        layer_norm::layer_norm_backward(&dy, &x, &weight, &rstd, &mut dx, &mut sums);
        let (mut activated, mut slopes) = (vec![0.0; n * c], vec![0.0; n * c]);
        gelu::gelu(&x, &mut activated);
        gelu::gelu_backward(&dy, &x, &mut slopes);
        bias::add_bias(&mut activated, &shift);
        bias::add_bias_backward(&dy, &mut sums[..c]);
        [y, rstd, dx, sums, activated, slopes].concat()
    });
}

#[test]
fn swiglus() {
    let (n, f) = (3, 53);
    let (x, dy) = (random(n * 2 * f, 1), random(n * f, 2));
    assert_same_on_every_level(|| {
        let (mut y, mut dx) = (vec![0.0; n * f], vec![0.0; n * 2 * f]);
        swiglu::swiglu(&x, f, &mut y);
        swiglu::swiglu_backward(&dy, &x, f, &mut dx);
        [y, dx].concat()
    });
}

#[test]
fn attention_and_head() {
    let shape = Shape { batch: 2, len: 71, n_heads: 2, n_kv_heads: 1, head_dim: 6 };
    let (rows, width, kv_width) = (142, 12, 6);
    let [q, dout] = [1, 2].map(|seed| random(rows * width, seed));
    let [k, v] = [3, 4].map(|seed| random(rows * kv_width, seed));
    assert_same_on_every_level(|| {
        let (mut out, mut lse, scratch) = (vec![0.0; rows * width], vec![0.0; rows * 2], &mut Vec::new());
        let [q, dout] = [&q, &dout].map(|data| Mat::new(data, rows, width));
        let [k, v] = [&k, &v].map(|data| Mat::new(data, rows, kv_width));
        attention::causal(Forward { q, k, v, out: MatMut::new(&mut out, rows, width), lse: &mut lse }, shape, scratch);
        let (mut dq, mut dk, mut dv) = (vec![0.0; rows * width], vec![0.0; rows * kv_width], vec![0.0; rows * kv_width]);
        let io = Backward {
            dout,
            out: Mat::new(&out, rows, width),
            q,
            k,
            v,
            lse: &lse,
            dq: MatMut::new(&mut dq, rows, width),
            dk: MatMut::new(&mut dk, rows, kv_width),
            dv: MatMut::new(&mut dv, rows, kv_width),
        };
        attention::causal_backward(io, shape, scratch);
        [out, lse, dq, dk, dv].concat()
    });

    let (vocab, c) = (37, 5);
    let (hidden, table) = (random(rows * c, 5), random(vocab * c, 6));
    let targets: Vec<Target> = (0..rows as u32).map(|row| Target { row, token: row * 3 % vocab as u32 }).collect();
    assert_same_on_every_level(|| {
        let (mut logprobs, mut dhidden, mut dtable) = (vec![0.0; rows], vec![0.0; rows * c], vec![0.0; vocab * c]);
        let scratch = &mut head::Scratch::new(vocab, c);
        let dloss = |i: usize, logprob: f32| logprob * i as f32;
        head::score_and_backward(&hidden, &table, c, &targets, &dloss, &mut logprobs, &mut dhidden, &mut dtable, scratch);
        [logprobs, dhidden, dtable].concat()
    });
}

#[test]
fn embeddings_and_updates() {
    let (rows, cols) = (19, 23);
    let n = rows * cols;
    let (param, grad) = (random(n, 1), random(n, 2));
    assert_same_on_every_level(|| {
        let (mut first, mut second, mut by_adamw, mut by_muon) = (vec![0.1; n], vec![0.2; n], param.clone(), param.clone());
        let options = AdamW { lr: 0.01, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.1, step: 3 };
        adamw(&mut by_adamw, &grad, &mut first, &mut second, 0.5, options);
        let options = Muon { lr: 0.1, momentum: 0.95, weight_decay: 0.1 };
        muon(&mut by_muon, &grad, &mut first, rows, cols, 0.5, options, &mut MuonScratch::default());
        let mut dtable = vec![1.0; n];
        embedding::embedding_backward(&grad, &[1; 19], cols, &mut dtable);
        simd::scale(0.3, &mut dtable);
        simd::add(&grad, &mut dtable);
        let sum = simd::sum_of_squares(&dtable) as f32;
        [by_adamw, by_muon, first, second, dtable, vec![sum]].concat()
    });
}

#[test]
fn sampling() {
    let logits = random(77, 1);
    assert_same_on_every_level(|| {
        let (mut out, mut maxima) = (vec![0.0; 77], vec![0.0; 5]);
        let sum = decode::exponentials(&logits, 2.0, 0.7, &mut out);
        decode::chunk_maxima(&logits, &mut maxima);
        [out, maxima, vec![sum]].concat()
    });
}
