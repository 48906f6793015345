//! Each format in small files of its own.

use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

/// A file of these records, one a line.
fn written(name: &str, records: &[String]) -> PathBuf {
    let path = std::env::temp_dir().join(format!("schoolhouse-conversations-{name}-{}.jsonl", std::process::id()));
    std::fs::write(&path, records.join("\n")).unwrap();
    path
}

/// A conversation in one line: the role's first letter and what stands in its parts.
fn told(stored: &StoredConversation) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Search(query) => format!("[search {query}]"),
        Part::Python(code) => format!("[python {code}]"),
        Part::Output(text) => format!("[output {text}]"),
        Part::Thought(text) => format!("[thought {text}]"),
    };
    let turn = |message: &Message| format!("{}: {}", &message.role.name()[..1], message.parts.iter().map(part).collect::<String>());
    stored.conversation.messages.iter().map(turn).collect::<Vec<_>>().join(" | ")
}

#[track_caller]
fn check(name: &str, format: Format, paths: Paths, records: &[Value], expected: &[&str], left_out: &[&str]) {
    let path = written(name, &records.iter().map(Value::to_string).collect::<Vec<_>>());
    let file = read(&path, None, paths).unwrap();
    assert_eq!(file.format, format);
    assert_eq!(file.conversations.iter().map(told).collect::<Vec<_>>(), expected);
    assert_eq!(file.left_out.len(), left_out.len(), "{:?}", file.left_out);
    for (told, expected) in file.left_out.iter().zip(left_out) {
        assert!(told.contains(name) && told.contains(expected), "{told} where {expected} is expected");
    }
    let array = path.with_extension("json");
    std::fs::write(&array, Value::from(records).to_string()).unwrap();
    let of_array = read(&array, Some(format), paths).unwrap();
    assert_eq!(of_array.conversations, file.conversations, "an array holds the same as lines do");
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(array).unwrap();
}

#[test]
fn openais_messages_with_their_tools() {
    let called = |name: &str, arguments: Value| json!({"id": name, "type": "function", "function": {"name": name, "arguments": arguments}});
    let with =
        |calls: Value| json!({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": null, "tool_calls": calls}]});
    let whole = json!({"prompt": "q", "prompt_id": "7", "messages": [
        {"role": "developer", "content": "s"}, {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": "wait. ", "reasoning_content": "hm",
         "tool_calls": [called("search", json!("{\"query\": \"geese\"}")), called("python", json!({"code": "1+1"}))]},
        {"role": "tool", "tool_call_id": "python", "content": "2"}, {"role": "tool", "tool_call_id": "search", "content": "birds"},
        {"role": "assistant", "content": "Two birds."}, {"role": "user", "content": "thanks"}, {"role": "assistant", "content": "Yes."},
    ]});
    check(
        "messages",
        Format::Messages,
        Paths::Best,
        &[
            whole,
            json!({"prompt": "p", "chosen": [{"role": "user", "content": "p"}, {"role": "assistant", "content": "good"}], "rejected": []}),
            with(json!([called("weather", json!("{}"))])),
            with(json!([called("search", json!("{}"))])),
            with(json!([called("search", json!({"query": "x"}))])),
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            json!({"messages": []}),
            json!({"messages": [{"role": "robot", "content": "hi"}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "python", "code": "1"}]}]}),
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}),
            json!({"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": " "}]}),
            json!({"instruction": "a", "output": "b"}),
        ],
        &[
            "s: s | u: q | a: [thought hm]wait. [python 1+1][output 2][search geese][output birds]Two birds. | u: thanks | a: Yes.",
            "u: p | a: good",
        ],
        &[
            "record 3: it calls the tool \"weather\"; known are search",
            "record 4: its call of search has no argument \"query\"",
            "record 5: a call of a tool has no answer",
            "record 6: the answer of a tool follows no call",
            "record 7: it has no messages",
            "record 8: the role \"robot\" is not",
            "record 9: a message of the role \"user\" holds more than text",
            "record 10: a part of a message: unknown variant `image_url`",
            "record 11: a message of the assistant is empty",
            "record 12: it has no list \"messages\"",
        ],
    );
}

