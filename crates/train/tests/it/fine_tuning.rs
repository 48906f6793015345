//! Fine-tuning on tiny models: ours and those of others, mixtures, and rows of which there is nothing to learn.

use std::path::{Path, PathBuf};

use base::progress::Progress;
use base::stop::Stop;
use model::folder::EndTokens;
use model::{Config, Family, Model};
use serde_json::Value;
use tokenizer::chat::{ChatFormat, Conversation, Message, Part, Role};
use tokenizer::shards::Shards;
use tokenizer::{Merges, Parts, Pattern, Tokenizer};
use train::mixture::Share;
use train::optimizer::Method;
use train::pretrain::{PretrainConfig, pretrain};
use train::sft::{SftConfig, sft};
use train::trainer::Summary;

use super::{scratch, tiny, tiny_shards};

fn config() -> SftConfig {
    SftConfig {
        epochs: 2,
        context: None,
        batch_tokens: 256,
        method: None,
        lr_factor: Some(1.0),
        replay: 0.2,
        sample_prompts: vec!["a?".into(), "b?".into()],
        seed: 1,
        threads: 2,
    }
}

fn turn(question: &str, answer: &str) -> Conversation {
    Conversation { messages: vec![Message::text(Role::User, question), Message::text(Role::Assistant, answer)] }
}

fn yes_and_no(count: usize) -> Vec<Conversation> {
    (0..count).flat_map(|_| [turn("a?", "yes"), turn("b?", "no")]).collect()
}

fn whole(conversations: &[Conversation]) -> Vec<Share> {
    vec![Share { conversations: conversations.to_vec(), weight: 1.0 }]
}

fn run(config: &SftConfig, base: &Path, mixture: &[Share], shards: Option<&Shards>, out: &Path) -> train::Result<Summary> {
    sft(config, base, mixture, shards, out, &Progress::silent(), &Stop::new())
}

fn rows(path: PathBuf) -> Vec<Value> {
    base::jsonl::read_jsonl(&path).unwrap().map(Result::unwrap).collect()
}

/// What the model answered to the two questions at the end.
fn last_answers(out: &Path) -> Vec<String> {
    let samples = rows(out.join("samples.jsonl"));
    samples[samples.len() - 2..].iter().map(|sample| sample["text"].as_str().unwrap().to_string()).collect()
}

#[test]
fn it_teaches_answers_measures_what_was_read_and_refuses_what_cannot_be() {
    let folder = scratch("sft");
    let (tokenizer, shards) = tiny_shards(&folder);
    let base = folder.join("base");
    let pretraining = PretrainConfig { context: 64, ..tiny(2) };
    let read = pretrain(&pretraining, &shards, &tokenizer, &base, &Progress::silent(), &Stop::new()).unwrap();
    let conversations = yes_and_no(60);
    let tune = |config: &SftConfig, conversations: &[Conversation], out: &str| {
        run(config, &base, &whole(conversations), Some(&shards), &folder.join(out))
    };
    let summary = tune(&config(), &conversations, "sft").unwrap();
    assert_eq!(last_answers(&folder.join("sft")), ["yes", "no"]);
    let measured: Vec<(u64, f64)> = rows(folder.join("sft/metrics.jsonl"))
        .iter()
        .filter_map(|row| Some((row["step"].as_u64().unwrap(), row["val_bpb"].as_f64()?)))
        .collect();
    let expected = [(0, read.val_bpb.unwrap()), (summary.steps as u64, summary.val_bpb.unwrap())];
    assert_eq!(measured, expected, "before the first step the pages cost what they cost after reading");

    let too_long = tune(&SftConfig { context: Some(65), ..config() }, &conversations, "long").unwrap_err().to_string();
    assert!(too_long.contains("a context of 65 tokens is longer than the model's 64"), "{too_long}");
    let mute = [Conversation { messages: vec![Message::text(Role::User, "hello")] }];
    let nothing = tune(&config(), &mute, "mute").unwrap_err().to_string();
    assert!(nothing.contains("has an assistant turn"), "{nothing}");
    let none = tune(&SftConfig { epochs: 0, ..config() }, &conversations, "none").unwrap_err().to_string();
    assert!(none.contains("draw no conversation"), "{none}");
}

/// nanochat's issue 590: a batch in which no token is trained has no mean loss. Conversations without an assistant, and those whose
/// assistant speaks only behind the end of the row, make no row here.
#[test]
fn no_step_is_without_a_trained_token() {
    let folder = scratch("mute-rows");
    let base = folder.join("base");
    others_model(Family::Qwen3, &["<|endoftext|>"], &base);
    let mute = Conversation { messages: vec![Message::text(Role::User, "x".repeat(40))] };
    let late = turn(&"x".repeat(70), "too late");
    let cut = turn("c?", &"y".repeat(100));
    let mut conversations = yes_and_no(4);
    (0..30).for_each(|_| conversations.extend([mute.clone(), late.clone()]));
    conversations.push(cut);
    // Rows of a step: one, so that every row must have a trained token.
    let config = SftConfig { batch_tokens: 64, replay: 0.0, lr_factor: Some(0.1), ..config() };
    let out = folder.join("sft");
    let summary = run(&config, &base, &whole(&conversations), None, &out).unwrap();
    let losses: Vec<f64> = rows(out.join("metrics.jsonl")).iter().filter_map(|row| row["loss"].as_f64()).collect();
    assert_eq!(losses.len(), summary.steps);
    assert!(losses.iter().all(|loss| loss.is_finite() && *loss > 0.0), "{losses:?}");
    // Eight short ones of 24 and 25 tokens, two in a row, and the long one, twice over.
    assert_eq!(summary.steps, 2 * (4 + 1));
}

