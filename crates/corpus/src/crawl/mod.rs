//! From seed addresses to WARC files: a polite crawler that goes on where it was killed.
//!
//! The one place of the house that opens connections. Breadth first, robots.txt obeyed, a pause between requests to a
//! server. An address is dealt with once its records are in a WARC file and its row is in the journal, in this order;
//! at the next start the WARC file is cut back to what the journal tells. Knows nothing of what makes a page good.

pub mod address;
pub mod links;

pub mod fetch;
pub mod robots;

pub mod archive;
pub mod counts;
pub mod frontier;
pub mod journal;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use base::progress::Progress;
use base::stop::Stop;
use serde::Serialize;
use url::Url;

use crate::record::is_html;
use crate::{Error, Reason, Result, charset};
use address::{Scope, canonical, domain_of};
use archive::Archive;
use counts::{Counts, PAGE, REDIRECT};
use fetch::{Failure, Fetcher, Limits, Response, Truncated, Want};
use frontier::{Frontier, Job, Next, Pace, ServerId};
use journal::{Done, Link};
use robots::{Answer, MAX_ROBOTS_BYTES, MAX_ROBOTS_HOPS, name_of, retry_after};

/// The name of the journal in a crawl's folder. Not `.jsonl`: whoever reads the folder as documents shall pass it over.
pub const FRONTIER: &str = "frontier.log";
/// The name of the file of numbers.
pub const COUNTS: &str = "crawl.json";

/// Redirects that are followed one after the other.
const MAX_HOPS: u32 = 10;
/// What is written is brought to the disk after so long.
const SYNC_PAUSE: Duration = Duration::from_secs(2);
/// A worker that waits looks up after so long, to see whether it shall stop.
const LOOK_UP: Duration = Duration::from_millis(100);

/// What a crawl is asked for.
#[derive(Clone, Debug)]
pub struct CrawlConfig {
    /// Where it starts. An address without a scheme is taken for `https`.
    pub seeds: Vec<String>,
    /// The folder of its files.
    pub output: PathBuf,
    /// The user agent: a name, and how to reach who crawls.
    pub agent: String,
    /// Links between a seed and the last pages; nothing means any number.
    pub depth: Option<u32>,
    /// Connections at a time, to all servers.
    pub concurrency: usize,
    /// Budgets and pauses.
    pub pace: Pace,
    /// Sizes and times of one response.
    pub limits: Limits,
    /// Domains beside those of the seeds.
    pub allow: Vec<String>,
    /// Domains and hosts that are left alone.
    pub deny: Vec<String>,
    /// Whether links are followed to any domain.
    pub any_domain: bool,
    /// A WARC file takes no further record beyond this size.
    pub warc_bytes: u64,
}

impl CrawlConfig {
    /// A crawl with every default: one connection and one request a second for each server, until no address waits.
    pub fn new(seeds: Vec<String>, output: &Path, agent: &str) -> CrawlConfig {
        CrawlConfig {
            seeds,
            output: output.to_path_buf(),
            agent: agent.to_string(),
            depth: None,
            concurrency: 16,
            pace: Pace {
                pages: u64::MAX,
                server_pages: 100_000,
                per_server: 1,
                delay: Duration::from_secs(1),
                longest_wait: Duration::from_secs(120),
                backoff: Duration::from_secs(2),
                retries: 3,
                failures: 12,
            },
            limits: Limits {
                max_bytes: 4 << 20,
                connect: Duration::from_secs(10),
                read: Duration::from_secs(15),
                total: Duration::from_secs(60),
            },
            allow: Vec::new(),
            deny: Vec::new(),
            any_domain: false,
            warc_bytes: 1 << 30,
        }
    }
}

/// How a crawl ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its numbers, over all its starts.
    pub counts: Counts,
    /// Whether it was asked to stop; the same call goes on.
    pub stopped: bool,
}

/// The content of `crawl.json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    version: u32,
    seeds: Vec<&'a str>,
    agent: &'a str,
    #[serde(flatten)]
    counts: &'a Counts,
}

