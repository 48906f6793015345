//! The store as its callers see it, on real files.

use std::path::{Path, PathBuf};

use tasks::conversations::{Paths, read};
use tokenizer::chat::{Message, Part, Role};

use super::search::Piece;
use super::*;

/// A folder that is gone when the test ends.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("schoolhouse-store-{}-{name}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const OFFERED: &str = "Tools: search, python.";

fn text(words: &str) -> Vec<Part> {
    vec![Part::Text(words.into())]
}

/// Asks, and gives the number of the question.
fn ask(database: &mut Database, chat: i64, parent: Option<i64>, words: &str) -> i64 {
    database.add_message(chat, &NewMessage::question(parent, words)).unwrap()
}

/// Answers, and gives the number of the answer.
fn answer(database: &mut Database, chat: i64, parent: i64, parts: Vec<Part>) -> i64 {
    let told = database.chat(chat).unwrap().settings.told(OFFERED);
    let (role, model) = (Role::Assistant, Some("demo".to_string()));
    let message = NewMessage { parent: Some(parent), role, parts: Vec::new(), model, told: Some(told) };
    let id = database.add_message(chat, &message).unwrap();
    let sources = parts.iter().filter(|part| matches!(part, Part::Output(_))).map(|_| Vec::new()).collect();
    database.keep_answer(id, &Answer { parts, sources, finish: Some("stop".into()), tokens: Some((7, 3)) }).unwrap();
    id
}

fn open(folder: &Folder) -> Database {
    Database::open(folder.path()).unwrap()
}

#[test]
fn edits_and_regenerations_are_branches() {
    let folder = Folder::new("branches");
    let mut database = open(&folder);
    let chat = database.create_chat("Sky", "demo", &Settings::default()).unwrap();
    let question = ask(&mut database, chat, None, "Why is the sky blue?");
    let first = answer(&mut database, chat, question, text("Because."));
    let second = answer(&mut database, chat, question, text("Air scatters blue light."));
    let deeper = ask(&mut database, chat, Some(second), "And red at night?");
    let edited = ask(&mut database, chat, None, "Why is the sea blue?");

    let shown = |database: &Database| database.tree(chat).unwrap().shown().iter().map(|message| message.id).collect::<Vec<_>>();
    assert_eq!(shown(&database), [edited], "what is new is shown");
    database.show(chat, question).unwrap();
    assert_eq!(shown(&database), [question, second, deeper], "down to the newest end");
    database.show(chat, first).unwrap();
    assert_eq!(shown(&database), [question, first]);
    let tree = database.tree(chat).unwrap();
    assert_eq!(tree.children(None).collect::<Vec<_>>(), [question, edited]);
    assert_eq!(tree.children(Some(question)).collect::<Vec<_>>(), [first, second]);
    assert_eq!(tree.leaves().collect::<Vec<_>>(), [first, deeper, edited]);
    assert_eq!(tree.get(second).unwrap().tokens, Some((7, 3)));

    let other = database.create_chat("Other", "demo", &Settings::default()).unwrap();
    assert!(matches!(database.show(other, first), Err(Error::NoMessage { .. })), "a message of another chat");
    let stray = NewMessage::question(Some(first), "x");
    assert!(matches!(database.add_message(other, &stray), Err(Error::NoMessage { .. })));
    assert!(matches!(database.tree(99), Err(Error::NoChat(99))));
    database.delete_chat(chat).unwrap();
    assert!(matches!(database.chat(chat), Err(Error::NoChat(_))));
    let left: i64 = database.connection.query_row("SELECT count(*) FROM messages", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0, "its messages are gone with it");
}

