//! A logistic curve through shares. Knows shares at steps, nothing of what they are shares of.

use serde::{Deserialize, Serialize};

/// Points that a curve is drawn through at least: two have the same curve as many others.
const FEWEST: usize = 4;
/// How far apart the lowest and the highest share must lie: one that stays has no course to tell.
const MOVES: f64 = 0.05;
/// The steepest curve, in units of the exponent between two points: one that is steeper looks the same.
const STEEPEST: f64 = 20.0;

/// The share `1 / (1 + exp(-rate (step - middle)))`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Logistic {
    /// The step at which it is one half.
    pub middle: f64,
    /// How fast it grows, a step: from 12% to 88% it takes four over this many. Negative where it falls.
    pub rate: f64,
}

impl Logistic {
    /// Its value at a step.
    pub fn at(&self, step: f64) -> f64 {
        logistic(self.rate * (step - self.middle))
    }

    /// The curve with the least squared distance from the shares; `None` where there are too few, or where they hardly move. What is no
    /// share is passed over. The same points give the same curve.
    ///
    /// A search over a grid finds the valley, and the steps of Levenberg (1944) and Marquardt (1963) its bottom.
    pub fn fit(points: &[(u64, f64)]) -> Option<Logistic> {
        let points: Vec<(f64, f64)> =
            points.iter().filter(|(_, share)| (0.0..=1.0).contains(share)).map(|&(step, share)| (step as f64, share)).collect();
        let (first, last) = ends(points.iter().map(|point| point.0))?;
        let (low, high) = ends(points.iter().map(|point| point.1))?;
        let span = last - first;
        if points.len() < FEWEST || span <= 0.0 || high - low < MOVES {
            return None;
        }
        let scaled: Vec<(f64, f64)> = points.into_iter().map(|(step, share)| ((step - first) / span, share)).collect();
        let Line { offset, slope } = descended(&scaled, best_of_grid(&scaled));
        let curve = Logistic { middle: first - span * offset / slope, rate: slope / span };
        (curve.middle.is_finite() && curve.rate.is_finite()).then_some(curve)
    }
}

fn logistic(exponent: f64) -> f64 {
    1.0 / (1.0 + (-exponent).exp())
}

/// The smallest and the largest; none of nothing.
fn ends(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.map(|value| (value, value)).reduce(|(low, high), (value, _)| (low.min(value), high.max(value)))
}

/// The exponent over time that runs from 0 to 1.
#[derive(Clone, Copy)]
struct Line {
    offset: f64,
    slope: f64,
}

impl Line {
    fn share(self, time: f64) -> f64 {
        logistic(self.offset + self.slope * time)
    }

    /// The sum of the squared distances.
    fn error(self, points: &[(f64, f64)]) -> f64 {
        points.iter().map(|&(time, share)| (share - self.share(time)).powi(2)).sum()
    }

    /// No steeper than can be seen; its middle stays.
    fn bounded(self, points: usize) -> Line {
        let most = STEEPEST * points as f64;
        let scale = if self.slope.abs() > most { most / self.slope.abs() } else { 1.0 };
        Line { offset: self.offset * scale, slope: self.slope * scale }
    }
}

/// The best of some curves with their middles before, within and after the time that was measured, slow to steep, rising and falling.
fn best_of_grid(points: &[(f64, f64)]) -> Line {
    let mut best = (f64::INFINITY, Line { offset: 0.0, slope: 1.0 });
    for middle in (-10..=30).map(|i| f64::from(i) / 20.0) {
        for slope in (0..8).flat_map(|power| [f64::from(1 << power), -f64::from(1 << power)]) {
            let line = Line { offset: -slope * middle, slope };
            let error = line.error(points);
            if error < best.0 {
                best = (error, line);
            }
        }
    }
    best.1
}

