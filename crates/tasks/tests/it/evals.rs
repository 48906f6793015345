//! Task files: what transformers makes of them, what is cut, what is refused, and that threads change nothing.

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use engine::{EngineConfig, ModelFolder};
use serde::Deserialize;
use tasks::card::Role;
use tasks::evals::files::{Example, Format, TaskFile, read};
use tasks::evals::prompts::{Cut, Scored, Template};
use tasks::evals::score::{Score, score};
use tasks::evals::settings::settings;
use tasks::evals::{Model, Options, Report, choose, prepare, run};
use tasks::subject::Subject;
use tokenizer::{Encoder, Tokenizer};

use crate::{collect, folder};

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/evals");

/// The golden model with the golden tokenizer beside it.
fn model_folder(name: &str) -> PathBuf {
    let root = folder(name);
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(Path::new(GOLDEN).join(file), root.join(file)).unwrap();
    }
    let tokenizer = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tokenizer/tests/golden/tokenizer.json");
    std::fs::copy(tokenizer, root.join("tokenizer.json")).unwrap();
    root
}

fn with_subject<T>(path: &Path, capacity: usize, threads: usize, job: impl FnOnce(&mut Subject, &ModelFolder) -> T) -> T {
    let (weights, loaded) = ModelFolder::load(path, None).unwrap();
    let engine = loaded.engine(weights, EngineConfig::new(7, capacity, threads));
    let mut subject = Subject { engine, tokenizer: &loaded.tokenizer, toolset: engine::Toolset::default(), stop: Stop::new() };
    job(&mut subject, &loaded)
}

#[derive(Deserialize)]
struct Expected {
    r#type: String,
    question: usize,
    delimiter: String,
    shots: Vec<usize>,
    texts: Vec<String>,
    ids: Vec<Vec<u32>>,
    begins: Vec<usize>,
    losses: Vec<f64>,
    chosen: usize,
    greedy: Vec<bool>,
}

