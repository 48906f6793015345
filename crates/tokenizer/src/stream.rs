//! Bytes to text as they come: never half a character.

/// Gives the text of a stream of tokens' bytes, and holds back those of a character that is not complete yet.
#[derive(Clone, Debug, Default)]
pub struct Characters {
    held: Vec<u8>,
}

impl Characters {
    /// The text that is complete with these bytes; often empty within a character of several.
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

    /// What is left at the end of the stream: nothing, or U+FFFD for a character that was never completed.
    pub fn finish(self) -> String {
        String::from_utf8_lossy(&self.held).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_character_comes_whole() {
        let mut characters = Characters::default();
        let pieces: Vec<String> = "é€!".bytes().map(|byte| characters.push(&[byte])).collect();
        assert_eq!(pieces, ["", "é", "", "", "€", "!"]);
        assert_eq!(characters.finish(), "");
    }

    proptest! {
        #[test]
        fn the_pieces_joined_are_the_lossy_text(bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0xC0u8..0xF8, 0x80u8..0xC0], 0..40)) {
            let mut characters = Characters::default();
            let mut text: String = bytes.iter().map(|&byte| characters.push(&[byte])).collect();
            text += &characters.finish();
            prop_assert_eq!(text, String::from_utf8_lossy(&bytes));
        }
    }
}
