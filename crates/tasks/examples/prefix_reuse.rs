//! How much faster questions are scored when what their options have in common is read once: questions a second of a task
//! file that is asked twice, in alternating rounds.
//!
//! `cargo run --release -p tasks --example prefix_reuse -- MODEL FILE QUESTIONS THREADS ROUNDS`

use std::path::Path;
use std::time::Instant;

use base::stop::Stop;
use engine::measure::quantile;
use engine::{EngineConfig, ModelFolder, Request, Sampling};
use tasks::evals::files::read;
use tasks::evals::prompts::{Scored, Template, draw_shots};
use tasks::evals::score::score;
use tasks::evals::settings::settings;
use tasks::subject::Subject;
use tokenizer::Encoder;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [model, file, questions, threads, rounds] = &arguments[..] else {
        return Err("wanted: MODEL FILE QUESTIONS THREADS ROUNDS".into());
    };
    let (questions, threads, rounds): (usize, usize, usize) = (questions.parse()?, threads.parse()?, rounds.parse()?);
    let file = read(Path::new(file))?;
    let (weights, folder) = ModelFolder::load(Path::new(model), None)?;
    let setting = settings(&file, None, None).remove(0);
    let n = file.examples.len();
    let capacity = weights.config().context;
    let (delimiter, start) = (setting.delimiter.as_str(), folder.start.clone());
    let template = Template { examples: &file.examples, header: String::new(), delimiter, start, capacity };
    let mut encoder = Encoder::new(&folder.tokenizer);
    let asked = (0..questions).filter_map(|q| template.scored(q, &draw_shots(n, q, setting.shots, 1), &mut encoder));
    let asked: Vec<Scored> = asked.collect();
    let longest = asked.iter().map(Scored::longest).max().unwrap_or(0);
    let engine = folder.engine(weights, EngineConfig::new(32, longest, threads));
    let mut subject = Subject { engine, tokenizer: &folder.tokenizer, toolset: engine::Toolset::default(), stop: Stop::new() };
    // Log-probabilities of a whole prompt: such a prompt takes nothing over from the cache.
    let whole = |ids: Vec<u32>| Request { prompt_logprobs: true, ..Request::new(ids, 0, Sampling::greedy(), 0) };
    let sequences = asked.iter().flat_map(|scored| scored.options.iter().map(|tail| [&scored.common[..], &tail.ids].concat()));
    let requests: Vec<Request> = sequences.map(whole).collect();
    let (mut shared, mut apart, mut read_shared, mut read_apart) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..rounds {
        let (began, before) = (Instant::now(), subject.engine.work().read);
        score(&mut subject, &asked.iter().collect::<Vec<_>>(), &mut || {})?;
        shared.push(asked.len() as f64 / began.elapsed().as_secs_f64());
        read_shared = subject.engine.work().read - before;
        let (began, before) = (Instant::now(), subject.engine.work().read);
        subject.engine.generate(&requests, &mut |_, _| {})?;
        apart.push(asked.len() as f64 / began.elapsed().as_secs_f64());
        read_apart = subject.engine.work().read - before;
    }
    println!(
        "{}: {} questions, {} shots, longest {longest}: {:.1} questions/s ({read_shared} tokens read) with the common part read once, \
         {:.1} ({read_apart}) with each option read whole; medians of {rounds}",
        setting.task,
        asked.len(),
        setting.shots,
        quantile(&mut shared, 0.5),
        quantile(&mut apart, 0.5),
    );
    Ok(())
}
