//! GPT-2's, GPT-4's and GPT-4o's vocabularies, id for id as the crate tiktoken-rs gives them. The ranks are that crate's.

use std::sync::LazyLock;

use base::rng::Rng;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tiktoken_rs::CoreBPE;
use tokenizer::{Encoder, Tokenizer};

/// Ours and theirs.
struct Pair {
    name: &'static str,
    ours: Tokenizer,
    theirs: &'static CoreBPE,
}

static PAIRS: LazyLock<[Pair; 3]> = LazyLock::new(|| {
    [
        ("gpt2", tiktoken_rs::r50k_base_singleton(), 50_256),
        ("cl100k_base", tiktoken_rs::cl100k_base_singleton(), 100_256),
        ("o200k_base", tiktoken_rs::o200k_base_singleton(), 199_998),
    ]
    .map(|(name, theirs, n_ranks)| {
        let line = |id: u32| Some(format!("{} {id}\n", STANDARD.encode(theirs.decode_bytes(&[id]).ok()?)));
        let ours = Tokenizer::from_ranks(name, &(0..n_ranks).filter_map(line).collect::<String>()).unwrap();
        Pair { name, ours, theirs }
    })
});

fn check(text: &str) {
    for Pair { name, ours, theirs } in &*PAIRS {
        let ids = ours.encode(text);
        assert!(ids == theirs.encode_ordinary(text), "{name}: {text:?}");
        assert_eq!(ours.decode(&ids), text, "{name}");
    }
}

#[test]
fn the_ids_that_everybody_knows() {
    assert_eq!(PAIRS[1].ours.encode("hello world"), [15339, 1917]);
    assert_eq!(PAIRS[0].ours.encode("Hello world"), [15496, 995]);
    assert_eq!(PAIRS[1].ours.special("<|endoftext|>"), Some(100_257));
    assert_eq!(PAIRS[2].ours.special("<|endoftext|>"), Some(199_999));
}

#[test]
fn pages_and_hard_places() {
    let page = include_str!("../golden/page.txt");
    check(page);
    for text in [
        "",
        " ",
        "\n",
        "  \n\n  x",
        "I'll CAN'T we've 12345 3.14",
        "<|endoftext|><|im_start|>",
        "a\u{301}\u{17f}'\u{17f}",
        "日本語 テキスト",
        "\u{85}\u{180e}\u{200b} x",
    ] {
        check(text);
    }
    check(&"a".repeat(100_000));
    check(&" ".repeat(10_000));
    check(&"ab".repeat(5_000));
}

#[test]
fn every_character_of_unicode() {
    let places: [&dyn Fn(char) -> String; 3] = [&|c| format!("a{c}b "), &|c| format!(" {c}{c}A"), &|c| format!("1'{c}\n{c}")];
    let all: Vec<char> = ('\0'..=char::MAX).collect();
    // Most planes have no characters, and there one in a hundred tells as much.
    let some: Vec<char> = all.into_iter().filter(|&c| u32::from(c) < 0x3_2000 || u32::from(c).is_multiple_of(101)).collect();
    for place in places {
        for block in some.chunks(4096) {
            check(&block.iter().map(|&c| place(c)).collect::<String>());
        }
    }
}

#[test]
fn random_bytes_and_mixtures() {
    let mut rng = Rng::new(11);
    let pieces = [
        " ", "  ", "\n", "\r\n", "\t", "the", " of", "ing", "'s", "'LL", "7", "1234", ".", "...", "()", " //", "é", "ß", "Ω", "ж", "中",
        "한", "😀", "\u{301}", "\u{a0}", "\u{2028}", "A", "Bc", "DEF", "_", "-", "\"", "\u{200d}", "ǅ", "ª", "Ⅷ", "²",
    ];
    let mut encoders: Vec<Encoder> = PAIRS.iter().map(|pair| Encoder::new(&pair.ours)).collect();
    for round in 0..3000 {
        let text = if round % 3 == 0 {
            let bytes: Vec<u8> = (0..rng.below(200)).map(|_| rng.below(256) as u8).collect();
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            (0..rng.below(60)).map(|_| *rng.pick(&pieces)).collect()
        };
        for (pair, encoder) in PAIRS.iter().zip(&mut encoders) {
            let mut ids = Vec::new();
            encoder.encode_into(&text, &mut ids);
            assert!(ids == pair.theirs.encode_ordinary(&text), "{}: {text:?}", pair.name);
        }
    }
}

#[test]
fn a_vocabulary_by_rank_is_the_same_as_a_file_of_merges() {
    let folder = super::scratch("ranks");
    let page = include_str!("../golden/page.txt");
    for Pair { name, ours, .. } in &*PAIRS {
        ours.save(&folder).unwrap();
        let read = Tokenizer::load(&folder).unwrap();
        assert_eq!(read.pattern(), ours.pattern());
        for text in [page, "b\n ", "x \n\n  "] {
            assert_eq!(read.encode(text), ours.encode(text), "{name}");
        }
        for id in (0..50_256).step_by(7) {
            assert_eq!(read.token_bytes(id), ours.token_bytes(id), "{name}");
            assert_eq!(ours.halves(id).is_none(), ours.token_bytes(id).len() < 2, "{name}: {id}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_vocabulary_in_gguf_gives_the_same_ids() {
    let page = include_str!("../golden/page.txt");
    for Pair { name, ours, .. } in &*PAIRS {
        if *name == "cl100k_base" {
            assert!(ours.gguf_keys().unwrap_err().contains("no name for the pattern cl100k_base"));
            continue;
        }
        let keys = ours.gguf_keys().unwrap();
        assert_eq!(keys.tokens.len(), ours.vocab_size());
        let read = Tokenizer::from_gguf(keys).unwrap();
        for text in [page, "b\n ", "x \n\n  ", "I'll CAN'T we've 12345", "日本語 \u{85}é"] {
            assert_eq!(read.encode(text), ours.encode(text), "{name}");
        }
        assert_eq!(read.special("<|endoftext|>"), ours.special("<|endoftext|>"));
    }
}
