//! Requests for JSON: the only place of this crate that opens connections.
//!
//! Bounded in time and size, tried again where the server asks for it, and told in one sentence where it fails. Knows
//! nothing of what is asked. Redirects are not followed: a key goes to the address that the user gave, and nowhere else.

use std::io::Read;
use std::time::Duration;

use base::stop::Stop;
use serde_json::Value;
use ureq::http::{HeaderMap, Response};

use crate::plain::{clip, one_line};
use crate::{Error, Result};

/// How long, how much, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To connect.
    pub connect: Duration,
    /// From the beginning of a try to its last byte.
    pub total: Duration,
    /// Bytes of an answer; a longer one is an error.
    pub max_bytes: u64,
    /// Tries after the first one, when the server is busy (429) or broken (5xx).
    pub retries: u32,
    /// Before the second try; doubled each time. A server that names a time gets that, up to a minute.
    pub pause: Duration,
}

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// What a request is about, for the sentences.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The address.
    pub url: &'a str,
    /// Headers beside those of JSON; keys among them.
    pub headers: &'a [(&'a str, String)],
    /// What to do when the server refuses the key.
    pub on_refused: &'a str,
    /// What to do when the server knows no such thing.
    pub on_unknown: &'a str,
}

/// Makes requests.
#[derive(Debug)]
pub struct Client {
    agent: ureq::Agent,
    limits: Limits,
}

/// One try's end.
enum Outcome {
    Done(Value),
    /// It may go better after a pause: what was wrong, and the pause that the server asked for.
    Again(String, Option<Duration>),
}

impl Client {
    /// A client within limits.
    pub fn new(limits: Limits) -> Client {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None) // else the environment would be read
            .user_agent(concat!("schoolhouse/", env!("CARGO_PKG_VERSION")))
            .accept("application/json")
            .timeout_global(Some(limits.total))
            .timeout_connect(Some(limits.connect))
            .build();
        Client { agent: config.new_agent(), limits }
    }

    /// Asks for JSON, with parameters behind the address.
    pub fn get(&self, call: &Call, parameters: &[(&str, &str)], stop: &Stop) -> Result<Value> {
        self.tries(call, stop, &|| {
            let mut request = self.agent.get(call.url).query_pairs(parameters.iter().copied());
            for (name, value) in call.headers {
                request = request.header(*name, value);
            }
            request.call()
        })
    }

    /// Sends JSON and asks for JSON.
    pub fn post(&self, call: &Call, body: &Value, stop: &Stop) -> Result<Value> {
        let body = body.to_string();
        self.tries(call, stop, &|| {
            let mut request = self.agent.post(call.url).header("content-type", "application/json");
            for (name, value) in call.headers {
                request = request.header(*name, value);
            }
            request.send(&body)
        })
    }

    fn tries(&self, call: &Call, stop: &Stop, send: &dyn Fn() -> std::result::Result<Response<ureq::Body>, ureq::Error>) -> Result<Value> {
        let mut pause = self.limits.pause;
        let mut tries = 0;
        loop {
            if stop.requested() {
                return Err(base::Error::Stopped.into());
            }
            let answer = send().map_err(|error| Error::Endpoint(self.no_answer(call.url, &error)))?;
            tries += 1;
            match self.outcome(call, answer)? {
                Outcome::Done(value) => return Ok(value),
                Outcome::Again(what, _) if tries > self.limits.retries => {
                    return Err(Error::Endpoint(format!("{what} after {tries} tries; try again later")));
                }
                Outcome::Again(_, asked) => wait(asked.unwrap_or(pause).min(LONGEST_PAUSE), stop),
            }
            pause *= 2;
        }
    }

    /// What a response says.
    fn outcome(&self, call: &Call, answer: Response<ureq::Body>) -> Result<Outcome> {
        let url = call.url;
        let (parts, body) = answer.into_parts();
        let status = parts.status.as_u16();
        let mut bytes = Vec::new();
        let read = body.into_reader().take(self.limits.max_bytes + 1).read_to_end(&mut bytes);
        if bytes.len() as u64 > self.limits.max_bytes {
            return Err(Error::Endpoint(format!("{url} sent more than {} bytes; ask for less", self.limits.max_bytes)));
        }
        let fail = |text: String| Err(Error::Endpoint(text));
        let said = || message(&bytes, call.headers);
        match status {
            200..=299 => {}
            300..=399 => {
                let to = parts.headers.get("location").and_then(|value| value.to_str().ok()).unwrap_or("nowhere");
                return fail(format!("{url} has moved to {}; give that address", clip(&one_line(to), 200, 0)));
            }
            401 | 403 => return fail(format!("{url} refused ({status}){}; {}", said(), call.on_refused)),
            404 => return fail(format!("{url} knows nothing of it (404){}; {}", said(), call.on_unknown)),
            429 | 500..=599 => {
                let what = if status == 429 { "is busy" } else { "is broken" };
                return Ok(Outcome::Again(format!("{url} {what} ({status}){}", said()), retry_after(&parts.headers)));
            }
            400 | 413 | 422 => return Err(Error::Request(format!("{url} refused the request ({status}){}; mend the request", said()))),
            _ => return fail(format!("{url} refused the request ({status}){}; mend the request or the address", said())),
        }
        if let Err(error) = read {
            return fail(format!("{url} broke off its answer ({}); try again", one_line(&error.to_string())));
        }
        match serde_json::from_slice(&bytes) {
            Ok(value) => Ok(Outcome::Done(value)),
            Err(_) => fail(format!("{url} answered with something that is not JSON{}; check the address", said())),
        }
    }

    /// Why there is no answer at all.
    fn no_answer(&self, url: &str, error: &ureq::Error) -> String {
        match error {
            ureq::Error::Timeout(_) => format!("{url} did not answer within {} s; ask for less or try again", self.limits.total.as_secs()),
            ureq::Error::HostNotFound => format!("there is no host of {url}; check the address and the connection"),
            ureq::Error::ConnectionFailed => format!("nothing answers at {url}; start the server or mend the address"),
            ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                format!("nothing answers at {url} (connection refused); start the server or mend the address")
            }
            ureq::Error::BadUri(_) | ureq::Error::Http(_) => format!("{url} is no address; write it as in http://localhost:8080"),
            error => format!("{url} cannot be asked: {}; check the address and the connection", one_line(&error.to_string())),
        }
    }
}

