//! What the names in `class` and `id` say about a part of a page.
//!
//! People name the parts of their pages alike the world over, and extractors have collected such names since 2009; these
//! are the ones of trafilatura's and readability's rules that moved a measured figure (see `cargo xtask bench extract`).
//! One automaton finds all of them at once. Knows nothing about trees.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, MatchKind};

/// The text of an article, and nothing else.
pub const BODY: u32 = 1;
/// A whole article or story.
pub const STORY: u32 = 1 << 1;
/// The content of a page.
pub const CONTENT: u32 = 1 << 2;
/// The main part, which may hold more than the content.
pub const MAIN: u32 = 1 << 3;
/// What readers wrote below.
pub const COMMENTS: u32 = 1 << 4;
/// Menus, sharing, adverts, notices: no part of the text.
pub const AROUND: u32 = 1 << 5;
/// Previews of other pages.
pub const TEASER: u32 = 1 << 6;
/// Not shown.
pub const UNSEEN: u32 = 1 << 7;
/// Pages appended behind this one.
pub const APPENDED: u32 = 1 << 8;
/// Asking for consent to cookies.
pub const CONSENT: u32 = 1 << 9;

/// Where in the attribute a name has to stand.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    Anywhere,
    /// At the start of the attribute.
    Start,
    /// It is a whole word between white space.
    Word,
    /// It is the attribute.
    Whole,
    /// At the start of a word between white space.
    WordStart,
    /// Between anything but letters.
    Part,
}

/// Which attribute.
#[derive(Clone, Copy, PartialEq, Eq)]
enum In {
    Both,
    Id,
    Class,
}

use At::{Anywhere, Part, Start, Whole, Word, WordStart};
use In::{Both, Class, Id};

#[rustfmt::skip]
const NAMES: &[(u32, In, At, &[&str])] = &[
    (BODY, Class, Whole, &["post", "entry"]),
    (BODY, Both, Anywhere, &[
        "entry-content", "article-content", "art-content", "article__content", "article-body", "article__body", "articlebody", "article_body",
        "body-text", "articlecontent", "story-body", "storybody", "article-text", "articletext", "article_text",
    ]),
    (BODY, Class, Anywhere, &[
        "post-text", "post_text", "post-body", "postentry", "post-entry", "postcontent", "post-content", "post_content", "post_inner_wrapper",
        "page-content", "text-content", "article__container", "entry-body", "article-container",
    ]),
    (STORY, Id, Whole, &["article", "story"]),
    (STORY, Class, Whole, &["postarea", "art-postcontent", "text", "cell", "story"]),
    (STORY, Id, Start, &["primary"]),
    (STORY, Class, Start, &["article "]),
    (STORY, Class, Anywhere, &[
        "post-bodycopy", "storycontent", "story-content", "theme-content", "blog-content", "section-content", "single-content", "single-post",
        "main-column", "wpb_text_column", "field-body", "fulltext",
    ]),
    (CONTENT, Both, Whole, &["content"]),
    (CONTENT, Both, Anywhere, &["content-main", "content_main", "content-body", "content__body", "contentbody", "main-content", "maincontent"]),
    (MAIN, Both, Start, &["main"]),
    (COMMENTS, Both, WordStart, &["comments", "comment-", "comment_", "commentlist", "comol", "disqus_thread", "dsq-comments", "respond"]),
    (COMMENTS, Both, Anywhere, &["article-comments", "post-comments", "comment-list", "reader-comments", "commentslist"]),
    (AROUND, Both, Anywhere, &[
        "social", "viral", "newsletter", "syndication", "tags", "sidebar", "banner", "breadcrumb", "bread-crumb", "button", "author", "footer",
        "share-", "message-container", "cookie",
    ]),
    (AROUND, Both, Start, &["shar"]),
    (AROUND, Id, Start, &["jp-", "dpsp-content", "ad-"]),
    (AROUND, Id, Anywhere, &["share", "nav", "menu", "related", "premium"]),
    (AROUND, Class, Start, &["nav", "post-nav"]),
    (AROUND, Class, Anywhere, &[
        "subnav", "navigation", "navbar", "navbox", "menu", "bar", "-ad-", "outbrain", "taboola", "criteo", "paid-content", "paidcontent", "widget",
        "byline", "sociable", "embed", "tag-list", "consent", "modal-content", "permission", "related", "next-", "-stories", "most-popular",
        "more-on", "meta", "rating", "attachment", "timestamp", "user-info", "user-profile", "-icon", "article-infos", "slide", "viewport",
        "overlay", "options", "expand", "obfuscated", "blurred",
    ]),
    (AROUND, Class, WordStart, &["ad-"]),
    (AROUND, Class, Word, &["ad"]),
    (AROUND, Both, Part, &["promo", "recommended", "signup", "subscribe", "advert", "advertisement", "sponsored"]),
    (UNSEEN, Both, Start, &["reply-"]),
    (UNSEEN, Id, Anywhere, &["hidden", "reader-comments", "akismet"]),
    (UNSEEN, Class, Anywhere, &[
        "comments-title", "nocomments", "-reply-", "message", "akismet", "suggest-links", "-hide-", "hide-print", "noprint", "notloaded", 
    ]),
    (UNSEEN, Class, WordStart, &["hidden", "hide"]),
    (CONSENT, Both, Anywhere, &[
        "cookie-", "cookie_", "cookieb", "cookiel", "cookien", "cookiec", "-cookie", "consent", "onetrust", "gdpr", "usercentrics", "cmplz", "borlabs",
    ]),
    (TEASER, Both, Anywhere, &["teaser"]),
    (APPENDED, Both, Anywhere, &["mvp-post-add", "infinite-scroll", "infinitescroll"]),
];

