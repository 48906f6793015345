//! Pages and files made to hurt: each costs itself, and what stands beside it survives.

use std::fs;

use corpus::curate::Profile;
use corpus::warc::WarcPage;

use super::curate::{config, essay, essay_page, page, run, scratch, write_warc};

#[test]
fn each_hostile_page_is_dropped_for_its_reason() {
    let folder = scratch("hostile");
    let warc = folder.join("web.warc.gz");
    let with_type = |content_type: &str, body: &[u8]| WarcPage {
        headers: vec![("Content-Type".into(), content_type.into())],
        ..page("http://a.example/t", body)
    };
    let hostile: Vec<(WarcPage, &str)> = vec![
        (page("http://a.example/large", vec![b'x'; 50 << 20]), "extract_too_large"),
        (page("http://a.example/tags", "<p>a".repeat(100_001)), "extract_too_large"),
        (page("http://a.example/deep", "<div>".repeat(100_000)), "extract_too_deep"),
        (page("http://a.example/font", "<font color=red><b>".repeat(100_000)), "extract_too_deep"),
        (page("http://a.example/utf8", b"caf\xc3\xa9 na\xc3\xafve \xff\xfe r\xc3\xa9sum\xc3\xa9".to_vec()), "record/undecodable"),
        (page("http://a.example/empty", ""), "extract_empty"),
        (page("http://a.example/pdf", "%PDF-1.7 ..."), "record/not_html"),
        (with_type("application/json", b"{}"), "record/not_html"),
        (WarcPage { http_status: 404, ..page("http://a.example/404", essay_page("hat")) }, "record/status"),
        (page("http://a.example/open", format!("<!-- {}", essay_page("hat"))), "extract_empty"),
        (page("http://a.example/nul", "\0".repeat(5000)), "extract_empty"),
    ];
    let mut pages = Vec::new();
    for (i, (page_of, _)) in hostile.iter().enumerate() {
        pages.push(page_of.clone());
        pages.push(page(&format!("http://b.example/{i}"), essay_page(&format!("hat number {i}"))));
    }
    write_warc(&warc, &pages);
    let (funnel, documents) = run(&config(&[&warc], &folder.join("out"), Profile::FineWeb)).unwrap();
    let texts: Vec<&str> = documents.iter().map(|document| document.text.as_str()).collect();
    let expected: Vec<String> = (0..hostile.len()).map(|i| essay(&format!("hat number {i}"))).collect();
    assert_eq!(texts, expected);
    let mut counted: Vec<&str> = funnel
        .steps
        .iter()
        .flat_map(|step| &step.reasons)
        .flat_map(|(reason, &count)| std::iter::repeat_n(reason.as_str(), count as usize))
        .collect();
    let mut named: Vec<&str> = hostile.iter().map(|(_, reason)| *reason).chain(["record/not_response"]).collect();
    counted.sort_unstable();
    named.sort_unstable();
    assert_eq!(counted, named);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_damaged_file_costs_the_damaged_records() {
    let folder = scratch("damaged");
    let warc = folder.join("web.warc.gz");
    let things = ["clock", "goose", "ladder", "trumpet"];
    write_warc(&warc, &things.map(|thing| page(&format!("http://town.example/{thing}"), essay_page(thing))));
    let whole = fs::read(&warc).unwrap();
    let texts = |bytes: &[u8]| {
        fs::write(&warc, bytes).unwrap();
        let (funnel, documents) = run(&config(&[&warc], &folder.join("out"), Profile::FineWeb)).unwrap();
        let damaged = funnel.steps[0].reasons.get("record/damaged").copied().unwrap_or(0);
        (documents.iter().map(|document| document.url.rsplit('/').next().unwrap().to_string()).collect::<Vec<_>>(), damaged)
    };
    assert_eq!(texts(&whole), (things.map(String::from).to_vec(), 0));
    assert_eq!(texts(&whole[..whole.len() - 100]), (things[..3].iter().map(|thing| thing.to_string()).collect(), 1));
    let mut flipped = whole.clone();
    let starts: Vec<usize> = whole.windows(3).enumerate().filter(|(_, window)| *window == [0x1f, 0x8b, 8]).map(|(at, _)| at).collect();
    flipped[starts[2] + 200..starts[2] + 260].fill(0xff);
    assert_eq!(texts(&flipped), (vec!["clock".into(), "ladder".into(), "trumpet".into()], 1));
    fs::remove_dir_all(folder).unwrap();
}
