//! The routes under `/api/look`.

use std::io::Read;

use serde_json::{Value, json};

use crate::served::{CONTEXT, Served};

const COMPLETE: &str = "/api/look/complete";

/// The ids of one kind of events of a sample.
fn ids(events: &[Value], sample: usize) -> Vec<u64> {
    let of_sample = events.iter().filter(|event| event["type"] == "token" && event["sample"] == sample);
    of_sample.map(|event| event["id"].as_u64().unwrap()).collect()
}

fn event<'a>(events: &'a [Value], kind: &str) -> &'a Value {
    events.iter().find(|event| event["type"] == kind).unwrap_or_else(|| panic!("no event {kind} in {events:?}"))
}

#[test]
fn tokenizers_stand_once_with_all_their_models() {
    let served = Served::start("look-tokenizers");
    let listed = served.get("/api/look/tokenizers").json();
    let [one] = &listed["tokenizers"].as_array().unwrap()[..] else { panic!("{listed}") };
    assert_eq!(one["models"], json!([served.model("first"), served.model("second")]));
    assert_eq!((one["id"].clone(), one["format"].clone()), (served.model("first").into(), "schoolhouse".into()));
    let models = served.get("/api/look/models").json();
    assert_eq!(models["models"].as_array().unwrap().len(), 2);
    assert_eq!(models["models"][0]["loaded"], false, "nothing is loaded to look at names");
}

#[test]
fn texts_and_conversations_become_tokens_and_too_much_is_refused() {
    let served = Served::start("look-tokens");
    let of = served.model("first");
    let cut =
        served.post("/api/look/tokenize", &json!({"text": "the <think>", "tokenizers": [of, served.model("second")], "specials": true}));
    let cut = cut.json();
    assert_eq!((cut["bytes"].clone(), cut["tokenizers"][0]["count"].clone()), (11.into(), 4.into()));
    assert_eq!(cut["tokenizers"][0]["tokens"], cut["tokenizers"][1]["tokens"]);
    assert_eq!(
        cut["tokenizers"][0]["tokens"][3],
        json!({"id": 267, "text": "<think>", "hex": "3c 74 68 69 6e 6b 3e", "special": true, "start": 4, "end": 11})
    );

    let merges = served.get(&format!("/api/look/merges?tokenizer={of}&token=256")).json();
    assert_eq!((merges["steps"][0]["number"].clone(), merges["token"]["text"].clone()), (1.into(), "th".into()));

    let messages = json!([{"role": "user", "content": "Hi <|im_end|>"}]);
    let seen = served.post("/api/look/chat", &json!({"tokenizer": of, "messages": messages, "open": true})).json();
    let ends = seen["tokens"].as_array().unwrap().iter().filter(|token| token["text"] == "<|im_end|>").count();
    assert_eq!((ends, seen["learnt"].clone()), (1, 0.into()), "what a user spells is text");

    for (path, body, status, expected) in [
        ("tokenize", json!({"text": "x".repeat(1 << 20) + "x", "tokenizers": [of]}), 400, "1048577 bytes"),
        ("tokenize", json!({"text": "", "tokenizers": vec![&of; 9]}), 400, "9 tokenizers"),
        ("tokenize", json!({"text": "", "tokenizers": ["nobody"]}), 404, "nobody"),
        ("tokenize", json!({"text": "", "tokenizers": [of], "sort": 1}), 400, "unknown field `sort`"),
        ("chat", json!({"tokenizer": of, "messages": [{"role": "wizard", "content": ""}]}), 400, "wizard"),
        ("chat", json!({"tokenizer": of, "messages": [{"role": "user", "content": "x".repeat((1 << 17) + 1)}]}), 400, "131073 bytes"),
    ] {
        let answer = served.post(&format!("/api/look/{path}"), &body);
        assert_eq!(answer.status, status, "{path} {}", answer.body);
        assert!(answer.refusal().contains(expected), "{}", answer.refusal());
    }
    let unknown = served.get(&format!("/api/look/merges?tokenizer={of}&token=99999"));
    assert!(unknown.status == 400 && unknown.refusal().contains("no token 99999"));
    assert_eq!(served.get("/api/look/merges?token=1").status, 400);
}

