//! MB of text a second, on one thread, that each pattern cuts into words.
//!
//! cargo run --release -p tokenizer --example split_speed -- FILES
//! Best and median of rounds; on Linux a round counts only the time that the thread had a processor.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use tokenizer::Pattern;

const ROUNDS: usize = 9;

fn main() {
    let texts: Vec<String> =
        std::env::args().skip(1).map(|path| base::files::read_text(Path::new(&path)).unwrap_or_else(|error| panic!("{error}"))).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let ascii = texts.iter().flat_map(|text| text.bytes()).filter(u8::is_ascii).count();
    println!("{} files, {bytes} bytes, {:.1}% of them ASCII", texts.len(), 100.0 * ascii as f64 / bytes.max(1) as f64);
    for pattern in Pattern::ALL {
        let mut n_words = 0;
        texts.iter().for_each(|text| pattern.for_each_word(text, |_| n_words += 1));
        let by_loop = rates(bytes, || texts.iter().for_each(|text| pattern.for_each_word(text, |word| _ = black_box(word))));
        let by_iterator = rates(bytes, || texts.iter().for_each(|text| pattern.words(text).for_each(|word| _ = black_box(word))));
        println!(
            "{:<12} {n_words:>9} words   for_each_word {:>6.0} MB/s best, {:.0} median   words {:>6.0} best, {:.0} median",
            pattern.name(),
            by_loop[ROUNDS - 1],
            by_loop[ROUNDS / 2],
            by_iterator[ROUNDS - 1],
            by_iterator[ROUNDS / 2],
        );
    }
}

/// MB/s of each round, in rising order.
fn rates(bytes: usize, run: impl Fn()) -> Vec<f64> {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let (start, busy) = (Instant::now(), busy_seconds());
            let mut passes = 0;
            while start.elapsed().as_secs_f64() < 0.1 {
                run();
                passes += 1;
            }
            let seconds = busy_seconds().zip(busy).map_or(start.elapsed().as_secs_f64(), |(now, before)| now - before);
            (passes * bytes) as f64 / 1e6 / seconds
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates
}

/// Seconds that this thread had a processor.
fn busy_seconds() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split(' ').next()?.parse::<f64>().ok()? / 1e9)
}