/// Crawls, or goes on with the crawl that the folder holds.
pub fn crawl(config: &CrawlConfig, progress: &Progress, stop: &Stop) -> Result<Outcome> {
    let seeds = seeds(&config.seeds)?;
    check(config, &seeds)?;
    let (folder, pace) = (&config.output, config.pace);
    base::files::create_folder(folder)?;
    let path = folder.join(FRONTIER);
    refuse_other_folder(folder, &path)?;
    let (mut frontier, last) = Frontier::open(&path, folder, pace, Instant::now())?;
    let archive = Archive::open(folder, last, &config.agent, config.warc_bytes)?;
    let links = seeds.iter().map(|url| Link { url: url.to_string(), ..Link::default() }).collect();
    frontier.add_seeds(links, Instant::now())?;
    progress.advance(frontier.counts.pages);

    let private: HashSet<String> = seeds.iter().filter(|seed| fetch::leads_home(seed)).map(domain).collect();
    let crawler = Crawler {
        config,
        scope: Scope::new(&seeds, &config.allow, &config.deny, config.any_domain),
        fetcher: Fetcher::new(&config.agent, config.limits, private, config.concurrency),
        name: name_of(&config.agent),
        state: Mutex::new(State { frontier, archive }),
        wake: Condvar::new(),
        error: Mutex::new(None),
        failed: AtomicBool::new(false),
        alive: AtomicUsize::new(config.concurrency),
        progress,
        stop,
    };
    crawler.run()?;
    if let Some(error) = crawler.error.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let State { frontier, .. } = crawler.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    let waiting = frontier.waiting().0;
    let counts = Counts { waiting, ..frontier.counts };
    let report = Report { version: 1, seeds: seeds.iter().map(Url::as_str).collect(), agent: &config.agent, counts: &counts };
    base::files::write_json(&folder.join(COUNTS), &report)?;
    Ok(Outcome { stopped: stop.requested() && waiting > 0, counts })
}

/// The seeds in their one form.
fn seeds(seeds: &[String]) -> Result<Vec<Url>> {
    let parse = |seed: &String| {
        let text = if seed.contains("://") { seed.clone() } else { format!("https://{seed}") };
        let refuse = |why: &str| Error::Refused(format!("the seed {seed} {why}; give an address such as https://example.org/"));
        let url = Url::parse(&text).map_err(|error| refuse(&format!("cannot be read ({error})")))?;
        canonical(url).map_err(|_| refuse("is no address of a web page"))
    };
    seeds.iter().map(parse).collect()
}

/// Refuses what cannot be crawled, or not with decency.
fn check(config: &CrawlConfig, seeds: &[Url]) -> Result<()> {
    let refuse = |why: &str| Err(Error::Refused(why.to_string()));
    if seeds.is_empty() {
        return refuse("there is no seed; give at least one address to start from");
    }
    if config.concurrency == 0 || config.pace.per_server == 0 {
        return refuse("there must be at least one connection");
    }
    let is_plain = config.agent.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if !is_plain || name_of(&config.agent).is_empty() {
        return refuse("the user agent must be plain ASCII and begin with a name, as in \"my-crawler (+mailto:me@example.org)\"");
    }
    let has_contact = config.agent.contains('@') || config.agent.contains("://");
    if !has_contact && !seeds.iter().all(fetch::leads_home) {
        return refuse(
            "the user agent must tell how to reach you, because servers of others are asked; \
             for example --agent \"my-crawler (+mailto:me@example.org)\"",
        );
    }
    Ok(())
}

/// A folder that holds something else than a crawl, or a run's note that one begins here, is left alone.
fn refuse_other_folder(folder: &Path, journal: &Path) -> Result<()> {
    let mut entries = std::fs::read_dir(folder).map_err(|source| Error::io(folder, "read", source))?.flatten();
    if !journal.exists() && entries.any(|entry| entry.file_name() != base::run::STARTED) {
        return Err(Error::Refused(format!("{} holds files of something else; choose another folder", folder.display())));
    }
    Ok(())
}

fn domain(url: &Url) -> String {
    domain_of(url.host_str().unwrap_or_default()).to_string()
}

