//! An endpoint on the loopback device that speaks as much of OpenAI's API as is asked of it: a function of the request answers.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use serde_json::{Value, json};

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The first line and the headers.
    pub head: String,
    /// The body.
    pub body: Value,
}

impl Asked {
    /// What the last message says.
    pub fn text(&self) -> &str {
        self.body["messages"].as_array().and_then(|messages| messages.last()).and_then(|message| message["content"].as_str()).unwrap()
    }
}

/// An endpoint; it ends with the test's process.
pub struct Endpoint {
    /// Its base URL.
    pub url: String,
    log: Arc<Log>,
}

#[derive(Default)]
struct Log {
    asked: Mutex<Vec<Asked>>,
    grown: Condvar,
}

/// A status and a body.
pub type Said = (u16, Value);

/// An answer as the endpoint gives it.
pub fn says(text: &str, finish: &str) -> Said {
    (200, json!({"choices": [{"message": {"role": "assistant", "content": text}, "finish_reason": finish}]}))
}

impl Endpoint {
    /// Starts.
    pub fn new(answer: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Endpoint {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let log = Arc::new(Log::default());
        let (shared, answer) = (Arc::clone(&log), Arc::new(answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (log, answer) = (Arc::clone(&shared), Arc::clone(&answer));
                std::thread::spawn(move || serve(stream, &log, answer.as_ref()));
            }
        });
        Endpoint { url, log }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.log.asked.lock().unwrap().clone()
    }

    /// Waits until so many requests have come.
    pub fn wait_for(&self, requests: usize) {
        drop(self.log.grown.wait_while(self.log.asked.lock().unwrap(), |asked| asked.len() < requests).unwrap());
    }
}

fn serve(stream: TcpStream, log: &Log, answer: &(dyn Fn(&Asked) -> Said + Send + Sync)) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut line, mut length) = (String::new(), String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
        if let Some(n) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().unwrap();
        }
        head += &line;
        line.clear();
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return; // whoever asked was killed
    }
    let asked = Asked { head, body: serde_json::from_slice(&body).unwrap_or_default() };
    log.asked.lock().unwrap().push(asked.clone());
    log.grown.notify_all();
    let (status, body) = answer(&asked);
    let body = body.to_string();
    let head =
        format!("HTTP/1.1 {status} Said\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = reader.into_inner().write_all([head.as_bytes(), body.as_bytes()].concat().as_slice());
}
