//! The files of a tokenizer as Hugging Face's libraries read them, and our reader of the same.
//!
//! `tokenizer.json` (fast tokenizer), `tokenizer_config.json` (special tokens' roles and the chat template) and
//! `chat_template.jinja`. The reader takes every byte-level BPE with a pattern that we know, and refuses every other tokenizer with a
//! sentence that says what it has and we have not.

use std::path::Path;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Map, Value, json};

use crate::bytes::{spell, unspell};
use crate::chat::ChatFormat;
use crate::pairs::MAX_IDS;
use crate::split::Pattern;
use crate::vocabulary::{Merges, Parts};
use crate::{Error, Result, Tokenizer};

/// The fast tokenizer's file.
pub const TOKENIZER_FILE: &str = "tokenizer.json";
/// Special tokens' roles and the chat template.
pub const CONFIG_FILE: &str = "tokenizer_config.json";
/// The chat template as a file of its own.
pub const CHAT_TEMPLATE_FILE: &str = "chat_template.jinja";

/// Our chat format as a Jinja template. It gives the ids of [`crate::chat::render`] for every conversation whose
/// contents spell no special token; those that do become control tokens in other programs, and stay text in ours.
pub const CHAT_TEMPLATE: &str = include_str!("chat_template.jinja");

/// The content of `tokenizer.json`.
pub(crate) fn tokenizer_json(tokenizer: &Tokenizer) -> String {
    let parts = tokenizer.parts();
    let spellings: Vec<String> = parts.tokens.iter().map(|token| spell(token)).collect();
    let listed = spellings.iter().enumerate().filter(|(_, spelling)| !spelling.is_empty());
    let vocab: Map<String, Value> = listed.map(|(id, spelling)| (spelling.clone(), json!(id))).collect();
    let (pairs, whole_words) = match &parts.merges {
        Merges::Listed { pairs, whole_words } => (pairs.clone(), *whole_words),
        Merges::ByRank => (tokenizer.pairs_by_rank(), true),
    };
    // "left right" is the older of the two spellings of a merge, which every version reads; no token holds a space.
    let merge = |&(left, right): &(u32, u32)| format!("{} {}", spellings[left as usize], spellings[right as usize]);
    let added: Vec<Value> = specials_by_id(tokenizer)
        .map(|(special, id)| {
            json!({
                "id": id, "content": special, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            })
        })
        .collect();
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": if parts.normalises { json!({"type": "NFC"}) } else { Value::Null },
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": exported(parts.pattern)}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}, // as the library writes it
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": whole_words,
            "vocab": vocab,
            "merges": pairs.iter().map(merge).collect::<Vec<_>>(),
        },
    });
    pretty(&file)
}

/// A pattern as Hugging Face's library reads it. Its engine takes the last sign of `{1,3}+` for another repetition, and `$` for the
/// end of any line, so tiktoken's patterns are spelt in another way that gives the same words.
fn exported(pattern: Pattern) -> &'static str {
    match pattern {
        Pattern::Cl100k => {
            r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s+\z|\s*[\r\n]|\s+(?!\S)|\s"
        }
        Pattern::Gpt2 => r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
        other => other.regex(),
    }
}

/// The special tokens in the order of their ids.
fn specials_by_id(tokenizer: &Tokenizer) -> impl Iterator<Item = (&str, u32)> {
    let mut specials: Vec<(&str, u32)> = tokenizer.parts().specials.iter().map(|(special, id)| (special.as_str(), *id)).collect();
    specials.sort_by_key(|&(_, id)| id);
    specials.into_iter()
}

/// The content of `tokenizer_config.json`.
fn config_json(tokenizer: &Tokenizer) -> String {
    let added: Map<String, Value> = specials_by_id(tokenizer)
        .map(|(special, id)| {
            let token = json!({
                "content": special, "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": true,
            });
            (id.to_string(), token)
        })
        .collect();
    let start = tokenizer.document_start().map(|id| String::from_utf8_lossy(tokenizer.token_bytes(id)).into_owned());
    let turn_end = ["<|im_end|>", "<|eot_id|>"].into_iter().find(|end| tokenizer.special(end).is_some());
    let end = turn_end.map(str::to_string).or_else(|| start.clone());
    let mut config = json!({
        "add_bos_token": false,
        "add_prefix_space": false,
        "added_tokens_decoder": added,
        "additional_special_tokens": specials_by_id(tokenizer).map(|(special, _)| special).collect::<Vec<_>>(),
        "bos_token": start,
        "clean_up_tokenization_spaces": false,
        "eos_token": end,
        "pad_token": start,
        "tokenizer_class": "PreTrainedTokenizerFast",
    });
    if let Some(format) = ChatFormat::of(tokenizer) {
        config["chat_template"] = format.template().into();
    }
    pretty(&config)
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a value is JSON");
    text.push('\n');
    text
}

