//! The pictures of practice, from what was read alone.

use super::{Course, Curve, Pass, Practice, before_and_after};
use crate::svg::{Axis, Bar, BarChart, BarGroup, LineChart, Point, Series, Stroke, figure};

/// Names and contents of the pictures that there is something for.
pub fn all(practice: &Practice) -> Vec<(&'static str, String)> {
    let mut pictures = Vec::new();
    let measured = |of: fn(&Course) -> &Curve| practice.courses.iter().any(|course| !of(course).is_empty());
    if measured(|course| &course.accuracy) {
        pictures.push(("practice-accuracy.svg", accuracy(practice)));
    }
    if !practice.length.is_empty() || measured(|course| &course.length) {
        pictures.push(("practice-length.svg", length(practice)));
    }
    if practice.courses.iter().any(|course| !course.pass.is_empty()) {
        pictures.push(("practice-pass.svg", pass(practice)));
    }
    if !practice.long.is_empty() {
        pictures.push(("practice-long.svg", long(practice)));
    }
    if [&practice.reward, &practice.kl, &practice.entropy].iter().any(|curve| !curve.is_empty()) {
        pictures.push(("practice-policy.svg", policy(practice)));
    }
    pictures
}

/// Grey: what was before, and what is no course.
const GREY: usize = 4;

/// The colour of a course by its place, which is never grey.
fn of_course(place: usize) -> usize {
    if place < GREY { place } else { place + 1 }
}

/// A course's name as people write it.
pub fn title(course: &Course) -> String {
    course.name.replace('_', " ")
}

fn steps() -> Axis {
    Axis { label: "step".into(), ..Axis::default() }
}

/// From 0 to 100.
fn percents(label: &str) -> Axis {
    let ticks = (0..=5).map(|i| (f64::from(i * 20), (i * 20).to_string())).collect();
    Axis { label: label.into(), range: Some((0.0, 100.0)), ticks }
}

/// From 0 on.
fn from_zero(label: &str, series: &[Series]) -> Axis {
    Axis::from_zero(label, series.iter().flat_map(|series| &series.points).map(|point| point.y).fold(0.0, f64::max))
}

fn series(name: &str, colour: usize, stroke: Stroke, curve: &[(u64, f64)], scale: f64) -> Series {
    let point = |&(step, value): &(u64, f64)| Point { x: step as f64, y: scale * value, interval: None };
    Series { name: name.into(), colour, stroke, points: curve.iter().map(point).collect() }
}

fn panel(title: &str, y: Axis, series: Vec<Series>) -> LineChart {
    LineChart { title: title.into(), x: steps(), y, series, rule: None }
}

fn accuracy(practice: &Practice) -> String {
    let line = |(place, course): (usize, &Course)| series(&title(course), of_course(place), Stroke::Marked, &course.accuracy, 100.0);
    let mut lines: Vec<Series> = practice.courses.iter().enumerate().map(line).collect();
    lines.retain(|line| !line.points.is_empty());
    let note = "Held-out problems, which no step has seen, answered greedily and graded by a program";
    figure("Right answers, found by trying", note, &[panel("", percents("right, %"), lines)])
}

fn length(practice: &Practice) -> String {
    let mut lines = vec![series("sampled in practice, all kinds", GREY, Stroke::Plain, &practice.length, 1.0)];
    lines.extend(
        practice
            .courses
            .iter()
            .enumerate()
            .map(|(place, course)| series(&format!("{}, held out", title(course)), of_course(place), Stroke::Marked, &course.length, 1.0)),
    );
    lines.retain(|line| !line.points.is_empty());
    let note = "Mean tokens of an answer: of the sampled ones that are learnt from, and of greedy ones to held-out problems";
    figure("How long it works on a problem", note, &[panel("", from_zero("tokens", &lines), lines)])
}

fn pass(practice: &Practice) -> String {
    const AFTER: usize = 0;
    let bar = |share: f64, colour| Bar { value: 100.0 * share, interval: None, colour, note: format!("{:.0}%", 100.0 * share) };
    let group = |(course, pass): (&Course, &Pass)| {
        let bars = match before_and_after(&pass.points) {
            Some((before, after)) => vec![bar(before, GREY), bar(after, AFTER)],
            None => pass.points.iter().map(|&(_, share)| bar(share, GREY)).collect(),
        };
        BarGroup { label: format!("{}, pass@{}", title(course), pass.k), bars }
    };
    let measured = practice.courses.iter().flat_map(|course| course.pass.iter().map(move |pass| (course, pass)));
    BarChart {
        title: "What more tries find, before and after".into(),
        note: "pass@k: held-out problems of which at least one of k sampled answers is right".into(),
        axis: "problems, %".into(),
        max: Some(100.0),
        legend: vec![("before".into(), GREY), ("after".into(), AFTER)],
        groups: measured.map(group).collect(),
    }
    .draw()
}

fn long(practice: &Practice) -> String {
    const MEASURED: usize = 0;
    const EXPECTED: usize = 1;
    let both = |curve: &Curve, expected: Option<&Curve>, scale: f64| {
        let mut lines = vec![series("measured, each step", MEASURED, Stroke::Scattered, curve, scale)];
        lines.extend(expected.map(|expected| series("expected of a logistic p(t)", EXPECTED, Stroke::Dashed, expected, scale)));
        lines
    };
    // The curve is there also where there is but one style, of which nothing follows.
    let fitted = practice.logistic.map(|curve| practice.long.iter().map(|&(step, _)| (step, curve.at(step as f64))).collect::<Curve>());
    let mut panels = vec![panel("Share of long answers, p(t)", percents("answers, %"), both(&practice.long, fitted.as_ref(), 100.0))];
    if let Some(expected) = practice.expected().filter(|_| !practice.reward.is_empty() && !practice.length.is_empty()) {
        for (title, unit, measured, expected) in [
            ("Reward", "mean of the answers", &practice.reward, &expected.reward),
            ("Length", "tokens", &practice.length, &expected.length),
        ] {
            let lines = both(measured, Some(expected), 1.0);
            panels.push(panel(title, from_zero(unit, &lines), lines));
        }
    }
    let note = "Sampled answers. Dashed: p(t) by least squares, and what follows if each style stays as right and as long as it is";
    figure("One style gives way to the other", note, &panels)
}

fn policy(practice: &Practice) -> String {
    let plain = |title: &str, unit: &str, colour, curve: &Curve| {
        let lines = vec![series("", colour, Stroke::Plain, curve, 1.0)];
        (!curve.is_empty()).then(|| panel(title, from_zero(unit, &lines), lines))
    };
    let panels: Vec<LineChart> = [
        plain("Reward", "mean of the answers", 2, &practice.reward),
        plain("Distance from the start", "KL, nats a token", 1, &practice.kl),
        plain("Entropy", "nats a token", 0, &practice.entropy),
    ]
    .into_iter()
    .flatten()
    .collect();
    figure("What changes in the model", "Over the sampled answers of each step", &panels)
}
