//! `export` from outside: files and folders that load again, what a format costs, and what is refused.

use std::path::Path;

use model::folder::EndTokens;
use model::{Config, Family, Model};
use tokenizer::Tokenizer;

use crate::support::{Answer, Scratch, answer, schoolhouse};

/// A model of random weights with its tokenizer.
fn small(folder: &Path, family: Family) {
    let tokenizer = Tokenizer::from_merges(vec![(0, 1), (2, 3)]);
    let model = Model::new(Config { n_layers: 1, ..Config::from_depth(4, tokenizer.vocab_size() + 2, 64) }.with_family(family), 1);
    model::folder::save(&model, EndTokens { end_of_text: tokenizer.eot(), end_of_turn: tokenizer.im_end() }, folder).unwrap();
    tokenizer.save(folder).unwrap();
}

fn run(command: &str, args: &[&str]) -> Answer {
    answer(schoolhouse().args(["--plain", "--threads", "2", command]).args(args))
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the folder's name is UTF-8")
}

#[test]
fn what_is_exported_goes_on_as_the_model_did() {
    let scratch = Scratch::new("export");
    let text = scratch.write("text.txt", "the quick brown fox jumps over the lazy dog ".repeat(9));
    for family in [Family::Qwen3, Family::Gpt2] {
        let folder = scratch.join(family.name());
        small(&folder, family);
        let greedy = |model: &Path| {
            let args = ["--model", path(model), "--prompt", "the", "--temperature", "0", "--max-tokens", "12", "--json"];
            let found = run("complete", &args);
            assert_eq!(found.code, Some(0), "{}", found.stderr);
            let document: serde_json::Value = serde_json::from_str(&found.stdout).unwrap();
            document["samples"].clone()
        };
        let expected = greedy(&folder);
        assert!(expected.is_array(), "{expected}");
        let (file, parts) = (scratch.join(format!("{}.gguf", family.name())), scratch.join(format!("{}-parts", family.name())));
        let whole = run("export", &[path(&folder), "--out", path(&file), "--measure", path(&text)]);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        assert!(whole.stderr.contains("matrices in F32") && whole.stderr.contains("(+0.0000, +0.00%)"), "{}", whole.stderr);
        assert_eq!(greedy(&file), expected);
        // Back from the file, in two files.
        let back = run("export", &[path(&file), "--out", path(&parts), "--max-file-mb", "1"]);
        assert_eq!(back.code, Some(0), "{}", back.stderr);
        assert!(parts.join("model.safetensors.index.json").exists() && parts.join("tokenizer.json").exists());
        assert_eq!(greedy(&parts), expected);
        let quantised = run("export", &[path(&folder), "--out", path(&file), "--weights", "q4_k", "--measure", path(&text)]);
        assert!(quantised.stderr.contains("matrices in Q4_K") && quantised.stderr.contains("as written"), "{}", quantised.stderr);
    }
}

#[test]
fn what_cannot_be_exported_is_refused_in_one_sentence() {
    let scratch = Scratch::new("export-refused");
    let folder = scratch.join("model");
    small(&folder, Family::Qwen3);
    let damaged = scratch.write("damaged.gguf", "GGUF and no more");
    let other = scratch.write("other.gguf", "something else");
    let out = scratch.join("out");
    for (args, expected) in [
        (vec![path(&folder), "--out", path(&out), "--weights", "q8_0"], "safetensors hold no Q8_0"),
        (vec![path(&damaged), "--out", path(&out)], "damaged.gguf"),
        (vec![path(&other), "--out", path(&out)], "other.gguf"),
        (vec![path(&out), "--out", "x.gguf"], "cannot read"),
    ] {
        let found = run("export", &args);
        assert_eq!(found.code, Some(1), "{args:?}");
        assert!(found.stderr.contains(expected) && found.stderr.trim_end().lines().count() == 1, "{args:?}: {}", found.stderr);
        assert!(!out.exists(), "nothing half-written stays");
    }
}
