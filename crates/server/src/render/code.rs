//! Programs in colours: spans with a class for what each piece is.

use std::sync::LazyLock;

use base::text::escape;
use syntect::parsing::{ParseState, Scope, ScopeStack, SyntaxSet};

/// Scopes and the class that shows them, a special one before the more general.
pub(super) const CLASSES: [(&str, &str); 20] = [
    ("comment", "code-comment"),
    ("constant.character.escape", "code-escape"),
    ("string", "code-string"),
    ("constant.numeric", "code-number"),
    ("constant.language", "code-number"),
    ("keyword.operator", "code-operator"),
    ("keyword", "code-keyword"),
    ("storage", "code-keyword"),
    ("entity.name.function", "code-function"),
    ("support.function", "code-function"),
    ("entity.name.tag", "code-keyword"),
    ("entity.other.attribute-name", "code-type"),
    ("entity.name.type", "code-type"),
    ("entity.name.class", "code-type"),
    ("support.type", "code-type"),
    ("support.class", "code-type"),
    ("variable.language", "code-keyword"),
    ("markup.heading", "code-keyword"),
    ("markup.inserted", "code-string"),
    ("markup.deleted", "code-comment"),
];

/// Bytes of a program that are coloured, at most, and of its longest line.
const LENGTH: usize = 24 << 10;
const LINE: usize = 2000;

/// Read when the first program is shown.
static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(SyntaxSet::load_defaults_newlines);

static SCOPES: LazyLock<Vec<(Scope, &'static str)>> = LazyLock::new(|| {
    let scope = |(name, class): &(&str, &'static str)| (Scope::new(name).expect("a scope's name"), *class);
    CLASSES.iter().map(scope).collect()
});

/// A program as HTML; without colours if its language is not known, or it is too long for them.
pub(super) fn highlight(language: &str, text: &str) -> String {
    let is_bounded = text.len() <= LENGTH && text.lines().all(|line| line.len() <= LINE);
    Some(language).filter(|_| is_bounded).and_then(|language| coloured(language, text)).unwrap_or_else(|| escape(text))
}

/// Nothing if the language is not known or its grammar gives up.
fn coloured(language: &str, text: &str) -> Option<String> {
    let syntax = SYNTAXES.find_syntax_by_token(language).filter(|_| !language.is_empty())?;
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut spans = Spans::default();
    // Grammars want their lines to end.
    let ended = format!("{}\n", text.strip_suffix('\n').unwrap_or(text));
    for line in ended.split_inclusive('\n') {
        let mut at = 0;
        for (place, operation) in state.parse_line(line, &SYNTAXES).ok()? {
            spans.push(&line[at..place], class_of(&stack));
            at = place;
            stack.apply(&operation).ok()?;
        }
        spans.push(&line[at..], class_of(&stack));
    }
    spans.end();
    Some(spans.html)
}

fn class_of(stack: &ScopeStack) -> Option<&'static str> {
    let known = |scope: &Scope| SCOPES.iter().find(|(prefix, _)| prefix.is_prefix_of(*scope)).map(|(_, class)| *class);
    stack.as_slice().iter().rev().find_map(known)
}

/// Writes pieces; neighbours of one class are one span.
#[derive(Default)]
struct Spans {
    html: String,
    open: Option<&'static str>,
}

impl Spans {
    fn push(&mut self, text: &str, class: Option<&'static str>) {
        if text.is_empty() {
            return;
        }
        if class != self.open {
            self.end();
            self.html.extend(class.map(|class| format!("<span class=\"{class}\">")));
            self.open = class;
        }
        self.html += &escape(text);
    }

    fn end(&mut self) {
        if self.open.take().is_some() {
            self.html += "</span>";
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_is_coloured_and_all_of_it_is_there() {
        let html = highlight("python", "def f(x):\n    return \"<\" + str(1)  # why\n");
        for piece in [
            "<span class=\"code-keyword\">def</span>",
            "<span class=\"code-function\">f</span>",
            "<span class=\"code-keyword\">return</span>",
            "<span class=\"code-number\">1</span>",
            "&lt;",
        ] {
            assert!(html.contains(piece), "{piece}: {html}");
        }
        assert!(html.contains("code-comment") && html.contains("code-string"));
        assert_eq!(highlight("nothing", "a < b"), "a &lt; b");
        assert_eq!(highlight("", "a < b"), "a &lt; b");
    }

    #[test]
    fn nothing_is_lost_or_added() {
        let bare = |html: &str| {
            let mut text = String::new();
            let mut inside = false;
            html.chars().for_each(|c| match c {
                '<' => inside = true,
                '>' => inside = false,
                c if !inside => text.push(c),
                _ => {}
            });
            text
        };
        for (language, text) in
            [("rust", "fn main() { println!(\"é {}\", 1_000); } // ok\n"), ("js", "const a = `x${1}`;\n"), ("html", "<b>x</b>\n")]
        {
            assert_eq!(bare(&highlight(language, text)), escape(text));
        }
        let long = "x = 1\n".repeat(LENGTH / 6 + 1);
        assert_eq!(highlight("python", &long), long, "too long for colours");
    }
}
