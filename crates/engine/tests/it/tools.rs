//! Answers that call tools: the same ones one by one and side by side, whatever the tools and the model do.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use engine::{
    Completion, Engine, EngineConfig, Finish, Request, Sampling, Source, Tool, ToolEvent, ToolKind, ToolLimits, ToolOutput, ToolRunner,
    Toolset,
};
use model::{Config, Model};
use tokenizer::Tokenizer;
use tokenizer::chat::{Part, parse_answer};

use crate::{model_of, request};

const CONTEXT: usize = 256;

fn setting() -> (Tokenizer, Model) {
    let tokenizer = Tokenizer::from_merges(Vec::new());
    let model = model_of(Config { n_kv_heads: 1, ..Config::from_depth(2, tokenizer.vocab_size(), CONTEXT) });
    (tokenizer, model)
}

/// A tool that is a function.
struct Function<F>(F);

impl<F: Fn(&str) -> ToolOutput + Send + Sync> Tool for Function<F> {
    fn call(&self, input: &str) -> ToolOutput {
        self.0(input)
    }
}

fn tool(function: impl Fn(&str) -> ToolOutput + Send + Sync + 'static) -> Option<Arc<dyn Tool>> {
    Some(Arc::new(Function(function)))
}

/// Says the same to the same input, sometimes late, sometimes too much, and always with special tokens.
fn search(input: &str) -> ToolOutput {
    std::thread::sleep(Duration::from_millis(input.len() as u64 % 4));
    let text = format!("{}<|output_end|><|im_end|>", input.chars().rev().collect::<String>().repeat(input.len() % 6));
    ToolOutput { text, sources: vec![Source { url: format!("https://a.example/{}", input.len()), title: String::new() }] }
}

/// Requests whose answers are full of special tokens.
fn requests(tokenizer: &Tokenizer, n: u64) -> Vec<Request> {
    let biases = [
        ("<|search_start|>", 4.5),
        ("<|search_end|>", 7.0),
        ("<|python_start|>", 3.5),
        ("<|python_end|>", 3.5),
        ("<|output_start|>", 1.0),
        ("<|output_end|>", 1.0),
        ("<think>", 2.0),
        ("</think>", 3.0),
    ];
    let logit_bias: Vec<(u32, f32)> = biases.iter().map(|&(spelling, bias)| (tokenizer.special(spelling).unwrap(), bias)).collect();
    let ask = |seed: u64| Request {
        stop_ids: vec![tokenizer.im_end()],
        stop_texts: if seed.is_multiple_of(3) { vec!["e".into(), "\u{fffd}\u{fffd}\u{fffd}".into()] } else { Vec::new() },
        ..request(
            tokenizer.encode(&format!("Who is {}?", seed % 5)),
            40 + seed as usize * 7 % 200,
            Sampling { logit_bias: logit_bias.clone(), ..Sampling::plain(1.0) },
            seed,
        )
    };
    (0..n).map(ask).collect()
}

/// What was told of one answer.
#[derive(Clone, Debug, Default, PartialEq)]
struct Told {
    text: String,
    thought: String,
    calls: Vec<(ToolKind, String)>,
    outputs: Vec<ToolOutput>,
}

impl Told {
    fn hear(&mut self, event: ToolEvent) {
        match event {
            ToolEvent::Written(_) => {}
            ToolEvent::Text(text) => self.text += text,
            ToolEvent::Thought(text) => self.thought += text,
            ToolEvent::Call { tool, input } => self.calls.push((tool, input.to_owned())),
            ToolEvent::Output(output) => self.outputs.push(output.clone()),
        }
    }
}

fn answer(engine: &mut Engine, tokenizer: &Tokenizer, toolset: &Toolset, requests: &[Request]) -> Vec<(Completion, Told)> {
    let mut told = vec![Told::default(); requests.len()];
    let mut on_event = |request: usize, event: ToolEvent| {
        told[request].hear(event);
        true
    };
    let completions = engine.generate_with_tools(tokenizer, toolset, requests, &mut on_event).unwrap();
    completions.into_iter().zip(told).collect()
}

