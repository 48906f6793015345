//! A batch of requests, answered in one call: loops over [`Engine::step`].

use tokenizer::Tokenizer;

use crate::{Completion, Engine, Error, Next, Request, Result, Ticket, Written};

impl Engine {
    /// Answers all requests, in their order. `on_token` hears of each id of each answer as it comes: the request's
    /// number, and the id. Panics if requests that were submitted are not answered yet.
    pub fn generate(&mut self, requests: &[Request], on_token: &mut dyn FnMut(usize, u32)) -> Result<Vec<Completion>> {
        self.generate_while(requests, &mut |request, id| {
            on_token(request, id);
            Next::Continue
        })
    }

    /// Like [`Engine::generate`], and the caller may end answers or force ids. A request that no slot was free for by the time
    /// all were ended has an empty answer.
    pub fn generate_while(&mut self, requests: &[Request], on_token: &mut dyn FnMut(usize, u32) -> Next) -> Result<Vec<Completion>> {
        self.generate_with(requests, None, &mut |request, written| on_token(request, written.id))
    }

    /// Like [`Engine::generate_while`], with the text of the answers and the stop texts of the requests. Panics if the
    /// tokenizer knows fewer ids than the model, see [`crate::ModelFolder`].
    pub fn generate_texts(
        &mut self,
        tokenizer: &Tokenizer,
        requests: &[Request],
        on_token: &mut dyn FnMut(usize, &Written) -> Next,
    ) -> Result<Vec<Completion>> {
        self.generate_with(requests, Some(tokenizer), on_token)
    }

    fn generate_with(
        &mut self,
        requests: &[Request],
        tokenizer: Option<&Tokenizer>,
        on_token: &mut dyn FnMut(usize, &Written) -> Next,
    ) -> Result<Vec<Completion>> {
        self.submit_all(requests, tokenizer.is_some())?;
        let mut on_token = |ticket: Ticket, written: &Written| {
            let next = on_token(ticket.index, written);
            assert_ne!(next, Next::Wait, "an answer of a batch has nobody who would resume it");
            next
        };
        self.answer_all(requests.len(), &mut |engine| engine.step(tokenizer, &mut on_token))
    }

    /// Takes a batch of requests, or none of them. Their tickets have their numbers.
    pub(crate) fn submit_all(&mut self, requests: &[Request], has_text: bool) -> Result<Vec<Ticket>> {
        assert!(self.is_idle(), "a batch while requests that were submitted are not answered: {:?}", self.load());
        for (index, request) in requests.iter().enumerate() {
            self.check(index, request)?;
            if !has_text && !request.stop_texts.is_empty() {
                return Err(Error::StopTextsWithoutTokenizer { request: index });
            }
        }
        Ok(requests.iter().enumerate().map(|(index, request)| self.enqueue(index, request.clone())).collect())
    }

    /// Takes steps until a batch is answered, or one request of it cannot be.
    pub(crate) fn answer_all(
        &mut self,
        n: usize,
        step: &mut dyn FnMut(&mut Engine) -> Vec<(Ticket, Result<Completion>)>,
    ) -> Result<Vec<Completion>> {
        let mut completions = vec![Completion::default(); n];
        while !self.is_idle() {
            for (ticket, completion) in step(self) {
                match completion {
                    Ok(completion) => completions[ticket.index] = completion,
                    Err(error) => {
                        self.cancel_all();
                        return Err(error);
                    }
                }
            }
        }
        Ok(completions)
    }
}
