//! A vocabulary as GGUF keeps it: plain lists behind the keys `tokenizer.ggml.*`.
//!
//! Knows the lists, not the file they stand in. A GGUF file cannot hold a pattern; it has the name of one (`pre`), and the names and
//! the patterns behind them are llama.cpp's (`src/llama-vocab.cpp`, as of 2026). What is read here gives the ids that llama.cpp
//! gives, with two exceptions that are told at the table of names and at [`Tokenizer::from_gguf`].

use rustc_hash::FxHashMap;

use crate::bytes::{spell, unspell};
use crate::chat::ChatFormat;
use crate::merge::merge_until;
use crate::pairs::MAX_IDS;
use crate::split::Pattern;
use crate::vocabulary::{Merges, Parts};
use crate::{SPECIALS, Tokenizer};

/// The lists and numbers of a GGUF file that make a vocabulary. Field names are the ends of the keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GgufVocabulary {
    /// `tokenizer.ggml.model`: the kind of vocabulary, "gpt2" for byte-level BPE.
    pub model: String,
    /// `tokenizer.ggml.pre`: the name of the pattern that cuts texts into words.
    pub pre: Option<String>,
    /// `tokenizer.ggml.tokens`: the token of each id, in the letters that stand for bytes; special tokens as they are spelt.
    pub tokens: Vec<String>,
    /// `tokenizer.ggml.token_type`: one of [`NORMAL`], [`CONTROL`], [`USER_DEFINED`], [`UNUSED`] for each token.
    pub token_type: Vec<i32>,
    /// `tokenizer.ggml.merges`: "left right", the earliest first.
    pub merges: Vec<String>,
    /// `tokenizer.ggml.bos_token_id`: begins a text.
    pub bos_token_id: Option<u32>,
    /// `tokenizer.ggml.eos_token_id`: ends what a model writes.
    pub eos_token_id: Option<u32>,
    /// `tokenizer.ggml.padding_token_id`.
    pub padding_token_id: Option<u32>,
    /// `tokenizer.ggml.add_bos_token`: whether a reader puts the first token before every text.
    pub add_bos_token: Option<bool>,
    /// `tokenizer.chat_template`, in Jinja.
    pub chat_template: Option<String>,
}

/// The type of a token that texts are made of.
pub const NORMAL: i32 = 1;
/// The type of a special token.
pub const CONTROL: i32 = 3;
/// The type of a token that was added to a vocabulary, and that no merge leads to.
pub const USER_DEFINED: i32 = 4;
/// The type of an id that no token has.
pub const UNUSED: i32 = 5;

/// Names of `pre` and what they stand for.
struct PreTokenizer {
    names: &'static [&'static str],
    pattern: Pattern,
    /// Whether a word that is a token is that token whatever the merges say. The same vocabularies put their first token before every
    /// text if a file does not say otherwise.
    whole_words: bool,
}

/// The names whose pattern is one of ours. The first name of a row is the one that is written.
///
/// llama.cpp's pattern for the names of GPT-4o and for Tekken takes only ASCII for small and capital letters, and no marks into words; where texts
/// have others, the ids here are those that the model was trained with, and llama.cpp's are not.
const PRE_TOKENIZERS: [PreTokenizer; 9] = [
    PreTokenizer {
        names: &["qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open", "grok-2"],
        pattern: Pattern::Qwen2,
        whole_words: false,
    },
    PreTokenizer {
        names: &[
            "gpt-2",
            "phi-2",
            "jina-es",
            "jina-de",
            "jina-v2-es",
            "jina-v2-de",
            "gigachat",
            "a.x-4.0",
            "mellum",
            "modern-bert",
            "exaone4",
            "mpt",
            "olmo",
            "jais",
            "trillion",
            "granite-docling",
        ],
        pattern: Pattern::Gpt2,
        whole_words: false,
    },
    PreTokenizer {
        names: &["llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2", "jina-v5-nano"],
        pattern: Pattern::Llama3,
        whole_words: true,
    },
    PreTokenizer { names: &["smaug-bpe", "dbrx", "glm4", "chatglm-bpe"], pattern: Pattern::Llama3, whole_words: false },
    PreTokenizer { names: &["gpt-4o", "llama4", "kanana2", "talkie", "minimax-m2"], pattern: Pattern::O200k, whole_words: false },
    PreTokenizer {
        names: &["starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2"],
        pattern: Pattern::StarCoder,
        whole_words: false,
    },
    PreTokenizer { names: &["tekken"], pattern: Pattern::Tekken, whole_words: true },
    PreTokenizer { names: &["qwen35"], pattern: Pattern::Qwen35, whole_words: false },
    PreTokenizer { names: &["seed-coder"], pattern: Pattern::SeedCoder, whole_words: false },
];

