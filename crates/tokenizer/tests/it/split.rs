//! Words of hard texts against the engine that tiktoken's patterns are written for.
//!
//! Golden file: scripts/golden/split_patterns.py.

use tokenizer::Pattern;

use crate::golden_json;

#[test]
fn texts_have_the_words_of_the_patterns() {
    let golden = golden_json("split_patterns.json");
    let rows = golden["texts"].as_array().unwrap();
    assert!(rows.len() > 250);
    assert_eq!(golden["patterns"].as_object().unwrap().len(), Pattern::ALL.len());
    for pattern in Pattern::ALL {
        assert_eq!(golden["patterns"][pattern.name()], pattern.regex());
        for row in rows {
            let text = row["text"].as_str().unwrap();
            let found: Vec<usize> = pattern.words(text).map(|word| word.chars().count()).collect();
            assert_eq!(serde_json::json!(found), row[pattern.name()], "{}: {text:?}", pattern.name());
            let mut by_loop = Vec::new();
            pattern.for_each_word(text, |word| by_loop.push(word.chars().count()));
            assert_eq!(by_loop, found, "{}: {text:?}", pattern.name());
        }
    }
}
