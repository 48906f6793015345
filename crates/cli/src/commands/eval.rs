//! `eval`: the report card, of one model folder in the terminal, or of a whole run in its report; bits per byte; and
//! published task files.
//!
//! What is asked and how it is graded stands in the crate `tasks`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use engine::{Engine, EngineConfig, Toolset};
use model::Model;
use tasks::card::nature::{self, Material, Nature};
use tasks::card::{self, Beside, Card, Limits, ModelCard, N_SECTIONS, Role, Run, World};
use tasks::manners::Identity;
use tasks::subject::Subject;
use tokenizer::Tokenizer;
use tokenizer::shards::{Shards, page_text};
use train::evaluate::Validation;
use train::step::{Division, Workers};

use super::tokenize::DocumentReader;
use super::tools::toolset;
use crate::context::Context;

mod files;

/// Sequences that are written at the same time.
pub const SLOTS: usize = 64;

/// Measures a model: on published task files, against the answer key of a built-in web, and on documents.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model; with --tasks also a GGUF file
    #[arg(long)]
    model: PathBuf,
    #[command(flatten)]
    files: files::FileArgs,
    /// Folder of the built-in web that it read
    #[arg(long, required_unless_present_any = ["documents", "tasks"])]
    world: Option<PathBuf>,
    /// Bits per byte on documents: Parquet, JSON lines, text files, or folders and patterns of these
    #[arg(long, num_args = 1.., value_name = "DOCUMENTS")]
    documents: Vec<PathBuf>,
    /// With --world: offer tools, with search over these documents (a folder of Parquet, JSON lines or text)
    #[arg(long, value_name = "DOCUMENTS", requires = "world")]
    search: Option<PathBuf>,
    /// Seed of what is drawn from the key and from task files, and of sampled answers
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command. For the answer key the model is asked as a page that it goes on with, and in a conversation.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if !args.files.tasks.is_empty() {
        files::run(&args.files, &args.model, args.seed, context)?;
    }
    if !args.documents.is_empty() {
        println!("{}", bits_per_byte(&args.model, &args.documents, context)?);
    }
    let Some(world) = &args.world else { return Ok(()) };
    let world = World::read(world).map_err(from_tasks)?;
    let toolset = args.search.as_deref().map(|documents| toolset(Some(documents), context)).transpose()?;
    let beside = Beside { tools_offered: toolset.as_ref().map(|_| world::TOOLS_OFFERED), ..Beside::default() };
    let mut models = BTreeMap::new();
    for (name, role) in [("as a page", Role::Base), ("in a conversation", Role::Assistant)] {
        let asked = Asked { name, role, folder: &args.model, beside, toolset: toolset.clone().unwrap_or_default() };
        models.insert(name.to_owned(), measure(asked, &world, args.seed, context)?);
    }
    print!("{}", card::full_table(&models));
    Ok(())
}

/// Bits per byte of a model on documents, in a sentence.
fn bits_per_byte(folder: &Path, documents: &[PathBuf], context: &Context) -> anyhow::Result<String> {
    let model = Model::load(folder)?;
    let tokenizer = Tokenizer::load_ours(folder)?;
    let mut reader = DocumentReader::open(documents)?;
    let mut n_documents = 0;
    let texts = reader.by_ref().map(|document| {
        n_documents += 1;
        page_text(&document.url, &document.text)
    });
    // A micro-batch of one row may be any number of rows.
    let division = Division::new(&model.config, context.threads, model.config.context, context.threads);
    let validation = Validation::of_texts(texts, &tokenizer, division.micro_rows, model.config.context);
    reader.close(context)?;
    anyhow::ensure!(n_documents > 0, "there are no documents in {}", documents[0].display());
    let mut workers = Workers::new(&model, division, model.config.context, context.threads);
    let bits = validation.bits_per_byte(&model, &mut workers);
    Ok(format!("{bits:.4} bits per byte on {n_documents} documents of {} bytes, addresses included", validation.bytes()))
}

/// What the stage works on.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// The run's name.
    pub name: &'a str,
    /// Which facts and problems are drawn, and every sampled answer, follow from it.
    pub seed: u64,
    /// Folder of the built-in web, where the run has one.
    pub world: Option<&'a Path>,
    /// Folder of the documents.
    pub documents: &'a Path,
    /// Folder of the token shards that the base model read.
    pub shards: &'a Path,
    /// Folder of the base model.
    pub base: &'a Path,
    /// Folder of the fine-tuned model, where the run has one.
    pub sft: Option<&'a Path>,
    /// Folder of the model that was fine-tuned again, where the run has one.
    pub assistant: Option<&'a Path>,
    /// Folder of the model that practised, where the run has one; its logs tell how.
    pub rl: Option<&'a Path>,
    /// Who these two should be.
    pub identity: Option<&'a Identity>,
    /// The command that talks to the result.
    pub chat_command: &'a str,
    /// The report's folder.
    pub out: &'a Path,
}

