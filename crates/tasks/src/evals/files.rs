//! Task files as they are published: what is asked, and what is right. Each format is told from its keys. Knows no model
//! and no prompt; a damaged record costs that record.

use std::path::{Path, PathBuf};

use base::{files, jsonl};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::csv;
use crate::Result;

/// What a file's records are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// In-context-learning files of llm-foundry and DCLM: `query`, `choices`, `gold`.
    MultipleChoice,
    /// The same, where beginnings are to be chosen from: `context_options`, `continuation`, `gold`.
    Schema,
    /// The same, where one continuation is right: `context`, `continuation`.
    LanguageModeling,
    /// The AI2 Reasoning Challenge as Hugging Face has it: `question`, `choices` with `text` and `label`, `answerKey`.
    Arc,
    /// MMLU: `question`, four `choices` (or `A` to `D`) and `answer`, or six columns without a header.
    Mmlu,
    /// GSM8K: `question`, and an `answer` that ends with `#### 72`.
    Gsm8k,
}

impl Format {
    /// Its name in tables and reports.
    pub fn name(self) -> &'static str {
        match self {
            Format::MultipleChoice => "multiple_choice",
            Format::Schema => "schema",
            Format::LanguageModeling => "language_modeling",
            Format::Arc => "arc",
            Format::Mmlu => "mmlu",
            Format::Gsm8k => "gsm8k",
        }
    }
}

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub enum Example {
    /// Which choice goes on?
    Choice {
        /// What stands before.
        query: String,
        /// At least two.
        choices: Vec<String>,
        /// The right one.
        gold: usize,
    },
    /// Which beginning belongs to the continuation?
    Schema {
        /// At least two.
        contexts: Vec<String>,
        /// What goes on.
        continuation: String,
        /// The right beginning.
        gold: usize,
    },
    /// How does it go on?
    Language {
        /// What stands before.
        context: String,
        /// The right continuation.
        continuation: String,
    },
    /// What is the number?
    Problem {
        /// A question in words.
        question: String,
        /// A solution that ends with `####` and the number.
        solution: String,
    },
}

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskFile {
    /// Where it is.
    pub path: PathBuf,
    /// What its records are.
    pub format: Format,
    /// What they are about, where a file of MMLU is about one thing.
    pub subject: Option<String>,
    /// What could be read, in order; at least one.
    pub examples: Vec<Example>,
    /// One sentence for each damaged record.
    pub damaged: Vec<String>,
}

impl TaskFile {
    /// The file's name without its endings.
    pub fn stem(&self) -> &str {
        let name = self.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let name = name.strip_suffix(".gz").unwrap_or(name);
        name.rsplit_once('.').map_or(name, |(stem, _)| stem)
    }
}

/// What the keys of a record may be, for whoever brings others.
const KNOWN: &str = "query, choices, gold (multiple choice); context_options, continuation, gold (schema); context, continuation \
                     (language modelling); question, answer with #### (GSM8K); question, choices or A to D, answer (MMLU); question, \
                     choices, answerKey (ARC)";

/// Reads a file: JSON lines (`.gz` too), a JSON list, or CSV.
///
/// # Errors
/// Where it cannot be read, and where none of its records is of a known format.
pub fn read(path: &Path) -> Result<TaskFile> {
    let mut examples: Vec<Example> = Vec::new();
    let mut subjects: Vec<Option<String>> = Vec::new();
    let mut damaged = Vec::new();
    let mut format = None;
    for (number, row) in (1..).zip(rows(path)?) {
        let parsed = row.and_then(|row| {
            let parsed = parse(&row).and_then(|(found, example)| match *format.get_or_insert(found) {
                first if first == found => Ok(example),
                first => Err(format!("it is of the format {}, and the records before it are {}", found.name(), first.name())),
            });
            match parsed {
                Ok(example) => Ok((example, row)),
                Err(why) => Err(format!("record {number}: {why}")),
            }
        });
        match parsed {
            Ok((example, row)) => {
                examples.push(example);
                subjects.push(row["subject"].as_str().map(|subject| subject.replace('_', " ")));
            }
            Err(why) => damaged.push(why),
        }
    }
    let Some(format) = format else {
        let why = damaged.into_iter().next().unwrap_or_else(|| "it holds no records".to_owned());
        let remedy = format!("give a file whose records have the keys {KNOWN}");
        return Err(base::Error::damaged(path, "its records", why, remedy).into());
    };
    subjects.dedup();
    let subject = if format == Format::Mmlu && subjects.len() == 1 { subjects.remove(0) } else { None };
    Ok(TaskFile { path: path.to_path_buf(), format, subject, examples, damaged })
}

/// The records of a file, or what is wrong with them.
fn rows(path: &Path) -> Result<Vec<std::result::Result<Value, String>>> {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_lowercase();
    if ending == "csv" {
        return Ok(csv_rows(path, &files::read_text(path)?));
    }
    if ending == "json" && files::read_bytes(path)?.trim_ascii_start().starts_with(b"[") {
        return Ok(files::read_json::<Vec<Value>>(path)?.into_iter().map(Ok).collect());
    }
    let mut rows = Vec::new();
    for row in jsonl::read_jsonl::<Value>(path)? {
        match row {
            Err(base::Error::Damaged { place, why, .. }) => rows.push(Err(format!("{place}: {why}"))),
            row => rows.push(Ok(row?)),
        }
    }
    Ok(rows)
}

