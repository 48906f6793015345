//! The frontier: which address is next, for which server, and when.
//!
//! Breadth first: of all servers that may be asked now, the one whose first address was found earliest. It makes no
//! request and never looks at the clock; what happened and what time it is are told to it, so a test is as fast as it
//! likes. In memory stand 8 bytes for an address that was met and 16 for one that waits; the rest is in the journal.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashMap, HashSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use url::Url;

use super::address::server_of;
use super::archive::{Place, path_of};
use super::counts::{Counts, PAGE};
use super::journal::{self, Done, Dropped, Journal, Link, Row};
use super::robots::{ROBOTS_LIFE, Robots};
use crate::Result;

/// How the frontier paces itself.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Pages to keep in all.
    pub pages: u64,
    /// Pages to keep of one server.
    pub server_pages: u64,
    /// Connections to one server at a time.
    pub per_server: usize,
    /// Pause between two requests to a server, unless it asks for a longer one.
    pub delay: Duration,
    /// A server that asks for longer pauses than this is given up, and no wait that it asks for is longer.
    pub longest_wait: Duration,
    /// Pause after a first failure; it doubles with each that follows.
    pub backoff: Duration,
    /// An address is tried again so often.
    pub retries: u32,
    /// A server is given up after so many failures in a row.
    pub failures: u32,
}

/// A server by its number.
pub type ServerId = u32;

/// An address whose turn has come.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its server.
    pub server: ServerId,
    /// The place of its line in the journal.
    pub at: u64,
    /// The address and how it was found.
    pub link: Link,
    /// Tries before this one.
    pub tries: u32,
    /// What the server allows.
    pub robots: Arc<Robots>,
}

/// What is to be done now.
#[derive(Clone, Debug)]
pub enum Next {
    /// Fetch an address.
    Page(Box<Job>),
    /// Fetch a server's robots.txt first; its name is given.
    Robots(ServerId, String),
    /// Nothing before this time, or before something that is under way has ended.
    Wait(Option<Instant>),
    /// Nothing any more: the budget is used, or no address waits and nothing is under way.
    End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listed {
    No,
    /// Among those that may be asked, under this place.
    Ready(u64),
    /// Among those that wait.
    Waiting,
}

#[derive(Debug)]
struct Server {
    name: String,
    /// Places in the journal and tries so far.
    queue: VecDeque<(u64, u8)>,
    robots: Option<(Arc<Robots>, Instant)>,
    robots_tries: u32,
    next_at: Instant,
    listed: Listed,
    under_way: usize,
    /// Addresses put into the queue, ever, and pages kept.
    queued: u64,
    kept: u64,
    failures: u32,
    dropped: bool,
}

/// The frontier.
#[derive(Debug)]
pub struct Frontier {
    /// The journal, for its handle.
    pub journal: Journal,
    /// What happened so far.
    pub counts: Counts,
    pace: Pace,
    servers: Vec<Server>,
    numbers: HashMap<String, ServerId>,
    seen: HashSet<u64>,
    kept: HashSet<u64>,
    ready: BTreeSet<(u64, ServerId)>,
    waiting: BinaryHeap<Reverse<(Instant, ServerId)>>,
    under_way: u64,
    waits: u64,
}

impl Frontier {
    /// Opens the frontier of a folder as its journal left it, and tells behind which record its WARC files end. What the
    /// journal tells of records that the files do not hold did not happen.
    pub fn open(journal: &Path, folder: &Path, pace: Pace, now: Instant) -> Result<(Frontier, Option<Place>)> {
        let journal = Journal::open(journal)?;
        let mut frontier = Frontier {
            journal,
            counts: Counts::default(),
            pace,
            servers: Vec::new(),
            numbers: HashMap::new(),
            seen: HashSet::new(),
            kept: HashSet::new(),
            ready: BTreeSet::new(),
            waiting: BinaryHeap::new(),
            under_way: 0,
            waits: 0,
        };
        let mut open: HashMap<u64, (ServerId, u64)> = HashMap::new();
        let mut lengths: HashMap<u32, u64> = HashMap::new();
        let mut last = None;
        let path = frontier.journal.path().to_path_buf();
        frontier.counts.damaged_rows = journal::replay(&path, |at, row| match row {
            Row::Link(link) => {
                let Ok(url) = Url::parse(&link.url) else { return };
                let server = frontier.server(&server_of(&url), now);
                frontier.servers[server as usize].queued += 1;
                frontier.seen.insert(hash(&link.url));
                frontier.counts.found += 1;
                open.insert(at, (server, hash(&link.url)));
            }
            Row::Done(done) => {
                let place = done.warc.map(|(file, end)| Place { file, end });
                if let Some(place) = place {
                    let length = lengths
                        .entry(place.file)
                        .or_insert_with(|| std::fs::metadata(path_of(folder, place.file)).map_or(0, |file| file.len()));
                    if place.end > *length {
                        return;
                    }
                }
                let Some((server, hash)) = open.remove(&done.at) else { return };
                last = last.max(place);
                frontier.count(server, hash, &done);
            }
            Row::Dropped(dropped) => {
                let server = frontier.server(&dropped.server, now);
                frontier.servers[server as usize].dropped = true;
                frontier.counts.dropped_servers.insert(dropped.server, dropped.why);
            }
        })?;
        let mut open: Vec<(u64, ServerId)> = open.into_iter().map(|(at, (server, _))| (at, server)).collect();
        open.sort_unstable();
        frontier.waits = open.len() as u64;
        for (at, server) in open {
            frontier.servers[server as usize].queue.push_back((at, 0));
        }
        for server in 0..frontier.servers.len() as ServerId {
            if frontier.servers[server as usize].dropped {
                frontier.give_up_queue(server, "server/dropped");
            }
            frontier.list(server, now);
        }
        Ok((frontier, last))
    }

