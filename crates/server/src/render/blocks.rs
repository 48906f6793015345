//! A text that grows, cut into blocks that are done and one that is open.
//!
//! Markdown is read line by line, and a block that another follows never changes again. So only the lines of the last block are
//! read again, however long the text is; and its last line counts only when it is whole, since what begins like a heading may go on
//! as a word.

use pulldown_cmark::{Event, Parser};

use super::brackets::Source;
use super::markdown::{OPTIONS, render};

/// A block as it is to be shown now, in place of what its number said before.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Block {
    /// Its place among the blocks of the text.
    pub index: usize,
    /// What to show.
    pub html: String,
}

/// Renders a text that grows.
#[derive(Debug)]
pub(crate) struct Blocks {
    /// Text of the open block, and what came behind it since.
    open: String,
    /// The open block's number.
    index: usize,
    /// Whether text came since the open block was rendered.
    is_stale: bool,
}

impl Blocks {
    /// A text without words so far, whose first block has this number.
    pub fn new(first: usize) -> Blocks {
        Blocks { open: String::new(), index: first, is_stale: false }
    }

    /// Adds to the text. Costs nothing: it is rendered when [`Blocks::take`] is called.
    pub fn push(&mut self, text: &str) {
        self.open += text;
        self.is_stale |= !text.is_empty();
    }

    /// The blocks that changed since the last call: those that were done meanwhile, with their code in colours, and the open one without.
    pub fn take(&mut self) -> Vec<Block> {
        if !std::mem::take(&mut self.is_stale) {
            return Vec::new();
        }
        let whole_lines = self.open.rfind('\n').map_or(0, |end| end + 1);
        let starts = starts(&Source::growing(&self.open[..whole_lines]));
        let mut changed = match starts.split_last() {
            Some((last, before)) if !before.is_empty() => self.close(&starts, *last),
            _ => Vec::new(),
        };
        let html = render(&self.open, false);
        changed.extend((!html.is_empty()).then_some(Block { index: self.index, html }));
        changed
    }

    /// The blocks that are not done yet, at the text's end. What comes afterwards is a text of its own.
    pub fn finish(&mut self) -> Vec<Block> {
        self.is_stale = false;
        let starts = starts(&Source::whole(&self.open));
        self.close(&starts, self.open.len())
    }

    /// Renders the blocks before `end` for good.
    fn close(&mut self, starts: &[usize], end: usize) -> Vec<Block> {
        let starts: Vec<usize> = starts.iter().copied().filter(|start| *start < end).collect();
        let ends = starts.iter().skip(1).copied().chain([end]);
        let mut done = Vec::new();
        for (start, end) in starts.iter().zip(ends) {
            done.push(Block { index: self.index, html: render(&self.open[*start..end], true) });
            self.index += 1;
        }
        self.open.drain(..end);
        done
    }
}

