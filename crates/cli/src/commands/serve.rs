//! `serve`: models over HTTP, as OpenAI's API and as pages.
//!
//! Says where it listens, and to whom. What it answers is the business of the crate `server`.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use server::{Limits, MakeTools, Options, Server};

use crate::context::{Context, sentence};

/// Serves models: an API that speaks OpenAI, and pages to chat, look inside and watch.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Model folder, run folder or GGUF file; may be given several times [default: what is finished in --runs]
    #[arg(long)]
    model: Vec<PathBuf>,
    /// Folder of run folders, whose finished models are served and whose runs are shown
    #[arg(long, value_name = "FOLDER", default_value = "runs")]
    runs: PathBuf,
    /// Folder for conversations and feedback [default: server in --runs]
    #[arg(long, value_name = "FOLDER")]
    data: Option<PathBuf>,
    /// Where to listen; port 0 is any that is free
    #[arg(long, value_name = "ADDRESS:PORT", default_value_t = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8000))]
    address: SocketAddr,
    /// File of keys, one a line; requests need one of them
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
    /// Memory for all models together, in GB; models that are idle make room for others
    #[arg(long, value_name = "GB", default_value_t = 8.0)]
    memory: f64,
    /// Seconds after which an idle model is unloaded
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    idle: u64,
    /// Answers that a model writes at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    streams: u16,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    if let Some(path) = args.model.iter().find(|path| !Server::finds_models(path)) {
        bail!("{} holds no model: name a model folder, a folder of such, or a GGUF file", path.display());
    }
    let server = Server::bind(options(args, context)?)?;
    let address = server.address();
    if !address.ip().is_loopback() && args.keys.is_none() {
        context.line("warning: whoever reaches this address may use the server; name a file of keys with --keys");
    }
    context.line("serving until Ctrl-C, at");
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "http://{address}").and_then(|()| stdout.flush()).context("cannot write to the standard output")?;
    drop(stdout);
    Ok(server.run(&context.stop)?)
}

/// Options of a server beside a run: the models and runs of a folder, as `serve` without arguments would have them.
pub fn beside_run(runs: &Path, address: SocketAddr, context: &Context) -> Options {
    Options {
        address,
        keys: Vec::new(),
        models: Vec::new(),
        runs: Some(runs.to_path_buf()),
        data: runs.join("server"),
        limits: Limits::default(),
        tools: tools(context),
        tools_offered: world::TOOLS_OFFERED.to_owned(),
        threads: context.threads,
    }
}

/// What the server is told.
fn options(args: &Args, context: &Context) -> anyhow::Result<Options> {
    if !(0.001..1e6).contains(&args.memory) {
        bail!("--memory is {}; it must be a number of GB above 0", args.memory);
    }
    let limits = Limits {
        memory_bytes: (args.memory * 1e9) as usize,
        idle: Duration::from_secs(args.idle),
        streams: usize::from(args.streams),
        ..Limits::default()
    };
    let usual = beside_run(&args.runs, args.address, context);
    Ok(Options {
        keys: args.keys.as_deref().map(read_keys).transpose()?.unwrap_or_default(),
        models: args.model.clone(),
        data: args.data.clone().unwrap_or_else(|| usual.data.clone()),
        limits,
        ..usual
    })
}

/// Python, and search over the documents that stand beside a model.
fn tools(context: &Context) -> MakeTools {
    let context = context.clone();
    Arc::new(move |model: &Path| {
        let documents = super::tools::documents_beside(model).map_err(|error| error.to_string())?;
        super::tools::toolset(documents.as_deref(), &context).map_err(|error| sentence(&error))
    })
}

/// The keys of a file: its lines, without what is empty.
fn read_keys(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read the keys in {}", path.display()))?;
    let keys: Vec<String> = text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    if keys.is_empty() {
        bail!("{} holds no key: write one a line", path.display());
    }
    if let Some(key) = keys.iter().find(|key| !key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))) {
        bail!("{} holds the key {key:?}: keys are letters, digits and -._~ alone, so that they fit into an address", path.display());
    }
    Ok(keys)
}
