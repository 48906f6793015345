//! The files of a tokenizer as Hugging Face's libraries read them, and our reader of the same.
//!
//! `tokenizer.json` (fast tokenizer), `tokenizer_config.json` (special tokens' roles and the chat template) and
//! `chat_template.jinja`. The reader accepts what this crate writes, also after another program has saved it again,
//! and refuses every other tokenizer with a sentence that says what it has and we have not.

use std::path::Path;

use rustc_hash::FxHashMap;
use serde_json::{Map, Value, json};

use crate::bytes::{BYTE_OF_ID, spell, spell_byte};
use crate::vocabulary::{N_BYTES, SPECIALS};
use crate::{Error, PATTERN, Result, Tokenizer};

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
    let n_plain = N_BYTES + tokenizer.merges().len();
    let spellings: Vec<String> = (0..n_plain).map(|id| spell(tokenizer.token_bytes(id as u32))).collect();
    let vocab: Map<String, Value> = spellings.iter().enumerate().map(|(id, spelling)| (spelling.clone(), json!(id))).collect();
    // "left right" is the older of the two spellings of a merge, which every version reads; no token holds a space.
    let merge = |&(left, right): &(u32, u32)| format!("{} {}", spellings[left as usize], spellings[right as usize]);
    let added: Vec<Value> = SPECIALS
        .iter()
        .enumerate()
        .map(|(place, special)| {
            json!({
                "id": n_plain + place, "content": special, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true,
            })
        })
        .collect();
    let file = json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": false},
            {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": false, "use_regex": false},
        ]},
        "post_processor": null,
        "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true}, // as the library writes it
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
            "vocab": vocab,
            "merges": tokenizer.merges().iter().map(merge).collect::<Vec<_>>(),
        },
    });
    pretty(&file)
}

/// The content of `tokenizer_config.json`.
fn config_json(tokenizer: &Tokenizer) -> String {
    let added: Map<String, Value> = SPECIALS
        .iter()
        .map(|special| {
            let id = tokenizer.special(special).expect("it is in the list");
            let token = json!({
                "content": special, "lstrip": false, "normalized": false, "rstrip": false, "single_word": false, "special": true,
            });
            (id.to_string(), token)
        })
        .collect();
    pretty(&json!({
        "add_bos_token": false,
        "add_prefix_space": false,
        "added_tokens_decoder": added,
        "additional_special_tokens": SPECIALS,
        "bos_token": "<|endoftext|>",
        "clean_up_tokenization_spaces": false,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": CHAT_TEMPLATE,
    }))
}

fn pretty(value: &Value) -> String {
    let mut text = serde_json::to_string_pretty(value).expect("a value is JSON");
    text.push('\n');
    text
}

pub(crate) fn save(tokenizer: &Tokenizer, folder: &Path) -> Result<()> {
    base::files::write_atomic(&folder.join(CONFIG_FILE), config_json(tokenizer).as_bytes())?;
    base::files::write_atomic(&folder.join(CHAT_TEMPLATE_FILE), CHAT_TEMPLATE.as_bytes())?;
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
    let expect = |place: &str, expected: &str| {
        let found = file.pointer(place).and_then(Value::as_str).unwrap_or("nothing");
        if found == expected { Ok(()) } else { Err(format!("{} is {found:?}, not {expected:?}", place[1..].replace('/', "."))) }
    };
    expect("/model/type", "BPE")?;
    expect("/normalizer/type", "NFC")?;
    expect("/pre_tokenizer/type", "Sequence")?;
    expect("/pre_tokenizer/pretokenizers/0/pattern/Regex", PATTERN)?;
    expect("/pre_tokenizer/pretokenizers/0/behavior", "Isolated")?;
    expect("/pre_tokenizer/pretokenizers/1/type", "ByteLevel")?;
    expect("/decoder/type", "ByteLevel")?;
    for switch in ["/pre_tokenizer/pretokenizers/1/add_prefix_space", "/pre_tokenizer/pretokenizers/1/use_regex", "/model/byte_fallback"] {
        if file.pointer(switch).and_then(Value::as_bool) == Some(true) {
            return Err(format!("{} is on", switch[1..].replace('/', ".")));
        }
    }
    let tokenizer = Tokenizer::from_merges(parse_merges(file)?);
    check_vocab(file, &tokenizer)?;
    check_specials(file, &tokenizer)?;
    Ok(tokenizer)
}

