//! `tokenizer show`, `compare` and `stats` from outside: their JSON, their plain text, and what they refuse.

use std::fs::File;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Answer, Scratch, answer, schoolhouse};

/// Trains a tokenizer on a text and tells its folder.
fn train(scratch: &Scratch, name: &str, text: &str, vocab: usize) -> PathBuf {
    let (input, out) = (scratch.write(&format!("{name}.txt"), text), scratch.join(name));
    let mut command = schoolhouse();
    command.args(["--quiet", "tokenizer", "train", "--vocab", &vocab.to_string(), "--input"]).arg(input).arg("--out").arg(&out);
    let trained = answer(&mut command);
    assert_eq!(trained.code, Some(0), "{}", trained.stderr);
    out
}

/// Merges, with the ids 256 to 261: `he`, `the`, ` the`, `at`, `cat`, ` cat`.
fn small(scratch: &Scratch) -> PathBuf {
    train(scratch, "small", &" the the the the cat cat cat".repeat(3), 274)
}

/// Merges, with the ids 256 and 257: `he`, `the`.
fn smaller(scratch: &Scratch) -> PathBuf {
    train(scratch, "smaller", &" the the the the cat cat cat".repeat(3), 270)
}

fn look(command: &str, args: &[&str]) -> Answer {
    answer(schoolhouse().args(["--quiet", "tokenizer", command]).args(args))
}

/// What a command prints, which must succeed.
fn printed(command: &str, args: &[&str]) -> String {
    let found = look(command, args);
    assert_eq!((found.code, found.stderr.as_str()), (Some(0), ""), "{args:?}");
    found.stdout
}

fn parsed(command: &str, args: &[&str]) -> Value {
    let text = printed(command, &[args, &["--json"]].concat());
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    serde_json::from_str(&text).expect("the output is JSON")
}

fn path(path: &Path) -> &str {
    path.to_str().expect("the folder's name is UTF-8")
}

/// Checks that a command is refused in one sentence that holds these words.
fn refused(command: &str, args: &[&str], expected: &[&str]) {
    let found = look(command, args);
    assert_eq!((found.code, found.stdout.as_str()), (Some(1), ""), "{args:?}: {}", found.stderr);
    assert!(found.stderr.starts_with("error: ") && found.stderr.trim_end().lines().count() == 1, "{}", found.stderr);
    for words in expected {
        assert!(found.stderr.contains(words), "{words:?} is missing in: {}", found.stderr);
    }
}

#[test]
fn a_text_is_shown_with_its_tokens() {
    let scratch = Scratch::new("show");
    let folder = small(&scratch);
    let expected = r#"H│ the│ cat│\n
\xc3│\xa9│\x1b

7 tokens, 14 bytes, 13 characters, 2.00 bytes per token
the tokenizer normalises this text to 13 bytes

position   id  bytes        text
       0   39  48           "H"
       1  258  20 74 68 65  " the"
       2  261  20 63 61 74  " cat"
       3  198  0a           "\n"
       4  127  c3           "\xc3"
       5  102  a9           "\xa9"
       6  215  1b           "\x1b"
"#;
    // An e and an accent of its own become one letter.
    let text = "H the cat\ne\u{301}\u{1b}";
    assert_eq!(printed("show", &["--tokenizer", path(&folder), text]), expected);
    let file = scratch.write("text", text);
    assert_eq!(printed("show", &["--tokenizer", path(&folder.join("tokenizer.json")), "--file", path(&file)]), expected);
    let mut command = schoolhouse();
    command.args(["tokenizer", "show", "--tokenizer", path(&folder)]).stdin(File::open(&file).unwrap());
    assert_eq!(answer(&mut command).stdout, expected);
}

