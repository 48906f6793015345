//! Many quantised rows at a time on AMX, the matrix unit of server processors since Sapphire Rapids.
//!
//! A tile is 16 rows of activations by a block of a panel. The unit sums whole numbers exactly, and every sum then goes through
//! the operations of [`kernels`](super::kernels) in their order, so the bits are the same.

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::Cell;
use std::sync::LazyLock;

use super::activations::{BLOCK, Block};
use super::formats::Format;
use super::kernels::{HALF_SCALES, HALVES, ONE_SCALE, SHARING, View, WITH_MINIMA, level_bytes, pair, scale_bytes, write};
use super::vectors::{LANES, Vectors};
use super::x86::Avx512Vnni;
use crate::MatMut;
use crate::matmul::amx;

/// Rows of a tile.
pub(super) const ROWS: usize = 16;

/// Whether this machine has the unit, and the system lets this process use it.
pub(super) fn available() -> bool {
    // CPUID leaf 7: EDX bit 25 is AMX-INT8.
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| amx::available() && __cpuid_count(7, 0).edx & 1 << 25 != 0);
    *AVAILABLE
}

/// A block of a panel, unpacked: levels less the level of zero, four of each output to a vector, and scales. What the second
/// scale is depends on the format: a minimum, or that of the second half.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Unpacked {
    levels: [[i8; 64]; 8],
    scale: [f32; LANES],
    other: [f32; LANES],
}

/// A tile of sums.
#[repr(C, align(64))]
struct Sums([[i32; LANES]; ROWS]);

thread_local! {
    /// Room for a panel.
    static PANEL: Cell<Vec<Unpacked>> = const { Cell::new(Vec::new()) };
}

/// `out = x Wᵀ`, or `out += x Wᵀ`; the rows are a multiple of [`ROWS`].
pub(super) fn product(on: Avx512Vnni, x: &[Block], weights: View, out: MatMut, add: bool) {
    assert!(available() && out.rows.is_multiple_of(ROWS), "{} rows", out.rows);
    let mut panel = PANEL.take();
    let unpacked = Unpacked { levels: [[0; 64]; 8], scale: [0.0; LANES], other: [0.0; LANES] };
    let blocks = weights.depth / BLOCK;
    if panel.len() < blocks {
        panel.resize(blocks, unpacked);
    }
    let place = &mut panel[..blocks];
    // SAFETY: `on` exists on machines that have AVX-512 with VNNI only, and the unit is available.
    unsafe {
        match weights.format {
            Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{} has no levels", weights.format.name()),
            Format::Q8_0 => panels::<8, ONE_SCALE>(on, x, weights, out, add, place),
            Format::Q4_0 => panels::<4, ONE_SCALE>(on, x, weights, out, add, place),
            Format::Q5_0 => panels::<5, ONE_SCALE>(on, x, weights, out, add, place),
            Format::Q4K => panels::<4, WITH_MINIMA>(on, x, weights, out, add, place),
            Format::Q5K => panels::<5, WITH_MINIMA>(on, x, weights, out, add, place),
            Format::Q6K => panels::<6, HALVES>(on, x, weights, out, add, place),
        }
    }
    PANEL.set(panel);
}

/// # Safety
/// The unit is available.
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn panels<const BITS: u32, const SCALES: u8>(
    on: Avx512Vnni,
    x: &[Block],
    weights: View,
    mut out: MatMut,
    add: bool,
    place: &mut [Unpacked],
) {
    let per_row = weights.depth / BLOCK;
    let configuration = amx::TileConfig::new(|tile| match (tile, SCALES == HALVES) {
        // Sums; sixteen rows of 32 or 16 activations; 8 or 4 vectors of levels.
        (0 | 1, _) => (16, 64),
        (2 | 3, false) => (16, 32),
        (2 | 3, true) => (16, 16),
        (_, false) => (8, 64),
        (_, true) => (4, 64),
    });
    // SAFETY: the unit is available; its registers are released below, before anything else runs on this thread.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &configuration, options(nostack, readonly)) };
    for panel in 0..weights.outs.div_ceil(LANES) {
        unpack::<BITS, SCALES>(on, weights, panel, place);
        for (group, x) in x.chunks_exact(ROWS * per_row).enumerate() {
            // SAFETY: the unit is configured for this format.
            let sums = unsafe { tile::<SCALES>(on, x, per_row, place) };
            write(on, sums.map(|sum| [sum]), &mut out, group * ROWS, panel, add);
        }
    }
    // SAFETY: as above.
    unsafe { asm!("tilerelease", options(nomem, nostack)) };
}

