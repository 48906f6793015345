//! The tree of a page, as far as extraction needs one: tags, a few attributes, text, in document order.
//!
//! Built in one pass, in linear time and without recursion: elements are never moved, copied or opened again, so the
//! nodes below one stand right behind it. What the HTML standard repairs by moving (text between table rows, blocks
//! inside unclosed `<b>`) stays where it was written. Knows nothing about content; entities stay as they are.

use crate::extract::tag::{Kind, Tag, kind, tag_of};
use crate::scan::{end_of_tag, find, name_at};

/// A page may have so many start tags, and as many end tags.
pub const MAX_TAGS: usize = 100_000;
/// A page may nest its elements so deep. Browsers stop at about 512 themselves.
pub const MAX_DEPTH: usize = 512;
/// Tags and pieces of text together.
const MAX_NODES: usize = 4 * MAX_TAGS;

/// One element or one piece of text.
#[derive(Clone, Copy, Debug)]
pub struct Node<'a> {
    /// Its tag; [`Tag::Text`] for text.
    pub tag: Tag,
    /// What the attributes say; see the constants of [`Node`].
    pub marks: u16,
    /// The node it stands in. The root stands in itself.
    pub parent: u32,
    /// The first node that is not below it.
    pub end: u32,
    /// Text as it was written; for scripts of linked data, their content.
    pub text: &'a str,
    /// `id`.
    pub id: &'a str,
    /// `class`.
    pub class: &'a str,
}

impl Node<'_> {
    /// A link that leads somewhere.
    pub const LINK: u16 = 1;
    /// Not shown, by an attribute of its own.
    pub const HIDDEN: u16 = 1 << 1;
    /// Says that it is the article's text.
    pub const ARTICLE_BODY: u16 = 1 << 2;
    /// Says that it is the main part.
    pub const ROLE_MAIN: u16 = 1 << 3;
    /// Says that it is navigation or a frame around the page.
    pub const ROLE_FRAME: u16 = 1 << 4;
    /// A table that only makes columns.
    pub const ROLE_LAYOUT: u16 = 1 << 5;
    /// Says that it is a comment.
    pub const COMMENT: u16 = 1 << 6;

    /// Whether a mark is set.
    pub fn is(&self, mark: u16) -> bool {
        self.marks & mark != 0
    }
}

/// A page. The first node is its root.
#[derive(Debug)]
pub struct Tree<'a> {
    /// In document order.
    pub nodes: Vec<Node<'a>>,
}

/// Which bound a page broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    /// [`MAX_TAGS`], or a like bound on all nodes.
    Nodes,
    /// [`MAX_DEPTH`].
    Depth,
}

impl<'a> Tree<'a> {
    /// Parses a page.
    pub fn parse(html: &'a str) -> Result<Tree<'a>, Excess> {
        Parser::new(html).run()
    }

    /// Whether no element follows this one in its parent.
    pub fn is_last(&self, node: usize) -> bool {
        let end = self.nodes[self.nodes[node].parent as usize].end as usize;
        self.nodes[self.nodes[node].end as usize..end].iter().all(|node| node.tag == Tag::Text)
    }
}

struct Parser<'a> {
    html: &'a str,
    at: usize,
    nodes: Vec<Node<'a>>,
    /// Open elements, outermost first.
    open: Vec<u32>,
    /// Their tags, close together because they are searched often.
    open_tags: Vec<Tag>,
    tags: usize,
    end_tags: usize,
    /// Formatting elements open, such as `<b>`.
    formats: usize,
    /// Elements skipped whole whose end tag is known not to come any more.
    endless: Vec<Tag>,
}

