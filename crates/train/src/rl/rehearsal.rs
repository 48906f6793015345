//! Worked examples between the updates of practice, so that what was learnt from them stays.
//!
//! What is practised pulls on everything else: a model that found out that working sums out leads to right answers does so where a program
//! was asked for too. A few rows of examples a step hold against it (Ouyang et al. 2022 mix pretraining gradients in, "PPO-ptx").

use tokenizer::chat::Rendered;

use crate::batch::Batch;
use crate::mixture::{self, Share};
use crate::packing;
use crate::sft::{Prepared, prepare};
use crate::start::Start;

/// The examples, packed into rows for all steps.
pub(super) struct Rehearsal {
    rendered: Vec<Rendered>,
    rows: Vec<Vec<usize>>,
    rows_of_step: usize,
    len: usize,
    pad: u32,
}

impl Rehearsal {
    /// So many rows of `len` tokens for each step, short ones filled up with `pad`; nothing where there are no examples.
    pub fn new(mixture: &[Share], start: &Start, steps: usize, rows_of_step: usize, pad: u32, seed: u64) -> Option<Rehearsal> {
        let len = start.config().context;
        let Prepared { rendered, files, .. } = prepare(mixture, start, len + 1);
        let lengths: Vec<usize> = rendered.iter().map(|one| one.ids.len()).collect();
        let mut rows = Vec::new();
        for epoch in 0.. {
            let drawn = mixture::draw(&files, seed, epoch);
            if drawn.is_empty() || rows.len() >= steps * rows_of_step {
                break;
            }
            rows.extend(packing::best_fit(&lengths, drawn, len + 1, seed, epoch).rows);
        }
        (rows_of_step > 0 && rows.len() >= steps * rows_of_step).then_some(Rehearsal { rendered, rows, rows_of_step, len, pad })
    }

    /// Identifies the examples and their order.
    pub fn hash(&self) -> String {
        base::files::hash_bytes(format!("{:?} {:?}", self.rendered, self.rows).as_bytes())
    }

    /// The micro-batches of a step, counted from 0: one row each.
    pub fn batches(&self, step: usize) -> Vec<Batch> {
        let row = |row: &Vec<usize>| {
            let (ids, weights) = packing::join(&self.rendered, row, self.len + 1);
            let mut batch = Batch::default();
            batch.push_row(&ids, |at| weights[at], self.len, self.pad);
            batch
        };
        self.rows[step * self.rows_of_step..][..self.rows_of_step].iter().map(row).collect()
    }
}
