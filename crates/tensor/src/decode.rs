//! Products and attention for sampling, on weights and caches laid out in panels.
//!
//! A matrix (outs, depth) is cut into panels of [`LANES`] outputs, and a panel holds its numbers step by step along the
//! depth: (panel, depth, lane). So a product packs nothing, however few rows it has, and every output is one chain of
//! multiply-adds along the depth: its bits do not depend on how many rows, which threads or which tiles compute it.
//! A sequence therefore gets the same numbers whether it is fed at once, token by token, or beside others.
//!
//! The key cache is such a matrix of (positions, head_dim), the value cache one of (head_dim, positions).

use std::hint::black_box;

use pulp::{Simd, WithSimd};

use crate::matmul::MatMut;
use crate::share;
use crate::simd::{self, ARCH, LANES, kernel};

/// One step along the depth of a panel.
type Step = [f32; LANES];

/// Bytes of a cache line, on which every step begins: a vector across two lines costs two loads.
const LINE: usize = 64;

/// Steps on cache-line boundaries, zero at first. The system gives zeroed pages only when they are touched.
#[derive(Debug)]
pub(crate) struct Steps {
    data: Vec<f32>,
    skip: usize,
    n: usize,
}

impl Steps {
    fn zeros(n: usize) -> Steps {
        let data = vec![0.0; (n + 1) * LANES];
        // A number of elements, or more than there are where alignment cannot be had: then any place will do.
        let skip = Some(data.as_ptr().align_offset(LINE)).filter(|&skip| skip <= LANES).unwrap_or(0);
        Steps { data, skip, n }
    }

    /// The same for steps that will all be filled soon.
    pub(crate) fn to_fill(n: usize) -> Steps {
        let steps = Steps::zeros(n);
        ask_for_large_pages(&steps.data);
        steps
    }

    /// Bytes of so many, one more for alignment among them.
    fn bytes(n: usize) -> usize {
        (n + 1) * size_of::<Step>()
    }

    #[inline(always)]
    pub(crate) fn get(&self) -> &[Step] {
        &self.data[self.skip..].as_chunks().0[..self.n]
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self) -> &mut [Step] {
        &mut self.data[self.skip..].as_chunks_mut().0[..self.n]
    }
}

/// Numbers from which on large pages are worth asking for: a few of 2 MB.
const LARGE: usize = 1 << 20;

