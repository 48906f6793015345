//! From a WARC record to a page: HTTP taken off, HTML chosen, bytes turned to text.
//!
//! Knows HTTP as far as it stands in archives. A record in, a page or a verdict out; records that carry text already
//! (`conversion`, from WET files) come out as text.

use std::io::Read;

use crate::warc::WarcRecord;
use crate::{Reason, charset};

/// A page may have so many bytes of HTML.
pub const MAX_HTML_BYTES: usize = 10 << 20;

/// What a record holds, decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its address, empty if the record has none.
    pub url: String,
    /// `WARC-Date`.
    pub date: String,
    /// `WARC-Record-ID`.
    pub id: String,
    /// Its content.
    pub content: Content,
}

/// What a page is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// HTML, to be extracted.
    Html(String),
    /// HTML of more than [`MAX_HTML_BYTES`]; so many bytes were met. It was not decoded.
    TooLarge(u64),
    /// Text that somebody extracted before.
    Text(String),
}

impl Content {
    /// Its size in bytes.
    pub fn bytes(&self) -> u64 {
        match self {
            Content::Html(text) | Content::Text(text) => text.len() as u64,
            Content::TooLarge(bytes) => *bytes,
        }
    }
}

/// The page in a record: type `response` (or `conversion`), a status of success, HTML, in a charset that can be read.
///
/// The status is asked for because FineWeb's input has successful responses alone: Common Crawl keeps all others apart.
pub fn page(record: &WarcRecord) -> Result<Page, Reason> {
    let page = |content| Page {
        url: record.url().unwrap_or_default().to_string(),
        date: record.header("WARC-Date").unwrap_or_default().to_string(),
        id: record.header("WARC-Record-ID").unwrap_or_default().to_string(),
        content,
    };
    match record.header("WARC-Type") {
        Some("response") => {}
        Some("conversion") => {
            let text = charset::decode(&record.block, None).ok_or(Reason("record/undecodable"))?;
            return Ok(page(Content::Text(text)));
        }
        _ => return Err(Reason("record/not_response")),
    }
    let (http, body) = Http::split(&record.block).ok_or(Reason("record/not_html"))?;
    if !(200..300).contains(&http.status) {
        return Err(Reason("record/status"));
    }
    let content_type = http.header("Content-Type").unwrap_or_default();
    let (mime, http_charset) = parse_content_type(content_type);
    let identified = record.header("WARC-Identified-Payload-Type").map(str::to_ascii_lowercase);
    if !is_html(&identified.unwrap_or(mime), body) {
        return Err(Reason("record/not_html"));
    }
    let cut = record.block_bytes - record.block.len() as u64; // what the reader did not keep
    let body = http.decode_body(body);
    let bytes = body.len() as u64 + cut;
    if bytes > MAX_HTML_BYTES as u64 {
        return Ok(page(Content::TooLarge(bytes)));
    }
    let html = charset::decode(&body, http_charset.as_deref()).ok_or(Reason("record/undecodable"))?;
    Ok(page(Content::Html(html)))
}

/// An HTTP response's head.
struct Http<'a> {
    status: u16,
    headers: Vec<(&'a str, &'a str)>,
}

