//! Markdown as HTML.

use base::text::escape;
use pulldown_cmark::{Alignment, CodeBlockKind, CowStr, Event, HeadingLevel, Options, Tag, TagEnd, html};

use super::brackets::{self, Source};
use super::{clean, code, formula};

/// What is read beside plain CommonMark.
pub(super) const OPTIONS: Options =
    Options::ENABLE_TABLES.union(Options::ENABLE_STRIKETHROUGH).union(Options::ENABLE_TASKLISTS).union(Options::ENABLE_MATH);

/// Quotes and lists within each other, at most; what is nested deeper is shown as it is written.
const DEPTH: usize = 24;

/// Bytes of a block, at most; a longer one is shown as it is written.
const LENGTH: usize = 256 << 10;

/// Renders a text, code in colours or without.
pub(super) fn render(text: &str, colours: bool) -> String {
    let source = (text.len() <= LENGTH).then(|| Source::whole(text)).filter(|source| depth(source) <= DEPTH);
    let Some(source) = source else {
        return clean::clean(&format!("<pre class=\"raw\" tabindex=\"0\">{}</pre>\n", escape(text)));
    };
    let mut rendered = String::with_capacity(text.len() * 3 / 2);
    html::push_html(&mut rendered, Events::new(&source, colours));
    clean::clean(&rendered)
}

fn depth(source: &Source) -> usize {
    let (mut depth, mut deepest) = (0usize, 0);
    for event in source.events() {
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
        deepest = deepest.max(depth);
    }
    deepest
}

/// A program with its language above it.
pub(super) fn code_block(language: &str, text: &str, colours: bool) -> String {
    let inner = if colours { code::highlight(language, text) } else { escape(text) };
    format!(
        "<figure class=\"code-box\"><figcaption class=\"code-head\">{}</figcaption>\
         <pre class=\"code\" tabindex=\"0\"><code>{inner}</code></pre></figure>\n",
        escape(if language.is_empty() { "text" } else { language })
    )
}

/// The parser's events with our own HTML for code, formulas, tables and pictures.
struct Events<'a> {
    parser: brackets::Events<'a>,
    colours: bool,
    /// HTML that comes after the event that was given last.
    closed_by: Option<Event<'a>>,
    table: Table,
}

/// Where in a table it is.
#[derive(Default)]
struct Table {
    columns: Vec<Alignment>,
    column: usize,
    is_head: bool,
}

impl Table {
    /// The tag of the next cell.
    fn cell(&mut self) -> String {
        let class = match self.columns.get(self.column) {
            Some(Alignment::Right) => " class=\"right\"",
            Some(Alignment::Center) => " class=\"middle\"",
            _ => "",
        };
        self.column += 1;
        format!("<{}{class}>", self.cell_name())
    }

    fn cell_name(&self) -> &'static str {
        if self.is_head { "th" } else { "td" }
    }
}

fn our_html<'a>(html: impl Into<CowStr<'a>>) -> Event<'a> {
    Event::Html(html.into())
}

impl<'a> Iterator for Events<'a> {
    type Item = Event<'a>;

    fn next(&mut self) -> Option<Event<'a>> {
        if let Some(event) = self.closed_by.take() {
            return Some(event);
        }
        Some(match self.parser.next()? {
            Event::Start(Tag::CodeBlock(kind)) => self.code(&kind),
            Event::Start(Tag::Image { dest_url, .. }) => self.picture(dest_url),
            Event::InlineMath(latex) => our_html(formula::render(&latex, false)),
            Event::DisplayMath(latex) => our_html(formula::render(&latex, true)),
            // HTML is what it says, not what it does.
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            Event::Start(Tag::HtmlBlock) => Event::Start(Tag::Paragraph),
            Event::End(TagEnd::HtmlBlock) => Event::End(TagEnd::Paragraph),
            // Lines of verse are lines.
            Event::SoftBreak => Event::HardBreak,
            Event::TaskListMarker(done) => Event::Text(if done { "☑ " } else { "☐ " }.into()),
            Event::Start(Tag::Heading { level, .. }) => Event::Start(heading(level)),
            Event::End(TagEnd::Heading(_)) => Event::End(TagEnd::Heading(HeadingLevel::H3)),
            // A wide table scrolls by itself, by keyboard too.
            Event::Start(Tag::Table(columns)) => {
                self.table = Table { columns: columns.clone(), ..Table::default() };
                self.closed_by = Some(Event::Start(Tag::Table(columns)));
                our_html("<div class=\"wide\" tabindex=\"0\">")
            }
            Event::End(TagEnd::Table) => {
                self.closed_by = Some(our_html("</div>\n"));
                Event::End(TagEnd::Table)
            }
            Event::Start(row @ (Tag::TableHead | Tag::TableRow)) => {
                (self.table.is_head, self.table.column) = (row == Tag::TableHead, 0);
                Event::Start(row)
            }
            Event::Start(Tag::TableCell) => our_html(self.table.cell()),
            Event::End(TagEnd::TableCell) => our_html(format!("</{}>", self.table.cell_name())),
            other => other,
        })
    }
}

