//! Prompts to tokens: KV cache and batched sampling.
