//! One request and its response: the only place that opens connections.
//!
//! Nothing is followed here and nothing is retried; a response comes back with its body as text would read it (chunks
//! and compression off), cut at a size and at a time. Numbers of private networks are refused as a name is resolved, so
//! a name that changes its number gains nothing.

use std::cell::Cell;
use std::collections::HashSet;
use std::io::{self, Read};
use std::net::{IpAddr, ToSocketAddrs};
use std::time::Duration;

use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use url::Url;

use super::address::{domain_of, is_private};
use crate::Reason;
use crate::record::{is_html, parse_content_type};

/// How much and how long.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A body may have so many bytes, as sent and unpacked; the rest is cut off.
    pub max_bytes: usize,
    /// To resolve a name and connect.
    pub connect: Duration,
    /// Without a byte.
    pub read: Duration,
    /// From the beginning to the last byte.
    pub total: Duration,
}

/// Why a body is not whole, as WARC names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truncated {
    /// It is longer than it may be.
    Length,
    /// It took too long.
    Time,
    /// The server went away.
    Disconnect,
    /// It does not unpack from some place on.
    Unspecified,
}

impl Truncated {
    /// The value of `WARC-Truncated`.
    pub fn name(self) -> &'static str {
        match self {
            Truncated::Length => "length",
            Truncated::Time => "time",
            Truncated::Disconnect => "disconnect",
            Truncated::Unspecified => "unspecified",
        }
    }
}

/// A response.
#[derive(Clone, Debug)]
pub struct Response {
    /// `HTTP/1.1`.
    pub version: String,
    /// The status.
    pub status: u16,
    /// The words that belong to the status.
    pub reason: String,
    /// The headers as sent, apart from the case of their names.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body, chunks and compression taken off; empty if it was not asked for.
    pub body: Vec<u8>,
    /// Why the body is not whole.
    pub truncated: Option<Truncated>,
    /// Where it came from.
    pub address: Option<IpAddr>,
}

impl Response {
    /// The value of a header; names are compared without case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).and_then(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// The values of a header that stands there several times.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.headers.iter().filter(move |(other, _)| other.eq_ignore_ascii_case(name));
        named.filter_map(|(_, value)| std::str::from_utf8(value).ok())
    }

    /// Whether the response leads elsewhere.
    pub fn is_redirect(&self) -> bool {
        matches!(self.status, 301 | 302 | 303 | 307 | 308) && self.header("location").is_some()
    }

    /// The media type in lower case, and the charset.
    pub fn content_type(&self) -> (String, Option<String>) {
        parse_content_type(self.header("content-type").unwrap_or_default())
    }
}

/// Why there is no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub reason: Reason,
    /// Whether it may go better another time.
    pub may_pass: bool,
}

const fn passing(reason: &'static str) -> Failure {
    Failure { reason: Reason(reason), may_pass: true }
}

const fn lasting(reason: &'static str) -> Failure {
    Failure { reason: Reason(reason), may_pass: false }
}

/// What of a response is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The body of a page that is HTML, and of a redirect; of everything else the head alone.
    Page,
    /// Any body of a success, at most so many bytes of it.
    Anything(usize),
}

/// Makes requests. Shared by all threads.
#[derive(Debug)]
pub struct Fetcher {
    agent: ureq::Agent,
    name: String,
    limits: Limits,
}

const ACCEPT: &str = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.1";

thread_local! {
    /// The address that the resolver gave for the request that this thread makes.
    static ADDRESS: Cell<Option<IpAddr>> = const { Cell::new(None) };
}

