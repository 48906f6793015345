//! The crawler against a misbehaving web on loopback: what is kept, what is left out, and that nothing is done twice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base::progress::Progress;
use base::stop::Stop;
use corpus::crawl::counts::Counts;
use corpus::crawl::{COUNTS, CrawlConfig, FRONTIER, Outcome, crawl};
use corpus::warc::{Entry, WarcReader, WarcRecord};

use crate::site::{Answer, Site, html, status};

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-crawl-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    folder
}

/// A crawl without pauses, whose waits are too short to be noticed.
fn config(seeds: &[String], out: &Path) -> CrawlConfig {
    let mut config = CrawlConfig::new(seeds.to_vec(), out, "schoolhouse-test/1 (+https://test.example)");
    config.concurrency = 4;
    config.pace.delay = Duration::ZERO;
    config.pace.backoff = Duration::from_millis(1);
    config.pace.longest_wait = Duration::from_millis(20);
    config.pace.retries = 2;
    config.limits.read = Duration::from_millis(300);
    config.limits.max_bytes = 1 << 16;
    config
}

fn run(config: &CrawlConfig) -> Outcome {
    crawl(config, &Progress::silent(), &Stop::new()).unwrap()
}

/// The records of a crawl's files in order.
fn records(out: &Path) -> Vec<WarcRecord> {
    let mut paths: Vec<PathBuf> = fs::read_dir(out).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(".warc.gz"));
    paths.sort();
    let entries = paths.iter().flat_map(|path| WarcReader::open(path).unwrap());
    entries
        .map(|entry| match entry {
            Entry::Record(record) => record,
            damaged => panic!("{damaged:?}"),
        })
        .collect()
}

/// Status and address without its server, of each response that was kept, sorted.
fn kept(out: &Path) -> Vec<String> {
    let responses = records(out).into_iter().filter(|record| record.header("WARC-Type") == Some("response"));
    let mut kept: Vec<String> = responses
        .map(|record| {
            let status = String::from_utf8_lossy(&record.block[9..12]).into_owned();
            let path = record.url().unwrap().splitn(4, '/').nth(3).unwrap().to_string();
            format!("{status} /{path}")
        })
        .collect();
    kept.sort();
    kept
}

fn links(targets: &[&str]) -> String {
    targets.iter().map(|target| format!("<a href=\"{target}\">x</a>\n")).collect()
}

/// Crawls a site from `/` and compares what was kept, what was not, and which links were left out.
fn check(
    name: &str,
    pages: impl Fn(&str, usize) -> Answer + Send + Sync + 'static,
    change: impl Fn(&mut CrawlConfig),
    expected: (&[&str], &[(&str, u64)], &[(&str, u64)]),
) -> (Counts, BTreeMap<String, usize>) {
    let site = Site::serve(pages);
    let out = folder(name);
    let mut config = config(&[format!("{}/", site.root)], &out);
    change(&mut config);
    let counts = run(&config).counts;
    let owned = |rows: &[(&str, u64)]| rows.iter().map(|(reason, n)| (reason.to_string(), *n)).collect::<BTreeMap<_, _>>();
    assert_eq!(kept(&out), expected.0, "{name}: kept");
    assert_eq!(counts.not_kept, owned(expected.1), "{name}: not kept");
    assert_eq!(counts.links_left_out, owned(expected.2), "{name}: links left out");
    assert_eq!(counts.waiting, 0, "{name}");
    let stored: Counts = base::files::read_json(&out.join(COUNTS)).unwrap();
    assert_eq!(stored, counts);
    fs::remove_dir_all(out).unwrap();
    (counts, site.asked())
}

