//! Matrix products on strided views, by the `gemm` crate, on the calling thread alone.
//!
//! A linear layer y = x Wᵀ with W (out, in) is `matmul(x, w.t(), y)`; its backward is
//! `matmul(dy, w, dx)` and `matmul_add(dy.t(), x, dw)`.

/// A matrix to read: rows and columns at any stride.
#[derive(Clone, Copy, Debug)]
pub struct Mat<'a> {
    data: &'a [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
    col_stride: usize,
}

/// A matrix to write, rows contiguous.
#[derive(Debug)]
pub struct MatMut<'a> {
    data: &'a mut [f32],
    rows: usize,
    cols: usize,
    row_stride: usize,
}

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
    fn rows(self, from: usize, to: usize) -> Mat<'a> {
        assert!(from < to && to <= self.rows, "rows {from}..{to} of {}", self.rows);
        Mat { data: &self.data[from * self.row_stride..], rows: to - from, ..self }
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
        MatMut { data, rows, cols, row_stride }
    }
}

/// `out = a b`.
pub fn matmul(a: Mat, b: Mat, out: MatMut) {
    product(a, b, out, false);
}

/// `out += a b`.
pub fn matmul_add(a: Mat, b: Mat, out: MatMut) {
    product(a, b, out, true);
}

/// `out = a b` where the product is known to be symmetric, (n, n) dense: its upper triangle is mirrored and not computed.
/// Two thirds of the work at n = 192, near half of it for large n.
pub fn symmetric_matmul(a: Mat, b: Mat, out: &mut [f32]) {
    /// Rows of a panel, which is computed up to the end of its diagonal block.
    const PANEL: usize = 64;
    let n = a.rows;
    assert_eq!((b.cols, out.len()), (n, n * n), "a symmetric product of ({n}, {}) and ({}, {})", a.cols, b.rows, b.cols);
    for from in (0..n).step_by(PANEL) {
        let to = (from + PANEL).min(n);
        matmul(a.rows(from, to), b.t().rows(0, to).t(), MatMut::strided(&mut out[from * n..], to - from, to, n));
        for row in 0..from {
            for col in from..to {
                out[row * n + col] = out[col * n + row];
            }
        }
    }
}

fn product(a: Mat, b: Mat, out: MatMut, accumulate: bool) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!(k, b.rows, "product of ({m}, {k}) and ({}, {n})", b.rows);
    assert_eq!((m, n), (out.rows, out.cols), "product of ({m}, {k}) and ({k}, {n}) into ({}, {})", out.rows, out.cols);
    if m == 0 || n == 0 {
        return;
    }
    // SAFETY: each view was checked at construction to lie within its slice for exactly these rows, columns and
    // strides; `out` is a unique borrow whose rows do not overlap, so it aliases neither input.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            out.data.as_mut_ptr(),
            1,
            out.row_stride as isize,
            accumulate,
            a.data.as_ptr(),
            a.col_stride as isize,
            a.row_stride as isize,
            b.data.as_ptr(),
            b.col_stride as isize,
            b.row_stride as isize,
            1.0f32,
            1.0f32,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, random};

    /// Tolerance 1e-5 on the norm of the difference over the norm: sums of at most 130 products in f32.
    #[test]
    fn products_agree_with_the_slow_twin_at_odd_sizes_and_strides() {
        for (m, k, n) in [(1, 1, 1), (1, 64, 130), (3, 5, 7), (17, 33, 65), (64, 130, 1), (130, 64, 97)] {
            let (a, b) = (random(m * k, 1), random(k * n, 2));
            let exact = reference::matmul(&a, &b, m, k, n);
            let mut out = vec![f32::NAN; m * n];
            matmul(Mat::new(&a, m, k), Mat::new(&b, k, n), MatMut::new(&mut out, m, n));
            assert_close(&out, &exact, 1e-5);
            // The same product from transposed storage, added to itself, into a wider matrix.
            let a_stored: Vec<f32> = (0..k * m).map(|i| a[(i % m) * k + i / m]).collect();
            let b_stored: Vec<f32> = (0..k * n).map(|i| b[(i % k) * n + i / k]).collect();
            let stride = n + 3;
            let mut wide = vec![0.0; m * stride];
            for _ in 0..2 {
                matmul_add(Mat::new(&a_stored, k, m).t(), Mat::new(&b_stored, n, k).t(), MatMut::strided(&mut wide, m, n, stride));
            }
            let doubled: Vec<f64> = exact.iter().map(|x| 2.0 * x).collect();
            let dense: Vec<f32> = wide.chunks(stride).flat_map(|row| row[..n].to_vec()).collect();
            assert_close(&dense, &doubled, 1e-5);
            assert!(wide.chunks(stride).all(|row| row[n..].iter().all(|&x| x == 0.0)), "wrote beyond its columns");
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
            assert_close(&mirrored, &whole.iter().map(|&value| f64::from(value)).collect::<Vec<_>>(), 1e-6);
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
