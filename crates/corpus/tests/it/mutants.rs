//! Pages and archives damaged at random, from a seed: none may end in a panic.
//!
//! `examples/mutate.rs` runs the same with any count and release speed.

use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use base::rng::Rng;
use corpus::extract::text_of_html;
use corpus::record::{Content, page};
use corpus::warc::{Entry, WarcPage, WarcReader, WarcWriter};
use corpus::{Reason, charset};

/// What became of a number of mutated pages.
#[derive(Debug, Default)]
pub struct Tally {
    /// Gave a text.
    pub texts: usize,
    /// Were dropped with a reason.
    pub dropped: usize,
    /// The numbers of pages that ended in a panic.
    pub panics: Vec<u64>,
    /// The slowest page: its time, number and size in bytes.
    pub slowest: (Duration, u64, usize),
}

/// Extracts mutants `from..to` of a seed. `weight` bounds their size: 1 gives pages up to some 100 KB, 100 up to some 10 MB.
pub fn run_pages(seed: u64, from: u64, to: u64, weight: usize) -> Tally {
    let mut tally = Tally::default();
    for number in from..to {
        let bytes = mutant(&mut Rng::derive(seed, &[number]), weight);
        let start = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let html = charset::decode(&bytes, None).ok_or(Reason("record/undecodable"))?;
            text_of_html(&html)
        }));
        let took = start.elapsed();
        if took > tally.slowest.0 {
            tally.slowest = (took, number, bytes.len());
        }
        match outcome {
            Ok(Ok(_)) => tally.texts += 1,
            Ok(Err(_)) => tally.dropped += 1,
            Err(_) => tally.panics.push(number),
        }
    }
    tally
}

/// Reads an archive of `count` mutants whose own bytes were damaged as well; gives the records that came out whole.
pub fn run_archive(seed: u64, number: u64, count: usize, file: &Path) -> usize {
    let mut rng = Rng::derive(seed, &[number, 1]);
    let mut writer = WarcWriter::new(Cursor::new(Vec::new()), "web.warc.gz", "2024-05-18T00:00:00Z").unwrap();
    for i in 0..count {
        let body = mutant(&mut rng, 1);
        let content_type =
            *rng.pick(&["text/html", "text/html; charset=utf-8", "text/html; charset=\"koi8-r\"", "", "text/html;;=;charset="]);
        let encoding = *rng.pick(&["identity", "gzip", "deflate", "br"]);
        let headers = vec![("Content-Type".into(), content_type.into()), ("Content-Encoding".into(), encoding.into())];
        let url = format!("http://a.example/{i}");
        writer.page(&WarcPage { url, date: "2024-05-18T01:58:10Z".into(), http_status: 200, headers, body }).unwrap();
    }
    let mut bytes = writer.finish().unwrap().into_inner();
    for _ in 0..rng.below(4) {
        damage(&mut rng, &mut bytes);
    }
    std::fs::write(file, &bytes).unwrap();
    let Ok(reader) = WarcReader::open(file) else { return 0 };
    let mut whole = 0;
    for entry in reader {
        if let Entry::Record(record) = entry
            && let Ok(page) = page(&record)
            && let Content::Html(html) = page.content
        {
            whole += 1;
            let _ = text_of_html(&html);
        }
    }
    whole
}

const WORDS: [&str; 24] = [
    "the",
    "mill",
    "at",
    "end",
    "of",
    "lane,",
    "where",
    "a",
    "river",
    "turns.",
    "and",
    "willows",
    "lean",
    "over",
    "water;",
    "counts",
    "geese",
    "number",
    "Größe",
    "語",
    "book.",
    "&amp;",
    "seven&nbsp;years",
    "&#8217;",
];
const TAGS: [&str; 34] = [
    "div",
    "p",
    "span",
    "a",
    "b",
    "table",
    "tr",
    "td",
    "th",
    "ul",
    "li",
    "ol",
    "dl",
    "dt",
    "dd",
    "h1",
    "h2",
    "pre",
    "code",
    "blockquote",
    "form",
    "article",
    "section",
    "nav",
    "aside",
    "script",
    "style",
    "textarea",
    "svg",
    "noscript",
    "select",
    "title",
    "x-y",
    "body",
];
const BITS: [&str; 20] = [
    "<!--",
    "-->",
    "<",
    ">",
    "</",
    "<!",
    "<?",
    "&",
    "&#",
    "&#x110000;",
    "&#0;",
    "\"",
    "'",
    "=",
    "<![CDATA[",
    "]]>",
    "<script>",
    "</script",
    "<plaintext>",
    "<svg/>",
];

fn words(rng: &mut Rng, most: usize) -> String {
    let count = 1 + rng.below(most);
    (0..count).map(|_| *rng.pick(&WORDS)).collect::<Vec<_>>().join(" ")
}

