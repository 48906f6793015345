//! Formulas between `\(` and `\)` in a line, or `\[` and `\]` in a paragraph, as many models write them.
//!
//! To Markdown these are brackets that were escaped, with words between them: `a*b` would lean, a line `- b` would be a list. So they
//! are found first, and Markdown reads a text in which each formula is one word of as many bytes. What Markdown takes for code, for a
//! formula of its own, for HTML or for an address stays what it is. Knows no LaTeX.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;

use pulldown_cmark::{Event, LinkType, OffsetIter, Parser, Tag, TagEnd};

use super::markdown::OPTIONS;

/// A text in Markdown and where its formulas stand.
#[derive(Debug)]
pub(super) struct Source<'a> {
    written: &'a str,
    /// The same text with a word over each formula.
    covered: Cow<'a, str>,
    /// In order, and apart from each other.
    formulas: Vec<Range<usize>>,
}

impl<'a> Source<'a> {
    /// A text to which nothing comes any more.
    pub fn whole(text: &'a str) -> Source<'a> {
        Source::new(text, false)
    }

    /// The beginning of a text, in whole lines. A formula that is not closed may be closed by what comes.
    pub fn growing(text: &'a str) -> Source<'a> {
        Source::new(text, true)
    }

    fn new(text: &'a str, grows: bool) -> Source<'a> {
        if !text.contains("\\(") && !text.contains("\\[") {
            return Source { written: text, covered: Cow::Borrowed(text), formulas: Vec::new() };
        }
        let formulas = formulas(text, &taken(text), grows);
        let (mut covered, mut last) = (String::with_capacity(text.len()), 0);
        for formula in &formulas {
            covered += &text[last..formula.start];
            covered += &word(formula.len());
            last = formula.end;
        }
        covered += &text[last..];
        Source { written: text, covered: Cow::Owned(covered), formulas }
    }

    /// The text as Markdown reads it.
    pub fn covered(&self) -> &str {
        &self.covered
    }

    /// The events of Markdown, with formulas among them. Those of this file keep their brackets.
    pub fn events(&self) -> Events<'_> {
        Events { source: self, parser: Parser::new_ext(&self.covered, OPTIONS).into_offset_iter(), ready: VecDeque::new() }
    }

    /// The formulas that begin in a range.
    fn inside(&self, range: &Range<usize>) -> &[Range<usize>] {
        let place = |at: usize| self.formulas.partition_point(|formula| formula.start < at);
        &self.formulas[place(range.start)..place(range.end)]
    }

    /// A formula with its brackets. In a quotation each of its lines is marked as one.
    fn formula(&self, formula: &Range<usize>) -> Event<'_> {
        let text = &self.written[formula.clone()];
        let line = self.written[..formula.start].rfind('\n').map_or(0, |end| end + 1);
        let is_quoted = self.written[line..formula.start].trim_start().starts_with('>');
        let unquoted = || text.lines().map(|line| line.trim_start_matches([' ', '>'])).collect::<Vec<_>>().join("\n");
        let latex = if is_quoted { unquoted().into() } else { text.into() };
        if text.starts_with("\\[") { Event::DisplayMath(latex) } else { Event::InlineMath(latex) }
    }
}

/// What stands between a formula's own brackets; none where it has none.
pub(super) fn between(formula: &str) -> Option<&str> {
    let pairs = [("\\(", "\\)"), ("\\[", "\\]")];
    pairs.into_iter().find_map(|(open, close)| formula.strip_prefix(open)?.strip_suffix(close))
}

/// A word of so many bytes, at least two, that Markdown takes for nothing else: with ASCII it could be a tag, or a list's number.
fn word(bytes: usize) -> String {
    let odd = bytes % 2;
    "é".repeat((bytes - 3 * odd) / 2) + &"漢".repeat(odd)
}

/// Where Markdown sees something in which brackets mean nothing, in order.
fn taken(text: &str) -> Vec<Range<usize>> {
    let parser = Parser::new_ext(text, OPTIONS);
    let mut taken: Vec<Range<usize>> = parser.reference_definitions().iter().map(|(_, named)| named.span.clone()).collect();
    let mut last = 0;
    for (event, range) in parser.into_offset_iter() {
        match event {
            Event::Code(_)
            | Event::InlineMath(_)
            | Event::DisplayMath(_)
            | Event::Html(_)
            | Event::Start(Tag::CodeBlock(_) | Tag::Link { link_type: LinkType::Autolink | LinkType::Email, .. }) => {
                taken.push(range.clone());
            }
            // The address behind the words of a link.
            Event::End(TagEnd::Link | TagEnd::Image) => taken.push(last..range.end),
            _ => {}
        }
        last = if matches!(event, Event::Start(_)) { range.start } else { range.end };
    }
    taken.sort_by_key(|range| range.start);
    taken
}

/// Where formulas stand; with a text that grows also the one at its end that is still open.
fn formulas(text: &str, taken: &[Range<usize>], grows: bool) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut taken = taken.iter().peekable();
    let mut found = Vec::new();
    // The bracket that would close a formula, and where that begins.
    let mut open: Option<(u8, usize)> = None;
    let mut at = 0;
    while at < bytes.len() {
        if let Some(range) = taken.next_if(|range| range.start <= at) {
            if at < range.end {
                (open, at) = (None, range.end);
            }
            continue;
        }
        match (bytes[at], bytes.get(at + 1)) {
            (b'\\', Some(b'(')) => open = Some((b')', at)),
            (b'\\', Some(b'[')) => open = Some((b']', at)),
            (b'\\', Some(&bracket)) => {
                if let Some((_, start)) = open.take_if(|(close, _)| *close == bracket) {
                    found.push(start..at + 2);
                }
            }
            (b'\n', _) if open.is_some_and(|(close, _)| close == b')') || begins_blank(&bytes[at + 1..]) => open = None,
            _ => {}
        }
        let is_escape = bytes[at] == b'\\' && bytes.get(at + 1) != Some(&b'\n');
        at += if is_escape { 2 } else { 1 };
    }
    if let Some((b']', start)) = open.filter(|_| grows) {
        found.push(start..text.len());
    }
    found
}

