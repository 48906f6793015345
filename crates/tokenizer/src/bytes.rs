//! The byte alphabet: the 256 ids below all merges, and how a token's bytes are spelt in `tokenizer.json`.
//!
//! GPT-2 gave every byte a printable character: itself where it has one in Latin-1, else the characters from
//! U+0100 on in order. Ids follow the order of these characters, as in every byte-level vocabulary since, so `!` is 0.

/// Whether a byte is spelt as the Latin-1 character of the same number.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, 33..=126 | 161..=172 | 174..=255)
}

/// `BYTE_OF_ID[id]` for the ids below 256.
pub(crate) const BYTE_OF_ID: [u8; 256] = {
    let mut order = [0u8; 256];
    let mut n = 0;
    let mut pass = 0;
    while pass < 2 {
        let mut byte = 0;
        while byte < 256 {
            if is_printable(byte as u8) == (pass == 0) {
                order[n] = byte as u8;
                n += 1;
            }
            byte += 1;
        }
        pass += 1;
    }
    order
};

/// `ID_OF_BYTE[byte]`, the inverse of [`BYTE_OF_ID`].
pub(crate) const ID_OF_BYTE: [u8; 256] = {
    let mut ids = [0u8; 256];
    let mut id = 0;
    while id < 256 {
        ids[BYTE_OF_ID[id] as usize] = id as u8;
        id += 1;
    }
    ids
};

/// Number of bytes that are spelt as themselves; the id of the first byte that is not.
const PRINTABLE: u32 = 188;

/// The character that stands for a byte.
pub(crate) fn spell_byte(byte: u8) -> char {
    match is_printable(byte) {
        true => char::from(byte),
        false => char::from_u32(0x100 + u32::from(ID_OF_BYTE[usize::from(byte)]) - PRINTABLE).expect("below U+0200"),
    }
}

/// The spelling of a token's bytes.
pub(crate) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| spell_byte(byte)).collect()
}

/// The bytes of a spelling; nothing if one of its characters stands for no byte.
pub(crate) fn unspell(spelling: &str) -> Option<Vec<u8>> {
    spelling
        .chars()
        .map(|c| match u32::from(c) {
            code @ 0..256 => Some(code as u8).filter(|&byte| is_printable(byte)),
            code => BYTE_OF_ID.get((code - 0x100 + PRINTABLE) as usize).copied(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_gpt2s_ids_and_spellings() {
        assert_eq!(BYTE_OF_ID[0], b'!');
        assert_eq!(BYTE_OF_ID[32], b'A');
        assert_eq!(BYTE_OF_ID[PRINTABLE as usize], 0);
        assert_eq!(BYTE_OF_ID[220], b' '); // GPT-2's well-known id of the space
        assert!((0..=255u8).all(|byte| BYTE_OF_ID[usize::from(ID_OF_BYTE[usize::from(byte)])] == byte));
        assert_eq!(spell(b" a\n\xff\xad"), "\u{120}a\u{10a}\u{ff}\u{143}");
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(unspell(&spell(&all)), Some(all));
        assert_eq!((unspell("a b"), unspell("\u{144}"), unspell("日")), (None, None, None));
    }
}
