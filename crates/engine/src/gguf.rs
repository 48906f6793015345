//! The vocabulary of a GGUF file: joins the file, which `model` knows, with the lists of words, which `tokenizer` knows.
//!
//! Knows the names of the keys and nothing else of either.

use model::folder::{Generation, Ids};
use model::gguf::{Array, Gguf, Value};
use tokenizer::Tokenizer;
use tokenizer::gguf::GgufVocabulary;

use crate::Result;

const MODEL: &str = "tokenizer.ggml.model";
const PRE: &str = "tokenizer.ggml.pre";
const TOKENS: &str = "tokenizer.ggml.tokens";
const TOKEN_TYPE: &str = "tokenizer.ggml.token_type";
const MERGES: &str = "tokenizer.ggml.merges";
const BOS: &str = "tokenizer.ggml.bos_token_id";
const EOS: &str = "tokenizer.ggml.eos_token_id";
/// Ids that end what a model writes: a text, a turn, a message.
const ENDS: [&str; 3] = [EOS, "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];
const PADDING: &str = "tokenizer.ggml.padding_token_id";
const ADD_BOS: &str = "tokenizer.ggml.add_bos_token";
const CHAT_TEMPLATE: &str = "tokenizer.chat_template";

/// The vocabulary's lists in a file. What is missing there is empty here: [`tokenizer_of`] says what that leads to.
///
/// # Errors
/// A key that is missing or has a value of another type.
pub fn read_vocabulary(file: &Gguf) -> Result<GgufVocabulary> {
    let id = |key: &str| token_id(file, key);
    let texts = |key: &str| -> Result<Vec<String>> { Ok(file.texts(key)?.unwrap_or_default().to_vec()) };
    Ok(GgufVocabulary {
        model: file.required(MODEL, file.text(MODEL)?)?.to_string(),
        pre: file.text(PRE)?.map(str::to_string),
        tokens: texts(TOKENS)?,
        token_type: file.integers(TOKEN_TYPE)?.unwrap_or_default(),
        merges: texts(MERGES)?,
        bos_token_id: id(BOS)?,
        eos_token_id: id(EOS)?,
        padding_token_id: id(PADDING)?,
        add_bos_token: file.flag(ADD_BOS)?,
        chat_template: file.text(CHAT_TEMPLATE)?.map(str::to_string),
    })
}

/// The id under a key.
fn token_id(file: &Gguf, key: &str) -> Result<Option<u32>> {
    let id = file.integer(key)?.map(|id| u32::try_from(id).map_err(|_| file.damaged(key, format!("{id} is no id of a token"))));
    Ok(id.transpose()?)
}

/// The id that a reader puts before every text, if it puts one.
pub(crate) fn start(file: &Gguf) -> Result<Option<u32>> {
    let puts_one = match file.flag(ADD_BOS)? {
        Some(puts_one) => puts_one,
        None => file.text(PRE)?.is_some_and(tokenizer::gguf::puts_bos),
    };
    Ok(token_id(file, BOS)?.filter(|_| puts_one))
}

/// Which ids begin and end texts, and how a model's maker samples from it.
///
/// # Errors
/// A key that has a value of another type.
pub fn generation(file: &Gguf) -> Result<Generation> {
    let mut ends: Vec<u32> = Vec::new();
    for key in ENDS {
        ends.extend(token_id(file, key)?.filter(|id| !ends.contains(id)));
    }
    let number = |end: &str| -> Result<Option<f32>> { Ok(file.number(&format!("general.sampling.{end}"))?.map(|number| number as f32)) };
    Ok(Generation {
        bos_token_id: token_id(file, BOS)?,
        eos_token_id: (!ends.is_empty()).then_some(Ids::Many(ends)),
        temperature: number("temp")?,
        top_k: file.integer("general.sampling.top_k")?,
        top_p: number("top_p")?,
        min_p: number("min_p")?,
        repetition_penalty: number("penalty_repeat")?,
        ..Generation::default()
    })
}

/// The tokenizer of a file.
///
/// # Errors
/// As [`read_vocabulary`], and a vocabulary that is not read here.
pub fn tokenizer_of(file: &Gguf) -> Result<Tokenizer> {
    let made = Tokenizer::from_gguf(read_vocabulary(file)?);
    Ok(made.map_err(|what| tokenizer::Error::Unsupported { path: file.path.clone(), what })?)
}

/// The keys that hold a vocabulary.
pub fn vocabulary_keys(vocabulary: GgufVocabulary) -> Vec<(String, Value)> {
    let GgufVocabulary {
        model,
        pre,
        tokens,
        token_type,
        merges,
        bos_token_id,
        eos_token_id,
        padding_token_id,
        add_bos_token,
        chat_template,
    } = vocabulary;
    let always = [
        (MODEL, Value::String(model)),
        (TOKENS, Value::Array(Array::String(tokens))),
        (TOKEN_TYPE, Value::Array(Array::I32(token_type))),
        (MERGES, Value::Array(Array::String(merges))),
    ];
    let sometimes = [
        (PRE, pre.map(Value::String)),
        (BOS, bos_token_id.map(Value::U32)),
        (EOS, eos_token_id.map(Value::U32)),
        (PADDING, padding_token_id.map(Value::U32)),
        (ADD_BOS, add_bos_token.map(Value::Bool)),
        (CHAT_TEMPLATE, chat_template.map(Value::String)),
    ];
    let sometimes = sometimes.into_iter().filter_map(|(key, value)| Some((key, value?)));
    always.into_iter().chain(sometimes).map(|(key, value)| (key.to_string(), value)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;

    fn scratch(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("schoolhouse-engine-{name}-{}.gguf", std::process::id()))
    }

    fn written(name: &str, keys: &[(String, Value)]) -> Gguf {
        let path = scratch(name);
        model::gguf::write(&path, keys, &[], []).unwrap();
        let file = Gguf::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        file
    }

    #[test]
    fn a_vocabulary_comes_back_through_a_file() {
        let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tokenizer/tests/golden/tokenizer.json");
        let tokenizer = Tokenizer::load(&golden).unwrap();
        let mut vocabulary = tokenizer.gguf_keys().unwrap();
        vocabulary.padding_token_id = None;
        let file = written("vocabulary", &vocabulary_keys(vocabulary.clone()));
        assert_eq!(read_vocabulary(&file).unwrap(), vocabulary);
        assert_eq!(tokenizer_of(&file).unwrap().hash(), tokenizer.hash());
    }

    #[test]
    fn a_file_of_ggmls_package_gives_its_tokenizer() {
        let file = Gguf::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/tests/golden/gguf/tiny.gguf")).unwrap();
        let read = tokenizer_of(&file).unwrap();
        assert_eq!((read.vocab_size(), read.special("<|im_end|>"), read.document_start()), (263, Some(261), Some(262)));
        assert_eq!(read.encode("the the!"), [258, 259, 0]);
        assert!(!read.parts().normalises, "a vocabulary that is not ours is read as llama.cpp reads it");
    }

    #[test]
    fn what_cannot_be_read_names_the_file_and_the_key() {
        let check = |keys: &[(&str, Value)], expected: &str| {
            let keys: Vec<(String, Value)> = keys.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
            let why = tokenizer_of(&written("refused", &keys)).unwrap_err().to_string();
            assert!(why.contains(".gguf") && why.contains(expected), "{why}");
        };
        let text = |text: &str| Value::String(text.into());
        check(&[], "is damaged at tokenizer.ggml.model: the key is missing");
        check(&[(MODEL, text("llama"))], "cannot be used: tokenizer.ggml.model is \"llama\"");
        check(&[(MODEL, text("gpt2")), (TOKENS, Value::U8(1))], "is damaged at tokenizer.ggml.tokens: its value is not a list of texts");
        check(&[(MODEL, text("gpt2")), (BOS, Value::U64(1 << 40))], "bos_token_id: 1099511627776 is no id of a token");
        check(&[(MODEL, text("gpt2")), (PRE, text("qwen2"))], "cannot be used: no token is the byte 0x00");
    }
}