impl Fetcher {
    /// A fetcher that calls itself `agent`. Private addresses are refused, apart from those in `private_domains`.
    pub fn new(agent: &str, limits: Limits, private_domains: HashSet<String>, connections: usize) -> Fetcher {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None) // else the environment would be read
            .user_agent(agent)
            .accept(ACCEPT)
            .accept_encoding("gzip")
            .max_idle_connections(connections)
            .max_idle_connections_per_host(1)
            .timeout_global(Some(limits.total))
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_per_read(Some(limits.read))
            .build();
        let resolver = PublicResolver { inner: DefaultResolver::default(), private_domains };
        let agent_of = ureq::Agent::with_parts(config, DefaultConnector::default(), resolver);
        Fetcher { agent: agent_of, name: agent.to_string(), limits }
    }

    /// The request as it is sent.
    pub fn request_text(&self, url: &Url) -> String {
        let target = &url[url::Position::BeforePath..url::Position::AfterQuery];
        let host = &url[url::Position::BeforeHost..url::Position::BeforePath];
        format!("GET {target} HTTP/1.1\r\nhost: {host}\r\nuser-agent: {}\r\naccept: {ACCEPT}\r\naccept-encoding: gzip\r\n\r\n", self.name)
    }

    /// Asks for an address.
    pub fn get(&self, url: &Url, want: Want) -> Result<Response, Failure> {
        ADDRESS.set(None);
        let answer = self.agent.get(url.as_str()).call().map_err(|error| failure(&error))?;
        let (parts, body) = answer.into_parts();
        let version = if parts.version == ureq::http::Version::HTTP_10 { "HTTP/1.0" } else { "HTTP/1.1" };
        let headers = parts.headers.iter().map(|(name, value)| (name.as_str().to_string(), value.as_bytes().to_vec())).collect();
        let mut response = Response {
            version: version.to_string(),
            status: parts.status.as_u16(),
            reason: parts.status.canonical_reason().unwrap_or_default().to_string(),
            headers,
            body: Vec::new(),
            truncated: None,
            address: ADDRESS.get(),
        };
        let is_success = (200..300).contains(&response.status);
        let is_wanted = match want {
            Want::Anything(_) => is_success,
            Want::Page => response.is_redirect() || is_success && may_be_html(&response.content_type().0),
        };
        if is_wanted {
            let most = if let Want::Anything(most) = want { most } else { self.limits.max_bytes };
            let (sent, cut) = read_up_to(body.into_reader(), most);
            let encoding = response.header("content-encoding").unwrap_or_default().trim().to_ascii_lowercase();
            let (plain, broken) = unpack(&encoding, sent, most).ok_or(lasting("fetch/encoding"))?;
            // A stream that was cut does not unpack to its end either; what cut it is the reason.
            (response.body, response.truncated) = (plain, cut.or(broken));
        }
        Ok(response)
    }
}

/// Whether a type is worth reading. A body without one is looked at.
fn may_be_html(mime: &str) -> bool {
    mime.is_empty() || is_html(mime, b"")
}

/// Reads until the end, the limit or an error.
fn read_up_to(reader: impl Read, most: usize) -> (Vec<u8>, Option<Truncated>) {
    let mut bytes = Vec::new();
    let outcome = reader.take(most as u64 + 1).read_to_end(&mut bytes);
    let truncated = match outcome {
        Ok(_) if bytes.len() > most => Some(Truncated::Length),
        Ok(_) => None,
        Err(error) if is_timeout(&error) => Some(Truncated::Time),
        Err(_) => Some(Truncated::Disconnect),
    };
    bytes.truncate(most);
    (bytes, truncated)
}

fn is_timeout(error: &io::Error) -> bool {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) || matches!(inner, Some(ureq::Error::Timeout(_)))
}

/// Takes compression off; `None` if it is none of ours, or if nothing of the body unpacks.
fn unpack(encoding: &str, sent: Vec<u8>, most: usize) -> Option<(Vec<u8>, Option<Truncated>)> {
    let (plain, cut) = match encoding {
        "" | "identity" => return Some((sent, None)),
        // Some servers say gzip and send the text itself.
        "gzip" | "x-gzip" if sent.starts_with(&[0x1f, 0x8b]) => read_up_to(MultiGzDecoder::new(&sent[..]), most),
        "gzip" | "x-gzip" => return (sent.is_empty() || sent.trim_ascii_start().starts_with(b"<")).then_some((sent, None)),
        "deflate" => read_up_to(ZlibDecoder::new(&sent[..]), most),
        _ => return None,
    };
    let cut = cut.map(|cut| if cut == Truncated::Length { cut } else { Truncated::Unspecified });
    (!plain.is_empty() || cut.is_none()).then_some((plain, cut))
}

