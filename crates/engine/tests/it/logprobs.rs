//! Log-probabilities of prompts and answers, and the most likely ids beside them.

use engine::{EngineConfig, Finish, Request, Sampling, TokenLogprob};

use crate::{CONTEXT, Engine, VOCAB, answers, assert_close, engine, model, prompt, request, trained_logprobs};

#[test]
fn a_prompt_has_the_logprobs_of_the_training_pass_whatever_the_cache_holds() {
    let model = model();
    let shared = prompt(25, 1);
    let asking = |prompt: &[u32], max_tokens| Request {
        prompt_logprobs: true,
        top_logprobs: 3,
        ..request(prompt.to_vec(), max_tokens, Sampling::plain(1.0), 5)
    };
    let requests = [
        asking(&shared, 6),
        request(shared.clone(), 6, Sampling::plain(1.0), 5),
        asking(&shared[..1], 4),
        asking(&shared[..20], 0),
        asking(&prompt(CONTEXT, 2), 9),
    ];
    for (slots, prefill_tokens) in [(1, 256), (3, 256), (5, 7), (2, 1)] {
        let mut engine = Engine::new(&model, EngineConfig { prefill_tokens, ..EngineConfig::new(slots, CONTEXT, 1) });
        for round in 0..2 {
            let found = answers(&mut engine, &requests);
            for (request, completion) in requests.iter().zip(&found) {
                let n = if request.prompt_logprobs { request.prompt.len() - 1 } else { 0 };
                assert_eq!((completion.prompt_logprobs.len(), completion.prompt_top_logprobs.len()), (n, n));
                if n > 0 {
                    assert_close(&completion.prompt_logprobs, &trained_logprobs(&model, &request.prompt, 1));
                    let sequence = [&request.prompt[..], &completion.ids[..]].concat();
                    let whole = [&completion.prompt_logprobs[..], &completion.logprobs[..]].concat();
                    assert_close(&whole, &trained_logprobs(&model, &sequence, 1));
                }
            }
            assert_eq!(found.iter().map(|completion| completion.ids.len()).collect::<Vec<_>>(), [6, 6, 4, 0, 0], "round {round}");
            assert_eq!(found[0].ids, found[1].ids, "asking for the prompt's changes no answer");
            assert_eq!(found[4].finish, Finish::Length);
        }
    }
}

#[test]
fn the_most_likely_ids_of_a_step_are_those_of_every_id_forced_there() {
    let model = model();
    let wanted = Request {
        top_logprobs: 5,
        prompt_logprobs: true,
        ..request(prompt(6, 3), 4, Sampling { top_k: 2, frequency_penalty: 1.0, ..Sampling::plain(2.0) }, 1)
    };
    let completion = answers(&mut engine(&model, 1, 1), std::slice::from_ref(&wanted)).remove(0);
    let sequence = [&wanted.prompt[..], &completion.ids[..]].concat();
    let tops: Vec<&Vec<TokenLogprob>> = completion.prompt_top_logprobs.iter().chain(&completion.top_logprobs).collect();
    assert_eq!(tops.len(), sequence.len() - 1);
    for (place, top) in (1..).zip(tops) {
        // The model's own distribution, id by id.
        let logprob = |id: u32| trained_logprobs(&model, &[&sequence[..place], &[id]].concat(), place)[0];
        let mut all: Vec<(u32, f32)> = (0..VOCAB as u32).map(|id| (id, logprob(id))).collect();
        all.sort_by(|a, b| b.1.total_cmp(&a.1));
        assert_eq!(top.iter().map(|token| token.id).collect::<Vec<_>>(), all[..5].iter().map(|&(id, _)| id).collect::<Vec<_>>());
        assert_close(
            &top.iter().map(|token| token.logprob).collect::<Vec<_>>(),
            &all[..5].iter().map(|&(_, logprob)| logprob).collect::<Vec<_>>(),
        );
    }
    let plain = answers(&mut engine(&model, 1, 1), &[Request { top_logprobs: 0, ..wanted }]).remove(0);
    assert!(plain.top_logprobs.is_empty() && plain.prompt_top_logprobs.is_empty());
    assert_eq!((plain.ids, plain.logprobs), (completion.ids, completion.logprobs));
}
