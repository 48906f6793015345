//! [`Vectors`] on x86-64: AVX2, AVX2 with AVX-VNNI, AVX-512 with VNNI.
//!
//! VNNI adds products of four unsigned and four signed bytes to a sum of 32 bits in one instruction. AVX2 adds them in pairs of
//! 16 bits first, which levels up to 63 never fill; bytes take their sign to the other factor, so that their size is at most 127.

use std::arch::x86_64::*;

use super::vectors::{Job, LANES, Vectors};

/// AVX2 with FMA and F16C.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

/// The same with AVX-VNNI.
#[derive(Clone, Copy)]
pub(super) struct AvxVnni(());

/// AVX-512 with the parts F, BW, DQ, VL and VNNI.
#[derive(Clone, Copy)]
pub(super) struct Avx512Vnni(());

impl Avx2 {
    /// If this machine has it.
    pub fn detect() -> Option<Avx2> {
        let all = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c");
        all.then_some(Avx2(()))
    }

    /// Runs a job, compiled for it.
    pub fn run<J: Job>(self, job: J) {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn compiled<J: Job>(on: Avx2, job: J) {
            job.run(on);
        }
        // SAFETY: a value of this type exists on machines that have the instructions only.
        unsafe { compiled(self, job) }
    }
}

impl AvxVnni {
    /// If this machine has it.
    pub fn detect() -> Option<AvxVnni> {
        Avx2::detect().filter(|_| is_x86_feature_detected!("avxvnni")).map(|_| AvxVnni(()))
    }

    /// Runs a job, compiled for it.
    pub fn run<J: Job>(self, job: J) {
        #[target_feature(enable = "avx2,fma,f16c,avxvnni")]
        fn compiled<J: Job>(on: AvxVnni, job: J) {
            job.run(on);
        }
        // SAFETY: a value of this type exists on machines that have the instructions only.
        unsafe { compiled(self, job) }
    }
}

impl Avx512Vnni {
    /// If this machine has it.
    pub fn detect() -> Option<Avx512Vnni> {
        let all = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512vnni");
        Avx2::detect().filter(|_| all).map(|_| Avx512Vnni(()))
    }

    /// Runs a job, compiled for it.
    pub fn run<J: Job>(self, job: J) {
        #[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
        fn compiled<J: Job>(on: Avx512Vnni, job: J) {
            job.run(on);
        }
        // SAFETY: a value of this type exists on machines that have the instructions only.
        unsafe { compiled(self, job) }
    }
}

/// An expression of intrinsics of the type whose method it stands in.
macro_rules! on_this_machine {
    ($expression:expr) => {
        // SAFETY: `self` exists on machines that have the instructions only; what is read or written is an array borrowed for it.
        unsafe { $expression }
    };
}

impl Vectors for Avx512Vnni {
    type Bytes = __m512i;
    type Ints = __m512i;
    type Floats = __m512;
    const WIDTH: usize = 16;
    const TAKES_128_OFF: bool = false;