/// Asks the system for pages of 2 MB under memory that nobody has touched yet. Filling 500 MB of pages of 4 KB takes a second, most of it
/// the system's.
fn ask_for_large_pages(data: &[f32]) {
    #[cfg(target_os = "linux")]
    if data.len() >= LARGE {
        const PAGE: usize = 4096;
        let bytes = size_of_val(data);
        let skip = data.as_ptr().cast::<u8>().align_offset(PAGE);
        // SAFETY: the range lies within memory that is borrowed here, and the advice changes none of its bytes. A system that cannot
        // follow it says so, and nothing is lost.
        unsafe { libc::madvise(data.as_ptr().cast::<u8>().add(skip).cast_mut().cast(), bytes - skip, libc::MADV_HUGEPAGE) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = data;
}

/// A weight matrix (outs, depth) in panels; the last one is filled up with zeros.
#[derive(Debug)]
pub struct Panels {
    steps: Steps,
    outs: usize,
    depth: usize,
}

impl Panels {
    /// Lays out `matrix` (outs, depth).
    pub fn new(matrix: &[f32], outs: usize, depth: usize) -> Panels {
        assert_eq!(matrix.len(), outs * depth, "panels of a matrix ({outs}, {depth})");
        Panels::of_rows(&matrix.chunks_exact(depth).collect::<Vec<_>>(), depth, |value| value)
    }

    /// Lays out rows of `depth` numbers each. A step is written whole: one row after the other would touch all steps sixteen times.
    pub(crate) fn of_rows<T: Copy>(rows: &[&[T]], depth: usize, number: impl Fn(T) -> f32) -> Panels {
        let mut steps = Steps::to_fill(rows.len().div_ceil(LANES) * depth);
        for (panel, rows) in steps.get_mut().chunks_mut(depth).zip(rows.chunks(LANES)) {
            for (at, step) in panel.iter_mut().enumerate() {
                step.iter_mut().zip(rows).for_each(|(out, row)| *out = number(row[at]));
            }
        }
        Panels { steps, outs: rows.len(), depth }
    }

    /// Reads the matrix on all threads of the `rayon` pool that the caller runs in, each block on all of them at once.
    ///
    /// The caches then know its lines as shared. Of a line that one core alone has read, a Xeon's L3 cache keeps no copy,
    /// and takes it back each time the core's own cache drops it; of a shared line it keeps one, and reading is a third
    /// faster until other data has pushed it out.
    pub fn read_on_all_threads(&self) {
        for block in self.steps.get().chunks(BLOCK) {
            rayon::broadcast(|_| black_box(block.iter().fold(0.0, |sum, step| sum + step[0])));
        }
    }

    /// Bytes.
    pub fn bytes(&self) -> usize {
        size_of_val(&self.steps.data[..])
    }

    /// The numbers of a row.
    pub fn row(&self, index: usize, out: &mut [f32]) {
        assert!(index < self.outs && out.len() == self.depth, "row {index} of ({}, {}) into {}", self.outs, self.depth, out.len());
        let panel = &self.steps.get()[index / LANES * self.depth..][..self.depth];
        out.iter_mut().zip(panel).for_each(|(out, step)| *out = step[index % LANES]);
    }

    fn view(&self) -> View<'_> {
        View { steps: self.steps.get(), stride: self.depth, outs: self.outs, depth: self.depth }
    }
}

/// Steps that every thread reads at once: 256 KB, in each core's own cache until the last one is done.
const BLOCK: usize = 4096;

/// Numbers of a matrix below which a thread is not worth asking: about 4 us of reading.
const NUMBERS_PER_THREAD: usize = 20_000;

/// On the calling thread, or on up to `threads` threads of the pool: each takes some of the panels, so that it reads those alone,
/// however many rows there are.
fn share_panels<const ADD: bool>(x: &[f32], weights: View, out: MatMut, threads: usize) {
    let threads = threads.min(out.rows * weights.outs * weights.depth / NUMBERS_PER_THREAD);
    let panels = weights.outs.div_ceil(LANES);
    if threads < 2 || panels < 2 {
        return ARCH.dispatch(Linear::<ADD> { x, weights, out });
    }
    let (left, right) = weights.split_at((panels * (threads / 2) / threads).max(1));
    let (left_out, right_out) = out.split_cols_at(left.outs);
    let rest = threads - threads / 2;
    rayon::join(|| share_panels::<ADD>(x, left, left_out, threads / 2), || share_panels::<ADD>(x, right, right_out, rest));
}

/// `out = x Wᵀ`: `x` (N, depth), `out` (N, outs). The outputs are shared out over the threads of the `rayon` pool that the caller runs
/// in, if it runs in one; their bits do not depend on it.
pub fn linear(x: &[f32], weights: &Panels, out: &mut [f32]) {
    run_linear::<false>(x, weights, out);
}

/// `out += x Wᵀ`, on the threads of [`linear`].
pub fn linear_add(x: &[f32], weights: &Panels, out: &mut [f32]) {
    run_linear::<true>(x, weights, out);
}

fn run_linear<const ADD: bool>(x: &[f32], weights: &Panels, out: &mut [f32]) {
    let (outs, depth) = (weights.outs, weights.depth);
    assert_eq!(x.len() * outs, out.len() * depth, "linear ({outs}, {depth}) of {} into {}", x.len(), out.len());
    let rows = x.len() / depth;
    if rows == 0 {
        return;
    }
    share_panels::<ADD>(x, weights.view(), MatMut::new(out, rows, outs), share::threads());
}

struct Linear<'a, const ADD: bool> {
    x: &'a [f32],
    weights: View<'a>,
    out: MatMut<'a>,
}

