//! What the tests of this folder share: run folders made by hand.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A recipe of five stages behind the built-in web.
pub const RECIPE: &str = "seed = 1\n[world]\nsize = \"smoke\"\n[tokenizer]\nvocab_size = 512\n[pretrain]\ndepth = 2\n";

/// An empty folder of this test's own.
pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-server-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

/// Writes a file and the folders above it.
pub fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().expect("a file stands in a folder")).expect("the folder can be made");
    std::fs::write(path, text).expect("the file can be written");
}

/// A `report.json` of two models.
pub fn report() -> Value {
    let rate = json!({"n": 4, "right": 3, "share": 0.75, "low": 0.3, "high": 0.95});
    let none = json!({"n": 0, "right": 0, "share": 0.0, "low": 0.0, "high": 1.0});
    let model = |prompts: Value| {
        json!({
            "recall": [], "knowledge": [], "problems": [], "recitation": [], "inventions": null, "prompts": prompts,
            "context": {"echo": none, "passage": rate, "without_passage": rate, "translation": none, "example": null},
            "stories": ["Once upon a time"],
        })
    };
    let shown = json!({
        "id": "paris", "shows": "What it knows.", "prompt": "What is the capital of France?", "n": 1, "samples": ["<b>Paris</b>"],
        "right": null, "distinct": null,
    });
    json!({
        "version": 1, "seed": 1, "funnel": null, "reading": {"steps": 0, "loss": [], "val_bpb": [], "samples": []}, "nature": null,
        "models": {"base": model(json!([])), "assistant": model(json!([shown]))},
    })
}