#[test]
fn links_of_all_kinds_are_followed_once() {
    let pages = |path: &str, _| match path {
        "/" => {
            html(links(&["a", "/a#part", "a?utm_source=x", "./sub/", "//[bad", "mailto:x@y.example", "http://elsewhere.example/", "/gone"]))
        }
        "/a" => html("<base href='/other/'>".to_string() + &links(&["b", "../"])),
        "/sub/" => html(links(&["c", "../a", "/nothing?"])),
        "/other/b" | "/sub/c" => html("<a rel=nofollow href=/secret>"),
        "/nothing" => html("<meta name=robots content=nofollow>".to_string() + &links(&["/secret", "/secret2"])),
        "/robots.txt" => status("404 Not Found", vec![]),
        _ => status("404 Not Found", vec![("Content-Type", "text/html".into())]),
    };
    let kept = ["200 /", "200 /a", "200 /nothing", "200 /other/b", "200 /sub/", "200 /sub/c"];
    let left_out = [("link/nofollow", 4), ("link/other_domain", 1), ("link/scheme", 1), ("link/unreadable", 1)];
    let (counts, asked) = check("links", pages, |_| {}, (&kept, &[("status/4xx", 1)], &left_out));
    assert_eq!((counts.pages, counts.found), (6, 7));
    assert!(asked.values().all(|&n| n == 1), "{asked:?}");
}

#[test]
fn redirects_are_records_and_obey_every_rule() {
    let to = |target: &str| status("302 Found", vec![("Location", target.to_string())]);
    let pages = move |path: &str, _| match path {
        "/" => html(links(&["/one", "/loop", "/self", "/off", "/forbidden", "/hop/0", "/odd"])),
        "/one" => to("target"),
        "/target" => html("x"),
        "/loop" => to("/pool"),
        "/pool" => to("/loop"),
        "/self" => to("/self#again"),
        "/off" => to("http://elsewhere.example/"),
        "/forbidden" => to("/private/x"),
        "/odd" => to("http://[::1"),
        "/robots.txt" => html("User-agent: *\nDisallow: /private/"),
        hop => match hop.strip_prefix("/hop/").and_then(|n| n.parse::<u32>().ok()) {
            Some(n) => to(&format!("/hop/{}", n + 1)),
            None => html("never"),
        },
    };
    let mut kept: Vec<String> = ["200 /", "200 /target"].map(String::from).to_vec();
    kept.extend((0..=10).map(|n| format!("302 /hop/{n}")));
    kept.extend(["forbidden", "loop", "odd", "off", "one", "pool", "self"].map(|path| format!("302 /{path}")));
    kept.sort();
    let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
    let left_out = [("link/other_domain", 1), ("link/too_many_redirects", 1), ("link/unreadable", 1)];
    let (counts, asked) = check("redirects", pages, |_| {}, (&kept, &[("robots", 1)], &left_out));
    assert_eq!((counts.pages, counts.redirects), (2, 18));
    assert!(asked.values().all(|&n| n == 1) && !asked.contains_key("/private/x"), "{asked:?}");
}

#[test]
fn traps_end() {
    // A calendar without end, and relative links that grow.
    let calendar = |path: &str, _| match path {
        "/robots.txt" => status("404 Not Found", vec![]),
        path => {
            let month = path.strip_prefix("/?month=").and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
            html(links(&[&format!("/?month={}", month + 1), &format!("/?month={}", month + 2)]))
        }
    };
    let months = ["200 /", "200 /?month=1", "200 /?month=2", "200 /?month=3", "200 /?month=4"];
    let to_five = |config: &mut CrawlConfig| {
        config.pace.server_pages = 5;
        config.concurrency = 1;
    };
    let (counts, _) = check("calendar", calendar, to_five, (&months, &[("server/full", 2)], &[]));
    assert_eq!(counts.found, 7);
    let depth = |config: &mut CrawlConfig| config.depth = Some(2);
    check("depth", calendar, depth, (&months, &[], &[("link/too_deep", 4)]));
    let budget = |config: &mut CrawlConfig| config.depth = Some(0);
    check("start", calendar, budget, (&months[..1], &[], &[("link/too_deep", 2)]));
    let growing = |path: &str, _| match path {
        "/robots.txt" => status("404 Not Found", vec![]),
        _ => html(links(&["a/b/"])),
    };
    let grown = ["200 /", "200 /a/b/", "200 /a/b/a/b/", "200 /a/b/a/b/a/b/"];
    check("growing", growing, |_| {}, (&grown, &[], &[("link/trap", 1)]));
}