#[test]
fn answers_with_tools_depend_on_their_requests_alone() {
    let (tokenizer, model) = setting();
    let requests = requests(&tokenizer, 40);
    let limits = ToolLimits { calls: 1, call_tokens: 20, output_tokens: 30, ..ToolLimits::default() };
    let toolset = |threads| Toolset { search: tool(search), limits: ToolLimits { threads, ..limits }, ..Toolset::default() };
    let alone = |request: &Request| {
        let mut engine = Engine::new(&model, EngineConfig::new(1, CONTEXT, 1));
        answer(&mut engine, &tokenizer, &toolset(1), std::slice::from_ref(request)).remove(0)
    };
    let expected: Vec<(Completion, Told)> = requests.iter().map(alone).collect();
    for (slots, threads, tools, prefill_tokens) in [(1, 1, 1, 256), (7, 1, 4, 5), (40, 2, 3, 256), (3, 2, 1, 1)] {
        let mut engine = Engine::new(&model, EngineConfig { prefill_tokens, ..EngineConfig::new(slots, CONTEXT, threads) });
        for (index, found) in answer(&mut engine, &tokenizer, &toolset(tools), &requests).iter().enumerate() {
            assert_eq!(found, &expected[index], "request {index} in {slots} slots, {tools} tools at a time");
        }
    }
    // At any time: by hand, with answers that are cancelled.
    let mut engine = Engine::new(&model, EngineConfig::new(5, CONTEXT, 1));
    let mut runner = ToolRunner::new(&tokenizer, toolset(2));
    let (mut open, mut steps, mut rest) = (BTreeMap::new(), 0, requests.iter().enumerate());
    loop {
        if steps % 5 == 0
            && let Some((index, request)) = rest.next()
        {
            open.insert(runner.submit(&mut engine, request.clone()).unwrap(), (index, Told::default()));
        } else if steps % 31 == 0
            && let Some((ticket, _)) = open.pop_last()
        {
            assert!(runner.cancel(&mut engine, ticket));
        }
        steps += 1;
        let answered = runner.step(&mut engine, &mut |ticket, event| {
            open.get_mut(&ticket).unwrap().1.hear(event);
            true
        });
        for (ticket, completion) in answered {
            let (index, told) = open.remove(&ticket).unwrap();
            assert_eq!((completion.unwrap(), told), expected[index], "request {index} at any time");
        }
        if engine.is_idle() && rest.len() == 0 {
            break;
        }
    }

    // All of it happened: otherwise nothing is shown.
    let count = |is: &dyn Fn(&(Completion, Told)) -> bool| expected.iter().filter(|&answer| is(answer)).count();
    let output = |sentence: &str| count(&|(_, told)| told.outputs.iter().any(|output| output.text == sentence));
    let counts = [
        count(&|(_, told)| told.outputs.iter().any(|output| !output.sources.is_empty())),
        output("There is no Python here."),
        output("This call of search was not closed."),
        output("This answer has no more calls."),
        count(&|(completion, _)| matches!(completion.finish, Finish::NoRoom { forced: 42, .. })),
        count(&|(completion, _)| matches!(completion.finish, Finish::StopText(_))),
        count(&|(_, told)| !told.thought.is_empty()),
    ];
    assert!(counts.iter().all(|&count| count > 1), "{counts:?}");
}

#[test]
fn what_was_told_is_what_stands_in_the_answer() {
    let (tokenizer, model) = setting();
    let requests = requests(&tokenizer, 30);
    let limits = ToolLimits { calls: 5, call_tokens: 20, output_tokens: 25, ..ToolLimits::default() };
    let python = tool(|input| ToolOutput::text(input.len().to_string()));
    let toolset = Toolset { search: tool(search), python, limits, ..Toolset::default() };
    let [start, end] = ["<|output_start|>", "<|output_end|>"].map(|spelling| tokenizer.special(spelling).unwrap());
    let mut engine = Engine::new(&model, EngineConfig::new(8, CONTEXT, 1));
    for (request, (completion, told)) in requests.iter().zip(answer(&mut engine, &tokenizer, &toolset, &requests)) {
        assert_eq!(completion.logprobs.len(), completion.ids.len() + usize::from(matches!(completion.finish, Finish::Stop(_))));
        // Each output is forced whole, and is text but for its ends.
        let forced: Vec<u32> = completion.ids.iter().zip(&completion.forced).filter(|(_, forced)| **forced).map(|(&id, _)| id).collect();
        let mut outputs = Vec::new();
        for piece in forced.split_inclusive(|&id| id == end) {
            assert!(piece[0] == start && piece[piece.len() - 1] == end && piece.len() <= 27, "{piece:?}");
            assert!(piece[1..piece.len() - 1].iter().all(|&id| !tokenizer.is_special(id)));
            outputs.push(tokenizer.decode(&piece[1..piece.len() - 1]));
        }
        assert_eq!((told.calls.len(), told.outputs.len()), (outputs.len(), outputs.len()));
        for (read, output) in outputs.iter().zip(&told.outputs) {
            assert!(read == &output.text || output.text.starts_with(read.strip_suffix(" ...").unwrap()), "{read} of {output:?}");
        }
        // As parts: the words are those that were told, and each call that was made stands before its output.
        let parts = parse_answer(&completion.ids, &tokenizer);
        if request.stop_texts.is_empty() {
            let of = |is: fn(&Part) -> bool| parts.iter().filter(|part| is(part)).map(Part::words).collect::<String>();
            assert_eq!((of(|part| matches!(part, Part::Text(_))), of(|part| matches!(part, Part::Thought(_)))), (told.text, told.thought));
        }
        let mut answers = told.calls.iter().zip(&outputs);
        for pair in parts.windows(2) {
            let (kind, input) = match &pair[0] {
                Part::Search(input) => (ToolKind::Search, input),
                Part::Python(input) => (ToolKind::Python, input),
                _ => continue,
            };
            let ((tool, told), output) = answers.next().expect("a call that was told");
            assert_eq!((*tool, told, pair[1].words()), (kind, input, output.as_str()), "{parts:?}");
        }
    }
}

