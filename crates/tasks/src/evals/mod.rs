//! Published task files, asked of any model: CORE's tasks, ARC, MMLU, GSM8K. What is scored, counted and told.
//!
//! Three steps: [`prepare`] makes ids of all questions, so that the caller knows how long the longest is; [`run`] asks the
//! model; [`Report::table`] tells it. Nothing here knows the time: the same model, files and options give the same report.

mod csv;
pub mod files;
mod gsm8k;
pub mod prompts;
pub mod score;
pub mod settings;

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::rng::{Rng, label};
use serde::{Deserialize, Serialize};
use tokenizer::chat::ChatFormat;
use tokenizer::{Encoder, Tokenizer};

pub(crate) use self::gsm8k::number;

use self::files::{Example, Format, TaskFile};
use self::prompts::{Cut, Scored, Template, draw_shots};
use self::settings::{N_CORE, Setting, settings};
use crate::Result;
use crate::card::{Role, aligned};
use crate::stats::{Rate, mean, round4};
use crate::subject::Subject;

/// What the caller decides.
#[derive(Clone, Debug)]
pub struct Options {
    /// Examples before each question, instead of those of CORE or of the format.
    pub shots: Option<usize>,
    /// What stands between a question and its answer, instead of that.
    pub delimiter: Option<String>,
    /// Questions of a file, at most; they are drawn by the seed.
    pub limit: Option<usize>,
    /// Which examples and questions are drawn, and every sampled answer, follow from it.
    pub seed: u64,
    /// Answers to each word problem at temperature 1, beside the most likely one.
    pub samples: usize,
    /// How word problems are asked; a conversation where the vocabulary has a format for it.
    pub role: Option<Role>,
}

/// What is known of the model that is asked.
#[derive(Clone, Copy, Debug)]
pub struct Model<'a> {
    /// Its tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// What stands before a text.
    pub start: &'a [u32],
    /// Ids that end a page.
    pub document_ends: &'a [u32],
    /// Ids that end a turn.
    pub turn_ends: &'a [u32],
}

/// A task, ready to be asked.
#[derive(Debug)]
pub struct Task {
    setting: Setting,
    file: PathBuf,
    format: Format,
    examples: Vec<Example>,
    damaged: usize,
    chat: Option<ChatFormat>,
    questions: Questions,
    not_asked: usize,
}

#[derive(Debug)]
enum Questions {
    /// With the number of the right option; 0 where the only one is right.
    Scored(Vec<(Scored, usize)>),
    Problems(Vec<gsm8k::Asked>),
}

/// Options, or answers, that the engine is given at once. Between two such calls it runs empty.
const AT_ONCE: usize = 512;

impl Task {
    /// Tokens of the longest sequence, answer and all.
    pub fn longest(&self) -> usize {
        match &self.questions {
            Questions::Scored(questions) => questions.iter().map(|(scored, _)| scored.longest()).max().unwrap_or(0),
            Questions::Problems(problems) => problems.iter().map(|asked| asked.prompt.len() + asked.room).max().unwrap_or(0),
        }
    }

    /// Options to score and answers to write.
    pub fn steps(&self, options: &Options) -> usize {
        match &self.questions {
            Questions::Scored(questions) => questions.iter().map(|(scored, _)| scored.options.len()).sum(),
            Questions::Problems(problems) => problems.len() * (options.samples + 1),
        }
    }
}

/// Makes ids of the questions of a file, once for each of its settings, none longer than `capacity`.
///
/// # Errors
/// A role that the vocabulary has no format for.
pub fn prepare(file: &TaskFile, model: &Model, options: &Options, capacity: usize) -> Result<Vec<Task>> {
    settings(file, options.shots, options.delimiter.as_deref())
        .into_iter()
        .map(|setting| prepare_one(file, setting, model, options, capacity))
        .collect()
}

fn prepare_one(file: &TaskFile, mut setting: Setting, model: &Model, options: &Options, capacity: usize) -> Result<Task> {
    let n = file.examples.len();
    let chat = if file.format == Format::Gsm8k { chat_format(model.tokenizer, options.role)? } else { None };
    let header = match (file.format, &file.subject) {
        (Format::Mmlu, Some(subject)) => format!("The following are multiple choice questions (with answers) about {subject}.\n\n"),
        (Format::Mmlu, None) => "The following are multiple choice questions (with answers).\n\n".to_owned(),
        _ => String::new(),
    };
    // As in CORE, every sequence begins as a document does, also of models that put nothing before a text.
    let start = match model.start {
        [] => model.tokenizer.document_start().into_iter().collect(),
        start => start.to_vec(),
    };
    let delimiter = setting.delimiter.clone();
    let template = Template { examples: &file.examples, header, delimiter: &delimiter, start, capacity };
    let mut asked: Vec<usize> = (0..n).collect();
    if let Some(limit) = options.limit.filter(|&limit| limit < n) {
        asked = Rng::derive(options.seed, &[label("limit")]).sample(&asked, limit).into_iter().copied().collect();
        asked.sort_unstable();
        setting.is_core = false;
    }
    let (mut scored, mut problems, mut not_asked) = (Vec::new(), Vec::new(), 0);
    let mut encoder = Encoder::new(model.tokenizer);
    for question in asked {
        let shots = draw_shots(n, question, setting.shots, options.seed);
        let gold = match file.examples[question] {
            Example::Choice { gold, .. } | Example::Schema { gold, .. } => gold,
            Example::Language { .. } => 0,
            Example::Problem { .. } => {
                match gsm8k::ask(&template, question, &shots, chat, &mut encoder, model.tokenizer)? {
                    Some(problem) => problems.push(problem),
                    None => not_asked += 1,
                }
                continue;
            }
        };
        match template.scored(question, &shots, &mut encoder) {
            Some(question) => scored.push((question, gold)),
            None => not_asked += 1,
        }
    }
    let questions = if file.format == Format::Gsm8k { Questions::Problems(problems) } else { Questions::Scored(scored) };
    let (examples, damaged) = (file.examples.clone(), file.damaged.len());
    Ok(Task { setting, file: file.path.clone(), format: file.format, examples, damaged, chat, questions, not_asked })
}

