//! Shares with their uncertainty, and medians. Knows nothing of what was counted.

use serde::{Deserialize, Serialize};

/// The 97.5% quantile of the normal distribution: two-sided 95% intervals.
const Z_95: f64 = 1.959_963_984_540_054;

/// `right` of `n`, its share, and the Wilson 95% interval of the share. Shares
/// are rounded to four decimals, because they are written into reports.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Rate {
    /// How many were counted.
    pub n: usize,
    /// How many of them were right.
    pub right: usize,
    /// `right / n`, 0 where nothing was counted.
    pub share: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// The rate of `right` among `n`.
    ///
    /// # Panics
    /// Where `right` exceeds `n`.
    pub fn new(right: usize, n: usize) -> Rate {
        assert!(right <= n, "{right} right of {n}");
        let (low, high) = wilson(right, n);
        let share = if n == 0 { 0.0 } else { right as f64 / n as f64 };
        Rate { n, right, share: round4(share), low: round4(low), high: round4(high) }
    }

    /// The rate of `true` among `outcomes`.
    pub fn of(outcomes: impl IntoIterator<Item = bool>) -> Rate {
        let (mut right, mut n) = (0, 0);
        for outcome in outcomes {
            n += 1;
            right += usize::from(outcome);
        }
        Rate::new(right, n)
    }

    /// Both counts added.
    pub fn plus(self, other: Rate) -> Rate {
        Rate::new(self.right + other.right, self.n + other.n)
    }
}

/// The Wilson 95% score interval of a share (Wilson 1927): unlike the normal
/// interval it stays inside 0..1 and says something at 0 of n. `(0, 1)` at n = 0.
pub fn wilson(right: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let (n, share, z2) = (n as f64, right as f64 / n as f64, Z_95 * Z_95);
    let centre = share + z2 / (2.0 * n);
    let half = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

/// The chance that at least one of `k` answers is right, drawn without putting back from `n` of which `right` are: 1 - C(n - right, k) / C(n, k)
/// (Chen et al. 2021). A sum of logarithms, so that neither large counts overflow nor small chances drown.
///
/// # Panics
/// Where more are right, or are to be drawn, than there are.
pub fn pass_at_k(n: usize, right: usize, k: usize) -> f64 {
    assert!(right <= n && k <= n, "{k} of {n} answers, of which {right} are right");
    if n - right < k {
        return 1.0;
    }
    // The quotient is the same with `right` and `k` exchanged; the smaller one says how many factors there are.
    let (few, many) = (right.min(k), right.max(k));
    let log: f64 = (0..few).map(|i| (-(many as f64) / (n - i) as f64).ln_1p()).sum();
    -log.exp_m1()
}

/// The mean; `None` of nothing.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The middle value, the mean of the middle two where their number is even;
/// `None` of nothing. Not-a-number sorts last.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        n if n % 2 == 1 => Some(sorted[middle]),
        _ => Some((sorted[middle - 1] + sorted[middle]) / 2.0),
    }
}

/// Rounded to four decimals, so that a report shows what was measured.
pub fn round4(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wilson_agrees_with_published_values() {
        // Newcombe 1998, table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
        for (right, n, low, high) in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)] {
            let rate = Rate::new(right, n);
            assert!((rate.low - low).abs() < 1e-4 && (rate.high - high).abs() < 1e-4, "{rate:?}");
        }
    }

    #[test]
    fn nothing_counted_is_wide_open() {
        let rate = Rate::of([]);
        assert_eq!((rate.share, rate.low, rate.high), (0.0, 0.0, 1.0));
        assert_eq!(Rate::new(3, 3).high, 1.0);
        assert_eq!(Rate::of([true, false]).plus(Rate::new(1, 1)), Rate::new(2, 3));
    }

    #[test]
    fn means_and_medians() {
        assert_eq!((mean(&[]), mean(&[1.0, 4.0])), (None, Some(2.5)));
        for (values, expected) in [(vec![], None), (vec![3.0], Some(3.0)), (vec![9.0, 1.0, 2.0], Some(2.0)), (vec![4.0, 1.0], Some(2.5))] {
            assert_eq!(median(&values), expected);
        }
    }

    #[test]
    fn pass_at_k_agrees_with_exact_fractions() {
        let choose = |n: usize, k: usize| (0..k).fold(1_u128, |product, i| product * (n - i) as u128 / (i + 1) as u128);
        for n in 0..=40 {
            for right in 0..=n {
                for k in 0..=n {
                    let all = choose(n, k);
                    let without = if k <= n - right { choose(n - right, k) } else { 0 };
                    let exact = (all - without) as f64 / all as f64;
                    let found = pass_at_k(n, right, k);
                    assert!((found - exact).abs() <= 1e-13 * exact, "{n} {right} {k}: {found} and {exact}");
                }
            }
        }
    }

    #[test]
    fn pass_at_k_keeps_small_chances_and_large_counts() {
        for (n, right, k, expected) in [
            (1_000_000_000, 1, 1, 1e-9),
            (1_000_000_000, 1, 1000, 1e-6),
            (2_000_000, 1_000_000, 1, 0.5),
            (1_000_000, 999_999, 2, 1.0),
            (16, 0, 4, 0.0),
            (16, 16, 1, 1.0),
            (16, 3, 0, 0.0),
        ] {
            let found = pass_at_k(n, right, k);
            assert!((found - expected).abs() <= 1e-12 * expected, "{n} {right} {k}: {found} and {expected}");
        }
    }
}
