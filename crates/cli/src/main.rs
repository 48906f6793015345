//! The binary `schoolhouse`: a table of commands.
//!
//! Glue only. What a command does stands in its file below commands/, and what it knows in the crates below.

#![forbid(unsafe_code)]

mod commands;
mod context;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

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

#[derive(Debug, Subcommand)]
enum Command {}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let outcome = Context::new(&cli.options).and_then(|context| dispatch(&cli.command, &context));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if context::was_stopped(&error) => ExitCode::from(EXIT_STOPPED),
        Err(error) => {
            eprintln!("error: {}", context::sentence(&error));
            ExitCode::FAILURE
        }
    }
}

fn dispatch(command: &Command, _context: &Context) -> anyhow::Result<()> {
    match *command {}
}
