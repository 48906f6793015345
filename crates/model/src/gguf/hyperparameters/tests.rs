//! Sizes there and back, and every key that is refused by its name.

use std::borrow::Cow;
use std::path::PathBuf;

use super::super::{Array, renamed_tensors, write};
use super::*;

/// A folder that goes when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let folder = std::env::temp_dir().join(format!("schoolhouse-gguf-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        Folder(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn sizes(architecture: Family) -> Hyperparameters {
    let is_gpt2 = architecture == Family::Gpt2;
    Hyperparameters {
        architecture,
        name: Some("A small one".into()),
        vocab_size: 10,
        context_length: 64,
        embedding_length: 16,
        feed_forward_length: 40,
        block_count: 2,
        head_count: 4,
        head_count_kv: if is_gpt2 { 4 } else { 2 },
        key_length: if is_gpt2 { 4 } else { 8 },
        norm_epsilon: 1e-5,
        rope_theta: (!is_gpt2).then_some(500_000.0),
        rope_freqs: (architecture == Family::Llama).then(|| vec![1.0, 1.5, 8.0, 8.0]),
        tied: true,
    }
}

/// Writes keys with a table of embeddings, and more tensors of F32 that count up.
fn file(folder: &Folder, keys: &[(String, Value)], more: &[(&str, &[usize])]) -> Gguf {
    let path = folder.0.join("a.gguf");
    let mut headers = vec![TensorHeader { name: "token_embd.weight".into(), shape: vec![10, 16], kind: TensorType::F32 }];
    headers.extend(more.iter().map(|(name, shape)| TensorHeader { name: name.to_string(), shape: shape.to_vec(), kind: TensorType::F32 }));
    let data = headers.iter().map(|header| {
        let n: usize = header.shape.iter().product();
        Ok(Cow::Owned((0..n).flat_map(|x| (x as f32).to_le_bytes()).collect()))
    });
    write(&path, keys, &headers, data.collect::<Vec<_>>()).unwrap();
    Gguf::open(&path).unwrap()
}

#[test]
fn sizes_there_and_back() {
    let folder = Folder::new("sizes");
    for architecture in Family::ALL {
        let written = sizes(architecture);
        let keys = written.keys(TensorType::Q8_0);
        let path = folder.0.join("b.gguf");
        let table = TensorHeader { name: "token_embd.weight".into(), shape: vec![10, 16], kind: TensorType::F32 };
        let (mut headers, mut data) = (vec![table], vec![Ok(Cow::Owned(vec![0; 640]))]);
        if let Some((header, bytes)) = written.rope_freqs_tensor() {
            headers.insert(0, header);
            data.insert(0, Ok(Cow::Owned(bytes)));
        }
        write(&path, &keys, &headers, data).unwrap();
        let file = Gguf::open(&path).unwrap();
        let read = Hyperparameters::read(&file).unwrap();
        assert_eq!(read, written);
        assert_eq!(read.keys(TensorType::Q8_0), keys);
        assert_eq!(file.integer("general.file_type").unwrap(), Some(7));
        let renamed = renamed_tensors(&file, &read).unwrap();
        assert_eq!(renamed.len(), 1, "the divisors are no parameters");
    }
}

