//! The forward pass of training: tokens (B, T) to hidden states, keeping what backward needs.
//!
//! Every worker owns one [`Activations`] and runs its micro-batch in it from end to end; nothing is allocated in a step.

use tensor::attention::{self, Shape};
use tensor::head::{self, Target};
use tensor::rotary::{self, Rotary};
use tensor::{Mat, MatMut, bias, embedding, gelu, layer_norm, matmul, matmul_add, norm, swiglu};

use crate::params::Span;
use crate::{Config, Family, Model};

/// What one block keeps. N = B T rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct BlockActivations {
    pub residual: Vec<f32>,     // (N, C) what enters the block
    pub normed: Vec<f32>,       // (N, C) after the first norm
    pub rstd: Vec<f32>,         // (N)
    pub qkv: Vec<f32>,          // (N, H D + 2 K D) straight from the product
    pub q: Vec<f32>,            // (N, H D) normed and rotated
    pub q_rstd: Vec<f32>,       // (N, H)
    pub k: Vec<f32>,            // (N, K D) normed and rotated
    pub k_rstd: Vec<f32>,       // (N, K)
    pub attended: Vec<f32>,     // (N, H D)
    pub lse: Vec<f32>,          // (B, H, T)
    pub residual_mid: Vec<f32>, // (N, C) between attention and MLP
    pub normed_mid: Vec<f32>,   // (N, C) after the second norm
    pub rstd_mid: Vec<f32>,     // (N)
    pub up: Vec<f32>,           // (N, 2 F), or (N, F) without a gate
    pub gated: Vec<f32>,        // (N, F)
}

impl BlockActivations {
    fn buffers(&mut self) -> [&mut Vec<f32>; 15] {
        let BlockActivations { residual, normed, rstd, qkv, q, q_rstd, k, k_rstd, attended, lse, .. } = self;
        let BlockActivations { residual_mid, normed_mid, rstd_mid, up, gated, .. } = self;
        [residual, normed, rstd, qkv, q, q_rstd, k, k_rstd, attended, lse, residual_mid, normed_mid, rstd_mid, up, gated]
    }
}

/// Buffers of one micro-batch (B, T): all blocks forward, one block's worth backward.
#[derive(Clone, Debug)]
pub struct Activations {
    pub(crate) shape: Shape,
    pub(crate) blocks: Vec<BlockActivations>,
    pub(crate) residual: Vec<f32>, // (N, C) after the last block
    pub(crate) rstd: Vec<f32>,     // (N)
    /// Hidden states after the final norm, (N, C).
    pub hidden: Vec<f32>,
    pub(crate) rotary: Rotary,
    pub(crate) positions: Vec<u32>, // (N) 0..T for each sequence
    pub(crate) attention_scratch: attention::Scratch,
    pub(crate) head_scratch: head::Scratch,
    /// Log-probability of each target of the last call of [`Model::head`], in the order of the targets.
    pub logprobs: Vec<f32>,
    // Gradients, reused by every block.
    pub(crate) dresidual: Vec<f32>, // (N, C)
    pub(crate) dnormed: Vec<f32>,   // (N, C), also the gradient of `hidden`
    pub(crate) dattended: Vec<f32>, // (N, H D)
    pub(crate) dq: Vec<f32>,        // (N, H D)
    pub(crate) dk: Vec<f32>,        // (N, K D)
    pub(crate) dqkv: Vec<f32>,      // (N, H D + 2 K D)
    pub(crate) dgated: Vec<f32>,    // (N, F)
    pub(crate) dup: Vec<f32>,       // (N, 2 F), or (N, F) without a gate
}