/// What the workers share.
struct Crawler<'a> {
    config: &'a CrawlConfig,
    scope: Scope,
    fetcher: Fetcher,
    name: String,
    state: Mutex<State>,
    /// Told whenever there may be something to do.
    wake: Condvar,
    /// What went wrong with the files of the crawl.
    error: Mutex<Option<Error>>,
    failed: AtomicBool,
    alive: AtomicUsize,
    progress: &'a Progress,
    stop: &'a Stop,
}

/// What changes together: a record and its row.
struct State {
    frontier: Frontier,
    archive: Archive,
}

/// What a page holds that matters here.
struct Read {
    outcome: &'static str,
    links: Vec<Link>,
    left_out: BTreeMap<String, u64>,
    is_kept: bool,
}

impl Crawler<'_> {
    fn run(&self) -> Result<()> {
        let began = Instant::now();
        let at_first = self.lock().frontier.counts.pages;
        let me = thread::current();
        thread::scope(|scope| {
            for _ in 0..self.config.concurrency {
                let me = &me;
                scope.spawn(move || {
                    if let Err(error) = self.work() {
                        self.error.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                        self.failed.store(true, Ordering::SeqCst);
                    }
                    self.alive.fetch_sub(1, Ordering::SeqCst);
                    self.wake.notify_all();
                    me.unpark();
                });
            }
            let mut synced = Instant::now();
            while self.alive.load(Ordering::SeqCst) > 0 {
                thread::park_timeout(Duration::from_millis(500));
                let state = self.lock();
                let (pages, (waiting, servers)) = (state.frontier.counts.pages, state.frontier.waiting());
                drop(state);
                let rate = (pages - at_first) as f64 / began.elapsed().as_secs_f64();
                self.progress.message(&format!("{pages} pages, {rate:.1}/s, {waiting} addresses wait at {servers} servers"));
                if synced.elapsed() >= SYNC_PAUSE {
                    self.sync()?;
                    synced = Instant::now();
                }
            }
            self.sync()
        })
    }

    /// Brings what is written to the disk, records before the rows that tell of them. Later rows may come along;
    /// a row whose record is missing is passed over at the next start.
    fn sync(&self) -> Result<()> {
        let state = self.lock();
        let (archive, archive_path) = (state.archive.sync_handle()?, state.archive.path());
        let (journal, journal_path) = (state.frontier.journal.sync_handle()?, state.frontier.journal.path().to_path_buf());
        drop(state);
        archive.sync_data().map_err(|source| Error::io(&archive_path, "write", source))?;
        journal.sync_data().map_err(|source| Error::io(&journal_path, "write", source))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker: asks for what is next and does it, until there is nothing more.
    fn work(&self) -> Result<()> {
        loop {
            let next = {
                let mut state = self.lock();
                loop {
                    if self.stop.requested() || self.failed.load(Ordering::SeqCst) {
                        return Ok(());
                    }
                    let now = Instant::now();
                    match state.frontier.next(now)? {
                        Next::Wait(until) => {
                            let pause = until.map_or(LOOK_UP, |until| until.saturating_duration_since(now).min(LOOK_UP));
                            state = self.wake.wait_timeout(state, pause).unwrap_or_else(PoisonError::into_inner).0;
                        }
                        next => break next,
                    }
                }
            };
            match next {
                Next::Page(job) => self.visit(&job)?,
                Next::Robots(server, name) => self.ask_robots(server, &name)?,
                Next::Wait(_) | Next::End => return Ok(()),
            }
            self.wake.notify_all();
        }
    }

    /// Fetches a server's robots.txt.
    fn ask_robots(&self, server: ServerId, name: &str) -> Result<()> {
        let (answer, wait) = self.robots_of(name);
        let frontier = &mut self.lock().frontier;
        match answer {
            Answer::Rules(robots) => frontier.robots(server, robots, Instant::now()),
            Answer::Later => frontier.no_robots(server, wait, Instant::now()),
        }
    }

    fn robots_of(&self, name: &str) -> (Answer, Option<Duration>) {
        let nothing = || robots::answer(404, b"", &self.name);
        let Ok(mut url) = Url::parse(&format!("{name}/robots.txt")) else { return (nothing(), None) };
        for _ in 0..=MAX_ROBOTS_HOPS {
            let response = match self.fetcher.get(&url, Want::Anything(MAX_ROBOTS_BYTES)) {
                Ok(response) => response,
                // These fail for pages too, and are counted there by their reason.
                Err(Failure { reason: Reason("fetch/private_address" | "fetch/tls"), .. }) => return (nothing(), None),
                Err(_) => return (Answer::Later, None),
            };
            let target = response.is_redirect().then(|| response.header("location").and_then(|target| url.join(target).ok())).flatten();
            match target {
                Some(target) if matches!(target.scheme(), "http" | "https") => url = target,
                _ => return (robots::answer(response.status, &response.body, &self.name), asked_wait(&response)),
            }
        }
        (nothing(), None)
    }

    /// Fetches an address and deals with what comes.
    fn visit(&self, job: &Job) -> Result<()> {
        let url = match Url::parse(&job.link.url) {
            Ok(url) => url,
            Err(_) => return self.leave_out(job, "fetch/address"),
        };
        if let Err(reason) = self.scope.check(&url) {
            return self.leave_out(job, reason.0);
        }
        if !job.robots.allows(url.as_str()) {
            return self.leave_out(job, "robots");
        }
        let date = archive::date(SystemTime::now());
        match self.fetcher.get(&url, Want::Page) {
            Ok(response) => self.answered(job, &url, &date, &response),
            Err(failure) => self.failed(job, failure.may_pass, failure.reason.0, None, None),
        }
    }

    /// An address that is not asked for.
    fn leave_out(&self, job: &Job, reason: &str) -> Result<()> {
        let done = Done { at: job.at, outcome: reason.to_string(), ..Done::default() };
        self.lock().frontier.finish(job, done, Vec::new(), None, Instant::now())
    }

    /// An address that did not answer as it should: tried again later, or given up.
    fn failed(&self, job: &Job, may_pass: bool, reason: &str, status: Option<u16>, wait: Option<Duration>) -> Result<()> {
        let frontier = &mut self.lock().frontier;
        if may_pass && frontier.may_retry(job) {
            return frontier.retry(job, wait, Instant::now());
        }
        let done = Done { at: job.at, outcome: reason.to_string(), status, ..Done::default() };
        frontier.finish(job, done, Vec::new(), Some(false), Instant::now())
    }

    fn answered(&self, job: &Job, url: &Url, date: &str, response: &Response) -> Result<()> {
        let status = Some(response.status);
        if matches!(response.status, 429 | 500 | 502 | 503 | 504) {
            let reason = if response.status == 429 { "status/4xx" } else { "status/5xx" };
            return self.failed(job, true, reason, status, asked_wait(response));
        }
        // A body that broke off may be whole next time; if it never is, what came is kept.
        let broke_off = matches!(response.truncated, Some(Truncated::Time | Truncated::Disconnect));
        if broke_off && self.lock().frontier.may_retry(job) {
            return self.failed(job, true, "fetch/connection", status, None);
        }
        let is_page = (200..300).contains(&response.status) && is_html(&response.content_type().0, &response.body);
        let read = match response.status {
            _ if response.is_redirect() => self.read_redirect(job, url, response),
            200..=299 if is_page => self.read_page(job, url, response),
            200..=299 => Read::nothing("type"),
            400..=499 => Read::nothing("status/4xx"),
            500..=599 => Read::nothing("status/5xx"),
            _ => Read::nothing("status/other"),
        };
        let members = read.is_kept.then(|| {
            let request = self.fetcher.request_text(url);
            archive::members(url.as_str(), &request, response, date, is_page)
        });
        let mut done = Done { at: job.at, outcome: read.outcome.to_string(), status, left_out: read.left_out, ..Done::default() };
        if read.outcome == PAGE {
            done.bytes = response.body.len() as u64;
        }
        let mut state = self.lock();
        if let Some(members) = members {
            let place = state.archive.append(&members)?;
            done.warc = Some((place.file, place.end));
        }
        state.frontier.finish(job, done, read.links, Some(response.status < 500), Instant::now())?;
        drop(state);
        if read.outcome == PAGE {
            self.progress.advance(1);
        }
        Ok(())
    }

    /// A redirect is a link of its own, as deep as the page that it stands for.
    fn read_redirect(&self, job: &Job, url: &Url, response: &Response) -> Read {
        let mut read = Read { is_kept: true, ..Read::nothing(REDIRECT) };
        let target = response.header("location").unwrap_or_default();
        let target = url.join(target).map_err(|_| Reason("link/unreadable")).and_then(canonical);
        let checked = target.and_then(|target| match job.link.hops {
            MAX_HOPS.. => Err(Reason("link/too_many_redirects")),
            _ => self.scope.check(&target).map(|()| target),
        });
        match checked {
            Ok(target) => {
                let hops = job.link.hops + 1;
                read.links.push(Link { url: target.into(), depth: job.link.depth, hops, canonical: job.link.canonical });
            }
            Err(reason) => read.leave_out(reason.0, 1),
        }
        read
    }

    /// A page: its links, and whether it is kept.
    fn read_page(&self, job: &Job, url: &Url, response: &Response) -> Read {
        let (_, named) = response.content_type();
        let html = charset::decode(&response.body, named.as_deref());
        let html = html.unwrap_or_else(|| String::from_utf8_lossy(&response.body).into_owned());
        let mut page = links::read(&html, &self.name);
        response.all("x-robots-tag").for_each(|value| page.wishes.add_header(value, &self.name));

        let mut read = Read { is_kept: true, ..Read::nothing(PAGE) };
        let base = page.base.as_deref().and_then(|base| url.join(base).ok()).unwrap_or_else(|| url.clone());
        let is_last = self.config.depth.is_some_and(|depth| job.link.depth >= depth);
        read.leave_out("link/excess", page.excess);
        read.leave_out("link/nofollow", page.nofollow);
        if page.wishes.nofollow || is_last {
            read.leave_out(if is_last { "link/too_deep" } else { "link/nofollow" }, page.targets.len() as u64);
            page.targets.clear();
        }
        let mut met = HashSet::new();
        for target in &page.targets {
            match self.target(&base, target) {
                Ok(target) if met.contains(target.as_str()) => {}
                Ok(target) => {
                    met.insert(target.to_string());
                    read.links.push(Link { url: target.into(), depth: job.link.depth + 1, ..Link::default() });
                }
                Err(reason) => read.leave_out(reason.0, 1),
            }
        }
        self.heed_canonical(job, url, &base, page.canonical.as_deref(), &mut read);
        if page.wishes.noindex {
            (read.outcome, read.is_kept) = ("noindex", false);
        }
        read
    }

    /// A link in its one form, if it belongs to the crawl.
    fn target(&self, base: &Url, target: &str) -> std::result::Result<Url, Reason> {
        let url = base.join(target).map_err(|_| Reason("link/unreadable"))?;
        let url = canonical(url)?;
        self.scope.check(&url).map(|()| url)
    }

    /// A page that names another address as its own is left to that address, if that is kept already or is new. One
    /// that waits may fail, and the page would be lost; two pages that name each other are kept.
    fn heed_canonical(&self, job: &Job, url: &Url, base: &Url, own: Option<&str>, read: &mut Read) {
        let Some(Ok(own)) = own.map(|own| self.target(base, own)) else { return };
        // All pages naming the front page is a common mistake of page makers.
        let is_front = own.path() == "/" && own.query().is_none();
        if own == *url || is_front || job.link.canonical {
            return;
        }
        let state = self.lock();
        let (kept, seen) = (state.frontier.was_kept(own.as_str()), state.frontier.was_seen(own.as_str()));
        drop(state);
        if kept || !seen {
            (read.outcome, read.is_kept) = ("canonical", false);
            read.links.insert(0, Link { url: own.into(), depth: job.link.depth, hops: 0, canonical: true });
        }
    }
}

impl Read {
    fn nothing(outcome: &'static str) -> Read {
        Read { outcome, links: Vec::new(), left_out: BTreeMap::new(), is_kept: false }
    }

    fn leave_out(&mut self, reason: &str, n: u64) {
        if n > 0 {
            *self.left_out.entry(reason.to_string()).or_default() += n;
        }
    }
}

/// The wait that a response asks for.
fn asked_wait(response: &Response) -> Option<Duration> {
    retry_after(response.header("retry-after")?, SystemTime::now())
}
