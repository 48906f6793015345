//! Stop texts in a batch, beside the same answers without them.

use engine::{Completion, Engine, EngineConfig, Finish, Next, Request, Sampling, TextStream};
use model::Config;
use tokenizer::Tokenizer;

use crate::{model_of, request};

/// Answers with their texts as they came.
fn texts(engine: &mut Engine, tokenizer: &Tokenizer, requests: &[Request]) -> Vec<(Completion, String)> {
    let mut heard = vec![String::new(); requests.len()];
    let mut on_token = |request: usize, written: &engine::Written| {
        heard[request] += written.text;
        Next::Continue
    };
    let completions = engine.generate_texts(tokenizer, requests, &mut on_token).unwrap();
    completions.into_iter().zip(heard).collect()
}

#[test]
fn answers_of_a_batch_end_before_their_stop_texts() {
    let tokenizer = Tokenizer::from_merges(Vec::new());
    let model = model_of(Config::from_depth(1, tokenizer.vocab_size(), 128));
    let mut engine = Engine::new(&model, EngineConfig::new(3, 128, 2));
    let free: Vec<Request> = (0..8).map(|seed| request(tokenizer.encode("Once upon"), 60, Sampling::plain(1.0), seed)).collect();
    let whole = texts(&mut engine, &tokenizer, &free);
    // Two characters from the middle of each answer, which stand in two tokens at least, and what never comes.
    let stop = |text: &str| -> String { text.chars().skip(text.chars().count() / 2).take(2).collect() };
    let stopping: Vec<Request> = free
        .iter()
        .zip(&whole)
        .map(|(request, (completion, _))| Request { stop_texts: vec!["never seen".into(), stop(&completion.text)], ..request.clone() })
        .collect();
    for ((completion, heard), ((whole, heard_whole), request)) in
        texts(&mut engine, &tokenizer, &stopping).iter().zip(whole.iter().zip(&stopping))
    {
        assert_eq!(whole.text, tokenizer.decode(&whole.ids));
        assert!(whole.text.starts_with(heard_whole));
        assert_eq!(completion.finish, Finish::StopText(1));
        let before = whole.text.split(&request.stop_texts[1]).next().unwrap();
        assert_eq!((completion.text.as_str(), heard.as_str()), (before, before));
        assert!(whole.ids.starts_with(&completion.ids) && completion.ids.len() < whole.ids.len());
        assert_eq!(completion.logprobs[..], whole.logprobs[..completion.ids.len()]);
        // The caller's own stream over the ids says the same.
        let mut stream = TextStream::new(request.stop_texts.clone());
        let text: String = whole.ids.iter().map(|&id| stream.push(&tokenizer, id)).collect();
        assert_eq!((text.as_str(), stream.stopped()), (before, Some(1)));
    }
}

#[test]
fn stop_texts_need_a_tokenizer_and_a_character() {
    let tokenizer = Tokenizer::from_merges(Vec::new());
    let model = model_of(Config::from_depth(1, tokenizer.vocab_size(), 16));
    let mut engine = Engine::new(&model, EngineConfig::new(1, 16, 1));
    let with = |stop: &str| [Request { stop_texts: vec![stop.into()], ..request(vec![1], 4, Sampling::greedy(), 0) }];
    let message = engine.generate(&with("a"), &mut |_, _| {}).unwrap_err().to_string();
    assert!(message.contains("a request (0) has stop texts, and this call knows no text; call generate_texts"), "{message}");
    let message = engine.generate_texts(&tokenizer, &with(""), &mut |_, _| Next::Continue).unwrap_err().to_string();
    assert!(message.contains("a stop text (request 0) is empty; leave it out"), "{message}");
}
