//! Drawing answers and grading them.
//!
//! All answers of a step are one batch of the engine: the answers to a prompt share what is read of it, and where one ends, the next
//! begins. They are drawn at temperature 1 with nothing cut off, so that what draws and what is trained are one distribution.

use base::rng::{Rng, label};
use engine::{Completion, Engine, EngineConfig, Finish, Request, Sampling, Toolset};
use model::Model;
use model::folder::EndTokens;
use serde_json::{Map, Value, json};
use tasks::practice::Problem;
use tasks::stats::pass_at_k;
use tokenizer::Tokenizer;
use tokenizer::chat::{AnswerReader, ChatFormat, Conversation, Message, Read, Role};

use super::measure::KS;
use super::{Course, Reward, RlConfig};
use crate::{Error, Result};

/// Answers that are drawn side by side; the others begin as these end.
const SLOTS: usize = 256;

/// The answers to one problem.
#[derive(Clone, Debug)]
pub struct Group {
    /// Number of the course.
    pub course: usize,
    /// Difficulty.
    pub level: usize,
    /// The problem.
    pub problem: Problem,
    /// What the model was given.
    pub prompt: Vec<u32>,
    /// What it wrote.
    pub answers: Vec<Answer>,
}

/// An answer, and what it is worth.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// Its ids, and the one that ended it.
    pub ids: Vec<u32>,
    /// For each id whether it was not the model's: a tool's output.
    pub forced: Vec<bool>,
    /// For each id its log-probability when it was drawn.
    pub logprobs: Vec<f32>,
    /// As it is read: without calls and outputs, thoughts between `<think>` and `</think>`.
    pub text: String,
    /// Whether the model ended it.
    pub ended: bool,
    /// What the grader gave, or chance.
    pub score: f64,
    /// What it is rewarded with: the score, less what it loses for its length.
    pub reward: f64,
}

impl Answer {
    /// Tokens that the model wrote itself.
    pub fn own_tokens(&self) -> usize {
        self.forced.iter().filter(|&&forced| !forced).count()
    }

    fn new(completion: Completion, ends: EndTokens, tokenizer: &Tokenizer) -> Answer {
        let Completion { mut ids, mut forced, logprobs, finish, .. } = completion;
        let text = read(&ids, tokenizer);
        let ended = match finish {
            Finish::Stop(id) => {
                ids.push(id);
                forced.push(false);
                id == ends.end_of_turn || id == ends.end_of_text
            }
            _ => false,
        };
        assert_eq!((ids.len(), ids.len()), (forced.len(), logprobs.len()), "each id has its log-probability");
        Answer { ids, forced, logprobs, text, ended, score: 0.0, reward: 0.0 }
    }
}

impl Group {
    /// What the answers are rewarded with.
    pub fn rewards(&self) -> Vec<f64> {
        self.answers.iter().map(|answer| answer.reward).collect()
    }

    /// Whether the answers differ in what they are worth.
    pub fn has_variance(&self) -> bool {
        self.answers.iter().any(|answer| answer.reward != self.answers[0].reward)
    }

    /// Share of the answers that the grader called right.
    pub fn share_right(&self) -> f64 {
        self.right() as f64 / self.answers.len().max(1) as f64
    }

    fn right(&self) -> usize {
        self.answers.iter().filter(|answer| answer.score > 0.5).count()
    }

    /// Standard deviation of the rewards, of the sample.
    fn spread(&self) -> f64 {
        let n = self.answers.len() as f64;
        let mean = self.rewards().iter().sum::<f64>() / n;
        (self.rewards().iter().map(|reward| (reward - mean).powi(2)).sum::<f64>() / (n - 1.0).max(1.0)).sqrt()
    }
}

/// An answer as its grader reads it: calls and outputs of tools left out, all other special tokens spelt out.
fn read(ids: &[u32], tokenizer: &Tokenizer) -> String {
    let mut reader = AnswerReader::new(tokenizer);
    let words = |id: &&u32| match reader.push(tokenizer, **id) {
        Read::Text | Read::Thought => true,
        Read::Mark => !reader.is_open(),
        Read::Inside | Read::End { .. } => false,
    };
    let kept: Vec<u32> = ids.iter().filter(words).copied().collect();
    tokenizer.decode(&kept)
}

/// How a model is asked.
#[derive(Clone, Copy)]
pub(super) struct Asking<'a> {
    pub wanted: &'a RlConfig,
    pub tokenizer: &'a Tokenizer,
    pub format: ChatFormat,
    pub ends: EndTokens,
    pub tools: Option<&'a Toolset>,
}