#[test]
fn special_tokens_and_merges_are_shown_when_asked_for() {
    let scratch = Scratch::new("show-merges");
    let folder = small(&scratch);
    let special = printed("show", &["--tokenizer", path(&folder), "--special", "--merges", "the<|im_end|>"]);
    let expected = r#"the│<|im_end|>

2 tokens, 13 bytes, 13 characters, 6.50 bytes per token
special tokens are taken as such: <|im_end|> (264)

position   id  bytes     text
       0  257  74 68 65  "the"
            "h" + "e" -> "he" (256)
            "t" + "he" -> "the" (257)
       1  264  3c 7c 69 6d 5f 65 6e 64 7c 3e  "<|im_end|>"  special
"#;
    assert_eq!(special, expected);
    let plain = printed("show", &["--tokenizer", path(&folder), "the<|im_end|>"]);
    assert!(plain.starts_with("the│<│|│i│m│_│e│n│d│|│>\n\n11 tokens"), "{plain}");
    assert!(plain.contains("\nspecial tokens that this text spells are text: <|im_end|>; --special takes them as such\n"), "{plain}");
}

#[test]
fn show_gives_all_of_it_as_json() {
    let scratch = Scratch::new("show-json");
    let folder = small(&scratch);
    let found = parsed("show", &["--tokenizer", path(&folder), "--merges", "é\u{9b}the"]);
    assert_eq!((&found["text"], &found["vocab_size"]), (&json!("é\u{9b}the"), &json!(274)));
    assert_eq!((&found["special"], &found["spelt"], &found["normalised"]), (&json!(false), &json!([]), &json!(null)));
    let measures = &found["measures"];
    assert_eq!((&measures["tokens"], &measures["bytes"], &measures["characters"]), (&json!(5), &json!(7), &json!(5)));
    assert_eq!(measures["bytes_per_token"], json!(1.4));
    let tokens = &found["tokens"];
    assert_eq!(tokens[0], json!({"position": 0, "id": 127, "text": null, "hex": "c3", "special": false, "steps": []}));
    let named = |id: u32, text: &str, hex: &str| json!({"id": id, "text": text, "hex": hex});
    let steps = json!([
        {"left": named(71, "h", "68"), "right": named(68, "e", "65"), "merged": named(256, "he", "68 65")},
        {"left": named(83, "t", "74"), "right": named(256, "he", "68 65"), "merged": named(257, "the", "74 68 65")},
    ]);
    assert_eq!(tokens[4], json!({"position": 4, "id": 257, "text": "the", "hex": "74 68 65", "special": false, "steps": steps}));
    let special = parsed("show", &["--tokenizer", path(&folder), "--special", "<think>"]);
    assert_eq!(special["spelt"], json!([{"id": 272, "text": "<think>", "hex": "3c 74 68 69 6e 6b 3e"}]));
    assert_eq!((&special["tokens"][0]["id"], &special["tokens"][0]["special"]), (&json!(272), &json!(true)));
}

