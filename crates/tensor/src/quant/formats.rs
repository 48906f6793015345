//! Block formats of weights as GGUF files store them, their bytes taken apart and put together.
//!
//! A row of weights is cut into blocks of 32 or 256 numbers, and a block holds whole numbers of few bits ("levels") and scales.
//! Layouts are those of GGUF's specification and of ggml, little-endian. Knows no files, and no choice of scales.

use super::half::{bf16_to_f32, f16_to_f32, f32_to_bf16, f32_to_f16};

/// How the numbers of a weight matrix are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// 32 bits each.
    F32,
    /// IEEE 754's binary16.
    F16,
    /// bfloat16.
    Bf16,
    /// 32 levels of 8 bits, one scale.
    Q8_0,
    /// 32 levels of 4 bits, one scale.
    Q4_0,
    /// 32 levels of 5 bits, one scale.
    Q5_0,
    /// 256 levels of 4 bits; each 32 have a scale and a minimum of 6 bits.
    Q4K,
    /// 256 levels of 5 bits; each 32 have a scale and a minimum of 6 bits.
    Q5K,
    /// 256 levels of 6 bits; each 16 have a scale of 8 bits.
    Q6K,
}

impl Format {
    /// All of them.
    pub const ALL: [Format; 9] =
        [Format::F32, Format::F16, Format::Bf16, Format::Q8_0, Format::Q4_0, Format::Q5_0, Format::Q4K, Format::Q5K, Format::Q6K];

    /// Numbers of a block.
    pub fn block_len(self) -> usize {
        match self {
            Format::F32 | Format::F16 | Format::Bf16 => 1,
            Format::Q8_0 | Format::Q4_0 | Format::Q5_0 => 32,
            Format::Q4K | Format::Q5K | Format::Q6K => 256,
        }
    }

    /// Bytes of a block.
    pub fn block_bytes(self) -> usize {
        match self {
            Format::F32 => 4,
            Format::F16 | Format::Bf16 => 2,
            Format::Q8_0 => 34,
            Format::Q4_0 => 18,
            Format::Q5_0 => 22,
            Format::Q4K => 144,
            Format::Q5K => 176,
            Format::Q6K => 210,
        }
    }

    /// The name that GGUF's specification gives it.
    pub fn name(self) -> &'static str {
        match self {
            Format::F32 => "F32",
            Format::F16 => "F16",
            Format::Bf16 => "BF16",
            Format::Q8_0 => "Q8_0",
            Format::Q4_0 => "Q4_0",
            Format::Q5_0 => "Q5_0",
            Format::Q4K => "Q4_K",
            Format::Q5K => "Q5_K",
            Format::Q6K => "Q6_K",
        }
    }

    /// Bytes of a row of `depth` numbers, a multiple of the block's length.
    pub fn row_bytes(self, depth: usize) -> usize {
        assert!(depth.is_multiple_of(self.block_len()), "rows of {depth} numbers in {} blocks of {}", self.name(), self.block_len());
        depth / self.block_len() * self.block_bytes()
    }

    /// Bits of a level; 0 where there are none.
    pub(crate) const fn bits(self) -> u32 {
        match self {
            Format::F32 | Format::F16 | Format::Bf16 => 0,
            Format::Q8_0 => 8,
            Format::Q4_0 | Format::Q4K => 4,
            Format::Q5_0 | Format::Q5K => 5,
            Format::Q6K => 6,
        }
    }

    /// The level that stands for zero; 0 where blocks have minima instead.
    pub(crate) const fn zero_level(self) -> i32 {
        match self {
            Format::Q8_0 | Format::Q4_0 | Format::Q5_0 | Format::Q6K => 1 << (self.bits() - 1),
            _ => 0,
        }
    }
}

/// The numbers that `bytes`, whole blocks, stand for.
pub fn dequantize(format: Format, bytes: &[u8], out: &mut [f32]) {
    check(format, bytes.len(), out.len());
    match format {
        Format::F32 => bytes.as_chunks().0.iter().zip(out).for_each(|(&bytes, out)| *out = f32::from_le_bytes(bytes)),
        Format::F16 => bytes.as_chunks().0.iter().zip(out).for_each(|(&bytes, out)| *out = f16_to_f32(u16::from_le_bytes(bytes))),
        Format::Bf16 => bytes.as_chunks().0.iter().zip(out).for_each(|(&bytes, out)| *out = bf16_to_f32(u16::from_le_bytes(bytes))),
        _ => {
            let mut parts = Parts::default();
            for (block, out) in bytes.chunks_exact(format.block_bytes()).zip(out.chunks_exact_mut(format.block_len())) {
                parts.read(format, block);
                parts.values(format, out);
            }
        }
    }
}

/// Panics unless `n_bytes` are what `n` numbers need.
pub(crate) fn check(format: Format, n_bytes: usize, n: usize) {
    assert_eq!(n_bytes, format.row_bytes(n), "{n_bytes} bytes of {} for {n} numbers", format.name());
}

