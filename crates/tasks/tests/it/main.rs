//! The report card of a small made-up world and two scripted models, whole: the files, their keys, their bytes.

#![forbid(unsafe_code)]

mod evals;
mod made_up;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use tasks::card::nature::{self, Material};
use tasks::card::{self, Card, Limits, Role, Run};
use tokenizer::Tokenizer;
use tokenizer::shards::Shards;

use made_up::{PAGE, assistant, base_model, key_rows, world, write_run};

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Measures both scripted models on the made-up run below `root`, and writes the report.
fn report(root: &Path, seed: u64) -> Card {
    let world = world(root);
    let measure = |role, ask: &mut tasks::ask::Ask| {
        card::measure(role, ask, &world, &Limits::default(), card::Beside::default(), seed, &Progress::silent(), &Stop::new()).unwrap()
    };
    let key = key_rows();
    let models = BTreeMap::from([
        ("base".to_owned(), measure(Role::Base, &mut base_model(&key))),
        ("sft".to_owned(), measure(Role::Assistant, &mut assistant(&key))),
    ]);
    let run = Run {
        name: "made-up".into(),
        documents: Some(root.join("documents")),
        base: root.join("base"),
        practice: Some(root.join("rl")),
        chat_command: "schoolhouse chat runs/made-up/sft".into(),
    };
    let (shards, tokenizer) = (Shards::open(&root.join("shards")).unwrap(), Tokenizer::from_merges(Vec::new()));
    let material = Material { shards: &shards, tokenizer: &tokenizer };
    let nature = nature::measure(&mut base_model(&key), &world, &material, seed, &Progress::silent(), &Stop::new()).unwrap();
    let card = card::card(&run, seed, models, Some(nature)).unwrap();
    std::fs::create_dir_all(root.join("report")).unwrap();
    card::write(&card, &run, &root.join("report")).unwrap();
    card
}

