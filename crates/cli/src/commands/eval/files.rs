//! `eval --tasks`: published task files, asked of any model folder or GGUF file. How they are asked and graded stands in `tasks::evals`.

use std::path::{Path, PathBuf};

use engine::{EngineConfig, ModelFolder};
use tasks::card::Role;
use tasks::evals::{self, Model, Options, Report, Task, files};
use tasks::subject::Subject;
use tensor::quant::Format;

use super::super::export::parse_format;
use super::super::tokenizer::paint;
use super::from_tasks;
use crate::context::Context;

/// Sequences that are read or written at the same time.
const SLOTS: usize = 32;

/// Which files, and how they are asked.
#[derive(Debug, clap::Args)]
pub struct FileArgs {
    /// Published task files: in-context-learning files of DCLM and llm-foundry, ARC, MMLU (JSON lines, JSON or CSV) and GSM8K; told from
    /// their keys
    #[arg(long, num_args = 1.., value_name = "FILES")]
    pub tasks: Vec<PathBuf>,
    /// Solved examples before each question [default: as many as CORE has for a file of this name; 10 for ARC, 5 for MMLU and GSM8K,
    /// else 0]
    #[arg(long, value_name = "N", requires = "tasks")]
    shots: Option<usize>,
    /// What stands between a question and its answer, `\n` for a line end [default: as CORE has it for a file of this name; `\nAnswer: `
    /// for ARC, MMLU and GSM8K, else a space]
    #[arg(long, value_name = "TEXT", requires = "tasks", value_parser = parse_delimiter)]
    delimiter: Option<String>,
    /// Questions of each file, at most; which ones follows from the seed
    #[arg(long, value_name = "N", requires = "tasks", value_parser = parse_limit)]
    limit: Option<usize>,
    /// Answers to each word problem at temperature 1, beside the most likely one: pass@K
    #[arg(long, value_name = "K", requires = "tasks", default_value_t = 0, hide_default_value = true)]
    samples: usize,
    /// Ask word problems as pages that go on (base) or in a conversation (assistant) [default: assistant where the vocabulary has a chat
    /// format]
    #[arg(long, requires = "tasks", value_parser = parse_role)]
    role: Option<Role>,
    /// Keep the matrices in this format: f32, f16, bf16, q8_0, q4_0, q5_0, q4_k, q5_k or q6_k [default: as stored]
    #[arg(long, value_name = "FORMAT", requires = "tasks", value_parser = parse_format)]
    weights: Option<Format>,
    /// Print the results of the task files as JSON
    #[arg(long, requires = "tasks")]
    json: bool,
}

fn parse_role(name: &str) -> Result<Role, String> {
    match name {
        "base" => Ok(Role::Base),
        "assistant" => Ok(Role::Assistant),
        _ => Err("the roles are base and assistant".to_owned()),
    }
}

fn parse_limit(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|&limit| limit > 0).ok_or_else(|| "it is a number from 1 on".to_owned())
}

fn parse_delimiter(text: &str) -> Result<String, String> {
    Ok(text.replace("\\n", "\n"))
}

/// Asks everything and prints the table, or the report as JSON.
pub fn run(args: &FileArgs, path: &Path, seed: u64, context: &Context) -> anyhow::Result<()> {
    let options =
        Options { shots: args.shots, delimiter: args.delimiter.clone(), limit: args.limit, seed, samples: args.samples, role: args.role };
    let mut read = Vec::new();
    for path in &args.tasks {
        let file = files::read(path).map_err(from_tasks)?;
        context.left_out(&file.damaged.iter().map(|why| format!("{}: {why}", path.display())).collect::<Vec<_>>());
        read.push(file);
    }
    let (weights, folder) = ModelFolder::load(path, args.weights)?;
    let (document_ends, turn_ends) = (folder.document_ends(), folder.turn_ends());
    let model = Model { tokenizer: &folder.tokenizer, start: &folder.start, document_ends: &document_ends, turn_ends: &turn_ends };
    let prepare = |capacity: usize| -> anyhow::Result<Vec<Task>> {
        let mut tasks = Vec::new();
        for file in &read {
            tasks.extend(evals::prepare(file, &model, &options, capacity).map_err(from_tasks)?);
        }
        Ok(tasks)
    };
    let mut tasks = prepare(weights.config().context)?;
    let longest = tasks.iter().map(Task::longest).max().unwrap_or(0);
    let engine = folder.engine(weights, EngineConfig::new(SLOTS, longest, context.threads));
    if engine.capacity() < longest {
        tasks = prepare(engine.capacity())?; // there is no memory for so long a sequence
    }
    let progress = context.progress("task files", tasks.iter().map(|task| task.steps(&options) as u64).sum());
    let mut subject = Subject { engine, tokenizer: &folder.tokenizer, toolset: engine::Toolset::default(), stop: context.stop.clone() };
    let measured: tasks::Result<Vec<_>> = tasks.iter().map(|task| evals::run(task, &mut subject, &model, &options, &progress)).collect();
    progress.finish();
    let report = Report::new(path, seed, measured.map_err(from_tasks)?);
    match args.json {
        true => print!("{}", paint::json(&report)?),
        false => print!("{}", report.table()),
    }
    Ok(())
}