fn chat_format(tokenizer: &Tokenizer, role: Option<Role>) -> Result<Option<ChatFormat>> {
    match (role, ChatFormat::of(tokenizer)) {
        (Some(Role::Base), _) => Ok(None),
        (Some(Role::Assistant), None) => {
            let why = "the model's vocabulary has no chat format that is known here; ask it as a page";
            Err(base::Error::Refused(why.to_owned()).into())
        }
        (_, format) => Ok(format),
    }
}

/// What was measured on one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// Its name.
    pub task: String,
    /// Its file.
    pub file: PathBuf,
    /// What the file's records are.
    #[serde(rename = "type")]
    pub format: Format,
    /// Whether it was asked as CORE asks, whole.
    pub core: bool,
    /// Whether it was asked in a conversation.
    pub conversation: bool,
    /// Solved examples before each question.
    pub shots: usize,
    /// Between a question and its answer.
    pub delimiter: String,
    /// Right answers.
    pub accuracy: Rate,
    /// Accuracy of guessing.
    pub chance: f64,
    /// `(accuracy - chance) / (1 - chance)`.
    pub centered: f64,
    /// Answers sampled of each word problem.
    pub samples: usize,
    /// Of the sampled answers, the share that is right.
    pub sampled: Option<Rate>,
    /// Problems of which at least one of the sampled answers is right.
    pub pass_at_k: Option<Rate>,
    /// Records that could not be read.
    pub damaged: usize,
    /// Questions that were too long for the context whatever was cut; they are not counted above.
    pub not_asked: usize,
    /// Questions that lost examples to fit into the context.
    pub lost_shots: usize,
    /// Questions that lost the front of themselves to fit into the context.
    pub lost_text: usize,
}

/// What was measured of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// 1; rises when a key changes its meaning.
    pub version: u32,
    /// The model's folder or file.
    pub model: PathBuf,
    /// Which examples and questions were drawn, and every sampled answer, follow from it.
    pub seed: u64,
    /// In the order of the files.
    pub tasks: Vec<Measured>,
    /// Mean of the centred accuracies.
    pub mean_centered: f64,
    /// The same, if these are the 22 tasks of CORE, asked as CORE asks.
    pub core: Option<f64>,
}

/// Asks all questions of a task.
///
/// # Errors
/// `Stopped` where that was asked for; the engine's own.
pub fn run(task: &Task, subject: &mut Subject, model: &Model, options: &Options, progress: &Progress) -> Result<Measured> {
    let (mut right, mut cuts, mut fair) = (Vec::new(), Vec::new(), Vec::new());
    let (mut samples, mut passed) = (Vec::new(), Vec::new());
    let mut on_step = || progress.advance(1);
    match &task.questions {
        Questions::Scored(questions) => {
            for part in parts(questions, |(scored, _)| scored.options.len()) {
                let scored: Vec<&Scored> = part.iter().map(|(scored, _)| scored).collect();
                let scores = score::score(subject, &scored, &mut on_step)?;
                right.extend(part.iter().zip(&scores).map(|((_, gold), scores)| match &scores[..] {
                    [only] => only.is_greedy,
                    scores => choose(scores) == *gold,
                }));
            }
            cuts.extend(questions.iter().map(|(scored, _)| scored.cut));
            fair.extend(questions.iter().map(|(scored, _)| match scored.options.len() {
                1 => 0.0,
                n => 1.0 / n as f64,
            }));
        }
        Questions::Problems(problems) => {
            let stop_ids = if task.chat.is_some() { model.turn_ends } else { model.document_ends };
            let answering = gsm8k::Answering { chat: task.chat, stop_ids, samples: options.samples, seed: options.seed };
            for part in parts(problems, |_| options.samples + 1) {
                let asked: Vec<&gsm8k::Asked> = part.iter().collect();
                for graded in gsm8k::answer(subject, &asked, &task.examples, answering, &mut on_step)? {
                    right.push(graded.greedy);
                    passed.push(graded.samples.contains(&true));
                    samples.extend(graded.samples);
                }
            }
            cuts.extend(problems.iter().map(|asked| asked.cut));
        }
    }
    let count = |lost: fn(&Cut) -> bool| cuts.iter().filter(|cut| lost(cut)).count();
    let chance = task.setting.chance.unwrap_or_else(|| mean(&fair).unwrap_or(0.0));
    let accuracy = Rate::of(right.iter().copied());
    let share = accuracy.right as f64 / accuracy.n.max(1) as f64;
    let is_sampled = options.samples > 0 && task.format == Format::Gsm8k;
    Ok(Measured {
        task: task.setting.task.clone(),
        file: task.file.clone(),
        format: task.format,
        core: task.setting.is_core,
        conversation: task.chat.is_some(),
        shots: task.setting.shots,
        delimiter: task.setting.delimiter.clone(),
        accuracy,
        chance: round4(chance),
        centered: round4((share - chance) / (1.0 - chance)),
        samples: if is_sampled { options.samples } else { 0 },
        sampled: is_sampled.then(|| Rate::of(samples)),
        pass_at_k: is_sampled.then(|| Rate::of(passed)),
        damaged: task.damaged,
        not_asked: task.not_asked,
        lost_shots: count(|cut| cut.shots > 0),
        lost_text: count(|cut| cut.tokens > 0),
    })
}

