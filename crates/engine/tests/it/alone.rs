//! Nothing but the cache lasts from request to request, and the cache changes no answer: random interleavings of requests
//! that begin alike, each beside the answer of a fresh engine that has seen nothing else.

use std::collections::BTreeMap;

use base::rng::Rng;
use engine::{Completion, Engine, EngineConfig, Load, Next, Request, Sampling, Ticket};
use model::Model;

use crate::{CONTEXT, VOCAB, model, prompt, request};

/// A request, and what its caller does: after so many ids it forces these, and after so many it ends the answer.
#[derive(Clone, Debug)]
struct Call {
    request: Request,
    force: (usize, Vec<u32>),
    end: usize,
}

/// What the caller of a request wants after its drawn id of this number.
fn next(call: &Call, count: usize) -> Next {
    match count {
        count if count == call.force.0 => Next::Force(call.force.1.clone()),
        count if count == call.end => Next::End,
        _ => Next::Continue,
    }
}

fn run(engine: &mut Engine, calls: &[Call]) -> Vec<Completion> {
    let requests: Vec<Request> = calls.iter().map(|call| call.request.clone()).collect();
    let mut counts = vec![0; calls.len()];
    let mut on_token = |request: usize, _| {
        counts[request] += 1;
        next(&calls[request], counts[request])
    };
    engine.generate_while(&requests, &mut on_token).unwrap()
}

/// Calls of which many begin alike: with another's prompt, with a part of one, with a part of another's answer.
fn calls(model: &Model, rng: &mut Rng, n: usize) -> Vec<(Call, Completion)> {
    let mut calls: Vec<(Call, Completion)> = Vec::new();
    for _ in 0..n {
        let mut ids = Vec::new();
        if !calls.is_empty() && rng.chance(0.8) {
            let (call, completion) = rng.pick(&calls);
            let sequence = [&call.request.prompt[..], &completion.ids[..]].concat();
            ids.extend_from_slice(&sequence[..1 + rng.below(sequence.len())]);
        }
        if ids.is_empty() || rng.chance(0.7) {
            ids.extend(prompt(1 + rng.below(20), rng.next_u64()));
        }
        ids.truncate(CONTEXT);
        let sampling = Sampling {
            top_k: rng.below(2) * 12,
            top_p: if rng.chance(0.5) { 0.9 } else { 1.0 },
            repetition_penalty: if rng.chance(0.3) { 1.4 } else { 1.0 },
            presence_penalty: if rng.chance(0.3) { 0.6 } else { 0.0 },
            logit_bias: if rng.chance(0.2) { vec![(rng.below(VOCAB) as u32, 3.0)] } else { Vec::new() },
            ..Sampling::plain(if rng.chance(0.3) { 0.0 } else { 1.0 })
        };
        let request = Request {
            stop_ids: if rng.chance(0.3) { prompt(8, rng.next_u64()) } else { Vec::new() },
            prompt_logprobs: rng.chance(0.2),
            top_logprobs: rng.below(3),
            ..request(ids, rng.below(25), sampling, rng.below(4) as u64)
        };
        let never = usize::MAX;
        let force = if rng.chance(0.4) { (1 + rng.below(5), prompt(rng.below(9), rng.next_u64())) } else { (never, Vec::new()) };
        let end = if rng.chance(0.2) { 1 + rng.below(9) } else { never };
        let call = Call { request, force, end };
        // Alone: in a fresh engine, in one piece, on one thread.
        let completion = run(&mut Engine::new(model, EngineConfig::new(1, CONTEXT, 1)), std::slice::from_ref(&call)).remove(0);
        calls.push((call, completion));
    }
    calls
}

fn config(rng: &mut Rng) -> EngineConfig {
    EngineConfig {
        prefill_tokens: *rng.pick(&[1, 2, 5, 16, 256]),
        ..EngineConfig::new(1 + rng.below(9), CONTEXT, *rng.pick(&[1, 1, 2, 5]))
    }
}

#[test]
fn every_answer_is_that_of_a_fresh_engine_bit_by_bit() {
    let model = model();
    let (mut reused, mut forced, mut longest) = (0, 0, 0);
    for seed in 0..6 {
        let mut rng = Rng::new(seed);
        let calls = calls(&model, &mut rng, 30);
        for _ in 0..8 {
            let config = config(&mut rng);
            let mut engine = Engine::new(&model, config);
            // All calls in a random order, some of them twice, in batches of random sizes.
            let mut order: Vec<usize> = (0..calls.len()).chain((0..10).map(|_| rng.below(calls.len()))).collect();
            rng.shuffle(&mut order);
            let mut rest = &order[..];
            while !rest.is_empty() {
                let (batch, after) = rest.split_at(1 + rng.below(rest.len()));
                let batch_calls: Vec<Call> = batch.iter().map(|&index| calls[index].0.clone()).collect();
                for (&index, found) in batch.iter().zip(run(&mut engine, &batch_calls)) {
                    let (call, expected) = &calls[index];
                    assert_eq!(&found, expected, "seed {seed}, {config:?}, call {index}: {call:?}");
                }
                rest = after;
            }
            reused += engine.work().reused;
        }
        forced += calls.iter().flat_map(|(_, completion)| &completion.forced).filter(|forced| **forced).count();
        longest = longest.max(calls.iter().map(|(call, completion)| call.request.prompt.len() + completion.ids.len()).max().unwrap());
    }
    // The cache was used, ids were forced, and contexts were full: otherwise nothing is shown.
    assert!(reused > 5000 && forced > 50 && longest == CONTEXT, "{reused} reused, {forced} forced, {longest} the longest");
}

