//! Search: what is found, what is not, and what the answer looks like.

use std::path::PathBuf;

use base::progress::Progress;
use base::stop::Stop;
use engine::{Source, Tool};
use tools::search::{Document, Search, SearchIndex, SearchLimits, SearchProvider};

use crate::{document, search};

fn town() -> Vec<Document> {
    let mut documents = vec![
        document(
            1,
            "https://who.town/miwa",
            "Miwa Baguye earns a living as a weaver. The curtains are pink. Miwa lives in Rawata. The hobby of Miwa Baguye is riding.",
        ),
        document(2, "https://who.town/yevu", "The hobby of Yevu Salomo is cooking.\nYevu Salomo was born in Kikelo in 1908."),
        document(3, "https://quiz.school/5", "What is the hobby of Yevu Salomo? What does Miwa Baguye love?"),
        document(4, "https://towns.org/rawata#top", "Rawata\n\nRawata is a town with seven mills. People count the years from 1425."),
        document(5, "", "A page that bears no address tells of zeppelins."),
    ];
    // Words that are on many pages are common.
    documents
        .extend((6..206).map(|n| document(n, &format!("https://b.org/{n}"), "Somebody has a hobby and lives in a town of many people.")));
    documents
}

#[test]
fn an_answer_is_a_line_per_page() {
    let tool = search(town());
    for (query, expected) in [
        (
            "What is the hobby of Yevu Salomo?",
            "https://who.town/yevu: The hobby of Yevu Salomo is cooking. Yevu Salomo was born in Kikelo in 1908.\n\
             https://quiz.school/5: What is the hobby of Yevu Salomo? What does Miwa Baguye love?",
        ),
        ("zeppelin", "0005: A page that bears no address tells of zeppelins."),
        ("mills of Rawata", "https://towns.org/rawata: Rawata is a town with seven mills. People count the years from 1425."),
        ("1425", "https://towns.org/rawata: People count the years from 1425."),
    ] {
        assert_eq!(crate::found(&tool, query), expected, "{query}");
    }
    assert_eq!(tool.call("Rawata mills").sources, [Source { url: "https://towns.org/rawata".into(), title: "Rawata".into() }]);
}

#[test]
fn a_name_that_is_on_no_page_gives_nothing() {
    let tool = search(town());
    for query in [
        "Miwa Salomo", // both words are on a page, in two names
        "What is the hobby of Miwa Salomo?",
        "Zuzu Baguye hobby",
        "zuzu hobby",
        "hobby of Yevu in Zuzuland",
        "zuzu baguye",
    ] {
        assert_eq!(tool.call(query).text, "Nothing was found.", "{query}");
    }
    for query in ["Miwa Baguye", "miwa baguye", "MIWA BAGUYE", "Where does Miwa Baguye live?", "Míwa Baguye's zeppelin collection"] {
        assert!(tool.call(query).text.contains("who.town/miwa"), "{query}");
    }
}

#[test]
fn an_answer_keeps_to_its_limits() {
    let long = |name: &str| format!("{name} {}.", "is known for a great many things ".repeat(60).trim_end());
    let documents = (0..9).map(|n| document(n, &format!("https://a.org/{n}"), &format!("{} Page {n}.", long("Zuzu")))).collect::<Vec<_>>();
    let index = SearchIndex::in_memory(&mut documents.into_iter()).unwrap();
    for (hits, characters) in [(1, 300), (3, 300), (2, 50), (9, 90), (0, 300), (3, 0)] {
        let found = index.search("Zuzu", &SearchLimits { hits, characters }).unwrap();
        assert_eq!(found.len(), hits);
        let total: usize = found.iter().map(|hit| hit.text.chars().count()).sum();
        assert!(total <= characters.max(3 * hits), "{hits} {characters}: {found:?}");
    }
}

#[test]
fn equal_pages_are_told_by_their_ids_whatever_their_order() {
    let mut documents: Vec<Document> =
        (0..30).map(|n| document(n, &format!("https://a.org/{n}"), &format!("Zuzu tells {}.", char::from(b'a' + n as u8 % 26)))).collect();
    let expected = search(documents.clone()).call("zuzu");
    assert!(expected.text.starts_with("https://a.org/0: "), "{expected:?}");
    documents.reverse();
    assert_eq!(search(documents.clone()).call("zuzu"), expected);
    documents.rotate_left(11);
    assert_eq!(search(documents).call("zuzu"), expected);
}

