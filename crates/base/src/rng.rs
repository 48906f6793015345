//! Seeded random numbers whose bytes never change: xoshiro256++ seeded by splitmix64.
//!
//! Written here rather than taken from a crate because "same seed, same bytes" must survive dependency
//! updates. Algorithms: Blackman and Vigna, "Scrambled linear pseudorandom number generators" (2018).

use serde::{Deserialize, Serialize};

/// A random stream. Cloning it copies its state, so that both copies draw the same numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rng {
    state: [u64; 4],
}

/// One step of splitmix64: a good mixer of 64 bits, used for seeding and for deriving streams.
fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A stable number for a name (FNV-1a), to be used in the path of [`Rng::derive`].
pub fn label(text: &str) -> u64 {
    text.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3))
}

impl Rng {
    /// A stream from a seed.
    pub fn new(seed: u64) -> Rng {
        let mut state = seed;
        Rng { state: std::array::from_fn(|_| splitmix64(&mut state)) }
    }

    /// An independent stream for one purpose: the same seed and path give the same stream, whatever else is drawn.
    pub fn derive(seed: u64, path: &[u64]) -> Rng {
        let mut state = seed;
        let mut mixed = splitmix64(&mut state);
        for &step in path {
            let mut inner = mixed ^ step.wrapping_mul(0xD6E8_FEB8_6659_FD93);
            mixed = splitmix64(&mut inner);
        }
        Rng::new(mixed)
    }

    /// The next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let result = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let shifted = b << 17;
        let (c, d) = (c ^ a, d ^ b);
        let (b, a) = (b ^ c, a ^ d);
        self.state = [a, b, c ^ shifted, d.rotate_left(45)];
        result
    }

    /// A whole number in `0..n`, without bias (Lemire's method). Panics if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "below(0) has no value to give");
        let n = n as u64;
        let threshold = n.wrapping_neg() % n;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(n);
            if (product as u64) >= threshold {
                return (product >> 64) as usize;
            }
        }
    }

    /// A whole number in `lo..=hi`.
    pub fn range(&mut self, lo: i64, hi: i64) -> i64 {
        assert!(lo <= hi, "range {lo}..={hi} is empty");
        lo + self.below((hi - lo + 1) as usize) as i64
    }

    /// A number in `[0, 1)` with 24 random bits.
    pub fn unit(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 * (1.0 / (1u64 << 24) as f32)
    }

    /// A number in `[0, 1)` with 53 random bits.
    pub fn unit_f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 * (1.0 / (1u64 << 53) as f64)
    }

    /// A draw from the standard normal distribution (Box-Muller, one of the pair).
    pub fn normal(&mut self) -> f32 {
        let radius = (-2.0 * (1.0 - self.unit_f64()).ln()).sqrt();
        (radius * (std::f64::consts::TAU * self.unit_f64()).cos()) as f32
    }

    /// True with probability `p`.
    pub fn chance(&mut self, p: f64) -> bool {
        self.unit_f64() < p
    }

    /// One of the items, each as likely as the others.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }

    /// Puts the items in random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }

    /// `k` different items in random order. Panics if there are fewer.
    pub fn sample<'a, T>(&mut self, items: &'a [T], k: usize) -> Vec<&'a T> {
        assert!(k <= items.len(), "cannot draw {k} different items from {}", items.len());
        let mut places: Vec<usize> = (0..items.len()).collect();
        for first in 0..k {
            let other = first + self.below(places.len() - first);
            places.swap(first, other);
        }
        places[..k].iter().map(|&place| &items[place]).collect()
    }

    /// An index drawn in proportion to the weights. Panics if they are empty or sum to nothing.
    pub fn weighted(&mut self, weights: &[f64]) -> usize {
        let total: f64 = weights.iter().sum();
        assert!(total > 0.0, "weights must have a positive sum");
        let mut left = self.unit_f64() * total;
        for (index, &weight) in weights.iter().enumerate() {
            left -= weight;
            if left < 0.0 {
                return index;
            }
        }
        weights.iter().rposition(|&weight| weight > 0.0).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The published reference implementation, seeded with the state 1, 2, 3, 4.
    #[test]
    fn first_numbers_of_the_reference() {
        let mut rng = Rng { state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..4).map(|_| rng.next_u64()).collect();
        assert_eq!(drawn, [41943041, 58720359, 3588806011781223, 3591011842654386]);
    }

    #[test]
    fn streams_differ_by_path_and_repeat_by_seed() {
        let draw = |seed, path: &[u64]| Rng::derive(seed, path).next_u64();
        assert_eq!(draw(1, &[2, 3]), draw(1, &[2, 3]));
        assert_ne!(draw(1, &[2, 3]), draw(1, &[3, 2]));
        assert_ne!(draw(1, &[2]), draw(2, &[2]));
        assert_ne!(label("sft"), label("rl"));
    }

    #[test]
    fn draws_have_the_distribution_they_claim() {
        let mut rng = Rng::new(7);
        let n = 100_000;
        let mut counts = [0usize; 10];
        (0..n).for_each(|_| counts[rng.below(10)] += 1);
        assert!(counts.iter().all(|&count| (9_500..10_500).contains(&count)), "{counts:?}");
        let normals: Vec<f64> = (0..n).map(|_| f64::from(rng.normal())).collect();
        let mean = normals.iter().sum::<f64>() / n as f64;
        let variance = normals.iter().map(|x| x * x).sum::<f64>() / n as f64;
        assert!(mean.abs() < 0.02 && (variance - 1.0).abs() < 0.02, "mean {mean}, variance {variance}");
        let weighted = (0..n).filter(|_| rng.weighted(&[1.0, 0.0, 3.0]) == 2).count();
        assert!((74_000..76_000).contains(&weighted), "{weighted}");
        let mut order: Vec<usize> = (0..50).collect();
        rng.shuffle(&mut order);
        let mut sorted = order.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..50).collect::<Vec<_>>());
        assert_ne!(order, sorted);
    }
}
