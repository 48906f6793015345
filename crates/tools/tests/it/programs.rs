//! Python that means well: what a program prints, and what it is worth.

use engine::Tool;
use tools::python::{Limits, Python};

use crate::{python, run};

#[test]
fn what_is_printed_and_the_last_value_are_the_answer() {
    for (program, answer) in [
        ("1 + 1", "2"),
        ("print('a')\nprint('b', 3)", "a\nb 3"),
        ("print('a', end='')\n'b'", "a\n'b'"),
        ("x = 3\nx", "3"),
        ("x = 3", "The program printed nothing."),
        ("None", "The program printed nothing."),
        ("", "The program printed nothing."),
        ("'strawberry'.count('r')", "3"),
        ("list('cat')[::-1]", "['t', 'a', 'c']"),
        ("12345678901234567890 * 98765432109876543210", "1219326311370217952237463801111263526900"),
        ("9.11 < 9.9", "True"),
        ("sum(n for n in range(101))", "5050"),
        ("import math\nmath.sqrt(2) > 1.41", "True"),
        ("import json\njson.dumps({'a': [1, 2]})", "'{\"a\": [1, 2]}'"),
        ("import re\nre.findall('[aeiou]', 'education')", "['e', 'u', 'a', 'i', 'o']"),
        ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)\nprint(f(20))", "2432902008176640000"),
        ("class A:\n    def __init__(self):\n        self.x = 2\nA().x", "2"),
        ("'äöü'.upper()", "'ÄÖÜ'"),
        ("print('')", "The program printed nothing."),
    ] {
        assert_eq!(run(program), answer, "{program}");
    }
}

#[test]
fn an_error_is_its_last_line_behind_what_was_printed() {
    for (program, answer) in [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("print('a')\nnothing", "a\nNameError: name 'nothing' is not defined"),
        ("print('a', end='')\n[][1]", "a\nIndexError: list index out of range"),
        ("raise ValueError('two\\nlines')", "ValueError: two lines"),
        ("assert 1 == 2, 'no'", "AssertionError: no"),
    ] {
        assert_eq!(run(program), answer, "{program}");
    }
    for program in ["def", "print('a'", "x = = 3", "if True:\nprint(1)"] {
        let answer = run(program);
        assert!(answer.starts_with("SyntaxError: ") && !answer.contains('\n'), "{program}: {answer}");
    }
}

#[test]
fn nothing_of_one_program_reaches_the_next() {
    assert_eq!(run("x = 3"), "The program printed nothing.");
    assert_eq!(run("x"), "NameError: name 'x' is not defined");
}

#[test]
fn a_tool_without_its_child_says_so() {
    let gone = Python::new("/nowhere/python-child", &[], Limits::default()).call("1");
    assert!(gone.text.starts_with("Python could not be started: "), "{gone:?}");
}

#[test]
fn many_programs_run_at_once() {
    let tool = python(Limits { wall_ms: 30_000, ..Limits::default() });
    std::thread::scope(|scope| {
        let calls: Vec<_> = (0..8)
            .map(|n| {
                (
                    n,
                    scope.spawn({
                        let tool = &tool;
                        move || tool.call(&format!("{n} * {n}")).text
                    }),
                )
            })
            .collect();
        for (n, call) in calls {
            assert_eq!(call.join().unwrap(), (n * n).to_string());
        }
    });
}
