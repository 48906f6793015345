//! A weight matrix in one of the formats, laid out for products: the quantised twin of [`Panels`].
//!
//! Its numbers stay in their format, so that a product of few rows reads no more memory than the file takes. Activations are
//! rounded to eight bits, 32 to a scale. An output's bits do not depend on how many rows, which threads, which tiles or which
//! instruction set compute it. Weights of 16 or 32 bits are multiplied by plain activations.

use std::cell::Cell;
use std::hint::black_box;

use super::activations::{self, BLOCK, Block};
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
use super::amx;
use super::formats::{Format, Parts};
use super::half::{bf16_to_f32, f16_to_f32};
use super::kernels::{HALF_SCALES, HalfProduct, Product, SHARING, View, level_bytes, scale_bytes};
use super::vectors::{InstructionSet, LANES};
use crate::decode::{self, Panels, Steps};
use crate::{MatMut, share};

/// Bytes of a cache line, on which vectors begin: one across two lines costs two loads.
const LINE: usize = 64;

/// A weight matrix (outs, depth) in panels of sixteen outputs; the last one is filled up with zeros.
#[derive(Debug)]
pub struct Packed {
    format: Format,
    outs: usize,
    depth: usize,
    body: Body,
}

#[derive(Debug)]
enum Body {
    Panels(Panels),
    /// 16-bit floats, or scales and levels.
    Lines {
        lines: Steps,
        panel_bytes: usize,
        levels_at: usize,
        /// Whether some level of eight bits is 0, which not every instruction set can take.
        has_lowest: bool,
    },
}

/// Bytes of a matrix below which a thread is not worth asking: about 4 us of reading.
const BYTES_PER_THREAD: usize = 80_000;

/// Bytes that every thread reads at once: in each core's own cache until the last one is done.
const READ_AT_ONCE: usize = 256 << 10;

impl Packed {
    /// Lays out a matrix whose rows stand one after the other in `bytes`, as [`quantize`](super::quantize) writes them and GGUF
    /// stores them; `depth` is a multiple of the format's block.
    pub fn new(format: Format, bytes: &[u8], outs: usize, depth: usize) -> Packed {
        Packed::of_parts(format, &[bytes], outs, depth)
    }

    /// The same of a matrix whose rows stand in several places, in each one after the other.
    pub fn of_parts(format: Format, parts: &[&[u8]], outs: usize, depth: usize) -> Packed {
        let row_bytes = format.row_bytes(depth);
        let n_bytes: usize = parts.iter().map(|part| part.len()).sum();
        assert_eq!(n_bytes, outs * row_bytes, "a matrix ({outs}, {depth}) in {}", format.name());
        assert!(depth > 0, "a matrix ({outs}, 0)");
        let rows = parts.iter().flat_map(|part| part.chunks_exact(row_bytes));
        if format == Format::F32 {
            let rows: Vec<&[[u8; 4]]> = rows.map(|row| row.as_chunks().0).collect();
            return Packed { format, outs, depth, body: Body::Panels(Panels::of_rows(&rows, depth, f32::from_le_bytes)) };
        }
        let (levels_at, panel_bytes) = match format {
            Format::F16 | Format::Bf16 => (0, depth * HALF_SCALES),
            _ => {
                let sharing = format.block_len() / BLOCK;
                let scales = (depth / BLOCK / sharing * scale_bytes(format)).next_multiple_of(LINE);
                (scales, scales + depth / BLOCK * level_bytes(format.bits()))
            }
        };
        let panel_bytes = panel_bytes.next_multiple_of(LINE);
        let mut lines = Steps::to_fill(outs.div_ceil(LANES) * panel_bytes / LINE);
        let all = bytes_of_mut(&mut lines);
        let mut has_lowest = false;
        let mut parts = Parts::default();
        for (index, row) in rows.enumerate() {
            let (panel, lane) = (&mut all[index / LANES * panel_bytes..][..panel_bytes], index % LANES);
            if matches!(format, Format::F16 | Format::Bf16) {
                for (step, half) in panel.chunks_exact_mut(HALF_SCALES).zip(row.as_chunks().0) {
                    step[2 * lane..][..2].copy_from_slice(&u16::from_le_bytes(*half).to_ne_bytes());
                }
                continue;
            }
            let (scales, levels) = panel.split_at_mut(levels_at);
            for (at, block) in row.chunks_exact(format.block_bytes()).enumerate() {
                parts.read(format, block);
                put_scales(format, &parts, lane, &mut scales[at * scale_bytes(format)..]);
                let size = level_bytes(format.bits());
                for (part, of_32) in parts.levels[..format.block_len()].as_chunks::<BLOCK>().0.iter().enumerate() {
                    let block = at * format.block_len() / BLOCK + part;
                    put_levels(format.bits(), of_32, lane, &mut levels[block * size..][..size]);
                    has_lowest |= format == Format::Q8_0 && of_32.contains(&0);
                }
            }
        }
        Packed { format, outs, depth, body: Body::Lines { lines, panel_bytes, levels_at, has_lowest } }
    }

