//! The main text of a page: what is left when menus, banners, comments and footers are taken away.
//!
//! The work is done by the crate `trafilatura` (precision favoured, no comments, nothing remembered from page to page).
//! Here stand the guards around it, which decide by counts and never by the clock, and the way from its tree to lines.
//! HTML in, text or a verdict out.

use std::panic::{AssertUnwindSafe, catch_unwind};

use trafilatura::{ExtractionFocus, HtmlDateMode, Options};

use crate::Reason;
use crate::nesting::shape;
use crate::record::Content;
use crate::text::strip;

/// A page may nest its elements so deep (see nesting.rs for what is counted). Browsers stop at about 512 themselves.
pub const MAX_DEPTH: usize = 512;
/// A page may have so many start tags. The time of extraction grows with them, not with the text between them.
pub const MAX_TAGS: usize = 100_000;
/// Extraction recurses over the tree; threads that call it need such a stack. Measured: see the test of deep pages.
pub const STACK_BYTES: usize = 256 << 20;

/// The main text, as lines. Text that was extracted before passes as it is.
///
/// Call it on a thread with [`STACK_BYTES`] of stack. A panic in the extractor costs the page.
pub fn main_text(content: Content) -> Result<String, Reason> {
    let html = match content {
        Content::Html(html) => html,
        Content::TooLarge(_) => return Err(Reason("extract_too_large")),
        Content::Text(text) if strip(&text).is_empty() => return Err(Reason("extract_empty")),
        Content::Text(text) => return Ok(text),
    };
    let shape = shape(&html, MAX_DEPTH);
    if shape.depth > MAX_DEPTH {
        return Err(Reason("extract_too_deep"));
    }
    if shape.tags > MAX_TAGS {
        return Err(Reason("extract_too_large"));
    }
    let extracted = catch_unwind(AssertUnwindSafe(|| trafilatura::extract(&html, &options())));
    let content_html = match extracted {
        Err(_) => return Err(Reason("extract_failed")),
        Ok(Err(_)) => return Err(Reason("extract_empty")), // its errors are all about too little content
        Ok(Ok(result)) => result.content_html,
    };
    let text = lines_of(&content_html);
    if text.is_empty() { Err(Reason("extract_empty")) } else { Ok(text) }
}

fn options() -> Options {
    Options::default()
        .with_focus(ExtractionFocus::FavorPrecision)
        .with_fallback(true)
        .with_exclude_comments(true)
        .with_html_date_mode(HtmlDateMode::Disabled)
}

/// Elements that begin and end a line.
#[rustfmt::skip]
const BLOCKS: [&str; 37] = [
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "ol", "p", "pre", "section", "summary",
    "table", "tbody", "tr", "ul", "head",
];

/// The lines of serialized HTML: one for each block, items with a dash before them, table cells with a bar between them.
/// White space inside a line is one space; `pre` keeps its line ends.
fn lines_of(html: &str) -> String {
    let mut lines = Lines::default();
    let mut rest = html;
    let mut pre = 0usize;
    while let Some(open) = rest.find('<') {
        lines.text(&rest[..open], pre > 0);
        let close = rest[open..].find('>').map_or(rest.len(), |close| open + close + 1);
        let tag = rest[open..close].trim_matches(['<', '>', ' ']);
        rest = &rest[close..];
        let is_end = tag.starts_with('/');
        let name =
            tag.trim_start_matches('/').split(|c: char| c.is_whitespace() || c == '/').next().unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "br" => lines.end_line(),
            "td" | "th" if !is_end => lines.cell(),
            "pre" => {
                lines.end_line();
                pre = if is_end { pre.saturating_sub(1) } else { pre + 1 };
            }
            name if BLOCKS.contains(&name) => {
                lines.end_line();
                lines.item = name == "li" && !is_end;
            }
            _ => {}
        }
    }
    lines.text(rest, pre > 0);
    lines.end_line();
    lines.whole
}

#[derive(Default)]
struct Lines {
    whole: String,
    line: String,
    /// White space stands between the line so far and what comes.
    gap: bool,
    /// The line begins an item of a list.
    item: bool,
    /// A cell began; the next text is set off by a bar if there is something before it.
    cell: bool,
}

impl Lines {
    /// Adds text with its entities resolved.
    fn text(&mut self, text: &str, keeps_lines: bool) {
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let (c, length) = if c == '&' { entity(rest) } else { (c, c.len_utf8()) };
            rest = &rest[length..];
            match c {
                '\n' if keeps_lines => self.end_line(),
                '\u{ad}' => {} // a soft hyphen is no text
                c if c.is_whitespace() => self.gap = true,
                c => self.push(c),
            }
        }
    }

    fn push(&mut self, c: char) {
        if self.line.is_empty() {
            self.line.push_str(if self.item { "- " } else { "" });
        } else if self.cell {
            self.line.push_str(" | ");
        } else if self.gap {
            self.line.push(' ');
        }
        (self.gap, self.item, self.cell) = (false, false, false);
        self.line.push(c);
    }

    fn cell(&mut self) {
        self.cell = !self.line.is_empty();
    }

    fn end_line(&mut self) {
        if !self.line.is_empty() {
            if !self.whole.is_empty() {
                self.whole.push('\n');
            }
            self.whole.push_str(&self.line);
            self.line.clear();
        }
        (self.gap, self.item, self.cell) = (false, false, false);
    }
}

