//! `probe`: finds out what a model knows, and writes the conversations that teach it to say so.
//!
//! Joins the model, the questions, whoever judges, and the search tool over the documents. What was answered is stored as it comes, and
//! a call that was interrupted goes on behind it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::bail;
use base::files;
use base::hold::Hold;
use base::jsonl::{self, JsonLog};
use serde::{Deserialize, Serialize};
use tasks::conversations::{self, StoredConversation};
use tasks::manners::{self, Identity};
use tasks::probe::{self, ByModel, Exact, Judge, Knowledge, Lessons, ProbeConfig, Probed, Question};
use tokenizer::Tokenizer;

use super::answerer::EndpointArgs;
use super::eval::{from_tasks, subject};
use crate::context::Context;

/// Finds out what a model knows and writes lessons on it.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the fine-tuned model
    #[arg(long)]
    model: PathBuf,
    /// Questions with their answers, as JSON lines
    #[arg(long)]
    questions: PathBuf,
    /// Folder to write: answers.jsonl, conversations.jsonl, probe.json. An interrupted call there is continued
    #[arg(long)]
    out: PathBuf,
    /// Who says whether an answer is right: a program that looks for the words (exact), or another model that is shown the passage
    #[arg(long, default_value = "exact", value_parser = ["exact", "endpoint"], requires_if("endpoint", "endpoint"))]
    judge: String,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// Answers sampled for each question
    #[arg(long, default_value_t = 8)]
    samples: usize,
    /// Documents for the search tool of the lessons; without them what is not known is declined, and nothing is looked up
    #[arg(long)]
    documents: Option<PathBuf>,
    /// Name of the assistant; with it, conversations that give it a self and manners are written too
    #[arg(long)]
    name: Option<String>,
    /// Who made it
    #[arg(long, default_value = "the Schoolhouse project", requires = "name")]
    maker: String,
    /// What it has read
    #[arg(long, default_value = "a few thousand web pages", requires = "name")]
    data: String,
    /// The day before which everything was written that it has read
    #[arg(long, default_value = "the day of my training", requires = "name")]
    cutoff: String,
    /// Seed of the samples and of the lessons
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// How each question was answered.
const ANSWERS: &str = "answers.jsonl";
/// Of what these are answers.
const ASKED: &str = "asked.json";
/// What was found, in numbers.
pub const SUMMARY: &str = "probe.json";
/// The conversations on what is known.
pub const LESSONS: &str = "conversations.jsonl";
/// The conversations that give a self and manners.
pub const MANNERS: &str = "manners.jsonl";

/// Questions that are asked at a time: between two portions answers are stored.
const PORTION: usize = 256;
/// The same where an endpoint judges, which takes longer and may cost money.
const JUDGED_PORTION: usize = 16;
/// Of a hundred known things, so many are looked up because the user asks for it.
const SEARCHED_ANYWAY: usize = 6;

/// What `probe.json` says: how many questions of each kind were known, unknown, or neither.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// By kind of question, then by what the model showed.
    pub kinds: BTreeMap<String, BTreeMap<Knowledge, usize>>,
    /// Lessons by kind.
    pub lessons: BTreeMap<String, usize>,
}

/// What `asked.json` says: on what the answers of a folder depend.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Asked {
    /// Hash of the questions' file.
    questions: String,
    /// Hash of the model's files.
    model: String,
    /// `exact`, or the name of the model that judges.
    judge: String,
    config: ProbeConfig,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let judges = args.judge == "endpoint";
    if args.endpoint.is_named() && !judges {
        bail!("--endpoint is for --judge endpoint; the model that is probed is a folder");
    }
    files::create_folder(&args.out)?;
    let config = ProbeConfig { samples: args.samples, seed: args.seed, ..ProbeConfig::default() };
    let identity = args.name.as_ref().map(|name| Identity {
        name: name.clone(),
        maker: args.maker.clone(),
        folder: args.out.display().to_string(),
        data: args.data.clone(),
        cutoff: args.cutoff.clone(),
    });
    let stage_of = Stage {
        config: &config,
        model: &args.model,
        questions: &args.questions,
        judge: judges.then_some(&args.endpoint),
        documents: args.documents.as_deref(),
        identity: identity.as_ref(),
        out: &args.out,
    };
    let summary = stage(&stage_of, context)?;
    context.line(summary.table().trim_end());
    println!("{}", args.out.display());
    Ok(())
}

/// What the stage works on.
pub struct Stage<'a> {
    /// How is asked.
    pub config: &'a ProbeConfig,
    /// Folder of the model.
    pub model: &'a Path,
    /// The questions' file.
    pub questions: &'a Path,
    /// The endpoint that judges; without one a program does.
    pub judge: Option<&'a EndpointArgs>,
    /// Documents for the search tool of the lessons.
    pub documents: Option<&'a Path>,
    /// Who the assistant is.
    pub identity: Option<&'a Identity>,
    /// The folder to write.
    pub out: &'a Path,
}

/// Asks everything, and writes what was answered and what follows.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Summary> {
    let questions = probe::read_questions(stage.questions).map_err(from_tasks)?;
    anyhow::ensure!(!questions.is_empty(), "there are no questions in {}", stage.questions.display());
    let _hold = Hold::take_folder(stage.out)?;
    let probed = ask(stage, &questions, context)?;
    let toolset = super::tools::toolset(stage.documents, context)?;
    let with = Lessons {
        tools_offered: world::TOOLS_OFFERED,
        without_tools: &world::WITHOUT_TOOLS,
        search: toolset.search.as_deref(),
        searched_anyway: SEARCHED_ANYWAY,
        seed: stage.config.seed,
    };
    let lessons = probe::lessons(&with, &questions, &probed);
    conversations::write(&stage.out.join(LESSONS), &lessons).map_err(from_tasks)?;
    if let Some(identity) = stage.identity {
        let manners = manners::conversations(identity, world::TOOLS_OFFERED, stage.config.seed);
        conversations::write(&stage.out.join(MANNERS), &manners).map_err(from_tasks)?;
    }
    let summary = Summary::of(&questions, &probed, &lessons);
    files::write_json(&stage.out.join(SUMMARY), &summary)?;
    Ok(summary)
}

