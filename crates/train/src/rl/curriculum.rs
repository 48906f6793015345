//! How hard the next problem is: by how often problems of each difficulty are solved.
//!
//! Most is learnt where about half of the answers are right, nothing where all are or none is. Every difficulty keeps coming now and
//! then, so that its rate is known.

use base::rng::Rng;
use serde::{Deserialize, Serialize};

/// The running share of right answers, for each course and difficulty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Curriculum {
    rates: Vec<Vec<f64>>,
}

/// How much a new group counts beside all before it.
const NEWS: f64 = 0.2;

/// The least weight of a difficulty; the most is a quarter.
const LEAST: f64 = 0.01;

impl Curriculum {
    /// Nothing is known: each difficulty is as likely. The numbers are those of the courses' difficulties.
    pub fn new(levels: impl Iterator<Item = usize>) -> Curriculum {
        Curriculum { rates: levels.map(|levels| vec![0.5; levels]).collect() }
    }

    /// A difficulty, from 1.
    pub fn level(&self, course: usize, rng: &mut Rng) -> usize {
        let weights: Vec<f64> = self.rates[course].iter().map(|rate| rate * (1.0 - rate) + LEAST).collect();
        let mut at = rng.unit_f64() * weights.iter().sum::<f64>();
        let chosen = weights.iter().position(|weight| {
            at -= weight;
            at < 0.0
        });
        chosen.unwrap_or(weights.len() - 1) + 1
    }

    /// Notes what share of a group's answers was right.
    pub fn note(&mut self, course: usize, level: usize, share_right: f64) {
        let rate = &mut self.rates[course][level - 1];
        *rate += NEWS * (share_right - *rate);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_half_solved_comes_most_and_everything_comes() {
        let mut curriculum = Curriculum::new([3].into_iter());
        for _ in 0..50 {
            curriculum.note(0, 1, 1.0);
            curriculum.note(0, 2, 0.5);
            curriculum.note(0, 3, 0.0);
        }
        let (mut rng, mut counts) = (Rng::new(1), [0; 3]);
        (0..2000).for_each(|_| counts[curriculum.level(0, &mut rng) - 1] += 1);
        assert!(counts[1] > 1700 && counts[0] > 20 && counts[2] > 20, "{counts:?}");
        for _ in 0..10 {
            curriculum.note(0, 3, 0.5); // it begins to be solved
        }
        let mut counts = [0; 3];
        (0..2000).for_each(|_| counts[curriculum.level(0, &mut rng) - 1] += 1);
        assert!(counts[2] > 700, "{counts:?}");
        let stored = serde_json::to_string(&curriculum).unwrap();
        assert_eq!(serde_json::from_str::<Curriculum>(&stored).unwrap(), curriculum, "nothing is lost in a checkpoint");
    }
}
