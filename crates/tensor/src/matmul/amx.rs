//! Products on AMX, the matrix unit of server processors since Sapphire Rapids: f32 to about 16 bits of mantissa.
//!
//! The unit multiplies bf16 and adds in f32. A number is taken as the sum of two bf16, its rounded value and the rest, and a
//! product as three: high by high, low by high, high by low. What is left out is 2^-18 of the product, so that a matrix comes
//! out within 5e-6 of the exact one (norm of the difference over norm), at a third of the unit's rate, which still is four
//! times that of AVX-512.
//!
//! Both matrices are packed into tiles of 16 rows of 64 bytes, the unit's registers. Left: a row of the matrix by 32 columns.
//! Right: 16 columns of the matrix by 32 rows, two rows to a word. The kernel multiplies 32 rows by 32 columns at a time.

use std::arch::asm;
use std::arch::x86_64::*;
use std::cell::RefCell;
use std::sync::LazyLock;

use super::{Mat, MatMut};

/// Rows and columns that the kernel multiplies at a time: two by two tiles.
const BLOCK: usize = 32;
/// Depth of a tile.
const STEP: usize = 32;
/// Cache lines of a block's depth step, packed: high and low parts of two tiles of 16.
const STEP_LINES: usize = 64;
/// Blocking: a depth for which one block of either side fits the L1 cache; rows and columns that stay in the L2 cache.
const DEPTH: usize = 256;
const ROWS: usize = 256;
const COLS: usize = 1024;
/// Multiply-adds and the shortest side below which packing does not pay.
const FEWEST: usize = 32 * 32 * 32;
const SHORTEST: usize = 16;

/// Whether this machine has the unit, and the system lets this process use it.
pub fn available() -> bool {
    static AVAILABLE: LazyLock<bool> = LazyLock::new(|| {
        let vectors = is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512vl")
            && is_x86_feature_detected!("avx512bf16");
        // CPUID leaf 7: EDX bit 22 is AMX-BF16, bit 24 AMX-TILE.
        let matrices = 1 << 22 | 1 << 24;
        vectors && __cpuid_count(7, 0).edx & matrices == matrices && permitted()
    });
    *AVAILABLE
}

/// Whether a product (m, depth) by (depth, n) is large enough to be faster here than elsewhere.
pub fn pays(m: usize, depth: usize, n: usize) -> bool {
    m.min(n).min(depth) >= SHORTEST && m * n * depth >= FEWEST
}

/// Asks Linux for the registers, once for the process: they are 8 KB of every thread's state.
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_int = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_ulong = 18;
    // SAFETY: this call of the system takes two numbers and touches no memory of ours.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

/// A cache line, so that packed tiles begin at one.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; 64]);

