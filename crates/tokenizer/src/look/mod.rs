//! Looking into tokenizers: which tokens a text is cut into, how they were built, and how well a vocabulary fits texts.
//!
//! Everything here is computed and returned as plain data that can be written as JSON. Knows no files and no terminal,
//! and changes nothing: a tokenizer that is looked into stays as it is.

use serde::{Serialize, Serializer};

use crate::Tokenizer;

mod count;
mod escape;
mod stats;
mod steps;

pub use count::{Counts, Measures, count_texts, limited};
pub use escape::{escape, hex, is_printable};
pub use stats::{
    Compared, ComparedInput, Comparison, Frequent, Input, InputStats, LengthBin, Relative, Stats, Unused, compare, compare_inputs, stats,
};
pub use steps::{Step, merge_steps};

/// A token of a vocabulary as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Spelling {
    /// Its id.
    pub id: u32,
    /// Its text; `None` where its bytes are not whole UTF-8 characters.
    pub text: Option<String>,
    /// Its bytes, of a special token those of its spelling; hexadecimal in JSON.
    #[serde(rename = "hex", serialize_with = "as_hex")]
    pub bytes: Vec<u8>,
}

impl Spelling {
    /// The spelling of an id. Panics if there is no such id.
    pub fn of(tokenizer: &Tokenizer, id: u32) -> Spelling {
        let bytes = tokenizer.token_bytes(id).to_vec();
        Spelling { id, text: std::str::from_utf8(&bytes).ok().map(str::to_string), bytes }
    }
}

fn as_hex<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(bytes))
}

/// A token at its place in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Its number in the text, from 0.
    pub position: usize,
    /// Which token it is.
    #[serde(flatten)]
    pub spelling: Spelling,
    /// Whether it is a special token.
    pub special: bool,
    /// The merges that built it from bytes, if they were asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub steps: Option<Vec<Step>>,
}

/// The tokens of ids, without their merges. Panics if an id does not exist.
pub fn tokens(tokenizer: &Tokenizer, ids: &[u32]) -> Vec<Token> {
    let token = |(position, &id): (usize, &u32)| Token {
        position,
        spelling: Spelling::of(tokenizer, id),
        special: tokenizer.is_special(id),
        steps: None,
    };
    ids.iter().enumerate().map(token).collect()
}

/// A tokenizer of a few merges for the tests of this folder: `th`, ` th`, `the`, ` the`, `ca`, `cat`, `é`.
#[cfg(test)]
pub(crate) fn small() -> Tokenizer {
    let id = crate::vocabulary::byte_id;
    Tokenizer::from_merges(vec![
        (id(b't'), id(b'h')),
        (id(b' '), 256),
        (256, id(b'e')),
        (257, id(b'e')),
        (id(b'c'), id(b'a')),
        (260, id(b't')),
        (id(0xC3), id(0xA9)),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_know_their_place_and_their_bytes() {
        let tokenizer = small();
        let found = tokens(&tokenizer, &[258, tokenizer.eot(), crate::vocabulary::byte_id(0xC3)]);
        let expected = json!([
            {"position": 0, "id": 258, "text": "the", "hex": "74 68 65", "special": false},
            {"position": 1, "id": tokenizer.eot(), "text": "<|endoftext|>", "hex": "3c 7c 65 6e 64 6f 66 74 65 78 74 7c 3e", "special": true},
            {"position": 2, "id": 127, "text": null, "hex": "c3", "special": false},
        ]);
        assert_eq!(serde_json::to_value(found).unwrap(), expected);
    }
}
