//! `search` from outside, and the hidden command that the Python tool starts.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Answer, Scratch, answer, schoolhouse};

fn search(documents: &Path, rest: &[&str]) -> Answer {
    answer(schoolhouse().arg("search").arg("--documents").arg(documents).args(rest))
}

#[test]
fn documents_are_searched_through_an_index_beside_them() {
    let scratch = Scratch::new("search");
    let row = |id: u32, text: &str| format!("{{\"id\":\"{id}\",\"url\":\"https://a.org/{id}\",\"text\":\"{text}\"}}\n");
    let documents = scratch.write("documents/a.jsonl", row(1, "Zuzu is a weaver.") + &row(2, "Miwa is a pilot."));
    let folder = scratch.join("documents");

    let first = search(&folder, &["--query", "Zuzu"]);
    assert_eq!((first.code, first.stdout.as_str()), (Some(0), "https://a.org/1: Zuzu is a weaver.\nAsked: Zuzu\n"), "{}", first.stderr);
    assert!(first.stderr.contains("index of 2 documents"), "{}", first.stderr);
    let index = scratch.join("documents.index");
    let made = std::fs::metadata(index.join("index.json")).unwrap().modified().unwrap();

    let second = search(&folder, &["--query", "Miwa", "--query", "Yevu", "--quiet"]);
    assert_eq!(second.stdout, "> Miwa\nhttps://a.org/2: Miwa is a pilot.\nAsked: Miwa\n> Yevu\nNothing was found.\n");
    assert!(second.stderr.is_empty(), "{}", second.stderr);
    assert_eq!(std::fs::metadata(index.join("index.json")).unwrap().modified().unwrap(), made, "the index is made once");

    // Other documents, one of them damaged: the index is made again.
    std::fs::write(&documents, row(1, "Zuzu is a sailor.") + "{\n" + &row(3, "Nobody.")).unwrap();
    let third = search(&folder, &["--query", "Zuzu"]);
    assert_eq!(third.stdout, "https://a.org/1: Zuzu is a sailor.\nAsked: Zuzu\n");
    assert!(third.stderr.contains("1 damaged rows left out"), "{}", third.stderr);

    let elsewhere = scratch.join("elsewhere");
    let fourth = search(&folder, &["--query", "Zuzu", "--index", elsewhere.to_str().unwrap()]);
    assert_eq!(fourth.stdout, third.stdout);
    assert!(elsewhere.join("index.json").is_file());
}

#[test]
fn a_folder_that_is_no_index_is_left_alone() {
    let scratch = Scratch::new("search-refused");
    let documents = scratch.write("a.txt", "Zuzu is a weaver.");
    let precious = scratch.write("precious/thesis.txt", "years of work");
    let refused = search(&documents, &["--query", "Zuzu", "--index", precious.parent().unwrap().to_str().unwrap()]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("precious is no search index; name another folder with --index"), "{}", refused.stderr);
    assert!(precious.is_file());

    let missing = search(&scratch.join("nowhere"), &["--query", "Zuzu"]);
    assert_eq!(missing.code, Some(1));
    assert!(missing.stderr.contains("nowhere"), "{}", missing.stderr);
}

#[test]
fn a_child_runs_one_program() {
    let mut child = schoolhouse().arg("python-child").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let job = "{\"wall_ms\":2000,\"memory_mb\":128,\"recursion\":100,\"output_chars\":100}\nprint('a')\n6 * 7";
    child.stdin.take().unwrap().write_all(job.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stdout).unwrap().as_str()), (Some(0), "a\n42"));
}