impl<'a> Parser<'a> {
    fn new(html: &'a str) -> Parser<'a> {
        let root = Node { tag: Tag::Html, marks: 0, parent: 0, end: 0, text: "", id: "", class: "" };
        Parser {
            html,
            at: 0,
            nodes: vec![root],
            open: vec![0],
            open_tags: vec![Tag::Html],
            tags: 0,
            end_tags: 0,
            formats: 0,
            endless: Vec::new(),
        }
    }

    fn run(mut self) -> Result<Tree<'a>, Excess> {
        let bytes = self.html.as_bytes();
        let mut text_from = 0;
        while let Some(found) = memchr::memchr(b'<', &bytes[self.at..]) {
            let open = self.at + found;
            self.at = open + 1;
            match bytes.get(open + 1) {
                Some(byte) if byte.is_ascii_alphabetic() => {
                    self.text(&self.html[text_from..open])?;
                    self.start_tag()?;
                }
                Some(b'/') if bytes.get(open + 2).is_some_and(u8::is_ascii_alphabetic) => {
                    self.text(&self.html[text_from..open])?;
                    self.end_tag()?;
                }
                Some(b'!') if bytes[open..].starts_with(b"<!--") => {
                    self.text(&self.html[text_from..open])?;
                    self.at = end_of_comment(bytes, open + 4);
                }
                Some(b'!' | b'?' | b'/') => {
                    self.text(&self.html[text_from..open])?;
                    self.at = find(bytes, open + 1, b">");
                }
                _ => continue, // a bare `<` is text
            }
            text_from = self.at;
        }
        self.text(&self.html[text_from..])?;
        self.close_to(0);
        self.nodes[0].end = self.nodes.len() as u32;
        Ok(Tree { nodes: self.nodes })
    }

    fn top(&self) -> Tag {
        self.open_tags[self.open_tags.len() - 1]
    }

