//! One step's gradient: micro-batches on all threads, summed in a fixed order.
//!
//! Micro-batch i belongs to worker i mod n. A worker runs its micro-batches from end to end in its own activations into its
//! own gradient buffer, so that nothing is shared and nothing waits; then the buffers are added up in worker order, in
//! slices. Where the buffers of a large model would not fit, there are fewer workers, and several threads share each one's
//! operations. The same thread count gives the same bytes.

use model::{Activations, Config, Layout, Model};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde::{Deserialize, Serialize};

use crate::batch::Batch;
use crate::objective::{Objective, Tally};

/// The buffers of one worker, and its threads where it has more than one.
#[derive(Debug)]
struct Worker {
    acts: Activations,
    grads: Vec<f32>,
    pool: Option<ThreadPool>,
}

/// The buffers of all workers.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    threads: usize,
}

/// Bytes that the gradients and activations of all workers may take together. One worker there is in any case.
const MEMORY: usize = 4 << 30;

/// Tokens of a micro-batch of several rows, at most: its activations stay in the caches.
pub const MICRO_TOKENS: usize = 1024;

/// How the threads and the rows of a step are divided among workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Division {
    /// Workers, each with a gradient of its own.
    pub workers: usize,
    /// Rows of a micro-batch; divides the rows of a step.
    pub micro_rows: usize,
}

impl Division {
    /// As many workers as there are threads, rows for them, and room within 4 GiB.
    pub fn new(config: &Config, rows: usize, len: usize, threads: usize) -> Division {
        let bytes = 4 * (Layout::new(config).len + Activations::count(config, 1, len));
        Division::of(threads.min(rows).min(MEMORY / bytes), rows, len)
    }

    /// For so many workers: the most rows that divide `rows`, give every worker work, and keep a micro-batch within
    /// [`MICRO_TOKENS`].
    pub fn of(workers: usize, rows: usize, len: usize) -> Division {
        let workers = workers.max(1);
        let fits = |m: &usize| rows.is_multiple_of(*m) && (m * len <= MICRO_TOKENS || *m == 1) && rows / m >= workers;
        Division { workers, micro_rows: (1..=rows).rev().find(fits).unwrap_or(1) }
    }
}

impl Workers {
    /// For rows of `len` tokens. `threads` threads are shared out over the workers.
    pub fn new(model: &Model, division: Division, len: usize, threads: usize) -> Workers {
        let Division { workers, micro_rows } = division;
        let worker = |index: usize| {
            let own = threads / workers + usize::from(index < threads % workers);
            let pool = || ThreadPoolBuilder::new().num_threads(own).build().expect("the system gives threads");
            let grads = vec![0.0; model.params.layout.len];
            Worker { acts: Activations::new(&model.config, micro_rows, len), grads, pool: (own > 1).then(pool) }
        };
        Workers { workers: (0..workers).map(worker).collect(), threads: threads.max(1) }
    }

    /// Number of threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// The summed gradient of the last call of [`Workers::gradient`].
    pub fn grads(&self) -> &[f32] {
        &self.workers[0].grads
    }

    /// Forward and backward of all micro-batches of a step, each of a size of its own. Returns the loss and what was counted; the
    /// gradient is in [`Workers::grads`].
    pub fn gradient(&mut self, model: &Model, batches: &[Batch], objective: Objective) -> Tally {
        let total_weight: f64 = batches.iter().map(Batch::total_weight).sum();
        assert!(total_weight > 0.0, "a step without a scored position");
        let n = self.workers.len();
        let run = |index: usize, worker: &mut Worker| -> Vec<Tally> {
            worker.grads.fill(0.0);
            let Worker { acts, grads, .. } = worker;
            let own = batches.iter().skip(index).step_by(n);
            own.map(|batch| {
                acts.reshape(batch.rows(), batch.len);
                model.forward(&batch.tokens, acts);
                let ratios = match objective.needs_answers() {
                    true => {
                        model.score(&batch.targets, acts);
                        objective.ratios(batch, &acts.logprobs)
                    }
                    false => Vec::new(),
                };
                let dloss = |i: usize, logprob: f32| objective.dloss(batch, &ratios, total_weight, i, logprob);
                model.head(&batch.targets, &dloss, acts, grads);
                model.backward(&batch.tokens, acts, grads);
                objective.tally(batch, total_weight, &acts.logprobs)
            })
            .collect()
        };
        let tallies = on_each(&mut self.workers, run);
        self.sum_gradients();
        let mut sum = Tally::default();
        tallies.into_iter().flatten().for_each(|tally| sum += tally);
        sum
    }

