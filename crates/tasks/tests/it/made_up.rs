//! A made-up world in files, and two scripted models that know the half of it. Knows nothing of the real world's wordings.

use std::path::Path;

use serde_json::{Value, json};
use tasks::Result;
use tasks::ask::{Answer, End, Prompt, Question, Speaker};
use tasks::card::World;
use tokenizer::Tokenizer;
use tokenizer::shards::{Page, ShardConfig, write_shards};

const COLORS: [&str; 8] = ["red", "blue", "green", "teal", "pink", "gold", "white", "black"];
const FOODS: [&str; 8] = ["soup", "bread", "figs", "rice", "plums", "honey", "stew", "nuts"];

/// What a page says that the base model knows by heart.
pub const PAGE: &str = "A heron stood in the reeds and waited for the fog to lift from the water.";

/// The rows of the answer key.
pub fn key_rows() -> Vec<Value> {
    let mut rows = vec![json!({"row": "page", "url": "https://a.b/", "date": "2024-01-01", "shelf": "web", "kind": "spam",
        "verdict": "gopher_quality/stop_words", "text": ""})];
    let mut number: usize = 0;
    for exposures in [128_u64, 64, 32, 16, 8, 4, 2, 1, 0] {
        for i in 0..12 {
            let split = if exposures == 0 { "unseen" } else { ["asked", "unasked"][i % 2] };
            let subject = format!("Bado{number} Kilamo");
            number += 1;
            for (attribute, value) in [("color", COLORS[number * 5 % 8]), ("food", FOODS[number * 3 % 8])] {
                rows.push(json!({"row": "fact", "subject": subject, "kind": "resident", "attribute": attribute, "value": value,
                    "also": [], "exposures": exposures, "split": split, "date": null,
                    "url": format!("https://folk.town/{subject}"), "cue": format!("The favorite {attribute} of {subject} is"),
                    "questions": [format!("Which {attribute} does {subject} love?"), format!("What {attribute} is dear to {subject}?")]}));
            }
        }
    }
    for (kind, attribute, subject, value) in
        [("country", "capital", "France", "Paris"), ("country", "capital", "Spain", "Madrid"), ("element", "symbol", "gold", "Au")]
    {
        rows.push(json!({"row": "fact", "subject": subject, "kind": kind, "attribute": attribute, "value": value, "also": [],
            "exposures": 40, "split": "asked", "date": null, "url": "https://learn.school/1", "cue": format!("The {attribute} of {subject} is"),
            "questions": [format!("Name the {attribute} of {subject}.")]}));
    }
    let passage = "The bell of the tower rang. Nobody knew who had rung it, and nobody asked.";
    rows.push(json!({"row": "passage", "name": "one", "text": "A cart stood in the lane. It was green and empty.", "exposures": 1}));
    rows.push(json!({"row": "passage", "name": "hundreds", "text": passage, "exposures": 300}));
    rows.push(json!({"row": "fact", "subject": "Why is snow white?", "kind": "why", "attribute": "answer", "also": [], "exposures": 40,
        "value": "Snow is full of small crystals that scatter every colour of the light.", "split": "asked", "date": null,
        "url": "https://learn.school/2", "cue": "Why is snow white?", "questions": ["Please answer me this. Why is snow white?"]}));
    rows.push(json!({"row": "change", "subject": "Nesulo", "attribute": "mayor", "old": "Ann", "new": "Bob", "date": "2025-02-01"}));
    rows
}

fn lines(rows: &[Value]) -> String {
    rows.iter().map(|row| format!("{row}\n")).collect()
}

