//! Tokens by their bytes: which id a word has that is a token.
//!
//! Open addressing, 8 bytes a token: half of a hash, and the id behind it. Whether the bytes are the same is looked up in the
//! vocabulary, so that the table says nothing that is not so.

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct WordTable {
    /// Half of the hash, then the id; all ones where nothing stands.
    slots: Vec<u64>,
    shift: u32,
}

const EMPTY: u64 = u64::MAX;

impl WordTable {
    /// A table of these tokens.
    pub fn new<'a>(tokens: impl ExactSizeIterator<Item = (&'a [u8], u32)>) -> WordTable {
        let bits = (3 * tokens.len().max(8) / 2).next_power_of_two().ilog2();
        let mut table = WordTable { slots: vec![EMPTY; 1 << bits], shift: 64 - bits };
        for (bytes, id) in tokens {
            let hash = hash(bytes);
            let mask = table.slots.len() - 1;
            let mut at = (hash >> table.shift) as usize;
            while table.slots[at & mask] != EMPTY {
                at += 1;
            }
            table.slots[at & mask] = hash << 32 | u64::from(id);
        }
        table
    }

    /// The id of the token with these bytes; `is_it` says whether an id is.
    #[inline]
    pub fn find(&self, bytes: &[u8], is_it: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(bytes);
        let mask = self.slots.len() - 1;
        let mut at = (hash >> self.shift) as usize;
        loop {
            let found = self.slots[at & mask];
            if found == EMPTY {
                return None;
            }
            if found >> 32 == hash & 0xffff_ffff && is_it(found as u32) {
                return Some(found as u32);
            }
            at += 1;
        }
    }
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
