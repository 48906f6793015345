//! The backward pass: from dLoss/dlogprob of the targets to the gradient of every weight, block by block in reverse.

use tensor::head::{self, Target};
use tensor::{Mat, MatMut, attention, embedding, matmul, matmul_add, norm, rotary, swiglu};

use crate::forward::BlockActivations;
use crate::{Activations, Config, Model};

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
        let weights = &self.params.data[..];
        let layout = &self.params.layout;
        assert_eq!(grads.len(), layout.len, "gradients for {} parameters", layout.len);

        acts.dresidual.fill(0.0);
        let (gain, dgain) = (layout.final_norm.of(weights), layout.final_norm.of_mut(grads));
        norm::rms_norm_backward(&acts.dnormed, &acts.residual, gain, &acts.rstd, &mut acts.dresidual, dgain);
        for i in (0..layout.blocks.len()).rev() {
            let block = std::mem::take(&mut acts.blocks[i]);
            self.mlp_backward(i, &block, acts, grads);
            self.attention_backward(i, &block, acts, grads);
            acts.blocks[i] = block;
        }
        embedding::embedding_backward(&acts.dresidual, tokens, self.config.hidden_size, layout.embed.of_mut(grads));
    }

    /// `acts.dresidual` holds the gradient after the block's MLP and leaves with that before it.
    fn mlp_backward(&self, i: usize, block: &BlockActivations, acts: &mut Activations, grads: &mut [f32]) {
        let Config { hidden_size: c, intermediate_size: f, .. } = self.config;
        let weights = &self.params.data[..];
        let spans = &self.params.layout.blocks[i];
        let n = acts.positions.len();
        let Activations { dresidual, dnormed, dgated, dgate_up, .. } = acts;

        let dout = Mat::new(dresidual, n, c);
        matmul(dout, Mat::new(spans.down.of(weights), c, f), MatMut::new(dgated, n, f));
        matmul_add(dout.t(), Mat::new(&block.gated, n, f), MatMut::new(spans.down.of_mut(grads), c, f));
        swiglu::swiglu_backward(dgated, &block.gate_up, f, dgate_up);
        let dgate_up = Mat::new(dgate_up, n, 2 * f);
        matmul(dgate_up, Mat::new(spans.gate_up.of(weights), 2 * f, c), MatMut::new(dnormed, n, c));
        matmul_add(dgate_up.t(), Mat::new(&block.normed_mid, n, c), MatMut::new(spans.gate_up.of_mut(grads), 2 * f, c));
        let (gain, dgain) = (spans.post_norm.of(weights), spans.post_norm.of_mut(grads));
        norm::rms_norm_backward(dnormed, &block.residual_mid, gain, &block.rstd_mid, dresidual, dgain);
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
        let gain = spans.q_norm.of(weights);
        let dgain = spans.q_norm.of_mut(grads);
        rotary::head_norm_rotary_backward(dq, &block.qkv, dqkv, width, gain, &block.q_rstd, rotary, positions, dgain);
        let (keys, dkeys) = (&block.qkv[q_width..], &mut dqkv[q_width..]);
        let gain = spans.k_norm.of(weights);
        let dgain = spans.k_norm.of_mut(grads);
        rotary::head_norm_rotary_backward(dk, keys, dkeys, width, gain, &block.k_rstd, rotary, positions, dgain);

        let dqkv = Mat::new(dqkv, n, width);
        matmul(dqkv, Mat::new(spans.qkv.of(weights), width, c), MatMut::new(dnormed, n, c));
        matmul_add(dqkv.t(), Mat::new(&block.normed, n, c), MatMut::new(spans.qkv.of_mut(grads), width, c));
        let (gain, dgain) = (spans.input_norm.of(weights), spans.input_norm.of_mut(grads));
        norm::rms_norm_backward(dnormed, &block.residual, gain, &block.rstd, dresidual, dgain);
    }
}