/// Prompts and boundaries of every golden question as they should be, with the scores of its options.
fn golden_scores(path: &Path, threads: usize) -> Vec<(Expected, Vec<Score>)> {
    let expected: Vec<Expected> = base::files::read_json(&Path::new(GOLDEN).join("expected.json")).unwrap();
    with_subject(path, 512, threads, |subject, loaded| {
        let mut questions = Vec::new();
        for row in &expected {
            let file = read(&Path::new(GOLDEN).join(format!("{}.jsonl", row.r#type))).unwrap();
            let start = loaded.start.clone();
            let template = Template { examples: &file.examples, header: String::new(), delimiter: &row.delimiter, start, capacity: 512 };
            assert_eq!(template.texts(row.question, &row.shots), row.texts);
            let scored = template.scored(row.question, &row.shots, &mut Encoder::new(&loaded.tokenizer)).unwrap();
            assert_eq!(scored.cut, Cut::default());
            let found: Vec<Vec<u32>> = scored.options.iter().map(|tail| [&scored.common[..], &tail.ids].concat()).collect();
            let begins: Vec<usize> = scored.options.iter().map(|tail| scored.common.len() + tail.from).collect();
            let is_language = row.r#type == "language_modeling";
            assert_eq!(found, row.ids[usize::from(is_language)..], "{:?}", row.texts);
            assert_eq!(begins, row.begins, "{:?}", row.texts);
            questions.push(scored);
        }
        let mut n_options = 0;
        let scores = score(subject, &questions.iter().collect::<Vec<_>>(), &mut || n_options += 1).unwrap();
        assert_eq!(n_options, scores.iter().map(Vec::len).sum::<usize>());
        expected.into_iter().zip(scores).collect()
    })
}

#[test]
fn losses_and_decisions_are_those_of_transformers() {
    let path = model_folder("evals-golden");
    let scored = golden_scores(&path, 1);
    let mut n_greedy = 0;
    for (row, scores) in &scored {
        assert_eq!(scores.len(), row.losses.len());
        for ((score, loss), greedy) in scores.iter().zip(&row.losses).zip(&row.greedy) {
            assert!((score.loss - loss).abs() < 1e-4, "{} of {:?} for {loss}", score.loss, row.texts);
            assert_eq!(score.is_greedy, *greedy, "{:?}", row.texts);
        }
        assert_eq!(choose(scores), row.chosen, "{:?}", row.texts);
        n_greedy += usize::from(scores[0].is_greedy);
    }
    assert!(n_greedy > 0 && scored.len() == 72);
    let threaded = golden_scores(&path, 2);
    assert!(scored.iter().zip(&threaded).all(|(one, two)| one.1 == two.1), "threads change no bit");
}

#[test]
fn what_options_have_in_common_is_read_once() {
    let path = model_folder("evals-reuse");
    let file = read(&Path::new(GOLDEN).join("multiple_choice.jsonl")).unwrap();
    with_subject(&path, 512, 1, |subject, loaded| {
        let start = loaded.start.clone();
        let template = Template { examples: &file.examples, header: String::new(), delimiter: " ", start, capacity: 512 };
        let mut encoder = Encoder::new(&loaded.tokenizer);
        let scored: Vec<Scored> = (3..12).map(|n| template.scored(n, &[0, 1, 2], &mut encoder).unwrap()).collect();
        score(subject, &scored.iter().collect::<Vec<_>>(), &mut || {}).unwrap();
        let whole: usize = scored.iter().flat_map(|scored| scored.options.iter().map(|tail| scored.common.len() + tail.ids.len())).sum();
        // The last id before an option is read again for each, and the examples are the same for all questions here.
        let least: usize = scored.iter().flat_map(|scored| scored.options.iter().map(|tail| tail.ids.len())).sum();
        let work = subject.engine.work();
        assert!(work.read < least + 4 * scored[0].common.len() && 3 * work.read < whole, "{work:?} of {whole}");
    });
}

fn options() -> Options {
    Options { shots: None, delimiter: None, limit: None, seed: 1, samples: 0, role: None }
}

/// The report on files, with a context of so many tokens.
fn report(path: &Path, files: &[PathBuf], options: &Options, capacity: usize, threads: usize) -> Report {
    with_subject(path, capacity, threads, |subject, loaded| {
        let (document_ends, turn_ends) = (loaded.document_ends(), loaded.turn_ends());
        let model = Model { tokenizer: &loaded.tokenizer, start: &loaded.start, document_ends: &document_ends, turn_ends: &turn_ends };
        let mut measured = Vec::new();
        for file in files {
            for task in prepare(&read(file).unwrap(), &model, options, capacity).unwrap() {
                assert!(task.longest() <= capacity);
                measured.push(run(&task, subject, &model, options, &Progress::silent()).unwrap());
            }
        }
        Report::new(Path::new("model"), options.seed, measured)
    })
}

fn golden(name: &str) -> PathBuf {
    Path::new(GOLDEN).join(name)
}

const PROBLEMS: &str = concat!(
    r###"{"question":"Ann has 3 eggs and finds 4. How many?","answer":"3+4=<<3+4=7>>7\n#### 7"}"###,
    "\n",
    r###"{"question":"Bob has 1,200 bees. 200 fly away. How many stay?","answer":"1200-200=1000\n#### 1,000"}"###,
    "\n",
    r###"{"question":"Cid?","answer":"It is\n#### none"}"###,
    "\n",
);

#[test]
fn a_report_counts_everything_and_threads_change_nothing() {
    let root = model_folder("evals-report");
    let problems = root.join("gsm8k.jsonl");
    std::fs::write(&problems, PROBLEMS).unwrap();
    let files = [golden("multiple_choice.jsonl"), golden("schema.jsonl"), golden("language_modeling.jsonl"), problems];
    let options = Options { samples: 3, ..options() };
    let found = report(&root, &files, &options, 512, 1);
    assert_eq!(report(&root, &files, &options, 512, 2), found);
    let told: Vec<(&str, usize, usize, usize)> =
        found.tasks.iter().map(|task| (task.task.as_str(), task.accuracy.n, task.shots, task.damaged)).collect();
    assert_eq!(told, [("multiple_choice", 12, 0, 0), ("schema", 12, 0, 0), ("language_modeling", 12, 0, 0), ("gsm8k", 2, 1, 1)]);
    // Three of each number of choices from two to five, but for one question of three instead of two, and one of two instead of five.
    let choices = [2, 3, 4, 5, 3, 3, 4, 2, 2, 3, 4, 5];
    let fair: f64 = choices.iter().map(|&n| 1.0 / f64::from(n)).sum::<f64>() / 12.0;
    assert!((found.tasks[0].chance - fair).abs() < 1e-4, "{}", found.tasks[0].chance);
    // What transformers says of the same questions, without examples.
    let expected: Vec<Expected> = base::files::read_json(&golden("expected.json")).unwrap();
    for task in &found.tasks[..3] {
        let TaskFile { examples, .. } = read(&task.file).unwrap();
        let asked = expected.iter().filter(|row| row.r#type == task.task && row.shots.is_empty());
        let right = asked.filter(|row| match examples[row.question] {
            Example::Choice { gold, .. } | Example::Schema { gold, .. } => row.chosen == gold,
            _ => row.greedy[0],
        });
        assert_eq!(task.accuracy.right, right.count(), "{}", task.task);
        let share = task.accuracy.right as f64 / 12.0;
        assert!((task.centered - (share - task.chance) / (1.0 - task.chance)).abs() < 1e-3);
    }
    let word_problems = &found.tasks[3];
    assert_eq!((word_problems.conversation, word_problems.samples), (true, 3));
    assert_eq!((word_problems.sampled.unwrap().n, word_problems.pass_at_k.unwrap().n), (6, 2));
    let table = found.table();
    assert!(table.contains("pass@3") && table.contains("gsm8k: 1 records could not be read"), "{table}");
    assert_eq!(found.core, None);

    let mut keys = std::collections::BTreeSet::new();
    collect("", &serde_json::to_value(&found).unwrap(), &mut keys);
    let keys: Vec<String> = keys.into_iter().collect();
    let expected: Vec<&str> = include_str!("evals_keys.txt").lines().collect();
    assert_eq!(keys, expected, "\n{}", keys.join("\n"));

    let limited = report(&root, &files[..1], &Options { limit: Some(5), shots: Some(99), ..options.clone() }, 512, 1);
    assert_eq!((limited.tasks[0].accuracy.n, limited.tasks[0].shots), (5, 11), "nothing is its own example");
    let page = report(&root, &files[3..], &Options { samples: 0, role: Some(Role::Base), ..options }, 512, 1);
    assert!(!page.tasks[0].conversation && page.tasks[0].pass_at_k.is_none());
}

#[test]
fn what_does_not_fit_loses_examples_then_its_beginning_and_that_is_told() {
    let tokenizer = Tokenizer::from_merges(Vec::new()); // a token a byte
    let choice = |query: &str, choices: [&str; 2]| Example::Choice {
        query: query.to_owned(),
        choices: choices.map(str::to_owned).to_vec(),
        gold: 0,
    };
    let examples = [choice("first", ["1", "2"]), choice("second", ["3", "4"]), choice("asked", ["yes", "no"])];
    let check = |capacity: usize, expected: Option<(&str, [&str; 2], Cut)>| {
        let template = Template { examples: &examples, header: String::new(), delimiter: ":", start: vec![tokenizer.eot()], capacity };
        let found = template.scored(2, &[0, 1], &mut Encoder::new(&tokenizer));
        let told = found.as_ref().map(|scored| {
            assert!(scored.longest() <= capacity);
            let tails: Vec<String> = scored.options.iter().map(|tail| tokenizer.decode(&tail.ids)).collect();
            (tokenizer.decode(&scored.common), [tails[0].clone(), tails[1].clone()], scored.cut)
        });
        let expected = expected.map(|(common, tails, cut)| (common.to_owned(), tails.map(str::to_owned), cut));
        assert_eq!(told, expected, "capacity {capacity}");
    };
    let tails = ["yes", "no"];
    check(29, Some(("<|endoftext|>first:1\n\nsecond:3\n\nasked:", tails, Cut::default())));
    check(28, Some(("<|endoftext|>second:3\n\nasked:", tails, Cut { shots: 1, tokens: 0 })));
    check(19, Some(("<|endoftext|>asked:", tails, Cut { shots: 2, tokens: 0 })));
    check(7, Some(("<|endoftext|>ed:", tails, Cut { shots: 2, tokens: 3 })));
    check(4, Some(("<|endoftext|>", tails, Cut { shots: 2, tokens: 6 })));
    check(3, None);

    // Both beginnings of a schema lose as much.
    let schema = [Example::Schema { contexts: vec!["an ox".into(), "a long tale".into()], continuation: "ran".into(), gold: 0 }];
    let template = Template { examples: &schema, header: String::new(), delimiter: " ", start: vec![tokenizer.eot()], capacity: 13 };
    let found = template.scored(0, &[], &mut Encoder::new(&tokenizer)).unwrap();
    let tails: Vec<String> = found.options.iter().map(|tail| tokenizer.decode(&tail.ids)).collect();
    assert_eq!((tokenizer.decode(&found.common).as_str(), tails[0].as_str()), ("<|endoftext|>o", "x ran"));
    assert_eq!((tails[1].as_str(), found.cut), ("ng tale ran", Cut { shots: 0, tokens: 3 }), "16 tokens in 13");

    let root = model_folder("evals-cut");
    let tight = report(&root, &[golden("multiple_choice.jsonl")], &Options { shots: Some(3), ..options() }, 64, 1);
    let task = &tight.tasks[0];
    assert_eq!((task.lost_shots, task.lost_text, task.not_asked, task.accuracy.n), (12, 0, 0, 12), "{task:?}");
    assert!(tight.table().contains("12 questions were asked with fewer examples"), "{}", tight.table());
}

#[test]
fn each_format_is_told_from_its_keys_and_a_damaged_record_costs_that_record() {
    let root = folder("evals-files");
    let file = |name: &str, text: &str| {
        let path = root.join(name);
        std::fs::write(&path, text).unwrap();
        read(&path)
    };
    for (name, text, format, query, choices, gold) in [
        ("a.jsonl", r#"{"query":"Q","choices":["x","y"],"gold":1}"#, Format::MultipleChoice, "Q", &["x", "y"][..], 1),
        (
            "b.json",
            r#"[{"question":"Q?","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"2"}]"#,
            Format::Arc,
            "Question: Q?",
            &["x", "y"],
            1,
        ),
        (
            "c.jsonl",
            r#"{"question":"Q?","choices":["x","y","z"],"answer":2,"subject":"high_school_law"}"#,
            Format::Mmlu,
            "Q?\nA. x\nB. y\nC. z",
            &["A", "B", "C"],
            2,
        ),
        (
            "d.json",
            r#"{"question":"Q?","A":"x","B":"y","C":"z","D":"w","answer":"D"}"#,
            Format::Mmlu,
            "Q?\nA. x\nB. y\nC. z\nD. w",
            &["A", "B", "C", "D"],
            3,
        ),
        (
            "world_history_test.csv",
            "\"Who, then?\",x,\"y \"\"z\"\"\",3,4,B\n",
            Format::Mmlu,
            "Who, then?\nA. x\nB. y \"z\"\nC. 3\nD. 4",
            &["A", "B", "C", "D"],
            1,
        ),
        ("f.csv", "A,B,C,D,question,answer\nx,y,z,w,Q?,A\n", Format::Mmlu, "Q?\nA. x\nB. y\nC. z\nD. w", &["A", "B", "C", "D"], 0),
    ] {
        let read = file(name, text).unwrap();
        let choices = choices.iter().map(|choice| choice.to_string()).collect();
        assert_eq!((read.format, &read.damaged), (format, &vec![]), "{name}");
        assert_eq!(read.examples, [Example::Choice { query: query.to_owned(), choices, gold }], "{name}");
        let subject = match name {
            "c.jsonl" => Some("high school law"),
            "world_history_test.csv" => Some("world history"),
            _ => None,
        };
        assert_eq!(read.subject.as_deref(), subject, "{name}");
    }

    let good = r#"{"query":"Q","choices":["x","y"],"gold":0}"#;
    for (line, why) in [
        ("{\"query\":", "line 2: "),
        (r#"{"query":"Q","choices":["x","y"],"gold":2}"#, "record 2: \"gold\" is 2, and there are 2 to choose from"),
        (r#"{"query":"Q","choices":["x","y"],"gold":-1}"#, "\"gold\" is -1"),
        (r#"{"query":"Q","choices":["x"],"gold":0}"#, "\"choices\" is not a list of at least two texts"),
        (r#"{"query":"Q","choices":["x",""],"gold":0}"#, "\"choices\" is not a list"),
        (r#"{"query":3,"choices":["x","y"],"gold":0}"#, "\"query\" is not a text"),
        (r#"{"context":"c","continuation":"d"}"#, "it is of the format language_modeling, and the records before it are multiple_choice"),
        (r#"{"context_options":["a","b"],"continuation":" ","gold":0}"#, "\"continuation\" is empty"),
        (r#"{"question":"Q?","choices":{"text":["x","y"],"label":["1","2"]},"answerKey":"C"}"#, "\"answerKey\" is none of the labels"),
        (r#"{"context":"c","answer":"d","aliases":[]}"#, "its keys are of no known format: context, answer, aliases"),
        (r#"{"prompt":"def f():","test":"t","entry_point":"f"}"#, "there is no sandbox for that here"),
        ("17", "its keys are of no known format"),
    ] {
        let read = file("damaged.jsonl", &format!("{good}\n{line}\n{good}\n")).unwrap();
        assert_eq!((read.examples.len(), read.damaged.len()), (2, 1), "{line}");
        assert!(read.damaged[0].contains(why), "{}", read.damaged[0]);
    }
    for (text, why) in [("", "it holds no records"), (r#"{"text":"a page"}"#, "record 1: its keys are of no known format: text")] {
        let error = file("no.jsonl", text).unwrap_err().to_string();
        assert!(
            error.contains("no.jsonl is damaged at its records") && error.contains(why) && error.contains("context_options"),
            "{error}"
        );
    }
    assert!(read(&root.join("missing.jsonl")).unwrap_err().to_string().contains("missing.jsonl"));
}

#[test]
fn core_files_are_asked_as_core_asks_unless_the_caller_says_otherwise() {
    let root = folder("evals-core");
    let asked = |name: &str, shots: Option<usize>, delimiter: Option<&str>| {
        let path = root.join(name);
        std::fs::write(&path, format!("{}\n", r#"{"query":"Q","choices":["x","y"],"gold":1}"#).repeat(20)).unwrap();
        let settings = settings(&read(&path).unwrap(), shots, delimiter);
        let told = settings.into_iter().map(|s| (s.task, s.shots, s.delimiter, s.chance, s.is_core));
        told.collect::<Vec<_>>()
    };
    let (space, answer) = (" ".to_owned(), "\nAnswer: ".to_owned());
    assert_eq!(asked("boolq.jsonl", None, None), [("boolq".into(), 10, answer.clone(), Some(0.62), true)]);
    let both =
        [("hellaswag".into(), 10, space.clone(), Some(0.25), true), ("hellaswag_zeroshot".into(), 0, space.clone(), Some(0.25), true)];
    assert_eq!(asked("hellaswag.jsonl", None, None), both);
    assert_eq!(asked("hellaswag.jsonl", Some(3), None), [("hellaswag".into(), 3, space.clone(), Some(0.25), false)]);
    assert_eq!(asked("piqa.jsonl", Some(10), None), [("piqa".into(), 10, answer.clone(), Some(0.5), true)]);
    assert_eq!(asked("mine.jsonl", None, None), [("mine".into(), 0, space, None, false)]);
    assert_eq!(asked("mine.jsonl", Some(99), Some("\nAnswer: ")), [("mine".into(), 19, answer, None, false)]);
}
