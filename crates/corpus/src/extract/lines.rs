//! From a part of a page's tree to lines of text.
//!
//! One line for each block, items with a dash before them, table cells with a bar between them; white space inside a
//! line is one space; `pre` keeps its line ends. Knows nothing about which part is worth it.

use crate::extract::tag::{Kind, Tag, kind};
use crate::extract::tree::Tree;

/// What a line is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// Text that stands in a container, in no paragraph or the like.
    #[default]
    Loose,
    /// A paragraph, item, cell, quotation or code.
    Text,
    /// A heading.
    Heading,
}

/// A line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Its text, without line ends.
    pub text: String,
    /// What it is made from.
    pub source: Source,
}

/// The lines of a node, without what was dropped; `dropped` begins with that node.
pub fn lines(tree: &Tree, root: usize, dropped: &[bool]) -> Vec<Line> {
    let mut lines = Lines::default();
    // Elements around the current node that matter here: what text in them is, and the node behind each.
    let mut open: Vec<(Tag, Source, usize)> = Vec::new();
    let mut pre = 0usize;
    let (mut at, end) = (root, tree.nodes[root].end as usize);
    while at < end {
        while let Some(&(tag, _, end)) = open.last()
            && end <= at
        {
            open.pop();
            close(&mut lines, tag, &mut pre);
        }
        let source = open.last().map_or(Source::Loose, |&(_, source, _)| source);
        lines.source = source;
        let node = &tree.nodes[at];
        if dropped[at - root] {
            if kind(node.tag) == Kind::Block {
                lines.end_line();
            } else {
                lines.gap = true;
            }
            at = node.end as usize;
            continue;
        }
        match node.tag {
            Tag::Text => lines.text(node.text, pre > 0),
            Tag::Br | Tag::Hr => lines.end_line(),
            Tag::Td | Tag::Th => {
                lines.cell();
                open.push((node.tag, Source::Text, node.end as usize));
            }
            tag if kind(tag) == Kind::Block => {
                lines.end_line();
                pre += usize::from(tag == Tag::Pre);
                lines.item = tag == Tag::Li;
                open.push((tag, source_of(tag).unwrap_or(source), node.end as usize));
            }
            _ => {}
        }
        at += 1;
    }
    lines.end_line();
    lines.whole
}

fn close(lines: &mut Lines, tag: Tag, pre: &mut usize) {
    match tag {
        Tag::Td | Tag::Th => lines.gap = true,
        _ => {
            lines.end_line();
            *pre -= usize::from(tag == Tag::Pre);
        }
    }
}

/// What text in an element is, if the element says it; else it is what it is around it.
fn source_of(tag: Tag) -> Option<Source> {
    use Tag::{Address, Blockquote, Caption, Dd, Dt, H1, H2, H3, H4, H5, H6, Li, P, Pre, Summary};
    match tag {
        H1 | H2 | H3 | H4 | H5 | H6 => Some(Source::Heading),
        P | Li | Dd | Dt | Pre | Blockquote | Caption | Summary | Address => Some(Source::Text),
        _ => None,
    }
}

#[derive(Default)]
struct Lines {
    whole: Vec<Line>,
    line: Line,
    source: Source,
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
        let decoded = if text.contains('&') { htmlize::unescape(text) } else { text.into() };
        let mut rest: &str = &decoded;
        while let Some(end) = rest.find(|c: char| c.is_whitespace() || c == '\u{ad}' || (c.is_control())) {
            self.push(&rest[..end]);
            let c = rest[end..].chars().next().expect("it was found");
            rest = &rest[end + c.len_utf8()..];
            match c {
                '\n' if keeps_lines => self.end_line(),
                c if c.is_whitespace() => self.gap = true,
                _ => {} // a soft hyphen is no text, nor is a control character
            }
        }
        self.push(rest);
    }

    fn push(&mut self, piece: &str) {
        if piece.is_empty() {
            return;
        }
        if self.line.text.is_empty() {
            self.line.text.push_str(if self.item { "- " } else { "" });
            self.line.source = self.source;
        } else if self.cell {
            self.line.text.push_str(" | ");
        } else if self.gap {
            self.line.text.push(' ');
        }
        (self.gap, self.item, self.cell) = (false, false, false);
        self.line.text.push_str(piece);
    }

    fn cell(&mut self) {
        self.cell = !self.line.text.is_empty();
    }

    fn end_line(&mut self) {
        if !self.line.text.is_empty() {
            self.whole.push(std::mem::take(&mut self.line));
        }
        (self.gap, self.item, self.cell) = (false, false, false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(html: &str, mark: impl Fn(&Line) -> String) -> String {
        let tree = Tree::parse(html).unwrap();
        lines(&tree, 0, &vec![false; tree.nodes.len()]).iter().map(mark).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn trees_become_lines() {
        for (html, expected) in [
            ("<p>a <b>b</b>c</p><p>\n d\n e </p>", "a bc\nd e"),
            ("<h2>t</h2><ul><li>one</li><li><p>two</p></li></ul>x", "t\n- one\ntwo\nx"),
            ("a<br>b<br/>c<hr>d", "a\nb\nc\nd"),
            ("<table><tbody><tr><th>a</th><th>b</th></tr><tr><td>1</td><td></td><td>3</td></tr></tbody></table>", "a | b\n1 | 3"),
            ("<pre>a\n  b &lt;c&gt;\n</pre>", "a\nb <c>"),
            ("x&nbsp;&nbsp;y &amp;lt; z&shy;w caf&eacute; &#8212; &unknown;", "x y &lt; zw café — &unknown;"),
            ("<img src='x' alt='y'>", ""),
            ("a<span>b</span> <i>c</i><span> d</span>", "ab c d"),
            ("a<custom-element>b</custom-element>", "ab"),
            ("a\u{7}b", "ab"),
        ] {
            assert_eq!(joined(html, |line| line.text.clone()), expected, "{html}");
        }
    }

    #[test]
    fn lines_know_what_they_are_made_from() {
        let mark = |line: &Line| format!("{} {:?}", line.text, line.source);
        for (html, expected) in [
            ("<div>a</div>", "a Loose"),
            ("<div><p>a</p>b</div>", "a Text\nb Loose"),
            ("<h1><a href=/>ab</a> c</h1>", "ab c Heading"),
            ("<ul><li><div>a</div></li></ul>", "a Text"),
        ] {
            assert_eq!(joined(html, mark), expected, "{html}");
        }
    }

    #[test]
    fn what_was_dropped_still_parts() {
        let html = "a<div>b</div>c<button>d</button>e";
        let tree = Tree::parse(html).unwrap();
        let dropped: Vec<bool> = tree.nodes.iter().map(|node| matches!(node.tag, Tag::Div | Tag::Button)).collect();
        let texts: Vec<String> = lines(&tree, 0, &dropped).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["a", "c e"]);
    }
}
