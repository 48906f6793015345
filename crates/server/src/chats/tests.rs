//! The routes of chats over a socket, with a small model that was never trained: what it says means nothing, but comes as it would.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base::stop::Stop;
use engine::Toolset;
use model::folder::EndTokens;
use model::{Config, Model};
use serde_json::{Value, json};
use tokenizer::Tokenizer;

use super::slug;
use crate::store::tests::Folder;
use crate::{Limits, Options, Server};

/// Tokens of the model's context.
const CONTEXT: usize = 400;

/// A server that runs as long as this is held.
struct Running {
    address: SocketAddr,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
    folder: Folder,
}

impl Running {
    fn new(name: &str) -> Running {
        let folder = Folder::new(name);
        let model = folder.path().join("house/pupil");
        std::fs::create_dir_all(&model).unwrap();
        let tokenizer = Tokenizer::from_merges(vec![(1, 2), (3, 4)]);
        let ends = EndTokens { end_of_text: tokenizer.eot(), end_of_turn: tokenizer.im_end() };
        model::folder::save(&Model::new(Config::from_depth(1, 270, CONTEXT), 1), ends, &model).unwrap();
        tokenizer.save(&model).unwrap();
        let data = folder.path().join("data");
        let (address, stop, thread) = serve(vec![model], data);
        Running { address, stop, thread: Some(thread), folder }
    }

    /// The same data again, as after a restart.
    fn restart(&mut self) {
        self.end();
        let (address, stop, thread) = serve(vec![self.folder.path().join("house/pupil")], self.folder.path().join("data"));
        (self.address, self.stop, self.thread) = (address, stop, Some(thread));
    }

    fn end(&mut self) {
        self.stop.request();
        self.thread.take().into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn send(&self, method: &str, path: &str, body: &str) -> TcpStream {
        let mut socket = TcpStream::connect(self.address).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let (host, length) = (self.address, body.len());
        write!(
            socket,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
        socket
    }

    /// Status and body.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut answer = String::new();
        self.send(method, path, body).read_to_string(&mut answer).unwrap();
        let (head, rest) = answer.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let body = if head.to_lowercase().contains("transfer-encoding: chunked") { unchunked(rest) } else { rest.to_owned() };
        (status, body)
    }

    fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask("GET", path, "");
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let (status, answer) = self.ask("POST", path, &body.to_string());
        assert_eq!(status, 200, "{path} {body}: {answer}");
        serde_json::from_str(&answer).unwrap()
    }

    /// The sentence with which something is refused.
    fn refused(&self, expected: u16, method: &str, path: &str, body: &Value) -> String {
        let (status, answer) = self.ask(method, path, &body.to_string());
        assert_eq!(status, expected, "{path} {body}: {answer}");
        serde_json::from_str::<Value>(&answer).unwrap()["error"]["message"].as_str().unwrap().to_owned()
    }

    fn create(&self, max_tokens: usize) -> i64 {
        let settings = json!({ "system": "Be brief.", "sampling": { "max_tokens": max_tokens, "seed": 1 } });
        self.post("/api/chats", &json!({ "model": "house/pupil", "settings": settings }))["chat"]["id"].as_i64().unwrap()
    }

    /// The events of an answer.
    fn answer(&self, chat: i64, body: &Value) -> Vec<(String, Value)> {
        let (status, stream) = self.ask("POST", &format!("/api/chats/{chat}/answer"), &body.to_string());
        assert_eq!(status, 200, "{stream}");
        stream.split("\n\n").filter_map(event_of).collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.request();
    }
}

fn serve(models: Vec<PathBuf>, data: PathBuf) -> (SocketAddr, Stop, JoinHandle<()>) {
    let options = Options {
        address: ([127, 0, 0, 1], 0).into(),
        keys: Vec::new(),
        models,
        runs: None,
        data,
        limits: Limits::default(),
        tools: Arc::new(|_| Ok(Toolset::default())),
        tools_offered: "Tools: search, python.".into(),
        threads: 1,
    };
    let (server, stop) = (Server::bind(options).unwrap(), Stop::new());
    let (address, seen) = (server.address(), stop.clone());
    (address, stop, std::thread::spawn(move || server.run(&seen).unwrap()))
}

