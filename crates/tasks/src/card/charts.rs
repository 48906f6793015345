//! The report's pictures, from the card alone.

use base::text::thousands;

use super::recall::Level;
use super::table::in_order;
use super::{Card, Funnel, ModelCard, Reading};
use crate::stats::{Rate, mean};
use crate::svg::{Axis, Bar, BarChart, BarGroup, LineChart, Point, Rule, Series, Stroke, figure};

/// Every picture that the card has something for: file name and SVG.
pub fn all(card: &Card) -> Vec<(&'static str, String)> {
    let mut pictures = Vec::new();
    if let Some(funnel) = &card.funnel {
        pictures.push(("funnel.svg", funnel_chart(funnel)));
    }
    if !card.reading.loss.is_empty() {
        pictures.push(("loss.svg", loss_chart(&card.reading)));
    }
    if card.models.values().any(|model| !model.recall.is_empty()) {
        pictures.push(("recall.svg", recall_chart(card)));
    }
    if card.models.values().any(|model| model.tools.is_some()) {
        pictures.push(("honesty.svg", honesty_chart(card)));
    }
    if card.models.values().any(|model| !model.knowledge.is_empty()) {
        pictures.push(("knowledge.svg", knowledge_chart(card)));
    }
    if let Some(model) = card.assistant().filter(|model| !model.problems.is_empty()) {
        let before = card.before_practice().filter(|_| card.models.contains_key("rl"));
        pictures.push(("problems.svg", problems_chart(model, before)));
    }
    pictures
}

fn funnel_chart(funnel: &Funnel) -> String {
    let bar = |value: u64, note: String| Bar { value: value as f64, interval: None, colour: 0, note };
    let mut groups = vec![BarGroup { label: "records".into(), bars: vec![bar(funnel.records, thousands(funnel.records))] }];
    for step in &funnel.steps {
        let kept = thousands(step.kept);
        let note = match step.dropped {
            0 => kept,
            dropped => format!("{kept}  (−{})", thousands(dropped)),
        };
        groups.push(BarGroup { label: step.name.clone(), bars: vec![bar(step.kept, note)] });
    }
    BarChart {
        title: "From raw pages to documents".into(),
        note: "What each filter let pass, and in brackets what it dropped".into(),
        axis: "pages".into(),
        max: Some(funnel.records.max(1) as f64),
        legend: vec![],
        groups,
    }
    .draw()
}

fn loss_chart(reading: &Reading) -> String {
    let points = |values: &[(u64, f64)]| values.iter().map(|&(step, y)| Point { x: step as f64, y, interval: None }).collect::<Vec<_>>();
    let panel = |title: &str, unit: &str, colour, stroke, values: &[(u64, f64)]| LineChart {
        title: title.into(),
        x: Axis { label: "step".into(), ..Axis::default() },
        y: Axis { label: unit.into(), ..Axis::default() },
        series: vec![Series { name: String::new(), colour, stroke, points: points(values) }],
        rule: None,
    };
    let mut panels = vec![panel("Training", "nats per token", 0, Stroke::Plain, &reading.loss)];
    if !reading.val_bpb.is_empty() {
        panels.push(panel("Held-out pages", "bits per byte", 1, Stroke::Marked, &reading.val_bpb));
    }
    figure("Reading: the loss falls", "", &panels)
}

