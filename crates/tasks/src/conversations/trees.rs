//! OpenAssistant's trees: a question, the replies that people wrote to it and ranked, and the replies to those.

use serde_json::Value;
use tokenizer::chat::{Message, Role};

use super::Paths;

/// The conversations of a tree. Messages that were deleted, or that reviewers did not accept, are left out with all their replies.
pub fn paths(record: &Value, paths: Paths) -> Result<Vec<Vec<Message>>, String> {
    if let Some(state) = record["tree_state"].as_str().filter(|state| *state != "ready_for_export") {
        return Err(format!("its tree is in the state {state:?}, not \"ready_for_export\""));
    }
    let root = record.get("prompt").filter(|root| root.is_object()).ok_or("it has no message \"prompt\"")?;
    let mut walk = Walk { paths, found: Vec::new(), way: Vec::new() };
    if !is_accepted(root) {
        return Err("its first message was deleted or not accepted".into());
    }
    walk.visit(root)?;
    if walk.found.is_empty() {
        return Err("it has no reply of an assistant that was accepted".into());
    }
    Ok(walk.found)
}

fn is_accepted(message: &Value) -> bool {
    message["deleted"] != true && message["review_result"] == true
}

/// A way through the tree.
struct Walk {
    paths: Paths,
    found: Vec<Vec<Message>>,
    /// From the root to where it stands.
    way: Vec<Message>,
}

impl Walk {
    /// Visits a message and its replies, the best first. Tells whether a path ends here or below.
    fn visit(&mut self, message: &Value) -> Result<bool, String> {
        let role = match message["role"].as_str() {
            Some("prompter") => Role::User,
            Some("assistant") => Role::Assistant,
            _ => return Err(format!("the role {} is not \"prompter\" or \"assistant\"", message["role"])),
        };
        let text = message["text"].as_str().ok_or("a message has no text")?;
        self.way.push(Message::text(role, text));
        let mut replies: Vec<&Value> = message["replies"].as_array().into_iter().flatten().filter(|reply| is_accepted(reply)).collect();
        replies.sort_by_key(|reply| reply["rank"].as_u64().unwrap_or(u64::MAX));
        if self.paths == Paths::Best {
            replies.truncate(1);
        }
        let mut ended = false;
        for reply in replies {
            ended |= self.visit(reply)?;
        }
        // A question that nobody answered is no end.
        if !ended && role == Role::Assistant {
            self.found.push(self.way.clone());
            ended = true;
        }
        self.way.pop();
        Ok(ended)
    }
}