pub(crate) fn save(tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    base::files::write_atomic(&folder.join(CONFIG_FILE), config_json(tokenizer).as_bytes())?;
    if let Some(format) = ChatFormat::of(tokenizer) {
        base::files::write_atomic(&folder.join(CHAT_TEMPLATE_FILE), format.template().as_bytes())?;
    }
    base::files::write_atomic(&folder.join(TOKENIZER_FILE), tokenizer_json(tokenizer).as_bytes())?;
    Ok(())
}

pub(crate) fn load(path: &Path) -> Result<Tokenizer> {
    let path = if path.is_dir() { path.join(TOKENIZER_FILE) } else { path.to_path_buf() };
    let file: Value = base::files::read_json(&path)?;
    parse(&file).map_err(|what| Error::Unsupported { path, what })
}

/// Reads the content of a `tokenizer.json`; the error is what it has that we do not read.
fn parse(file: &Value) -> std::result::Result<Tokenizer, String> {
    let kind = |value: &Value| value["type"].as_str().unwrap_or("nothing").to_string();
    let model = &file["model"];
    if kind(model) != "BPE" {
        return Err(format!("model.type is {:?}, not \"BPE\"", kind(model)));
    }
    for text in ["continuing_subword_prefix", "end_of_word_suffix"] {
        if model[text].as_str().is_some_and(|text| !text.is_empty()) {
            return Err(format!("model.{text} is {}", model[text]));
        }
    }
    if model["byte_fallback"] == true {
        return Err("model.byte_fallback is on".to_string());
    }
    if model["dropout"].as_f64().is_some_and(|dropout| dropout > 0.0) {
        return Err(format!("model.dropout is {}", model["dropout"]));
    }
    let normalises = match kind(&file["normalizer"]).as_str() {
        "NFC" => true,
        "nothing" => false,
        "Sequence" if file["normalizer"]["normalizers"].as_array().is_some_and(|list| list.is_empty()) => false,
        other => return Err(format!("normalizer.type is {other:?}, not \"NFC\" or nothing")),
    };
    if kind(&file["decoder"]) != "ByteLevel" {
        return Err(format!("decoder.type is {:?}, not \"ByteLevel\"", kind(&file["decoder"])));
    }
    let pattern = parse_pattern(&file["pre_tokenizer"])?;
    let specials = parse_specials(file)?;
    let tokens = parse_vocab(model, &specials)?;
    let pairs = parse_merges(model)?;
    let merges = Merges::Listed { pairs, whole_words: model["ignore_merges"] == true };
    Tokenizer::from_parts(Parts { pattern, normalises, tokens, specials, merges })
}