/// The character of an entity that serialized HTML may have at the start of a text, and its length there in bytes.
fn entity(text: &str) -> (char, usize) {
    let known = [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"'), ("&nbsp;", ' ')];
    known.iter().find(|(name, _)| text.starts_with(name)).map_or(('&', 1), |&(name, c)| (c, name.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_a_large_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::Builder::new().stack_size(STACK_BYTES).spawn(work).unwrap().join().unwrap()
    }

    fn verdict(html: String) -> String {
        on_a_large_stack(move || main_text(Content::Html(html)).unwrap_or_else(|reason| reason.0.to_string()))
    }

    const STORY: &str = "The old mill stands at the end of the lane, where the river turns and the willows lean over the water. \
        Every autumn the miller's daughter counts the geese that fly over it, and she writes the number down in a small blue book.";

    #[test]
    fn the_story_stays_and_the_page_goes() {
        let html = format!(
            "<html><head><title>Mill</title><style>p {{}}</style></head><body><nav><a href=/>Home</a> <a href=/b>Shop</a></nav>\
             <div class=cookie-banner>We use cookies. <button>Accept</button></div>\
             <article><h1>The mill</h1><p>{STORY}</p><p>{STORY} It was <b>seven</b>&nbsp;years ago &amp; more.</p></article>\
             <div class=comments><p>First! Great post, thanks for sharing this with all of us today.</p></div>\
             <footer>© 2024 <a href=/p>Privacy policy</a></footer><script>var a = '<p>no</p>';</script></body></html>"
        );
        let text = verdict(html);
        assert!(text.ends_with(&format!("{STORY}\n{STORY} It was seven years ago & more.")), "{text}");
        for gone in ["Home", "cookies", "First!", "Privacy", "var a"] {
            assert!(!text.contains(gone), "{gone}: {text}");
        }
    }

    #[test]
    fn hostile_pages_cost_themselves() {
        assert_eq!(verdict("<div>".repeat(100_000)), "extract_too_deep");
        assert_eq!(verdict("<a b=c><i><b>".repeat(100_000)), "extract_too_deep");
        assert_eq!(verdict("<p>a".repeat(MAX_TAGS + 1)), "extract_too_large");
        assert_eq!(main_text(Content::TooLarge(50 << 20)), Err(Reason("extract_too_large")));
        assert_eq!(verdict(String::new()), "extract_empty");
        assert_eq!(verdict("<html><body><nav><a href=/>Home</a></nav></body></html>".into()), "extract_empty");
        assert_eq!(main_text(Content::Text("as it is".into())), Ok("as it is".into()));
    }

    /// The deepest pages that are let through, in every kind of nesting, do not exhaust the stack.
    #[test]
    fn the_deepest_pages_allowed_are_survived() {
        for kind in ["<div>", "<b>", "<font size=#>", "<table><tr><td>", "<ul><li>", "<span>", "<blockquote><p>", "<section><b><p>"] {
            let per_turn = shape(kind, MAX_DEPTH).depth;
            let html: String = (0..MAX_DEPTH / per_turn).map(|i| kind.replace('#', &i.to_string())).collect();
            assert_eq!(shape(&html, MAX_DEPTH).depth, MAX_DEPTH / per_turn * per_turn);
            assert_ne!(verdict(format!("{html}<p>{STORY}</p>")), "extract_too_deep", "{kind}");
        }
    }

    #[test]
    fn trees_become_lines() {
        for (html, expected) in [
            ("<p>a <b>b</b>c</p><p>\n d\n e </p>", "a bc\nd e"),
            ("<h2>t</h2><ul><li>one</li><li><p>two</p></li></ul>x", "t\n- one\ntwo\nx"),
            ("a<br>b<br/>c", "a\nb\nc"),
            ("<table><tbody><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td><td>3</td></tr></tbody></table>", "a | b\n1 | 3"),
            ("<pre>a\n  b &lt;c&gt;\n</pre>", "a\nb <c>"),
            ("x&nbsp;&nbsp;y &amp;lt; z&shy;", "x y &lt; z&shy;"),
            ("<img src='x' alt='y'>", ""),
        ] {
            assert_eq!(lines_of(html), expected, "{html}");
        }
    }
}