    fn push(&mut self, tag: Tag) -> Result<&mut Node<'a>, Excess> {
        if self.nodes.len() >= MAX_NODES {
            return Err(Excess::Nodes);
        }
        let parent = self.open[self.open.len() - 1];
        let end = self.nodes.len() as u32 + 1;
        self.nodes.push(Node { tag, marks: 0, parent, end, text: "", id: "", class: "" });
        Ok(self.nodes.last_mut().expect("one was pushed"))
    }

    fn text(&mut self, text: &'a str) -> Result<(), Excess> {
        if text.is_empty() {
            return Ok(());
        }
        if self.top() == Tag::Head {
            if text.trim_ascii().is_empty() {
                return Ok(());
            }
            self.close_to(self.open.len() - 1);
        }
        self.push(Tag::Text)?.text = text;
        Ok(())
    }

    /// Closes open elements until `depth` are left.
    fn close_to(&mut self, depth: usize) {
        let end = self.nodes.len() as u32;
        for &node in &self.open[depth..] {
            self.nodes[node as usize].end = end;
        }
        self.open.truncate(depth);
        self.open_tags.truncate(depth);
    }

    /// The place among the open elements of the innermost that `wanted` accepts, if none that `hides` stands inside it.
    fn find_open(&self, wanted: impl Fn(Tag) -> bool, hides: impl Fn(Tag) -> bool) -> Option<usize> {
        for (depth, &tag) in self.open_tags.iter().enumerate().skip(1).rev() {
            if wanted(tag) {
                return Some(depth);
            }
            if hides(tag) {
                return None;
            }
        }
        None
    }

    fn start_tag(&mut self) -> Result<(), Excess> {
        let bytes = self.html.as_bytes();
        let name = name_at(bytes, self.at);
        let tag = tag_of(name);
        let attributes = self.at + name.len();
        self.tags += 1;
        if self.tags > MAX_TAGS {
            return Err(Excess::Nodes);
        }
        let (end, found) = attributes_of(self.html, attributes, tag);
        self.at = end;
        if matches!(kind(tag), Kind::Raw | Kind::Skipped) {
            return self.skip(tag, found.is_linked_data);
        }
        if matches!(tag, Tag::Html | Tag::Body) && self.tags > 1 {
            // What stands around the page is one node; a second <body> changes nothing.
            let depth = self.find_open(|open| open == Tag::Head, |_| false);
            if let Some(depth) = depth {
                self.close_to(depth);
            }
        }
        if matches!(tag, Tag::Html | Tag::Body) {
            return Ok(());
        }
        if kind(tag) == Kind::Format {
            // Unknown elements nest as deep as they like: they are mostly forgotten or misspelt.
            self.formats += usize::from(tag != Tag::Other);
            return if self.formats > MAX_DEPTH { Err(Excess::Depth) } else { Ok(()) };
        }
        self.close_implied(tag);
        let depth = self.open.len();
        let node = self.push(tag)?;
        (node.marks, node.id, node.class) = (found.marks, found.id, found.class);
        if kind(tag) != Kind::Void {
            if depth >= MAX_DEPTH {
                return Err(Excess::Depth);
            }
            self.open.push(self.nodes.len() as u32 - 1);
            self.open_tags.push(tag);
        }
        Ok(())
    }

    /// Passes over an element whose content is no part of the page.
    fn skip(&mut self, tag: Tag, is_linked_data: bool) -> Result<(), Excess> {
        let bytes = self.html.as_bytes();
        if self.endless.contains(&tag) {
            return Ok(());
        }
        match end_of_raw_text(bytes, self.at, tag) {
            Some(end) => {
                let content = &self.html[self.at..end];
                self.at = end;
                if is_linked_data {
                    self.push(Tag::LinkedData)?.text = content;
                }
            }
            None if kind(tag) == Kind::Raw => self.at = bytes.len(),
            None => self.endless.push(tag), // its content is not lost for a forgotten end tag
        }
        Ok(())
    }

    /// Closes what a start tag closes unsaid: a paragraph before a block, an item before the next.
    fn close_implied(&mut self, tag: Tag) {
        use Tag::*;
        let is_table_part = |tag| matches!(tag, Table | Td | Th | Caption);
        let depth = match tag {
            Li => self.find_open(|open| open == Li, |open| matches!(open, Ul | Ol | Menu) || is_table_part(open)),
            Dt | Dd => self.find_open(|open| matches!(open, Dt | Dd), |open| open == Dl || is_table_part(open)),
            Td | Th => self.find_open(|open| matches!(open, Td | Th | Caption), |open| matches!(open, Tr | Table)),
            Tr => self.find_open(|open| matches!(open, Tr | Caption), |open| open == Table),
            Tbody => self.find_open(|open| matches!(open, Tbody | Caption), |open| open == Table),
            Option => self.find_open(|open| open == Option, |open| open == Select),
            A => self.find_open(|open| open == A, |open| kind(open) == Kind::Block || is_table_part(open)),
            _ => None,
        };
        if let Some(depth) = depth {
            self.close_to(depth);
        }
        if matches!(self.top(), Head) && !matches!(tag, Meta | Link) {
            self.close_to(self.open.len() - 1);
        }
        if kind(tag) == Kind::Block && !matches!(tag, Tr | Tbody | Caption) {
            let hides = |open| is_table_part(open) || matches!(open, Button | Object);
            if let Some(depth) = self.find_open(|open| open == P, hides) {
                self.close_to(depth);
            }
            if matches!(tag, H1 | H2 | H3 | H4 | H5 | H6) && matches!(self.top(), H1 | H2 | H3 | H4 | H5 | H6) {
                self.close_to(self.open.len() - 1);
            }
        }
    }

    fn end_tag(&mut self) -> Result<(), Excess> {
        use Tag::*;
        self.end_tags += 1;
        if self.end_tags > MAX_TAGS {
            return Err(Excess::Nodes);
        }
        let bytes = self.html.as_bytes();
        let name = name_at(bytes, self.at + 1);
        let tag = tag_of(name);
        self.at = end_of_tag(bytes, self.at + 1 + name.len());
        let hides = |open: Tag| match tag {
            Table => false,
            Tr | Td | Th | Tbody | Caption => open == Table,
            Li => matches!(open, Ul | Ol | Menu | Table | Td | Th),
            _ if kind(tag) == Kind::Block || tag == A => matches!(open, Table | Td | Th | Caption),
            _ => kind(open) == Kind::Block,
        };
        let is_heading = matches!(tag, H1 | H2 | H3 | H4 | H5 | H6);
        let wanted = |open: Tag| open == tag || (is_heading && matches!(open, H1 | H2 | H3 | H4 | H5 | H6));
        if kind(tag) == Kind::Format {
            self.formats = self.formats.saturating_sub(usize::from(tag != Other));
            return Ok(());
        }
        if matches!(tag, Html | Body) {
            return Ok(());
        }
        if let Some(depth) = self.find_open(wanted, hides) {
            let has_block = self.open_tags[depth + 1..].iter().any(|&tag| kind(tag) == Kind::Block);
            if tag == A && has_block {
                // Blocks opened inside a link and not closed there: the link ends, they do not.
                let node = self.open[depth] as usize;
                self.nodes[node].marks &= !Node::LINK;
                return Ok(());
            }
            self.close_to(depth);
        }
        Ok(())
    }
}

/// What is read of a tag's attributes.
#[derive(Default)]
struct Attributes<'a> {
    marks: u16,
    id: &'a str,
    class: &'a str,
    is_linked_data: bool,
}