/// The merges as pairs of ids, each id the number of a byte or of an earlier merge.
fn parse_merges(file: &Value) -> std::result::Result<Vec<(u32, u32)>, String> {
    let listed = file.pointer("/model/merges").and_then(Value::as_array).ok_or("model.merges is missing")?;
    let mut ids: FxHashMap<String, u32> =
        BYTE_OF_ID.iter().enumerate().map(|(id, &byte)| (spell_byte(byte).to_string(), id as u32)).collect();
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
        let id_of =
            |token: &str| ids.get(token).copied().ok_or_else(|| format!("merge {rank} uses {token:?}, which no earlier merge makes"));
        merges.push((id_of(left)?, id_of(right)?));
        if ids.insert(format!("{left}{right}"), (N_BYTES + rank) as u32).is_some() {
            return Err(format!("merge {rank} makes {left:?}{right:?} a second time"));
        }
    }
    Ok(merges)
}

/// The listed ids must be those that follow from the merges.
fn check_vocab(file: &Value, tokenizer: &Tokenizer) -> std::result::Result<(), String> {
    let vocab = file.pointer("/model/vocab").and_then(Value::as_object).ok_or("model.vocab is missing")?;
    let n_plain = N_BYTES + tokenizer.merges().len();
    for id in 0..n_plain {
        let spelling = spell(tokenizer.token_bytes(id as u32));
        match vocab.get(&spelling).and_then(Value::as_u64) {
            Some(listed) if listed == id as u64 => {}
            Some(listed) => return Err(format!("the token {spelling:?} has id {listed}, where the order of the merges gives {id}")),
            None => return Err(format!("the token {spelling:?} is not in model.vocab")),
        }
    }
    match vocab.iter().find(|(spelling, id)| id.as_u64().is_none_or(|id| id >= n_plain as u64) && !SPECIALS.contains(&spelling.as_str())) {
        Some((spelling, _)) => Err(format!("model.vocab holds {spelling:?}, which no merge makes")),
        None => Ok(()),
    }
}

/// The special tokens must be ours, with our ids.
fn check_specials(file: &Value, tokenizer: &Tokenizer) -> std::result::Result<(), String> {
    let added = file.pointer("/added_tokens").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    for special in SPECIALS {
        let listed = added.iter().find(|token| token["content"] == special).map(|token| &token["id"]);
        let id = tokenizer.special(special).expect("it is in the list");
        match listed {
            Some(listed) if *listed == id => {}
            Some(listed) => return Err(format!("the special token {special} has id {listed}, not {id}")),
            None => return Err(format!("it has no special token {special}")),
        }
    }
    match added.iter().find(|token| !SPECIALS.iter().any(|special| token["content"] == *special)) {
        Some(token) => Err(format!("it has a special token {} that this program does not know", token["content"])),
        None => Ok(()),
    }
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
        assert_eq!(read.merges(), tokenizer.merges());
        assert_eq!(read.hash(), tokenizer.hash());
        let mut newer = file;
        newer["model"]["merges"] = json!([["Ġ", "a"], ["Ġa", "Ã"]]);
        assert_eq!(parse(&newer).unwrap().merges(), tokenizer.merges());
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
        check("/normalizer", Value::Null, "normalizer.type is \"nothing\"");
        check("/pre_tokenizer/pretokenizers/0/pattern/Regex", json!(r"\w+"), "pattern.Regex is");
        check("/pre_tokenizer/pretokenizers/1/use_regex", json!(true), "use_regex is on");
        check("/model/merges", json!(["Ġ b", "x"]), "merge 1 is not a pair");
        check("/model/merges", json!(["Ġ a", "Ġb b"]), "merge 1 uses \"Ġb\"");
        check("/model/merges", json!(["Ġ a", "Ġ a"]), "a second time");
        check("/model/vocab/!", json!(7), "the token \"!\" has id 7");
        check("/model/merges", json!(["Ġ a"]), "which no merge makes");
        check("/added_tokens/1/id", json!(3), "<|im_sep|> has id 3");
        check("/added_tokens/0/content", json!("<s>"), "no special token <|im_start|>");
    }
}
