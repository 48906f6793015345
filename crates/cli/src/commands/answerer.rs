//! Who answers: a model folder here, or a model behind an endpoint that speaks OpenAI's API.
//!
//! Joins `tasks::ask` with either. Knows nothing of what is asked. The key comes from the environment and goes to the endpoint alone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::bail;
use base::stop::Stop;
use tasks::ask::{Answer, End, Prompt, Question, Speaker};
use tokenizer::Tokenizer;
use tools::{ChatOptions, Message, OpenAi};

use super::eval::{SLOTS, from_tasks, subject};
use crate::context::Context;

/// A model folder, or an endpoint.
#[derive(Debug, clap::Args)]
pub struct AnswererArgs {
    /// Folder of a model that was fine-tuned here
    #[arg(long, value_name = "FOLDER", required_unless_present = "endpoint", conflicts_with = "endpoint")]
    model: Option<PathBuf>,
    #[command(flatten)]
    endpoint: EndpointArgs,
}

/// An endpoint.
#[derive(Debug, clap::Args)]
pub struct EndpointArgs {
    /// A model behind an endpoint that speaks OpenAI's API, as in http://localhost:8080/v1. If it wants a key, it is sent what stands in the
    /// environment variable OPENAI_API_KEY
    #[arg(long, value_name = "URL", requires = "endpoint_model")]
    endpoint: Option<String>,
    /// Its name there
    #[arg(long, value_name = "NAME", requires = "endpoint")]
    endpoint_model: Option<String>,
    /// Requests to the endpoint at the same time
    #[arg(long, default_value_t = 4, value_name = "N", requires = "endpoint", value_parser = clap::value_parser!(u16).range(1..=256))]
    parallel: u16,
    /// Tokens beside those of an answer, for a model that thinks before it answers; its thoughts are left out
    #[arg(long, default_value_t = 0, value_name = "N", requires = "endpoint")]
    thinking_tokens: u32,
}

/// The environment variable that holds the key.
const KEY: &str = "OPENAI_API_KEY";
/// The longest time of one answer.
const LONGEST: Duration = Duration::from_secs(300);
/// Before the second of several tries.
const PAUSE: Duration = Duration::from_secs(1);
/// More refusals before the first answer are due to the settings and not to what is asked.
const REFUSALS: usize = 8;
/// Questions are begun so many times the number of requests ahead of the oldest one without an answer, which a slow answer must not stop.
const AHEAD: usize = 2;
/// Many servers keep a seed in 32 bits with a sign.
const SEED_BITS: u64 = 0x7fff_ffff;

/// Takes the answer to the question of this number. Answers come in the order of their questions.
pub type Take<'a> = dyn FnMut(usize, Answer) -> tasks::Result<()> + 'a;

impl AnswererArgs {
    /// The name of the model.
    pub fn name(&self) -> String {
        match (&self.endpoint.endpoint_model, &self.model) {
            (Some(name), _) => name.clone(),
            (None, Some(folder)) => folder.display().to_string(),
            (None, None) => String::new(),
        }
    }

    /// Asks all questions. Each answer is handed over as soon as those before it are.
    pub fn each(&self, questions: &[Question], context: &Context, take: &mut Take) -> anyhow::Result<()> {
        if let Some(endpoint) = self.endpoint.open(context)? {
            return endpoint.each(questions, take).map_err(from_tasks);
        }
        let Some(folder) = &self.model else { bail!("name who answers: --model or --endpoint") };
        let tokenizer = Tokenizer::load_ours(folder)?;
        let mut subject = subject(folder, &tokenizer, context)?;
        for (portion, asked) in questions.chunks(SLOTS).enumerate() {
            for (index, answer) in subject.ask(asked).map_err(from_tasks)?.into_iter().enumerate() {
                take(portion * SLOTS + index, answer).map_err(from_tasks)?;
            }
        }
        Ok(())
    }
}

impl EndpointArgs {
    /// Whether one is named.
    pub fn is_named(&self) -> bool {
        self.endpoint.is_some()
    }

    /// The name of the model behind it.
    pub fn name(&self) -> &str {
        self.endpoint_model.as_deref().unwrap_or_default()
    }

    /// The endpoint, if one is named.
    pub fn open(&self, context: &Context) -> anyhow::Result<Option<Endpoint>> {
        let Some(url) = &self.endpoint else { return Ok(None) };
        let scheme = ["http://", "https://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        if scheme.is_none_or(|rest| rest.is_empty() || rest.contains(|c: char| "@?#".contains(c) || c.is_whitespace())) {
            // It is not repeated: somebody may have put a key in it.
            bail!("--endpoint is no base URL; write it as in https://host/v1, and put a key in {KEY}");
        }
        let key = std::env::var(KEY).map(|key| key.trim().to_owned()).unwrap_or_default();
        if !key.chars().all(|c| c.is_ascii_graphic()) {
            bail!("the environment variable {KEY} holds characters that no key has; set it again");
        }
        let key = Some(key.as_str()).filter(|key| !key.is_empty());
        let model = OpenAi::new(url, key, self.name()).with_times(LONGEST, PAUSE);
        Ok(Some(Endpoint { model, parallel: self.parallel.into(), thinking_tokens: self.thinking_tokens, stop: context.stop.clone() }))
    }
}

