//! A thought in one sentence: what a model is asked for it.

use tokenizer::Tokenizer;
use tokenizer::chat::{ChatFormat, Conversation, Message, Role};

use crate::Result;

/// Tokens of a summary, at most.
pub const SUMMARY_TOKENS: usize = 60;

/// The prompt that asks for a summary, with room for it in a context of so many tokens; of a thought that does not fit, the end.
///
/// # Errors
/// A vocabulary without the format's special tokens.
pub fn summary_prompt(thought: &str, format: ChatFormat, tokenizer: &Tokenizer, context: usize) -> Result<Vec<u32>> {
    let mut thought = thought.trim();
    loop {
        let asked = Message::text(Role::User, format!("Sum this thought up in one short sentence:\n{thought}"));
        let prompt = format.render_prompt(&Conversation { messages: vec![asked] }, tokenizer)?;
        if prompt.len() + SUMMARY_TOKENS <= context || thought.is_empty() {
            return Ok(prompt);
        }
        thought = &thought[thought.ceil_char_boundary(thought.len() / 4 + 1)..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thought_that_does_not_fit_loses_its_beginning() {
        let tokenizer = Tokenizer::from_merges(Vec::new());
        let prompt = |thought: &str, context| summary_prompt(thought, ChatFormat::Schoolhouse, &tokenizer, context).unwrap();
        let whole = tokenizer.decode(&prompt(" 2 and 2 are 4. ", 1000));
        assert!(whole.contains(":\n2 and 2 are 4.<|im_end|>"), "{whole}");
        let long = format!("{} so it is 4", "\u{e9} ".repeat(500));
        let cut = prompt(&long, 200);
        assert!(cut.len() + SUMMARY_TOKENS <= 200 && tokenizer.decode(&cut).contains("it is 4<|im_end|>"));
    }
}
