//! A misbehaving web on loopback for the tests of the crawler: a plain server whose answers are a function of the path.
//!
//! It speaks HTTP as far as the tests need, counts what it is asked for, and can stop its visitor at a given request.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// What is sent, byte for byte.
pub enum Answer {
    /// Status with its words, headers, body; `Content-Length` is added.
    Plain(&'static str, Vec<(&'static str, String)>, Vec<u8>),
    /// Raw bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// Raw bytes, then silence until the visitor goes away.
    Stall(Vec<u8>),
}

/// A page of HTML.
pub fn html(body: impl Into<String>) -> Answer {
    Answer::Plain("200 OK", vec![("Content-Type", "text/html; charset=utf-8".into())], body.into().into_bytes())
}

/// A status without a page, and headers.
pub fn status(status: &'static str, headers: Vec<(&'static str, String)>) -> Answer {
    Answer::Plain(status, headers, b"<p>nothing".to_vec())
}

/// Requests by path, with how often each was made before.
type Pages = dyn Fn(&str, usize) -> Answer + Send + Sync;

/// A running server; it ends with the value.
pub struct Site {
    /// `http://127.0.0.1:PORT`.
    pub root: String,
    asked: Arc<Mutex<BTreeMap<String, usize>>>,
    ended: Arc<AtomicBool>,
}

impl Site {
    /// Serves `pages`: a path with its query, and how often it was asked for before, to an answer.
    pub fn serve(pages: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Site {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let root = format!("http://{}", listener.local_addr().unwrap());
        let (asked, ended) = (Arc::new(Mutex::new(BTreeMap::new())), Arc::new(AtomicBool::new(false)));
        let (pages, counts, end): (Arc<Pages>, _, _) = (Arc::new(pages), asked.clone(), ended.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if end.load(Ordering::SeqCst) {
                    return;
                }
                let (pages, counts) = (pages.clone(), counts.clone());
                // A visitor that goes away in the middle is none of the test's business.
                std::thread::spawn(move || stream.and_then(|stream| answer(stream, &*pages, &counts)));
            }
        });
        Site { root, asked, ended }
    }

    /// How often each path was asked for.
    pub fn asked(&self) -> BTreeMap<String, usize> {
        self.asked.lock().unwrap().clone()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.root.trim_start_matches("http://"));
    }
}

fn answer(mut stream: TcpStream, pages: &Pages, counts: &Mutex<BTreeMap<String, usize>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let mut first = String::new();
        if reader.read_line(&mut first)? == 0 {
            return Ok(());
        }
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
        }
        let path = first.split(' ').nth(1).unwrap_or_default().to_string();
        let before = {
            let mut counts = counts.lock().unwrap();
            let count = counts.entry(path.clone()).or_default();
            *count += 1;
            *count - 1
        };
        match pages(&path, before) {
            Answer::Plain(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status}\r\n");
                headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
                head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
                stream.write_all(&[head.as_bytes(), &body].concat())?;
            }
            Answer::Raw(bytes) => return stream.write_all(&bytes),
            Answer::Stall(bytes) => {
                stream.write_all(&bytes)?;
                // Ends when the visitor closes.
                reader.read_line(&mut String::new())?;
                return Ok(());
            }
        }
    }
}