fn unchunked(body: &str) -> String {
    let (mut whole, mut rest) = (String::new(), body);
    while let Some((size, after)) = rest.split_once("\r\n") {
        let size = usize::from_str_radix(size.trim(), 16).unwrap();
        whole += &after[..size];
        rest = after[size..].trim_start_matches("\r\n");
    }
    whole
}

fn event_of(text: &str) -> Option<(String, Value)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    Some((field("event: ")?, serde_json::from_str(&field("data: ")?).unwrap()))
}

fn named<'a>(events: &'a [(String, Value)], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|(of, _)| of == name).map(|(_, data)| data).collect()
}

#[test]
fn an_answer_comes_as_events_and_is_kept() {
    let mut server = Running::new("chats-answer");
    let chat = server.create(24);
    let events = server.answer(chat, &json!({ "kind": "send", "text": " Why is the sky blue? " }));
    assert_eq!(events[0].0, "start");
    let start = &events[0].1;
    assert_eq!(start["title"], "Why is the sky blue?");
    let (last, done) = events.last().unwrap();
    assert_eq!(last, "done");
    assert_eq!(done["message"], start["answer"]);
    let tokens = named(&events, "tokens").last().copied().unwrap().clone();
    assert_eq!(
        (tokens["context"].as_u64(), tokens["completion"].clone()),
        (Some(CONTEXT as u64), done["usage"]["completion_tokens"].clone())
    );

    // What was shown as it came is what the kept answer is.
    let mut shown: Vec<(Option<u64>, &str)> = Vec::new();
    for (_, data) in events.iter().filter(|(name, _)| ["block", "call"].contains(&name.as_str())) {
        let (index, html) = (data["index"].as_u64(), data["html"].as_str().unwrap());
        match shown.iter_mut().find(|(of, _)| index.is_some() && *of == index) {
            Some((_, block)) => *block = html,
            None => shown.push((index, html)),
        }
    }
    let shown: String = shown.into_iter().map(|(_, html)| html).collect();
    server.restart();
    let view = server.get(&format!("/api/chats/{chat}"));
    let [question, answer] = view["messages"].as_array().unwrap().as_slice() else { panic!("{view}") };
    assert_eq!(question["text"], "Why is the sky blue?");
    let html: String = answer["items"].as_array().unwrap().iter().filter_map(|item| item["html"].as_str()).collect();
    assert_eq!(html, shown);
    assert_eq!(answer["finish"], done["finish"]);
    assert_eq!(server.get("/api/chats?q=sky")["chats"][0]["id"], chat);

    let seen = server.get(&format!("/api/chats/{chat}/tokens"));
    let spelt: String = seen["tokens"].as_array().unwrap().iter().map(|token| token["text"].as_str().unwrap()).collect();
    let beginning = "<|endoftext|><|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>Why is the sky blue?<|im_end|>";
    assert!(spelt.starts_with(beginning), "{spelt}");
    assert!(spelt.ends_with("<|im_start|>assistant<|im_sep|>"), "{spelt}");
}

