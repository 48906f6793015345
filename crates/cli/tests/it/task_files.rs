//! `eval --tasks` from outside, on a small random model: what it tells, and what it refuses.

use std::path::Path;

use crate::support::{Answer, Scratch, answer, schoolhouse};
use crate::talk::model;

const GOOD: &str = r#"{"query":"The sky is","choices":["blue","a fish"],"gold":0}"#;

fn eval(model: &Path, arguments: &[&str]) -> Answer {
    answer(schoolhouse().arg("eval").arg("--model").arg(model).args(arguments))
}

#[test]
fn any_model_and_any_file_give_a_table() {
    let scratch = Scratch::new("task-files");
    let model = model(&scratch, 128);
    let file = scratch.write("mine.jsonl", format!("{GOOD}\n{{\"query\":\"x\"}}\n{GOOD}\n{GOOD}\n"));
    let other = scratch.write("lambada_openai.jsonl", "{\"context\":\"one two\",\"continuation\":\"three\"}\n");
    let (file, other) = (file.to_str().unwrap(), other.to_str().unwrap());
    let found = eval(&model, &["--tasks", file, other, "--shots", "1"]);
    assert_eq!(found.code, Some(0), "{}", found.stderr);
    let row = found.stdout.lines().find(|line| line.starts_with("| mine")).unwrap();
    assert!(row.contains("| multiple_choice ") && row.contains("| 1 ") && row.contains("| 50.0 "), "{row}");
    assert!(found.stdout.contains("mean of the centred accuracies: "), "{}", found.stdout);
    assert!(found.stdout.contains("mine: 1 records could not be read"), "{}", found.stdout);
    assert!(found.stderr.contains("mine.jsonl: record 2: its keys are of no known format: query; it was left out"), "{}", found.stderr);
    assert_eq!(eval(&model, &["--tasks", file, other, "--shots", "1", "--threads", "2"]).stdout, found.stdout);

    let json = eval(&model, &["--tasks", file, "--limit", "2", "--json", "--delimiter", r"\n"]).stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!((&json["tasks"][0]["accuracy"]["n"], &json["tasks"][0]["delimiter"]), (&2.into(), &"\n".into()));
}

#[test]
fn what_cannot_be_asked_is_one_sentence() {
    let scratch = Scratch::new("task-files-refused");
    let model = model(&scratch, 64);
    let other = scratch.write("pages.jsonl", "{\"text\":\"a page\"}\n");
    let good = scratch.write("good.jsonl", GOOD);
    for (found, code, expected) in [
        (eval(&model, &["--tasks", other.to_str().unwrap()]), 1, "pages.jsonl is damaged at its records: record 1: its keys are of no"),
        (eval(&model, &["--tasks", "nowhere.jsonl"]), 1, "nowhere.jsonl: there is no such file"),
        (eval(&scratch.join("none"), &["--tasks", good.to_str().unwrap()]), 1, "config.json"),
        (eval(&model, &[]), 2, "--world"),
        (eval(&model, &["--shots", "2"]), 2, "--tasks"),
        (eval(&model, &["--tasks", good.to_str().unwrap(), "--role", "poet"]), 2, "the roles are base and assistant"),
    ] {
        assert_eq!(found.code, Some(code), "{}", found.stderr);
        assert!(found.stderr.contains(expected), "{}", found.stderr);
        assert_eq!(found.stdout, "");
    }
}
