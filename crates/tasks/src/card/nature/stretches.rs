//! Stretches of the training text with the number of times that it has them, word for word: what recitation is measured
//! on. Found in the shards, so any text that a model read will do. Knows nothing of how a model is asked.
//!
//! In two passes, in memory that the text's length does not raise:
//!
//! 1. Wherever a page, a line or a sentence begins, the next [`WINDOW`] ids are hashed, and the hashes sorted: equal ones
//!    are counted. Of a long text only hashes below a bound are kept; all copies of a stretch have the same hash, so the
//!    counts of those that are kept stay right.
//! 2. A few stretches of each count are looked up at every place of the text, id by id, which makes their counts exact.

use std::collections::{BTreeMap, HashMap, HashSet};

use base::rng::{Rng, label};
use base::stop::Stop;
use tokenizer::shards::TokenView;

use super::Material;
use crate::Result;

/// Ids that a model is given.
pub const GIVEN: usize = 12;
/// Ids of a stretch: those given and those to follow. Of longer ones the demo's text has hardly any that stand there often.
pub const WINDOW: usize = 28;
/// Hashes kept at a time: 64 MiB.
const HASHES: usize = 1 << 22;
/// Candidates for each stretch that is wanted: many drop out in the second pass.
const SPARE: usize = 8;

/// A stretch of the training text, or of a held-out page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// How often the training text has it. 0 for a held-out page's: its beginning is not there either.
    pub exposures: u64,
    /// Its beginning.
    pub given: String,
    /// The ids that follow.
    pub rest: Vec<u32>,
}

type Window = [u32; WINDOW];

/// At most `limit` stretches of each range of counts (0, 1, 2, 3-4, 5-8, ...), fewest first, that share no [`GIVEN`] ids with
/// each other. Only stretches whose beginning stands nowhere else than in the stretch: what follows is determined.
///
/// # Errors
/// Damaged shards; `Stopped` where that is asked for.
pub fn draw(material: &Material, limit: usize, seed: u64, stop: &Stop) -> Result<Vec<Stretch>> {
    let (train, val) = (material.shards.train(), material.shards.val());
    let mut candidates: Vec<Window> = Vec::new();
    for (view, by_count) in [(val, false), (train, true)] {
        let counted = count(view, material, seed, stop)?;
        let mut taken: BTreeMap<u32, usize> = BTreeMap::new();
        let wanted = counted.into_iter().filter(|&(count, _)| {
            let n = taken.entry(if by_count { range(count) } else { 0 }).or_default();
            *n += 1;
            *n <= SPARE * limit
        });
        for (_, at) in wanted {
            let mut window = [0; WINDOW];
            view.copy(at..at + WINDOW, &mut window)?;
            candidates.push(window);
        }
    }

    let mut beginnings: HashMap<[u32; GIVEN], u64> = candidates.iter().map(|window| (beginning(window), 0)).collect();
    let mut wholes: HashMap<Window, u64> = candidates.iter().map(|window| (*window, 0)).collect();
    each_place(train, stop, |_, _, window| {
        if let Some(count) = beginnings.get_mut(&beginning(window)) {
            *count += 1;
            if let Some(count) = wholes.get_mut(window) {
                *count += 1;
            }
        }
    })?;

    let mut levels: BTreeMap<u32, Vec<Stretch>> = BTreeMap::new();
    let mut used: HashSet<[u32; GIVEN]> = HashSet::new();
    for window in candidates {
        let exposures = wholes[&window];
        let level = levels.entry(range(exposures)).or_default();
        let parts = || window.windows(GIVEN).map(|part| std::array::from_fn(|i| part[i]));
        if beginnings[&beginning(&window)] != exposures || level.len() == limit || parts().any(|part| used.contains(&part)) {
            continue;
        }
        // What is given goes through text: it must come back as the same ids.
        let given = material.tokenizer.decode(&window[..GIVEN]);
        if material.tokenizer.encode(&given) == window[..GIVEN] {
            used.extend(parts());
            level.push(Stretch { exposures, given, rest: window[GIVEN..].to_vec() });
        }
    }
    Ok(levels.into_values().flatten().collect())
}

/// The number of the range that a count belongs to: 0, 1, 2, 3-4, 5-8, ...
pub fn range(count: u64) -> u32 {
    if count == 0 { 0 } else { count.next_power_of_two().trailing_zeros() + 1 }
}

/// The lowest and the highest count of a range.
pub fn bounds(range: u32) -> (u64, u64) {
    match range {
        0 => (0, 0),
        1 => (1, 1),
        n => ((1 << (n - 2)) + 1, 1 << (n - 1)),
    }
}

fn beginning(window: &Window) -> [u32; GIVEN] {
    std::array::from_fn(|i| window[i])
}

