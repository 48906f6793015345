//! `import` from outside: on small files that the tests write, and on real models where they lie beside the workspace.

use std::path::{Path, PathBuf};

use base::rng::Rng;
use model::{Family, Model};

use crate::support::{Answer, Scratch, answer, schoolhouse};

/// Set to the folder of the real models where their checks must not be skipped.
const MODELS: &str = "SCHOOLHOUSE_MODELS";

/// The vocabulary of the small models: what begins and ends, two bytes, and some letters.
const PIECES: [&str; 12] = ["<unk>", "\n<s>\n", "\n</s>\n", "<0xC3>", "<0xBC>", " ", "a", "b", " a", "ab", " ab", "ba"];

fn vocabulary(pieces: &[&str]) -> Vec<u8> {
    let mut file = 6i32.to_le_bytes().to_vec();
    for (id, piece) in pieces.iter().enumerate() {
        file.extend((-(id as f32)).to_le_bytes());
        file.extend((piece.len() as i32).to_le_bytes());
        file.extend(piece.as_bytes());
    }
    file
}

/// A llama2.c model of random weights: width 8, MLP 12, 2 blocks, 2 heads, 1 key head, a head of its own, context 40.
fn llama2c() -> Vec<u8> {
    let mut rng = Rng::new(1);
    let mut file: Vec<u8> = [8, 12, 2, 2, 1, -12, 40].into_iter().flat_map(i32::to_le_bytes).collect();
    let block = 8 + 64 + 32 + 32 + 64 + 8 + 3 * 96;
    let numbers = 12 * 8 + 2 * block + 8 + 40 * 4 + 12 * 8;
    file.extend((0..numbers).flat_map(|_| rng.normal().to_le_bytes()));
    file
}

/// A minGPT of three ids and a context of 5 whose weights are all 0, so that it always answers 0.
fn min_gpt() -> String {
    let tensor = |shape: &[usize]| {
        let bytes = 4 * shape.iter().product::<usize>();
        let data = format!("{}{}", "A".repeat((4 * bytes).div_ceil(3)), ["", "==", "="][bytes % 3]);
        format!("{{\"shape\": {shape:?}, \"dtype\": \"torch.float32\", \"data\": \"{data}\"}}")
    };
    let mut text =
        r#"{"config": {"n_layer": 1, "n_head": 1, "n_embd": 4, "vocab_size": 3, "block_size": 5, "embd_pdrop": 0.1}"#.to_string();
    let tensors: [(&str, &[usize]); 16] = [
        ("transformer.wte.weight", &[3, 4]),
        ("transformer.wpe.weight", &[5, 4]),
        ("transformer.h.0.ln_1.weight", &[4]),
        ("transformer.h.0.ln_1.bias", &[4]),
        ("transformer.h.0.attn.c_attn.weight", &[12, 4]),
        ("transformer.h.0.attn.c_attn.bias", &[12]),
        ("transformer.h.0.attn.c_proj.weight", &[4, 4]),
        ("transformer.h.0.attn.c_proj.bias", &[4]),
        ("transformer.h.0.ln_2.weight", &[4]),
        ("transformer.h.0.ln_2.bias", &[4]),
        ("transformer.h.0.mlp.c_fc.weight", &[16, 4]),
        ("transformer.h.0.mlp.c_fc.bias", &[16]),
        ("transformer.h.0.mlp.c_proj.weight", &[4, 16]),
        ("transformer.h.0.mlp.c_proj.bias", &[4]),
        ("transformer.ln_f.weight", &[4]),
        ("transformer.ln_f.bias", &[4]),
    ];
    for (name, shape) in tensors.into_iter().chain([("lm_head.weight", &[3, 4][..])]) {
        text += &format!(", \"{name}\": {}", tensor(shape));
    }
    text + "}"
}

fn import(file: &Path, out: &Path, arguments: &[&str]) -> Answer {
    answer(schoolhouse().arg("import").arg(file).arg("--out").arg(out).args(arguments))
}

