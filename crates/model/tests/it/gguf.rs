//! A GGUF file of ggml's own Python package: all of it read as it was put in, written again, and damaged in many ways.
//!
//! Golden files: scripts/golden/gguf_file.py.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use model::Family;
use model::gguf::{Array, Gguf, Hyperparameters, TensorHeader, TensorType, Value, renamed_tensors, write};
use serde_json::Value as Json;

use super::golden;

fn scratch(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("schoolhouse-model-{name}-{}.gguf", std::process::id()))
}

/// The value of a row of the golden file, in the type that it names.
fn value(kind: &str, element: Option<&str>, json: &Json) -> Value {
    fn list<T>(json: &Json, read: impl Fn(&Json) -> Option<T>) -> Vec<T> {
        json.as_array().unwrap().iter().map(|json| read(json).unwrap()).collect()
    }
    let unsigned = |json: &Json| json.as_u64().unwrap();
    let signed = |json: &Json| json.as_i64().unwrap();
    let float = |json: &Json| json.as_f64().unwrap();
    let text = |json: &Json| json.as_str().unwrap().to_string();
    match (kind, element) {
        ("UINT8", _) => Value::U8(unsigned(json) as u8),
        ("INT8", _) => Value::I8(signed(json) as i8),
        ("UINT16", _) => Value::U16(unsigned(json) as u16),
        ("INT16", _) => Value::I16(signed(json) as i16),
        ("UINT32", _) => Value::U32(unsigned(json) as u32),
        ("INT32", _) => Value::I32(signed(json) as i32),
        ("FLOAT32", _) => Value::F32(float(json) as f32),
        ("BOOL", _) => Value::Bool(json.as_bool().unwrap()),
        ("STRING", _) => Value::String(text(json)),
        ("UINT64", _) => Value::U64(unsigned(json)),
        ("INT64", _) => Value::I64(signed(json)),
        ("FLOAT64", _) => Value::F64(float(json)),
        ("ARRAY", Some("UINT8")) => Value::Array(Array::U8(list(json, |x| Some(x.as_u64()? as u8)))),
        ("ARRAY", Some("INT8")) => Value::Array(Array::I8(list(json, |x| Some(x.as_i64()? as i8)))),
        ("ARRAY", Some("UINT16")) => Value::Array(Array::U16(list(json, |x| Some(x.as_u64()? as u16)))),
        ("ARRAY", Some("INT16")) => Value::Array(Array::I16(list(json, |x| Some(x.as_i64()? as i16)))),
        ("ARRAY", Some("UINT32")) => Value::Array(Array::U32(list(json, |x| Some(x.as_u64()? as u32)))),
        ("ARRAY", Some("INT32")) => Value::Array(Array::I32(list(json, |x| Some(x.as_i64()? as i32)))),
        ("ARRAY", Some("UINT64")) => Value::Array(Array::U64(list(json, Json::as_u64))),
        ("ARRAY", Some("INT64")) => Value::Array(Array::I64(list(json, Json::as_i64))),
        ("ARRAY", Some("FLOAT32")) => Value::Array(Array::F32(list(json, |x| Some(x.as_f64()? as f32)))),
        ("ARRAY", Some("FLOAT64")) => Value::Array(Array::F64(list(json, Json::as_f64))),
        ("ARRAY", Some("BOOL")) => Value::Array(Array::Bool(list(json, Json::as_bool))),
        ("ARRAY", Some("STRING")) => Value::Array(Array::String(list(json, |x| Some(x.as_str()?.to_string())))),
        other => panic!("{other:?} is no type of a value"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn a_file_of_ggmls_package_is_read_as_it_was_put_in() {
    let file = Gguf::open(&golden("gguf/tiny.gguf")).unwrap();
    let expected: Json = base::files::read_json(&golden("gguf/expected.json")).unwrap();
    let rows = expected["keys"].as_array().unwrap();
    assert_eq!(file.keys.len(), rows.len());
    for row in rows {
        let (key, kind) = (row["key"].as_str().unwrap(), row["type"].as_str().unwrap());
        assert_eq!(file.get(key), Some(&value(kind, row["element"].as_str(), &row["value"])), "{key}");
    }
    let rows = expected["tensors"].as_array().unwrap();
    assert_eq!(file.tensors.len(), rows.len());
    for (tensor, row) in file.tensors.iter().zip(rows) {
        let shape: Vec<usize> = row["shape"].as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect();
        assert_eq!(
            (tensor.name.as_str(), &tensor.shape, tensor.kind.name()),
            (row["name"].as_str().unwrap(), &shape, row["type"].as_str().unwrap())
        );
        assert_eq!(hex(file.bytes(tensor)), row["hex"].as_str().unwrap(), "{}", tensor.name);
        assert_eq!(tensor.range.start % 64, 0);
    }
}

#[test]
fn its_sizes_and_names_are_those_of_the_model() {
    let file = Gguf::open(&golden("gguf/tiny.gguf")).unwrap();
    let sizes = Hyperparameters::read(&file).unwrap();
    let expected = Hyperparameters {
        architecture: Family::Qwen3,
        name: Some("Tiny, für Prüfungen".into()),
        vocab_size: 264,
        context_length: 96,
        embedding_length: 32,
        feed_forward_length: 64,
        block_count: 1,
        head_count: 2,
        head_count_kv: 1,
        key_length: 16,
        norm_epsilon: 1e-6,
        rope_theta: Some(1e6),
        rope_freqs: None,
        tied: true,
    };
    assert_eq!(sizes, expected);
    let tensors = renamed_tensors(&file, &sizes).unwrap();
    assert_eq!(tensors.len(), 13);
    assert_eq!(tensors[0].0.name, "model.embed_tokens.weight");
    assert_eq!((tensors[12].0.name.as_str(), &tensors[12].1.shape[..]), ("model.layers.0.mlp.down_proj.weight", &[32, 64][..]));
    assert_eq!(sizes.keys(TensorType::Q8_0)[0], ("general.architecture".to_string(), Value::String("qwen3".into())));
}

/// Writes what was read.
fn copy(file: &Gguf, path: &Path) {
    let header =
        |tensor: &model::gguf::TensorEntry| TensorHeader { name: tensor.name.clone(), shape: tensor.shape.clone(), kind: tensor.kind };
    let headers: Vec<TensorHeader> = file.tensors.iter().map(header).collect();
    write(path, &file.keys, &headers, file.tensors.iter().map(|tensor| Ok(Cow::Borrowed(file.bytes(tensor))))).unwrap();
}

#[test]
fn written_again_it_has_the_same_bytes() {
    let path = scratch("copy");
    let original = golden("gguf/tiny.gguf");
    copy(&Gguf::open(&original).unwrap(), &path);
    let (ours, theirs) = (std::fs::read(&path).unwrap(), std::fs::read(&original).unwrap());
    std::fs::remove_file(&path).unwrap();
    assert!(ours == theirs, "the file differs first at byte {:?}", ours.iter().zip(&theirs).position(|(ours, theirs)| ours != theirs));
}

#[test]
fn damaged_anywhere_in_its_head_it_is_read_or_refused_in_a_sentence() {
    let path = scratch("damaged");
    let good = std::fs::read(golden("gguf/tiny.gguf")).unwrap();
    let head = Gguf::open(&golden("gguf/tiny.gguf")).unwrap().tensors[0].range.start;
    let (mut read, mut refused) = (0, 0);
    let mut look = |bytes: &[u8]| {
        std::fs::write(&path, bytes).unwrap();
        let outcome = Gguf::open(&path).and_then(|file| {
            let sizes = Hyperparameters::read(&file)?;
            let tensors = renamed_tensors(&file, &sizes)?;
            Ok(tensors.iter().map(|(_, tensor)| file.bytes(tensor).len()).sum::<usize>())
        });
        match outcome {
            Ok(total) => {
                assert!(total <= bytes.len());
                read += 1;
            }
            Err(error) => {
                let why = error.to_string();
                assert!(why.contains(path.file_name().unwrap().to_str().unwrap()) && why.contains(';'), "{why}");
                refused += 1;
            }
        }
    };
    // The unit tests change every byte of a smaller file; this one has the keys of a model.
    for at in (0..head).step_by(7) {
        let mut bytes = good.clone();
        bytes[at] ^= [0x01, 0x80, 0xff, 0x04][at / 7 % 4];
        look(&bytes);
    }
    for length in (0..good.len()).step_by(370) {
        look(&good[..length]);
    }
    std::fs::remove_file(&path).unwrap();
    assert!(read > 20 && refused > 100, "{read} read, {refused} refused");
}
