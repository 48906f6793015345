//! What a page says to a crawler: where it leads, and what it asks not to be done.
//!
//! A scan over the bytes without a tree, so that no nesting is too deep for it. Knows the tags that lead somewhere and
//! `<meta name=robots>`; addresses come out as they stand, their entities decoded.

use crate::scan::{end_of_comment, end_of_raw_text, end_of_tag, find, name_at};

/// Of a page so many links are followed.
pub const MAX_LINKS: usize = 20_000;

/// What a page holds for a crawler. Addresses are as they stand, relative ones too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PageLinks {
    /// Links in order, at most [`MAX_LINKS`] of them.
    pub targets: Vec<String>,
    /// Links behind those.
    pub excess: u64,
    /// Links marked with `rel=nofollow`; they are not among the targets.
    pub nofollow: u64,
    /// The address that relative links start from.
    pub base: Option<String>,
    /// The address that the page says is its own.
    pub canonical: Option<String>,
    /// What it asks for.
    pub wishes: Wishes,
}

/// What a page or a server asks of crawlers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Its text shall not be kept.
    pub noindex: bool,
    /// Its links shall not be followed.
    pub nofollow: bool,
}

impl Wishes {
    /// Adds the wishes in the content of a `<meta name=robots>` tag or an `X-Robots-Tag` header.
    pub fn add(&mut self, content: &str) {
        for word in content.split([',', ' ', '\t']) {
            let word = word.trim();
            let is = |name: &str| word.eq_ignore_ascii_case(name);
            self.noindex |= is("noindex") || is("none");
            self.nofollow |= is("nofollow") || is("none");
        }
    }

    /// Adds those of an `X-Robots-Tag` header, which may name the crawler that it is for: `otherbot: noindex`.
    pub fn add_header(&mut self, value: &str, agent: &str) {
        match value.split_once(':') {
            Some((name, content)) if !name.contains(',') => {
                if name.trim().eq_ignore_ascii_case(agent) {
                    self.add(content);
                }
            }
            _ => self.add(value),
        }
    }
}

/// Elements whose content is text up to their end tag.
const RAW_TEXT: [&[u8]; 7] = [b"script", b"style", b"textarea", b"title", b"xmp", b"noembed", b"iframe"];

/// Reads a page. `agent` is the crawler's own name, lower case, for `<meta name=AGENT>`.
pub fn read(html: &str, agent: &str) -> PageLinks {
    let bytes = html.as_bytes();
    let mut page = PageLinks::default();
    let mut at = 0;
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == b'<') {
        at += found + 1;
        match bytes.get(at) {
            Some(b'!') if bytes[at..].starts_with(b"!--") => at = end_of_comment(bytes, at + 3),
            Some(b'!' | b'?') => at = find(bytes, at, b">"),
            Some(byte) if byte.is_ascii_alphabetic() => {
                let name = name_at(bytes, at).to_ascii_lowercase();
                let start = at + name.len();
                at = end_of_tag(bytes, start);
                read_tag(&mut page, &name, &html[start..at], agent);
                if RAW_TEXT.contains(&name.as_slice()) {
                    at = end_of_raw_text(bytes, at, &name);
                }
            }
            _ => {}
        }
    }
    page
}