/// Damped Gauss-Newton steps until they gain nothing.
fn descended(points: &[(f64, f64)], start: Line) -> Line {
    let (mut line, mut error, mut damping) = (start, start.error(points), 1e-3);
    for _ in 0..300 {
        let Some(step) = step(points, line, damping) else { break };
        let tried = Line { offset: line.offset + step.offset, slope: line.slope + step.slope }.bounded(points.len());
        let tried_error = tried.error(points);
        if tried_error < error {
            let gained = error - tried_error;
            (line, error, damping) = (tried, tried_error, f64::max(damping / 10.0, 1e-12));
            if gained <= 1e-14 * error {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    line
}

/// The solution of the damped normal equations; none where they have none.
fn step(points: &[(f64, f64)], line: Line, damping: f64) -> Option<Line> {
    let (mut oo, mut os, mut ss, mut o, mut s) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for &(time, share) in points {
        let value = line.share(time);
        let slope = value * (1.0 - value); // of the share by the exponent
        let missed = share - value;
        oo += slope * slope;
        os += slope * slope * time;
        ss += slope * slope * time * time;
        o += slope * missed;
        s += slope * missed * time;
    }
    let (oo, ss) = (oo * (1.0 + damping), ss * (1.0 + damping));
    let determinant = oo * ss - os * os;
    let solved = Line { offset: (o * ss - s * os) / determinant, slope: (s * oo - o * os) / determinant };
    (solved.offset.is_finite() && solved.slope.is_finite()).then_some(solved)
}

#[cfg(test)]
mod tests {
    use base::rng::Rng;

    use super::*;

    fn points(steps: impl Iterator<Item = u64>, share: impl Fn(u64) -> f64) -> Vec<(u64, f64)> {
        steps.map(|step| (step, share(step))).collect()
    }

    #[test]
    fn exact_shares_give_their_curve_back() {
        // Rising, falling, before the first step, behind the last, far from zero, with gaps.
        for (middle, rate, steps) in [
            (20.0, 0.2, (0..=60).step_by(1)),
            (35.0, -0.1, (0..=60).step_by(1)),
            (-10.0, 0.05, (0..=60).step_by(1)),
            (80.0, 0.1, (0..=60).step_by(1)),
            (1_000_030.0, 0.3, (1_000_000..=1_000_060).step_by(1)),
            (2000.0, 0.002, (0..=4000).step_by(250)),
            (3.3, 2.5, (0..=60).step_by(1)),
        ] {
            let curve = Logistic { middle, rate };
            let found = Logistic::fit(&points(steps, |step| curve.at(step as f64))).unwrap();
            assert!((found.middle - middle).abs() < 1e-5 && (found.rate / rate - 1.0).abs() < 1e-6, "{curve:?} {found:?}");
        }
    }

    #[test]
    fn noise_moves_it_a_little_and_the_bottom_is_the_bottom() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let curve = Logistic { middle: 25.0, rate: 0.15 };
            let noisy: Vec<(u64, f64)> =
                (1..=80).map(|step| (step, (curve.at(step as f64) + 0.1 * (rng.unit_f64() - 0.5)).clamp(0.0, 1.0))).collect();
            let found = Logistic::fit(&noisy).unwrap();
            assert!((found.middle - 25.0).abs() < 1.5 && (found.rate - 0.15).abs() < 0.03, "{seed}: {found:?}");
            // No neighbour is better.
            let error = |curve: Logistic| noisy.iter().map(|&(step, share)| (share - curve.at(step as f64)).powi(2)).sum::<f64>();
            for (middle, rate) in [(0.01, 0.0), (-0.01, 0.0), (0.0, 1e-4), (0.0, -1e-4), (0.01, 1e-4), (-0.01, 1e-4)] {
                let beside = Logistic { middle: found.middle + middle, rate: found.rate + rate };
                assert!(error(found) < error(beside), "{seed}: {found:?} {beside:?}");
            }
            assert_eq!(Logistic::fit(&noisy), Some(found));
        }
    }

    #[test]
    fn what_has_no_course_has_no_curve_and_a_jump_stays_finite() {
        let flat = |share: f64| points(0..40, |_| share);
        for none in
            [vec![], flat(0.0), flat(1.0), flat(0.5), points(0..3, |step| step as f64 / 3.0), vec![(7, 0.1), (7, 0.9), (7, 0.5), (7, 0.2)]]
        {
            assert_eq!(Logistic::fit(&none), None, "{none:?}");
        }
        let strange = points(0..40, |step| if step % 2 == 0 { f64::NAN } else { 1e300 });
        assert_eq!(Logistic::fit(&strange), None);
        let jump = Logistic::fit(&points(0..40, |step| f64::from(step >= 20))).unwrap();
        assert!((19.0..=20.0).contains(&jump.middle) && jump.at(10.0) < 0.01 && jump.at(30.0) > 0.99, "{jump:?}");
        let ends = Logistic::fit(&[(0, 0.0), (u64::MAX / 4, 0.0), (u64::MAX / 2, 1.0), (u64::MAX, 1.0)]).unwrap();
        assert!(ends.middle.is_finite() && ends.rate.is_finite());
        // Alternating shares have no course either, but a flat curve is nearest to them.
        let restless = Logistic::fit(&points(0..40, |step| f64::from(step % 2 == 0)));
        assert!(restless.is_none_or(|curve| (curve.at(20.0) - 0.5).abs() < 0.05), "{restless:?}");
    }
}
