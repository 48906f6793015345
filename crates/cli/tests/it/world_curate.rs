//! The built-in web against the filters, on a seed that nobody looked at: every page falls where the key says, every
//! kept page survives letter by letter, and facts are told as often as the key counts.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;

use base::progress::Progress;
use base::stop::Stop;
use corpus::curate::{CurateConfig, FUNNEL, Profile, Shelf, curate};
use corpus::documents::{Document, read_documents};
use corpus::funnel::Funnel;
use corpus::warc::{Entry, WarcReader, WarcWriter};

use crate::support::{Scratch, answer, schoolhouse};

/// A row of the key, as far as it is needed here.
#[derive(serde::Deserialize)]
#[serde(tag = "row", rename_all = "lowercase")]
enum Row {
    Page { url: String, shelf: String, kind: String, verdict: String, text: String },
    Fact { subject: String, kind: String, exposures: usize, split: String },
    Passage { name: String, text: String, exposures: usize },
    Change {},
}

const SEED: &str = "90210";

fn config(shelves: Vec<Shelf>, output: &Path) -> CurateConfig {
    CurateConfig { shelves, output: output.to_path_buf(), languages: vec!["en".into()], url_lists: None, threads: 2 }
}

fn shelf(input: &Path, profile: Profile) -> Shelf {
    Shelf { inputs: vec![input.to_path_buf()], profile, dump: None }
}

#[test]
fn the_key_is_kept_on_an_unseen_seed() {
    let scratch = Scratch::new("world-curate");
    let world = scratch.join("world");
    let made = answer(schoolhouse().args(["world", "--quiet", "--size", "smoke", "--seed", SEED, "--out"]).arg(&world));
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let key: Vec<Row> = base::jsonl::read_jsonl(&world.join("answers.jsonl")).unwrap().map(Result::unwrap).collect();

    let shelves = vec![shelf(&world.join("web-*.warc.gz"), Profile::FineWeb), shelf(&world.join("schoolbooks.jsonl.gz"), Profile::Minimal)];
    let output = scratch.join("documents");
    let funnel = curate(&config(shelves, &output), &Progress::silent(), &Stop::new()).unwrap();
    let documents: Vec<Document> = read_documents(&[output]).unwrap().map(Result::unwrap).collect();

    kept_pages_survive(&key, &documents);
    verdicts_are_counted(&key, &funnel);
    facts_are_told_as_often_as_the_key_says(&key, &documents);
    each_verdict_is_reached_alone(&key, &world, &scratch);
}

/// Every page labelled keep is a document with its text, and nothing else is a document.
fn kept_pages_survive(key: &[Row], documents: &[Document]) {
    let found: HashMap<&str, &Document> = documents.iter().map(|document| (document.url.as_str(), document)).collect();
    let mut expected = 0;
    for row in key {
        let Row::Page { url, shelf, kind, verdict, text } = row else { continue };
        let document = found.get(url.as_str());
        match verdict.as_str() {
            "keep" | "pii" => {
                let document = document.unwrap_or_else(|| panic!("lost: {url} ({shelf}, {kind}): {text}"));
                assert_eq!(document.text, *text, "{url}");
                expected += 1;
            }
            "minhash" => expected += 1, // stays until near duplicates are looked for
            verdict => assert!(document.is_none(), "{url} should be dropped by {verdict}"),
        }
    }
    assert_eq!(documents.len(), expected);
}

/// The label as the funnel counts it: what a record is dropped for is told more exactly there.
fn counted_as(reason: &str) -> &str {
    if reason.starts_with("record/") { "record" } else { reason }
}

/// The funnel counts each verdict as often as the key has it.
fn verdicts_are_counted(key: &[Row], funnel: &Funnel) {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for row in key {
        if let Row::Page { verdict, .. } = row
            && !["keep", "pii", "minhash"].contains(&verdict.as_str())
        {
            *expected.entry(verdict).or_default() += 1;
        }
    }
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in funnel.steps.iter().flat_map(|step| &step.reasons).filter(|(reason, _)| *reason != "record/not_response") {
        *counted.entry(counted_as(reason)).or_default() += count;
    }
    assert_eq!(counted, expected);
    assert!(expected.len() > 30, "{} verdicts only", expected.len());
}

