//! Bits per byte on held-out pages: a measure that does not depend on the tokenizer.

use model::Model;
use tokenizer::Tokenizer;
use tokenizer::shards::TokenView;

use crate::Result;
use crate::batch::Batch;
use crate::step::Workers;

/// The held-out rows, prepared once.
#[derive(Clone, Debug)]
pub struct Validation {
    batches: Vec<Batch>,
    /// Bytes of text behind each target; special tokens have 0 and are left out of both sums (as in nanochat).
    bytes: Vec<Vec<u32>>,
}

impl Validation {
    /// The first `max_rows` windows of a stream, in micro-batches of `rows`. `None` where there is less than one window.
    pub fn new(view: &TokenView, tokenizer: &Tokenizer, rows: usize, len: usize, max_rows: usize) -> Result<Option<Validation>> {
        let windows = (view.len().saturating_sub(1) / len).min(max_rows);
        let lengths = tokenizer.token_lengths();
        let (mut batches, mut bytes) = (Vec::new(), Vec::new());
        for first in (0..windows).step_by(rows) {
            let mut batch = Batch::default();
            for window in first..first + rows {
                let mut ids = vec![0; len + 1];
                if window < windows {
                    view.copy(window * len..(window + 1) * len + 1, &mut ids)?;
                }
                // Rows beyond the end fill the micro-batch and are not scored.
                batch.push_row(&ids, |_| if window < windows { 1.0 } else { 0.0 }, len, 0);
            }
            bytes.push(batch.targets.iter().map(|target| lengths[target.token as usize]).collect());
            batches.push(batch);
        }
        Ok((windows > 0).then_some(Validation { batches, bytes }))
    }

    /// Bits per byte of the model.
    pub fn bits_per_byte(&self, model: &Model, workers: &mut Workers) -> f64 {
        let logprobs = workers.logprobs(model, &self.batches);
        let (mut nats, mut total) = (0.0f64, 0u64);
        for (&logprob, &bytes) in logprobs.iter().flatten().zip(self.bytes.iter().flatten()) {
            if bytes > 0 {
                nats -= f64::from(logprob);
                total += u64::from(bytes);
            }
        }
        nats / std::f64::consts::LN_2 / total.max(1) as f64
    }
}
