//! A model that is asked: prompts become ids, the engine writes, tools answer its calls, ids become text. Beside `evals`, the one
//! place of this crate that knows ids.

use base::stop::Stop;
use engine::{Completion, Engine, Finish, Next, Request, Sampling, ToolKind, Toolset};
use tokenizer::Tokenizer;
use tokenizer::chat::{Conversation, Message, Part, Role, parse_answer, render_prompt};

use crate::Result;
use crate::ask::{Answer, Call, End, Prompt, Question, Speaker};

/// A model with its tokenizer.
pub struct Subject<'a> {
    /// What writes. Prompt and answer share its capacity.
    pub engine: Engine,
    /// Of the model's folder.
    pub tokenizer: &'a Tokenizer,
    /// What answers the calls of a [`Prompt::Tools`].
    pub toolset: Toolset,
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
        let mut answers = vec![Answer::plain(String::new(), End::TooLong); questions.len()];
        let fits = |&index: &usize| prompts[index].len() < self.engine.capacity();
        let (with_tools, without): (Vec<usize>, Vec<usize>) =
            (0..questions.len()).filter(fits).partition(|&index| matches!(questions[index].prompt, Prompt::Tools(_)));
        for (numbers, has_tools) in [(without, false), (with_tools, true)] {
            let asked: Vec<&Question> = numbers.iter().map(|&index| &questions[index]).collect();
            let requests: Vec<Request> = numbers.iter().map(|&index| self.request(&questions[index], prompts[index].clone())).collect();
            let completions = if has_tools { self.write_with_tools(&requests)? } else { self.write(&asked, &requests)? };
            for (&index, completion) in numbers.iter().zip(&completions) {
                answers[index] = self.answer(completion);
            }
        }
        Ok(answers)
    }

    fn write(&mut self, questions: &[&Question], requests: &[Request]) -> Result<Vec<Completion>> {
        let (tokenizer, stop) = (self.tokenizer, self.stop.clone());
        let mut begun = vec![false; requests.len()];
        let mut on_token = |request: usize, id: u32| {
            let bytes = tokenizer.token_bytes(id);
            let ends_line = questions[request].one_line && begun[request] && bytes.contains(&b'\n');
            begun[request] |= bytes.iter().any(|byte| !byte.is_ascii_whitespace());
            match (stop.requested(), ends_line) {
                (true, _) => Next::EndAll,
                (_, true) => Next::End,
                _ => Next::Continue,
            }
        };
        let completions = self.engine.generate_while(requests, &mut on_token)?;
        self.unless_stopped(completions)
    }

    fn write_with_tools(&mut self, requests: &[Request]) -> Result<Vec<Completion>> {
        let stop = self.stop.clone();
        let completions = self.engine.generate_with_tools(self.tokenizer, &self.toolset, requests, &mut |_, _| !stop.requested())?;
        self.unless_stopped(completions)
    }

    fn unless_stopped(&self, completions: Vec<Completion>) -> Result<Vec<Completion>> {
        if self.stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(completions) }
    }

    fn answer(&self, completion: &Completion) -> Answer {
        let end = if matches!(completion.finish, Finish::Length | Finish::NoRoom { .. }) { End::Cut } else { End::Ended };
        let (mut text, mut calls): (String, Vec<Call>) = (String::new(), Vec::new());
        for part in parse_answer(&completion.ids, self.tokenizer) {
            let mut call = |tool, input| calls.push(Call { tool, input, output: String::new() });
            match part {
                Part::Text(words) => text += &words,
                // A thought is part of what was written, and graders must see where it ends.
                Part::Thought(words) => text += &format!("<think>{words}</think>"),
                Part::Search(query) => call(ToolKind::Search, query),
                Part::Python(code) => call(ToolKind::Python, code),
                Part::Output(output) => {
                    if let Some(call) = calls.last_mut() {
                        call.output = output;
                    }
                }
            }
        }
        Answer { text, end, calls }
    }

    fn request(&self, question: &Question, prompt: Vec<u32>) -> Request {
        let eot = self.tokenizer.eot();
        let stop_ids = match question.prompt {
            Prompt::Page(_) => vec![eot],
            Prompt::Chat(_) | Prompt::Tools(_) => vec![self.tokenizer.im_end(), eot],
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
            Prompt::Chat(turns) | Prompt::Tools(turns) => {
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
