//! Python problems with a scripted sandbox: what goes in, and what is paid for what comes out. The real one is tried where the binary is.

use engine::ToolOutput;

use super::*;

/// A sandbox that is a function of the program.
struct Scripted<F>(F);

impl<F: Fn(&str) -> String + Send + Sync> Tool for Scripted<F> {
    fn call(&self, input: &str) -> ToolOutput {
        ToolOutput::text((self.0)(input))
    }
}

fn programs(sandbox: impl Fn(&str) -> String + Send + Sync + 'static) -> Programs {
    Programs::built_in(Arc::new(Scripted(sandbox)))
}

/// The calls of the harness, each with the beginning of the line that it prints.
fn calls(program: &str) -> Vec<(String, String)> {
    let line = |line: &str| {
        let (mark, call) = line.strip_prefix("print(\"\\n")?.split_once("\" + repr(")?;
        Some((mark.to_owned(), call.strip_suffix("))")?.to_owned()))
    };
    program.lines().filter_map(line).collect()
}

/// A problem whose calls should give 4, true and a list.
fn problem() -> Problem {
    let tests = json!([
        {"call": "f(2)", "expected": 4},
        {"call": "f(0)", "expected": true},
        {"call": "f('a')", "expected": ["a", [1, null]]},
    ]);
    let environment = programs(|_| String::new());
    Problem { metadata: json!({ "tests": tests }), ..environment.problem(1, 0, 1, Split::Train) }
}

const RIGHT: [&str; 3] = ["4", "True", "('a', [1, None])"];

/// What a harness prints whose calls give these values.
fn told(program: &str, values: &[&str]) -> String {
    calls(program).iter().zip(values).map(|((mark, _), value)| format!("\n{mark}{value}\n")).collect()
}

#[track_caller]
fn paid(sandbox: impl Fn(&str) -> String + Send + Sync + 'static, answer: &str, expected: f64) {
    let sandbox = move |program: &str| if program == "print(6 * 7)" { "42".to_owned() } else { sandbox(program) };
    assert_eq!(programs(sandbox).score(&problem(), answer).unwrap(), expected, "{answer}");
}

#[test]
fn all_calls_must_give_what_they_should() {
    paid(|program| told(program, &RIGHT), "def f(x): ...", 1.0);
    paid(|program| format!("hello\n{}bye", told(program, &RIGHT)), "def f(x): ...", 1.0);
    paid(|program| told(program, &["4", "True", "['a', (1, None)]"]), "def f(x): ...", 1.0);
    for wrong in
        [["5", "True", RIGHT[2]], ["4", "1", RIGHT[2]], ["4", "True", "['a', [1]]"], ["4", "True", "'a', [1, None]"], ["4", "True", ""]]
    {
        paid(move |program| told(program, &wrong), "def f(x): ...", 0.0);
    }
    paid(|program| told(program, &RIGHT[..2]), "it stops before the last call", 0.0);
    paid(|_| "TimeoutError: the program ran longer than 2 s".into(), "while True: pass", 0.0);
}

#[test]
fn the_answer_stands_before_its_calls_and_what_they_should_give_nowhere() {
    let seen = std::sync::Mutex::new(String::new());
    let seen = Arc::new(seen);
    let kept = seen.clone();
    paid(
        move |program| {
            *kept.lock().unwrap() = program.to_owned();
            told(program, &RIGHT)
        },
        "<think>f(2) is 4</think>Here it is:\n```python\ndef f(x):\n    return 7\n```\nDone.",
        1.0,
    );
    let program = seen.lock().unwrap();
    assert!(program.starts_with("def f(x):\n    return 7\n\nprint("), "{program}");
    let asked: Vec<String> = calls(&program).into_iter().map(|(_, call)| call).collect();
    assert_eq!(asked, ["f(2)", "f(0)", "f('a')"]);
    assert!(!program.contains("4\n") && !program.contains("True") && !program.contains("None"), "{program}");
}

/// What a program could print to be paid without computing anything, if it knew the marks or guessed them.
#[test]
fn forged_output_is_worth_nothing() {
    // Lines of its own beside the harness's, before and behind, even with the right mark.
    paid(|program| format!("{}{}", told(program, &RIGHT), told(program, &["4"])), "twice", 0.0);
    paid(|program| format!("{}{}", told(program, &["4"]), told(program, &RIGHT)), "before", 0.0);
    // Another order, and values on the lines of others.
    let swapped = |program: &str| {
        let calls = calls(program);
        format!("{}{}\n{}{}\n{}{}\n", calls[1].0, RIGHT[1], calls[0].0, RIGHT[0], calls[2].0, RIGHT[2])
    };
    paid(swapped, "swapped", 0.0);
    // Marks of another answer: they depend on the answer.
    let other = nonce(&problem(), "another answer");
    paid(move |_| (0..3).map(|i| format!("{other} {i} {}\n", RIGHT[i])).collect(), "replayed", 0.0);
    paid(|_| "passed\nok\nall tests passed\n0 4\n1 True".into(), "print('passed')", 0.0);
    // A line that goes on behind its value.
    paid(|program| told(program, &["4 or 5", "True", RIGHT[2]]), "several", 0.0);
}