/// The table and what stands below it.
fn parts(answer: &Answer) -> (&str, &str) {
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    answer.stdout.split_once("\n\n").unwrap_or((&answer.stdout, ""))
}

#[test]
fn a_llama2c_file_becomes_a_folder_and_goes_on_with_a_text() {
    let scratch = Scratch::new("import-llama2c");
    let (file, out) = (scratch.write("model.bin", llama2c()), scratch.join("out"));
    let pieces = scratch.write("pieces.bin", vocabulary(&PIECES));
    let silent = import(&file, &out, &[]);
    let (table, text) = parts(&silent);
    for line in ["format        llama2.c, version 0", "parameters    1,192", "heads         2 of width 4, keys and values for 1"] {
        assert!(table.contains(line), "{table}");
    }
    assert!(text.is_empty() && silent.stderr.contains("--vocabulary"), "{}", silent.stderr);
    let model = Model::load(&out).unwrap();
    assert_eq!((model.config.family, model.config.context, model.config.norm_eps), (Family::Llama, 40, 1e-5));
    let written = |name: &str| std::fs::read_to_string(out.join(name)).unwrap();
    assert!(written("config.json").contains("\"bos_token_id\": 1"));
    assert!(written("generation_config.json").contains("\"eos_token_id\": [\n    2,\n    1\n  ]"));

    let pieces = pieces.to_str().unwrap();
    let telling = |name: &str, more: &[&str]| import(&file, &scratch.join(name), &[&["--vocabulary", pieces], more].concat());
    let whole = telling("whole", &[]);
    let text = parts(&whole).1;
    // The context ends the answer, 39 tokens after the one that begins it, unless the model does.
    assert!(whole.stderr.contains("(39 tokens, cut where the context is full)") || whole.stderr.contains("ended by the model"));
    let short = telling("short", &["--tokens", "3"]);
    assert!(text.starts_with(parts(&short).1.trim_end_matches('\n')) && short.stderr.contains("(3 tokens, cut at --tokens)"));
    let prompted = telling("prompted", &["--prompt", "abaü", "--tokens", "2"]);
    assert!(parts(&prompted).1.starts_with("abaü"), "{}", prompted.stdout);
}

#[test]
fn a_min_gpt_becomes_a_folder_and_is_tried_on_all_sequences() {
    let scratch = Scratch::new("import-mingpt");
    let (file, out) = (scratch.write("model.json", min_gpt()), scratch.join("out"));
    let shown = import(&file, &out, &[]);
    let (table, text) = parts(&shown);
    assert!(table.contains("architecture  gpt2") && table.contains("output head   its own"), "{table}");
    assert!(text.contains("  ->  0 0 0   not sorted\n"), "{text}");
    assert!(text.ends_with("sorted 1 of 27 sequences of 3 digits from 0 to 2\n"), "{text}");
    assert_eq!(Model::load(&out).unwrap().config.family, Family::Gpt2);
    assert!(std::fs::read_to_string(out.join("config.json")).unwrap().contains("\"eos_token_id\": null"));
}