#[test]
fn a_chat_is_listed_changed_and_kept_as_it_was() {
    let folder = Folder::new("chats");
    let mut database = open(&folder);
    let sampling = Sampling { temperature: Some(0.5), seed: Some(3), ..Sampling::default() };
    let settings = Settings { system: "Be brief.".into(), tools: true, sampling };
    let ids: Vec<i64> = (0..5).map(|i| database.create_chat(&format!("chat {i}"), "demo", &settings).unwrap()).collect();
    ask(&mut database, ids[1], None, "hello");
    let first = database.list_chats(None, 2).unwrap();
    let last = first.last().unwrap();
    let rest = database.list_chats(Some((last.updated, last.id)), 10).unwrap();
    let mut listed: Vec<i64> = first.iter().chain(&rest).map(|line| line.id).collect();
    assert_eq!(listed.len(), 5);
    listed.sort_unstable();
    assert_eq!(listed, ids, "no chat twice, none left out");
    let changed = database.change_chat(ids[0], &Changes { title: Some("Named".into()), ..Changes::default() }).unwrap();
    assert_eq!((changed.title.as_str(), changed.model.as_str(), &changed.settings), ("Named", "demo", &settings));
    assert!(matches!(database.change_chat(99, &Changes::default()), Err(Error::NoChat(99))));
}

#[test]
fn what_was_kept_is_there_after_a_kill() {
    let folder = Folder::new("kill");
    let mut database = open(&folder);
    let chat = database.create_chat("c", "demo", &Settings::default()).unwrap();
    let question = ask(&mut database, chat, None, "Tell me a story.");
    let message = |parent| NewMessage { parent: Some(parent), role: Role::Assistant, parts: Vec::new(), model: None, told: None };
    let half = database.add_message(chat, &message(question)).unwrap();
    database.keep_answer(half, &Answer { parts: text("Once upon"), ..Answer::default() }).unwrap();
    let next = ask(&mut database, chat, Some(half), "Go on.");
    let wordless = database.add_message(chat, &message(next)).unwrap();
    std::mem::forget(database); // no clean end: the write-ahead log is left as it is

    let tree = open(&folder).tree(chat).unwrap();
    let half = tree.get(half).unwrap();
    assert_eq!((half.parts.clone(), half.finish.as_deref()), (text("Once upon"), Some("stopped")));
    assert!(tree.get(wordless).is_none(), "an answer without a word is none");
    assert_eq!(tree.leaf, Some(next));
}

#[test]
fn search_finds_words_and_takes_no_orders() {
    let folder = Folder::new("search");
    let mut database = open(&folder);
    let chat = database.create_chat("Letters 100%", "demo", &Settings::default()).unwrap();
    let question = ask(&mut database, chat, None, "Wie heißt der Müller?");
    let parts = vec![Part::Search("Bado Kilamo".into()), Part::Output("hidden page".into()), Part::Text("He is a \"weaver\".".into())];
    let first = answer(&mut database, chat, question, parts);
    let found = |database: &Database, typed: &str| database.search(typed, 10).unwrap().iter().map(|hit| hit.message).collect::<Vec<_>>();
    for (typed, expected) in [
        ("weav", vec![Some(first)]),
        ("WEAVER he", vec![Some(first)]),
        ("muller", vec![Some(question)]),
        ("bado", vec![Some(first)]),
        ("hidden", vec![]),
        ("letters", vec![None]),
        ("100%", vec![None]),
        ("10_%", vec![]),
        ("he weaver nobody", vec![]),
    ] {
        assert_eq!(found(&database, typed), expected, "{typed}");
    }
    let excerpt = database.search("weaver", 10).unwrap().remove(0).excerpt;
    assert!(excerpt.contains(&Piece { text: "weaver".into(), hit: true }), "{excerpt:?}");
    let hostile = [
        "\"",
        "\"\"\"",
        "a AND",
        "NOT a",
        "text:a",
        "a NEAR/2 b",
        "(",
        "*",
        "^a",
        "-a",
        "a\0b",
        "'; DROP TABLE chats; --",
        "{a b}: c",
        "+",
    ];
    for typed in hostile {
        database.search(typed, 10).unwrap_or_else(|error| panic!("{typed:?}: {error}"));
    }
    assert_eq!(database.list_chats(None, 10).unwrap().len(), 1);
    database.keep_answer(first, &Answer { parts: text("Nobody knows."), ..Answer::default() }).unwrap();
    assert_eq!(found(&database, "weaver"), [], "what was changed is found as it is");
    database.delete_chat(chat).unwrap();
    assert_eq!(found(&database, "nobody"), []);
}

