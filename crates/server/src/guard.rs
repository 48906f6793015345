//! Who may ask: keys, and whom a browser asks for.
//!
//! A page of another site that is open in the user's browser reaches loopback too. It is told from our own pages by the headers
//! that browsers set and pages cannot: `Host`, against names that were turned to this machine, `Origin` and `Sec-Fetch-Site`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::{App, Refusal};

/// What a page may load and do: our own files, and nothing else.
const POLICY: &str =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// The cookie that holds a key for the pages.
const COOKIE: &str = "schoolhouse-key";

/// Who may ask, decided once at the start.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// Requests need one of these, if there are any.
    pub keys: Vec<String>,
    /// Whether only this machine can reach the server.
    pub is_loopback: bool,
}

/// Lets a request pass, or refuses it; either way the answer bears the headers that keep pages safe.
pub(crate) async fn guard(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let mut response = match app.guard.check(&request) {
        Ok(Pass::On) => next.run(request).await,
        Ok(Pass::WithCookie(key, path)) => with_cookie(&key, &path),
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cross-origin-opener-policy", "same-origin"),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

enum Pass {
    On,
    /// The pages' key came in the address: it moves into a cookie.
    WithCookie(String, String),
}

impl Guard {
    fn check(&self, request: &Request) -> Result<Pass, Refusal> {
        let headers = request.headers();
        let host = text(headers, &header::HOST).or_else(|| request.uri().authority().map(|authority| authority.as_str()));
        let host = host.ok_or_else(|| Refusal::invalid(None, "the request has no Host header"))?;
        self.check_host(host)?;
        check_origin(headers, host, request.method())?;
        self.check_key(request)
    }

    /// Names can be turned to any machine by whoever owns them, addresses cannot. With keys it does not matter.
    fn check_host(&self, host: &str) -> Result<(), Refusal> {
        let name = host_name(host);
        let address = name.trim_matches(['[', ']']).parse::<IpAddr>();
        let is_ours = match address {
            Ok(address) => !self.is_loopback || address.is_loopback(),
            Err(_) => name.eq_ignore_ascii_case("localhost"),
        };
        if is_ours || !self.is_loopback && !self.keys.is_empty() {
            return Ok(());
        }
        Err(Refusal::forbidden(format!(
            "the host {host:?} is not this server's: ask for it as localhost or by its address; names are taken where it has keys \
             and listens elsewhere than on loopback"
        )))
    }

    fn check_key(&self, request: &Request) -> Result<Pass, Refusal> {
        let path = request.uri().path();
        if self.keys.is_empty() || path == "/health" {
            return Ok(Pass::On);
        }
        let headers = request.headers();
        let bearer = text(headers, &header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let cookie = cookies.flat_map(|list| list.split(';')).find_map(|one| one.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        if [bearer, cookie].into_iter().flatten().any(|key| self.knows(key)) {
            return Ok(Pass::On);
        }
        let query = request.uri().query().unwrap_or_default();
        let named = query.split('&').find_map(|pair| pair.strip_prefix("key="));
        if let Some(key) = named.filter(|key| request.method() == Method::GET && self.knows(key)) {
            return Ok(Pass::WithCookie(key.to_owned(), path.to_owned()));
        }
        Err(Refusal::unauthorized(
            "this server wants a key: send it as `Authorization: Bearer KEY`, or open a page once with `?key=KEY` at the end of its address",
        ))
    }

    /// Compares with every key, and each to its end, so that the time tells nothing of how much was right.
    fn knows(&self, given: &str) -> bool {
        let is = |key: &String| {
            let differs = key.bytes().zip(given.bytes().chain(std::iter::repeat(0))).fold(0, |all, (a, b)| all | a ^ b);
            differs == 0 && key.len() == given.len()
        };
        self.keys.iter().fold(false, |found, key| found | is(key))
    }
}

/// Refuses what a browser sends for a page of another site.
fn check_origin(headers: &HeaderMap, host: &str, method: &Method) -> Result<(), Refusal> {
    let refused = |from: &str| Refusal::forbidden(format!("requests for pages of other sites ({from}) are not answered here"));
    if let Some(origin) = headers.get(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let is_ours = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
        return if is_ours { Ok(()) } else { Err(refused(origin)) };
    }
    let is = |name: &'static str, value: &str| headers.get(name).is_some_and(|found| found == value);
    // A link to a page is followed from anywhere.
    let is_link = *method == Method::GET && is("sec-fetch-mode", "navigate") && is("sec-fetch-dest", "document");
    if (is("sec-fetch-site", "cross-site") || is("sec-fetch-site", "same-site")) && !is_link {
        return Err(refused("Sec-Fetch-Site"));
    }
    Ok(())
}

fn with_cookie(key: &str, path: &str) -> Response {
    let cookie = format!("{COOKIE}={key}; Path=/; HttpOnly; SameSite=Strict");
    // A path of two slashes would lead to another host.
    let path = format!("/{}", path.trim_start_matches('/'));
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, path)]).into_response()
}

fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !name.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn ask(guard: &Guard, headers: &[(&str, &str)], uri: &str) -> StatusCode {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match guard.check(&request.body(Body::empty()).unwrap()) {
            Ok(Pass::On) => StatusCode::OK,
            Ok(Pass::WithCookie(..)) => StatusCode::SEE_OTHER,
            Err(refusal) => refusal.status,
        }
    }

    #[test]
    fn a_page_of_another_site_is_refused() {
        let here = Guard { keys: Vec::new(), is_loopback: true };
        let elsewhere = Guard { is_loopback: false, ..here.clone() };
        let with_keys = Guard { keys: vec!["k1".into()], is_loopback: false };
        let (ok, no) = (StatusCode::OK, StatusCode::FORBIDDEN);
        let bearer = ("authorization", "Bearer k1");
        for (guard, headers, expected) in [
            (&here, &[("host", "127.0.0.1:8000")][..], ok),
            (&here, &[("host", "localhost")], ok),
            (&here, &[("host", "[::1]:80")], ok),
            (&here, &[("host", "evil.example:8000")], no),
            (&here, &[("host", "192.168.1.2:8000")], no),
            (&here, &[("host", "localhost:1"), ("origin", "http://localhost:1")], ok),
            (&here, &[("host", "localhost:1"), ("origin", "http://localhost:2")], no),
            (&here, &[("host", "localhost:1"), ("origin", "null")], no),
            (&here, &[("host", "localhost:1"), ("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], no),
            (&here, &[("host", "localhost:1"), ("sec-fetch-site", "same-site")], no),
            (&here, &[("host", "localhost:1"), ("sec-fetch-site", "same-origin")], ok),
            (
                &here,
                &[
                    ("host", "localhost:1"),
                    ("sec-fetch-site", "cross-site"),
                    ("sec-fetch-mode", "navigate"),
                    ("sec-fetch-dest", "document"),
                ],
                ok,
            ),
            (&here, &[], StatusCode::BAD_REQUEST),
            (&elsewhere, &[("host", "192.168.1.2:8000")], ok),
            (&elsewhere, &[("host", "school.lan")], no),
            (&with_keys, &[("host", "school.lan"), bearer], ok),
            (&with_keys, &[("host", "school.lan"), bearer, ("origin", "http://evil.example")], no),
        ] {
            assert_eq!(ask(guard, headers, "/"), expected, "{headers:?}");
        }
    }

    #[test]
    fn a_key_comes_as_a_bearer_or_in_a_cookie() {
        let guard = Guard { keys: vec!["first".into(), "second".into()], is_loopback: true };
        let host = ("host", "localhost");
        for (headers, uri, expected) in [
            (&[host][..], "/v1/models", 401),
            (&[host], "/health", 200),
            (&[host, ("authorization", "Bearer second")], "/v1/models", 200),
            (&[host, ("authorization", "Bearer secon")], "/v1/models", 401),
            (&[host, ("authorization", "Bearer second2")], "/v1/models", 401),
            (&[host, ("authorization", "Bearer ")], "/v1/models", 401),
            (&[host, ("authorization", "first")], "/v1/models", 401),
            (&[host, ("cookie", "a=b; schoolhouse-key=first")], "/api/chats", 200),
            (&[host, ("cookie", "schoolhouse-key=")], "/api/chats", 401),
            (&[host], "/school?key=first", 303),
            (&[host], "/school?key=third", 401),
        ] {
            assert_eq!(ask(&guard, headers, uri).as_u16(), expected, "{headers:?} {uri}");
        }
        assert_eq!(with_cookie("k", "//evil.example").headers()["location"], "/evil.example");
    }
}
