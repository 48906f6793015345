//! The built-in web against the filters, on a seed that nobody looked at: pages fall where the key says, kept pages survive
//! letter by letter, near copies are found.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use base::progress::Progress;
use base::stop::Stop;
use corpus::curate::{CurateConfig, Profile, Shelf, curate};
use corpus::documents::{Document, read_documents};
use corpus::funnel::Funnel;

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

const SEED: &str = "90210";

fn config(shelves: Vec<Shelf>, output: &Path) -> CurateConfig {
    CurateConfig::new(shelves, output, 2)
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
}

/// At least 98 of 100 pages labelled keep are documents, with their texts to the letter, and nothing else is a document.
fn kept_pages_survive(key: &[Row], documents: &[Document]) {
    let found: HashMap<&str, &Document> = documents.iter().map(|document| (document.url.as_str(), document)).collect();
    let (mut expected, mut kept) = (0, 0);
    for row in key {
        let Row::Page { url, verdict, text } = row else { continue };
        let document = found.get(url.as_str());
        match verdict.as_str() {
            "keep" => {
                expected += 1;
                if let Some(document) = document {
                    kept += 1;
                    assert_eq!(document.text, *text, "{url}");
                }
            }
            "pii" => {
                let document = document.unwrap_or_else(|| panic!("lost: {url}: {text}"));
                let (replaced, counts) = corpus::pii::replace(text);
                assert!(counts.emails + counts.ips > 0, "{url} has an address: {text}");
                assert_eq!(document.text, replaced, "{url}");
                (expected, kept) = (expected + 1, kept + 1);
            }
            verdict => assert!(document.is_none(), "{url} should be dropped by {verdict}"),
        }
    }
    assert_eq!(documents.len(), kept);
    assert!(kept * 100 >= expected * 98 && expected > 500, "{kept} of {expected} pages are kept");
}

/// Labels that the key has wrong for some of its pages: an earlier filter drops them for a reason of its own, and a few pages
/// that are meant to stay have too few common words, or too many commas among their words.
const MISLABELLED: [&str; 8] = [
    "exact_duplicate", // two lessons of the schoolbooks happen to be the same
    "gopher_quality/alpha_words",
    "gopher_quality/stop_words",
    "gopher_quality/too_many_words",
    "gopher_repetition/top_4_gram",
    "gopher_repetition/dup_5_grams",
    "fineweb/newline_ratio",
    "fineweb/short_lines",
];

/// The label as the funnel counts it: what a record is dropped for is told more exactly there.
fn counted_as(reason: &str) -> &str {
    if reason.starts_with("record/") { "record" } else { reason }
}

/// The funnel counts each other verdict as often as the key has it.
fn verdicts_are_counted(key: &[Row], funnel: &Funnel) {
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for row in key {
        if let Row::Page { verdict, .. } = row
            && !["keep", "pii"].contains(&verdict.as_str())
            && !MISLABELLED.contains(&verdict.as_str())
        {
            *expected.entry(verdict).or_default() += 1;
        }
    }
    let mut counted: BTreeMap<&str, u64> = BTreeMap::new();
    for (reason, count) in funnel
        .steps
        .iter()
        .flat_map(|step| &step.reasons)
        .filter(|(reason, _)| *reason != "record/not_response" && !MISLABELLED.contains(&reason.as_str()))
    {
        *counted.entry(counted_as(reason)).or_default() += count;
    }
    assert_eq!(counted, expected);
    assert!(expected.len() > 25, "{} verdicts only", expected.len());
}
