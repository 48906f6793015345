//! Addresses of a crawl: their one form, which of them belong to it, and which lead into a trap.
//!
//! Knows nothing of connections; what an address resolves to is looked at when it is fetched.

use std::collections::HashMap;
use std::net::IpAddr;

use url::Url;

use crate::Reason;
use crate::url::registered_domain;

/// An address may be so long.
pub const MAX_URL_BYTES: usize = 2048;
/// A path may have so many parts, and each of them so many times.
const MAX_SEGMENTS: usize = 24;
const MAX_SAME_SEGMENTS: usize = 3;
/// A query may have so many parameters.
const MAX_PARAMETERS: usize = 16;

/// Parameters that say where a reader came from or which visit it is, and not what is shown.
const TRACKING: [&str; 12] =
    ["gclid", "fbclid", "msclkid", "dclid", "yclid", "mc_cid", "mc_eid", "igshid", "_ga", "_gl", "phpsessid", "jsessionid"];

/// The one form of an address: `http` or `https`, no fragment, no user, no final dot of the host, no tracking
/// parameters; the parser has lower-cased the host and dropped the scheme's own port.
pub fn canonical(mut url: Url) -> Result<Url, Reason> {
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(Reason("link/scheme"));
    }
    url.set_fragment(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if let Some(host) = url.host_str().and_then(|host| host.strip_suffix('.')).map(str::to_string)
        && url.set_host(Some(&host)).is_err()
    {
        return Err(Reason("link/scheme"));
    }
    if let Some(query) = url.query() {
        let kept: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty() && !is_tracking(pair)).collect();
        let query = kept.join("&");
        url.set_query((!query.is_empty()).then_some(query.as_str()));
    }
    if url.as_str().len() > MAX_URL_BYTES {
        return Err(Reason("link/too_long"));
    }
    if is_trap(&url) {
        return Err(Reason("link/trap"));
    }
    Ok(url)
}

fn is_tracking(pair: &str) -> bool {
    let name = pair.split('=').next().unwrap_or_default().to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

/// Paths that repeat a part, as broken relative links build them without end, and endless parameters.
fn is_trap(url: &Url) -> bool {
    let mut met: HashMap<&str, usize> = HashMap::new();
    let segments = url.path().split('/').filter(|segment| !segment.is_empty());
    let mut count = 0;
    for segment in segments {
        count += 1;
        let times = met.entry(segment).or_default();
        *times += 1;
        if *times > MAX_SAME_SEGMENTS {
            return true;
        }
    }
    count > MAX_SEGMENTS || url.query().is_some_and(|query| query.split('&').count() > MAX_PARAMETERS)
}

/// The scheme, host and port that robots.txt, delays and caps are counted for: `https://town.example`.
pub fn server_of(url: &Url) -> String {
    url[..url::Position::BeforePath].to_string()
}

/// Which addresses belong to a crawl.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Domains whose pages and subdomains' pages belong to it; nothing here means all.
    allowed: Option<Vec<String>>,
    /// Domains and hosts that are left alone, whatever else is said.
    denied: Vec<String>,
}

impl Scope {
    /// The scope of a crawl that starts at `seeds`: their own registered domains and `allow`, or with `any_domain`
    /// everything, and never `deny`.
    pub fn new(seeds: &[Url], allow: &[String], deny: &[String], any_domain: bool) -> Scope {
        let domains = |names: &[String]| names.iter().map(|name| name.trim_matches('.').to_ascii_lowercase()).collect::<Vec<_>>();
        let own = seeds.iter().filter_map(Url::host_str).map(|host| domain_of(host).to_string());
        Scope { allowed: (!any_domain).then(|| own.chain(domains(allow)).collect()), denied: domains(deny) }
    }

    /// Whether an address belongs to the crawl.
    pub fn check(&self, url: &Url) -> Result<(), Reason> {
        let host = url.host_str().unwrap_or_default();
        let is_in = |domains: &[String]| domains.iter().any(|domain| is_below(host, domain));
        if is_in(&self.denied) {
            return Err(Reason("link/denied"));
        }
        match &self.allowed {
            Some(allowed) if !is_in(allowed) => Err(Reason("link/other_domain")),
            _ => Ok(()),
        }
    }
}

