//! Matrix products: views of row-major or transposed matrices, multiplied on the calling thread or on those it shares.
//!
//! Products run on AMX where the machine has it, elsewhere in the `gemm` crate, which picks AVX-512, AVX2, NEON or plain code.
//!
//! Weights are stored (out, in) as Hugging Face does, so a linear layer is `matmul(x, w.t(), y)`; its backward is
//! `matmul(dy, w, dx)` and `matmul_add(dy.t(), x, dw)`.

#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(crate) mod amx;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{share, yardstick};

/// A matrix to read: rows and columns at any stride.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a> {
    pub(crate) data: &'a [f32],
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    pub(crate) col_stride: usize,
}

/// A matrix to write, rows contiguous. It can be cut into parts that different threads write.
#[derive(Debug)]
pub struct MatMut<'a> {
    /// Element (0, 0); the rows begin `row_stride` elements apart, and elements between them belong to others.
    pub(crate) first: *mut f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    pub(crate) row_stride: usize,
    borrow: PhantomData<&'a mut [f32]>,
}

// SAFETY: a `MatMut` is a unique borrow of the elements of its rows and columns, as `&mut [f32]` is of its own.
unsafe impl Send for MatMut<'_> {}

/// Number of elements that a matrix with these strides spans.
fn span(rows: usize, cols: usize, row_stride: usize, col_stride: usize) -> usize {
    if rows == 0 || cols == 0 { 0 } else { (rows - 1) * row_stride + (cols - 1) * col_stride + 1 }
}

impl<'a> Mat<'a> {
    /// A dense matrix (rows, cols).
    pub fn new(data: &'a [f32], rows: usize, cols: usize) -> Mat<'a> {
        Mat::strided(data, rows, cols, cols)
    }

    /// A matrix whose rows begin `row_stride` elements apart.
    pub fn strided(data: &'a [f32], rows: usize, cols: usize, row_stride: usize) -> Mat<'a> {
        let needed = span(rows, cols, row_stride, 1);
        assert!(needed <= data.len(), "matrix ({rows}, {cols}) with row stride {row_stride} needs {needed} elements, has {}", data.len());
        Mat { data, rows, cols, row_stride, col_stride: 1 }
    }

    /// The transpose, without a copy.
    pub fn t(self) -> Mat<'a> {
        Mat { rows: self.cols, cols: self.rows, row_stride: self.col_stride, col_stride: self.row_stride, ..self }
    }

    /// Rows `from..to`, without a copy.
    pub fn rows(self, from: usize, to: usize) -> Mat<'a> {
        assert!(from <= to && to <= self.rows, "rows {from}..{to} of {}", self.rows);
        let start = (from * self.row_stride).min(self.data.len());
        Mat { data: &self.data[start..], rows: to - from, ..self }
    }

    /// Columns `from..to`, without a copy.
    pub fn cols(self, from: usize, to: usize) -> Mat<'a> {
        self.t().rows(from, to).t()
    }

    /// Some rows of some columns, without a copy.
    pub fn part(self, rows: Range<usize>, cols: Range<usize>) -> Mat<'a> {
        self.rows(rows.start, rows.end).cols(cols.start, cols.end)
    }

    /// A row of a matrix whose rows are contiguous.
    #[inline(always)]
    pub(crate) fn row(&self, row: usize) -> &'a [f32] {
        assert!(row < self.rows && self.col_stride == 1, "row {row} of {}", self.rows);
        &self.data[row * self.row_stride..][..self.cols]
    }
}

impl<'a> MatMut<'a> {
    /// A dense matrix (rows, cols).
    pub fn new(data: &'a mut [f32], rows: usize, cols: usize) -> MatMut<'a> {
        MatMut::strided(data, rows, cols, cols)
    }

    /// A matrix whose rows begin `row_stride` elements apart.
    pub fn strided(data: &'a mut [f32], rows: usize, cols: usize, row_stride: usize) -> MatMut<'a> {
        let needed = span(rows, cols, row_stride, 1);
        assert!(needed <= data.len(), "matrix ({rows}, {cols}) with row stride {row_stride} needs {needed} elements, has {}", data.len());
        assert!(row_stride >= cols, "rows of {cols} columns overlap at row stride {row_stride}");
        MatMut { first: data.as_mut_ptr(), rows, cols, row_stride, borrow: PhantomData }
    }

    /// The same matrix for a while: the borrow ends with the value returned.
    pub fn reborrow(&mut self) -> MatMut<'_> {
        MatMut { borrow: PhantomData, ..*self }
    }

    /// The rows before `at` and those from `at` on.
    #[inline]
    pub fn split_rows_at(self, at: usize) -> (MatMut<'a>, MatMut<'a>) {
        assert!(at <= self.rows, "row {at} of {}", self.rows);
        let below = self.first.wrapping_add(at * self.row_stride);
        (MatMut { rows: at, ..self }, MatMut { first: below, rows: self.rows - at, ..self })
    }

    /// The columns before `at` and those from `at` on.
    #[inline]
    pub fn split_cols_at(self, at: usize) -> (MatMut<'a>, MatMut<'a>) {
        assert!(at <= self.cols, "column {at} of {}", self.cols);
        let right = self.first.wrapping_add(at);
        (MatMut { cols: at, ..self }, MatMut { first: right, cols: self.cols - at, ..self })
    }

    /// Some rows of some columns, for a while.
    #[inline]
    pub fn part(&mut self, rows: Range<usize>, cols: Range<usize>) -> MatMut<'_> {
        let of_rows = self.reborrow().split_rows_at(rows.end).0.split_rows_at(rows.start).1;
        of_rows.split_cols_at(cols.end).0.split_cols_at(cols.start).1
    }

