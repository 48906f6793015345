//! The forward pass of sampling, with a KV cache.
