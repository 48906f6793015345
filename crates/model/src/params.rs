//! All weights in one buffer, with Hugging Face's names on its parts.
//!
//! Query, key and value matrices lie side by side so that one product does the three; so do gate and up. What an architecture
//! does not have is an empty part. Gradients and optimizer moments are buffers of the same layout.

use base::rng::{self, Rng};

use crate::{Config, Family};

/// A part of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First element.
    pub start: usize,
    /// Number of elements.
    pub len: usize,
}

impl Span {
    /// Nothing.
    pub const NONE: Span = Span { start: 0, len: 0 };

    /// This part of a buffer.
    pub fn of(self, data: &[f32]) -> &[f32] {
        &data[self.start..self.start + self.len]
    }

    /// This part of a buffer, to write.
    pub fn of_mut(self, data: &mut [f32]) -> &mut [f32] {
        &mut data[self.start..self.start + self.len]
    }

    /// This part and those right behind it, up to the end of `last`.
    pub(crate) fn through(self, last: Span) -> Span {
        Span { start: self.start, len: last.start + last.len - self.start }
    }
}

/// What a tensor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// A table of rows for tokens or positions, or the output head.
    Table,
    /// A matrix inside a block.
    Matrix,
    /// A matrix inside a block whose product is added to the residual stream.
    ResidualMatrix,
    /// What a norm multiplies with.
    Gain,
    /// What is added.
    Bias,
}

impl Role {
    /// Whether it is a matrix of a block.
    pub fn is_block_matrix(self) -> bool {
        matches!(self, Role::Matrix | Role::ResidualMatrix)
    }
}

/// A named tensor: a matrix (rows, cols) or a vector (rows).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorSpec {
    /// Hugging Face's name.
    pub name: String,
    /// What it does.
    pub role: Role,
    /// Whether Hugging Face's files hold it the other way round, (cols, rows).
    pub transposed: bool,
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
    /// Its bias (C), behind it.
    pub input_norm_bias: Span,
    /// Query, key and value matrices, (H D + 2 K D, C).
    pub qkv: Span,
    /// Their biases (H D + 2 K D).
    pub qkv_bias: Span,
    /// Norm of each query head (D).
    pub q_norm: Span,
    /// Norm of each key head (D).
    pub k_norm: Span,
    /// Output matrix of attention (C, H D).
    pub attn_out: Span,
    /// Its bias (C).
    pub attn_out_bias: Span,
    /// Norm before the MLP (C).
    pub post_norm: Span,
    /// Its bias (C), behind it.
    pub post_norm_bias: Span,
    /// Gate and up matrices, (2 F, C), or up alone, (F, C).
    pub up: Span,
    /// Bias of up alone (F).
    pub up_bias: Span,
    /// Down matrix (C, F).
    pub down: Span,
    /// Its bias (C).
    pub down_bias: Span,
}

/// The layout of the buffer for one configuration.
#[derive(Clone, Debug)]
pub struct Layout {
    /// Every tensor, in order.
    pub tensors: Vec<TensorSpec>,
    /// Embedding table (V, C).
    pub embed: Span,
    /// Table of learned positions (context, C).
    pub positions: Span,
    /// The blocks.
    pub blocks: Vec<BlockSpans>,
    /// Norm before the head (C).
    pub final_norm: Span,
    /// Its bias (C), behind it.
    pub final_norm_bias: Span,
    /// Output head (V, C); the embedding table where they are tied.
    pub head: Span,
    /// Elements of the whole buffer.
    pub len: usize,
}

/// Tensors in the order in which they are placed.
#[derive(Default)]
struct Placing {
    tensors: Vec<TensorSpec>,
    len: usize,
}

impl Placing {
    fn place(&mut self, name: String, role: Role, shape: &[usize]) -> Span {
        let span = Span { start: self.len, len: shape.iter().product() };
        self.len += span.len;
        self.tensors.push(TensorSpec { name, role, transposed: false, shape: shape.to_vec(), span });
        span
    }

    /// A matrix that the files hold the other way round, and its bias.
    fn transposed(&mut self, name: String, role: Role, shape: [usize; 2]) -> (Span, Span) {
        let matrix = self.place(format!("{name}.weight"), role, &shape);
        self.tensors.last_mut().expect("it was just placed").transposed = true;
        (matrix, self.place(format!("{name}.bias"), Role::Bias, &shape[..1]))
    }