/// The rows of a CSV file as records. Six columns are MMLU's: it has no header, and the subject stands in the file's name.
fn csv_rows(path: &Path, text: &str) -> Vec<std::result::Result<Value, String>> {
    let mut rows = csv::records(text);
    let has_header = rows.first().is_some_and(|row| row.iter().any(|cell| cell == "question"));
    let header: Vec<String> = match has_header {
        true => rows.remove(0),
        false => ["question", "A", "B", "C", "D", "answer"].map(str::to_owned).to_vec(),
    };
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
    let subject = ["_test", "_dev", "_val"].into_iter().find_map(|split| stem.strip_suffix(split));
    let record = |row: Vec<String>| {
        if row.len() != header.len() {
            let (n, columns) = (row.len(), header.len());
            return Err(format!("the row that begins with {:?} has {n} columns of {columns}", shortened(row.first())));
        }
        let mut record: serde_json::Map<String, Value> = header.iter().cloned().zip(row.into_iter().map(Value::String)).collect();
        if let (Some(subject), false) = (subject, record.contains_key("subject")) {
            record.insert("subject".to_owned(), subject.into());
        }
        Ok(Value::Object(record))
    };
    rows.into_iter().map(record).collect()
}

fn shortened(cell: Option<&String>) -> String {
    cell.map(|cell| cell.chars().take(30).collect()).unwrap_or_default()
}

/// What a record is, and what it says.
fn parse(row: &Value) -> std::result::Result<(Format, Example), String> {
    let has = |key: &str| !row[key].is_null();
    let letters = ["A", "B", "C", "D"];
    if has("context_options") {
        let contexts = texts(row, "context_options")?;
        let gold = place(row, "gold", contexts.len())?;
        return Ok((Format::Schema, Example::Schema { contexts, continuation: filled(row, "continuation")?, gold }));
    }
    if has("query") && has("choices") {
        let choices = texts(row, "choices")?;
        let gold = place(row, "gold", choices.len())?;
        return Ok((Format::MultipleChoice, Example::Choice { query: text(row, "query")?, choices, gold }));
    }
    if has("context") && has("continuation") {
        return Ok((
            Format::LanguageModeling,
            Example::Language { context: text(row, "context")?, continuation: filled(row, "continuation")? },
        ));
    }
    if has("question") && has("answerKey") {
        let (choices, labels) = (texts(&row["choices"], "text")?, texts(&row["choices"], "label")?);
        let gold = labels.iter().position(|label| row["answerKey"] == label.as_str());
        let gold = gold.filter(|&gold| gold < choices.len()).ok_or("\"answerKey\" is none of the labels")?;
        return Ok((Format::Arc, Example::Choice { query: format!("Question: {}", text(row, "question")?), choices, gold }));
    }
    if has("question") && (has("choices") || letters.iter().all(|letter| has(letter))) {
        let choices = match has("choices") {
            true => texts(row, "choices")?,
            false => letters.iter().map(|letter| text(row, letter)).collect::<std::result::Result<_, _>>()?,
        };
        let labels: Vec<String> = ('A'..='Z').take(choices.len()).map(String::from).collect();
        let letter = row["answer"].as_str().map(str::trim);
        let gold = match labels.iter().position(|label| letter == Some(label)) {
            Some(gold) => gold,
            None => place(row, "answer", labels.len())?,
        };
        let options: String = labels.iter().zip(&choices).map(|(label, choice)| format!("\n{label}. {choice}")).collect();
        return Ok((Format::Mmlu, Example::Choice { query: text(row, "question")? + &options, choices: labels, gold }));
    }
    if row["answer"].as_str().is_some_and(|answer| answer.contains("####")) {
        let solution = text(row, "answer")?;
        if super::gsm8k::number(&solution).is_none() {
            return Err("no number stands behind \"####\" in \"answer\"".to_owned());
        }
        return Ok((Format::Gsm8k, Example::Problem { question: text(row, "question")?, solution }));
    }
    if has("prompt") && has("test") && has("entry_point") {
        return Err(
            "it is one of HumanEval's, which are graded by running what a model wrote; there is no sandbox for that here".to_owned()
        );
    }
    let keys: Vec<&str> = row.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    Err(format!("its keys are of no known format: {}", keys.join(", ")))
}

fn text(row: &Value, key: &str) -> std::result::Result<String, String> {
    row[key].as_str().map(str::to_owned).ok_or_else(|| format!("{key:?} is not a text"))
}

/// A text that says something.
fn filled(row: &Value, key: &str) -> std::result::Result<String, String> {
    text(row, key).and_then(|text| if text.trim().is_empty() { Err(format!("{key:?} is empty")) } else { Ok(text) })
}

/// At least two texts, none of them empty.
fn texts(row: &Value, key: &str) -> std::result::Result<Vec<String>, String> {
    let list = row[key].as_array().ok_or_else(|| format!("{key:?} is not a list"))?;
    let texts: Vec<String> = list.iter().filter_map(|text| text.as_str().map(str::to_owned)).collect();
    match texts.len() == list.len() && texts.len() >= 2 && texts.iter().all(|text| !text.is_empty()) {
        true => Ok(texts),
        false => Err(format!("{key:?} is not a list of at least two texts")),
    }
}

/// The number of the right one of `n`, from 0.
fn place(row: &Value, key: &str, n: usize) -> std::result::Result<usize, String> {
    let place = row[key].as_u64().filter(|&place| place < n as u64);
    place.map(|place| place as usize).ok_or_else(|| format!("{key:?} is {}, and there are {n} to choose from", row[key]))
}
