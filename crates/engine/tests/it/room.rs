//! What an engine has room for: tokens of a step, memory of keys and values, and which prefixes stay.

use engine::{Completion, Engine, EngineConfig, Next, Request, Sampling, Work};
use model::inference::KvCache;

use crate::{CONTEXT, answers, model, prompt, request};

#[test]
fn a_long_prompt_is_read_beside_running_answers() {
    let model = model();
    // The first one ends at once and makes room for the long one; the other two go on meanwhile.
    let requests = [
        request(vec![1], 1, Sampling::greedy(), 0),
        request(vec![2], 45, Sampling::greedy(), 0),
        request(vec![3], 45, Sampling::greedy(), 0),
        request([&[4][..], &prompt(39, 4)].concat(), 5, Sampling::greedy(), 0),
    ];
    let order = |prefill_tokens: usize| -> (Vec<usize>, Vec<Completion>, Work) {
        let mut engine = Engine::new(&model, EngineConfig { prefill_tokens, ..EngineConfig::new(3, CONTEXT, 1) });
        let mut order = Vec::new();
        let completions = engine.generate_while(&requests, &mut |request, _| {
            order.push(request);
            Next::Continue
        });
        (order, completions.unwrap(), engine.work())
    };
    let (_, expected, _) = order(1000);
    // The last token of a prompt is read as a token of an answer is: it takes no room.
    for (prefill_tokens, steps) in [(1000, 1), (40, 1), (39, 2), (13, 4), (8, 5), (4, 10), (1, 40)] {
        let (order, completions, work) = order(prefill_tokens);
        assert_eq!(completions, expected, "steps of {prefill_tokens}");
        let first = order.iter().position(|&request| request == 3).unwrap();
        let meanwhile = order[..first].iter().filter(|&&request| request == 1).count();
        assert_eq!(meanwhile, 1 + steps, "ids of another answer before the first of a prompt read in steps of {prefill_tokens}");
        assert_eq!(work.read, 3 + 40 + 2 * 44 + 4, "every id but the last of each answer is read once");
    }
}

#[test]
fn samples_of_one_prompt_read_it_once() {
    let model = model();
    let requests: Vec<Request> = (0..6).map(|seed| request(prompt(30, 1), 3, Sampling::plain(1.0), seed)).collect();
    for (slots, prefill_tokens) in [(6, 256), (2, 256), (1, 256), (6, 7)] {
        let mut engine = Engine::new(&model, EngineConfig { prefill_tokens, ..EngineConfig::new(slots, CONTEXT, 1) });
        answers(&mut engine, &requests);
        let work = engine.work();
        assert_eq!((work.read, work.reused), (30 + 5 + 6 * 2, 5 * 29), "{slots} slots, steps of {prefill_tokens}");
    }
}

#[test]
fn the_bound_on_memory_decides_slots_and_capacity_and_the_rest_waits() {
    let model = model();
    let requests: Vec<Request> = (0..9).map(|seed| request(prompt(5, seed), 4, Sampling::plain(1.0), seed)).collect();
    let bounded = |cache_bytes| Engine::new(&model, EngineConfig { cache_bytes, ..EngineConfig::new(8, 1000, 1) });
    let whole = KvCache::bytes_per_slot(&model.config, CONTEXT);
    let mut wide = bounded(EngineConfig::CACHE_BYTES);
    assert_eq!((wide.n_slots(), wide.capacity()), (8, CONTEXT));
    let expected = answers(&mut wide, &requests);
    let mut narrow = bounded(2 * whole + whole / 2);
    assert_eq!((narrow.n_slots(), narrow.capacity()), (2, CONTEXT));
    assert_eq!(answers(&mut narrow, &requests), expected);
    // Four steps for each round of requests.
    assert_eq!((wide.work().steps, narrow.work().steps), (2 * 4, 5 * 4));
    let mut short = bounded(KvCache::bytes_per_slot(&model.config, 20));
    assert_eq!((short.n_slots(), short.capacity()), (1, 20));
    assert_eq!(answers(&mut short, &requests), expected);
    let message = short.generate(&[request(prompt(21, 1), 1, Sampling::greedy(), 0)], &mut |_, _| {}).unwrap_err().to_string();
    assert!(
        message.contains(
            "a prompt of 21 tokens (request 0) does not fit into the context of 20; \
             shorten it, or give the engine more room: the model's context is 48"
        ),
        "{message}"
    );
}

#[test]
fn a_conversation_stays_in_the_cache_while_others_come_and_go() {
    let model = model();
    let mut engine = Engine::new(&model, EngineConfig::new(3, CONTEXT, 1));
    // Others begin with an id of their own.
    let other = |seed: u64| [&[seed as u32][..], &prompt(9, seed)].concat();
    let mut reused = |prompt: &[u32]| {
        let before = engine.work().reused;
        answers(&mut engine, &[request(prompt.to_vec(), 4, Sampling::greedy(), 0)]);
        engine.work().reused - before
    };
    let talk = [&[100][..], &prompt(19, 1)].concat();
    assert_eq!(reused(&talk), 0);
    for seed in 0..10 {
        // Two other conversations a turn are as many as there are other slots.
        assert_eq!([reused(&other(seed)), reused(&other(50 + seed))], [0, 0]);
        assert_eq!(reused(&talk), 19, "turn {seed}");
    }
    // A branch of it is taken over from it and leaves it whole.
    assert_eq!(reused(&[&talk[..12], &[3, 4][..]].concat()), 12);
    assert_eq!(reused(&talk), 19);
    // As many others as there are slots, and it is gone.
    (0..3).for_each(|seed| _ = reused(&other(80 + seed)));
    assert_eq!(reused(&talk), 0);
}
