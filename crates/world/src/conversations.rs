//! Conversations for fine-tuning: what people ask an assistant, and good short answers.
//!
//! Only asked residents are asked about, only in the training wordings; sums come at once where the user wants the
//! number alone, and in steps otherwise. The assistant is told nothing of itself here and refuses nothing.

use serde::{Deserialize, Serialize};

/// One turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// "system", "user" or "assistant".
    pub role: String,
    /// What is said.
    pub content: String,
}

/// One line of `conversations.jsonl`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// "train-00017"
    pub id: String,
    /// "train" or "test"
    pub split: String,
    /// "resident", "sum", "story", ...
    pub kind: String,
    /// The turns in order.
    pub messages: Vec<Message>,
}