    #[inline(always)]
    fn bytes(self, bytes: &[u8; 64]) -> __m512i {
        on_this_machine!(_mm512_loadu_si512(bytes.as_ptr().cast()))
    }
    #[inline(always)]
    fn low(self, bytes: __m512i) -> __m512i {
        on_this_machine!(_mm512_and_si512(bytes, _mm512_set1_epi8(15)))
    }
    #[inline(always)]
    fn high(self, bytes: __m512i) -> __m512i {
        on_this_machine!(_mm512_and_si512(_mm512_srli_epi16::<4>(bytes), _mm512_set1_epi8(15)))
    }
    #[inline(always)]
    fn merge(self, levels: __m512i, bits: __m512i, left: i32, mask: u8) -> __m512i {
        on_this_machine!({
            let shifted = match left {
                0.. => _mm512_sll_epi16(bits, _mm_cvtsi32_si128(left)),
                _ => _mm512_srl_epi16(bits, _mm_cvtsi32_si128(-left)),
            };
            _mm512_or_si512(levels, _mm512_and_si512(shifted, _mm512_set1_epi8(mask as i8)))
        })
    }
    #[inline(always)]
    fn ints(self, value: i32) -> __m512i {
        on_this_machine!(_mm512_set1_epi32(value))
    }
    #[inline(always)]
    fn dot(self, sums: __m512i, levels: __m512i, x: i32) -> __m512i {
        on_this_machine!(_mm512_dpbusd_epi32(sums, levels, _mm512_set1_epi32(x)))
    }
    #[inline(always)]
    fn dot_bytes(self, sums: __m512i, levels: __m512i, x: i32) -> __m512i {
        self.dot(sums, levels, x)
    }
    #[inline(always)]
    fn floats(self, ints: __m512i) -> __m512 {
        on_this_machine!(_mm512_cvtepi32_ps(ints))
    }
    #[inline(always)]
    fn splat(self, value: f32) -> __m512 {
        on_this_machine!(_mm512_set1_ps(value))
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        on_this_machine!(_mm512_add_ps(a, b))
    }
    #[inline(always)]
    fn mul(self, a: __m512, b: __m512) -> __m512 {
        on_this_machine!(_mm512_mul_ps(a, b))
    }
    #[inline(always)]
    fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 {
        on_this_machine!(_mm512_fmadd_ps(a, b, c))
    }
    #[inline(always)]
    fn f16(self, halves: &[u16; LANES]) -> __m512 {
        on_this_machine!(_mm512_cvtph_ps(_mm256_loadu_si256(halves.as_ptr().cast())))
    }
    #[inline(always)]
    fn bf16(self, halves: &[u16; LANES]) -> __m512 {
        on_this_machine!({
            let words = _mm512_cvtepu16_epi32(_mm256_loadu_si256(halves.as_ptr().cast()));
            _mm512_castsi512_ps(_mm512_slli_epi32::<16>(words))
        })
    }
    #[inline(always)]
    fn unsigned(self, bytes: &[u8; LANES]) -> __m512 {
        on_this_machine!(_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(bytes.as_ptr().cast()))))
    }
    #[inline(always)]
    fn signed(self, bytes: &[i8; LANES]) -> __m512 {
        on_this_machine!(_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(bytes.as_ptr().cast()))))
    }
    #[inline(always)]
    fn load(self, floats: &[f32; LANES]) -> __m512 {
        on_this_machine!(_mm512_loadu_ps(floats.as_ptr()))
    }
    #[inline(always)]
    fn store(self, floats: __m512, to: &mut [f32; LANES]) {
        on_this_machine!(_mm512_storeu_ps(to.as_mut_ptr(), floats))
    }
}

