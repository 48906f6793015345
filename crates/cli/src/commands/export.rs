//! `export`: a model for other programs: a GGUF file, or a model folder in 16 bits or in several files.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use base::files::{self, AtomicDir};
use base::text::thousands;
use engine::{GENERATION_FILE, ModelFolder};
use model::stored::Stored;
use model::{Layout, folder, gguf};
use tensor::quant::Format;

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
}

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
    println!("{}", args.out.display());
    Ok(())
}

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
    ["tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "special_tokens_map.json", GENERATION_FILE, "README.md"];

fn write_folder(stored: &Stored, from: &Path, args: &Args) -> anyhow::Result<()> {
    let dir = AtomicDir::create(&args.out)?;
    let format = args.weights.unwrap_or_else(|| widest_stored(stored));
    let generation = engine::generation_of(from, stored)?;
    folder::export(stored, format, args.max_file_mb.map(|mb| mb << 20), &generation, dir.path())?;
    if stored.gguf.is_some() {
        files::write_json(&dir.path().join(GENERATION_FILE), &generation)?;
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
    let bytes: u64 = match written.gguf.is_some() {
        true => std::fs::metadata(out)?.len(),
        false => {
            let sizes = std::fs::read_dir(out)?.map(|entry| Ok(entry?.metadata()?.len()));
            sizes.collect::<std::io::Result<Vec<u64>>>()?.into_iter().sum()
        }
    };
    let names: Vec<&str> = gguf::formats(&written, None)?.into_iter().map(Format::name).collect();
    Ok(format!(
        "{}, {} parameters, matrices in {}, {} bytes ({:.2} bits a parameter)",
        written.config.family.name(),
        thousands(layout.len as u64),
        names.join(" and "),
        thousands(bytes),
        8.0 * bytes as f64 / layout.len as f64
    ))
}
