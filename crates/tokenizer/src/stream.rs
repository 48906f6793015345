//! Ids to text as they come: never half a character.

use crate::Tokenizer;

/// Gives the text of a stream of ids, and holds back the bytes of a character that is not complete yet.
#[derive(Clone, Debug)]
pub struct StreamDecoder<'a> {
    tokenizer: &'a Tokenizer,
    characters: Characters,
}

impl<'a> StreamDecoder<'a> {
    /// A decoder at the start of a stream.
    pub fn new(tokenizer: &'a Tokenizer) -> StreamDecoder<'a> {
        StreamDecoder { tokenizer, characters: Characters::default() }
    }

    /// The text that is complete with this id; often empty within a character of several bytes.
    pub fn push(&mut self, id: u32) -> String {
        self.characters.push(self.tokenizer.token_bytes(id))
    }

    /// What is left at the end of the stream: nothing, or U+FFFD for a character that was never completed.
    pub fn finish(self) -> String {
        self.characters.finish()
    }
}

/// Bytes to characters as they come.
#[derive(Clone, Debug, Default)]
pub(crate) struct Characters {
    held: Vec<u8>,
}

impl Characters {
    /// The text that is complete with these bytes.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let mut text = String::new();
        loop {
            match std::str::from_utf8(&self.held) {
                Ok(valid) => {
                    text.push_str(valid);
                    self.held.clear();
                    return text;
                }
                Err(error) => {
                    let (valid, rest) = self.held.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(valid));
                    // No length means that the rest may still become a character.
                    let Some(bad) = error.error_len() else {
                        self.held = rest.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    self.held = rest[bad..].to_vec();
                }
            }
        }
    }

    /// What is left at the end.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.held).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::byte_id;
    use proptest::prelude::*;

    #[test]
    fn a_character_comes_whole() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let mut decoder = StreamDecoder::new(&tokenizer);
        let pieces: Vec<String> = "é€!".bytes().map(|byte| decoder.push(byte_id(byte))).collect();
        assert_eq!(pieces, ["", "é", "", "", "€", "!"]);
        assert_eq!(decoder.finish(), "");
    }

    proptest! {
        #[test]
        fn the_pieces_joined_are_the_lossy_text(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0xC0u8..0xF8, 0x80u8..0xC0], 0..40)) {
            let tokenizer = Tokenizer::from_merges(Vec::new());
            let mut decoder = StreamDecoder::new(&tokenizer);
            let mut text: String = bytes.iter().map(|&byte| decoder.push(byte_id(byte))).collect();
            text += &decoder.finish();
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
