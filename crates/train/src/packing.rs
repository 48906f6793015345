//! Conversations into rows: best fit, none cut in two.

use base::rng::{self, Rng};
use tokenizer::chat::Rendered;

/// Which conversations share a row.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Indices of conversations, row by row.
    pub rows: Vec<Vec<usize>>,
}

/// Packs the `drawn` conversations, in the random order of (seed, epoch), into rows of at most `capacity` ids: each goes into the open
/// row where it leaves the least room, or opens a new one. Rows come out in random order too.
pub fn best_fit(lengths: &[usize], mut drawn: Vec<usize>, capacity: usize, seed: u64, epoch: usize) -> Packed {
    let mut rng = Rng::derive(seed, &[rng::label("packing"), epoch as u64]);
    rng.shuffle(&mut drawn);
    let mut rows: Vec<Vec<usize>> = Vec::new();
    // Open rows by free room: index = room. A row leaves the table when it is filled exactly.
    let mut open: Vec<Vec<usize>> = vec![Vec::new(); capacity + 1];
    for conversation in drawn {
        let length = lengths[conversation].min(capacity);
        let room = (length..capacity).find(|&room| !open[room].is_empty());
        let (row, room) = match room {
            Some(room) => (open[room].pop().unwrap_or_default(), room),
            None => {
                rows.push(Vec::new());
                (rows.len() - 1, capacity)
            }
        };
        rows[row].push(conversation);
        if room > length {
            open[room - length].push(row);
        }
    }
    rng.shuffle(&mut rows);
    Packed { rows }
}

/// The ids and weights of one row, cut at `capacity` ids. A conversation longer than the whole row is the only one cut.
pub fn join(rendered: &[Rendered], row: &[usize], capacity: usize) -> (Vec<u32>, Vec<f32>) {
    let mut ids: Vec<u32> = row.iter().flat_map(|&i| rendered[i].ids.iter().copied()).collect();
    let mut weights: Vec<f32> = row.iter().flat_map(|&i| rendered[i].weights.iter().copied()).collect();
    ids.truncate(capacity);
    weights.truncate(capacity);
    (ids, weights)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_conversation_lies_whole_in_one_row() {
        let mut rng = Rng::new(1);
        let lengths: Vec<usize> = (0..500).map(|_| 3 + rng.below(60)).collect();
        let pack = |epoch: usize| best_fit(&lengths, (0..500).collect(), 64, 7, epoch);
        let packed = pack(0);
        let mut seen: Vec<usize> = packed.rows.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..500).collect::<Vec<_>>());
        assert!(packed.rows.iter().all(|row| row.iter().map(|&i| lengths[i]).sum::<usize>() <= 64));
        let filled = lengths.iter().sum::<usize>() as f64 / (packed.rows.len() * 64) as f64;
        assert!(filled > 0.93, "rows are {filled} full");
        assert_eq!(pack(0), packed);
        assert_ne!(pack(1), packed);
    }

    #[test]
    fn one_that_is_too_long_is_alone_and_cut() {
        let rendered =
            vec![Rendered { ids: (0..100).collect(), weights: vec![1.0; 100] }, Rendered { ids: vec![5; 3], weights: vec![0.0; 3] }];
        let packed = best_fit(&[100, 3], vec![0, 1], 64, 1, 0);
        assert_eq!(packed.rows.len(), 2);
        let (ids, weights) = join(&rendered, &[0], 64);
        assert_eq!((ids.len(), weights.len()), (64, 64));
    }
}