#[test]
fn what_import_cannot_do_is_one_sentence_and_leaves_no_folder() {
    let scratch = Scratch::new("import-bad");
    let whole = llama2c();
    let cut = scratch.write("cut.bin", &whole[..whole.len() - 4]);
    let good = scratch.write("model.bin", &whole);
    let json = scratch.write("model.json", min_gpt());
    let pieces = scratch.write("pieces.bin", vocabulary(&PIECES));
    let few = scratch.write("few.bin", vocabulary(&PIECES[..7]));
    let out = scratch.join("out");
    let name = |path: &PathBuf| path.to_str().unwrap().to_string();
    for (file, arguments, expected) in [
        (&cut, vec![], "cut.bin is damaged at its end: it has"),
        (&scratch.join("none"), vec![], "there is no such file or folder"),
        (&good, vec!["--vocabulary".to_string(), name(&few)], "gives 12 ids, and"),
        (&good, vec!["--vocabulary".to_string(), name(&good)], "model.bin is damaged at byte"),
        (
            &good,
            vec!["--vocabulary".to_string(), name(&pieces), "--prompt".to_string(), "b".repeat(40)],
            "a prompt of 42 tokens leaves no room in the context of 40",
        ),
        (&json, vec!["--vocabulary".to_string(), name(&pieces)], "is a minGPT, which has no --vocabulary"),
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let answer = import(file, &out, &arguments);
        assert_eq!((answer.code, answer.stderr.lines().count()), (Some(1), 1), "{}", answer.stderr);
        assert!(answer.stderr.starts_with("error: ") && answer.stderr.contains(expected), "{}", answer.stderr);
        assert!(!out.exists() && answer.stdout.is_empty());
    }
    let alone = import(&good, &out, &["--tokens", "3"]);
    assert_eq!((alone.code, out.exists()), (Some(2), false), "{}", alone.stderr);

    assert_eq!(import(&good, &out, &[]).code, Some(0));
    let again = import(&good, &out, &[]);
    assert!(again.code == Some(1) && again.stderr.contains("holds files already"), "{}", again.stderr);
    // A folder without a tokenizer is no folder for `complete`.
    let complete = answer(schoolhouse().args(["complete", "--prompt", "a", "--model"]).arg(&out));
    assert_eq!((complete.code, complete.stderr.lines().count()), (Some(1), 1), "{}", complete.stderr);
    assert!(complete.stderr.contains("tokenizer.json"), "{}", complete.stderr);
}

/// A file of the real models, or a word that it is missing.
fn real(name: &str) -> Option<PathBuf> {
    let required = std::env::var_os(MODELS).map(PathBuf::from);
    let folder = required.clone().unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/models"));
    let path = folder.join(name);
    if path.exists() {
        return Some(path);
    }
    assert!(required.is_none(), "{MODELS} is set, and there is no {}", path.display());
    eprintln!("SKIPPED: {name} is not in ../shared/data/models; {MODELS} may name another folder");
    None
}

/// llama2.c wrote the text with `run -t 0.0 -n 200`, and behind it its speed.
#[test]
fn stories260k_tells_the_same_story_as_in_llama2c() {
    let (Some(model), Some(pieces), Some(story)) = (real("stories260K.bin"), real("tok512.bin"), real("stories260K.reference_greedy.txt"))
    else {
        return;
    };
    let story = std::fs::read_to_string(story).unwrap();
    let (story, _) = story.split_once("achieved tok/s").expect("the speed stands behind the story");
    let scratch = Scratch::new("import-stories");
    let tell = |name: &str, more: &[&str]| {
        let arguments = [&["--vocabulary", pieces.to_str().unwrap()], more].concat();
        let told = import(&model, &scratch.join(name), &arguments);
        parts(&told).1.to_string()
    };
    assert_eq!(tell("story", &["--tokens", "200"]), format!("{story}\n"));
    let long = tell("long", &[]);
    assert!(long.starts_with(story) && long.len() > story.len() + 56, "{long}");
    // The beginning of the story as a prompt is cut into the ids that the model wrote, or it would go on otherwise.
    let (beginning, _) = story.split_at(story.find("She loved").unwrap() - 1);
    assert_eq!(tell("prompted", &["--prompt", beginning, "--tokens", "130"]).get(..300), story.get(..300));
}

/// llm-viz's sorter sorts whatever it is given.
#[test]
fn the_sorter_sorts() {
    let Some(model) = real("gpt-nano-sort-model.json") else { return };
    let scratch = Scratch::new("import-sorter");
    let shown = import(&model, &scratch.join("out"), &[]);
    let (table, text) = parts(&shown);
    assert!(table.contains("parameters    85,728"), "{table}");
    assert!(text.ends_with("sorted 729 of 729 sequences of 6 digits from 0 to 2\n"), "{text}");
}
