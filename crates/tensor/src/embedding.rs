//! Token embeddings: rows of a table.

use crate::simd::{axpy, kernel};

/// `out` (N, C) takes row `tokens[n]` of `table` (V, C).
pub fn embedding(tokens: &[u32], table: &[f32], c: usize, out: &mut [f32]) {
    assert_eq!(out.len(), tokens.len() * c, "embedding of {} tokens of {c}", tokens.len());
    for (&token, out) in tokens.iter().zip(out.chunks_exact_mut(c)) {
        out.copy_from_slice(&table[token as usize * c..][..c]);
    }
}

kernel! {
    /// `out` (N, C) += row `rows[n]` of `table` (R, C): learned positions.
    pub fn add_rows(rows: &[u32], table: &[f32], c: usize, out: &mut [f32]) {
        assert_eq!(out.len(), rows.len() * c, "rows of {c} added to {}", out.len());
        for (&row, out) in rows.iter().zip(out.chunks_exact_mut(c)) {
            axpy(1.0, &table[row as usize * c..][..c], out);
        }
    }
}

kernel! {
    /// Backward: row `tokens[n]` of `dtable` receives `dout[n]`, in the order of n.
    pub fn embedding_backward(dout: &[f32], tokens: &[u32], c: usize, dtable: &mut [f32]) {
        assert_eq!(dout.len(), tokens.len() * c, "embedding_backward of {} tokens of {c}", tokens.len());
        for (&token, dout) in tokens.iter().zip(dout.chunks_exact(c)) {
            axpy(1.0, dout, &mut dtable[token as usize * c..][..c]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference;
    use crate::test_util::{assert_close, finite_differences, random, weighted_sum, widen};

    #[test]
    fn forward_and_backward_agree_with_the_twin() {
        let (tokens, c) = ([2u32, 0, 2], 5);
        let (table, dy) = (random(4 * c, 1), random(3 * c, 2));
        let mut out = vec![0.0; 3 * c];
        embedding(&tokens, &table, c, &mut out);
        assert_close(&out, &reference::embedding(&tokens, &widen(&table), c), 1e-7);
        let twice: Vec<f64> = out.iter().map(|&x| 2.0 * f64::from(x)).collect();
        add_rows(&tokens, &table, c, &mut out);
        assert_close(&out, &twice, 1e-7);
        let mut dtable = vec![0.0; 4 * c];
        embedding_backward(&dy, &tokens, c, &mut dtable);
        let exact = finite_differences(&widen(&table), |table| weighted_sum(&reference::embedding(&tokens, table, c), &dy));
        assert_close(&dtable, &exact, 1e-6);
    }
}
