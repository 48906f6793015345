//! `/api/look`: what the pages Tokenizer and Playground ask for.

use serde_json::{Value, json};

use crate::client::Answer;
use crate::{eventually, serve, serve_models};

const MODEL: &str = "school/small";
const COMPLETE: &str = "/api/look/complete";

/// The events of a stream, which ends with one that says so.
#[track_caller]
fn events(answer: &Answer) -> Vec<Value> {
    assert_eq!(answer.status, 200, "{}", answer.text);
    let told = answer.text.strip_suffix("event: end\ndata: {}\n\n").unwrap_or_else(|| panic!("no end: {}", answer.text));
    told.lines().filter_map(|line| line.strip_prefix("data: ")).map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[track_caller]
fn event<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no event {kind} in {events:?}"))
}

/// The ids that were drawn for a sample.
fn drawn(events: &[Value], sample: usize) -> Vec<u64> {
    let of_sample = events.iter().filter(|event| event["type"] == "token" && event["sample"] == sample);
    of_sample.map(|event| event["id"].as_u64().unwrap()).collect()
}

#[test]
fn a_tokenizer_stands_once_with_all_its_models() {
    let server = serve_models(&[("small", 256), ("other", 64)], |_| {});
    let listed = server.get("/api/look/tokenizers").ok();
    let [one] = &listed["tokenizers"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!((&one["id"], &one["models"]), (&json!(MODEL), &json!([MODEL, "school/other"])));
    assert_eq!((&one["format"], &one["vocab_size"], &listed["broken"]), (&json!("schoolhouse"), &json!(268), &json!([])));
    let models = server.get("/api/look/models").ok();
    assert_eq!(models["models"][1], json!({"id": "school/other", "loaded": false, "chat": true}), "nothing is loaded to look at names");
}

#[test]
fn texts_and_conversations_become_tokens() {
    let server = serve_models(&[("small", 256), ("other", 64)], |_| {});
    let ask = json!({"text": "a <think>", "tokenizers": [MODEL, "school/other"], "specials": true, "from": 1});
    let cut = server.post("/api/look/tokenize", ask).ok();
    assert_eq!((&cut["bytes"], &cut["tokenizers"][0]["count"], &cut["tokenizers"][0]["from"]), (&json!(9), &json!(3), &json!(1)));
    assert_eq!(cut["tokenizers"][0]["tokens"], cut["tokenizers"][1]["tokens"]);
    let think = json!({"id": 266, "text": "<think>", "hex": "3c 74 68 69 6e 6b 3e", "special": true, "start": 2, "end": 9});
    assert_eq!(cut["tokenizers"][0]["tokens"][1], think);

    let origin = server.get(&format!("/api/look/merges?tokenizer={MODEL}&token=266")).ok();
    assert_eq!((&origin["token"]["text"], &origin["steps"], &origin["merges"]), (&json!("<think>"), &json!([]), &json!(0)));

    let messages = json!([{"role": "user", "content": "Hi <|im_end|>"}]);
    let seen = server.post("/api/look/chat", json!({"tokenizer": MODEL, "messages": messages, "open": true})).ok();
    let ends = seen["tokens"].as_array().unwrap().iter().filter(|token| token["text"] == "<|im_end|>").count();
    assert_eq!((ends, &seen["learnt"], &seen["format"]), (1, &json!(0), &json!("schoolhouse")), "what a user spells is text");
}

#[test]
fn what_cannot_be_looked_at_is_refused_with_a_reason() {
    let server = serve();
    let tokenize = |body: Value| server.post("/api/look/tokenize", body);
    tokenize(json!({"text": "x".repeat((1 << 20) + 1), "tokenizers": [MODEL]})).refuses(400, "text has 1048577 bytes");
    tokenize(json!({"text": "", "tokenizers": vec![MODEL; 9]})).refuses(400, "9 tokenizers");
    tokenize(json!({"text": "", "tokenizers": ["nobody"]})).refuses(404, "nobody");
    tokenize(json!({"text": "", "tokenizers": [MODEL], "sort": 1})).refuses(400, "unknown field `sort`");
    let chat = |role: &str, content: &str| {
        server.post("/api/look/chat", json!({"tokenizer": MODEL, "messages": [{"role": role, "content": content}]}))
    };
    chat("wizard", "").refuses(400, "wizard");
    chat("user", &"x".repeat((1 << 17) + 1)).refuses(400, "131073 bytes");
    server.get(&format!("/api/look/merges?tokenizer={MODEL}&token=268")).refuses(400, "there is no token 268");
    server.get("/api/look/merges?token=1").refuses(400, "tokenizer");

    let complete = |body: Value| server.post(COMPLETE, body);
    complete(json!({"model": MODEL, "prompt": "x".repeat(300)})).refuses(400, "301 tokens, and the model's context is 256");
    complete(json!({"model": MODEL, "prompt": [1, 268]})).refuses(400, "there is no token 268");
    complete(json!({"model": MODEL, "prompt": []})).refuses(400, "0 tokens");
    complete(json!({"model": MODEL, "prompt": "a", "samples": 9})).refuses(400, "8 are the most here");
    complete(json!({"model": MODEL, "prompt": "a", "temperature": -1})).refuses(400, "temperature is -1");
    complete(json!({"model": MODEL, "prompt": "a", "stop": [""]})).refuses(400, "stop text");
    complete(json!({"model": MODEL, "prompt": "a", "n": 2})).refuses(400, "unknown field `n`");
    complete(json!({"model": "nobody", "prompt": "a"})).refuses(404, "nobody");
}

#[test]
fn samples_come_token_by_token_with_their_odds() {
    let server = serve();
    let ask = json!({"model": MODEL, "prompt": "the", "samples": 3, "max_tokens": 8, "temperature": 1.0, "top_k": 0, "seed": 5, "odds": 4,
        "prompt_odds": true});
    let answer = server.post(COMPLETE, ask);
    assert!(answer.head.contains("content-type: text/event-stream"), "{}", answer.head);
    let events = events(&answer);
    assert_eq!((&events[0]["type"], &events[0]["context"], &events[0]["vocab_size"]), (&json!("start"), &json!(256), &json!(268)));
    for sample in 0..3 {
        let done = events.iter().position(|event| event["type"] == "done" && event["sample"] == sample).unwrap();
        let is_behind = events[done..].iter().any(|event| event["type"] == "token" && event["sample"] == sample);
        assert!(!is_behind && (events[done]["finish"] == "stop") == events[done]["end"].is_object());
    }
    assert_ne!(drawn(&events, 0), drawn(&events, 1), "each sample has a seed of its own");
    for token in events.iter().filter(|event| event["type"] == "token") {
        let sides = token["odds"].as_array().unwrap();
        let odds: Vec<f64> = sides.iter().map(|side| side["logprob"].as_f64().unwrap()).collect();
        assert!(odds.len() == 4 && odds.is_sorted_by(|a, b| a >= b) && odds.iter().map(|odds| odds.exp()).sum::<f64>() <= 1.0001);
        let among = sides.iter().find(|side| side["id"] == token["id"]);
        assert!(among.map_or(token["logprob"].as_f64().unwrap() <= odds[3], |side| side["logprob"] == token["logprob"]), "{token}");
    }
    let prompt = event(&events, "prompt")["tokens"].as_array().unwrap();
    assert_eq!(prompt.len(), events[0]["prompt"].as_array().unwrap().len());
    assert!(prompt[0]["logprob"].is_null() && prompt[1]["odds"].as_array().unwrap().len() == 4);

    // The second sample alone, with its seed.
    let ask = json!({"model": MODEL, "prompt": "the", "max_tokens": 8, "temperature": 1.0, "top_k": 0, "seed": 6});
    assert_eq!(drawn(&self::events(&server.post(COMPLETE, ask)), 0), drawn(&events, 1));
}

#[test]
fn a_branch_of_ids_goes_on_exactly_there() {
    let server = serve();
    let ask = |prompt: Value, max_tokens: usize| {
        events(&server.post(COMPLETE, json!({"model": MODEL, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0})))
    };
    let whole = ask(json!("the"), 12);
    let written = drawn(&whole, 0);
    assert!(written.len() > 3, "{whole:?}");
    let prompt: Vec<u64> = whole[0]["prompt"].as_array().unwrap().iter().map(|piece| piece["id"].as_u64().unwrap()).collect();
    let branch = ask(json!([&prompt[..], &written[..3]].concat()), 9);
    assert_eq!(drawn(&branch, 0), written[3..]);
    assert_eq!(event(&branch, "done")["finish"], event(&whole, "done")["finish"]);
}

#[test]
fn a_page_that_is_closed_frees_its_places() {
    let server = serve_models(&[("small", 30_000)], |_| {});
    let body = json!({"model": MODEL, "prompt": "a", "samples": 8, "max_tokens": 29_000, "temperature": 1.0}).to_string();
    let counted = |line: &str| server.metric(&format!("vllm:{line}"));
    // A sample may end by itself before its reader is gone.
    eventually("an answer that was cut", || {
        let mut open = server.client().open("POST", COMPLETE, body.as_bytes());
        assert!(open.head().0 == 200 && open.event().is_some());
        drop(open);
        eventually("free places", || counted("num_requests_running{model_name=\"school/small\"}") == 0.0);
        counted("request_success_total{model_name=\"school/small\",finished_reason=\"abort\"}") > 0.0
    });
}