#[test]
fn tokenizers_stand_side_by_side() {
    let scratch = Scratch::new("compare");
    let (first, second) = (smaller(&scratch), small(&scratch));
    let names = [path(&first), path(&second)];
    let table = |words: &str| {
        let columns = [names[0].len(), names[1].len()];
        let rows = [
            ("", names[0], names[1]),
            ("vocabulary", "270", "274 (x1.015)"),
            ("tokens", "6", "2 (x0.333)"),
            ("bytes per token", "1.33", "4.00 (x3.000)"),
            ("characters per token", "1.33", "4.00"),
            ("tokens per word", "3.00", "1.00"),
            ("one-token words", "50.0%", "100.0% (x2.000)"),
        ];
        let [one, two] = columns;
        let line = |(label, a, b): &(&str, &str, &str)| format!("{label:<20}  {a:>one$}  {b:>two$}\n");
        format!("{words}{}(x: times what {} has)\n", rows.iter().map(line).collect::<String>(), names[0])
    };
    let head = format!(
        "{}\n │the│ │c│a│t\n6 tokens, 8 bytes, 8 characters, 1.33 bytes per token\n\n\
         {}\n the│ cat\n2 tokens, 8 bytes, 8 characters, 4.00 bytes per token\n\n",
        names[0], names[1]
    );
    assert_eq!(printed("compare", &[names[0], names[1], "--text", " the cat"]), table(&head));
    let documents = scratch.write("documents/a.txt", " the cat");
    let on_documents = printed("compare", &[names[0], names[1], "--input", path(&documents)]);
    assert_eq!(on_documents, table("1 document, 8 bytes, 8 characters, 2 words\n\n"));

    let found = parsed("compare", &[names[1], names[0], names[1], "--text", " the cat"]);
    let ids = |place: usize| {
        let tokens = found["tokenizers"][place]["tokens"].as_array().unwrap();
        tokens.iter().map(|token| token["id"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!((ids(0), ids(2)), (vec![258, 261], vec![258, 261]));
    assert_eq!(found["tokenizers"][1]["name"], json!(names[0]));
    assert_eq!(found["tokenizers"][1]["relative"]["tokens"], json!(3.0));
    assert_eq!(found["tokenizers"][2]["relative"]["tokens"], json!(1.0));
    assert_eq!(found["tokenizers"][1]["measures"]["one_token_words"], json!(0.5));
}

#[test]
fn a_comparison_ends_at_its_limit_and_a_damaged_row_costs_that_row() {
    let scratch = Scratch::new("compare-documents");
    let folder = small(&scratch);
    let rows = "{\"text\": \" the the\", \"url\": \"https://a.example/\"}\n{\"text\":\n{\"text\": \" cat\"}\n";
    let documents = scratch.write("rows.jsonl", rows);
    let args = ["--plain", "tokenizer", "compare", path(&folder), path(&folder), "--json", "--input", path(&documents)];
    let whole = answer(schoolhouse().args(args));
    assert_eq!(whole.code, Some(0), "{}", whole.stderr);
    assert!(whole.stderr.contains("1 damaged rows left out"), "{}", whole.stderr);
    let counts = |text: &str| {
        let found: Value = serde_json::from_str(text).unwrap();
        let measures = &found["tokenizers"][0]["measures"];
        ["documents", "bytes", "tokens"].map(|name| measures[name].as_u64().unwrap())
    };
    assert_eq!(counts(&whole.stdout), [2, 12, 3]);
    let limited = answer(schoolhouse().args(args).args(["--limit-bytes", "5"]));
    assert_eq!(counts(&limited.stdout), [1, 5, 2]);
}

#[test]
fn statistics_are_told_by_input() {
    let scratch = Scratch::new("stats");
    let folder = small(&scratch);
    let animals = scratch.write("animals.txt", " the cat the cat hat");
    let other = scratch.write("other.txt", "é é");
    let named = format!("en={}", path(&animals));
    let args = ["--tokenizer", path(&folder), "--top", "2", "--input", &named, path(&other)];
    let expected = r#"vocabulary of 274, 12 of them special tokens

input      documents  bytes  tokens  bytes/token  characters/token  tokens/word  one-token words  single bytes  partial
en                 1     20       7         2.86              2.86         1.40            80.0%         28.6%     0.0%
other.txt          1      5       5         1.00              0.60         2.50             0.0%        100.0%    80.0%
all                2     25      12         2.08              1.92         1.71            57.1%         58.3%    33.3%

never used: 255 tokens (97.3%), 252 of them single bytes
for example "he" (256), "the" (257)

most frequent
 id  bytes  uses   share  text
102      1     2  16.67%  "\xa9"
127      1     2  16.67%  "\xc3"

longest
 id  bytes  uses   share  text
258      4     2  16.67%  " the"
261      4     2  16.67%  " cat"

by length
bytes  in the vocabulary                           in the texts
    1                256  #######################             7  ##############
    2                  2                                      1  ##
    3                  2                                      0
    4                  2                                      4  ########
"#;
    assert_eq!(printed("stats", &args), expected);

    let found = parsed("stats", &args);
    assert_eq!(found["inputs"][1]["name"], json!("other.txt"));
    assert_eq!(found["inputs"][1]["measures"]["tokens_per_word"], json!(2.5));
    assert_eq!((&found["all"]["tokens"], &found["all"]["partial_tokens"]), (&json!(12), &json!(4.0 / 12.0)));
    assert_eq!((&found["unused"]["tokens"], &found["unused"]["examples"][0]["id"]), (&json!(255), &json!(256)));
    assert_eq!(found["frequent"][0], json!({"id": 102, "text": null, "hex": "a9", "uses": 2, "share": 2.0 / 12.0}));
    assert_eq!(found["lengths"][1], json!({"from_bytes": 2, "to_bytes": 2, "tokens": 2, "uses": 1}));

    let limited = parsed("stats", &[&args[..], &["--limit-bytes", "4"]].concat());
    assert_eq!(limited["inputs"][0]["measures"]["tokens"], json!(1));
    // Documents of one name are one input.
    let merged = parsed("stats", &["--tokenizer", path(&folder), "--input", &named, &format!("en={}", path(&other))]);
    assert_eq!((merged["inputs"].as_array().unwrap().len(), &merged["inputs"][0]["measures"]["tokens"]), (1, &json!(12)));
}

#[test]
fn languages_and_kinds_of_text_are_told_apart() {
    let scratch = Scratch::new("languages");
    let (first, second) = (smaller(&scratch), small(&scratch));
    let rows = [
        json!({"text": " the cat", "language": "xx"}),
        json!({"text": "Der Hund und die Katze sind mit dem Kind nach Hause gegangen."}),
        json!({"text": " the", "language": "xx"}),
    ];
    let pages = scratch.write("pages.jsonl", rows.iter().map(|row| format!("{row}\n")).collect::<String>());
    scratch.write("src/deep/a.rs", "fn main() {}");
    scratch.write("src/b.rs", "the");
    let [pages, sources] = [format!("web={}", path(&pages)), format!("code={}/**/*.rs", path(&scratch.join("src")))];
    let by = ["--by-language", "--input", &pages];

    let found = parsed("stats", &[&["--tokenizer", path(&second)], &by[..]].concat());
    let told = |input: &Value| (input["name"].clone(), input["language"].clone(), input["measures"]["documents"].clone());
    let inputs: Vec<_> = found["inputs"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(inputs, [(json!("web"), json!("de"), json!(1)), (json!("web"), json!("xx"), json!(2))]);

    let on = [path(&first), path(&second), "--input", &pages, &sources];
    let found = parsed("compare", &on);
    let code = json!({"name": "code", "documents": 2, "bytes": 15, "tokens": [13, 13]});
    assert_eq!((found["inputs"].as_array().unwrap().len(), &found["inputs"][1]), (2, &code));
    let table = printed("compare", &on);
    assert!(table.contains("\nbytes per token\ninput  bytes"), "{table}");
    assert!(table.contains("\ncode      15") && table.contains("1.15 (x1.000)"), "{table}");
}

#[test]
fn what_cannot_be_looked_into_is_refused_in_one_sentence() {
    let scratch = Scratch::new("look-refused");
    let folder = small(&scratch);
    let (tokenizer, gone) = (path(&folder), scratch.join("gone"));
    let gone = path(&gone);
    refused("show", &["--tokenizer", gone, "text"], &["cannot read", "gone", "no such file"]);
    refused("show", &["--tokenizer", tokenizer, "--file", gone], &["cannot read", "gone", "no such file"]);
    refused("show", &["--tokenizer", tokenizer], &["there is no text to show", "--file"]);
    let bytes = scratch.write("latin1", b"caf\xe9");
    refused("show", &["--tokenizer", tokenizer, "--file", path(&bytes)], &["latin1", "byte 3", "not UTF-8"]);
    let piped = answer(schoolhouse().args(["tokenizer", "show", "--tokenizer", tokenizer]).stdin(File::open(&bytes).unwrap()));
    assert_eq!(piped.stderr, "error: the standard input is damaged at byte 3: it is not UTF-8; convert it to UTF-8\n");
    refused("compare", &[tokenizer, gone, "--text", "text"], &["cannot read", "gone", "no such file"]);
    refused("compare", &[tokenizer, tokenizer, "--text", ""], &["there is no text to compare", "--input"]);
    refused("compare", &[tokenizer, tokenizer, "--input", gone], &["cannot read", "gone"]);
    let empty = scratch.write("empty.txt", "");
    refused("compare", &[tokenizer, tokenizer, "--input", path(&empty)], &["there is no text in", "empty.txt"]);
    refused("stats", &["--tokenizer", tokenizer, "--input", &format!("en={}", path(&empty))], &["there is no text in", "empty.txt"]);
    refused("stats", &["--tokenizer", tokenizer, "--input", &format!("en={gone}")], &["cannot read", "gone"]);
}
