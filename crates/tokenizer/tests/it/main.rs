//! Merges, ids, files and chats against Hugging Face's tokenizers and transformers, exactly.
//!
//! Golden files: scripts/golden/tokenizer.py, merges.py, chat_formats.py and, for the patterns, split_patterns.py beside it.

#![forbid(unsafe_code)]

mod split;
mod tiktoken;

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use serde_json::Value;
use tokenizer::chat::{ChatFormat, Conversation, Message, Part};
use tokenizer::shards::{Page, ShardConfig, Shards, write_shards};
use tokenizer::train::{TrainConfig, train};
use tokenizer::{Pattern, SPECIALS, Tokenizer, chat, normalise};

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn golden_json(name: &str) -> Value {
    base::files::read_json(&golden(name)).unwrap()
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("schoolhouse-tokenizer-{name}-{}", std::process::id()))
}

#[test]
fn training_gives_the_merges_of_hugging_face() {
    let theirs = Tokenizer::load(&golden("tokenizer.json")).unwrap();
    let page = base::files::read_text(&golden("page.txt")).unwrap();
    let config = TrainConfig { vocab_size: theirs.vocab_size(), pattern: Pattern::Qwen2, threads: 2 };
    let ours = train([page].into_iter(), &config, &Progress::silent(), &Stop::new()).unwrap();
    assert_eq!(ours.vocab_size(), 900);
    assert_eq!(ours.merges(), theirs.merges());
}