/// Writes lines to a file and reads them as fine-tuning does.
fn read_lines(folder: &Folder, lines: &str) -> Vec<tasks::conversations::StoredConversation> {
    let path = folder.path().join("export.jsonl");
    std::fs::write(&path, lines).unwrap();
    let file = read(&path, None, Paths::Best).unwrap();
    assert_eq!(file.left_out, Vec::<String>::new());
    file.conversations
}

#[test]
fn what_goes_out_is_what_fine_tuning_reads_and_comes_in_again() {
    let folder = Folder::new("exchange");
    let mut database = open(&folder);
    let settings = Settings { system: "Be brief.".into(), tools: true, ..Settings::default() };
    let chat = database.create_chat("Weavers", "demo", &settings).unwrap();
    let question = ask(&mut database, chat, None, "Who is Bado?");
    let full = vec![
        Part::Thought("look it up".into()),
        Part::Text("Let me see. ".into()),
        Part::Search("Bado".into()),
        Part::Output("a weaver".into()),
        Part::Python("1+1".into()),
        Part::Output(String::new()),
        Part::Text("A weaver.".into()),
    ];
    let first = answer(&mut database, chat, question, full.clone());
    let next = ask(&mut database, chat, Some(first), "Sure?");
    // Words before a thought have no place in OpenAI's shape, and the call was never answered.
    let odd = vec![Part::Text("Yes".into()), Part::Thought("am I".into()), Part::Text(".".into()), Part::Search("Bad".into())];
    answer(&mut database, chat, next, odd.clone());
    answer(&mut database, chat, question, text("No idea."));
    database.show(chat, first).unwrap();

    let lines = database.export_chats(None, Branches::Shown, OFFERED).unwrap();
    assert_eq!(lines, database.export_chats(Some(chat), Branches::Shown, OFFERED).unwrap());
    let record: serde_json::Value = serde_json::from_str(&lines).unwrap();
    assert_eq!(record["messages"][2]["tool_calls"][0]["function"]["arguments"], "{\"query\":\"Bado\"}");
    assert_eq!(record["messages"][2]["reasoning_content"], "look it up");
    assert_eq!(record["messages"][3]["tool_call_id"], record["messages"][2]["tool_calls"][0]["id"]);
    let said = |role, parts: &[Part]| Message { role, parts: parts.to_vec() };
    let expected = vec![
        Message::text(Role::System, "Be brief.\nTools: search, python."),
        Message::text(Role::User, "Who is Bado?"),
        said(Role::Assistant, &full),
        Message::text(Role::User, "Sure?"),
        said(Role::Assistant, &odd[..3]),
    ];
    assert_eq!(read_lines(&folder, &lines)[0].conversation.messages, expected);
    assert_eq!(read_lines(&folder, &database.export_chats(None, Branches::All, OFFERED).unwrap()).len(), 2);

    let imported = database.import_chats(&lines, "other", OFFERED).unwrap();
    let again = database.chat(imported.chats[0]).unwrap();
    assert_eq!((again.title.as_str(), again.model.as_str(), &again.settings), ("Weavers", "other", &settings));
    let copy = database.export_chats(Some(again.id), Branches::Shown, OFFERED).unwrap();
    assert_eq!(read_lines(&folder, &copy)[0].conversation.messages, expected);
}

