//! Line charts: one or more panels side by side, points with intervals, a rule for
//! what chance would give.

use super::{AXIS, Anchor, Canvas, GRID, GROUND, INK, MUTED, colour, nice_ticks, text_width, tick_label};

/// A point and, where it was estimated, the interval of its y.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// In the units of the x axis.
    pub x: f64,
    /// In the units of the y axis.
    pub y: f64,
    /// Low and high end of the interval.
    pub interval: Option<(f64, f64)>,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stroke {
    /// A line with a dot at each point and its interval.
    Dotted,
    /// A line alone.
    Plain,
    /// A broken line: what is expected, beside what was measured.
    Dashed,
    /// A line with a dot at each point.
    Marked,
    /// Small dots alone, that show through where they lie on each other.
    Scattered,
}

/// Drawn and left out by turns along a broken line.
const DASH: &str = "6 4";

impl Stroke {
    /// The pattern of its line; empty of a whole one.
    fn dash(self) -> &'static str {
        if self == Stroke::Dashed { DASH } else { "" }
    }
}

/// One curve.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its name in the legend; an empty name stays out of it.
    pub name: String,
    /// Its colour's number.
    pub colour: usize,
    /// How it is drawn.
    pub stroke: Stroke,
    /// Its points, by ascending x.
    pub points: Vec<Point>,
}

/// A labelled axis. Without a range or ticks they follow from the points.
#[derive(Debug, Clone, Default)]
pub struct Axis {
    /// What is measured, with its unit.
    pub label: String,
    /// Its ends.
    pub range: Option<(f64, f64)>,
    /// Its ticks and their labels.
    pub ticks: Vec<(f64, String)>,
}

/// A dashed horizontal line with a label.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Where it lies.
    pub y: f64,
    /// What it means.
    pub label: String,
}

/// One panel.
#[derive(Debug, Clone, Default)]
pub struct LineChart {
    /// The panel's own title; empty for none.
    pub title: String,
    /// The horizontal axis.
    pub x: Axis,
    /// The vertical axis.
    pub y: Axis,
    /// The curves, drawn in this order.
    pub series: Vec<Series>,
    /// What chance would give.
    pub rule: Option<Rule>,
}

/// Panels side by side under one title and one legend, as an SVG file's text.
/// Points that are not finite are left out.
pub fn figure(title: &str, note: &str, panels: &[LineChart]) -> String {
    const WIDTH: f64 = 820.0;
    const PLOT_HEIGHT: f64 = 270.0;
    let mut canvas = Canvas::new(WIDTH, 0.0);
    canvas.text(22.0, 34.0, 17.0, INK, Anchor::Start, 600, title);
    let mut top = 46.0;
    if !note.is_empty() {
        canvas.text(22.0, 54.0, 12.5, MUTED, Anchor::Start, 400, note);
        top = 66.0;
    }
    let mut names: Vec<(&str, usize, &str)> = Vec::new();
    for series in panels.iter().flat_map(|panel| &panel.series) {
        let entry = (series.name.as_str(), series.colour, series.stroke.dash());
        if !series.name.is_empty() && !names.contains(&entry) {
            names.push(entry);
        }
    }
    top = canvas.legend(22.0, top, &names) + 12.0;
    if panels.iter().any(|panel| !panel.title.is_empty()) {
        top += 20.0;
    }
    let panel_width = (WIDTH - 16.0) / panels.len().max(1) as f64;
    for (i, panel) in panels.iter().enumerate() {
        let left = 8.0 + panel_width * i as f64;
        panel.draw(&mut canvas, left + 62.0, top, panel_width - 82.0, PLOT_HEIGHT);
    }
    canvas.height = top + PLOT_HEIGHT + 58.0;
    canvas.finish(title)
}

