//! `questions`: documents to questions that they answer, for `probe`.
//!
//! Joins documents, the draw of passages, and whoever writes.

use std::path::PathBuf;

use base::progress::Progress;
use tasks::probe::{Draw, Passage, ask_for_question, question_on};

use super::answerer::AnswererArgs;
use super::ledger::Ledger;
use super::tokenize::DocumentReader;
use crate::context::Context;

/// Lets a model write questions that documents answer, to probe with.
///
/// An interrupted call, or one with a larger --count, goes on behind what the file holds: no passage is asked about twice.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Documents: Parquet, JSON lines, text files, or folders and patterns of these; may be given several times
    #[arg(long, required = true, num_args = 1.., value_name = "PATH")]
    documents: Vec<PathBuf>,
    #[command(flatten)]
    writer: AnswererArgs,
    /// Passages to ask about: first one of each document, in the order of a draw, then a second one, and so on
    #[arg(long, default_value_t = 1000, value_name = "N")]
    count: usize,
    /// Seed of the draw
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// File to write; what was refused stands beside it, in NAME.refused.jsonl
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let mut ledger = Ledger::open(&args.out)?;
    let passages = draw(args, context)?;
    let left: Vec<&Passage> = passages.iter().filter(|passage| !ledger.has(&passage.id)).collect();
    if left.len() < passages.len() {
        context.line(&format!("{} of {} passages were asked about before", passages.len() - left.len(), passages.len()));
    }
    if !left.is_empty() {
        let progress = context.progress("questions", left.len() as u64);
        let outcome = write(args, &left, &mut ledger, &progress, context);
        progress.finish();
        outcome?;
    }
    context.line(&ledger.table(passages.iter().map(|passage| passage.id.as_str()), "passages gave a question"));
    println!("{}", args.out.display());
    Ok(())
}

/// Passages of the documents.
fn draw(args: &Args, context: &Context) -> anyhow::Result<Vec<Passage>> {
    let mut reader = DocumentReader::open(&args.documents)?;
    let mut draw = Draw::new(args.seed, args.count);
    let progress = context.progress("passages", 0);
    for document in reader.by_ref() {
        if context.stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        draw.add(&document.id, &document.url, &document.text);
        progress.advance(1);
    }
    progress.finish();
    reader.close(context)?;
    let passages = draw.passages();
    anyhow::ensure!(!passages.is_empty(), "no document of {} has a passage of whole sentences to ask about", args.documents[0].display());
    Ok(passages)
}

fn write(args: &Args, passages: &[&Passage], ledger: &mut Ledger, progress: &Progress, context: &Context) -> anyhow::Result<()> {
    let asked: Vec<_> = passages.iter().map(|passage| ask_for_question(passage)).collect();
    args.writer.each(&asked, context, &mut |number, answer| {
        let passage = passages[number];
        match question_on(passage, &answer) {
            Ok(question) => ledger.keep(&question.id, &question)?,
            Err(why) => ledger.refuse(&passage.id, why, &answer.text)?,
        }
        progress.advance(1);
        Ok(())
    })
}
