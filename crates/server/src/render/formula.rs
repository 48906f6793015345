//! Formulas in LaTeX as MathML, which browsers set by themselves.

use std::panic::{AssertUnwindSafe, catch_unwind};

use base::text::escape;
use pulldown_latex::config::DisplayMode;
use pulldown_latex::{Event, Parser, RenderConfig, Storage, write_mathml};

use super::brackets::between;

/// Bytes of a formula, groups within each other, and events of its reading, at most.
const LENGTH: usize = 4000;
const DEPTH: usize = 24;
const EVENTS: usize = 20_000;

/// Commands with which a formula could write itself for ever.
const DEFINING: [&str; 7] = ["def", "gdef", "edef", "xdef", "let", "futurelet", "newcommand"];

/// A formula as MathML; as code where it cannot be read, in the brackets that it brings or in dollars.
pub(super) fn render(formula: &str, is_display: bool) -> String {
    let bare = between(formula);
    let (latex, mark) = (bare.unwrap_or(formula), if is_display { "$$" } else { "$" });
    let readable = latex.len() <= LENGTH && depth(latex) <= DEPTH && !defines(latex);
    // The reader is another's: a formula on which it panics is one that cannot be read.
    let mathml = readable.then(|| catch_unwind(AssertUnwindSafe(|| mathml(latex, is_display))).ok().flatten()).flatten();
    mathml.unwrap_or_else(|| {
        let written = if bare.is_some() { formula.to_owned() } else { format!("{mark}{latex}{mark}") };
        format!("<code class=\"formula\">{}</code>", escape(&written))
    })
}

fn mathml(latex: &str, is_display: bool) -> Option<String> {
    let storage = Storage::new();
    let mut events: Vec<Event> = Vec::new();
    for event in Parser::new(latex, &storage) {
        events.push(event.ok()?);
        if events.len() > EVENTS {
            return None;
        }
    }
    let display_mode = if is_display { DisplayMode::Block } else { DisplayMode::Inline };
    let mut mathml = Vec::new();
    let events = events.into_iter().map(Ok::<_, std::fmt::Error>);
    write_mathml(&mut mathml, events, RenderConfig { display_mode, ..RenderConfig::default() }).ok()?;
    String::from_utf8(mathml).ok()
}

fn depth(latex: &str) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for c in latex.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest.max(latex.matches("\\left").count()).max(latex.matches("\\begin").count())
}

fn defines(latex: &str) -> bool {
    let commands = latex.split('\\').skip(1).map(|rest| rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default());
    commands.into_iter().any(|command| DEFINING.contains(&command) || command.ends_with("command"))
}

#[cfg(test)]
mod tests {
    use super::super::html;
    use super::*;

    #[test]
    fn formulas_are_mathml_and_stay_so() {
        let shown = html("It is $a^2 + \\frac{1}{2}$.");
        for piece in [
            "<math display=\"inline\">",
            "<msup><mi>a</mi><mn>2</mn></msup>",
            "<mfrac><mrow><mn>1</mn></mrow><mrow><mn>2</mn></mrow></mfrac>",
            "</math>.",
        ] {
            assert!(shown.contains(piece), "{piece}: {shown}");
        }
        assert!(html("$$\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}$$").contains("<mtable"));
        assert!(html("$$\\sum_{i=1}^n i$$").contains("<math display=\"block\">"));
    }

    #[test]
    fn what_cannot_be_read_is_code() {
        let deep = format!("{}x{}", "{".repeat(100), "}".repeat(100));
        for latex in ["\\nosuchcommand{x}", "\\frac{1", "\\def\\a{\\a}\\a", "\\newcommand{\\a}{\\a\\a}\\a", &deep, &"x".repeat(LENGTH + 1)]
        {
            let shown = render(latex, false);
            assert!(shown.starts_with("<code class=\"formula\">$"), "{latex}: {shown}");
        }
        assert_eq!(html("$\\nosuch<b>$").trim(), "<p><code class=\"formula\">$\\nosuch&lt;b&gt;$</code></p>");
    }
}
