//! Encoding with our tokenizer beside bpe-openai and tiktoken-rs: one core, in turn, best of rounds.
//!
//!     cargo run --release --manifest-path bench/tokenizers/Cargo.toml -- [--rounds N] FILE...
//!
//!     ... --equal FILE...
//!     ... --export gpt2|cl100k_base|o200k_base FOLDER
//!     ... --ids TOKENIZER TEXTS OUT
//!
//! The files are read as one text. It is encoded with the vocabularies cl100k_base and o200k_base as it stands, and once more with
//! each of its words only once, so that nothing that is remembered helps. "cold" is an encoder made for the call, "warm" one that
//! has seen the text before. All must give the same ids. Prints MB/s as JSON lines.

#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::time::Instant;

use tiktoken_rs::CoreBPE;
use tokenizer::{Encoder, Tokenizer};

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [mode, files @ ..] if mode == "--equal" => return equal(files),
        [mode, name, folder] if mode == "--export" => return export(name, folder),
        [mode, tokenizer, file, out] if mode == "--ids" => return write_ids(tokenizer, file, out),
        _ => {}
    }
    let mut rounds = 7;
    if let Some(at) = arguments.iter().position(|argument| argument == "--rounds") {
        rounds = arguments[at + 1].parse().expect("a number of rounds");
        arguments.drain(at..at + 2);
    }
    let text: String = arguments.iter().map(|file| String::from_utf8_lossy(&std::fs::read(file).expect("a file")).into_owned()).collect();
    let mut seen = HashSet::new();
    let distinct: Vec<&str> = text.split_whitespace().filter(|word| seen.insert(*word)).collect();
    let distinct = distinct.join(" ");
    let a = "a".repeat(1 << 20);
    for (name, theirs, bpe) in [
        ("cl100k_base", tiktoken_rs::cl100k_base_singleton(), bpe_openai::cl100k_base()),
        ("o200k_base", tiktoken_rs::o200k_base_singleton(), bpe_openai::o200k_base()),
    ] {
        let ours = from(name, theirs);
        for (what, text) in [("as it stands", text.as_str()), ("each word once", distinct.as_str()), ("a million times a", a.as_str())] {
            measure(name, what, text, rounds, &ours, theirs, bpe);
        }
    }
}

/// Our tokenizer with the ranks of theirs.
fn from(name: &str, theirs: &CoreBPE) -> Tokenizer {
    use base64::Engine;
    let line = |id: u32| {
        let bytes = theirs.decode_bytes(&[id]).ok()?;
        Some(format!("{} {id}\n", base64::engine::general_purpose::STANDARD.encode(bytes)))
    };
    let n_ranks = match name {
        "gpt2" => 50_256,
        "cl100k_base" => 100_256,
        _ => 199_998,
    };
    Tokenizer::from_ranks(name, &(0..n_ranks).filter_map(line).collect::<String>()).expect("a vocabulary")
}

fn measure(name: &str, what: &str, text: &str, rounds: usize, ours: &Tokenizer, theirs: &CoreBPE, bpe: &bpe_openai::Tokenizer) {
    let mut warm = Encoder::new(ours);
    let mut ids = Vec::new();
    warm.encode_into(text, &mut ids);
    let is_slow = what.contains("million");
    assert!(ids == bpe.encode(text), "other ids than bpe-openai's");
    let mut best = [f64::MAX; 5];
    for _ in 0..rounds {
        let mut timed = |which: usize, run: &mut dyn FnMut() -> usize| {
            let start = Instant::now();
            let n = run();
            best[which] = best[which].min(start.elapsed().as_secs_f64());
            assert_eq!(n, if which == 2 { text.len() } else { ids.len() });
        };
        timed(0, &mut || ours.encode(text).len());
        timed(1, &mut || {
            let mut ids = Vec::new();
            warm.encode_into(text, &mut ids);
            ids.len()
        });
        timed(2, &mut || ours.decode(&ids).len());
        timed(3, &mut || bpe.encode(text).len());
        if !is_slow {
            timed(4, &mut || theirs.encode_ordinary(text).len());
        }
    }
    if !is_slow {
        assert!(ids == theirs.encode_ordinary(text), "other ids than tiktoken-rs's");
    }
    let rate = |seconds: f64| (text.len() as f64 / 1e5 / seconds).round() / 10.0;
    println!(
        "{{\"vocabulary\": {name:?}, \"text\": {what:?}, \"bytes\": {}, \"ours_cold\": {}, \"ours_warm\": {}, \"ours_decode\": {}, \"bpe_openai\": {}, \"tiktoken_rs\": {}}}",
        text.len(), rate(best[0]), rate(best[1]), rate(best[2]), rate(best[3]), rate(best[4]),
    );
}

