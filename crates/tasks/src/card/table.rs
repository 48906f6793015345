//! The card as one table: a row for each thing measured, a column for each model.
//! It is Markdown, aligned so that it also reads well in a terminal.

use std::collections::{BTreeMap, BTreeSet};

use super::charts::by_exposures;
use super::honesty::OFTEN;
use super::{ModelCard, THREE_DIGITS};
use crate::stats::Rate;

/// One thing measured, of all models that have a value for it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// Its name; what stands before the first colon is the section.
    pub name: String,
    /// Whether it belongs into the short table.
    pub leads: bool,
    /// A value for each model, in their order.
    pub cells: Vec<Option<Cell>>,
}

/// What was measured of one model.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// As people read it.
    pub text: String,
    /// The rate that it tells, where it is one.
    pub rate: Option<Rate>,
}

/// One thing measured of one model.
struct Row {
    name: String,
    cell: Cell,
    /// Whether it belongs into the short table.
    leads: bool,
}

/// Rows of one model.
#[derive(Default)]
struct Rows(Vec<Row>);

impl Rows {
    /// A rate; nothing where nothing was asked.
    fn rate(&mut self, leads: bool, name: impl Into<String>, rate: Rate) {
        if rate.n > 0 {
            let cell = Cell { text: percent(rate), rate: Some(rate) };
            self.0.push(Row { name: name.into(), cell, leads });
        }
    }

    /// Anything else; it belongs into the short table.
    fn value(&mut self, name: impl Into<String>, text: String) {
        self.0.push(Row { name: name.into(), cell: Cell { text, rate: None }, leads: true });
    }
}

/// The rows that tell most, as a table: what stands at the end of a run.
pub fn table(models: &BTreeMap<String, ModelCard>) -> String {
    of_rows(models, |row| row.leads)
}

/// All rows that any of the models has a value for, as a table.
pub fn full_table(models: &BTreeMap<String, ModelCard>) -> String {
    of_rows(models, |_| true)
}

/// All that was measured of any of the models, and the models' names, both in the order of the card.
pub fn measured(models: &BTreeMap<String, ModelCard>) -> (Vec<&str>, Vec<Measured>) {
    let models = in_order(models);
    let columns: Vec<Vec<Row>> = models.iter().map(|(_, model)| rows(model)).collect();
    let mut all: Vec<Measured> = Vec::new();
    for (column, rows) in columns.into_iter().enumerate() {
        for row in rows {
            let at = all.iter().position(|measured| measured.name == row.name).unwrap_or_else(|| {
                all.push(Measured { name: row.name, leads: row.leads, cells: vec![None; models.len()] });
                all.len() - 1
            });
            all[at].cells[column].get_or_insert(row.cell);
        }
    }
    all.sort_by_key(|measured| order(&measured.name));
    (models.into_iter().map(|(name, _)| name).collect(), all)
}

fn of_rows(models: &BTreeMap<String, ModelCard>, wanted: impl Fn(&Measured) -> bool) -> String {
    let (models, mut measured) = measured(models);
    measured.retain(wanted);
    if measured.is_empty() {
        return String::new(); // a run on files of one's own has no answer key
    }
    let mut cells = vec![vec!["measured".to_owned()]];
    cells[0].extend(models.iter().map(|name| (*name).to_owned()));
    for Measured { name, cells: of_models, .. } in measured {
        let text = |cell: Option<Cell>| cell.map(|cell| cell.text).unwrap_or_default();
        cells.push(std::iter::once(name).chain(of_models.into_iter().map(text)).collect());
    }
    aligned(&cells)
}

/// Models in the order in which a run makes them, others behind them by name.
pub(super) fn in_order(models: &BTreeMap<String, ModelCard>) -> Vec<(&str, &ModelCard)> {
    const STAGES: [&str; 4] = ["base", "sft", "assistant", "rl"];
    let place = |name: &str| STAGES.iter().position(|stage| *stage == name).unwrap_or(STAGES.len());
    let mut list: Vec<(&str, &ModelCard)> = models.iter().map(|(name, model)| (name.as_str(), model)).collect();
    list.sort_by_key(|(name, _)| place(name));
    list
}

