//! `export`: a model for other programs: a GGUF file, or a model folder in 16 bits or in several files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::files::{self, AtomicDir};
use base::text::thousands;
use engine::{EngineConfig, ModelFolder, Request, Sampling};
use model::stored::Stored;
use model::{Layout, folder, gguf};
use tensor::quant::Format;
use tokenizer::look::limited;

use super::tokenize::DocumentReader;
use crate::context::Context;

/// Writes a model as a GGUF file, or as a model folder, in another number format if wished.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folder of the model, or a GGUF file
    model: PathBuf,
    /// What to write: a file whose name ends in .gguf, for llama.cpp and all that read its files, or a folder as transformers reads it
    #[arg(long)]
    out: PathBuf,
    /// The format of the matrices: f32, f16 or bf16, in a GGUF file also q8_0, q4_0, q5_0, q4_k, q5_k or q6_k [default: as stored]
    #[arg(long, visible_alias = "quant", value_name = "FORMAT", value_parser = parse_format)]
    weights: Option<Format>,
    /// Divide a folder's weights into files of about so many megabytes
    #[arg(long, value_name = "MB", value_parser = clap::value_parser!(u64).range(1..))]
    max_file_mb: Option<u64>,
    /// Measure on these documents, at most 200 KB of them, how many bits a byte of text costs the model as it was and as it was written
    #[arg(long, value_name = "DOCUMENTS", num_args = 1..)]
    measure: Vec<PathBuf>,
}

/// Bytes of text on which is measured.
const MEASURED_BYTES: u64 = 200_000;
/// Tokens of a sequence on which is measured, at most.
const MEASURED_CONTEXT: usize = 512;

/// A format by its name.
pub fn parse_format(name: &str) -> Result<Format, String> {
    let same = |format: &Format| format.name().eq_ignore_ascii_case(name);
    Format::ALL.into_iter().find(same).ok_or_else(|| {
        let names = Format::ALL.map(|format| format.name().to_lowercase()).join(", ");
        format!("the formats are {names}")
    })
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let from = &args.model;
    let stored = Stored::open(from)?;
    let is_gguf = args.out.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf"));
    let place = || format!("exporting to {}", args.out.display());
    if is_gguf {
        if args.max_file_mb.is_some() {
            bail!("--max-file-mb divides the files of a folder; a GGUF file is one file");
        }
        write_gguf(&stored, from, args.weights, &args.out).with_context(place)?;
    } else {
        write_folder(&stored, from, args).with_context(place)?;
    }
    context.line(&told(&args.out)?);
    if !args.measure.is_empty() {
        let texts = texts(&args.measure, context)?;
        let before = bits_per_byte(from, &texts, context)?;
        let after = bits_per_byte(&args.out, &texts, context)?;
        context.line(&format!(
            "bits per byte: {before:.4} as it was, {after:.4} as written ({:+.4}, {:+.2}%)",
            after - before,
            100.0 * (after / before - 1.0)
        ));
    }
    println!("{}", args.out.display());
    Ok(())
}

/// The beginning of the documents.
fn texts(inputs: &[PathBuf], context: &Context) -> anyhow::Result<Vec<String>> {
    let mut documents = DocumentReader::open(inputs)?;
    let texts: Vec<String> =
        limited(documents.by_ref().map(|document| ((), document.text)), MEASURED_BYTES).map(|((), text)| text).collect();
    documents.close(context)?;
    if texts.iter().all(String::is_empty) {
        bail!("there is no text to measure on; name documents that hold some");
    }
    Ok(texts)
}

/// How many bits a byte of the texts costs a model, each token given those before it in its sequence.
fn bits_per_byte(path: &Path, texts: &[String], context: &Context) -> anyhow::Result<f64> {
    let (weights, folder) = ModelFolder::load(path, None)?;
    let lengths = folder.tokenizer.token_lengths();
    let first = folder.tokenizer.document_start();
    let capacity = weights.config().context.min(MEASURED_CONTEXT);
    let mut requests = Vec::new();
    for text in texts {
        for piece in folder.tokenizer.encode(text).chunks(capacity - 1) {
            let prompt: Vec<u32> = first.iter().chain(piece).copied().collect();
            requests.push(Request { prompt_logprobs: true, ..Request::new(prompt, 0, Sampling::greedy(), 0) });
        }
    }
    let mut engine = folder.engine(weights, EngineConfig::new(SEQUENCES, capacity, context.threads));
    let progress = context.progress(&format!("measure {}", path.display()), requests.len() as u64);
    let (mut bits, mut bytes) = (0.0, 0.0);
    for some in requests.chunks(SEQUENCES) {
        if context.stop.requested() {
            return Err(base::Error::Stopped.into());
        }
        for (request, completion) in some.iter().zip(engine.generate(some, &mut |_, _| {})?) {
            // Without a token before it, the first one is given and not told.
            bytes += request.prompt[1..].iter().map(|&id| f64::from(lengths[id as usize])).sum::<f64>();
            bits -= completion.prompt_logprobs.iter().map(|&logprob| f64::from(logprob)).sum::<f64>() / std::f64::consts::LN_2;
        }
        progress.advance(some.len() as u64);
    }
    progress.finish();
    Ok(bits / bytes)
}

