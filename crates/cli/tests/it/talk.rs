//! `complete` and `chat` from outside, on small random models: what they say is not looked at, but when it is the same.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use base::rng::Rng;
use model::folder::EndTokens;
use model::{Config, Model};
use tokenizer::Tokenizer;

use crate::support::{Answer, Scratch, answer, schoolhouse};

/// Writes a model folder whose model has `vocab_size` ids (its tokenizer has 268).
fn write_model(folder: &Path, vocab_size: usize, context: usize) {
    let mut model = Model::new(Config::from_depth(1, vocab_size, context), 1);
    let mut rng = Rng::new(2);
    model.params.data.iter_mut().for_each(|weight| *weight += 0.1 * rng.normal());
    let tokenizer = Tokenizer::from_merges(Vec::new());
    let ends = EndTokens { end_of_text: tokenizer.eot(), end_of_turn: tokenizer.im_end() };
    model::folder::save(&model, ends, folder).unwrap();
    tokenizer.save(folder).unwrap();
}

/// A model folder of its own for a test.
pub fn model(scratch: &Scratch, context: usize) -> PathBuf {
    let folder = scratch.join("model");
    write_model(&folder, 268, context);
    folder
}

pub fn complete(model: &Path, arguments: &[&str]) -> Answer {
    answer(schoolhouse().arg("complete").arg("--model").arg(model).args(arguments))
}

