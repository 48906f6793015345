//! The backward pass: from dLoss/dlogprob of the targets to the gradient of every weight, block by block in reverse.

use tensor::head::{self, Target};
use tensor::{Mat, MatMut, attention, bias, embedding, gelu, layer_norm, matmul, matmul_add, norm, rotary, swiglu};

use crate::forward::BlockActivations;
use crate::params::Span;
use crate::{Activations, Config, Family, Model};

impl Model {
    /// The head, forward and backward in one pass: log-probabilities of `targets` into `acts.logprobs`, gradients into `grads`
    /// and for the trunk. `dloss(i, logprob)` gives dLoss/dlogprob of target i.
    pub fn head(&self, targets: &[Target], dloss: &(dyn Fn(usize, f32) -> f32 + Sync), acts: &mut Activations, grads: &mut [f32]) {
        let span = self.params.layout.head;
        acts.logprobs.clear();
        acts.logprobs.resize(targets.len(), 0.0);
        acts.dnormed.fill(0.0);
        head::score_and_backward(
            &acts.hidden,
            span.of(&self.params.data),
            self.config.hidden_size,
            targets,
            dloss,
            &mut acts.logprobs,
            &mut acts.dnormed,
            span.of_mut(grads),
            &mut acts.head_scratch,
        );
    }

    /// The trunk's backward: adds to `grads` (the layout of the parameters). `tokens` are those of the forward call, and
    /// [`Model::head`] must have been called since.
    pub fn backward(&self, tokens: &[u32], acts: &mut Activations, grads: &mut [f32]) {
        let layout = &self.params.layout;
        assert_eq!(grads.len(), layout.len, "gradients for {} parameters", layout.len);

        acts.dresidual.fill(0.0);
        let Activations { dnormed, residual, rstd, dresidual, .. } = acts;
        self.norm_backward(dnormed, residual, layout.final_norm, layout.final_norm_bias, rstd, dresidual, grads);
        for i in (0..layout.blocks.len()).rev() {
            let block = std::mem::take(&mut acts.blocks[i]);
            self.mlp_backward(i, &block, acts, grads);
            self.attention_backward(i, &block, acts, grads);
            acts.blocks[i] = block;
        }
        let c = self.config.hidden_size;
        embedding::embedding_backward(&acts.dresidual, tokens, c, layout.embed.of_mut(grads));
        if layout.positions.len > 0 {
            embedding::embedding_backward(&acts.dresidual, &acts.positions, c, layout.positions.of_mut(grads));
        }
    }

    /// Backward of [`Model::norm`]: adds to `dx` and to the gradients of gain and bias, which lie side by side.
    fn norm_backward(&self, dy: &[f32], x: &[f32], gain: Span, bias: Span, rstd: &[f32], dx: &mut [f32], grads: &mut [f32]) {
        let weights = gain.of(&self.params.data);
        match self.config.family {
            Family::Gpt2 => layer_norm::layer_norm_backward(dy, x, weights, rstd, dx, gain.through(bias).of_mut(grads)),
            _ => norm::rms_norm_backward(dy, x, weights, rstd, dx, gain.of_mut(grads)),
        }
    }

