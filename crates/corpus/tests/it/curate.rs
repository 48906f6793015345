//! Curating small inputs of every kind.

use std::fs;
use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use corpus::curate::{CurateConfig, PiiPolicy, Profile, Rank, Shelf, curate, curate_rank};
use corpus::documents::{Document, read_documents};
use corpus::funnel::{Funnel, Step};
use corpus::warc::{WarcPage, WarcWriter};

/// A fresh folder for one test.
pub fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-corpus-it-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn shelf(inputs: &[&Path], profile: Profile) -> Shelf {
    Shelf { inputs: inputs.iter().map(|path| path.to_path_buf()).collect(), profile, dump: None }
}

/// A configuration with the usual answers.
pub fn config(inputs: &[&Path], output: &Path, profile: Profile) -> CurateConfig {
    CurateConfig::new(vec![shelf(inputs, profile)], output, 2)
}

/// Runs and reads back what was written.
pub fn run(config: &CurateConfig) -> Result<(Funnel, Vec<Document>), String> {
    let funnel = curate(config, &Progress::silent(), &Stop::new()).map_err(|error| error.to_string())?;
    let documents = read_documents(std::slice::from_ref(&config.output)).unwrap().map(Result::unwrap).collect();
    Ok((funnel, documents))
}

/// An HTML page as a record.
pub fn page(url: &str, body: impl Into<Vec<u8>>) -> WarcPage {
    WarcPage {
        url: url.into(),
        date: "2024-05-18T01:58:10Z".into(),
        http_status: 200,
        headers: vec![("Content-Type".into(), "text/html".into())],
        body: body.into(),
    }
}

/// Writes pages into a WARC file.
pub fn write_warc(path: &Path, pages: &[WarcPage]) {
    let mut writer = WarcWriter::new(fs::File::create(path).unwrap(), "web.warc.gz", "2024-05-18T00:00:00Z").unwrap();
    pages.iter().for_each(|page| drop(writer.page(page).unwrap()));
    writer.finish().unwrap();
}

/// A little essay in five paragraphs about a thing. Every fourth word is drawn by the thing, so that essays about two things
/// share few runs of five words and are no near duplicates.
pub fn essay(thing: &str) -> String {
    const WORDS: [&str; 24] = [
        "quiet", "narrow", "golden", "patient", "distant", "wooden", "gentle", "bitter", "hollow", "crooked", "silver", "frozen",
        "ancient", "humble", "restless", "faded", "stubborn", "painted", "northern", "weary", "curious", "broken", "sudden", "modest",
    ];
    let mut rng = base::rng::Rng::new(base::rng::label(thing));
    let mut word = || *rng.pick(&WORDS);
    [
        format!(
            "The {} {thing} of our {} town has a {} and winding {} history that few {} people remember.",
            word(),
            word(),
            word(),
            word(),
            word()
        ),
        format!(
            "My {} grandmother told me {} times that the first {thing} was {} brought here by a {} merchant in the {} spring of a {} year.",
            word(),
            word(),
            word(),
            word(),
            word(),
            word()
        ),
        format!(
            "He had walked for {} days over the {} mountains, and his {} shoes were worn {} to the soles.",
            word(),
            word(),
            word(),
            word()
        ),
        format!(
            "Nobody wanted the {} goods from him, but a {} baker took pity and gave {} bread for the {} {thing}.",
            word(),
            word(),
            word(),
            word()
        ),
        format!(
            "That is why a {} loaf hangs above the {} door of the hall, and why {} children still leave {} crumbs there.",
            word(),
            word(),
            word(),
            word()
        ),
    ]
    .join("\n")
}

/// The essay as a page with a menu and a footer.
pub fn essay_page(thing: &str) -> String {
    let paragraphs: String = essay(thing).lines().map(|line| format!("<p>{line}</p>\n")).collect();
    format!(
        "<!DOCTYPE html><html><head><title>{thing}</title></head><body><nav><ul><li><a href=/>Home</a></li><li><a href=/a>About</a></li></ul></nav>\
         <article>{paragraphs}</article><footer><p>All rights reserved.</p></footer></body></html>"
    )
}

fn step<'a>(funnel: &'a Funnel, name: &str) -> &'a Step {
    funnel.steps.iter().find(|step| step.name == name).unwrap_or_else(|| panic!("no step {name} in {funnel:?}"))
}

const THINGS: [&str; 6] = ["clock", "goose", "ladder", "trumpet", "kettle", "lantern"];

