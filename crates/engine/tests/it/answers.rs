//! What an answer depends on, how it ends, and what is refused.

use std::collections::BTreeMap;

use engine::{EngineConfig, Finish, ModelFolder, Next, Request, Sampling, Ticket};
use model::folder::EndTokens;
use model::{Config, Model};
use tokenizer::Tokenizer;

use crate::{CONTEXT, VOCAB, answers, assert_close, engine, model, model_of, prompt, request, trained_logprobs};

/// Requests of many lengths and samplers; some prompts are equal, some begin alike.
fn requests() -> Vec<Request> {
    let samplings = [
        Sampling::greedy(),
        Sampling::plain(1.0),
        Sampling { top_k: 10, top_p: 0.9, min_p: 0.02, ..Sampling::plain(0.8) },
        Sampling { repetition_penalty: 1.3, frequency_penalty: 0.5, logit_bias: vec![(3, 4.0), (70, -100.0)], ..Sampling::plain(1.0) },
        Sampling { presence_penalty: 1.5, ..Sampling::greedy() },
        Sampling { top_p: 0.5, ..Sampling::plain(1.3) },
    ];
    let shared = prompt(30, 99);
    let mut requests = Vec::new();
    for index in 0..40u64 {
        let own = prompt(1 + index as usize % 17, index);
        let text = match index % 4 {
            0 => shared.clone(),
            1 => [&shared[..20], &own[..]].concat(),
            _ => own,
        };
        let stop_ids = if index % 3 == 0 { (0..VOCAB as u32 / 10).collect() } else { Vec::new() };
        let sampling = samplings[index as usize % samplings.len()].clone();
        requests.push(Request { stop_ids, ..request(text, 1 + index as usize % 23, sampling, index / 2) });
    }
    requests
}

#[test]
fn an_answer_depends_on_its_request_alone() {
    let model = model();
    let requests = requests();
    // More requests than slots: every slot is refilled many times.
    let batch = answers(&mut engine(&model, 7, 1), &requests);
    let mut used = engine(&model, 1, 1);
    for (index, request) in requests.iter().enumerate() {
        let alone = engine(&model, 1, 1).generate(std::slice::from_ref(request), &mut |_, _| {}).unwrap();
        assert_eq!(alone[0], batch[index], "request {index} alone");
        // In an engine whose cache still holds what came before.
        assert_eq!(answers(&mut used, std::slice::from_ref(request))[0], batch[index], "request {index} in a used engine");
    }
    for (slots, threads) in [(64, 1), (40, 2), (3, 5)] {
        assert_eq!(answers(&mut engine(&model, slots, threads), &requests), batch, "{slots} slots, {threads} threads");
    }
    let reseeded: Vec<Request> = requests.iter().map(|request| Request { seed: request.seed + 1000, ..request.clone() }).collect();
    let others = answers(&mut engine(&model, 7, 1), &reseeded);
    for (index, (a, b)) in batch.iter().zip(&others).enumerate() {
        let greedy = requests[index].sampling.temperature == 0.0;
        assert!(if greedy { a == b } else { a.ids.len() < 8 || a.ids != b.ids }, "request {index} with another seed");
    }
}

#[test]
fn many_threads_share_a_large_batch_and_give_the_same_answers() {
    let model = Model::new(Config::from_depth(2, 2000, 40), 3);
    let requests: Vec<Request> =
        (0..60).map(|seed| request(vec![seed as u32, 5, 6], 6, Sampling { top_k: 20, ..Sampling::plain(1.0) }, seed)).collect();
    let single = answers(&mut engine(&model, 60, 1), &requests);
    assert_eq!(answers(&mut engine(&model, 60, 3), &requests), single);
}

#[test]
fn logprobs_are_those_of_the_training_pass() {
    let model = model();
    let mut wanted = request(prompt(9, 1), 20, Sampling { top_k: 30, ..Sampling::plain(1.5) }, 4);
    wanted.stop_ids = (0..VOCAB as u32 / 8).collect();
    let mut stopped = 0;
    for seed in 0..20 {
        let completion = &answers(&mut engine(&model, 1, 1), &[Request { seed, ..wanted.clone() }])[0];
        let mut written = completion.ids.clone();
        if let Finish::Stop(id) = completion.finish {
            written.push(id);
            stopped += 1;
        }
        let sequence = [&wanted.prompt[..], &written[..]].concat();
        assert_close(&completion.logprobs, &trained_logprobs(&model, &sequence, wanted.prompt.len()));
    }
    assert!(stopped > 3, "only {stopped} answers were ended by a stop id");
}

