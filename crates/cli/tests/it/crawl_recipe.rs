//! A recipe that begins on the web: a local site is crawled, cleaned and read.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use world::{Size, World, WorldConfig};

use crate::support::{Scratch, answer, schoolhouse};

/// Pages of the site.
const PAGES: usize = 120;

/// Serves the first good pages of a built-in web under `/0`, `/1` and so on, with an index of them; gives the address and a
/// count of requests.
fn serve() -> (String, Arc<AtomicUsize>) {
    let world = World::build(&WorldConfig::new(5, Size::Smoke));
    let good = world.pages().filter(|page| page.status == 200 && page.cut == 0 && page.body.starts_with(b"<!DOCTYPE html>"));
    let mut site: HashMap<String, Vec<u8>> = good.take(PAGES).enumerate().map(|(i, page)| (format!("/{i}"), page.body)).collect();
    let links: String = (0..site.len()).map(|i| format!("<li><a href=\"/{i}\">Page {i}</a></li>")).collect();
    site.insert("/".to_string(), format!("<html><body><ul>{links}</ul></body></html>").into_bytes());
    assert_eq!(site.len(), PAGES + 1);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let requests = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&requests);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counter.fetch_add(1, Ordering::Relaxed);
            respond(stream.unwrap(), &site);
        }
    });
    (address, requests)
}

fn respond(mut stream: TcpStream, site: &HashMap<String, Vec<u8>>) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    let (status, body) = match site.get(first.split(' ').nth(1).unwrap()) {
        Some(body) => ("200 OK", body.as_slice()),
        None => ("404 Not Found", &b""[..]),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
}

#[test]
fn a_recipe_crawls_cleans_and_reads() {
    let (address, requests) = serve();
    let scratch = Scratch::new("crawl-recipe");
    let recipe = format!(
        "[crawl]\nseeds = [\"{address}\"]\npages = 1000\ndelay = 0.0\n[tokenizer]\nvocab_size = 400\n\
         [pretrain]\ndepth = 1\ncontext = 64\ntokens = 4096\nbatch_tokens = 512\n"
    );
    let recipe = scratch.write("local.toml", recipe);
    let out = scratch.join("run");
    let run = || answer(schoolhouse().args(["--quiet", "run"]).arg(&recipe).arg("--out").arg(&out));

    let first = run();
    assert_eq!(first.code, Some(0), "{}", first.stderr);
    assert!(first.stdout.contains(&format!("{} pages of 1 servers", PAGES + 1)), "{}", first.stdout);
    let funnel: corpus::funnel::Funnel = base::files::read_json(&out.join("documents/funnel.json")).unwrap();
    assert!(funnel.output.documents as usize > PAGES / 2, "{}", funnel.table());
    assert!(out.join("base/model.safetensors").is_file());

    let asked = requests.load(Ordering::Relaxed);
    let again = run();
    assert_eq!((again.code, requests.load(Ordering::Relaxed)), (Some(0), asked), "nothing is fetched twice: {}", again.stderr);
}