/// Sequences that are measured side by side.
const SEQUENCES: usize = 16;

fn write_gguf(stored: &Stored, from: &Path, format: Option<Format>, out: &Path) -> anyhow::Result<()> {
    let vocabulary = match &stored.gguf {
        Some(file) => engine::gguf::read_vocabulary(file)?,
        None => {
            let loaded = ModelFolder::tokenizer_of(from, stored)?;
            let mut vocabulary = loaded.gguf_keys().map_err(anyhow::Error::msg)?;
            vocabulary.pad(stored.config.vocab_size);
            vocabulary
        }
    };
    let name = from.file_stem().map(|name| name.to_string_lossy().into_owned());
    Ok(gguf::export(stored, name.as_deref(), engine::gguf::vocabulary_keys(vocabulary), format, out)?)
}

/// Files that lie beside the weights and are taken over as they are.
const BESIDE: [&str; 6] =
    ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", "generation_config.json", "README.md"];

fn write_folder(stored: &Stored, from: &Path, args: &Args) -> anyhow::Result<()> {
    let dir = AtomicDir::create(&args.out)?;
    let format = args.weights.unwrap_or_else(|| widest_stored(stored));
    folder::export(stored, format, args.max_file_mb.map(|mb| mb << 20), dir.path())?;
    if stored.gguf.is_some() {
        ModelFolder::tokenizer_of(from, stored)?.save(dir.path())?;
    } else {
        for name in BESIDE.iter().filter(|name| from.join(name).exists()) {
            files::write_atomic(&dir.path().join(name), &files::read_bytes(&from.join(name))?)?;
        }
    }
    Ok(dir.commit()?)
}

/// The format in which a folder holds what is stored: the matrices' own, or 16 bits for blocks.
fn widest_stored(stored: &Stored) -> Format {
    let layout = Layout::new(&stored.config);
    let of = |tensor| stored.rows(tensor).map(|(format, _)| format);
    let formats = layout.tensors.iter().filter(|tensor| tensor.role.is_block_matrix()).map(of);
    match formats.flatten().next() {
        Some(format @ (Format::F32 | Format::F16 | Format::Bf16)) => format,
        _ => Format::Bf16,
    }
}

/// What was written, read again: the format of the matrices, the numbers, the bytes.
fn told(out: &Path) -> anyhow::Result<String> {
    let written = Stored::open(out)?;
    let layout = Layout::new(&written.config);
    written.check(&layout)?;
    let mut formats: Vec<(Format, usize)> = Vec::new();
    for tensor in layout.tensors.iter().filter(|tensor| tensor.shape.len() == 2) {
        let (format, _) = written.rows(tensor)?;
        match formats.iter_mut().find(|(known, _)| *known == format) {
            Some((_, numbers)) => *numbers += tensor.span.len,
            None => formats.push((format, tensor.span.len)),
        }
    }
    formats.sort_by_key(|(_, numbers)| std::cmp::Reverse(*numbers));
    let bytes: u64 = match written.gguf.is_some() {
        true => std::fs::metadata(out)?.len(),
        false => {
            let sizes = std::fs::read_dir(out)?.map(|entry| Ok(entry?.metadata()?.len()));
            sizes.collect::<std::io::Result<Vec<u64>>>()?.into_iter().sum()
        }
    };
    let names: Vec<String> = formats.iter().map(|(format, _)| format.name().to_string()).collect();
    Ok(format!(
        "{}, {} parameters, matrices in {}, {} bytes ({:.2} bits a parameter)",
        written.config.family.name(),
        thousands(layout.len as u64),
        names.join(" and "),
        thousands(bytes),
        8.0 * bytes as f64 / layout.len as f64
    ))
}
