//! Prints how many tokens a second the engine gives at the demo's shape, for one sequence and for many.
//!
//! `cargo run --release -p engine --example decode_speed [THREADS]`

use std::time::Instant;

use engine::{Engine, EngineConfig, Request, Sampling};
use model::{Config, Model};

fn main() {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    let threads = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(processors);
    let config = Config::from_depth(3, 2048, 256);
    let model = Model::new(config, 1);
    println!("{} parameters, vocabulary {}, {threads} threads, {}", model.params.layout.len, config.vocab_size, tensor::instruction_set());
    let usual = Sampling { top_k: 50, top_p: 0.95, ..Sampling::plain(0.8) };
    let cases = [("greedy", Sampling::greedy()), ("temperature 1", Sampling::plain(1.0)), ("top-k 50, top-p 0.95", usual)];
    for (slots, requests, prompt, length) in [(1, 4, 30, 100), (64, 256, 30, 40), (64, 64, 30, 200), (64, 256, 200, 2)] {
        for (name, sampling) in &cases {
            let request = |index: u32| {
                let prompt = (0..prompt).map(|at| (index * 7919 + at * 104_729 + at * at * 31) % 2048).collect();
                Request::new(prompt, length, sampling.clone(), u64::from(index))
            };
            let requests: Vec<Request> = (0..requests).map(request).collect();
            // The machine may be shared: the best of several rounds.
            let seconds = (0..5).map(|_| {
                let mut engine = Engine::new(&model, EngineConfig::new(slots, 256, threads));
                let start = Instant::now();
                engine.generate(&requests, &mut |_, _| {}).expect("valid requests");
                start.elapsed().as_secs_f64()
            });
            let best = seconds.fold(f64::MAX, f64::min);
            let (fed, made) = (requests.len() as f64 * f64::from(prompt), (requests.len() * length) as f64);
            println!(
                "{slots:2} at a time, prompts of {prompt}, answers of {length}, {name}: {:.0} tokens/s ({:.0} with the prompts')",
                made / best,
                (made + fed) / best
            );
        }
    }
}
