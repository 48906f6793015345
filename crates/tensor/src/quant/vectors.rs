//! What kernels of quantised products do with sixteen outputs at once, and the instruction sets that do it.
//!
//! The kernels are written once over [`Vectors`]; a value of an implementing type is the proof that the machine has its
//! instructions. Sums of whole numbers are exact and the operations on f32 are the same everywhere, so the bits are as well.
//! Knows no formats and no layouts.

use std::sync::LazyLock;

use super::half::{bf16_to_f32, f16_to_f32};
#[cfg(target_arch = "aarch64")]
use super::neon::Dot;
#[cfg(target_arch = "x86_64")]
use super::x86::{Avx2, Avx512Vnni, AvxVnni};
use crate::simd::fma;

/// Outputs of a panel.
pub(super) const LANES: usize = 16;

/// Sixteen outputs: four levels of each in [`Self::Bytes`], one number of each in the others.
pub(super) trait Vectors: Copy {
    type Bytes: Copy;
    type Ints: Copy;
    type Floats: Copy;
    /// Lanes of a register, on which depends how many sums fit them.
    const WIDTH: usize;
    /// Whether [`Self::dot_bytes`] takes 128 off every level by itself.
    const TAKES_128_OFF: bool;

    fn bytes(self, bytes: &[u8; 64]) -> Self::Bytes;
    /// The low four bits of each byte.
    fn low(self, bytes: Self::Bytes) -> Self::Bytes;
    /// The high four bits of each byte.
    fn high(self, bytes: Self::Bytes) -> Self::Bytes;
    /// `levels | (bits << left) & mask`, or `>> -left`. The mask has no bits that a shift within words of 16 bits would get
    /// from a neighbouring byte.
    fn merge(self, levels: Self::Bytes, bits: Self::Bytes, left: i32, mask: u8) -> Self::Bytes;
    fn ints(self, value: i32) -> Self::Ints;
    /// Adds the products of four levels up to 63 and of the four signed bytes of `x`.
    fn dot(self, sums: Self::Ints, levels: Self::Bytes, x: i32) -> Self::Ints;
    /// The same for levels up to 255; see [`Self::TAKES_128_OFF`], where it is set a level is not 0.
    fn dot_bytes(self, sums: Self::Ints, levels: Self::Bytes, x: i32) -> Self::Ints;
    fn floats(self, ints: Self::Ints) -> Self::Floats;
    fn splat(self, value: f32) -> Self::Floats;
    fn add(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    fn mul(self, a: Self::Floats, b: Self::Floats) -> Self::Floats;
    /// `a * b + c`, rounded once.
    fn fma(self, a: Self::Floats, b: Self::Floats, c: Self::Floats) -> Self::Floats;
    fn f16(self, halves: &[u16; LANES]) -> Self::Floats;
    fn bf16(self, halves: &[u16; LANES]) -> Self::Floats;
    fn unsigned(self, bytes: &[u8; LANES]) -> Self::Floats;
    fn signed(self, bytes: &[i8; LANES]) -> Self::Floats;
    fn load(self, floats: &[f32; LANES]) -> Self::Floats;
    fn store(self, floats: Self::Floats, to: &mut [f32; LANES]);
}

/// What runs on vectors. Its `run` is always inlined, and so compiled for the instruction set.
pub(super) trait Job {
    fn run<V: Vectors>(self, on: V);
}

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy)]
pub(super) enum InstructionSet {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    AvxVnni(AvxVnni),
    #[cfg(target_arch = "x86_64")]
    Avx512Vnni(Avx512Vnni),
    #[cfg(target_arch = "aarch64")]
    Dot(Dot),
}

impl InstructionSet {
    /// Those of this machine, the fastest one last.
    pub fn all() -> Vec<InstructionSet> {
        let mut all = vec![InstructionSet::Portable];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(Avx2::detect().map(InstructionSet::Avx2));
            all.extend(AvxVnni::detect().map(InstructionSet::AvxVnni));
            all.extend(Avx512Vnni::detect().map(InstructionSet::Avx512Vnni));
        }
        #[cfg(target_arch = "aarch64")]
        all.extend(Dot::detect().map(InstructionSet::Dot));
        all
    }

    /// The fastest one of this machine.
    pub fn fastest() -> InstructionSet {
        static FASTEST: LazyLock<InstructionSet> = LazyLock::new(|| *InstructionSet::all().last().unwrap_or(&InstructionSet::Portable));
        *FASTEST
    }

    /// Whether it needs levels of eight bits not to be 0: see [`Vectors::TAKES_128_OFF`].
    pub fn takes_128_off(self) -> bool {
        match self {
            InstructionSet::Portable => Portable::TAKES_128_OFF,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2(_) => Avx2::TAKES_128_OFF,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::AvxVnni(_) => AvxVnni::TAKES_128_OFF,
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512Vnni(_) => Avx512Vnni::TAKES_128_OFF,
            #[cfg(target_arch = "aarch64")]
            InstructionSet::Dot(_) => Dot::TAKES_128_OFF,
        }
    }

    /// Runs a job with it.
    pub fn run<J: Job>(self, job: J) {
        match self {
            InstructionSet::Portable => job.run(Portable),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx2(avx2) => avx2.run(job),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::AvxVnni(vnni) => vnni.run(job),
            #[cfg(target_arch = "x86_64")]
            InstructionSet::Avx512Vnni(vnni) => vnni.run(job),
            #[cfg(target_arch = "aarch64")]
            InstructionSet::Dot(dot) => dot.run(job),
        }
    }
}