fn read_tag(page: &mut PageLinks, name: &[u8], rest: &str, agent: &str) {
    let wanted = match name {
        b"a" | b"area" | b"base" | b"link" => "href",
        b"iframe" | b"frame" => "src",
        b"meta" => "content",
        _ => return,
    };
    let tag = Attributes { rest: rest.strip_suffix('>').unwrap_or(rest).as_bytes() };
    let mut value = None;
    let (mut rel, mut meta, mut equiv) = (String::new(), String::new(), String::new());
    for (name, text) in tag {
        match name.as_str() {
            name if name == wanted && value.is_none() => value = Some(decode_entities(text)),
            "rel" => rel = text.to_ascii_lowercase(),
            "name" => meta = text.trim().to_ascii_lowercase(),
            "http-equiv" => equiv = text.trim().to_ascii_lowercase(),
            _ => {}
        }
    }
    let Some(value) = value.map(|value| value.trim().to_string()) else { return };
    let has_rel = |word: &str| rel.split_ascii_whitespace().any(|part| part == word);
    match name {
        b"base" if page.base.is_none() => page.base = Some(value),
        b"link" if has_rel("canonical") => page.canonical = page.canonical.take().or(Some(value)),
        b"link" if has_rel("next") || has_rel("prev") => add(page, value),
        b"meta" if meta == "robots" || meta == agent => page.wishes.add(&value),
        b"meta" if equiv == "refresh" => {
            if let Some((_, target)) = split_refresh(&value) {
                add(page, target.to_string());
            }
        }
        b"a" | b"area" if has_rel("nofollow") => page.nofollow += 1,
        b"a" | b"area" | b"iframe" | b"frame" => add(page, value),
        _ => {}
    }
}

/// A link, unless it leads to a place on the page itself.
fn add(page: &mut PageLinks, target: String) {
    if target.is_empty() || target.starts_with('#') {
        return;
    }
    match page.targets.len() < MAX_LINKS {
        true => page.targets.push(target),
        false => page.excess += 1,
    }
}

/// `5; url='next.html'` to `5` and `next.html`.
fn split_refresh(content: &str) -> Option<(&str, &str)> {
    let (seconds, rest) = content.split_once([';', ','])?;
    let (key, target) = rest.split_once('=')?;
    key.trim().eq_ignore_ascii_case("url").then(|| (seconds, target.trim().trim_matches(['"', '\''])))
}

/// The attributes of a tag: lower-cased names and values as they stand; a name without a value has an empty one.
struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (String, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        let is_gap = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'/';
        let skip = |bytes: &'a [u8], what: &dyn Fn(&u8) -> bool| &bytes[bytes.iter().take_while(|byte| what(byte)).count()..];
        let start = skip(self.rest, &is_gap);
        let length = start.iter().take_while(|byte| !is_gap(byte) && **byte != b'=').count();
        if start.is_empty() {
            return None;
        }
        // A lone `=` is a name of its own, else the scan would stand still.
        let (name, after) = start.split_at(length.max(1));
        let value = skip(after, &u8::is_ascii_whitespace);
        let (value, rest) = match value.strip_prefix(b"=") {
            None => (&after[..0], after),
            Some(value) => {
                let value = skip(value, &u8::is_ascii_whitespace);
                match value.first() {
                    Some(&mark @ (b'"' | b'\'')) => {
                        let end = value[1..].iter().position(|&byte| byte == mark).map_or(value.len(), |end| end + 1);
                        (&value[1..end], value.get(end + 1..).unwrap_or_default())
                    }
                    _ => value.split_at(value.iter().take_while(|byte| !byte.is_ascii_whitespace()).count()),
                }
            }
        };
        self.rest = rest;
        // Cut at ASCII bytes only, so both are whole UTF-8.
        Some((String::from_utf8_lossy(name).to_ascii_lowercase(), std::str::from_utf8(value).unwrap_or_default()))
    }
}

/// The entities that occur in addresses: numbers and the four names that HTML itself needs.
fn decode_entities(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let (decoded, length) = entity(rest).unwrap_or(('&', 1));
        out.push(decoded);
        rest = &rest[length..];
    }
    out.push_str(rest);
    out
}

