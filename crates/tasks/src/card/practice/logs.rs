//! The logs of a stage as they are: read with bounds, line by line. A line that is damaged, torn or strange costs itself, a missing log is
//! empty. Knows rows and steps, and not what is measured in them.

use std::fs::File;
use std::io::Read;
use std::ops::RangeInclusive;
use std::path::Path;

use serde_json::{Map, Value};

use super::Curve;

/// Bytes of a log that are read: those of some ten thousand steps.
const MOST_BYTES: u64 = 32 << 20;

/// A line: a JSON object with a step.
pub struct Row {
    /// Steps done.
    pub step: u64,
    values: Map<String, Value>,
}

impl Row {
    /// A number within bounds; what lies outside of them was not measured.
    pub fn number(&self, key: &str, bounds: &RangeInclusive<f64>) -> Option<f64> {
        self.values.get(key)?.as_f64().filter(|number| bounds.contains(number))
    }

    /// A text.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.values.get(key)?.as_str()
    }

    /// The names of what it holds.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }
}

/// The rows of a log in the order of the file.
pub fn rows(path: &Path) -> Vec<Row> {
    let mut bytes = Vec::new();
    // A pipe would be waited for.
    let file = path.metadata().ok().filter(|file| file.is_file()).and_then(|_| File::open(path).ok());
    let read = file.and_then(|file| file.take(MOST_BYTES).read_to_end(&mut bytes).ok());
    let lines = read.iter().flat_map(|_| bytes.split(|&byte| byte == b'\n'));
    lines
        .filter_map(|line| {
            let values: Map<String, Value> = serde_json::from_slice(line).ok()?;
            Some(Row { step: values.get("step")?.as_u64()?, values })
        })
        .collect()
}

/// The rows of a log of one row a step, by ascending steps: a step that is logged again was done again, and what was logged behind it is
/// no more.
pub fn steps(path: &Path) -> Vec<Row> {
    let mut ascending: Vec<Row> = Vec::new();
    for row in rows(path) {
        while ascending.last().is_some_and(|last| last.step >= row.step) {
            ascending.pop();
        }
        ascending.push(row);
    }
    ascending
}

/// A value at the steps that have it.
pub fn curve(rows: &[Row], key: &str, bounds: &RangeInclusive<f64>) -> Curve {
    rows.iter().filter_map(|row| Some((row.step, row.number(key, bounds)?))).collect()
}
