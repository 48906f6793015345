//! The vocabulary file of llama2.c: SentencePiece's pieces with their scores, encoded and decoded as its `run` does.
//!
//! A decoder and an encoder for that file alone. Knows nothing of SentencePiece's own files, its normalisation and its unigrams.

use std::path::Path;

use base::files;
use rustc_hash::FxHashMap;

use crate::stream::Characters;
use crate::{Error, Result};

/// A vocabulary of scored pieces. Id 0 stands for nothing known, 1 begins a text and 2 ends it.
#[derive(Clone, Debug)]
pub struct Pieces {
    pieces: Vec<Vec<u8>>,
    scores: Vec<f32>,
    ids: FxHashMap<Vec<u8>, u32>,
}

/// The text of a stream of ids, never half a character.
#[derive(Clone, Debug)]
pub struct PieceStream<'a> {
    pieces: &'a Pieces,
    characters: Characters,
    /// Whether nothing of the text has come yet.
    at_start: bool,
}

impl Pieces {
    /// Stands for what has no piece.
    pub const UNKNOWN: u32 = 0;
    /// Begins a text.
    pub const BOS: u32 = 1;
    /// Ends a text.
    pub const EOS: u32 = 2;

    /// Reads a vocabulary file: the longest piece's length as i32, then of each piece its score as f32, its length as i32, its bytes.
    pub fn load(path: &Path) -> Result<Pieces> {
        parse(&files::read_bytes(path)?).map_err(|(at, why)| {
            Error::Base(base::Error::damaged(
                path,
                format!("byte {at}"),
                why,
                "name the vocabulary file of a llama2.c model, or restore it",
            ))
        })
    }

    /// Number of ids.
    pub fn vocab_size(&self) -> usize {
        self.pieces.len()
    }

    /// The ids of a text, [`Pieces::BOS`] first. It begins as if a space stood before it; characters without a piece become bytes;
    /// then the neighbours that merge to the piece of the best score merge, the first of equals, until none do.
    pub fn encode(&self, text: &str) -> Vec<u32> {
        let mut ids = vec![Pieces::BOS];
        if !text.is_empty() {
            ids.extend(self.ids.get(&b" "[..]));
        }
        for c in text.chars() {
            let bytes = c.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
            match self.ids.get(&bytes) {
                Some(&id) => ids.push(id),
                None => ids.extend(bytes.iter().map(|byte| self.byte_id(*byte))),
            }
        }
        // What each id would become with the one behind it.
        let mut merged: Vec<Option<u32>> = ids.windows(2).map(|pair| self.merged(pair[0], pair[1])).collect();
        loop {
            let mut best: Option<(f32, usize, u32)> = None;
            for (at, id) in merged.iter().enumerate() {
                if let Some(id) = *id
                    && best.is_none_or(|(score, ..)| self.scores[id as usize] > score)
                {
                    best = Some((self.scores[id as usize], at, id));
                }
            }
            let Some((_, at, id)) = best else { return ids };
            ids[at] = id;
            ids.remove(at + 1);
            merged.remove(at);
            if at > 0 {
                merged[at - 1] = self.merged(ids[at - 1], id);
            }
            if at < merged.len() {
                merged[at] = self.merged(id, ids[at + 1]);
            }
        }
    }

    /// The text of ids, up to the first [`Pieces::EOS`], or [`Pieces::BOS`] that is not at the beginning.
    pub fn decode(&self, ids: &[u32]) -> String {
        let mut stream = PieceStream::new(self);
        let ids = ids.strip_prefix(&[Pieces::BOS]).unwrap_or(ids);
        let inside = ids.iter().take_while(|id| ![Pieces::BOS, Pieces::EOS].contains(id));
        let mut text: String = inside.map(|&id| stream.push(id)).collect();
        text += &stream.finish();
        text
    }

    /// The id of the piece that two make together.
    fn merged(&self, left: u32, right: u32) -> Option<u32> {
        let both = [&self.pieces[left as usize][..], &self.pieces[right as usize]].concat();
        self.ids.get(&both).copied()
    }

    /// The id of a byte, which has its place in every vocabulary of this kind.
    fn byte_id(&self, byte: u8) -> u32 {
        self.ids.get(format!("<0x{byte:02X}>").as_bytes()).copied().unwrap_or(Pieces::UNKNOWN)
    }
}

