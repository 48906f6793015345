//! Plain loops compiled for each instruction set and picked at run time.
//!
//! A kernel is a function of plain loops inside [`kernel!`], which compiles it once per instruction set (AVX-512, AVX2 with
//! FMA, the target's own, which on ARM is NEON) and calls the widest that the machine has. The helpers here are always
//! inlined, so that they are compiled with their caller's instruction set. Sums are kept in [`LANES`] partial sums,
//! because the compiler may not reorder floating-point additions by itself; every instruction set gives the same bits.

use std::sync::LazyLock;

use pulp::Arch;

/// Number of partial sums in a reduction: two AVX2 registers, one of AVX-512.
pub const LANES: usize = 16;

pub(crate) static ARCH: LazyLock<Arch> = LazyLock::new(Arch::new);

/// The instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// What every machine of the target has.
    Portable,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// AVX-512 with the parts F, VL, BW and DQ.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

/// The widest instruction set of this machine.
static WIDEST: LazyLock<Level> = LazyLock::new(|| match *ARCH {
    #[cfg(target_arch = "x86_64")]
    Arch::V4(_) => Level::Avx512,
    #[cfg(target_arch = "x86_64")]
    Arch::V3(_) => Level::Avx2,
    _ => Level::Portable,
});

#[cfg(test)]
thread_local! {
    /// What a test runs kernels with instead, on its own thread.
    static TESTED: std::cell::Cell<Option<Level>> = const { std::cell::Cell::new(None) };
}

/// The instruction set that kernels run with.
#[inline]
pub(crate) fn level() -> Level {
    #[cfg(test)]
    if let Some(level) = TESTED.get() {
        return level;
    }
    *WIDEST
}

/// Runs with every instruction set of this machine and panics unless all give the same bits.
#[cfg(test)]
#[track_caller]
pub(crate) fn assert_same_on_every_level(run: impl Fn() -> Vec<f32>) {
    let bits = |level: Level| {
        TESTED.set(Some(level));
        let bits: Vec<u32> = run().iter().map(|value| value.to_bits()).collect();
        TESTED.set(None);
        bits
    };
    let portable = bits(Level::Portable);
    #[cfg(target_arch = "x86_64")]
    for level in [Level::Avx2, Level::Avx512] {
        let there = *WIDEST == Level::Avx512 || level == *WIDEST;
        assert!(!there || bits(level) == portable, "{level:?} and portable code differ");
    }
}

/// Compiles a function for each instruction set; a call runs the widest one of the machine.
macro_rules! kernel {
    (
        $(#[$attribute:meta])*
        $visibility:vis fn $name:ident($($argument:ident: $type:ty),* $(,)?) $(-> $result:ty)? $body:block
    ) => {
        $(#[$attribute])*
        $visibility fn $name($($argument: $type),*) $(-> $result)? {
            #[inline(always)]
            fn portable($($argument: $type),*) $(-> $result)? $body

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($argument: $type),*) $(-> $result)? {
                portable($($argument),*)
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx512f,avx512vl,avx512bw,avx512dq,avx2,fma")]
            fn avx512($($argument: $type),*) $(-> $result)? {
                portable($($argument),*)
            }

            match $crate::simd::level() {
                $crate::simd::Level::Portable => portable($($argument),*),
                // SAFETY: the level is one that this machine has.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx2 => unsafe { avx2($($argument),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                $crate::simd::Level::Avx512 => unsafe { avx512($($argument),*) },
            }
        }
    };
}
pub(crate) use kernel;

/// The instruction set in words.
pub fn name() -> &'static str {
    match *ARCH {
        #[cfg(target_arch = "x86_64")]
        Arch::V4(_) => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        Arch::V3(_) => "AVX2 + FMA",
        #[cfg(target_arch = "aarch64")]
        Arch::Neon(_) => "NEON",
        _ => "portable",
    }
}

/// `a * b + c`, fused where the instruction set has it in hardware.
#[inline(always)]
pub fn fma(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) { a.mul_add(b, c) } else { a * b + c }
}

