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

/// Bytes of unpacked panels, which stay in the L2 cache while rows pass by.
const UNPACKED_BYTES: usize = 512 << 10;

thread_local! {
    /// Room for panels.
    static PANELS: Cell<Vec<Unpacked>> = const { Cell::new(Vec::new()) };
}

/// `out = x Wᵀ`, or `out += x Wᵀ`; the rows are a multiple of [`ROWS`].
pub(super) fn product(on: Avx512Vnni, x: &[Block], weights: View, out: MatMut, add: bool) {
    assert!(available() && out.rows.is_multiple_of(ROWS), "{} rows", out.rows);
    let mut place = PANELS.take();
    let unpacked = Unpacked { levels: [[0; 64]; 8], scale: [0.0; LANES], other: [0.0; LANES] };
    // All rows of a tile meet some panels, so that few pages of `out` are in use at a time.
    let per_row = weights.depth / BLOCK;
    let blocks = (UNPACKED_BYTES / size_of::<Unpacked>() / per_row).clamp(1, weights.outs.div_ceil(LANES)) * per_row;
    if place.len() < blocks {
        place.resize(blocks, unpacked);
    }
    let room = &mut place[..blocks];
    // SAFETY: `on` exists on machines that have AVX-512 with VNNI only, and the unit is available.
    unsafe {
        match weights.format {
            Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{} has no levels", weights.format.name()),
            Format::Q8_0 => panels::<8, ONE_SCALE>(on, x, weights, out, add, room),
            Format::Q4_0 => panels::<4, ONE_SCALE>(on, x, weights, out, add, room),
            Format::Q5_0 => panels::<5, ONE_SCALE>(on, x, weights, out, add, room),
            Format::Q4K => panels::<4, WITH_MINIMA>(on, x, weights, out, add, room),
            Format::Q5K => panels::<5, WITH_MINIMA>(on, x, weights, out, add, room),
            Format::Q6K => panels::<6, HALVES>(on, x, weights, out, add, room),
        }
    }
    PANELS.set(place);
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
    let mut ring = [const { [const { Sums([[0; LANES]; ROWS]) }; 2] }; LAG + 1];
    let n_panels = weights.outs.div_ceil(LANES);
    let at_once = place.len() / per_row;
    for first in (0..n_panels).step_by(at_once) {
        let panels = first..(first + at_once).min(n_panels);
        for (panel, place) in panels.clone().zip(place.chunks_exact_mut(per_row)) {
            unpack::<BITS, SCALES>(on, weights, panel, place);
        }
        for (group, x) in x.chunks_exact(ROWS * per_row).enumerate() {
            for (panel, place) in panels.clone().zip(place.chunks_exact(per_row)) {
                for row in group * ROWS..(group + 1) * ROWS {
                    let line = out.row(row)[panel * LANES..].as_ptr();
                    // The lines of `out` are on their way to the L1 cache while the products run: else what the next tile stores
                    // would wait behind them, and whoever reads it (with the order of panels, 177 instead of 65 GMAC/s at a depth of 768).
                    // SAFETY: this reads and writes nothing.
                    unsafe { asm!("prefetchw [{0}]", in(reg) line, options(nostack, readonly, preserves_flags)) };
                }
                // SAFETY: the unit is configured for this format.
                let sums = unsafe { tile::<SCALES>(on, x, per_row, place, &mut ring) };
                write(on, sums, &mut out, group * ROWS, panel, add);
            }
        }
    }
    // SAFETY: as above.
    unsafe { asm!("tilerelease", options(nomem, nostack)) };
}

/// Two tiles of sums that are made together: of two blocks, or of the halves of one.
type Duo = [Sums; 2];

/// Duos between the products and the use of their sums. What the unit stores can only be read when it has reached the cache:
/// without other work in between that wait took half of the time.
const LAG: usize = 3;