/// The attributes from `at` on, and the place behind the tag.
fn attributes_of(html: &str, mut at: usize, tag: Tag) -> (usize, Attributes<'_>) {
    let bytes = html.as_bytes();
    let mut found = Attributes::default();
    loop {
        at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'/').count();
        match bytes.get(at) {
            None => return (at, found),
            Some(b'>') => return (at + 1, found),
            _ => {}
        }
        let name_from = at;
        at += 1; // even a stray `=` begins a name
        at += bytes[at..].iter().take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'=' | b'>' | b'/')).count();
        let name = &bytes[name_from..at];
        let after = at + bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let mut value = "";
        if bytes.get(after) == Some(&b'=') {
            at = after + 1;
            at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
            let from;
            match bytes.get(at) {
                Some(&quote @ (b'"' | b'\'')) => {
                    from = at + 1;
                    let end = memchr::memchr(quote, &bytes[from..]).map_or(bytes.len(), |end| from + end);
                    value = &html[from..end];
                    at = (end + 1).min(bytes.len());
                }
                _ => {
                    from = at;
                    at += bytes[at..].iter().take_while(|byte| !byte.is_ascii_whitespace() && **byte != b'>').count();
                    value = &html[from..at];
                }
            }
        }
        found.take(name, value, tag);
    }
}

impl<'a> Attributes<'a> {
    fn take(&mut self, name: &[u8], value: &'a str, tag: Tag) {
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        let first = name[0] | 0x20;
        match first {
            b'c' if is(b"class") => self.class = value,
            b'i' if is(b"id") => self.id = value,
            b'h' if is(b"href") && tag == Tag::A => self.marks |= Node::LINK,
            b'h' if is(b"hidden") && !value.eq_ignore_ascii_case("until-found") => self.marks |= Node::HIDDEN,
            b'a' if is(b"aria-hidden") && value.eq_ignore_ascii_case("true") => self.marks |= Node::HIDDEN,
            b's' if is(b"style") && hides(value) => self.marks |= Node::HIDDEN,
            b't' if is(b"type") && tag == Tag::Script => self.is_linked_data = value.trim().eq_ignore_ascii_case("application/ld+json"),
            b'r' if is(b"role") => {
                self.marks |= match value.trim().to_ascii_lowercase().as_str() {
                    "main" | "article" => Node::ROLE_MAIN,
                    "navigation" | "banner" | "contentinfo" | "complementary" | "search" | "dialog" => Node::ROLE_FRAME,
                    "presentation" | "none" => Node::ROLE_LAYOUT,
                    _ => 0,
                }
            }
            b'i' if is(b"itemprop") => {
                self.marks |= match value.trim() {
                    "articleBody" => Node::ARTICLE_BODY,
                    "comment" => Node::COMMENT,
                    _ => 0,
                }
            }
            _ => {}
        }
    }
}

/// Whether a style makes an element invisible.
fn hides(style: &str) -> bool {
    let after = |name: &str| style.find(name).map(|at| style[at + name.len()..].trim_start().trim_start_matches(':').trim_start());
    after("display").is_some_and(|value| value.starts_with("none")) || after("visibility").is_some_and(|value| value.starts_with("hidden"))
}

/// The place behind a comment whose text begins at `from`; `<!-->` and `<!--->` are whole comments.
fn end_of_comment(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    if rest.starts_with(b">") {
        return from + 1;
    }
    if rest.starts_with(b"->") {
        return from + 2;
    }
    find(bytes, from, b"-->")
}

