//! Conversations of several files in one training run, each file with a weight.

use base::rng::{self, Rng};
use tokenizer::chat::Conversation;

/// The conversations of a file, and how often an epoch has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// What is learnt from.
    pub conversations: Vec<Conversation>,
    /// Passes in an epoch: at 3 each comes three times, at 0.5 half of them once, drawn anew for each epoch.
    pub weight: f64,
}

/// The conversations of an epoch, counted through all files. Each file is given by its number of conversations and its weight.
pub fn draw(files: &[(usize, f64)], seed: u64, epoch: usize) -> Vec<usize> {
    let mut drawn = Vec::new();
    let mut first = 0;
    for (file, &(count, weight)) in files.iter().enumerate() {
        let all: Vec<usize> = (first..first + count).collect();
        first += count;
        (0..weight as usize).for_each(|_| drawn.extend(&all));
        let mut rng = Rng::derive(seed, &[rng::label("mixture"), file as u64, epoch as u64]);
        // The part that is left is right on average even of a file with one conversation.
        let part = (weight.fract() * count as f64 + rng.unit_f64()) as usize;
        if weight.fract() > 0.0 {
            drawn.extend(rng.sample(&all, part.min(count)));
        }
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_weight_is_the_number_of_passes() {
        assert_eq!(draw(&[(3, 1.0), (2, 2.0), (4, 0.0)], 1, 0), [0, 1, 2, 3, 4, 3, 4]);
        let half = |epoch: usize| draw(&[(10, 0.5), (100, 2.25)], 1, epoch);
        let mut counts = [0; 110];
        for epoch in 0..200 {
            let drawn = half(epoch);
            let of_first: std::collections::BTreeSet<&usize> = drawn.iter().filter(|&&i| i < 10).collect();
            assert!((5..=6).contains(&of_first.len()), "no conversation twice: {of_first:?}");
            assert!((5 + 225..=6 + 226).contains(&drawn.len()));
            drawn.iter().for_each(|&i| counts[i] += 1);
        }
        assert!(counts[..10].iter().all(|count| (70..130).contains(count)), "{counts:?}");
        assert!(counts[10..].iter().all(|count| (420..490).contains(count)), "{counts:?}");
        assert_ne!(half(0), half(1));
        assert_eq!(half(3), half(3));
        let single: usize = (0..400).map(|epoch| draw(&[(1, 0.3)], 1, epoch).len()).sum();
        assert!((90..150).contains(&single), "{single}");
    }
}