/// Where the lines begin with which the blocks of a text begin.
fn starts(source: &Source) -> Vec<usize> {
    let text = source.covered();
    let mut depth = 0;
    let mut starts: Vec<usize> = Vec::new();
    for (event, range) in Parser::new_ext(text, OPTIONS).into_offset_iter() {
        if depth == 0 && !matches!(event, Event::End(_)) {
            let line = text[..range.start].rfind('\n').map_or(0, |end| end + 1);
            if starts.last().is_none_or(|last| *last < line) {
                starts.push(line);
            }
        }
        match event {
            Event::Start(_) => depth += 1,
            Event::End(_) => depth -= 1,
            _ => {}
        }
    }
    starts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::html;
    use super::*;

    /// The page's view: the last HTML of each number.
    fn shown(pieces: &[&str], every: usize) -> String {
        let mut blocks = Blocks::new(0);
        let mut page: Vec<String> = Vec::new();
        let mut put = |changed: Vec<Block>| {
            for block in changed {
                assert!(block.index <= page.len(), "no number is left out");
                page.truncate(block.index);
                page.push(block.html);
            }
        };
        for (number, piece) in pieces.iter().enumerate() {
            blocks.push(piece);
            if number % every == 0 {
                put(blocks.take());
            }
        }
        put(blocks.finish());
        page.concat()
    }

    #[test]
    fn only_the_open_block_is_rendered_again() {
        let mut blocks = Blocks::new(3);
        blocks.push("# One\n\nA *wor");
        let first = blocks.take();
        assert_eq!(first.iter().map(|block| block.index).collect::<Vec<_>>(), [3]);
        blocks.push("d*.\n\n```python\nx = 1\n");
        let numbers = |changed: &[Block]| changed.iter().map(|block| block.index).collect::<Vec<_>>();
        let second = blocks.take();
        assert_eq!(numbers(&second), [3, 4, 5]);
        assert!(second[1].html.contains("<em>word</em>"));
        assert!(!second[2].html.contains("<span"), "no colours while it is open: {}", second[2].html);
        assert_eq!(blocks.take(), [], "nothing came");
        blocks.push("y = 2\n");
        assert_eq!(numbers(&blocks.take()), [5]);
        let last = blocks.finish();
        assert_eq!(numbers(&last), [5]);
        assert!(last[0].html.contains("<span"), "{}", last[0].html);
        blocks.push("More.");
        assert_eq!(numbers(&blocks.finish()), [6], "what comes behind the end is a text of its own");
    }

    #[test]
    fn a_line_counts_when_it_is_whole() {
        assert_eq!(shown(&["a\n", "#", "b\n"], 1), html("a\n#b\n"));
        assert_eq!(shown(&["a\n\n-", "--\n"], 1), html("a\n\n---\n"));
        assert_eq!(shown(&["- a\n\n", " ", "  b\n"], 1), html("- a\n\n   b\n"));
    }

    #[test]
    fn a_formula_is_one_block_though_its_lines_begin_like_others() {
        let mut blocks = Blocks::new(0);
        blocks.push("So\n\n\\[\na\n- b\n+ c\n");
        assert_eq!(blocks.take().iter().map(|block| block.index).collect::<Vec<_>>(), [0, 1], "it may be closed yet");
        blocks.push("\\]\n\nThen\n");
        let last = blocks.take();
        assert_eq!(last.iter().map(|block| block.index).collect::<Vec<_>>(), [1, 2]);
        assert!(last[0].html.contains("<math display=\"block\">"), "{}", last[0].html);
    }

    /// Lines from which blocks of all kinds are made, and with which they break.
    const LINES: [&str; 42] = [
        "",
        "",
        "",
        "word",
        "two words",
        "# head",
        "#",
        "===",
        "---",
        "- item",
        "  more",
        "    code",
        "* star",
        "1. one",
        "2. two",
        "> quote",
        ">",
        "```",
        "```rust",
        "~~~",
        "let x = 1;",
        "| a | b |",
        "|---|---|",
        "| 1 | 2 |",
        "$$",
        "x^2",
        "$a$ and $b$",
        "<div>",
        "</div>",
        "<!-- c",
        "-->",
        "<script>alert(1)</script>",
        "\t- tab",
        "[link](https://a.org)",
        "- [ ] task",
        "***",
        "\\[",
        "\\]",
        "so \\[ a",
        "\\(a*b\\) and \\(c*d\\)",
        "`code \\(",
        "> \\[",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]

        #[test]
        fn pieces_do_not_matter(
            lines in prop::collection::vec(prop::sample::select(&LINES[..]), 0..14),
            cuts in prop::collection::vec(1usize..9, 1..60),
            every in 1usize..4,
        ) {
            let text = lines.join("\n");
            let mut rest = text.as_str();
            let mut pieces = Vec::new();
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                pieces.push(piece);
                rest = after;
            }
            prop_assert_eq!(shown(&pieces, every), html(&text));
        }

        #[test]
        fn blocks_by_themselves_are_the_blocks_of_the_whole(lines in prop::collection::vec(prop::sample::select(&LINES[..]), 0..14)) {
            let text = lines.join("\n");
            prop_assert_eq!(html(&text), render(&text, true));
        }
    }
}