#[test]
fn an_import_takes_what_others_have_and_tells_what_it_leaves_out() {
    let folder = Folder::new("import");
    let mut database = open(&folder);
    let lines = concat!(
        r#"{"conversations":[{"from":"human","value":"Name a town with\nmore than a million people, and another one that is old"},"#,
        r#"{"from":"gpt","value":"Paris"}]}"#,
        "\n",
        r#"{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Hello"},{"role":"system","content":"x"}]}"#,
        "\n",
        r#"{"instruction":"Add","input":"1 and 1","output":"2"}"#,
        "\nnot json\n",
        r#"{"name":"nobody"}"#,
    );
    let imported = database.import_chats(lines, "demo", OFFERED).unwrap();
    assert_eq!((imported.chats.len(), imported.n_left_out), (2, 3));
    assert!(imported.left_out[0].starts_with("record 2: a system message"), "{:?}", imported.left_out);
    assert!(imported.left_out[1].starts_with("record 4: it is not JSON"));
    assert_eq!(database.chat(imported.chats[0]).unwrap().title, "Name a town with more than a million people, and another one…");
    let array = r#"[{"messages":[{"role":"user","content":"Hi"}]}]"#;
    assert_eq!(database.import_chats(array, "demo", OFFERED).unwrap().chats.len(), 1);
    let broken = database.import_chats("[{]", "demo", OFFERED).unwrap();
    assert_eq!((broken.chats.len(), broken.n_left_out), (0, 1));
}

#[test]
fn thumbs_make_pairs() {
    let folder = Folder::new("pairs");
    let mut database = open(&folder);
    let settings = Settings { system: "Be kind.".into(), ..Settings::default() };
    let chat = database.create_chat("c", "demo", &settings).unwrap();
    let question = ask(&mut database, chat, None, "Hello?");
    let answers: Vec<i64> = ["Go.", "Hi!", "Yes?"].map(|words| answer(&mut database, chat, question, text(words))).to_vec();
    let pairs = |database: &Database| -> Vec<(String, String)> {
        let lines = database.export_preferences().unwrap();
        let words = |record: &serde_json::Value, key: &str| record[key][0]["content"].as_str().unwrap().to_string();
        let records = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
        let read = records.map(|record| {
            assert_eq!(record["prompt"][0], serde_json::json!({ "role": "system", "content": "Be kind." }));
            assert_eq!(record["prompt"][1], serde_json::json!({ "role": "user", "content": "Hello?" }));
            (words(&record, "chosen"), words(&record, "rejected"))
        });
        read.collect()
    };
    let pair = |chosen: &str, rejected: &str| (chosen.to_string(), rejected.to_string());
    assert_eq!(pairs(&database), []);
    database.set_thumb(chat, answers[1], Some(Thumb::Up)).unwrap();
    assert_eq!(pairs(&database), [pair("Hi!", "Go.")], "the one that was regenerated");
    database.set_thumb(chat, answers[2], Some(Thumb::Down)).unwrap();
    assert_eq!(pairs(&database), [pair("Hi!", "Go."), pair("Hi!", "Yes?")]);
    database.set_thumb(chat, answers[2], Some(Thumb::Up)).unwrap();
    assert_eq!(pairs(&database), [pair("Hi!", "Go."), pair("Yes?", "Go.")], "of two that are liked neither is rejected");
    database.set_thumb(chat, answers[1], None).unwrap();
    assert_eq!(database.tree(chat).unwrap().get(answers[2]).unwrap().thumb, Some(Thumb::Up));
    assert_eq!(pairs(&database), [pair("Yes?", "Go."), pair("Yes?", "Hi!")]);
    assert!(matches!(database.set_thumb(chat, question, Some(Thumb::Up)), Err(Error::NoMessage { .. })), "a question is no answer");
}

#[test]
fn two_programs_may_have_the_file_open() {
    let folder = Folder::new("two");
    let (mut one, mut two) = (open(&folder), open(&folder));
    let chat = one.create_chat("c", "demo", &Settings::default()).unwrap();
    ask(&mut two, chat, None, "hello");
    assert_eq!(one.tree(chat).unwrap().messages.len(), 1);
}
