//! Damaged pages and archives by the million: `cargo run -p corpus --release --example mutate -- COUNT [SEED] [WEIGHT]`.
//!
//! Prints how many gave text, how many were dropped, and the slowest page; a panic ends with the page's number, and
//! the same seed and number make the same page again. WEIGHT bounds the size of pages: 100 gives some of many megabytes.

#[path = "../tests/it/mutants.rs"]
mod mutants;

use std::process::ExitCode;

fn main() -> ExitCode {
    let number = |i: usize, default: u64| std::env::args().nth(i).map_or(Ok(default), |arg| arg.parse());
    let (Ok(count), Ok(seed), Ok(weight)) = (number(1, 10_000), number(2, 1), number(3, 1)) else {
        eprintln!("mutate: COUNT, SEED and WEIGHT are whole numbers");
        return ExitCode::FAILURE;
    };
    let tally = mutants::run_pages(seed, 0, count, weight as usize);
    let (took, slowest, bytes) = tally.slowest;
    println!("{count} pages: {} gave text, {} were dropped, {} panicked", tally.texts, tally.dropped, tally.panics.len());
    println!("slowest: page {slowest} of {bytes} bytes, {:.1} ms", took.as_secs_f64() * 1e3);
    let file = std::env::temp_dir().join(format!("schoolhouse-mutate-{}.warc.gz", std::process::id()));
    let archives = count / 50;
    let whole: usize = (0..archives).map(|archive| mutants::run_archive(seed, archive, 5, &file)).sum();
    let _ = std::fs::remove_file(file);
    println!("{archives} archives of 5 pages: {whole} pages came out");
    if tally.panics.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