    /// What the numbers are kept in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Rows of the matrix.
    pub fn outs(&self) -> usize {
        self.outs
    }

    /// Columns of the matrix.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Bytes.
    pub fn bytes(&self) -> usize {
        match &self.body {
            Body::Panels(panels) => panels.bytes(),
            Body::Lines { lines, .. } => size_of_val(lines.get()),
        }
    }

    /// The numbers of a row, as [`dequantize`](super::dequantize) gives them.
    pub fn row(&self, index: usize, out: &mut [f32]) {
        assert!(index < self.outs && out.len() == self.depth, "row {index} of ({}, {}) into {}", self.outs, self.depth, out.len());
        let format = self.format;
        let lane = index % LANES;
        let (panel, levels_at) = match &self.body {
            Body::Panels(panels) => return panels.row(index, out),
            Body::Lines { lines, panel_bytes, levels_at, .. } => {
                (&bytes_of(lines)[index / LANES * panel_bytes..][..*panel_bytes], *levels_at)
            }
        };
        if matches!(format, Format::F16 | Format::Bf16) {
            let widen = if format == Format::F16 { f16_to_f32 } else { bf16_to_f32 };
            for (out, step) in out.iter_mut().zip(panel.chunks_exact(HALF_SCALES)) {
                *out = widen(u16::from_ne_bytes([step[2 * lane], step[2 * lane + 1]]));
            }
            return;
        }
        let (scales, levels) = panel.split_at(levels_at);
        let size = level_bytes(format.bits());
        let mut parts = Parts::default();
        for (at, out) in out.chunks_exact_mut(format.block_len()).enumerate() {
            take_scales(format, &scales[at * scale_bytes(format)..], lane, &mut parts);
            for (part, of_32) in parts.levels[..format.block_len()].as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
                let block = at * format.block_len() / BLOCK + part;
                take_levels(format.bits(), &levels[block * size..][..size], lane, of_32);
            }
            parts.values(format, out);
        }
    }

    /// Reads the matrix on all threads of the `rayon` pool that the caller runs in, each block on all of them at once; see
    /// [`Panels::read_on_all_threads`].
    pub fn read_on_all_threads(&self) {
        match &self.body {
            Body::Panels(panels) => panels.read_on_all_threads(),
            Body::Lines { lines, .. } => {
                for block in lines.get().chunks(READ_AT_ONCE / LINE) {
                    rayon::broadcast(|_| black_box(block.iter().fold(0, |sum, line| sum ^ line[0].to_bits())));
                }
            }
        }
    }
}

/// `out = x Wᵀ`: `x` (N, depth), `out` (N, outs). The outputs are shared out over the threads of the `rayon` pool that the caller
/// runs in, if it runs in one; their bits do not depend on it.
pub fn linear(x: &[f32], weights: &Packed, out: &mut [f32]) {
    run(InstructionSet::fastest(), x, weights, out, false);
}

