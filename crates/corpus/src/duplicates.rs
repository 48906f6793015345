//! Exact duplicates: texts that were kept before, character by character.
//!
//! Remembers a hash of each text, 16 bytes, and not the texts. Sees texts in their order; the first one stays.

use std::collections::HashSet;

use crate::Reason;

/// The texts that were kept so far.
#[derive(Debug, Default)]
pub struct Seen(HashSet<[u8; 16]>);

/// The first 128 bits of a text's BLAKE3 hash. Two different texts among a billion share one with a chance of 10^-21.
pub fn hash(text: &str) -> [u8; 16] {
    blake3::hash(text.as_bytes()).as_bytes()[..16].try_into().expect("a hash has 32 bytes")
}

/// Keeps a text, given by its [`hash`], that was not kept before.
pub fn check(hash: [u8; 16], seen: &mut Seen) -> Result<(), Reason> {
    if seen.0.insert(hash) { Ok(()) } else { Err(Reason("exact_duplicate")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_equals_stays() {
        let mut seen = Seen::default();
        let verdicts: Vec<bool> = ["a", "b", "a", "a ", "A", "b"].iter().map(|text| check(hash(text), &mut seen).is_ok()).collect();
        assert_eq!(verdicts, [true, true, false, true, true, false]);
    }
}
