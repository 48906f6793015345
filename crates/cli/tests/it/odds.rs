//! `complete` shows what could have come: odds, the surprise of a prompt, all of it as JSON, and what moves the odds.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;
use tokenizer::Tokenizer;

use crate::support::{Answer, Scratch, schoolhouse};
use crate::talk::{complete, model};

/// Numbers in percent that stand in a line, in order.
fn percents(line: &str) -> Vec<f64> {
    let words = line.split_whitespace().filter_map(|word| word.strip_suffix('%'));
    words.filter_map(|word| word.parse().ok()).collect()
}

fn json(answer: &Answer) -> Value {
    assert_eq!(answer.code, Some(0), "{}", answer.stderr);
    serde_json::from_str(&answer.stdout).unwrap()
}

#[test]
fn odds_are_a_line_for_each_position_and_the_text_behind_them() {
    let scratch = Scratch::new("odds");
    let model = model(&scratch, 64);
    let base = ["--prompt", "Once upon", "--max-tokens", "7", "--temperature", "0", "--seed", "3"];
    let plain = complete(&model, &base);
    let with = complete(&model, &[&base[..], &["--odds", "4"]].concat());
    let (table, text) = with.stdout.split_once("\n\n").unwrap();
    assert_eq!(text, plain.stdout, "the odds change nothing");
    assert_eq!(with.stderr, plain.stderr);
    assert_eq!(table.lines().count(), 7);
    for (number, line) in (1..).zip(table.lines()) {
        assert!(line.trim_start().starts_with(&format!("{number}  \"")), "{line}");
        let found = percents(line);
        assert_eq!(found.len(), 5, "{line}");
        // Greedily drawn: the most likely one, which is marked; the others in their order.
        assert!(found[0] == found[1] && found[1..].is_sorted_by(|a, b| a >= b), "{line}");
        assert_eq!((line.matches('*').count() > 0, line.contains('\u{1b}')), (true, false), "{line}");
    }
    let several = complete(&model, &[&base[..], &["--odds", "1", "--n", "2", "--temperature", "1"]].concat());
    assert_eq!(several.code, Some(2), "an option given twice");
    let sampled = ["--prompt", "Once upon", "--max-tokens", "7", "--temperature", "1", "--odds", "1", "--n", "2"];
    let several = complete(&model, &sampled);
    let samples: Vec<&str> = several.stdout.split("--- sample ").skip(1).collect();
    assert_eq!((samples.len(), samples[0].contains("\n   1  \"")), (2, true));
    assert_eq!(complete(&model, &sampled).stdout, several.stdout);
}

