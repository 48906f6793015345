//! The learning rate over a run: linear warm-up, flat, linear warm-down.

/// Lengths of the three parts. The factor multiplies every peak learning rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// Steps in all.
    pub steps: usize,
    /// Steps of warm-up.
    pub warmup: usize,
    /// Steps of warm-down, at the end.
    pub warmdown: usize,
    /// Factor that warm-down ends at.
    pub floor: f64,
}

impl Schedule {
    /// The factor of a step, from 0.
    pub fn factor(&self, step: usize) -> f64 {
        let up = if self.warmup == 0 { 1.0 } else { ((step + 1) as f64 / self.warmup as f64).min(1.0) };
        let left = (self.steps - step.min(self.steps)) as f64;
        let down = if self.warmdown == 0 { 1.0 } else { (left / self.warmdown as f64).min(1.0) };
        up * (self.floor + (1.0 - self.floor) * down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_stays_and_falls() {
        let schedule = Schedule { steps: 100, warmup: 10, warmdown: 40, floor: 0.0 };
        let rounded = |step| (schedule.factor(step) * 1000.0).round() / 1000.0;
        assert_eq!([0, 4, 9, 10, 59, 60, 80, 99].map(rounded), [0.1, 0.5, 1.0, 1.0, 1.0, 1.0, 0.5, 0.025]);
        assert_eq!(Schedule { steps: 10, warmup: 0, warmdown: 0, floor: 0.0 }.factor(9), 1.0);
        assert_eq!(Schedule { steps: 10, warmup: 0, warmdown: 10, floor: 0.5 }.factor(5), 0.75);
    }
}
