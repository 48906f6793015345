//! shim
use super::{Format, dequantize};
use crate::decode::{self, Panels};
/// shim
#[derive(Debug)]
pub struct Packed(Panels);
impl Packed {
    /// shim
    pub fn new(format: Format, bytes: &[u8], outs: usize, depth: usize) -> Packed {
        let mut values = vec![0.0; outs * depth];
        dequantize(format, bytes, &mut values);
        Packed(Panels::new(&values, outs, depth))
    }
    /// shim
    pub fn bytes(&self) -> usize { self.0.bytes() }
    /// shim
    pub fn read_on_all_threads(&self) { self.0.read_on_all_threads() }
}
/// shim
pub fn linear(x: &[f32], m: &Packed, out: &mut [f32]) { decode::linear(x, &m.0, out) }
/// shim
pub fn linear_add(x: &[f32], m: &Packed, out: &mut [f32]) { decode::linear_add(x, &m.0, out) }