/// The pages of each verdict, curated without the others, are dropped for this reason and no other.
fn each_verdict_is_reached_alone(key: &[Row], world: &Path, scratch: &Scratch) {
    let mut verdicts: BTreeMap<&str, HashSet<&str>> = BTreeMap::new();
    for row in key {
        if let Row::Page { url, verdict, shelf, .. } = row
            && shelf == "web"
            && !["keep", "pii", "minhash", "exact_duplicate", "record"].contains(&verdict.as_str())
        {
            verdicts.entry(verdict).or_default().insert(url);
        }
    }
    for (number, (verdict, urls)) in verdicts.iter().enumerate() {
        let warc = scratch.join(format!("{number}.warc.gz"));
        let mut writer = WarcWriter::new(std::fs::File::create(&warc).unwrap(), "one verdict", "2026-01-01T00:00:00Z").unwrap();
        for name in ["web-00000.warc.gz", "web-00001.warc.gz"] {
            for entry in WarcReader::open(&world.join(name)).unwrap() {
                let Entry::Record(record) = entry else { continue };
                if record.url().is_some_and(|url| urls.contains(url)) {
                    let headers: Vec<(&str, &str)> =
                        record.headers.iter().filter(|(name, _)| name != "Content-Length").map(|(name, value)| (name.as_str(), value.as_str())).collect();
                    writer.record(&headers, &record.block).unwrap();
                }
            }
        }
        writer.finish().unwrap();
        let output = scratch.join(format!("verdict-{number}"));
        let refusal = curate(&config(vec![shelf(&warc, Profile::FineWeb)], &output), &Progress::silent(), &Stop::new()).unwrap_err();
        assert!(refusal.to_string().starts_with("nothing is left"), "{verdict}: {refusal}");
        let funnel: Funnel = base::files::read_json(&output.join(FUNNEL)).unwrap();
        let reasons: Vec<(&str, u64)> =
            funnel.steps.iter().flat_map(|step| &step.reasons).map(|(reason, &count)| (reason.as_str(), count)).filter(|(reason, _)| *reason != "record/not_response").collect();
        assert_eq!(reasons, [(*verdict, urls.len() as u64)]);
    }
}

/// Residents and places are told on exactly as many pages of theirs as the key says; those that training never asks
/// about occur nowhere else, and the unseen nowhere at all. Passages stand in as many documents as the key says.
fn facts_are_told_as_often_as_the_key_says(key: &[Row], documents: &[Document]) {
    let kinds: HashMap<&str, &str> =
        key.iter().filter_map(|row| if let Row::Page { url, kind, .. } = row { Some((url.as_str(), kind.as_str())) } else { None }).collect();
    let mut subjects = HashSet::new();
    let mut seen_exposures = HashSet::new();
    for row in key {
        match row {
            Row::Fact { subject, kind, exposures, split } if ["resident", "place"].contains(&kind.as_str()) && subjects.insert(subject) => {
                let telling: Vec<&Document> = documents.iter().filter(|document| document.text.contains(subject.as_str())).collect();
                let own = telling.iter().filter(|document| kinds[document.url.as_str()] == kind).count();
                assert_eq!(own, *exposures, "{subject}");
                if split != "asked" {
                    assert_eq!(telling.len(), own, "{subject} is {split} and stands on other pages too");
                }
                seen_exposures.insert((kind.as_str(), *exposures));
            }
            Row::Passage { name, text, exposures } => {
                let quoting = documents.iter().filter(|document| kinds[document.url.as_str()] != "near_copy" && document.text.contains(text.as_str())).count();
                assert_eq!(quoting, *exposures, "passage {name}");
            }
            _ => {}
        }
    }
    assert!(seen_exposures.len() > 5, "{seen_exposures:?}");
}
