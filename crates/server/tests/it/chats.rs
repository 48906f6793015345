//! The page's chats over a socket, with a small random model: what it says means nothing, but comes as it would.

use serde_json::{Value, json};

use super::{Running, eventually, serve, serve_with};

const MODEL: &str = "school/small";

/// A new chat whose answers have at most so many tokens.
fn create(server: &Running, max_tokens: usize) -> i64 {
    let settings = json!({ "system": "Be brief.", "sampling": { "max_tokens": max_tokens, "seed": 1 } });
    server.post("/api/chats", json!({ "model": MODEL, "settings": settings })).ok()["chat"]["id"].as_i64().unwrap()
}

/// The events of an answer: names and data.
fn answer(server: &Running, chat: i64, body: Value) -> Vec<(String, Value)> {
    let answer = server.post(&format!("/api/chats/{chat}/answer"), body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    answer.text.split("\n\n").filter_map(event_of).collect()
}

fn event_of(text: &str) -> Option<(String, Value)> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    Some((field("event: ")?, serde_json::from_str(&field("data: ")?).unwrap()))
}

fn view(server: &Running, chat: i64) -> Value {
    server.get(&format!("/api/chats/{chat}")).ok()
}

#[test]
fn an_answer_comes_as_events_and_is_kept() {
    let server = serve();
    let chat = create(&server, 24);
    let events = answer(&server, chat, json!({ "kind": "send", "text": " Why is the sky blue? " }));
    assert_eq!(events[0].0, "start");
    let start = &events[0].1;
    assert_eq!(start["title"], "Why is the sky blue?");
    let (last, done) = events.last().unwrap();
    assert_eq!(last, "done");
    assert_eq!(done["message"], start["answer"]);
    let (_, tokens) = events.iter().rfind(|(name, _)| name == "tokens").unwrap();
    assert_eq!((&tokens["context"], &tokens["completion"]), (&json!(256), &done["usage"]["completion_tokens"]));

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
    let data = server.scratch.path().join("data");
    let server = serve_with(|options| options.data = data); // another program on the same data
    let view = view(&server, chat);
    let [question, answer] = view["messages"].as_array().unwrap().as_slice() else { panic!("{view}") };
    assert_eq!(question["text"], "Why is the sky blue?");
    let html: String = answer["items"].as_array().unwrap().iter().filter_map(|item| item["html"].as_str()).collect();
    assert_eq!(html, shown);
    assert_eq!(answer["finish"], done["finish"]);
    assert_eq!(server.get("/api/chats?q=sky").ok()["chats"][0]["id"], chat);
    server.get("/api/chats?limit=few").refuses(400, "limit");
    server.get("/api/chats?colour=red").refuses(400, "unknown field `colour`");

    let seen = server.get(&format!("/api/chats/{chat}/tokens")).ok();
    let spelt: String = seen["tokens"].as_array().unwrap().iter().map(|token| token["text"].as_str().unwrap()).collect();
    let beginning = "<|endoftext|><|im_start|>system<|im_sep|>Be brief.<|im_end|><|im_start|>user<|im_sep|>Why is the sky blue?<|im_end|>";
    assert!(spelt.starts_with(beginning), "{spelt}");
    assert!(spelt.ends_with("<|im_start|>assistant<|im_sep|>"), "{spelt}");
}

#[test]
fn edits_and_other_answers_are_branches() {
    let server = serve();
    let chat = create(&server, 6);
    let ids = |events: &[(String, Value)]| (events[0].1["question"].as_i64(), events[0].1["answer"].as_i64().unwrap());
    let (question, first) = ids(&answer(&server, chat, json!({ "kind": "send", "text": "One?" })));
    let again = answer(&server, chat, json!({ "kind": "again", "message": first }));
    let (none, second) = ids(&again);
    assert_eq!((none, again[0].1["siblings"].clone()), (None, json!([first, second])));
    let (edited, third) = ids(&answer(&server, chat, json!({ "kind": "edit", "message": question, "text": "Two?" })));
    let shown =
        |view: &Value| view["messages"].as_array().unwrap().iter().map(|message| message["id"].as_i64().unwrap()).collect::<Vec<_>>();
    let view = view(&server, chat);
    assert_eq!(shown(&view), [edited.unwrap(), third]);
    assert_eq!(view["messages"][0]["siblings"], json!([question, edited]));
    let view = server.post(&format!("/api/chats/{chat}/show"), json!({ "message": first })).ok();
    assert_eq!(shown(&view), [question.unwrap(), first]);

    for (message, thumb) in [(first, "up"), (second, "down")] {
        let path = format!("/api/chats/{chat}/messages/{message}/thumb");
        assert_eq!(server.client().send("PUT", &path, json!({ "thumb": thumb }).to_string().as_bytes()).status, 204);
    }
    assert_eq!(server.get("/api/chats/preferences").text.lines().count(), 1);
    assert_eq!(server.get(&format!("/api/chats/{chat}/export?branches=all")).text.lines().count(), 3);
    let lines = server.get("/api/chats/export").text;
    let imported = server.client().send("POST", &format!("/api/chats/import?model={MODEL}"), lines.as_bytes());
    assert_eq!(imported.ok()["n_left_out"], 0);
    assert_eq!(server.get("/api/chats").ok()["chats"].as_array().unwrap().len(), 2);
    assert_eq!(server.client().send("DELETE", &format!("/api/chats/{chat}"), b"").status, 204);
    server.get(&format!("/api/chats/{chat}")).refuses(404, "there is no chat");
}

