//! Parameter groups and their updates: Muon for the matrices of the blocks, AdamW for everything else.
//!
//! The update runs on all threads; each tensor (AdamW: each piece of one) is one job and its result does not depend on
//! which thread takes it.

use std::path::Path;

use model::{Layout, Model};
use serde::{Deserialize, Serialize};
use tensor::optimizer::{self as kernels, MuonScratch};

use crate::Result;

/// Which optimizer updates the blocks' matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Muon for the blocks' matrices, AdamW for embeddings, head and norms.
    Muon,
    /// AdamW for everything.
    AdamW,
}

/// Peak learning rates and constants of a run.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Options {
    /// Which optimizer updates the blocks' matrices.
    pub method: Method,
    /// Peak learning rate of Muon.
    pub muon_lr: f32,
    /// Peak learning rate of AdamW.
    pub adamw_lr: f32,
    /// Decoupled weight decay of the matrices.
    pub weight_decay: f32,
    /// Gradients of a larger norm are scaled down to it.
    pub clip_norm: f32,
}

impl Options {
    /// The peak learning rate of the blocks' matrices.
    pub fn matrix_lr(&self) -> f32 {
        match self.method {
            Method::Muon => self.muon_lr,
            Method::AdamW => self.adamw_lr,
        }
    }
}

/// The moments: `first` is AdamW's first moment or Muon's momentum, `second` AdamW's second moment. Layout of the parameters.
#[derive(Clone, Debug)]
pub struct State {
    /// First moment or momentum.
    pub first: Vec<f32>,
    /// Second moment; zeros where Muon updates.
    pub second: Vec<f32>,
    /// Updates made so far, for AdamW's bias correction.
    pub updates: u64,
}

/// AdamW's constants (nanochat's and Llama's).
const BETA1: f32 = 0.9;
const BETA2: f32 = 0.95;
const EPS: f32 = 1e-8;
/// Muon's momentum (Jordan et al. 2024).
const MOMENTUM: f32 = 0.95;
/// AdamW's jobs are at most this long, so that threads share one large table.
const PIECE: usize = 1 << 18;

/// One thread's unit of work.
struct Job<'a> {
    param: &'a mut [f32],
    grad: &'a [f32],
    first: &'a mut [f32],
    second: &'a mut [f32],
    muon: Option<(usize, usize)>, // rows, cols
    decays: bool,
}

impl Job<'_> {
    /// About how many operations it takes: Newton-Schulz some thirty for each element and row of the short side, AdamW a few.
    fn cost(&self) -> usize {
        self.param.len() * self.muon.map_or(10, |(rows, cols)| 30 * rows.min(cols))
    }
}

impl State {
    /// No moments yet.
    pub fn new(layout: &Layout) -> State {
        State { first: vec![0.0; layout.len], second: vec![0.0; layout.len], updates: 0 }
    }

    /// The optimizer that these moments belong to: Muon keeps no second moment of the blocks' matrices.
    pub fn method(&self, layout: &Layout) -> Method {
        let mut of_blocks = layout.tensors.iter().filter(|tensor| tensor.role.is_block_matrix());
        let by_muon = of_blocks.all(|tensor| tensor.span.of(&self.second).iter().all(|&x| x == 0.0));
        if by_muon { Method::Muon } else { Method::AdamW }
    }

    /// One update. `factor` is the schedule's. Returns the gradient's norm before clipping.
    pub fn update(&mut self, model: &mut Model, grads: &[f32], options: Options, factor: f64, threads: usize) -> f64 {
        let layout = model.params.layout.clone();
        let norm = layout.tensors.iter().map(|tensor| tensor::simd::sum_of_squares(tensor.span.of(grads))).sum::<f64>().sqrt();
        let grad_scale = if norm > f64::from(options.clip_norm) { (f64::from(options.clip_norm) / norm) as f32 } else { 1.0 };
        self.updates += 1;
        let step = self.updates;
        let jobs = self.jobs(&layout, &mut model.params.data, grads, options.method);
        let muon = kernels::Muon { lr: options.muon_lr * factor as f32, momentum: MOMENTUM, weight_decay: options.weight_decay };
        let adamw = kernels::AdamW {
            lr: options.adamw_lr * factor as f32,
            beta1: BETA1,
            beta2: BETA2,
            eps: EPS,
            weight_decay: options.weight_decay,
            step,
        };
        run_jobs(jobs, threads, |job, scratch| match job.muon {
            Some((rows, cols)) => kernels::muon(job.param, job.grad, job.first, rows, cols, grad_scale, muon, scratch),
            None => {
                let adamw = if job.decays { adamw } else { kernels::AdamW { weight_decay: 0.0, ..adamw } };
                kernels::adamw(job.param, job.grad, job.first, job.second, grad_scale, adamw);
            }
        });
        norm
    }

