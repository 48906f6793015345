//! The `gemm` crate's product of two matrices.

use crate::matmul::{Mat, MatMut};

/// `out = a b`, or `out += a b`, on the calling thread.
pub fn product(a: Mat, b: Mat, out: MatMut, add: bool) {
    let (m, k, n) = (a.rows, a.cols, b.cols);
    assert_eq!((k, m, n), (b.rows, out.rows, out.cols), "product of ({m}, {k}) and ({}, {n}) into ({}, {})", b.rows, out.rows, out.cols);
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
            out.first,
            1,
            out.row_stride as isize,
            add,
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