/// The error of the client in our words.
fn failure(error: &ureq::Error) -> Failure {
    match error {
        ureq::Error::BadUri(why) if why == PRIVATE => lasting("fetch/private_address"),
        ureq::Error::HostNotFound => passing("fetch/no_such_host"),
        ureq::Error::Timeout(_) => passing("fetch/timeout"),
        ureq::Error::Io(error) if is_timeout(error) => passing("fetch/timeout"),
        ureq::Error::Io(error) if error.kind() == io::ErrorKind::InvalidData => lasting("fetch/tls"),
        ureq::Error::Io(_) | ureq::Error::ConnectionFailed => passing("fetch/connection"),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => lasting("fetch/tls"),
        ureq::Error::BadUri(_) | ureq::Error::Http(_) => lasting("fetch/address"),
        _ => lasting("fetch/protocol"),
    }
}

/// What the resolver answers where it may not lead.
const PRIVATE: &str = "private address";

/// Resolves names to public addresses.
#[derive(Debug)]
struct PublicResolver {
    inner: DefaultResolver,
    private_domains: HashSet<String>,
}

impl Resolver for PublicResolver {
    fn resolve(
        &self,
        uri: &ureq::http::Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.inner.resolve(uri, config, timeout).map_err(|error| match error {
            ureq::Error::Timeout(_) => error,
            _ => ureq::Error::HostNotFound,
        })?;
        let is_free = self.private_domains.contains(domain_of(uri.host().unwrap_or_default()));
        let mut allowed: Vec<_> = found.iter().filter(|address| is_free || !is_private(address.ip())).copied().collect();
        if allowed.is_empty() {
            return Err(ureq::Error::BadUri(PRIVATE.to_string()));
        }
        // One address, so that the record can name it; the older kind first, which every machine reaches.
        allowed.sort_by_key(|address| address.is_ipv6());
        ADDRESS.set(Some(allowed[0].ip()));
        let mut one = self.empty();
        one.push(allowed[0]);
        Ok(one)
    }
}

/// Whether an address leads to a private network now. A name that cannot be resolved does not.
pub fn leads_home(url: &Url) -> bool {
    let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { return false };
    let addresses = format!("{host}:{port}").to_socket_addrs();
    addresses.is_ok_and(|mut addresses| addresses.any(|address| is_private(address.ip())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn bodies_are_unpacked_as_far_as_they_go() {
        let text: Vec<u8> = (0..40_000u32).flat_map(|i| (i.wrapping_mul(2_654_435_761)).to_le_bytes()).collect();
        let packed = gzip(&text);
        let half = packed[..packed.len() / 2].to_vec();
        let bomb = gzip(&vec![b'x'; 1 << 20]);
        assert_eq!(unpack("", b"abc".to_vec(), 10), Some((b"abc".to_vec(), None)));
        assert_eq!(unpack("gzip", gzip(b"abc"), 10), Some((b"abc".to_vec(), None)));
        assert_eq!(unpack("gzip", b" <p>not packed".to_vec(), 20), Some((b" <p>not packed".to_vec(), None)));
        assert_eq!(unpack("gzip", vec![0x1f, 0x8b, 7, 7, 7], 10), None);
        assert_eq!(unpack("br", b"abc".to_vec(), 10), None);
        assert_eq!(unpack("gzip", bomb, 1000), Some((vec![b'x'; 1000], Some(Truncated::Length))));
        let (plain, why) = unpack("gzip", half, 1 << 20).unwrap();
        assert_eq!(why, Some(Truncated::Unspecified));
        assert!(!plain.is_empty() && text.starts_with(&plain));
    }
}