/// The registered domain of a host, or the host itself where there is none: numbers, `localhost`.
pub fn domain_of(host: &str) -> &str {
    let is_number = host.starts_with('[') || host.parse::<IpAddr>().is_ok();
    registered_domain(host).filter(|_| !is_number).unwrap_or(host)
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether a number belongs to this machine or to a network behind it, where a public page has no business to lead.
pub fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_multicast() || v4.is_broadcast()
                || a == 0 || a >= 240 // this network; reserved
                || a == 100 && b & 0xc0 == 64 // behind a carrier's translation
                || a == 192 && b == 0 && c == 0 // special purposes
                || a == 198 && b & 0xfe == 18 // measurements
        }
        IpAddr::V6(v6) => {
            let first = v6.segments()[0];
            let embedded = match v6.segments() {
                [0x64, 0xff9b, 0, 0, 0, 0, high, low] | [0x2002, high, low, ..] => Some((u32::from(high) << 16) | u32::from(low)),
                _ => v6.to_ipv4().map(u32::from),
            };
            v6.is_loopback() || v6.is_unspecified() || v6.is_multicast()
                || first & 0xfe00 == 0xfc00 // unique local
                || first & 0xffc0 == 0xfe80 // link local
                || embedded.is_some_and(|v4| is_private(IpAddr::V4(v4.into())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(url: &str) -> String {
        canonical(Url::parse(url).unwrap()).map_or_else(|reason| reason.0.to_string(), String::from)
    }

    #[test]
    fn an_address_has_one_form() {
        let long = format!("http://a.example/{}", "x".repeat(MAX_URL_BYTES));
        let many = format!("http://a.example/?{}", "a=1&".repeat(17));
        for (url, expected) in [
            ("HTTP://A.Example:80/b#c", "http://a.example/b"),
            ("https://a.example:443", "https://a.example/"),
            ("https://a.example:80/", "https://a.example:80/"),
            ("http://a.example./b/../c/./d", "http://a.example/c/d"),
            ("http://user:secret@a.example/", "http://a.example/"),
            ("http://a.example/?utm_source=x&b=2&UTM_medium=y&a=1&gclid=z", "http://a.example/?b=2&a=1"),
            ("http://a.example/?utm_source=x", "http://a.example/"),
            ("http://a.example/?", "http://a.example/"),
            ("http://a.example/Case?Q=B", "http://a.example/Case?Q=B"),
            ("http://a.example/a b\u{e9}", "http://a.example/a%20b%C3%A9"),
            ("http://b\u{fc}cher.example/", "http://xn--bcher-kva.example/"),
            ("mailto:x@a.example", "link/scheme"),
            ("javascript:void(0)", "link/scheme"),
            ("ftp://a.example/", "link/scheme"),
            (&long, "link/too_long"),
            ("http://a.example/a/b/a/b/a/b/a/b", "link/trap"),
            ("http://a.example/a/b/a/b/a/b", "http://a.example/a/b/a/b/a/b"),
            (&many, "link/trap"),
        ] {
            assert_eq!(form(url), expected, "{url}");
        }
        let deep = |n: usize| form(&format!("http://a.example{}", (0..n).map(|i| format!("/{i}")).collect::<String>()));
        assert_ne!(deep(24), "link/trap");
        assert_eq!(deep(25), "link/trap");
    }

    #[test]
    fn a_crawl_keeps_to_its_domains() {
        let seeds = [Url::parse("https://www.town.example/x").unwrap(), Url::parse("http://127.0.0.1:8000/").unwrap()];
        let words = |list: &[&str]| list.iter().map(|word| word.to_string()).collect::<Vec<_>>();
        let own = Scope::new(&seeds, &words(&["Other.example"]), &words(&["private.town.example"]), false);
        let any = Scope::new(&seeds, &[], &words(&["bad.example"]), true);
        for (scope, url, expected) in [
            (&own, "http://town.example/", "in"),
            (&own, "http://blog.town.example/", "in"),
            (&own, "http://newtown.example/", "link/other_domain"),
            (&own, "http://private.town.example/", "link/denied"),
            (&own, "http://a.private.town.example/", "link/denied"),
            (&own, "http://a.other.example/", "in"),
            (&own, "http://127.0.0.1:9000/", "in"),
            (&own, "http://27.0.0.1/", "link/other_domain"),
            (&any, "http://anything.example/", "in"),
            (&any, "http://www.bad.example/", "link/denied"),
        ] {
            let found = scope.check(&Url::parse(url).unwrap()).map_or_else(|reason| reason.0, |()| "in");
            assert_eq!(found, expected, "{url}");
        }
    }

    #[test]
    fn private_numbers() {
        for (address, private) in [
            ("127.0.0.1", true),
            ("10.1.2.3", true),
            ("172.31.0.1", true),
            ("172.32.0.1", false),
            ("192.168.1.1", true),
            ("169.254.169.254", true),
            ("100.64.0.1", true),
            ("100.128.0.1", false),
            ("0.0.0.0", true),
            ("255.255.255.255", true),
            ("93.184.216.34", false),
            ("::1", true),
            ("::", true),
            ("::ffff:127.0.0.1", true),
            ("::ffff:93.184.216.34", false),
            ("64:ff9b::7f00:1", true),
            ("2002:7f00:1::", true),
            ("fd00::1", true),
            ("fe80::1", true),
            ("2606:2800:220:1:248:1893:25c8:1946", false),
        ] {
            assert_eq!(is_private(address.parse().unwrap()), private, "{address}");
        }
    }
}
