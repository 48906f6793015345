//! Merges, ids, files and chats against Hugging Face's tokenizers and transformers, exactly.
//!
//! Golden files: scripts/golden/tokenizer.py.

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use serde_json::Value;
use tokenizer::train::{TrainConfig, train};
use tokenizer::{Tokenizer, chat, normalise};

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
    let config = TrainConfig { vocab_size: theirs.vocab_size(), threads: 2 };
    let ours = train([page].into_iter(), &config, &Progress::silent(), &Stop::new()).unwrap();
    assert_eq!(ours.vocab_size(), 900);
    assert_eq!(ours.merges(), theirs.merges());
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
    let path = scratch("chats.jsonl");
    let lines: Vec<String> = rows.iter().map(|row| serde_json::json!({ "messages": row["messages"] }).to_string()).collect();
    base::files::write_atomic(&path, lines.join("\n").as_bytes()).unwrap();
    let file = chat::read_conversations(&path).unwrap();
    std::fs::remove_file(&path).unwrap();
    assert_eq!((file.conversations.len(), file.damaged.len()), (rows.len(), 0));
    for (stored, row) in file.conversations.iter().zip(rows) {
        assert_eq!(chat::render(&stored.conversation, &tokenizer).ids, ids(&row["ids"]));
        assert_eq!(chat::render_prompt(&stored.conversation, &tokenizer), ids(&row["prompt_ids"]));
    }
}