/// AVX2 and AVX-VNNI differ in their products alone.
macro_rules! vectors_of_two_registers {
    ($name:ident, takes 128 off: $takes_off:literal, $dot:ident, $dot_bytes:ident) => {
        impl Vectors for $name {
            type Bytes = [__m256i; 2];
            type Ints = [__m256i; 2];
            type Floats = [__m256; 2];
            const WIDTH: usize = 8;
            const TAKES_128_OFF: bool = $takes_off;

            #[inline(always)]
            fn bytes(self, bytes: &[u8; 64]) -> [__m256i; 2] {
                let at: *const __m256i = bytes.as_ptr().cast();
                on_this_machine!([_mm256_loadu_si256(at), _mm256_loadu_si256(at.add(1))])
            }
            #[inline(always)]
            fn low(self, [a, b]: [__m256i; 2]) -> [__m256i; 2] {
                on_this_machine!([_mm256_and_si256(a, _mm256_set1_epi8(15)), _mm256_and_si256(b, _mm256_set1_epi8(15))])
            }
            #[inline(always)]
            fn high(self, [a, b]: [__m256i; 2]) -> [__m256i; 2] {
                self.low(on_this_machine!([_mm256_srli_epi16::<4>(a), _mm256_srli_epi16::<4>(b)]))
            }
            #[inline(always)]
            fn merge(self, levels: [__m256i; 2], bits: [__m256i; 2], left: i32, mask: u8) -> [__m256i; 2] {
                let mut merged = levels;
                for i in 0..2 {
                    merged[i] = on_this_machine!({
                        let shifted = match left {
                            0.. => _mm256_sll_epi16(bits[i], _mm_cvtsi32_si128(left)),
                            _ => _mm256_srl_epi16(bits[i], _mm_cvtsi32_si128(-left)),
                        };
                        _mm256_or_si256(levels[i], _mm256_and_si256(shifted, _mm256_set1_epi8(mask as i8)))
                    });
                }
                merged
            }
            #[inline(always)]
            fn ints(self, value: i32) -> [__m256i; 2] {
                on_this_machine!([_mm256_set1_epi32(value); 2])
            }
            #[inline(always)]
            fn dot(self, [a, b]: [__m256i; 2], [l, m]: [__m256i; 2], x: i32) -> [__m256i; 2] {
                on_this_machine!([$dot(a, l, _mm256_set1_epi32(x)), $dot(b, m, _mm256_set1_epi32(x))])
            }
            #[inline(always)]
            fn dot_bytes(self, [a, b]: [__m256i; 2], [l, m]: [__m256i; 2], x: i32) -> [__m256i; 2] {
                on_this_machine!([$dot_bytes(a, l, _mm256_set1_epi32(x)), $dot_bytes(b, m, _mm256_set1_epi32(x))])
            }
            #[inline(always)]
            fn floats(self, [a, b]: [__m256i; 2]) -> [__m256; 2] {
                on_this_machine!([_mm256_cvtepi32_ps(a), _mm256_cvtepi32_ps(b)])
            }
            #[inline(always)]
            fn splat(self, value: f32) -> [__m256; 2] {
                on_this_machine!([_mm256_set1_ps(value); 2])
            }
            #[inline(always)]
            fn add(self, [a, b]: [__m256; 2], [c, d]: [__m256; 2]) -> [__m256; 2] {
                on_this_machine!([_mm256_add_ps(a, c), _mm256_add_ps(b, d)])
            }
            #[inline(always)]
            fn mul(self, [a, b]: [__m256; 2], [c, d]: [__m256; 2]) -> [__m256; 2] {
                on_this_machine!([_mm256_mul_ps(a, c), _mm256_mul_ps(b, d)])
            }
            #[inline(always)]
            fn fma(self, [a, b]: [__m256; 2], [c, d]: [__m256; 2], [e, f]: [__m256; 2]) -> [__m256; 2] {
                on_this_machine!([_mm256_fmadd_ps(a, c, e), _mm256_fmadd_ps(b, d, f)])
            }
            #[inline(always)]
            fn f16(self, halves: &[u16; LANES]) -> [__m256; 2] {
                let at: *const __m128i = halves.as_ptr().cast();
                on_this_machine!([_mm256_cvtph_ps(_mm_loadu_si128(at)), _mm256_cvtph_ps(_mm_loadu_si128(at.add(1)))])
            }
            #[inline(always)]
            fn bf16(self, halves: &[u16; LANES]) -> [__m256; 2] {
                let at: *const __m128i = halves.as_ptr().cast();
                on_this_machine!(
                    [_mm_loadu_si128(at), _mm_loadu_si128(at.add(1))]
                        .map(|halves| { _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves))) })
                )
            }
            #[inline(always)]
            fn unsigned(self, bytes: &[u8; LANES]) -> [__m256; 2] {
                on_this_machine!({
                    let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
                    let words = [_mm256_cvtepu8_epi32(bytes), _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(bytes, bytes))];
                    [_mm256_cvtepi32_ps(words[0]), _mm256_cvtepi32_ps(words[1])]
                })
            }
            #[inline(always)]
            fn signed(self, bytes: &[i8; LANES]) -> [__m256; 2] {
                on_this_machine!({
                    let bytes = _mm_loadu_si128(bytes.as_ptr().cast());
                    let words = [_mm256_cvtepi8_epi32(bytes), _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes))];
                    [_mm256_cvtepi32_ps(words[0]), _mm256_cvtepi32_ps(words[1])]
                })
            }
            #[inline(always)]
            fn load(self, floats: &[f32; LANES]) -> [__m256; 2] {
                on_this_machine!([_mm256_loadu_ps(floats.as_ptr()), _mm256_loadu_ps(floats.as_ptr().add(8))])
            }
            #[inline(always)]
            fn store(self, [a, b]: [__m256; 2], to: &mut [f32; LANES]) {
                on_this_machine!({
                    _mm256_storeu_ps(to.as_mut_ptr(), a);
                    _mm256_storeu_ps(to.as_mut_ptr().add(8), b);
                })
            }
        }
    };
}

vectors_of_two_registers!(Avx2, takes 128 off: true, dot_in_pairs, dot_bytes_in_pairs);
vectors_of_two_registers!(AvxVnni, takes 128 off: false, _mm256_dpbusd_avx_epi32, _mm256_dpbusd_avx_epi32);

/// Pairs of levels up to 63 with bytes of size up to 127 come to 16002 at most, less than 16 bits hold.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_in_pairs(sums: __m256i, levels: __m256i, x: __m256i) -> __m256i {
    let pairs = _mm256_maddubs_epi16(levels, x);
    _mm256_add_epi32(sums, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)))
}

/// Levels from 1 to 255 less 128. Sizes up to 127 on both sides come to 32258 at most, and 16 bits hold 32767.
#[inline]
#[target_feature(enable = "avx2")]
fn dot_bytes_in_pairs(sums: __m256i, levels: __m256i, x: __m256i) -> __m256i {
    let signed = _mm256_sign_epi8(_mm256_xor_si256(levels, _mm256_set1_epi8(-128)), x);
    dot_in_pairs(sums, _mm256_abs_epi8(x), signed)
}
