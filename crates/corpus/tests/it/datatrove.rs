//! What datatrove makes of the same texts, by scripts/golden/datatrove_minhash.py.

use std::path::Path;

use corpus::{minhash, pii};
use serde_json::Value;

fn rows(name: &str) -> Vec<Value> {
    let path = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/datatrove.json"));
    let golden: Value = base::files::read_json(path).unwrap();
    golden[name].as_array().unwrap().clone()
}

#[test]
fn texts_are_simplified_alike() {
    for row in rows("simplified") {
        let text = row["text"].as_str().unwrap();
        assert_eq!(minhash::simplify(text), row["simple"].as_str().unwrap(), "{text:?}");
    }
}

#[test]
fn signatures_are_equal_bit_for_bit() {
    for row in rows("signatures") {
        let words: Vec<&str> = row["words"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
        let expected: Vec<u64> = row["signature"].as_array().unwrap().iter().map(|hash| hash.as_u64().unwrap()).collect();
        assert_eq!(minhash::signature(&words).unwrap().0[..], expected, "{words:?}");
    }
}

/// Whether a text holds a dotted number that the original tears: more than four parts, or one above 255.
fn holds_torn_number(text: &str) -> bool {
    text.split(|c: char| !(c.is_ascii_digit() || c == '.')).flat_map(|run| run.split("..")).any(|run| {
        let parts: Vec<&str> = run.trim_matches('.').split('.').collect();
        parts.len() > 4 || (parts.len() == 4 && parts.iter().any(|part| part.parse::<u64>().is_ok_and(|value| value > 255)))
    })
}

#[test]
fn personal_data_is_replaced_alike() {
    let mut torn = 0;
    for row in rows("replaced") {
        let (text, expected) = (row["text"].as_str().unwrap(), row["replaced"].as_str().unwrap());
        let replaced = pii::replace(text).0;
        if holds_torn_number(text) {
            torn += usize::from(replaced != expected);
        } else {
            assert_eq!(replaced, expected, "{text:?}");
        }
    }
    assert!(torn > 5, "{torn}");
}
