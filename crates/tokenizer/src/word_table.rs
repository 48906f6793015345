//! Tokens by their bytes: which id a word has that is a token.
//!
//! Open addressing. A token of up to 12 bytes stands in its slot with its id, so that asking for one touches one line of memory. For
//! a longer one the slot has half of a hash beside the id, and whether the bytes are the same is looked up in the vocabulary.

use crate::key::{Key, place};

/// Tokens up to this length stand in their slots.
const IN_SLOT: usize = 12;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct WordTable {
    /// The bytes from the lowest bits on, the length above them, the id at the top; all ones where nothing stands.
    short: Vec<u128>,
    /// Half of the hash, then the id; all ones where nothing stands.
    long: Vec<u64>,
}

const EMPTY_SHORT: u128 = u128::MAX;
const EMPTY: u64 = u64::MAX;
/// Bits of a slot below the id.
const ID_SHIFT: u32 = 8 * IN_SLOT as u32 + 8;

impl WordTable {
    /// A table of these tokens, whose ids have at most 24 bits.
    pub fn new<'a>(tokens: impl Iterator<Item = (&'a [u8], u32)> + Clone) -> WordTable {
        let n_short = tokens.clone().filter(|(bytes, _)| bytes.len() <= IN_SLOT).count();
        let n_long = tokens.clone().count() - n_short;
        let mut table = WordTable { short: vec![EMPTY_SHORT; 3 * n_short / 2 + 1], long: vec![EMPTY; 3 * n_long / 2 + 1] };
        for (bytes, id) in tokens {
            if bytes.len() <= IN_SLOT {
                let key = Key::of(bytes);
                let mut at = table.place(key);
                while table.short[at] != EMPTY_SHORT {
                    at = following(at, table.short.len());
                }
                table.short[at] = in_slot(key) | u128::from(id) << ID_SHIFT;
            } else {
                let hash = hash(bytes);
                let mut at = place(hash, table.long.len());
                while table.long[at] != EMPTY {
                    at = following(at, table.long.len());
                }
                table.long[at] = hash << 32 | u64::from(id);
            }
        }
        table
    }

    /// Where the search for a key begins: what [`WordTable::slot`] reads, and nothing else in most cases.
    #[inline]
    pub fn place(&self, key: Key) -> usize {
        place(key.hash(), self.short.len())
    }

    /// A slot, for nothing but to have its line at hand.
    #[inline]
    pub fn slot(&self, place: usize) -> u128 {
        self.short[place]
    }

    /// The id of the token of at most 12 bytes with this key; no other is found.
    #[inline]
    pub fn find_key(&self, key: Key) -> Option<u32> {
        let mut at = self.place(key);
        let key = in_slot(key);
        loop {
            let found = self.short[at];
            if found & ((1 << ID_SHIFT) - 1) == key {
                return Some((found >> ID_SHIFT) as u32);
            }
            if found == EMPTY_SHORT {
                return None;
            }
            at = following(at, self.short.len());
        }
    }

    /// The id of the token with these bytes; `is_it` says whether an id is.
    #[inline]
    pub fn find(&self, bytes: &[u8], is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if bytes.len() <= IN_SLOT { self.find_key(Key::of(bytes)) } else { self.find_long(bytes, is_it) }
    }

    /// The same for a token of more than 12 bytes; no other is found.
    #[inline]
    pub fn find_long(&self, bytes: &[u8], is_it: impl Fn(u32) -> bool) -> Option<u32> {
        if bytes.len() <= IN_SLOT {
            return None;
        }
        let hash = hash(bytes);
        let mut at = place(hash, self.long.len());
        loop {
            let found = self.long[at];
            if found == EMPTY {
                return None;
            }
            if found >> 32 == hash & 0xffff_ffff && is_it(found as u32) {
                return Some(found as u32);
            }
            at = following(at, self.long.len());
        }
    }
}
/// A key's bytes and length as a slot has them.
#[inline]
fn in_slot(key: Key) -> u128 {
    key.bytes() & ((1 << (8 * IN_SLOT)) - 1) | (key.length() as u128) << (8 * IN_SLOT)
}

/// The slot behind a slot, in a circle.
#[inline]
fn following(at: usize, length: usize) -> usize {
    if at + 1 == length { 0 } else { at + 1 }
}

/// A hash of bytes, eight at a time.
#[inline]
fn hash(bytes: &[u8]) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut chunks = bytes.chunks_exact(8);
    let mut hash = bytes.len() as u64;
    for chunk in &mut chunks {
        hash = (hash.rotate_left(23) ^ u64::from_le_bytes(chunk.try_into().expect("eight bytes"))).wrapping_mul(K);
    }
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    hash = (hash.rotate_left(23) ^ u64::from_le_bytes(last)).wrapping_mul(K);
    // Both halves are used, so both must depend on everything.
    (hash ^ hash >> 32).wrapping_mul(K)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_by_their_bytes_and_nothing_else_is() {
        let tokens: Vec<Vec<u8>> =
            (0..5000u32).map(|i| format!("{:x}{}", i.wrapping_mul(2_654_435_761), "z".repeat(i as usize % 13)).into_bytes()).collect();
        let table = WordTable::new(tokens.iter().enumerate().map(|(id, token)| (&token[..], id as u32)));
        let find = |bytes: &[u8]| table.find(bytes, |id| tokens[id as usize] == bytes);
        for (id, token) in tokens.iter().enumerate() {
            assert_eq!(find(token), Some(id as u32));
            assert_eq!(find(&[token, &b"!"[..]].concat()), None);
        }
        assert_eq!(find(b""), None);
        assert_eq!(table.find(&tokens[7], |_| false), None, "a hash alone is no answer");
    }
}
