//! Products of quantised rows with panels of quantised weights, and of plain rows with panels of 16-bit floats.
//!
//! A panel is sixteen outputs: its scales, then its levels, in blocks of 32 along the depth. Of a block's levels, vector g holds
//! four of each output in its bytes: those from 4 g on in the low four bits, those from 16 + 4 g on in the high ones, and the
//! bits above the fourth stand behind the block's vectors; levels of eight bits are whole bytes in eight vectors.
//!
//! Levels times activations are summed exactly, block by block, and a block's sum goes through the same operations on f32 in
//! the same order, whichever tile of rows and panels it is in. Knows nothing of threads.

use super::activations::{BLOCK, Block};
use super::formats::Format;
use super::vectors::{Job, LANES, Vectors};
use crate::MatMut;

/// How blocks are scaled.
pub(super) const ONE_SCALE: u8 = 0;
/// Each 32 by a byte, less a minimum, a byte too; the bytes in turn by two numbers for 256.
pub(super) const WITH_MINIMA: u8 = 1;
/// Each 16 by a signed byte, these by a number for 256.
pub(super) const HALVES: u8 = 2;

/// Bytes of sixteen scales of binary16.
pub(super) const HALF_SCALES: usize = 2 * LANES;
/// Blocks of 32 that share their outer scales in the formats with blocks of 256.
pub(super) const SHARING: usize = 8;

/// Bytes of the scales of a panel's block of the format.
pub(super) fn scale_bytes(format: Format) -> usize {
    match format {
        Format::Q4K | Format::Q5K => 2 * HALF_SCALES + SHARING * 2 * LANES,
        Format::Q6K => HALF_SCALES + SHARING * 2 * LANES,
        _ => HALF_SCALES,
    }
}

/// Bytes of the levels of 32 steps along the depth.
pub(super) const fn level_bytes(bits: u32) -> usize {
    LANES * BLOCK * bits as usize / 8
}

/// Panels of a matrix, to read.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub format: Format,
    /// Panel after panel.
    pub bytes: &'a [u8],
    pub panel_bytes: usize,
    /// Where the levels of a panel begin.
    pub levels_at: usize,
    pub outs: usize,
    pub depth: usize,
}

impl<'a> View<'a> {
    /// The first panels and the others.
    pub fn split_at(self, panels: usize) -> (View<'a>, View<'a>) {
        let (left, right) = self.bytes.split_at(panels * self.panel_bytes);
        let outs = panels * LANES;
        (View { bytes: left, outs, ..self }, View { bytes: right, outs: self.outs - outs, ..self })
    }

    pub fn panel(&self, panel: usize) -> &'a [u8] {
        &self.bytes[panel * self.panel_bytes..][..self.panel_bytes]
    }
}

/// `out = x Wᵀ`, or `out += x Wᵀ`, of quantised rows.
pub(super) struct Product<'a> {
    pub x: &'a [Block],
    pub weights: View<'a>,
    pub out: MatMut<'a>,
    pub add: bool,
}

impl Job for Product<'_> {
    #[inline(always)]
    fn run<V: Vectors>(self, on: V) {
        match self.weights.format {
            Format::F32 | Format::F16 | Format::Bf16 => unreachable!("{} has no levels", self.weights.format.name()),
            Format::Q8_0 => by_width::<V, 8, ONE_SCALE>(on, self),
            Format::Q4_0 => by_width::<V, 4, ONE_SCALE>(on, self),
            Format::Q5_0 => by_width::<V, 5, ONE_SCALE>(on, self),
            Format::Q4K => by_width::<V, 4, WITH_MINIMA>(on, self),
            Format::Q5K => by_width::<V, 5, WITH_MINIMA>(on, self),
            Format::Q6K => by_width::<V, 6, HALVES>(on, self),
        }
    }
}

/// A tile of rows and panels is as large as there are registers for its sums.
#[inline(always)]
fn by_width<V: Vectors, const BITS: u32, const SCALES: u8>(on: V, product: Product) {
    match (V::WIDTH, SCALES) {
        (16, _) => tiles::<V, BITS, SCALES, 4, 2, 4>(on, product),
        (8, _) => tiles::<V, BITS, SCALES, 4, 1, 2>(on, product),
        (4, _) => tiles::<V, BITS, SCALES, 2, 1, 1>(on, product),
        _ => tiles::<V, BITS, SCALES, 1, 1, 1>(on, product),
    }
}

/// Bytes of quantised rows that stay in the L2 cache while panels pass by.
const ROWS_AT_ONCE: usize = 1 << 20;