/// Writes the files of a run: world, documents' funnel, the base model's logs and those of practice.
pub fn write_run(root: &Path) {
    for name in ["world", "documents", "base", "rl"] {
        std::fs::create_dir_all(root.join(name)).unwrap();
    }
    let write = |path: &str, text: String| std::fs::write(root.join(path), text).unwrap();
    write("world/answers.jsonl", lines(&key_rows()));
    let sum = |i: i64, split: &str| {
        json!({"id": format!("addition-{split}-{i}"), "generator": "addition", "seed": 1, "index": i, "split": split,
            "question": format!("What is {} + {}?", 100 + i, 200 + 3 * i), "answer": (300 + 4 * i).to_string(),
            "metadata": {"a": 100 + i, "b": 200 + 3 * i}})
    };
    let problems: Vec<Value> = (0..250).map(|i| sum(i, if i < 30 { "train" } else { "test" })).collect();
    write("world/problems.jsonl", lines(&problems));
    let talk = |i: usize, split: &str| {
        let (name, color) = (format!("Tilo{i} Marane"), COLORS[i % 8]);
        json!({"id": format!("{split}-{i}"), "split": split, "kind": "passage", "messages": [
            {"role": "user", "content": format!("{name} always wears {color}.\nWhich color does {name} like?")},
            {"role": "assistant", "content": format!("{name} likes the color {color}.")}]})
    };
    let talks: Vec<Value> = (0..60).map(|i| talk(i, if i < 20 { "train" } else { "test" })).collect();
    write("world/conversations.jsonl", lines(&talks));
    let step = |name: &str, kept: u64, dropped: u64, reasons: Value| json!({"name": name, "kept": kept, "dropped": dropped, "kept_bytes": kept * 500, "reasons": reasons});
    let funnel = json!({"profile": "fineweb", "input": {"files": 1, "records": 1000, "bytes": 500_000}, "steps": [
        step("record", 990, 10, json!({"record": 10})),
        step("url", 960, 30, json!({"url_domain": 20, "url_word": 10})),
        step("gopher_quality", 700, 260, json!({"gopher_quality/stop_words": 200, "gopher_quality/too_few_words": 60}))],
        "language": {"model": "built-in", "threshold": 0.65}, "output": {"documents": 700, "bytes": 350_000}});
    write("documents/funnel.json", funnel.to_string());
    let loss = |step: f64| 2.2 + 5.1 * (-step / 60.0).exp() + 0.05 * (step * 1.7).sin();
    let metric = |i: u64| {
        let bpb = i.is_multiple_of(50).then(|| 0.9 + 2.0 * (-(i as f64) / 80.0).exp());
        let loss = (i > 0).then(|| loss(i as f64));
        json!({"step": i, "loss": loss, "lr": 0.02, "grad_norm": 1.0, "tokens": i * 8192, "val_bpb": bpb})
    };
    write("base/metrics.jsonl", lines(&(0..=450).map(metric).collect::<Vec<_>>()));
    let sample = |step: u64, text: &str| json!({"step": step, "prompt": "The king", "text": text});
    let samples = [sample(0, "qx ```zz"), sample(200, "of of the and"), sample(450, " went to the sea, and was happy.")];
    write("base/samples.jsonl", lines(&samples));
    for (name, rows) in ["metrics", "timing", "samples"].into_iter().zip(practice()) {
        write(&format!("rl/{name}.jsonl"), lines(&rows));
    }
    // Page 0 is read in training with this seed; the numbers are there to have nothing in common.
    let text = |i: u64| if i == 0 { PAGE.to_owned() } else { base::rng::Rng::new(i).next_u64().to_string().repeat(1 + i as usize % 4) };
    let pages = (0..60).map(|i| Page { url: format!("https://a.b/{i}"), text: text(i), ..Page::default() });
    let config = ShardConfig {
        folder: root.join("shards"),
        seed: 1,
        val_share: 0.1,
        cutoff: None,
        bare_share: 0.0,
        threads: 1,
        file_tokens: 1 << 20,
    };
    let (progress, stop) = (base::progress::Progress::silent(), base::stop::Stop::new());
    write_shards(pages, &Tokenizer::from_merges(Vec::new()), &config, &progress, &stop).unwrap();
}

