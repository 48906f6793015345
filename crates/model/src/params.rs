//! All weights in one buffer, with Hugging Face's names on its parts.
//!
//! Query, key and value matrices lie side by side so that one product does the three; so do gate and up. Gradients and
//! optimizer moments are buffers of the same layout.

use base::rng::{self, Rng};

use crate::Config;

/// A part of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First element.
    pub start: usize,
    /// Number of elements.
    pub len: usize,
}

impl Span {
    /// This part of a buffer.
    pub fn of(self, data: &[f32]) -> &[f32] {
        &data[self.start..self.start + self.len]
    }

    /// This part of a buffer, to write.
    pub fn of_mut(self, data: &mut [f32]) -> &mut [f32] {
        &mut data[self.start..self.start + self.len]
    }

    /// This part and those right behind it, up to the end of `last`.
    fn through(self, last: Span) -> Span {
        Span { start: self.start, len: last.start + last.len - self.start }
    }
}

/// A named tensor: a matrix (rows, cols) or a vector (rows).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Hugging Face's name.
    pub name: String,
    /// One or two sizes.
    pub shape: Vec<usize>,
    /// Where it lies.
    pub span: Span,
}

/// Where the weights of one block lie.
#[derive(Clone, Copy, Debug)]
pub struct BlockSpans {
    /// Norm before attention (C).
    pub input_norm: Span,
    /// Query, key and value matrices, (H D + 2 K D, C).
    pub qkv: Span,
    /// Norm of each query head (D).
    pub q_norm: Span,
    /// Norm of each key head (D).
    pub k_norm: Span,
    /// Output matrix of attention (C, H D).
    pub attn_out: Span,
    /// Norm before the MLP (C).
    pub post_norm: Span,
    /// Gate and up matrices, (2 F, C).
    pub gate_up: Span,
    /// Down matrix (C, F).
    pub down: Span,
}

/// The layout of the buffer for one configuration.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Every tensor, in order.
    pub tensors: Vec<TensorSpec>,
    /// Embedding table (V, C).
    pub embed: Span,
    /// The blocks.
    pub blocks: Vec<BlockSpans>,
    /// Norm before the head (C).
    pub final_norm: Span,
    /// Output head (V, C); the embedding table where they are tied.
    pub head: Span,
    /// Elements of the whole buffer.
    pub len: usize,
}

impl Layout {
    /// Lays out the tensors of a configuration.
    pub fn new(config: &Config) -> Layout {
        let mut tensors = Vec::new();
        let mut len = 0;
        let mut place = |name: String, shape: &[usize]| {
            let span = Span { start: len, len: shape.iter().product() };
            len += span.len;
            tensors.push(TensorSpec { name, shape: shape.to_vec(), span });
            span
        };
        let &Config { vocab_size: v, hidden_size: c, intermediate_size: f, head_dim: d, .. } = config;
        let (q_width, kv_width) = (config.q_width(), config.kv_width());
        let embed = place("model.embed_tokens.weight".into(), &[v, c]);
        let blocks = (0..config.n_layers)
            .map(|i| {
                let mut part = |name: &str, shape: &[usize]| place(format!("model.layers.{i}.{name}.weight"), shape);
                let input_norm = part("input_layernorm", &[c]);
                let q = part("self_attn.q_proj", &[q_width, c]);
                let _k = part("self_attn.k_proj", &[kv_width, c]);
                let v = part("self_attn.v_proj", &[kv_width, c]);
                let q_norm = part("self_attn.q_norm", &[d]);
                let k_norm = part("self_attn.k_norm", &[d]);
                let attn_out = part("self_attn.o_proj", &[c, q_width]);
                let post_norm = part("post_attention_layernorm", &[c]);
                let gate = part("mlp.gate_proj", &[f, c]);
                let up = part("mlp.up_proj", &[f, c]);
                let down = part("mlp.down_proj", &[c, f]);
                BlockSpans { input_norm, qkv: q.through(v), q_norm, k_norm, attn_out, post_norm, gate_up: gate.through(up), down }
            })
            .collect();
        let final_norm = place("model.norm.weight".into(), &[c]);
        let head = if config.tie_embeddings { embed } else { place("lm_head.weight".into(), &[v, c]) };
        Layout { tensors, embed, blocks, final_norm, head, len }
    }
}

/// The weights of a model.
#[derive(Clone, Debug)]
pub struct Params {
    /// Where each tensor lies.
    pub layout: Layout,
    /// All weights.
    pub data: Vec<f32>,
}

impl Params {
    /// Zeros, to be filled from a file.
    pub fn zeros(config: &Config) -> Params {
        let layout = Layout::new(config);
        Params { data: vec![0.0; layout.len], layout }
    }

    /// Fresh weights: norms 1; embeddings normal with deviation 0.02; matrices normal with deviation 1/sqrt(3 fan-in);
    /// the two matrices that write into the residual stream 0, so that every block begins as the identity.
    pub fn init(config: &Config, seed: u64) -> Params {
        let mut params = Params::zeros(config);
        for tensor in &params.layout.tensors {
            let values = tensor.span.of_mut(&mut params.data);
            let mut rng = Rng::derive(seed, &[rng::label("init"), rng::label(&tensor.name)]);
            let writes_residual = tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
            let deviation = match tensor.shape[..] {
                [_] => {
                    values.fill(1.0);
                    continue;
                }
                _ if writes_residual => continue,
                _ if tensor.name.starts_with("model.layers") => (3.0 * tensor.shape[1] as f32).sqrt().recip(),
                _ => 0.02,
            };
            values.iter_mut().for_each(|value| *value = deviation * rng.normal());
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_covers_the_buffer_without_gaps() {
        for tie_embeddings in [true, false] {
            let config = Config { tie_embeddings, n_kv_heads: 1, ..Config::from_depth(2, 50, 16) };
            let layout = Layout::new(&config);
            let mut at = 0;
            for tensor in &layout.tensors {
                assert_eq!(tensor.span.start, at, "{}", tensor.name);
                at += tensor.span.len;
            }
            assert_eq!(at, layout.len);
            assert_eq!(layout.blocks[0].qkv.len, config.qkv_width() * config.hidden_size);
            assert_eq!(layout.blocks[1].gate_up.len, 2 * config.intermediate_size * config.hidden_size);
            assert_eq!(layout.head == layout.embed, tie_embeddings);
        }
    }
}
