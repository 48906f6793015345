//! The sanitiser: the tags, attributes and classes that may leave, and no others.

use std::collections::HashSet;
use std::sync::LazyLock;

use ammonia::{Builder, UrlRelative};

use super::code::CLASSES;

/// Tags of text.
const TEXT: [&str; 26] = [
    "a",
    "blockquote",
    "br",
    "code",
    "del",
    "div",
    "em",
    "figcaption",
    "figure",
    "h3",
    "hr",
    "li",
    "ol",
    "p",
    "pre",
    "span",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
    "tr",
    "ul",
];

/// Tags of formulas. Not among them: annotations, which may hold HTML, and anything that acts.
const FORMULAS: [&str; 29] = [
    "math",
    "menclose",
    "merror",
    "mfrac",
    "mi",
    "mmultiscripts",
    "mn",
    "mo",
    "mover",
    "mpadded",
    "mphantom",
    "mprescripts",
    "mroot",
    "mrow",
    "ms",
    "mspace",
    "msqrt",
    "mstyle",
    "msub",
    "msubsup",
    "msup",
    "mtable",
    "mtd",
    "mtext",
    "mtr",
    "munder",
    "munderover",
    "none",
    "semantics",
];

/// Attributes of formulas: measures and switches.
const OF_FORMULAS: [&str; 18] = [
    "accent",
    "accentunder",
    "columnalign",
    "depth",
    "display",
    "displaystyle",
    "fence",
    "height",
    "largeop",
    "linethickness",
    "mathvariant",
    "maxsize",
    "minsize",
    "movablelimits",
    "scriptlevel",
    "separator",
    "stretchy",
    "width",
];

/// Classes of formulas that the pages know: how cells are aligned and lined.
const CELLS: [&str; 10] = [
    "cell-left",
    "cell-right",
    "menv-align",
    "menv-alignlike",
    "menv-arraylike",
    "menv-cases",
    "menv-cells-left",
    "menv-cells-right",
    "menv-hline",
    "menv-nonumber",
];

static CLEANER: LazyLock<Builder<'static>> = LazyLock::new(|| {
    let mut builder = Builder::empty();
    builder.add_tags(TEXT).add_tags(FORMULAS);
    builder.add_tag_attributes("a", ["href"]).add_tag_attributes("ol", ["start"]);
    builder.add_allowed_classes("th", ["right", "middle"]).add_allowed_classes("td", ["right", "middle"]);
    builder.add_tag_attribute_values("pre", "tabindex", ["0"]).add_tag_attribute_values("div", "tabindex", ["0"]);
    builder
        .add_allowed_classes("figure", ["code-box"])
        .add_allowed_classes("figcaption", ["code-head"])
        .add_allowed_classes("div", ["wide"])
        .add_allowed_classes("h3", ["major"])
        .add_allowed_classes("pre", ["raw", "code"]);
    builder
        .add_allowed_classes("code", ["formula"])
        .add_allowed_classes("span", CLASSES.iter().map(|(_, class)| *class).collect::<HashSet<_>>());
    for tag in FORMULAS {
        builder.add_tag_attributes(tag, OF_FORMULAS).add_allowed_classes(tag, CELLS);
    }
    builder.url_schemes(["http", "https", "mailto"].into()).url_relative(UrlRelative::Deny);
    builder.link_rel(Some("noopener noreferrer nofollow")).set_tag_attribute_value("a", "target", "_blank");
    // What would hold a program is taken out with its content.
    builder.add_clean_content_tags(["script", "style"]);
    builder
});

/// HTML with nothing in it but what is listed here.
pub(super) fn clean(html: &str) -> String {
    CLEANER.clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::html;
    use super::*;

    /// Whether there is nothing in it that acts: no tag but ours, no handler, no style, no address that runs.
    fn is_harmless(html: &str) -> bool {
        let tags = html.split('<').skip(1);
        tags.into_iter().all(|tag| {
            let (inside, _) = tag.split_once('>').unwrap_or((tag, ""));
            let name = inside.trim_start_matches('/').split([' ', '/']).next().unwrap_or_default();
            let known = TEXT.contains(&name) || FORMULAS.contains(&name);
            let mut unquoted = inside.split('"').step_by(2).flat_map(|part| part.split_whitespace()).skip(1);
            let acts =
                unquoted.any(|attribute| attribute.starts_with("on") || attribute.starts_with("style") || attribute.starts_with("src"));
            let leads = inside
                .split("href=\"")
                .nth(1)
                .is_none_or(|to| ["https://", "http://", "mailto:"].iter().any(|scheme| to.starts_with(scheme)));
            known && !acts && leads
        })
    }

    const HOSTILE: [&str; 24] = [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<svg onload=alert(1)>",
        "<a href=\"javascript:alert(1)\">x</a>",
        "<iframe src=//b.org></iframe>",
        "<style>*{display:none}</style>",
        "<math><mtext><table><mglyph><style><!--</style><img title=\"--&gt;&lt;img src=1 onerror=alert(1)&gt;\">",
        "[a](javascript:alert(1))",
        "[a](https://a.org\" onclick=\"alert(1))",
        "![x](x \"onerror=alert(1)\")",
        "<https://a.org/\"onmouseover=alert(1)>",
        "```\"><script>alert(1)</script>\nx\n```",
        "$\\text{<script>alert(1)</script>}$",
        "$\\href{javascript:alert(1)}{x}$",
        "$\\class{\"><img src=x onerror=alert(1)>}{x}$",
        "$$\\color{red\" onload=\"x}{y}$$",
        "\\(\\text{<script>alert(1)</script>}\\)",
        "\\[\\href{javascript:alert(1)}{x}\\] <\\(x\\) onclick=alert(1)>",
        "`</code><script>alert(1)</script>`",
        "<form action=//b.org><input name=x><button>go",
        "</div></main><h1>gone",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "\u{0}<scr\u{0}ipt>",
        "<annotation-xml encoding=\"text/html\"><script>alert(1)</script>",
    ];

    #[test]
    fn hostile_text_is_text() {
        for text in HOSTILE {
            let html = html(text);
            assert!(is_harmless(&html), "{text}\n{html}");
        }
        assert_eq!(html("<script>alert(1)</script>").trim(), "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>");
        for broken in ["<img src=x>", "<p onclick=x>", "<a href=\"javascript:x\">", "<p style=x>"] {
            assert!(!is_harmless(broken), "the test would see it: {broken}");
        }
    }

    #[test]
    fn the_second_wall_holds_by_itself() {
        for text in HOSTILE {
            let html = clean(text);
            assert!(is_harmless(&html), "{text}\n{html}");
        }
    }

    proptest! {
        #[test]
        fn no_mixture_gets_through(
            pieces in prop::collection::vec((prop::sample::select(&HOSTILE[..]), "[ \n*`$<>\"'|-]{0,3}", 0usize..200), 1..5),
        ) {
            let cut = |text: &str, at: usize| text.chars().take(at).collect::<String>();
            let text: String = pieces.iter().map(|(text, between, at)| cut(text, *at) + between).collect();
            let html = html(&text);
            prop_assert!(is_harmless(&html), "{}\n{}", text, html);
        }
    }
}
