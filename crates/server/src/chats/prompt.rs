//! A branch of a chat as what a model reads.

use engine::{ModelFolder, Request};
use tokenizer::Tokenizer;
use tokenizer::chat::{ChatFormat, Conversation, Message, Part, Role};

use crate::Refusal;
use crate::store::{Sampling, Stored};

/// The conversation of a branch, the system message first. A format without places for tools and thoughts has the words alone.
pub(super) fn conversation(told: &str, path: &[&Stored], format: ChatFormat) -> Conversation {
    let system = (!told.is_empty()).then(|| Message::text(Role::System, told));
    let has_places = format == ChatFormat::Schoolhouse;
    let message = |stored: &&Stored| {
        let parts: Vec<Part> = stored.parts.iter().filter(|part| has_places || matches!(part, Part::Text(_))).cloned().collect();
        (!parts.is_empty()).then_some(Message { role: stored.role, parts })
    };
    Conversation { messages: system.into_iter().chain(path.iter().filter_map(message)).collect() }
}

/// The ids that a model goes on from.
pub(super) fn ids(conversation: &Conversation, tokenizer: &Tokenizer, format: ChatFormat) -> Result<Vec<u32>, Refusal> {
    format.render_prompt(conversation, tokenizer).map_err(|error| Refusal::invalid(None, error.to_string()))
}

/// What a chat asks of a sampler, over what the model's maker says.
fn over(sampling: &Sampling, makers: &engine::Sampling) -> engine::Sampling {
    engine::Sampling {
        temperature: sampling.temperature.unwrap_or(makers.temperature),
        top_p: sampling.top_p.unwrap_or(makers.top_p),
        top_k: sampling.top_k.unwrap_or(makers.top_k),
        min_p: sampling.min_p.unwrap_or(makers.min_p),
        ..makers.clone()
    }
}

/// Refuses numbers that mean nothing.
pub(super) fn check(sampling: &Sampling) -> Result<(), Refusal> {
    if sampling.max_tokens == Some(0) {
        return Err(Refusal::invalid(Some("settings"), "an answer has at least 1 token: max_tokens is 0"));
    }
    over(sampling, &engine::Sampling::plain(1.0)).check().map_err(|error| Refusal::invalid(Some("settings"), error.to_string()))
}

/// The request for an answer. A seed that is not given is drawn from the clock: every answer is another.
pub(super) fn request(ids: Vec<u32>, sampling: &Sampling, folder: &ModelFolder, context: usize) -> Result<Request, Refusal> {
    if ids.len() >= context {
        let message = format!(
            "the conversation with this question has {} tokens, and the model's context of {context} has no room for an answer then; \
             begin a new chat, or shorten what was asked",
            ids.len()
        );
        return Err(Refusal { message, ..Refusal::too_long(ids.len(), context) });
    }
    let clock = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
    let max_tokens = sampling.max_tokens.unwrap_or(usize::MAX);
    let request = Request::new(ids, max_tokens, over(sampling, &folder.sampling), sampling.seed.unwrap_or_else(clock));
    Ok(Request { stop_ids: folder.turn_ends(), ..request })
}
