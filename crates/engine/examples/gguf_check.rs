//! Writes GGUF files for other programs to read, and what this program makes of the same files.
//!
//! `cargo run --release -p engine --example gguf_check TOKENIZER_JSON TEXTS FOLDER`; scripts/check/gguf_llama_cpp.py runs it, and llama.cpp on
//! what it wrote. There is a file for each architecture in each of several formats, with random weights; `expected.json` has the ids of
//! texts, and for each file the log-probabilities behind each text and how the most likely ids go on. TEXTS is a file of texts with the byte
//! 0x1e between them, whose ids are written for each pattern that GGUF has a name for.
//!
//! `cargo run --release -p engine --example gguf_check FILE.gguf ...` prints the same of files that others wrote, a line of JSON for each;
//! scripts/check/gguf_of_others.py runs it.

#![forbid(unsafe_code)]

use std::path::Path;

use base::rng::Rng;
use engine::{EngineConfig, ModelFolder, Request, Sampling};
use model::folder::EndTokens;
use model::stored::Stored;
use model::{Config, Family, Model, RopeScaling};
use serde_json::{Value, json};
use tensor::quant::Format;
use tokenizer::chat::{ChatFormat, Conversation, Message, Role};
use tokenizer::{Merges, Parts, Pattern, Tokenizer};

const TEXTS: [&str; 4] = ["The miller's daughter", "It's 1847, and\n\nI'm  tired.", "Où est la forêt? 東京は", " 3.14159 👍🏽\t\t<|im_end|>"];
const FORMATS: [Format; 5] = [Format::F32, Format::Bf16, Format::Q8_0, Format::Q4_0, Format::Q4K];
/// Ids that go on behind a text.
const GOES_ON: usize = 24;

fn main() {
    let args: Vec<String> = std::env::args().collect();
    if args.len() > 1 && args[1..].iter().all(|path| path.ends_with(".gguf")) {
        return args[1..].iter().for_each(|path| println!("{}", of_others(Path::new(path))));
    }
    let [_, tokenizer, texts, folder] = &args[..] else { panic!("give the paths of a tokenizer.json, of texts and of a folder") };
    let (tokenizer, folder) = (Tokenizer::load(Path::new(tokenizer)).expect("a tokenizer"), Path::new(folder));
    let mut files = Vec::new();
    for family in Family::ALL {
        let stored = random(family, &tokenizer, &folder.join(family.name()));
        for format in FORMATS {
            let name = format!("{}-{}.gguf", family.name(), format.name().to_lowercase());
            write(&stored, &tokenizer, format, &folder.join(&name));
            files.push(json!({"name": name, "texts": answers(&folder.join(&name))}));
        }
    }
    let conversation =
        Conversation { messages: vec![Message::text(Role::System, "Be brief."), Message::text(Role::User, "Who's there?\n")] };
    let hard = std::fs::read_to_string(texts).expect("a file of texts");
    let mut patterns = serde_json::Map::new();
    let with_names = Pattern::ALL.into_iter().filter(|pattern| *pattern != Pattern::Cl100k);
    for (pattern, whole_words) in with_names.map(|pattern| (pattern, matches!(pattern, Pattern::Llama3 | Pattern::Tekken))) {
        let merges = Merges::Listed { pairs: tokenizer.merges().to_vec(), whole_words };
        // llama.cpp does not bring texts into normal form C.
        let end = vec![("<|endoftext|>".to_string(), tokenizer.merges().len() as u32 + 256)];
        let parts = Parts { pattern, normalises: false, specials: end, merges, ..tokenizer.parts().clone() };
        let other = Tokenizer::from_parts(parts).expect("the same vocabulary with another pattern");
        let stored = random(Family::Qwen3, &tokenizer, &folder.join("pattern"));
        write(&stored, &other, Format::F32, &folder.join(format!("pattern-{}.gguf", pattern.name())));
        let ids: Vec<Vec<u32>> = hard.split('\x1e').map(|text| other.encode(text)).collect();
        patterns.insert(pattern.name().to_string(), json!(ids));
    }
    let texts: Vec<Value> = TEXTS.iter().map(|text| json!({"text": text, "ids": tokenizer.encode(text)})).collect();
    let expected = json!({"texts": texts, "chat": ChatFormat::Schoolhouse.render_prompt(&conversation, &tokenizer).expect("our own format"), "files": files, "patterns": patterns});
    std::fs::write(folder.join("expected.json"), expected.to_string()).expect("a folder to write to");
}

/// A model's file.
fn write(stored: &Stored, tokenizer: &Tokenizer, format: Format, path: &Path) {
    let mut vocabulary = tokenizer.gguf_keys().expect("a vocabulary that GGUF can hold");
    vocabulary.pad(stored.config.vocab_size);
    let keys = engine::gguf::vocabulary_keys(vocabulary);
    model::gguf::export(stored, Some("check"), keys, Some(format), path).expect("a file is written");
}

/// A model of random weights, each of which matters. Its width is a multiple of 256, so that every format fits.
fn random(family: Family, tokenizer: &Tokenizer, folder: &Path) -> Stored {
    let scaling = RopeScaling { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 32 };
    let config = Config {
        n_kv_heads: if family == Family::Gpt2 { 4 } else { 2 },
        n_layers: 2,
        intermediate_size: 768,
        rope_theta: 1e6,
        rope_scaling: (family == Family::Llama).then_some(scaling),
        tie_embeddings: matches!(family, Family::Qwen3 | Family::Gpt2),
        ..Config::from_depth(4, tokenizer.vocab_size() + 3, 128)
    };
    let mut model = Model::new(config.with_family(family), 1);
    let mut rng = Rng::new(2);
    model.params.data.iter_mut().for_each(|weight| *weight += 0.05 * rng.normal());
    model::folder::save(&model, EndTokens { end_of_text: tokenizer.eot(), end_of_turn: tokenizer.im_end() }, folder).expect("a folder");
    Stored::open(folder).expect("the folder that was just written")
}

/// What is made of a file, or why it is refused.
fn of_others(path: &Path) -> Value {
    match ModelFolder::load(path, None) {
        Ok((_, folder)) => {
            let of_texts = TEXTS.iter().zip(answers(path)).map(|(text, mut answer)| {
                answer["text"] = json!(text);
                answer["ids"] = json!(folder.tokenizer.encode(text));
                answer["prompt"] = json!(folder.prompt(text));
                answer
            });
            json!({"texts": of_texts.collect::<Vec<Value>>(), "stop_ids": folder.stop_ids, "vocab_size": folder.tokenizer.vocab_size()})
        }
        Err(error) => json!({"refused": error.to_string()}),
    }
}

/// Behind each text, the log-probabilities of all ids and the most likely ids one after the other.
fn answers(path: &Path) -> Vec<Value> {
    let (weights, folder) = ModelFolder::load(path, None).expect("the file that was just written");
    let n_ids = folder.tokenizer.vocab_size();
    let mut engine = folder.engine(weights, EngineConfig::new(1, 128, 1));
    let ask = |text: &&str| {
        let request = Request::new(folder.tokenizer.encode(text), GOES_ON, Sampling::greedy(), 1);
        let answer = engine.generate(&[Request { top_logprobs: n_ids, ..request }], &mut |_, _| {}).expect("an answer").remove(0);
        let mut logprobs = vec![0.0; n_ids];
        answer.top_logprobs[0].iter().for_each(|row| logprobs[row.id as usize] = row.logprob);
        json!({"logprobs": logprobs, "goes_on": answer.ids})
    };
    TEXTS.iter().map(ask).collect()
}
