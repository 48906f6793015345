//! Bad input ends in one sentence on stderr and exit status 1, or costs one record and is counted. Never a panic.
//!
//! What a crate refuses by itself is tested there; here is what a user sees.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::support::{Answer, Scratch, answer, schoolhouse};

/// Set where the test of the full disk must not be skipped.
const REQUIRE_FULL_DISK: &str = "SCHOOLHOUSE_REQUIRE_FULL_DISK";

/// A recipe over files that trains for a moment, with some of its words changed.
fn recipe(scratch: &Scratch, changes: &[(&str, &str)]) -> std::path::PathBuf {
    let mut text = String::from(
        "[corpus]\ninputs = [\"corpus\"]\nprofile = \"minimal\"\n[tokenizer]\nvocab_size = 300\n\
         [tokenize]\nval_share = 0.1\n[pretrain]\ndepth = 1\ncontext = 32\nbatch_tokens = 128\ntokens = 2000\n",
    );
    for (from, to) in changes {
        assert!(text.contains(from), "{from} stands in the recipe");
        text = text.replace(from, to);
    }
    scratch.write("recipe.toml", text)
}

/// Some pages of plain text, all different.
fn corpus(scratch: &Scratch) {
    for page in 0..40 {
        let lines = (0..12).map(|line| {
            format!("On page {page} the {line}th visitor told the baker that the river is wide and the bread is warm in the house.\n")
        });
        scratch.write(&format!("corpus/page-{page:02}.txt"), lines.collect::<String>());
    }
}

/// `run` with a recipe in this scratch folder, on two threads.
fn run(scratch: &Scratch, recipe: &Path) -> Command {
    run_on(2, scratch, recipe)
}

fn run_on(threads: usize, scratch: &Scratch, recipe: &Path) -> Command {
    let mut command = schoolhouse();
    command.args(["--quiet", "--threads", &threads.to_string(), "run"]).arg(recipe).arg("--out").arg(scratch.join("run"));
    command
}

/// Checks that a command ended in one sentence that holds all of `parts`.
fn refused(answer: &Answer, parts: &[&str]) {
    let said = answer.stderr.trim_end();
    assert_eq!(answer.code, Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "one sentence: {said}");
    assert!(said.starts_with("error: ") && !said.contains("panicked") && !said.contains("a bug in"), "{said}");
    for part in parts {
        assert!(said.contains(part), "{part:?} is missing in: {said}");
    }
}

#[test]
fn a_misspelt_key_is_named_with_its_file_its_line_and_the_nearest_right_one() {
    let scratch = Scratch::new("misspelt");
    let path = recipe(&scratch, &[("vocab_size", "vocab_sise")]);
    refused(&answer(&mut run(&scratch, &path)), &["recipe.toml line 5", "`vocab_sise`", "did you mean `vocab_size`?"]);
    assert!(!scratch.join("run").exists(), "nothing was begun");
}

#[test]
fn a_missing_file_and_an_empty_corpus_are_named() {
    let scratch = Scratch::new("empty");
    let missing = recipe(&scratch, &[("[\"corpus\"]", "[\"gone.warc.gz\"]")]);
    refused(&answer(&mut run(&scratch, &missing)), &["gone.warc.gz"]);

    std::fs::create_dir_all(scratch.join("corpus")).unwrap();
    let path = recipe(&scratch, &[]);
    refused(&answer(&mut run(&scratch, &path)), &["corpus"]);
    scratch.write("corpus/blank.txt", "\n \n");
    refused(&answer(&mut run(&scratch, &path)), &["stage documents", "nothing is left"]);
}

#[test]
fn a_vocabulary_larger_than_the_data_supports_is_refused_with_what_is_possible() {
    let scratch = Scratch::new("vocabulary");
    corpus(&scratch);
    let path = recipe(&scratch, &[("vocab_size = 300", "vocab_size = 100000")]);
    refused(&answer(&mut run(&scratch, &path)), &["stage tokenizer", "100000"]);
    let path = recipe(&scratch, &[("vocab_size = 300", "vocab_size = 100")]);
    refused(&answer(&mut run(&scratch, &path)), &["stage tokenizer", "100", "268"]);
}

