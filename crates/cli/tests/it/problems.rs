//! `problems` from outside, and Python problems graded in the real sandbox.

use std::sync::Arc;

use engine::Tool;
use serde_json::json;
use tasks::practice::{Environment, NAMES, Problem, Programs, Split};
use tools::python::{Limits, Python};

use crate::support::{Answer, Scratch, answer, schoolhouse};

fn problems(arguments: &[&str]) -> Answer {
    answer(schoolhouse().arg("problems").args(arguments))
}

/// What the command prints, which must succeed.
fn printed(arguments: &[&str]) -> String {
    let found = problems(arguments);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""), "{arguments:?}");
    found.stdout
}

#[test]
fn all_environments_are_listed_with_an_example() {
    let list = printed(&[]);
    assert_eq!(list.lines().count(), 2 + NAMES.len() + 1, "{list}");
    for name in NAMES.into_iter().chain(["python"]) {
        assert_eq!(list.lines().filter(|line| line.starts_with(&format!("| {name} "))).count(), 1, "{name} in {list}");
    }
    let row = list.lines().find(|line| line.starts_with("| addition ")).unwrap();
    assert!(row.contains("| 8 ") && row.contains("What is "), "{row}");
}

#[test]
fn problems_are_shown_and_written_and_read_again() {
    let table = printed(&["--environment", "sorting", "--level", "2", "--count", "3"]);
    assert_eq!(table.lines().count(), 5, "{table}");
    assert!(table.lines().nth(2).unwrap().starts_with("| 2     | Sort these "), "{table}");

    let written = |split: &str| printed(&["--environment", "addition", "--level", "3", "--split", split, "--count", "4", "--json"]);
    let (train, test) = (written("train"), written("test"));
    let scratch = Scratch::new("problems");
    let file = scratch.write("sums.jsonl", format!("{train}{test}"));
    let again = printed(&["--file", file.to_str().unwrap(), "--level", "3", "--split", "test", "--json", "--seed", "5"]);
    let sorted = |lines: &str| {
        let mut lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&again), sorted(&test), "ten are asked for, and four are there, in an order of the seed");
    let first: Problem = serde_json::from_str(test.lines().next().unwrap()).unwrap();
    assert_eq!((first.generator.as_str(), first.split.as_str(), &first.metadata["level"]), ("addition", "test", &json!(3)));
}

#[test]
fn a_record_of_gsm8k_that_is_none_is_told_and_left_out() {
    let scratch = Scratch::new("problems-gsm8k");
    let record = |n: usize| format!("{}\n", json!({"question": format!("Two more than {n}?"), "answer": format!("{n}+2\n#### {}", n + 2)}));
    let good: String = (0..40).map(record).collect();
    let file = scratch.write("train.jsonl", good + "{\"question\": \"And now?\", \"answer\": \"I do not know\"}\n");
    let found = problems(&["--file", file.to_str().unwrap(), "--count", "2"]);
    assert_eq!((found.code, found.stdout.lines().count()), (Some(0), 4), "{}", found.stdout);
    assert!(found.stderr.contains("train.jsonl: record 41: ") && found.stderr.contains("; it was left out"), "{}", found.stderr);
}

#[test]
fn what_is_not_there_is_one_sentence() {
    let scratch = Scratch::new("problems-refused");
    let file = scratch.write("mine.jsonl", "{\"question\": \"A?\", \"answer\": 1}\n");
    let file = file.to_str().unwrap();
    for (arguments, code, expected) in [
        (vec!["--environment", "alchemy"], 1, "there is no environment alchemy; there are parity, letters,"),
        (vec!["--environment", "word_problem", "--level", "4"], 1, "word_problem has the levels 1 to 3, and was asked for 4"),
        (vec!["--environment", "parity", "--level", "0"], 1, "parity has the levels 1 to"),
        (vec!["--json"], 1, "name an --environment or a --file"),
        (vec!["--file", "nowhere.jsonl"], 1, "nowhere.jsonl: there is no such file"),
        (vec!["--file", file], 1, "mine.jsonl holds no problem for t"),
        (vec!["--environment", "parity", "--split", "dev"], 2, "possible values: train, test"),
    ] {
        let found = problems(&arguments);
        assert_eq!((found.code, found.stdout.as_str()), (Some(code), ""), "{arguments:?}: {}", found.stderr);
        assert!(found.stderr.contains(expected), "{}", found.stderr);
    }
}

