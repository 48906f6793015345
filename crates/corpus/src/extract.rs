//! The main text of a page: what is left when menus, banners, comments and footers are taken away.
//!
//! Precision is favoured, comments go, and nothing is remembered from page to page. Bounds on a page are counts and never
//! the clock. HTML in, lines of text or a verdict out; nothing here knows records, languages or quality.

pub mod tag;
pub mod tree;

pub mod names;
pub mod weigh;

pub mod lines;
pub mod linked_data;

pub mod article;

pub mod score;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::Reason;
use crate::record::Content;
use crate::text::strip;
use tree::{Excess, Tree};

/// A stack that is enough for any page: nothing here recurses, reading JSON apart, whose depth is bounded.
pub const STACK_BYTES: usize = 8 << 20;

/// The main text, as lines. Text that was extracted before passes as it is.
///
/// A panic would be a bug here, and would cost the page.
pub fn main_text(content: Content) -> Result<String, Reason> {
    match content {
        Content::Html(html) => match catch_unwind(AssertUnwindSafe(|| text_of_html(&html))) {
            Ok(outcome) => outcome,
            Err(_) => Err(Reason("extract_failed")),
        },
        Content::TooLarge(_) => Err(Reason("extract_too_large")),
        Content::Text(text) if strip(&text).is_empty() => Err(Reason("extract_empty")),
        Content::Text(text) => Ok(text),
    }
}

/// The main text of HTML, as lines.
pub fn text_of_html(html: &str) -> Result<String, Reason> {
    let tree = Tree::parse(html).map_err(|excess| match excess {
        Excess::Depth => Reason("extract_too_deep"),
        Excess::Nodes => Reason("extract_too_large"),
    })?;
    let lines: Vec<String> = article::article(&tree).into_iter().map(|line| line.text).collect();
    if lines.is_empty() { Err(Reason("extract_empty")) } else { Ok(lines.join("\n")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(html: String) -> String {
        main_text(Content::Html(html)).unwrap_or_else(|reason| reason.0.to_string())
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
        assert_eq!(verdict("<a b=c><i><b>".repeat(30_000)), "extract_too_deep");
        assert_eq!(verdict("<p>a".repeat(tree::MAX_TAGS + 1)), "extract_too_large");
        assert_eq!(main_text(Content::TooLarge(50 << 20)), Err(Reason("extract_too_large")));
        assert_eq!(verdict(String::new()), "extract_empty");
        assert_eq!(verdict("<html><body><nav><a href=/>Home</a></nav></body></html>".into()), "extract_empty");
        assert_eq!(main_text(Content::Text("as it is".into())), Ok("as it is".into()));
    }

    /// The deepest pages that are let through, in every kind of nesting, do not exhaust a small stack.
    #[test]
    fn the_deepest_pages_allowed_are_survived() {
        for kind in ["<div>", "<b>", "<font size=1>", "<table><tr><td>", "<ul><li>", "<span>", "<blockquote>", "<section><b>"] {
            let tags = kind.matches('<').count();
            let html = format!("{}<p>{STORY}</p>", kind.repeat((tree::MAX_DEPTH - 2) / tags));
            let worker = std::thread::Builder::new().stack_size(512 << 10).spawn(move || verdict(html)).unwrap();
            assert!(worker.join().unwrap().ends_with(STORY), "{kind}");
        }
    }
}