impl Activations {
    /// For `batch` sequences of `len` tokens.
    pub fn new(config: &Config, batch: usize, len: usize) -> Activations {
        assert!(len <= config.context, "sequences of {len} tokens in a context of {}", config.context);
        let n = batch * len;
        let of = |width: usize| vec![0.0f32; n * width];
        let (c, f, q, kv) = (config.hidden_size, config.intermediate_size, config.q_width(), config.kv_width());
        let (h, k) = (config.n_heads, config.n_kv_heads);
        let normed_heads = config.head_norm_width() > 0;
        let shape = Shape { batch, len, n_heads: h, n_kv_heads: k, head_dim: config.head_dim };
        let block = BlockActivations {
            residual: of(c),
            normed: of(c),
            rstd: of(1),
            qkv: of(q + 2 * kv),
            q: of(q),
            q_rstd: of(if normed_heads { h } else { 0 }),
            k: of(kv),
            k_rstd: of(if normed_heads { k } else { 0 }),
            attended: of(q),
            lse: of(h),
            residual_mid: of(c),
            normed_mid: of(c),
            rstd_mid: of(1),
            up: of(config.up_width()),
            gated: of(f),
        };
        Activations {
            shape,
            blocks: vec![block; config.n_layers],
            residual: of(c),
            rstd: of(1),
            hidden: of(c),
            rotary: Rotary::new(len, &config.rotary_frequencies()),
            positions: (0..n).map(|row| (row % len) as u32).collect(),
            attention_scratch: attention::Scratch::new(),
            head_scratch: head::Scratch::new(config.vocab_size, c),
            logprobs: Vec::with_capacity(n),
            dresidual: of(c),
            dnormed: of(c),
            dattended: of(q),
            dq: of(q),
            dk: of(kv),
            dqkv: of(q + 2 * kv),
            dgated: of(f),
            dup: of(config.up_width()),
        }
    }

    /// For other numbers of sequences and tokens. What was computed is lost; memory is allocated only where there was never so much.
    /// The length must not be greater than that of [`Activations::new`].
    pub fn reshape(&mut self, batch: usize, len: usize) {
        if (batch, len) == self.batch_and_len() {
            return;
        }
        assert!(len <= self.rotary.positions(), "sequences of {len} tokens in buffers for {}", self.rotary.positions());
        let (before, n) = (self.positions.len(), batch * len);
        for buffer in self.buffers() {
            let width = buffer.len() / before;
            buffer.resize(n * width, 0.0);
        }
        self.positions.clear();
        self.positions.extend((0..n).map(|row| (row % len) as u32));
        self.shape = Shape { batch, len, ..self.shape };
    }

    /// All buffers of (N, width) numbers.
    fn buffers(&mut self) -> impl Iterator<Item = &mut Vec<f32>> {
        let Activations { blocks, residual, rstd, hidden, dresidual, dnormed, dattended, dq, dk, dqkv, dgated, dup, .. } = self;
        let once = [residual, rstd, hidden, dresidual, dnormed, dattended, dq, dk, dqkv, dgated, dup];
        once.into_iter().chain(blocks.iter_mut().flat_map(BlockActivations::buffers))
    }

    /// Numbers that [`Activations::new`] allocates, but for a few positions and angles.
    pub fn count(config: &Config, batch: usize, len: usize) -> usize {
        let (c, f, q, kv) = (config.hidden_size, config.intermediate_size, config.q_width(), config.kv_width());
        let (h, k) = (config.n_heads, config.n_kv_heads);
        let (up, rstds) = (config.up_width(), if config.head_norm_width() > 0 { h + k } else { 0 });
        let block = 4 * c + f + up + 3 * q + 3 * kv + h + rstds + 2;
        let once = 4 * c + f + up + 3 * q + 3 * kv + 1;
        batch * len * (config.n_layers * block + once) + head::Scratch::count(config.vocab_size, c)
    }

    /// Sequences and their length: (B, T).
    pub fn batch_and_len(&self) -> (usize, usize) {
        (self.shape.batch, self.shape.len)
    }
}