/// Whether readers put the first token before every text where a file with this name of a pattern does not say.
pub fn puts_bos(pre: &str) -> bool {
    PRE_TOKENIZERS.iter().any(|row| row.whole_words && row.names.contains(&pre))
}

impl Tokenizer {
    /// The vocabulary for a GGUF file. Roles are those that [`Tokenizer::save`] writes: a document's first token begins a text, the
    /// end of a turn ends what is written, where there is one.
    ///
    /// That texts are brought into normal form C cannot be said in the file: llama.cpp gives other ids to a text that is not.
    ///
    /// # Errors
    /// A pattern that no name stands for, a token that the merges alone do not make where whole words count, and one that is spelt as
    /// another. The error says which.
    pub fn gguf_keys(&self) -> Result<GgufVocabulary, String> {
        let parts = self.parts();
        let (pairs, whole_words) = match &parts.merges {
            Merges::Listed { pairs, whole_words } => (pairs.clone(), *whole_words),
            Merges::ByRank => (self.pairs_by_rank(), true),
        };
        let pre = pre_of(self, whole_words)?;
        let (mut tokens, mut token_type) = (Vec::with_capacity(self.vocab_size()), Vec::with_capacity(self.vocab_size()));
        for id in 0..self.vocab_size() as u32 {
            let bytes = self.token_bytes(id);
            let (token, kind) = match (self.is_special(id), bytes.is_empty()) {
                (true, _) => (String::from_utf8_lossy(bytes).into_owned(), CONTROL),
                (false, true) => (unused(id), UNUSED),
                (false, false) => (spell(bytes), NORMAL),
            };
            tokens.push(token);
            token_type.push(kind);
        }
        let merge = |&(left, right): &(u32, u32)| format!("{} {}", tokens[left as usize], tokens[right as usize]);
        let merges = pairs.iter().map(merge).collect();
        let start = self.document_start();
        let turn_end = ["<|im_end|>", "<|eot_id|>"].into_iter().find_map(|end| self.special(end));
        Ok(GgufVocabulary {
            model: "gpt2".into(),
            pre: Some(pre.into()),
            tokens,
            token_type,
            merges,
            bos_token_id: start,
            eos_token_id: turn_end.or(start),
            padding_token_id: start,
            add_bos_token: Some(false),
            chat_template: ChatFormat::of(self).map(|format| format.template().to_string()),
        })
    }

    /// Makes a tokenizer from the vocabulary of a GGUF file. Control tokens and those that were added are its special tokens: text
    /// that spells one is text here, also where llama.cpp would take an added one for the token.
    ///
    /// Qwen's own tokenizer brings texts into normal form C and llama.cpp does not; this does as llama.cpp does, unless the vocabulary
    /// has all special tokens of our own, whose texts are normal wherever they are trained and used.
    ///
    /// # Errors
    /// The sentence names what the vocabulary has that is not read here, or what does not fit together in it.
    pub fn from_gguf(vocabulary: GgufVocabulary) -> Result<Tokenizer, String> {
        if vocabulary.model != "gpt2" {
            return Err(format!("tokenizer.ggml.model is {:?}, and only \"gpt2\", byte-level BPE, is read", vocabulary.model));
        }
        let Some(pre) = &vocabulary.pre else {
            return Err("tokenizer.ggml.pre is missing, so nothing says how texts are cut into words".to_string());
        };
        let Some(pre) = PRE_TOKENIZERS.iter().find(|row| row.names.contains(&pre.as_str())) else {
            return Err(format!("tokenizer.ggml.pre is {pre:?}, which stands for a pattern that is not known here"));
        };
        vocabulary.check()?;
        let (mut tokens, mut specials) = (Vec::with_capacity(vocabulary.tokens.len()), Vec::new());
        for (id, (token, kind)) in vocabulary.tokens.iter().zip(&vocabulary.token_type).enumerate() {
            let bytes: Box<[u8]> = match *kind {
                NORMAL => unspell(token)
                    .filter(|bytes| !bytes.is_empty())
                    .ok_or_else(|| format!("token {id}, {token:?}, is not spelt in the letters that stand for bytes"))?
                    .into(),
                UNUSED => Box::from([]),
                _ => {
                    specials.push((token.clone(), id as u32));
                    Box::from([])
                }
            };
            tokens.push(bytes);
        }
        // Ids at the end that no token has only fill the model's table.
        let used = vocabulary.token_type.iter().rposition(|&kind| kind != UNUSED).map_or(0, |last| last + 1);
        tokens.truncate(used);
        let merges = Merges::Listed { pairs: vocabulary.merge_pairs()?, whole_words: pre.whole_words };
        let ours = SPECIALS.iter().all(|special| specials.iter().any(|(spelling, _)| spelling == special));
        Tokenizer::from_parts(Parts { pattern: pre.pattern, normalises: ours, tokens, specials, merges })
    }
}