#[test]
fn answers_end_at_a_stop_id_at_their_length_and_where_the_context_is_full() {
    let model = model();
    let mut engine = engine(&model, 4, 1);
    assert_eq!(engine.capacity(), CONTEXT, "a capacity beyond the context is the context");
    let greedy = |prompt: Vec<u32>, max_tokens: usize| request(prompt, max_tokens, Sampling::greedy(), 0);
    let free = answers(&mut engine, &[greedy(prompt(5, 1), 12)]).remove(0);
    assert_eq!((free.ids.len(), free.finish), (12, Finish::Length));
    let stop = free.ids[7];
    let first = free.ids.iter().position(|&id| id == stop).unwrap();
    let stopped = answers(&mut engine, &[Request { stop_ids: vec![stop], ..greedy(prompt(5, 1), 12) }]).remove(0);
    assert_eq!((&stopped.ids[..], stopped.finish), (&free.ids[..first], Finish::Stop(stop)));
    assert_eq!(stopped.logprobs[..], free.logprobs[..=first]);
    let lengths = |prompt_len: usize, max_tokens: usize| {
        let completion = answers(&mut engine, &[greedy(prompt(prompt_len, 1), max_tokens)]).remove(0);
        (completion.ids.len(), completion.finish)
    };
    let cases = [(CONTEXT - 3, 100, 3), (CONTEXT, 100, 0), (5, 0, 0), (1, 1, 1)];
    let mut lengths = lengths;
    for (prompt_len, max_tokens, expected) in cases {
        assert_eq!(lengths(prompt_len, max_tokens), (expected, Finish::Length), "prompt of {prompt_len}, at most {max_tokens}");
    }
}

#[test]
fn a_caller_ends_one_answer_or_all() {
    let model = model();
    let mut engine = engine(&model, 2, 1);
    let requests: Vec<Request> = (0..4).map(|seed| request(prompt(3, seed), 20, Sampling::plain(1.0), seed)).collect();
    let whole = answers(&mut engine, &requests);
    let mut counts = [0; 4];
    let completions = engine.generate_while(&requests, &mut |request, _| {
        counts[request] += 1;
        match (request, counts[request]) {
            (0, 3) => Next::End,
            (2, 5) => Next::EndAll,
            _ => Next::Continue,
        }
    });
    let completions = completions.unwrap();
    let ids: Vec<usize> = completions.iter().map(|completion| completion.ids.len()).collect();
    // Request 2 took the slot of request 0 after three steps; request 3 never had one.
    assert_eq!(ids, [3, 8, 5, 0]);
    for (completion, whole) in completions.iter().zip(&whole) {
        assert_eq!(completion.finish, Finish::Halted);
        assert!(whole.ids.starts_with(&completion.ids));
    }
}

#[test]
fn what_cannot_be_answered_is_refused_with_numbers_and_remedy() {
    let model = model();
    let mut engine = engine(&model, 2, 1);
    let good = request(prompt(3, 1), 4, Sampling::greedy(), 0);
    let mut check = |bad: Request, expected: &str| {
        let message = engine.generate(&[good.clone(), bad], &mut |_, _| panic!("nothing is begun")).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    };
    let with_prompt = |prompt: Vec<u32>| Request { prompt, ..good.clone() };
    check(with_prompt(prompt(CONTEXT + 1, 1)), "a prompt of 49 tokens (request 1) does not fit into the context of 48; shorten");
    check(with_prompt(Vec::new()), "a prompt of 0 tokens (request 1) for a context of 48");
    check(with_prompt(vec![5, VOCAB as u32]), "(request 1) holds the id 120, and the model knows only 120 ids");
    let biased = Sampling { logit_bias: vec![(3, 1.0), (120, 1.0)], ..Sampling::greedy() };
    check(Request { sampling: biased, ..good.clone() }, "a logit bias (request 1) holds the id 120, and the model knows only 120 ids");
    check(Request { sampling: Sampling::plain(-1.0), ..good.clone() }, "temperature is -1");

    let mut broken = model.clone();
    broken.params.data.fill(f32::NAN);
    let message = self::engine(&broken, 1, 1).generate(std::slice::from_ref(&good), &mut |_, _| {}).unwrap_err().to_string();
    assert!(message.contains("not a number after 3 tokens"), "{message}");
}