    /// `acts.dresidual` holds the gradient after the block's MLP and leaves with that before it.
    fn mlp_backward(&self, i: usize, block: &BlockActivations, acts: &mut Activations, grads: &mut [f32]) {
        let Config { hidden_size: c, intermediate_size: f, family, .. } = self.config;
        let up_width = self.config.up_width();
        let weights = &self.params.data[..];
        let spans = &self.params.layout.blocks[i];
        let n = acts.positions.len();
        let Activations { dresidual, dnormed, dgated, dup, .. } = acts;

        let dout = Mat::new(dresidual, n, c);
        matmul(dout, Mat::new(spans.down.of(weights), c, f), MatMut::new(dgated, n, f));
        matmul_add(dout.t(), Mat::new(&block.gated, n, f), MatMut::new(spans.down.of_mut(grads), c, f));
        bias::add_bias_backward(dresidual, spans.down_bias.of_mut(grads));
        match family {
            Family::Gpt2 => gelu::gelu_backward(dgated, &block.up, dup),
            _ => swiglu::swiglu_backward(dgated, &block.up, f, dup),
        }
        bias::add_bias_backward(dup, spans.up_bias.of_mut(grads));
        let dup = Mat::new(dup, n, up_width);
        matmul(dup, Mat::new(spans.up.of(weights), up_width, c), MatMut::new(dnormed, n, c));
        matmul_add(dup.t(), Mat::new(&block.normed_mid, n, c), MatMut::new(spans.up.of_mut(grads), up_width, c));
        self.norm_backward(dnormed, &block.residual_mid, spans.post_norm, spans.post_norm_bias, &block.rstd_mid, dresidual, grads);
    }

    /// `acts.dresidual` holds the gradient after the block's attention and leaves with that before it.
    fn attention_backward(&self, i: usize, block: &BlockActivations, acts: &mut Activations, grads: &mut [f32]) {
        let c = self.config.hidden_size;
        let (q_width, kv_width, width) = (self.config.q_width(), self.config.kv_width(), self.config.qkv_width());
        let weights = &self.params.data[..];
        let spans = &self.params.layout.blocks[i];
        let n = acts.positions.len();
        let Activations { shape, rotary, positions, attention_scratch, dresidual, dnormed, dattended, dq, dk, dqkv, .. } = acts;

        let dout = Mat::new(dresidual, n, c);
        matmul(dout, Mat::new(spans.attn_out.of(weights), c, q_width), MatMut::new(dattended, n, q_width));
        matmul_add(dout.t(), Mat::new(&block.attended, n, q_width), MatMut::new(spans.attn_out.of_mut(grads), c, q_width));
        bias::add_bias_backward(dresidual, spans.attn_out_bias.of_mut(grads));

        let attention = attention::Backward {
            dout: Mat::new(dattended, n, q_width),
            out: Mat::new(&block.attended, n, q_width),
            q: Mat::new(&block.q, n, q_width),
            k: Mat::new(&block.k, n, kv_width),
            v: Mat::strided(&block.qkv[q_width + kv_width..], n, kv_width, width),
            lse: &block.lse,
            dq: MatMut::new(dq, n, q_width),
            dk: MatMut::new(dk, n, kv_width),
            dv: MatMut::strided(&mut dqkv[q_width + kv_width..], n, kv_width, width),
        };
        attention::causal_backward(attention, *shape, attention_scratch);
        if self.config.family == Family::Qwen3 {
            let (gain, dgain) = (spans.q_norm.of(weights), spans.q_norm.of_mut(grads));
            rotary::head_norm_rotary_backward(dq, &block.qkv, dqkv, width, gain, &block.q_rstd, rotary, positions, dgain);
            let (gain, dgain) = (spans.k_norm.of(weights), spans.k_norm.of_mut(grads));
            let (keys, dkeys) = (&block.qkv[q_width..], &mut dqkv[q_width..]);
            rotary::head_norm_rotary_backward(dk, keys, dkeys, width, gain, &block.k_rstd, rotary, positions, dgain);
        } else {
            rotary::rotate_backward(dq, dqkv, width, rotary, positions);
            rotary::rotate_backward(dk, &mut dqkv[q_width..], width, rotary, positions);
        }
        bias::add_bias_backward(dqkv, spans.qkv_bias.of_mut(grads));

        let dqkv = Mat::new(dqkv, n, width);
        matmul(dqkv, Mat::new(spans.qkv.of(weights), width, c), MatMut::new(dnormed, n, c));
        matmul_add(dqkv.t(), Mat::new(&block.normed, n, c), MatMut::new(spans.qkv.of_mut(grads), width, c));
        self.norm_backward(dnormed, &block.residual, spans.input_norm, spans.input_norm_bias, &block.rstd, dresidual, grads);
    }
}