    /// Adds the addresses that a crawl starts from, unless they are known.
    pub fn add_seeds(&mut self, links: Vec<Link>, now: Instant) -> Result<()> {
        let (rows, _) = self.new_rows(links, now);
        self.enqueue(rows, Vec::new(), now).map(|_| ())
    }

    /// What is to be done at this time.
    pub fn next(&mut self, now: Instant) -> Result<Next> {
        while let Some(&Reverse((at, server))) = self.waiting.peek() {
            if at > now {
                break;
            }
            self.waiting.pop();
            // Entries of servers whose time has changed since are left over.
            if self.servers[server as usize].listed == Listed::Waiting && self.servers[server as usize].next_at == at {
                self.servers[server as usize].listed = Listed::No;
                self.list(server, now);
            }
        }
        if self.counts.pages + self.under_way >= self.pace.pages {
            return Ok(if self.under_way == 0 { Next::End } else { Next::Wait(None) });
        }
        let Some((_, id)) = self.ready.pop_first() else {
            let next = self.waiting.peek().map(|Reverse((at, _))| *at);
            return Ok(if next.is_none() && self.under_way == 0 { Next::End } else { Next::Wait(next) });
        };
        let pace = self.pace;
        let server = &mut self.servers[id as usize];
        server.listed = Listed::No;
        let robots = match &server.robots {
            Some((robots, until)) if *until > now => robots.clone(),
            _ => {
                // Nobody else asks this server anything meanwhile.
                server.under_way += pace.per_server;
                self.under_way += 1;
                return Ok(Next::Robots(id, server.name.clone()));
            }
        };
        let delay = pause(&pace, &robots);
        let Some((at, tries)) = server.queue.pop_front() else { return Ok(Next::Wait(Some(now))) };
        server.under_way += 1;
        server.next_at = now + delay;
        self.under_way += 1;
        self.waits -= 1;
        self.list(id, now);
        let link = self.journal.link(at)?;
        Ok(Next::Page(Box::new(Job { server: id, at, link, tries: u32::from(tries), robots })))
    }

