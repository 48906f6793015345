//! The report card: `report.json` as a table of models side by side, and what they wrote.
//!
//! What is measured, and what it is called, stands in `tasks::card`; here it only becomes rows.

use std::path::Path;

use serde::Serialize;
use tasks::card::{Measured, measured};
use tasks::stats::Rate;

use super::files;

/// Characters of a text that a model wrote.
const TEXT_CHARACTERS: usize = 2000;
/// The version of `report.json` that is read.
const VERSION: u32 = 1;

/// The card as a table.
#[derive(Debug, PartialEq, Serialize)]
pub struct Card {
    /// The columns: `base`, `sft`, `assistant`, `rl`.
    models: Vec<String>,
    rows: Vec<Row>,
    /// What the last model that answers in conversations answered to fixed prompts.
    answers: Vec<Answer>,
    /// Stories, by model.
    stories: Vec<(String, Vec<String>)>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Row {
    section: String,
    name: String,
    /// Whether it belongs into the short table.
    leads: bool,
    cells: Vec<Option<Cell>>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Cell {
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate: Option<Rate>,
}

#[derive(Debug, PartialEq, Serialize)]
struct Answer {
    shows: String,
    prompt: String,
    samples: Vec<String>,
}

/// The card of a run, none where it is not written yet.
pub fn read(folder: &Path) -> Result<Option<Card>, String> {
    let Some(card) = files::json::<tasks::card::Card>(&folder.join("report.json"))? else { return Ok(None) };
    if card.version != VERSION {
        return Err(format!(
            "report/report.json is of version {}, and this program reads {VERSION}; make it anew with --redo report",
            card.version
        ));
    }
    let (models, rows) = measured(&card.models);
    let prompts = card.assistant().map(|model| &model.prompts[..]).unwrap_or_default();
    let answer = |shown: &tasks::card::Shown| Answer {
        shows: clipped(&shown.shows),
        prompt: clipped(&shown.prompt),
        samples: shown.samples.iter().take(2).map(|text| clipped(text)).collect(),
    };
    let stories = models.iter().filter_map(|name| Some(((*name).to_string(), &card.models.get(*name)?.stories)));
    Ok(Some(Card {
        rows: rows.into_iter().map(row).collect(),
        answers: prompts.iter().filter(|shown| !shown.samples.is_empty()).map(answer).collect(),
        stories: stories.map(|(name, told)| (name, told.iter().map(|text| clipped(text)).collect())).collect(),
        models: models.into_iter().map(str::to_string).collect(),
    }))
}

fn row(Measured { name, leads, cells }: Measured) -> Row {
    let (section, rest) = match name.split_once(": ") {
        Some(parts) => parts,
        None if name.starts_with("honesty") => ("honesty", &*name),
        None => ("made up", &*name),
    };
    let cell = |cell: tasks::card::Cell| Cell { text: cell.text, rate: cell.rate };
    Row { section: section.to_string(), name: rest.to_string(), leads, cells: cells.into_iter().map(|c| c.map(cell)).collect() }
}

fn clipped(text: &str) -> String {
    text.chars().take(TEXT_CHARACTERS).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::school::tests::{report, scratch, write};

    #[test]
    fn a_card_is_a_table_of_its_models() {
        let folder = scratch("card").join("report");
        assert_eq!(read(&folder), Ok(None));
        write(&folder.join("report.json"), &report().to_string());
        let card = read(&folder).unwrap().unwrap();
        assert_eq!(card.models, ["base", "assistant"]);
        let row = |name: &str| card.rows.iter().find(|row| row.name == name).unwrap();
        let passage = row("questions on a passage");
        assert_eq!((passage.section.as_str(), passage.leads), ("context", true));
        let texts: Vec<Option<&str>> = passage.cells.iter().map(|cell| cell.as_ref().map(|cell| cell.text.as_str())).collect();
        assert_eq!(texts, [Some("75% (30-95) of 4"), Some("75% (30-95) of 4")]);
        assert_eq!(card.stories[0].1, ["Once upon a time"]);
        assert_eq!(card.answers[0].samples, ["<b>Paris</b>"]);
    }

    #[test]
    fn another_version_and_a_damaged_file_are_told() {
        let folder = scratch("card-damaged").join("report");
        let mut other: Value = report();
        other["version"] = json!(2);
        write(&folder.join("report.json"), &other.to_string());
        assert!(read(&folder).unwrap_err().contains("of version 2"));
        write(&folder.join("report.json"), "{\"version\": 1}");
        assert!(read(&folder).unwrap_err().starts_with("report/report.json is damaged at line 1"));
    }
}