    /// A row.
    #[inline(always)]
    pub fn row(&mut self, row: usize) -> &mut [f32] {
        assert!(row < self.rows, "row {row} of {}", self.rows);
        // SAFETY: the row lies within the borrow that the matrix was made from, and no other value covers its columns.
        unsafe { std::slice::from_raw_parts_mut(self.first.add(row * self.row_stride), self.cols) }
    }

    /// Sets every element.
    pub fn fill(&mut self, value: f32) {
        (0..self.rows).for_each(|row| self.row(row).fill(value));
    }
}

/// Whether products may run on AMX, where the machine has it; see [`full_precision`].
static AMX_ALLOWED: AtomicBool = AtomicBool::new(true);

/// From now on every product of this process keeps all 24 bits of f32, where AMX would be several times faster and keep 16.
pub fn full_precision() {
    AMX_ALLOWED.store(false, Ordering::Relaxed);
}

/// Whether products run on AMX, where they are large enough.
pub(crate) fn on_amx() -> bool {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    return AMX_ALLOWED.load(Ordering::Relaxed) && amx::available();
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    false
}

/// `out = a b`.
pub fn matmul(a: Mat, b: Mat, out: MatMut) {
    product(a, b, out, false);
}

/// `out += a b`.
pub fn matmul_add(a: Mat, b: Mat, out: MatMut) {
    product(a, b, out, true);
}

/// `out = a b` where the product is known to be symmetric, (n, n) dense: its upper triangle is mirrored, and not computed but
/// for the diagonal blocks.
/// Two thirds of the work at n = 192, near half of it for large n.
pub fn symmetric_matmul(a: Mat, b: Mat, out: &mut [f32]) {
    /// Rows of a panel, which is computed up to the end of its diagonal block.
    const PANEL: usize = 64;
    let n = a.rows;
    assert_eq!((b.cols, out.len()), (n, n * n), "a symmetric product of ({n}, {}) and ({}, {})", a.cols, b.rows, b.cols);
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if on_amx() && amx::pays(n, a.cols, n) {
        amx::lower_product(a, b, MatMut::new(out, n, n));
        return mirror_lower(out, n);
    }
    for from in (0..n).step_by(PANEL) {
        let to = (from + PANEL).min(n);
        matmul(a.rows(from, to), b.cols(0, to), MatMut::strided(&mut out[from * n..], to - from, to, n));
    }
    mirror_lower(out, n);
}

/// What stands below the diagonal of a matrix (n, n), above it as well; square after square, so that caches are not thrashed.
fn mirror_lower(matrix: &mut [f32], n: usize) {
    const SQUARE: usize = 32;
    for top in (0..n).step_by(SQUARE) {
        for left in (top..n).step_by(SQUARE) {
            for row in top..(top + SQUARE).min(n) {
                for col in left.max(row + 1)..(left + SQUARE).min(n) {
                    matrix[row * n + col] = matrix[col * n + row];
                }
            }
        }
    }
}

fn product(a: Mat, b: Mat, out: MatMut, add: bool) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(k, b.rows, "product of ({m}, {k}) and ({}, {n})", b.rows);
    assert_eq!((m, n), (out.rows, out.cols), "product of ({m}, {k}) and ({k}, {n}) into ({}, {})", out.rows, out.cols);
    shared_product(a, b, out, add, share::threads());
}

/// On the calling thread.
fn own_product(a: Mat, b: Mat, out: MatMut, add: bool) {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    if on_amx() && amx::pays(out.rows, a.cols, out.cols) {
        return amx::product(a, b, out, add);
    }
    yardstick::product(a, b, out, add);
}

