//! The built-in web against the filters, on seeds that nobody looked at: the precision and recall of each verdict, kept pages
//! to the letter, near copies found.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use base::progress::Progress;
use base::stop::Stop;
use corpus::curate::{CurateConfig, Profile, Shelf, curate};
use corpus::documents::{Document, read_documents};
use parquet::file::reader::SerializedFileReader;

use crate::support::{Scratch, answer, schoolhouse};

/// A row of the key, as far as it is needed here.
#[derive(serde::Deserialize)]
#[serde(tag = "row", rename_all = "lowercase")]
enum Row {
    Page { url: String, verdict: String, text: String },
    Fact {},
    Passage {},
    Change {},
}

/// Seeds that nobody tuned a page or a filter on.
const SEEDS: [&str; 4] = ["90210", "31337", "65537", "27182"];

#[test]
fn the_key_is_kept_on_unseen_seeds() {
    let scratch = Scratch::new("world-curate");
    let mut score: BTreeMap<String, Score> = BTreeMap::new();
    for seed in SEEDS {
        let world = scratch.join(format!("world-{seed}"));
        let made = answer(schoolhouse().args(["world", "--quiet", "--size", "smoke", "--seed", seed, "--out"]).arg(&world));
        assert_eq!(made.code, Some(0), "{}", made.stderr);
        let key: Vec<Row> = base::jsonl::read_jsonl(&world.join("answers.jsonl")).unwrap().map(Result::unwrap).collect();

        let shelf = |input: &str, profile| Shelf { inputs: vec![world.join(input)], profile, dump: None };
        let shelves = vec![shelf("web-*.warc.gz", Profile::FineWeb), shelf("schoolbooks.jsonl.gz", Profile::Minimal)];
        let (output, dropped) = (scratch.join(format!("documents-{seed}")), scratch.join(format!("dropped-{seed}")));
        let config = CurateConfig { keep_dropped: Some(dropped.clone()), ..CurateConfig::new(shelves, &output, 2) };
        let funnel = curate(&config, &Progress::silent(), &Stop::new()).unwrap();
        let documents: Vec<Document> = read_documents(&[output]).unwrap().map(Result::unwrap).collect();

        kept_pages_survive(&key, &documents);
        let reasons = reasons(&dropped);
        compare(&key, &documents, &reasons, &mut score);
        assert_eq!(funnel.steps[0].reasons["record/damaged"], n_damaged(&key, &reasons));
    }
    for (verdict, score) in &score {
        assert!(score.precision() >= 0.98 && score.recall() >= 0.98, "{verdict}: {score:?}");
    }
    assert!(score.len() > 33, "{} verdicts only: {:?}", score.len(), score.keys());
}

/// Documents labelled keep are there with their texts to the letter, those with an address of a person or a machine with the
/// stand-in, and nothing else is a document.
fn kept_pages_survive(key: &[Row], documents: &[Document]) {
    let found: HashMap<&str, &Document> = documents.iter().map(|document| (document.url.as_str(), document)).collect();
    for row in key {
        let Row::Page { url, verdict, text } = row else { continue };
        match (verdict.as_str(), found.get(url.as_str())) {
            ("keep", Some(document)) => assert_eq!(document.text, *text, "{url}"),
            ("pii", Some(document)) => {
                let (replaced, counts) = corpus::pii::replace(text);
                assert!(counts.emails + counts.ips > 0, "{url} has an address: {text}");
                assert_eq!(document.text, replaced, "{url}");
            }
            _ => {}
        }
    }
}

/// How often a verdict was given, and how often it should have been.
#[derive(Debug, Default)]
struct Score {
    /// The key and the pipeline say so.
    right: usize,
    /// Pages for which only the pipeline does, with the key's verdicts.
    wrong: Vec<String>,
    /// Pages for which only the key does, with the pipeline's verdicts.
    missed: Vec<String>,
}

impl Score {
    fn precision(&self) -> f64 {
        self.right as f64 / (self.right + self.wrong.len()) as f64
    }

    fn recall(&self) -> f64 {
        self.right as f64 / (self.right + self.missed.len()) as f64
    }
}

/// Adds to each verdict's score how the pipeline judged the key's pages.
fn compare(key: &[Row], documents: &[Document], reasons: &HashMap<String, String>, scores: &mut BTreeMap<String, Score>) {
    let kept: HashSet<&str> = documents.iter().map(|document| document.url.as_str()).collect();
    for row in key {
        let Row::Page { url, verdict, .. } = row else { continue };
        // What is kept with a stand-in is kept, and what a record is dropped for is told more exactly by the pipeline.
        let expected = if verdict == "pii" { "keep" } else { verdict };
        let given = if kept.contains(url.as_str()) { "keep" } else { reasons.get(url).map_or("record", String::as_str) };
        let given = if given.starts_with("record/") { "record" } else { given };
        if given == expected {
            scores.entry(given.to_string()).or_default().right += 1;
        } else {
            scores.entry(given.to_string()).or_default().wrong.push(format!("{expected}: {url}"));
            scores.entry(expected.to_string()).or_default().missed.push(format!("{given}: {url}"));
        }
    }
    assert_eq!(kept.len(), documents.len());
}

/// Why each page was dropped, by its address.
fn reasons(folder: &Path) -> HashMap<String, String> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .flat_map(|path| SerializedFileReader::try_from(path.as_path()).unwrap().into_iter())
        .map(|row| {
            let row = row.unwrap();
            let text = |name: &str| row.get_column_iter().find(|(column, _)| *column == name).map(|(_, field)| field.to_string());
            let unquoted = |name: &str| text(name).unwrap().trim_matches('"').to_string();
            (unquoted("url"), unquoted("reason"))
        })
        .collect()
}

/// How many records of the key are so damaged that not even their address can be read.
fn n_damaged(key: &[Row], reasons: &HashMap<String, String>) -> u64 {
    key.iter().filter(|row| matches!(row, Row::Page { url, verdict, .. } if verdict == "record" && !reasons.contains_key(url))).count()
        as u64
}
