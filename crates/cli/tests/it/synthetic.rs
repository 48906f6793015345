//! `synthesize`, `questions` and `probe` with models behind an endpoint: what is kept, what is refused, and that a call that was
//! interrupted and gone on with leaves the same bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

use base::files::read_text;
use serde_json::{Value, json};
use tasks::conversations::{self, Format, Paths};

use crate::endpoint::{Asked, Endpoint, Said, says};
use crate::support::{Answer, Scratch, answer, schoolhouse};
use crate::talk::model;

const KEY: &str = "OPENAI_API_KEY";

/// A command that is asked of an endpoint, without the key that may be in the environment of the tests.
fn asking(command: &str, endpoint: &Endpoint) -> Command {
    let mut asking = schoolhouse();
    asking.env_remove(KEY).arg(command).args(["--endpoint", &endpoint.url, "--endpoint-model", "small"]);
    asking
}

fn synthesize(endpoint: &Endpoint, prompts: &Path, out: &Path) -> Command {
    let mut command = asking("synthesize", endpoint);
    command.arg("--prompts").arg(prompts).arg("--out").arg(out).args(["--refuse", "as an ai", "--max-words", "20"]);
    command
}

const PROMPTS: usize = 30;

fn prompts(scratch: &Scratch) -> PathBuf {
    let line = |n: usize| match n % 3 {
        0 => format!("Say {n}\n"),
        _ => format!("{}\n", json!({"prompt": format!("Say {n}"), "system": "Be brief.", "id": format!("p{n}")})),
    };
    scratch.write("prompts.jsonl", (0..PROMPTS).map(line).collect::<String>())
}

/// The number in a prompt, and what is said to it: some answers are no good, and a later one may come first.
fn number(asked: &Asked) -> usize {
    asked.text().strip_prefix("Say ").unwrap().parse().unwrap()
}

fn counted(asked: &Asked) -> Said {
    let n = number(asked);
    std::thread::sleep(std::time::Duration::from_millis(7 * n as u64 % 5));
    match n {
        3 => says("Three, and so", "length"),
        5 => says(" \n", "stop"),
        8 => says("Eight \u{1b}[31m", "stop"),
        11 => says("Eleven <|im_end|>", "stop"),
        14 => (400, json!({"error": {"message": "no such words"}})),
        17 => says("As an AI I cannot count.", "stop"),
        20 => says(&"twenty ".repeat(21), "stop"),
        23 => says("twenty-", "content_filter"),
        _ => says(&format!("<think>Which number?</think>\nIt is {n}.\n"), "stop"),
    }
}

/// The refused ones with a word of the reason.
const REFUSED: [(usize, &str); 8] = [
    (3, "cut by its length"),
    (5, "empty"),
    (8, "control characters"),
    (11, "special token <|im_end|>"),
    (14, "the endpoint refused"),
    (17, "holds \"as an ai\""),
    (20, "more than 20 words"),
    (23, "the endpoint refused"),
];

