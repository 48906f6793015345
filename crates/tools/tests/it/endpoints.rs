//! Endpoints and services on the web, against a server of our own.

use std::net::TcpListener;
use std::time::Duration;

use base::stop::Stop;
use engine::{Source, Tool};
use serde_json::{Value, json};
use tools::search::{Search, SearchLimits};
use tools::{Brave, ChatOptions, Message, OpenAi, Reply, SearXng};

use crate::server::{Answer, Server};

fn says(status: u16, body: Value) -> Answer {
    Answer::Says(status, "Content-Type: application/json\r\n", body.to_string())
}

fn completion() -> Answer {
    says(
        200,
        json!({"choices": [{"message": {"role": "assistant", "content": "Yes."}, "finish_reason": "stop"}],
               "usage": {"prompt_tokens": 9, "completion_tokens": 2}}),
    )
}

fn model(url: &str) -> OpenAi {
    OpenAi::new(&format!("{url}/v1/"), Some("secret-key"), "small").with_times(Duration::from_secs(5), Duration::from_millis(1))
}

fn ask(url: &str) -> Result<Reply, String> {
    model(url).chat(&[Message::new("user", "Is it?")], &ChatOptions::default(), &Stop::new()).map_err(|error| error.to_string())
}

#[test]
fn a_chat_is_answered() {
    let server = Server::new(vec![completion()]);
    let options = ChatOptions { temperature: Some(0.0), max_tokens: Some(5), seed: Some(7), stop: vec!["\n".to_string()] };
    let messages = [Message::new("system", "Judge."), Message::new("user", "Is it?")];
    let reply = model(&server.url).chat(&messages, &options, &Stop::new()).unwrap();
    assert_eq!(reply, Reply { text: "Yes.".into(), finish: "stop".into(), prompt_tokens: 9, completion_tokens: 2 });
    let asked = &server.asked()[0];
    assert_eq!(asked.line, "POST /v1/chat/completions HTTP/1.1");
    assert!(asked.headers.iter().any(|line| line.eq_ignore_ascii_case("authorization: Bearer secret-key")), "{asked:?}");
    let expected = json!({"model": "small", "stream": false, "temperature": 0.0, "max_tokens": 5, "seed": 7, "stop": ["\n"],
        "messages": [{"role": "system", "content": "Judge."}, {"role": "user", "content": "Is it?"}]});
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), expected);
    assert!(!format!("{:?}", model(&server.url)).contains("secret"), "a key is not shown");
}

#[test]
fn what_is_left_out_is_not_sent() {
    let server = Server::new(vec![completion()]);
    let endpoint = OpenAi::new(&server.url, None, "small");
    endpoint.chat(&[], &ChatOptions::default(), &Stop::new()).unwrap();
    let asked = &server.asked()[0];
    assert_eq!(serde_json::from_str::<Value>(&asked.body).unwrap(), json!({"model": "small", "messages": [], "stream": false}));
    assert!(!asked.headers.iter().any(|line| line.to_ascii_lowercase().starts_with("authorization")));
}

#[test]
fn a_busy_or_broken_endpoint_is_asked_again() {
    let busy = |headers| Answer::Says(429, headers, String::new());
    for first in [
        busy("Retry-After: 0\r\n"),
        busy("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nDate: Wed, 21 Oct 2026 07:28:00 GMT\r\n"),
        busy("Retry-After: soon\r\n"),
        busy(""),
        says(503, json!({"error": {"message": "loading"}})),
    ] {
        let server = Server::new(vec![first.clone(), first.clone(), completion()]);
        assert_eq!(ask(&server.url).unwrap().text, "Yes.", "{first:?}");
        assert_eq!(server.asked().len(), 3);
    }
    let server = Server::new(vec![says(500, json!({"error": {"message": "no memory"}}))]);
    let error = ask(&server.url).unwrap_err();
    assert!(error.ends_with("is broken (500): no memory after 5 tries; try again later"), "{error}");
    assert_eq!(server.asked().len(), 5);
}

#[test]
fn a_pause_that_the_server_asks_for_ends_when_the_user_stops() {
    let server = Server::new(vec![Answer::Says(429, "Retry-After: 3000\r\n", String::new())]);
    let stop = Stop::new();
    let endpoint = model(&server.url);
    std::thread::scope(|scope| {
        let chat = scope.spawn(|| endpoint.chat(&[], &ChatOptions::default(), &stop));
        while server.asked().is_empty() {
            std::thread::yield_now();
        }
        stop.request();
        assert_eq!(chat.join().unwrap().unwrap_err().to_string(), base::Error::Stopped.to_string());
    });
}

#[test]
fn errors_name_the_endpoint_and_the_remedy() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // closed again at once
    let gone = ask(&format!("http://{nobody}")).unwrap_err();
    assert!(gone.starts_with(&format!("nothing answers at http://{nobody}/v1/chat/completions")), "{gone}");
    assert!(gone.contains("start the server or mend the address"), "{gone}");

    let long = "x".repeat(9 << 20);
    for (answer, words) in [
        (says(401, json!({"error": {"message": "Incorrect key."}})), "refused (401): Incorrect key; check the API key"),
        (says(404, json!({"error": {"message": "no model small"}})), "(404): no model small; check that it serves the model `small`"),
        (says(400, json!({"error": "bad\nrequest"})), "refused the request (400): bad request; mend"),
        (Answer::Says(404, "", "<html>Not here</html>".into()), "(404): <html>Not here</html>; check"),
        (Answer::Says(302, "Location: https://elsewhere.example/\r\n", String::new()), "has moved to https://elsewhere.example/"),
        (Answer::Says(200, "", "hello".into()), "something that is not JSON: hello; check the address"),
        (Answer::Says(200, "", long), "sent more than 8388608 bytes"),
        (Answer::BreaksOff, "broke off its answer"),
        (says(200, json!({"choices": []})), "without a message"),
        (says(200, json!([1])), "without a message"),
        (says(200, json!({"choices": [{"message": {"content": 3}}]})), "without a message"),
    ] {
        let server = Server::new(vec![answer]);
        let error = ask(&server.url).unwrap_err();
        assert!(error.starts_with(&server.url) && error.contains(words), "{error}");
        assert!(!error.contains("secret") && !error.contains('\n') && error.len() < 500, "{error}");
    }
    let server = Server::new(vec![says(401, json!({}))]);
    let keyless = OpenAi::new(&server.url, None, "small").chat(&[], &ChatOptions::default(), &Stop::new());
    assert!(keyless.unwrap_err().to_string().ends_with("it wants an API key"));
    assert!(ask("no address").unwrap_err().contains("no address/v1/chat/completions"));
}

