//! The language and score of each text in a .jsonl file, as a model of fastText's gives them; one JSON line each.
//!
//! cargo run --release -p corpus --example languages -- lid.176.ftz TEXTS.jsonl

use std::path::PathBuf;

use corpus::language::Detector;

fn main() {
    let [model, texts] = std::env::args().skip(1).map(PathBuf::from).collect::<Vec<_>>().try_into().expect("a model and a .jsonl file");
    let detector = Detector::open(Some(&model)).unwrap_or_else(|error| panic!("{error}"));
    for line in base::files::read_text(&texts).unwrap_or_else(|error| panic!("{error}")).lines() {
        let row: serde_json::Value = serde_json::from_str(line).expect("each line is JSON");
        let language = detector.detect(row["text"].as_str().expect("each row has a text"));
        println!("{}", serde_json::json!({ "label": language.code, "score": language.score }));
    }
}
