//! Rows of activations as whole numbers: each 32 are signed bytes and one scale.
//!
//! Knows of the weights only which level stands for zero.

use crate::simd::{fma, kernel};

/// Activations of a block.
pub(super) const BLOCK: usize = 32;

/// 32 activations, `scale` times the bytes of `x` each.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(16))]
pub(super) struct Block {
    pub scale: f32,
    /// Minus the sum of the activations, for weights with minima.
    pub minus_sum: f32,
    /// Where sums of products with levels begin, so that they end as sums of products with weights: minus the level of zero
    /// times the sum of the bytes; in parts, of the first half and of the second one, else all in the first.
    pub start: [i32; 2],
    /// Four signed bytes each.
    pub x: [i32; 8],
}

kernel! {
    /// Rounds rows to blocks: the largest of 32 in size becomes 127, ties go to the even number. A block with a number that is
    /// not finite gets such a scale, so that what comes of it is not finite either.
    pub(super) fn quantize(x: &[f32], zero_level: i32, halves: bool, out: &mut [Block]) {
        /// 1.5 * 2^23: adding it rounds to a whole number, in the low bits.
        const ROUND: f32 = 12_582_912.0;
        let (blocks, rest) = x.as_chunks::<BLOCK>();
        assert_eq!((blocks.len(), rest.len()), (out.len(), 0), "{} activations in blocks", x.len());
        for (x, out) in blocks.iter().zip(out) {
            let (mut largest, mut zero) = ([0.0f32; 16], [0.0f32; 16]);
            for i in 0..BLOCK {
                let size = x[i].abs();
                largest[i % 16] = if size > largest[i % 16] { size } else { largest[i % 16] };
                // NaN for what is not finite.
                zero[i % 16] += x[i] * 0.0;
            }
            let largest = largest.iter().fold(0.0, |a: f32, &b| if b > a { b } else { a });
            let zero: f32 = zero.iter().sum();
            // Numbers so small would have an inverse that is not finite.
            let inverse = if largest > 1e-30 { 127.0 / largest } else { 0.0 };
            let mut bytes = [0i8; BLOCK];
            for i in 0..BLOCK {
                bytes[i] = fma(x[i], inverse, ROUND).to_bits() as i8;
            }
            let mut sums = [0i32; 2];
            for i in 0..BLOCK {
                sums[i / 16] += i32::from(bytes[i]);
            }
            out.scale = largest / 127.0 + zero;
            out.minus_sum = out.scale * -(sums[0] + sums[1]) as f32;
            out.start = if halves { sums.map(|sum| -zero_level * sum) } else { [-zero_level * (sums[0] + sums[1]), 0] };
            for (out, bytes) in out.x.iter_mut().zip(bytes.as_chunks::<4>().0) {
                *out = i32::from_le_bytes(bytes.map(|byte| byte as u8));
            }
        }
    }
}