fn recall_chart(card: &Card) -> String {
    let mut series = Vec::new();
    let mut levels: Vec<u64> = Vec::new();
    let mut chances: Vec<f64> = Vec::new();
    let mut curves: Vec<(String, Vec<(u64, Rate)>)> = Vec::new();
    for (name, model) in in_order(&card.models).into_iter().filter(|(name, _)| *name != "sft" || !card.models.contains_key("assistant")) {
        chances.extend(model.recall.iter().map(|level| level.chance));
        levels.extend(model.recall.iter().map(|level| level.exposures).filter(|&exposures| exposures > 0));
        let curve = |splits: &[&str]| by_exposures(&model.recall, splits);
        match name {
            "base" => curves.push(("base model, going on with a cue".into(), curve(&["asked", "unasked", "unseen", "recombined"]))),
            // What practice should leave as it was.
            "rl" => curves.push(("after practice, subjects never asked about".into(), curve(&["unasked", "unseen", "recombined"]))),
            _ => {
                curves.push(("assistant, subjects never asked about in training".into(), curve(&["unasked", "unseen", "recombined"])));
                curves.push(("assistant, subjects asked about".into(), curve(&["asked"])));
            }
        }
    }
    levels.sort_unstable();
    levels.dedup();
    // "Never" stands two steps left of one page; the curves stand a little apart so that intervals do not hide each other.
    let place = |exposures: u64| if exposures == 0 { -1.5 } else { (exposures as f64).log2() };
    for (colour, (name, curve)) in curves.into_iter().enumerate() {
        let shift = (colour as f64 - 1.0) * 0.07;
        let point = |&(exposures, rate): &(u64, Rate)| Point {
            x: place(exposures) + shift,
            y: 100.0 * rate.share,
            interval: Some((100.0 * rate.low, 100.0 * rate.high)),
        };
        let (never, told): (Vec<_>, Vec<_>) = curve.iter().partition(|(exposures, _)| *exposures == 0);
        series.push(Series { name, colour, stroke: Stroke::Dotted, points: told.into_iter().map(point).collect() });
        if !never.is_empty() {
            let points = never.into_iter().map(point).collect();
            series.push(Series { name: String::new(), colour, stroke: Stroke::Dotted, points });
        }
    }
    let chance = 100.0 * mean(&chances).unwrap_or(0.0);
    let mut ticks = vec![(place(0), "never".to_owned())];
    ticks.extend(levels.iter().map(|&exposures| (place(exposures), exposures.to_string())));
    let last = levels.last().map_or(1.0, |&exposures| place(exposures));
    let chart = LineChart {
        title: String::new(),
        x: Axis { label: "pages that tell the fact".into(), range: Some((-2.0, last + 0.4)), ticks },
        y: Axis {
            label: "right, %".into(),
            range: Some((0.0, 100.0)),
            ticks: (0..=5).map(|i| (f64::from(i * 20), (i * 20).to_string())).collect(),
        },
        series,
        rule: Some(Rule { y: chance, label: format!("chance {chance:.1}%") }),
    };
    figure("What it remembers, by how often it was read", "Facts about invented residents; bars are 95% Wilson intervals", &[chart])
}

/// What becomes of a question, by how often the answer was read: before probing, after it, after practice, and the last of these with tools.
fn honesty_chart(card: &Card) -> String {
    let place = |exposures: u64| if exposures == 0 { -1.5 } else { (exposures as f64).log2() };
    let mut ticks: Vec<u64> = card.models.values().flat_map(|model| &model.recall).map(|level| level.exposures).collect();
    ticks.sort_unstable();
    ticks.dedup();
    let last = ticks.last().map_or(1.0, |&exposures| place(exposures));
    // Every other level has its number, so that they fit under a third of the width.
    let label = |(i, &exposures): (usize, &u64)| {
        let text = if exposures == 0 { "never".to_owned() } else { exposures.to_string() };
        (place(exposures), if i % 2 == 0 || exposures == 0 { text } else { String::new() })
    };
    let panel = |title: &str, series: Vec<Series>| LineChart {
        title: title.to_owned(),
        x: Axis {
            label: "pages that tell it".into(),
            range: Some((-2.0, last + 0.4)),
            ticks: ticks.iter().enumerate().map(label).collect(),
        },
        y: Axis {
            label: "answers, %".into(),
            range: Some((0.0, 100.0)),
            ticks: (0..=5).map(|i| (f64::from(i * 20), (i * 20).to_string())).collect(),
        },
        series,
        rule: None,
    };
    let series = |name: &str, colour: usize, points: &dyn Fn(u64) -> Option<f64>| Series {
        name: name.to_owned(),
        colour,
        stroke: Stroke::Marked,
        points: ticks
            .iter()
            .filter_map(|&exposures| Some(Point { x: place(exposures), y: 100.0 * points(exposures)?, interval: None }))
            .collect(),
    };
    let told = |model: &ModelCard| {
        let share = |count: &dyn Fn(&Level) -> usize, exposures: u64| {
            let levels = || model.recall.iter().filter(|level| level.split != "asked" && level.exposures == exposures);
            let n: usize = levels().map(|level| level.rate.n).sum();
            (n > 0).then(|| levels().map(count).sum::<usize>() as f64 / n as f64)
        };
        vec![
            series("right", 2, &|exposures| share(&|level| level.rate.right, exposures)),
            series("wrong", 1, &|exposures| share(&|level| level.rate.n - level.rate.right - level.declined, exposures)),
            series("declined", 0, &|exposures| share(&|level| level.declined, exposures)),
        ]
    };
    let mut panels = Vec::new();
    let judged: Vec<(&str, &ModelCard)> = in_order(&card.models).into_iter().filter(|(_, model)| model.honesty.is_some()).collect();
    for (i, &(name, model)) in judged.iter().enumerate() {
        panels.push(panel(name, told(model)));
        let Some(tools) = model.tools.as_ref().filter(|_| name != "sft" && i + 1 == judged.len()) else { continue };
        let looked = |exposures: u64| tools.search.iter().find(|looked| looked.exposures == exposures);
        // Of names that occur nowhere the right answer is none.
        let right = |exposures: u64| looked(exposures).filter(|looked| looked.exposures > 0).map(|looked| looked.right.share);
        let searched = |exposures: u64| looked(exposures).map(|looked| looked.searched.share);
        panels.push(panel(&format!("{name}, with tools"), vec![series("right", 2, &right), series("looked up", 3, &searched)]));
    }
    let note = "Invented residents about whom no training text asks, and names that occur nowhere";
    figure("It says what it knows, and that it does not know the rest", note, &panels)
}

