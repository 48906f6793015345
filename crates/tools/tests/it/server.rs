//! A server on the loopback device that answers what it is told, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What the server does with one request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A status, headers (each with its line end) and a body.
    Says(u16, &'static str, String),
    /// Nothing, for so long.
    Sleeps(Duration),
    /// A body that is announced and not sent whole.
    BreaksOff,
}

/// A request as it came.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    /// Method and target.
    pub line: String,
    /// The headers' lines.
    pub headers: Vec<String>,
    /// The body.
    pub body: String,
}

/// A server that gives its answers one after the other, the last one again and again.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT`.
    pub url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    /// Starts; it ends with the test's process.
    pub fn new(answers: Vec<Answer>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        thread::spawn(move || {
            for (at, stream) in listener.incoming().flatten().enumerate() {
                let answer = answers[at.min(answers.len() - 1)].clone();
                let log = Arc::clone(&log);
                thread::spawn(move || serve(stream, &answer, &log));
            }
        });
        Server { url, asked }
    }

    /// What was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().expect("the log").clone()
    }
}

fn serve(stream: TcpStream, answer: &Answer, log: &Mutex<Vec<Asked>>) {
    let mut reader = BufReader::new(stream);
    let mut asked = Asked::default();
    let mut length = 0;
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
        let text = line.trim_end().to_string();
        if let Some(n) = text.to_ascii_lowercase().strip_prefix("content-length:") {
            length = n.trim().parse().expect("a length");
        }
        if asked.line.is_empty() {
            asked.line = text
        } else {
            asked.headers.push(text)
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    asked.body = String::from_utf8(body).expect("UTF-8");
    log.lock().expect("the log").push(asked);

    let mut stream = reader.into_inner();
    match answer {
        Answer::Says(status, headers, body) => {
            let head = format!("HTTP/1.1 {status} Said\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
            let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
        }
        Answer::Sleeps(time) => thread::sleep(*time),
        Answer::BreaksOff => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"choices\": [");
        }
    }
}