#[test]
fn sharegpts_conversations() {
    let turn = |from: &str, value: &str| json!({"from": from, "value": value});
    check(
        "sharegpt",
        Format::ShareGpt,
        Paths::Best,
        &[
            json!({"id": "a", "system": "be kind", "conversations": [turn("human", "q"), turn("gpt", "a")]}),
            json!({"conversations": [turn("system", "s"), turn("human", "q")], "chosen": turn("gpt", "good"), "rejected": turn("gpt", "bad")}),
            json!({"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}),
            json!({"conversations": [turn("human", "q"), turn("function_call", "{\"name\": \"python\", \"arguments\": {\"code\": \"3\"}}"),
                turn("observation", "3"), turn("gpt", "Three.")]}),
            json!({"conversations": [turn("human", "q"), turn("function_call", "{\"name\": \"pizza\", \"arguments\": {}}")]}),
            json!({"conversations": [turn("human", "q"), turn("narrator", "x")]}),
        ],
        &["s: be kind | u: q | a: a", "s: s | u: q | a: good", "u: q | a: a", "u: q | a: [python 3][output 3]Three."],
        &["record 5: it calls the tool \"pizza\"", "record 6: the role \"narrator\" is not"],
    );
}

#[test]
fn alpacas_instructions() {
    check(
        "alpaca",
        Format::Alpaca,
        Paths::Best,
        &[
            json!({"instruction": "Add.", "input": "1 2", "output": "3"}),
            json!({"instruction": "Hi", "input": "", "output": "Hello", "system": "s", "history": [["a", "b"]]}),
            json!({"instruction": "Hi", "input": ""}),
            json!({"instruction": "Hi", "output": "x", "history": [["a"]]}),
        ],
        &["u: Add.\n1 2 | a: 3", "s: s | u: a | a: b | u: Hi | a: Hello"],
        &["record 3: it has no text \"output\"", "record 4: a pair of its history"],
    );
}

#[test]
fn transcripts_of_hh_rlhf() {
    check(
        "hh-rlhf",
        Format::HhRlhf,
        Paths::Best,
        &[
            json!({"chosen": "\n\nHuman: Hi\n\nthere\n\nAssistant: Hello\n\nHuman: Bye\n\nAssistant: See you.", "rejected": ""}),
            json!({"chosen": "\n\nHuman: Hi\n\nAssistant:"}),
            json!({"chosen": "Well.\n\nHuman: Hi"}),
        ],
        &["u: Hi\n\nthere | a: Hello | u: Bye | a: See you."],
        &["record 2: a message of the assistant is empty", "record 3: its text \"chosen\" does not begin"],
    );
}

#[test]
fn openassistants_trees() {
    let node = |text: &str, role: &str, rank: Value, replies: Vec<Value>| json!({"text": text, "role": role, "rank": rank, "review_result": true, "deleted": false, "replies": replies});
    let with = |mut message: Value, key: &str, value: Value| {
        message[key] = value;
        message
    };
    let (user, assistant) = ("prompter", "assistant");
    let second = node("second", assistant, json!(1), vec![]);
    let unanswered = node("more?", user, Value::Null, vec![]);
    let answered = node("and?", user, Value::Null, vec![node("so", assistant, json!(0), vec![])]);
    let first = node("first", assistant, json!(0), vec![answered, unanswered.clone()]);
    let deleted = with(node("deleted", assistant, json!(0), vec![]), "deleted", json!(true));
    let unreviewed = with(node("unreviewed", assistant, Value::Null, vec![]), "review_result", Value::Null);
    let root = node("q", user, Value::Null, vec![unreviewed.clone(), second, deleted, first]);
    let silent = node("q", user, Value::Null, vec![unreviewed.clone()]);
    let ends = node("q", user, Value::Null, vec![node("a", assistant, json!(0), vec![unanswered])]);
    let tree = |prompt: Value| json!({"message_tree_id": "t", "tree_state": "ready_for_export", "prompt": prompt});
    let records = [tree(root), tree(silent), tree(ends), with(tree(unreviewed.clone()), "tree_state", json!("growing")), tree(unreviewed)];
    let left_out =
        ["record 2: it has no reply", "record 4: its tree is in the state \"growing\"", "record 5: its first message was deleted"];
    let best = "u: q | a: first | u: and? | a: so";
    check("best", Format::OpenAssistant, Paths::Best, &records, &[best, "u: q | a: a"], &left_out);
    check("all", Format::OpenAssistant, Paths::All, &records, &[best, "u: q | a: second", "u: q | a: a"], &left_out);
}

#[test]
fn what_no_format_is_known_for_is_told_and_a_damaged_line_costs_itself() {
    let path = written("unknown", &[json!({"question": "q", "answer": "a"}).to_string()]);
    let why = read(&path, None, Paths::Best).unwrap_err().to_string();
    assert!(["answer", "question", "sharegpt"].iter().all(|word| why.contains(word)), "{why}");
    std::fs::remove_file(path).unwrap();
    let ours = r#"{"id":"a","split":"train","kind":"x","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"search","query":"q"},{"type":"text","text":"t"}]}]}"#;
    let path = written("damaged", &["{\"messages\":[{\"role\"".to_string(), ours.to_string()]);
    let file = read(&path, None, Paths::Best).unwrap();
    std::fs::remove_file(path).unwrap();
    assert_eq!(file.conversations.iter().map(told).collect::<Vec<_>>(), ["u: hi | a: [search q]t"]);
    let stored = &file.conversations[0];
    assert_eq!((stored.id.as_str(), stored.split.as_str(), stored.kind.as_str()), ("a", "train", "x"));
    assert!(file.left_out.len() == 1 && file.left_out[0].contains("line 1"), "{:?}", file.left_out);
}
