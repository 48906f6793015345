//! The stages on a tiny world: they learn, they resume to the same bytes, and damage ends in a sentence.

#![forbid(unsafe_code)]

mod fine_tuning;
mod practice;

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use model::Family;
use tokenizer::Tokenizer;
use tokenizer::shards::{Page, ShardConfig, Shards, write_shards};
use train::optimizer::Method;
use train::pretrain::{PretrainConfig, pretrain};

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-train-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Bytes as tokens, and forty pages that say nearly the same.
fn tiny_shards(folder: &Path) -> (Tokenizer, Shards) {
    let tokenizer = Tokenizer::from_merges(Vec::new());
    let pages = (0..40).map(|i| Page {
        url: format!("https://a.b/{i}"),
        date: "2024-01-01".into(),
        text: format!("The pelican number {i} ate a fish and slept. The pelican number {i} ate a fish and slept."),
    });
    let config = ShardConfig {
        folder: folder.join("shards"),
        seed: 1,
        val_share: 0.1,
        cutoff: None,
        bare_share: 0.0,
        threads: 1,
        file_tokens: 1 << 20,
    };
    write_shards(pages, &tokenizer, &config, &Progress::silent(), &Stop::new()).unwrap();
    (tokenizer, Shards::open(&folder.join("shards")).unwrap())
}

fn tiny(threads: usize) -> PretrainConfig {
    PretrainConfig {
        depth: 1,
        architecture: Family::Qwen3,
        context: 32,
        epochs: 1.0,
        tokens: Some(12 * 256),
        batch_tokens: Some(256),
        method: Method::Muon,
        sample_prompts: vec!["The".into()],
        seed: 5,
        threads,
    }
}

/// Every file of a stage except the times.
fn files_of(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<(String, Vec<u8>)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap() != "timing.jsonl")
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()))
        .collect();
    files.sort();
    files
}

#[test]
fn it_learns_and_the_held_out_pages_are_told_apart_from_noise() {
    let folder = scratch("learns");
    let (tokenizer, shards) = tiny_shards(&folder);
    for (method, architecture) in [
        (Method::Muon, Family::Qwen3),
        (Method::AdamW, Family::Qwen3),
        (Method::Muon, Family::Gpt2),
        (Method::AdamW, Family::Gpt2),
        (Method::Muon, Family::Llama),
        (Method::Muon, Family::Qwen2),
    ] {
        let config = PretrainConfig { tokens: Some(60 * 256), method, architecture, ..tiny(2) };
        let out = folder.join(format!("{method:?} {architecture:?}"));
        let summary = pretrain(&config, &shards, &tokenizer, &out, &Progress::silent(), &Stop::new()).unwrap();
        let rows: Vec<serde_json::Value> = base::jsonl::read_jsonl(&out.join("metrics.jsonl")).unwrap().map(Result::unwrap).collect();
        assert_eq!(rows.len(), 61);
        let first = rows[0]["val_bpb"].as_f64().unwrap();
        let last = summary.val_bpb.unwrap();
        assert!((7.5..8.5).contains(&first), "an untrained model on bytes spends about 8 bits each, not {first}");
        assert!(last < 3.0, "{method:?} on {architecture:?} ends at {last} bits per byte");
        // What is read back may differ in the last bit.
        let logged = rows[60]["val_bpb"].as_f64().unwrap();
        assert!((logged - last).abs() < 1e-12, "{logged} in the log, {last} in the summary");
    }
}

#[test]
fn stopped_and_resumed_gives_the_bytes_of_an_uninterrupted_run() {
    let folder = scratch("resumes");
    let (tokenizer, shards) = tiny_shards(&folder);
    for threads in [1, 2] {
        let (whole, pieces) = (folder.join(format!("whole-{threads}")), folder.join(format!("pieces-{threads}")));
        let run = |out: &Path, stop: &Stop| pretrain(&tiny(threads), &shards, &tokenizer, out, &Progress::silent(), stop);
        run(&whole, &Stop::new()).unwrap();
        // A stop that was requested before the start ends each run after one step.
        let stop = Stop::new();
        stop.request();
        for _ in 0..5 {
            assert!(run(&pieces, &stop).unwrap_err().is_stop());
        }
        run(&pieces, &Stop::new()).unwrap();
        let (expected, found) = (files_of(&whole), files_of(&pieces));
        assert_eq!(expected.iter().map(|file| &file.0).collect::<Vec<_>>(), found.iter().map(|file| &file.0).collect::<Vec<_>>());
        for ((name, expected), (_, found)) in expected.iter().zip(&found) {
            assert!(expected == found, "{name} differs with {threads} threads");
        }
    }
}

#[test]
fn a_damaged_checkpoint_and_other_settings_end_in_one_sentence() {
    let folder = scratch("damaged");
    let (tokenizer, shards) = tiny_shards(&folder);
    let out = folder.join("base");
    let stop = Stop::new();
    stop.request();
    let run = |config: &PretrainConfig| pretrain(config, &shards, &tokenizer, &out, &Progress::silent(), &stop).unwrap_err();
    assert!(run(&tiny(1)).is_stop());
    assert!(run(&tiny(1)).is_stop());
    let other = run(&PretrainConfig { seed: 6, ..tiny(1) }).to_string();
    assert!(other.contains("made with other settings, inputs or thread count"), "{other}");
    let weights = out.join("step-000002/model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    let damaged = run(&tiny(1)).to_string();
    assert!(damaged.contains("model.safetensors is damaged") && damaged.contains("delete"), "{damaged}");
    std::fs::remove_dir_all(out.join("step-000002")).unwrap();
    assert!(run(&tiny(1)).is_stop(), "the checkpoint before it continues");
    let config = PretrainConfig { context: 100_000, ..tiny(1) };
    let too_long = run(&config).to_string();
    assert!(too_long.contains("fewer than one row of 100000"), "{too_long}");
}