/// Sections in the order of the card; within a section, rows keep the order in
/// which the first model has them.
fn order(name: &str) -> usize {
    const SECTIONS: [&str; 9] = ["recall", "knowledge", "problems", "context", "recited", "a name", "honesty", "identity", "manners"];
    SECTIONS.iter().position(|section| name.starts_with(section)).unwrap_or(SECTIONS.len())
}

fn rows(model: &ModelCard) -> Vec<Row> {
    let mut rows = Rows::default();
    // An assistant's claim is about subjects that it was never asked about in training.
    let is_assistant = model.inventions.is_some();
    let claimed: &[&str] = if is_assistant { &["unasked", "unseen", "recombined"] } else { &["asked", "unasked", "unseen", "recombined"] };
    let recall = by_exposures(&model.recall, claimed);
    rows.rate(true, format!("recall: {OFTEN} times and more"), sum(recall.iter().filter(|level| level.0 >= OFTEN).map(|level| level.1)));
    for (exposures, rate) in recall.into_iter().rev() {
        rows.rate(matches!(exposures, 0 | 8 | 16 | 32), format!("recall: {}", times(exposures)), rate);
    }
    if is_assistant {
        for (exposures, rate) in by_exposures(&model.recall, &["asked"]).into_iter().rev() {
            rows.rate(false, format!("recall where asked in training: {}", times(exposures)), rate);
        }
    }
    let claimed = model.knowledge.iter().filter(|t| matches!(t.kind.as_str(), "element" | "animal") || t.attribute == "capital");
    rows.rate(true, "knowledge: capitals, elements, animals", sum(claimed.map(|topic| topic.rate)));
    rows.rate(true, "knowledge: all kinds", sum(model.knowledge.iter().map(|topic| topic.rate)));
    let kinds: BTreeSet<&str> = model.knowledge.iter().map(|topic| topic.kind.as_str()).collect();
    for kind in kinds {
        let rates = model.knowledge.iter().filter(|topic| topic.kind == kind).map(|topic| topic.rate);
        rows.rate(false, format!("knowledge: {kind}"), sum(rates));
    }
    for problems in &model.problems {
        let leads = problems.kind == THREE_DIGITS || problems.kind == "word_problem";
        let kind = problems.kind.replace('_', " ");
        rows.rate(leads, format!("problems: {kind}, at once"), problems.at_once);
        rows.rate(leads, format!("problems: {kind}, in steps"), problems.in_steps);
        rows.rate(leads, format!("problems: {kind}, asked plainly"), problems.plainly);
    }
    rows.rate(false, "context: lines repeated", model.context.echo);
    rows.rate(true, "context: questions on a passage", model.context.passage);
    rows.rate(true, "context: the same without the passage", model.context.without_passage);
    rows.rate(false, "context: translation from ten examples", model.context.translation);
    for recital in &model.recitation {
        let value = format!("{} of {} characters", recital.followed, recital.length);
        rows.value(format!("recited: a passage read {}", times(recital.exposures)), value);
    }
    if let Some(inventions) = model.inventions.as_ref().filter(|inventions| inventions.questions > 0) {
        let value = format!("{} different answers in {}", inventions.distinct_median, inventions.samples);
        rows.value("a name that occurs nowhere (median)", value);
    }
    if let Some(honesty) = &model.honesty {
        if let Some(balance) = &honesty.balance {
            let share = |share: f64| format!("{:.0}%", 100.0 * share);
            let value = format!("{} ({} / {})", balance.honesty, share(balance.prudence), share(balance.over_conservativeness));
            rows.value("honesty (declined of unknown / of known)", value);
        }
        rows.value("honesty: F1", format!("{}", honesty.f1));
        rows.rate(true, "honesty: claims about names that occur nowhere", honesty.claimed_unseen);
        rows.rate(true, "honesty: claims about names put together from two known ones", honesty.claimed_recombined);
        rows.rate(true, "honesty: declined of what was read 64 times and more", honesty.declined_often_read);
        rows.rate(false, "honesty: right of all", honesty.right);
        rows.rate(false, "honesty: wrong of all", honesty.wrong);
        rows.rate(false, "honesty: declined of all", honesty.declined);
    }
    let own = |manner: &&super::Manner| !matches!(manner.kind.as_str(), "harmful" | "benign");
    let identity = sum(model.manners.iter().filter(own).map(|manner| manner.rate));
    rows.rate(true, "identity: all", identity);
    for manner in &model.manners {
        let name = match manner.kind.as_str() {
            "harmful" => "manners: harm declined".to_owned(),
            "benign" => "manners: what sounds like it answered".to_owned(),
            kind => format!("identity: {kind}"),
        };
        rows.rate(!own(&manner), name, manner.rate);
    }
    if let Some(tools) = &model.tools {
        let told = |range: std::ops::RangeInclusive<u64>| tools.search.iter().filter(move |looked| range.contains(&looked.exposures));
        rows.rate(true, "tools: right of what was read 1 to 4 times", sum(told(1..=4).map(|looked| looked.right)));
        rows.rate(true, "tools: searched of it", sum(told(1..=4).map(|looked| looked.searched)));
        rows.rate(
            true,
            format!("tools: searched of what was read {OFTEN} times and more"),
            sum(told(OFTEN..=u64::MAX).map(|looked| looked.searched)),
        );
        for looked in tools.search.iter().rev() {
            rows.rate(false, format!("tools: right, {}", times(looked.exposures)), looked.right);
            rows.rate(false, format!("tools: searched, {}", times(looked.exposures)), looked.searched);
        }
        rows.rate(true, "tools: news after the cutoff", tools.news);
        rows.rate(false, "tools: \"Use web search.\" obeyed", tools.search_obeyed);
        rows.rate(false, "tools: \"Don't use any tools.\" obeyed", tools.no_tools_obeyed);
        for coded in &tools.code {
            rows.rate(true, format!("tools: {}, with code", coded.kind.replace('_', " ")), coded.right);
        }
    }
    rows.0
}