#[test]
fn the_card_tells_what_the_models_know() {
    let root = folder("card");
    write_run(&root);
    let card = report(&root, 7);
    let share = |model: &str, split: &str, exposures: u64| {
        let levels = &card.models[model].recall;
        levels.iter().find(|level| level.split == split && level.exposures == exposures).unwrap().rate.share
    };
    // The scripted models know what stands on at least 32 pages, and guess what they never saw.
    for (model, split) in [("base", "asked"), ("base", "unasked"), ("sft", "asked"), ("sft", "unasked")] {
        assert_eq!(share(model, split, 64), 1.0, "{model} {split}");
        assert!(share(model, split, 2) < 0.3, "{model} {split}");
    }
    assert!(share("sft", "unseen", 0) < 0.3);
    assert!(card.models["sft"].knowledge.iter().all(|topic| topic.rate.share == 1.0));
    let sums = &card.models["sft"].problems[0];
    assert_eq!((sums.kind.as_str(), sums.at_once.share, sums.in_steps.share), (card::THREE_DIGITS, 0.0, 1.0));
    assert_eq!((sums.plainly.n, sums.plainly.share), (sums.at_once.n, 0.0));
    let context = &card.models["sft"].context;
    assert_eq!((context.passage.share, context.without_passage.share), (1.0, 0.0));
    assert!(card.models["sft"].inventions.as_ref().unwrap().distinct_median > 1.0);
    assert_eq!(card.models["base"].recitation[0].name, "hundreds");
    assert_eq!(card.models["base"].recitation[0].followed, card.models["base"].recitation[0].length);
    assert_eq!(card.funnel.as_ref().unwrap().documents, 700);
    let nature = card.nature.as_ref().unwrap();
    assert_eq!(nature.passages[0].greedy, nature.passages[0].length);
    // The scripted model writes what the first page says, and a little of its own.
    let copying = &nature.copying;
    assert_eq!((copying.longest[0].text.trim(), copying.longest[0].url.as_str()), (PAGE, "https://a.b/0"));
    assert!(copying.held_out.n == copying.samples.n && copying.samples.whole.right == 0, "{copying:?}");

    let written: Card = base::files::read_json(&root.join("report/report.json")).unwrap();
    let stored = |card: &Card| serde_json::to_value(card).unwrap(); // what became of each question is not stored
    assert_eq!(stored(&written), stored(&card));
    let text = std::fs::read_to_string(root.join("report/report.md")).unwrap();
    for picture in ["funnel.svg", "loss.svg", "recall.svg", "knowledge.svg", "problems.svg"] {
        assert!(text.contains(&format!("({picture})")) && root.join("report").join(picture).exists(), "{picture}");
    }
    let page = std::fs::read_to_string(root.join("report/base.md")).unwrap();
    for picture in ["recitation.svg", "copying.svg"] {
        assert!(page.contains(&format!("({picture})")) && root.join("report").join(picture).exists(), "{picture}");
    }
    for title in ["Nobody answers", "A list", "A task", "A question", "No self", "After the last page", "By heart", "Copied or made up"] {
        assert!(page.lines().any(|line| line.starts_with("## ") && line.contains(title)), "{title}");
    }
    assert!(text.contains("(base.md)") && page.contains("(report.md)"));
    let practice = std::fs::read_to_string(root.join("report/practice.md")).unwrap();
    for picture in ["practice-accuracy.svg", "practice-length.svg", "practice-pass.svg", "practice-long.svg", "practice-policy.svg"] {
        assert!(practice.contains(&format!("({picture})")) && root.join("report").join(picture).exists(), "{picture}");
    }
    let html = std::fs::read_to_string(root.join("report/report.html")).unwrap();
    assert!(html.contains("<a href=\"#practice-md\">") && html.contains(">Practice: made-up</a>"));
    assert!(html.contains("aria-label=\"One style gives way to the other\"") && practice.contains("Where the time went"));
    assert!(
        !std::fs::read_to_string(root.join("report/report.json")).unwrap().contains("per_second"),
        "the report's figures hold no times"
    );
    for title in
        ["In short", "From pages to documents", "Reading", "remembers", "Problems", "Practice", "Recitation", "prompts", "Talk to it"]
    {
        assert!(text.lines().any(|line| line.starts_with("## ") && line.contains(title)), "{title}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let (one, two) = (folder("bytes-1"), folder("bytes-2"));
    for root in [&one, &two] {
        write_run(root);
        report(root, 3);
    }
    for entry in std::fs::read_dir(one.join("report")).unwrap() {
        let name = entry.unwrap().file_name();
        let bytes = |root: &Path| std::fs::read(root.join("report").join(&name)).unwrap();
        assert!(bytes(&one) == bytes(&two), "{name:?}");
    }
}

/// The keys of report.json are a format: programs read them. A new key changes this list and docs/formats.md.
#[test]
fn the_keys_are_as_documented() {
    let root = folder("keys");
    write_run(&root);
    report(&root, 1);
    let value: serde_json::Value = base::files::read_json(&root.join("report/report.json")).unwrap();
    let mut keys = std::collections::BTreeSet::new();
    collect("", &value, &mut keys);
    let found: Vec<String> = keys.into_iter().collect();
    let expected: Vec<&str> = include_str!("report_keys.txt").lines().collect();
    assert_eq!(found, expected, "\n{}", found.join("\n"));
}

fn collect(path: &str, value: &serde_json::Value, keys: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(map) => {
            let rate = ["n", "right", "share", "low", "high"];
            let is_rate = rate.iter().all(|name| map.contains_key(*name));
            if is_rate {
                keys.insert(format!("{path} is a rate"));
            }
            for (name, value) in map.iter().filter(|(name, _)| !(is_rate && rate.contains(&name.as_str()))) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(&path, value, keys);
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| collect(&format!("{path}[]"), value, keys)),
        serde_json::Value::Null => {}
        _ => {
            keys.insert(path.to_owned());
        }
    }
}

#[test]
fn a_run_without_a_world_still_has_a_report() {
    let root = folder("no-world");
    let mut ask = |questions: &[tasks::ask::Question]| {
        let answer = tasks::ask::Answer::plain("and on it goes".into(), tasks::ask::End::Cut);
        Ok(vec![answer; questions.len()])
    };
    let world = card::World::default();
    let model =
        card::measure(Role::Base, &mut ask, &world, &Limits::default(), card::Beside::default(), 1, &Progress::silent(), &Stop::new())
            .unwrap();
    let run = Run { name: "books".into(), documents: None, base: root.join("base"), practice: None, chat_command: "x".into() };
    let card = card::card(&run, 1, BTreeMap::from([("base".to_owned(), model)]), None).unwrap();
    card::write(&card, &run, &root).unwrap();
    let text = std::fs::read_to_string(root.join("report.md")).unwrap();
    assert!(
        text.contains("and on it goes")
            && !text.contains("From pages to documents")
            && !text.contains("## Practice")
            && !text.contains("NaN"),
        "{text}"
    );
}

#[test]
fn a_stop_ends_between_two_sections() {
    let stop = Stop::new();
    let asked = std::cell::Cell::new(0);
    let mut ask = |_: &[tasks::ask::Question]| {
        asked.set(asked.get() + 1);
        stop.request();
        Ok(vec![])
    };
    let world = card::World::default();
    let outcome = card::measure(Role::Base, &mut ask, &world, &Limits::default(), card::Beside::default(), 1, &Progress::silent(), &stop);
    assert!(matches!(outcome, Err(tasks::Error::Base(base::Error::Stopped))), "{outcome:?}");
    assert_eq!(asked.get(), 1);
}