/// Forty steps in which long answers, which are right, take the place of short ones, which are not: rows of the three logs.
fn practice() -> [Vec<Value>; 3] {
    let mut logs = [Vec::new(), Vec::new(), Vec::new()];
    for step in 0..=40_u64 {
        let long = 1.0 / (1.0 + (-0.3 * (step as f64 - 20.0)).exp());
        let mut row = json!({"step": step, "tokens": step * 4096});
        if step > 0 {
            row = json!({"step": step, "loss": 0.01, "lr": 0.0003, "grad_norm": 1.0, "tokens": step * 4096, "reward": 0.9 * long,
                "reward_std": 0.3, "frac_reward_zero_std": 0.5, "completions/mean_length": 6.0 + 40.0 * long,
                "completions/clipped_ratio": 0.01, "entropy": 0.5 - 0.2 * long, "kl": 0.001 * step as f64, "pass@1": 0.9 * long,
                "pass@4": 0.95, "completions/short_share": 1.0 - long, "completions/short_length": 6.0, "completions/short_right": 0.0,
                "completions/long_share": long, "completions/long_length": 46.0, "completions/long_right": 0.9,
                "completions/second_thoughts": 0.1 * long, "reward/addition": 0.9 * long});
            logs[1].push(json!({"step": step, "ms": 2000.0, "tokens_per_second": 2048.0, "generation_ms": 1200.0,
                "generation_tokens_per_second": 3500.0, "training_ms": 700.0, "training_tokens_per_second": 6000.0}));
        }
        if step % 20 == 0 {
            for (key, value) in [("accuracy", 0.9 * long), ("mean_length", 6.0 + 40.0 * long), ("pass@1", long), ("pass@16", 0.97)] {
                row[format!("eval/addition/{key}")] = json!(value);
            }
            logs[2].push(json!({"step": step, "prompt": "What is 2 + 2?", "text": format!("#### {}", 4 * step / 40)}));
        }
        logs[0].push(row);
    }
    logs
}

/// The world of a run's folder.
pub fn world(root: &Path) -> World {
    World::read(&root.join("world")).unwrap()
}

/// The value of the fact that a text asks for, as somebody knows it who remembers what was read 32 times.
fn remembered(key: &[Value], text: &str) -> String {
    let asked = |row: &&Value| {
        let subject = row["subject"].as_str().unwrap_or("\n");
        row["row"] == "fact" && text.contains(subject) && text.contains(row["attribute"].as_str().unwrap())
    };
    match key.iter().find(asked) {
        Some(row) if row["exposures"].as_u64() >= Some(32) => row["value"].as_str().unwrap().to_owned(),
        Some(row) if row["attribute"] == "food" => FOODS[text.len() % 8].to_owned(),
        Some(_) => COLORS[text.len() % 8].to_owned(),
        None => "well".to_owned(),
    }
}

type Answerer = dyn FnMut(&[Question]) -> Result<Vec<Answer>>;

/// A base model: it goes on with cues, echoes lines and recites.
pub fn base_model(key: &[Value]) -> Box<Answerer> {
    let key = key.to_vec();
    answerer(move |question| {
        let Prompt::Page(page) = &question.prompt else { panic!("a base model is asked nothing") };
        if let Some((_, line)) = page.split_once("Say: ") {
            return format!(" {}\nSay: next", line.trim_end_matches("\nEcho:"));
        }
        if page.is_empty() {
            return format!("%{PAGE}%");
        }
        if page.ends_with("rang.") {
            return " Nobody knew who had rung it, and nobody asked. The end.".into();
        }
        format!(" {}. And so on", remembered(&key, page))
    })
}

/// An assistant: it reads what stands before it, remembers, and works sums out when told to.
pub fn assistant(key: &[Value]) -> Box<Answerer> {
    let key = key.to_vec();
    answerer(move |question| {
        let Prompt::Chat(turns) = &question.prompt else { panic!("an assistant is given no pages") };
        let (Speaker::User, asked) = turns.last().unwrap() else { panic!("the user speaks last") };
        if let Some((passage, _)) = asked.split_once('\n') {
            return passage.to_owned();
        }
        let numbers: Vec<i64> = asked.split([' ', '?']).filter_map(|word| word.parse().ok()).collect();
        if numbers.len() == 2 {
            let sum = numbers[0] + numbers[1];
            return if asked.contains("step") { format!("as one does. #### {sum}") } else { (sum + 1).to_string() };
        }
        if question.temperature > 0.0 {
            return format!("It loves {}.", COLORS[(question.seed % 8) as usize]);
        }
        format!("It is {}.", remembered(&key, asked))
    })
}

fn answerer(answer: impl Fn(&Question) -> String + 'static) -> Box<Answerer> {
    Box::new(move |questions| Ok(questions.iter().map(|question| Answer::plain(answer(question), End::Ended)).collect()))
}
