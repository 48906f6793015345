//! A micro-batch: rows of tokens, and which positions are scored with which weight.

use model::Target;

/// What one worker runs through the model at once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Tokens of a row, T; 0 where there is none yet.
    pub len: usize,
    /// Input tokens, (rows, T).
    pub tokens: Vec<u32>,
    /// Scored positions; `row` counts through all rows, so that it is row * T + position.
    pub targets: Vec<Target>,
    /// Weight of each scored position in the loss, before the step divides by the sum of all weights.
    pub weights: Vec<f32>,
    /// Where the model drew the targets itself, what is known of each; empty where it did not.
    pub drawn: Vec<Drawn>,
}

/// A target that the model drew itself.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Drawn {
    /// Its log-probability when it was drawn, as the sampler had it.
    pub logprob: f32,
    /// Its log-probability under the reference policy; 0 where nobody needs it.
    pub reference: f32,
    /// What its answer is worth, beside the others of its group.
    pub advantage: f32,
    /// Number of its answer in this micro-batch.
    pub answer: u32,
}

impl Batch {
    /// Adds a row of `len` tokens: `ids[i + 1]` is the target at position i, with weight `weights[i + 1]` (none where 0).
    /// Short rows are filled with `pad`, unscored.
    pub fn push_row(&mut self, ids: &[u32], weights: impl Fn(usize) -> f32, len: usize, pad: u32) {
        assert!(ids.len() <= len + 1, "a row of {} ids in a length of {len}", ids.len());
        assert!(self.len == len || self.tokens.is_empty(), "rows of {} and of {len} tokens in one micro-batch", self.len);
        self.len = len;
        let start = self.tokens.len();
        self.tokens.extend_from_slice(&ids[..ids.len().min(len)]);
        self.tokens.resize(start + len, pad);
        for at in 1..ids.len() {
            let weight = weights(at);
            if weight != 0.0 {
                self.targets.push(Target { row: (start + at - 1) as u32, token: ids[at] });
                self.weights.push(weight);
            }
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.tokens.len() / self.len.max(1)
    }

    /// Sum of the weights.
    pub fn total_weight(&self) -> f64 {
        self.weights.iter().map(|&weight| f64::from(weight)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_shifted_by_one_and_padded_without_weight() {
        let mut batch = Batch::default();
        batch.push_row(&[7, 8, 9], |at| if at == 2 { 1.0 } else { 0.0 }, 4, 0);
        batch.push_row(&[1, 2, 3, 4, 5], |_| 0.5, 4, 0);
        assert_eq!(batch.tokens, [7, 8, 9, 0, 1, 2, 3, 4]);
        let pairs: Vec<(u32, u32)> = batch.targets.iter().map(|target| (target.row, target.token)).collect();
        assert_eq!(pairs, [(1, 9), (4, 2), (5, 3), (6, 4), (7, 5)]);
        assert_eq!(batch.total_weight(), 3.0);
    }
}