/// What cuts texts into words: GPT-2's `ByteLevel`, also behind single `Digits`, or a `Split` and a `ByteLevel` that leaves the words
/// alone.
fn parse_pattern(pre_tokenizer: &Value) -> std::result::Result<Pattern, String> {
    const PLACE: &str = "pre_tokenizer";
    let is_byte_level = |value: &Value, use_regex: bool| -> std::result::Result<(), String> {
        match (value["type"].as_str(), value["add_prefix_space"].as_bool(), value["use_regex"].as_bool().unwrap_or(true)) {
            (Some("ByteLevel"), Some(true), _) => Err(format!("{PLACE}.add_prefix_space is on")),
            (Some("ByteLevel"), _, found) if found == use_regex => Ok(()),
            (Some("ByteLevel"), _, _) => Err(format!("{PLACE}.use_regex is {}", if use_regex { "off" } else { "on" })),
            (other, _, _) => Err(format!("{PLACE} has a {:?} where \"ByteLevel\" is read", other.unwrap_or("nothing"))),
        }
    };
    match (pre_tokenizer["type"].as_str(), pre_tokenizer["pretokenizers"].as_array().map(Vec::as_slice)) {
        (Some("Sequence"), Some([split, bytes])) if split["type"] == "Split" => {
            is_byte_level(bytes, false)?;
            let regex = split["pattern"]["Regex"].as_str().unwrap_or("nothing");
            if split["behavior"] != "Isolated" || split["invert"] == true {
                return Err(format!("{PLACE} splits with the behavior {}, not \"Isolated\"", split["behavior"]));
            }
            let known = Pattern::ALL.into_iter().find(|pattern| exported(*pattern) == regex).or_else(|| Pattern::from_regex(regex));
            known.ok_or_else(|| format!("{PLACE}'s pattern is {regex:?}, which is none of those known"))
        }
        (Some("Sequence"), Some([digits, bytes])) if digits["type"] == "Digits" && digits["individual_digits"] == true => {
            is_byte_level(bytes, true).map(|()| Pattern::StarCoder)
        }
        (Some("Sequence"), Some([bytes])) => is_byte_level(bytes, true).map(|()| Pattern::Gpt2),
        (Some("Sequence"), _) => Err(format!("{PLACE} is a sequence other than a \"Split\" and a \"ByteLevel\"")),
        _ => is_byte_level(pre_tokenizer, true).map(|()| Pattern::Gpt2),
    }
}

/// Tokens that only a caller puts in, whatever the file calls them.
fn parse_specials(file: &Value) -> std::result::Result<Vec<(String, u32)>, String> {
    let added = file["added_tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    let special = |token: &Value| {
        let id = token["id"].as_u64().and_then(|id| u32::try_from(id).ok()).filter(|id| *id < MAX_IDS);
        let (Some(content), Some(id)) = (token["content"].as_str(), id) else {
            return Err(format!("added_tokens holds {token}, which has no content or no id"));
        };
        Ok((content.to_string(), id))
    };
    added.iter().map(special).collect()
}

/// The bytes of each id.
fn parse_vocab(model: &Value, specials: &[(String, u32)]) -> std::result::Result<Vec<Box<[u8]>>, String> {
    let vocab = model["vocab"].as_object().ok_or("model.vocab is missing")?;
    let specials: FxHashSet<&str> = specials.iter().map(|(special, _)| special.as_str()).collect();
    let mut tokens: Vec<Box<[u8]>> = Vec::with_capacity(vocab.len());
    for (spelling, id) in vocab {
        if specials.contains(spelling.as_str()) {
            continue;
        }
        let id =
            id.as_u64().filter(|id| *id < u64::from(MAX_IDS)).ok_or_else(|| format!("the token {spelling:?} has the id {id}"))? as usize;
        let bytes = unspell(spelling).ok_or_else(|| format!("the token {spelling:?} is not spelt in the letters that stand for bytes"))?;
        if tokens.len() <= id {
            tokens.resize(id + 1, Box::from([]));
        }
        if !tokens[id].is_empty() {
            return Err(format!("two tokens have the id {id}, {spelling:?} is one of them"));
        }
        tokens[id] = bytes.into();
    }
    Ok(tokens)
}

