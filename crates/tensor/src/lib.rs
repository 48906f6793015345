//! Buffers and fused operations, forward and backward: the only crate with kernels.
//!
//! Every operation works on plain slices whose shapes the caller states; forward and backward of one operation
//! stand side by side in one file. Nothing here knows what a model, a layer or a token's text is. Loops are
//! written plainly and compiled once per instruction set; [`simd`] picks the widest one at run time.
//!
//! Each fast kernel has a slow twin in [`reference`] in f64, against which it is tested at odd sizes.

pub mod attention;
pub mod bias;
pub mod decode;
pub mod embedding;
pub mod gelu;
pub mod head;
pub mod layer_norm;
pub mod matmul;
pub mod norm;
pub mod optimizer;
pub mod quant;
pub mod reference;
pub mod rotary;
pub mod share;
pub mod simd;
pub mod swiglu;
pub mod yardstick;

pub use matmul::{Mat, MatMut, matmul, matmul_add};

/// Where buffers live and operations run. Decided once by the caller of a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The processor: every worker thread runs its own operations.
    Cpu,
}

/// What this machine runs kernels with, in words.
pub fn instruction_set() -> String {
    format!("{}{}", simd::name(), if matmul::on_amx() { " with AMX" } else { "" })
}

#[cfg(test)]
mod same_bits;
#[cfg(test)]
mod test_util;