/// Measures a run's models and writes `report.json`, `report.md`, `base.md`, `practice.md`, their pictures, and `report.html`.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<Card> {
    let world = match stage.world {
        Some(folder) => World::read(folder).map_err(from_tasks)?,
        None => World::default(),
    };
    let mut models = BTreeMap::new();
    let plain = Asked { name: "base", role: Role::Base, folder: stage.base, beside: Beside::default(), toolset: Toolset::default() };
    models.insert("base".to_owned(), measure(plain, &world, stage.seed, context)?);
    let nature = nature(stage, &world, context)?;
    // Before and after are asked the same, so both are offered tools and asked who they are.
    let has_tools = stage.assistant.or(stage.rl).is_some();
    let toolset = if has_tools { toolset(Some(stage.documents), context)? } else { Toolset::default() };
    let tools_offered = has_tools.then_some(world::TOOLS_OFFERED);
    for (name, folder) in [("sft", stage.sft), ("assistant", stage.assistant), ("rl", stage.rl)] {
        let Some(folder) = folder else { continue };
        let beside = Beside { identity: stage.identity, tools_offered, before: models.get("sft"), untaught: name == "sft" };
        let measured =
            measure(Asked { name, role: Role::Assistant, folder, beside, toolset: toolset.clone() }, &world, stage.seed, context)?;
        models.insert(name.to_owned(), measured);
    }
    let run = Run {
        name: stage.name.to_owned(),
        documents: Some(stage.documents.to_path_buf()),
        base: stage.base.to_path_buf(),
        practice: stage.rl.map(Path::to_path_buf),
        chat_command: stage.chat_command.to_owned(),
    };
    let card = card::card(&run, stage.seed, models, Some(nature)).map_err(from_tasks)?;
    card::write(&card, &run, stage.out).map_err(from_tasks)?;
    Ok(card)
}

/// A model folder, and how it is asked.
struct Asked<'a> {
    name: &'a str,
    role: Role,
    folder: &'a Path,
    beside: Beside<'a>,
    toolset: Toolset,
}

/// Measures one model folder in one role.
fn measure(asked: Asked, world: &World, seed: u64, context: &Context) -> anyhow::Result<ModelCard> {
    let Asked { name, role, folder, beside, toolset } = asked;
    let tokenizer = Tokenizer::load_ours(folder)?;
    let mut subject = Subject { toolset, ..subject(folder, &tokenizer, context)? };
    let progress = context.progress(&format!("report card, {name}"), N_SECTIONS);
    let mut ask = |questions: &[tasks::ask::Question]| subject.ask(questions);
    let measured = card::measure(role, &mut ask, world, &Limits::default(), beside, seed, &progress, &context.stop);
    progress.finish();
    measured.map_err(from_tasks)
}

/// Measures the base model's nature: what it makes of prompts, what it recites and what it copies.
fn nature(stage: &Stage, world: &World, context: &Context) -> anyhow::Result<Nature> {
    let tokenizer = Tokenizer::load_ours(stage.base)?;
    let shards = Shards::open(stage.shards)?;
    let mut subject = subject(stage.base, &tokenizer, context)?;
    let progress = context.progress("report card, the base model's nature", nature::N_PARTS);
    let mut ask = |questions: &[tasks::ask::Question]| subject.ask(questions);
    let material = Material { shards: &shards, tokenizer: &tokenizer };
    let measured = nature::measure(&mut ask, world, &material, stage.seed, &progress, &context.stop);
    progress.finish();
    measured.map_err(from_tasks)
}

/// A model that can be asked.
pub fn subject<'a>(folder: &Path, tokenizer: &'a Tokenizer, context: &Context) -> anyhow::Result<Subject<'a>> {
    let model = Model::load(folder)?;
    let engine = Engine::new(&model, EngineConfig::new(SLOTS, model.config.context, context.threads));
    Ok(Subject { engine, tokenizer, toolset: Toolset::default(), stop: context.stop.clone() })
}

/// An error of the report card, with what stopped it in sight of whoever asks.
pub fn from_tasks(error: tasks::Error) -> anyhow::Error {
    match error {
        tasks::Error::Base(error) => error.into(),
        error => error.into(),
    }
}