/// # Safety
/// The unit is configured for the format; `x` has [`ROWS`] rows of `per_row` blocks.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn tile<const SCALES: u8>(on: Avx512Vnni, x: &[Block], per_row: usize, panel: &[Unpacked]) -> [__m512; ROWS] {
    assert!(x.len() == ROWS * per_row && panel.len() == per_row);
    let mut sums = [on.splat(0.0); ROWS];
    let mut ints = Sums([[0; LANES]; ROWS]);
    let mut second = Sums([[0; LANES]; ROWS]);
    for (block, weights) in panel.iter().enumerate() {
        // SAFETY: sixteen rows begin `per_row` blocks apart; the tiles read their 32 bytes of activations and the eight vectors
        // of levels, in halves where blocks have two scales, and write sixteen vectors of sums.
        unsafe {
            let bytes: *const i32 = x.as_ptr().add(block).cast::<i32>().add(4);
            if SCALES == HALVES {
                asm!(
                    "tileloadd tmm2, [{x} + {stride}*1]",
                    "tileloadd tmm4, [{levels} + {line}*1]",
                    "tilezero tmm0",
                    "tdpbssd tmm0, tmm2, tmm4",
                    "tileloadd tmm3, [{x} + {stride}*1 + 16]",
                    "tileloadd tmm5, [{levels} + {line}*1 + 256]",
                    "tilezero tmm1",
                    "tdpbssd tmm1, tmm3, tmm5",
                    "tilestored [{ints} + {line}*1], tmm0",
                    "tilestored [{second} + {line}*1], tmm1",
                    x = in(reg) bytes, stride = in(reg) per_row * size_of::<Block>(), line = in(reg) 64usize,
                    levels = in(reg) weights.levels.as_ptr(), ints = in(reg) ints.0.as_mut_ptr(), second = in(reg) second.0.as_mut_ptr(),
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
                    options(nostack, preserves_flags),
                );
            } else {
                asm!(
                    "tileloadd tmm2, [{x} + {stride}*1]",
                    "tileloadd tmm4, [{levels} + {line}*1]",
                    "tilezero tmm0",
                    "tdpbssd tmm0, tmm2, tmm4",
                    "tilestored [{ints} + {line}*1], tmm0",
                    x = in(reg) bytes, stride = in(reg) per_row * size_of::<Block>(), line = in(reg) 64usize,
                    levels = in(reg) weights.levels.as_ptr(), ints = in(reg) ints.0.as_mut_ptr(),
                    out("tmm0") _, out("tmm2") _, out("tmm4") _,
                    options(nostack, preserves_flags),
                );
            }
        }
        let (scale, other) = (on.load(&weights.scale), on.load(&weights.other));
        for r in 0..ROWS {
            // SAFETY: `x` has `ROWS` times `per_row` blocks.
            let row = unsafe { x.get_unchecked(r * per_row + block) };
            let by_row = on.splat(row.scale);
            let mut sum = on.fma(floats(&ints.0[r]), on.mul(scale, by_row), sums[r]);
            if SCALES == WITH_MINIMA {
                sum = on.fma(other, on.splat(row.minus_sum), sum);
            }
            if SCALES == HALVES {
                sum = on.fma(floats(&second.0[r]), on.mul(other, by_row), sum);
            }
            sums[r] = sum;
        }
    }
    sums
}

#[inline]
#[target_feature(enable = "avx512f")]
fn floats(ints: &[i32; LANES]) -> __m512 {
    // SAFETY: 64 bytes are read.
    _mm512_cvtepi32_ps(unsafe { _mm512_loadu_si512(ints.as_ptr().cast()) })
}

/// A panel's levels as signed bytes, its scales as f32.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn unpack<const BITS: u32, const SCALES: u8>(on: Avx512Vnni, weights: View, panel: usize, place: &mut [Unpacked]) {
    let (scales, levels) = weights.panel(panel).split_at(weights.levels_at);
    let zero = _mm512_set1_epi8(weights.format.zero_level() as i8);
    let sharing = if SCALES == ONE_SCALE { 1 } else { SHARING };
    for (block, (place, levels)) in place.iter_mut().zip(levels.chunks_exact(level_bytes(BITS))).enumerate() {
        // SAFETY: these are the levels of a block.
        let pairs = unsafe {
            let at = levels.as_ptr();
            [
                pair::<Avx512Vnni, BITS, 0>(on, at),
                pair::<Avx512Vnni, BITS, 1>(on, at),
                pair::<Avx512Vnni, BITS, 2>(on, at),
                pair::<Avx512Vnni, BITS, 3>(on, at),
            ]
        };
        for (g, (low, high)) in pairs.into_iter().enumerate() {
            // SAFETY: 64 bytes each are written.
            unsafe {
                _mm512_storeu_si512(place.levels[g].as_mut_ptr().cast(), _mm512_sub_epi8(low, zero));
                _mm512_storeu_si512(place.levels[g + 4].as_mut_ptr().cast(), _mm512_sub_epi8(high, zero));
            }
        }
        let of_outer = &scales[block / sharing * scale_bytes(weights.format)..];
        // SAFETY: scales are laid out so; see `kernels`.
        unsafe {
            let at = of_outer.as_ptr();
            let mut scale = on.f16(&*at.cast());
            let mut other = on.splat(0.0);
            let inner = block % sharing * 2 * LANES;
            if SCALES == WITH_MINIMA {
                let bytes = at.add(2 * HALF_SCALES + inner);
                other = on.mul(on.f16(&*at.add(HALF_SCALES).cast()), on.unsigned(&*bytes.add(LANES).cast()));
                scale = on.mul(scale, on.unsigned(&*bytes.cast()));
            }
            if SCALES == HALVES {
                let bytes = at.add(HALF_SCALES + inner);
                other = on.mul(scale, on.signed(&*bytes.add(LANES).cast()));
                scale = on.mul(scale, on.signed(&*bytes.cast()));
            }
            on.store(scale, &mut place.scale);
            on.store(other, &mut place.other);
        }
    }
}