impl GgufVocabulary {
    /// Adds ids that no token has, up to `vocab_size` of them together: a file has a token for each row of its table of embeddings,
    /// and a model may have more rows than its tokenizer has tokens.
    pub fn pad(&mut self, vocab_size: usize) {
        for id in self.tokens.len()..vocab_size {
            self.tokens.push(unused(id as u32));
            self.token_type.push(UNUSED);
        }
    }

    /// What does not fit together, before anything is made of it.
    fn check(&self) -> Result<(), String> {
        let n = self.tokens.len();
        if n > MAX_IDS as usize {
            return Err(format!("tokenizer.ggml.tokens has {n} tokens, and {MAX_IDS} are the most"));
        }
        if self.token_type.len() != n {
            return Err(format!("tokenizer.ggml.token_type has {} types for {n} tokens", self.token_type.len()));
        }
        if let Some(id) = self.token_type.iter().position(|kind| ![NORMAL, CONTROL, USER_DEFINED, UNUSED].contains(kind)) {
            let name = match self.token_type[id] {
                2 => "unknown",
                6 => "byte",
                _ => "no type that there is",
            };
            let (token, kind) = (&self.tokens[id], self.token_type[id]);
            return Err(format!("token {id}, {token:?}, is of type {kind} ({name}), which byte-level BPE has no use for"));
        }
        // Nothing here pads, and there are files whose padding is an id that no token has.
        let roles = [("bos", self.bos_token_id), ("eos", self.eos_token_id)];
        match roles.iter().find(|(_, id)| id.is_some_and(|id| id as usize >= n)) {
            Some((role, id)) => Err(format!("tokenizer.ggml.{role}_token_id is {}, and there are {n} tokens", id.unwrap_or_default())),
            None => Ok(()),
        }
    }

    /// The merges as pairs of ids.
    fn merge_pairs(&self) -> Result<Vec<(u32, u32)>, String> {
        let normal = self.tokens.iter().zip(&self.token_type).zip(0..).filter(|((_, kind), _)| **kind == NORMAL);
        let ids: FxHashMap<&str, u32> = normal.map(|((token, _), id)| (token.as_str(), id)).collect();
        let pair = |(rank, merge): (usize, &String)| {
            let (left, right) = merge.split_once(' ').ok_or_else(|| format!("merge {rank}, {merge:?}, is not a pair of tokens"))?;
            let id_of = |token: &str| ids.get(token).copied().ok_or_else(|| format!("merge {rank} uses {token:?}, which is no token"));
            Ok((id_of(left)?, id_of(right)?))
        };
        self.merges.iter().enumerate().map(pair).collect()
    }
}

/// The name for a tokenizer's pattern.
fn pre_of(tokenizer: &Tokenizer, whole_words: bool) -> Result<&'static str, String> {
    let of_pattern = || PRE_TOKENIZERS.iter().filter(|row| row.pattern == tokenizer.pattern());
    if of_pattern().next().is_none() {
        return Err(format!("GGUF has no name for the pattern {}, so this vocabulary cannot be written", tokenizer.pattern().name()));
    }
    if let Some(row) = of_pattern().find(|row| row.whole_words == whole_words) {
        return Ok(row.names[0]);
    }
    // Readers will go by the merges alone: that is the same where they lead to every token.
    for id in (0..tokenizer.vocab_size() as u32).filter(|&id| !tokenizer.is_special(id)) {
        let bytes = tokenizer.token_bytes(id);
        if bytes.len() > 1 && merge_until(tokenizer, bytes, 1) != [id] {
            let token = String::from_utf8_lossy(bytes);
            return Err(format!("no merges lead to the token {token:?}, and GGUF's {} has only merges", tokenizer.pattern().name()));
        }
    }
    of_pattern().next().map(|row| row.names[0]).ok_or_else(|| "there is no name".to_string())
}

/// How an id that no token has is spelt.
fn unused(id: u32) -> String {
    format!("[PAD{id}]")
}

#[cfg(test)]
mod tests;
