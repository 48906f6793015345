//! `tokenizer`: learn a vocabulary, and look into vocabularies, one file for each sub-command.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use corpus::documents::Document;
use corpus::language::Detector;
use tokenizer::Tokenizer;
use tokenizer::look::{Counts, Input, count_texts, escape, limited};

use super::tokenize::DocumentReader;
use crate::context::Context;

mod train;

mod show;

mod compare;

mod stats;

pub(in crate::commands) mod paint;

pub use train::{Stage, stage};

/// The language of a document is recognised by so many bytes of its text.
const JUDGED_BYTES: usize = 1 << 14;

/// Learns a tokenizer from documents, and looks into tokenizers.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Learn byte-level BPE merges and write the files that Hugging Face's libraries read
    Train(train::Args),
    /// Show which tokens a text is cut into, and how they were built
    Show(show::Args),
    /// Set tokenizers side by side on a text or on documents
    Compare(compare::Args),
    /// Measure how well a vocabulary fits several kinds of documents
    Stats(stats::Args),
}

impl Args {
    /// Whether the command writes files, so that an interrupt has something to save.
    pub fn saves(&self) -> bool {
        matches!(self.command, Command::Train(_))
    }
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    match &args.command {
        Command::Train(args) => train::run(args, context),
        Command::Show(args) => show::run(args, context),
        Command::Compare(args) => compare::run(args, context),
        Command::Stats(args) => stats::run(args, context),
    }
}

/// How documents are counted.
#[derive(Debug, clap::Args)]
struct Counting {
    /// Read no more than so many bytes of text of each input
    #[arg(long, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(1..))]
    limit_bytes: Option<u64>,
    /// Count the documents of each language by themselves: by their own column, or where it is empty, as they are recognised
    #[arg(long)]
    by_language: bool,
    /// fastText's language model, lid.176.bin or .ftz, instead of the built-in detector
    #[arg(long, value_name = "FILE", requires = "by_language")]
    language_model: Option<PathBuf>,
}

impl Counting {
    /// Counts the texts of documents, without their addresses, with each of the tokenizers: each input by itself, and if so asked
    /// for, each of its languages, the one with most bytes first. Refuses an input without text.
    fn count(&self, inputs: &[PathBuf], tokenizers: &[&Tokenizer], context: &Context) -> anyhow::Result<Vec<(Input, Vec<Counts>)>> {
        let inputs = named_inputs(inputs);
        let detector = self.by_language.then(|| Detector::open(self.language_model.as_deref())).transpose()?;
        for (_, paths) in &inputs {
            DocumentReader::open(paths)?; // what is missing is told before the first is read
        }
        let mut counted = Vec::new();
        for (name, paths) in inputs {
            let mut languages: Vec<Option<String>> = Vec::new();
            let mut documents = DocumentReader::open(&paths)?;
            let progress = context.progress(&escape(name.as_bytes()), 0);
            let texts = documents.by_ref().map(|document| {
                let language = detector.as_ref().map(|detector| language_of(&document, detector));
                let group = languages.iter().position(|known| *known == language).unwrap_or_else(|| {
                    languages.push(language);
                    languages.len() - 1
                });
                (group, document.text)
            });
            let texts = limited(texts, self.limit_bytes.unwrap_or(u64::MAX));
            let outcome = count_texts(texts, tokenizers, context.threads, &progress, &context.stop);
            progress.finish();
            documents.close(context)?;
            let groups = outcome.with_context(|| format!("counting the tokens of {}", escape(name.as_bytes())))?;
            let mut groups: Vec<_> = languages.into_iter().zip(groups).filter(|(_, counts)| counts[0].bytes > 0).collect();
            if groups.is_empty() {
                let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
                bail!("there is no text in {}; name documents that hold some", names.join(", "));
            }
            groups.sort_by_key(|(_, counts)| std::cmp::Reverse(counts[0].bytes));
            counted.extend(groups.into_iter().map(|(language, counts)| (Input { name: name.clone(), language }, counts)));
        }
        Ok(counted)
    }
}

/// The language of a document.
fn language_of(document: &Document, detector: &Detector) -> String {
    if !document.language.is_empty() {
        return document.language.clone();
    }
    detector.detect(&document.text[..document.text.floor_char_boundary(JUDGED_BYTES)]).code
}

/// An input as it is called in a table.
fn called(input: &Input) -> String {
    let language = input.language.as_ref().map(|language| format!(" {language}")).unwrap_or_default();
    escape(format!("{}{language}", input.name).as_bytes())
}

/// Inputs by their names, in the order in which the names first come. What has no name of its own has its file's, and
/// the whole path where that is taken.
fn named_inputs(given: &[PathBuf]) -> Vec<(String, Vec<PathBuf>)> {
    let mut inputs: Vec<(String, Vec<PathBuf>)> = Vec::new();
    for input in given {
        let (name, path) = match own_name(input) {
            Some((name, path)) => (name.to_string(), path),
            None => {
                let file_name = input.file_name().map(|name| name.to_string_lossy().into_owned());
                let free = file_name.filter(|name| inputs.iter().all(|(taken, _)| taken != name));
                (free.unwrap_or_else(|| input.to_string_lossy().into_owned()), input.clone())
            }
        };
        match inputs.iter_mut().find(|(taken, _)| *taken == name) {
            Some((_, paths)) => paths.push(path),
            None => inputs.push((name, vec![path])),
        }
    }
    inputs
}

/// `en=pages` as `en` and `pages`. A path that holds the sign itself is no name.
fn own_name(input: &Path) -> Option<(&str, PathBuf)> {
    let (name, path) = input.to_str()?.split_once('=')?;
    let is_name = !name.is_empty() && !name.contains(['/', '\\']) && !path.is_empty() && !input.exists();
    is_name.then(|| (name, PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_have_names() {
        let check = |given: &[&str], expected: &[(&str, &[&str])]| {
            let given: Vec<PathBuf> = given.iter().map(PathBuf::from).collect();
            let paths = |paths: &[&str]| paths.iter().map(PathBuf::from).collect::<Vec<_>>();
            let expected: Vec<_> = expected.iter().map(|(name, list)| (name.to_string(), paths(list))).collect();
            assert_eq!(named_inputs(&given), expected);
        };
        check(&["en=a", "code=b/*.txt", "en=c"], &[("en", &["a", "c"]), ("code", &["b/*.txt"])]);
        check(&["a/x.txt", "b/x.txt", "b/x.txt"], &[("x.txt", &["a/x.txt"]), ("b/x.txt", &["b/x.txt", "b/x.txt"])]);
        check(&["a/year=2020/x.txt", "=x", "en="], &[("x.txt", &["a/year=2020/x.txt"]), ("=x", &["=x"]), ("en=", &["en="])]);
    }
}