#[test]
fn a_program_is_one_block_or_all_of_the_answer() {
    for (answer, expected) in [
        ("def f(): pass", Some("def f(): pass")),
        ("```\na = 1\n\nb = 2\n```", Some("a = 1\n\nb = 2")),
        ("Look:\n  ```py\na\n  ```\n", Some("a")),
        ("<think>```python\nx\n```</think>```python\na\n```", Some("a")),
        ("```python\na\n```\n```python\nb\n```", None),
        ("```python\na", None),
        ("```rust\na\n```", None),
        ("```python\na\n```python\nb\n```", None),
        ("<think>a", None),
        ("a</think>", None),
    ] {
        assert_eq!(program_of(answer).as_deref(), expected, "{answer}");
    }
    assert_eq!(program_of(&"```\n".repeat(100_001)), None);
}

#[test]
fn a_sandbox_that_is_not_there_makes_no_answer_wrong() {
    let error = programs(|_| "Python is not built into this program.".into()).score(&problem(), "def f(x): ...").unwrap_err();
    assert!(error.to_string().contains("Python does not run here"), "{error}");
}

#[test]
fn made_problems_have_calls_that_tell_functions_apart() {
    let environment = programs(|_| String::new());
    let mut functions = std::collections::BTreeSet::new();
    for (split, level, index) in Split::ALL.into_iter().flat_map(|s| (1..=3).flat_map(move |l| (0..60).map(move |i| (s, l, i)))) {
        let problem = environment.problem(1, index, level, split);
        let tests = tests_of(&problem).unwrap();
        let name = problem.answer.strip_prefix("def ").and_then(|rest| rest.split('(').next()).unwrap().to_owned();
        assert!(problem.question.contains(&format!("function {name}(")), "{}", problem.question);
        assert!(tests.len() >= 6 && tests.iter().all(|test| test.call.starts_with(&name)));
        let expected: Vec<String> = tests.iter().map(|test| test.expected.to_string()).collect();
        assert!(expected.iter().any(|value| *value != expected[0]), "one constant passes all tests of {}", problem.question);
        assert_eq!(Split::of(problem.metadata["key"].as_str().unwrap()), split);
        functions.insert(name);
    }
    assert_eq!(functions.len(), 10, "{functions:?}");
}

#[test]
fn problems_of_a_file_bring_their_tests() {
    let path = std::env::temp_dir().join(format!("schoolhouse-programs-{}.jsonl", std::process::id()));
    let sandbox = || Arc::new(Scripted(|program: &str| told(program, &["2", "3"])));
    let line = |split: &str, tests: &str| format!("{{\"question\": \"Add one ({split}).\", \"split\": \"{split}\", \"tests\": {tests}}}\n");
    let good = r#"[{"call": "f(1)", "expected": 2}, {"call": "f(2)", "expected": 3}]"#;
    std::fs::write(&path, line("train", good) + &line("test", good)).unwrap();
    let found = super::super::read(&path, None, Some(sandbox())).unwrap().environment;
    assert_eq!((found.name(), found.levels(), found.count(1, Split::Test)), (NAME, 1, Some(1)));
    let problem = found.problem(1, 0, 1, Split::Test);
    assert_eq!(found.score(&problem, "def f(x): return x + 1").unwrap(), 1.0);
    // As the environment writes its problems, so they are read again.
    std::fs::write(&path, [Split::Train, Split::Test].map(|s| json!(found.problem(1, 0, 1, s)).to_string()).join("\n")).unwrap();
    assert_eq!(Programs::read(&path, sandbox()).unwrap().problem(1, 0, 1, Split::Test), problem);

    let many = format!("[{}]", [r#"{"call": "f(1)", "expected": 2}"#; MAX_TESTS + 1].join(","));
    for (tests, expected) in [
        ("[]", "it has 0 tests, and should have 1 to 64"),
        (many.as_str(), "it has 65 tests"),
        (r#"[{"call": "f(1)\nprint(1)", "expected": 2}]"#, "a call is longer than 1000 bytes, or than one line"),
        (r#"[{"call": "f(1)", "expected": [123456789012345678901234567890]}]"#, "is too large to be told exactly"),
    ] {
        std::fs::write(&path, line("train", good) + &line("test", tests)).unwrap();
        let error = Programs::read(&path, sandbox()).err().unwrap().to_string();
        assert!(error.contains(expected) && error.contains("damaged at the problem schoolhouse-programs-"), "{error}");
    }
    std::fs::write(&path, line("train", good) + "{\"question\": \"A?\", \"answer\": 1, \"split\": \"test\"}").unwrap();
    assert!(Programs::read(&path, sandbox()).err().unwrap().to_string().contains("its tests are none"));
    std::fs::remove_file(&path).unwrap();
}