/// Asks what `answers.jsonl` does not hold yet.
fn ask(stage: &Stage, questions: &[Question], context: &Context) -> anyhow::Result<Vec<Probed>> {
    refuse_other_answers(stage)?;
    let path = stage.out.join(ANSWERS);
    let mut probed: Vec<Probed> = jsonl::resume(&path)?;
    if probed.len() > questions.len() || probed.iter().zip(questions).any(|(probed, question)| probed.id != question.id) {
        bail!("{} does not answer the questions of {} in their order; remove it", path.display(), stage.questions.display());
    }
    let left = &questions[probed.len()..];
    if left.is_empty() {
        return Ok(probed);
    }
    let tokenizer = Tokenizer::load_ours(stage.model)?;
    let mut subject = subject(stage.model, &tokenizer, context)?;
    let endpoint = stage.judge.map(|args| args.open(context)).transpose()?.flatten();
    let mut ask_judge = |asked: &[tasks::ask::Question]| endpoint.as_ref().map_or(Ok(Vec::new()), |endpoint| endpoint.ask(asked));
    let (mut judge, portion): (Box<dyn Judge>, usize) = match endpoint {
        Some(_) => (Box::new(ByModel { ask: &mut ask_judge }), JUDGED_PORTION),
        None => (Box::new(Exact::new(questions)), PORTION),
    };
    let mut log = JsonLog::append_to(&path)?;
    let progress = context.progress("probe", questions.len() as u64);
    progress.advance(probed.len() as u64);
    for portion in left.chunks(portion) {
        let mut ask = |asked: &[tasks::ask::Question]| subject.ask(asked);
        let answered = probe::probe(stage.config, portion, &mut ask, judge.as_mut()).map_err(from_tasks)?;
        answered.iter().try_for_each(|row| log.write(row))?;
        probed.extend(answered);
        progress.advance(portion.len() as u64);
        if context.stop.requested() {
            return Err(base::Error::Stopped.into());
        }
    }
    progress.finish();
    Ok(probed)
}

/// Says of what the folder's answers are, and refuses a folder whose answers are of something else.
fn refuse_other_answers(stage: &Stage) -> anyhow::Result<()> {
    let asked = Asked {
        questions: files::hash_file(stage.questions)?,
        model: model_hash(stage.model)?,
        judge: stage.judge.map_or("exact", EndpointArgs::name).to_owned(),
        config: stage.config.clone(),
    };
    let path = stage.out.join(ASKED);
    if !stage.out.join(ANSWERS).exists() {
        return Ok(files::write_json(&path, &asked)?);
    }
    let is_same = path.exists() && files::read_json::<Asked>(&path)? == asked;
    let folder = stage.out.display();
    anyhow::ensure!(
        is_same,
        "{folder} holds answers of another model, to other questions, or otherwise asked; choose another folder or remove it"
    );
    Ok(())
}

/// One hash for what decides a model's answers.
fn model_hash(folder: &Path) -> anyhow::Result<String> {
    let mut rows = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(|source| base::Error::io(folder, "read", source))? {
        let path = entry.map_err(|source| base::Error::io(folder, "read", source))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let is_weights = name.ends_with(".safetensors") && name != train::checkpoint::TRAINING;
        if is_weights || name == "config.json" || name == "tokenizer.json" {
            rows.push(format!("{name} {}\n", files::hash_file(&path)?));
        }
    }
    rows.sort_unstable();
    Ok(files::hash_bytes(rows.concat().as_bytes()))
}

impl Summary {
    fn of(questions: &[Question], probed: &[Probed], lessons: &[StoredConversation]) -> Summary {
        let mut kinds: BTreeMap<String, BTreeMap<Knowledge, usize>> = BTreeMap::new();
        for (question, probed) in questions.iter().zip(probed) {
            *kinds.entry(question.kind.clone()).or_default().entry(probed.knowledge).or_default() += 1;
        }
        let mut by_kind = BTreeMap::new();
        for lesson in lessons {
            *by_kind.entry(lesson.kind.clone()).or_default() += 1;
        }
        Summary { kinds, lessons: by_kind }
    }

    /// The sums, in a few words.
    pub fn in_short(&self) -> String {
        let count = |knowledge| self.kinds.values().filter_map(|counts| counts.get(&knowledge)).sum::<usize>();
        let lessons: usize = self.lessons.values().sum();
        let [known, unknown, unsure] = [Knowledge::Known, Knowledge::Unknown, Knowledge::Unsure].map(count);
        format!("of {} questions {known} known, {unknown} unknown, {unsure} unsure; {lessons} lessons", known + unknown + unsure)
    }

    /// A line for each kind of question, and one for the lessons.
    pub fn table(&self) -> String {
        let mut text = format!("{:<14} {:>8} {:>8} {:>8}\n", "questions", "known", "unknown", "unsure");
        for (kind, counts) in &self.kinds {
            let count = |knowledge| counts.get(&knowledge).copied().unwrap_or(0);
            text +=
                &format!("{kind:<14} {:>8} {:>8} {:>8}\n", count(Knowledge::Known), count(Knowledge::Unknown), count(Knowledge::Unsure));
        }
        let lessons: Vec<String> = self.lessons.iter().map(|(kind, n)| format!("{n} {kind}")).collect();
        text + &format!("lessons: {}\n", lessons.join("; "))
    }
}
