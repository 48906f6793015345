//! Where tags, comments and raw text end: a scan over bytes, after the HTML standard's tokenizer as far as that needs.
//!
//! Knows no element and builds nothing.

/// The name of a tag that begins at `start`.
pub fn name_at(bytes: &[u8], start: usize) -> &[u8] {
    let length = bytes[start..].iter().take_while(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>')).count();
    &bytes[start..start + length]
}

/// The place behind the first `needle` at or after `from`, or the end.
pub fn find(bytes: &[u8], from: usize, needle: &[u8]) -> usize {
    let rest = bytes.get(from..).unwrap_or_default();
    memchr::memmem::find(rest, needle).map_or(bytes.len(), |found| from + found + needle.len())
}

/// The place behind a comment whose text begins at `from`; `<!-->` and `<!--->` are whole comments.
pub fn end_of_comment(bytes: &[u8], from: usize) -> usize {
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
pub fn end_of_tag(bytes: &[u8], mut at: usize) -> usize {
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
pub fn end_of_raw_text(bytes: &[u8], from: usize, name: &[u8]) -> usize {
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