/// All tiles: panels outside, so that they stay in the L1 cache while rows pass by. A single row meets `TOGETHER` panels.
#[inline(always)]
fn tiles<V: Vectors, const BITS: u32, const SCALES: u8, const ROWS: usize, const PANELS: usize, const TOGETHER: usize>(
    on: V,
    product: Product,
) {
    let Product { x, weights, mut out, add } = product;
    let per_row = weights.depth / BLOCK;
    let n_panels = weights.outs.div_ceil(LANES);
    let at_once = (ROWS_AT_ONCE / size_of::<Block>() / per_row / ROWS).max(1) * ROWS;
    for (chunk, x) in x.chunks(at_once * per_row).enumerate() {
        let (first, n) = (chunk * at_once, x.len() / per_row);
        let whole = n - n % ROWS;
        let mut panel = 0;
        while panel + TOGETHER <= n_panels {
            for row in (0..whole).step_by(ROWS) {
                for part in (0..TOGETHER).step_by(PANELS) {
                    let sums = tile::<V, BITS, SCALES, ROWS, PANELS>(on, x, row, weights, panel + part);
                    write(on, sums, &mut out, first + row, panel + part, add);
                }
            }
            for row in whole..n {
                let sums = tile::<V, BITS, SCALES, 1, TOGETHER>(on, x, row, weights, panel);
                write(on, sums, &mut out, first + row, panel, add);
            }
            panel += TOGETHER;
        }
        while panel < n_panels {
            for row in (0..whole).step_by(ROWS) {
                let sums = tile::<V, BITS, SCALES, ROWS, 1>(on, x, row, weights, panel);
                write(on, sums, &mut out, first + row, panel, add);
            }
            for row in whole..n {
                let sums = tile::<V, BITS, SCALES, 1, 1>(on, x, row, weights, panel);
                write(on, sums, &mut out, first + row, panel, add);
            }
            panel += 1;
        }
    }
}

/// The sums of one tile: `ROWS` rows from `row` on, `PANELS` panels from `panel` on.
#[inline(always)]
fn tile<V: Vectors, const BITS: u32, const SCALES: u8, const ROWS: usize, const PANELS: usize>(
    on: V,
    x: &[Block],
    row: usize,
    weights: View,
    panel: usize,
) -> [[V::Floats; PANELS]; ROWS] {
    let per_row = weights.depth / BLOCK;
    let mut rows = [x.as_ptr(); ROWS];
    for r in 0..ROWS {
        rows[r] = x[(row + r) * per_row..][..per_row].as_ptr();
    }
    let mut panels = [weights.bytes.as_ptr(); PANELS];
    for p in 0..PANELS {
        panels[p] = weights.panel(panel + p).as_ptr();
    }
    let mut sums = [[on.splat(0.0); PANELS]; ROWS];
    let (outer_bytes, sharing) = (scale_bytes(weights.format), if SCALES == ONE_SCALE { 1 } else { SHARING });
    // Pointers, because checks of every index would cost more than the products.
    // SAFETY: a row has `per_row` blocks; a panel has scales for each of them, and from `levels_at` on their levels.
    unsafe {
        for outer in 0..per_row / sharing {
            let scales = panels.map(|panel| panel.add(outer * outer_bytes));
            let outer_scales = scales.map(|scales| on.f16(&*scales.cast()));
            let outer_mins =
                scales.map(|scales| if SCALES == WITH_MINIMA { on.f16(&*scales.add(HALF_SCALES).cast()) } else { on.splat(0.0) });
            for inner in 0..sharing {
                let block = outer * sharing + inner;
                let levels = panels.map(|panel| panel.add(weights.levels_at + block * level_bytes(BITS)));
                let rows = rows.map(|row| &*row.add(block));
                let (ints, second_ints) = block_sums::<V, BITS, SCALES, ROWS, PANELS>(on, rows, levels);
                for p in 0..PANELS {
                    let (mut scale, mut other) = (outer_scales[p], outer_mins[p]);
                    if SCALES == WITH_MINIMA {
                        let bytes = scales[p].add(2 * HALF_SCALES + inner * 2 * LANES);
                        scale = on.mul(scale, on.unsigned(&*bytes.cast()));
                        other = on.mul(other, on.unsigned(&*bytes.add(LANES).cast()));
                    }
                    if SCALES == HALVES {
                        let bytes = scales[p].add(HALF_SCALES + inner * 2 * LANES);
                        other = on.mul(scale, on.signed(&*bytes.add(LANES).cast()));
                        scale = on.mul(scale, on.signed(&*bytes.cast()));
                    }
                    for r in 0..ROWS {
                        let by_row = on.splat(rows[r].scale);
                        let mut sum = on.fma(on.floats(ints[r][p]), on.mul(scale, by_row), sums[r][p]);
                        if SCALES == WITH_MINIMA {
                            sum = on.fma(other, on.splat(rows[r].minus_sum), sum);
                        }
                        if SCALES == HALVES {
                            sum = on.fma(on.floats(second_ints[r][p]), on.mul(other, by_row), sum);
                        }
                        sums[r][p] = sum;
                    }
                }
            }
        }
    }
    sums
}