/// `out += x Wᵀ`, on the threads of [`linear`].
pub fn linear_add(x: &[f32], weights: &Packed, out: &mut [f32]) {
    run(InstructionSet::fastest(), x, weights, out, true);
}

thread_local! {
    /// Room for quantised rows. It is taken out while in use, because a thread that waits for others may begin another product.
    static ROWS: Cell<Vec<Block>> = const { Cell::new(Vec::new()) };
}

fn run(on: InstructionSet, x: &[f32], weights: &Packed, out: &mut [f32], add: bool) {
    let &Packed { format, outs, depth, .. } = weights;
    assert_eq!(x.len() * outs, out.len() * depth, "linear ({outs}, {depth}) of {} into {}", x.len(), out.len());
    let (lines, panel_bytes, levels_at, has_lowest) = match &weights.body {
        Body::Panels(panels) if add => return decode::linear_add(x, panels, out),
        Body::Panels(panels) => return decode::linear(x, panels, out),
        Body::Lines { lines, panel_bytes, levels_at, has_lowest } => (lines, *panel_bytes, *levels_at, *has_lowest),
    };
    let n = x.len() / depth;
    let view = View { format, bytes: bytes_of(lines), panel_bytes, levels_at, outs, depth };
    let out = MatMut::new(out, n, outs);
    let threads = share::threads().min(view.bytes.len().saturating_mul(n) / BYTES_PER_THREAD);
    if matches!(format, Format::F16 | Format::Bf16) {
        return share_panels(view, out, threads, &|weights, out| on.run(HalfProduct { x, weights, out, add }));
    }
    let on = if has_lowest && on.takes_128_off() { InstructionSet::Portable } else { on };
    let zero_level = if format == Format::Q8_0 && on.takes_128_off() { 0 } else { format.zero_level() };
    let mut rows = ROWS.take();
    let blocks = n * depth / BLOCK;
    if rows.len() < blocks {
        rows.resize(blocks, Block::default());
    }
    activations::quantize(x, zero_level, format == Format::Q6K, &mut rows[..blocks]);
    let x = &rows[..blocks];
    share_panels(view, out, threads, &|weights, out| product(on, x, weights, out, add));
    ROWS.set(rows);
}

/// Quantised rows on the calling thread.
fn product(on: InstructionSet, x: &[Block], weights: View, out: MatMut, add: bool) {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if let InstructionSet::Avx512Vnni(avx512) = on
        && out.rows >= amx::ROWS
        && amx::available()
    {
        let whole = out.rows / amx::ROWS * amx::ROWS;
        let (x, rest) = x.split_at(whole * weights.depth / BLOCK);
        let (out, rest_out) = out.split_rows_at(whole);
        amx::product(avx512, x, weights, out, add);
        return on.run(Product { x: rest, weights, out: rest_out, add });
    }
    on.run(Product { x, weights, out, add });
}

/// All panels on the calling thread, or on up to `threads` threads of the pool: each takes some of them.
fn share_panels(weights: View, out: MatMut, threads: usize, work: &(impl Fn(View, MatMut) + Sync)) {
    let panels = weights.outs.div_ceil(LANES);
    if threads < 2 || panels < 2 {
        return work(weights, out);
    }
    let (left, right) = weights.split_at((panels * (threads / 2) / threads).max(1));
    let (left_out, right_out) = out.split_cols_at(left.outs);
    let rest = threads - threads / 2;
    rayon::join(|| share_panels(left, left_out, threads / 2, work), || share_panels(right, right_out, rest, work));
}

/// Where the level of step k of 32 stands, of an output in a lane: a byte, and by how much its low four bits are shifted.
fn place(k: usize, lane: usize) -> (usize, usize) {
    (k / 4 % 4 * 64 + lane * 4 + k % 4, k / 16 * 4)
}

/// Where the fifth and sixth bits stand, if there are any.
fn upper_place(bits: u32, k: usize, lane: usize) -> (usize, usize) {
    let (group, at) = (k / 4, 256 + lane * 4 + k % 4);
    if bits == 5 { (at, group) } else { (at + group % 4 / 2 * 64, group % 2 * 4 + group / 4 * 2) }
}

