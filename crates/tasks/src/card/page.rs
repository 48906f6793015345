//! `report.html`: the report and the base model's page as one file that needs no other, with the charts in it.
//!
//! Made from the Markdown alone. What models wrote is text here too: no tag, address or picture of theirs becomes one.

use std::collections::BTreeMap;

use base::text::escape;
use pulldown_cmark::{CowStr, Event, HeadingLevel, Options, Parser, Tag, TagEnd, html};

/// Light and dark, on paper and on a phone.
const STYLE: &str = "\
:root { color-scheme: light dark; --ink: #1b2733; --muted: #56636f; --line: #d8dde2; --ground: #fbfbfa; --raised: #ffffff; --link: #00598c }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e4e7ea; --muted: #9aa5b1; --line: #333c45; --ground: #14181c; --raised: #1c2227; --link: #7cc4f2 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 16px/1.6 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif }
.layout { display: grid; grid-template-columns: 15rem minmax(0, 54rem); gap: 3rem; max-width: 78rem; margin: 0 auto; padding: 2rem 1.25rem 5rem }
nav { position: sticky; top: 2rem; align-self: start; max-height: calc(100vh - 4rem); overflow: auto; font-size: .86rem }
nav ol { list-style: none; margin: 0; padding: 0 }
nav a { display: block; padding: .18rem 0; color: var(--muted); text-decoration: none }
nav a:hover, nav a:focus { color: var(--ink); text-decoration: underline }
a { color: var(--link) }
h1 { font-size: 1.9rem; line-height: 1.2; letter-spacing: -.015em; margin: 0 0 1rem }
article + article h1 { margin-top: 4rem; padding-top: 2.5rem; border-top: 1px solid var(--line) }
h2 { font-size: 1.28rem; margin: 2.8rem 0 .6rem; letter-spacing: -.01em }
h3 { font-size: 1.02rem; margin: 1.8rem 0 .4rem }
p { max-width: 44rem }
.wide { overflow-x: auto; margin: 1rem 0 }
.wide:focus-visible { outline: 2px solid var(--link) }
table { border-collapse: collapse; font-size: .84rem; font-variant-numeric: tabular-nums; line-height: 1.35 }
th, td { padding: .34rem .9rem .34rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line) }
th { font-weight: 600; white-space: nowrap }
td:not(:first-child) { white-space: nowrap }
td code { white-space: normal }
td:has(code) { min-width: 10rem }
figure { margin: 1.2rem 0 }
figure svg { max-width: 100%; height: auto; display: block }
code, pre { font: .84rem/1.5 ui-monospace, 'SF Mono', Menlo, Consolas, monospace }
pre { background: var(--raised); border: 1px solid var(--line); border-radius: 8px; padding: .7rem .9rem; white-space: pre-wrap; overflow-wrap: anywhere }
:not(pre) > code { overflow-wrap: anywhere }
blockquote { margin: .6rem 0; padding: .1rem 0 .1rem 1rem; border-left: 3px solid var(--line); color: var(--muted); overflow-wrap: anywhere }
@media (max-width: 60rem) { .layout { display: block } nav { position: static; max-height: none; margin-bottom: 2rem; columns: 2 } }
@media print { nav { display: none } .layout { display: block } }
";

/// The page of some Markdown texts, each with its file's name, and the pictures that they show by name. Links between the texts lead to
/// their places on the page.
pub fn page(title: &str, texts: &[(&str, &str)], pictures: &[(&str, String)]) -> String {
    let pictures: BTreeMap<&str, &str> = pictures.iter().map(|(name, svg)| (*name, svg.as_str())).collect();
    let mut contents = String::new();
    let mut articles = String::new();
    let mut numbers = 0;
    for (name, markdown) in texts {
        let (events, headings) = events(markdown, texts, &pictures, &mut numbers);
        for (id, text) in headings {
            contents += &format!("<li><a href=\"#{id}\">{}</a></li>\n", escape(&text));
        }
        articles += &format!("<article id=\"{}\">\n", anchor(name));
        html::push_html(&mut articles, events.into_iter());
        articles += "</article>\n";
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<div class=\"layout\">\n<nav aria-label=\"Contents\">\n<ol>\n{contents}</ol>\n</nav>\n\
         <main>\n{articles}</main>\n</div>\n</body>\n</html>\n",
        escape(title)
    )
}

