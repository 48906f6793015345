//! Vocabularies there and back, and what is refused.

use super::*;
use crate::look;

const TEXTS: [&str; 6] =
    ["", "the cat's hat\n\n  12345 x", "café e\u{301}\u{301}", "日本語 <|im_end|><think>", "\u{0}\u{7f}\u{ad}", "THE  \t\r\n the"];

#[track_caller]
fn same_ids(one: &Tokenizer, other: &Tokenizer) {
    for text in TEXTS {
        assert_eq!(one.encode(text), other.encode(text), "{text:?}");
    }
}

/// Our merges with another pattern and these special tokens behind them.
fn other(pattern: Pattern, whole_words: bool, specials: &[&str]) -> Tokenizer {
    let parts = look::small().parts().clone();
    let first = parts.tokens.len() as u32;
    let specials = specials.iter().zip(first..).map(|(special, id)| (special.to_string(), id)).collect();
    let Merges::Listed { pairs, .. } = parts.merges else { panic!("the merges are listed") };
    let merges = Merges::Listed { pairs, whole_words };
    Tokenizer::from_parts(Parts { pattern, normalises: false, specials, merges, ..parts }).unwrap()
}

#[test]
fn our_own_vocabulary_comes_back() {
    let tokenizer = look::small();
    let keys = tokenizer.gguf_keys().unwrap();
    assert_eq!((keys.model.as_str(), keys.pre.as_deref()), ("gpt2", Some("qwen2")));
    assert_eq!((keys.tokens.len(), keys.token_type.len(), keys.merges.len()), (tokenizer.vocab_size(), tokenizer.vocab_size(), 7));
    assert_eq!((keys.tokens[0].as_str(), keys.tokens[259].as_str(), keys.tokens[266].as_str()), ("!", "Ġthe", "<|endoftext|>"));
    assert_eq!((keys.token_type[259], keys.token_type[266]), (NORMAL, CONTROL));
    assert_eq!((keys.merges[1].as_str(), keys.merges[6].as_str()), ("Ġ th", "Ã ©"));
    assert_eq!((keys.bos_token_id, keys.eos_token_id, keys.padding_token_id), (Some(266), Some(tokenizer.im_end()), Some(266)));
    assert_eq!((keys.add_bos_token, keys.chat_template.as_deref()), (Some(false), Some(crate::CHAT_TEMPLATE)));
    let back = Tokenizer::from_gguf(keys).unwrap();
    assert_eq!(back.hash(), tokenizer.hash());
    same_ids(&back, &tokenizer);
}

#[test]
fn other_families_come_back() {
    for (pattern, whole_words, pre) in [
        (Pattern::Qwen2, false, "qwen2"),
        (Pattern::Qwen2, true, "qwen2"),
        (Pattern::Gpt2, false, "gpt-2"),
        (Pattern::Llama3, true, "llama-bpe"),
        (Pattern::Llama3, false, "smaug-bpe"),
        (Pattern::O200k, false, "gpt-4o"),
        (Pattern::StarCoder, false, "starcoder"),
        (Pattern::Tekken, true, "tekken"),
        (Pattern::Qwen35, false, "qwen35"),
        (Pattern::SeedCoder, false, "seed-coder"),
    ] {
        let tokenizer = other(pattern, whole_words, &["<|endoftext|>"]);
        let mut keys = tokenizer.gguf_keys().unwrap();
        assert_eq!((keys.pre.as_deref(), keys.chat_template.as_deref()), (Some(pre), None));
        assert_eq!((keys.bos_token_id, keys.eos_token_id), (Some(263), Some(263)));
        keys.pad(300);
        assert_eq!((keys.tokens[299].as_str(), keys.token_type[299], keys.tokens.len()), ("[PAD299]", UNUSED, 300));
        let back = Tokenizer::from_gguf(keys.clone()).unwrap();
        assert_eq!((back.pattern(), back.parts().normalises, back.vocab_size()), (pattern, false, 264));
        assert_eq!((back.special("<|endoftext|>"), back.decode(&[259])), (Some(263), " the".to_string()));
        same_ids(&back, &tokenizer);
        let mut again = back.gguf_keys().unwrap();
        again.pad(300);
        assert_eq!(again, keys);
    }
}

