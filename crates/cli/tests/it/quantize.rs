//! `quantize` from outside: what it tells of a folder and of a file, and what it refuses.

use model::Family;
use serde_json::Value;

use crate::export::{path, run, small};
use crate::support::Scratch;

#[test]
fn fewer_bits_are_smaller_and_further_away() {
    let scratch = Scratch::new("quantize");
    let (folder, file) = (scratch.join("model"), scratch.join("model.gguf"));
    small(&folder, Family::Gpt2);
    let texts = ["the quick brown fox jumps over the lazy dog", "pack my box with five dozen liquor jugs", "1234 + 5678 = 6912"];
    let inputs: Vec<_> = texts.iter().enumerate().map(|(n, text)| scratch.write(&format!("{n}.txt"), text.repeat(5))).collect();
    let found = run(
        "quantize",
        &[&[path(&folder), "--input"][..], &inputs.iter().map(|input| path(input)).collect::<Vec<_>>(), &["--json"]].concat(),
    );
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let measured: Value = serde_json::from_str(&found.stdout).unwrap();
    assert_eq!((&measured["documents"], &measured["reference"]["weights"]), (&3.into(), &serde_json::json!(["F32"])));
    let bytes: usize = texts.iter().map(|text| 5 * text.len()).sum();
    assert_eq!((&measured["bytes"], &measured["distributions"]), (&bytes.into(), &measured["tokens"]));
    let rows = measured["formats"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["weights"][0].as_str().unwrap()).collect();
    assert_eq!(names, ["BF16", "Q8_0", "Q6_K", "Q5_K", "Q4_K", "Q4_0"]);
    let number = |row: &Value, name: &str| row[name].as_f64().unwrap_or_else(|| panic!("{name} in {row}"));
    let mut megabytes = number(&measured["reference"], "megabytes");
    for row in rows {
        assert!(number(row, "megabytes") <= megabytes, "{row}");
        megabytes = number(row, "megabytes");
        let difference = number(row, "bits_per_byte") - number(&measured, "reference_bits_per_byte");
        assert!((difference - number(row, "difference")).abs() < 1e-6 && number(row, "difference_error") > 0.0, "{row}");
        assert!(number(row, "divergence") > 0.0 && number(row, "same_top") > 0.2, "{row}");
    }
    assert!(number(&rows[4], "divergence") > 3.0 * number(&rows[1], "divergence"), "four bits are further away than eight: {measured}");

    // A file in eight bits is held against itself, and what is larger is measured only if asked for.
    assert_eq!(run("export", &[path(&folder), "--out", path(&file), "--weights", "q8_0"]).code, Some(0));
    let found = run("quantize", &[path(&file), "--input", path(&inputs[0]), "--weights", "q8_0", "q4_k"]);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let lines: Vec<&str> = found.stdout.lines().collect();
    assert_eq!(lines.len(), 6, "{}", found.stdout);
    assert!(lines[0].contains("215 bytes of text in 1 documents") && lines[3].starts_with("Q8_0 "), "{}", found.stdout);
    assert!(lines[4].starts_with("Q8_0 ") && lines[4].contains("+0.0000 ") && lines[4].contains("100.00%"), "{}", found.stdout);
    assert!(lines[5].starts_with("Q4_K "), "{}", found.stdout);
}

#[test]
fn what_cannot_be_measured_is_refused_in_one_sentence() {
    let scratch = Scratch::new("quantize-refused");
    let folder = scratch.join("model");
    small(&folder, Family::Qwen3);
    let (text, empty) = (scratch.write("text.txt", "some text"), scratch.write("empty.txt", ""));
    for (args, expected) in [
        (vec![path(&folder), "--input", path(&empty)], "there is no text to measure on"),
        (vec![path(&scratch.join("nothing")), "--input", path(&text)], "cannot read"),
    ] {
        let found = run("quantize", &args);
        assert_eq!(found.code, Some(1), "{args:?}");
        assert!(found.stderr.contains(expected) && found.stderr.trim_end().lines().count() == 1, "{args:?}: {}", found.stderr);
    }
    let found = run("quantize", &[path(&folder), "--input", path(&text), "--weights", "q3_k"]);
    assert!(found.code == Some(2) && found.stderr.contains("the formats are f32"), "{}", found.stderr);
}