/// Writes numbers in one of the formats without levels; false for the others.
pub(crate) fn narrow(format: Format, values: &[f32], out: &mut [u8]) -> bool {
    match format {
        Format::F32 => out.as_chunks_mut().0.iter_mut().zip(values).for_each(|(out, value)| *out = value.to_le_bytes()),
        Format::F16 => out.as_chunks_mut().0.iter_mut().zip(values).for_each(|(out, &value)| *out = f32_to_f16(value).to_le_bytes()),
        Format::Bf16 => out.as_chunks_mut().0.iter_mut().zip(values).for_each(|(out, &value)| *out = f32_to_bf16(value).to_le_bytes()),
        _ => return false,
    }
    true
}

/// A block taken apart. With the levels q, number i is `d * (q[i] - zero level)` in blocks of 32,
/// `d * scales[i / 32] * q[i] - dmin * mins[i / 32]` in Q4_K and Q5_K, `d * scales[i / 16] * (q[i] - 32)` in Q6_K.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub levels: [u8; 256],
    /// Binary16, as is `dmin`.
    pub d: u16,
    pub dmin: u16,
    pub scales: [i8; 16],
    pub mins: [u8; 8],
}

impl Default for Parts {
    fn default() -> Parts {
        Parts { levels: [0; 256], d: 0, dmin: 0, scales: [0; 16], mins: [0; 8] }
    }
}

impl Parts {
    /// Reads a block.
    pub fn read(&mut self, format: Format, block: &[u8]) {
        let half = |at: usize| u16::from_le_bytes([block[at], block[at + 1]]);
        match format {
            Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{} has no levels", format.name()),
            Format::Q8_0 => {
                self.d = half(0);
                // Two's complement to levels from 0 to 255.
                self.levels.iter_mut().zip(&block[2..34]).for_each(|(level, byte)| *level = byte ^ 0x80);
            }
            Format::Q4_0 => {
                self.d = half(0);
                read_nibbles(&block[2..18], &mut self.levels[..32]);
            }
            Format::Q5_0 => {
                self.d = half(0);
                let high = u32::from_le_bytes([block[2], block[3], block[4], block[5]]);
                read_nibbles(&block[6..22], &mut self.levels[..32]);
                self.levels[..32].iter_mut().enumerate().for_each(|(i, level)| *level |= ((high >> i & 1) << 4) as u8);
            }
            Format::Q4K | Format::Q5K => {
                (self.d, self.dmin) = (half(0), half(2));
                self.read_scales_and_mins(&block[4..16]);
                let (high, low) = block[16..].split_at(format.block_bytes() - 16 - 128);
                low.chunks_exact(32).zip(self.levels.chunks_exact_mut(64)).for_each(|(bytes, levels)| read_nibbles(bytes, levels));
                for (i, level) in self.levels.iter_mut().enumerate().take(8 * high.len()) {
                    *level |= (high[i % 32] >> (i / 32) & 1) << 4;
                }
            }
            Format::Q6K => {
                self.d = half(208);
                self.scales.iter_mut().zip(&block[192..208]).for_each(|(scale, &byte)| *scale = byte as i8);
                for half in 0..2 {
                    let levels = &mut self.levels[half * 128..][..128];
                    read_nibbles(&block[half * 64..][..64], levels);
                    for (i, level) in levels.iter_mut().enumerate() {
                        *level |= (block[128 + half * 32 + i % 32] >> (i / 32 * 2) & 3) << 4;
                    }
                }
            }
        }
    }

    /// Writes a block.
    pub fn write(&self, format: Format, block: &mut [u8]) {
        match format {
            Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{} has no levels", format.name()),
            Format::Q8_0 => {
                block[..2].copy_from_slice(&self.d.to_le_bytes());
                block[2..34].iter_mut().zip(&self.levels).for_each(|(byte, level)| *byte = level ^ 0x80);
            }
            Format::Q4_0 => {
                block[..2].copy_from_slice(&self.d.to_le_bytes());
                write_nibbles(&self.levels[..32], &mut block[2..18]);
            }
            Format::Q5_0 => {
                let high: u32 = (0..32).map(|i| u32::from(self.levels[i] >> 4) << i).sum();
                block[..2].copy_from_slice(&self.d.to_le_bytes());
                block[2..6].copy_from_slice(&high.to_le_bytes());
                write_nibbles(&self.levels[..32], &mut block[6..22]);
            }
            Format::Q4K | Format::Q5K => {
                block[..2].copy_from_slice(&self.d.to_le_bytes());
                block[2..4].copy_from_slice(&self.dmin.to_le_bytes());
                self.write_scales_and_mins(&mut block[4..16]);
                let (high, low) = block[16..].split_at_mut(format.block_bytes() - 16 - 128);
                low.chunks_exact_mut(32).zip(self.levels.chunks_exact(64)).for_each(|(bytes, levels)| write_nibbles(levels, bytes));
                for (at, byte) in high.iter_mut().enumerate() {
                    *byte = (0..8).map(|part| (self.levels[part * 32 + at] >> 4) << part).sum();
                }
            }
            Format::Q6K => {
                block[208..].copy_from_slice(&self.d.to_le_bytes());
                block[192..208].iter_mut().zip(&self.scales).for_each(|(byte, &scale)| *byte = scale as u8);
                for half in 0..2 {
                    let levels = &self.levels[half * 128..][..128];
                    write_nibbles(levels, &mut block[half * 64..][..64]);
                    for (at, byte) in block[128 + half * 32..][..32].iter_mut().enumerate() {
                        *byte = (0..4).map(|part| (levels[part * 32 + at] >> 4) << (2 * part)).sum();
                    }
                }
            }
        }
    }