    /// A norm and its bias.
    fn norm_and_bias(&mut self, name: String, c: usize) -> (Span, Span) {
        let norm = self.place(format!("{name}.weight"), Role::Gain, &[c]);
        (norm, self.place(format!("{name}.bias"), Role::Bias, &[c]))
    }
}

impl Layout {
    /// Lays out the tensors of a configuration.
    pub fn new(config: &Config) -> Layout {
        let mut placing = Placing::default();
        if config.family == Family::Gpt2 { gpt2_layout(config, &mut placing) } else { llama_layout(config, &mut placing) }
    }

    /// The tensors of a part, in order.
    pub fn parts(&self, span: Span) -> &[TensorSpec] {
        let before = |end: usize| self.tensors.partition_point(|tensor| tensor.span.start < end);
        &self.tensors[before(span.start)..before(span.start + span.len)]
    }

    /// The parts, with what was placed.
    fn of(placing: &mut Placing, embed: Span, positions: Span, blocks: Vec<BlockSpans>, norm: (Span, Span), head: Span) -> Layout {
        let tensors = std::mem::take(&mut placing.tensors);
        Layout { tensors, embed, positions, blocks, final_norm: norm.0, final_norm_bias: norm.1, head, len: placing.len }
    }
}

/// Llama's names, which Qwen2 and Qwen3 have too.
fn llama_layout(config: &Config, placing: &mut Placing) -> Layout {
    let &Config { vocab_size: v, hidden_size: c, intermediate_size: f, head_dim: d, family, .. } = config;
    let (q_width, kv_width) = (config.q_width(), config.kv_width());
    let embed = placing.place("model.embed_tokens.weight".into(), Role::Table, &[v, c]);
    let blocks = (0..config.n_layers)
        .map(|i| {
            let mut part = |name: &str, role: Role, shape: &[usize]| placing.place(format!("model.layers.{i}.{name}"), role, shape);
            let input_norm = part("input_layernorm.weight", Role::Gain, &[c]);
            let q = part("self_attn.q_proj.weight", Role::Matrix, &[q_width, c]);
            let _k = part("self_attn.k_proj.weight", Role::Matrix, &[kv_width, c]);
            let v = part("self_attn.v_proj.weight", Role::Matrix, &[kv_width, c]);
            let mut qkv_bias = Span::NONE;
            if family == Family::Qwen2 {
                let q = part("self_attn.q_proj.bias", Role::Bias, &[q_width]);
                let _k = part("self_attn.k_proj.bias", Role::Bias, &[kv_width]);
                qkv_bias = q.through(part("self_attn.v_proj.bias", Role::Bias, &[kv_width]));
            }
            let (mut q_norm, mut k_norm) = (Span::NONE, Span::NONE);
            if family == Family::Qwen3 {
                q_norm = part("self_attn.q_norm.weight", Role::Gain, &[d]);
                k_norm = part("self_attn.k_norm.weight", Role::Gain, &[d]);
            }
            let attn_out = part("self_attn.o_proj.weight", Role::ResidualMatrix, &[c, q_width]);
            let post_norm = part("post_attention_layernorm.weight", Role::Gain, &[c]);
            let gate = part("mlp.gate_proj.weight", Role::Matrix, &[f, c]);
            let up = gate.through(part("mlp.up_proj.weight", Role::Matrix, &[f, c]));
            let down = part("mlp.down_proj.weight", Role::ResidualMatrix, &[c, f]);
            BlockSpans {
                input_norm,
                input_norm_bias: Span::NONE,
                qkv: q.through(v),
                qkv_bias,
                q_norm,
                k_norm,
                attn_out,
                attn_out_bias: Span::NONE,
                post_norm,
                post_norm_bias: Span::NONE,
                up,
                up_bias: Span::NONE,
                down,
                down_bias: Span::NONE,
            }
        })
        .collect();
    let norm = placing.place("model.norm.weight".into(), Role::Gain, &[c]);
    let head = if config.tie_embeddings { embed } else { placing.place("lm_head.weight".into(), Role::Table, &[v, c]) };
    Layout::of(placing, embed, Span::NONE, blocks, (norm, Span::NONE), head)
}

