//! Who may ask, how much at once, and what becomes of clients that go away or are slow.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{eventually, serve, serve_models, serve_with};

const RUNNING: &str = "vllm:num_requests_running{model_name=\"school/small\"}";

/// A request for a long answer that nothing ends.
fn long(tokens: usize) -> Value {
    let bias: Vec<(String, i32)> = (256..268).map(|id| (id.to_string(), -100)).collect();
    let bias: serde_json::Map<String, Value> = bias.into_iter().map(|(id, bias)| (id, json!(bias))).collect();
    json!({"model": "school/small", "prompt": "a", "max_tokens": tokens, "logit_bias": bias, "stream": true})
}

#[test]
fn a_client_that_goes_away_frees_its_place_at_once() {
    let server = serve_models(&[("small", 30_000)], |options| {
        options.limits.streams = 1;
        options.limits.queue = 0;
    });
    let short = json!({"model": "school/small", "prompt": "a", "max_tokens": 2});
    server.post("/v1/completions", short.clone()).ok();
    // One that reads a stream, and one that waits for the whole.
    for stream in [true, false] {
        let mut body = long(29_000);
        body["stream"] = json!(stream);
        let mut open = server.client().open("POST", "/v1/completions", body.to_string().as_bytes());
        if stream {
            assert_eq!(open.head().0, 200);
            assert!(open.event().is_some());
        }
        eventually("a running request", || server.metric(RUNNING) == 1.0);
        let refused = server.post("/v1/completions", short.clone());
        refused.refuses(429, "writes 1 answers at once and lets 0 wait");
        assert!(refused.head.contains("retry-after: 1"));
        drop(open);
        let gone = Instant::now();
        eventually("a free place", || server.post("/v1/completions", short.clone()).status == 200);
        assert!(gone.elapsed() < Duration::from_secs(5), "it took {:?}", gone.elapsed());
    }
    assert_eq!(server.metric("vllm:request_success_total{model_name=\"school/small\",finished_reason=\"abort\"}"), 2.0);
}

#[test]
fn a_slow_reader_holds_up_nobody_and_is_let_go() {
    let server = serve_models(&[("small", 6_000)], |options| {
        options.limits.silence = Duration::from_secs(1);
        options.limits.streams = 5;
    });
    let mut body = long(5_900);
    (body["logprobs"], body["n"]) = (json!(20), json!(4)); // tens of MB, more than sockets hold
    let mut slow = server.client().open("POST", "/v1/completions", body.to_string().as_bytes());
    eventually("running requests", || server.metric(RUNNING) == 4.0);
    server.post("/v1/completions", json!({"model": "school/small", "prompt": "a", "max_tokens": 2})).ok();
    // The model is done with it, though nothing was read.
    eventually("the end of its answer", || server.metric(RUNNING) == 0.0);
    std::thread::sleep(Duration::from_secs(2));
    let mut last = None;
    while let Some(event) = slow.event() {
        last = Some(event);
    }
    assert_ne!(last.as_deref(), Some("[DONE]"), "it was cut off");
}

#[test]
fn an_answer_has_its_time() {
    let server = serve_models(&[("small", 30_000)], |options| options.limits.request = Duration::from_secs(1));
    server.post("/v1/completions", json!({"model": "school/small", "prompt": "a", "max_tokens": 2})).ok();
    let mut body = long(29_000);
    body["stream"] = json!(false);
    server.post("/v1/completions", body).refuses(408, "the answer was not whole after 1 seconds");
    let events = server.post("/v1/completions", long(29_000)).events();
    let error = events.last().unwrap()["error"]["message"].as_str().unwrap();
    assert!(error.contains("the answer was not whole"), "{error}");
}

#[test]
fn bodies_have_their_size_and_their_time() {
    let server = serve_with(|options| {
        options.limits.body_bytes = 10_000;
        options.limits.body_time = Duration::from_millis(300);
    });
    let body = json!({"model": "school/small", "prompt": "x".repeat(20_000)});
    server.post("/v1/completions", body).refuses(413, "larger than 10000 bytes");
    // A client that promises more than it sends.
    let open = server.client().with("content-length", "50").open("POST", "/v1/completions", b"{");
    open.whole().refuses(408, "the body did not arrive");
}

#[test]
fn a_key_is_wanted_where_there_are_keys() {
    let server = serve_with(|options| options.keys = vec!["sesame".into()]);
    server.get("/v1/models").refuses(401, "this server wants a key");
    server.client().with("authorization", "Bearer simsim").get("/v1/models").refuses(401, "this server wants a key");
    assert_eq!(server.client().with("authorization", "Bearer sesame").get("/v1/models").status, 200);
    assert_eq!(server.get("/health").status, 200);
    let opened = server.get("/school?key=sesame");
    assert!(opened.status == 303 && opened.head.contains("set-cookie: schoolhouse-key=sesame; path=/; httponly; samesite=strict"));
    assert_eq!(server.client().with("cookie", "schoolhouse-key=sesame").get("/v1/models").status, 200);
}

#[test]
fn pages_of_other_sites_are_refused() {
    let server = serve();
    let ask = |name: &str, value: &str| server.client().with(name, value).get("/v1/models");
    ask("host", "evil.example").refuses(403, "the host \"evil.example\" is not this server's");
    ask("origin", "https://evil.example").refuses(403, "pages of other sites");
    ask("sec-fetch-site", "cross-site").refuses(403, "pages of other sites");
    let ours = format!("http://{}", server.address);
    let answer = ask("origin", &ours);
    assert_eq!(answer.status, 200);
    assert!(!answer.head.contains("access-control-allow-origin"));
}
