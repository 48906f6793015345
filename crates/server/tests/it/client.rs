//! A client that can do what well-behaved ones cannot: stop in the middle, send half of something, read nothing.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use flate2::read::GzDecoder;
use serde_json::Value;

/// Speaks to a server, one connection a request.
pub struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    /// The body, unpacked.
    pub text: String,
    /// Bytes of the body as they came.
    pub bytes: usize,
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client { address, headers: vec![("host".into(), address.to_string())] }
    }

    pub fn with(mut self, name: &str, value: &str) -> Client {
        self.headers.retain(|(other, _)| other != name);
        self.headers.push((name.into(), value.into()));
        self
    }

    pub fn get(&self, path: &str) -> Answer {
        self.open("GET", path, b"").whole()
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, body.to_string().as_bytes())
    }

    pub fn send(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        self.open(method, path, body).whole()
    }

    /// Sends a request and reads nothing yet.
    pub fn open(&self, method: &str, path: &str, body: &[u8]) -> Open {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
        if !self.headers.iter().any(|(name, _)| name == "content-length") {
            head += &format!("content-length: {}\r\n", body.len());
        }
        self.headers.iter().for_each(|(name, value)| head += &format!("{name}: {value}\r\n"));
        _ = stream.write_all(format!("{head}\r\n").as_bytes()).and_then(|()| stream.write_all(body)); // it may refuse before it has read all
        Open(BufReader::new(stream))
    }
}

/// A request that was sent.
pub struct Open(BufReader<TcpStream>);

impl Open {
    /// Reads the head.
    pub fn head(&mut self) -> (u16, String) {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(self.0.read_line(&mut head).unwrap() > 0, "the connection ended in the head: {head:?}");
        }
        (head.split(' ').nth(1).unwrap().parse().unwrap(), head.to_lowercase())
    }

    /// The next event of a stream; nothing at its end.
    pub fn event(&mut self) -> Option<String> {
        loop {
            let mut line = String::new();
            if self.0.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(data) = line.trim_end().strip_prefix("data: ") {
                return Some(data.to_owned());
            }
        }
    }

    /// Reads all of the answer.
    pub fn whole(mut self) -> Answer {
        let (status, head) = self.head();
        let mut bytes = Vec::new();
        match head.contains("transfer-encoding: chunked") {
            true => while self.chunk(&mut bytes) {},
            false => _ = self.0.read_to_end(&mut bytes).unwrap(),
        }
        let mut text = String::new();
        match head.contains("content-encoding: gzip") {
            true => _ = GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap(),
            false => _ = (&bytes[..]).read_to_string(&mut text).unwrap(),
        }
        Answer { status, head, text, bytes: bytes.len() }
    }

    fn chunk(&mut self, bytes: &mut Vec<u8>) -> bool {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        let length = usize::from_str_radix(line.trim(), 16).unwrap();
        let start = bytes.len();
        bytes.resize(start + length + 2, 0);
        self.0.read_exact(&mut bytes[start..]).unwrap();
        bytes.truncate(start + length);
        length > 0
    }
}

impl Answer {
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The body of an answer that went well.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()
    }

    /// The events of a stream but the last, which must be `[DONE]`.
    #[track_caller]
    pub fn events(&self) -> Vec<Value> {
        assert_eq!(self.status, 200, "{}", self.text);
        let mut lines: Vec<&str> = self.text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
        assert_eq!(lines.pop(), Some("[DONE]"));
        lines.into_iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Checks that it refuses, in OpenAI's shape and with these words.
    #[track_caller]
    pub fn refuses(&self, status: u16, words: &str) {
        let error = &self.json()["error"];
        let message = error["message"].as_str().unwrap_or_else(|| panic!("no message in {}", self.text));
        assert!(self.status == status && message.contains(words), "{} {message}, expected {status} {words}", self.status);
        assert!(error["type"].is_string() && error.get("param").is_some() && error.get("code").is_some(), "{error}");
    }
}
