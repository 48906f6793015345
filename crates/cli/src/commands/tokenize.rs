//! `tokenize`: documents and a tokenizer to token shards.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use corpus::documents::{Document, read_documents};
use tokenizer::Tokenizer;
use tokenizer::shards::{Page, SHARDS_FILE, ShardConfig, ShardsInfo, write_shards};

use crate::context::{self, Context};
use crate::recipe::DEFAULT_BARE_SHARE;

/// Cuts documents into tokens, shuffles them and holds some of them out.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Documents: Parquet, JSON lines, text files, or folders and patterns of these; may be given several times
    #[arg(long, required = true, num_args = 1..)]
    input: Vec<PathBuf>,
    /// Folder of the tokenizer
    #[arg(long)]
    tokenizer: PathBuf,
    /// Folder of shards to write
    #[arg(long)]
    out: PathBuf,
    /// Seed of the order, and of which documents are held out
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Share of the documents that are held out
    #[arg(long, default_value_t = 0.01)]
    val_share: f64,
    /// Leave out documents dated at or after this day, as in 2026-01-01
    #[arg(long, value_name = "DATE")]
    cutoff: Option<String>,
    /// Share of the documents that are written without their address, so that the model can begin without one
    #[arg(long, default_value_t = DEFAULT_BARE_SHARE)]
    bare_share: f64,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if args.out.join(SHARDS_FILE).exists() {
        context::refuse_full_folder(&args.out)?;
    }
    let stage_of = Stage {
        inputs: &args.input,
        tokenizer: &args.tokenizer,
        out: &args.out,
        seed: args.seed,
        val_share: args.val_share,
        cutoff: args.cutoff.as_deref(),
        bare_share: args.bare_share,
    };
    let info = stage(&stage_of, context)?;
    context.line(&told(&info));
    println!("{}", args.out.display());
    Ok(())
}

/// What the stage works on.
#[derive(Clone, Copy, Debug)]
pub struct Stage<'a> {
    /// Files and folders of documents.
    pub inputs: &'a [PathBuf],
    /// Folder of the tokenizer.
    pub tokenizer: &'a Path,
    /// Folder of shards.
    pub out: &'a Path,
    /// Decides the order and the split.
    pub seed: u64,
    /// Share of the documents that are held out.
    pub val_share: f64,
    /// ISO date; documents dated at or after it are left out.
    pub cutoff: Option<&'a str>,
    /// Share of the documents that are written without their address.
    pub bare_share: f64,
}

/// Writes the shards, in place of what an earlier attempt left.
pub fn stage(stage: &Stage, context: &Context) -> anyhow::Result<ShardsInfo> {
    let tokenizer = Tokenizer::load_ours(stage.tokenizer)?;
    let mut documents = DocumentReader::open(stage.inputs)?;
    let config = ShardConfig {
        folder: stage.out.to_path_buf(),
        seed: stage.seed,
        val_share: stage.val_share,
        cutoff: stage.cutoff.map(str::to_string),
        bare_share: stage.bare_share,
        threads: context.threads,
        file_tokens: ShardConfig::FILE_TOKENS,
    };
    let progress = context.progress("tokenize", 0);
    let pages = documents.by_ref().map(|document| Page { url: document.url, date: document.date, text: document.text });
    let outcome = write_shards(pages, &tokenizer, &config, &progress, &context.stop);
    progress.finish();
    documents.close(context)?;
    outcome.with_context(|| format!("tokenizing into {}", stage.out.display()))
}

/// What came out, in a sentence.
fn told(info: &ShardsInfo) -> String {
    let bytes_per_token = info.train.text_bytes as f64 / info.train.tokens.max(1) as f64;
    let mut text = format!(
        "{} documents, {} tokens to read and {} of {} documents held out, {bytes_per_token:.2} bytes a token",
        info.train.documents, info.train.tokens, info.val.tokens, info.val.documents
    );
    if let Some(cutoff) = &info.cutoff {
        text += &format!("; {} dated {cutoff} or later left out", info.documents_after_cutoff);
    }
    text
}

/// Documents one after the other. A damaged row costs that row and is counted; any other failure ends the documents,
/// and [`DocumentReader::close`] gives it.
pub struct DocumentReader {
    documents: Box<dyn Iterator<Item = corpus::Result<Document>>>,
    damaged: u64,
    first_damage: String,
    failure: Option<corpus::Error>,
}

impl DocumentReader {
    /// Begins to read files and folders of documents.
    pub fn open(inputs: &[PathBuf]) -> anyhow::Result<DocumentReader> {
        let documents = Box::new(read_documents(inputs)?);
        Ok(DocumentReader { documents, damaged: 0, first_damage: String::new(), failure: None })
    }

    /// Tells how many rows were damaged, and fails if the documents ended too early.
    pub fn close(self, context: &Context) -> anyhow::Result<()> {
        if let Some(failure) = self.failure {
            return Err(failure.into());
        }
        if self.damaged > 0 {
            context.line(&format!("{} damaged rows left out, the first: {}", self.damaged, self.first_damage));
        }
        Ok(())
    }
}

impl Iterator for DocumentReader {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        while self.failure.is_none() {
            match self.documents.next()? {
                Ok(document) => return Some(document),
                Err(corpus::Error::Base(damage @ base::Error::Damaged { .. })) => {
                    if self.damaged == 0 {
                        self.first_damage = damage.to_string();
                    }
                    self.damaged += 1;
                }
                Err(failure) => self.failure = Some(failure),
            }
        }
        None
    }
}
