//! `rl` from outside, on a small random model: it learns nothing, and every file is there.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

use crate::endpoint::{Endpoint, says};
use crate::support::{Answer, Scratch, answer, schoolhouse};
use crate::talk::{complete, model};

fn rl(scratch: &Scratch, arguments: &[&str]) -> Answer {
    let mut command = schoolhouse();
    command.arg("rl").arg("--out").arg(scratch.join("rl")).arg("--model").arg(scratch.join("model"));
    command.args(["--steps", "2", "--prompts", "2", "--eval-problems", "4"]).args(arguments);
    answer(command.arg("--plain"))
}

#[test]
fn it_practises_what_is_named_and_leaves_a_model() {
    let scratch = Scratch::new("rl");
    model(&scratch, 128);
    let made = answer(schoolhouse().args(["problems", "--environment", "subtraction", "--count", "30", "--json"]));
    let held_out = answer(schoolhouse().args(["problems", "--environment", "subtraction", "--split", "test", "--count", "5", "--json"]));
    let file = scratch.write("problems.jsonl", made.stdout + &held_out.stdout);
    let file = format!("{}=2", file.display());
    let practised = rl(&scratch, &["--environment", "addition", "--problems", &file, "--samples", "4", "--max-tokens", "8"]);
    assert_eq!(practised.code, Some(0), "{}", practised.stderr);
    assert_eq!(practised.stdout.trim(), scratch.join("rl").display().to_string());
    assert!(practised.stderr.contains("held-out problems") && practised.stderr.contains("subtraction"), "{}", practised.stderr);
    let rows: Vec<Value> = base::jsonl::read_jsonl(&scratch.join("rl/metrics.jsonl")).unwrap().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[0]["eval/subtraction/pass@16"], 0.0, "{}", rows[0]);
    assert!(rows[2]["completions/mean_length"].as_f64().unwrap() <= 8.0 && rows[2]["eval/addition/accuracy"] == 0.0);
    let goes_on = complete(&scratch.join("rl"), &["--prompt", "a", "--max-tokens", "3"]);
    assert_eq!(goes_on.code, Some(0), "{}", goes_on.stderr);
}

#[test]
fn a_judge_grades_what_no_program_can() {
    let scratch = Scratch::new("rl-judge");
    model(&scratch, 128);
    let line = |n: usize| format!("{{\"question\": \"Say {n}.\", \"answer\": \"It says {n}.\"}}\n");
    let file = scratch.write("mine.jsonl", (0..40).map(line).collect::<String>());
    let (now, most) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    let at_once = Arc::clone(&most);
    let judge = Endpoint::new(move |_| {
        at_once.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(20));
        now.fetch_sub(1, Ordering::SeqCst);
        says("RIGHT", "stop")
    });
    let (file, url) = (file.display().to_string(), judge.url.clone());
    let arguments =
        ["--problems", &file, "--judge", "--endpoint", &url, "--endpoint-model", "small", "--samples", "16", "--max-tokens", "64"];
    let practised = rl(&scratch, &arguments);
    assert_eq!(practised.code, Some(0), "{}", practised.stderr);
    let rows: Vec<Value> = base::jsonl::read_jsonl(&scratch.join("rl/metrics.jsonl")).unwrap().map(Result::unwrap).collect();
    let paid: f64 = rows.iter().filter_map(|row| row["reward"].as_f64()).sum::<f64>() * 32.0;
    let asked = judge.asked();
    assert!(paid >= 1.0 && asked.len() as f64 >= paid, "{paid} of {} answers that ended", asked.len());
    assert!(asked.iter().all(|asked| asked.text().contains("Question:\nSay ") && asked.text().contains("Right answer:\nIt says ")));
    assert!(most.load(Ordering::SeqCst) > 1, "answers are judged side by side");
}

#[test]
fn what_is_not_there_is_named() {
    let scratch = Scratch::new("rl-refuses");
    model(&scratch, 64);
    let missing = scratch.join("none.jsonl").display().to_string();
    for (arguments, parts) in [
        (&[][..], "name what is practised: --environment NAME"),
        (&["--environment", "adition"], "there is no environment adition; there are parity"),
        (&["--environment", "addition=-1"], "the weight -1 is not above 0"),
        (&["--problems", &missing], "none.jsonl"),
        (&["--environment", "parity", "--max-tokens", "64"], "do not fit a context of 64"),
    ] {
        let said = rl(&scratch, arguments);
        assert!(said.code.is_some_and(|code| code > 0) && said.stderr.contains(parts), "{arguments:?}: {}", said.stderr);
    }
}