thread_local! {
    /// Packed left and right matrices of this thread.
    static PACKED: RefCell<[Vec<Line>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// The unit's configuration: the size of its eight tiles.
#[repr(C, align(64))]
pub struct TileConfig {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

impl TileConfig {
    /// From the rows of each tile and the bytes of a row, 16 and 64 at most.
    pub fn new(size: impl Fn(usize) -> (u8, u16)) -> TileConfig {
        let mut config = TileConfig { palette: 1, start_row: 0, reserved: [0; 14], row_bytes: [0; 16], rows: [0; 16] };
        (0..8).for_each(|tile| (config.rows[tile], config.row_bytes[tile]) = size(tile));
        config
    }
}

/// Which tiles are wanted.
#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

/// `out = a b`, or `out += a b`, on the calling thread.
pub fn product(a: Mat, b: Mat, out: MatMut, add: bool) {
    blocked(a, b, out, add, false);
}

/// The lower triangle of `out = a b`; what lies above it is left or overwritten.
pub fn lower_product(a: Mat, b: Mat, out: MatMut) {
    blocked(a, b, out, false, true);
}

fn blocked(a: Mat, b: Mat, mut out: MatMut, add: bool, lower: bool) {
    assert!(available());
    let (m, depth, n) = (a.rows, a.cols, b.cols);
    assert_eq!((depth, m, n), (b.rows, out.rows, out.cols), "product of ({m}, {depth}) and ({}, {n})", b.rows);
    if depth == 0 && !add {
        out.fill(0.0);
    }
    // Blocks of about equal depth: 576 is three times 192, not 256, 256 and 64.
    let block = depth.div_ceil(depth.div_ceil(DEPTH).max(1)).next_multiple_of(STEP).max(STEP);
    let config = TileConfig::new(|_| (16, 64));
    PACKED.with_borrow_mut(|[left, right]| {
        // SAFETY: the unit is available; the registers are released below, before anything else runs on this thread.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &config, options(nostack, readonly)) };
        for from in (0..depth).step_by(block) {
            let to = (from + block).min(depth);
            for first_col in (0..n).step_by(COLS) {
                let end_col = (first_col + COLS).min(n);
                pack(b.part(from..to, first_col..end_col).t(), Side::Right, right);
                for first_row in (0..m).step_by(ROWS) {
                    let end_row = (first_row + ROWS).min(m);
                    pack(a.part(first_row..end_row, from..to), Side::Left, left);
                    // How many columns of a row count: in a lower triangle, those up to its end.
                    let counting = |row: usize| if lower { (first_row + row + 1).saturating_sub(first_col) } else { COLS };
                    multiply(left, right, to - from, out.part(first_row..end_row, first_col..end_col), add || from > 0, counting);
                }
            }
        }
        // SAFETY: as above.
        unsafe { asm!("tilerelease", options(nomem, nostack)) };
    });
}

/// Packed blocks of rows and of columns to the blocks of `out`: all columns of a block of rows first, so that few pages of
/// `out` are in use at a time (the other way round took 1.4 times as long). `counting` tells how many columns of a row count.
fn multiply(left: &[Line], right: &[Line], depth: usize, mut out: MatMut, add: bool, counting: impl Fn(usize) -> usize) {
    let steps = depth.div_ceil(STEP);
    let lines = steps * STEP_LINES;
    let (rows, cols) = (out.rows, out.cols);
    for (i, left) in left[..rows.div_ceil(BLOCK) * lines].chunks_exact(lines).enumerate() {
        let blocks = cols.min(counting(i * BLOCK + BLOCK - 1)).div_ceil(BLOCK);
        for (j, right) in right[..blocks * lines].chunks_exact(lines).enumerate() {
            let (row, col) = (i * BLOCK, j * BLOCK);
            if row + BLOCK <= rows && col + BLOCK <= cols {
                // SAFETY: `left` and `right` hold `steps` steps; 32 by 32 elements of `out` begin at (row, col).
                unsafe { block_product(left, right, steps, out.first.add(row * out.row_stride + col), out.row_stride, add) };
                continue;
            }
            let mut whole = [0.0f32; BLOCK * BLOCK];
            // SAFETY: as above, with a block of our own.
            unsafe { block_product(left, right, steps, whole.as_mut_ptr(), BLOCK, false) };
            let (end_row, end_col) = ((row + BLOCK).min(rows), (col + BLOCK).min(cols));
            let mut block = out.part(row..end_row, col..end_col);
            for (r, whole) in whole.chunks_exact(BLOCK).take(end_row - row).enumerate() {
                for (out, value) in block.row(r).iter_mut().zip(whole) {
                    *out = if add { *out + value } else { *value };
                }
            }
        }
    }
}

/// 32 rows by 32 columns: three products for each step, small ones after large ones.
///
/// # Safety
/// The unit is configured; `left` and `right` hold `steps` steps of packed tiles; `out` has 32 rows of 32 elements `stride` apart.
unsafe fn block_product(left: &[Line], right: &[Line], steps: usize, out: *mut f32, stride: usize, add: bool) {
    debug_assert!(left.len() == steps * STEP_LINES && right.len() == steps * STEP_LINES);
    // SAFETY: reads and writes stay within what the caller promises: tiles (0, 0), (0, 1), (1, 0), (1, 1) of `out`.
    unsafe {
        let below = out.add(16 * stride);
        // The lines of `out` are on their way to the L1 cache while the products run.
        for row in 0..BLOCK {
            asm!("prefetchw [{0}]", "prefetchw [{0} + 64]", in(reg) out.add(row * stride), options(nostack, readonly, preserves_flags));
        }
        // A step's tiles: high 0, high 1, low 0, low 1, of 1024 bytes each.
        asm!(
            "test {add}, {add}",
            "jnz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{out} + {stride}*1]",
            "tileloadd tmm1, [{out} + {stride}*1 + 64]",
            "tileloadd tmm2, [{below} + {stride}*1]",
            "tileloadd tmm3, [{below} + {stride}*1 + 64]",
            "3:",
            "tileloadd tmm4, [{left} + {line}*1]",
            "tileloadd tmm6, [{right} + {line}*1]",
            "tileloadd tmm7, [{right} + {line}*1 + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tileloadd tmm5, [{left} + {line}*1 + 1024]",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm4, [{left} + {line}*1 + 2048]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm5, [{left} + {line}*1 + 3072]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tileloadd tmm4, [{left} + {line}*1]",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tileloadd tmm6, [{right} + {line}*1 + 2048]",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "tileloadd tmm7, [{right} + {line}*1 + 3072]",
            "tileloadd tmm5, [{left} + {line}*1 + 1024]",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "add {left}, 4096",
            "add {right}, 4096",
            "dec {steps}",
            "jnz 3b",
            "tilestored [{out} + {stride}*1], tmm0",
            "tilestored [{out} + {stride}*1 + 64], tmm1",
            "tilestored [{below} + {stride}*1], tmm2",
            "tilestored [{below} + {stride}*1 + 64], tmm3",
            left = inout(reg) left.as_ptr() => _,
            right = inout(reg) right.as_ptr() => _,
            steps = inout(reg) steps => _,
            line = in(reg) 64usize,
            add = in(reg) usize::from(add),
            out = in(reg) out,
            below = in(reg) below,
            stride = in(reg) stride * 4,
            out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
            out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
            options(nostack),
        );
    }
}

/// Packs a matrix (outer, depth), of which one of the strides is 1, into blocks of 32 outer rows: for each, steps of 32 of
/// the depth; rims are zeros.
fn pack(matrix: Mat, side: Side, packed: &mut Vec<Line>) {
    let (blocks, steps) = (matrix.rows.div_ceil(BLOCK), matrix.cols.div_ceil(STEP));
    packed.resize(packed.len().max(blocks * steps * STEP_LINES), Line([0; 64]));
    let mut tiles = |block: usize, step: usize| {
        let at = (block * steps + step) * STEP_LINES;
        for half in 0..2 {
            let outer = block * BLOCK + half * 16;
            let place = &mut packed[at + half * 16..][..48];
            // SAFETY: `available` has found AVX-512 with bf16.
            unsafe { pack_tile(matrix, side, outer, step * STEP, place) };
        }
    };
    if matrix.col_stride == 1 {
        (0..blocks).for_each(|block| (0..steps).for_each(|step| tiles(block, step)));
    } else {
        (0..steps).for_each(|step| (0..blocks).for_each(|block| tiles(block, step)));
    }
}

/// Two tiles, high and low parts, of 16 outer rows from `outer` on and 32 of the depth from `from` on; the low one is
/// 32 lines behind the high one.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512bf16")]
fn pack_tile(matrix: Mat, side: Side, outer: usize, from: usize, place: &mut [Line]) {
    let along = matrix.col_stride == 1;
    let (rows, depth) = (matrix.rows.saturating_sub(outer).min(16), (matrix.cols - from).min(STEP));
    let lane_mask = |count: usize| ((1u32 << count.min(16)) - 1) as u16;
    let mut high = [_mm512_setzero_si512(); 16];
    let mut low = high;
    let data = matrix.data.as_ptr();
    if along {
        let (mask0, mask1) = (lane_mask(depth), lane_mask(depth.saturating_sub(16)));
        for r in 0..rows {
            // SAFETY: row `outer + r` has `depth` elements from `from` on, and masked lanes are not touched.
            let (x, y) = unsafe {
                let row = data.add((outer + r) * matrix.row_stride + from);
                (_mm512_maskz_loadu_ps(mask0, row), _mm512_maskz_loadu_ps(mask1, row.wrapping_add(16)))
            };
            // Words of two neighbours: x holds elements 0..16, y 16..32.
            let words = bits(_mm512_cvtne2ps_pbh(y, x));
            let x_rest = _mm512_sub_ps(x, widen(_mm512_castsi512_si256(words)));
            let y_rest = _mm512_sub_ps(y, widen(_mm512_extracti64x4_epi64::<1>(words)));
            (high[r], low[r]) = (words, bits(_mm512_cvtne2ps_pbh(y_rest, x_rest)));
        }
    } else {
        let mask = lane_mask(rows);
        let pair = interleaved();
        for p in 0..depth.div_ceil(2) {
            let mask_second = if 2 * p + 1 < depth { mask } else { 0 };
            // SAFETY: column `from + 2 p` has `rows` elements from `outer` on, so has the next where its mask is not 0.
            let (x, y) = unsafe {
                let column = data.wrapping_add((from + 2 * p) * matrix.col_stride + outer);
                (_mm512_maskz_loadu_ps(mask, column), _mm512_maskz_loadu_ps(mask_second, column.wrapping_add(matrix.col_stride)))
            };
            let words = _mm512_permutexvar_epi16(pair, bits(_mm512_cvtne2ps_pbh(y, x)));
            let x_rest = _mm512_sub_ps(x, _mm512_castsi512_ps(_mm512_slli_epi32::<16>(words)));
            let y_high = _mm512_and_si512(words, _mm512_set1_epi32(0xffff_0000_u32 as i32));
            let y_rest = _mm512_sub_ps(y, _mm512_castsi512_ps(y_high));
            (high[p], low[p]) = (words, _mm512_permutexvar_epi16(pair, bits(_mm512_cvtne2ps_pbh(y_rest, x_rest))));
        }
    }
    if along != (side == Side::Left) {
        high = transposed(high);
        low = transposed(low);
    }
    for r in 0..16 {
        // SAFETY: a line has 64 bytes and is aligned to them.
        unsafe {
            _mm512_store_si512(place[r].0.as_mut_ptr().cast(), high[r]);
            _mm512_store_si512(place[32 + r].0.as_mut_ptr().cast(), low[r]);
        }
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn bits(halves: __m512bh) -> __m512i {
    // SAFETY: both are 512 bits without invalid values.
    unsafe { std::mem::transmute(halves) }
}

/// 16 bf16 as f32.
#[inline]
#[target_feature(enable = "avx512f")]
fn widen(halves: __m256i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
}

/// For 32 halves x0..x15, y0..y15: x0, y0, x1, y1, ...
#[inline]
#[target_feature(enable = "avx512f")]
fn interleaved() -> __m512i {
    const ORDER: [u16; 32] = {
        let mut order = [0; 32];
        let mut i = 0;
        while i < 32 {
            order[i] = (i / 2 + i % 2 * 16) as u16;
            i += 1;
        }
        order
    };
    // SAFETY: 64 bytes at any alignment.
    unsafe { _mm512_loadu_si512(ORDER.as_ptr().cast()) }
}

/// 16 by 16 words.
#[inline]
#[target_feature(enable = "avx512f")]
fn transposed(rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut pairs = rows;
    for i in 0..8 {
        pairs[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        pairs[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    // quads[4 i + c]: columns c, c + 4, c + 8, c + 12 of rows 4 i .. 4 i + 4, a quarter of a register each.
    let mut quads = pairs;
    for i in 0..4 {
        quads[4 * i] = _mm512_unpacklo_epi64(pairs[4 * i], pairs[4 * i + 2]);
        quads[4 * i + 1] = _mm512_unpackhi_epi64(pairs[4 * i], pairs[4 * i + 2]);
        quads[4 * i + 2] = _mm512_unpacklo_epi64(pairs[4 * i + 1], pairs[4 * i + 3]);
        quads[4 * i + 3] = _mm512_unpackhi_epi64(pairs[4 * i + 1], pairs[4 * i + 3]);
    }
    let mut columns = quads;
    for c in 0..4 {
        let (a, b, d, e) = (quads[c], quads[4 + c], quads[8 + c], quads[12 + c]);
        let low = _mm512_shuffle_i32x4::<0x88>(a, b); // a0 a2 b0 b2
        let high = _mm512_shuffle_i32x4::<0xdd>(a, b); // a1 a3 b1 b3
        let low2 = _mm512_shuffle_i32x4::<0x88>(d, e);
        let high2 = _mm512_shuffle_i32x4::<0xdd>(d, e);
        columns[c] = _mm512_shuffle_i32x4::<0x88>(low, low2); // a0 b0 d0 e0
        columns[c + 8] = _mm512_shuffle_i32x4::<0xdd>(low, low2); // a2 b2 d2 e2
        columns[c + 4] = _mm512_shuffle_i32x4::<0x88>(high, high2);
        columns[c + 12] = _mm512_shuffle_i32x4::<0xdd>(high, high2);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matmul::tests::assert_agrees_with_the_twin;

    /// Tolerance 2e-5: 16 bits of each factor, and single products stand here too.
    #[test]
    fn products_agree_with_the_slow_twin_at_odd_sizes_and_strides() {
        if !available() {
            return;
        }
        for size in [(1, 1, 1), (3, 5, 7), (16, 32, 16), (17, 33, 65), (64, 130, 1), (300, 64, 97), (40, 600, 33), (33, 70, 1100)] {
            assert_agrees_with_the_twin(product, size, 2e-5);
        }
    }
}
