//! How deep a page nests its tags, counted without building its tree.
//!
//! Parsers of trees recurse, and a page nested 100,000 deep ends the whole process. So the depth is counted first, with
//! a stack of open tags that follows the HTML standard's rules for closing closely enough never to count much less than
//! a parser builds: elements that close by themselves (`p`, `li`, `td`, ...) are left out, so that thousands of unclosed
//! ones are not taken for nesting, and a real tree may be a few times as deep as the count. Knows nothing about content.

/// The count of a page: tags, and the deepest nesting met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Start tags.
    pub tags: usize,
    /// Most elements open at once; counting ends at the first excess over the limit given.
    pub depth: usize,
}

/// An open element.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Open {
    /// Hash of the lower-cased name.
    name: u64,
    /// For formatting elements, hash of the whole tag; else 0.
    whole: u64,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `b`, `i`, `font`, ...: closed by a block around it, it opens again inside what follows.
    Formatting,
    /// Blocks, which an inner end tag cannot close.
    Special,
    /// `table` and its like, which hide what is open outside them.
    Barrier,
    /// Everything else, such as `span`.
    Other,
}

/// Elements without content, and elements whose end is implied.
#[rustfmt::skip]
const UNCOUNTED: [&str; 37] = [
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "image", "img", "input", "keygen", "link", "meta", "param",
    "source", "track", "wbr",
    "p", "li", "dt", "dd", "option", "optgroup", "colgroup", "caption", "tr", "td", "th", "tbody", "thead", "tfoot", "html", "head", "body", "a",
];
const FORMATTING: [&str; 13] = ["b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
#[rustfmt::skip]
const SPECIAL: [&str; 46] = [
    "address", "article", "aside", "blockquote", "button", "center", "details", "dir", "div", "dl", "fieldset", "figcaption", "figure", "footer",
    "form", "frameset", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hgroup", "iframe", "listing", "main", "menu", "nav", "noembed", "noframes",
    "noscript", "ol", "plaintext", "pre", "search", "section", "select", "summary", "ul", "xmp", "title", "desc", "foreignobject", "mi", "mo",
];
const BARRIER: [&str; 5] = ["applet", "marquee", "object", "table", "template"];
/// Elements whose content is text up to their end tag.
const RAW_TEXT: [&str; 8] = ["script", "style", "textarea", "title", "xmp", "iframe", "noembed", "noframes"];

/// Counts a page's tags and nesting; stops when more than `most` elements are open at once.
pub fn shape(html: &str, most: usize) -> Shape {
    let bytes = html.as_bytes();
    let mut open: Vec<Open> = Vec::new();
    let mut shape = Shape { tags: 0, depth: 0 };
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == b'<') {
        at += found + 1;
        match bytes.get(at) {
            Some(b'!') if bytes[at..].starts_with(b"!--") => at = end_of_comment(bytes, at + 3),
            Some(b'!' | b'?') => at = find(bytes, at, b">"),
            Some(b'/') if bytes.get(at + 1).is_some_and(u8::is_ascii_alphabetic) => {
                let name = name_at(bytes, at + 1);
                close(&mut open, &name.to_ascii_lowercase());
                at = end_of_tag(bytes, at + 1 + name.len());
            }
            Some(byte) if byte.is_ascii_alphabetic() => {
                let name = name_at(bytes, at).to_ascii_lowercase();
                let end = end_of_tag(bytes, at + name.len());
                let tag = &bytes[at..end];
                at = end;
                shape.tags += 1;
                if let Some(element) = element(&name, tag) {
                    open.push(element);
                    shape.depth = shape.depth.max(open.len());
                    if shape.depth > most {
                        return shape;
                    }
                }
                if RAW_TEXT.iter().any(|raw| raw.as_bytes() == name) {
                    at = end_of_raw_text(bytes, at, &name);
                }
            }
            _ => {}
        }
    }
    shape
}

pub(crate) fn name_at(bytes: &[u8], start: usize) -> &[u8] {
    let length = bytes[start..].iter().take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>')).count();
    &bytes[start..start + length]
}

/// The place behind the first `needle` at or after `from`, or the end.
pub(crate) fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    rest.windows(needle.len()).position(|window| window == needle).map_or(bytes.len(), |found| from + found + needle.len())
}

/// The place behind a comment whose text begins at `from`; `<!-->` and `<!--->` are whole comments.
pub(crate) fn end_of_comment(bytes: &[u8], from: usize) -> usize {
    let rest = &bytes[from..];
    if rest.starts_with(b">") {
        return from + 1;
    }
    if rest.starts_with(b"->") {
        return from + 2;
    }
    for dashes in rest.windows(2).enumerate().filter(|(_, pair)| *pair == b"--").map(|(at, _)| at) {
        let after = &rest[dashes + 2..];
        if after.starts_with(b">") || after.starts_with(b"!>") {
            return from + dashes + if after[0] == b'>' { 3 } else { 4 };
        }
    }
    bytes.len()
}

