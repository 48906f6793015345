//! A model that is asked: prompts become ids, the engine writes, ids become text. Beside `evals`, the one place of this
//! crate that knows ids.

use base::stop::Stop;
use engine::{Engine, Finish, Next, Request, Sampling};
use tokenizer::Tokenizer;
use tokenizer::chat::{Conversation, Message, Role, render_prompt};

use crate::Result;
use crate::ask::{Answer, End, Prompt, Question, Speaker};

/// A model with its tokenizer.
pub struct Subject<'a> {
    /// What writes. Prompt and answer share its capacity.
    pub engine: Engine,
    /// Of the model's folder.
    pub tokenizer: &'a Tokenizer,
    /// Ends the asking between two tokens.
    pub stop: Stop,
}

impl Subject<'_> {
    /// Answers all questions, in their order.
    ///
    /// # Errors
    /// `Stopped` where that was asked for; the engine's own.
    pub fn ask(&mut self, questions: &[Question]) -> Result<Vec<Answer>> {
        let prompts: Vec<Vec<u32>> = questions.iter().map(|question| self.ids(&question.prompt)).collect();
        // A prompt that leaves no room for an answer is not asked.
        let fits: Vec<bool> = prompts.iter().map(|ids| ids.len() < self.engine.capacity()).collect();
        let asked: Vec<(&Question, Vec<u32>)> =
            questions.iter().zip(prompts).zip(&fits).filter(|(_, fits)| **fits).map(|(pair, _)| pair).collect();
        let lines: Vec<bool> = asked.iter().map(|(question, _)| question.one_line).collect();
        let requests: Vec<Request> = asked.into_iter().map(|(question, ids)| self.request(question, ids)).collect();

        let (tokenizer, stop) = (self.tokenizer, self.stop.clone());
        let mut begun = vec![false; requests.len()];
        let mut on_token = |request: usize, id: u32| {
            let bytes = tokenizer.token_bytes(id);
            let ends_line = lines[request] && begun[request] && bytes.contains(&b'\n');
            begun[request] |= bytes.iter().any(|byte| !byte.is_ascii_whitespace());
            match (stop.requested(), ends_line) {
                (true, _) => Next::EndAll,
                (_, true) => Next::End,
                _ => Next::Continue,
            }
        };
        let completions = self.engine.generate_while(&requests, &mut on_token)?;
        if stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        let mut completions = completions.into_iter();
        let answer = |fits: bool| match fits.then(|| completions.next()).flatten() {
            None => Answer { text: String::new(), end: End::TooLong },
            Some(completion) => Answer {
                text: tokenizer.decode(&completion.ids),
                end: if completion.finish == Finish::Length { End::Cut } else { End::Ended },
            },
        };
        Ok(fits.into_iter().map(answer).collect())
    }

    fn request(&self, question: &Question, prompt: Vec<u32>) -> Request {
        let eot = self.tokenizer.eot();
        let stop_ids = match question.prompt {
            Prompt::Page(_) => vec![eot],
            Prompt::Chat(_) => vec![self.tokenizer.im_end(), eot],
        };
        let sampling = Sampling::plain(question.temperature);
        Request { stop_ids, ..Request::new(prompt, question.max_tokens, sampling, question.seed) }
    }

    /// A page begins as every document does; a conversation ends where the assistant begins to write.
    fn ids(&self, prompt: &Prompt) -> Vec<u32> {
        match prompt {
            Prompt::Page(text) => {
                let mut ids = vec![self.tokenizer.eot()];
                self.tokenizer.encode_into(text, &mut ids);
                ids
            }
            Prompt::Chat(turns) => {
                let message = |(speaker, text): &(Speaker, String)| {
                    let role = match speaker {
                        Speaker::System => Role::System,
                        Speaker::User => Role::User,
                        Speaker::Assistant => Role::Assistant,
                    };
                    Message::text(role, text.as_str())
                };
                render_prompt(&Conversation { messages: turns.iter().map(message).collect() }, self.tokenizer)
            }
        }
    }
}
