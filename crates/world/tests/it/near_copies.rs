//! Pages that are to be kept must not look like copies of each other to the near-duplicate filter.
//!
//! The filter joins two pages whose sets of five-word runs have the same minimum under all 8 hashes of one of 14
//! groups. Here stands the same with other hashes: which pairs collide differs, how likely they do does not.

use super::WORLD;
use base::rng::{Rng, label};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use world::Shelf;

const N_GROUPS: usize = 14;
const N_HASHES: usize = 8;

/// Lower case, numbers to 0, no punctuation; hashes of all runs of five words.
fn shingles(text: &str) -> BTreeSet<u64> {
    let plain: String = text.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { ' ' }).collect();
    let words: Vec<String> =
        plain.split_whitespace().map(|w| if w.chars().all(|c| c.is_ascii_digit()) { "0".to_string() } else { w.to_string() }).collect();
    words.windows(5).map(|run| label(&run.join(" "))).collect()
}

#[test]
fn kept_pages_are_no_near_copies() {
    let rng = &mut Rng::new(1);
    let factors: Vec<(u64, u64)> = (0..N_GROUPS * N_HASHES).map(|_| (rng.next_u64() | 1, rng.next_u64())).collect();
    let mut buckets: HashMap<(usize, [u64; N_HASHES]), Vec<usize>> = HashMap::new();
    let sheets: Vec<_> = WORLD.sheets.iter().filter(|s| s.shelf == Shelf::Web && (s.kept() || s.verdict == "minhash")).collect();
    for (number, sheet) in sheets.iter().enumerate() {
        let shingles = shingles(&sheet.text);
        for group in 0..N_GROUPS {
            let minima: [u64; N_HASHES] = std::array::from_fn(|hash| {
                let (factor, offset) = factors[group * N_HASHES + hash];
                shingles
                    .iter()
                    .map(|s| (s.wrapping_mul(factor).wrapping_add(offset)).rotate_left(29).wrapping_mul(factor))
                    .min()
                    .unwrap_or(0)
            });
            buckets.entry((group, minima)).or_default().push(number);
        }
    }
    let mut pairs: BTreeMap<(usize, usize), usize> = BTreeMap::new();
    for same in buckets.values().filter(|same| same.len() > 1) {
        for (i, &a) in same.iter().enumerate() {
            for &b in &same[i + 1..] {
                *pairs.entry((a, b)).or_default() += 1;
            }
        }
    }
    let mut joined = BTreeSet::new();
    for &(a, b) in pairs.keys() {
        let labelled = [a, b].iter().any(|&i| sheets[i].verdict == "minhash");
        assert!(labelled, "these look alike:\n{}\n\n{}", sheets[a].text, sheets[b].text);
        joined.extend([a, b]);
    }
    for (number, sheet) in sheets.iter().enumerate().filter(|(_, s)| s.verdict == "minhash") {
        assert!(joined.contains(&number), "this looks like no copy: {}", sheet.text);
    }
}
