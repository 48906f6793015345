//! Ids that the caller forces into an answer, as a tool's result is.

use engine::{Completion, Engine, EngineConfig, Finish, Next, Request, Sampling};
use model::Model;
use tokenizer::Tokenizer;

use crate::{CONTEXT, VOCAB, assert_close, model, prompt, request, trained_logprobs};

/// Answers one request, with ids forced after the id of this number, in steps of so many tokens.
fn forced(model: &Model, request: &Request, after: usize, ids: &[u32], prefill_tokens: usize) -> engine::Result<Completion> {
    let mut engine = Engine::new(model, EngineConfig { prefill_tokens, ..EngineConfig::new(1, CONTEXT, 1) });
    let mut heard = Vec::new();
    let mut on_token = |_: usize, id: u32| {
        heard.push(id);
        if heard.len() == after + 1 { Next::Force(ids.to_vec()) } else { Next::Continue }
    };
    let completion = engine.generate_while(std::slice::from_ref(request), &mut on_token)?.remove(0);
    let drawn = completion.ids.iter().zip(&completion.forced).filter(|(_, forced)| !**forced);
    assert_eq!(heard, drawn.map(|(&id, _)| id).collect::<Vec<_>>(), "the caller hears of drawn ids alone");
    Ok(completion)
}

#[test]
fn forced_ids_stand_in_the_sequence_as_if_the_model_had_written_them() {
    let model = model();
    let sampling = Sampling { frequency_penalty: 0.7, repetition_penalty: 1.2, ..Sampling::greedy() };
    let wanted = Request { top_logprobs: 2, ..request(prompt(8, 1), 20, sampling, 1) };
    let ids = prompt(9, 7);
    let found = forced(&model, &wanted, 2, &ids, 256).unwrap();
    assert_eq!((found.ids.len(), found.finish), (20, Finish::Length));
    assert_eq!(found.ids[3..12], ids);
    assert_eq!(found.forced, (0..20).map(|at| (3..12).contains(&at)).collect::<Vec<_>>());
    assert_eq!(found.top_logprobs.len(), 20);
    let sequence = [&wanted.prompt[..], &found.ids[..]].concat();
    assert_close(&found.logprobs, &trained_logprobs(&model, &sequence, 8));
    for prefill_tokens in [1, 4] {
        assert_eq!(forced(&model, &wanted, 2, &ids, prefill_tokens).unwrap(), found, "in steps of {prefill_tokens}");
    }
    // A stop id that is forced ends nothing.
    let stop_ids = vec![ids[4]];
    let stopped = forced(&model, &Request { stop_ids: stop_ids.clone(), ..wanted.clone() }, 2, &ids, 256).unwrap();
    assert!(stopped.ids.len() >= 12 && found.ids.starts_with(&stopped.ids));
    // Nothing forced is nothing.
    let plain = forced(&model, &wanted, 99, &[], 256).unwrap();
    assert_eq!(forced(&model, &wanted, 2, &[], 256).unwrap(), plain);
}

#[test]
fn what_does_not_fit_is_not_cut_but_told_with_both_numbers() {
    let model = model();
    let check = |max_tokens, prompt_len, forced_len, expected: (usize, Finish)| {
        let wanted = request(prompt(prompt_len, 1), max_tokens, Sampling::greedy(), 1);
        let found = forced(&model, &wanted, 1, &prompt(forced_len, 7), 3).unwrap();
        assert_eq!((found.ids.len(), found.finish), expected, "{forced_len} after 2 of {max_tokens}, prompt of {prompt_len}");
        assert_eq!((found.logprobs.len(), found.forced.len()), (found.ids.len(), found.ids.len()));
    };
    check(10, 5, 8, (10, Finish::Length));
    check(10, 5, 9, (2, Finish::NoRoom { forced: 9, room: 8 }));
    check(2, 5, 1, (2, Finish::NoRoom { forced: 1, room: 0 }));
    check(100, CONTEXT - 6, 4, (6, Finish::Length));
    check(100, CONTEXT - 6, 5, (2, Finish::NoRoom { forced: 5, room: 4 }));
    let unknown = forced(&model, &request(prompt(5, 1), 9, Sampling::greedy(), 1), 1, &[3, VOCAB as u32], 9).unwrap_err().to_string();
    assert!(unknown.contains("a forced answer (request 0) holds the id 120, and the model knows only 120 ids"), "{unknown}");
}

#[test]
fn an_end_of_all_answers_leaves_none_without_its_logprobs() {
    let model = model();
    let requests: Vec<Request> = (0..3).map(|seed| request(prompt(4, seed), 30, Sampling::plain(1.0), seed)).collect();
    let mut engine = Engine::new(&model, EngineConfig { prefill_tokens: 2, ..EngineConfig::new(2, CONTEXT, 1) });
    let mut count = 0;
    let mut on_token = |request: usize, _| {
        count += usize::from(request == 1);
        match (request, count) {
            (0, 1) => Next::Force(prompt(10, 9)),
            (1, 3) => Next::EndAll,
            _ => Next::Continue,
        }
    };
    let found = engine.generate_while(&requests, &mut on_token).unwrap();
    assert!(found[0].forced.iter().filter(|forced| **forced).count() == 10, "{found:?}");
    for completion in &found {
        assert_eq!((completion.logprobs.len(), completion.finish), (completion.ids.len(), Finish::Halted));
    }
    assert!(found[2].ids.is_empty());
}

#[test]
fn forced_text_is_heard_with_the_next_id() {
    let tokenizer = Tokenizer::from_merges(Vec::new());
    let model = Model::new(model::Config::from_depth(1, tokenizer.vocab_size(), 64), 1);
    let wanted = Request { stop_texts: vec!["STOP".into()], ..request(tokenizer.encode("Hello"), 20, Sampling::plain(1.0), 3) };
    let mut heard = String::new();
    let mut engine = Engine::new(&model, EngineConfig::new(1, 64, 1));
    let mut count = 0;
    let mut on_token = |_: usize, written: &engine::Written| {
        heard += written.text;
        count += 1;
        if count == 4 { Next::Force(tokenizer.encode("=STOP=")) } else { Next::Continue }
    };
    let found = engine.generate_texts(&tokenizer, std::slice::from_ref(&wanted), &mut on_token).unwrap().remove(0);
    assert_eq!(count, 14);
    assert_eq!(found.text, tokenizer.decode(&found.ids));
    assert!(found.text.contains("=STOP=") && found.text.starts_with(&heard) && heard.contains("=STOP="), "{heard:?}");
}