/// The distinct stretches that begin where a page, a line or a sentence does: how often they do, and where the first one
/// stands; in the order of their hashes, which is a random one.
fn count(view: &TokenView, material: &Material, seed: u64, stop: &Stop) -> Result<Vec<(u64, usize)>> {
    let (eot, tokenizer) = (material.tokenizer.eot(), material.tokenizer);
    let ids = 0..material.shards.vocab_size() as u32;
    let ends: Vec<bool> = ids.map(|id| id == eot || ends_something(tokenizer.token_bytes(id))).collect();
    let bound = u64::MAX / view.len().div_ceil(HASHES).max(1) as u64;
    let mut hashes: Vec<(u64, usize)> = Vec::new();
    each_place(view, stop, |at, before, window| {
        if before.is_some_and(|id| !ends[id as usize]) || window.iter().any(|&id| id == eot || id == BEYOND) {
            return;
        }
        let mut path = [label("stretches"); WINDOW + 1];
        path.iter_mut().zip(window).for_each(|(step, &id)| *step = u64::from(id));
        let hash = Rng::derive(seed, &path).next_u64();
        if hash <= bound {
            hashes.push((hash, at));
        }
    })?;
    hashes.sort_unstable();
    Ok(hashes.chunk_by(|a, b| a.0 == b.0).map(|same| (same.len() as u64, same[0].1)).collect())
}

/// Whether a new line or a new sentence begins behind these bytes.
fn ends_something(bytes: &[u8]) -> bool {
    bytes.contains(&b'\n') || bytes.last().is_some_and(|byte| b".!?".contains(byte))
}

/// Stands behind the end of the stream; no id is this high.
const BEYOND: u32 = u32::MAX;

/// Calls `visit` for every place of a stream with the id before it and the ids from there on.
fn each_place(view: &TokenView, stop: &Stop, mut visit: impl FnMut(usize, Option<u32>, &Window)) -> Result<()> {
    const PART: usize = 1 << 16;
    let mut part = vec![BEYOND; PART + WINDOW];
    let mut before = None;
    for start in (0..view.len()).step_by(PART) {
        if stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        let n = (PART + WINDOW).min(view.len() - start);
        view.copy(start..start + n, &mut part[..n])?;
        part[n..].fill(BEYOND);
        for (i, window) in part.windows(WINDOW).take(PART.min(n)).enumerate() {
            visit(start + i, before, window.try_into().expect("windows are as long as asked for"));
            before = Some(window[0]);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::made_up::{Folder, page};
    use super::*;

    #[test]
    fn counts_fall_into_ranges_that_meet() {
        for (count, expected) in [(0, 0), (1, 1), (2, 2), (3, 3), (4, 3), (5, 4), (8, 4), (9, 5), (200, 9)] {
            assert_eq!(range(count), expected, "{count}");
            let (low, high) = bounds(expected);
            assert!((low..=high).contains(&count), "{count} in {low}-{high}");
        }
        assert!((1..20).all(|n| bounds(n).0 == bounds(n - 1).1 + 1));
    }

    #[test]
    fn stretches_bear_the_number_of_their_copies() {
        // Of bytes: a beginning of 12 letters and 16 to follow. The sentence stands in 6 of the pages, each page's own text once.
        let sentence = "Quick zebras jump over dogs.";
        assert_eq!(sentence.len(), WINDOW);
        let own = |i: u64| (0..3).map(|k| Rng::derive(i, &[k]).next_u64().to_string()).collect::<String>();
        let pages: Vec<_> = (0..40).map(|i| page(&format!("{}\n{}", own(i), if i % 7 == 3 { sentence } else { "" }))).collect();
        let folder = Folder::new("stretches", pages, 0.2);
        let material = folder.material();
        let held_out = folder.texts(material.shards.val()).iter().filter(|text| text.contains(sentence)).count();
        let drawn = draw(&material, 4, 1, &Stop::new()).unwrap();
        let found: Vec<&Stretch> = drawn.iter().filter(|stretch| stretch.given == sentence[..GIVEN]).collect();
        assert_eq!(found.len(), 1, "{drawn:?}");
        assert_eq!(found[0].exposures, 6 - held_out as u64);
        assert_eq!(material.tokenizer.decode(&found[0].rest), sentence[GIVEN..]);
        let of = |exposures: u64| drawn.iter().filter(|stretch| stretch.exposures == exposures).count();
        assert_eq!((of(0), of(1)), (4, 4), "{drawn:?}");
        assert!(drawn.is_sorted_by_key(|stretch| stretch.exposures));
    }

    #[test]
    fn a_beginning_that_goes_on_in_two_ways_is_left_out() {
        let pages = (0..6).map(|i| page(&format!("Twelve signs{}", ["a", "b"][i % 2].repeat(30)))).collect();
        let folder = Folder::new("ambiguous", pages, 0.0);
        let drawn = draw(&folder.material(), 4, 1, &Stop::new()).unwrap();
        assert!(drawn.is_empty(), "{drawn:?}");
    }
}
