//! Charts as SVG text, written by hand: a canvas, axes and a legend here, one
//! file per kind of chart. Knows no report. Charts bring their own light ground,
//! so they read the same on a light page and on a dark one.

mod bars;
mod lines;

pub use bars::{Bar, BarChart, BarGroup};
pub use lines::{Axis, LineChart, Point, Rule, Series, Stroke, figure};

use std::fmt::Write;

/// Ink of titles and values.
const INK: &str = "#1b2733";
/// Ink of tick labels and notes.
const MUTED: &str = "#56636f";
/// Grid lines.
const GRID: &str = "#e3e7eb";
/// Axis lines.
const AXIS: &str = "#9aa5b1";
/// The ground and its border.
const GROUND: &str = "#ffffff";
const BORDER: &str = "#d8dde2";

/// Okabe and Ito's palette without its yellow: told apart by colour-blind readers,
/// and dark enough on white.
const PALETTE: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#6c7680", "#b8860b"];

/// The colour of a series by its number, counted round.
fn colour(index: usize) -> &'static str {
    PALETTE[index % PALETTE.len()]
}

/// Where a text hangs on its x.
#[derive(Clone, Copy, PartialEq)]
enum Anchor {
    Start,
    Middle,
    End,
}

/// An SVG in the making; sizes in pixels, y downwards.
struct Canvas {
    width: f64,
    height: f64,
    body: String,
}

impl Canvas {
    fn new(width: f64, height: f64) -> Canvas {
        Canvas { width, height, body: String::new() }
    }

    /// A text of `size` pixels whose baseline is at y.
    fn text(&mut self, x: f64, y: f64, size: f64, fill: &str, anchor: Anchor, weight: u32, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escape(text);
        let _ = writeln!(
            self.body,
            r#"<text x="{x:.1}" y="{y:.1}" font-size="{size}" fill="{fill}" text-anchor="{anchor}" font-weight="{weight}">{text}</text>"#
        );
    }

    /// A text turned by a quarter, reading upwards, centred on (x, y).
    fn text_upwards(&mut self, x: f64, y: f64, size: f64, fill: &str, text: &str) {
        let text = escape(text);
        let _ = writeln!(
            self.body,
            r#"<text transform="translate({x:.1} {y:.1}) rotate(-90)" font-size="{size}" fill="{fill}" text-anchor="middle">{text}</text>"#
        );
    }

    fn line(&mut self, from: (f64, f64), to: (f64, f64), stroke: &str, width: f64, dash: &str) {
        let dash = if dash.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dash}""#) };
        let _ = writeln!(
            self.body,
            r#"<line x1="{:.1}" y1="{:.1}" x2="{:.1}" y2="{:.1}" stroke="{stroke}" stroke-width="{width}"{dash}/>"#,
            from.0, from.1, to.0, to.1
        );
    }

    fn rect(&mut self, x: f64, y: f64, width: f64, height: f64, fill: &str, radius: f64) {
        let width = width.max(0.0);
        let _ = writeln!(self.body, r#"<rect x="{x:.1}" y="{y:.1}" width="{width:.1}" height="{height:.1}" rx="{radius}" fill="{fill}"/>"#);
    }

    fn dot(&mut self, x: f64, y: f64, radius: f64, fill: &str, stroke: &str, opacity: f64) {
        let opacity = if opacity < 1.0 { format!(r#" fill-opacity="{opacity}""#) } else { String::new() };
        let _ = writeln!(
            self.body,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="{radius}" fill="{fill}" stroke="{stroke}" stroke-width="1.5"{opacity}/>"#
        );
    }

    fn path(&mut self, points: &[(f64, f64)], stroke: &str, width: f64, opacity: f64, dash: &str) {
        let steps: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let dash = if dash.is_empty() { String::new() } else { format!(r#" stroke-dasharray="{dash}""#) };
        let _ = writeln!(
            self.body,
            r#"<polyline points="{}" fill="none" stroke="{stroke}" stroke-width="{width}" stroke-opacity="{opacity}" stroke-linejoin="round" stroke-linecap="round"{dash}/>"#,
            steps.join(" ")
        );
    }

    /// One row of swatches and names from the left, wrapped where the width ends;
    /// returns the y below it.
    fn legend(&mut self, x: f64, y: f64, entries: &[(&str, usize, &str)]) -> f64 {
        const ROW: f64 = 20.0;
        let (mut at, mut row) = (x, y);
        for &(name, index, dash) in entries {
            let width = 30.0 + text_width(name, 12.5) + 22.0;
            if at > x && at + width > self.width - 16.0 {
                at = x;
                row += ROW;
            }
            self.line((at, row + 8.0), (at + 22.0, row + 8.0), colour(index), 3.0, dash);
            self.text(at + 30.0, row + 12.5, 12.5, INK, Anchor::Start, 400, name);
            at += width;
        }
        if entries.is_empty() { y } else { row + ROW }
    }

    /// The whole file. `title` is also what a screen reader says.
    fn finish(self, title: &str) -> String {
        let (w, h) = (self.width, self.height);
        let title = escape(title);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
             aria-label=\"{title}\" font-family=\"system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, \
             'DejaVu Sans', sans-serif\">\n<title>{title}</title>\n\
             <rect x=\"0.5\" y=\"0.5\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\" fill=\"{GROUND}\" stroke=\"{BORDER}\"/>\n{}</svg>\n",
            w - 1.0,
            h - 1.0,
            self.body
        )
    }
}

/// The width of a text, guessed from above: sans-serif letters average about 0.55 em.
fn text_width(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * 0.57
}

/// A text for XML 1.0, which has no spelling for control characters.
fn escape(text: &str) -> String {
    base::text::escape(&text.replace(char::is_control, " "))
}

/// Round ticks that cover `low..=high`: steps of 1, 2 or 5 times a power of ten, at
/// most about `wanted` of them.
fn nice_ticks(low: f64, high: f64, wanted: usize) -> Vec<f64> {
    let (low, high) = if high - low < 1e-9 { (low - 0.5, high + 0.5) } else { (low, high) };
    let span = high - low;
    let rough = span / wanted.max(1) as f64;
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|k| k * power).find(|step| *step >= rough * 0.999).unwrap_or(power);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last).map(|i| i as f64 * step).collect()
}

/// A tick's label: thousands with a comma, fractions as short as they are.
fn tick_label(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        return format!("{:e}", (value * 1e12).round() / 1e12);
    }
    if value.fract().abs() < 1e-9 {
        return thousands(value.round() as i64);
    }
    let text = format!("{value:.4}");
    text.trim_end_matches('0').to_owned()
}

/// `-12345` as `-12,345`.
fn thousands(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    sign.to_owned() + &base::text::thousands(value.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_cover_the_range() {
        assert_eq!(nice_ticks(0.0, 1.0, 5), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(nice_ticks(0.0, 450.0, 5), [0.0, 100.0, 200.0, 300.0, 400.0, 500.0]);
        assert!(nice_ticks(3.0, 3.0, 4).len() >= 2);
    }

    #[test]
    fn labels_and_escapes() {
        assert_eq!(thousands(-1_234_567), "-1,234,567");
        let labels = [(0.25, "0.25"), (1500.0, "1,500"), (0.0, "0"), (6.0 * 1e-5, "6e-5"), (-0.0004, "-4e-4"), (0.002, "0.002")];
        for (value, label) in labels {
            assert_eq!(tick_label(value), label);
        }
        assert_eq!(escape("a<b> & \"c\"\u{1}"), "a&lt;b&gt; &amp; &quot;c&quot; ");
    }
}
