//! What a stage wants, as one number per scored position: dLoss/dlogprob.

use crate::batch::Batch;

/// The objectives that are local to a position; the head computes with them slice by slice.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// Loss = -sum(weight * logprob) / sum(weight): pretraining with weight 1 everywhere, fine-tuning with weight 1 where
    /// the assistant speaks.
    CrossEntropy,
}

impl Objective {
    /// dLoss/dlogprob of target `i`, where `total_weight` is the sum over all micro-batches of the step.
    pub fn dloss(self, batch: &Batch, total_weight: f64, i: usize, _logprob: f32) -> f32 {
        match self {
            Objective::CrossEntropy => -batch.weights[i] / total_weight as f32,
        }
    }

    /// This micro-batch's part of the loss.
    pub fn loss(self, batch: &Batch, total_weight: f64, logprobs: &[f32]) -> f64 {
        match self {
            Objective::CrossEntropy => {
                let weighted = batch.weights.iter().zip(logprobs).map(|(&weight, &logprob)| f64::from(weight) * f64::from(logprob));
                -weighted.sum::<f64>() / total_weight
            }
        }
    }
}
