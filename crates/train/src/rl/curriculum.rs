//! Which problem comes next: by how often problems of its course and difficulty are solved.
//!
//! Most is learnt where about half of the answers are right, nothing where all are or none is. Every course and every difficulty keeps
//! coming now and then, so that its rate is known and nothing is forgotten.

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

/// Share of the problems whose course is drawn by the users' shares alone, whatever its rates are.
const KEPT: f64 = 0.25;

impl Curriculum {
    /// Nothing is known: each difficulty is as likely. The numbers are those of the courses' difficulties.
    pub fn new(levels: impl Iterator<Item = usize>) -> Curriculum {
        Curriculum { rates: levels.map(|levels| vec![0.5; levels]).collect() }
    }

    /// A course and a difficulty, from 1. `shares` are the courses' among all, before they are divided by their sum.
    pub fn next(&self, shares: &[f64], rng: &mut Rng) -> (usize, usize) {
        let weights: Vec<Vec<f64>> =
            self.rates.iter().map(|rates| rates.iter().map(|rate| rate * (1.0 - rate) + LEAST).collect()).collect();
        let mean = |weights: &[f64]| weights.iter().sum::<f64>() / weights.len() as f64;
        let useful = || shares.iter().zip(&weights).map(|(share, weights)| share * mean(weights)).collect::<Vec<_>>();
        let course = if rng.chance(KEPT) { rng.weighted(shares) } else { rng.weighted(&useful()) };
        (course, 1 + rng.weighted(&weights[course]))
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

    /// How often each difficulty of a course comes in 2,000 problems.
    fn counts(curriculum: &Curriculum, shares: &[f64], course: usize) -> Vec<usize> {
        let (mut rng, mut counts) = (Rng::new(1), vec![0; curriculum.rates[course].len()]);
        for _ in 0..2000 {
            let (chosen, level) = curriculum.next(shares, &mut rng);
            if chosen == course {
                counts[level - 1] += 1;
            }
        }
        counts
    }

    #[test]
    fn what_is_half_solved_comes_most_and_everything_comes() {
        let mut curriculum = Curriculum::new([3].into_iter());
        for _ in 0..50 {
            curriculum.note(0, 1, 1.0);
            curriculum.note(0, 2, 0.5);
            curriculum.note(0, 3, 0.0);
        }
        let seen = counts(&curriculum, &[1.0], 0);
        assert!(seen[1] > 1700 && seen[0] > 20 && seen[2] > 20, "{seen:?}");
        for _ in 0..10 {
            curriculum.note(0, 3, 0.5); // it begins to be solved
        }
        let seen = counts(&curriculum, &[1.0], 0);
        assert!(seen[2] > 700, "{seen:?}");
        let stored = serde_json::to_string(&curriculum).unwrap();
        assert_eq!(serde_json::from_str::<Curriculum>(&stored).unwrap(), curriculum, "nothing is lost in a checkpoint");
    }

    #[test]
    fn a_solved_course_leaves_its_place_to_others_but_for_a_part() {
        let mut curriculum = Curriculum::new([1, 2].into_iter());
        let shares = [3.0, 1.0];
        assert!((1400..1600).contains(&counts(&curriculum, &shares, 0)[0]), "three of four, as nothing is known");
        (0..50).for_each(|_| curriculum.note(0, 1, 1.0));
        let solved = counts(&curriculum, &shares, 0)[0];
        let (kept, of_the_rest) = (2000.0 * 0.25 * 0.75, 2000.0 * 0.75 * (3.0 * 0.01) / (3.0 * 0.01 + 0.26));
        assert!((solved as f64 - (kept + of_the_rest)).abs() < 80.0, "{solved}");
    }
}
