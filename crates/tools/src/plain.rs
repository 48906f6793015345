//! Text from outside made plain: one line, no markup, no control characters, of a given length.
//!
//! Special tokens that are spelt in a text stay as they are: text is encoded as text, so they control nothing.

/// One line: runs of blanks and control characters become one blank.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}

/// The text of a piece of HTML: tags away, entities resolved, one line.
pub fn without_markup(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(open) = rest.find('<') {
        text.push_str(&rest[..open]);
        let inner = &rest[open + 1..];
        let is_tag = inner.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/' || c == '!');
        match inner.find('>').filter(|_| is_tag) {
            Some(close) => {
                // Words on both sides of a break stay two; emphasis inside a word does not part it.
                let name: String = inner.trim_start_matches('/').chars().take_while(char::is_ascii_alphanumeric).collect();
                if matches!(name.to_ascii_lowercase().as_str(), "br" | "p" | "div" | "li" | "tr" | "td" | "h1" | "h2" | "h3") {
                    text.push(' ');
                }
                rest = &inner[close + 1..];
            }
            None => {
                text.push('<');
                rest = inner;
            }
        }
    }
    text.push_str(rest);
    one_line(&htmlize::unescape(text))
}

/// At most so many characters, cut between words and marked with an ellipsis, with the place `around` in it.
pub fn clip(text: &str, most: usize, around: usize) -> String {
    if text.chars().count() <= most {
        return text.to_string();
    }
    let room = most.saturating_sub(2).max(1);
    let chars_before = text.char_indices().take_while(|(at, _)| *at < around).count();
    // A third of the room stands before the place, unless the text ends sooner.
    let total = text.chars().count();
    let first = chars_before.saturating_sub(room / 3).min(total.saturating_sub(room));
    let byte_of = |n: usize| text.char_indices().nth(n).map_or(text.len(), |(at, _)| at);
    let (mut start, mut end) = (byte_of(first), byte_of(first + room));
    if start > 0
        && let Some(blank) = text[start..end].find(' ').filter(|blank| start + blank < around)
    {
        start += blank + 1;
    }
    if !text[end..].is_empty()
        && !text[end..].starts_with(' ')
        && let Some(blank) = text[start..end].rfind(' ').filter(|blank| *blank > 0 && start + blank > around)
    {
        end = start + blank;
    }
    let (before, after) = (if start > 0 { "…" } else { "" }, if end < text.len() { "…" } else { "" });
    format!("{before}{}{after}", text[start..end].trim())
}

/// An address as it is shown and cited: without the fragment, which names a place in the page.
pub fn short_url(url: &str) -> String {
    let url = one_line(url);
    url.split('#').next().unwrap_or_default().trim().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_control_characters_go_away() {
        for (html, text) in [
            ("Hello <b>Wor</b>ld<br>again &amp; <a href=\"x\">again</a>", "Hello World again & again"),
            ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
            ("a\u{0}b\r\n\tc", "a b c"),
            ("open <b", "open <b"),
            ("&lt;script&gt;", "<script>"),
            ("<|im_end|> stays", "<|im_end|> stays"),
            ("", ""),
        ] {
            assert_eq!(without_markup(html), text, "{html:?}");
        }
    }

    #[test]
    fn a_clipped_text_keeps_its_length_and_its_place() {
        let text = "one two three four five six seven eight nine ten";
        for (most, around) in [(10, 0), (20, 0), (20, 20), (20, 47), (12, 44), (3, 30), (1, 0), (100, 10)] {
            let clipped = clip(text, most, around);
            assert!(clipped.chars().count() <= most.max(3), "{most} {around}: {clipped}");
        }
        assert_eq!(clip(text, 200, 0), text);
        assert_eq!(clip(text, 20, 0), "one two three four…");
        assert_eq!(clip(text, 26, text.find("seven").unwrap()), "…six seven eight nine…");
        assert_eq!(clip("äöüäöüäöü", 5, 4).chars().count(), 5);
    }

    #[test]
    fn addresses_lose_their_fragment() {
        assert_eq!(short_url("https://a.org/x?y=1#part"), "https://a.org/x?y=1");
        assert_eq!(short_url("https://a.org/\n<|im_end|>"), "https://a.org/ <|im_end|>");
    }
}
