//! Models come when they are asked for and go when nobody uses them; paths, methods and files.

use std::time::Duration;

use serde_json::{Value, json};

use crate::{eventually, serve_models, serve_with, small};

fn loaded(list: &Value) -> Vec<&str> {
    let all = list["data"].as_array().unwrap().iter().filter(|model| model["loaded"] == true);
    all.map(|model| model["id"].as_str().unwrap()).collect()
}

#[test]
fn models_are_listed_and_what_is_not_there_is_named() {
    let server = serve_with(|options| options.runs = Some(options.data.with_file_name("runs")));
    let list = server.get("/v1/models").ok();
    assert_eq!(list["data"][0]["id"], "school/small");
    assert_eq!(list["data"][0]["chat"], true);
    assert_eq!(server.get("/v1/models/school/small").ok()["max_model_len"], 256);
    server.get("/v1/models/school/none").refuses(404, "there is no model \"school/none\"; there are: school/small");
    server.post("/v1/completions", json!({"model": "gpt-4", "prompt": "a"})).refuses(404, "there are: school/small");

    // A stage appears when it is finished.
    let base = small::write(&server.scratch.path().join("runs/demo/base"), 64);
    assert_eq!(server.get("/v1/models").ok()["data"].as_array().unwrap().len(), 1);
    std::fs::write(base.join("done.json"), "{}").unwrap();
    let list = server.get("/v1/models").ok();
    assert_eq!((&list["data"][1]["id"], &list["data"][1]["max_model_len"]), (&json!("demo/base"), &json!(64)));
    server.post("/v1/completions", json!({"model": "demo/base", "prompt": "a"})).ok();

    server.get("/nowhere").refuses(404, "there is no /nowhere here");
    server.get("/v1/completions").refuses(405, "/v1/completions does not take GET");
    server.client().send("POST", "/v1/completions", b"{\"model\": ").refuses(400, "the body is not the JSON");
    server.client().send("POST", "/v1/completions", b"\xff\xfe").refuses(400, "the body is not the JSON");
    assert_eq!(server.get("/health").ok()["status"], "ok");
    let document = server.get("/openapi.json").ok();
    for path in ["/v1/models", "/v1/completions", "/v1/chat/completions", "/tokenize", "/detokenize", "/apply-template", "/health"] {
        assert!(document["paths"].get(path).is_some(), "{path} is not described");
    }
    assert!(document["components"]["schemas"]["ChatRequest"]["properties"].get("top_logprobs").is_some());
}

#[test]
fn a_model_that_was_not_taught_to_talk_says_so_in_its_marker() {
    let marker = |stage: &str| json!({"stage": stage, "config": "c", "inputs": {}, "threads": 0});
    let server = serve_with(|options| options.models = vec![options.data.with_file_name("school")]);
    let folder = |name: &str| small::write(&server.scratch.path().join("school").join(name), 64);
    folder("base");
    std::fs::write(folder("read").join("done.json"), json!({"fingerprint": marker("base"), "outputs": {}}).to_string()).unwrap();
    std::fs::write(folder("reading").join("started.json"), marker("base").to_string()).unwrap();
    std::fs::write(folder("taught").join("done.json"), json!({"fingerprint": marker("assistant"), "outputs": {}}).to_string()).unwrap();
    let list = server.get("/v1/models").ok();
    let talks: Vec<(&str, bool)> =
        list["data"].as_array().unwrap().iter().map(|model| (model["id"].as_str().unwrap(), model["chat"] == true)).collect();
    // A name alone says nothing.
    let expected = [("base", true), ("read", false), ("reading", false), ("small", true), ("taught", true)];
    assert_eq!(talks.iter().map(|(id, chat)| (id.strip_prefix("school/").unwrap(), *chat)).collect::<Vec<_>>(), expected);
}

#[test]
fn a_model_that_nobody_uses_is_unloaded() {
    let server = serve_with(|options| options.limits.idle = Duration::from_millis(300));
    assert!(loaded(&server.get("/v1/models").ok()).is_empty());
    let body = json!({"model": "school/small", "prompt": "a", "seed": 1});
    let first = server.post("/v1/completions", body.clone()).ok();
    eventually("unloading", || loaded(&server.get("/v1/models").ok()).is_empty());
    let again = server.post("/v1/completions", body).ok();
    assert_eq!(first["choices"], again["choices"]);
}

#[test]
fn models_make_room_for_each_other_and_for_none_that_is_in_use() {
    // Room for one of them: a conversation of 60,000 tokens has 7.7 MB.
    let models = [("one", 60_000), ("two", 60_000)];
    let server = serve_models(&models, |options| {
        options.limits.memory_bytes = 10_000_000;
        options.limits.streams = 1;
    });
    let body = |model: &str| json!({"model": model, "prompt": "a", "max_tokens": 2});
    server.post("/v1/completions", body("school/one")).ok();
    assert_eq!(loaded(&server.get("/v1/models").ok()), ["school/one"]);
    server.post("/v1/completions", body("school/two")).ok();
    assert_eq!(loaded(&server.get("/v1/models").ok()), ["school/two"]);

    let long =
        json!({"model": "school/two", "prompt": "a", "max_tokens": 50_000, "stream": true, "logit_bias": {"258": -100, "259": -100}});
    let mut stream = server.client().open("POST", "/v1/completions", long.to_string().as_bytes());
    assert_eq!(stream.head().0, 200);
    let refused = server.post("/v1/completions", body("school/one"));
    refused.refuses(503, "the models in use (school/two) leave");
    drop(stream);
    eventually("room", || server.post("/v1/completions", body("school/one")).status == 200);

    let small = serve_with(|options| options.limits.memory_bytes = 70_000);
    small.post("/v1/completions", body("school/small")).refuses(503, "all models together may have 0.1 MB");
}
