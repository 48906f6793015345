//! What a crawl did, in numbers: `crawl.json` and the table at its end.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::journal::Done;

/// The outcome of a page that was kept.
pub const PAGE: &str = "page";
/// The outcome of an address that leads to another.
pub const REDIRECT: &str = "redirect";

/// Rows of servers that the table shows.
const TABLE_SERVERS: usize = 10;

/// The numbers of a crawl, over all its starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Pages kept.
    pub pages: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Redirects kept.
    pub redirects: u64,
    /// Addresses found.
    pub found: u64,
    /// Addresses that still wait.
    pub waiting: u64,
    /// Responses by status.
    pub statuses: BTreeMap<u16, u64>,
    /// Addresses that were dealt with and not kept, by reason.
    pub not_kept: BTreeMap<String, u64>,
    /// Links that were not taken, by reason; one address may count many times.
    pub links_left_out: BTreeMap<String, u64>,
    /// By server (scheme, host and port).
    pub servers: BTreeMap<String, ServerCounts>,
    /// Servers that are left alone, and why.
    pub dropped_servers: BTreeMap<String, String>,
    /// Lines of the journal that could not be read when the crawl went on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub damaged_rows: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The numbers of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerCounts {
    /// Pages kept.
    pub pages: u64,
    /// Bytes of their bodies.
    pub bytes: u64,
    /// Addresses dealt with and not kept.
    pub not_kept: u64,
}

impl Counts {
    /// Counts what became of an address of `server`.
    pub fn add(&mut self, server: &str, done: &Done) {
        if let Some(status) = done.status {
            *self.statuses.entry(status).or_default() += 1;
        }
        for (reason, n) in &done.left_out {
            *self.links_left_out.entry(reason.clone()).or_default() += n;
        }
        if !self.servers.contains_key(server) {
            self.servers.insert(server.to_string(), ServerCounts::default());
        }
        let of_server = self.servers.get_mut(server).expect("it was just put there");
        match done.outcome.as_str() {
            PAGE => {
                self.pages += 1;
                self.bytes += done.bytes;
                of_server.pages += 1;
                of_server.bytes += done.bytes;
            }
            REDIRECT => self.redirects += 1,
            reason => {
                of_server.not_kept += 1;
                *self.not_kept.entry(reason.to_string()).or_default() += 1;
            }
        }
    }

    /// Counts addresses that are given up without a try.
    pub fn give_up(&mut self, server: &str, reason: &str, n: u64) {
        if n > 0 {
            *self.not_kept.entry(reason.to_string()).or_default() += n;
            self.servers.entry(server.to_string()).or_default().not_kept += n;
        }
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut rows = vec![
            ("pages kept".to_string(), self.pages),
            ("bytes of pages".to_string(), self.bytes),
            ("redirects kept".to_string(), self.redirects),
            ("addresses found".to_string(), self.found),
            ("addresses that still wait".to_string(), self.waiting),
        ];
        rows.extend(self.statuses.iter().map(|(status, &n)| (format!("status {status}"), n)));
        rows.extend(by_number(&self.not_kept).into_iter().map(|(reason, n)| (format!("not kept: {reason}"), n)));
        rows.extend(by_number(&self.links_left_out).into_iter().map(|(reason, n)| (format!("links left out: {reason}"), n)));
        let mut servers: Vec<_> = self.servers.iter().collect();
        servers.sort_by_key(|(name, counts)| (std::cmp::Reverse(counts.pages), name.as_str()));
        let more = servers.len().saturating_sub(TABLE_SERVERS) as u64;
        rows.extend(servers.into_iter().take(TABLE_SERVERS).map(|(name, counts)| (format!("pages of {name}"), counts.pages)));
        if more > 0 {
            rows.push(("further servers".to_string(), more));
        }
        rows.extend(self.dropped_servers.iter().take(TABLE_SERVERS).map(|(name, why)| (format!("given up: {name} ({why})"), 1)));
        let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        rows.iter().map(|(name, n)| format!("{name:width$}  {n:>12}\n")).collect()
    }
}

fn by_number(reasons: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let mut rows: Vec<_> = reasons.iter().map(|(reason, &n)| (reason.as_str(), n)).collect();
    rows.sort_by_key(|&(reason, n)| (std::cmp::Reverse(n), reason));
    rows
}