#[test]
fn edits_and_other_answers_are_branches() {
    let server = Running::new("chats-branches");
    let chat = server.create(6);
    let ids = |events: &[(String, Value)]| (events[0].1["question"].as_i64(), events[0].1["answer"].as_i64().unwrap());
    let (question, first) = ids(&server.answer(chat, &json!({ "kind": "send", "text": "One?" })));
    let again = server.answer(chat, &json!({ "kind": "again", "message": first }));
    let (none, second) = ids(&again);
    assert_eq!((none, again[0].1["siblings"].clone()), (None, json!([first, second])));
    let (edited, third) = ids(&server.answer(chat, &json!({ "kind": "edit", "message": question, "text": "Two?" })));
    let shown =
        |view: &Value| view["messages"].as_array().unwrap().iter().map(|message| message["id"].as_i64().unwrap()).collect::<Vec<_>>();
    let view = server.get(&format!("/api/chats/{chat}"));
    assert_eq!(shown(&view), [edited.unwrap(), third]);
    assert_eq!(view["messages"][0]["siblings"], json!([question, edited]));
    let view = server.post(&format!("/api/chats/{chat}/show"), &json!({ "message": first }));
    assert_eq!(shown(&view), [question.unwrap(), first]);

    let thumb = format!("/api/chats/{chat}/messages/{first}/thumb");
    assert_eq!(server.ask("PUT", &thumb, r#"{"thumb":"up"}"#).0, 204);
    let other = format!("/api/chats/{chat}/messages/{second}/thumb");
    assert_eq!(server.ask("PUT", &other, r#"{"thumb":"down"}"#).0, 204);
    let (_, lines) = server.ask("GET", "/api/chats/preferences", "");
    assert_eq!(lines.lines().count(), 1, "{lines}");
    assert_eq!(server.ask("GET", &format!("/api/chats/{chat}/export?branches=all"), "").1.lines().count(), 3);
    let (_, lines) = server.ask("GET", "/api/chats/export", "");
    let (status, imported) = server.ask("POST", "/api/chats/import?model=house%2Fpupil", &lines);
    assert_eq!(status, 200, "{imported}");
    assert_eq!(server.get("/api/chats")["chats"].as_array().unwrap().len(), 2);
    assert_eq!(server.ask("DELETE", &format!("/api/chats/{chat}"), "").0, 204);
    assert!(server.refused(404, "GET", &format!("/api/chats/{chat}"), &json!({})).contains("there is no chat"));
}

#[test]
fn who_stops_listening_keeps_what_was_said() {
    let server = Running::new("chats-stop");
    let chat = server.create(CONTEXT);
    let path = format!("/api/chats/{chat}/answer");
    let mut reader = BufReader::new(server.send("POST", &path, r#"{"kind":"send","text":"Talk."}"#));
    let mut line = String::new();
    while !line.starts_with("event: block") {
        line.clear();
        assert!(reader.read_line(&mut line).unwrap() > 0, "it ended before its first block");
    }
    drop(reader);
    let deadline = Instant::now() + Duration::from_secs(30);
    let answer = loop {
        let view = server.get(&format!("/api/chats/{chat}"));
        let answer = view["messages"][1].clone();
        // A quick machine may have come to the end before it heard of it.
        if !answer["finish"].is_null() {
            break answer;
        }
        assert!(Instant::now() < deadline, "the answer never ended: {view}");
        std::thread::sleep(Duration::from_millis(20));
    };
    assert!(["stopped", "length", "stop"].contains(&answer["finish"].as_str().unwrap()), "{answer}");
    assert!(!answer["items"].as_array().unwrap().is_empty(), "{answer}");
}

#[test]
fn what_means_nothing_is_refused_and_leaves_nothing() {
    let server = Running::new("chats-refused");
    let chat = server.create(4);
    let path = format!("/api/chats/{chat}/answer");
    let long = server.refused(400, "POST", &path, &json!({ "kind": "send", "text": "word ".repeat(400) }));
    assert!(long.contains("tokens, and the model's context of 400 has no room"), "{long}");
    for (status, method, path, body, why) in [
        (400, "POST", path.as_str(), json!({ "kind": "send", "text": " " }), "at least one word"),
        (400, "POST", &path, json!({ "kind": "shout", "text": "x" }), "unknown variant"),
        (404, "POST", &path, json!({ "kind": "again", "message": 99 }), "there is no message 99"),
        (404, "POST", "/api/chats/99/answer", json!({ "kind": "send", "text": "x" }), "there is no chat 99"),
        (404, "POST", "/api/chats", json!({ "model": "nobody" }), "there is no model \"nobody\""),
        (
            400,
            "POST",
            "/api/chats",
            json!({ "model": "house/pupil", "settings": { "sampling": { "temperature": -1 } } }),
            "temperature is -1",
        ),
        (400, "POST", "/api/chats", json!({ "model": "house/pupil", "colour": "red" }), "unknown field"),
        (400, "PATCH", &format!("/api/chats/{chat}"), json!({ "title": " " }), "1 to 200 characters"),
        (404, "POST", &format!("/api/chats/{chat}/show"), json!({ "message": 5 }), "there is no message 5"),
        (400, "POST", "/api/chats/import?model=house%2Fpupil", json!({ "x": 1 }), "no conversation in the file can be used"),
    ] {
        let said = server.refused(status, method, path, &body);
        assert!(said.contains(why), "{path} {body}: {said}");
    }
    let view = server.get(&format!("/api/chats/{chat}"));
    assert_eq!((view["messages"].clone(), view["chat"]["title"].clone()), (json!([]), json!("New chat")));
}

#[test]
fn a_title_is_a_files_name() {
    assert_eq!(slug("Why is the sky blue?"), "why-is-the-sky-blue");
    assert_eq!(slug("../\"; x=\r\n"), "x");
    assert_eq!(slug("…"), "chat");
}