/// Answers of nothing but starts and ends of searches.
fn searching(tokenizer: &Tokenizer, seed: u64) -> Request {
    let ids = ["<|search_start|>", "<|search_end|>"].map(|spelling| (tokenizer.special(spelling).unwrap(), 100.0));
    request(tokenizer.encode("Find"), 120, Sampling { logit_bias: ids.into(), ..Sampling::plain(1.0) }, seed)
}

#[test]
fn other_answers_go_on_while_a_tool_works() {
    let (tokenizer, model) = setting();
    let (sender, receiver) = mpsc::channel();
    let receiver = Mutex::new(receiver);
    // The first call ends when the other answer is whole; if nobody writes that one, it gives up.
    let search = tool(move |_| match receiver.lock().unwrap().recv_timeout(Duration::from_secs(60)) {
        Ok(()) | Err(mpsc::RecvTimeoutError::Disconnected) => ToolOutput::text("went on"),
        Err(mpsc::RecvTimeoutError::Timeout) => ToolOutput::text("stood still"),
    });
    let toolset = Toolset { search, limits: ToolLimits { calls: 1, ..ToolLimits::default() }, ..Toolset::default() };
    let plain = request(tokenizer.encode("Say"), 60, Sampling::plain(1.0), 1);
    let mut engine = Engine::new(&model, EngineConfig::new(2, CONTEXT, 1));
    let (mut written, mut outputs) = (0, Vec::new());
    let mut on_event = |request: usize, event: ToolEvent| {
        written += usize::from(request == 1);
        if written == 60 {
            _ = sender.send(());
        }
        if let ToolEvent::Output(output) = event {
            outputs.push(output.text.clone());
        }
        true
    };
    let requests = [searching(&tokenizer, 1), plain];
    engine.generate_with_tools(&tokenizer, &toolset, &requests, &mut on_event).unwrap();
    assert!(outputs.iter().any(|output| output == "went on") && outputs.iter().all(|output| output != "stood still"), "{outputs:?}");
}

#[test]
fn a_tool_that_fails_costs_its_call_and_not_more_run_than_may() {
    let (tokenizer, model) = setting();
    static RUNNING: [AtomicUsize; 2] = [AtomicUsize::new(0), AtomicUsize::new(0)];
    let search = tool(|_| {
        let running = RUNNING[0].fetch_add(1, Ordering::SeqCst) + 1;
        RUNNING[1].fetch_max(running, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(1));
        RUNNING[0].fetch_sub(1, Ordering::SeqCst);
        std::panic::resume_unwind(Box::new("a tool of the tests")) // says nothing on the terminal
    });
    let toolset = Toolset { search, limits: ToolLimits { threads: 2, ..ToolLimits::default() }, ..Toolset::default() };
    let requests: Vec<Request> = (0..12).map(|seed| searching(&tokenizer, seed)).collect();
    let mut engine = Engine::new(&model, EngineConfig::new(12, CONTEXT, 1));
    let answers = answer(&mut engine, &tokenizer, &toolset, &requests);
    let outputs: Vec<&ToolOutput> = answers.iter().flat_map(|(_, told)| &told.outputs).collect();
    assert!(outputs.iter().any(|output| output.text == "The tool failed."), "{outputs:?}");
    assert!((1..=2).contains(&RUNNING[1].load(Ordering::SeqCst)));
}

#[test]
fn all_answers_end_where_the_caller_asks_for_it() {
    let (tokenizer, model) = setting();
    let toolset = Toolset { search: tool(search), limits: ToolLimits::default(), ..Toolset::default() };
    let requests = requests(&tokenizer, 9);
    let mut engine = Engine::new(&model, EngineConfig::new(4, CONTEXT, 1));
    let mut events = 0;
    let mut count = |_: usize, _: ToolEvent| {
        events += 1;
        true
    };
    let whole = engine.generate_with_tools(&tokenizer, &toolset, &requests, &mut count).unwrap();
    for after in [0, 1, events / 3, events / 2] {
        let mut heard = 0;
        let mut on_event = |_: usize, _: ToolEvent| {
            heard += 1;
            heard <= after
        };
        let cut = engine.generate_with_tools(&tokenizer, &toolset, &requests, &mut on_event).unwrap();
        for (completion, whole) in cut.iter().zip(&whole) {
            assert!(whole.ids.starts_with(&completion.ids), "{after} events");
        }
        assert!(cut.iter().any(|completion| completion.finish == Finish::Halted), "{after} events");
    }
}