/// The merges as pairs of ids.
fn parse_merges(model: &Value) -> std::result::Result<Vec<(u32, u32)>, String> {
    let listed = model["merges"].as_array().ok_or("model.merges is missing")?;
    let vocab: FxHashMap<&str, u32> = model["vocab"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(spelling, id)| Some((spelling.as_str(), u32::try_from(id.as_u64()?).ok()?)))
        .collect();
    let mut merges = Vec::with_capacity(listed.len());
    for (rank, merge) in listed.iter().enumerate() {
        let sides = match merge {
            Value::String(text) => text.split_once(' '),
            Value::Array(sides) => match &sides[..] {
                [Value::String(left), Value::String(right)] => Some((left.as_str(), right.as_str())),
                _ => None,
            },
            _ => None,
        };
        let (left, right) = sides.ok_or_else(|| format!("merge {rank} is not a pair of tokens"))?;
        let id_of = |token: &str| vocab.get(token).copied().ok_or_else(|| format!("merge {rank} uses {token:?}, which is no token"));
        merges.push((id_of(left)?, id_of(right)?));
    }
    Ok(merges)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vocabulary::byte_id;

    fn small() -> Tokenizer {
        Tokenizer::from_merges(vec![(byte_id(b' '), byte_id(b'a')), (256, byte_id(0xC3))])
    }

    #[test]
    fn what_is_written_is_read_back() {
        let tokenizer = small();
        let file: Value = serde_json::from_str(&tokenizer_json(&tokenizer)).unwrap();
        let read = parse(&file).unwrap();
        assert_eq!(read.parts(), tokenizer.parts());
        assert_eq!(read.hash(), tokenizer.hash());
        let mut newer = file;
        newer["model"]["merges"] = json!([["Ġ", "a"], ["Ġa", "Ã"]]);
        assert_eq!(parse(&newer).unwrap().merges(), tokenizer.merges());
    }

    #[test]
    fn files_of_other_families_are_read() {
        let ours: Value = serde_json::from_str(&tokenizer_json(&small())).unwrap();
        let read = |change: &dyn Fn(&mut Value)| {
            let mut file = ours.clone();
            change(&mut file);
            parse(&file).unwrap()
        };
        let gpt2 = read(&|file| {
            file["normalizer"] = Value::Null;
            file["pre_tokenizer"] = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true});
            file["added_tokens"] = json!([{"id": 258, "content": "<|endoftext|>", "special": true}]);
            file["model"]["vocab"]["<|endoftext|>"] = json!(258);
        });
        assert_eq!((gpt2.pattern(), gpt2.parts().normalises, gpt2.vocab_size()), (Pattern::Gpt2, false, 259));
        assert_eq!((gpt2.document_start(), gpt2.special("<think>")), (Some(258), None));
        let digits = read(&|file| {
            let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
            file["pre_tokenizer"]["pretokenizers"] = json!([{"type": "Digits", "individual_digits": true}, bytes]);
        });
        assert_eq!(digits.pattern(), Pattern::StarCoder);
        let llama = read(&|file| {
            file["normalizer"] = Value::Null;
            file["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"] = Pattern::Llama3.regex().into();
            file["model"]["ignore_merges"] = true.into();
            file["model"]["merges"] = json!([]);
        });
        assert_eq!((llama.encode(" a"), llama.encode(" aé").len()), (vec![256], 4), "a word that is a token needs no merge");
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let file: Value = serde_json::from_str(&tokenizer_json(&small())).unwrap();
        let check = |place: &str, value: Value, expected: &str| {
            let mut file = file.clone();
            *file.pointer_mut(place).expect("the place exists") = value;
            let message = parse(&file).expect_err(place);
            assert!(message.contains(expected), "{place}: {message}");
        };
        check("/model/type", json!("Unigram"), r#"model.type is "Unigram", not "BPE""#);
        check("/model/byte_fallback", json!(true), "model.byte_fallback is on");
        check("/model/end_of_word_suffix", json!("</w>"), "model.end_of_word_suffix is \"</w>\"");
        check("/normalizer/type", json!("NFKC"), "normalizer.type is \"NFKC\"");
        check("/pre_tokenizer/pretokenizers/0/pattern/Regex", json!(r"\w+"), "pattern is");
        check("/pre_tokenizer/pretokenizers/1/use_regex", json!(true), "use_regex is on");
        check("/pre_tokenizer/pretokenizers/1/add_prefix_space", json!(true), "add_prefix_space is on");
        check("/pre_tokenizer/pretokenizers/0/type", json!("Digits"), "a sequence other than");
        check("/pre_tokenizer/type", json!("Whitespace"), "\"Whitespace\"");
        check("/model/merges", json!(["Ġ b", "x"]), "merge 1 is not a pair");
        check("/model/merges", json!(["Ġ a", "Ġb b"]), "merge 1 uses \"Ġb\"");
        check("/model/merges", json!(["Ġ b"]), "which is no token");
        check("/model/vocab/!", json!(7), "the id 7");
        check("/model/vocab/!", json!(1u64 << 40), "has the id");
        check("/added_tokens/1/id", json!(3), "another token too");
        check("/added_tokens/1/id", json!(-3), "no id");
    }
}
