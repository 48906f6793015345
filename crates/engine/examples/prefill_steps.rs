//! Prints how long running answers wait while a long prompt is read beside them, and how fast it is read, for several bounds
//! on the tokens of a step.
//!
//! `cargo run --release -p engine --example prefill_steps [THREADS]`

use std::time::Instant;

use engine::{Engine, EngineConfig, Next, Request, Sampling};
use model::{Config, Model};

const PROMPT: usize = 800;
const BESIDE: usize = 8;

fn main() {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(processors);
    let config = Config::from_depth(6, 8192, 1024);
    let model = Model::new(config, 1);
    println!("{} parameters, {threads} threads, {}", model.params.layout.len, tensor::instruction_set());
    println!("{BESIDE} answers run, and a prompt of {PROMPT} tokens is read beside them");
    let bounds = [16, 64, 128, 256, 512, PROMPT];
    let mut pause = bounds.map(|_| f64::MAX);
    let mut seconds = pause;
    // The machine may be shared: the bounds take turns, and the best of several rounds is told.
    for round in 0..4 {
        for (place, &prefill_tokens) in bounds.iter().enumerate() {
            let config = EngineConfig { prefill_tokens, ..EngineConfig::new(BESIDE + 1, 1024, threads) };
            let (longest, whole) = pauses(&mut Engine::new(&model, config), round);
            pause[place] = pause[place].min(longest);
            seconds[place] = seconds[place].min(whole);
        }
    }
    for ((bound, pause), seconds) in bounds.iter().zip(pause).zip(seconds) {
        let (pause, rate) = (pause * 1e3, PROMPT as f64 / seconds);
        println!("{bound:>5} tokens a step: answers wait {pause:>6.1} ms at most, the prompt is read at {rate:>5.0} tokens/s");
    }
}

/// The longest pause of a running answer while the long prompt is read, and how long that takes, in seconds.
fn pauses(engine: &mut Engine, round: u32) -> (f64, f64) {
    let prompt = |n: usize, own: u32| (0..n as u32).map(|at| (own * 7919 + round * 31 + at * 104_729 + at * at * 37) % 8192).collect();
    // One short answer ends at once and makes room for the long prompt.
    let ask = |own: u32| Request::new(prompt(8, own), if own == 0 { 4 } else { 120 }, Sampling::greedy(), 1);
    let mut requests: Vec<Request> = (0..=BESIDE as u32).map(ask).collect();
    requests.push(Request::new(prompt(PROMPT, 99), 1, Sampling::greedy(), 1));
    let (mut last, mut began, mut longest, mut seconds) = (Instant::now(), None, 0.0f64, 0.0);
    let mut written = 0;
    engine
        .generate_while(&requests, &mut |request, _| {
            let now = Instant::now();
            written += usize::from(request == 0);
            match (request, began) {
                (0, _) if written == 4 => began = Some(now),
                (1, Some(_)) => longest = longest.max((now - last).as_secs_f64()),
                _ => {}
            }
            if request == 1 {
                last = now;
            }
            match began {
                Some(began) if request == BESIDE + 1 => {
                    seconds = (now - began).as_secs_f64();
                    Next::EndAll
                }
                _ => Next::Continue,
            }
        })
        .expect("valid requests");
    (longest, seconds)
}
