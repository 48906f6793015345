//! Conversations that stand in plain texts: Alpaca's instructions, and the transcripts of HH-RLHF.

use serde_json::Value;
use tokenizer::chat::{Message, Role};

/// `instruction` and `input`, a line break between them, are asked and `output` is answered. `system` and the pairs of `history` stand before.
pub fn alpaca(record: &Value) -> Result<Vec<Message>, String> {
    let text = |key: &str| record[key].as_str().unwrap_or_default();
    let required = |key: &str| record[key].as_str().ok_or_else(|| format!("it has no text {key:?}"));
    let mut messages = Vec::new();
    if !text("system").trim().is_empty() {
        messages.push(Message::text(Role::System, text("system")));
    }
    for pair in record["history"].as_array().into_iter().flatten() {
        let side = |place: usize| pair[place].as_str().ok_or("a pair of its history is not two texts");
        messages.push(Message::text(Role::User, side(0)?));
        messages.push(Message::text(Role::Assistant, side(1)?));
    }
    let (instruction, input) = (required("instruction")?, text("input"));
    let question = if input.trim().is_empty() { instruction.to_string() } else { format!("{instruction}\n{input}") };
    messages.push(Message::text(Role::User, question));
    messages.push(Message::text(Role::Assistant, required("output")?));
    Ok(messages)
}

/// What begins a turn.
const TURNS: [(&str, Role); 2] = [("\n\nHuman:", Role::User), ("\n\nAssistant:", Role::Assistant)];

/// The turns of the text in `chosen`.
pub fn hh_rlhf(record: &Value) -> Result<Vec<Message>, String> {
    let text = record["chosen"].as_str().ok_or("it has no text \"chosen\"")?;
    let next = |from: usize| {
        let found = TURNS.iter().filter_map(|(mark, role)| Some((from + text[from..].find(mark)?, mark.len(), *role)));
        found.min_by_key(|(at, ..)| *at)
    };
    let mut turn = next(0).filter(|(at, ..)| text[..*at].trim().is_empty());
    let mut messages = Vec::new();
    while let Some((at, mark, role)) = turn {
        let after = next(at + mark);
        let end = after.map_or(text.len(), |(at, ..)| at);
        messages.push(Message::text(role, text[at + mark..end].trim()));
        turn = after;
    }
    if messages.is_empty() {
        return Err("its text \"chosen\" does not begin with a line \"Human:\" or \"Assistant:\"".into());
    }
    Ok(messages)
}