impl<const ADD: bool> WithSimd for Linear<'_, ADD> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        product::<S, ADD>(simd, Rows { data: self.x, stride: self.weights.depth }, self.weights, self.out);
    }
}

/// Sizes of the attention of one layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadShape {
    /// Query heads, H.
    pub n_heads: usize,
    /// Key and value heads, K; H is a multiple of it.
    pub n_kv_heads: usize,
    /// Width of a head, D.
    pub head_dim: usize,
}

/// Keys and values of one sequence in one layer.
#[derive(Debug)]
pub struct KeyValues {
    shape: HeadShape,
    capacity: usize,
    keys: Steps,   // (K, capacity / LANES, D) steps of LANES positions
    values: Steps, // (K, D / LANES, capacity) steps of LANES elements
}

impl KeyValues {
    /// Room for `capacity` positions.
    pub fn new(shape: HeadShape, capacity: usize) -> KeyValues {
        let HeadShape { n_heads, n_kv_heads, .. } = shape;
        assert!(n_heads.is_multiple_of(n_kv_heads), "{n_heads} heads in groups of {n_kv_heads} key heads");
        let [keys, values] = KeyValues::steps(shape, capacity).map(Steps::zeros);
        KeyValues { shape, capacity, keys, values }
    }

    /// Bytes of the room for `capacity` positions.
    pub fn bytes(shape: HeadShape, capacity: usize) -> usize {
        KeyValues::steps(shape, capacity).map(Steps::bytes).iter().sum()
    }

    /// Steps of the keys and of the values.
    fn steps(shape: HeadShape, capacity: usize) -> [usize; 2] {
        let HeadShape { n_kv_heads, head_dim, .. } = shape;
        [n_kv_heads * capacity.div_ceil(LANES) * head_dim, n_kv_heads * head_dim.div_ceil(LANES) * capacity]
    }

    /// Writes the key and the value of a position, (K, D) each.
    pub fn store(&mut self, position: usize, key: &[f32], value: &[f32]) {
        let (d, capacity) = (self.shape.head_dim, self.capacity);
        assert!(position < capacity, "position {position} of a cache for {capacity}");
        assert_eq!((key.len(), value.len()), (self.shape.n_kv_heads * d, key.len()), "store in {:?}", self.shape);
        let (key_panels, value_panels) = (capacity.div_ceil(LANES), d.div_ceil(LANES));
        let lane = position % LANES;
        for (head, (key, value)) in key.chunks_exact(d).zip(value.chunks_exact(d)).enumerate() {
            let panel = &mut self.keys.get_mut()[(head * key_panels + position / LANES) * d..][..d];
            for (step, &element) in panel.iter_mut().zip(key) {
                step[lane] = element;
            }
            for (part, elements) in value.chunks(LANES).enumerate() {
                self.values.get_mut()[(head * value_panels + part) * capacity + position][..elements.len()].copy_from_slice(elements);
            }
        }
    }

    /// Takes over the first `len` positions of another cache of the same sizes.
    pub fn copy_prefix(&mut self, from: &KeyValues, len: usize) {
        assert_eq!((self.shape, self.capacity), (from.shape, from.capacity), "caches of different sizes");
        assert!(len <= self.capacity, "{len} positions of a cache for {}", self.capacity);
        let (d, capacity) = (self.shape.head_dim, self.capacity);
        let key_stride = capacity.div_ceil(LANES) * d;
        for (to, from) in self.keys.get_mut().chunks_mut(key_stride).zip(from.keys.get().chunks(key_stride)).take(self.shape.n_kv_heads) {
            let steps = len.div_ceil(LANES) * d;
            to[..steps].copy_from_slice(&from[..steps]);
        }
        let value_panels = self.shape.n_kv_heads * d.div_ceil(LANES);
        for (to, from) in self.values.get_mut().chunks_mut(capacity).zip(from.values.get().chunks(capacity)).take(value_panels) {
            to[..len].copy_from_slice(&from[..len]);
        }
    }
}

/// Queries whose scores exist at once.
const QUERIES: usize = 24;