/// Cuts the longer side of `out` among threads, where each has enough to do. No sum is cut.
fn shared_product(a: Mat, b: Mat, out: MatMut, add: bool, threads: usize) {
    /// Multiply-adds below which a thread is not worth asking: about 0.1 ms.
    const WORK_PER_THREAD: usize = 8 << 20;
    /// Cuts are at multiples of this, so that no thread has more of a register block's rim than the whole product.
    const GRAIN: usize = 32;
    let (m, n) = (out.rows, out.cols);
    let threads = threads.min(m * n * a.cols / WORK_PER_THREAD).min(m.max(n) / GRAIN);
    if threads < 2 {
        return own_product(a, b, out, add);
    }
    let (first, rest) = (threads / 2, threads - threads / 2);
    let cut = |side: usize| side * first / threads / GRAIN * GRAIN;
    if m >= n {
        let at = cut(m);
        let (above, below) = out.split_rows_at(at);
        rayon::join(|| shared_product(a.rows(0, at), b, above, add, first), || shared_product(a.rows(at, m), b, below, add, rest));
    } else {
        let at = cut(n);
        let (left, right) = out.split_cols_at(at);
        rayon::join(|| shared_product(a, b.cols(0, at), left, add, first), || shared_product(a, b.cols(at, n), right, add, rest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, on_threads, random};

    /// Panics unless a way of multiplying, `product(a, b, out, add)`, agrees with the slow twin at a size (m, k, n): dense, and from
    /// transposed storage, added to itself, into a wider matrix. The tolerance is for the norm of the difference over the norm.
    pub(super) fn assert_agrees_with_the_twin(product: fn(Mat, Mat, MatMut, bool), (m, k, n): (usize, usize, usize), tolerance: f64) {
        let (a, b) = (random(m * k, 1), random(k * n, 2));
        let exact = reference::matmul(&a, &b, m, k, n);
        let mut out = vec![f32::NAN; m * n];
        product(Mat::new(&a, m, k), Mat::new(&b, k, n), MatMut::new(&mut out, m, n), false);
        assert_close(&out, &exact, tolerance);
        let a_stored: Vec<f32> = (0..k * m).map(|i| a[(i % m) * k + i / m]).collect();
        let b_stored: Vec<f32> = (0..k * n).map(|i| b[(i % k) * n + i / k]).collect();
        let stride = n + 3;
        let mut wide = vec![0.0; m * stride];
        for _ in 0..2 {
            product(Mat::new(&a_stored, k, m).t(), Mat::new(&b_stored, n, k).t(), MatMut::strided(&mut wide, m, n, stride), true);
        }
        let doubled: Vec<f64> = exact.iter().map(|x| 2.0 * x).collect();
        let dense: Vec<f32> = wide.chunks(stride).flat_map(|row| row[..n].to_vec()).collect();
        assert_close(&dense, &doubled, tolerance);
        assert!(wide.chunks(stride).all(|row| row[n..].iter().all(|&x| x == 0.0)), "wrote beyond its columns");
    }

    /// Tolerance 1e-5: sums of at most 130 products, in f32 or with AMX's 16 bits.
    #[test]
    fn products_agree_with_the_slow_twin_at_odd_sizes_and_strides() {
        for size in [(1, 1, 1), (1, 64, 130), (3, 5, 7), (17, 33, 65), (64, 130, 1), (130, 64, 97)] {
            assert_agrees_with_the_twin(|a, b, out, add| if add { matmul_add(a, b, out) } else { matmul(a, b, out) }, size, 1e-5);
        }
    }

    #[test]
    fn threads_share_products_by_rows_or_columns() {
        for (m, k, n) in [(530, 257, 300), (300, 257, 530), (1, 40_000, 1000)] {
            let (a, b) = (random(m * k, 1), random(k * n, 2));
            let (mut alone, mut shared) = (random(m * n, 3), random(m * n, 3));
            matmul_add(Mat::new(&a, m, k), Mat::new(&b, k, n), MatMut::new(&mut alone, m, n));
            on_threads(5, || matmul_add(Mat::new(&a, m, k), Mat::new(&b, k, n), MatMut::new(&mut shared, m, n)));
            assert_close(&shared, &alone.iter().map(|&value| f64::from(value)).collect::<Vec<_>>(), 1e-6);
        }
    }

    #[test]
    fn symmetric_products_agree_with_whole_ones() {
        for (n, k) in [(1, 3), (63, 20), (64, 64), (65, 7), (192, 130), (200, 192)] {
            let x = random(n * k, 1);
            let x = Mat::new(&x, n, k);
            let (mut whole, mut mirrored) = (vec![f32::NAN; n * n], vec![f32::NAN; n * n]);
            matmul(x, x.t(), MatMut::new(&mut whole, n, n));
            symmetric_matmul(x, x.t(), &mut mirrored);
            assert_close(&mirrored, &whole.iter().map(|&value| f64::from(value)).collect::<Vec<_>>(), 1e-5);
            assert!((0..n * n).all(|i| mirrored[i] == mirrored[i % n * n + i / n]), "({n}, {k}) is not symmetric");
        }
    }

    #[test]
    #[should_panic(expected = "product of (2, 3) and (4, 5)")]
    fn a_wrong_shape_panics_with_both_shapes() {
        let mut out = [0.0; 10];
        matmul(Mat::new(&[0.0; 6], 2, 3), Mat::new(&[0.0; 20], 4, 5), MatMut::new(&mut out, 2, 5));
    }
}
