//! Sharing one operation among threads: those of the `rayon` pool that the caller runs in. Outside a pool nothing is shared.
//!
//! A model whose gradient fits the memory only once or twice is trained by as many workers, each with a pool of its own
//! inside which every operation here cuts its rows, heads or columns. The cuts depend on the number of threads alone, so
//! that the same number gives the same bytes.

/// Threads that share the caller's operations.
#[inline]
pub fn threads() -> usize {
    if rayon::current_thread_index().is_some() { rayon::current_num_threads() } else { 1 }
}

/// Rows of one thread's share of `rows`.
pub(crate) fn rows(rows: usize) -> usize {
    rows.div_ceil(threads()).max(1)
}

/// Works on every piece: one after the other, or each on a thread of the pool.
pub(crate) fn each<P: Send>(pieces: impl Iterator<Item = P>, work: impl Fn(P) + Sync) {
    if threads() == 1 {
        return pieces.for_each(work);
    }
    let work = &work;
    rayon::in_place_scope(|scope| pieces.for_each(|piece| scope.spawn(move |_| work(piece))));
}

/// Calls `work` with pieces and a sum of `len` numbers for each to add to, and adds those to `total` in the pieces' order.
pub(crate) fn each_adding<P: Send>(pieces: impl Iterator<Item = P>, total: &mut [f32], work: impl Fn(P, &mut [f32]) + Sync) {
    if threads() == 1 {
        return pieces.for_each(|piece| work(piece, total));
    }
    let mut sums = vec![0.0; threads() * total.len()];
    each(pieces.zip(sums.chunks_exact_mut(total.len())), |(piece, sum)| work(piece, sum));
    sums.chunks_exact(total.len()).for_each(|sum| crate::simd::add(sum, total));
}