/// Sums of products of whole numbers in one block; with [`HALVES`], of its halves.
///
/// # Safety
/// Each of `levels` points to the levels of a block.
#[inline(always)]
unsafe fn block_sums<V: Vectors, const BITS: u32, const SCALES: u8, const ROWS: usize, const PANELS: usize>(
    on: V,
    rows: [&Block; ROWS],
    levels: [*const u8; PANELS],
) -> ([[V::Ints; PANELS]; ROWS], [[V::Ints; PANELS]; ROWS]) {
    let mut first = rows.map(|row| [on.ints(row.start[0]); PANELS]);
    let mut second = rows.map(|row| [on.ints(row.start[1]); PANELS]);
    // SAFETY: as the caller promises.
    unsafe {
        group::<V, BITS, SCALES, ROWS, PANELS, 0>(on, rows, levels, &mut first, &mut second);
        group::<V, BITS, SCALES, ROWS, PANELS, 1>(on, rows, levels, &mut first, &mut second);
        group::<V, BITS, SCALES, ROWS, PANELS, 2>(on, rows, levels, &mut first, &mut second);
        group::<V, BITS, SCALES, ROWS, PANELS, 3>(on, rows, levels, &mut first, &mut second);
    }
    (first, second)
}

/// Four steps from 4 G on and four from 16 + 4 G on.
///
/// # Safety
/// Each of `levels` points to the levels of a block.
#[inline(always)]
unsafe fn group<V: Vectors, const BITS: u32, const SCALES: u8, const ROWS: usize, const PANELS: usize, const G: usize>(
    on: V,
    rows: [&Block; ROWS],
    levels: [*const u8; PANELS],
    first: &mut [[V::Ints; PANELS]; ROWS],
    second: &mut [[V::Ints; PANELS]; ROWS],
) {
    for p in 0..PANELS {
        // SAFETY: as the caller promises.
        let (low, high) = unsafe { pair::<V, BITS, G>(on, levels[p]) };
        for r in 0..ROWS {
            if BITS == 8 {
                first[r][p] = on.dot_bytes(first[r][p], low, rows[r].x[G]);
                first[r][p] = on.dot_bytes(first[r][p], high, rows[r].x[G + 4]);
            } else {
                first[r][p] = on.dot(first[r][p], low, rows[r].x[G]);
                let sums = if SCALES == HALVES { &mut second[r][p] } else { &mut first[r][p] };
                *sums = on.dot(*sums, high, rows[r].x[G + 4]);
            }
        }
    }
}

/// Levels of four steps from 4 G on, and of four from 16 + 4 G on.
///
/// # Safety
/// `levels` points to the levels of a block.
#[inline(always)]
pub(super) unsafe fn pair<V: Vectors, const BITS: u32, const G: usize>(on: V, levels: *const u8) -> (V::Bytes, V::Bytes) {
    // SAFETY: as the caller promises; a block has 8 vectors at 8 bits, 4 at 4 bits, 5 at 5 bits, 6 at 6 bits.
    let vector = |i: usize| on.bytes(unsafe { &*levels.add(64 * i).cast() });
    if BITS == 8 {
        return (vector(G), vector(G + 4));
    }
    let (low, high) = (on.low(vector(G)), on.high(vector(G)));
    match BITS {
        5 => {
            // Bit i of a byte is the fifth one of group i.
            let fifth = vector(4);
            (on.merge(low, fifth, 4 - G as i32, 0x10), on.merge(high, fifth, -(G as i32), 0x10))
        }
        6 => {
            // Two groups to a vector: two bits each for the low levels of the first, its high ones, and the second's.
            let upper = vector(4 + G / 2);
            let left = if G.is_multiple_of(2) { 4 } else { 0 };
            (on.merge(low, upper, left, 0x30), on.merge(high, upper, left - 2, 0x30))
        }
        _ => (low, high),
    }
}