impl Asking<'_> {
    /// Draws and grades the answers to some problems, (course, difficulty, problem). `first` numbers them among all of the run.
    pub fn groups(&self, model: &Model, courses: &[Course], problems: Vec<(usize, usize, Problem)>, first: u64) -> Result<Vec<Group>> {
        let samples = self.wanted.samples;
        let mut requests = Vec::new();
        for (number, (_, _, problem)) in (first..).zip(&problems) {
            let prompt = self.prompt(problem)?;
            for sample in 0..samples {
                let seed = Rng::derive(self.wanted.seed, &[label("answers"), number, sample as u64]).next_u64();
                requests.push(self.request(prompt.clone(), Sampling::plain(1.0), seed));
            }
        }
        let mut answers = self.answers(model, &requests)?.into_iter();
        let mut groups: Vec<Group> = problems
            .into_iter()
            .enumerate()
            .map(|(i, (course, level, problem))| {
                let prompt = requests[i * samples].prompt.clone();
                Group { course, level, problem, prompt, answers: answers.by_ref().take(samples).collect() }
            })
            .collect();
        self.grade(courses, &mut groups, first)?;
        Ok(groups)
    }

    /// The most likely answers.
    pub fn greedy(&self, model: &Model, problems: &[&Problem]) -> Result<Vec<Answer>> {
        let requests = problems.iter().map(|problem| Ok(self.request(self.prompt(problem)?, Sampling::greedy(), 0)));
        self.answers(model, &requests.collect::<Result<Vec<Request>>>()?)
    }

    /// Several answers to each problem, at temperature 1. Their random streams are those of no training answer.
    pub fn sampled(&self, model: &Model, problems: &[&Problem], samples: usize) -> Result<Vec<Vec<Answer>>> {
        let mut requests = Vec::new();
        for (number, problem) in problems.iter().enumerate() {
            let prompt = self.prompt(problem)?;
            for sample in 0..samples {
                let seed = Rng::derive(self.wanted.seed, &[label("tested answers"), number as u64, sample as u64]).next_u64();
                requests.push(self.request(prompt.clone(), Sampling::plain(1.0), seed));
            }
        }
        let mut answers = self.answers(model, &requests)?.into_iter();
        Ok(problems.iter().map(|_| answers.by_ref().take(samples).collect()).collect())
    }

    /// A problem as the model is asked it.
    fn prompt(&self, problem: &Problem) -> Result<Vec<u32>> {
        let RlConfig { system, wish, think, .. } = self.wanted;
        let question = match wish {
            Some(wish) => format!("{} {wish}", problem.question),
            None => problem.question.clone(),
        };
        let system = system.iter().map(|system| Message::text(Role::System, system.clone()));
        let messages = system.chain([Message::text(Role::User, question)]).collect();
        let mut prompt = self.format.render_prompt(&Conversation { messages }, self.tokenizer)?;
        if *think {
            let begin = self.tokenizer.special("<think>");
            prompt.push(begin.ok_or_else(|| Error::Refused("this vocabulary has no <think>; practise without thoughts".into()))?);
        }
        Ok(prompt)
    }

    fn request(&self, prompt: Vec<u32>, sampling: Sampling, seed: u64) -> Request {
        let stop_ids = vec![self.ends.end_of_turn, self.ends.end_of_text];
        Request { stop_ids, ..Request::new(prompt, self.wanted.max_tokens, sampling, seed) }
    }

    fn answers(&self, model: &Model, requests: &[Request]) -> Result<Vec<Answer>> {
        let longest = requests.iter().map(|request| request.prompt.len()).max().unwrap_or(0) + self.wanted.max_tokens;
        if longest > model.config.context {
            let (context, most) = (model.config.context, self.wanted.max_tokens);
            return Err(Error::Refused(format!(
                "a problem and an answer of {most} tokens take {longest} tokens, the model's context has {context}; allow shorter answers or choose easier problems"
            )));
        }
        let mut engine = Engine::new(model, EngineConfig::new(requests.len().min(SLOTS), longest, self.wanted.threads));
        engine.limit_ids(self.tokenizer.vocab_size());
        let completions = match self.tools {
            Some(toolset) => engine.generate_with_tools(self.tokenizer, toolset, requests, &mut |_, _| true)?,
            None => engine.generate(requests, &mut |_, _| {})?,
        };
        let think = if self.wanted.think { "<think>" } else { "" };
        let answers = completions.into_iter().map(|completion| {
            let answer = Answer::new(completion, self.ends, self.tokenizer);
            Answer { text: format!("{think}{}", answer.text), ..answer }
        });
        Ok(answers.collect())
    }

    /// Grades all answers, those of a course at once.
    fn grade(&self, courses: &[Course], groups: &mut [Group], first: u64) -> Result<()> {
        for (number, course) in courses.iter().enumerate() {
            let own = groups.iter().filter(|group| group.course == number);
            let pairs: Vec<(&Problem, &Answer)> =
                own.flat_map(|group| group.answers.iter().map(move |answer| (&group.problem, answer))).collect();
            let mut scores = scores(course, &pairs)?.into_iter();
            let own = groups.iter_mut().filter(|group| group.course == number);
            own.flat_map(|group| &mut group.answers).zip(&mut scores).for_each(|(answer, score)| answer.score = score);
        }
        for (number, group) in (first..).zip(groups) {
            let mut coin = Rng::derive(self.wanted.seed, &[label("coin"), number]);
            for answer in &mut group.answers {
                let graded = match self.wanted.reward {
                    Reward::Graded => answer.score,
                    Reward::Random => f64::from(u8::from(coin.chance(0.5))),
                };
                answer.reward = graded - too_long(answer.own_tokens(), self.wanted);
            }
        }
        Ok(())
    }
}