#[test]
fn names_of_one_pattern_are_read_alike_and_added_tokens_are_special() {
    let keys = other(Pattern::Llama3, true, &["<s>"]).gguf_keys().unwrap();
    for (pre, pattern, whole_words) in [
        ("llama3", Pattern::Llama3, true),
        ("dbrx", Pattern::Llama3, false),
        ("glm4", Pattern::Llama3, false),
        ("deepseek-r1-qwen", Pattern::Qwen2, false),
        ("mpt", Pattern::Gpt2, false),
        ("llama4", Pattern::O200k, false),
        ("smollm", Pattern::StarCoder, false),
        ("minerva-7b", Pattern::StarCoder, false),
    ] {
        assert_eq!(crate::gguf::puts_bos(pre), whole_words, "{pre}");
        let read = Tokenizer::from_gguf(GgufVocabulary { pre: Some(pre.into()), ..keys.clone() }).unwrap();
        assert_eq!(read.pattern(), pattern, "{pre}");
        assert!(matches!(read.parts().merges, Merges::Listed { whole_words: found, .. } if found == whole_words), "{pre}");
    }
    let mut added = keys;
    added.token_type[263] = USER_DEFINED;
    let read = Tokenizer::from_gguf(added).unwrap();
    assert_eq!(read.special("<s>"), Some(263));
    assert!(!read.encode("<s>").contains(&263));
}

#[test]
fn what_cannot_be_read_is_named() {
    let check = |change: &dyn Fn(&mut GgufVocabulary), expected: &str| {
        let mut keys = look::small().gguf_keys().unwrap();
        change(&mut keys);
        let why = Tokenizer::from_gguf(keys).unwrap_err();
        assert!(why.contains(expected), "{why}");
    };
    check(&|keys| keys.model = "llama".into(), "tokenizer.ggml.model is \"llama\", and only \"gpt2\"");
    check(&|keys| keys.pre = None, "tokenizer.ggml.pre is missing");
    check(&|keys| keys.pre = Some("viking".into()), "tokenizer.ggml.pre is \"viking\"");
    check(&|keys| keys.token_type.truncate(5), "token_type has 5 types for 275 tokens");
    check(&|keys| keys.token_type[4] = 6, "token 4, \"%\", is of type 6 (byte)");
    check(&|keys| keys.token_type[4] = 2, "is of type 2 (unknown)");
    check(&|keys| keys.token_type[4] = 99, "is of type 99 (no type that there is)");
    check(&|keys| keys.tokens[261] = "a b".into(), "token 261, \"a b\", is not spelt in the letters");
    check(&|keys| keys.tokens[261] = String::new(), "token 261, \"\", is not spelt in the letters");
    check(&|keys| keys.tokens[261] = "!".into(), "two tokens are \"!\"");
    check(&|keys| keys.token_type[4] = UNUSED, "no token is the byte 0x25");
    check(&|keys| keys.merges[3] = "Ġth".into(), "merge 3, \"Ġth\", is not a pair of tokens");
    check(&|keys| keys.merges[3] = "Ġth zz".into(), "merge 3 uses \"zz\", which is no token");
    check(&|keys| keys.merges[3] = "Ġth a".into(), "merge 3 makes \" tha\", which is no token");
    check(&|keys| keys.eos_token_id = Some(275), "tokenizer.ggml.eos_token_id is 275, and there are 275 tokens");
    check(&|keys| keys.pad(1 << 22), "are the most");
}

#[test]
fn what_cannot_be_written_is_named() {
    let why = other(Pattern::Cl100k, false, &[]).gguf_keys().unwrap_err();
    assert_eq!(why, "GGUF has no name for the pattern cl100k_base, so this vocabulary cannot be written");
    let mut parts = other(Pattern::Gpt2, true, &[]).parts().clone();
    parts.tokens.push(b"hat".as_slice().into());
    let words = Tokenizer::from_parts(parts).unwrap();
    assert_eq!(words.encode("hat"), [263]);
    let why = words.gguf_keys().unwrap_err();
    assert_eq!(why, "no merges lead to the token \"hat\", and GGUF's gpt2 has only merges");
}