/// A tile's sums go where they belong; the last panel's only in part.
#[inline(always)]
pub(super) fn write<V: Vectors, const ROWS: usize, const PANELS: usize>(
    on: V,
    sums: [[V::Floats; PANELS]; ROWS],
    out: &mut MatMut,
    row: usize,
    panel: usize,
    add: bool,
) {
    for r in 0..ROWS {
        let out = &mut out.row(row + r)[panel * LANES..];
        for p in 0..PANELS {
            let out = &mut out[p * LANES..];
            if let Some(out) = out.first_chunk_mut::<LANES>() {
                let sum = if add { on.add(on.load(out), sums[r][p]) } else { sums[r][p] };
                on.store(sum, out);
            } else {
                let mut last = [0.0; LANES];
                on.store(sums[r][p], &mut last);
                for (out, sum) in out.iter_mut().zip(last) {
                    *out = if add { *out + sum } else { sum };
                }
            }
        }
    }
}

/// `out = x Wᵀ`, or `out += x Wᵀ`, with weights of 16 bits: each output is one chain of multiply-adds along the depth, as that
/// of [`Panels`](crate::decode::Panels) is.
pub(super) struct HalfProduct<'a> {
    pub x: &'a [f32],
    pub weights: View<'a>,
    pub out: MatMut<'a>,
    pub add: bool,
}

impl Job for HalfProduct<'_> {
    #[inline(always)]
    fn run<V: Vectors>(self, on: V) {
        match (self.weights.format, V::WIDTH) {
            (Format::Bf16, 16) => half_tiles::<V, true, 6, 4, 4>(on, self),
            (Format::Bf16, 4 | 8) => half_tiles::<V, true, 4, 1, 2>(on, self),
            (Format::Bf16, _) => half_tiles::<V, true, 1, 1, 1>(on, self),
            (_, 16) => half_tiles::<V, false, 6, 4, 4>(on, self),
            (_, 4 | 8) => half_tiles::<V, false, 4, 1, 2>(on, self),
            (_, _) => half_tiles::<V, false, 1, 1, 1>(on, self),
        }
    }
}

#[inline(always)]
fn half_tiles<V: Vectors, const BRAIN: bool, const ROWS: usize, const PANELS: usize, const TOGETHER: usize>(on: V, product: HalfProduct) {
    let HalfProduct { x, weights, mut out, add } = product;
    let n = out.rows;
    let whole = n - n % ROWS;
    let n_panels = weights.outs.div_ceil(LANES);
    let mut panel = 0;
    while panel + TOGETHER <= n_panels {
        for row in (0..whole).step_by(ROWS) {
            for part in (0..TOGETHER).step_by(PANELS) {
                let sums = half_tile::<V, BRAIN, ROWS, PANELS>(on, x, row, weights, panel + part);
                write(on, sums, &mut out, row, panel + part, add);
            }
        }
        for row in whole..n {
            let sums = half_tile::<V, BRAIN, 1, TOGETHER>(on, x, row, weights, panel);
            write(on, sums, &mut out, row, panel, add);
        }
        panel += TOGETHER;
    }
    while panel < n_panels {
        for row in (0..whole).step_by(ROWS) {
            let sums = half_tile::<V, BRAIN, ROWS, 1>(on, x, row, weights, panel);
            write(on, sums, &mut out, row, panel, add);
        }
        for row in whole..n {
            let sums = half_tile::<V, BRAIN, 1, 1>(on, x, row, weights, panel);
            write(on, sums, &mut out, row, panel, add);
        }
        panel += 1;
    }
}

#[inline(always)]
fn half_tile<V: Vectors, const BRAIN: bool, const ROWS: usize, const PANELS: usize>(
    on: V,
    x: &[f32],
    row: usize,
    weights: View,
    panel: usize,
) -> [[V::Floats; PANELS]; ROWS] {
    let depth = weights.depth;
    let mut rows = [x.as_ptr(); ROWS];
    for r in 0..ROWS {
        rows[r] = x[(row + r) * depth..][..depth].as_ptr();
    }
    let mut panels = [weights.bytes.as_ptr(); PANELS];
    for p in 0..PANELS {
        panels[p] = weights.panel(panel + p)[..depth * HALF_SCALES].as_ptr();
    }
    let mut sums = [[on.splat(0.0); PANELS]; ROWS];
    for k in 0..depth {
        let mut steps = [on.splat(0.0); PANELS];
        for p in 0..PANELS {
            // SAFETY: a panel has `depth` steps of sixteen numbers of 16 bits, and k < depth.
            let halves: &[u16; LANES] = unsafe { &*panels[p].add(k * HALF_SCALES).cast() };
            steps[p] = if BRAIN { on.bf16(halves) } else { on.f16(halves) };
        }
        for r in 0..ROWS {
            // SAFETY: a row has `depth` numbers, and k < depth.
            let x = on.splat(unsafe { *rows[r].add(k) });
            for p in 0..PANELS {
                sums[r][p] = on.fma(x, steps[p], sums[r][p]);
            }
        }
    }
    sums
}