fn put_levels(bits: u32, levels: &[u8; BLOCK], lane: usize, to: &mut [u8]) {
    if bits == 8 {
        let fours = to.chunks_exact_mut(64).zip(levels.as_chunks::<4>().0);
        return fours.for_each(|(to, four)| to[lane * 4..][..4].copy_from_slice(four));
    }
    for (k, level) in levels.iter().enumerate() {
        let (at, shift) = place(k, lane);
        to[at] |= (level & 15) << shift;
        if bits > 4 {
            let (at, shift) = upper_place(bits, k, lane);
            to[at] |= level >> 4 << shift;
        }
    }
}

fn take_levels(bits: u32, from: &[u8], lane: usize, levels: &mut [u8; BLOCK]) {
    for (k, level) in levels.iter_mut().enumerate() {
        if bits == 8 {
            *level = from[k / 4 * 64 + lane * 4 + k % 4];
            continue;
        }
        let (at, shift) = place(k, lane);
        *level = from[at] >> shift & 15;
        if bits > 4 {
            let (at, shift) = upper_place(bits, k, lane);
            *level |= (from[at] >> shift & ((1 << (bits - 4)) - 1)) << 4;
        }
    }
}

/// A block's scales in a lane: those of binary16 first, then the bytes for each 32 steps, scales before minima.
fn put_scales(format: Format, parts: &Parts, lane: usize, to: &mut [u8]) {
    to[2 * lane..][..2].copy_from_slice(&parts.d.to_ne_bytes());
    match format {
        Format::Q4K | Format::Q5K => {
            to[HALF_SCALES + 2 * lane..][..2].copy_from_slice(&parts.dmin.to_ne_bytes());
            for part in 0..SHARING {
                let of_32 = &mut to[2 * HALF_SCALES + part * 2 * LANES..];
                (of_32[lane], of_32[LANES + lane]) = (parts.scales[part] as u8, parts.mins[part]);
            }
        }
        Format::Q6K => {
            for (half, &scale) in parts.scales.iter().enumerate() {
                to[HALF_SCALES + half * LANES + lane] = scale as u8;
            }
        }
        _ => {}
    }
}

fn take_scales(format: Format, from: &[u8], lane: usize, parts: &mut Parts) {
    parts.d = u16::from_ne_bytes([from[2 * lane], from[2 * lane + 1]]);
    match format {
        Format::Q4K | Format::Q5K => {
            parts.dmin = u16::from_ne_bytes([from[HALF_SCALES + 2 * lane], from[HALF_SCALES + 2 * lane + 1]]);
            for part in 0..SHARING {
                let of_32 = &from[2 * HALF_SCALES + part * 2 * LANES..];
                (parts.scales[part], parts.mins[part]) = (of_32[lane] as i8, of_32[LANES + lane]);
            }
        }
        Format::Q6K => {
            for (half, scale) in parts.scales.iter_mut().enumerate() {
                *scale = from[HALF_SCALES + half * LANES + lane] as i8;
            }
        }
        _ => {}
    }
}

fn bytes_of(lines: &Steps) -> &[u8] {
    let lines = lines.get();
    // SAFETY: numbers of 32 bits are four bytes each and nothing else.
    unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), size_of_val(lines)) }
}

fn bytes_of_mut(lines: &mut Steps) -> &mut [u8] {
    let lines = lines.get_mut();
    // SAFETY: numbers of 32 bits are four bytes each and nothing else, and any bytes are some.
    unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), size_of_val(lines)) }
}

#[cfg(test)]
mod tests {
    use base::rng::Rng;

    use super::*;
    use crate::quant::{dequantize, quantize};
    use crate::reference;
    use crate::test_util::{assert_close, on_threads, random, relative_error};

    const LEVELS: [Format; 6] = [Format::Q8_0, Format::Q4_0, Format::Q5_0, Format::Q4K, Format::Q5K, Format::Q6K];

    fn encoded(format: Format, outs: usize, depth: usize) -> Vec<u8> {
        let mut bytes = vec![0; outs * format.row_bytes(depth)];
        quantize(format, &random(outs * depth, 2), &mut bytes);
        bytes
    }

