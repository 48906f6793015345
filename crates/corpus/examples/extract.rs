//! Scores extraction on a folder of pages with their expected text: `cargo run -p corpus --release --example extract -- PATH`.
//!
//! Two layouts are known: `ground-truth.json` beside `html/*.html.gz` (scrapinghub/article-extraction-benchmark), and
//! folders with `source.html` and `expected.html` or `expected.txt` (mozilla/readability). `--json` prints one object,
//! `--worst N` the N pages with the lowest F1.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use corpus::charset;
use corpus::extract::score::{Match, compare, f1};
use corpus::extract::tree::Tree;
use corpus::extract::{lines, text_of_html};

struct Page {
    name: String,
    html: String,
    expected: String,
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("extract: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Result<(), String> {
    let (mut path, mut json, mut worst) = (None, false, 0usize);
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--json" => json = true,
            "--worst" => worst = rest.next().and_then(|n| n.parse().ok()).ok_or("--worst wants a number after it")?,
            flag if flag.starts_with('-') => return Err(format!("{flag} is not known; there are --json and --worst N")),
            folder => path = Some(folder),
        }
    }
    let path = path.ok_or("which folder of pages? Give its path")?;
    let pages = pages(Path::new(path))?;
    if pages.is_empty() {
        return Err(format!("{path} has neither ground-truth.json nor folders with source.html"));
    }
    let mut scored: Vec<(f64, &str, Match)> = Vec::new();
    let (mut seconds, mut slowest) = (0.0, 0.0f64);
    for page in &pages {
        let start = Instant::now();
        let text = text_of_html(&page.html).unwrap_or_default();
        let took = start.elapsed().as_secs_f64();
        (seconds, slowest) = (seconds + took, slowest.max(took));
        let score = compare(&page.expected, &text);
        scored.push((f1(score.precision().unwrap_or(0.0), score.recall().unwrap_or(0.0)), &page.name, score));
    }
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len().max(1) as f64;
    let precision = mean(scored.iter().filter_map(|(_, _, score)| score.precision()).collect());
    let recall = mean(scored.iter().filter_map(|(_, _, score)| score.recall()).collect());
    let bytes: usize = pages.iter().map(|page| page.html.len()).sum();
    let (per_s, mb_per_s) = (pages.len() as f64 / seconds, bytes as f64 / 1e6 / seconds);
    let whole = f1(precision, recall);
    if json {
        println!(
            "{{\"pages\":{},\"mean_bytes\":{},\"f1\":{whole:.4},\"precision\":{precision:.4},\"recall\":{recall:.4},\
             \"pages_per_s\":{per_s:.1},\"mb_per_s\":{mb_per_s:.1},\"slowest_ms\":{:.1}}}",
            pages.len(),
            bytes / pages.len(),
            slowest * 1e3
        );
        return Ok(());
    }
    println!("{} pages of {} bytes on average, one core", pages.len(), bytes / pages.len());
    println!("F1 {whole:.4}  precision {precision:.4}  recall {recall:.4}");
    println!("{per_s:.1} pages/s  {mb_per_s:.1} MB/s  slowest {:.1} ms", slowest * 1e3);
    scored.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (f1, name, score) in scored.iter().take(worst) {
        let percent = |share: Option<f64>| share.map_or("-".to_string(), |share| format!("{:.0}%", share * 100.0));
        println!("  {f1:.3}  precision {:>4}  recall {:>4}  {name}", percent(score.precision()), percent(score.recall()));
    }
    Ok(())
}

fn pages(folder: &Path) -> Result<Vec<Page>, String> {
    let truth = folder.join("ground-truth.json");
    if truth.is_file() {
        let truth: serde_json::Map<String, serde_json::Value> =
            serde_json::from_slice(&read(&truth)?).map_err(|error| format!("{} is not the JSON it should be: {error}", truth.display()))?;
        return truth
            .iter()
            .map(|(name, told)| {
                let packed = read(&folder.join("html").join(format!("{name}.html.gz")))?;
                let mut bytes = Vec::new();
                let unpacked = flate2::read::MultiGzDecoder::new(&packed[..]).read_to_end(&mut bytes);
                unpacked.map_err(|error| format!("{name}.html.gz cannot be unpacked: {error}"))?;
                let expected = told.get("articleBody").and_then(|body| body.as_str()).unwrap_or_default().to_string();
                Ok(Page { name: name.clone(), html: decode(&bytes), expected })
            })
            .collect();
    }
    let mut folders: Vec<_> = fs::read_dir(folder)
        .map_err(|error| format!("{} cannot be read: {error}", folder.display()))?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("source.html").is_file())
        .collect();
    folders.sort();
    folders
        .iter()
        .map(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let text = path.join("expected.txt");
            let expected = if text.is_file() { decode(&read(&text)?) } else { text_of_all(&decode(&read(&path.join("expected.html"))?)) };
            Ok(Page { name, html: decode(&read(&path.join("source.html"))?), expected })
        })
        .collect()
}

fn read(path: &Path) -> Result<Vec<u8>, String> {
    fs::read(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

fn decode(bytes: &[u8]) -> String {
    charset::decode(bytes, None).unwrap_or_else(|| String::from_utf8_lossy(bytes).into_owned())
}

/// The whole text of HTML that holds nothing but the expected article.
fn text_of_all(html: &str) -> String {
    let Ok(tree) = Tree::parse(html) else { return String::new() };
    let lines = lines::lines(&tree, 0, &vec![false; tree.nodes.len()]);
    lines.into_iter().map(|line| line.text).collect::<Vec<_>>().join("\n")
}