/// Python problems in children of the binary under test.
fn programs() -> Programs {
    // The machine of a test may be busy.
    let limits = Limits { wall_ms: 30_000, output_chars: 8000, ..Limits::default() };
    let sandbox: Arc<dyn Tool> = Arc::new(Python::new(env!("CARGO_BIN_EXE_schoolhouse"), &["python-child"], limits));
    Programs::built_in(sandbox)
}

#[test]
#[cfg(feature = "python")]
fn the_program_that_stands_there_is_right_for_every_made_problem() {
    let programs = programs();
    let mut functions = std::collections::BTreeSet::new();
    for (split, level, index) in
        [Split::Train, Split::Test].into_iter().flat_map(|s| (1..=3).flat_map(move |l| (0..25).map(move |i| (s, l, i))))
    {
        let problem = programs.problem(1, index, level, split);
        let name = problem.answer.split('(').next().unwrap_or_default().to_owned();
        assert_eq!(programs.score(&problem, &problem.answer).unwrap(), 1.0, "{}\n{}", problem.question, problem.answer);
        if functions.insert(name.clone()) {
            let thought = format!("<think>easy</think>```python\n{}\n```", problem.answer);
            assert_eq!(programs.score(&problem, &thought).unwrap(), 1.0);
            // A function that returns what the question shows, whatever it is given.
            let shown = problem.question.split(" is ").last().and_then(|rest| rest.split(". Answer").next()).unwrap();
            let constant = format!("{name}(*given):\n    return {shown}");
            assert_eq!(programs.score(&problem, &constant).unwrap(), 0.0, "{constant}");
        }
    }
    assert_eq!(functions.len(), 10, "{functions:?}");
}

#[test]
#[cfg(feature = "python")]
fn programs_that_want_to_be_paid_for_nothing() {
    let programs = programs();
    let tests = json!([{"call": "f(2)", "expected": 4}, {"call": "f(3)", "expected": 9}]);
    let problem = Problem { metadata: json!({ "tests": tests }), ..programs.problem(1, 0, 1, Split::Train) };
    for (answer, expected) in [
        ("def f(x): return x * x", 1.0),
        ("print('busy', end='')\ndef f(x): return x * x", 1.0),
        ("def f(x):\n    print('0 4')\n    return x * x", 1.0),
        ("def f(x): return 4", 0.0),
        ("print('passed')", 0.0),
        ("def f(x): raise ValueError('4')", 0.0),
        ("def f(x): pass", 0.0),
        // What prints is replaced: the mark is seen then, but what the calls should give is not.
        ("def print(*words): pass\ndef f(x): return x * x", 0.0),
        ("say = print\ndef print(line):\n    say(line)\n    say(line)\ndef f(x): return x * x", 0.0),
        (
            "say = print\ndef print(line):\n    mark = line.split()[0]\n    say(mark + ' 0 4')\n    say(mark + ' 1 4')\ndef f(x): return 4",
            0.0,
        ),
        ("def repr(x): return '4'\ndef f(x): return x", 0.0),
        // What follows is swallowed, or never reached.
        ("def f(x): return x * x\n\"\"\"", 0.0),
        ("def f(x): return x * x\nexit()", 0.0),
        ("def f(x): return x * x\nraise SystemExit", 0.0),
        ("def f(x): return x * x #", 1.0),
        ("def f(x): return x * x\nif False:", 0.0),
        ("def f(x): return f(x)", 0.0),
        ("def f(x): return [0] * 10 ** 12", 0.0),
        ("def f(x):\n    print('9' * 100000)\n    return x * x", 0.0),
        ("def f(x): return x * x\nprint('x' * 9000)", 0.0),
        ("import os\ndef f(x): return os.system('echo 4')", 0.0),
        ("def f(x): return open('/etc/passwd').read()", 0.0),
    ] {
        assert_eq!(programs.score(&problem, answer).unwrap(), expected, "{answer}");
    }
}

#[test]
#[cfg(not(feature = "python"))]
fn without_python_no_program_is_graded() {
    let programs = programs();
    let problem = programs.problem(1, 0, 1, Split::Train);
    assert!(programs.score(&problem, &problem.answer).unwrap_err().to_string().contains("Python does not run here"));
}