    fn dequantized(format: Format, bytes: &[u8], n: usize) -> Vec<f32> {
        let mut values = vec![f32::NAN; n];
        dequantize(format, bytes, &mut values);
        values
    }

    fn depths(format: Format) -> [usize; 2] {
        let block = format.block_len();
        if block == 1 { [33, 200] } else { [block, 5 * block] }
    }

    /// Any bytes are weights.
    #[test]
    fn rows_come_back_as_they_were() {
        let mut rng = Rng::new(5);
        for format in Format::ALL {
            for depth in depths(format) {
                let outs = 37;
                let mut bytes: Vec<u8> = (0..outs * format.row_bytes(depth)).map(|_| rng.below(256) as u8).collect();
                if format.bits() == 0 {
                    quantize(format, &random(outs * depth, 1), &mut bytes);
                }
                let (exact, packed) = (dequantized(format, &bytes, outs * depth), Packed::new(format, &bytes, outs, depth));
                for (index, exact) in exact.chunks(depth).enumerate() {
                    let mut row = vec![0.0; depth];
                    packed.row(index, &mut row);
                    let same = row.iter().zip(exact).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
                    assert!(same, "{} row {index}", format.name());
                }
            }
        }
    }

    /// Tolerance 1e-5 against the twin, which has the same quantised activations. Against plain activations the error is below
    /// 0.6 percent, norm of the difference over norm: half a step of 1/127 of the largest of 32, root mean square.
    /// A row alone has the same bits as among others, on any number of threads.
    #[test]
    fn products_agree_with_the_slow_twin_at_odd_sizes() {
        for format in LEVELS {
            for (rows, outs) in [(1, 1), (1, 130), (2, 65), (7, 33), (13, 17), (27, 200), (40, 64), (70, 40)] {
                for depth in depths(format) {
                    let bytes = encoded(format, outs, depth);
                    let packed = Packed::new(format, &bytes, outs, depth);
                    let weights = dequantized(format, &bytes, outs * depth);
                    let x = random(rows * depth, 1);
                    let exact = reference::quantized_linear(&x, &weights, depth);
                    let mut out = vec![f32::NAN; rows * outs];
                    linear(&x, &packed, &mut out);
                    assert_close(&out, &exact, 1e-5);
                    if rows * outs * depth > 10_000 {
                        let transposed: Vec<f32> = (0..depth * outs).map(|at| weights[at % outs * depth + at / outs]).collect();
                        let plain = reference::matmul(&x, &transposed, rows, depth, outs);
                        let error = relative_error(&out, &plain);
                        assert!(error > 1e-4 && error < 6e-3, "{}: {error:e}", format.name());
                    }
                    for (x, expected) in x.chunks(depth).zip(out.chunks(outs)) {
                        let mut alone = vec![f32::NAN; outs];
                        linear(x, &packed, &mut alone);
                        assert_eq!(alone, expected, "{}", format.name());
                    }
                    let doubled: Vec<f32> = out.iter().map(|out| out + out).collect();
                    linear_add(&x, &packed, &mut out);
                    assert_eq!(out, doubled, "{}", format.name());
                }
            }
        }
    }

    #[test]
    fn threads_do_not_change_the_bits() {
        for format in [Format::Q8_0, Format::Q4K, Format::F16] {
            let (outs, depth) = (1000, 512);
            let packed = Packed::new(format, &encoded(format, outs, depth), outs, depth);
            for rows in [1, 5, 40] {
                let x = random(rows * depth, 1);
                let mut alone = vec![f32::NAN; rows * outs];
                linear(&x, &packed, &mut alone);
                for threads in [2, 3] {
                    let mut shared = vec![f32::NAN; rows * outs];
                    on_threads(threads, || linear(&x, &packed, &mut shared));
                    assert_eq!(shared, alone, "{} on {threads} threads", format.name());
                    on_threads(threads, || linear_add(&x, &packed, &mut shared));
                    assert!(shared.iter().zip(&alone).all(|(shared, alone)| *shared == alone + alone));
                }
            }
        }
    }

