//! The constants of the 112 permutations: what numpy's `RandomState(1).randint` draws.
//!
//! Sources: Matsumoto and Nishimura, "Mersenne Twister" (1998), for the generator; numpy's legacy bounded integers (mask,
//! then reject) for the draw. Knows nothing about texts.

use std::sync::LazyLock;

use super::HASHES;

/// The Mersenne prime 2^61 - 1, below which every hash of a signature lies.
pub const PRIME: u64 = (1 << 61) - 1;

/// Permutation i takes a hash h to (a[i] * h + b[i]) mod 2^64 mod 2^61-1.
#[derive(Debug)]
pub struct Permutations {
    /// The factors, from 1.
    pub a: [u64; HASHES],
    /// The summands, from 0.
    pub b: [u64; HASHES],
}

/// The permutations, drawn once.
pub fn permutations() -> &'static Permutations {
    static ALL: LazyLock<Permutations> = LazyLock::new(|| {
        let mut twister = Twister::new(1);
        let a = std::array::from_fn(|_| 1 + twister.up_to(PRIME - 2));
        let b = std::array::from_fn(|_| twister.up_to(PRIME - 1));
        Permutations { a, b }
    });
    &ALL
}

const STATE: usize = 624;
const SHIFT: usize = 397;

/// MT19937.
struct Twister {
    state: [u32; STATE],
    next: usize,
}

impl Twister {
    fn new(seed: u32) -> Twister {
        let mut state = [seed; STATE];
        for i in 1..STATE {
            state[i] = (state[i - 1] ^ (state[i - 1] >> 30)).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        Twister { state, next: STATE }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == STATE {
            for i in 0..STATE {
                let joined = (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % STATE] & 0x7fff_ffff);
                let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
                self.state[i] = self.state[(i + SHIFT) % STATE] ^ (joined >> 1) ^ twist;
            }
            self.next = 0;
        }
        let mut bits = self.state[self.next];
        self.next += 1;
        bits ^= bits >> 11;
        bits ^= (bits << 7) & 0x9d2c_5680;
        bits ^= (bits << 15) & 0xefc6_0000;
        bits ^ (bits >> 18)
    }

    /// A number in `0..=most`: masked to as many bits as `most` has, drawn again while it is greater.
    fn up_to(&mut self, most: u64) -> u64 {
        let mask = u64::MAX >> most.leading_zeros();
        loop {
            let high = u64::from(self.next_u32());
            let value = (high << 32 | u64::from(self.next_u32())) & mask;
            if value <= most {
                return value;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The 10,000th number for the seed that the C++ standard names (26.6.5, `mt19937`).
    #[test]
    fn the_generator_is_the_standard_one() {
        let mut twister = Twister::new(5489);
        assert_eq!((0..10_000).map(|_| twister.next_u32()).last(), Some(4_123_659_995));
    }

    #[test]
    fn the_constants_are_numpys() {
        let Permutations { a, b } = permutations();
        assert_eq!(a[..4], [775169054918279404, 1758426461858698313, 2109959069025162, 965365488286768774]);
        assert_eq!(a[111], 223865076026037746);
        assert_eq!(b[..4], [1062448801025099917, 1324811268927594100, 1217488311597731462, 100775521383383736]);
        assert_eq!(b[111], 1097409548522419201);
    }
}
