//! Real captures, where they lie beside the checkout; they are never part of it.

use std::path::Path;

use corpus::curate::Profile;
use corpus::warc::{Entry, WarcReader};

use super::curate::{config, run, scratch};

#[test]
fn real_captures_are_read_without_damage_and_give_english_text() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/warc"));
    if !folder.is_dir() {
        println!("SKIPPED: there are no real captures at {}", folder.display());
        return;
    }
    let mut responses = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        for entry in WarcReader::open(&entry.unwrap().path()).unwrap() {
            match entry {
                Entry::Record(record) => responses += usize::from(record.header("WARC-Type") == Some("response")),
                Entry::Damaged { offset, why } => panic!("byte {offset}: {why}"),
            }
        }
    }
    assert!(responses > 300, "{responses}");
    let output = scratch("real");
    let (funnel, documents) = run(&config(&[folder], &output, Profile::FineWeb)).unwrap();
    assert!(documents.len() > 10 && documents.iter().all(|document| document.language == "en" && !document.text.is_empty()));
    println!("{}", funnel.table());
    std::fs::remove_dir_all(output).unwrap();
}