impl<'a> Http<'a> {
    /// Head and body of a response; `None` if there is no head.
    fn split(block: &'a [u8]) -> Option<(Http<'a>, &'a [u8])> {
        let mut headers = Vec::new();
        let mut status = None;
        let mut at = 0;
        loop {
            let end = at + block[at..].iter().position(|&byte| byte == b'\n')?;
            // Header values are ASCII by the book; a line that is not even UTF-8 is passed over.
            let line = std::str::from_utf8(&block[at..end]).unwrap_or("-").trim_end();
            at = end + 1;
            match status {
                None if line.starts_with("HTTP/") => status = Some(line.split(' ').nth(1)?.parse().ok()?),
                None => return None,
                Some(status) if line.is_empty() => return Some((Http { status, headers }, &block[at..])),
                Some(_) => headers.extend(line.split_once(':').map(|(name, value)| (name.trim(), value.trim()))),
            }
        }
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|&(_, value)| value)
    }

    /// The body without chunks and compression. Archives disagree on whether these are still on it, so the body itself
    /// has to look so. At most one byte more than [`MAX_HTML_BYTES`] is decompressed.
    fn decode_body(&self, body: &[u8]) -> Vec<u8> {
        let is_chunked = self.header("Transfer-Encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        let body = is_chunked.then(|| unchunk(body)).flatten().unwrap_or_else(|| body.to_vec());
        let encoding = self.header("Content-Encoding").unwrap_or_default().to_ascii_lowercase();
        let limit = MAX_HTML_BYTES as u64 + 1;
        let mut plain = Vec::new();
        // A stream cut short gives what it has: the page is then as long as what was archived of it.
        if encoding.contains("gzip") && body.starts_with(&[0x1f, 0x8b]) {
            let _ = flate2::read::MultiGzDecoder::new(&body[..]).take(limit).read_to_end(&mut plain);
        } else if encoding.contains("deflate") && body.first().is_some_and(|byte| byte & 0x0f == 8) {
            let _ = flate2::read::ZlibDecoder::new(&body[..]).take(limit).read_to_end(&mut plain);
        } else {
            return body;
        }
        plain
    }
}

/// The chunks of a chunked body joined, or `None` if it is not chunked after all. A body cut short gives what it has.
fn unchunk(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    loop {
        let end = rest.iter().take(64).position(|&byte| byte == b'\n');
        let size = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok()).and_then(|line| {
            let digits = line.split(';').next().unwrap_or_default().trim();
            usize::from_str_radix(digits, 16).ok()
        });
        let (Some(end), Some(size)) = (end, size) else {
            return (!out.is_empty()).then_some(out);
        };
        rest = &rest[end + 1..];
        if size == 0 {
            return Some(out);
        }
        out.extend_from_slice(&rest[..size.min(rest.len())]);
        rest = rest.get(size..).unwrap_or_default();
        rest = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    }
}

/// `text/html; charset="utf-8"` to the lower-cased type and the charset.
pub(crate) fn parse_content_type(value: &str) -> (String, Option<String>) {
    let mut parts = value.split(';');
    let mime = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.filter_map(|part| part.split_once('=')).find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"));
    (mime, charset.map(|(_, value)| value.trim().trim_matches(['"', '\'']).to_string()))
}