struct Names {
    automaton: AhoCorasick,
    /// For each pattern: what it says, and where it has to stand.
    said: Vec<(u32, In, At)>,
}

/// What the two attributes of an element say, as bits.
pub fn said(id: &str, class: &str) -> u32 {
    static NAMES_FOUND: LazyLock<Names> = LazyLock::new(|| {
        let flat = || NAMES.iter().flat_map(|&(says, within, at, names)| names.iter().map(move |name| (*name, (says, within, at))));
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(flat().map(|(name, _)| name))
            .expect("a few hundred short names are no large automaton");
        Names { automaton, said: flat().map(|(_, said)| said).collect() }
    });
    let names = &*NAMES_FOUND;
    let mut all = 0;
    for (attribute, other) in [(id, In::Class), (class, In::Id)] {
        if attribute.is_empty() {
            continue;
        }
        let bytes = attribute.as_bytes();
        for found in names.automaton.find_overlapping_iter(attribute) {
            let (says, within, at) = names.said[found.pattern().as_usize()];
            if within != other && all & says == 0 && stands(bytes, found.start(), found.end(), at) {
                all |= says;
            }
        }
    }
    all
}

fn stands(bytes: &[u8], start: usize, end: usize, at: At) -> bool {
    let is_start = start == 0 || bytes[start - 1].is_ascii_whitespace();
    let is_end = end == bytes.len() || bytes[end].is_ascii_whitespace();
    match at {
        At::Anywhere => true,
        At::Start => start == 0,
        At::Word => is_start && is_end,
        At::Whole => start == 0 && end == bytes.len(),
        At::WordStart => is_start,
        At::Part => (start == 0 || !bytes[start - 1].is_ascii_alphabetic()) && (end == bytes.len() || !bytes[end].is_ascii_alphabetic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_part_is() {
        for (id, class, expected) in [
            ("", "", 0),
            ("", "wrapper row", 0),
            ("", "post", BODY),
            ("", "post wide", 0),
            ("post", "", 0), // only as a class
            ("article-body", "", BODY),
            ("", "left Article-Body", BODY),
            ("content", "", CONTENT),
            ("main", "entry-content", MAIN | BODY),
            ("comments", "", COMMENTS),
            ("", "x comments-area", COMMENTS),
            ("", "no-comments", 0),
            ("", "post-navigation", AROUND),
            ("", "ad", AROUND),
            ("", "ad-slot", AROUND),
            ("", "read", 0),
            ("", "promo", AROUND),
            ("", "big_promo2", AROUND),
            ("", "promotion", 0),
            ("x-hidden", "", UNSEEN),
            ("", "a hidden-xs", UNSEEN),
            ("", "teaser-box", TEASER),
            ("onetrust-consent-sdk", "", CONSENT),
        ] {
            assert_eq!(said(id, class), expected, "id {id:?} class {class:?}");
        }
    }
}