#[test]
fn what_a_file_leaves_out_is_filled_in_and_what_says_nothing_is_let_by() {
    let folder = Folder::new("defaults");
    let mut keys = sizes(Family::Llama).keys(TensorType::F16);
    keys.retain(|(key, _)| {
        !["key_length", "value_length", "dimension_count", "freq_base", "head_count_kv"].iter().any(|end| key.ends_with(end))
    });
    for (end, value) in [
        ("rope.scaling.type", Value::String("none".into())),
        ("rope.scaling.factor", Value::F32(1.0)),
        ("expert_count", Value::U32(0)),
        ("attention.sliding_window", Value::U32(64)),
        ("attention.causal", Value::Bool(true)),
    ] {
        keys.push((format!("llama.{end}"), value));
    }
    keys.push(("general.license".into(), Value::String("mit".into())));
    let read = Hyperparameters::read(&file(&folder, &keys, &[])).unwrap();
    assert_eq!((read.head_count_kv, read.key_length, read.rope_theta, read.rope_freqs), (4, 4, Some(10_000.0), None));
    let output = file(&folder, &keys, &[("output.weight", &[10, 16])]);
    let tied = Hyperparameters::read(&output).unwrap();
    assert!(tied.tied, "the same table once more");
    assert_eq!(renamed_tensors(&output, &tied).unwrap().len(), 1);
    let output = file(&folder, &keys, &[("output.weight", &[16, 10])]);
    assert!(!Hyperparameters::read(&output).unwrap().tied, "another shape is another matrix");
    let others = file(&folder, &keys, &[("output.weight", &[10, 17]), ("blk.0.attn_q.weight", &[16, 16])]);
    let untied = Hyperparameters::read(&others).unwrap();
    assert!(!untied.tied);
    let names: Vec<String> = renamed_tensors(&others, &untied).unwrap().into_iter().map(|(to, _)| to.name).collect();
    assert_eq!(names, ["model.embed_tokens.weight", "lm_head.weight", "model.layers.0.self_attn.q_proj.weight"]);
}

#[test]
fn what_changes_the_computation_is_refused_by_name() {
    let folder = Folder::new("sizes-refused");
    let check = |architecture: Family, key: &str, value: Value, expected: &str| {
        let mut keys = sizes(architecture).keys(TensorType::F32);
        keys.retain(|(found, _)| found != key);
        keys.push((key.into(), value));
        let why = Hyperparameters::read(&file(&folder, &keys, &[])).unwrap_err().to_string();
        assert!(why.contains("a.gguf") && why.contains(expected), "{why}");
    };
    let text = |text: &str| Value::String(text.into());
    use Family::{Gpt2, Llama, Qwen2, Qwen3};
    check(
        Qwen3,
        "general.architecture",
        text("gemma3"),
        "its architecture is \"gemma3\"; use a model of one of these: qwen3, qwen2, llama, gpt2",
    );
    check(Qwen3, "general.type", text("adapter"), "it holds a \"adapter\" and not a model");
    check(Qwen3, "split.count", Value::U16(3), "it is one of 3 parts of a model; join them");
    check(Qwen3, "qwen3.rope.scaling.type", text("yarn"), "its key qwen3.rope.scaling.type is \"yarn\", which changes what is computed");
    check(Qwen2, "qwen2.rope.scaling.factor", Value::F32(4.0), "its key qwen2.rope.scaling.factor is 4, which changes");
    check(Llama, "llama.expert_count", Value::U32(8), "its key llama.expert_count is 8, which changes");
    check(Llama, "llama.attention.sliding_window", Value::U32(63), "its key llama.attention.sliding_window is 63");
    check(Llama, "llama.logit_scale", Value::F32(8.0), "its key llama.logit_scale is 8");
    check(Llama, "llama.rope.dimension_count", Value::U32(4), "its key llama.rope.dimension_count is 4 where heads are 8 wide");
    check(Llama, "llama.attention.value_length", Value::U32(4), "its key llama.attention.value_length is 4 where heads are 8 wide");
    check(Gpt2, "gpt2.rope.freq_base", Value::F32(1e4), "its key gpt2.rope.freq_base is 10000");
    let list = Value::Array(Array::U32(vec![4, 4]));
    check(Llama, "llama.attention.head_count", list.clone(), "damaged at llama.attention.head_count: its value is not an integer");
    check(Llama, "llama.rope.dimension_sections", list, "is a list of 2, which changes");
    check(Llama, "llama.block_count", Value::U32(0), "damaged at llama.block_count: a size of 0 is in no model");
    check(Llama, "llama.context_length", Value::U32(1 << 25), "damaged at llama.context_length: a size of 33554432");
    check(Llama, "llama.attention.head_count_kv", Value::U32(3), "4 query heads are no multiple of 3 key heads");
    check(Llama, "llama.attention.layer_norm_rms_epsilon", Value::F32(f32::NAN), "its value is not a finite number");
    check(Llama, "llama.embedding_length", Value::U32(32), "damaged at token_embd.weight: its rows have 16 elements where");
    check(Llama, "llama.vocab_size", Value::U32(11), "0 tokens, and 11 said, do not fit 10 rows");
    check(Gpt2, "gpt2.attention.head_count_kv", Value::U32(2), "GPT-2's heads share its width evenly");
    let tokens = Value::Array(Array::String(vec![String::new(); 11]));
    check(Qwen3, "tokenizer.ggml.tokens", tokens, "11 tokens, and 10 said, do not fit 10 rows");

    let mut keys = sizes(Qwen3).keys(TensorType::F32);
    let why = Hyperparameters::read(&file(&folder, &keys, &[("rope_freqs.weight", &[4])])).unwrap_err().to_string();
    assert!(why.contains("it has a tensor rope_freqs.weight, which models of the architecture qwen3 have not"), "{why}");
    let strange = file(&folder, &keys, &[("blk.0.attn_sinks.weight", &[4])]);
    let why = renamed_tensors(&strange, &Hyperparameters::read(&strange).unwrap()).unwrap_err().to_string();
    assert!(why.contains("it has a tensor blk.0.attn_sinks.weight, which models of the architecture qwen3 have not"), "{why}");
    keys.retain(|(key, _)| key != "qwen3.context_length");
    let why = Hyperparameters::read(&file(&folder, &keys, &[])).unwrap_err().to_string();
    assert!(why.contains("damaged at qwen3.context_length: the key is missing; download it"), "{why}");
    let keys = sizes(Llama).keys(TensorType::F32);
    for (shape, expected) in [(&[5][..], "it is F32 of shape [5] and not F32 of shape [4]"), (&[4], "0 divides no frequency")] {
        let why = Hyperparameters::read(&file(&folder, &keys, &[("rope_freqs.weight", shape)])).unwrap_err().to_string();
        assert!(why.contains("damaged at rope_freqs.weight") && why.contains(expected), "{why}");
    }
}