/// Compares ids with tiktoken-rs's: the files piece by piece, every character of Unicode in several places, and random bytes.
fn equal(files: &[String]) {
    let mut texts: Vec<String> = Vec::new();
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(file).expect("a file")).into_owned();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let end = (1 << 20..rest.len()).find(|&at| rest.is_char_boundary(at)).unwrap_or(rest.len());
            texts.push(rest[..end].to_string());
            rest = &rest[end..];
        }
    }
    let places: [&dyn Fn(char) -> String; 5] = [
        &|c| format!("{c}"),
        &|c| format!("a{c}b "),
        &|c| format!(" {c}{c}A"),
        &|c| format!("1{c}\n"),
        &|c| format!("'{c}'s{c} "),
    ];
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    texts.extend(places.iter().flat_map(|place| all.chunks(20_000).map(|some| some.iter().map(|&c| place(c)).collect())));
    // A linear congruential generator is random enough to make bytes that are no words.
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    texts.extend((0..20).map(|i| {
        let bytes: Vec<u8> = (0..1 << 19).map(|_| if i % 2 == 0 { random() } else { random() & 0x7f }).collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }));
    for (name, theirs) in [
        ("gpt2", tiktoken_rs::r50k_base_singleton()),
        ("cl100k_base", tiktoken_rs::cl100k_base_singleton()),
        ("o200k_base", tiktoken_rs::o200k_base_singleton()),
    ] {
        let ours = from(name, theirs);
        let mut encoder = Encoder::new(&ours);
        let (mut bytes, mut tokens, mut other) = (0, 0, 0);
        for text in &texts {
            let mut ids = Vec::new();
            encoder.encode_into(text, &mut ids);
            assert!(ours.decode(&ids) == *text);
            let expected = theirs.encode_ordinary(text);
            if ids != expected {
                other += 1;
                let at = ids.iter().zip(&expected).position(|(a, b)| a != b).unwrap_or(ids.len().min(expected.len()));
                let before = ours.decode(&ids[at.saturating_sub(3)..at]);
                println!("{name}: behind {before:?}: {:?} and not {:?}", ids.get(at..at + 4), expected.get(at..at + 4));
            }
            (bytes, tokens) = (bytes + text.len(), tokens + ids.len());
        }
        println!("{{\"vocabulary\": {name:?}, \"texts\": {}, \"bytes\": {bytes}, \"tokens\": {tokens}, \"other\": {other}}}", texts.len());
    }
}

/// Writes a vocabulary as Hugging Face's files.
fn export(name: &str, folder: &str) {
    let theirs = match name {
        "gpt2" => tiktoken_rs::r50k_base_singleton(),
        "cl100k_base" => tiktoken_rs::cl100k_base_singleton(),
        _ => tiktoken_rs::o200k_base_singleton(),
    };
    from(name, theirs).save(std::path::Path::new(folder)).expect("the files are written");
}

/// Writes the ids of each text of a file of JSON strings, one a line, as JSON lines.
fn write_ids(tokenizer: &str, file: &str, out: &str) {
    use std::io::{BufRead, Write};
    let tokenizer = Tokenizer::load(std::path::Path::new(tokenizer)).expect("a tokenizer");
    let mut encoder = Encoder::new(&tokenizer);
    let texts = std::io::BufReader::new(std::fs::File::open(file).expect("a file of texts"));
    let mut out = std::io::BufWriter::new(std::fs::File::create(out).expect("a file to write"));
    for line in texts.lines() {
        let text: String = serde_json::from_str(&line.expect("a line")).expect("a string");
        let mut ids = Vec::new();
        encoder.encode_into(&text, &mut ids);
        writeln!(out, "{ids:?}").expect("the line is written");
    }
}