    /// A server's robots.txt was read.
    pub fn robots(&mut self, id: ServerId, robots: Robots, now: Instant) -> Result<()> {
        self.end_robots(id);
        let server = &mut self.servers[id as usize];
        if robots.delay().is_some_and(|delay| delay > self.pace.longest_wait) {
            return self.drop_server(id, "its robots.txt asks for longer pauses than this crawl makes");
        }
        server.robots_tries = 0;
        server.next_at = now + pause(&self.pace, &robots);
        server.robots = Some((Arc::new(robots), now + ROBOTS_LIFE));
        self.list(id, now);
        Ok(())
    }

    /// A server's robots.txt could not be read: nothing is allowed for now.
    pub fn no_robots(&mut self, id: ServerId, wait: Option<Duration>, now: Instant) -> Result<()> {
        self.end_robots(id);
        let server = &mut self.servers[id as usize];
        server.robots_tries += 1;
        if server.robots_tries > self.pace.retries {
            return self.drop_server(id, "its robots.txt cannot be read");
        }
        server.next_at = now + wait_of(&self.pace, wait, server.robots_tries - 1);
        self.list(id, now);
        Ok(())
    }

    fn end_robots(&mut self, id: ServerId) {
        self.servers[id as usize].under_way -= self.pace.per_server;
        self.under_way -= 1;
    }

    /// Whether a failed address is tried again.
    pub fn may_retry(&self, job: &Job) -> bool {
        job.tries < self.pace.retries && !self.servers[job.server as usize].dropped
    }

    /// Puts a failed address back, to be tried again after a pause.
    pub fn retry(&mut self, job: &Job, wait: Option<Duration>, now: Instant) -> Result<()> {
        let server = &mut self.servers[job.server as usize];
        server.queue.push_front((job.at, (job.tries + 1).min(255) as u8));
        server.under_way -= 1;
        server.next_at = server.next_at.max(now + wait_of(&self.pace, wait, job.tries));
        self.under_way -= 1;
        self.waits += 1;
        self.unlist(job.server);
        self.failed(job.server)?;
        self.list(job.server, now);
        Ok(())
    }

    /// An address is dealt with: its row and the links found there are written down.
    /// `answered` is whether the server answered (true), failed (false), or was not asked (nothing).
    pub fn finish(&mut self, job: &Job, mut done: Done, links: Vec<Link>, answered: Option<bool>, now: Instant) -> Result<()> {
        let (rows, refused) = self.new_rows(links, now);
        for reason in refused {
            *done.left_out.entry(reason.to_string()).or_default() += 1;
        }
        self.enqueue(rows, vec![Row::Done(done.clone())], now)?;
        self.count(job.server, hash(&job.link.url), &done);
        let server = &mut self.servers[job.server as usize];
        server.under_way -= 1;
        self.under_way -= 1;
        match answered {
            None => {
                server.next_at = now;
            }
            Some(is_well) => {
                server.next_at = server.next_at.max(now + pause(&self.pace, &job.robots));
                if is_well {
                    server.failures = 0;
                }
            }
        }
        self.unlist(job.server);
        if answered == Some(false) {
            self.failed(job.server)?;
        }
        self.list(job.server, now);
        Ok(())
    }

    /// Whether an address was met before.
    pub fn was_seen(&self, url: &str) -> bool {
        self.seen.contains(&hash(url))
    }

    /// Whether an address is among the pages that were kept.
    pub fn was_kept(&self, url: &str) -> bool {
        self.kept.contains(&hash(url))
    }

    /// Addresses that wait or are under way, and servers with any of them.
    pub fn waiting(&self) -> (u64, usize) {
        let servers = self.servers.iter().filter(|server| server.under_way > 0 || !server.queue.is_empty()).count();
        (self.waits + self.under_way, servers)
    }

    fn server(&mut self, name: &str, now: Instant) -> ServerId {
        if let Some(&id) = self.numbers.get(name) {
            return id;
        }
        let id = self.servers.len() as ServerId;
        self.numbers.insert(name.to_string(), id);
        self.servers.push(Server {
            name: name.to_string(),
            queue: VecDeque::new(),
            robots: None,
            robots_tries: 0,
            next_at: now,
            listed: Listed::No,
            under_way: 0,
            queued: 0,
            kept: 0,
            failures: 0,
            dropped: false,
        });
        id
    }