#[test]
fn json_holds_ids_texts_logprobs_and_alternatives() {
    let scratch = Scratch::new("complete-json");
    let model = model(&scratch, 64);
    let base = ["--prompt", "Once", "--max-tokens", "5", "--temperature", "1", "--n", "3"];
    let found = json(&complete(&model, &[&base[..], &["--odds", "268", "--logprobs", "--json"]].concat()));
    assert_eq!(found["prompt"]["text"], "Once");
    let tokens = |text: &Value| text["tokens"].as_array().unwrap().clone();
    let prompt = tokens(&found["prompt"]);
    assert_eq!(prompt.len(), 5);
    assert!(prompt[0]["logprob"].is_null() && prompt[0]["text"] == "<|endoftext|>");
    let samples = found["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 3);
    let scored = prompt[1..].iter().cloned().chain(samples.iter().flat_map(tokens));
    for token in scored {
        // All ids there are: their probabilities sum to one, and the token's own is among them.
        let top = token["top"].as_array().unwrap();
        let sum: f64 = top.iter().map(|other| other["logprob"].as_f64().unwrap().exp()).sum();
        assert!(top.len() == 268 && (sum - 1.0).abs() < 1e-4, "{sum}");
        let own = top.iter().find(|other| other["id"] == token["id"]).unwrap();
        assert_eq!((&own["logprob"], &own["text"], &own["hex"]), (&token["logprob"], &token["text"], &token["hex"]));
    }
    // Several samples as text are these.
    let told = complete(&model, &base).stdout;
    for sample in samples {
        assert!(told.contains(&format!("\nOnce{}", sample["text"].as_str().unwrap())), "{told:?}");
    }
    let bare = json(&complete(&model, &[&base[..], &["--json"]].concat()));
    for (sample, bare) in samples.iter().zip(bare["samples"].as_array().unwrap()) {
        assert_eq!((&sample["text"], &sample["finish"]), (&bare["text"], &bare["finish"]));
        assert!(tokens(bare).iter().all(|token| token.get("top").is_none() && token["logprob"].is_number()));
    }
    assert!(tokens(&bare["prompt"]).iter().all(|token| token["logprob"].is_null()));
}

#[test]
fn a_bias_decides_and_penalties_and_stops_are_heard() {
    let scratch = Scratch::new("complete-bias");
    let model = model(&scratch, 64);
    let ids = |arguments: &[&str]| -> (Vec<u64>, String) {
        let base = ["--prompt", "Once", "--max-tokens", "8", "--temperature", "0", "--json"];
        let found = json(&complete(&model, &[&base[..], arguments].concat()));
        let sample = &found["samples"][0];
        let ids = sample["tokens"].as_array().unwrap().iter().map(|token| token["id"].as_u64().unwrap()).collect();
        (ids, sample["finish"].as_str().unwrap().to_owned())
    };
    assert_eq!(ids(&["--logit-bias", "65=100"]), (vec![65; 8], "length".into()));
    // Of two that are equally forced each is taken in turn, once it is punished for every time that it was said.
    let (both, _) = ids(&["--logit-bias", "65=100", "--logit-bias", "66=100", "--frequency-penalty", "2"]);
    assert!(both.contains(&65) && both.contains(&66) && both.iter().all(|id| [65, 66].contains(id)), "{both:?}");
    let three = Tokenizer::from_merges(Vec::new()).decode(&[65; 3]);
    assert_eq!(ids(&["--logit-bias", "65=100", "--stop", &three]), (vec![65; 3], "stop_text".into()));
    for (arguments, expected) in [
        (&["--logit-bias", "65"][..], "an id and a number with = between"),
        (&["--logit-bias", "65=x"], "an id and a number with = between"),
        (&["--logit-bias", "65=101"], "error: a logit bias is 101; it must be from -100 to 100"),
        (&["--logit-bias", "268=1"], "a logit bias (request 0) holds the id 268, and the model knows only 268 ids"),
        (&["--presence-penalty", "-3"], "presence_penalty is -3; it must be from -2 to 2"),
        (&["--repetition-penalty", "0"], "repetition_penalty is 0; it must be from 0.1 to 10"),
        (&["--odds", "0"], "'--odds <N>'"),
        (&["--prompt-file", "x"], "cannot be used with"),
    ] {
        let found = complete(&model, &[&["--prompt", "x"], arguments].concat());
        assert!(found.code != Some(0) && found.stderr.contains(expected) && found.stdout.is_empty(), "{arguments:?}: {}", found.stderr);
    }
}

#[test]
fn a_prompt_may_come_from_a_file_or_the_standard_input_and_is_taken_as_it_is() {
    let scratch = Scratch::new("complete-file");
    let model = model(&scratch, 64);
    let text = "Q: 1+1\nA: 2\nQ: 2+2\nA:";
    let rest = ["--max-tokens", "4", "--temperature", "0", "--logprobs"];
    let expected = complete(&model, &[&["--prompt", text], &rest[..]].concat());
    // Each character is a token here; the text stands behind their table and its sum.
    let (table, shown) = expected.stdout.split_once("bits per token\n\n").unwrap();
    assert!(table.starts_with("position ") && shown.starts_with(text), "{}", expected.stdout);
    assert_eq!(table.lines().count(), 1 + text.len() + 1);
    let file = scratch.write("prompt.txt", text);
    let file = file.to_str().unwrap();
    assert_eq!(complete(&model, &[&["--prompt-file", file], &rest[..]].concat()).stdout, expected.stdout);
    let with_line_end = scratch.write("line.txt", format!("{text}\n"));
    let longer = complete(&model, &[&["--prompt-file", with_line_end.to_str().unwrap()], &rest[..]].concat());
    assert!(longer.stdout.contains(&format!("bits per token\n\n{text}\n")) && longer.stdout != expected.stdout);

    let piped = |input: &[u8]| {
        let mut command = schoolhouse();
        command.arg("complete").arg("--model").arg(&model).args(["--prompt-file", "-"]).args(rest);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        child.wait_with_output().unwrap()
    };
    assert_eq!(String::from_utf8(piped(text.as_bytes()).stdout).unwrap(), expected.stdout);
    let bad = String::from_utf8(piped(b"ab\xff").stderr).unwrap();
    assert!(bad.contains("the standard input is damaged at byte 2"), "{bad}");
    let missing = complete(&model, &["--prompt-file", "no-such-file"]);
    assert!(missing.stderr.contains("no-such-file"), "{}", missing.stderr);
    let none = complete(&model, &[]);
    assert!(none.code == Some(2) && none.stderr.contains("--prompt"), "{}", none.stderr);
}