/// Whether a text begins with a line without words, be it in a quotation.
fn begins_blank(text: &[u8]) -> bool {
    text.iter().find(|byte| !b" \t\r>".contains(byte)) == Some(&b'\n')
}

/// Markdown's events, with formulas in place of the words over them.
pub(super) struct Events<'a> {
    source: &'a Source<'a>,
    parser: OffsetIter<'a>,
    ready: VecDeque<Event<'a>>,
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.ready.pop_front() {
            return Some(event);
        }
        let (event, range) = self.parser.next()?;
        let formulas = self.source.inside(&range);
        if formulas.is_empty() {
            return Some(event);
        }
        match event {
            Event::Text(_) => {
                self.split(formulas, range);
                self.ready.pop_front()
            }
            // Code and the like that are there only because words stand over formulas: as it is written.
            Event::Code(_) | Event::InlineMath(_) | Event::DisplayMath(_) | Event::Html(_) | Event::InlineHtml(_) => {
                Some(Event::Text(self.source.written[range].into()))
            }
            other => Some(other),
        }
    }
}

impl<'a> Events<'a> {
    /// Text with formulas in it, one after the other.
    fn split(&mut self, formulas: &'a [Range<usize>], range: Range<usize>) {
        let mut at = range.start;
        for formula in formulas {
            self.ready.push_back(Event::Text(self.source.written[at..formula.start].into()));
            self.ready.push_back(self.source.formula(formula));
            at = formula.end;
        }
        self.ready.push_back(Event::Text(self.source.written[at..range.end].into()));
    }
}

#[cfg(test)]
mod tests {
    use super::super::html;
    use super::*;

    /// What stands in the formulas of a text.
    fn found(text: &str) -> Vec<String> {
        let source = Source::whole(text);
        assert_eq!(source.covered().len(), text.len());
        let formulas = source.events().filter_map(|event| match event {
            Event::InlineMath(latex) | Event::DisplayMath(latex) => Some(latex.into_string()),
            _ => None,
        });
        formulas.collect()
    }