/// The option of the lowest loss; of equals the first.
pub fn choose(scores: &[score::Score]) -> usize {
    let losses = scores.iter().map(|score| score.loss).enumerate();
    losses.min_by(|a, b| a.1.total_cmp(&b.1)).map_or(0, |(place, _)| place)
}

/// Questions in parts of about [`AT_ONCE`] steps.
fn parts<T>(questions: &[T], steps: impl Fn(&T) -> usize) -> Vec<&[T]> {
    let (mut parts, mut rest) = (Vec::new(), questions);
    while !rest.is_empty() {
        let mut sum = 0;
        let n = rest.iter().take_while(|question| {
            let fits = sum < AT_ONCE;
            sum += steps(question);
            fits
        });
        let (part, others) = rest.split_at(n.count());
        parts.push(part);
        rest = others;
    }
    parts
}

impl Report {
    /// What was measured of a model, with the means.
    pub fn new(model: &Path, seed: u64, tasks: Vec<Measured>) -> Report {
        let centered =
            |wanted: fn(&Measured) -> bool| -> Vec<f64> { tasks.iter().filter(|task| wanted(task)).map(|task| task.centered).collect() };
        let (all, of_core) = (centered(|_| true), centered(|task| task.core));
        let mut names: Vec<&str> = tasks.iter().filter(|task| task.core).map(|task| task.task.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        let is_core = names.len() == N_CORE && of_core.len() == N_CORE;
        let core = is_core.then(|| mean(&of_core).map(round4)).flatten();
        Report { version: 1, model: model.to_path_buf(), seed, mean_centered: round4(mean(&all).unwrap_or(0.0)), core, tasks }
    }

    /// A table of all tasks, and below it the mean and whatever changed a question or left it out.
    pub fn table(&self) -> String {
        let percent = |share: f64| format!("{:.1}", 100.0 * share);
        let mut rows =
            vec![["task", "type", "shots", "n", "accuracy %", "95% interval", "chance %", "centred"].map(str::to_owned).to_vec()];
        for task in &self.tasks {
            let kind = format!("{}{}", task.format.name(), if task.conversation { ", as a conversation" } else { "" });
            let mut row = |name: String, rate: Rate, chance: String, centered: String| {
                let interval = format!("{}-{}", percent(rate.low), percent(rate.high));
                rows.push(vec![
                    name,
                    kind.clone(),
                    task.shots.to_string(),
                    rate.n.to_string(),
                    percent(rate.share),
                    interval,
                    chance,
                    centered,
                ]);
            };
            row(task.task.clone(), task.accuracy, percent(task.chance), format!("{:.3}", task.centered));
            for (name, rate) in [("one sample", task.sampled), (&format!("pass@{}", task.samples), task.pass_at_k)] {
                if let Some(rate) = rate {
                    row(format!("{}, {name}", task.task), rate, String::new(), String::new());
                }
            }
        }
        let mut text = aligned(&rows);
        if let Some(core) = self.core {
            text += &format!("CORE: {core:.4}\n");
        }
        if self.tasks.len() > 1 {
            text += &format!("mean of the centred accuracies: {:.4}\n", self.mean_centered);
        }
        for task in &self.tasks {
            for (n, what) in [
                (task.damaged, "records could not be read and were left out"),
                (task.not_asked, "questions are longer than the context and were not asked"),
                (task.lost_shots, "questions were asked with fewer examples, to fit into the context"),
                (task.lost_text, "questions lost their beginning, to fit into the context"),
            ] {
                if n > 0 {
                    text += &format!("{}: {n} {what}\n", task.task);
                }
            }
        }
        text
    }
}
