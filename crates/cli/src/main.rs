//! The binary `schoolhouse`: a table of commands.
//!
//! Glue only. What a command does stands in its file below commands/, and what it knows in the crates below.

#![forbid(unsafe_code)]

mod commands;
mod context;
mod recipe;
mod stages;
mod summary;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{
    bench, chat, complete, crawl, curate, eval, export, import, pretrain, probe, problems, quantize, questions, rl, run, search, serve,
    sft, synthesize, tokenize,
};
use context::{Context, EXIT_STOPPED, Options};

/// Raises a chat model from raw web pages, on one machine.
#[derive(Debug, Parser)]
#[command(name = "schoolhouse", version, max_term_width = 100, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    options: Options,
}

/// First all of it, then in the order in which data flows.
#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    World(commands::world::Args),
    Crawl(crawl::Args),
    Curate(curate::Args),
    Tokenizer(commands::tokenizer::Args),
    Tokenize(tokenize::Args),
    Pretrain(pretrain::Args),
    Synthesize(synthesize::Args),
    Sft(sft::Args),
    Questions(questions::Args),
    Probe(probe::Args),
    Problems(problems::Args),
    Rl(Box<rl::Args>),
    Eval(eval::Args),
    Import(import::Args),
    Export(export::Args),
    Quantize(quantize::Args),
    Search(search::Args),
    Complete(complete::Args),
    Chat(chat::Args),
    Serve(serve::Args),
    Bench(bench::Args),
    /// The process in which the Python tool runs one program
    #[command(hide = true)]
    PythonChild,
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(tell_panic));
    let cli = Cli::parse();
    if matches!(cli.command, Command::PythonChild) {
        // Before anything else: a child that is to limit itself has one thread and listens to nobody.
        return ExitCode::from(tools::python::child_main(&mut std::io::stdin().lock(), &mut std::io::stdout().lock()));
    }
    // What has nothing to save stops without a word.
    let saves = match &cli.command {
        Command::Import(_)
        | Command::Problems(_)
        | Command::Search(_)
        | Command::Quantize(_)
        | Command::Complete(_)
        | Command::Chat(_)
        | Command::Serve(_) => false,
        Command::Tokenizer(args) => args.saves(),
        _ => true,
    };
    let on_stop = if saves { context::SAVING } else { "" };
    let outcome = Context::new(&cli.options, on_stop).and_then(|context| dispatch(&cli.command, &context));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if context::was_stopped(&error) => ExitCode::from(EXIT_STOPPED),
        Err(error) => {
            eprintln!("error: {}", context::sentence(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &Command, context: &Context) -> anyhow::Result<()> {
    match command {
        Command::Run(args) => run::run(args, context),
        Command::World(args) => commands::world::run(args, context),
        Command::Crawl(args) => crawl::run(args, context),
        Command::Curate(args) => curate::run(args, context),
        Command::Tokenizer(args) => commands::tokenizer::run(args, context),
        Command::Tokenize(args) => tokenize::run(args, context),
        Command::Pretrain(args) => pretrain::run(args, context),
        Command::Synthesize(args) => synthesize::run(args, context),
        Command::Sft(args) => sft::run(args, context),
        Command::Questions(args) => questions::run(args, context),
        Command::Probe(args) => probe::run(args, context),
        Command::Problems(args) => problems::run(args, context),
        Command::Rl(args) => rl::run(args, context),
        Command::Eval(args) => eval::run(args, context),
        Command::Import(args) => import::run(args, context),
        Command::Export(args) => export::run(args, context),
        Command::Quantize(args) => quantize::run(args, context),
        Command::Search(args) => search::run(args, context),
        Command::Complete(args) => complete::run(args, context),
        Command::Chat(args) => chat::run(args, context),
        Command::Serve(args) => serve::run(args, context),
        Command::Bench(args) => bench::run(args, context),
        Command::PythonChild => Ok(()), // main has run it
    }
}

/// A panic is a bug, and is told in one line too. A reader that went away (`| head`) is no bug.
fn tell_panic(info: &std::panic::PanicHookInfo) {
    let message = info.payload_as_str().unwrap_or("no message");
    if message.contains("Broken pipe") {
        std::process::exit(0);
    }
    let place = info.location().map_or(String::new(), |location| format!(" ({}:{})", location.file(), location.line()));
    eprintln!("error: a bug in schoolhouse{place}: {}", message.replace('\n', " "));
}