/// A model behind an endpoint.
#[derive(Debug)]
pub struct Endpoint {
    model: OpenAi,
    parallel: usize,
    thinking_tokens: u32,
    stop: Stop,
}

impl Endpoint {
    /// Answers all questions, in their order.
    pub fn ask(&self, questions: &[Question]) -> tasks::Result<Vec<Answer>> {
        let mut answers = Vec::with_capacity(questions.len());
        self.each(questions, &mut |_, answer| {
            answers.push(answer);
            Ok(())
        })?;
        Ok(answers)
    }

    /// Asks several questions at a time and hands the answers over in their order. Asked to stop, it begins no question, and hands over
    /// what was under way.
    pub fn each(&self, questions: &[Question], take: &mut Take) -> tasks::Result<()> {
        let desk = Desk { state: Mutex::default(), moved: Condvar::new(), questions: questions.len(), ahead: AHEAD * self.parallel };
        let (desk, (send, answers)) = (&desk, mpsc::channel());
        std::thread::scope(|scope| {
            for _ in 0..self.parallel.min(questions.len()) {
                let send = send.clone();
                scope.spawn(move || {
                    while let Some(number) = desk.next() {
                        let _ = send.send((number, self.answer(&questions[number]))); // nobody listens where the asking has failed
                    }
                });
            }
            drop(send);
            let outcome = hand_over(desk, &answers, take);
            desk.close();
            outcome
        })
    }

    fn answer(&self, question: &Question) -> tasks::Result<Answer> {
        let refused = |text: String| Err(base::Error::Refused(text).into());
        let Prompt::Chat(turns) = &question.prompt else {
            return refused("an endpoint answers in conversations alone; ask a model folder".into());
        };
        let message = |(speaker, text): &(Speaker, String)| {
            let role = match speaker {
                Speaker::System => "system",
                Speaker::User => "user",
                Speaker::Assistant => "assistant",
            };
            Message::new(role, text.as_str())
        };
        let messages: Vec<Message> = turns.iter().map(message).collect();
        let options = ChatOptions {
            temperature: Some(question.temperature),
            max_tokens: Some(u32::try_from(question.max_tokens).unwrap_or(u32::MAX).saturating_add(self.thinking_tokens)),
            seed: Some(question.seed & SEED_BITS),
            stop: Vec::new(),
        };
        match self.model.chat(&messages, &options, &self.stop) {
            Ok(reply) => {
                let end = match reply.finish.as_str() {
                    "length" => End::Cut,
                    "content_filter" => End::Refused,
                    _ => End::Ended,
                };
                Ok(Answer::plain(reply.text, end))
            }
            Err(tools::Error::Request(why)) => Ok(Answer::plain(why, End::Refused)),
            Err(tools::Error::File(error)) => Err(error.into()),
            Err(error) => refused(error.to_string()),
        }
    }
}

/// Sorts answers by their numbers. Refusals wait for the first answer, so that wrong settings leave no trace in what is stored.
fn hand_over(desk: &Desk, answers: &Receiver<(usize, tasks::Result<Answer>)>, take: &mut Take) -> tasks::Result<()> {
    let mut early = BTreeMap::new();
    let mut refusals: Vec<(usize, Answer)> = Vec::new();
    let mut answered = false;
    for number in 0..desk.questions {
        while !early.contains_key(&number) {
            let (number, answer) = answers.recv().expect("workers answer every question");
            early.insert(number, answer);
        }
        let answer = early.remove(&number).expect("it is there now")?;
        desk.advance();
        if answer.end == End::Refused && !answered {
            if refusals.len() == REFUSALS {
                return Err(base::Error::Refused(format!("the first {} requests were refused: {}", REFUSALS + 1, answer.text)).into());
            }
            refusals.push((number, answer));
            continue;
        }
        answered = true;
        for (number, refusal) in refusals.drain(..) {
            take(number, refusal)?;
        }
        take(number, answer)?;
    }
    refusals.into_iter().try_for_each(|(number, refusal)| take(number, refusal))
}

/// Where workers get their questions.
struct Desk {
    state: Mutex<State>,
    moved: Condvar,
    questions: usize,
    /// How far ahead of the oldest question without an answer others are begun.
    ahead: usize,
}

#[derive(Default)]
struct State {
    /// The next question to be begun.
    next: usize,
    /// Answers taken, in order.
    taken: usize,
}

impl Desk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of the next question; waits where it is too far ahead, and is nothing where there is none.
    fn next(&self) -> Option<usize> {
        let too_far = |state: &mut State| state.next < self.questions && state.next >= state.taken + self.ahead;
        let mut state = self.moved.wait_while(self.state(), too_far).unwrap_or_else(PoisonError::into_inner);
        let number = state.next;
        state.next += 1;
        (number < self.questions).then_some(number)
    }

    fn advance(&self) {
        self.state().taken += 1;
        self.moved.notify_all();
    }

    /// No further question is begun.
    fn close(&self) {
        self.state().next = self.questions;
        self.moved.notify_all();
    }
}