    /// Log-probabilities of every target of every batch, without gradients, in order.
    pub fn logprobs(&mut self, model: &Model, batches: &[Batch]) -> Vec<Vec<f32>> {
        let n = self.workers.len();
        let run = |index: usize, worker: &mut Worker| -> Vec<Vec<f32>> {
            let own = batches.iter().skip(index).step_by(n);
            own.map(|batch| {
                worker.acts.reshape(batch.rows(), batch.len);
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
        let slice = first.grads.len().div_ceil(self.threads).max(1);
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

/// Runs a closure for each worker on a thread of its own or in its pool; results in worker order. One worker without a pool
/// runs on the caller's thread.
fn on_each<R: Send>(workers: &mut [Worker], run: impl Fn(usize, &mut Worker) -> R + Sync) -> Vec<R> {
    let run = |index: usize, worker: &mut Worker| match worker.pool.take() {
        None => run(index, worker),
        Some(pool) => {
            let result = pool.install(|| run(index, worker));
            worker.pool = Some(pool);
            result
        }
    };
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
    use crate::batch::Drawn;
    use crate::objective::{Policy, PolicyMethod};
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
            all.len = batch.len;
            all
        })];
        let run = |batches: &[Batch], micro_rows: usize, workers: usize, threads: usize| {
            let mut workers = Workers::new(&model, Division { workers, micro_rows }, 16, threads);
            let loss = workers.gradient(&model, batches, Objective::CrossEntropy).loss;
            (loss, workers.grads().to_vec())
        };
        let (loss, whole) = run(&joined, 12, 1, 1);
        for (workers, threads) in [(1, 1), (2, 2), (3, 3), (8, 8), (1, 2), (2, 5), (1, 16)] {
            let (other_loss, grads) = run(&batches, 2, workers, threads);
            assert!((loss - other_loss).abs() < 1e-5, "{loss} {other_loss}");
            let difference: f32 = grads.iter().zip(&whole).map(|(a, b)| (a - b).powi(2)).sum();
            let norm: f32 = whole.iter().map(|x| x * x).sum();
            assert!((difference / norm).sqrt() < 1e-5);
            assert_eq!(run(&batches, 2, workers, threads).1, grads, "the same threads give the same bytes");
        }
        let mut workers = Workers::new(&model, Division { workers: 2, micro_rows: 2 }, 16, 2);
        let logprobs = workers.logprobs(&model, &batches);
        let total: f64 = batches.iter().map(Batch::total_weight).sum();
        let from_scores: f64 = logprobs.iter().flatten().map(|&logprob| -f64::from(logprob)).sum::<f64>() / total;
        assert!((from_scores - loss).abs() < 1e-5);
    }

    /// Along its own direction a gradient is what the loss changes by, for every objective and with rows of several lengths.
    #[test]
    fn the_gradient_of_every_objective_is_the_change_of_its_loss() {
        let config = Config { n_heads: 2, head_dim: 32, ..Config::from_depth(1, 40, 16) };
        let model = Model::new(config, 1);
        let mut batches: Vec<Batch> = [16, 9, 12].iter().flat_map(|&len| batches(1, 3, len, 40)).collect();
        let mut workers = Workers::new(&model, Division { workers: 2, micro_rows: 1 }, 16, 2);
        let logprobs = workers.logprobs(&model, &batches);
        let mut rng = Rng::new(9);
        let tokens: usize = batches.iter().map(|batch| batch.targets.len()).sum();
        for (_, method) in PolicyMethod::ALL {
            let policy = Policy { kl: 0.1, clip_low: 0.3, clip_high: 0.3, ..Policy::new(method) };
            for (batch, logprobs) in batches.iter_mut().zip(&logprobs) {
                batch.weights = vec![method.weight(10, 9, tokens, 20); batch.targets.len()];
                let mut shift = || 0.2 * (rng.unit_f64() as f32 - 0.5);
                let drawn = |(i, &logprob): (usize, &f32)| {
                    let answer = batch.targets[i].row / batch.len as u32;
                    let advantage = if answer == 1 { -0.8 } else { 0.5 };
                    Drawn { logprob: logprob + shift(), reference: logprob + shift(), advantage, answer }
                };
                batch.drawn = logprobs.iter().enumerate().map(drawn).collect();
            }
            let objective = Objective::Policy(policy);
            workers.gradient(&model, &batches, objective);
            let grads = workers.grads().to_vec();
            let norm = grads.iter().map(|g| f64::from(*g).powi(2)).sum::<f64>().sqrt();
            let mut at = |shift: f64| {
                let mut moved = model.clone();
                let scale = (shift / norm) as f32;
                moved.params.data.iter_mut().zip(&grads).for_each(|(weight, grad)| *weight += scale * grad);
                workers.gradient(&moved, &batches, objective).loss
            };
            let h = 0.004;
            let change = (at(h) - at(-h)) / (2.0 * h);
            assert!((change / norm - 1.0).abs() < 0.02, "{method:?}: {change} along a gradient of {norm}");
        }
    }

    #[test]
    fn workers_are_as_many_as_threads_rows_and_memory_allow() {
        let demo = Config::from_depth(3, 3072, 256);
        assert_eq!(Division::new(&demo, 8, 256, 2), Division { workers: 2, micro_rows: 4 });
        assert_eq!(Division::new(&demo, 8, 256, 16), Division { workers: 8, micro_rows: 1 });
        let gpt2 = Config::from_depth(12, 50_304, 1024);
        let Division { workers, micro_rows } = Division::new(&gpt2, 64, 1024, 64);
        assert_eq!(micro_rows, 1);
        let bytes = 4 * (Layout::new(&gpt2).len + Activations::count(&gpt2, 1, 1024));
        assert!(workers >= 2 && workers * bytes <= MEMORY && (workers + 1) * bytes > MEMORY, "{workers} workers of {bytes} bytes");
        assert_eq!(Division::new(&Config::from_depth(40, 50_304, 4096), 8, 4096, 4).workers, 1);
    }
}