/// An ordinary page: a menu, an article, a table, code, comments, a footer.
fn whole_page(rng: &mut Rng) -> String {
    let mut html = String::from("<!DOCTYPE html><html><head><meta charset=utf-8><title>t</title><style>p {}</style>");
    if rng.chance(0.3) {
        html += &format!("<script type=\"application/ld+json\">{{\"articleBody\": \"{}\"}}</script>", words(rng, 60));
    }
    html +=
        "</head><body><nav><ul><li><a href=/>Home</a></li></ul></nav><div class=\"main-content\"><article class='post-content'><h1>x</h1>";
    for _ in 0..rng.below(12) {
        let text = words(rng, 80);
        html += &match rng.below(7) {
            0 => format!("<div>{text}<br>{text}</div>"),
            1 => format!("<ul><li>{text}</li><li><p>{text}</p></ul>"),
            2 => format!("<table><tr><th>a<td>{text}</td></tr></table>"),
            3 => format!("<pre><code>{text}\n  {text}</code></pre>"),
            4 => format!("<blockquote><p>{text}</blockquote>"),
            5 => format!("<div class='share-bar'><a href=x>{text}</a></div>"),
            _ => format!("<p>{text} <a href='/x'>{}</a></p>", words(rng, 3)),
        };
    }
    let comment = words(rng, 30);
    html + &format!(
        "</article><div id=comments><p>{comment}</p></div></div><footer>©</footer><script>var a = '</p>';</script></body></html>"
    )
}

/// A page with one to six things done to it.
fn mutant(rng: &mut Rng, weight: usize) -> Vec<u8> {
    let mut html = whole_page(rng);
    for _ in 0..1 + rng.below(4) {
        change(rng, &mut html, weight);
    }
    let mut bytes = match rng.below(8) {
        0 => html.chars().map(|c| c as u32 as u8).collect(), // Latin-1, whatever the page says
        1 => [0xFF, 0xFE].into_iter().chain(html.encode_utf16().flat_map(u16::to_le_bytes)).collect(),
        _ => html.into_bytes(),
    };
    for _ in 0..rng.below(3) {
        damage(rng, &mut bytes);
    }
    bytes
}

/// Inserts or removes something at a random place.
fn change(rng: &mut Rng, html: &mut String, weight: usize) {
    let mut at = rng.below(html.len() + 1);
    while !html.is_char_boundary(at) {
        at -= 1;
    }
    // Most pages stay small; a few are as large as they may be.
    let many = if rng.chance(0.05) { 1 + rng.below(20_000 * weight) } else { 1 + rng.below(300) };
    let (tag, other) = (*rng.pick(&TAGS), *rng.pick(&TAGS));
    let piece = match rng.below(13) {
        0 => return html.truncate(at),
        1 => format!("<{tag}>").repeat(many),
        2 => format!("<{tag}><{other}>").repeat(many / 2),
        3 => format!("<{tag}>x</{tag}>").repeat(many),
        4 => format!("</{tag}>").repeat(many),
        5 => format!("<{tag} class=\"{}\" id='{}'>", "side-bar comment ad ".repeat(many / 8), "x".repeat(many)),
        6 => format!("<{tag} {}>", (0..many).map(|i| format!("a{i}=b ")).collect::<String>()),
        7 => (0..rng.below(40)).map(|_| *rng.pick(&BITS)).collect(),
        8 => rng.pick(&BITS).repeat(many),
        9 => words(rng, many),
        10 => "x".repeat(many * 10),
        11 => format!("<table><tr>{}", format!("<td><a href=x>y</a><{tag}>").repeat(many)),
        _ => {
            let mut end = (at + many).min(html.len());
            while !html.is_char_boundary(end) {
                end -= 1;
            }
            html[at..end.max(at)].repeat(2)
        }
    };
    html.insert_str(at, &piece);
}

/// Flips, swaps, cuts or doubles bytes.
fn damage(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        return;
    }
    let (at, other) = (rng.below(bytes.len()), rng.below(bytes.len()));
    match rng.below(5) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes.swap(at, other),
        2 => bytes.truncate(at),
        3 => drop(bytes.drain(at.min(other)..at.max(other).min(at.min(other) + 100))),
        _ => {
            let noise: Vec<u8> = (0..rng.below(64)).map(|_| rng.below(256) as u8).collect();
            bytes.splice(at..at, noise);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten thousand pages; `examples/mutate.rs` runs a million.
    #[test]
    fn no_mutated_page_ends_in_a_panic() {
        let tally = run_pages(1, 0, 10_000, 1);
        println!("{tally:?}");
        assert_eq!(tally.panics, [0u64; 0]);
        assert_eq!(tally.texts + tally.dropped, 10_000);
        assert!(tally.texts > 2_000 && tally.dropped > 200, "{tally:?}");
    }

    #[test]
    fn no_mutated_archive_ends_in_a_panic() {
        let folder = crate::curate::scratch("mutants");
        let whole: usize = (0..200).map(|number| run_archive(2, number, 5, &folder.join("web.warc.gz"))).sum();
        assert!(whole > 300, "{whole}");
        std::fs::remove_dir_all(folder).unwrap();
    }
}