    #[test]
    fn formulas_are_found_where_they_are_closed() {
        for (text, expected) in [
            (r"\(a*b\) and \(c*d\)", &[r"\(a*b\)", r"\(c*d\)"][..]),
            (r"so \( x_1 \), \[y_1\].", &[r"\( x_1 \)", r"\[y_1\]"]),
            ("\\[\na\n- b\n= c \\\\[2pt]\n# d\n\\]", &["\\[\na\n- b\n= c \\\\[2pt]\n# d\n\\]"]),
            ("1. so\n   \\[\n   x\n   \\]", &["\\[\n   x\n   \\]"]),
            ("> \\[\n> x\n> \\]", &["\\[\nx\n\\]"]),
            (r"\(\)é\[\]", &[r"\(\)", r"\[\]"]),
            (r"[\(x\)](https://a.org) <\(y\)> **\(z\)**", &[r"\(x\)", r"\(y\)", r"\(z\)"]),
            ("|a|b|\n|---|---|\n|\\(x|y\\)|2|", &[r"\(x|y\)"]),
            // Not closed, or not before the line or the paragraph ends; within each other; escaped.
            (r"\(x", &[]),
            (r"x\) \] \(", &[]),
            ("\\(a\nb\\)", &[]),
            ("\\[a\n\nb\\]", &[]),
            ("> \\[a\n>\n> b\\]", &[]),
            (r"\(x\] \[y\)", &[]),
            (r"\( \[ \(x\) \]", &[r"\(x\)"]),
            (r"\\(x\\) \\\(y\\\)", &[r"\(y\\\)"]),
            // Code, formulas of Markdown's own, HTML, addresses.
            (r"`\(x\)` \(`y`\)", &[]),
            ("```\n\\(x\\)\n```\n\n    \\(y\\)", &[]),
            (r"$\text{\(x\)}$", &[r"\text{\(x\)}"]),
            ("<div>\n\\(x\\)\n</div>", &[]),
            (r#"so <a title="\(x\)"> \(a<b>c\)"#, &[r"\(a<b>c\)"]),
            (r"[a](https://a.org/x_\(y\)) ![b](https://a.org/x_\(y\)) <https://a.org/\(x\)>", &[]),
            ("[a]: https://a.org/x_\\(y\\)\n\n[a]", &[]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
    }

    #[test]
    fn formulas_are_set_and_all_else_is_as_it_is_written() {
        let shown = html("Then \\(a*b\\), **\\(c*d\\)** and\n\\[\n- e\n\\]\n");
        assert_eq!((shown.matches("<math").count(), shown.matches("<em>").count(), shown.matches("<ul>").count()), (3, 0, 0), "{shown}");
        assert!(shown.contains("<strong><math") && shown.contains("<math display=\"block\">"), "{shown}");
        for (text, expected) in [
            (r"\(\nosuch{<b>}\)", r#"<p><code class="formula">\(\nosuch{&lt;b&gt;}\)</code></p>"#),
            (r"\[1\", r"<p>[1\</p>"),
            (r"`\(x\)`", r"<p><code>\(x\)</code></p>"),
            // Markdown sees code only once a word stands over the formula.
            ("` \\[\n- b\n\\] c\n` d", "<p>` \\[\n- b\n\\] c\n` d</p>"),
        ] {
            assert_eq!(html(text).trim(), expected, "{text}");
        }
        let link = html(r"[a](https://a.org/x_\(y\))");
        assert!(link.contains("href=\"https://a.org/x_(y)\""), "{link}");
        assert!(!html("![a \\(x\\)](https://a.org)").contains('é'));
    }

    #[test]
    fn long_and_endless_ones_end() {
        for text in [r"\(", r"\[", r"\(\[", r"\(x\)", "\\[\n", "\\[x\\]\n- ", "`\\(", "> \\["] {
            html(&text.repeat(20_000));
        }
        let long = html(&format!("\\[{}\\]", "x".repeat(5000)));
        assert!(long.starts_with("<p><code class=\"formula\">\\[xxx"), "{}", &long[..60]);
    }
}