/// GPT-2's names. Its matrices were TensorFlow's: the files hold them as (in, out).
fn gpt2_layout(config: &Config, placing: &mut Placing) -> Layout {
    let &Config { vocab_size: v, hidden_size: c, intermediate_size: f, .. } = config;
    let embed = placing.place("transformer.wte.weight".into(), Role::Table, &[v, c]);
    let positions = placing.place("transformer.wpe.weight".into(), Role::Table, &[config.context, c]);
    let blocks = (0..config.n_layers)
        .map(|i| {
            let name = |part: &str| format!("transformer.h.{i}.{part}");
            let (input_norm, input_norm_bias) = placing.norm_and_bias(name("ln_1"), c);
            let (qkv, qkv_bias) = placing.transposed(name("attn.c_attn"), Role::Matrix, [config.qkv_width(), c]);
            let (attn_out, attn_out_bias) = placing.transposed(name("attn.c_proj"), Role::ResidualMatrix, [c, config.q_width()]);
            let (post_norm, post_norm_bias) = placing.norm_and_bias(name("ln_2"), c);
            let (up, up_bias) = placing.transposed(name("mlp.c_fc"), Role::Matrix, [f, c]);
            let (down, down_bias) = placing.transposed(name("mlp.c_proj"), Role::ResidualMatrix, [c, f]);
            BlockSpans {
                input_norm,
                input_norm_bias,
                qkv,
                qkv_bias,
                q_norm: Span::NONE,
                k_norm: Span::NONE,
                attn_out,
                attn_out_bias,
                post_norm,
                post_norm_bias,
                up,
                up_bias,
                down,
                down_bias,
            }
        })
        .collect();
    let norm = placing.norm_and_bias("transformer.ln_f".into(), c);
    let head = if config.tie_embeddings { embed } else { placing.place("lm_head.weight".into(), Role::Table, &[v, c]) };
    Layout::of(placing, embed, positions, blocks, norm, head)
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

    /// Fresh weights: norms 1; biases 0; embeddings normal with deviation 0.02; matrices normal with deviation 1/sqrt(3 fan-in);
    /// the two matrices that write into the residual stream 0, so that every block begins as the identity.
    pub fn init(config: &Config, seed: u64) -> Params {
        let mut params = Params::zeros(config);
        for tensor in &params.layout.tensors {
            let values = tensor.span.of_mut(&mut params.data);
            let mut rng = Rng::derive(seed, &[rng::label("init"), rng::label(&tensor.name)]);
            let deviation = match tensor.role {
                Role::Gain => {
                    values.fill(1.0);
                    continue;
                }
                Role::Bias | Role::ResidualMatrix => continue,
                Role::Matrix => (3.0 * tensor.shape[1] as f32).sqrt().recip(),
                Role::Table => 0.02,
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
        for (tie_embeddings, family) in [true, false].into_iter().flat_map(|tied| Family::ALL.map(|family| (tied, family))) {
            let n_kv_heads = if family == Family::Gpt2 { 2 } else { 1 };
            let config = Config { tie_embeddings, family, n_kv_heads, ..Config::from_depth(2, 50, 16) };
            let layout = Layout::new(&config);
            let mut at = 0;
            for tensor in &layout.tensors {
                assert_eq!(tensor.span.start, at, "{}", tensor.name);
                at += tensor.span.len;
            }
            assert_eq!(at, layout.len);
            assert_eq!(layout.blocks[0].qkv.len, config.qkv_width() * config.hidden_size);
            let names = |span: Span| layout.parts(span).iter().map(|tensor| tensor.name.as_str()).collect::<Vec<_>>();
            assert_eq!((names(layout.embed).len(), names(Span::NONE).len()), (1, 0));
            assert_eq!(names(layout.blocks[1].qkv).len(), if family == Family::Gpt2 { 1 } else { 3 });
            assert_eq!(layout.blocks[1].up.len, config.up_width() * config.hidden_size);
            assert_eq!(layout.blocks[1].qkv_bias.len, if matches!(family, Family::Gpt2 | Family::Qwen2) { config.qkv_width() } else { 0 });
            assert_eq!(layout.head == layout.embed, tie_embeddings);
        }
    }
}