#[test]
fn pages_become_documents_in_their_order() {
    let folder = scratch("order");
    let warc = folder.join("web-00000.warc.gz");
    let mut pages: Vec<WarcPage> = THINGS.iter().map(|thing| page(&format!("http://town.example/{thing}"), essay_page(thing))).collect();
    pages.push(page("http://town.example/copy", essay_page("goose")));
    pages.push(page("http://town.example/casino/clock", essay_page("clock")));
    write_warc(&warc, &pages);
    let (funnel, documents) = run(&config(&[&warc], &folder.join("out"), Profile::FineWeb)).unwrap();
    assert_eq!(documents.len(), THINGS.len());
    for (document, thing) in documents.iter().zip(THINGS) {
        assert_eq!(document.text, essay(thing));
        assert_eq!(document.url, format!("http://town.example/{thing}"));
        assert_eq!(
            (document.dump.as_str(), document.file_path.as_str(), document.language.as_str()),
            ("web-00000", "web-00000.warc.gz", "en")
        );
        assert_eq!(document.date, "2024-05-18T01:58:10Z");
        assert!(document.id.starts_with("<urn:uuid:") && document.token_count > 90);
    }
    assert_eq!((funnel.input.files, funnel.input.records), (1, 9));
    assert_eq!(funnel.input.bytes, fs::metadata(&warc).unwrap().len());
    assert_eq!(step(&funnel, "record").reasons["record/not_response"], 1);
    assert_eq!(step(&funnel, "url").reasons["url_word"], 1);
    assert_eq!(step(&funnel, "exact_duplicate").reasons["exact_duplicate"], 1);
    let mut left = funnel.input.records;
    for step in &funnel.steps {
        assert_eq!(step.kept + step.dropped, left, "{}", step.name);
        assert_eq!(step.dropped, step.reasons.values().sum::<u64>());
        left = step.kept;
    }
    assert_eq!(funnel.output.documents, left);
    assert_eq!(base::files::read_json::<Funnel>(&folder.join("out/funnel.json")).unwrap(), funnel);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_place() {
    let folder = scratch("threads");
    let pages: Vec<WarcPage> =
        (0..60).map(|i| page(&format!("http://town.example/{i}"), essay_page(&format!("{} {}", THINGS[i % 6], i / 12)))).collect();
    let outputs = [1, 2, 5].map(|threads| {
        let place = folder.join(format!("place-{threads}"));
        fs::create_dir_all(&place).unwrap();
        write_warc(&place.join("web.warc.gz"), &pages);
        let config = CurateConfig { threads, ..config(&[&place.join("web.warc.gz")], &place.join("out"), Profile::FineWeb) };
        run(&config).unwrap();
        ["documents-00000.parquet", "funnel.json"].map(|name| base::files::hash_file(&place.join("out").join(name)).unwrap())
    });
    assert!(outputs.iter().all(|hashes| *hashes == outputs[0]), "{outputs:?}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn shelves_pass_the_minimal_profile() {
    let folder = scratch("minimal");
    let german = "Die Stadt liegt am Fluss, und ihre Bewohner sind stolz auf die alte Brücke. ".repeat(10);
    let rows = [
        r#"{"text":"3 + 4 = 7","url":"http://school.example/1","date":"2024-01-01","id":"a"}"#.to_string(),
        r#"{"text":"Spell goose. g o o s e"}"#.to_string(),
        r#"{"text":"3 + 4 = 7","id":"b"}"#.to_string(),
        format!("{{\"text\":{german:?}}}"),
        r#"{"text":"two: dos; night: noche; window: ventana; rabbit: conejo"}"#.to_string(),
        r#"{"text":"  \n "}"#.to_string(),
        "{broken".to_string(),
    ];
    fs::write(folder.join("schoolbooks.jsonl"), rows.join("\n")).unwrap();
    fs::write(folder.join("tale.txt"), essay("goose")).unwrap();
    let mut config = config(&[&folder.join("*.jsonl"), &folder.join("tale.txt")], &folder.join("out"), Profile::Minimal);
    config.shelves[0].dump = Some("school".into());
    let (funnel, documents) = run(&config).unwrap();
    let outline: Vec<(&str, &str)> =
        documents.iter().map(|document| (document.id.as_str(), document.text.lines().next().unwrap())).collect();
    let first_line = essay("goose").lines().next().unwrap().to_string();
    let expected = [
        ("a", "3 + 4 = 7"),
        ("schoolbooks.jsonl/2", "Spell goose. g o o s e"),
        ("schoolbooks.jsonl/5", "two: dos; night: noche; window: ventana; rabbit: conejo"),
        ("tale.txt/1", first_line.as_str()),
    ];
    assert_eq!(outline, expected);
    assert!(documents[2].language_score < 0.5, "a list of words in two languages is no sure English");
    assert!(documents.iter().all(|document| document.dump == "school"));
    assert_eq!(documents[0].url, "http://school.example/1");
    let names: Vec<&str> = funnel.steps.iter().map(|step| step.name.as_str()).collect();
    assert_eq!(names, ["record", "extract", "language", "exact_duplicate"]);
    assert_eq!(step(&funnel, "record").reasons["record/damaged"], 1);
    assert_eq!(step(&funnel, "extract").reasons["extract_empty"], 1);
    assert_eq!(step(&funnel, "language").dropped, 1);
    assert_eq!(step(&funnel, "exact_duplicate").dropped, 1);
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn shelves_of_both_profiles_make_one_collection() {
    let folder = scratch("both");
    let warc = folder.join("web.warc.gz");
    let short = page("http://town.example/short", "<p>Too short a page to be kept by the rules for the web.</p>");
    write_warc(&warc, &[page("http://town.example/goose", essay_page("goose")), short]);
    fs::write(folder.join("books.jsonl"), format!("{{\"text\":\"2 + 2 = 4\"}}\n{{\"text\":{:?}}}\n", essay("goose"))).unwrap();
    let mut config = config(&[&warc], &folder.join("out"), Profile::FineWeb);
    config.shelves.push(shelf(&[&folder.join("books.jsonl")], Profile::Minimal));
    let (funnel, documents) = run(&config).unwrap();
    assert_eq!(documents.iter().map(|document| document.dump.as_str()).collect::<Vec<_>>(), ["web", "books"]);
    assert_eq!(documents[1].text, "2 + 2 = 4");
    assert_eq!(funnel.profile, "fineweb + minimal");
    let flow: Vec<(&str, u64, u64)> = funnel.steps.iter().map(|step| (step.name.as_str(), step.kept, step.dropped)).collect();
    let expected = [
        ("record", 4, 1),
        ("url", 4, 0),
        ("extract", 4, 0),
        ("language", 4, 0),
        ("gopher_repetition", 3, 1),
        ("gopher_quality", 3, 0),
        ("c4", 3, 0),
        ("fineweb", 3, 0),
        ("exact_duplicate", 2, 1),
        ("minhash", 2, 0),
        ("pii", 2, 0),
    ];
    assert_eq!(flow, expected);
    fs::remove_dir_all(folder).unwrap();
}

/// The first of near duplicates stays; addresses of people get stand-ins, or cost the page, as asked.
#[test]
fn near_duplicates_go_and_addresses_are_replaced() {
    let folder = scratch("near");
    let warc = folder.join("web.warc.gz");
    let page_of = |url: &str, text: &str| page(url, format!("<article><p>{}</p></article>", text.replace('\n', "</p><p>")));
    let goose = essay("goose");
    // One word of the last line differs.
    let copy = goose.replace("children still", "people still");
    assert_ne!(copy, goose);
    let letter = format!("{}\nWrite to the keeper at jane.roe@town-hall.org if you wish to see it.", essay("kettle"));
    write_warc(
        &warc,
        &[page_of("http://a.example/1", &goose), page_of("http://b.example/2", &copy), page_of("http://c.example/3", &letter)],
    );
    let usual = config(&[&warc], &folder.join("out"), Profile::FineWeb);
    let (funnel, documents) = run(&usual).unwrap();
    assert_eq!(documents.iter().map(|document| document.url.as_str()).collect::<Vec<_>>(), ["http://a.example/1", "http://c.example/3"]);
    assert_eq!(step(&funnel, "minhash").reasons["minhash"], 1);
    assert!(documents[1].text.ends_with("at email@example.com if you wish to see it."), "{}", documents[1].text);
    let (funnel, documents) = run(&CurateConfig { pii: PiiPolicy::Drop, ..usual.clone() }).unwrap();
    assert_eq!((documents.len(), step(&funnel, "pii").reasons["pii/email"]), (1, 1));
    let (_, documents) = run(&CurateConfig { pii: PiiPolicy::Keep, ..usual }).unwrap();
    assert!(documents[1].text.contains("jane.roe@town-hall.org"));
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn documents_can_be_curated_again() {
    let folder = scratch("again");
    let warc = folder.join("web.warc.gz");
    write_warc(&warc, &THINGS.map(|thing| page(&format!("http://town.example/{thing}"), essay_page(thing))));
    let (_, first) = run(&config(&[&warc], &folder.join("one"), Profile::FineWeb)).unwrap();
    let (_, second) = run(&config(&[&folder.join("one")], &folder.join("two"), Profile::FineWeb)).unwrap();
    assert_eq!(first, second);
    fs::remove_dir_all(folder).unwrap();
}

/// Three files of some records each.
fn three_files(folder: &Path) -> Vec<PathBuf> {
    let file = |file: usize| {
        let path = folder.join(format!("web-{file}.warc.gz"));
        let thing = |i: usize| format!("{} number {}", THINGS[i % 6], i / 7);
        let pages: Vec<WarcPage> =
            (file * 20..file * 20 + 20).map(|i| page(&format!("http://town.example/{i}"), essay_page(&thing(i)))).collect();
        write_warc(&path, &pages);
        path
    };
    (0..3).map(file).collect()
}

/// All files of a folder and their hashes.
fn hashes(folder: &Path) -> Vec<(String, String)> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut hashes: Vec<_> = names.filter(|name| name != "timing.json").map(|name| (name.clone(), folder.join(name))).collect();
    hashes.sort();
    hashes.into_iter().map(|(name, path)| (name, base::files::hash_file(&path).unwrap())).collect()
}

/// Stopped after any task, done by ranks in any order, killed while it wrote the last files: the bytes are the same.
#[test]
fn interruptions_and_ranks_end_with_the_same_bytes() {
    let folder = scratch("resume");
    let files = three_files(&folder);
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let usual = config(&files, &folder.join("whole"), Profile::FineWeb);
    let whole = CurateConfig { keep_dropped: Some(folder.join("dropped")), task_bytes: 1, ..usual };
    run(&whole).unwrap();
    let expected = (hashes(&whole.output), hashes(&folder.join("dropped")));
    assert!(expected.0.iter().map(|(name, _)| name.as_str()).eq(["documents-00000.parquet", "examples.json", "funnel.json"]));
    assert!(expected.1.len() == 4, "three tasks and the duplicates: {:?}", expected.1);

    let parts = CurateConfig { output: folder.join("parts"), keep_dropped: Some(folder.join("dropped-parts")), ..whole.clone() };
    let rank = |rank, ranks| curate_rank(&parts, Rank { rank, ranks }, &Progress::silent(), &Stop::new()).unwrap();
    assert_eq!(rank(2, 3), 1);
    assert_eq!(rank(2, 3), 0, "it is done");
    fs::create_dir_all(parts.output.join("work/.task-00000.partial")).unwrap(); // as a kill leaves it
    fs::write(parts.output.join("documents-00000.parquet"), "half").unwrap();
    let of_another_rank = parts.output.join("work/.task-00001.partial");
    fs::create_dir_all(&of_another_rank).unwrap();
    assert_eq!(rank(0, 2), 1);
    assert!(of_another_rank.exists(), "another rank may be at work on it");
    let other = CurateConfig { languages: vec!["de".into()], ..parts.clone() };
    assert!(run(&other).unwrap_err().contains("holds the beginnings of a curation of other files or with other settings"));
    run(&parts).unwrap();
    assert_eq!((hashes(&parts.output), hashes(&folder.join("dropped-parts"))), expected);
    assert!(curate_rank(&parts, Rank { rank: 3, ranks: 3 }, &Progress::silent(), &Stop::new()).is_err());
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn requests_that_cannot_be_carried_out_are_sentences() {
    let folder = scratch("refused");
    let text = folder.join("a.txt");
    fs::write(&text, essay("goose")).unwrap();
    let refusal = |config: &CurateConfig| run(config).unwrap_err();
    let usual = config(&[&text], &folder.join("out"), Profile::FineWeb);
    let languages = |list: &[&str]| list.iter().map(|code| code.to_string()).collect();
    assert!(
        refusal(&CurateConfig { languages: languages(&["english"]), ..usual.clone() })
            .contains("\"english\" is not known; use two letters")
    );
    assert!(refusal(&CurateConfig { languages: languages(&[]), ..usual.clone() }).contains("no language to keep"));
    let nothing = refusal(&CurateConfig { languages: languages(&["fr"]), ..usual.clone() });
    assert!(
        nothing.starts_with("nothing is left of 1 records: the filter language dropped 1; ") && nothing.contains("funnel.json says why"),
        "{nothing}"
    );
    assert!(refusal(&config(&[&folder.join("no.warc.gz")], &folder.join("out"), Profile::FineWeb)).contains("there is no such file"));
    fs::write(folder.join("fake.warc.gz"), "no gzip").unwrap();
    assert!(refusal(&config(&[&folder.join("fake.warc.gz")], &folder.join("out"), Profile::FineWeb)).contains("is no WARC file"));
    let stop = Stop::new();
    stop.request();
    assert_eq!(curate(&usual, &Progress::silent(), &stop).unwrap_err().to_string(), "stopped on request");
    fs::remove_dir_all(folder).unwrap();
}