#[test]
fn requests_come_wait_and_are_cancelled_at_any_time_and_no_answer_changes() {
    let model = model();
    let (mut cancelled, mut resumed, mut reused, mut idle) = (0, 0, 0, 0);
    for seed in 10..16 {
        let mut rng = Rng::new(seed);
        let calls = calls(&model, &mut rng, 30);
        for _ in 0..8 {
            let config = config(&mut rng);
            let mut engine = Engine::new(&model, config);
            let mut rest: Vec<usize> = (0..2 * calls.len()).map(|place| place % calls.len()).collect();
            rng.shuffle(&mut rest);
            let mut open: BTreeMap<Ticket, (usize, usize)> = BTreeMap::new(); // the call, and how many ids it has drawn
            let mut paused: Vec<(Ticket, Vec<u32>)> = Vec::new();
            while !(rest.is_empty() && engine.is_idle()) {
                while rng.chance(0.4) {
                    let Some(index) = rest.pop() else { break };
                    open.insert(engine.submit(calls[index].0.request.clone()).unwrap(), (index, 0));
                }
                if !open.is_empty() && rng.chance(0.04) {
                    let tickets: Vec<Ticket> = open.keys().copied().collect();
                    let ticket = *rng.pick(&tickets);
                    assert_eq!((engine.cancel(ticket), engine.cancel(ticket)), (true, false));
                    open.remove(&ticket);
                    cancelled += 1;
                }
                // Also those that were cancelled meanwhile.
                for (ticket, ids) in paused.extract_if(.., |_| rng.chance(0.3)) {
                    engine.resume(ticket, ids);
                    resumed += 1;
                }
                let (load, steps) = (engine.load(), engine.work().steps);
                let mut wait = rng.chance(0.7);
                let answered = engine.step(None, &mut |ticket, _| {
                    let (index, count) = open.get_mut(&ticket).unwrap();
                    *count += 1;
                    match next(&calls[*index].0, *count) {
                        Next::Force(ids) if wait => {
                            paused.push((ticket, ids));
                            wait = false;
                            Next::Wait
                        }
                        next => next,
                    }
                });
                if matches!(load, Load { waiting: 0, running: 0, .. }) {
                    assert_eq!(engine.work().steps, steps, "nothing to read");
                    idle += 1;
                }
                for (ticket, found) in answered {
                    let (index, _) = open.remove(&ticket).unwrap();
                    let (call, expected) = &calls[index];
                    assert_eq!(&found.unwrap(), expected, "seed {seed}, {config:?}, call {index}: {call:?}");
                }
            }
            assert!(open.is_empty());
            reused += engine.work().reused;
        }
    }
    assert!(cancelled > 100 && resumed > 100 && reused > 5000 && idle > 10, "{cancelled} {resumed} {reused} {idle}");
}

#[test]
fn an_id_of_one_conversation_gets_no_other_probability_in_the_next() {
    let model = model();
    let canary = 77;
    let without = |len: usize, seed: u64| -> Vec<u32> { prompt(len, seed).iter().map(|&id| if id == canary { 78 } else { id }).collect() };
    // Every probability after every prompt, the canary's among them.
    let asking = |prompt: Vec<u32>| Request {
        top_logprobs: VOCAB,
        prompt_logprobs: prompt.len().is_multiple_of(2),
        ..request(prompt, 6, Sampling { repetition_penalty: 1.3, frequency_penalty: 0.5, ..Sampling::plain(1.0) }, 9)
    };
    let system = without(12, 1);
    let secret = |turn: u64| asking([&system[..], &[canary; 3], &without(5, turn), &[canary]].concat());
    let innocent = |turn: u64| asking([&system[..], &without(6 + turn as usize % 3, 100 + turn)].concat());
    let probabilities = |completion: &Completion| -> Vec<u32> {
        let tops = completion.prompt_top_logprobs.iter().chain(&completion.top_logprobs);
        tops.map(|top| top.iter().find(|token| token.id == canary).unwrap().logprob.to_bits()).collect()
    };
    for (slots, prefill_tokens) in [(1, 256), (2, 4), (5, 256)] {
        let mut engine = Engine::new(&model, EngineConfig { prefill_tokens, ..EngineConfig::new(slots, CONTEXT, 1) });
        for turn in 0..6 {
            let fresh = Engine::new(&model, EngineConfig::new(1, CONTEXT, 1)).generate(&[innocent(turn)], &mut |_, _| {}).unwrap();
            assert!(!probabilities(&fresh[0]).is_empty());
            // After the conversation with the canary, and beside it.
            let others = engine.generate(&[secret(turn), secret(turn + 1)], &mut |_, _| {}).unwrap();
            assert_ne!(probabilities(&others[0]), probabilities(&others[1]));
            let after = engine.generate(&[innocent(turn)], &mut |_, _| {}).unwrap();
            assert_eq!(probabilities(&after[0]), probabilities(&fresh[0]), "turn {turn} in {slots} slots");
            let beside = engine.generate(&[secret(turn + 2), innocent(turn), secret(turn + 3)], &mut |_, _| {}).unwrap();
            assert_eq!(probabilities(&beside[1]), probabilities(&fresh[0]), "turn {turn} beside others in {slots} slots");
            assert_eq!((&after[0], &beside[1]), (&fresh[0], &fresh[0]));
        }
        assert!(engine.work().reused > 0);
    }
}