#[test]
fn bodies_of_all_kinds() {
    let gzip = |text: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    };
    let noise: String = (0..20_000u32).map(|i| char::from(b'a' + (i.wrapping_mul(2_654_435_761) >> 28) as u8)).collect();
    let whole = format!("<p>{noise}");
    let packed = gzip(whole.as_bytes());
    let raw = |head: &str, body: &[u8]| [format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n{head}\r\n\r\n").as_bytes(), body].concat();
    let typed = |mime: &str, body: &[u8]| Answer::Plain("200 OK", vec![("Content-Type", mime.into())], body.to_vec());
    let pages = move |path: &str, _| match path {
        "/robots.txt" => status("404 Not Found", vec![]),
        "/" => html(links(&[
            "big", "bomb", "chunks", "cut", "gz", "gzbad", "gzcut", "gzlie", "image", "latin", "lie", "none", "old", "pdf", "slow", "xhtml",
        ])),
        "/big" => html(format!("<p>{}", "word ".repeat(100_000))),
        "/bomb" => Answer::Raw(raw("Content-Encoding: gzip\r\nConnection: close", &gzip(&vec![b'x'; 1 << 20]))),
        "/chunks" => Answer::Raw(raw("Transfer-Encoding: chunked\r\nConnection: close", b"3;x=y\r\n<p>\r\n5\r\nwhole\r\n0\r\n\r\n")),
        "/cut" => Answer::Raw(raw("Content-Length: 1000", b"<p>the beginning")),
        "/gz" => Answer::Raw(raw(&format!("Content-Encoding: gzip\r\nContent-Length: {}", packed.len()), &packed)),
        "/gzbad" => Answer::Raw(raw("Content-Encoding: gzip\r\nConnection: close", &[0x1f, 0x8b, 9, 9, 9, 9])),
        "/gzcut" => Answer::Raw(raw("Content-Encoding: gzip\r\nConnection: close", &packed[..packed.len() / 2])),
        "/gzlie" => Answer::Raw(raw("Content-Encoding: gzip\r\nConnection: close", b"<p>plain")),
        "/image" => typed("image/png", b"\x89PNG"),
        "/latin" => typed("text/html; charset=iso-8859-1", b"<p>caf\xe9 <a href=/after-latin>"),
        "/lie" => typed("text/html", b"%PDF-1.7"),
        "/none" => Answer::Raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<!doctype html><p>x".to_vec()),
        "/old" => Answer::Raw(b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<p>old".to_vec()),
        "/pdf" => typed("application/pdf", &[0; 100_000]),
        "/slow" => Answer::Stall(raw("Content-Length: 100", b"<p>slow")),
        "/xhtml" => typed("application/xhtml+xml", b"<p>x</p>"),
        "/after-latin" => html("x"),
        _ => html("never"),
    };
    let site = Site::serve(pages);
    let out = folder("bodies");
    let counts = run(&config(&[format!("{}/", site.root)], &out)).counts;
    let not_kept = [("fetch/encoding", 1), ("type", 3)].map(|(reason, n)| (reason.to_string(), n));
    assert_eq!(counts.not_kept, BTreeMap::from(not_kept));
    let mut found = Vec::new();
    for record in records(&out).iter().filter(|record| record.header("WARC-Type") == Some("response")) {
        let text = String::from_utf8_lossy(&record.block);
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap();
        let begins: String = body.chars().take(12).collect();
        if !text.contains('\u{fffd}') {
            assert_eq!(length, body.len().to_string(), "{head}");
        }
        let path = record.url().unwrap().rsplit('/').next().unwrap();
        let why = record.header("WARC-Truncated").unwrap_or("-");
        let size = if matches!(path, "gzcut" | "") { "some" } else { length };
        found.push(format!("{path} {size} {why} {begins}"));
        assert!(
            !head.to_ascii_lowercase().lines().any(|line| line.starts_with("content-encoding") || line.starts_with("transfer-encoding"))
        );
        assert_eq!(record.header("WARC-IP-Address"), Some("127.0.0.1"));
    }
    found.sort();
    let long = format!("gz {} - {}", whole.len(), &whole[..12]);
    let cut = format!("gzcut some unspecified {}", &whole[..12]);
    let mut expected = vec![
        " some - <a href=\"big",
        "after-latin 1 - x",
        "big 65536 length <p>word word",
        "bomb 65536 length xxxxxxxxxxxx",
        "chunks 8 - <p>whole",
        "cut 16 disconnect <p>the begin",
        &long,
        &cut,
        "gzlie 8 - <p>plain",
        "latin 29 - <p>caf\u{fffd} <a h",
        "none 19 - <!doctype ht",
        "old 6 - <p>old",
        "slow 7 time <p>slow",
        "xhtml 8 - <p>x</p>",
    ];
    expected.sort_unstable();
    assert_eq!(found, expected);
    let asked = site.asked();
    assert_eq!((asked["/cut"], asked["/slow"], asked["/gzcut"], asked["/pdf"]), (3, 3, 1, 1));
    fs::remove_dir_all(out).unwrap();
}

#[test]
fn servers_in_trouble_are_asked_again_and_then_left_alone() {
    let wait = |code: &'static str, seconds: &str| status(code, vec![("Retry-After", seconds.to_string())]);
    let pages = move |path: &str, before: usize| match (path, before) {
        ("/robots.txt", 0) => wait("503 Service Unavailable", "0"),
        ("/robots.txt", _) => status("404 Not Found", vec![]),
        ("/", _) => html(links(&["/busy", "/ill", "/dead"])),
        ("/busy", 0) => wait("429 Too Many Requests", "0"),
        ("/busy", 1) => wait("429 Too Many Requests", "100000"),
        ("/ill", 0) => status("503 Service Unavailable", vec![]),
        ("/dead", _) => Answer::Raw(Vec::new()),
        _ => html("x"),
    };
    let (counts, asked) = check("trouble", pages, |_| {}, (&["200 /", "200 /busy", "200 /ill"], &[("fetch/connection", 1)], &[]));
    let times = [("/", 1), ("/busy", 3), ("/dead", 3), ("/ill", 2), ("/robots.txt", 2)].map(|(path, n)| (path.to_string(), n));
    assert_eq!(asked, BTreeMap::from(times));
    assert!(counts.dropped_servers.is_empty());

    let down = |path: &str, _| match path {
        "/robots.txt" => status("404 Not Found", vec![]),
        "/" => html(links(&["/1", "/2", "/3", "/4", "/5", "/6"])),
        _ => status("500 Internal Server Error", vec![]),
    };
    let few = |config: &mut CrawlConfig| {
        config.pace.failures = 4;
        config.concurrency = 1;
    };
    // Three tries of the first, one of the second, whose failure was the fourth in a row.
    let (counts, asked) = check("down", down, few, (&["200 /"], &[("server/dropped", 5), ("status/5xx", 1)], &[]));
    assert_eq!(counts.dropped_servers.len(), 1);
    assert_eq!(asked.len(), 4, "{asked:?}");

    let shut = |path: &str, _| match path {
        "/robots.txt" => status("500 Internal Server Error", vec![]),
        _ => html("x"),
    };
    let (counts, asked) = check("shut", shut, |_| {}, (&[], &[("server/dropped", 1)], &[]));
    assert_eq!(asked.keys().collect::<Vec<_>>(), ["/robots.txt"]);
    assert_eq!(counts.dropped_servers.values().collect::<Vec<_>>(), ["its robots.txt cannot be read"]);
}

#[test]
fn robots_rules_and_pages_wishes() {
    let pages = |path: &str, _| match path {
        "/robots.txt" => status("301 Moved Permanently", vec![("Location", "/rules.txt".into())]),
        "/rules.txt" => html("User-agent: schoolhouse-test\nDisallow: /private\nAllow: /private/open\n\nUser-agent: *\nDisallow: /"),
        "/" => html(links(&["/private/x", "/private/open", "/hidden", "/header", "/copy", "/loop-a", "/front"])),
        "/hidden" => html("<meta name=robots content=noindex><a href=/found>"),
        "/header" => {
            Answer::Plain("200 OK", vec![("Content-Type", "text/html".into()), ("X-Robots-Tag", "none".into())], links(&["/no"]).into())
        }
        "/copy" => html("<link rel=canonical href=/original><a href=/found>"),
        "/original" => html("<link rel=canonical href=/original>"),
        "/loop-a" => html("<link rel=canonical href=/loop-b>"),
        "/loop-b" => html("<link rel=canonical href=/loop-a>"),
        "/front" => html("<link rel=canonical href=/>"),
        _ => html("x"),
    };
    let kept = ["200 /", "200 /found", "200 /front", "200 /loop-b", "200 /original", "200 /private/open"];
    let not_kept = [("canonical", 2), ("noindex", 2), ("robots", 1)];
    let (_, asked) = check("wishes", pages, |_| {}, (&kept, &not_kept, &[("link/nofollow", 1)]));
    assert!(asked.values().all(|&n| n == 1), "{asked:?}");

    let patient = |path: &str, _| match path {
        "/robots.txt" => html("User-agent: *\nCrawl-delay: 3600"),
        _ => html("x"),
    };
    let (counts, _) = check("patient", patient, |_| {}, (&[], &[("server/dropped", 1)], &[]));
    assert!(counts.dropped_servers.values().next().unwrap().contains("longer pauses"));
}

#[test]
fn public_names_do_not_lead_home() {
    // The seed is on loopback and so allowed; a link by another name to the same machine is not.
    let site = Site::serve(|path, _| match path {
        "/robots.txt" => status("404 Not Found", vec![]),
        _ => html("<a href=http://localhost:1/>x</a><a href=http://10.0.0.1/>x</a><a href=http://[::1]:1/>"),
    });
    let out = folder("home");
    let mut config = config(&[format!("{}/", site.root)], &out);
    config.any_domain = true;
    config.deny = vec!["10.0.0.1".into()];
    let counts = run(&config).counts;
    assert_eq!(counts.not_kept, BTreeMap::from([("fetch/private_address".to_string(), 2)]));
    assert_eq!(counts.links_left_out, BTreeMap::from([("link/denied".to_string(), 1)]));
    fs::remove_dir_all(out).unwrap();
}

/// A site of 60 pages, each of which leads to three others.
fn web(path: &str, _: usize) -> Answer {
    match path.strip_prefix('/').map(str::parse::<u32>) {
        Some(Ok(n)) => html(
            format!("<p>page {n} {}", "word ".repeat(n as usize))
                + &links(&[&format!("/{}", n * 2 % 60), &format!("/{}", (n * 2 + 1) % 60)]),
        ),
        _ if path == "/robots.txt" => status("404 Not Found", vec![]),
        _ => html(links(&["/0", "/1"])),
    }
}

#[test]
fn a_crawl_goes_on_and_fetches_nothing_twice() {
    let out = folder("resume");
    let site = Site::serve(web);
    let mut config = config(&[format!("{}/", site.root)], &out);
    config.warc_bytes = 4000; // so that files roll over
    for pages in [7, 8, 30] {
        config.pace.pages = pages;
        assert_eq!(run(&config).counts.pages, pages);
    }
    config.pace.pages = u64::MAX;
    let counts = run(&config).counts;
    assert_eq!((counts.pages, counts.waiting), (61, 0));
    // Its end is its end.
    assert_eq!(run(&config).counts, counts);
    let asked: BTreeMap<String, usize> = site.asked().into_iter().filter(|(path, _)| path != "/robots.txt").collect();
    assert_eq!(asked.len(), 61);
    assert!(asked.values().all(|&n| n == 1), "{asked:?}");
    let kept = kept(&out);
    assert_eq!(kept.iter().collect::<BTreeSet<_>>().len(), 61);
    assert_eq!(kept.len(), 61);
    assert!(out.join("crawl-00001.warc.gz").exists());
    // The folder can be curated as it is: of its files the pages alone are documents.
    let inputs = corpus::inputs::list(std::slice::from_ref(&out)).unwrap();
    assert!(inputs.iter().all(|file| file.path.to_string_lossy().ends_with(".warc.gz")), "{inputs:?}");
    fs::remove_dir_all(out).unwrap();
}

#[test]
fn a_stop_is_answered_and_the_rest_follows() {
    let out = folder("stop");
    let stop = Stop::new();
    let inner = stop.clone();
    let site = Site::serve(move |path, before| {
        if path == "/20" && before == 0 {
            inner.request();
        }
        web(path, before)
    });
    let config = config(&[format!("{}/", site.root)], &out);
    let first = crawl(&config, &Progress::silent(), &stop).unwrap();
    assert!(first.stopped && first.counts.pages < 61 && first.counts.waiting > 0, "{:?}", first.counts);
    let second = run(&config);
    assert!(!second.stopped);
    assert_eq!(second.counts.pages, 61);
    let twice: Vec<_> = site.asked().into_iter().filter(|(path, n)| *n > 1 && path != "/robots.txt").collect();
    assert!(twice.is_empty(), "{twice:?}");
    fs::remove_dir_all(out).unwrap();
}

/// What a kill leaves at any moment: a journal and a WARC file of any length, where the file is never behind the
/// journal; and what a failing disk leaves, where it is.
#[test]
fn any_cut_is_mended() {
    let out = folder("cut");
    let site = Site::serve(web);
    let config = config(&[format!("{}/", site.root)], &out);
    run(&config);
    let (journal, warc) = (out.join(FRONTIER), out.join("crawl-00000.warc.gz"));
    let (rows, file) = (fs::read(&journal).unwrap(), fs::read(&warc).unwrap());
    let expected = kept(&out);
    for (rows_left, file_left) in [
        (0, 0),
        (rows.len() / 7, file.len()),
        (rows.len() / 3, file.len()),
        (rows.len() - 1, file.len()),
        (rows.len(), file.len() / 2), // pages of the journal are missing from the file
        (rows.len(), 0),
        (rows.len() / 2, file.len() / 5),
    ] {
        fs::write(&journal, &rows[..rows_left]).unwrap();
        fs::write(&warc, &file[..file_left]).unwrap();
        let counts = run(&config).counts;
        assert_eq!((counts.pages, counts.waiting), (61, 0), "{rows_left} {file_left}");
        assert_eq!(kept(&out), expected, "{rows_left} {file_left}");
    }
    fs::remove_dir_all(out).unwrap();
}

#[test]
fn what_cannot_be_crawled_is_refused_with_a_remedy() {
    let out = folder("refused");
    let refusal = |seeds: &[&str], change: &dyn Fn(&mut CrawlConfig)| {
        let seeds: Vec<String> = seeds.iter().map(|seed| seed.to_string()).collect();
        let mut config = config(&seeds, &out);
        change(&mut config);
        crawl(&config, &Progress::silent(), &Stop::new()).unwrap_err().to_string()
    };
    for (seeds, expected) in
        [(&[][..], "give at least one address"), (&["http://"], "give an address such as"), (&["ftp://a.example"], "ftp://a.example is no")]
    {
        assert!(refusal(seeds, &|_| {}).contains(expected), "{seeds:?}");
    }
    assert!(refusal(&["http://93.184.216.34/"], &|config| config.agent = "bot/1".into()).contains("--agent"));
    assert!(refusal(&["http://127.0.0.1:1/"], &|config| config.agent = "b\u{f6}t".into()).contains("plain ASCII"));
    fs::create_dir_all(&out).unwrap();
    fs::write(out.join("letter.txt"), "x").unwrap();
    assert!(refusal(&["http://127.0.0.1:1/"], &|_| {}).contains("choose another folder"));
    fs::remove_dir_all(out).unwrap();
}
