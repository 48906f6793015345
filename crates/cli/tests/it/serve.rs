//! `serve` from outside: it says where it listens, answers there, and ends when it is asked to.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::support::{Scratch, answer, schoolhouse};
use crate::talk;

/// A server in a folder of its own; killed where a test ends before it does.
struct Serving {
    child: Child,
    address: String,
}

impl Serving {
    fn start(scratch: &Scratch, arguments: &[&str]) -> Serving {
        let mut command = schoolhouse();
        command.current_dir(scratch.join("")).args(["serve", "--address", "127.0.0.1:0"]).args(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim_end().strip_prefix("http://").unwrap_or_else(|| panic!("no address: {line:?}")).to_owned();
        Serving { child, address }
    }

    /// An answer's status and its body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let length = body.len();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}", self.address)
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}")))
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[cfg(unix)]
#[test]
fn it_says_where_it_listens_answers_and_ends_when_it_is_interrupted() {
    let scratch = Scratch::new("serve");
    talk::model(&scratch, 64);
    let mut server = Serving::start(&scratch, &["--model", "model"]);
    assert!(server.address.starts_with("127.0.0.1:") && !server.address.ends_with(":0"), "{}", server.address);
    assert_eq!(server.ask("GET", "/health", ""), (200, json!({"status": "ok"})));
    let (status, models) = server.ask("GET", "/v1/models", "");
    assert_eq!((status, models["data"].as_array().unwrap().len(), &models["data"][0]["loaded"]), (200, 1, &json!(false)));
    let body = json!({"model": models["data"][0]["id"], "prompt": "Once", "max_tokens": 5, "temperature": 0});
    let (status, completion) = server.ask("POST", "/v1/completions", &body.to_string());
    assert_eq!((status, &completion["usage"]["completion_tokens"]), (200, &json!(5)), "{completion}");
    assert!(scratch.join("runs/server").is_dir(), "conversations are kept beside the runs");

    let interrupted = Command::new("kill").arg("-INT").arg(server.child.id().to_string()).status().unwrap();
    assert!(interrupted.success());
    let mut said = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!(server.child.wait().unwrap().code(), Some(0), "{said}");
    assert!(said.contains("serving until Ctrl-C") && !said.contains("error"), "{said}");
    assert!(TcpStream::connect(&server.address).is_err(), "nobody listens any more");
}

#[test]
fn what_cannot_be_served_is_told_in_one_sentence() {
    let scratch = Scratch::new("serve-refused");
    talk::model(&scratch, 64);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    let empty = scratch.write("keys", "\n");
    for (arguments, code, words) in [
        (&["--model", "nowhere"][..], 1, "nowhere holds no model: name a model folder"),
        (&["--model", "model", "--address", &taken], 1, "cannot listen on 127.0.0.1:"),
        (&["--model", "model", "--memory", "0"], 1, "--memory is 0; it must be a number of GB above 0"),
        (&["--model", "model", "--keys", empty.to_str().unwrap()], 1, "holds no key: write one a line"),
        (&["--address", "8000"], 2, "invalid value '8000' for '--address <ADDRESS:PORT>'"),
    ] {
        let found = answer(schoolhouse().current_dir(scratch.join("")).arg("serve").args(arguments));
        assert_eq!((found.code, &*found.stdout), (Some(code), ""), "{arguments:?}: {}", found.stderr);
        let sentence = found.stderr.split("\n\n").next().unwrap().trim_end(); // below it stands where the help is
        assert!(sentence.starts_with("error: ") && sentence.contains(words) && sentence.lines().count() == 1, "{}", found.stderr);
    }
}