/// Words of few letters, in which nearly every count is shared: what scripts/golden/merges.py makes.
fn letters() -> Vec<String> {
    let mut state = 1u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ['a', 'b', 'c', 'd', 'e', 'é', ' '][(state >> 40) as usize % 7]
    };
    let mut word = || (0..6).map(|_| letter()).collect::<String>();
    (0..60).map(|_| (0..50).map(|_| word()).collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn merges_of_several_collections_are_those_of_hugging_face() {
    let rows = golden_json("merges.json");
    assert_eq!(rows.as_array().unwrap().len(), 6);
    for row in rows.as_array().unwrap() {
        let texts = match row["documents"].as_str().unwrap() {
            "letters" => letters(),
            "page.txt" => vec![base::files::read_text(&golden("page.txt")).unwrap()],
            file => golden_json(file).as_array().unwrap().iter().map(|row| row["text"].as_str().unwrap().to_string()).collect(),
        };
        let pattern = Pattern::ALL.into_iter().find(|pattern| pattern.name() == row["pattern"]).unwrap();
        let expected: Vec<(u32, u32)> = serde_json::from_value(row["merges"].clone()).unwrap();
        for n_merges in [300, expected.len()] {
            let config = TrainConfig { vocab_size: 256 + n_merges + SPECIALS.len(), pattern, threads: 2 };
            let ours = train(texts.iter().cloned(), &config, &Progress::silent(), &Stop::new()).unwrap();
            assert_eq!(ours.merges(), &expected[..n_merges], "{} {}", row["documents"], row["pattern"]);
        }
    }
}

#[test]
fn texts_have_the_ids_of_hugging_face() {
    let tokenizer = Tokenizer::load(&golden("tokenizer.json")).unwrap();
    let mut encoder = tokenizer::Encoder::new(&tokenizer);
    let rows = golden_json("encodings.json");
    let rows = rows.as_array().unwrap();
    assert!(rows.len() > 400);
    for row in rows {
        let text = row["text"].as_str().unwrap();
        let mut found = Vec::new();
        encoder.encode_into(text, &mut found);
        assert_eq!(found, ids(&row["ids"]), "{text:?}");
        assert_eq!(tokenizer.decode(&found), normalise(text));
    }
}

#[test]
fn a_vocabulary_in_gguf_gives_the_ids_of_hugging_face() {
    let tokenizer = Tokenizer::load(&golden("tokenizer.json")).unwrap();
    let read = Tokenizer::from_gguf(tokenizer.gguf_keys().unwrap()).unwrap();
    assert_eq!(read.hash(), tokenizer.hash());
    for row in golden_json("encodings.json").as_array().unwrap() {
        assert_eq!(read.encode(row["text"].as_str().unwrap()), ids(&row["ids"]), "{}", row["text"]);
    }
}

#[test]
fn what_we_save_is_what_hugging_face_saves() {
    let tokenizer = Tokenizer::load(&golden("tokenizer.json")).unwrap();
    let folder = scratch("save");
    tokenizer.save(&folder).unwrap();
    let mut ours: Value = base::files::read_json(&folder.join("tokenizer.json")).unwrap();
    // We spell a merge in the older way, as one text.
    for merge in ours["model"]["merges"].as_array_mut().unwrap() {
        *merge = merge.as_str().unwrap().split(' ').collect();
    }
    assert_eq!(ours, golden_json("tokenizer.json"));
    assert_eq!(Tokenizer::load(&folder).unwrap().hash(), tokenizer.hash());
    assert_eq!(base::files::hash_file(&folder.join("tokenizer.json")).unwrap(), tokenizer.hash());
    let config: Value = base::files::read_json(&folder.join("tokenizer_config.json")).unwrap();
    let template = base::files::read_text(&folder.join("chat_template.jinja")).unwrap();
    assert_eq!(config["chat_template"], template);
    assert_eq!(config["added_tokens_decoder"]["891"]["content"], "<|endoftext|>");
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn conversations_have_the_ids_of_the_chat_template() {
    let tokenizer = Tokenizer::load(&golden("tokenizer.json")).unwrap();
    let rows = golden_json("chats.json");
    let rows = rows.as_array().unwrap();
    assert!(rows.len() > 3);
    for row in rows {
        let conversation = conversation(&row["messages"]);
        assert_eq!(chat::render(&conversation, &tokenizer).ids, ids(&row["ids"]));
        assert_eq!(chat::render_prompt(&conversation, &tokenizer), ids(&row["prompt_ids"]));
    }
}

/// OpenAI's messages.
fn conversation(messages: &Value) -> Conversation {
    let parts = |content: &Value| match content {
        Value::String(text) => vec![Part::Text(text.clone())],
        parts => serde_json::from_value(parts.clone()).unwrap(),
    };
    let message =
        |message: &Value| Message { role: serde_json::from_value(message["role"].clone()).unwrap(), parts: parts(&message["content"]) };
    Conversation { messages: messages.as_array().unwrap().iter().map(message).collect() }
}

/// The tokenizer with Llama 3's pattern in chat_formats.json, with special tokens behind its merges.
fn llama3(golden: &Value, specials: &Value) -> Tokenizer {
    let mut file = golden["tokenizer"].clone();
    let first = file["model"]["vocab"].as_object().unwrap().len();
    let added = specials.as_array().unwrap().iter().enumerate();
    file["added_tokens"] = added.map(|(i, special)| serde_json::json!({ "id": first + i, "content": special, "special": true })).collect();
    let path = scratch(&format!("llama3-{}.json", specials.as_array().unwrap().len()));
    base::files::write_json(&path, &file).unwrap();
    let tokenizer = Tokenizer::load(&path).unwrap();
    std::fs::remove_file(path).unwrap();
    tokenizer
}

#[test]
fn llama_3s_pattern_gives_the_merges_and_ids_of_hugging_face() {
    let golden_file = golden_json("chat_formats.json");
    let theirs = llama3(&golden_file, &serde_json::json!([]));
    assert_eq!(theirs.pattern(), Pattern::Llama3);
    let mut encoder = tokenizer::Encoder::new(&theirs);
    let rows = golden_file["encodings"].as_array().unwrap();
    assert!(rows.len() > 100);
    for row in rows {
        let mut found = Vec::new();
        encoder.encode_into(row["text"].as_str().unwrap(), &mut found);
        assert_eq!(found, ids(&row["ids"]), "{}", row["text"]);
    }
    let page = base::files::read_text(&golden("page.txt")).unwrap();
    let config = TrainConfig { vocab_size: theirs.vocab_size() + tokenizer::SPECIALS.len(), pattern: Pattern::Llama3, threads: 2 };
    let ours = train([page].into_iter(), &config, &Progress::silent(), &Stop::new()).unwrap();
    assert_eq!(ours.merges(), theirs.merges());
}

#[test]
fn each_chat_format_has_the_ids_of_its_template() {
    let golden_file = golden_json("chat_formats.json");
    for format in golden_file["formats"].as_array().unwrap() {
        let tokenizer = llama3(&golden_file, &format["specials"]);
        let found = ChatFormat::of(&tokenizer).unwrap();
        assert_eq!(found.name(), format["name"]);
        for row in format["conversations"].as_array().unwrap() {
            let conversation = conversation(&row["messages"]);
            assert_eq!(found.render(&conversation, &tokenizer).unwrap().ids, ids(&row["ids"]), "{}", row["messages"]);
            assert_eq!(found.render_prompt(&conversation, &tokenizer).unwrap(), ids(&row["prompt_ids"]), "{}", row["messages"]);
        }
    }
}

/// The files of version 1. If this fails the format has changed: raise the version, and then make the files again.
#[test]
fn shards_have_the_stored_bytes() {
    let tokenizer = Tokenizer::load(&golden("tokenizer.json")).unwrap();
    let folder = scratch("golden-shards");
    write_golden_shards(&tokenizer, &folder);
    for name in ["train-00000.bin", "val-00000.bin", "shards.json"] {
        let (written, stored) = (std::fs::read(folder.join(name)).unwrap(), std::fs::read(golden("shards").join(name)).unwrap());
        assert!(written == stored, "{name} differs from tests/golden/shards/{name}");
    }
    std::fs::remove_dir_all(&folder).unwrap();

    let shards = Shards::open(&golden("shards")).unwrap();
    let mut ids = vec![0; shards.val().len()];
    shards.val().copy(0..ids.len(), &mut ids).unwrap();
    assert_eq!(tokenizer.decode(&ids), "<|endoftext|>https://a.example/4\nThe élève counts geese.");
}

fn write_golden_shards(tokenizer: &Tokenizer, folder: &Path) {
    let page = |n: usize| Page {
        url: format!("https://a.example/{n}"),
        date: format!("2025-0{}-01", n + 1),
        text: format!("The {} counts geese.", ["sailor", "teacher", "aunt", "miller", "élève", "baker", "nobody", "owl"][n]),
    };
    let config = ShardConfig {
        folder: folder.to_path_buf(),
        seed: 4,
        val_share: 0.01,
        cutoff: Some("2025-07-01".into()),
        bare_share: 0.0,
        threads: 2,
        file_tokens: ShardConfig::FILE_TOKENS,
    };
    write_shards((0..8).map(page), tokenizer, &config, &Progress::silent(), &Stop::new()).unwrap();
}
