//! Words, sentences and verdicts against the originals': tests/golden/filters.json, which scripts/golden/datatrove_filters.py
//! wrote with datatrove 0.10 and spaCy 3.8.

use corpus::words::{count_sentences, split_words};
use corpus::{Reason, c4, fineweb, gopher_quality, gopher_repetition, text};
use serde_json::Value;

fn golden() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/filters.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

fn name(verdict: Result<(), Reason>) -> &'static str {
    verdict.map_or_else(|reason| reason.0.split('/').nth(1).unwrap(), |()| "keep")
}

#[test]
fn strings_are_pythons() {
    let golden = golden();
    for row in golden["strings"]["split"].as_array().unwrap() {
        let string = row[0].as_str().unwrap();
        assert_eq!(text::splitlines(string), list(&row[1]), "{string:?}");
        assert_eq!(text::strip(string), row[2].as_str().unwrap(), "{string:?}");
        assert_eq!(text::split(string).collect::<Vec<_>>(), list(&row[3]), "{string:?}");
    }
    for (key, expected) in [("letters", true), ("others", false)] {
        for c in golden["strings"][key].as_str().unwrap().chars() {
            assert_eq!(text::is_alpha(c), expected, "{c:?}");
        }
    }
}

#[test]
fn hard_words_are_spacys() {
    let golden = golden();
    let rows = golden["words"].as_array().unwrap();
    assert!(rows.len() > 300);
    for row in rows {
        assert_eq!(split_words(row[0].as_str().unwrap()), list(&row[1]), "{}", row[0]);
    }
}

#[test]
fn verdicts_are_datatroves() {
    let golden = golden();
    let rows = golden["texts"].as_array().unwrap();
    assert!(rows.len() > 90);
    for row in rows {
        let text = row["text"].as_str().unwrap();
        let words = list(&row["words"]);
        assert_eq!(split_words(text), words, "{text:?}");
        for (line, expected) in row["sentences"].as_object().unwrap() {
            assert_eq!(count_sentences(line, &split_words(line)) as u64, expected.as_u64().unwrap(), "{line:?}");
        }
        let expect = |filter: &str, verdict: Result<(), Reason>| {
            // The original divides by the length of an empty text; ours leaves it to the next filter.
            if row[filter] != "error" {
                assert_eq!(name(verdict), row[filter], "{filter}: {text:?}");
            }
        };
        expect("gopher_repetition", gopher_repetition::check(text, &words));
        expect("gopher_quality", gopher_quality::check(text, &words, gopher_quality::stop_words("en")));
        expect("fineweb", fineweb::check(text));
        let rewritten = c4::rewrite(text);
        expect("c4", rewritten.as_ref().map(|_| ()).map_err(|reason| *reason));
        assert_eq!(rewritten.as_ref().ok().map(String::as_str), row["rewritten"].as_str(), "{text:?}");
        // Words that are there already, as slices of the text, change nothing but the time.
        let again = c4::rewrite_words(text, &split_words(text));
        assert_eq!(again.as_ref().map(|left| &left.text), rewritten.as_ref());
        if let Ok(left) = again {
            assert_eq!(left.n_words, split_words(&left.text).len(), "{text:?}");
            expect("c4+fineweb", fineweb::check_counted(&left.text, || left.n_words));
        }
    }
}
