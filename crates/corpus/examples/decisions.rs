//! The text filters' verdicts on JSON lines, for bench/datatrove/decisions.py: one line in, one line out.
//!
//!     cargo run --release -p corpus --example decisions -- [--given] theirs.jsonl > ours.jsonl
//!     cargo run --release -p corpus --example decisions -- --speed theirs.jsonl
//!     cargo run --release -p corpus --example decisions -- --url FOLDER urls.jsonl > ours.jsonl
//!
//! With `--given` the words and the sentences of each line are read from the record and not split here. `--speed` prints
//! each filter's MB/s on one core instead. `--url` judges addresses with the lists of a folder.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::time::Instant;

use corpus::url::UrlLists;
use corpus::words::{count_sentences, split_words};
use corpus::{Reason, c4, fineweb, gopher_quality, gopher_repetition};
use serde_json::{Value, json};

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["--given", file] => each_row(file, given),
        ["--speed", file] => speed(file),
        ["--url", folder, file] => {
            let lists = UrlLists::load(Path::new(folder))?;
            each_row(file, |row| {
                let verdict = corpus::url::check(row["url"].as_str().unwrap_or_default(), &lists);
                json!({"id": row["id"], "url": verdict.map_or_else(|reason| reason.0, |()| "keep")})
            })
        }
        [file] => each_row(file, own),
        _ => Err("arguments: [--given | --speed | --url FOLDER] FILE".into()),
    }
}

fn rows(file: &str) -> Result<Vec<Value>, Failure> {
    BufReader::new(std::fs::File::open(file)?).lines().map(|line| Ok(serde_json::from_str(&line?)?)).collect()
}

fn each_row(file: &str, judge: impl Fn(&Value) -> Value) -> Result<(), Failure> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for row in rows(file)? {
        writeln!(out, "{}", judge(&row))?;
    }
    Ok(out.flush()?)
}

fn name(verdict: Result<(), Reason>) -> &'static str {
    verdict.map_or_else(|reason| reason.0.split('/').nth(1).unwrap_or(reason.0), |()| "keep")
}

/// Our own words and sentences.
fn own(row: &Value) -> Value {
    let text = row["text"].as_str().unwrap_or_default();
    let words = split_words(text);
    let mut sentences = serde_json::Map::new();
    let _ = c4::rewrite_counted(text, |line| {
        let words = split_words(line);
        let n_sentences = count_sentences(line, &words);
        sentences.insert(line.to_string(), n_sentences.into());
        (words.len(), n_sentences)
    });
    let rewritten = c4::rewrite_words(text, &words);
    let after_c4 = rewritten.as_ref().map_err(|reason| *reason).and_then(|left| fineweb::check_counted(&left.text, || left.n_words));
    let mut verdicts = verdicts(row, text, &words, after_c4, rewritten.map(|left| left.text));
    verdicts["words"] = json!(words);
    verdicts["sentences"] = Value::Object(sentences);
    verdicts
}

/// Words and sentences of the record.
fn given(row: &Value) -> Value {
    let text = row["text"].as_str().unwrap_or_default();
    let list =
        |key: &str| -> Vec<&str> { row[key].as_array().map(|words| words.iter().filter_map(Value::as_str).collect()).unwrap_or_default() };
    let rewritten = c4::rewrite_counted(text, |line| (0, row["sentences"][line.as_ref()].as_u64().unwrap_or_default() as usize));
    let n_rewritten = list("rewritten_words").len();
    let after_c4 = rewritten.as_ref().map_err(|reason| *reason).and_then(|left| fineweb::check_counted(&left.text, || n_rewritten));
    verdicts(row, text, &list("words"), after_c4, rewritten.map(|left| left.text))
}

/// What each filter says of a text with these words, what FineWeb's says of what C4's left, and that.
fn verdicts(row: &Value, text: &str, words: &[&str], after_c4: Result<(), Reason>, rewritten: Result<String, Reason>) -> Value {
    json!({
        "id": row["id"],
        "gopher_repetition": name(gopher_repetition::check(text, words)),
        "gopher_quality": name(gopher_quality::check(text, words, gopher_quality::stop_words("en"))),
        "c4": name(rewritten.as_ref().map(|_| ()).map_err(|reason| *reason)),
        "fineweb": name(fineweb::check_counted(text, || words.len())),
        "c4+fineweb": name(after_c4),
        "rewritten": rewritten.ok(),
    })
}

/// MB/s of each filter, and of the chain as the pipeline runs it. Of each text the best of seven rounds counts, which is
/// shorter than a slice of time on a shared machine.
fn speed(file: &str) -> Result<(), Failure> {
    let rows = rows(file)?;
    let texts: Vec<&str> = rows.iter().filter_map(|row| row["text"].as_str()).collect();
    let words: Vec<Vec<&str>> = texts.iter().map(|text| split_words(text)).collect();
    let megabytes = texts.iter().map(|text| text.len()).sum::<usize>() as f64 / 1e6;
    let measure = |what: &str, run: &dyn Fn(usize) -> usize| {
        let mut best_s = vec![f64::MAX; texts.len()];
        let mut sum = 0;
        for _ in 0..7 {
            sum = 0;
            for (i, best_s) in best_s.iter_mut().enumerate() {
                let start = Instant::now();
                sum += run(i);
                *best_s = best_s.min(start.elapsed().as_secs_f64());
            }
        }
        println!("{what:24} {:8.1} MB/s   ({sum})", megabytes / best_s.iter().sum::<f64>());
    };
    println!("{} texts, {megabytes:.2} MB", texts.len());
    measure("split_words", &|i| split_words(texts[i]).len());
    measure("gopher_repetition", &|i| usize::from(gopher_repetition::check(texts[i], &words[i]).is_ok()));
    measure("gopher_quality", &|i| usize::from(gopher_quality::check(texts[i], &words[i], gopher_quality::stop_words("en")).is_ok()));
    measure("c4", &|i| c4::rewrite_words(texts[i], &words[i]).map_or(0, |left| left.n_words));
    measure("c4, splitting itself", &|i| c4::rewrite(texts[i]).map_or(0, |left| left.len()));
    measure("fineweb", &|i| usize::from(fineweb::check_counted(texts[i], || words[i].len()).is_ok()));
    measure("fineweb, splitting", &|i| usize::from(fineweb::check(texts[i]).is_ok()));
    measure("chain", &|i| {
        let (text, words) = (texts[i], split_words(texts[i]));
        let kept = gopher_repetition::check(text, &words)
            .and_then(|()| gopher_quality::check(text, &words, gopher_quality::stop_words("en")))
            .and_then(|()| c4::rewrite_words(text, &words))
            .and_then(|left| fineweb::check_counted(&left.text, || left.n_words));
        usize::from(kept.is_ok())
    });
    Ok(())
}
