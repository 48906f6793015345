//! Weights of few bits: the block formats of GGUF files, and products with them.
//!
//! [`dequantize`] and [`quantize`] know the bytes; [`Packed`] is a weight matrix laid out for products, the twin of
//! [`Panels`](crate::decode::Panels) that keeps its numbers in their format. Knows no files and no model.

mod activations;
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod amx;
mod encode;
mod formats;
pub mod half;
mod kernels;
#[cfg(target_arch = "aarch64")]
mod neon;
mod packed;
mod vectors;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use encode::quantize;
pub use formats::{Format, dequantize};
pub use packed::{Packed, linear, linear_add};