/// Whether a body is HTML: by its type, or where there is none, by its first bytes. A type that the first bytes prove
/// wrong does not help.
pub(crate) fn is_html(mime: &str, body: &[u8]) -> bool {
    const MAGICS: [&[u8]; 8] = [b"%PDF-", b"\x89PNG", b"GIF8", b"\xff\xd8\xff", b"PK\x03\x04", b"RIFF", b"{\\rtf", b"\xd0\xcf\x11\xe0"];
    if MAGICS.iter().any(|magic| body.starts_with(magic)) {
        return false;
    }
    if !mime.is_empty() {
        return matches!(mime, "text/html" | "application/xhtml+xml");
    }
    let top = String::from_utf8_lossy(&body[..body.len().min(1024)]).to_ascii_lowercase();
    let top = top.trim_start_matches('\u{feff}').trim_start();
    ["<!doctype html", "<html", "<head", "<body", "<title"].iter().any(|start| top.starts_with(start)) || top.contains("<html")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn record(kind: &str, block: impl AsRef<[u8]>) -> WarcRecord {
        let headers = [
            ("WARC-Type", kind),
            ("WARC-Target-URI", "<http://a.example/>"),
            ("WARC-Date", "2024-01-02T03:04:05Z"),
            ("WARC-Record-ID", "<urn:uuid:1>"),
        ];
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_string())).to_vec();
        WarcRecord { headers, block: block.as_ref().to_vec(), block_bytes: block.as_ref().len() as u64 }
    }

    fn response(head: &str, body: impl AsRef<[u8]>) -> WarcRecord {
        record("response", [format!("{head}\r\n\r\n").as_bytes(), body.as_ref()].concat())
    }

    fn outcome(record: &WarcRecord) -> String {
        match page(record) {
            Ok(Page { content: Content::Html(html), .. }) => html,
            Ok(Page { content, .. }) => format!("{content:?}"),
            Err(reason) => reason.0.to_string(),
        }
    }

    #[test]
    fn only_successful_html_passes() {
        let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html";
        for (record, expected) in [
            (response(html, "<p>x"), "<p>x"),
            (response("HTTP/1.0 200\nServer: a\ncontent-type: application/xhtml+xml; charset=utf-8", "<p>x"), "<p>x"),
            (response("HTTP/1.1 404 Not Found\r\nContent-Type: text/html", "<p>x"), "record/status"),
            (response("HTTP/1.1 301 Moved\r\nContent-Type: text/html", ""), "record/status"),
            (response("HTTP/1.1 200 OK\r\nContent-Type: text/plain", "<html>"), "record/not_html"),
            (response("HTTP/1.1 200 OK\r\nContent-Type: image/png", "x"), "record/not_html"),
            (response(html, "%PDF-1.4"), "record/not_html"),
            (response("HTTP/1.1 200 OK\r\nServer: a", "<!DOCTYPE html><p>x"), "<!DOCTYPE html><p>x"),
            (response("HTTP/1.1 200 OK\r\nServer: a", "just text"), "record/not_html"),
            (record("response", "no http at all"), "record/not_html"),
            (record("response", ""), "record/not_html"),
            (record("request", "GET / HTTP/1.1\r\n\r\n"), "record/not_response"),
            (record("conversion", "plain text"), "Text(\"plain text\")"),
            (response(html, b"caf\xc3\xa9 na\xc3\xafve \xff\xfe r\xc3\xa9sum\xc3\xa9"), "record/undecodable"),
            (response("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=\"ISO-8859-1\"", b"caf\xe9"), "café"),
        ] {
            assert_eq!(outcome(&record), expected);
        }
        let mut identified = response("HTTP/1.1 200 OK\r\nContent-Type: text/html", "x");
        identified.headers.push(("WARC-Identified-Payload-Type".into(), "application/pdf".into()));
        assert_eq!(outcome(&identified), "record/not_html");
        let whole = page(&response(html, "<p>x")).unwrap();
        assert_eq!(
            (whole.url.as_str(), whole.date.as_str(), whole.id.as_str()),
            ("http://a.example/", "2024-01-02T03:04:05Z", "<urn:uuid:1>")
        );
    }

    #[test]
    fn chunks_and_compression_come_off_if_they_are_on() {
        let head = |line: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{line}");
        let chunked = head("Transfer-Encoding: chunked");
        assert_eq!(outcome(&response(&chunked, "3\r\nabc\r\n2;x=1\r\nde\r\n0\r\n\r\n")), "abcde");
        assert_eq!(outcome(&response(&chunked, "A\r\nabc")), "abc");
        assert_eq!(outcome(&response(&chunked, "<p>not chunked")), "<p>not chunked");
        let gzip = head("Content-Encoding: gzip");
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(b"<p>packed").unwrap();
        assert_eq!(outcome(&response(&gzip, packed.finish().unwrap())), "<p>packed");
        assert_eq!(outcome(&response(&gzip, "<p>not packed")), "<p>not packed");
    }

    #[test]
    fn large_pages_are_counted_not_decoded() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/html";
        assert_eq!(outcome(&response(head, vec![b'x'; MAX_HTML_BYTES])).len(), MAX_HTML_BYTES);
        assert_eq!(outcome(&response(head, vec![b'x'; MAX_HTML_BYTES + 1])), format!("TooLarge({})", MAX_HTML_BYTES + 1));
        // 50 MB in a few kilobytes.
        let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(&vec![b'x'; 50 << 20]).unwrap();
        let bomb = response(&format!("{head}\r\nContent-Encoding: gzip"), packed.finish().unwrap());
        assert_eq!(outcome(&bomb), format!("TooLarge({})", MAX_HTML_BYTES + 1));
    }
}
