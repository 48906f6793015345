//! `funnel.json`: what each filter kept and dropped, and why.
//!
//! Counts and names only; it holds no times, so it is the same in every run.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde::{Deserialize, Serialize};

use crate::Reason;

/// The way of a whole input through the filters.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Funnel {
    /// `fineweb` or `minimal`, or both where some inputs pass one and some the other: `fineweb + minimal`.
    pub profile: String,
    /// What was read.
    pub input: Input,
    /// The filters in their order.
    pub steps: Vec<Step>,
    /// How the language was told.
    pub language: LanguageModel,
    /// Texts by the language that was found, of those that came so far.
    #[serde(default)]
    pub languages: BTreeMap<String, u64>,
    /// Characters of the documents that passed the filters, duplicates among them.
    #[serde(default)]
    pub kept_characters: Histogram,
    /// Characters of the texts that were dropped behind extraction, duplicates not among them.
    #[serde(default)]
    pub dropped_characters: Histogram,
    /// What was written.
    pub output: Output,
}

/// What was read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Input {
    /// Files.
    pub files: u64,
    /// Records of WARC files, lines of JSON, rows of Parquet, text files; damaged ones too.
    pub records: u64,
    /// Bytes of the files as they are stored.
    pub bytes: u64,
}

/// One filter's counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The filter.
    pub name: String,
    /// Pages that passed it, and those whose profile does not ask for it: what goes on to the next filter.
    pub kept: u64,
    /// Pages that it dropped.
    pub dropped: u64,
    /// Bytes of what passed: of HTML before extraction, of text behind it.
    pub kept_bytes: u64,
    /// The drops by reason.
    pub reasons: BTreeMap<String, u64>,
}

/// Counts by powers of two: place k counts the numbers from 2^k up to 2^(k+1), place 0 also 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Histogram(pub Vec<u64>);

impl Histogram {
    /// Counts a number.
    pub fn add(&mut self, number: usize) {
        let place = number.max(1).ilog2() as usize;
        self.0.resize(self.0.len().max(place + 1), 0);
        self.0[place] += 1;
    }

    /// Adds the counts of another one.
    pub fn add_all(&mut self, other: &Histogram) {
        self.0.resize(self.0.len().max(other.0.len()), 0);
        self.0.iter_mut().zip(&other.0).for_each(|(own, n)| *own += n);
    }
}

/// How the language was told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LanguageModel {
    /// The detector and its version.
    pub model: String,
    /// Least score for a language to be believed.
    pub threshold: f64,
}

/// What was written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Output {
    /// Documents.
    pub documents: u64,
    /// Bytes of their texts.
    pub bytes: u64,
}

impl Step {
    /// Counts a page that passed.
    pub fn keep(&mut self, bytes: u64) {
        self.kept += 1;
        self.kept_bytes += bytes;
    }

    /// Counts a page that was dropped.
    pub fn drop(&mut self, reason: Reason) {
        self.dropped += 1;
        *self.reasons.entry(reason.0.to_string()).or_default() += 1;
    }

    /// Adds the counts of another part of the input.
    pub fn add(&mut self, other: &Step) {
        self.kept += other.kept;
        self.dropped += other.dropped;
        self.kept_bytes += other.kept_bytes;
        for (reason, n) in &other.reasons {
            *self.reasons.entry(reason.clone()).or_default() += n;
        }
    }
}

impl Funnel {
    /// A table for people: a line for each filter, and below it the reasons, most frequent first.
    pub fn table(&self) -> String {
        let mut out = String::new();
        let Input { files, records, bytes } = self.input;
        let _ = writeln!(out, "profile {}: {files} files, {records} records, {}", self.profile, in_bytes(bytes));
        let _ = writeln!(out, "{:<20} {:>9} {:>9} {:>8} {:>10}", "filter", "kept", "dropped", "dropped%", "kept bytes");
        for step in &self.steps {
            let all = (step.kept + step.dropped).max(1);
            let share = 100.0 * step.dropped as f64 / all as f64;
            let _ = writeln!(out, "{:<20} {:>9} {:>9} {share:>7.1}% {:>10}", step.name, step.kept, step.dropped, in_bytes(step.kept_bytes));
            let mut reasons: Vec<(&String, &u64)> = step.reasons.iter().filter(|(reason, _)| **reason != step.name).collect();
            reasons.sort_by_key(|&(name, count)| (std::cmp::Reverse(*count), name));
            for (reason, count) in reasons {
                let rule = reason.split_once('/').map_or(reason.as_str(), |(_, rule)| rule);
                let _ = writeln!(out, "  {rule:<28} {count:>9}");
            }
        }
        let _ = writeln!(out, "{} documents, {} of text", self.output.documents, in_bytes(self.output.bytes));
        out
    }
}

/// `1.5 MB`; decimal units, as file sizes are given.
pub(crate) fn in_bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}
