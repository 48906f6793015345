//! `export` from outside: files and folders that load again, and what is refused.

use std::path::Path;

use model::folder::EndTokens;
use model::{Config, Family, Model};
use tokenizer::Tokenizer;

use crate::support::{Answer, Scratch, answer, schoolhouse};

/// A model of random weights with its tokenizer.
pub fn small(folder: &Path, family: Family) {
    let tokenizer = Tokenizer::from_merges(vec![(0, 1), (2, 3)]);
    let model = Model::new(Config { n_layers: 1, ..Config::from_depth(4, tokenizer.vocab_size() + 2, 64) }.with_family(family), 1);
    model::folder::save(&model, EndTokens { end_of_text: tokenizer.eot(), end_of_turn: tokenizer.im_end() }, folder).unwrap();
    tokenizer.save(folder).unwrap();
}

pub fn run(command: &str, args: &[&str]) -> Answer {
    answer(schoolhouse().args(["--plain", "--threads", "2", command]).args(args))
}

pub fn path(path: &Path) -> &str {
    path.to_str().expect("the folder's name is UTF-8")
}

#[test]
fn what_is_exported_goes_on_as_the_model_did() {
    let scratch = Scratch::new("export");
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
        let whole = run("export", &[path(&folder), "--out", path(&file)]);
        assert_eq!(whole.code, Some(0), "{}", whole.stderr);
        assert!(whole.stderr.contains("matrices in F32"), "{}", whole.stderr);
        assert_eq!(greedy(&file), expected);
        // Back from the file, in two files.
        let back = run("export", &[path(&file), "--out", path(&parts), "--max-file-mb", "1"]);
        assert_eq!(back.code, Some(0), "{}", back.stderr);
        assert!(parts.join("model.safetensors.index.json").exists() && parts.join("tokenizer.json").exists());
        assert_eq!(greedy(&parts), expected);
        let quantised = run("export", &[path(&folder), "--out", path(&file), "--weights", "q4_k"]);
        assert!(quantised.stderr.contains("matrices in Q4_K"), "{}", quantised.stderr);
    }
}

/// The ids that begin and end texts stand in both files, whatever way a folder came to be.
#[test]
fn an_exported_folder_names_its_tokens() {
    let scratch = Scratch::new("export-tokens");
    let (folder, file) = (scratch.join("model"), scratch.join("model.gguf"));
    small(&folder, Family::Llama);
    let read =
        |folder: &Path, name: &str| -> serde_json::Value { serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap() };
    let tokenizer = Tokenizer::load(&folder).unwrap();
    let (turn, text) = (tokenizer.im_end(), tokenizer.eot());
    let export = |from: &Path, out: &Path| {
        let found = run("export", &[path(from), "--out", path(out)]);
        assert_eq!(found.code, Some(0), "{}", found.stderr);
    };
    // What a maker has written stays, also what is not read here.
    let mut generation = read(&folder, "generation_config.json");
    generation["temperature"] = 0.25.into();
    generation["no_repeat_ngram_size"] = 3.into();
    std::fs::write(folder.join("generation_config.json"), generation.to_string()).unwrap();
    let again = scratch.join("again");
    export(&folder, &again);
    assert_eq!(read(&again, "generation_config.json"), generation);
    assert_eq!(read(&again, "config.json"), read(&folder, "config.json"));

    export(&folder, &file);
    let back = scratch.join("back");
    export(&file, &back);
    let (config, generation) = (read(&back, "config.json"), read(&back, "generation_config.json"));
    for found in [config, generation] {
        assert_eq!((&found["bos_token_id"], &found["eos_token_id"]), (&text.into(), &serde_json::json!([turn, text])));
    }
    // A folder whose files name none has those that its tokenizer has.
    let mut config = read(&folder, "config.json");
    config["bos_token_id"].take();
    config["eos_token_id"].take();
    std::fs::write(folder.join("config.json"), config.to_string()).unwrap();
    std::fs::remove_file(folder.join("generation_config.json")).unwrap();
    let named = scratch.join("named");
    export(&folder, &named);
    assert_eq!(read(&named, "config.json")["eos_token_id"], serde_json::json!([turn, text]));
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
