//! MB of text a second, on one thread, of what is done with every text: near duplicates, personal data, language.
//! Counts the time that the thread had a processor where Linux tells it, so that a busy machine does not matter much.
//!
//! cargo run --release -p corpus --example text_speed -- [--model lid.176.ftz] FILES
//! FILES are texts, cut into documents of about 5,000 bytes at blank lines, or .jsonl with a text in each line.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Instant;

use corpus::language::Detector;
use corpus::words::split_words;
use corpus::{minhash, pii};

const ROUNDS: usize = 5;

fn main() {
    let mut args = std::env::args().skip(1);
    let (mut model, mut files) = (None, Vec::new());
    while let Some(arg) = args.next() {
        if arg == "--model" { model = args.next().map(PathBuf::from) } else { files.push(PathBuf::from(arg)) }
    }
    let documents: Vec<String> = files.iter().flat_map(|path| documents(path)).collect();
    let bytes: usize = documents.iter().map(String::len).sum();
    println!("{} documents, {bytes} bytes", documents.len());
    let time = |name: &str, run: &dyn Fn(&str)| {
        let mut rates: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let (start, busy) = (Instant::now(), busy_seconds());
                let mut passes = 0;
                while start.elapsed().as_secs_f64() < 0.2 {
                    documents.iter().for_each(|text| run(text));
                    passes += 1;
                }
                let seconds = busy_seconds().zip(busy).map_or(start.elapsed().as_secs_f64(), |(now, before)| now - before);
                (passes * bytes) as f64 / 1e6 / seconds
            })
            .collect();
        rates.sort_by(f64::total_cmp);
        println!("{name:<42} {:>8.1} MB/s median, {:.1} best", rates[ROUNDS / 2], rates[ROUNDS - 1]);
    };
    time("split_words", &|text| _ = black_box(split_words(text)));
    time("simplify", &|text| _ = black_box(minhash::simplify(text)));
    time("simplify, split_words", &|text| _ = black_box(split_words(&minhash::simplify(text))));
    time("simplify, split, signature", &|text| _ = black_box(minhash::signature_of(text)));
    time("pii::replace", &|text| _ = black_box(pii::replace(text)));
    time("pii::has_pii", &|text| _ = black_box(pii::has_pii(text)));
    let built_in = Detector::BuiltIn;
    time(&built_in.name(), &|text| _ = black_box(built_in.detect(text)));
    if let Some(path) = model {
        let start = Instant::now();
        let detector = Detector::open(Some(&path)).unwrap_or_else(|error| panic!("{error}"));
        println!("{} opened in {:.0} ms", detector.name(), start.elapsed().as_secs_f64() * 1e3);
        time(&detector.name(), &|text| _ = black_box(detector.detect(text)));
    }
}

/// Seconds that this thread had a processor.
fn busy_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}

fn documents(path: &Path) -> Vec<String> {
    let text = base::files::read_text(path).unwrap_or_else(|error| panic!("{error}"));
    if path.extension().is_some_and(|extension| extension == "jsonl") {
        let row = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?["text"].as_str().map(str::to_string);
        return text.lines().filter_map(row).collect();
    }
    let mut documents = vec![String::new()];
    for paragraph in text.split_inclusive("\n\n") {
        if documents.last().is_some_and(|document| document.len() > 5000) {
            documents.push(String::new());
        }
        documents.last_mut().expect("there is one").push_str(paragraph);
    }
    documents
}
