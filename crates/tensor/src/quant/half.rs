//! Numbers of 16 bits, IEEE 754's binary16 and bfloat16, to f32 and back by plain integer operations.
//!
//! Every instruction set gives the same bits: to f32 is exact, from f32 rounds to the nearest, ties to even.

/// A binary16 as f32, without a branch, so that loops over it are vectorised.
#[inline(always)]
pub fn f16_to_f32(half: u16) -> f32 {
    let sign = u32::from(half & 0x8000) << 16;
    let magnitude = u32::from(half & 0x7fff) << 13;
    // Read as f32, the exponent is 112 too small; a product by 2^112 mends it, and gives subnormal numbers their exponent.
    let finite = (f32::from_bits(magnitude) * f32::from_bits((127 + 112) << 23)).to_bits();
    // Infinities and NaN have the largest exponent of either kind, and a NaN becomes a quiet one.
    let quiet = if magnitude > 0x7c00 << 13 { 1 << 22 } else { 0 };
    let special = magnitude | 0xff << 23 | quiet;
    f32::from_bits(sign | if magnitude >= 0x7c00 << 13 { special } else { finite })
}

/// The nearest binary16; beyond 65504 infinity.
pub fn f32_to_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = (bits >> 16 & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    if magnitude > 0xff << 23 {
        return sign | 0x7e00 | (magnitude >> 13 & 0x3ff) as u16;
    }
    // From 65520 on the nearest one would have the exponent of infinity.
    if magnitude >= 0x477f_f000 {
        return sign | 0x7c00;
    }
    // Below 2^-14 numbers are multiples of 2^-24: adding 0.5, whose last place that is, rounds to one.
    if magnitude < 113 << 23 {
        return sign | ((f32::from_bits(magnitude) + 0.5).to_bits() - 0.5f32.to_bits()) as u16;
    }
    let odd = magnitude >> 13 & 1;
    sign | ((magnitude + 0xfff + odd - (112 << 23)) >> 13) as u16
}

/// A bfloat16 as f32.
#[inline(always)]
pub fn bf16_to_f32(half: u16) -> f32 {
    f32::from_bits(u32::from(half) << 16)
}

/// The nearest bfloat16.
pub fn f32_to_bf16(value: f32) -> u16 {
    let bits = value.to_bits();
    if value.is_nan() {
        return (bits >> 16) as u16 | 0x40;
    }
    ((bits + 0x7fff + (bits >> 16 & 1)) >> 16) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the sixteen bits say, by the standard's formula.
    fn by_formula(half: u16, exponent_bits: u32) -> f64 {
        let mantissa_bits = 15 - exponent_bits;
        let bias = (1 << (exponent_bits - 1)) - 1;
        let exponent = i32::from(half & 0x7fff) >> mantissa_bits;
        let mantissa = f64::from(half & ((1 << mantissa_bits) - 1)) / f64::from(1 << mantissa_bits);
        let magnitude = match exponent {
            0 => mantissa * 2f64.powi(1 - bias),
            e if e == (1 << exponent_bits) - 1 => f64::INFINITY * (1.0 / (1.0 - mantissa).floor()),
            _ => (1.0 + mantissa) * 2f64.powi(exponent - bias),
        };
        if half & 0x8000 == 0 { magnitude } else { -magnitude }
    }

    /// All 65536 of either kind: the value is the formula's, and comes back; the middle between two neighbours goes to the
    /// even one, and what lies beside the middle to its own side.
    #[test]
    fn all_numbers_of_sixteen_bits() {
        let kinds: [(u32, fn(u16) -> f32, fn(f32) -> u16); 2] = [(5, f16_to_f32, f32_to_f16), (8, bf16_to_f32, f32_to_bf16)];
        for (exponent_bits, widen, narrow) in kinds {
            let infinity = ((1u16 << exponent_bits) - 1) << (15 - exponent_bits);
            for half in 0..=u16::MAX {
                let value = widen(half);
                if half & 0x7fff > infinity {
                    assert!(value.is_nan() && widen(narrow(value)).is_nan(), "{half:#x}");
                    continue;
                }
                assert_eq!(f64::from(value), by_formula(half, exponent_bits), "{half:#x}");
                assert_eq!(value.is_sign_negative(), half & 0x8000 != 0);
                assert_eq!(narrow(value), half, "{value:e}");
                if half & 0x7fff < infinity - 1 {
                    let middle = (f64::from(value) + f64::from(widen(half + 1))) / 2.0;
                    let even = half + (half & 1);
                    let exact = middle as f32;
                    if f64::from(exact) == middle {
                        assert_eq!(narrow(exact), even, "{middle:e}");
                        let outward = f32::from_bits(exact.to_bits() + 1);
                        let inward = f32::from_bits(exact.to_bits() - 1);
                        assert_eq!((narrow(inward), narrow(outward)), (half, half + 1), "{middle:e}");
                    }
                }
            }
            assert_eq!(narrow(f32::MAX), infinity);
            assert_eq!(narrow(f32::MIN), infinity | 0x8000);
        }
    }
}
