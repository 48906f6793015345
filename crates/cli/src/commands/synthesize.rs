//! `synthesize`: prompts to conversations that another model wrote, for `sft`.
//!
//! Joins the prompts with whoever answers; what holds for an answer stands in `tasks::synthetic`.

use std::path::PathBuf;

use base::progress::Progress;
use base::rng::{Rng, label};
use serde_json::json;
use tasks::ask::Question;
use tasks::synthetic::{self, Prompt, Rules};

use super::answerer::AnswererArgs;
use super::eval::from_tasks;
use super::ledger::Ledger;
use crate::context::Context;

/// Lets a model answer prompts, and stores the conversations that can be learnt from.
///
/// An interrupted call goes on behind what the file holds: no prompt is asked twice. Answers that are empty, cut, or hold control characters
/// or special tokens are refused.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Prompts, one a line: a text, or a JSON object with `prompt`, and `system` and `id` if there are any
    #[arg(long, value_name = "FILE")]
    prompts: PathBuf,
    #[command(flatten)]
    writer: AnswererArgs,
    /// Conversations to write; what was refused stands beside them, in NAME.refused.jsonl
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Tokens of an answer, at most; one that is cut there is refused
    #[arg(long, default_value_t = 1024, value_name = "N")]
    max_tokens: usize,
    /// Words of an answer, at most; a longer one is refused
    #[arg(long, value_name = "N")]
    max_words: Option<usize>,
    /// Refuse an answer that holds this text, in any case; may be given several times
    #[arg(long = "refuse", value_name = "TEXT")]
    refused: Vec<String>,
    /// 0 for the likeliest answer
    #[arg(long, default_value_t = 0.7, value_name = "T")]
    temperature: f32,
    /// Seed of the answers, where they are drawn
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    anyhow::ensure!((0.0..=2.0).contains(&args.temperature), "--temperature {} is not between 0 and 2", args.temperature);
    let file = synthetic::read_prompts(&args.prompts).map_err(from_tasks)?;
    context.left_out(&file.left_out);
    if file.left_out.len() + file.repeated > 0 {
        context.line(&format!("{} lines left out, {} say what a line before them says", file.left_out.len(), file.repeated));
    }
    anyhow::ensure!(!file.prompts.is_empty(), "there are no prompts in {}", args.prompts.display());
    let mut ledger = Ledger::open(&args.out)?;
    let left: Vec<&Prompt> = file.prompts.iter().filter(|prompt| !ledger.has(&prompt.id)).collect();
    if left.len() < file.prompts.len() {
        context.line(&format!("{} of {} prompts were answered before", file.prompts.len() - left.len(), file.prompts.len()));
    }
    if !left.is_empty() {
        let progress = context.progress("synthesize", left.len() as u64);
        let outcome = write(args, &left, &mut ledger, &progress, context);
        progress.finish();
        outcome?;
    }
    context.line(&ledger.table(file.prompts.iter().map(|prompt| prompt.id.as_str()), "prompts gave a conversation"));
    println!("{}", args.out.display());
    Ok(())
}

fn write(args: &Args, prompts: &[&Prompt], ledger: &mut Ledger, progress: &Progress, context: &Context) -> anyhow::Result<()> {
    let rules = Rules { max_words: args.max_words, refused: args.refused.clone() };
    let question = |prompt: &&Prompt| {
        let seed = Rng::derive(args.seed, &[label("synthesize"), label(&prompt.id)]).next_u64();
        Question { temperature: args.temperature, seed, ..Question::greedy(prompt.turns(), args.max_tokens) }
    };
    let asked: Vec<Question> = prompts.iter().map(question).collect();
    let model = args.writer.name();
    args.writer.each(&asked, context, &mut |number, answer| {
        let prompt = prompts[number];
        match synthetic::conversation(prompt, &answer, &rules) {
            Ok(stored) => {
                let mut row = stored.to_json();
                row["model"] = json!(model);
                ledger.keep(&prompt.id, &row)?;
            }
            Err(why) => ledger.refuse(&prompt.id, why, &answer.text)?,
        }
        progress.advance(1);
        Ok(())
    })
}