/// Attention of the last `N` positions of a sequence, causal: query n sees positions 0..=past + n, all of them stored.
/// `q`, `out` (N, H, D); `scratch` grows to what is needed. On the threads of [`linear`]: positions are shared out, or a single one's
/// key heads.
pub fn attend(q: &[f32], cache: &KeyValues, past: usize, out: &mut [f32], scratch: &mut Vec<f32>) {
    let HeadShape { n_heads, n_kv_heads, head_dim } = cache.shape;
    let n = q.len() / (n_heads * head_dim);
    assert_eq!((q.len(), out.len()), (n * n_heads * head_dim, q.len()), "attend {:?}", cache.shape);
    assert!(past + n <= cache.capacity, "{past} and {n} positions of a cache for {}", cache.capacity);
    let (rows, pieces) = if n == 1 { (n_heads, 1) } else { (n.min(QUERIES), n.div_ceil(QUERIES).min(share::threads())) };
    let needed = rows * (past + n).next_multiple_of(LANES);
    if scratch.len() < pieces * needed {
        scratch.resize(pieces * needed, 0.0);
    }
    if n > 1 {
        // Whole blocks of queries for each thread; the later ones see more, which is little beside the past of a long text.
        let (share, width) = (n.div_ceil(QUERIES).div_ceil(pieces) * QUERIES, n_heads * head_dim);
        let parts = q.chunks(share * width).zip(out.chunks_mut(share * width)).zip(scratch.chunks_mut(needed)).enumerate();
        return share::each(parts, |(part, ((q, out), scratch))| {
            ARCH.dispatch(AttendRows { q, cache, past: past + part * share, n: q.len() / width, out, scratch });
        });
    }
    let read = 2 * n_kv_heads * head_dim * (past + 1);
    let threads = share::threads().min(read / NUMBERS_PER_THREAD).min(n_kv_heads);
    share_heads(AttendOne { q, cache, first_kv_head: 0, past, out, scratch: &mut scratch[..needed] }, threads);
}

/// Rows of several positions.
struct AttendRows<'a> {
    q: &'a [f32],
    cache: &'a KeyValues,
    past: usize,
    n: usize,
    out: &'a mut [f32],
    scratch: &'a mut [f32],
}

impl WithSimd for AttendRows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let HeadShape { n_heads, n_kv_heads, head_dim: d } = self.cache.shape;
        let (group, width) = (n_heads / n_kv_heads, n_heads * d);
        for head in 0..n_heads {
            for start in (0..self.n).step_by(QUERIES) {
                let at = head * d + start * width;
                let (rows, seen) = (QUERIES.min(self.n - start), self.past + 1 + start);
                let (q, out) = (&self.q[at..], &mut self.out[at..]);
                block_attention(simd, q, width, rows, self.cache, head / group, seen, 1, out, self.scratch);
            }
        }
    }
}

/// One position's queries of some key heads; `scratch` has the same length for each.
struct AttendOne<'a> {
    q: &'a [f32],
    cache: &'a KeyValues,
    first_kv_head: usize,
    past: usize,
    out: &'a mut [f32],
    scratch: &'a mut [f32],
}

/// The key heads on up to `threads` threads of the pool.
fn share_heads(one: AttendOne, threads: usize) {
    if threads < 2 {
        return ARCH.dispatch(one);
    }
    let AttendOne { q, cache, first_kv_head, past, out, scratch } = one;
    let HeadShape { n_heads, n_kv_heads, head_dim } = cache.shape;
    let per_head = n_heads / n_kv_heads * head_dim;
    let heads = q.len() / per_head;
    let here = heads * (threads / 2) / threads;
    let (left_q, q) = q.split_at(here * per_head);
    let (left_out, out) = out.split_at_mut(here * per_head);
    let (left_scratch, scratch) = scratch.split_at_mut(scratch.len() / heads * here);
    let left = AttendOne { q: left_q, cache, first_kv_head, past, out: left_out, scratch: left_scratch };
    let right = AttendOne { q, cache, first_kv_head: first_kv_head + here, past, out, scratch };
    rayon::join(|| share_heads(left, threads / 2), || share_heads(right, threads - threads / 2));
}

