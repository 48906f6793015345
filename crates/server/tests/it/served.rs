//! A server on a port of its own with a folder of models, and requests to it as bytes on a socket.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use base::stop::Stop;
use model::{Config, Model};
use serde_json::Value;
use server::{Limits, Options, Server};
use tokenizer::Tokenizer;

/// Tokens that the model's context holds.
pub const CONTEXT: usize = 256;

/// A server that runs until it is dropped. Its folder has two models with the same vocabulary, `first` and `second`.
pub struct Served {
    pub address: SocketAddr,
    folder: PathBuf,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

/// What came back.
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Served {
    /// Starts one; `name` tells the tests' folders apart.
    pub fn start(name: &str) -> Served {
        let folder = std::env::temp_dir().join(format!("schoolhouse-server-{name}-{}", std::process::id()));
        _ = std::fs::remove_dir_all(&folder);
        for model in ["first", "second"] {
            write_model(&folder.join(model));
        }
        let options = Options {
            address: "127.0.0.1:0".parse().unwrap(),
            keys: Vec::new(),
            models: vec![folder.clone()],
            runs: None,
            data: folder.join("data"),
            limits: Limits::default(),
            tools: Arc::new(|_| Err("this test has no tools".into())),
            tools_offered: String::new(),
            threads: 1,
        };
        let server = Server::bind(options).unwrap();
        let (address, stop) = (server.address(), Stop::new());
        let heard = stop.clone();
        let thread = Some(std::thread::spawn(move || server.run(&heard).unwrap()));
        Served { address, folder, stop, thread }
    }

    /// The id of a model of the folder, as requests call it.
    pub fn model(&self, name: &str) -> String {
        format!("{}/{name}", self.folder.file_name().unwrap().to_str().unwrap())
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path}"), "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(&format!("POST {path}"), &body.to_string())
    }

    /// Sends a request and reads to the end. HTTP 1.0 has answers end with the connection, so that streams need no decoding.
    fn send(&self, line: &str, body: &str) -> Answer {
        let mut socket = self.open(line, body);
        let mut text = String::new();
        socket.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_string() }
    }

    /// Sends a request and reads nothing.
    pub fn open(&self, line: &str, body: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let length = body.len();
        write!(socket, "{line} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}")
            .unwrap();
        socket
    }
}

impl Answer {
    /// The body, which is JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {}", self.body))
    }

    /// The sentence with which the request was refused.
    pub fn refusal(&self) -> String {
        self.json()["error"]["message"].as_str().unwrap().to_string()
    }

    /// The data of all events of a stream, each JSON.
    pub fn events(&self) -> Vec<Value> {
        let data = self.body.lines().filter_map(|line| line.strip_prefix("data: "));
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.stop.request();
        let served = self.thread.take().map(JoinHandle::join);
        _ = std::fs::remove_dir_all(&self.folder);
        assert!(std::thread::panicking() || served.is_none_or(|served| served.is_ok()), "the server ended with a failure");
    }
}

/// A small random model of our kind, with the bytes and one merge as its vocabulary.
fn write_model(folder: &std::path::Path) {
    std::fs::create_dir_all(folder).unwrap();
    let tokenizer = Tokenizer::from_merges(vec![(83, 71)]); // t, h
    tokenizer.save(folder).unwrap();
    let config = Config { n_kv_heads: 1, ..Config::from_depth(1, tokenizer.vocab_size(), CONTEXT) };
    model::folder::save_endless(&Model::new(config, 1), folder).unwrap();
}