    /// The links that are new, with their servers, and the reasons of those that are left out.
    fn new_rows(&mut self, links: Vec<Link>, now: Instant) -> (Vec<(ServerId, Link)>, Vec<&'static str>) {
        let (mut rows, mut refused) = (Vec::new(), Vec::new());
        for link in links {
            if self.was_seen(&link.url) {
                continue;
            }
            let Ok(url) = Url::parse(&link.url) else { continue };
            let id = self.server(&server_of(&url), now);
            let server = &mut self.servers[id as usize];
            // Twice as many addresses as pages may be kept are remembered: some of them will be none.
            if server.dropped {
                refused.push("server/dropped");
            } else if server.queued >= self.pace.server_pages.saturating_mul(2) {
                refused.push("server/full");
            } else {
                server.queued += 1;
                self.seen.insert(hash(&link.url));
                rows.push((id, link));
            }
        }
        (rows, refused)
    }

    /// Writes new links and what else there is in one piece, and puts the links in their queues.
    fn enqueue(&mut self, links: Vec<(ServerId, Link)>, others: Vec<Row>, now: Instant) -> Result<()> {
        let servers: Vec<ServerId> = links.iter().map(|(server, _)| *server).collect();
        let rows: Vec<Row> = links.into_iter().map(|(_, link)| Row::Link(link)).chain(others).collect();
        let places = self.journal.append(&rows)?;
        for (server, at) in servers.into_iter().zip(places) {
            self.counts.found += 1;
            self.waits += 1;
            self.servers[server as usize].queue.push_back((at, 0));
            self.list(server, now);
        }
        Ok(())
    }

    fn count(&mut self, server: ServerId, hash: u64, done: &Done) {
        if done.outcome == PAGE {
            self.kept.insert(hash);
            self.servers[server as usize].kept += 1;
        }
        self.counts.add(&self.servers[server as usize].name, done);
    }

    /// Puts a server where it belongs: among those that may be asked, those that wait, or nowhere.
    fn list(&mut self, id: ServerId, now: Instant) {
        let server = &self.servers[id as usize];
        if server.listed != Listed::No {
            return;
        }
        if server.kept >= self.pace.server_pages {
            self.give_up_queue(id, "server/full");
        }
        let server = &mut self.servers[id as usize];
        let Some(&(head, _)) = server.queue.front() else { return };
        let is_busy = server.under_way >= self.pace.per_server || server.kept + server.under_way as u64 >= self.pace.server_pages;
        if is_busy {
            return;
        }
        if server.next_at <= now {
            server.listed = Listed::Ready(head);
            self.ready.insert((head, id));
        } else {
            server.listed = Listed::Waiting;
            self.waiting.push(Reverse((server.next_at, id)));
        }
    }

    fn unlist(&mut self, id: ServerId) {
        let server = &mut self.servers[id as usize];
        if let Listed::Ready(head) = server.listed {
            self.ready.remove(&(head, id));
        }
        server.listed = Listed::No;
    }

    /// One more failure of a server.
    fn failed(&mut self, id: ServerId) -> Result<()> {
        let server = &mut self.servers[id as usize];
        server.failures += 1;
        match server.failures >= self.pace.failures && !server.dropped {
            true => self.drop_server(id, "it failed too often in a row"),
            false => Ok(()),
        }
    }

    fn drop_server(&mut self, id: ServerId, why: &str) -> Result<()> {
        self.unlist(id);
        let server = &mut self.servers[id as usize];
        server.dropped = true;
        let name = server.name.clone();
        self.journal.append(&[Row::Dropped(Dropped { server: name.clone(), why: why.to_string() })])?;
        self.counts.dropped_servers.insert(name, why.to_string());
        self.give_up_queue(id, "server/dropped");
        Ok(())
    }

