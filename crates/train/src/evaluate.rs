//! Bits per byte on held-out pages: a measure that does not depend on the tokenizer.

use model::Model;
use tokenizer::shards::TokenView;
use tokenizer::{Encoder, Tokenizer};

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
        if windows == 0 {
            return Ok(None);
        }
        let mut ids = vec![0; windows * len + 1];
        view.copy(0..ids.len(), &mut ids)?;
        Ok(Some(Validation::of_ids(&ids, tokenizer, rows, len)))
    }

    /// Whole texts, one behind the other as in a stream of shards, in micro-batches of `rows` windows.
    pub fn of_texts(texts: impl Iterator<Item = String>, tokenizer: &Tokenizer, rows: usize, len: usize) -> Validation {
        let mut encoder = Encoder::new(tokenizer);
        let mut ids = Vec::new();
        for text in texts {
            ids.push(tokenizer.eot());
            encoder.encode_into(&text, &mut ids);
        }
        Validation::of_ids(&ids, tokenizer, rows, len)
    }

    /// Windows of `len` ids and the one behind them; the last one may be shorter.
    fn of_ids(ids: &[u32], tokenizer: &Tokenizer, rows: usize, len: usize) -> Validation {
        let windows = ids.len().saturating_sub(1).div_ceil(len);
        let lengths = tokenizer.token_lengths();
        let (mut batches, mut bytes) = (Vec::new(), Vec::new());
        for first in (0..windows).step_by(rows) {
            let mut batch = Batch::default();
            for window in first..first + rows {
                // Rows beyond the end fill the micro-batch and have no targets.
                let row = (window * len).min(ids.len())..((window + 1) * len + 1).min(ids.len());
                batch.push_row(&ids[row], |_| 1.0, len, 0);
            }
            bytes.push(batch.targets.iter().map(|target| lengths[target.token as usize]).collect());
            batches.push(batch);
        }
        Validation { batches, bytes }
    }

    /// Bytes of text that are scored.
    pub fn bytes(&self) -> u64 {
        self.bytes.iter().flatten().map(|&bytes| u64::from(bytes)).sum()
    }

    /// Bits per byte of the model.
    pub fn bits_per_byte(&self, model: &Model, workers: &mut Workers) -> f64 {
        let logprobs = workers.logprobs(model, &self.batches);
        let scored = logprobs.iter().flatten().zip(self.bytes.iter().flatten()).filter(|(_, bytes)| **bytes > 0);
        let nats: f64 = scored.map(|(&logprob, _)| -f64::from(logprob)).sum();
        nats / std::f64::consts::LN_2 / self.bytes().max(1) as f64
    }
}
