//! One step's gradient: micro-batches on all threads, summed in a fixed order.
//!
//! Micro-batch i belongs to worker i mod n. A worker runs its micro-batches from end to end in its own activations into its
//! own gradient buffer, so that nothing is shared and nothing waits; then the buffers are added up in worker order, in
//! slices. The same thread count gives the same bytes.

use model::{Activations, Model};

use crate::batch::Batch;
use crate::objective::Objective;

/// The buffers of one thread.
#[derive(Debug)]
struct Worker {
    acts: Activations,
    grads: Vec<f32>,
}

/// The buffers of all threads.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
}

impl Workers {
    /// For micro-batches of `rows` sequences of `len` tokens on `threads` threads.
    pub fn new(model: &Model, rows: usize, len: usize, threads: usize) -> Workers {
        let worker = || Worker { acts: Activations::new(&model.config, rows, len), grads: vec![0.0; model.params.layout.len] };
        Workers { workers: (0..threads.max(1)).map(|_| worker()).collect() }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.workers.len()
    }

    /// The summed gradient of the last call of [`Workers::gradient`].
    pub fn grads(&self) -> &[f32] {
        &self.workers[0].grads
    }

    /// Forward and backward of all micro-batches of a step. Returns the loss; the gradient is in [`Workers::grads`].
    pub fn gradient(&mut self, model: &Model, batches: &[Batch], objective: Objective) -> f64 {
        let total_weight: f64 = batches.iter().map(Batch::total_weight).sum();
        assert!(total_weight > 0.0, "a step without a scored position");
        let n = self.workers.len();
        let run = |index: usize, worker: &mut Worker| -> Vec<f64> {
            worker.grads.fill(0.0);
            let own = batches.iter().skip(index).step_by(n);
            own.map(|batch| {
                let dloss = |i: usize, logprob: f32| objective.dloss(batch, total_weight, i, logprob);
                model.forward(&batch.tokens, &mut worker.acts);
                model.head(&batch.targets, &dloss, &mut worker.acts, &mut worker.grads);
                model.backward(&batch.tokens, &mut worker.acts, &mut worker.grads);
                objective.loss(batch, total_weight, &worker.acts.logprobs)
            })
            .collect()
        };
        let losses = on_each(&mut self.workers, run);
        self.sum_gradients();
        losses.into_iter().flatten().sum()
    }

    /// Log-probabilities of every target of every batch, without gradients, in order.
    pub fn logprobs(&mut self, model: &Model, batches: &[Batch]) -> Vec<Vec<f32>> {
        let n = self.workers.len();
        let run = |index: usize, worker: &mut Worker| -> Vec<Vec<f32>> {
            let own = batches.iter().skip(index).step_by(n);
            own.map(|batch| {
                model.forward(&batch.tokens, &mut worker.acts);
                model.score(&batch.targets, &mut worker.acts);
                worker.acts.logprobs.clone()
            })
            .collect()
        };
        let mut by_worker: Vec<_> = on_each(&mut self.workers, run).into_iter().map(Vec::into_iter).collect();
        (0..batches.len()).filter_map(|i| by_worker[i % n].next()).collect()
    }

    /// Adds the other workers' gradients to the first one's, in order; each thread takes a slice.
    fn sum_gradients(&mut self) {
        let [first, others @ ..] = &mut self.workers[..] else { return };
        if others.is_empty() {
            return;
        }
        let slice = first.grads.len().div_ceil(others.len() + 1).max(1);
        std::thread::scope(|scope| {
            for (i, sum) in first.grads.chunks_mut(slice).enumerate() {
                let others = &*others;
                scope.spawn(move || {
                    for other in others {
                        let part = &other.grads[i * slice..][..sum.len()];
                        tensor::simd::add(part, sum);
                    }
                });
            }
        });
    }
}

/// Runs a closure for each worker on a thread of its own; results in worker order. One worker runs on the caller's thread.
fn on_each<R: Send>(workers: &mut [Worker], run: impl Fn(usize, &mut Worker) -> R + Sync) -> Vec<R> {
    if let [only] = workers {
        return vec![run(0, only)];
    }
    std::thread::scope(|scope| {
        let run = &run;
        let handles: Vec<_> = workers.iter_mut().enumerate().map(|(i, worker)| scope.spawn(move || run(i, worker))).collect();
        handles.into_iter().map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::rng::Rng;
    use model::Config;

    fn batches(count: usize, rows: usize, len: usize, vocab: usize) -> Vec<Batch> {
        let mut rng = Rng::new(3);
        (0..count)
            .map(|_| {
                let mut batch = Batch::default();
                for _ in 0..rows {
                    let ids: Vec<u32> = (0..=len).map(|_| rng.below(vocab) as u32).collect();
                    batch.push_row(&ids, |at| if at % 3 == 0 { 0.0 } else { 1.0 }, len, 0);
                }
                batch
            })
            .collect()
    }

    #[test]
    fn threads_and_micro_batches_change_the_gradient_by_rounding_only() {
        let model = Model::new(Config { n_heads: 2, head_dim: 32, ..Config::from_depth(1, 40, 16) }, 1);
        let batches = batches(6, 2, 16, 40);
        let joined = vec![batches.iter().fold(Batch::default(), |mut all, batch| {
            let offset = all.tokens.len() as u32;
            all.tokens.extend(&batch.tokens);
            all.targets.extend(batch.targets.iter().map(|target| model::Target { row: target.row + offset, ..*target }));
            all.weights.extend(&batch.weights);
            all
        })];
        let run = |batches: &[Batch], rows: usize, threads: usize| {
            let mut workers = Workers::new(&model, rows, 16, threads);
            let loss = workers.gradient(&model, batches, Objective::CrossEntropy);
            (loss, workers.grads().to_vec())
        };
        let (loss, whole) = run(&joined, 12, 1);
        for threads in [1, 2, 3, 8] {
            let (other_loss, grads) = run(&batches, 2, threads);
            assert!((loss - other_loss).abs() < 1e-5, "{loss} {other_loss}");
            let difference: f32 = grads.iter().zip(&whole).map(|(a, b)| (a - b).powi(2)).sum();
            let norm: f32 = whole.iter().map(|x| x * x).sum();
            assert!((difference / norm).sqrt() < 1e-5);
            assert_eq!(run(&batches, 2, threads).1, grads, "the same threads give the same bytes");
        }
        let mut workers = Workers::new(&model, 2, 16, 2);
        let logprobs = workers.logprobs(&model, &batches);
        let total: f64 = batches.iter().map(Batch::total_weight).sum();
        let from_scores: f64 = logprobs.iter().flatten().map(|&logprob| -f64::from(logprob)).sum::<f64>() / total;
        assert!((from_scores - loss).abs() < 1e-5);
    }
}
