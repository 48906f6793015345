//! Rows of query and key matrices in the two orders that rotary positions are computed in.
//!
//! Hugging Face rotates element `i` of a head together with element `i + D/2` (halves). The architecture `llama` of GGUF keeps the
//! order of Meta's own code, which rotates neighbours, `2i` and `2i + 1` (pairs), as RoFormer's equation 34 has it
//! (arXiv:2104.09864). What is rotated together is the same in both, so a file only orders the rows of each head in another way; a
//! reader that forgets it fails nowhere and talks nonsense. Other architectures of GGUF keep the halves. Rows are bytes here, so
//! that blocks of any type are moved as they are.

/// From Hugging Face's order to that of GGUF's `llama`: in each head row `i` of the first half and row `i` of the second become rows
/// `2i` and `2i + 1`. `bytes` are the rows of all heads, one after the other; of a bias each element is a row.
///
/// Panics if the rows are not an even number in each head.
pub fn halves_to_pairs(bytes: &[u8], n_heads: usize, n_rows: usize) -> Vec<u8> {
    reorder(bytes, n_heads, n_rows, |row, half| row % 2 * half + row / 2)
}

/// The way back from [`halves_to_pairs`].
pub fn pairs_to_halves(bytes: &[u8], n_heads: usize, n_rows: usize) -> Vec<u8> {
    reorder(bytes, n_heads, n_rows, |row, half| row % half * 2 + row / half)
}

/// In each head, row `r` of what is given is row `source(r, half a head)` of `bytes`.
fn reorder(bytes: &[u8], n_heads: usize, n_rows: usize, source: impl Fn(usize, usize) -> usize) -> Vec<u8> {
    let fits = n_heads > 0 && n_rows.is_multiple_of(2 * n_heads) && n_rows > 0 && bytes.len().is_multiple_of(n_rows);
    assert!(fits, "{} bytes in {n_rows} rows are not {n_heads} heads of an even number of rows", bytes.len());
    let (row_bytes, half) = (bytes.len() / n_rows, n_rows / n_heads / 2);
    let mut out = Vec::with_capacity(bytes.len());
    for head in bytes.chunks_exact((2 * half * row_bytes).max(1)) {
        for row in 0..2 * half {
            let at = source(row, half) * row_bytes;
            out.extend_from_slice(&head[at..at + row_bytes]);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_at_any_width() {
        for (n_heads, n_rows, row_bytes) in [(1, 2, 1), (1, 8, 4), (3, 12, 1), (2, 16, 34), (5, 60, 7)] {
            let bytes: Vec<u8> = (0..n_rows * row_bytes).map(|n| (n % 251) as u8).collect();
            let pairs = halves_to_pairs(&bytes, n_heads, n_rows);
            assert_eq!(pairs_to_halves(&pairs, n_heads, n_rows), bytes);
            assert_eq!(halves_to_pairs(&pairs_to_halves(&bytes, n_heads, n_rows), n_heads, n_rows), bytes);
        }
        assert_eq!(halves_to_pairs(&[0, 1, 2, 3, 10, 11, 12, 13], 2, 8), [0, 2, 1, 3, 10, 12, 11, 13]);
    }

    /// Two numbers turned by an angle: the rotation of RoFormer's equation 13.
    fn turn(x: f32, y: f32, angle: f32) -> (f32, f32) {
        (x * angle.cos() - y * angle.sin(), x * angle.sin() + y * angle.cos())
    }

    #[test]
    fn rotating_pairs_is_rotating_halves_in_the_other_order() {
        let (n_heads, width, position) = (3, 8, 5.0f32);
        let values: Vec<f32> = (0..n_heads * width).map(|n| (n as f32 * 0.7).sin()).collect();
        let to_bytes = |values: &[f32]| values.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let to_floats = |bytes: &[u8]| bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<f32>>();
        let angle = |i: usize| position * 10_000f32.powf(-2.0 * i as f32 / width as f32);

        let mut halves = values.clone();
        for head in halves.chunks_exact_mut(width) {
            for i in 0..width / 2 {
                (head[i], head[i + width / 2]) = turn(head[i], head[i + width / 2], angle(i));
            }
        }
        let mut pairs = to_floats(&halves_to_pairs(&to_bytes(&values), n_heads, values.len()));
        assert_ne!(pairs, values);
        for head in pairs.chunks_exact_mut(width) {
            for i in 0..width / 2 {
                (head[2 * i], head[2 * i + 1]) = turn(head[2 * i], head[2 * i + 1], angle(i));
            }
        }
        assert_eq!(to_floats(&pairs_to_halves(&to_bytes(&pairs), n_heads, values.len())), halves);
    }

    #[test]
    #[should_panic(expected = "12 bytes in 6 rows are not 2 heads")]
    fn heads_of_an_odd_number_of_rows_are_a_bug() {
        halves_to_pairs(&[0; 12], 2, 6);
    }
}