    /// Cuts the buffers into jobs, largest work first so that threads end together.
    fn jobs<'a>(&'a mut self, layout: &Layout, mut params: &'a mut [f32], mut grads: &'a [f32], method: Method) -> Vec<Job<'a>> {
        let (mut first, mut second) = (&mut self.first[..], &mut self.second[..]);
        let mut jobs = Vec::new();
        for tensor in &layout.tensors {
            let muon = match (method, &tensor.shape[..]) {
                (Method::Muon, &[rows, cols]) if tensor.role.is_block_matrix() => Some((rows, cols)),
                _ => None,
            };
            let mut left = tensor.span.len;
            while left > 0 {
                let piece = if muon.is_some() { left } else { left.min(PIECE) };
                left -= piece;
                let param = params.split_off_mut(..piece).expect("the layout covers the parameters");
                let grad = grads.split_off(..piece).expect("the layout covers the gradients");
                let first = first.split_off_mut(..piece).expect("the layout covers the moments");
                let second = second.split_off_mut(..piece).expect("the layout covers the moments");
                jobs.push(Job { param, grad, first, second, muon, decays: tensor.shape.len() == 2 });
            }
        }
        jobs.sort_by_key(|job| std::cmp::Reverse(job.cost()));
        jobs
    }

    /// Writes the moments under the parameters' names.
    pub fn save(&self, layout: &Layout, path: &Path) -> Result<()> {
        let part = |which: &'static str, data| {
            let rows = layout.tensors.iter();
            rows.map(move |tensor| (format!("{which}.{}", tensor.name), tensor.shape.clone(), tensor.span.of(data)))
        };
        Ok(model::folder::write_safetensors(path, part("first", &self.first).chain(part("second", &self.second)))?)
    }

    /// Reads the moments back; `updates` comes from the checkpoint's state.
    pub fn load(layout: &Layout, path: &Path, updates: u64) -> Result<State> {
        let mut state = State { updates, ..State::new(layout) };
        let mut wanted = Vec::new();
        for (which, mut rest) in [("first", &mut state.first[..]), ("second", &mut state.second[..])] {
            for tensor in &layout.tensors {
                let part = rest.split_off_mut(..tensor.span.len).expect("the layout covers the moments");
                wanted.push((format!("{which}.{}", tensor.name), tensor.shape.clone(), part));
            }
        }
        model::folder::read_safetensors(path, &mut wanted)?;
        Ok(state)
    }
}

/// Runs the jobs, largest first: each belongs to the thread that has least to do.
fn run_jobs(jobs: Vec<Job>, threads: usize, run: impl Fn(&mut Job, &mut MuonScratch) + Sync) {
    let mut by_thread: Vec<(usize, Vec<Job>)> = (0..threads.max(1)).map(|_| (0, Vec::new())).collect();
    for job in jobs {
        let (cost, jobs) = by_thread.iter_mut().min_by_key(|(cost, _)| *cost).expect("at least one thread");
        *cost += job.cost();
        jobs.push(job);
    }
    std::thread::scope(|scope| {
        for (_, mut jobs) in by_thread {
            let run = &run;
            scope.spawn(move || {
                let mut scratch = MuonScratch::default();
                jobs.iter_mut().for_each(|job| run(job, &mut scratch));
            });
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Config;

    /// Every weight is updated, by the right optimizer, and the thread count changes nothing.
    #[test]
    fn all_weights_move_and_threads_do_not_matter() {
        for method in [Method::Muon, Method::AdamW] {
            let options = Options { method, muon_lr: 0.02, adamw_lr: 0.001, weight_decay: 0.0, clip_norm: 1.0 };
            let start = Model::new(Config::from_depth(1, 50, 8), 1);
            let mut rng = base::rng::Rng::new(2);
            let grads: Vec<f32> = (0..start.params.layout.len).map(|_| rng.normal()).collect();
            let run = |threads: usize| {
                let mut model = start.clone();
                let mut state = State::new(&model.params.layout);
                let norm = state.update(&mut model, &grads, options, 1.0, threads);
                assert!((norm - (grads.len() as f64).sqrt()).abs() < 2.0);
                (model.params.data, state.first, state.second)
            };
            let (data, first, second) = run(1);
            let state = State { first: first.clone(), second: second.clone(), updates: 1 };
            assert_eq!(state.method(&start.params.layout), method);
            assert_eq!(run(3), (data.clone(), first, second.clone()));
            for tensor in &start.params.layout.tensors {
                let moved = tensor.span.of(&data).iter().zip(tensor.span.of(&start.params.data)).filter(|(a, b)| a != b).count();
                assert!(moved * 100 >= tensor.span.len * 99, "{}: {moved} of {} moved", tensor.name, tensor.span.len);
                let by_muon = tensor.span.of(&second).iter().all(|&x| x == 0.0);
                assert_eq!(by_muon, method == Method::Muon && tensor.name.contains("_proj"), "{}", tensor.name);
            }
        }
    }
}