/// The id of a text's place.
fn anchor(name: &str) -> String {
    name.replace('.', "-")
}

/// The events of a text with pictures in place and headings numbered, and the headings of its first two levels with their ids.
fn events<'a>(
    markdown: &'a str,
    texts: &[(&str, &str)],
    pictures: &BTreeMap<&str, &str>,
    numbers: &mut usize,
) -> (Vec<Event<'a>>, Vec<(String, String)>) {
    let mut events = Vec::new();
    let mut headings: Vec<(String, String)> = Vec::new();
    let mut in_heading = false;
    let mut in_picture = false;
    for event in Parser::new_ext(markdown, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                *numbers += 1;
                let id = format!("s{numbers}");
                in_heading = level <= HeadingLevel::H2;
                if in_heading {
                    headings.push((id.clone(), String::new()));
                }
                events.push(Event::Start(Tag::Heading { level, id: Some(CowStr::from(id)), classes, attrs }));
            }
            Event::End(TagEnd::Heading(level)) => {
                in_heading = false;
                events.push(Event::End(TagEnd::Heading(level)));
            }
            Event::Start(Tag::Image { dest_url, .. }) => {
                in_picture = true;
                if let Some(svg) = pictures.get(&*dest_url) {
                    events.push(Event::InlineHtml(CowStr::from(format!("<figure>{svg}</figure>"))));
                }
            }
            Event::End(TagEnd::Image) => in_picture = false,
            _ if in_picture => {}
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => {
                let inside = texts.iter().find(|(name, _)| *name == &*dest_url).map(|(name, _)| CowStr::from(format!("#{}", anchor(name))));
                events.push(Event::Start(Tag::Link { link_type, dest_url: inside.unwrap_or(dest_url), title, id }));
            }
            // A wide table scrolls by itself, by keyboard too.
            Event::Start(Tag::Table(columns)) => {
                events.push(Event::Html(CowStr::from("<div class=\"wide\" tabindex=\"0\" role=\"region\" aria-label=\"Table\">")));
                events.push(Event::Start(Tag::Table(columns)));
            }
            Event::End(TagEnd::Table) => {
                events.push(Event::End(TagEnd::Table));
                events.push(Event::Html(CowStr::from("</div>\n")));
            }
            Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(text)),
            other => {
                if let (true, Event::Text(text) | Event::Code(text), Some((_, heading))) = (in_heading, &other, headings.last_mut()) {
                    heading.push_str(text);
                }
                events.push(other);
            }
        }
    }
    (events, headings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_needs_no_other_file_and_takes_no_tag() {
        let report = "# One & two\n\n![Loss](loss.svg) ![Gone](gone.svg)\n\nSee [the rest](base.md) and [that](https://a.org/).\n\n## Part\n\n\
                      | a | b |\n|---|---|\n| 1 | <script>x</script> |\n\n<img src=x>\n\n```text\n</pre><script>\n```\n";
        let page = page("Card <1>", &[("report.md", report), ("base.md", "# Base\n")], &[("loss.svg", "<svg>loss</svg>".into())]);
        assert!(page.contains("<figure><svg>loss</svg></figure>") && !page.contains("gone.svg"));
        assert!(page.contains("<a href=\"#base-md\">the rest</a>") && page.contains("<article id=\"base-md\">"));
        assert!(page.contains("<a href=\"https://a.org/\">that</a>"));
        assert!(
            page.contains(
                "<li><a href=\"#s1\">One &amp; two</a></li>\n<li><a href=\"#s2\">Part</a></li>\n<li><a href=\"#s3\">Base</a></li>"
            )
        );
        assert!(page.contains("<title>Card &lt;1&gt;</title>") && page.contains("<div class=\"wide\""));
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
    }
}