/// The character of the entity that `text` begins with, and its length.
fn entity(text: &str) -> Option<(char, usize)> {
    for (name, character) in [("&amp;", '&'), ("&lt;", '<'), ("&gt;", '>'), ("&quot;", '"')] {
        if text.starts_with(name) {
            return Some((character, name.len()));
        }
    }
    let digits = text.strip_prefix("&#")?;
    let (digits, radix, head) = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, 16, 3),
        None => (digits, 10, 2),
    };
    let length = digits.bytes().take(8).take_while(|byte| char::from(*byte).is_digit(radix)).count();
    let character = char::from_u32(u32::from_str_radix(&digits[..length], radix).ok()?)?;
    let semicolon = usize::from(digits[length..].starts_with(';'));
    Some((character, head + length + semicolon))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(html: &str, expected: &[&str]) {
        assert_eq!(read(html, "schoolhouse").targets, expected, "{html}");
    }

    #[test]
    fn links_of_all_spellings() {
        for (html, expected) in [
            ("<a href=\"a.html\">x</a><A HREF = 'b'>y</A><a\nclass=x href=c>z", &["a.html", "b", "c"][..]),
            ("<a href='?a=1&amp;b=2&#38;c=3&#x26;d=4&copy=5'>", &["?a=1&b=2&c=3&d=4&copy=5"]),
            ("<a href=>x</a><a>y</a><a href>z</a><a href='#top'>", &[]),
            ("<area href=m><iframe src=f></iframe><frame src='g'>", &["m", "f", "g"]),
            ("<!-- <a href=x> --><script>'<a href=y>'</script><a href=z>", &["z"]),
            ("<a title='a>b' href=c><a title=\"href=no\" href=d>", &["c", "d"]),
            ("<a href=a href=b>", &["a"]),
            ("<a href='unfinished", &["unfinished"]),
            ("<a = href=x><a ==a href=y><a / href = z>", &["x", "y", "z"]),
            ("<abbr href=x><link rel=stylesheet href=y><link rel='next' href=z>", &["z"]),
            ("<meta http-equiv=Refresh content=\"0; URL='next.html'\"><meta http-equiv=refresh content=5>", &["next.html"]),
            ("<a href=' spaced '>\u{e9}<a href='caf\u{e9}'>", &["spaced", "caf\u{e9}"]),
            ("<a href=x/>", &["x/"]),
        ] {
            check(html, expected);
        }
    }

    #[test]
    fn what_a_page_asks_for() {
        let page = read(
            "<base href=/b/><base href=/c/><link rel='x Canonical' href=own><a rel='noopener NoFollow' href=x>\
             <meta name=ROBOTS content='index, NOFOLLOW'><a href=y>",
            "schoolhouse",
        );
        assert_eq!((page.base.as_deref(), page.canonical.as_deref(), page.nofollow), (Some("/b/"), Some("own"), 1));
        assert_eq!(page.targets, ["y"]);
        assert_eq!(page.wishes, Wishes { noindex: false, nofollow: true });
        for (name, content, expected) in [
            ("robots", "none", (true, true)),
            ("schoolhouse", "noindex", (true, false)),
            ("otherbot", "noindex", (false, false)),
            ("robots", "max-snippet:5,all", (false, false)),
        ] {
            let wishes = read(&format!("<meta content='{content}' name={name}>"), "schoolhouse").wishes;
            assert_eq!((wishes.noindex, wishes.nofollow), expected, "{name} {content}");
        }
        for (value, expected) in
            [("noindex, nofollow", (true, true)), ("otherbot: noindex", (false, false)), ("Schoolhouse: noindex", (true, false))]
        {
            let mut wishes = Wishes::default();
            wishes.add_header(value, "schoolhouse");
            assert_eq!((wishes.noindex, wishes.nofollow), expected, "{value}");
        }
    }

    #[test]
    fn hostile_pages_end() {
        let deep = "<div><b>".repeat(200_000) + "<a href=x>";
        check(&deep, &["x"]);
        let many = read(&"<a href=x>".repeat(MAX_LINKS + 7), "s");
        assert_eq!((many.targets.len(), many.excess), (MAX_LINKS, 7));
        for html in
            ["<", "<a", "<a ", "<a href", "<a href=", "<a href='", "<!", "<!--", "<a href=&#x110000;>", "<a href='&#'>", "<a =", "</"]
        {
            read(html, "s");
        }
    }
}
