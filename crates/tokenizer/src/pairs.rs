//! Which two tokens merge, and how early: a hash table made for the one question that encoding asks.
//!
//! Open addressing over a power of two, at most two thirds full, 8 bytes for a pair with its rank: even the pairs of a vocabulary of
//! 200,000 tokens take no more than a processor's last cache holds. The pairs of bytes, with which every word begins, have a table
//! of their own without hashing. Knows no words.

use crate::key::place;

/// No merge: later than any.
pub(crate) const NEVER: u32 = u32::MAX;

/// Bits of an id.
const ID_BITS: u32 = 21;
/// No id is as large.
pub(crate) const MAX_IDS: u32 = 1 << ID_BITS;
/// No rank is as large.
pub(crate) const MAX_RANKS: u32 = 1 << (64 - 2 * ID_BITS);

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct PairTable {
    /// The left id, the right id and the rank, from the highest bits on; all ones where nothing stands.
    slots: Vec<u64>,
    /// The token that the merge of each rank makes; empty where it is the rank and `first`.
    ids: Vec<u32>,
    first: u32,
}

const EMPTY: u64 = u64::MAX;
const RANK: u64 = MAX_RANKS as u64 - 1;

impl PairTable {
    /// A table of pairs with their ranks and the tokens that they make. Of equal pairs the earliest counts. Ids are below
    /// [`MAX_IDS`], ranks below [`MAX_RANKS`].
    pub fn new(pairs: &[(u32, u32, u32, u32)]) -> PairTable {
        let n_ranks = pairs.iter().map(|&(_, _, rank, _)| rank as usize + 1).max().unwrap_or(0);
        let first = pairs.first().map_or(0, |&(_, _, rank, id)| id.wrapping_sub(rank));
        let mut table = PairTable { slots: vec![EMPTY; 3 * pairs.len() / 2 + 1], ids: Vec::new(), first };
        if pairs.iter().any(|&(_, _, rank, id)| id.wrapping_sub(rank) != first) {
            table.ids = vec![NEVER; n_ranks];
            pairs.iter().for_each(|&(_, _, rank, id)| table.ids[rank as usize] = id);
        }
        for &(left, right, rank, _) in pairs {
            assert!(left < MAX_IDS && right < MAX_IDS && rank < MAX_RANKS, "the caller has checked ids and ranks");
            let at = table.find(left, right);
            if table.slots[at] == EMPTY || table.slots[at] & RANK > u64::from(rank) {
                table.slots[at] = key(left, right) | u64::from(rank);
            }
        }
        table
    }

    /// When a pair merges, [`NEVER`] if it does not. A smaller rank merges first.
    #[inline]
    pub fn rank(&self, left: u32, right: u32) -> u32 {
        match self.slots[self.find(left, right)] {
            EMPTY => NEVER,
            found => (found & RANK) as u32,
        }
    }

    /// Reads where the search for a pair begins, for nothing but to have it at hand.
    #[inline]
    pub fn touch(&self, left: u32, right: u32) -> u64 {
        self.slots[self.place(key(left, right))]
    }

    /// The token that the merge of a rank makes.
    #[inline]
    pub fn id(&self, rank: u32) -> u32 {
        if self.ids.is_empty() { rank.wrapping_add(self.first) } else { self.ids[rank as usize] }
    }

    /// All pairs with their ranks, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (u32, u32, u32)> {
        let held = self.slots.iter().filter(|&&slot| slot != EMPTY);
        held.map(|&slot| ((slot >> (64 - ID_BITS)) as u32, (slot >> (64 - 2 * ID_BITS)) as u32 & (MAX_IDS - 1), (slot & RANK) as u32))
    }

    /// The slot of a pair, or the empty one where it would stand.
    #[inline]
    fn find(&self, left: u32, right: u32) -> usize {
        let key = key(left, right);
        let mut at = self.place(key);
        loop {
            let found = self.slots[at];
            if found == EMPTY || found & !RANK == key {
                return at;
            }
            at = if at + 1 == self.slots.len() { 0 } else { at + 1 };
        }
    }

    /// Where the search for a key begins. Fibonacci hashing: the upper bits of a product depend on all bits of the key.
    #[inline]
    fn place(&self, key: u64) -> usize {
        place(key.wrapping_mul(0x9e37_79b9_7f4a_7c15), self.slots.len())
    }
}

#[inline]
fn key(left: u32, right: u32) -> u64 {
    u64::from(left) << (64 - ID_BITS) | u64::from(right) << (64 - 2 * ID_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_is_found_and_nothing_else() {
        let mut rng = base::rng::Rng::new(5);
        let mut expected = std::collections::BTreeMap::new();
        let pairs: Vec<(u32, u32, u32, u32)> = (0..3000)
            .map(|rank| {
                let (left, right) = (rng.below(90) as u32, MAX_IDS - 90 + rng.below(90) as u32);
                expected.entry((left, right)).or_insert(rank);
                (left, right, rank, rank + 256)
            })
            .collect();
        let table = PairTable::new(&pairs);
        for left in 0..100 {
            for right in MAX_IDS - 100..MAX_IDS {
                assert_eq!(table.rank(left, right), expected.get(&(left, right)).copied().unwrap_or(NEVER));
            }
        }
        let mut listed: Vec<_> = table.iter().map(|(left, right, rank)| ((left, right), rank)).collect();
        listed.sort_unstable();
        assert_eq!(listed, expected.into_iter().collect::<Vec<_>>());
        assert_eq!(table.id(2999), 3255);
    }
}