/// Waits, in steps short enough to be stopped.
fn wait(pause: Duration, stop: &Stop) {
    let step = Duration::from_millis(50);
    let mut left = pause;
    while !left.is_zero() && !stop.requested() {
        std::thread::sleep(left.min(step));
        left = left.saturating_sub(step);
    }
}

/// The pause that a server asks for: seconds, or a date, which is compared with the server's own clock.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let asked = text("retry-after")?;
    if let Ok(seconds) = asked.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let (then, now) = (httpdate::parse_http_date(asked).ok()?, httpdate::parse_http_date(text("date")?).ok()?);
    then.duration_since(now).ok()
}

/// What an answer says of an error, as ": text", or nothing. A key that the server repeats is not told.
fn message(body: &[u8], headers: &[(&str, String)]) -> String {
    let json: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = &json["error"];
    let told = [&error["message"], error, &json["message"], &json["detail"]].into_iter().find_map(Value::as_str);
    let text = match told {
        Some(told) => one_line(told),
        None => one_line(&String::from_utf8_lossy(&body[..body.len().min(2000)])),
    };
    let text = hide_keys(text, headers);
    if text.is_empty() { String::new() } else { format!(": {}", clip(&text, 200, 0).trim_end_matches('.')) }
}

/// A key of fewer characters is a stand-in, as local servers want one.
const SHORTEST_KEY: usize = 6;

/// A text without the keys among the headers: a server may repeat what it was sent.
pub fn hide_keys(text: String, headers: &[(&str, String)]) -> String {
    let keys = headers.iter().filter_map(|(_, value)| value.split_whitespace().last()).filter(|key| key.len() >= SHORTEST_KEY);
    keys.fold(text, |text, key| if text.contains(key) { text.replace(key, "(key)") } else { text })
}
