//! `quantize`: what fewer bits would cost a model, measured on documents. Writing them is `export`'s.

use std::path::PathBuf;

use anyhow::bail;
use base::text::thousands;
use engine::ModelFolder;
use engine::compare::{Comparison, Corpus, Reference};
use model::inference::Weights;
use model::stored::Stored;
use model::{Layout, gguf};
use serde::Serialize;
use tensor::quant::Format;
use tokenizer::look::limited;

use super::export::parse_format;
use super::tokenize::DocumentReader;
use crate::context::Context;

/// Measures what fewer bits cost a model: size, bits per byte, and how far its distributions move.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model, or a GGUF file
    model: PathBuf,
    /// Documents that the model has not read: Parquet, JSON lines, text files, or folders and patterns of these
    #[arg(long, required = true, num_args = 1.., value_name = "DOCUMENTS")]
    input: Vec<PathBuf>,
    /// Formats beside the one it is stored in [default: those of bf16, q8_0, q6_k, q5_k, q4_k and q4_0 that are smaller and fit its rows]
    #[arg(long, num_args = 1.., value_name = "FORMAT", value_parser = parse_format)]
    weights: Vec<Format>,
    /// Bytes of text that are read, at most
    #[arg(long, default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    bytes: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// What is measured where nothing is asked for.
const USUAL: [Format; 6] = [Format::Bf16, Format::Q8_0, Format::Q6K, Format::Q5K, Format::Q4K, Format::Q4_0];

/// Tokens of a sequence, at most.
const LONGEST: usize = 512;

/// All that was measured.
#[derive(Debug, Serialize)]
struct Measured {
    model: PathBuf,
    documents: usize,
    bytes: u64,
    tokens: usize,
    /// Tokens behind which whole distributions are compared.
    distributions: usize,
    reference: Size,
    reference_bits_per_byte: f64,
    formats: Vec<Row>,
}

/// A format beside the reference.
#[derive(Debug, Serialize)]
struct Row {
    #[serde(flatten)]
    size: Size,
    #[serde(flatten)]
    comparison: Comparison,
}

/// How much the weights take.
#[derive(Debug, Serialize)]
struct Size {
    /// Formats of the matrices: rows that blocks do not divide take a finer one.
    weights: Vec<&'static str>,
    /// Of the tensors, as a GGUF file has them.
    megabytes: f64,
    bits_per_weight: f64,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let stored = Stored::open(&args.model)?;
    let tokenizer = ModelFolder::tokenizer_of(&args.model, &stored)?;
    let formats = formats(args, &stored)?;
    let mut documents = DocumentReader::open(&args.input)?;
    let texts = limited(documents.by_ref().map(|document| ((), document.text)), args.bytes);
    let texts: Vec<String> = texts.map(|((), text)| text).collect();
    documents.close(context)?;
    let corpus = Corpus::new(&texts, &tokenizer, stored.config.context.min(LONGEST));
    if corpus.tokens() == 0 {
        bail!("there is no text to measure on in {}; name documents that hold some", args.input[0].display());
    }

    // One set of weights at a time.
    let weights = Weights::load(&stored, None)?;
    let size = size(&stored, None)?;
    let progress = context.progress(&size.weights.join(" and "), corpus.tokens() as u64);
    let reference = Reference::new(&weights, &corpus, context.threads, (&progress, &context.stop))?;
    progress.finish();
    drop(weights);
    let mut measured = Measured {
        model: args.model.clone(),
        documents: corpus.documents(),
        bytes: corpus.bytes(),
        tokens: corpus.tokens(),
        distributions: reference.kept(),
        reference: size,
        reference_bits_per_byte: reference.bits_per_byte(&corpus),
        formats: Vec::new(),
    };
    for format in formats {
        let weights = Weights::load(&stored, Some(format))?;
        let progress = context.progress(format.name(), corpus.tokens() as u64);
        let comparison = reference.compare(&weights, &corpus, context.threads, (&progress, &context.stop))?;
        progress.finish();
        measured.formats.push(Row { size: self::size(&stored, Some(format))?, comparison });
    }
    match args.json {
        true => println!("{}", serde_json::to_string(&measured)?),
        false => print!("{}", table(&measured)),
    }
    Ok(())
}

/// The formats to measure: those that were asked for, or the usual ones that make the model smaller.
fn formats(args: &Args, stored: &Stored) -> anyhow::Result<Vec<Format>> {
    if !args.weights.is_empty() {
        return Ok(args.weights.clone());
    }
    let as_stored = gguf::tensor_bytes(stored, None)?;
    let mut formats = Vec::new();
    for format in USUAL {
        let (made, smaller) = (gguf::formats(stored, Some(format))?, gguf::tensor_bytes(stored, Some(format))? < as_stored);
        if smaller && made.contains(&format) {
            formats.push(format);
        }
    }
    if formats.is_empty() {
        bail!("no usual format is smaller than what {} is stored in; name formats with --weights", args.model.display());
    }
    Ok(formats)
}

fn size(stored: &Stored, format: Option<Format>) -> anyhow::Result<Size> {
    let bytes = gguf::tensor_bytes(stored, format)?;
    Ok(Size {
        weights: gguf::formats(stored, format)?.into_iter().map(Format::name).collect(),
        megabytes: bytes as f64 / 1e6,
        bits_per_weight: 8.0 * bytes as f64 / Layout::new(&stored.config).len as f64,
    })
}

fn table(measured: &Measured) -> String {
    let mut text = format!(
        "{}: {} tokens, {} bytes of text in {} documents; distributions are compared behind {} tokens\n\n",
        measured.model.display(),
        thousands(measured.tokens as u64),
        thousands(measured.bytes),
        thousands(measured.documents as u64),
        thousands(measured.distributions as u64),
    );
    let names = measured.formats.iter().map(|row| row.size.name()).chain([measured.reference.name()]);
    let width = names.map(|name| name.len()).max().unwrap_or(0).max("weights".len());
    text += &format!(
        "{:width$} {:>9} {:>11} {:>9}   {:<18} {:>8}   {}\n",
        "weights", "MB", "bits/weight", "bits/byte", "difference", "same top", "divergence (nats/token)"
    );
    let start =
        |size: &Size, bits: f64| format!("{:width$} {:>9.1} {:>11.2} {bits:>9.4}", size.name(), size.megabytes, size.bits_per_weight);
    text += &format!("{}   as stored\n", start(&measured.reference, measured.reference_bits_per_byte));
    let error = |error: Option<f64>, digits: usize| error.map_or(String::new(), |error| format!(" ± {error:.digits$}"));
    for Row { size, comparison } in &measured.formats {
        text += &format!(
            "{}   {:<18} {:>7.2}%   {:.5}{}\n",
            start(size, comparison.bits_per_byte),
            format!("{:+.4}{}", comparison.difference, error(comparison.difference_error, 4)),
            100.0 * comparison.same_top,
            comparison.divergence,
            error(comparison.divergence_error, 5),
        );
    }
    text
}

impl Size {
    fn name(&self) -> String {
        self.weights.join(" and ")
    }
}