/// Adds partial sums pairwise, in a fixed order.
#[inline(always)]
pub fn sum_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for i in 0..width {
            lanes[i] += lanes[i + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// Dot product of two slices of equal length.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len(), "dot: lengths {} and {}", a.len(), b.len());
    let mut lanes = [0.0f32; LANES];
    let (a_body, a_tail) = a.as_chunks::<LANES>();
    let (b_body, b_tail) = b.as_chunks::<LANES>();
    for (x, y) in a_body.iter().zip(b_body) {
        for i in 0..LANES {
            lanes[i] = fma(x[i], y[i], lanes[i]);
        }
    }
    let tail: f32 = a_tail.iter().zip(b_tail).map(|(x, y)| x * y).sum();
    sum_lanes(lanes) + tail
}

kernel! {
    /// Sum of squares of a slice, in f64 across chunks so that the norm of millions of numbers stays exact.
    pub fn sum_of_squares(values: &[f32]) -> f64 {
        let mut sum = 0.0;
        for chunk in values.chunks(4096) {
            sum += f64::from(dot(chunk, chunk));
        }
        sum
    }
}

kernel! {
    /// `y += x`.
    pub fn add(x: &[f32], y: &mut [f32]) {
        axpy(1.0, x, y);
    }
}

kernel! {
    /// `y *= factor`.
    pub fn scale(factor: f32, y: &mut [f32]) {
        for y in y {
            *y *= factor;
        }
    }
}

/// `y += scale * x`.
#[inline(always)]
pub fn axpy(scale: f32, x: &[f32], y: &mut [f32]) {
    assert_eq!(x.len(), y.len(), "axpy: lengths {} and {}", x.len(), y.len());
    for (y, &x) in y.iter_mut().zip(x) {
        *y = fma(scale, x, *y);
    }
}

/// The largest element; negative infinity for an empty slice.
#[inline(always)]
pub fn max(values: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (body, tail) = values.as_chunks::<LANES>();
    for chunk in body {
        for i in 0..LANES {
            lanes[i] = if chunk[i] > lanes[i] { chunk[i] } else { lanes[i] };
        }
    }
    let all = lanes.iter().chain(tail);
    all.fold(f32::NEG_INFINITY, |best, &value| if value > best { value } else { best })
}

/// e^x without a branch, relative error below 2.5e-7 for |x| <= 87; smaller inputs give about 1e-38, never NaN for finite x.
///
/// Cody and Waite's reduction by ln 2 in two parts, then a polynomial of degree 6 on [-ln2/2, ln2/2].
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23: adding and subtracting it rounds to a whole number
    let x = x.clamp(-87.0, 88.0);
    let shifted = fma(x, std::f32::consts::LOG2_E, ROUND);
    let n = shifted - ROUND;
    let r = fma(n, -0.693_359_4, x);
    let r = fma(n, 2.121_944_4e-4, r);
    let mut p = 1.0 / 720.0;
    p = fma(p, r, 1.0 / 120.0);
    p = fma(p, r, 1.0 / 24.0);
    p = fma(p, r, 1.0 / 6.0);
    p = fma(p, r, 0.5);
    p = fma(p, r, 1.0);
    p = fma(p, r, 1.0);
    // 2^n through the exponent bits; n is in -126..=127.
    let exponent = (shifted.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32).wrapping_add(127) << 23;
    p * f32::from_bits(exponent as u32)
}

/// Replaces each value by e^(value - shift) and returns their sum.
#[inline(always)]
pub fn exp_and_sum(values: &mut [f32], shift: f32) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (body, tail) = values.as_chunks_mut::<LANES>();
    for chunk in body {
        for i in 0..LANES {
            chunk[i] = exp(chunk[i] - shift);
            lanes[i] += chunk[i];
        }
    }
    let mut sum = 0.0;
    for value in tail {
        *value = exp(*value - shift);
        sum += *value;
    }
    sum_lanes(lanes) + sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        let mut worst = 0.0f64;
        for i in -870_000..=880_000 {
            let x = i as f32 * 1e-4;
            let exact = f64::from(x).exp();
            let error = (f64::from(exp(x)) - exact).abs() / exact;
            worst = worst.max(error);
        }
        assert!(worst < 2.5e-7, "largest relative error {worst:e}");
        assert!(exp(-1e9) < 1e-37 && exp(-1e9) >= 0.0 && exp(0.0) == 1.0);
    }

    #[test]
    fn reductions_agree_with_plain_sums_at_odd_sizes() {
        for n in [0usize, 1, 15, 16, 17, 33, 100] {
            let a: Vec<f32> = (0..n).map(|i| (i as f32 * 0.37).sin()).collect();
            let b: Vec<f32> = (0..n).map(|i| (i as f32 * 0.71).cos()).collect();
            let exact: f64 = a.iter().zip(&b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            assert!((f64::from(dot(&a, &b)) - exact).abs() < 1e-5);
            let largest = a.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(max(&a), largest);
            let mut e = a.clone();
            let exact_sum: f64 = a.iter().map(|&x| f64::from(x - 0.5).exp()).sum();
            let sum = f64::from(exp_and_sum(&mut e, 0.5));
            assert!((sum - exact_sum).abs() <= 1e-5 * exact_sum.max(1.0));
        }
    }
}