#[test]
fn tools_are_called_and_told() {
    let server = serve();
    let settings = json!({ "tools": true, "sampling": { "max_tokens": 150 } });
    let chat = server.post("/api/chats", json!({ "model": MODEL, "settings": settings })).ok()["chat"]["id"].as_i64().unwrap();
    // A random model calls now and then; an answer in which it does is one of these.
    let called = (0..60).find_map(|seed| {
        let settings = json!({ "tools": true, "sampling": { "max_tokens": 150, "seed": seed } });
        let path = format!("/api/chats/{chat}");
        assert_eq!(server.client().send("PATCH", &path, json!({ "settings": settings }).to_string().as_bytes()).status, 200);
        let first = view(&server, chat)["messages"][0]["id"].clone();
        let ask = if first.is_null() { json!({ "kind": "send", "text": "?" }) } else { json!({ "kind": "again", "message": first }) };
        let events = answer(&server, chat, ask);
        events.iter().any(|(name, data)| name == "output" && data["text"] == "42").then_some(events)
    });
    let events = called.expect("no answer of 60 called a tool");
    let (_, output) = events.iter().find(|(name, data)| name == "output" && data["text"] == "42").unwrap();
    assert_eq!(output["sources"], json!([{ "url": "https://example.org/42", "title": "Forty-two" }]));
    let view = view(&server, chat);
    let items = view["messages"][1]["items"].as_array().unwrap();
    let place = items.iter().position(|item| item["kind"] == "output" && item["text"] == "42").unwrap();
    assert_eq!((&items[place - 1]["kind"], &items[place]["sources"]), (&json!("call"), &output["sources"]));
}

#[test]
fn who_stops_listening_keeps_what_was_said() {
    let server = serve();
    let chat = create(&server, 256);
    let mut open = server.client().open("POST", &format!("/api/chats/{chat}/answer"), br#"{"kind":"send","text":"Talk."}"#);
    while !open.event().expect("it ended before its first block").contains("html") {}
    drop(open);
    let last = || view(&server, chat)["messages"][1].clone();
    eventually("the answer's end", || !last()["finish"].is_null());
    // A quick machine may have come to the end before it heard of it.
    assert!(["stopped", "length", "stop"].contains(&last()["finish"].as_str().unwrap()), "{}", last());
    assert!(!last()["items"].as_array().unwrap().is_empty(), "{}", last());
}

#[test]
fn what_means_nothing_is_refused_and_leaves_nothing() {
    let server = serve();
    let chat = create(&server, 4);
    let path = format!("/api/chats/{chat}/answer");
    let long = server.post(&path, json!({ "kind": "send", "text": "word ".repeat(400) }));
    long.refuses(400, "tokens, and the model's context of 256 has no room");
    for (status, method, path, body, why) in [
        (400, "POST", path.as_str(), json!({ "kind": "send", "text": " " }), "at least one word"),
        (400, "POST", &path, json!({ "kind": "shout", "text": "x" }), "unknown variant"),
        (404, "POST", &path, json!({ "kind": "again", "message": 99 }), "there is no message 99"),
        (404, "POST", "/api/chats/99/answer", json!({ "kind": "send", "text": "x" }), "there is no chat 99"),
        (404, "POST", "/api/chats", json!({ "model": "nobody" }), "there is no model \"nobody\""),
        (400, "POST", "/api/chats", json!({ "model": MODEL, "settings": { "sampling": { "temperature": -1 } } }), "temperature is -1"),
        (400, "POST", "/api/chats", json!({ "model": MODEL, "colour": "red" }), "unknown field"),
        (400, "PATCH", &format!("/api/chats/{chat}"), json!({ "title": " " }), "1 to 200 characters"),
        (404, "POST", &format!("/api/chats/{chat}/show"), json!({ "message": 5 }), "there is no message 5"),
        (400, "POST", &format!("/api/chats/import?model={MODEL}"), json!({ "x": 1 }), "no conversation in the file can be used"),
    ] {
        server.client().send(method, path, body.to_string().as_bytes()).refuses(status, why);
    }
    let view = view(&server, chat);
    assert_eq!((&view["messages"], &view["chat"]["title"]), (&json!([]), &json!("New chat")));
}

#[test]
fn a_thought_is_summed_up_by_its_model_or_by_another() {
    let server = serve();
    let messages = json!([{ "role": "user", "content": "What is 2 + 2?" },
        { "role": "assistant", "reasoning_content": "2 and 2 are 4. ".repeat(40), "content": "4" }]);
    let line = json!({ "messages": messages }).to_string();
    let imported = server.client().send("POST", &format!("/api/chats/import?model={MODEL}"), line.as_bytes()).ok();
    let chat = imported["chats"][0].as_i64().unwrap();
    let messages = view(&server, chat)["messages"].as_array().unwrap().clone();
    let path = |message: &Value| format!("/api/chats/{chat}/messages/{}/summary", message["id"]);
    let summary = server.post(&path(&messages[1]), json!({})).ok();
    assert!(summary["summary"].is_string(), "{summary}"); // the model is random, and the thought longer than its context
    assert_eq!(server.post(&path(&messages[1]), json!({ "model": MODEL })).ok(), summary, "it is the most likely one");
    server.post(&path(&messages[1]), json!({ "model": "nobody" })).refuses(404, "nobody");
    server.post(&path(&messages[0]), json!({})).refuses(400, "nothing was thought");
}