/// The place behind the `>` of a tag; one inside a quoted attribute value does not count.
pub(crate) fn end_of_tag(bytes: &[u8], mut at: usize) -> usize {
    let mut quote = None;
    let mut after_equals = false;
    while let Some(&byte) = bytes.get(at) {
        at += 1;
        match (quote, byte) {
            (Some(mark), byte) if byte == mark => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return at,
            (None, b'"' | b'\'') if after_equals => quote = Some(byte),
            _ => {}
        }
        after_equals = byte == b'=' || (after_equals && byte.is_ascii_whitespace());
    }
    at
}

/// The place of the end tag `</name`, or the end.
pub(crate) fn end_of_raw_text(bytes: &[u8], from: usize, name: &[u8]) -> usize {
    let mut at = from;
    while let Some(found) = bytes[at..].windows(2).position(|window| window == b"</") {
        at += found;
        let rest = &bytes[at + 2..];
        if rest.len() >= name.len() && rest[..name.len()].eq_ignore_ascii_case(name) {
            return at;
        }
        at += 2;
    }
    bytes.len()
}

fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

fn kind_of(name: &[u8]) -> Kind {
    let is_in = |names: &[&str]| names.iter().any(|other| other.as_bytes() == name);
    match () {
        () if is_in(&FORMATTING) => Kind::Formatting,
        () if is_in(&SPECIAL) => Kind::Special,
        () if is_in(&BARRIER) => Kind::Barrier,
        () => Kind::Other,
    }
}

/// The stack entry of a start tag, or `None` for elements that are not counted.
fn element(name: &[u8], tag: &[u8]) -> Option<Open> {
    if UNCOUNTED.iter().any(|other| other.as_bytes() == name) {
        return None;
    }
    let kind = kind_of(name);
    Some(Open { name: hash(name), whole: if kind == Kind::Formatting { hash(tag) } else { 0 }, kind })
}

/// What an end tag closes: the nearest open element of its name, unless something stands between that hides it.
fn close(open: &mut Vec<Open>, name: &[u8]) {
    let (kind, name) = (kind_of(name), hash(name));
    let hides = |element: &Open| match kind {
        Kind::Barrier => element.kind == Kind::Barrier,
        Kind::Special | Kind::Formatting => element.kind == Kind::Barrier,
        Kind::Other => matches!(element.kind, Kind::Barrier | Kind::Special),
    };
    for i in (0..open.len()).rev() {
        if open[i].name == name {
            if kind == Kind::Formatting {
                open.remove(i); // blocks inside it stay open
            } else {
                close_through(open, i);
            }
            return;
        }
        if hides(&open[i]) {
            return;
        }
    }
}

/// Closes element `i` and what is open inside it. Formatting elements inside a block open again behind it, at most
/// three equal ones; behind a table or its like they do not.
fn close_through(open: &mut Vec<Open>, i: usize) {
    let closed = open.split_off(i);
    if closed[0].kind == Kind::Barrier {
        return;
    }
    for element in &closed[1..] {
        let equal = open.iter().rev().take_while(|other| other.kind != Kind::Barrier).filter(|other| **other == *element).count();
        if element.kind == Kind::Formatting && equal < 3 {
            open.push(*element);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_that_of_open_elements() {
        for (html, depth, tags) in [
            ("", 0, 0),
            ("<p>a<p>b<p>c", 0, 3),
            ("<div><div></div></div><div></div>", 2, 3),
            ("<ul><li>a<li>b<ul><li>c</ul></ul>", 2, 5),
            ("<div><span></div><div><span></div>", 2, 4),
            ("<div></span><div></span><div>", 3, 3),
            ("<span><div></span><span><div></span>", 4, 4), // </span> does not close through a block
            ("<div><table></div><table></div>", 3, 3),
            ("<font><div></font><font><div></font>", 3, 4),
            ("<div><b></div><div><b></div><div><b></div><div><b></div><div><b></div>", 5, 10), // at most three reopen
            ("<!-- <div><div> --><div>", 1, 1),
            ("<!--><div>", 1, 1),
            ("<script>'<div><div>'</script><div>", 1, 2),
            ("<img alt='<div><div>'><div title=\"a>b<div>\">", 1, 2),
            ("a < b <3 <div", 1, 1),
            ("</div></div><br/><hr>", 0, 2),
            ("<TEXTAREA><div></textarea><DIV></div><div>", 1, 3),
        ] {
            assert_eq!(shape(html, 1000), Shape { tags, depth }, "{html}");
        }
    }

    #[test]
    fn counting_ends_at_the_limit() {
        let deep = "<div>".repeat(100_000);
        assert_eq!(shape(&deep, 500), Shape { tags: 501, depth: 501 });
        let wide = "<div></div>".repeat(100_000);
        assert_eq!(shape(&wide, 500), Shape { tags: 100_000, depth: 1 });
    }
}
