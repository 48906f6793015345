//! Search on the web, for whoever asks for it: SearXNG and Brave behind the same tool as the local index.
//!
//! Off unless the user names an instance or gives a key. What comes back is stripped to plain text.

use std::fmt;
use std::time::Duration;

use base::stop::Stop;
use serde_json::Value;

use crate::http::{Call, Client, Limits};
use crate::plain::{clip, short_url, without_markup};
use crate::search::{Hit, SearchLimits, SearchProvider};
use crate::{Error, Result};

const LIMITS: Limits = Limits {
    connect: Duration::from_secs(5),
    total: Duration::from_secs(10),
    max_bytes: 4 << 20,
    retries: 1,
    pause: Duration::from_millis(500),
};

/// An instance of SearXNG that allows JSON.
#[derive(Debug)]
pub struct SearXng {
    base_url: String,
    client: Client,
}

impl SearXng {
    /// An instance by its address, as in `http://localhost:8888`.
    pub fn new(base_url: &str) -> SearXng {
        SearXng { base_url: base_url.trim_end_matches('/').to_string(), client: Client::new(LIMITS) }
    }
}

impl SearchProvider for SearXng {
    fn search(&self, query: &str, limits: &SearchLimits) -> Result<Vec<Hit>> {
        let url = format!("{}/search", self.base_url);
        let call = Call {
            url: &url,
            headers: &[],
            on_refused: "allow `json` among the formats in the instance's settings.yml",
            on_unknown: "give the address of a SearXNG instance, without /search",
        };
        let answer = self.client.get(&call, &[("q", query), ("format", "json")], &Stop::new())?;
        hits(&url, &answer["results"], "content", limits)
    }
}

/// Brave's search API.
pub struct Brave {
    base_url: String,
    key: String,
    client: Client,
}

impl fmt::Debug for Brave {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Brave").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

impl Brave {
    /// Where the service is.
    pub const URL: &'static str = "https://api.search.brave.com";

    /// The service at an address ([`Brave::URL`]), with the user's key.
    pub fn new(base_url: &str, key: &str) -> Brave {
        Brave { base_url: base_url.trim_end_matches('/').to_string(), key: key.to_string(), client: Client::new(LIMITS) }
    }
}

impl SearchProvider for Brave {
    fn search(&self, query: &str, limits: &SearchLimits) -> Result<Vec<Hit>> {
        let url = format!("{}/res/v1/web/search", self.base_url);
        let headers = [("x-subscription-token", self.key.clone())];
        let call = Call { url: &url, headers: &headers, on_refused: "check the API key", on_unknown: "check the address" };
        let count = limits.hits.clamp(1, 20).to_string();
        let answer = self.client.get(&call, &[("q", query), ("count", &count)], &Stop::new())?;
        match answer["web"].is_null() {
            true => Ok(Vec::new()), // that is how it says that there is nothing
            false => hits(&url, &answer["web"]["results"], "description", limits),
        }
    }
}

/// The first results that have an address and a text, each within its share of the characters.
fn hits(url: &str, results: &Value, text: &str, limits: &SearchLimits) -> Result<Vec<Hit>> {
    let Some(results) = results.as_array() else {
        return Err(Error::Endpoint(format!("{url} answered without results; check the address")));
    };
    let hits = results.iter().filter_map(|result| {
        let hit = Hit {
            url: short_url(result["url"].as_str()?),
            title: clip(&without_markup(result["title"].as_str().unwrap_or_default()), 200, 0),
            date: String::new(),
            text: without_markup(result[text].as_str().unwrap_or_default()),
        };
        (!hit.url.is_empty() && !hit.text.is_empty()).then_some(hit)
    });
    let mut hits: Vec<Hit> = hits.take(limits.hits).collect();
    let share = limits.characters / hits.len().max(1);
    hits.iter_mut().for_each(|hit| hit.text = clip(&hit.text, share, 0));
    Ok(hits)
}
