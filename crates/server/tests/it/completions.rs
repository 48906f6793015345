//! `/v1/completions`.

use serde_json::{Value, json};

use crate::{Running, serve};

fn ask(server: &Running, fields: Value) -> Value {
    server.post("/v1/completions", with(fields)).ok()
}

/// A request for 20 tokens, with these fields instead or beside.
fn with(fields: Value) -> Value {
    let mut body =
        json!({"model": "school/small", "prompt": "Once", "max_tokens": 20, "seed": 5, "temperature": 1, "top_k": 0, "top_p": 1});
    fields.as_object().unwrap().iter().for_each(|(name, value)| body[name] = value.clone());
    body
}

fn text(choice: &Value) -> &str {
    choice["text"].as_str().unwrap()
}

#[test]
fn equal_requests_have_equal_answers_and_the_first_of_several_comes_alone_too() {
    let server = serve();
    let one = ask(&server, json!({}));
    assert_eq!((&one["object"], &one["choices"][0]["index"]), (&json!("text_completion"), &json!(0)));
    assert_eq!(one["choices"], ask(&server, json!({}))["choices"]);
    assert_ne!(one["choices"], ask(&server, json!({"seed": 6}))["choices"]);
    let three = ask(&server, json!({"n": 3, "best_of": 3}));
    assert_eq!(three["choices"][0], one["choices"][0]);
    let texts: Vec<&str> = three["choices"].as_array().unwrap().iter().map(text).collect();
    assert!(texts.len() == 3 && texts[0] != texts[1] && texts[1] != texts[2]);
    assert_eq!(three["usage"]["prompt_tokens"], 5, "<|endoftext|> and four bytes, counted once");

    // A list of prompts is a list of answers.
    let both = ask(&server, json!({"prompt": ["Once", "Twice"]}));
    assert_eq!(both["choices"][0], one["choices"][0]);
    assert_eq!(both["choices"].as_array().unwrap().len(), 2);
    // Ids are taken as they are.
    let ids = server.post("/tokenize", json!({"model": "school/small", "prompt": "Once"})).ok()["tokens"].clone();
    assert_eq!(ask(&server, json!({"prompt": ids}))["choices"], one["choices"]);
    assert_eq!(ask(&server, json!({"prompt": [ids, ids]}))["choices"][0]["text"], one["choices"][0]["text"]);

    let stop: String = text(&one["choices"][0]).chars().skip(4).take(2).collect();
    let stopped = ask(&server, json!({"stop": ["never there", stop]}));
    assert_eq!(text(&stopped["choices"][0]), text(&one["choices"][0]).split(&stop).next().unwrap());
    assert_eq!(stopped["choices"][0]["finish_reason"], "stop");
}

#[test]
fn log_probabilities_are_those_of_every_token_and_the_prompts_too() {
    let server = serve();
    let fields = json!({"echo": true, "logprobs": 3, "temperature": 0, "max_tokens": 6, "logit_bias": {"256": -100}});
    let choice = &ask(&server, fields)["choices"][0];
    assert!(text(choice).starts_with("Once"));
    let logprobs = &choice["logprobs"];
    let list = |name: &str| logprobs[name].as_array().unwrap().clone();
    let (tokens, worth, top, offsets) = (list("tokens"), list("token_logprobs"), list("top_logprobs"), list("text_offset"));
    assert_eq!(tokens.len(), 5 + 6);
    assert!([worth.len(), top.len(), offsets.len()].iter().all(|&len| len == tokens.len()));
    assert_eq!((&tokens[0], &tokens[1], &worth[0], &top[0]), (&json!("<|endoftext|>"), &json!("O"), &Value::Null, &Value::Null));
    for (at, (token, worth)) in tokens.iter().zip(&worth).enumerate().skip(1) {
        let top = top[at].as_object().unwrap();
        assert!((3..=4).contains(&top.len()), "{top:?}");
        assert_eq!(&top[token.as_str().unwrap()], worth);
    }
    // The answer is greedy: what was drawn is most likely, but for the id that was ruled out.
    for at in 5..tokens.len() {
        let best = top[at].as_object().unwrap().values().map(|worth| worth.as_f64().unwrap()).fold(f64::MIN, f64::max);
        assert!(worth[at].as_f64().unwrap() == best || top[at].get("<|im_start|>").is_some());
    }

    // What an answer's tokens are worth is what they are worth in a prompt.
    let plain = ask(&server, json!({"logprobs": 0, "temperature": 0, "max_tokens": 4}));
    let answer = &plain["choices"][0]["logprobs"];
    let ids = server.post("/tokenize", json!({"model": "school/small", "prompt": format!("Once{}", text(&plain["choices"][0]))})).ok();
    if ids["count"] == 9 {
        let scored = ask(&server, json!({"prompt": ids["tokens"], "echo": true, "logprobs": 0, "max_tokens": 0}));
        let scored = scored["choices"][0]["logprobs"]["token_logprobs"].as_array().unwrap().clone();
        assert_eq!(scored.len(), 9);
        for (scored, drawn) in scored[5..].iter().zip(answer["token_logprobs"].as_array().unwrap()) {
            assert!((scored.as_f64().unwrap() - drawn.as_f64().unwrap()).abs() < 1e-3, "{scored} {drawn}");
        }
    }
}