impl<'a> PieceStream<'a> {
    /// A stream at the beginning of a text.
    pub fn new(pieces: &'a Pieces) -> PieceStream<'a> {
        PieceStream { pieces, characters: Characters::default(), at_start: true }
    }

    /// The text that is complete with this id. The ids around a text have none, and of its first piece a leading space is none of it.
    pub fn push(&mut self, id: u32) -> String {
        if id == Pieces::BOS || id == Pieces::EOS {
            self.at_start = true;
            return String::new();
        }
        let mut piece = self.pieces.pieces.get(id as usize).map_or(&[][..], |piece| &piece[..]);
        if std::mem::replace(&mut self.at_start, false) {
            piece = piece.strip_prefix(b" ").unwrap_or(piece);
        }
        match spelt_byte(piece) {
            Some(byte) => self.characters.push(&[byte]),
            None => self.characters.push(piece),
        }
    }

    /// What is left at the end of the stream: nothing, or U+FFFD for a character that was never completed.
    pub fn finish(self) -> String {
        self.characters.finish()
    }
}

/// The byte that a piece such as `<0x0A>` stands for.
fn spelt_byte(piece: &[u8]) -> Option<u8> {
    let digits: &[u8; 2] = piece.strip_prefix(b"<0x")?.strip_suffix(b">")?.try_into().ok()?;
    let digit = |c: u8| char::from(c).to_digit(16);
    Some((16 * digit(digits[0])? + digit(digits[1])?) as u8)
}

/// The pieces of a file, or where it is wrong and why.
fn parse(bytes: &[u8]) -> std::result::Result<Pieces, (usize, String)> {
    let mut vocabulary = Pieces { pieces: Vec::new(), scores: Vec::new(), ids: FxHashMap::default() };
    let Some((longest, mut rest)) = bytes.split_first_chunk::<4>() else {
        return Err((0, format!("it has {} bytes and holds no pieces", bytes.len())));
    };
    let longest = i32::from_le_bytes(*longest);
    while !rest.is_empty() {
        let (at, id) = (bytes.len() - rest.len(), vocabulary.pieces.len());
        let cut = || (at, format!("it ends within piece {id}"));
        let (score, after) = rest.split_first_chunk().ok_or_else(cut)?;
        let (length, after) = after.split_first_chunk().ok_or_else(cut)?;
        let length = i32::from_le_bytes(*length);
        if !(0..=longest).contains(&length) {
            return Err((at, format!("piece {id} has a length of {length}, and the longest should have {longest}")));
        }
        let (piece, after) = after.split_at_checked(length as usize).ok_or_else(cut)?;
        vocabulary.scores.push(f32::from_le_bytes(*score));
        vocabulary.pieces.push(piece.to_vec());
        vocabulary.ids.entry(piece.to_vec()).or_insert(id as u32);
        rest = after;
    }
    if vocabulary.pieces.len() <= Pieces::EOS as usize {
        return Err((bytes.len(), format!("it holds {} pieces, and three stand for no text", vocabulary.pieces.len())));
    }
    Ok(vocabulary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Pieces of rising worth from the end: the bytes, then merges, then characters, as in llama2.c's files.
    const OWN: [(&str, f32); 12] = [
        ("ab", -1.0),
        (" a", -2.0),
        ("bc", -2.0),
        ("aba", -3.0),
        (" ab", -4.0),
        ("é€", -0.5),
        (" ", -9.0),
        ("a", -9.0),
        ("b", -9.0),
        ("c", -9.0),
        ("é", -9.0),
        ("€", -9.0),
    ];

    fn file(own: &[(&str, f32)]) -> Vec<u8> {
        let bytes = (0..=255).map(|byte| (format!("<0x{byte:02X}>"), 0.0));
        let specials = ["<unk>", "\n<s>\n", "\n</s>\n"].map(|piece| (piece.to_string(), 0.0));
        let all = specials.into_iter().chain(bytes).chain(own.iter().map(|(piece, score)| (piece.to_string(), *score)));
        let mut file = 6i32.to_le_bytes().to_vec();
        for (piece, score) in all {
            file.extend(score.to_le_bytes());
            file.extend((piece.len() as i32).to_le_bytes());
            file.extend(piece.as_bytes());
        }
        file
    }

    fn pieces() -> Pieces {
        parse(&file(&OWN)).unwrap()
    }

    fn spelt(pieces: &Pieces, ids: &[u32]) -> Vec<String> {
        ids.iter().map(|&id| String::from_utf8(pieces.pieces[id as usize].clone()).unwrap()).collect()
    }

    #[test]
    fn the_best_pair_merges_first_and_of_equals_the_first() {
        let pieces = pieces();
        assert_eq!(pieces.vocab_size(), 3 + 256 + OWN.len());
        for (text, expected) in [
            ("", &[][..]),
            ("ab", &[" ab"][..]),
            ("abc", &[" ab", "c"]),
            ("aab", &[" a", "ab"]),
            ("cbc", &[" ", "c", "bc"]),
            ("xé€z", &[" ", "<0x78>", "é€", "<0x7A>"]),
            ("ü", &[" ", "<0xC3>", "<0xBC>"]),
            ("\u{1F600}", &[" ", "<0xF0>", "<0x9F>", "<0x98>", "<0x80>"]),
        ] {
            let ids = pieces.encode(text);
            assert_eq!(ids[0], Pieces::BOS);
            assert_eq!(spelt(&pieces, &ids[1..]), expected, "{text:?}");
            assert_eq!(pieces.decode(&ids), text);
        }
    }

    #[test]
    fn text_begins_without_the_space_and_ends_at_an_end() {
        let pieces = pieces();
        let id = |piece: &str| pieces.ids[piece.as_bytes()];
        let (space_a, a, end) = (id(" a"), id("a"), id("<0x0A>"));
        assert_eq!(pieces.decode(&[Pieces::BOS, space_a, space_a, end]), "a a\n");
        assert_eq!(pieces.decode(&[space_a, Pieces::EOS, a]), "a");
        assert_eq!(pieces.decode(&[Pieces::BOS, a, space_a, Pieces::BOS, a]), "a a");
        assert_eq!(pieces.decode(&[a, id("<0xE2>"), id("<0x82>"), a, 5000]), "a\u{FFFD}a");
        let mut stream = PieceStream::new(&pieces);
        let parts: Vec<String> = pieces.encode("é\u{1F600}a").into_iter().map(|id| stream.push(id)).collect();
        assert_eq!(parts, ["", "", "é", "", "", "", "\u{1F600}", "a"]);
    }

    #[test]
    fn a_damaged_file_is_told_with_its_place() {
        let whole = file(&OWN);
        let ends: Vec<usize> = {
            let lengths = pieces().pieces.into_iter().map(|piece| 8 + piece.len());
            lengths.scan(4, |at, length| Some(std::mem::replace(at, *at + length))).collect()
        };
        for length in 0..whole.len() {
            // A file that ends with a piece is whole, only shorter.
            match parse(&whole[..length]) {
                Ok(pieces) => assert_eq!(ends[pieces.vocab_size()], length),
                Err((at, _)) => assert!(at <= length && (length < ends[3] || !ends.contains(&length)), "{length}"),
            }
        }
        let mut hostile = whole.clone();
        for (length, expected) in [(i32::MAX, "a length of 2147483647, and the longest should have 6"), (-1, "a length of -1")] {
            hostile[8..12].copy_from_slice(&length.to_le_bytes());
            let (at, message) = parse(&hostile).unwrap_err();
            assert!(at == 4 && message.contains(expected), "{message}");
        }
        hostile[..4].copy_from_slice(&i32::MAX.to_le_bytes());
        hostile[8..12].copy_from_slice(&i32::MAX.to_le_bytes());
        assert_eq!(parse(&hostile).unwrap_err().1, "it ends within piece 0");
        let path = std::env::temp_dir().join(format!("schoolhouse-pieces-{}", std::process::id()));
        std::fs::write(&path, b"abc").unwrap();
        let message = Pieces::load(&path).unwrap_err().to_string();
        assert!(message.contains("is damaged at byte 0: it has 3 bytes and holds no pieces; name the vocabulary file"), "{message}");
        std::fs::remove_file(path).unwrap();
    }

    /// Merging as it is told: all neighbours are looked up anew each time.
    fn slowly(pieces: &Pieces, mut ids: Vec<u32>) -> Vec<u32> {
        loop {
            let found = ids.windows(2).enumerate().filter_map(|(at, pair)| Some((at, pieces.merged(pair[0], pair[1])?)));
            let score = |id: u32| pieces.scores[id as usize];
            let Some((at, id)) = found.reduce(|best, next| if score(next.1) > score(best.1) { next } else { best }) else { return ids };
            ids.splice(at..at + 2, [id]);
        }
    }

    proptest! {
        #[test]
        fn encoding_is_that_of_the_slow_way_and_comes_back(text in "[abc é€x\u{1F600}]{0,30}") {
            let pieces = pieces();
            let single = Pieces { ids: pieces.ids.iter().filter(|(piece, _)| !OWN[..6].iter().any(|own| own.0.as_bytes() == **piece)).map(|(p, id)| (p.clone(), *id)).collect(), ..pieces.clone() };
            prop_assert_eq!(pieces.encode(&text), slowly(&pieces, single.encode(&text)));
            prop_assert_eq!(pieces.decode(&pieces.encode(&text)), text);
        }
    }
}