impl WithSimd for AttendOne<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let HeadShape { n_heads, n_kv_heads, head_dim: d } = self.cache.shape;
        let group = n_heads / n_kv_heads;
        for (head, (q, out)) in self.q.chunks_exact(group * d).zip(self.out.chunks_exact_mut(group * d)).enumerate() {
            let kv_head = self.first_kv_head + head;
            block_attention(simd, q, d, group, self.cache, kv_head, self.past + 1, 0, out, self.scratch);
        }
    }
}

/// Attention of `rows` queries `stride` apart; row r sees `seen + r more` positions.
#[inline(always)]
fn block_attention<S: Simd>(
    simd: S,
    q: &[f32],
    stride: usize,
    rows: usize,
    cache: &KeyValues,
    kv_head: usize,
    seen: usize,
    more: usize,
    out: &mut [f32],
    scratch: &mut [f32],
) {
    let (d, capacity) = (cache.shape.head_dim, cache.capacity);
    let keys = seen + (rows - 1) * more;
    let width = keys.next_multiple_of(LANES);
    let scores = &mut scratch[..rows * width];
    let key_steps = &cache.keys.get()[kv_head * capacity.div_ceil(LANES) * d..];
    // Whole panels of positions: those behind the last one hold old numbers or zeros, and are not looked at.
    let key_view = View { steps: key_steps, stride: d, outs: width, depth: d };
    product::<S, false>(simd, Rows { data: q, stride }, key_view, MatMut::new(scores, rows, width));
    let scale = 1.0 / (d as f32).sqrt();
    for (r, row) in scores.chunks_exact_mut(width).enumerate() {
        let (visible, hidden) = row.split_at_mut(seen + r * more);
        for score in visible.iter_mut() {
            *score *= scale;
        }
        let largest = simd::max(visible);
        let inverse = 1.0 / simd::exp_and_sum(visible, largest);
        for probability in visible {
            *probability *= inverse;
        }
        hidden.fill(0.0);
    }
    let value_steps = &cache.values.get()[kv_head * d.div_ceil(LANES) * capacity..];
    let value_view = View { steps: value_steps, stride: capacity, outs: d, depth: keys };
    product::<S, false>(simd, Rows { data: scores, stride: width }, value_view, MatMut::strided(out, rows, d, stride));
}

kernel! {
    /// `out` = e^((logit - largest) * factor) for each logit; gives their sum.
    pub fn exponentials(logits: &[f32], largest: f32, factor: f32, out: &mut [f32]) -> f32 {
        assert_eq!(logits.len(), out.len());
        for (out, &logit) in out.iter_mut().zip(logits) {
            *out = (logit - largest) * factor;
        }
        simd::exp_and_sum(out, 0.0)
    }
}

kernel! {
    /// The largest number of each chunk of [`LANES`]; `maxima` holds one for each, the last chunk may be shorter.
    pub fn chunk_maxima(values: &[f32], maxima: &mut [f32]) {
        assert_eq!(maxima.len(), values.len().div_ceil(LANES), "maxima of {} numbers", values.len());
        for (maximum, chunk) in maxima.iter_mut().zip(values.chunks(LANES)) {
            *maximum = simd::max(chunk);
        }
    }
}

/// Rows of numbers, beginning `stride` apart.
#[derive(Clone, Copy)]
struct Rows<'a> {
    data: &'a [f32],
    stride: usize,
}

/// A matrix in panels, to read: panels begin `stride` steps apart, and `depth` steps of each count.
#[derive(Clone, Copy)]
struct View<'a> {
    steps: &'a [Step],
    stride: usize,
    outs: usize,
    depth: usize,
}

impl<'a> View<'a> {
    /// The first panels and the others.
    fn split_at(self, panels: usize) -> (View<'a>, View<'a>) {
        let outs = panels * LANES;
        (View { outs, ..self }, View { steps: &self.steps[panels * self.stride..], outs: self.outs - outs, ..self })
    }
}