#[test]
fn what_cannot_be_answered_costs_none_but_itself() {
    let mut model = model_of(Config { tie_embeddings: false, ..Config::from_depth(2, VOCAB, CONTEXT) });
    let sampling = Sampling { logit_bias: vec![(7, -100.0)], ..Sampling::plain(1.0) };
    let good: Vec<Request> = (0..4).map(|seed| request(vec![1, 2, seed], 9, sampling.clone(), u64::from(seed))).collect();
    let expected = answers(&mut engine(&model, 4, 1), &good);
    // Whoever reads the id 7 gets no numbers from then on.
    let width = model.config.hidden_size;
    let table = model.params.layout.embed.of_mut(&mut model.params.data);
    table[7 * width..8 * width].fill(f32::NAN);

    let mut engine = engine(&model, 3, 1);
    let open: Vec<Ticket> = good.iter().map(|request| engine.submit(request.clone()).unwrap()).collect();
    let damaged = engine.submit(request(vec![1, 2, 7, 3], 9, sampling.clone(), 0)).unwrap();
    let forcing = engine.submit(request(vec![3, 2], 9, sampling.clone(), 0)).unwrap();
    let textual = engine.submit(Request { stop_texts: vec!["a".into()], ..good[0].clone() }).unwrap();
    let refused = engine.submit(Request { prompt: Vec::new(), ..good[0].clone() }).unwrap_err().to_string();
    assert!(refused.contains("a prompt of 0 tokens (request 7)"), "{refused}");
    let mut found = BTreeMap::new();
    while !engine.is_idle() {
        let answered = engine.step(None, &mut |ticket, _| if ticket == forcing { Next::Force(vec![VOCAB as u32]) } else { Next::Continue });
        found.extend(answered);
    }
    for (ticket, expected) in open.iter().zip(&expected) {
        assert_eq!(found[ticket].as_ref().unwrap(), expected);
    }
    for (ticket, expected) in [
        (damaged, "the model's output is not a number after 4 tokens"),
        (forcing, "a forced answer (request 5) holds the id 120"),
        (textual, "a request (6) has stop texts, and this call knows no text"),
    ] {
        let message = found[&ticket].as_ref().unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
    // In a batch it costs the batch, and the engine goes on with the next one.
    let message = engine.generate(&[good[0].clone(), request(vec![7], 2, sampling, 0)], &mut |_, _| {}).unwrap_err().to_string();
    assert!(message.contains("not a number after 1 tokens"), "{message}");
    assert_eq!(answers(&mut engine, &good), expected);
}

#[test]
fn a_folder_gives_model_tokenizer_and_its_makers_sampling() {
    let folder = std::env::temp_dir().join(format!("schoolhouse-engine-folder-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    let tokenizer = Tokenizer::from_merges(vec![(1, 2), (3, 4)]);
    let save = |vocab_size: usize| {
        let ends = EndTokens { end_of_text: tokenizer.eot(), end_of_turn: tokenizer.im_end() };
        model::folder::save(&Model::new(Config::from_depth(1, vocab_size, 16), 1), ends, &folder).unwrap();
        tokenizer.save(&folder).unwrap();
    };
    save(270);
    let (weights, loaded) = ModelFolder::load(&folder, None).unwrap();
    assert_eq!((weights.config().vocab_size, loaded.tokenizer.vocab_size()), (270, 270));
    assert_eq!(loaded.prompt("a"), [tokenizer.eot(), tokenizer.encode("a")[0]]);
    assert_eq!(loaded.sampling, Sampling { top_k: 50, top_p: 0.95, ..Sampling::plain(0.8) });
    assert_eq!(loaded.turn_ends(), [tokenizer.im_end(), tokenizer.eot()]);
    for (text, sampling, stop_ids) in [
        (r#"{"do_sample": false, "eos_token_id": 7}"#, Sampling::greedy(), vec![7]),
        (r#"{"temperature": 0.5, "top_k": 0, "min_p": 0.1}"#, Sampling { top_p: 0.95, min_p: 0.1, ..Sampling::plain(0.5) }, vec![]),
        (
            r#"{"top_k": 3, "repetition_penalty": 1.1}"#,
            Sampling { top_k: 3, top_p: 0.95, repetition_penalty: 1.1, ..Sampling::plain(0.8) },
            vec![],
        ),
    ] {
        std::fs::write(folder.join("generation_config.json"), text).unwrap();
        let (_, loaded) = ModelFolder::load(&folder, None).unwrap();
        assert_eq!((loaded.sampling, loaded.stop_ids), (sampling, stop_ids));
    }
    // Rows of a table for which there are no tokens never come.
    save(280);
    let (weights, loaded) = ModelFolder::load(&folder, None).unwrap();
    let mut engine = loaded.engine(weights, EngineConfig::new(1, 16, 1));
    let hot = Request::new(vec![1], 15, Sampling::plain(1e6), 1);
    let ids = engine.generate(&[hot], &mut |_, _| {}).unwrap().remove(0).ids;
    assert!(ids.len() == 15 && ids.iter().all(|&id| id < 270), "{ids:?}");
    save(260);
    let message = ModelFolder::load(&folder, None).unwrap_err().to_string();
    for expected in ["gives 260 ids", "tokenizer.json has 270"] {
        assert!(message.contains(expected), "{message}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
