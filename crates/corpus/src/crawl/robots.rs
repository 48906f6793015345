//! robots.txt, as RFC 9309 wants it read, and `Retry-After`.
//!
//! Knows answers, not connections: what was fetched comes in, and out comes what may be fetched.

use std::time::{Duration, SystemTime};

use texting_robots::Robot;

/// Of a robots.txt so much is read; the standard asks for 500 KiB at least.
pub const MAX_ROBOTS_BYTES: usize = 512 << 10;
/// A robots.txt is asked for again after this long.
pub const ROBOTS_LIFE: Duration = Duration::from_secs(24 * 3600);
/// A robots.txt may be so many redirects away.
pub const MAX_ROBOTS_HOPS: usize = 5;

/// What a server allows.
#[derive(Debug)]
pub struct Robots {
    /// The rules for this crawler; without any, everything is allowed.
    rules: Option<Robot>,
}

/// What the answer to a request for robots.txt means.
#[derive(Debug)]
pub enum Answer {
    /// The rules are known.
    Rules(Robots),
    /// Nothing may be fetched for now; ask again later.
    Later,
}

/// Reads the answer: status and body. 4xx means that there are no rules; 429 and 5xx that the server is in trouble and
/// nothing is allowed until it answers. `agent` is the crawler's own name.
pub fn answer(status: u16, body: &[u8], agent: &str) -> Answer {
    match status {
        200..=299 => {
            let body = &body[..body.len().min(MAX_ROBOTS_BYTES)];
            let body = body.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(body);
            // What cannot be read as rules has none.
            Answer::Rules(Robots { rules: Robot::new(agent, body).ok() })
        }
        429 | 500.. => Answer::Later,
        _ => Answer::Rules(Robots { rules: None }),
    }
}

impl Robots {
    /// Whether an address may be fetched.
    pub fn allows(&self, url: &str) -> bool {
        self.rules.as_ref().is_none_or(|rules| rules.allowed(url))
    }

    /// The pause between requests that the server asks for.
    pub fn delay(&self) -> Option<Duration> {
        let seconds = self.rules.as_ref()?.delay?;
        Duration::try_from_secs_f32(seconds).ok()
    }
}

/// The name by which robots.txt speaks of a crawler: what stands before the version in its user agent, in lower case.
pub fn name_of(agent: &str) -> String {
    agent.split(['/', ' ']).next().unwrap_or_default().to_ascii_lowercase()
}

/// The wait that a `Retry-After` header asks for: seconds, or a date.
pub fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(status: u16, body: &str) -> Option<Robots> {
        match answer(status, body.as_bytes(), "schoolhouse") {
            Answer::Rules(robots) => Some(robots),
            Answer::Later => None,
        }
    }

    #[test]
    fn statuses_mean_what_the_standard_says() {
        let text = "User-agent: *\nDisallow: /";
        for (status, expected) in
            [(200, Some(false)), (404, Some(true)), (401, Some(true)), (403, Some(true)), (429, None), (500, None), (503, None)]
        {
            let found = rules(status, text).map(|robots| robots.allows("http://a.example/x"));
            assert_eq!(found, expected, "{status}");
        }
    }

    #[test]
    fn rules_for_this_crawler_and_for_all() {
        let text = "User-agent: otherbot\nDisallow: /\n\nUser-agent: SchoolHouse\nDisallow: /private\nAllow: /private/open\n\
                    Disallow: /*.cgi$\nCrawl-delay: 2.5\n\nUser-agent: *\nDisallow: /all\n";
        let robots = rules(200, text).unwrap();
        for (path, allowed) in
            [("/", true), ("/private/x", false), ("/private/open/x", true), ("/a.cgi", false), ("/a.cgi?x", true), ("/all", true)]
        {
            assert_eq!(robots.allows(&format!("http://a.example{path}")), allowed, "{path}");
        }
        assert_eq!(robots.delay(), Some(Duration::from_millis(2500)));
        for body in ["", "\u{feff}User-agent: *\nAllow: /", "<html>not found</html>", "Disallow", "\0\0\0"] {
            assert!(rules(200, body).unwrap().allows("http://a.example/x"), "{body:?}");
        }
        assert!(!rules(200, "\u{feff}User-agent: *\nDisallow: /").unwrap().allows("http://a.example/x"));
        assert_eq!(rules(200, "User-agent: *\nCrawl-delay: -1").unwrap().delay(), None);
        assert_eq!(rules(200, "User-agent: *\nCrawl-delay: NaN").unwrap().delay(), None);
    }

    #[test]
    fn names_and_waits() {
        assert_eq!(name_of("Schoolhouse/0.1 (+https://a.example)"), "schoolhouse");
        assert_eq!(name_of("bot (+mailto:x@a.example)"), "bot");
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 30);
        for (value, seconds) in [
            ("120", Some(120)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(30)),
            ("Sun, 06 Nov 1993 08:49:37 GMT", None),
            ("Sat, 06 Nov 1993 08:49:37 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value}");
        }
    }
}
