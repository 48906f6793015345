//! The pages' files: their tags, what they name in advance, and how they are sent.

use serde_json::json;

use crate::client::Answer;
use crate::serve;

/// A header of an answer.
fn header<'a>(answer: &'a Answer, name: &str) -> Option<&'a str> {
    answer.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

#[test]
fn files_are_known_by_their_tags() {
    let server = serve();
    let file = server.get("/web/favicon.svg");
    assert_eq!(file.status, 200);
    assert!(file.head.contains("content-type: image/svg+xml") && file.head.contains("content-security-policy: default-src 'self'"));
    let tag = header(&file, "etag").unwrap().replace("w/", "W/"); // the head was put into small letters
    for (known, status) in [(&*tag, 304), (&*format!("\"0\", {tag}"), 304), (tag.trim_start_matches("W/"), 304), ("W/\"0\"", 200)] {
        assert_eq!(server.client().with("if-none-match", known).get("/web/favicon.svg").status, status, "{known}");
    }
    for path in ["/web/../Cargo.toml", "/web/%2e%2e/Cargo.toml", "/web//etc/passwd"] {
        server.get(path).refuses(404, "there is no");
    }
}

#[test]
fn a_page_names_its_modules_and_they_are_there() {
    let server = serve();
    for (path, own) in [("/", "chat.js"), ("/playground", "playground.js"), ("/tokenizer", "tokenizer.js"), ("/school", "school/school.js")]
    {
        let page = server.get(path);
        let named: Vec<&str> = header(&page, "link").unwrap().split(", ").collect();
        for module in ["shell.js", own, "lib/dom.js", "lib/keep.js"] {
            assert!(named.contains(&&*format!("</web/{module}>; rel=modulepreload")), "{module} is not among {named:?}");
        }
        for module in &named {
            let address = module.strip_prefix('<').and_then(|rest| rest.strip_suffix(">; rel=modulepreload")).unwrap();
            let file = server.get(address);
            assert_eq!((file.status, header(&file, "content-type")), (200, Some("text/javascript; charset=utf-8")), "{address}");
        }
        let tag = header(&page, "etag").unwrap().replace("w/", "W/");
        let again = server.client().with("if-none-match", &tag).get(path);
        assert_eq!((again.status, header(&again, "link")), (304, header(&page, "link")), "a page that is the same has the same modules");
    }
}

#[test]
fn answers_are_compressed_for_who_takes_it() {
    let server = serve();
    let get = |path: &str, takes: &str| server.client().with("accept-encoding", takes).get(path);
    for path in ["/", "/web/style.css", "/web/chat.js", "/web/icons.svg", "/openapi.json"] {
        let (plain, packed) = (server.get(path), get(path, "br, gzip"));
        assert_eq!((packed.status, header(&packed, "content-encoding")), (200, Some("gzip")), "{path}");
        assert_eq!((header(&plain, "content-encoding"), &packed.text), (None, &plain.text), "{path}");
        assert!(packed.bytes * 2 < plain.bytes, "{path}: {} of {} bytes", packed.bytes, plain.bytes);
        assert_eq!(header(&packed, "vary"), Some("accept-encoding"), "{path}");
        assert_eq!(header(&packed, "etag"), header(&plain, "etag"), "{path}");
    }
    // Who has it in one form has it in the other.
    let tag = header(&server.get("/web/style.css"), "etag").unwrap().replace("w/", "W/");
    let same = server.client().with("accept-encoding", "gzip").with("if-none-match", &tag).get("/web/style.css");
    assert_eq!(
        (same.status, same.bytes, header(&same, "content-encoding"), header(&same, "vary")),
        (304, 0, None, Some("accept-encoding"))
    );
    // What is small, and who takes nothing.
    for (path, takes) in
        [("/health", "gzip"), ("/web/theme.js", "gzip"), ("/web/style.css", "identity"), ("/web/style.css", "gzip;q=0, br")]
    {
        let answer = get(path, takes);
        assert_eq!((answer.status, header(&answer, "content-encoding")), (200, None), "{path} for {takes}");
    }
}

#[test]
fn events_leave_at_once() {
    let server = serve();
    let body = json!({"model": "school/small", "prompt": "a", "max_tokens": 200, "stream": true, "logprobs": 5}).to_string();
    let mut stream = server.client().with("accept-encoding", "gzip").open("POST", "/v1/completions", body.as_bytes());
    let (status, head) = stream.head();
    assert!(status == 200 && head.contains("content-type: text/event-stream") && !head.contains("content-encoding"), "{head}");
    assert!(stream.event().unwrap().starts_with('{'));
}