#[test]
fn a_key_that_the_server_repeats_is_not_told() {
    let long = format!("{} secret-key", "x".repeat(190)); // the sentence is cut within the key
    for answer in [
        says(401, json!({"error": {"message": "Incorrect API key: secret-key."}})),
        says(400, json!({"error": long})),
        says(500, json!({"detail": "Bearer secret-key"})),
        Answer::Says(200, "", "authorization: Bearer secret-key".into()),
    ] {
        let error = ask(&Server::new(vec![answer]).url).unwrap_err();
        assert!(!error.contains("sec"), "{error}");
    }
    let echo = says(200, json!({"choices": [{"message": {"content": "You sent Bearer secret-key, I think."}}]}));
    assert_eq!(ask(&Server::new(vec![echo]).url).unwrap().text, "You sent Bearer (key), I think.");
}

#[test]
fn a_request_that_is_refused_is_told_apart() {
    for (status, alone) in [(400, true), (413, true), (422, true), (401, false), (402, false), (404, false), (405, false)] {
        let server = Server::new(vec![says(status, json!({"error": "no"}))]);
        let error = model(&server.url).chat(&[], &ChatOptions::default(), &Stop::new()).unwrap_err();
        assert_eq!(matches!(error, tools::Error::Request(_)), alone, "{status}: {error}");
    }
}

#[test]
fn a_silent_endpoint_is_left_after_the_time() {
    let server = Server::new(vec![Answer::Sleeps(Duration::from_secs(60))]);
    let endpoint = model(&server.url).with_times(Duration::from_millis(100), Duration::from_millis(1));
    let error = endpoint.chat(&[], &ChatOptions::default(), &Stop::new()).unwrap_err().to_string();
    assert!(error.contains("did not answer within"), "{error}");
}

#[test]
fn an_empty_message_is_an_empty_answer() {
    let server = Server::new(vec![says(200, json!({"choices": [{"message": {"role": "assistant", "content": null}}]}))]);
    assert_eq!(ask(&server.url).unwrap(), Reply::default());
}

/// Results as both services give them, under the names that they use.
fn results(text: &str) -> Value {
    json!([
        {"url": "https://a.org/x#part", "title": "A <b>page</b>", text: "All &amp; <strong>every</strong>thing\nhere."},
        {"url": "https://b.org/", "title": null, text: ""},
        {"title": "No address", text: "x"},
        {"url": "https://c.org/", "title": "C", text: "word ".repeat(100)},
        {"url": "https://d.org/", "title": "D", text: "d"},
    ])
}

#[test]
fn services_on_the_web_answer_as_the_index_does() {
    let limits = SearchLimits { hits: 2, characters: 60 };
    let searxng = Server::new(vec![says(200, json!({"results": results("content")}))]);
    let brave = Server::new(vec![says(200, json!({"web": {"results": results("description")}}))]);
    let tools = [
        (Search::new(Box::new(SearXng::new(&searxng.url)), limits), &searxng, "/search?q=all%20that%20%26%20more&format=json"),
        (Search::new(Box::new(Brave::new(&brave.url, "secret")), limits), &brave, "/res/v1/web/search?q=all%20that%20%26%20more&count=2"),
    ];
    for (tool, server, target) in tools {
        let output = tool.call("all that & more");
        assert_eq!(
            output.text,
            "https://a.org/x: All & everything here.\nhttps://c.org/: word word word word word…\nAsked: all that & more"
        );
        assert_eq!(output.sources[0], Source { url: "https://a.org/x".into(), title: "A page".into() });
        assert_eq!(output.sources.len(), 2);
        assert_eq!(server.asked()[0].line, format!("GET {target} HTTP/1.1"));
    }
    assert!(brave.asked()[0].headers.iter().any(|line| line.eq_ignore_ascii_case("x-subscription-token: secret")));
}

#[test]
fn a_service_that_fails_gives_a_text() {
    for (answer, words) in [
        (says(200, json!({"results": []})), "Nothing was found."),
        (says(200, json!({})), "answered without results"),
        (Answer::Says(403, "", "Forbidden".into()), "allow `json` among the formats"),
        (Answer::Says(500, "", String::new()), "is broken (500)"),
    ] {
        let server = Server::new(vec![answer]);
        let output = Search::new(Box::new(SearXng::new(&server.url)), SearchLimits::default()).call("x");
        assert!(output.text.contains(words) && output.sources.is_empty(), "{output:?}");
    }
    let nothing = Server::new(vec![says(200, json!({"query": {}}))]);
    assert_eq!(Search::new(Box::new(Brave::new(&nothing.url, "k")), SearchLimits::default()).call("x").text, "Nothing was found.");
}