/// A conversation over a pipe.
fn chat(model: &Path, arguments: &[&str], input: impl AsRef<[u8]>) -> Answer {
    let mut child = start_chat(model, arguments);
    child.stdin.take().unwrap().write_all(input.as_ref()).unwrap();
    let output = child.wait_with_output().unwrap();
    Answer {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn start_chat(model: &Path, arguments: &[&str]) -> Child {
    let mut command = schoolhouse();
    command.arg("chat").arg("--model").arg(model).args(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn one_sample_is_the_first_of_several_and_ends_before_a_stop_text() {
    let scratch = Scratch::new("complete");
    let model = model(&scratch, 64);
    let base = ["--prompt", "Once upon", "--max-tokens", "20", "--temperature", "1"];
    let single = complete(&model, &base);
    assert_eq!((single.code, &single.stdout[..9]), (Some(0), "Once upon"));
    assert!(single.stderr.contains("tokens, cut at --max-tokens") || single.stderr.contains("ended by the model"), "{}", single.stderr);
    assert_eq!(complete(&model, &base).stdout, single.stdout);
    let several = complete(&model, &[&base[..], &["--n", "3"]].concat());
    assert_eq!(several.stdout.matches("--- sample ").count(), 3);
    let texts: Vec<&str> = several.stdout.split("--- sample ").skip(1).map(|text| text.split_once('\n').unwrap().1).collect();
    assert_eq!(texts[0], single.stdout);
    assert!(texts[1] != texts[0] && texts[2] != texts[0]);
    assert_ne!(complete(&model, &[&base[..], &["--seed", "2"]].concat()).stdout, single.stdout);

    // A stop text that stands within the sample ends it there.
    let sample: Vec<char> = single.stdout.trim_end_matches('\n').chars().skip(9).collect();
    let stop: String = sample[5..7].iter().collect();
    let stopped = complete(&model, &[&base[..], &["--stop", &stop, "--stop", "never seen"]].concat());
    let before = single.stdout[9..].split(&stop).next().unwrap();
    assert_eq!(stopped.stdout, format!("Once upon{before}\n"));
    assert!(stopped.stderr.contains("ended at --stop"), "{}", stopped.stderr);
}

#[test]
fn what_complete_cannot_do_is_one_sentence() {
    let scratch = Scratch::new("complete-refused");
    let model = model(&scratch, 16);
    let other = scratch.join("other");
    write_model(&other, 260, 16);
    let long = "x".repeat(40);
    for (found, expected) in [
        (complete(&model, &["--prompt", &long]), "error: a prompt of 41 tokens (request 0) does not fit into the context of 16"),
        (complete(&other, &["--prompt", "x"]), "gives 260 ids, and"),
        (complete(&model, &["--prompt", "x", "--top-p", "2"]), "error: top_p is 2; it must be"),
        (complete(&scratch.join("nowhere"), &["--prompt", "x"]), "config.json"),
        (
            answer(schoolhouse().current_dir(scratch.join("model")).args(["complete", "--prompt", "x"])),
            "there is no finished runs/*/base here",
        ),
    ] {
        assert_eq!(found.code, Some(1));
        assert!(found.stderr.contains(expected), "{}", found.stderr);
        assert_eq!(found.stderr.lines().count(), 1, "{}", found.stderr);
        assert_eq!(found.stdout, "");
    }
    // A model may have ids for which there is no token: they never come.
    write_model(&other, 300, 16);
    let padded = complete(&other, &["--prompt", "x", "--temperature", "1000"]);
    assert!(padded.code == Some(0) && padded.stderr.contains("(14 tokens, cut where the context is full"), "{}", padded.stderr);
    // A full context is told.
    let full = complete(&model, &["--prompt", "x", "--temperature", "0"]);
    assert!(full.stderr.contains("(14 tokens, cut where the context is full: prompt of 2 and answer of 14 fill 16)"), "{}", full.stderr);
}

#[test]
fn the_newest_finished_model_is_taken_and_named() {
    let scratch = Scratch::new("newest");
    for run in ["old", "new", "unfinished"] {
        write_model(&scratch.join(format!("runs/{run}/base")), 268, 16);
    }
    scratch.write("runs/old/base/done.json", "{}");
    std::thread::sleep(std::time::Duration::from_millis(20)); // file times are as coarse as the system's clock ticks
    scratch.write("runs/new/base/done.json", "{}");
    let here = || {
        let mut command = schoolhouse();
        command.current_dir(scratch.join(""));
        command
    };
    let found = answer(here().args(["complete", "--prompt", "x", "--max-tokens", "1"]));
    assert!(found.stderr.starts_with("model runs/new/base\n"), "{}", found.stderr);
    let found = answer(here().args(["chat", "--prompt", "x"]));
    assert!(found.stderr.contains("there is no finished runs/*/rl here"), "{}", found.stderr);
}

#[test]
fn a_conversation_over_a_pipe() {
    let scratch = Scratch::new("chat");
    let model = model(&scratch, 100);
    let greedy = ["--temperature", "0", "--max-tokens", "6"];
    let says = |input: &str| {
        let found = chat(&model, &greedy, input);
        assert_eq!(found.code, Some(0), "{}", found.stderr);
        found.stdout
    };
    let first = says("Hello\n");
    assert_eq!(says("Hello"), first, "the last line needs no end");
    assert_eq!(answer(schoolhouse().args(["chat", "--prompt", "Hello", "--model"]).arg(&model).args(greedy)).stdout, first);
    assert_eq!(says("Hello\n\n/new\nHello\n/quit\nHello\n"), first.repeat(2));
    let both = says("Hello\nHello\n");
    assert!(both.starts_with(&first) && both != first.repeat(2), "the second question follows the first");
    let instructed = chat(&model, &[&greedy[..], &["--system", "Be brief."]].concat(), "Hello\n").stdout;
    assert_ne!(instructed, first);
    assert_eq!(
        says("Hello\n/system Be brief.\nHello\n/new\nHello\n/system\nHello\n"),
        [&first, &instructed, &instructed, &first].map(String::as_str).concat()
    );

    let odd = chat(&model, &greedy, b"/what now\n\xFF\xFE\nHello\n");
    assert_eq!(odd.stdout, first);
    for expected in ["there is no /what: /new begins", "this line is not UTF-8 text; it was left out"] {
        assert!(odd.stderr.contains(expected), "{}", odd.stderr);
    }
}

#[test]
fn a_full_context_is_told_with_both_lengths_and_the_remedy() {
    let scratch = Scratch::new("chat-full");
    let model = model(&scratch, 60);
    let long = "x".repeat(80);
    let alone = chat(&model, &["--temperature", "0"], "Hello\n");
    assert!(
        alone.stderr.contains("(cut where the context is full: conversation of 24 and answer of 36 tokens fill 60; /new begins"),
        "{}",
        alone.stderr
    );
    // A question that does not fit is not asked, and the conversation goes on without it.
    let mixed = chat(&model, &["--temperature", "0"], format!("{long}\nHello\n"));
    assert!(mixed.stderr.contains("has 99 tokens, and the context of 60 has no room for an answer then; /new begins"), "{}", mixed.stderr);
    assert_eq!(mixed.stdout, alone.stdout);
    let once = answer(schoolhouse().args(["chat", "--prompt", &long, "--model"]).arg(&model));
    assert_eq!(once.code, Some(1));
    assert!(once.stderr.contains("has 99 tokens, and the context of 60 has no room"), "{}", once.stderr);
}

#[cfg(unix)]
#[test]
fn an_interrupt_stops_the_answer_and_not_the_conversation() {
    let scratch = Scratch::new("chat-interrupt");
    let model = model(&scratch, 30_000);
    let mut child = start_chat(&model, &["--temperature", "0"]);
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    stdin.write_all(b"Hello\n").unwrap();
    stdout.read_exact(&mut [0; 20]).unwrap(); // the answer has begun
    let killed = Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap();
    assert!(killed.success());
    // It goes on listening: the end of the input ends it, not the interrupt.
    stdin.write_all(b"/what\n").unwrap();
    drop(stdin);
    let mut rest = Vec::new();
    stdout.read_to_end(&mut rest).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    let (stopped, after) = (stderr.find("(stopped)"), stderr.find("there is no /what"));
    assert!(stopped.is_some() && stopped < after, "{stderr}");
}