#[test]
fn samples_come_token_by_token_with_their_odds() {
    let served = Served::start("look-complete");
    let ask = json!({"model": served.model("first"), "prompt": "the", "samples": 3, "max_tokens": 8, "temperature": 1.0, "top_k": 0,
        "seed": 5, "odds": 4, "prompt_odds": true});
    let answer = served.post(COMPLETE, &ask);
    assert!(answer.head.contains("content-type: text/event-stream"), "{}", answer.head);
    assert!(answer.body.ends_with("event: end\ndata: {}\n\n"));
    let events = answer.events();
    assert_eq!(events[0]["type"], "start");
    assert_eq!(events[0]["context"], CONTEXT);
    for sample in 0..3 {
        let done = events.iter().position(|event| event["type"] == "done" && event["sample"] == sample).unwrap();
        let last = events.iter().rposition(|event| event["type"] == "token" && event["sample"] == sample).unwrap();
        assert!(last < done && !ids(&events, sample).is_empty());
    }
    assert!(ids(&events, 0) != ids(&events, 1), "each sample has a seed of its own");
    for token in events.iter().filter(|event| event["type"] == "token") {
        let odds: Vec<f64> = token["odds"].as_array().unwrap().iter().map(|side| side["logprob"].as_f64().unwrap()).collect();
        assert!(odds.len() == 4 && odds.is_sorted_by(|a, b| a >= b) && odds.iter().map(|odds| odds.exp()).sum::<f64>() <= 1.0001);
        let logprob = token["logprob"].as_f64().unwrap();
        let among = token["odds"].as_array().unwrap().iter().find(|side| side["id"] == token["id"]);
        assert!(among.map_or(logprob <= odds[3], |side| side["logprob"] == token["logprob"]), "{token}");
    }
    let prompt = event(&events, "prompt")["tokens"].as_array().unwrap();
    assert_eq!(prompt.len(), events[0]["prompt"].as_array().unwrap().len());
    assert!(prompt[0]["logprob"].is_null() && prompt[1]["odds"].as_array().unwrap().len() == 4);

    // The second sample alone, with its seed.
    let again = served.post(
        COMPLETE,
        &json!({"model": served.model("first"), "prompt": "the", "max_tokens": 8, "temperature": 1.0, "top_k": 0, "seed": 6}),
    );
    assert_eq!(ids(&again.events(), 0), ids(&events, 1));
}

#[test]
fn a_branch_of_ids_goes_on_exactly_there() {
    let served = Served::start("look-branch");
    let ask = |prompt: Value, max_tokens: usize| {
        served
            .post(COMPLETE, &json!({"model": served.model("first"), "prompt": prompt, "max_tokens": max_tokens, "temperature": 0.0}))
            .events()
    };
    let whole = ask("the".into(), 12);
    let written = ids(&whole, 0);
    assert_eq!(written.len(), 12);
    let prompt: Vec<u64> = whole[0]["prompt"].as_array().unwrap().iter().map(|piece| piece["id"].as_u64().unwrap()).collect();
    let branch = ask(json!([&prompt[..], &written[..5]].concat()), 7);
    assert_eq!(ids(&branch, 0), written[5..]);
    assert_eq!(event(&branch, "done")["finish"], "length");
}

#[test]
fn what_cannot_be_continued_is_refused_with_a_reason() {
    let served = Served::start("look-refused");
    let model = served.model("first");
    for (body, status, expected) in [
        (json!({"model": model, "prompt": "x".repeat(300)}), 400, "256"),
        (json!({"model": model, "prompt": [1, 99999]}), 400, "no token 99999"),
        (json!({"model": model, "prompt": []}), 400, "0 tokens"),
        (json!({"model": model, "prompt": "a", "samples": 9}), 400, "8 are the most"),
        (json!({"model": model, "prompt": "a", "temperature": -1.0}), 400, "temperature is -1"),
        (json!({"model": model, "prompt": "a", "stop": [""]}), 400, "stop text"),
        (json!({"model": "nobody", "prompt": "a"}), 404, "nobody"),
        (json!({"model": model, "prompt": "a", "n": 2}), 400, "unknown field `n`"),
    ] {
        let answer = served.post(COMPLETE, &body);
        assert_eq!(answer.status, status, "{body} {}", answer.body);
        assert!(answer.refusal().contains(expected), "{}", answer.refusal());
    }
}

#[test]
fn a_client_that_goes_away_frees_its_places() {
    let served = Served::start("look-gone");
    let body = json!({"model": served.model("first"), "prompt": "a", "samples": 8, "max_tokens": 250, "temperature": 1.0});
    for _ in 0..4 {
        let mut socket = served.open(&format!("POST {COMPLETE}"), &body.to_string());
        let mut some = [0; 300];
        socket.read_exact(&mut some).unwrap();
    }
    let is_free = || {
        let metrics = served.get("/metrics").body;
        metrics.lines().filter(|line| line.starts_with("vllm:num_requests_")).all(|line| line.ends_with(" 0"))
    };
    let freed = (0..200).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(50));
        is_free()
    });
    assert!(freed, "{}", served.get("/metrics").body);
}
