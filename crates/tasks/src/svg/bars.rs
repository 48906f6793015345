//! Bar charts that lie on their side: labels of any length at the left, values and
//! notes at the right, intervals where a share was estimated.

use super::{AXIS, Anchor, Canvas, GRID, INK, MUTED, colour, nice_ticks, text_width, tick_label};

/// One bar.
#[derive(Debug, Clone)]
pub struct Bar {
    /// Its length in the units of the axis.
    pub value: f64,
    /// Low and high end of its interval.
    pub interval: Option<(f64, f64)>,
    /// Its colour's number.
    pub colour: usize,
    /// What stands behind it: the value in words.
    pub note: String,
}

/// Bars that share a label.
#[derive(Debug, Clone)]
pub struct BarGroup {
    /// What stands before them.
    pub label: String,
    /// From top to bottom.
    pub bars: Vec<Bar>,
}

/// A bar chart.
#[derive(Debug, Clone)]
pub struct BarChart {
    /// Its title.
    pub title: String,
    /// A sentence under the title; empty for none.
    pub note: String,
    /// What is measured, with its unit.
    pub axis: String,
    /// The axis' end; `None` to follow from the values.
    pub max: Option<f64>,
    /// Names of the colours by their numbers; empty for none.
    pub legend: Vec<(String, usize)>,
    /// From top to bottom.
    pub groups: Vec<BarGroup>,
}

impl BarChart {
    /// The chart as an SVG file's text.
    pub fn draw(&self) -> String {
        const WIDTH: f64 = 820.0;
        const BAR: f64 = 16.0;
        const GAP: f64 = 12.0;
        let mut canvas = Canvas::new(WIDTH, 0.0);
        canvas.text(22.0, 34.0, 17.0, INK, Anchor::Start, 600, &self.title);
        let mut top = 46.0;
        if !self.note.is_empty() {
            canvas.text(22.0, 54.0, 12.5, MUTED, Anchor::Start, 400, &self.note);
            top = 66.0;
        }
        let names: Vec<(&str, usize, &str)> = self.legend.iter().map(|(name, colour)| (name.as_str(), *colour, "")).collect();
        top = canvas.legend(22.0, top, &names) + 10.0;

        let widest = |texts: &mut dyn Iterator<Item = f64>| texts.fold(0.0, f64::max);
        let label_width = widest(&mut self.groups.iter().map(|g| text_width(&g.label, 12.5))).min(300.0);
        let notes = self.groups.iter().flat_map(|g| &g.bars).map(|b| text_width(&b.note, 11.5));
        let note_width = widest(&mut notes.into_iter()).min(330.0);
        let left = 22.0 + label_width + 10.0;
        let width = (WIDTH - left - note_width - 32.0).max(120.0);

        let values = self.groups.iter().flat_map(|g| &g.bars).filter(|b| b.value.is_finite());
        let high = self.max.unwrap_or_else(|| values.map(|b| b.value).fold(0.0, f64::max)).max(1e-9);
        let ticks = nice_ticks(0.0, high, 5);
        let high = if self.max.is_some() { high } else { ticks.last().copied().unwrap_or(high) };
        let to_x = |value: f64| left + (value / high).clamp(0.0, 1.0) * width;

        let height: f64 = self.groups.iter().map(|g| g.bars.len() as f64 * BAR + GAP).sum();
        for tick in ticks.iter().filter(|tick| **tick <= high + 1e-9) {
            canvas.line((to_x(*tick), top), (to_x(*tick), top + height), GRID, 1.0, "");
            canvas.text(to_x(*tick), top + height + 17.0, 12.0, MUTED, Anchor::Middle, 400, &tick_label(*tick));
        }
        let mut y = top + GAP / 2.0;
        for group in &self.groups {
            let middle = y + group.bars.len() as f64 * BAR / 2.0;
            canvas.text(left - 10.0, middle + 4.5, 12.5, INK, Anchor::End, 400, &group.label);
            for bar in &group.bars {
                let value = if bar.value.is_finite() { bar.value } else { 0.0 };
                canvas.rect(left, y + 1.5, to_x(value) - left, BAR - 3.0, colour(bar.colour), 2.0);
                let mut end = to_x(value);
                if let Some((low, high)) = bar.interval {
                    let (low, high, centre) = (to_x(low), to_x(high), y + BAR / 2.0);
                    canvas.line((low, centre), (high, centre), INK, 1.2, "");
                    for x in [low, high] {
                        canvas.line((x, centre - 3.5), (x, centre + 3.5), INK, 1.2, "");
                    }
                    end = end.max(high);
                }
                canvas.text(end + 8.0, y + BAR / 2.0 + 4.0, 11.5, MUTED, Anchor::Start, 400, &bar.note);
                y += BAR;
            }
            y += GAP;
        }
        canvas.line((left, top), (left, top + height), AXIS, 1.0, "");
        canvas.text(left + width / 2.0, top + height + 39.0, 12.5, INK, Anchor::Middle, 400, &self.axis);
        canvas.height = top + height + 54.0;
        canvas.finish(&self.title)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_chart_and_odd_values_are_whole() {
        let bar = |value| Bar { value, interval: Some((0.0, 1.0)), colour: 0, note: "x".into() };
        for groups in [vec![], vec![BarGroup { label: "<l>".into(), bars: vec![bar(f64::NAN), bar(0.0), bar(1.0)] }]] {
            let chart = BarChart { title: "t".into(), note: String::new(), axis: "a".into(), max: None, legend: vec![], groups };
            let svg = chart.draw();
            assert!(svg.ends_with("</svg>\n") && !svg.contains("NaN") && !svg.contains("<l>"), "{svg}");
        }
    }
}
