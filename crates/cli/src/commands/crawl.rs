//! `crawl`: seed addresses to WARC files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use base::hold::Hold;
use corpus::crawl::counts::Counts;
use corpus::crawl::{CrawlConfig, crawl};

use crate::context::Context;
use crate::recipe::{default_agent, default_delay};

/// Fetches web pages, politely, into WARC files; or goes on where it was stopped
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Addresses to start from
    #[arg(required_unless_present = "seeds", value_name = "URL")]
    urls: Vec<String>,
    /// File of further addresses to start from, one a line
    #[arg(long, value_name = "FILE")]
    seeds: Option<PathBuf>,
    /// Folder to write, or to go on with
    #[arg(long)]
    out: PathBuf,
    /// User agent: a name and how to reach you, as in "my-crawler (+mailto:me@example.org)"; needed for public servers
    #[arg(long, default_value_t = default_agent(), value_name = "TEXT")]
    agent: String,
    /// Pages to keep [default: until no address waits]
    #[arg(long, value_name = "N")]
    pages: Option<u64>,
    /// Links to follow from a seed, one after the other [default: any number]
    #[arg(long, value_name = "N")]
    depth: Option<u32>,
    /// Pages to keep of one server
    #[arg(long, default_value_t = 100_000, value_name = "N")]
    host_pages: u64,
    /// Connections at a time
    #[arg(long, default_value_t = 16, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    concurrency: u16,
    /// Connections at a time to one server
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=64))]
    per_host: u16,
    /// Pause between two requests to a server; a longer one that its robots.txt asks for is kept
    #[arg(long, default_value_t = default_delay(), value_name = "SECONDS")]
    delay: f64,
    /// Bytes of a page that are kept; the rest is cut off
    #[arg(long, default_value_t = 4 << 20, value_name = "BYTES")]
    max_bytes: usize,
    /// Time for one page
    #[arg(long, default_value_t = 60.0, value_name = "SECONDS")]
    timeout: f64,
    /// Domain to follow links to, beside those of the seeds; may be given several times
    #[arg(long, value_name = "DOMAIN")]
    allow: Vec<String>,
    /// Domain or host to leave alone; may be given several times
    #[arg(long, value_name = "DOMAIN")]
    deny: Vec<String>,
    /// Follow links to any domain
    #[arg(long)]
    any_domain: bool,
}

/// Runs the command.
pub fn run(args: &Args, context: &Context) -> anyhow::Result<()> {
    let mut seeds = args.urls.clone();
    if let Some(path) = &args.seeds {
        seeds.extend(lines(path)?);
    }
    let mut config = CrawlConfig::new(seeds, &args.out, &args.agent);
    config.depth = args.depth;
    config.concurrency = args.concurrency.into();
    config.pace.pages = args.pages.unwrap_or(u64::MAX);
    config.pace.server_pages = args.host_pages;
    config.pace.per_server = args.per_host.into();
    config.pace.delay = seconds("--delay", args.delay)?;
    config.limits.max_bytes = args.max_bytes;
    config.limits.total = seconds("--timeout", args.timeout)?;
    config.allow = args.allow.clone();
    config.deny = args.deny.clone();
    config.any_domain = args.any_domain;

    print!("{}", stage(&config, context)?.table());
    Ok(())
}

/// Crawls, or goes on. A crawl that was stopped shows its table all the same.
pub fn stage(config: &CrawlConfig, context: &Context) -> anyhow::Result<Counts> {
    let progress = context.progress("crawl", if config.pace.pages == u64::MAX { 0 } else { config.pace.pages });
    let _hold = Hold::take_folder(&config.output)?;
    let outcome = crawl(config, &progress, &context.stop);
    progress.finish();
    let outcome = outcome.with_context(|| format!("crawling into {}", config.output.display()))?;
    if outcome.stopped {
        context.line(outcome.counts.table().trim_end());
        return Err(base::Error::Stopped.into());
    }
    Ok(outcome.counts)
}

/// The addresses of a file; blank lines and lines of comment are passed over.
fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = base::files::read_text(path)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    Ok(lines.map(str::to_string).collect())
}

/// A number of seconds that is asked for as `name`.
pub fn seconds(name: &str, value: f64) -> anyhow::Result<Duration> {
    Duration::try_from_secs_f64(value).map_err(|_| anyhow::anyhow!("{name} {value} is no time; give a number of seconds"))
}
