//! [`Vectors`] on ARM: NEON with the dot product instruction, which multiplies signed bytes. Without it plain loops do.

use std::arch::aarch64::*;
use std::arch::asm;

use super::half::f16_to_f32;
use super::vectors::{Job, LANES, Vectors};

/// NEON with `sdot`.
#[derive(Clone, Copy)]
pub(super) struct Dot(());

impl Dot {
    /// If this machine has it.
    pub fn detect() -> Option<Dot> {
        std::arch::is_aarch64_feature_detected!("dotprod").then_some(Dot(()))
    }

    /// Runs a job, compiled for it.
    pub fn run<J: Job>(self, job: J) {
        #[target_feature(enable = "neon,dotprod")]
        fn compiled<J: Job>(on: Dot, job: J) {
            job.run(on);
        }
        // SAFETY: a value of this type exists on machines that have the instructions only.
        unsafe { compiled(self, job) }
    }
}

/// An expression of intrinsics of the type whose method it stands in.
macro_rules! on_this_machine {
    ($expression:expr) => {
        // SAFETY: `self` exists on machines that have the instructions only; what is read is an array borrowed for it.
        unsafe { $expression }
    };
}

/// Adds the products of four signed bytes to each of four sums.
#[inline]
#[target_feature(enable = "neon,dotprod")]
fn sdot(mut sums: int32x4_t, a: uint8x16_t, b: int8x16_t) -> int32x4_t {
    // SAFETY: the instruction reads and writes these registers only. (The intrinsic is not stable yet.)
    unsafe {
        asm!("sdot {0:v}.4s, {1:v}.16b, {2:v}.16b", inout(vreg) sums, in(vreg) a, in(vreg) b, options(pure, nomem, nostack));
    }
    sums
}

#[inline(always)]
fn each<A: Copy, B: Copy>(of: [A; 4], operation: impl Fn(A) -> B) -> [B; 4] {
    [operation(of[0]), operation(of[1]), operation(of[2]), operation(of[3])]
}

impl Vectors for Dot {
    type Bytes = [uint8x16_t; 4];
    type Ints = [int32x4_t; 4];
    type Floats = [float32x4_t; 4];
    const WIDTH: usize = 4;
    const TAKES_128_OFF: bool = true;

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 64]) -> [uint8x16_t; 4] {
        each([0, 1, 2, 3], |i| on_this_machine!(vld1q_u8(bytes.as_ptr().add(16 * i))))
    }
    #[inline(always)]
    fn low(self, bytes: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
        each(bytes, |bytes| on_this_machine!(vandq_u8(bytes, vdupq_n_u8(15))))
    }
    #[inline(always)]
    fn high(self, bytes: [uint8x16_t; 4]) -> [uint8x16_t; 4] {
        each(bytes, |bytes| on_this_machine!(vshrq_n_u8::<4>(bytes)))
    }
    #[inline(always)]
    fn merge(self, levels: [uint8x16_t; 4], bits: [uint8x16_t; 4], left: i32, mask: u8) -> [uint8x16_t; 4] {
        each([0, 1, 2, 3], |i| {
            on_this_machine!({
                let shifted = vshlq_u8(bits[i], vdupq_n_s8(left as i8));
                vorrq_u8(levels[i], vandq_u8(shifted, vdupq_n_u8(mask)))
            })
        })
    }
    #[inline(always)]
    fn ints(self, value: i32) -> [int32x4_t; 4] {
        on_this_machine!([vdupq_n_s32(value); 4])
    }
    #[inline(always)]
    fn dot(self, sums: [int32x4_t; 4], levels: [uint8x16_t; 4], x: i32) -> [int32x4_t; 4] {
        // Levels up to 63 are the same signed.
        each([0, 1, 2, 3], |i| on_this_machine!(sdot(sums[i], levels[i], vreinterpretq_s8_s32(vdupq_n_s32(x)))))
    }
    #[inline(always)]
    fn dot_bytes(self, sums: [int32x4_t; 4], levels: [uint8x16_t; 4], x: i32) -> [int32x4_t; 4] {
        self.dot(sums, each(levels, |levels| on_this_machine!(veorq_u8(levels, vdupq_n_u8(0x80)))), x)
    }
    #[inline(always)]
    fn floats(self, ints: [int32x4_t; 4]) -> [float32x4_t; 4] {
        each(ints, |ints| on_this_machine!(vcvtq_f32_s32(ints)))
    }
    #[inline(always)]
    fn splat(self, value: f32) -> [float32x4_t; 4] {
        on_this_machine!([vdupq_n_f32(value); 4])
    }
    #[inline(always)]
    fn add(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
        each([0, 1, 2, 3], |i| on_this_machine!(vaddq_f32(a[i], b[i])))
    }
    #[inline(always)]
    fn mul(self, a: [float32x4_t; 4], b: [float32x4_t; 4]) -> [float32x4_t; 4] {
        each([0, 1, 2, 3], |i| on_this_machine!(vmulq_f32(a[i], b[i])))
    }
    #[inline(always)]
    fn fma(self, a: [float32x4_t; 4], b: [float32x4_t; 4], c: [float32x4_t; 4]) -> [float32x4_t; 4] {
        each([0, 1, 2, 3], |i| on_this_machine!(vfmaq_f32(c[i], a[i], b[i])))
    }
    #[inline(always)]
    fn f16(self, halves: &[u16; LANES]) -> [float32x4_t; 4] {
        self.load(&halves.map(f16_to_f32))
    }
    #[inline(always)]
    fn bf16(self, halves: &[u16; LANES]) -> [float32x4_t; 4] {
        each([0, 1, 2, 3], |i| on_this_machine!(vreinterpretq_f32_u32(vshll_n_u16::<16>(vld1_u16(halves.as_ptr().add(4 * i))))))
    }
    #[inline(always)]
    fn unsigned(self, bytes: &[u8; LANES]) -> [float32x4_t; 4] {
        self.load(&bytes.map(f32::from))
    }
    #[inline(always)]
    fn signed(self, bytes: &[i8; LANES]) -> [float32x4_t; 4] {
        self.load(&bytes.map(f32::from))
    }
    #[inline(always)]
    fn load(self, floats: &[f32; LANES]) -> [float32x4_t; 4] {
        each([0, 1, 2, 3], |i| on_this_machine!(vld1q_f32(floats.as_ptr().add(4 * i))))
    }
    #[inline(always)]
    fn store(self, floats: [float32x4_t; 4], to: &mut [f32; LANES]) {
        (0..4).for_each(|i| on_this_machine!(vst1q_f32(to.as_mut_ptr().add(4 * i), floats[i])));
    }
}
