//! The architecture's sizes, and the one dial from which they follow.

use serde::{Deserialize, Serialize};

/// Which of the architectures that people share a model has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// RMSNorm, rotary positions, a learned norm of each query and key head, SwiGLU, no biases: what is trained here.
    #[default]
    Qwen3,
    /// Without the norm of heads, with biases on queries, keys and values.
    Qwen2,
    /// Without the norm of heads and without biases; 3.1 and later scale the rotary frequencies.
    Llama,
    /// Learned positions, LayerNorm, GELU, and biases everywhere.
    Gpt2,
}

impl Family {
    /// All of them.
    pub const ALL: [Family; 4] = [Family::Qwen3, Family::Qwen2, Family::Llama, Family::Gpt2];

    /// `model_type` of Hugging Face's `config.json`.
    pub fn name(self) -> &'static str {
        match self {
            Family::Qwen3 => "qwen3",
            Family::Qwen2 => "qwen2",
            Family::Llama => "llama",
            Family::Gpt2 => "gpt2",
        }
    }
}

/// How Llama 3.1 and later stretch the rotary frequencies to a longer context (rope type `llama3`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RopeScaling {
    /// Slow frequencies are divided by this.
    pub factor: f64,
    /// Waves longer than the original context divided by this are slow.
    pub low_freq_factor: f64,
    /// Waves shorter than the original context divided by this stay as they are.
    pub high_freq_factor: f64,
    /// The context before it was stretched, in tokens.
    pub original_context: usize,
}

/// Sizes of a dense Transformer. Field names are Hugging Face's where they have one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// The architecture.
    pub family: Family,
    /// Number of token ids, V.
    pub vocab_size: usize,
    /// Width of the residual stream, C.
    pub hidden_size: usize,
    /// Number of blocks, L.
    pub n_layers: usize,
    /// Query heads, H.
    pub n_heads: usize,
    /// Key and value heads, K.
    pub n_kv_heads: usize,
    /// Width of a head, D.
    pub head_dim: usize,
    /// Width of the MLP, F.
    pub intermediate_size: usize,
    /// Longest sequence, in tokens.
    pub context: usize,
    /// Base of the rotary angles.
    pub rope_theta: f64,
    /// How the angles are stretched, if they are.
    pub rope_scaling: Option<RopeScaling>,
    /// Added to the mean square, or to the variance, in every norm.
    pub norm_eps: f32,
    /// Whether the output head is the embedding table.
    pub tie_embeddings: bool,
}

impl Config {
    /// The dial: `depth` blocks of width 64 per block, heads of 64, an MLP of 8/3 the width rounded to 64.
    pub fn from_depth(depth: usize, vocab_size: usize, context: usize) -> Config {
        let hidden_size = 64 * depth;
        Config {
            family: Family::Qwen3,
            vocab_size,
            hidden_size,
            n_layers: depth,
            n_heads: depth,
            n_kv_heads: depth,
            head_dim: 64,
            intermediate_size: (hidden_size * 8).div_ceil(3 * 64) * 64,
            context,
            rope_theta: 10_000.0,
            rope_scaling: None,
            norm_eps: 1e-6,
            tie_embeddings: true,
        }
    }

    /// The same sizes in another architecture; GPT-2's MLP is four times as wide as its stream.
    pub fn with_family(self, family: Family) -> Config {
        match family {
            Family::Gpt2 => Config { family, intermediate_size: 4 * self.hidden_size, norm_eps: 1e-5, ..self },
            _ => Config { family, ..self },
        }
    }

    /// Width of all query heads together.
    pub fn q_width(&self) -> usize {
        self.n_heads * self.head_dim
    }

    /// Width of all key heads together; values have the same.
    pub fn kv_width(&self) -> usize {
        self.n_kv_heads * self.head_dim
    }

    /// Width of queries, keys and values side by side.
    pub fn qkv_width(&self) -> usize {
        self.q_width() + 2 * self.kv_width()
    }

    /// Width of the product before the MLP's activation: gate and up side by side, or GPT-2's up alone.
    pub fn up_width(&self) -> usize {
        if self.family == Family::Gpt2 { self.intermediate_size } else { 2 * self.intermediate_size }
    }

    /// Width of the norm of a query or key head, 0 where there is none.
    pub fn head_norm_width(&self) -> usize {
        if self.family == Family::Qwen3 { self.head_dim } else { 0 }
    }

    /// The angle by which each pair of a head turns from one position to the next; GPT-2's do not turn.
    pub fn rotary_frequencies(&self) -> Vec<f64> {
        if self.family == Family::Gpt2 {
            return vec![0.0; self.head_dim / 2];
        }
        let mut frequencies = tensor::rotary::frequencies(self.head_dim, self.rope_theta);
        if let Some(scaling) = self.rope_scaling {
            frequencies.iter_mut().for_each(|frequency| *frequency = scaling.scaled(*frequency));
        }
        frequencies
    }

    /// Floating-point operations per trained token at sequence length `t`: 6 for each weight that multiplies (the embedding
    /// table counts once, as output head), and causal attention counted once: 6 L T H D.
    pub fn flops_per_token(&self, t: usize) -> f64 {
        let block = self.hidden_size * (self.qkv_width() + self.q_width() + self.up_width() + self.intermediate_size);
        let weights = self.n_layers * block + self.vocab_size * self.hidden_size;
        6.0 * weights as f64 + 6.0 * (self.n_layers * t * self.q_width()) as f64
    }
}

impl RopeScaling {
    /// A frequency as it is stretched: the slow ones by the factor, the fast ones not, those between in part.
    pub(crate) fn scaled(&self, frequency: f64) -> f64 {
        let RopeScaling { factor, low_freq_factor, high_freq_factor, original_context } = *self;
        // How often the wave turns within the original context.
        let turns = original_context as f64 * frequency / std::f64::consts::TAU;
        let unscaled = ((turns - low_freq_factor) / (high_freq_factor - low_freq_factor)).clamp(0.0, 1.0);
        frequency * (unscaled + (1.0 - unscaled) / factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dial_gives_the_sizes_and_flops_by_hand() {
        let config = Config::from_depth(3, 1536, 256);
        assert_eq!((config.hidden_size, config.n_heads, config.intermediate_size), (192, 3, 512));
        let by_hand = 6.0 * (3.0 * (4.0 * 192.0 * 192.0 + 3.0 * 192.0 * 512.0) + 1536.0 * 192.0) + 6.0 * 3.0 * 256.0 * 192.0;
        assert_eq!(config.flops_per_token(256), by_hand);
    }
}