    /// Every instruction set of this machine gives the same bits, the portable one included, also where levels and activations
    /// have their outermost values.
    #[test]
    fn instruction_sets_agree_to_the_bit() {
        let mut rng = Rng::new(9);
        for format in Format::ALL {
            // The lowest level of eight bits takes AVX2 to the portable code; without it AVX2 is tested too.
            for (rows, outs, lowest) in [(1, 90, 0x80), (1, 90, 0x81), (9, 90, 0x81), (33, 20, 0x80), (33, 20, 0x81)] {
                let depth = 2 * format.block_len().max(32);
                let mut bytes = encoded(format, outs, depth);
                if format.bits() > 0 {
                    // Levels are random bits, now and then all ones or all zeros; scales stay.
                    for block in bytes.chunks_mut(format.block_bytes()) {
                        let mode = rng.below(6);
                        let levels = match format {
                            Format::Q4K | Format::Q5K => 4..format.block_bytes(),
                            Format::Q6K => 0..208,
                            _ => 2..format.block_bytes(),
                        };
                        let level =
                            |rng: &mut Rng| [0xff, 0x00, lowest, 0x7f].get(mode).copied().unwrap_or((rng.below(256) as u8).max(1) ^ 0x80);
                        block[levels].iter_mut().for_each(|byte| *byte = level(&mut rng));
                    }
                }
                let packed = Packed::new(format, &bytes, outs, depth);
                let mut x = random(rows * depth, 1);
                x.chunks_mut(32).step_by(3).for_each(|block| block.fill(if rng.chance(0.5) { 3.0 } else { -3.0 }));
                let bits = |on: InstructionSet| {
                    let mut out = vec![f32::NAN; rows * outs];
                    run(on, &x, &packed, &mut out, false);
                    out.iter().map(|out| out.to_bits()).collect::<Vec<u32>>()
                };
                let portable = bits(InstructionSet::Portable);
                for (at, on) in InstructionSet::all().into_iter().enumerate() {
                    assert!(bits(on) == portable, "{}, instruction set {at} of this machine", format.name());
                }
            }
        }
    }

    /// Weights of 16 bits give what their f32 give in panels, to the bit.
    #[test]
    fn halves_agree_with_panels() {
        for format in [Format::F32, Format::F16, Format::Bf16] {
            for (rows, depth, outs) in [(1, 1, 1), (1, 64, 130), (7, 33, 65), (27, 64, 200)] {
                let bytes = encoded(format, outs, depth);
                let panels = Panels::new(&dequantized(format, &bytes, outs * depth), outs, depth);
                let packed = Packed::new(format, &bytes, outs, depth);
                let x = random(rows * depth, 1);
                let (mut out, mut exact) = (vec![f32::NAN; rows * outs], vec![f32::NAN; rows * outs]);
                linear(&x, &packed, &mut out);
                decode::linear(&x, &panels, &mut exact);
                assert_eq!(out, exact, "{}", format.name());
                linear_add(&x, &packed, &mut out);
                decode::linear_add(&x, &panels, &mut exact);
                assert_eq!(out, exact, "{}", format.name());
            }
        }
    }

    /// What is not finite is not hidden.
    #[test]
    fn activations_that_are_not_finite_spoil_their_row() {
        let packed = Packed::new(Format::Q8_0, &encoded(Format::Q8_0, 20, 64), 20, 64);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            let mut x = random(128, 1);
            x[70] = bad;
            let mut out = vec![0.0; 40];
            linear(&x, &packed, &mut out);
            assert!(out[..20].iter().all(|out| out.is_finite()) && out[20..].iter().all(|out| !out.is_finite()), "{bad}");
        }
    }

    #[test]
    #[should_panic(expected = "rows of 192 numbers in Q4_K blocks of 256")]
    fn a_depth_without_whole_blocks_is_refused() {
        Packed::new(Format::Q4K, &[], 0, 192);
    }
}
