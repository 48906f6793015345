//! Rows of pretraining: windows of the token stream, in an order that the seed gives.
//!
//! The stream of shuffled documents is cut into windows of T + 1 tokens, neighbours sharing one token. Each epoch is a
//! permutation of all windows. Which rows a step sees depends on the seed and the step alone, so nothing about the loader
//! needs to be saved.

use base::rng::{self, Rng};
use tokenizer::shards::TokenView;

use crate::batch::Batch;
use crate::{Error, Result};

/// The rows of a token stream.
#[derive(Debug)]
pub struct Loader<'a> {
    view: &'a TokenView,
    len: usize,
    windows: usize,
    seed: u64,
    order: Vec<u32>,
    epoch: Option<usize>,
}

impl<'a> Loader<'a> {
    /// Windows of `len` tokens and their targets.
    pub fn new(view: &'a TokenView, len: usize, seed: u64) -> Result<Loader<'a>> {
        let windows = view.len().saturating_sub(1) / len;
        if windows == 0 {
            let tokens = view.len();
            return Err(Error::Refused(format!(
                "the token shards hold {tokens} tokens, fewer than one row of {len}; give more documents or a smaller context"
            )));
        }
        Ok(Loader { view, len, windows, seed, order: Vec::new(), epoch: None })
    }

    /// Rows of one epoch.
    pub fn windows(&self) -> usize {
        self.windows
    }

    /// Adds row number `row` of the run (counted through all epochs) to a batch, every position scored.
    pub fn push(&mut self, row: usize, batch: &mut Batch) -> Result<()> {
        let (epoch, place) = (row / self.windows, row % self.windows);
        if self.epoch != Some(epoch) {
            self.order = (0..self.windows as u32).collect();
            Rng::derive(self.seed, &[rng::label("windows"), epoch as u64]).shuffle(&mut self.order);
            self.epoch = Some(epoch);
        }
        let start = self.order[place] as usize * self.len;
        let mut ids = vec![0; self.len + 1];
        self.view.copy(start..start + self.len + 1, &mut ids)?;
        batch.push_row(&ids, |_| 1.0, self.len, 0);
        Ok(())
    }
}