    /// Forgets what waits for a server. It is not written down: a later start comes to the same.
    fn give_up_queue(&mut self, id: ServerId, reason: &str) {
        let server = &mut self.servers[id as usize];
        let n = server.queue.len() as u64;
        server.queue = VecDeque::new();
        self.waits -= n;
        self.counts.give_up(&server.name, reason, n);
    }
}

/// The pause between two requests to a server.
fn pause(pace: &Pace, robots: &Robots) -> Duration {
    pace.delay.max(robots.delay().unwrap_or_default())
}

/// The wait after a failure: what the server asks for, else one that doubles; never longer than the longest.
fn wait_of(pace: &Pace, asked: Option<Duration>, tries: u32) -> Duration {
    asked.unwrap_or_else(|| pace.backoff.saturating_mul(1 << tries.min(16))).max(pace.delay).min(pace.longest_wait.max(pace.delay))
}

/// 64 bits of an address: among a hundred million of them two are taken for one with a chance of 0.0003.
fn hash(url: &str) -> u64 {
    let hash = blake3::hash(url.as_bytes());
    u64::from_le_bytes(hash.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crawl::robots::{Answer, answer};

    fn robots(text: &str) -> Robots {
        match answer(200, text.as_bytes(), "schoolhouse") {
            Answer::Rules(robots) => robots,
            Answer::Later => panic!("200 is an answer"),
        }
    }

    /// A frontier whose servers have answered with this robots.txt, at a moment from which milliseconds count.
    struct Play {
        frontier: Frontier,
        start: Instant,
        rules: &'static str,
        jobs: Vec<Job>,
    }

    impl Play {
        fn new(name: &str, change: impl Fn(&mut Pace), rules: &'static str, seeds: &[&str]) -> Play {
            let mut pace = Pace {
                pages: 100,
                server_pages: 100,
                per_server: 1,
                delay: Duration::from_millis(1000),
                longest_wait: Duration::from_millis(60_000),
                backoff: Duration::from_millis(2000),
                retries: 3,
                failures: 5,
            };
            change(&mut pace);
            let path = std::env::temp_dir().join(format!("schoolhouse-corpus-frontier-{name}-{}", std::process::id()));
            let _ = std::fs::remove_file(&path);
            let start = Instant::now();
            let (mut frontier, last) = Frontier::open(&path, &std::env::temp_dir(), pace, start).unwrap();
            std::fs::remove_file(path).unwrap();
            assert_eq!(last, None);
            frontier.add_seeds(Play::links(seeds), start).unwrap();
            Play { frontier, start, rules, jobs: Vec::new() }
        }

        fn links(urls: &[&str]) -> Vec<Link> {
            urls.iter().map(|url| Link { url: format!("http://{url}"), ..Link::default() }).collect()
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        /// What is next at a time, as text; what is begun is under way from then on.
        fn next(&mut self, ms: u64) -> String {
            let now = self.at(ms);
            match self.frontier.next(now).unwrap() {
                Next::Page(job) => {
                    self.jobs.push(*job);
                    self.jobs.last().unwrap().link.url.trim_start_matches("http://").to_string()
                }
                Next::Robots(server, name) => {
                    self.frontier.robots(server, robots(self.rules), now).unwrap();
                    format!("robots {}", name.trim_start_matches("http://"))
                }
                Next::Wait(None) => "wait".to_string(),
                Next::Wait(Some(until)) => format!("wait {}", until.duration_since(self.start).as_millis()),
                Next::End => "end".to_string(),
            }
        }

        /// The oldest job under way ends as a page with links.
        fn finish(&mut self, ms: u64, links: &[&str]) {
            let job = self.jobs.remove(0);
            let done = Done { at: job.at, outcome: PAGE.into(), ..Done::default() };
            self.frontier.finish(&job, done, Play::links(links), Some(true), self.at(ms)).unwrap();
        }

        fn retry(&mut self, ms: u64, wait: Option<u64>) {
            let job = self.jobs.remove(0);
            self.frontier.retry(&job, wait.map(Duration::from_millis), self.at(ms)).unwrap();
        }
    }

    #[test]
    fn breadth_first_with_a_pause_for_each_server() {
        let mut play = Play::new("breadth", |_| {}, "", &["a/1", "a/2", "b/1"]);
        assert_eq!([play.next(0), play.next(0)], ["robots a", "robots b"]);
        assert_eq!(play.next(0), "wait 1000");
        assert_eq!([play.next(1000), play.next(1000), play.next(1000)], ["a/1", "b/1", "wait"]);
        play.finish(1500, &["a/3", "a/1", "c/1"]);
        // The pause counts from the end of a request, and a new server is asked at once.
        assert_eq!([play.next(1500), play.next(1500)], ["robots c", "wait 2500"]);
        play.finish(1600, &[]);
        assert_eq!([play.next(2500), play.next(2500)], ["a/2", "c/1"]);
        play.finish(2600, &[]);
        play.finish(2600, &[]);
        assert_eq!([play.next(2600), play.next(3600)], ["wait 3600", "a/3"]);
        play.finish(3700, &[]);
        assert_eq!(play.next(3700), "end");
        assert_eq!(play.frontier.waiting(), (0, 0));
    }

    #[test]
    fn a_server_may_ask_for_longer_pauses_and_allow_several_connections() {
        let mut play = Play::new("crawl-delay", |_| {}, "User-agent: *\nCrawl-delay: 7.5", &["a/1", "a/2"]);
        assert_eq!([play.next(0), play.next(0), play.next(7500)], ["robots a", "wait 7500", "a/1"]);
        play.finish(8000, &[]);
        assert_eq!([play.next(8000), play.next(15_500)], ["wait 15500", "a/2"]);
        let mut two = Play::new("two", |pace| (pace.per_server, pace.delay) = (2, Duration::ZERO), "", &["a/1", "a/2", "a/3"]);
        assert_eq!([two.next(0), two.next(0), two.next(0), two.next(0)], ["robots a", "a/1", "a/2", "wait"]);
        two.finish(1, &[]);
        assert_eq!(two.next(1), "a/3");
    }

    #[test]
    fn failures_wait_longer_each_time_and_end() {
        let mut play = Play::new("failures", |pace| pace.retries = 10, "", &["a/1", "a/2"]);
        assert_eq!([play.next(0), play.next(1000)], ["robots a", "a/1"]);
        play.retry(1000, None);
        assert_eq!([play.next(1000), play.next(3000)], ["wait 3000", "a/1"]);
        play.retry(3000, None);
        assert_eq!([play.next(3000), play.next(7000)], ["wait 7000", "a/1"]);
        play.retry(7000, Some(500)); // what the server asks for, but never less than the pause
        assert_eq!([play.next(7000), play.next(8000)], ["wait 8000", "a/1"]);
        play.retry(8000, Some(1_000_000)); // nor more than the longest
        assert_eq!([play.next(8000), play.next(68_000)], ["wait 68000", "a/1"]);
        assert!(play.frontier.counts.dropped_servers.is_empty());
        play.retry(68_000, None); // the fifth in a row
        assert_eq!(play.next(68_000), "end");
        assert_eq!(play.frontier.counts.not_kept["server/dropped"], 2);
        assert_eq!(play.frontier.counts.dropped_servers.len(), 1);
    }

    #[test]
    fn budgets_hold_with_requests_under_way() {
        let three = |pace: &mut Pace| (pace.pages, pace.delay) = (3, Duration::ZERO);
        let mut play = Play::new("budget", three, "", &["a/1", "b/1", "c/1", "d/1"]);
        let begun: Vec<String> = (0..7).map(|_| play.next(0)).collect();
        assert_eq!(begun, ["robots a", "a/1", "robots b", "b/1", "robots c", "c/1", "wait"]);
        play.finish(1, &[]);
        assert_eq!(play.next(1), "wait");
        play.retry(1, Some(0));
        assert_eq!(play.next(1), "b/1");
        play.finish(2, &[]);
        play.finish(2, &[]);
        assert_eq!(play.next(2), "end");
        assert_eq!(play.frontier.waiting().0, 1);
    }

    #[test]
    fn rules_are_asked_for_again_after_a_day() {
        let mut play = Play::new("day", |_| {}, "", &["a/1"]);
        assert_eq!([play.next(0), play.next(1000)], ["robots a", "a/1"]);
        play.finish(1000, &["a/2"]);
        assert_eq!(play.next(24 * 3600 * 1000 + 1), "robots a");
    }
}
