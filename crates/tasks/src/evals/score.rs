//! How likely options are to a model. What a question's options have in common is read once: each option is a request whose
//! answer is forced, so that the engine takes what stands before it over from its cache.

use engine::{Next, Request, Sampling};

use super::prompts::Scored;
use crate::Result;
use crate::subject::Subject;

/// An option as the model sees it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// Mean of the negative log-probabilities of its scored ids, in nats.
    pub loss: f64,
    /// Whether each of them is the most likely one.
    pub is_greedy: bool,
}

/// Added to the logit of the one id that may come; far more than logits differ.
const CERTAIN: [f32; 10] = [100.0; 10];

/// Scores all options of all questions, in their order. `on_option` is called once for each option.
///
/// # Errors
/// `Stopped` where that was asked for; the engine's own.
pub fn score(subject: &mut Subject, questions: &[&Scored], on_option: &mut dyn FnMut()) -> Result<Vec<Vec<Score>>> {
    let options = || questions.iter().flat_map(|question| question.options.iter().map(move |tail| (question, tail)));
    let mut requests = Vec::new();
    for (question, tail) in options() {
        let prompt = [&question.common[..], &tail.ids[..tail.from]].concat();
        let scored = &tail.ids[tail.from..];
        // The first id has to be drawn, so it is made certain; log-probabilities do not know of the bias.
        let sampling = Sampling { logit_bias: CERTAIN.iter().map(|&bias| (scored[0], bias)).collect(), ..Sampling::greedy() };
        requests.push(Request { top_logprobs: 1, ..Request::new(prompt, scored.len(), sampling, 0) });
    }
    let scored: Vec<&[u32]> = options().map(|(_, tail)| &tail.ids[tail.from..]).collect();
    let stop = subject.stop.clone();
    let completions = subject.engine.generate_while(&requests, &mut |request, id| {
        on_option();
        match scored[request] {
            _ if stop.requested() => Next::EndAll,
            [first, rest @ ..] if *first == id => Next::Force(rest.to_vec()),
            _ => Next::End,
        }
    })?;
    if stop.requested() {
        return Err(base::Error::Stopped.into());
    }
    let mut scores = scored.iter().zip(&completions).map(|(ids, completion)| {
        if completion.ids != *ids {
            return Score { loss: f64::INFINITY, is_greedy: false }; // not even the bias made it likely
        }
        let sum: f64 = completion.logprobs.iter().map(|&logprob| -f64::from(logprob)).sum();
        let is_greedy = ids.iter().zip(&completion.top_logprobs).all(|(&id, top)| top[0].id == id);
        Score { loss: sum / ids.len() as f64, is_greedy }
    });
    Ok(questions.iter().map(|question| scores.by_ref().take(question.options.len()).collect()).collect())
}
