//! The architecture's sizes, and the one dial from which they follow.

/// Sizes of a Qwen3-style dense Transformer. Field names are Hugging Face's where they have one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
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
    /// Added to the mean square in every RMSNorm.
    pub norm_eps: f32,
    /// Whether the output head is the embedding table.
    pub tie_embeddings: bool,
}

impl Config {
    /// The dial: `depth` blocks of width 64 per block, heads of 64, an MLP of 8/3 the width rounded to 64.
    pub fn from_depth(depth: usize, vocab_size: usize, context: usize) -> Config {
        let hidden_size = 64 * depth;
        Config {
            vocab_size,
            hidden_size,
            n_layers: depth,
            n_heads: depth,
            n_kv_heads: depth,
            head_dim: 64,
            intermediate_size: (hidden_size * 8).div_ceil(3 * 64) * 64,
            context,
            rope_theta: 10_000.0,
            norm_eps: 1e-6,
            tie_embeddings: true,
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

    /// Floating-point operations per trained token at sequence length `t`: 6 for each weight that multiplies (the embedding
    /// table counts once, as output head), and causal attention counted once: 6 L T H D.
    pub fn flops_per_token(&self, t: usize) -> f64 {
        let block = self.hidden_size * (self.qkv_width() + self.q_width()) + 3 * self.hidden_size * self.intermediate_size;
        let weights = self.n_layers * block + self.vocab_size * self.hidden_size;
        6.0 * weights as f64 + 6.0 * (self.n_layers * t * self.q_width()) as f64
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