/// The place of the end tag of `tag`, if there is one. (The end tag itself then closes nothing.)
fn end_of_raw_text(bytes: &[u8], from: usize, tag: Tag) -> Option<usize> {
    memchr::memmem::find_iter(&bytes[from..], b"</").map(|found| from + found).find(|&at| tag_of(name_at(bytes, at + 2)) == tag)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as nested parentheses; `*` marks a link, `!` what is hidden.
    fn outline(html: &str) -> String {
        fn write(tree: &Tree, at: usize, out: &mut String) {
            let node = &tree.nodes[at];
            if node.tag == Tag::Text {
                out.push_str(node.text.trim());
                return;
            }
            out.push_str(&format!("{:?}", node.tag).to_lowercase());
            out.push_str(if node.is(Node::LINK) { "*" } else { "" });
            out.push_str(if node.is(Node::HIDDEN) { "!" } else { "" });
            out.push('(');
            let mut child = at + 1;
            while child < node.end as usize {
                assert_eq!(tree.nodes[child].parent as usize, at);
                write(tree, child, out);
                child = tree.nodes[child].end as usize;
            }
            out.push(')');
        }
        let tree = Tree::parse(html).unwrap();
        let mut out = String::new();
        write(&tree, 0, &mut out);
        out["html(".len()..out.len() - 1].to_string()
    }

    #[test]
    fn tags_close_as_people_expect() {
        for (html, expected) in [
            ("<p>a<p>b", "p(a)p(b)"),
            ("<P>a</P>", "p(a)"),
            ("<p>a<div>b</div>c", "p(a)div(b)c"),
            ("<ul><li>a<li>b<ul><li>c</ul>d</ul>e", "ul(li(a)li(bul(li(c))d))e"),
            ("<dl><dt>a<dd>b<dt>c</dl>", "dl(dt(a)dd(b)dt(c))"),
            ("<table><tr><td>a<td>b<tr><td><p>c</table>d", "table(tr(td(a)td(b))tr(td(p(c))))d"),
            ("<table><tr><td><table><tr><td>a</table>b</table>", "table(tr(td(table(tr(td(a)))b)))"),
            ("<div><span>a</div>b", "div(span(a))b"),
            ("<div>a</span></p>b</div>", "div(ab)"),
            ("<div><b>a</div>b</b>c", "div(a)bc"),
            ("<a href=x>a<a href=y>b</a>", "a*(a)a*(b)"),
            ("<a href=x><div>a</a>b</div>", "a(div(ab))"),
            ("<h1>a<h2>b</h1>c", "h1(a)h2(b)c"),
            ("<td>a</div></table>b", "td(ab)"),
            ("<br/>a<img src=x>b", "br()aimg()b"),
            ("<head><title>t</title><meta x>  </head><body class=a>b<body>c", "head(meta())bc"),
            ("<head><meta x>a<p>b", "head(meta())ap(b)"),
        ] {
            assert_eq!(outline(html), expected, "{html}");
        }
    }

    #[test]
    fn what_is_no_text_is_passed_over() {
        for (html, expected) in [
            ("a<!-- <p>b -->c", "ac"),
            ("a<!-->b<!--->c", "abc"),
            ("a<!-- b", "a"),
            ("a<!doctype html>b<?xml c>d</ e>f", "abdf"),
            ("<script>'<p>a'</script>b<style>c</style>d", "bd"),
            ("<script>a < b</SCRIPT >c", "c"),
            ("<script>a", ""),
            ("<svg><p>a</svg>b", "b"),
            ("<svg><p>a", "p(a)"),
            ("<textarea><p>a</textarea>b<select><option>c</select>d", "bd"),
            ("a < b <3 <div", "a < b <3div()"),
            ("<p title='a>b<div>' alt=\"c>\">d", "p(d)"),
            ("<p a=b'c>d", "p(d)"),
            ("<p title='a>b", "p()"),
        ] {
            assert_eq!(outline(html), expected, "{html}");
        }
    }

    #[test]
    fn attributes_are_read() {
        for (html, expected) in [
            ("<p hidden>", "p!()"),
            ("<p style='color: red; DISPLAY:none'>", "p()"),
            ("<p style='color: red; display : none'>", "p!()"),
            ("<p style=visibility:hidden>", "p!()"),
            ("<p aria-hidden=true>", "p!()"),
            ("<p aria-hidden=false>", "p()"),
            ("<a>", "a()"),
            ("<a HREF = 'x'>", "a*()"),
        ] {
            assert_eq!(outline(html), expected, "{html}");
        }
        let tree = Tree::parse("<div id=a class='b c' itemprop=articleBody><p class>").unwrap();
        let (div, p) = (&tree.nodes[1], &tree.nodes[2]);
        assert_eq!((div.id, div.class, div.is(Node::ARTICLE_BODY), p.class), ("a", "b c", true, ""));
    }

    #[test]
    fn parsing_ends_at_the_bounds() {
        let excess = |html: String| Tree::parse(&html).map(|tree| tree.nodes.len());
        assert_eq!(excess("<div>".repeat(100_000)), Err(Excess::Depth));
        assert_eq!(excess("<font><b>".repeat(100_000)), Err(Excess::Depth));
        assert_eq!(excess("<p>a".repeat(MAX_TAGS + 1)), Err(Excess::Nodes));
        assert_eq!(excess("</p>".repeat(MAX_TAGS + 1)), Err(Excess::Nodes));
        assert_eq!(excess("a<!---->".repeat(MAX_NODES)), Err(Excess::Nodes));
        assert_eq!(excess("<p>a".repeat(MAX_TAGS)), Ok(1 + 2 * MAX_TAGS));
        assert_eq!(excess("<noscript>".repeat(1000)), Ok(1));
        assert_eq!(excess(format!("{}a", "<x-y>".repeat(1000))), Ok(2));
    }
}