#[test]
fn another_configuration_is_refused_with_the_stage_to_redo() {
    let scratch = Scratch::new("redo");
    corpus(&scratch);
    let first = answer(&mut run(&scratch, &recipe(&scratch, &[])));
    assert_eq!(first.code, Some(0), "{}", first.stderr);

    let deeper = recipe(&scratch, &[("depth = 1", "depth = 2")]);
    refused(&answer(&mut run(&scratch, &deeper)), &["run/base was made with another configuration", "--redo base"]);
    let again = answer(run(&scratch, &deeper).args(["--redo", "base"]));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    let stored = std::fs::read_to_string(scratch.join("run/recipe.toml")).unwrap();
    assert!(stored.contains("depth = 2"), "{stored}");

    refused(&answer(&mut run_on(1, &scratch, &deeper)), &["with 2 threads instead of 1", "--threads 2"]);

    scratch.write("corpus/page-00.txt", "The baker is not at home today, and the bread of the house is cold.\n");
    refused(&answer(&mut run(&scratch, &deeper)), &["run/documents was made from", "page-00.txt", "--redo documents"]);
    let again = answer(run(&scratch, &deeper).args(["--redo", "documents"]));
    assert_eq!(again.code, Some(0), "{}", again.stderr);
    std::fs::remove_file(scratch.join("run/base/model.safetensors")).unwrap();
    refused(&answer(&mut run(&scratch, &deeper)), &["model.safetensors is gone", "--redo base"]);
}

#[test]
fn a_folder_in_use_or_of_something_else_is_refused() {
    let scratch = Scratch::new("folder");
    corpus(&scratch);
    scratch.write("run/letter.txt", "not a run");
    refused(&answer(&mut run(&scratch, &recipe(&scratch, &[]))), &["holds files that are not a run's"]);
    assert!(scratch.join("run/letter.txt").exists());
    std::fs::remove_file(scratch.join("run/letter.txt")).unwrap();

    let endless = recipe(&scratch, &[("tokens = 2000", "tokens = 2000000000")]);
    let mut first = run(&scratch, &endless).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| scratch.join("run/documents/started.json").exists());
    refused(&answer(&mut run(&scratch, &endless)), &["is in use by another process"]);
    // A command of its own on a stage's folder is kept out too.
    wait_until(|| scratch.join("run/base/metrics.jsonl").exists());
    let mut beside = schoolhouse();
    beside.args(["--quiet", "pretrain", "--depth", "1"]);
    for (flag, folder) in [("--shards", "run/shards"), ("--tokenizer", "run/tokenizer"), ("--out", "run/base")] {
        beside.arg(flag).arg(scratch.join(folder));
    }
    refused(&answer(&mut beside), &["run/base is in use by another process"]);
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_damaged_checkpoint_is_named_with_the_remedy() {
    let scratch = Scratch::new("checkpoint");
    corpus(&scratch);
    let path = recipe(&scratch, &[("tokens = 2000", "tokens = 2000000")]);
    let mut first = run(&scratch, &path).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    wait_until(|| checkpoint(&scratch.join("run/base")).is_some());
    first.kill().unwrap();
    first.wait().unwrap();

    let weights = checkpoint(&scratch.join("run/base")).expect("a checkpoint").join("model.safetensors");
    let bytes = std::fs::read(&weights).unwrap();
    std::fs::write(&weights, &bytes[..bytes.len() / 2]).unwrap();
    refused(&answer(&mut run(&scratch, &path)), &["stage base", "model.safetensors", "delete "]);
}

#[test]
fn a_full_disk_ends_in_one_sentence_and_the_run_goes_on_once_there_is_room() {
    let possible = Command::new("unshare").args(["-Urm", "true"]).stderr(Stdio::null()).status().is_ok_and(|status| status.success());
    if !possible {
        assert!(std::env::var_os(REQUIRE_FULL_DISK).is_none(), "no file system of this test's own can be mounted here");
        eprintln!("SKIPPED: no file system of this test's own can be mounted here (unshare -Urm)");
        return;
    }
    let scratch = Scratch::new("full");
    corpus(&scratch);
    let path = recipe(&scratch, &[]);
    std::fs::create_dir_all(scratch.join("small")).unwrap();
    // In a mount namespace of its own: first too small, then large enough for the rest of the run.
    let script = "mount -t tmpfs -o size=400k none small || exit 77\n\
                  \"$0\" --quiet --threads 2 run recipe.toml --out small/run && exit 78\n\
                  echo then >&2\n\
                  mount -o remount,size=100m small || exit 77\n\
                  \"$0\" --quiet --threads 2 run recipe.toml --out small/run > /dev/null";
    assert!(path.ends_with("recipe.toml"));
    let mut shell = Command::new("unshare");
    shell.args(["-Urm", "sh", "-c", script, env!("CARGO_BIN_EXE_schoolhouse")]).current_dir(scratch.join(""));
    let answer = answer(&mut shell);
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    let (first, second) = answer.stderr.split_once("then\n").expect("both runs");
    refused(&Answer { code: Some(1), stdout: String::new(), stderr: first.to_string() }, &["small/run", "the disk is full"]);
    assert_eq!(second, "");
}

/// The newest checkpoint in a stage's folder.
fn checkpoint(stage: &Path) -> Option<std::path::PathBuf> {
    let paths = std::fs::read_dir(stage).ok()?.flatten().map(|entry| entry.path());
    paths.filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("step-"))).max()
}

fn wait_until(happened: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(300);
    while !happened() {
        assert!(Instant::now() < deadline, "it did not happen");
        sleep(Duration::from_millis(2));
    }
}