    /// The numbers that the block stands for.
    pub fn values(&self, format: Format, out: &mut [f32]) {
        let (d, dmin) = (f16_to_f32(self.d), f16_to_f32(self.dmin));
        let zero = format.zero_level();
        match format {
            Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{} has no levels", format.name()),
            Format::Q8_0 | Format::Q4_0 | Format::Q5_0 => {
                out.iter_mut().zip(&self.levels).for_each(|(out, &level)| *out = d * (i32::from(level) - zero) as f32);
            }
            Format::Q4K | Format::Q5K => {
                for (part, (out, levels)) in out.chunks_exact_mut(32).zip(self.levels.chunks_exact(32)).enumerate() {
                    let (scale, min) = (d * f32::from(self.scales[part]), dmin * f32::from(self.mins[part]));
                    out.iter_mut().zip(levels).for_each(|(out, &level)| *out = scale * f32::from(level) - min);
                }
            }
            Format::Q6K => {
                for (part, (out, levels)) in out.chunks_exact_mut(16).zip(self.levels.chunks_exact(16)).enumerate() {
                    let scale = d * f32::from(self.scales[part]);
                    out.iter_mut().zip(levels).for_each(|(out, &level)| *out = scale * (i32::from(level) - zero) as f32);
                }
            }
        }
    }

    /// Eight scales and eight minima of six bits in twelve bytes: the first four of each fill six bits of the first eight bytes;
    /// of the others the last four bytes hold the low four bits, and the two bits left over of the first eight the high ones.
    fn read_scales_and_mins(&mut self, bytes: &[u8]) {
        for i in 0..4 {
            self.scales[i] = (bytes[i] & 63) as i8;
            self.mins[i] = bytes[4 + i] & 63;
            self.scales[4 + i] = (bytes[8 + i] & 15 | bytes[i] >> 6 << 4) as i8;
            self.mins[4 + i] = bytes[8 + i] >> 4 | bytes[4 + i] >> 6 << 4;
        }
    }

    fn write_scales_and_mins(&self, bytes: &mut [u8]) {
        for i in 0..4 {
            let (scale, min) = (self.scales[4 + i] as u8, self.mins[4 + i]);
            bytes[i] = self.scales[i] as u8 | scale >> 4 << 6;
            bytes[4 + i] = self.mins[i] | min >> 4 << 6;
            bytes[8 + i] = scale & 15 | (min & 15) << 4;
        }
    }
}

/// The first half of the levels stands in the low four bits of the bytes, the other half in the high ones.
fn read_nibbles(bytes: &[u8], levels: &mut [u8]) {
    let (low, high) = levels.split_at_mut(bytes.len());
    for ((byte, low), high) in bytes.iter().zip(low).zip(high) {
        (*low, *high) = (byte & 15, byte >> 4);
    }
}

fn write_nibbles(levels: &[u8], bytes: &mut [u8]) {
    let (low, high) = levels.split_at(bytes.len());
    for ((byte, low), high) in bytes.iter_mut().zip(low).zip(high) {
        *byte = low & 15 | (high & 15) << 4;
    }
}

#[cfg(test)]
mod tests {
    use base::rng::Rng;

    use super::*;

    /// Any bytes are a block: what was taken apart is put together to the same bytes.
    #[test]
    fn blocks_come_back_from_their_parts() {
        let mut rng = Rng::new(3);
        for format in Format::ALL.into_iter().filter(|format| format.bits() > 0) {
            for _ in 0..50 {
                let block: Vec<u8> = (0..format.block_bytes()).map(|_| rng.below(256) as u8).collect();
                let mut parts = Parts::default();
                parts.read(format, &block);
                assert!(parts.levels.iter().all(|&level| u32::from(level) < 1 << format.bits()));
                let mut written = vec![0; block.len()];
                parts.write(format, &mut written);
                assert_eq!(written, block, "{}", format.name());
            }
        }
    }

    #[test]
    fn rows_are_whole_blocks() {
        for format in Format::ALL {
            assert_eq!(format.row_bytes(512), 512 / format.block_len() * format.block_bytes());
        }
        assert!(std::panic::catch_unwind(|| Format::Q4K.row_bytes(192)).is_err());
        assert!(std::panic::catch_unwind(|| dequantize(Format::Q8_0, &[0; 34], &mut [0.0; 64])).is_err());
    }
}
