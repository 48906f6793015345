//! Records in the two shapes that JSON data comes in: one object a line, or one array of objects.
//!
//! The first character tells which. Knows nothing of what a record means; one that is damaged costs itself alone.

use std::io::{BufReader, Bytes, Read};
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::{Error, Result, jsonl};

/// Reads records, gzip if the name ends in `.gz`. A damaged one is an error that names the file and the line, or the number of the
/// record in an array; reading goes on after it.
pub fn read_records<T: DeserializeOwned + 'static>(path: &Path) -> Result<Box<dyn Iterator<Item = Result<T>>>> {
    let mut bytes = BufReader::with_capacity(1 << 17, jsonl::open(path)?).bytes();
    // Some programs put U+FEFF before everything.
    let is_blank = |byte: &u8| byte.is_ascii_whitespace() || [0xEF, 0xBB, 0xBF].contains(byte);
    let first = bytes.find(|byte| !matches!(byte, Ok(byte) if is_blank(byte)));
    if !matches!(first, Some(Ok(b'['))) {
        return Ok(Box::new(jsonl::read_jsonl(path)?));
    }
    let mut array = Array { path: path.to_path_buf(), bytes, number: 0, ended: false };
    Ok(Box::new(std::iter::from_fn(move || {
        let element = array.next_element()?;
        let remedy = "mend or delete the record";
        Some(element.and_then(|text| {
            let damaged = |error: serde_json::Error| Error::damaged(&array.path, format!("record {}", array.number), plain(&error), remedy);
            serde_json::from_slice(&text).map_err(damaged)
        }))
    })))
}

/// The message without the place, which is one inside the record.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.clone(), |(message, _)| message.to_string())
}

/// An array, read element by element.
struct Array {
    path: PathBuf,
    bytes: Bytes<BufReader<Box<dyn Read>>>,
    /// Elements so far.
    number: usize,
    ended: bool,
}

impl Array {
    /// The text of the next element; nothing behind the last one.
    fn next_element(&mut self) -> Option<Result<Vec<u8>>> {
        if self.ended {
            return None;
        }
        self.number += 1;
        let mut element = Vec::new();
        let (mut depth, mut in_text, mut escaped) = (0usize, false, false);
        for byte in self.bytes.by_ref() {
            let byte = match byte {
                Ok(byte) => byte,
                Err(source) => {
                    self.ended = true;
                    return Some(Err(Error::io(&self.path, "read", source)));
                }
            };
            match byte {
                // No text of JSON holds a bare line break: a quote is missing, and the damage ends here.
                b'\n' => (in_text, escaped) = (false, false),
                _ if escaped => escaped = false,
                b'\\' if in_text => escaped = true,
                b'"' => in_text = !in_text,
                _ if in_text => {}
                b'[' | b'{' => depth += 1,
                b']' if depth == 0 => {
                    self.ended = true;
                    return (!element.trim_ascii().is_empty()).then_some(Ok(element));
                }
                b']' | b'}' => depth = depth.saturating_sub(1),
                b',' if depth == 0 => return Some(Ok(element)),
                _ => {}
            }
            element.push(byte);
        }
        self.ended = true;
        let place = format!("record {}", self.number);
        Some(Err(Error::damaged(&self.path, place, "the file ends before its list does", "fetch the file again")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn both_shapes_give_the_records_and_damage_costs_one() {
        let folder = crate::files::scratch("records");
        let check = |text: &str, expected: &[Value], damage: &[&str]| {
            let path = folder.join("rows.json");
            std::fs::write(&path, text).unwrap();
            let (mut found, mut told) = (Vec::new(), Vec::new());
            for row in read_records::<Value>(&path).unwrap() {
                match row {
                    Ok(row) => found.push(row),
                    Err(error) => told.push(error.to_string()),
                }
            }
            assert_eq!(found, expected, "{text}");
            assert_eq!(told.len(), damage.len(), "{text}: {told:?}");
            for (told, damage) in told.iter().zip(damage) {
                assert!(told.contains(damage), "{told}");
            }
        };
        let (a, b) = (json!({"a": [1, "],\"[{"]}), json!({"b": {"c": 2}}));
        check(&format!("{a}\n\n{b}\n"), &[a.clone(), b.clone()], &[]);
        check(&format!("[{a},\n {b}]"), &[a.clone(), b.clone()], &[]);
        check(&format!("\u{feff} [ {a} , {b} , ]\n"), &[a.clone(), b.clone()], &[]);
        check("[]", &[], &[]);
        check("", &[], &[]);
        check(&format!("[{{\"x\": 1 2}}, {b}]"), std::slice::from_ref(&b), &["record 1: expected `,` or `}`"]);
        check(&format!("[{{\"x\": \"y}},\n{b}]"), &[], &["record 1"]);
        check(&format!("[{{\"x\": \"y\n}},\n{b}]"), std::slice::from_ref(&b), &["record 1: control character"]);
        check(&format!("[{a}, {{\"b\": "), std::slice::from_ref(&a), &["record 2: the file ends before its list does"]);
        check(&format!("{a}\n{{\"b\": \n{b}"), &[a.clone(), b.clone()], &["line 2"]);
    }
}
