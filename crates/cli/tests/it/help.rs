//! The whole help as one text, so that a change of the command line is seen in review.

use std::path::Path;

use crate::support::{answer, schoolhouse};

/// Set to write the help as it is now.
const BLESS: &str = "SCHOOLHOUSE_BLESS";

#[test]
fn the_help_is_as_it_was() {
    let mut text = String::new();
    collect(&[], &mut text);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/help.txt");
    if std::env::var_os(BLESS).is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    if let Some((number, (now, then))) = text.lines().zip(expected.lines()).enumerate().find(|(_, (now, then))| now != then) {
        panic!("line {} of the help is {now:?} and was {then:?}; if that is meant, run again with {BLESS}=1", number + 1);
    }
    assert_eq!(text.lines().count(), expected.lines().count(), "the help grew or shrank; if that is meant, run again with {BLESS}=1");
}

/// The help of a command and of all commands below it.
fn collect(path: &[&str], text: &mut String) {
    let help = answer(schoolhouse().args(path).arg("--help")).stdout;
    text.push_str(&format!("$ schoolhouse {}\n", [path, &["--help"]].concat().join(" ")));
    text.push_str(&format!("{help}\n"));
    let commands = help.split_once("Commands:\n").map_or("", |(_, after)| after.split("\n\n").next().unwrap_or_default());
    for line in commands.lines() {
        // A line of a command is indented by two; the rest of a long description by more.
        if let Some(name) = line.strip_prefix("  ").filter(|line| !line.starts_with(' ')).and_then(|line| line.split(' ').next()) {
            collect(&[path, &[name]].concat(), text);
        }
    }
}

#[test]
fn a_misspelt_command_or_option_is_answered_with_the_nearest() {
    let misspelt = answer(schoolhouse().args(["rum", "smoke"]));
    assert_eq!(misspelt.code, Some(2));
    assert!(misspelt.stderr.contains("similar subcommand exists: 'run'"), "{}", misspelt.stderr);
}
