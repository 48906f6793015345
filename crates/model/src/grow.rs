//! More ids for a model: rows for tokens that its maker did not know.

use base::rng::{self, Rng};

use crate::{Model, Params, Role};

/// A new row differs from the mean by this share of the rows' own deviation: enough for rows to be told apart, too little for
/// a new token to be likely or to stand out in what is read.
const NOISE: f32 = 0.1;

impl Model {
    /// The same model with at least `vocab_size` ids, of which it has learnt the first `known`. Rows of the others, in the embedding
    /// table and in a head of its own, are the mean of the known ones and a little noise that the seed decides: the logit of a new
    /// token is the mean of all logits at first. What it computes of the known ids does not change.
    pub fn with_vocab(self, vocab_size: usize, known: usize, seed: u64) -> Model {
        let vocab_size = vocab_size.max(self.config.vocab_size);
        assert!(0 < known && known <= self.config.vocab_size, "{known} known ids of {}", self.config.vocab_size);
        let config = crate::Config { vocab_size, ..self.config };
        let mut params = Params::zeros(&config);
        for (old, new) in self.params.layout.tensors.iter().zip(&params.layout.tensors) {
            assert_eq!(old.name, new.name);
            let (from, to) = (old.span.of(&self.params.data), new.span.of_mut(&mut params.data));
            to[..from.len()].copy_from_slice(from);
            let is_of_ids = old.role == Role::Table && old.span != self.params.layout.positions;
            if is_of_ids {
                let mut rng = Rng::derive(seed, &[rng::label("new ids"), rng::label(&new.name)]);
                fill_rows(to, new.shape[1], known, &mut rng);
            }
        }
        Model { config, params }
    }
}

/// Fills the rows behind the first `known` ones.
fn fill_rows(table: &mut [f32], width: usize, known: usize, rng: &mut Rng) {
    let (old, new) = table.split_at_mut(known * width);
    let mut mean = vec![0.0f64; width];
    old.chunks(width).for_each(|row| mean.iter_mut().zip(row).for_each(|(sum, &x)| *sum += f64::from(x)));
    mean.iter_mut().for_each(|sum| *sum /= known as f64);
    let squares: f64 = old.chunks(width).flat_map(|row| row.iter().zip(&mean).map(|(&x, mean)| (f64::from(x) - mean).powi(2))).sum();
    let deviation = NOISE * (squares / old.len() as f64).sqrt() as f32;
    for row in new.chunks_mut(width) {
        row.iter_mut().zip(&mean).for_each(|(x, mean)| *x = *mean as f32 + deviation * rng.normal());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activations, Config, Family, Target};

    #[test]
    fn new_rows_are_near_the_mean_and_nothing_else_changes() {
        for (tie_embeddings, family) in [true, false].into_iter().flat_map(|tied| Family::ALL.map(|family| (tied, family))) {
            // Two of the thirty ids are padding that nobody learnt.
            let config = Config { tie_embeddings, ..Config::from_depth(1, 30, 8).with_family(family) };
            let model = Model::new(config, 1);
            let grown = model.clone().with_vocab(33, 28, 7);
            assert_eq!((grown.config.vocab_size, grown.params.data.len()), (33, crate::Layout::new(&grown.config).len));
            for (old, new) in model.params.layout.tensors.iter().zip(&grown.params.layout.tensors) {
                let (before, after) = (old.span.of(&model.params.data), new.span.of(&grown.params.data));
                let is_of_ids = old.span == model.params.layout.embed || old.span == model.params.layout.head;
                let known = if is_of_ids { 28 * old.shape[1] } else { before.len() };
                assert_eq!(&after[..known], &before[..known], "{}", old.name);
                let mean: f32 = before[..known].iter().step_by(64).sum::<f32>() / 28.0;
                let new_first = after[known..].iter().step_by(64);
                assert!(!is_of_ids || new_first.clone().count() == 5);
                assert!(new_first.clone().all(|x| (x - mean).abs() < 0.02), "{}: {mean} {:?}", old.name, new_first.collect::<Vec<_>>());
            }
            // The hidden states are the same, so a known id's log-probability falls only by what the new ids take.
            let tokens = [1u32, 5, 27, 3, 9, 9, 0, 2];
            let logprob = |model: &Model| {
                let mut acts = Activations::new(&model.config, 1, 8);
                model.forward(&tokens, &mut acts);
                model.score(&[Target { row: 7, token: 4 }], &mut acts);
                acts.logprobs[0]
            };
            let fallen = logprob(&model) - logprob(&grown);
            assert!((0.0..0.2).contains(&fallen), "{fallen}");
            assert_eq!(model.clone().with_vocab(33, 28, 7).params.data, grown.params.data);
        }
    }

    #[test]
    fn padding_that_is_wide_enough_is_filled_in_place() {
        let model = Model::new(Config::from_depth(1, 30, 8), 1);
        let grown = model.clone().with_vocab(29, 27, 1);
        assert_eq!(grown.config, model.config);
        assert_eq!(grown.params.data[..27 * 64], model.params.data[..27 * 64]);
        assert_ne!(grown.params.data[27 * 64..28 * 64], model.params.data[27 * 64..28 * 64]);
    }
}