/// `out = x Wᵀ` or `out += x Wᵀ`, for as many rows as `out` has. A tile of rows and panels is as
/// large as the instruction set has registers for its sums.
#[inline(always)]
fn product<S: Simd, const ADD: bool>(simd: S, x: Rows, weights: View, out: MatMut) {
    match S::F32_LANES {
        16 => tiles::<S, ADD, 12, 2, 6, 1>(simd, x, weights, out),
        8 => tiles::<S, ADD, 6, 1, 2, 2>(simd, x, weights, out),
        4 => tiles::<S, ADD, 4, 1, 2, 4>(simd, x, weights, out),
        _ => tiles::<S, ADD, 1, 1, 1, LANES>(simd, x, weights, out),
    }
}

/// Panels that a single row meets at once: with fewer, each multiply-add would wait for the one before.
const TOGETHER: usize = 4;

/// All tiles: of `ROWS` rows and `PANELS` panels, of the rows that are left `MIDDLE` with all panels, then fewer. `V` vectors make a step.
#[inline(always)]
fn tiles<S: Simd, const ADD: bool, const ROWS: usize, const PANELS: usize, const MIDDLE: usize, const V: usize>(
    simd: S,
    x: Rows,
    weights: View,
    mut out: MatMut,
) {
    let (n, n_panels) = (out.rows, weights.outs.div_ceil(LANES));
    let mut panel = 0;
    // Panels outside, so that few enough of them stay in the L1 cache while all rows pass by.
    while panel + TOGETHER <= n_panels {
        let mut row = n / ROWS * ROWS;
        for part in (0..TOGETHER).step_by(PANELS) {
            for row in (0..row).step_by(ROWS) {
                tile::<S, ADD, ROWS, PANELS, V>(simd, x, row, weights, panel + part, &mut out);
            }
        }
        while MIDDLE > 2 && row + MIDDLE <= n {
            tile::<S, ADD, MIDDLE, TOGETHER, V>(simd, x, row, weights, panel, &mut out);
            row += MIDDLE;
        }
        while row + 2 <= n {
            tile::<S, ADD, 2, TOGETHER, V>(simd, x, row, weights, panel, &mut out);
            row += 2;
        }
        if row < n {
            tile::<S, ADD, 1, TOGETHER, V>(simd, x, row, weights, panel, &mut out);
        }
        panel += TOGETHER;
    }
    while panel < n_panels {
        let mut row = 0;
        while row + ROWS <= n {
            tile::<S, ADD, ROWS, 1, V>(simd, x, row, weights, panel, &mut out);
            row += ROWS;
        }
        while row < n {
            tile::<S, ADD, 1, 1, V>(simd, x, row, weights, panel, &mut out);
            row += 1;
        }
        panel += 1;
    }
}

/// One tile: `ROWS` rows from `row` on, `PANELS` panels from `panel` on.
#[expect(clippy::manual_memcpy, reason = "a slice is copied by a call wherever the compiler thinks so, at every step of the depth")]
#[inline(always)]
fn tile<S: Simd, const ADD: bool, const ROWS: usize, const PANELS: usize, const V: usize>(
    simd: S,
    x: Rows,
    row: usize,
    weights: View,
    panel: usize,
    out: &mut MatMut,
) {
    let depth = weights.depth;
    let mut rows = [x.data.as_ptr(); ROWS];
    for r in 0..ROWS {
        rows[r] = x.data[(row + r) * x.stride..][..depth].as_ptr();
    }
    let mut panels = [weights.steps.as_ptr(); PANELS];
    for p in 0..PANELS {
        panels[p] = weights.steps[(panel + p) * weights.stride..][..depth].as_ptr();
    }
    // Pointers, because with checks of every index the loop runs at a third of its speed (38 instead of 122 GFLOP/s).
    let mut sums = [[[simd.splat_f32s(0.0); V]; PANELS]; ROWS];
    for k in 0..depth {
        let mut steps = [[simd.splat_f32s(0.0); V]; PANELS];
        for p in 0..PANELS {
            // SAFETY: the pointer is that of a slice of `depth` steps, borrowed for the whole call, and k < depth.
            let (vectors, _) = S::as_simd_f32s(unsafe { &*panels[p].add(k) });
            for v in 0..V {
                steps[p][v] = vectors[v];
            }
        }
        for r in 0..ROWS {
            // SAFETY: the pointer is that of a slice of `depth` numbers, borrowed for the whole call, and k < depth.
            let x = simd.splat_f32s(unsafe { *rows[r].add(k) });
            for p in 0..PANELS {
                for v in 0..V {
                    sums[r][p][v] = simd.mul_add_f32s(x, steps[p][v], sums[r][p][v]);
                }
            }
        }
    }
    for r in 0..ROWS {
        for p in 0..PANELS {
            let first = (panel + p) * LANES;
            let width = LANES.min(weights.outs - first);
            write::<S, ADD, V>(simd, sums[r][p], &mut out.row(row + r)[first..first + width]);
        }
    }
}