impl Model {
    /// Runs the trunk: `tokens` (B, T) to `acts.hidden` (B T, C).
    pub fn forward(&self, tokens: &[u32], acts: &mut Activations) {
        let Config { hidden_size: c, intermediate_size: f, family, .. } = self.config;
        let (q_width, kv_width, qkv_width, up_width) =
            (self.config.q_width(), self.config.kv_width(), self.config.qkv_width(), self.config.up_width());
        let n = acts.positions.len();
        assert_eq!(tokens.len(), n, "tokens for activations of shape {:?}", acts.shape);
        let weights = &self.params.data[..];
        let layout = &self.params.layout;
        let Activations { shape, blocks, residual, rotary, positions, attention_scratch, .. } = acts;

        embedding::embedding(tokens, layout.embed.of(weights), c, &mut blocks[0].residual);
        if layout.positions.len > 0 {
            embedding::add_rows(positions, layout.positions.of(weights), c, &mut blocks[0].residual);
        }
        for (i, spans) in layout.blocks.iter().enumerate() {
            let (before, after) = blocks.split_at_mut(i + 1);
            let block = &mut before[i];
            let next = match after.first_mut() {
                Some(next) => &mut next.residual,
                None => &mut *residual,
            };

            // Attention: norm, one product for q k v, heads normed and turned, causal attention, output added to the stream.
            self.norm(&block.residual, spans.input_norm, spans.input_norm_bias, &mut block.normed, &mut block.rstd);
            let w_qkv = Mat::new(spans.qkv.of(weights), qkv_width, c);
            matmul(Mat::new(&block.normed, n, c), w_qkv.t(), MatMut::new(&mut block.qkv, n, qkv_width));
            bias::add_bias(&mut block.qkv, spans.qkv_bias.of(weights));
            let keys = &block.qkv[q_width..];
            if family == Family::Qwen3 {
                let (q_norm, k_norm, eps) = (spans.q_norm.of(weights), spans.k_norm.of(weights), self.config.norm_eps);
                rotary::head_norm_rotary(&block.qkv, qkv_width, q_norm, eps, rotary, positions, &mut block.q, &mut block.q_rstd);
                rotary::head_norm_rotary(keys, qkv_width, k_norm, eps, rotary, positions, &mut block.k, &mut block.k_rstd);
            } else {
                rotary::rotate(&block.qkv, qkv_width, rotary, positions, &mut block.q);
                rotary::rotate(keys, qkv_width, rotary, positions, &mut block.k);
            }
            let attention = attention::Forward {
                q: Mat::new(&block.q, n, q_width),
                k: Mat::new(&block.k, n, kv_width),
                v: Mat::strided(&block.qkv[q_width + kv_width..], n, kv_width, qkv_width),
                out: MatMut::new(&mut block.attended, n, q_width),
                lse: &mut block.lse,
            };
            attention::causal(attention, *shape, attention_scratch);
            block.residual_mid.copy_from_slice(&block.residual);
            let w_out = Mat::new(spans.attn_out.of(weights), c, q_width);
            matmul_add(Mat::new(&block.attended, n, q_width), w_out.t(), MatMut::new(&mut block.residual_mid, n, c));
            bias::add_bias(&mut block.residual_mid, spans.attn_out_bias.of(weights));

            // MLP: norm, one product for gate and up, the activation, down added to the stream.
            self.norm(&block.residual_mid, spans.post_norm, spans.post_norm_bias, &mut block.normed_mid, &mut block.rstd_mid);
            let w_up = Mat::new(spans.up.of(weights), up_width, c);
            matmul(Mat::new(&block.normed_mid, n, c), w_up.t(), MatMut::new(&mut block.up, n, up_width));
            bias::add_bias(&mut block.up, spans.up_bias.of(weights));
            match family {
                Family::Gpt2 => gelu::gelu(&block.up, &mut block.gated),
                _ => swiglu::swiglu(&block.up, f, &mut block.gated),
            }
            next.copy_from_slice(&block.residual_mid);
            let w_down = Mat::new(spans.down.of(weights), c, f);
            matmul_add(Mat::new(&block.gated, n, f), w_down.t(), MatMut::new(next, n, c));
            bias::add_bias(next, spans.down_bias.of(weights));
        }
        self.norm(&acts.residual, layout.final_norm, layout.final_norm_bias, &mut acts.hidden, &mut acts.rstd);
    }

    /// The architecture's norm of rows.
    fn norm(&self, x: &[f32], gain: Span, bias: Span, y: &mut [f32], rstd: &mut [f32]) {
        let (weights, eps) = (&self.params.data[..], self.config.norm_eps);
        match self.config.family {
            Family::Gpt2 => layer_norm::layer_norm(x, gain.of(weights), bias.of(weights), eps, y, rstd),
            _ => norm::rms_norm(x, gain.of(weights), eps, y, rstd),
        }
    }

    /// Log-probabilities of targets from `acts.hidden`, into `acts.logprobs`.
    pub fn score(&self, targets: &[Target], acts: &mut Activations) {
        acts.logprobs.clear();
        acts.logprobs.resize(targets.len(), 0.0);
        let table = self.params.layout.head.of(&self.params.data);
        head::score(&acts.hidden, table, self.config.hidden_size, targets, &mut acts.logprobs, &mut acts.head_scratch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_that_of_the_buffers() {
        for family in [Family::Qwen3, Family::Llama, Family::Gpt2] {
            let config = Config { n_kv_heads: 1, family, ..Config::from_depth(2, 50, 16) };
            let mut acts = Activations::new(&config, 3, 5);
            let numbers: usize = acts.buffers().map(|buffer| buffer.len()).sum();
            assert_eq!(Activations::count(&config, 3, 5), numbers + head::Scratch::count(config.vocab_size, config.hidden_size));
        }
    }
}