#[test]
fn a_stream_says_what_the_whole_answer_says() {
    let server = serve();
    for fields in [json!({}), json!({"n": 2, "echo": true}), json!({"logprobs": 2}), json!({"stop": "e"})] {
        let whole = ask(&server, fields.clone());
        let mut streamed = with(fields.clone());
        streamed["stream"] = json!(true);
        streamed["stream_options"] = json!({"include_usage": true});
        let mut events = server.post("/v1/completions", streamed).events();
        let last = events.pop().unwrap();
        assert_eq!((&last["usage"], &last["choices"]), (&whole["usage"], &json!([])), "{fields}");
        for choice in whole["choices"].as_array().unwrap() {
            let mine = || events.iter().map(|event| &event["choices"][0]).filter(|piece| piece["index"] == choice["index"]);
            assert_eq!(mine().map(text).collect::<String>(), text(choice), "{fields}");
            let reasons: Vec<&Value> = mine().map(|piece| &piece["finish_reason"]).filter(|reason| !reason.is_null()).collect();
            assert_eq!(reasons, [&choice["finish_reason"]]);
            if fields.get("logprobs").is_some() {
                let worth: Vec<Value> =
                    mine().filter_map(|piece| piece["logprobs"]["token_logprobs"].as_array()).flatten().cloned().collect();
                let all = choice["logprobs"]["token_logprobs"].as_array().unwrap();
                assert!(all.starts_with(&worth) && worth.len() + 1 >= all.len(), "{worth:?} of {all:?}");
            }
        }
    }
}

#[test]
fn what_is_not_done_here_is_refused_by_its_name() {
    let server = serve();
    for (fields, words) in [
        (json!({"suffix": "end"}), "suffix is \"end\", which is not done here"),
        (json!({"guided_json": {}}), "unknown field `guided_json`"),
        (json!({"best_of": 2}), "best_of must be n"),
        (json!({"n": 0}), "n is 0; it must be from 1 to 128"),
        (json!({"logprobs": 99}), "logprobs is 99; it may be 20"),
        (json!({"temperature": -1}), "temperature is -1; it must be 0 (greedy) or more"),
        (json!({"top_p": 0}), "top_p is 0; it must be above 0"),
        (json!({"top_k": -2}), "top_k is -2"),
        (json!({"presence_penalty": 3}), "presence_penalty is 3; it must be from -2 to 2"),
        (json!({"logit_bias": {"a": 1}}), "logit_bias names \"a\""),
        (json!({"logit_bias": {"9999": 1}}), "holds the id 9999"),
        (json!({"logit_bias": {"1": 101}}), "logit_bias is 101"),
        (json!({"stop": ""}), "a text of stop is empty"),
        (json!({"stop": 7}), "`stop` must be a text or a list of texts"),
        (json!({"prompt": []}), "prompt is an empty list"),
        (json!({"prompt": [999]}), "prompt holds the id 999, and the model knows only 268 ids"),
        (json!({"prompt": {"a": 1}}), "`prompt` must be a text, a list of texts"),
        (json!({"stream_options": {"include_usage": true}}), "stream_options is for streams"),
        (json!({"stream": true, "echo": true, "logprobs": 1}), "echo with logprobs is not streamed"),
        (json!({"prompt": "x".repeat(400)}), "the prompt has 401 tokens, and the model's context is 256"),
        (json!({"prompt": "x".repeat(255)}), "the prompt has 256 tokens, and the model's context is 256"),
    ] {
        server.post("/v1/completions", with(fields)).refuses(400, words);
    }
    ask(&server, json!({"user": "somebody", "suffix": null, "n": null}));
    // A prompt may fill the context where nothing is to follow it.
    ask(&server, json!({"prompt": "x".repeat(255), "max_tokens": 0, "echo": true, "logprobs": 1}));
}