/// A panel's sums go where they belong; the last panel's only in part.
#[inline(always)]
fn write<S: Simd, const ADD: bool, const V: usize>(simd: S, sums: [S::f32s; V], out: &mut [f32]) {
    if let Some(out) = out.as_mut_array::<LANES>() {
        let (out, _) = S::as_mut_simd_f32s(out);
        for v in 0..V {
            out[v] = if ADD { simd.add_f32s(out[v], sums[v]) } else { sums[v] };
        }
    } else {
        let mut last = [0.0; LANES];
        S::as_mut_simd_f32s(&mut last).0.copy_from_slice(&sums);
        for (out, sum) in out.iter_mut().zip(last) {
            *out = if ADD { *out + sum } else { sum };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attention::Shape;
    use crate::reference;
    use crate::test_util::{assert_close, on_threads, random, widen};

    /// Tolerance 1e-5 on the norm of the difference over the norm. A row alone has the same bits as among others.
    #[test]
    fn products_agree_with_the_slow_twin_at_odd_sizes() {
        for (rows, depth, outs) in
            [(1, 1, 1), (1, 64, 130), (2, 3, 64), (7, 33, 65), (13, 130, 17), (8, 5, 96), (27, 64, 200), (2, 200, 500)]
        {
            let (x, w) = (random(rows * depth, 1), random(outs * depth, 2));
            let transposed: Vec<f32> = (0..depth * outs).map(|at| w[at % outs * depth + at / outs]).collect();
            let exact = reference::matmul(&x, &transposed, rows, depth, outs);
            let panels = Panels::new(&w, outs, depth);
            let mut out = vec![f32::NAN; rows * outs];
            linear(&x, &panels, &mut out);
            assert_close(&out, &exact, 1e-5);
            for (x, expected) in x.chunks(depth).zip(out.chunks(outs)) {
                let mut alone = vec![f32::NAN; outs];
                linear(x, &panels, &mut alone);
                assert_eq!(alone, expected);
            }
            for threads in [1, 2, 3] {
                let mut shared = vec![f32::NAN; outs];
                on_threads(threads, || linear(&x[..depth], &panels, &mut shared));
                assert_eq!(shared, out[..outs], "{threads} threads");
                let mut all = vec![f32::NAN; rows * outs];
                on_threads(threads, || linear(&x, &panels, &mut all));
                assert_eq!(all, out, "all rows on {threads} threads");
                on_threads(threads, || linear_add(&x[..depth], &panels, &mut shared));
                assert!(shared.iter().zip(&out).all(|(shared, out)| *shared == out + out), "{threads} threads");
            }
            let doubled: Vec<f64> = exact.iter().map(|x| 2.0 * x).collect();
            linear_add(&x, &panels, &mut out);
            assert_close(&out, &doubled, 1e-5);
        }
    }

    /// Every instruction set of this machine gives the same bits, the portable one included.
    #[test]
    fn instruction_sets_agree_to_the_bit() {
        let (rows, depth, outs) = (9, 50, 90);
        let (x, w) = (random(rows * depth, 1), random(outs * depth, 2));
        let panels = Panels::new(&w, outs, depth);
        let run = |arch: pulp::Arch| {
            let mut out = vec![f32::NAN; rows * outs];
            arch.dispatch(Linear::<false> { x: &x, weights: panels.view(), out: MatMut::new(&mut out, rows, outs) });
            out
        };
        let portable = run(pulp::Arch::Scalar);
        assert_eq!(run(*ARCH), portable);
        #[cfg(target_arch = "x86_64")]
        if let Some(avx2) = pulp::x86::V3::try_new() {
            assert_eq!(run(pulp::Arch::V3(avx2)), portable);
        }
    }

    #[test]
    fn exponentials_and_maxima_agree_with_plain_loops() {
        for n in [1, 16, 17, 100] {
            let logits = random(n, 1);
            let mut out = vec![f32::NAN; n];
            let sum = exponentials(&logits, 2.0, 0.7, &mut out);
            let exact: Vec<f64> = logits.iter().map(|&logit| ((f64::from(logit) - 2.0) * 0.7).exp()).collect();
            assert_close(&out, &exact, 1e-6);
            assert_close(&[sum], &[exact.iter().sum()], 1e-6);
            let mut maxima = vec![f32::NAN; n.div_ceil(LANES)];
            chunk_maxima(&logits, &mut maxima);
            let plain: Vec<f32> = logits.chunks(LANES).map(|chunk| chunk.iter().copied().fold(f32::MIN, f32::max)).collect();
            assert_eq!(maxima, plain);
        }
    }

    /// Tolerance 1e-5. All positions at once and one by one give the same bits, also from a copied cache.
    #[test]
    fn attention_agrees_with_the_slow_twin_however_it_is_fed() {
        for (len, n_heads, n_kv_heads, head_dim) in [(1, 1, 1, 2), (5, 4, 2, 6), (67, 2, 1, 20), (130, 3, 3, 64)] {
            let shape = HeadShape { n_heads, n_kv_heads, head_dim };
            let (width, kv_width) = (n_heads * head_dim, n_kv_heads * head_dim);
            let (q, k, v) = (random(len * width, 1), random(len * kv_width, 2), random(len * kv_width, 3));
            let twin_shape = Shape { batch: 1, len, n_heads, n_kv_heads, head_dim };
            let exact = reference::causal_attention(&widen(&q), &widen(&k), &widen(&v), twin_shape);
            let mut cache = KeyValues::new(shape, len + 3);
            let mut out = vec![f32::NAN; len * width];
            let mut scratch = Vec::new();
            for (t, out) in out.chunks_mut(width).enumerate() {
                cache.store(t, &k[t * kv_width..][..kv_width], &v[t * kv_width..][..kv_width]);
                attend(&q[t * width..][..width], &cache, t, out, &mut scratch);
            }
            assert_close(&out, &exact, 1e-5);
            let mut copied = KeyValues::new(shape, len + 3);
            copied.copy_prefix(&cache, len);
            for past in [0, len / 3, len - 1] {
                let mut at_once = vec![f32::NAN; (len - past) * width];
                scratch.fill(f32::NAN);
                attend(&q[past * width..], &copied, past, &mut at_once, &mut scratch);
                assert_eq!(at_once, out[past * width..], "from position {past} of {len}");
            }
            for threads in [2, 3] {
                let mut at_once = vec![f32::NAN; len * width];
                scratch.fill(f32::NAN);
                on_threads(threads, || attend(&q, &copied, 0, &mut at_once, &mut scratch));
                assert_eq!(at_once, out, "all positions on {threads} threads");
                let mut shared = vec![f32::NAN; width];
                scratch.fill(f32::NAN);
                on_threads(threads, || attend(&q[(len - 1) * width..], &copied, len - 1, &mut shared, &mut scratch));
                assert_eq!(shared, out[(len - 1) * width..], "{threads} threads");
            }
        }
    }
}