/// The rates of some splits added up, by exposures.
pub(super) fn by_exposures(levels: &[Level], splits: &[&str]) -> Vec<(u64, Rate)> {
    let mut rates: std::collections::BTreeMap<u64, Rate> = std::collections::BTreeMap::new();
    for level in levels.iter().filter(|level| splits.contains(&level.split.as_str())) {
        let sum = rates.entry(level.exposures).or_insert(Rate::new(0, 0));
        *sum = sum.plus(level.rate);
    }
    rates.into_iter().collect()
}

fn knowledge_chart(card: &Card) -> String {
    let mut kinds: Vec<&str> = card.models.values().flat_map(|m| &m.knowledge).map(|topic| topic.kind.as_str()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    let models = in_order(&card.models);
    let group = |kind: &&str| {
        let bar = |(colour, (_, model)): (usize, &(&str, &ModelCard))| {
            let topics = model.knowledge.iter().filter(|topic| topic.kind == **kind);
            let rate = topics.fold(Rate::new(0, 0), |sum, topic| sum.plus(topic.rate));
            percent_bar(rate, colour)
        };
        // Two kinds are as invented as the residents.
        let invented = if matches!(*kind, "place" | "news") { " (invented)" } else { "" };
        BarGroup { label: format!("{kind}{invented}"), bars: models.iter().enumerate().map(bar).collect() }
    };
    BarChart {
        title: "What it knows, by kind".into(),
        note: "The base model goes on with a sentence; the others are asked in wordings that no training text has; 95% Wilson intervals"
            .into(),
        axis: "right, %".into(),
        max: Some(100.0),
        legend: models.iter().enumerate().map(|(colour, (name, _))| ((*name).to_owned(), colour)).collect(),
        groups: kinds.iter().map(group).collect(),
    }
    .draw()
}

/// The last model's problems, and those that the one before practice was asked plainly.
fn problems_chart(model: &ModelCard, before: Option<&ModelCard>) -> String {
    let [in_steps, at_once, plain, grey] = [0, 1, 2, 4];
    let plainly = |model: &ModelCard, kind: &str| model.problems.iter().find(|problems| problems.kind == kind).map(|found| found.plainly);
    let group = |problems: &super::Problems| {
        let mut bars = vec![percent_bar(problems.at_once, at_once)];
        bars.extend(before.and_then(|before| plainly(before, &problems.kind)).map(|rate| percent_bar(rate, grey)));
        bars.extend([percent_bar(problems.plainly, plain), percent_bar(problems.in_steps, in_steps)]);
        BarGroup { label: problems.kind.replace('_', " "), bars }
    };
    let mut legend = vec![("at once".to_owned(), at_once), ("asked plainly".to_owned(), plain), ("step by step".to_owned(), in_steps)];
    if before.is_some() {
        legend.insert(1, ("asked plainly, before practice".to_owned(), grey));
    }
    BarChart {
        title: "Problems at once, asked plainly, and worked out".into(),
        note: "Problems that no training text has; 95% Wilson intervals".into(),
        axis: "right, %".into(),
        max: Some(100.0),
        legend,
        groups: model.problems.iter().map(group).collect(),
    }
    .draw()
}

fn percent_bar(rate: Rate, colour: usize) -> Bar {
    Bar {
        value: 100.0 * rate.share,
        interval: (rate.n > 0).then_some((100.0 * rate.low, 100.0 * rate.high)),
        colour,
        note: if rate.n == 0 { "not asked".into() } else { format!("{:.0}% of {}", 100.0 * rate.share, rate.n) },
    }
}
