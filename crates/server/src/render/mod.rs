//! Text of a model as HTML that is safe to show: Markdown, code in colours, formulas.
//!
//! What models write is hostile. No tag of theirs becomes one: their HTML is text, their pictures are links, and all that leaves here
//! has gone through a sanitiser that knows a few tags and classes and no others. Knows no page: colours are classes (`code-keyword`).
//!
//! A text is rendered block by block (a paragraph, a list, a table), each by itself, so that a text that grows is rendered again in
//! its last block only: [`Blocks`]. What a link definition names in one block is not known in another.

mod blocks;
mod brackets;
mod clean;
mod code;
mod formula;
mod markdown;

pub(crate) use blocks::Blocks;

/// A whole text.
pub(crate) fn html(text: &str) -> String {
    let mut blocks = Blocks::new(0);
    blocks.push(text);
    blocks.finish().into_iter().map(|block| block.html).collect()
}

/// A program of a language by itself, as in a fenced block.
pub(crate) fn program(language: &str, text: &str) -> String {
    clean::clean(&markdown::code_block(language, text, true))
}