impl<'a> Events<'a> {
    fn new(source: &'a Source<'a>, colours: bool) -> Events<'a> {
        Events { parser: source.events(), colours, closed_by: None, table: Table::default() }
    }

    fn code(&mut self, kind: &CodeBlockKind<'_>) -> Event<'a> {
        let info = if let CodeBlockKind::Fenced(info) = kind { info } else { "" };
        let language: String = info.split([' ', ',', '{', '\t']).next().unwrap_or_default().chars().take(32).collect();
        let mut text = String::new();
        for event in self.parser.by_ref() {
            match event {
                Event::End(TagEnd::CodeBlock) => break,
                Event::Text(more) | Event::Html(more) => text += &more,
                _ => {}
            }
        }
        our_html(code_block(&language, &text, self.colours))
    }

    /// A picture is a link to it: nothing is loaded from other hosts.
    fn picture(&mut self, url: CowStr<'a>) -> Event<'a> {
        let mut words = String::new();
        let mut depth = 1;
        for event in self.parser.by_ref() {
            match event {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Text(text) | Event::Code(text) | Event::Html(text) | Event::InlineHtml(text) => words += &text,
                Event::InlineMath(latex) | Event::DisplayMath(latex) => words += &latex,
                _ => {}
            }
            if depth == 0 {
                break;
            }
        }
        let words = if words.trim().is_empty() { &url } else { words.as_str() };
        our_html(format!("<a href=\"{}\">🖼 {}</a>", escape(&url), escape(words)))
    }
}

/// Headings of an answer stand below the page's own, all at one level: what levels models skip is no order to go by.
fn heading<'a>(level: HeadingLevel) -> Tag<'a> {
    let classes = if level <= HeadingLevel::H2 { vec!["major".into()] } else { Vec::new() };
    Tag::Heading { level: HeadingLevel::H3, id: None, classes, attrs: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(markdown: &str, expected: &str) {
        assert_eq!(render(markdown, true).trim(), expected, "{markdown}");
    }

    #[test]
    fn markdown_becomes_html() {
        check("Hi *there*, **you** and ~~me~~.", "<p>Hi <em>there</em>, <strong>you</strong> and <del>me</del>.</p>");
        check("a\nb", "<p>a<br>\nb</p>");
        check("# One\n#### Two", "<h3 class=\"major\">One</h3>\n<h3>Two</h3>");
        check("- [x] done\n- [ ] not", "<ul>\n<li>☑ done</li>\n<li>☐ not</li>\n</ul>");
        check(
            "|a|b|\n|---|--:|\n|1|2|",
            "<div class=\"wide\" tabindex=\"0\"><table><thead><tr><th>a</th><th class=\"right\">b</th></tr></thead><tbody>\n\
             <tr><td>1</td><td class=\"right\">2</td></tr>\n</tbody></table>\n</div>",
        );
        check("`<b>`", "<p><code>&lt;b&gt;</code></p>");
        check("costs $5, not $6", "<p>costs $5, not $6</p>");
    }

    #[test]
    fn links_lead_out_and_pictures_are_links() {
        let rel = "rel=\"noopener noreferrer nofollow\"";
        check("[a](https://a.org)", &format!("<p><a href=\"https://a.org\" target=\"_blank\" {rel}>a</a></p>"));
        check("![a *cat*](https://a.org/c.png)", &format!("<p><a href=\"https://a.org/c.png\" target=\"_blank\" {rel}>🖼 a cat</a></p>"));
        for address in [
            "javascript:alert(1)",
            "JaVaScRiPt:alert(1)",
            "data:text/html,x",
            "vbscript:x",
            "file:///etc/passwd",
            "/api/chats",
            "//b.org",
            "x",
        ] {
            let html = render(&format!("[a](<{address}>) ![b](<{address}>)"), true);
            assert!(!html.contains("href"), "{address}: {html}");
        }
    }

    #[test]
    fn what_is_too_deep_or_too_long_is_shown_as_it_is_written() {
        let deep = render(&format!("{} x", "> ".repeat(100)), true);
        assert!(deep.starts_with("<pre class=\"raw\" tabindex=\"0\">&gt; &gt;"), "{deep}");
        let long = render(&"word ".repeat(LENGTH / 5 + 1), true);
        assert!(long.starts_with("<pre class=\"raw\""));
        assert!(render(&"*a **b ".repeat(5000), true).len() > 10_000, "this ends");
    }
}