/// Plain loops, which the compiler vectorises as the target allows.
#[derive(Clone, Copy)]
pub(super) struct Portable;

#[inline(always)]
fn each<A: Copy, B: Copy + Default, const N: usize>(of: [A; N], operation: impl Fn(A) -> B) -> [B; N] {
    let mut out = [B::default(); N];
    for i in 0..N {
        out[i] = operation(of[i]);
    }
    out
}

#[inline(always)]
fn dot(mut sums: [i32; LANES], levels: [u8; 64], x: i32) -> [i32; LANES] {
    let x = x.to_le_bytes().map(|byte| i32::from(byte as i8));
    for lane in 0..LANES {
        for i in 0..4 {
            sums[lane] += i32::from(levels[4 * lane + i]) * x[i];
        }
    }
    sums
}

impl Vectors for Portable {
    type Bytes = [u8; 64];
    type Ints = [i32; LANES];
    type Floats = [f32; LANES];
    const WIDTH: usize = 1;
    const TAKES_128_OFF: bool = false;

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 64]) -> [u8; 64] {
        *bytes
    }
    #[inline(always)]
    fn low(self, bytes: [u8; 64]) -> [u8; 64] {
        each(bytes, |byte| byte & 15)
    }
    #[inline(always)]
    fn high(self, bytes: [u8; 64]) -> [u8; 64] {
        each(bytes, |byte| byte >> 4)
    }
    #[inline(always)]
    fn merge(self, mut levels: [u8; 64], bits: [u8; 64], left: i32, mask: u8) -> [u8; 64] {
        for (level, bits) in levels.iter_mut().zip(bits) {
            *level |= (if left >= 0 { bits << left } else { bits >> -left }) & mask;
        }
        levels
    }
    #[inline(always)]
    fn ints(self, value: i32) -> [i32; LANES] {
        [value; LANES]
    }
    #[inline(always)]
    fn dot(self, sums: [i32; LANES], levels: [u8; 64], x: i32) -> [i32; LANES] {
        dot(sums, levels, x)
    }
    #[inline(always)]
    fn dot_bytes(self, sums: [i32; LANES], levels: [u8; 64], x: i32) -> [i32; LANES] {
        dot(sums, levels, x)
    }
    #[inline(always)]
    fn floats(self, ints: [i32; LANES]) -> [f32; LANES] {
        each(ints, |int| int as f32)
    }
    #[inline(always)]
    fn splat(self, value: f32) -> [f32; LANES] {
        [value; LANES]
    }
    #[inline(always)]
    fn add(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        (0..LANES).for_each(|i| a[i] += b[i]);
        a
    }
    #[inline(always)]
    fn mul(self, mut a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        (0..LANES).for_each(|i| a[i] *= b[i]);
        a
    }
    #[inline(always)]
    fn fma(self, a: [f32; LANES], b: [f32; LANES], mut c: [f32; LANES]) -> [f32; LANES] {
        (0..LANES).for_each(|i| c[i] = fma(a[i], b[i], c[i]));
        c
    }
    #[inline(always)]
    fn f16(self, halves: &[u16; LANES]) -> [f32; LANES] {
        each(*halves, f16_to_f32)
    }
    #[inline(always)]
    fn bf16(self, halves: &[u16; LANES]) -> [f32; LANES] {
        each(*halves, bf16_to_f32)
    }
    #[inline(always)]
    fn unsigned(self, bytes: &[u8; LANES]) -> [f32; LANES] {
        each(*bytes, f32::from)
    }
    #[inline(always)]
    fn signed(self, bytes: &[i8; LANES]) -> [f32; LANES] {
        each(*bytes, f32::from)
    }
    #[inline(always)]
    fn load(self, floats: &[f32; LANES]) -> [f32; LANES] {
        *floats
    }
    #[inline(always)]
    fn store(self, floats: [f32; LANES], to: &mut [f32; LANES]) {
        *to = floats;
    }
}
