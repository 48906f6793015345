//! `problems`: what practice asks, to look at or to write into a file.

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap::ValueEnum;
use tasks::practice::{self, Environment, Opened, Problem, Programs, Split, python};

use super::tools::sandbox;
use crate::context::Context;

/// Shows the problems that a model can practise on, and their answers
#[derive(Debug, clap::Args)]
pub struct Args {
    /// An environment by name; of a file, the generator whose problems are wanted [default: a list of all]
    #[arg(long, value_name = "NAME")]
    environment: Option<String>,
    /// JSON lines with questions and answers, with Python problems, or as GSM8K is published
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Difficulty, from 1
    #[arg(long, default_value_t = 1, value_name = "L")]
    level: usize,
    /// Seed of the problems
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many
    #[arg(long, default_value_t = 10, value_name = "N")]
    count: u64,
    /// Those for practice, or those held out
    #[arg(long, value_enum, default_value_t = Which::Train)]
    split: Which,
    /// Print one JSON object a line, which --file reads
    #[arg(long)]
    json: bool,
}

/// The splits, as the command line names them.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Which {
    Train,
    Test,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let Some(environment) = open(args.environment.as_deref(), args.file.as_deref(), context)? else {
        if args.json {
            bail!("name an --environment or a --file, whose problems are to be printed as JSON");
        }
        print!("{}", practice::overview(&all()?));
        return Ok(());
    };
    if args.level == 0 || args.level > environment.levels() {
        bail!("{} has the levels 1 to {}, and was asked for {}", environment.name(), environment.levels(), args.level);
    }
    let split = match args.split {
        Which::Train => Split::Train,
        Which::Test => Split::Test,
    };
    // A file has only so many problems; asked for more, they would come again.
    let there = environment.count(args.level, split).map_or(args.count, |there| args.count.min(there as u64));
    let problem = |index| environment.problem(args.seed, index, args.level, split);
    if args.json {
        for index in 0..there {
            println!("{}", serde_json::to_string(&problem(index))?);
        }
    } else {
        let problems: Vec<Problem> = (0..there).map(problem).collect();
        print!("{}", practice::table(&problems));
    }
    Ok(())
}

/// The environment of this name, or that of a file; none where neither is named.
pub fn open(name: Option<&str>, file: Option<&Path>, context: &Context) -> anyhow::Result<Option<Box<dyn Environment>>> {
    if let Some(file) = file {
        let Opened { environment, left_out } = practice::read(file, name, Some(sandbox()?))?;
        context.left_out(&left_out);
        return Ok(Some(environment));
    }
    let Some(name) = name else { return Ok(None) };
    match all()?.into_iter().find(|environment| environment.name() == name) {
        Some(environment) => Ok(Some(environment)),
        None => bail!("there is no environment {name}; there are {}, {}", practice::NAMES.join(", "), python::NAME),
    }
}

/// All built-in environments.
fn all() -> anyhow::Result<Vec<Box<dyn Environment>>> {
    let mut all: Vec<Box<dyn Environment>> = practice::NAMES.into_iter().filter_map(practice::environment).collect();
    all.push(Box::new(Programs::built_in(sandbox()?)));
    Ok(all)
}