/// # Safety
/// The unit is configured for the format.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
unsafe fn tile<const SCALES: u8>(
    on: Avx512Vnni,
    x: &[Block],
    per_row: usize,
    panel: &[Unpacked],
    ring: &mut [Duo; LAG + 1],
) -> [[__m512; 1]; ROWS] {
    assert!(x.len() == ROWS * per_row && panel.len() == per_row);
    let mut sums = [[on.splat(0.0)]; ROWS];
    let blocks_of_duo = if SCALES == HALVES { 1 } else { 2 };
    let duos = per_row.div_ceil(blocks_of_duo);
    for step in 0..duos + LAG {
        if step < duos {
            let block = step * blocks_of_duo;
            let [first, second] = &mut ring[step % (LAG + 1)];
            // What the second one is ahead by: half of the activations and of the levels, or a block; of an odd number of blocks
            // the last one is done twice.
            let (more_x, more_levels) = match per_row - block {
                _ if SCALES == HALVES => (16, 256),
                1 => (0, 0),
                _ => (size_of::<Block>(), size_of::<Unpacked>()),
            };
            let levels = panel[block].levels.as_ptr();
            // SAFETY: sixteen rows begin `per_row` blocks apart; the tiles read their 32 bytes of activations and the eight
            // vectors of levels, or half of each, and write sixteen vectors of sums.
            unsafe {
                let bytes: *const u8 = (&raw const (*x.as_ptr().add(block)).x).cast();
                asm!(
                    "tileloadd tmm4, [{levels} + {line}*1]",
                    "tileloadd tmm2, [{x} + {stride}*1]",
                    "tilezero tmm0",
                    "tdpbssd tmm0, tmm2, tmm4",
                    "tileloadd tmm5, [{levels1} + {line}*1]",
                    "tileloadd tmm3, [{x1} + {stride}*1]",
                    "tilezero tmm1",
                    "tdpbssd tmm1, tmm3, tmm5",
                    "tilestored [{first} + {line}*1], tmm0",
                    "tilestored [{second} + {line}*1], tmm1",
                    x = in(reg) bytes, x1 = in(reg) bytes.add(more_x), stride = in(reg) per_row * size_of::<Block>(),
                    levels = in(reg) levels, levels1 = in(reg) levels.cast::<u8>().add(more_levels), line = in(reg) 64usize,
                    first = in(reg) first.0.as_mut_ptr(), second = in(reg) second.0.as_mut_ptr(),
                    out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _, out("tmm4") _, out("tmm5") _,
                    options(nostack, preserves_flags),
                );
            }
        }
        if let Some(done) = step.checked_sub(LAG) {
            let block = done * blocks_of_duo;
            let [first, second] = &ring[done % (LAG + 1)];
            scale::<SCALES>(on, x, per_row, block, &panel[block], first, second, &mut sums);
            if SCALES != HALVES && block + 1 < per_row {
                scale::<SCALES>(on, x, per_row, block + 1, &panel[block + 1], second, second, &mut sums);
            }
        }
    }
    sums
}

/// A block's sums of whole numbers are scaled and added.
#[inline]
#[target_feature(enable = "avx2,fma,f16c,avx512f,avx512bw,avx512dq,avx512vl,avx512vnni")]
fn scale<const SCALES: u8>(
    on: Avx512Vnni,
    x: &[Block],
    per_row: usize,
    block: usize,
    weights: &Unpacked,
    first: &Sums,
    second: &Sums,
    sums: &mut [[__m512; 1]; ROWS],
) {
    let (scale, other) = (on.load(&weights.scale), on.load(&weights.other));
    for r in 0..ROWS {
        // SAFETY: `x` has `ROWS` times `per_row` blocks.
        let row = unsafe { x.get_unchecked(r * per_row + block) };
        let by_row = on.splat(row.scale);
        let mut sum = on.fma(floats(&first.0[r]), on.mul(scale, by_row), sums[r][0]);
        if SCALES == WITH_MINIMA {
            sum = on.fma(other, on.splat(row.minus_sum), sum);
        }
        if SCALES == HALVES {
            sum = on.fma(floats(&second.0[r]), on.mul(other, by_row), sum);
        }
        sums[r][0] = sum;
    }
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
