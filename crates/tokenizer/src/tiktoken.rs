//! Files of ranks as tiktoken has them: a line for each token, its bytes in base64 and its rank, which is its id.
//!
//! Such a file says neither how texts are cut nor which tokens are special; its name does. Knows no way to get the files.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::split::Pattern;
use crate::vocabulary::{Merges, Parts};
use crate::{Error, Result, Tokenizer};

/// An encoding of OpenAI's models: its name, its pattern, and its special tokens, from tiktoken's `openai_public.py`.
struct Encoding {
    name: &'static str,
    pattern: Pattern,
    specials: &'static [(&'static str, u32)],
}

/// Those whose files are read. The tokens around messages are in no public file; their ids are those that Tiktokenizer shows.
const ENCODINGS: [Encoding; 5] = [
    Encoding { name: "gpt2", pattern: Pattern::Gpt2, specials: &[("<|endoftext|>", 50_256)] },
    Encoding { name: "r50k_base", pattern: Pattern::Gpt2, specials: &[("<|endoftext|>", 50_256)] },
    Encoding { name: "p50k_base", pattern: Pattern::Gpt2, specials: &[("<|endoftext|>", 50_256)] },
    Encoding {
        name: "cl100k_base",
        pattern: Pattern::Cl100k,
        specials: &[
            ("<|endoftext|>", 100_257),
            ("<|fim_prefix|>", 100_258),
            ("<|fim_middle|>", 100_259),
            ("<|fim_suffix|>", 100_260),
            ("<|im_start|>", 100_264),
            ("<|im_end|>", 100_265),
            ("<|im_sep|>", 100_266),
            ("<|endofprompt|>", 100_276),
        ],
    },
    Encoding {
        name: "o200k_base",
        pattern: Pattern::O200k,
        specials: &[
            ("<|endoftext|>", 199_999),
            ("<|endofprompt|>", 200_018),
            ("<|im_start|>", 200_264),
            ("<|im_end|>", 200_265),
            ("<|im_sep|>", 200_266),
        ],
    },
];

pub(crate) fn load(path: &Path) -> Result<Tokenizer> {
    let unsupported = |what: String| Error::Unsupported { path: path.to_path_buf(), what };
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let known = ENCODINGS.map(|encoding| encoding.name);
    let Some(encoding) = ENCODINGS.iter().find(|encoding| encoding.name == name) else {
        return Err(unsupported(format!("its name should be that of an encoding, one of {}", known.join(", "))));
    };
    parse(&base::files::read_text(path)?, encoding).map_err(unsupported)
}

impl Tokenizer {
    /// Makes the tokenizer of an encoding by its name, as in `cl100k_base`, from the text of its file of ranks.
    ///
    /// # Errors
    /// The sentence says what is wrong with the name or the text.
    pub fn from_ranks(name: &str, ranks: &str) -> std::result::Result<Tokenizer, String> {
        let encoding = ENCODINGS.iter().find(|encoding| encoding.name == name);
        parse(ranks, encoding.ok_or_else(|| format!("there is no encoding {name:?}"))?)
    }
}

fn parse(text: &str, encoding: &Encoding) -> std::result::Result<Tokenizer, String> {
    let mut tokens: Vec<Box<[u8]>> = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let read = line.split_once(' ').and_then(|(bytes, rank)| Some((STANDARD.decode(bytes).ok()?, rank.trim().parse::<usize>().ok()?)));
        let (bytes, rank) = read.ok_or_else(|| format!("its line {} is not a token in base64 and a rank", number + 1))?;
        if rank > 4 * (number + 1000) {
            return Err(format!("its line {} has the rank {rank}, far beyond the ones before", number + 1));
        }
        if tokens.len() <= rank {
            tokens.resize(rank + 1, Box::from([]));
        }
        tokens[rank] = bytes.into();
    }
    let specials = encoding.specials.iter().map(|&(special, id)| (special.to_string(), id)).collect();
    Tokenizer::from_parts(Parts { pattern: encoding.pattern, normalises: false, tokens, specials, merges: Merges::ByRank })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All bytes, then these tokens.
    fn ranks(more: &[&str]) -> String {
        let tokens = (0..=u8::MAX).map(|byte| vec![byte]).chain(more.iter().map(|token| token.as_bytes().to_vec()));
        tokens.enumerate().map(|(rank, token)| format!("{} {rank}\n", STANDARD.encode(token))).collect()
    }

    #[test]
    fn ranks_become_a_tokenizer() {
        let tokenizer = Tokenizer::from_ranks("cl100k_base", &ranks(&["he", "ll", "hello", " w"])).unwrap();
        assert_eq!(tokenizer.encode("hello w"), [258, 259]);
        assert_eq!(tokenizer.vocab_size(), 100_277);
        assert_eq!((tokenizer.document_start(), tokenizer.special("<|endofprompt|>")), (Some(100_257), Some(100_276)));
        assert_eq!(tokenizer.decode(&[256, 100_257]), "he<|endoftext|>");
        assert!(tokenizer.token_bytes(99_999).is_empty(), "an id that no token has");
    }

    #[test]
    fn what_is_no_file_of_ranks_is_named() {
        let check = |name: &str, text: &str, expected: &str| {
            let why = Tokenizer::from_ranks(name, text).unwrap_err();
            assert!(why.contains(expected), "{why}");
        };
        check("gpt5", "", "no encoding \"gpt5\"");
        check("gpt2", "", "no token is the byte 0x00");
        check("gpt2", "IQ== 0\nIg==\n", "its line 2 is not");
        check("gpt2", "!!! 0", "its line 1 is not");
        check("gpt2", "IQ== 99999999999", "far beyond");
        check("gpt2", &ranks(&["a"]), "two tokens are \"a\"");
    }
}
