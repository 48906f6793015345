//! A short word as a number: its bytes are its key, so that words are compared without looking anywhere.

/// The longest word that is its own key, in bytes.
pub(crate) const LONGEST: usize = 15;

/// The bytes of a word from the lowest bits on, their number at the top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u128);

impl Key {
    /// The key of the empty word, which no text has.
    pub const EMPTY: Key = Key(0);
    /// No word's key.
    pub const NONE: Key = Key(u128::MAX);

    /// The key of a word of at most [`LONGEST`] bytes.
    #[inline]
    pub fn of(word: &[u8]) -> Key {
        Key::at(word, 0, word.len())
    }

    /// The key of a word that stands in a text: most are read in one go.
    #[inline]
    pub fn at(text: &[u8], start: usize, length: usize) -> Key {
        debug_assert!(length <= LONGEST);
        let bytes = match text.get(start..start + 16).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok()) {
            Some(bytes) => bytes,
            None => {
                let mut bytes = [0; 16];
                bytes[..length].copy_from_slice(&text[start..start + length]);
                bytes
            }
        };
        Key(u128::from_le_bytes(bytes) & ((1 << (8 * length)) - 1) | (length as u128) << 120)
    }

    /// The length of the word in bytes.
    #[inline]
    pub fn length(self) -> usize {
        (self.0 >> 120) as usize
    }

    /// Its bytes alone, from the lowest bits on.
    #[inline]
    pub fn bytes(self) -> u128 {
        self.0 & ((1 << 120) - 1)
    }

    /// A hash whose upper bits depend on all bytes.
    #[inline]
    pub fn hash(self) -> u64 {
        let hash = (self.0 as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((self.0 >> 64) as u64).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
        hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A place in a table of any length for a hash: the upper bits count.
#[inline]
pub(crate) fn place(hash: u64, length: usize) -> usize {
    ((u128::from(hash) * length as u128) >> 64) as usize
}