/// What the grader of a course gives each answer; nothing to one that did not end.
pub(super) fn scores(course: &Course, answered: &[(&Problem, &Answer)]) -> Result<Vec<f64>> {
    let ended = answered.iter().filter(|(_, answer)| answer.ended);
    let ended: Vec<(&Problem, &str)> = ended.map(|(problem, answer)| (*problem, answer.text.as_str())).collect();
    let mut given = if ended.is_empty() { Vec::new() } else { course.environment.scores(&ended)? }.into_iter();
    assert_eq!(given.len(), ended.len(), "a score for each answer");
    Ok(answered.iter().map(|(_, answer)| if answer.ended { given.next().unwrap_or(0.0) } else { 0.0 }).collect())
}

/// What an answer loses near the longest length: nothing up to `overlong` tokens before it, then more with each, 1 at its end.
fn too_long(len: usize, wanted: &RlConfig) -> f64 {
    match wanted.overlong {
        0 => 0.0,
        overlong => (len + overlong).saturating_sub(wanted.max_tokens) as f64 / overlong as f64,
    }
}

/// Words with which a model looks at its own work again.
const SECOND_THOUGHTS: [&str; 4] = ["wait", "check", "again", "let me"];

/// What is logged of a step's answers, by TRL's names where it has them.
pub(super) fn metrics(groups: &[Group], courses: &[Course], wanted: &RlConfig) -> Map<String, Value> {
    let answers: Vec<&Answer> = groups.iter().flat_map(|group| &group.answers).collect();
    let mean = |values: &mut dyn Iterator<Item = f64>| {
        let (mut sum, mut n) = (0.0, 0);
        values.for_each(|value| (sum, n) = (sum + value, n + 1));
        if n == 0 { None } else { Some(sum / n as f64) }
    };
    let length = |answer: &&Answer| answer.own_tokens() as f64;
    let mut metrics = Map::new();
    let mut put = |name: &str, value: Option<f64>| {
        if let Some(value) = value {
            metrics.insert(name.into(), json!(value));
        }
    };
    put("reward", mean(&mut answers.iter().map(|answer| answer.reward)));
    put("reward_std", mean(&mut groups.iter().map(Group::spread)));
    put("frac_reward_zero_std", mean(&mut groups.iter().map(|group| f64::from(u8::from(!group.has_variance())))));
    put("completions/mean_length", mean(&mut answers.iter().map(length)));
    put("completions/min_length", answers.iter().map(length).reduce(f64::min));
    put("completions/max_length", answers.iter().map(length).reduce(f64::max));
    put("completions/clipped_ratio", mean(&mut answers.iter().map(|answer| f64::from(u8::from(!answer.ended)))));
    // The mean surprise of what was drawn is an unbiased estimate of the entropy.
    let drawn = answers.iter().flat_map(|answer| answer.logprobs.iter().zip(&answer.forced));
    put("entropy", mean(&mut drawn.filter(|&(_, &forced)| !forced).map(|(&logprob, _)| f64::from(-logprob))));
    for k in KS.into_iter().filter(|&k| k <= wanted.samples) {
        put(&format!("pass@{k}"), mean(&mut groups.iter().map(|group| pass_at_k(group.answers.len(), group.right(), k))));
    }
    for (long, name) in [(false, "short"), (true, "long")] {
        let of = || answers.iter().filter(|answer| (answer.own_tokens() >= wanted.long_tokens) == long);
        put(&format!("completions/{name}_share"), Some(of().count() as f64 / answers.len().max(1) as f64));
        put(&format!("completions/{name}_length"), mean(&mut of().map(length)));
        put(&format!("completions/{name}_right"), mean(&mut of().map(|answer| f64::from(u8::from(answer.score > 0.5)))));
    }
    for (right, name) in [(false, "wrong"), (true, "right")] {
        let of = answers.iter().filter(|answer| (answer.score > 0.5) == right);
        put(&format!("completions/{name}_length"), mean(&mut of.map(length)));
    }
    let reconsiders = |answer: &&Answer| {
        let text = answer.text.to_lowercase();
        f64::from(u8::from(SECOND_THOUGHTS.iter().any(|words| text.contains(words))))
    };
    put("completions/second_thoughts", mean(&mut answers.iter().map(reconsiders)));
    if courses.len() > 1 {
        for (number, course) in courses.iter().enumerate() {
            let of = groups.iter().filter(|group| group.course == number);
            put(&format!("reward/{}", course.environment.name()), mean(&mut of.map(Group::share_right)));
        }
    }
    metrics
}
