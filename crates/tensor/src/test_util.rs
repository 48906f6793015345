//! What the tests of all kernels share: random data, comparison by norms, finite differences.

use base::rng::Rng;

/// `n` numbers from the standard normal distribution.
pub fn random(n: usize, seed: u64) -> Vec<f32> {
    let mut rng = Rng::new(seed);
    (0..n).map(|_| rng.normal()).collect()
}

/// In f64.
pub fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&x| f64::from(x)).collect()
}

/// Norm of the difference over the norm.
pub fn relative_error(found: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let difference: f64 = found.iter().zip(exact).map(|(&f, &e)| (f64::from(f) - e).powi(2)).sum();
    let norm: f64 = exact.iter().map(|e| e * e).sum();
    (difference / norm.max(1e-30)).sqrt()
}

/// Panics where the relative error is not below the tolerance (NaN included).
#[track_caller]
pub fn assert_close(found: &[f32], exact: &[f64], tolerance: f64) {
    let error = relative_error(found, exact);
    assert!(error < tolerance, "relative error {error:e} is not below {tolerance:e}");
}

/// The gradient of a scalar function by central differences in f64.
pub fn finite_differences(x: &[f64], loss: impl Fn(&[f64]) -> f64) -> Vec<f64> {
    let mut x = x.to_vec();
    let h = 1e-5;
    (0..x.len())
        .map(|i| {
            let kept = x[i];
            x[i] = kept + h;
            let above = loss(&x);
            x[i] = kept - h;
            let below = loss(&x);
            x[i] = kept;
            (above - below) / (2.0 * h)
        })
        .collect()
}

/// Weighted sum: turns an operation's output into a scalar whose gradient with respect to the output is `weights`.
pub fn weighted_sum(output: &[f64], weights: &[f32]) -> f64 {
    assert_eq!(output.len(), weights.len());
    output.iter().zip(weights).map(|(&o, &w)| o * f64::from(w)).sum()
}

/// Runs on a pool of so many threads, which share operations; on the calling thread where it is one.
pub fn on_threads<R: Send>(threads: usize, run: impl FnOnce() -> R + Send) -> R {
    if threads == 1 {
        return run();
    }
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap().install(run)
}