fn sum(rates: impl Iterator<Item = Rate>) -> Rate {
    rates.fold(Rate::new(0, 0), Rate::plus)
}

/// `512 times`, `once`, `never told`
pub(super) fn times(exposures: u64) -> String {
    match exposures {
        0 => "never told".to_owned(),
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// `97% (93-99) of 96`
pub(super) fn percent(rate: Rate) -> String {
    let percent = |share: f64| format!("{:.0}", 100.0 * share);
    format!("{}% ({}-{}) of {}", percent(rate.share), percent(rate.low), percent(rate.high), rate.n)
}

/// A Markdown table, its columns padded to one width. Bars inside cells are escaped.
pub(crate) fn aligned(rows: &[Vec<String>]) -> String {
    let cell = |text: &String| text.replace('|', "\\|").replace(['\n', '\r'], " ");
    let rows: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(cell).collect()).collect();
    let n_columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|c| c.chars().count()).max().unwrap_or(0).max(3);
    let widths: Vec<usize> = (0..n_columns).map(width).collect();
    let mut text = String::new();
    for (i, row) in rows.iter().enumerate() {
        let padded = |column: usize| {
            let cell = row.get(column).map(String::as_str).unwrap_or("");
            format!("{cell}{}", " ".repeat(widths[column] - cell.chars().count()))
        };
        text += &format!("| {} |\n", (0..n_columns).map(padded).collect::<Vec<_>>().join(" | "));
        if i == 0 {
            text += &format!("| {} |\n", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join(" | "));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_line_up_and_cannot_break_the_table() {
        let rows = [vec!["a".into(), "b".into()], vec!["x | y\nz".into()]];
        assert_eq!(aligned(&rows), "| a        | b   |\n| -------- | --- |\n| x \\| y z |     |\n");
        assert_eq!(percent(Rate::new(3, 4)), "75% (30-95) of 4");
    }
}
