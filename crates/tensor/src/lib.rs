//! Buffers and fused operations, forward and backward.