impl LineChart {
    /// Draws the plot area at (left, top) with its axes outside of it.
    fn draw(&self, canvas: &mut Canvas, left: f64, top: f64, width: f64, height: f64) {
        let points = || self.series.iter().flat_map(|s| &s.points).filter(|p| p.x.is_finite() && p.y.is_finite());
        let x_ticks = self.x.ticks_for(points().map(|p| p.x), 6, false);
        let highs = points().map(|p| p.interval.map_or(p.y, |(_, high)| high));
        let y_ticks = self.y.ticks_for(points().map(|p| p.y).chain(highs), 6, true);
        let x_range = self.x.range_for(points().map(|p| p.x), &x_ticks);
        let y_range = self.y.range_for(points().map(|p| p.y), &y_ticks);
        let to_x = |x: f64| left + (x - x_range.0) / (x_range.1 - x_range.0) * width;
        let to_y = |y: f64| top + height - (y - y_range.0) / (y_range.1 - y_range.0) * height;

        if !self.title.is_empty() {
            canvas.text(left, top - 12.0, 13.5, INK, Anchor::Start, 600, &self.title);
        }
        for (y, label) in &y_ticks {
            canvas.line((left, to_y(*y)), (left + width, to_y(*y)), GRID, 1.0, "");
            canvas.text(left - 9.0, to_y(*y) + 4.0, 12.0, MUTED, Anchor::End, 400, label);
        }
        let bottom = top + height;
        for (x, label) in &x_ticks {
            canvas.line((to_x(*x), bottom), (to_x(*x), bottom + 5.0), AXIS, 1.0, "");
            canvas.text(to_x(*x), bottom + 19.0, 12.0, MUTED, Anchor::Middle, 400, label);
        }
        canvas.line((left, bottom), (left + width, bottom), AXIS, 1.0, "");
        canvas.text(left + width / 2.0, bottom + 42.0, 12.5, INK, Anchor::Middle, 400, &self.x.label);
        canvas.text_upwards(left - 48.0, top + height / 2.0, 12.5, INK, &self.y.label);

        for series in &self.series {
            let shown: Vec<&Point> = series.points.iter().filter(|p| p.x.is_finite() && p.y.is_finite()).collect();
            let place = |p: &&Point| (to_x(p.x), to_y(p.y.clamp(y_range.0, y_range.1)));
            let line: Vec<(f64, f64)> = shown.iter().map(place).collect();
            let ink = colour(series.colour);
            match series.stroke {
                Stroke::Plain | Stroke::Dashed => canvas.path(&line, ink, 2.2, 1.0, series.stroke.dash()),
                Stroke::Scattered => line.iter().for_each(|&(x, y)| canvas.dot(x, y, 3.0, ink, "none", 0.45)),
                Stroke::Dotted | Stroke::Marked => {
                    for point in &shown {
                        let Some((low, high)) = point.interval else { continue };
                        let (x, low, high) = (to_x(point.x), to_y(low), to_y(high));
                        canvas.line((x, low), (x, high), ink, 1.3, "");
                        for end in [low, high] {
                            canvas.line((x - 3.5, end), (x + 3.5, end), ink, 1.3, "");
                        }
                    }
                    canvas.path(&line, ink, 2.0, 0.85, "");
                    for &(x, y) in &line {
                        canvas.dot(x, y, 4.0, ink, GROUND, 1.0);
                    }
                }
            }
        }
        if let Some(rule) = &self.rule {
            let y = to_y(rule.y);
            canvas.line((left, y), (left + width, y), MUTED, 1.3, "5 4");
            // On its own ground, so that it stays readable where a curve passes.
            let label_width = text_width(&rule.label, 11.5);
            canvas.rect(left + width - label_width - 6.0, y - 19.0, label_width + 4.0, 15.0, "#ffffffd9", 2.0);
            canvas.text(left + width - 4.0, y - 7.0, 11.5, MUTED, Anchor::End, 400, &rule.label);
        }
    }
}

impl Axis {
    /// From zero to a round number that is not below `highest`.
    pub fn from_zero(label: &str, highest: f64) -> Axis {
        let ticks = nice_ticks(0.0, if highest > 0.0 && highest.is_finite() { highest } else { 1.0 }, 6);
        let end = ticks.last().copied().unwrap_or(1.0);
        Axis { label: label.into(), range: Some((0.0, end)), ticks: ticks.into_iter().map(|tick| (tick, tick_label(tick))).collect() }
    }

    /// The given ticks, or round ones over the values (cut to a given range).
    fn ticks_for(&self, values: impl Iterator<Item = f64>, wanted: usize, outward: bool) -> Vec<(f64, String)> {
        if !self.ticks.is_empty() {
            return self.ticks.clone();
        }
        let (low, high) = self.range.unwrap_or_else(|| span(values));
        let ticks = nice_ticks(low, high, wanted);
        let inside = |tick: &f64| outward || (*tick >= low - 1e-9 && *tick <= high + 1e-9);
        ticks.into_iter().filter(inside).map(|tick| (tick, tick_label(tick))).collect()
    }

    /// The given range, or one that holds both values and ticks.
    fn range_for(&self, values: impl Iterator<Item = f64>, ticks: &[(f64, String)]) -> (f64, f64) {
        self.range.unwrap_or_else(|| {
            let (low, high) = span(values.chain(ticks.iter().map(|tick| tick.0)));
            if high - low < 1e-9 { (low - 0.5, high + 0.5) } else { (low, high) }
        })
    }
}

/// Smallest and largest value; 0..1 of nothing.
fn span(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if low > high { (0.0, 1.0) } else { (low, high) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_from_zero_ends_on_a_tick() {
        for (highest, end, n) in [(0.0, 1.0, 6), (47.0, 50.0, 6), (0.31, 0.4, 5), (f64::NAN, 1.0, 6), (-3.0, 1.0, 6)] {
            let axis = Axis::from_zero("tokens", highest);
            let last = axis.ticks.last().unwrap().0;
            assert!((last - end).abs() < 1e-9 && axis.range == Some((0.0, last)) && axis.ticks.len() == n, "{highest}: {axis:?}");
        }
    }

    #[test]
    fn odd_values_leave_a_whole_picture() {
        let point = |x, y| Point { x, y, interval: None };
        let cases = [vec![], vec![point(1.0, 2.0)], vec![point(0.0, f64::NAN), point(1.0, 1.0), point(2.0, f64::INFINITY)]];
        for points in cases {
            for stroke in [Stroke::Plain, Stroke::Dashed, Stroke::Scattered] {
                let series = vec![Series { name: "a < b".into(), colour: 0, stroke, points: points.clone() }];
                let svg = figure("t", "", &[LineChart { series, ..LineChart::default() }]);
                assert!(svg.starts_with("<svg") && svg.ends_with("</svg>\n"));
                assert!(svg.contains("a &lt; b") && !svg.contains("NaN") && !svg.contains("inf"), "{svg}");
            }
        }
    }
}