/// A model folder as others make it: bytes as tokens, these special tokens, random weights, no moments.
fn others_model(family: Family, specials: &[&str], folder: &Path) -> Tokenizer {
    let tokens = (0..=u8::MAX).map(|byte| Box::from([byte])).collect();
    let specials: Vec<(String, u32)> = specials.iter().zip(256..).map(|(special, id)| (special.to_string(), id)).collect();
    let merges = Merges::Listed { pairs: Vec::new(), whole_words: false };
    let tokenizer = Tokenizer::from_parts(Parts { pattern: Pattern::Gpt2, normalises: false, tokens, specials, merges }).unwrap();
    let config = Config::from_depth(1, tokenizer.vocab_size(), 64).with_family(family);
    let ends = EndTokens { end_of_text: 256, end_of_turn: 256 };
    model::folder::save(&Model::new(config, 1), ends, folder).unwrap();
    tokenizer.save(folder).unwrap();
    tokenizer
}

#[test]
fn a_model_of_others_learns_to_answer_in_its_own_format_or_in_ours() {
    let folder = scratch("others");
    let plain = &["<|endoftext|>"][..];
    let lines = &["<|endoftext|>", "<|im_start|>", "<|im_end|>"][..];
    let llama3 = &["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"][..];
    for (family, specials, format, ids) in [
        (Family::Gpt2, plain, ChatFormat::Schoolhouse, 257 + 11),
        (Family::Llama, plain, ChatFormat::Schoolhouse, 257 + 11),
        (Family::Qwen2, lines, ChatFormat::ChatMlLines, 259),
        (Family::Llama, llama3, ChatFormat::Llama3, 260),
    ] {
        let name = format!("{family:?}-{}", format.name());
        let (base, out) = (folder.join(format!("{name}-base")), folder.join(&name));
        others_model(family, specials, &base);
        let searches = Message { role: Role::Assistant, parts: vec![Part::Search("x".into()), Part::Output("y".into())] };
        let mut conversations = yes_and_no(100);
        conversations.push(Conversation { messages: vec![Message::text(Role::User, "a?"), searches] });
        let summary = run(&SftConfig { epochs: 4, ..config() }, &base, &whole(&conversations), None, &out).unwrap();
        assert!(summary.loss < 0.5, "{name} ends with the loss {}", summary.loss);
        assert_eq!(last_answers(&out), ["yes", "no"], "{name}");
        let (model, tokenizer) = (Model::load(&out).unwrap(), Tokenizer::load(&out).unwrap());
        assert_eq!((model.config.vocab_size, tokenizer.vocab_size(), model.config.family), (ids, ids, family));
        assert_eq!(ChatFormat::of(&tokenizer), Some(format));
        let generation: Value = base::files::read_json(&out.join("generation_config.json")).unwrap();
        assert_eq!(generation["eos_token_id"][0], tokenizer.special(format.turn_end()).unwrap());
        assert_eq!(base::files::read_text(&out.join("chat_template.jinja")).unwrap(), format.template());
        // What was fine-tuned here has moments, and goes on with them.
        let again = train::start::Start::open(&out, 1).unwrap();
        assert_eq!((again.added(), again.method()), (0, Some(Method::AdamW)));
    }
    let bare = folder.join("bare");
    others_model(Family::Llama, plain, &bare);
    std::fs::remove_file(bare.join("tokenizer.json")).unwrap();
    let why = run(&config(), &bare, &whole(&yes_and_no(1)), None, &folder.join("out")).unwrap_err().to_string();
    assert!(why.contains("has no tokenizer.json"), "{why}");
}

#[test]
fn a_mixture_has_more_of_what_weighs_more() {
    let folder = scratch("mixture");
    let base = folder.join("base");
    others_model(Family::Qwen3, &["<|endoftext|>"], &base);
    let mixture = [
        Share { conversations: yes_and_no(3), weight: 1.0 },
        Share { conversations: vec![turn("a?", "no"); 10], weight: 20.0 },
        Share { conversations: vec![turn("b?", "yes"); 10], weight: 0.0 },
    ];
    let out = folder.join("sft");
    run(&config(), &base, &mixture, None, &out).unwrap();
    assert_eq!(last_answers(&out), ["no", "no"], "the answer that comes 203 times in an epoch, not the ones that come 3 times or never");
}
