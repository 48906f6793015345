//! `probe`: finds out what a model knows, and writes the conversations that teach it to say so.
//!
//! Joins the model, the questions, whoever judges, and the search tool over the documents.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use base::files::AtomicFile;
use base::stop::Stop;
use engine::{Engine, EngineConfig, Toolset};
use model::Model;
use serde::{Deserialize, Serialize};
use tasks::conversations::{self, StoredConversation};
use tasks::manners::{self, Identity};
use tasks::probe::{self, Exact, Knowledge, Lessons, ProbeConfig, Probed, Question};
use tasks::subject::Subject;
use tokenizer::Tokenizer;

use super::eval::from_tasks;
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
    /// Folder to write: answers.jsonl, conversations.jsonl, probe.json
    #[arg(long)]
    out: PathBuf,
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

/// What was found, in numbers.
pub const SUMMARY: &str = "probe.json";
/// The conversations on what is known.
pub const LESSONS: &str = "conversations.jsonl";
/// The conversations that give a self and manners.
pub const MANNERS: &str = "manners.jsonl";

/// Sequences that are written at the same time.
const SLOTS: usize = 64;
/// Questions that are asked at a time: between two portions the command can be stopped.
const PORTION: usize = 256;
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

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    base::files::create_folder(&args.out)?;
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
    let probed = ask(stage, &questions, context)?;
    write_lines(&stage.out.join("answers.jsonl"), probed.iter().map(|probed| serde_json::json!(probed)))?;
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
        let manners = manners::conversations(identity, stage.config.seed);
        conversations::write(&stage.out.join(MANNERS), &manners).map_err(from_tasks)?;
    }
    let summary = Summary::of(&questions, &probed, &lessons);
    base::files::write_json(&stage.out.join(SUMMARY), &summary)?;
    Ok(summary)
}

fn ask(stage: &Stage, questions: &[Question], context: &Context) -> anyhow::Result<Vec<Probed>> {
    let tokenizer = Tokenizer::load_ours(stage.model)?;
    let model = Model::load(stage.model)?;
    let engine = Engine::new(&model, EngineConfig::new(SLOTS, model.config.context, context.threads));
    let mut subject = Subject { engine, tokenizer: &tokenizer, toolset: Toolset::default(), stop: context.stop.clone() };
    let mut judge = Exact::new(questions);
    let progress = context.progress("probe", questions.len() as u64);
    let mut probed = Vec::with_capacity(questions.len());
    for portion in questions.chunks(PORTION) {
        let mut ask = |asked: &[tasks::ask::Question]| subject.ask(asked);
        probed.extend(probe::probe(stage.config, portion, &mut ask, &mut judge).map_err(from_tasks)?);
        progress.advance(portion.len() as u64);
        stopped(&context.stop)?;
    }
    progress.finish();
    Ok(probed)
}

fn stopped(stop: &Stop) -> anyhow::Result<()> {
    if stop.requested() { Err(base::Error::Stopped.into()) } else { Ok(()) }
}

fn write_lines(path: &Path, rows: impl Iterator<Item = serde_json::Value>) -> anyhow::Result<()> {
    let mut file = AtomicFile::create(path)?;
    for row in rows {
        writeln!(file, "{row}")?;
    }
    Ok(file.commit()?)
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