fn rows(path: &Path) -> Vec<Value> {
    read_text(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Both files that a call leaves; each endpoint here has a port of its own, which is no part of it.
fn files(out: &Path) -> (String, String) {
    const HOST: &str = "http://127.0.0.1:";
    let told = read_text(&refused(out)).unwrap_or_default();
    let mut parts = told.split(HOST);
    let first = parts.next().unwrap_or_default().to_string();
    let told = parts.fold(first, |told, part| told + HOST + part.trim_start_matches(|c: char| c.is_ascii_digit()));
    (read_text(out).unwrap(), told)
}

fn refused(out: &Path) -> PathBuf {
    out.with_extension("refused.jsonl")
}

#[test]
fn prompts_become_conversations() {
    let scratch = Scratch::new("synthesize");
    let (prompts, out) = (prompts(&scratch), scratch.join("out/conversations.jsonl"));
    let endpoint = Endpoint::new(counted);
    let done = answer(&mut synthesize(&endpoint, &prompts, &out));
    assert_eq!((done.code, done.stdout), (Some(0), format!("{}\n", out.display())), "{}", done.stderr);
    assert!(done.stderr.contains("22 of 30 prompts gave a conversation\n"), "{}", done.stderr);
    assert!(done.stderr.contains("\n       2  the endpoint refused the prompt\n       1  the answer"), "{}", done.stderr);

    let read = conversations::read(&out, None, Paths::Best).unwrap();
    assert_eq!((read.format, read.conversations.len(), read.left_out.len()), (Format::Messages, 22, 0));
    let kept: Vec<usize> = (0..PROMPTS).filter(|n| !REFUSED.iter().any(|(refused, _)| refused == n)).collect();
    for (row, n) in rows(&out).iter().zip(&kept) {
        let mut messages = vec![json!({"role": "system", "content": "Be brief."})];
        messages.retain(|_| n % 3 != 0);
        messages.push(json!({"role": "user", "content": format!("Say {n}")}));
        messages.push(json!({"role": "assistant", "content": format!("It is {n}.")}));
        assert_eq!(row["messages"], json!(messages));
        assert_eq!((&row["kind"], &row["model"]), (&json!("synthetic"), &json!("small")));
        assert!(n % 3 == 0 || row["id"] == json!(format!("p{n}")), "{row}");
    }
    let told = rows(&refused(&out));
    assert_eq!(told.len(), REFUSED.len());
    for (row, (n, why)) in told.iter().zip(REFUSED) {
        assert!(row["why"].as_str().unwrap().contains(why), "{row}");
        assert!(n % 3 == 0 || row["id"] == json!(format!("p{n}")), "{row}");
    }
    assert!(told[4]["text"].as_str().unwrap().contains("no such words"), "the endpoint's own words are kept: {}", told[4]);

    let again = answer(&mut synthesize(&endpoint, &prompts, &out));
    assert_eq!((again.code, endpoint.asked().len()), (Some(0), PROMPTS), "nothing is asked twice: {}", again.stderr);
    assert!(again.stderr.contains("30 of 30 prompts were answered before\n22 of 30 prompts"), "{}", again.stderr);
    let sent = &endpoint.asked()[0].body;
    assert_eq!((&sent["model"], &sent["max_tokens"], &sent["stream"]), (&json!("small"), &json!(1024), &json!(false)));
}

#[test]
fn a_call_goes_on_behind_what_is_there() {
    let scratch = Scratch::new("synthesize-resume");
    let prompts = prompts(&scratch);
    let endpoint = Endpoint::new(counted);
    let whole = scratch.join("whole.jsonl");
    assert_eq!(answer(&mut synthesize(&endpoint, &prompts, &whole)).code, Some(0));
    let (kept, told) = files(&whole);

    // Killed behind some answers, with the next row half-written in the one file or the other.
    for (n_kept, n_told, torn_kept, torn_told) in [(0, 0, 5, 0), (3, 0, 0, 0), (8, 4, 30, 0), (16, 7, 0, 1)] {
        let out = scratch.join(format!("cut-{n_kept}.jsonl"));
        let head = |text: &str, n: usize| -> usize { text.split_inclusive('\n').take(n).map(str::len).sum() };
        std::fs::write(&out, &kept[..head(&kept, n_kept) + torn_kept]).unwrap();
        std::fs::write(refused(&out), &told[..head(&told, n_told) + torn_told]).unwrap();
        let asked = endpoint.asked().len();
        let rest = answer(&mut synthesize(&endpoint, &prompts, &out));
        assert_eq!((rest.code, endpoint.asked().len() - asked), (Some(0), PROMPTS - n_kept - n_told), "{}", rest.stderr);
        assert_eq!(files(&out), (kept.clone(), told.clone()));
    }

    // An endpoint that goes away on the way.
    let failing = Endpoint::new(|asked| if number(asked) == 12 { (404, json!({"error": "gone"})) } else { counted(asked) });
    let out = scratch.join("failed.jsonl");
    let failed = answer(&mut synthesize(&failing, &prompts, &out));
    assert_eq!(failed.code, Some(1));
    assert!(
        failed.stderr.contains(&format!("error: {}/chat/completions knows nothing of it (404): gone; check that", failing.url)),
        "{}",
        failed.stderr
    );
    assert_eq!(rows(&out).len() + rows(&refused(&out)).len(), 12, "what was answered before is there");
    assert_eq!(answer(&mut synthesize(&endpoint, &prompts, &out)).code, Some(0));
    assert_eq!(files(&out), (kept, told));
}

/// An endpoint that lets so many requests pass at once and holds the others until it is opened.
fn gated(free: usize) -> (Endpoint, Arc<(Mutex<(usize, bool)>, Condvar)>) {
    let gate = Arc::new((Mutex::new((0, false)), Condvar::new()));
    let inner = Arc::clone(&gate);
    let endpoint = Endpoint::new(move |asked| {
        let mut state = inner.0.lock().unwrap();
        state.0 += 1;
        let held = state.0 > free;
        drop(inner.1.wait_while(state, |(_, open)| held && !*open).unwrap());
        counted(asked)
    });
    (endpoint, gate)
}

#[cfg(unix)]
#[test]
fn an_interrupt_and_a_kill_lose_no_answer_that_came_in_turn() {
    use std::io::Read;

    let scratch = Scratch::new("synthesize-stop");
    let prompts = prompts(&scratch);
    let (out, whole) = (scratch.join("stopped.jsonl"), scratch.join("whole.jsonl"));
    assert_eq!(answer(&mut synthesize(&Endpoint::new(counted), &prompts, &whole)).code, Some(0));

    let (endpoint, gate) = gated(9);
    let mut child = synthesize(&endpoint, &prompts, &out).stderr(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    endpoint.wait_for(9 + 4); // all four workers wait
    assert!(Command::new("kill").arg("-INT").arg(child.id().to_string()).status().unwrap().success());
    let mut stderr = child.stderr.take().unwrap();
    let (mut told, mut byte) = (String::new(), [0]);
    while !told.contains("stopping") && stderr.read(&mut byte).unwrap() > 0 {
        told.push(byte[0].into());
    }
    gate.0.lock().unwrap().1 = true;
    gate.1.notify_all();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(rows(&out).len() + rows(&refused(&out)).len(), 13, "no question was begun, and what was under way is there");

    let (endpoint, _gate) = gated(6);
    let mut child = synthesize(&endpoint, &prompts, &out).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    endpoint.wait_for(6 + 4);
    child.kill().unwrap();
    child.wait().unwrap();
    let there = rows(&out).len() + rows(&refused(&out)).len();
    assert!((13..=13 + 6).contains(&there), "{there}");

    assert_eq!(answer(&mut synthesize(&Endpoint::new(counted), &prompts, &out)).code, Some(0));
    assert_eq!(files(&out), files(&whole));
}

#[test]
fn wrong_settings_leave_no_trace_and_strange_files_stay() {
    let scratch = Scratch::new("synthesize-wrong");
    let prompts = prompts(&scratch);
    let out = scratch.join("out.jsonl");
    let refuses = Endpoint::new(|_| (400, json!({"error": {"message": "max_tokens is too large"}})));
    let wrong = answer(&mut synthesize(&refuses, &prompts, &out));
    assert_eq!(wrong.code, Some(1));
    assert!(
        wrong.stderr.contains("the first 9 requests were refused: http://") && wrong.stderr.contains("max_tokens is too large"),
        "{}",
        wrong.stderr
    );
    assert_eq!((files(&out), refused(&out).exists()), ((String::new(), String::new()), false));

    let endpoint = Endpoint::new(counted);
    let diary = scratch.write("diary.txt", "Dear diary,\nto");
    for (out, expected) in
        [(diary.as_path(), "diary.txt is damaged at line 1: expected value"), (&scratch.join("a.jsonl.gz"), "leave the .gz away")]
    {
        let found = answer(&mut synthesize(&endpoint, &prompts, out));
        assert!(found.code == Some(1) && found.stderr.contains(expected), "{}", found.stderr);
    }
    assert_eq!(read_text(&diary).unwrap(), "Dear diary,\nto");
    let nobody = answer(schoolhouse().arg("synthesize").arg("--prompts").arg(&prompts).arg("--out").arg(&out));
    assert!(nobody.code == Some(2) && nobody.stderr.contains("--model <FOLDER>"), "{}", nobody.stderr);
    assert_eq!(endpoint.asked().len(), 0);
}

#[test]
fn the_key_goes_to_the_endpoint_and_nowhere_else() {
    let secret = "sk-0123456789abcdefghij";
    let scratch = Scratch::new("key");
    let prompts = prompts(&scratch);
    // A server that repeats all that it is sent, and refuses when it has been asked a few times.
    let echo = Endpoint::new(|asked| match number(asked) {
        14 => (422, json!({"error": asked.head})),
        25 => (401, json!({"error": {"message": asked.head}})),
        _ => says(
            &format!("You sent: {}", asked.head.lines().find(|line| line.to_lowercase().starts_with("authorization")).unwrap()),
            "stop",
        ),
    });
    let out = scratch.join("out.jsonl");
    let found = answer(synthesize(&echo, &prompts, &out).env(KEY, format!("{secret}\n")));
    assert!(
        found.code == Some(1) && found.stderr.contains("refused (401)") && found.stderr.contains("check the API key"),
        "{}",
        found.stderr
    );
    assert!(echo.asked().iter().all(|asked| asked.head.contains(&format!("Bearer {secret}\r\n"))));
    let (kept, told) = files(&out);
    assert!(kept.contains("Bearer (key)") && told.contains("(422)"), "{kept}{told}");

    let in_url = format!("http://{secret}@127.0.0.1/v1");
    let mut named = schoolhouse();
    named
        .arg("synthesize")
        .args(["--endpoint", &in_url, "--endpoint-model", "small", "--prompts"])
        .arg(&prompts)
        .arg("--out")
        .arg(scratch.join("x.jsonl"));
    let in_url = answer(&mut named);
    assert!(in_url.code == Some(1) && in_url.stderr.contains("put a key in OPENAI_API_KEY"), "{}", in_url.stderr);
    let broken = answer(synthesize(&echo, &prompts, &out).env(KEY, format!("{secret}\u{e9}")));
    assert!(broken.code == Some(1) && broken.stderr.contains("characters that no key has"), "{}", broken.stderr);

    let seen = [kept, told, found.stderr, found.stdout, in_url.stderr, broken.stderr].concat();
    assert!(!seen.contains("sk-0123"), "{seen}");
}

#[test]
fn a_folder_writes_as_an_endpoint_does() {
    let scratch = Scratch::new("synthesize-folder");
    let (prompts, model) = (prompts(&scratch), model(&scratch, 128));
    let write = |out: &Path| {
        let mut command = schoolhouse();
        command
            .arg("synthesize")
            .arg("--model")
            .arg(&model)
            .arg("--prompts")
            .arg(&prompts)
            .arg("--out")
            .arg(out)
            .args(["--max-tokens", "4"]);
        answer(&mut command)
    };
    let (whole, cut) = (scratch.join("whole.jsonl"), scratch.join("cut.jsonl"));
    let done = write(&whole);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let (kept, told) = files(&whole);
    assert_eq!(kept.lines().count() + told.lines().count(), PROMPTS);
    assert!(told.contains("cut by its length"), "a random model does not end: {told}");
    std::fs::write(refused(&cut), told.split_inclusive('\n').take(1).collect::<String>()).unwrap();
    assert_eq!(write(&cut).code, Some(0));
    assert_eq!(files(&cut), (kept, told));
}

/// Documents of which each tells when a bridge was built.
fn documents(scratch: &Scratch) -> PathBuf {
    let text = |n: usize| {
        format!("Menu\nThe old bridge of town {n} was built in {} by people who came from the hills. ", 1800 + n)
            + "It is made of red stone, and many go over it every day to the market on the other side of the river."
    };
    let row = |n: usize| format!("{}\n", json!({"id": n.to_string(), "url": format!("https://a.org/{n}"), "text": text(n)}));
    scratch.write("documents.jsonl", (0..12).map(row).collect::<String>())
}

fn asks_for_the_year(asked: &Asked) -> Said {
    let passage = asked.text();
    assert!(!passage.contains("Menu"), "{passage}");
    let town = passage.split("town ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    let year = passage.split("built in ").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    match town {
        "3" => says("Question: When was it built, as the passage says?\nAnswer: 1803", "stop"),
        "5" => says("I like bridges.", "stop"),
        _ => says(&format!("Question: When was the bridge of town {town} built?\nAnswer: {year}."), "stop"),
    }
}

#[test]
fn documents_become_questions() {
    let scratch = Scratch::new("questions");
    let documents = documents(&scratch);
    let endpoint = Endpoint::new(asks_for_the_year);
    let write = |out: &Path, count: &str| {
        answer(
            asking("questions", &endpoint).arg("--documents").arg(&documents).args(["--count", count, "--seed", "4"]).arg("--out").arg(out),
        )
    };
    let (whole, grown) = (scratch.join("whole.jsonl"), scratch.join("grown.jsonl"));
    let done = write(&whole, "100");
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("10 of 12 passages gave a question\n"), "{}", done.stderr);
    assert!(
        done.stderr.contains("1  the question leans on the passage\n") && done.stderr.contains("1  there are no two lines"),
        "{}",
        done.stderr
    );
    let questions = tasks::probe::read_questions(&whole).unwrap();
    assert_eq!(questions.len(), 10);
    for question in &questions {
        let town: usize = question.url.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!((&question.answer, question.kind.as_str()), (&(1800 + town).to_string(), "passage"));
        assert!(question.passage.starts_with(&format!("The old bridge of town {town}")) && question.passage.ends_with("river."));
    }

    for (count, asked) in [("5", 12 + 5), ("5", 12 + 5), ("12", 12 + 12)] {
        assert_eq!(write(&grown, count).code, Some(0));
        assert_eq!(endpoint.asked().len(), asked);
    }
    assert_eq!(files(&grown), files(&whole), "a larger draw goes on behind the smaller one");
    let nothing = scratch.write("short.txt", "All rights reserved.");
    let refused = answer(asking("questions", &endpoint).arg("--documents").arg(&nothing).arg("--out").arg(scratch.join("none.jsonl")));
    assert!(refused.code == Some(1) && refused.stderr.contains("short.txt has a passage of whole sentences"), "{}", refused.stderr);
}

/// A folder's files with their bytes.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn an_endpoint_judges_what_a_model_knows() {
    const QUESTIONS: usize = 40;
    let scratch = Scratch::new("probe-judge");
    let model = model(&scratch, 128);
    let row = |n: usize| {
        let url = format!("https://a.org/{n}");
        format!(
            "{}\n",
            json!({"id": format!("q{n}"), "kind": "passage", "question": format!("What is {n}?"), "answer": "red", "passage": format!("{n} is red."), "url": url})
        )
    };
    let questions = scratch.write("questions.jsonl", (0..QUESTIONS).map(row).collect::<String>());
    // Any verdict, as long as it is the same each time.
    let judge = Endpoint::new(|asked| {
        says(["Right.", "WRONG", "<think>Hm.</think>NONE"][asked.text().bytes().map(usize::from).sum::<usize>() % 3], "stop")
    });
    let probe = |out: &Path, rest: &[&str]| -> Answer {
        let mut command = asking("probe", &judge);
        command.arg("--model").arg(&model).arg("--questions").arg(&questions).arg("--out").arg(out).args(["--samples", "2"]).args(rest);
        answer(&mut command)
    };
    let whole = scratch.join("whole");
    let done = probe(&whole, &["--judge", "endpoint"]);
    assert_eq!(done.code, Some(0), "{}", done.stderr);
    let asked = judge.asked();
    assert!(asked.len() > QUESTIONS, "a random model says something nearly always: {}", asked.len());
    assert!(asked.iter().all(|asked| asked.text().contains("is red.\n\nQuestion: What is ") && asked.body["temperature"] == json!(0.0)));
    let answers = rows(&whole.join("answers.jsonl"));
    let sum = |key: &str| answers.iter().map(|row| row[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!((answers.len(), sum("samples")), (QUESTIONS, 2 * QUESTIONS as u64));
    assert!(0 < sum("right") && sum("right") < sum("informative") && sum("informative") < sum("samples"), "{answers:?}");

    // Killed between two portions, and within one.
    for n in [16, 21] {
        let cut = scratch.join(format!("cut-{n}"));
        std::fs::create_dir(&cut).unwrap();
        std::fs::copy(whole.join("asked.json"), cut.join("asked.json")).unwrap();
        let text = read_text(&whole.join("answers.jsonl")).unwrap();
        let head: usize = text.split_inclusive('\n').take(n).map(str::len).sum();
        std::fs::write(cut.join("answers.jsonl"), &text[..head + 20]).unwrap();
        assert_eq!(probe(&cut, &["--judge", "endpoint"]).code, Some(0));
        assert_eq!(contents(&cut), contents(&whole));
    }
    let n = judge.asked().len();
    assert_eq!(probe(&whole, &["--judge", "endpoint"]).code, Some(0));
    assert_eq!(judge.asked().len(), n, "what is answered is not asked again");

    for (rest, code, expected) in [
        (&["--judge", "endpoint", "--seed", "2"][..], 1, "holds answers of another model, to other questions, or otherwise asked"),
        (&["--judge", "exact"], 1, "--endpoint is for --judge endpoint"),
    ] {
        let refused = probe(&whole, rest);
        assert!(refused.code == Some(code) && refused.stderr.contains(expected), "{}", refused.stderr);
    }
    let nobody = answer(schoolhouse().args(["probe", "--judge", "endpoint", "--model", "m", "--questions", "q", "--out", "o"]));
    assert!(nobody.code == Some(2) && nobody.stderr.contains("--endpoint <URL>"), "{}", nobody.stderr);
    let exact = |out: &Path| {
        answer(
            schoolhouse()
                .arg("probe")
                .arg("--model")
                .arg(&model)
                .arg("--questions")
                .arg(&questions)
                .arg("--out")
                .arg(out)
                .args(["--samples", "2"]),
        )
    };
    assert_eq!(exact(&scratch.join("exact")).code, Some(0));
    assert_eq!(exact(&whole).code, Some(1), "a program's verdicts are not mixed with a judge's");
}