/// The divisors between 1 and the factor, as transformers 5.24 has them (1 / (theta^(2i/D) inv_freq), `rope_type` "llama3").
#[test]
fn llama_3s_divisors_are_those_of_transformers() {
    let check = |factor: f64, key_length: usize, first: usize, expected: &[f32]| {
        let scaling = RopeScaling { factor, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
        let divisors = scaling.divisors(&tensor::rotary::frequencies(key_length, 500_000.0));
        let (before, after) = (&divisors[..first], &divisors[first + expected.len()..]);
        assert!(before.iter().all(|&x| x == 1.0) && after.iter().all(|&x| x == factor as f32), "{divisors:?}");
        for (found, expected) in divisors[first..].iter().zip(expected) {
            assert!((found - expected).abs() < 1e-5 * expected, "{found} {expected}");
        }
    };
    check(8.0, 128, 29, &[1.20748, 1.55341, 2.02631, 2.69453, 3.68425, 5.25733]);
    check(32.0, 64, 15, &[1.65133, 3.29226, 9.66673]);
}

#[test]
fn llama_3s_scaling_is_found_again() {
    for (factor, key_length) in [(8.0, 128), (32.0, 64), (32.0, 128)] {
        let scaling = RopeScaling { factor, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 8192 };
        let mut divisors = scaling.divisors(&tensor::rotary::frequencies(key_length, 500_000.0));
        assert_eq!((divisors.len(), divisors[0], divisors[key_length / 2 - 1]), (key_length / 2, 1.0, factor as f32));
        assert!(divisors.is_sorted());
        assert_eq!(RopeScaling::with_divisors(&divisors, 500_000.0), Some(scaling));
        assert_eq!(RopeScaling::with_divisors(&divisors, 10_000.0), None);
        let between = divisors.iter().position(|&x| x > 1.0).unwrap();
        divisors[between] *= 1.01;
        assert_eq!(RopeScaling::with_divisors(&divisors, 500_000.0), None);
    }
    let short = RopeScaling { factor: 8.0, low_freq_factor: 1.0, high_freq_factor: 4.0, original_context: 64 };
    let divisors = short.divisors(&tensor::rotary::frequencies(64, 10_000.0));
    assert_eq!(RopeScaling::with_divisors(&divisors, 10_000.0), Some(short));
    assert_eq!(RopeScaling::with_divisors(&[1.0; 4], 500_000.0), None);
}
