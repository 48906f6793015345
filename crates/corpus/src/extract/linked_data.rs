//! The article's text as a page tells it to machines: `articleBody` in scripts of linked data (schema.org).
//!
//! A last resort, for pages that show their text by script alone. Knows JSON; decides nothing.

use serde_json::Value;

use crate::extract::lines::{Line, Source, lines};
use crate::extract::tag::Tag;
use crate::extract::tree::Tree;

/// The lines of the longest text told; empty if there is none.
pub fn told(tree: &Tree) -> Vec<Line> {
    let mut texts = Vec::new();
    for node in tree.nodes.iter().filter(|node| node.tag == Tag::LinkedData) {
        if node.text.contains("\"articleBody\"")
            && let Ok(value) = serde_json::from_str(node.text.trim())
        {
            collect(&value, &mut texts);
        }
    }
    texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
    texts.first().map(|text| lines_of(text)).unwrap_or_default()
}

/// Every `articleBody` in a value. Its nesting is bounded by the reader of JSON.
fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "articleBody" => texts.push(text.clone()),
                    value => collect(value, texts),
                }
            }
        }
        _ => {}
    }
}

/// A text told may be HTML, or HTML whose marks are entities, or plain.
fn lines_of(text: &str) -> Vec<Line> {
    let text = if text.contains("&lt;") { htmlize::unescape(text) } else { text.into() };
    let is_html = ["</p>", "<p>", "<br", "</div>"].iter().any(|mark| text.contains(mark));
    let html = if is_html { text.into_owned() } else { text.replace('<', "&lt;").lines().map(|line| format!("<p>{line}</p>")).collect() };
    let Ok(tree) = Tree::parse(&html) else { return Vec::new() };
    let mut lines = lines(&tree, 0, &vec![false; tree.nodes.len()]);
    lines.iter_mut().for_each(|line| line.source = Source::Text);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_found_wherever_it_stands() {
        let page = |json: &str| format!("<html><head><script type=\"application/ld+json\">{json}</script></head><body></body></html>");
        for (json, expected) in [
            (r#"{"@type": "NewsArticle", "articleBody": "One.\nTwo &amp; three."}"#, "One.|Two & three."),
            (r#"{"@graph": [{"a": 1}, {"articleBody": "short"}, {"x": {"articleBody": "longer text"}}]}"#, "longer text"),
            (r#"{"articleBody": "<p>One.</p><p>Two <b>bold</b>.</p>"}"#, "One.|Two bold."),
            (r#"{"articleBody": "&lt;p&gt;One.&lt;/p&gt;&lt;p&gt;Two.&lt;/p&gt;"}"#, "One.|Two."),
            (r#"{"articleBody": "a < b"}"#, "a < b"),
            (r#"{"articleBody": 5}"#, ""),
            (r#"{"articleBody": "cut of"#, ""),
            (r#"{"description": "no"}"#, ""),
        ] {
            let html = page(json);
            let tree = Tree::parse(&html).unwrap();
            let texts: Vec<String> = told(&tree).into_iter().map(|line| line.text).collect();
            assert_eq!(texts.join("|"), expected, "{json}");
        }
    }
}