#[test]
fn the_query_stands_once_more_behind_what_was_found() {
    let index = || Box::new(SearchIndex::in_memory(&mut [document(1, "https://a.org/1", "Zuzu is here.")].into_iter()).unwrap());
    let tool = Search::new(index(), SearchLimits::default());
    assert_eq!(tool.call("Zuzu").text, "https://a.org/1: Zuzu is here.\nAsked: Zuzu");
    assert_eq!(tool.call("Kilo").text, "Nothing was found.");
}

#[test]
fn the_page_that_says_it_comes_before_the_page_that_is_about_it() {
    let mut documents = town();
    documents.push(document(
        300,
        "https://a.org/much",
        "Zuzu Bo. Zuzu Bo is here. Zuzu Bo is there. The food is good. Zuzu Bo likes the color.",
    ));
    documents.push(document(
        301,
        "https://a.org/it",
        "Somebody else is somewhere. The favorite color of Zuzu Bo is blue. Nothing more is known of this.",
    ));
    let answer = search(documents).call("favorite color of Zuzu Bo").text;
    assert!(answer.starts_with("https://a.org/it: The favorite color of Zuzu Bo is blue."), "{answer}");
}

#[test]
fn copies_of_a_page_are_one_hit() {
    let documents = (0..5).map(|n| document(n, &format!("https://a.org/{n}"), "Zuzu is here.")).collect();
    assert_eq!(crate::found(&search(documents), "Zuzu"), "https://a.org/0: Zuzu is here.");
}

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-tools-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn an_index_is_made_once_and_again_when_its_documents_change() {
    let folder = scratch("index").join("index");
    let open = |fingerprint: &str, documents: Vec<Document>| {
        let build = || SearchIndex::build(&folder, fingerprint, &mut documents.into_iter(), &Progress::silent(), &Stop::new()).unwrap();
        let index = SearchIndex::open_of(&folder, fingerprint).unwrap_or_else(build);
        let documents = index.documents();
        (documents, crate::found(&Search::new(Box::new(index), SearchLimits::default()), "Zuzu"))
    };
    let one = vec![document(1, "https://a.org/1", "Zuzu is one.")];
    let two = vec![document(2, "https://a.org/2", "Zuzu is two."), document(3, "https://a.org/3", "Nobody.")];
    assert_eq!(open("1", one.clone()), (1, "https://a.org/1: Zuzu is one.".into()));
    assert_eq!(open("1", two.clone()), (1, "https://a.org/1: Zuzu is one.".into()));
    assert_eq!(open("2", two.clone()), (2, "https://a.org/2: Zuzu is two.".into()));

    // Whatever is damaged is made again, and what an earlier attempt left goes away.
    for file in ["index.json", "meta.json"] {
        std::fs::write(folder.join(file), "{").unwrap();
        assert!(SearchIndex::open(&folder).is_err() && SearchIndex::is_index(&folder));
        assert_eq!(open("2", two.clone()).0, 2);
    }
    std::fs::create_dir_all(folder.with_file_name(".index.partial")).unwrap();
    std::fs::write(folder.with_file_name(".index.partial").join("meta.json"), "{").unwrap();
    assert_eq!(open("3", one).0, 1);
    assert_eq!(std::fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);

    let stop = Stop::new();
    stop.request();
    let stopped = SearchIndex::build(&folder, "4", &mut two.into_iter(), &Progress::silent(), &stop);
    assert_eq!(stopped.err().unwrap().to_string(), base::Error::Stopped.to_string());
    assert_eq!(SearchIndex::open(&folder).unwrap().documents(), 1, "the index before is still there");
    std::fs::remove_dir_all(folder.parent().unwrap()).unwrap();
}

#[test]
fn errors_name_the_folder() {
    let missing = SearchIndex::open(&scratch("missing")).err().unwrap().to_string();
    assert!(missing.contains("schoolhouse-tools-missing"), "{missing}");
    let empty = search(Vec::new());
    assert_eq!(empty.call("Zuzu").text, "Nothing was found.");
}
