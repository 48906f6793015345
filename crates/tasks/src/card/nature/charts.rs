//! The pictures of the base model's page, made from the card alone.

use super::stretches::{GIVEN, WINDOW, range};
use super::{Followed, Level, Matches, Nature, Recited};
use crate::svg::{Axis, LineChart, Point, Rule, Series, Stroke, figure};

/// Names and contents of the pictures.
pub fn all(nature: &Nature) -> Vec<(&'static str, String)> {
    let mut pictures = Vec::new();
    if !nature.stretches.is_empty() {
        pictures.push(("recitation.svg", recitation(&nature.stretches, &nature.passages)));
    }
    if nature.copying.samples.longest > 0 {
        pictures.push(("copying.svg", copying(&nature.copying.samples, &nature.copying.held_out)));
    }
    pictures
}

/// Stretches of a range whose median is drawn: that of one or two says little.
const FEWEST: usize = 3;

fn dot(x: f64, y: f64) -> Point {
    Point { x, y, interval: None }
}

/// Where a count stands: one step for each doubling; "never" two steps left of one.
fn place(exposures: u64) -> f64 {
    if exposures == 0 { -1.5 } else { (exposures as f64).log2() }
}

fn recitation(levels: &[Level], passages: &[Recited]) -> String {
    // Points of one count stand side by side, so that equal ones do not hide each other.
    let spread = |i: usize| (i as f64 * 0.618).fract() * 0.5 - 0.25;
    let points = levels.iter().flat_map(|level| level.points.iter().enumerate());
    let points = points.map(|(i, point)| dot(place(point.exposures) + spread(i), point.greedy.tokens as f64));
    // A range stands where the middle of its counts does.
    let middle = |level: &Level| match level.at_least {
        0 => place(0),
        low => (place(low) + place(level.at_most)) / 2.0,
    };
    let medians = |of: &dyn Fn(&Level) -> f64, held_out: bool| {
        levels
            .iter()
            .filter(|level| level.points.len() >= FEWEST && (level.at_least == 0) == held_out)
            .map(|level| dot(middle(level), of(level)))
            .collect::<Vec<_>>()
    };
    let mut series = vec![Series { name: "each stretch, greedy".into(), colour: 4, stroke: Stroke::Scattered, points: points.collect() }];
    for (colour, name, of) in [
        (0, "median, greedy", (&|level: &Level| level.greedy_tokens) as &dyn Fn(&Level) -> f64),
        (1, "median, sampled at temperature 1", &|level: &Level| level.sampled_tokens),
    ] {
        // What was never read stands apart: no line leads there.
        series.push(Series { name: name.into(), colour, stroke: Stroke::Marked, points: medians(of, false) });
        series.push(Series { name: String::new(), colour, stroke: Stroke::Marked, points: medians(of, true) });
    }
    let share = |part: Followed, of: Followed| (WINDOW - GIVEN) as f64 * part.tokens as f64 / of.tokens.max(1) as f64;
    // A line between so few would promise too much.
    for (i, passage) in passages.iter().enumerate() {
        let name = if i == 0 { "the planted passages, greedy (share of the whole)" } else { "" };
        let points = vec![dot(place(passage.exposures), share(passage.greedy, passage.length))];
        series.push(Series { name: name.into(), colour: 2, stroke: Stroke::Marked, points });
    }
    let highest = levels.iter().flat_map(|level| &level.points).map(|point| point.exposures);
    let highest = highest.chain(passages.iter().map(|passage| passage.exposures)).max().unwrap_or(1);
    let mut ticks = vec![(place(0), "never".to_owned())];
    ticks.extend((0..range(highest)).map(|power| (f64::from(power), (1_u64 << power).to_string())));
    let last = f64::from(range(highest).max(1) - 1);
    let all = WINDOW - GIVEN;
    let chart = LineChart {
        title: String::new(),
        x: Axis { label: "times that the training text has it".into(), range: Some((-2.0, last + 0.4)), ticks },
        y: Axis {
            label: "tokens followed".into(),
            range: Some((0.0, all as f64 + 1.0)),
            ticks: (0..=all).step_by(4).map(|n| (n as f64, n.to_string())).collect(),
        },
        series,
        rule: Some(Rule { y: all as f64, label: "all there was to follow".into() }),
    };
    figure(
        "By heart, by how often it was read",
        &format!("Given {GIVEN} tokens that stand nowhere else; never: held-out pages; medians of at least {FEWEST} stretches"),
        &[chart],
    )
}

fn copying(samples: &Matches, held_out: &Matches) -> String {
    let curve = |name: &str, colour: usize, matches: &Matches| {
        let n = matches.lengths.len().max(1) as f64;
        let at_least = |length: usize| matches.lengths.iter().filter(|&&other| other >= length).count() as f64;
        let points = (0..=matches.longest + 1).map(|length| dot(length as f64, 100.0 * at_least(length) / n)).collect();
        Series { name: name.into(), colour, stroke: Stroke::Plain, points }
    };
    let mut series = vec![curve("samples of the base model", 0, samples)];
    if held_out.n > 0 {
        series.push(curve("held-out pages, equally long", 1, held_out));
    }
    let chart = LineChart {
        title: String::new(),
        x: Axis { label: "tokens".into(), ..Axis::default() },
        y: Axis {
            label: "texts, %".into(),
            range: Some((0.0, 100.0)),
            ticks: (0..=5).map(|i| (f64::from(i * 20), (i * 20).to_string())).collect(),
        },
        series,
        rule: None,
    };
    figure("Copied or made up", "Share of texts whose longest run that stands in the training text has at least so many tokens", &[chart])
}
