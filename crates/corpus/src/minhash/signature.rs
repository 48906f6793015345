//! Words to a signature: shingles of five words, SHA-1, the least value of each permutation.
//!
//! Knows words and nothing of how they came about.

use sha1::Digest;
use sha1::block_api::compress;

use super::permutations::{PRIME, permutations};
use super::{HASHES, HASHES_PER_BUCKET, simplify};
use crate::words::split_words;

/// Words in a shingle.
pub const SHINGLE_WORDS: usize = 5;

/// The least value of each permutation over a document's shingles; bucket after bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signature(pub Box<[u64; HASHES]>);

impl Signature {
    /// The hashes of one bucket.
    pub fn bucket(&self, bucket: usize) -> &[u64] {
        &self.0[bucket * HASHES_PER_BUCKET..(bucket + 1) * HASHES_PER_BUCKET]
    }
}

/// The signature of a text, `None` if it has fewer than five words.
pub fn signature_of(text: &str) -> Option<Signature> {
    signature(&split_words(&simplify(text)))
}

/// The signature of a text that is given as the words of its simplified form, `None` if they are fewer than five.
pub fn signature(words: &[&str]) -> Option<Signature> {
    if words.len() < SHINGLE_WORDS {
        return None;
    }
    Some(least(&shingle_hashes(words)))
}

/// The hash of every five words in a row, joined by a space: the first 8 bytes of SHA-1, little-endian.
fn shingle_hashes(words: &[&str]) -> Vec<u64> {
    let mut joined = String::with_capacity(words.iter().map(|word| word.len() + 1).sum());
    let mut spans = Vec::with_capacity(words.len());
    for word in words {
        spans.push((joined.len(), joined.len() + word.len()));
        joined.push_str(word);
        joined.push(' ');
    }
    spans.windows(SHINGLE_WORDS).map(|shingle| hash(&joined.as_bytes()[shingle[0].0..shingle[SHINGLE_WORDS - 1].1])).collect()
}

/// SHA-1's starting state (FIPS 180-4, 5.3.1).
const START: [u32; 5] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0];
/// The longest message that fits one block with its padding.
const ONE_BLOCK: usize = 55;

/// The first 8 bytes of SHA-1, little-endian. Most shingles fit one block, which is padded here: that takes half the
/// time of the general way.
fn hash(bytes: &[u8]) -> u64 {
    if bytes.len() > ONE_BLOCK {
        let digest = sha1::Sha1::digest(bytes);
        return u64::from_le_bytes(std::array::from_fn(|i| digest[i]));
    }
    let mut block = [0u8; 64];
    block[..bytes.len()].copy_from_slice(bytes);
    block[bytes.len()] = 0x80;
    block[56..].copy_from_slice(&(8 * bytes.len() as u64).to_be_bytes());
    let mut state = START;
    compress(&mut state, &[block]);
    u64::from(state[0].swap_bytes()) | u64::from(state[1].swap_bytes()) << 32
}

/// Permutations that are done together: their least values stay in registers.
const LANES: usize = 16;

/// The least value of each permutation over the hashes.
pub(super) fn least(hashes: &[u64]) -> Signature {
    let constants = permutations();
    let mut all = Box::new([PRIME; HASHES]);
    let (a, _) = constants.a.as_chunks::<LANES>();
    let (b, _) = constants.b.as_chunks::<LANES>();
    let (least, _) = all.as_chunks_mut::<LANES>();
    // The same plain loops, compiled for each instruction set and chosen at run time; whole numbers give the same bits.
    pulp::Arch::new().dispatch(|| {
        for ((a, b), least) in a.iter().zip(b).zip(least) {
            least_of_lanes(hashes, a, b, least);
        }
    });
    Signature(all)
}

#[inline(always)]
fn least_of_lanes(hashes: &[u64], a: &[u64; LANES], b: &[u64; LANES], least: &mut [u64; LANES]) {
    let mut kept = *least;
    for &hash in hashes {
        for lane in 0..LANES {
            let value = hash.wrapping_mul(a[lane]).wrapping_add(b[lane]);
            // 2^61 is 1 modulo the prime: the upper three bits are added to the lower 61.
            let folded = (value & PRIME) + (value >> 61);
            let reduced = if folded >= PRIME { folded - PRIME } else { folded };
            kept[lane] = kept[lane].min(reduced);
        }
    }
    *least = kept;
}

#[cfg(test)]
mod tests {
    use base::rng::Rng;

    use super::super::match_probability;
    use super::*;

    #[test]
    fn values_of_the_specification() {
        let hash = hash(b"the quick brown fox jumps");
        assert_eq!(hash, 12313522834835307089);
        assert_eq!(least(&[hash]).0[..3], [1926946578595728186, 284080765670708113, 1962021756552065331]);
        assert_eq!(signature(&["the", "quick", "brown", "fox", "jumps"]), Some(least(&[hash])));
        assert_eq!(signature(&["the", "quick", "brown", "fox"]), None);
    }

    #[test]
    fn one_block_and_the_general_way_agree() {
        for length in 0..70 {
            let text: Vec<u8> = (0..length).map(|i| b'a' + i % 26).collect();
            let digest = sha1::Sha1::digest(&text);
            assert_eq!(hash(&text).to_le_bytes(), digest[..8], "{length}");
        }
    }

    /// The same in 128 bits and by division.
    #[test]
    fn permutations_agree_with_plain_arithmetic() {
        let mut rng = Rng::new(3);
        let mut hashes: Vec<u64> = (0..50).map(|_| rng.next_u64()).collect();
        hashes.extend([0, 1, PRIME - 1, PRIME, PRIME + 1, u64::MAX]);
        let constants = permutations();
        let mut expected = [u64::MAX; HASHES];
        for &hash in &hashes {
            for i in 0..HASHES {
                let value = (u128::from(hash) * u128::from(constants.a[i]) + u128::from(constants.b[i])) as u64 % PRIME;
                expected[i] = expected[i].min(value);
            }
        }
        assert_eq!(*least(&hashes).0, expected);
    }

    /// Two texts that begin alike and end differently share so many of their shingles; of many such pairs as many are
    /// found as theory says, within four standard deviations.
    #[test]
    fn as_many_pairs_are_found_as_theory_says() {
        const PAIRS: usize = 300;
        let mut rng = Rng::new(8);
        for (similarity, shingles, shared) in [(0.7, 425, 350), (0.8, 450, 400), (0.9, 475, 450)] {
            assert_eq!(shared as f64 / (2 * shingles - shared) as f64, similarity);
            let mut found = 0;
            for _ in 0..PAIRS {
                let words: Vec<String> = (0..shingles + 4).map(|_| format!("{:x}", rng.next_u64())).collect();
                let one: Vec<&str> = words.iter().map(String::as_str).collect();
                let tail: Vec<String> = (shared + 4..one.len()).map(|_| format!("{:x}", rng.next_u64())).collect();
                let other: Vec<&str> = one[..shared + 4].iter().copied().chain(tail.iter().map(String::as_str)).collect();
                let (one, other) = (signature(&one).unwrap(), signature(&other).unwrap());
                found += usize::from((0..super::super::BUCKETS).any(|bucket| one.bucket(bucket) == other.bucket(bucket)));
            }
            let p = match_probability(similarity);
            let expected = p * PAIRS as f64;
            let deviation = (expected * (1.0 - p)).sqrt();
            assert!((found as f64 - expected).abs() <= 4.0 * deviation.max(0.5), "{similarity}: {found}, theory {expected} ± {deviation}");
        }
    }
}
