//! A file with everything in it comes back as it was written; changed anywhere or cut anywhere it ends in a sentence.

use std::borrow::Cow;

use super::super::{TensorHeader, write};
use super::*;

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("schoolhouse-gguf-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Keys of every type of value, alone and in arrays.
fn keys() -> Vec<(String, Value)> {
    let values = [
        Value::U8(200),
        Value::I8(-100),
        Value::U16(60_000),
        Value::I16(-30_000),
        Value::U32(4_000_000_000),
        Value::I32(-2_000_000_000),
        Value::F32(0.1),
        Value::Bool(true),
        Value::String("käse\n".into()),
        Value::U64(1 << 60),
        Value::I64(-(1 << 60)),
        Value::F64(0.1),
        Value::Array(Array::U8(vec![1, 2])),
        Value::Array(Array::I8(vec![-1])),
        Value::Array(Array::U16(vec![1, 65_535])),
        Value::Array(Array::I16(vec![-1])),
        Value::Array(Array::U32(vec![1, 2, 3])),
        Value::Array(Array::I32(vec![-7, 7])),
        Value::Array(Array::F32(vec![1.5])),
        Value::Array(Array::Bool(vec![false, true])),
        Value::Array(Array::String(vec!["a".into(), String::new()])),
        Value::Array(Array::Array(vec![Array::I32(vec![1]), Array::String(vec!["deep".into()])])),
        Value::Array(Array::U64(vec![1 << 40])),
        Value::Array(Array::I64(vec![-1])),
        Value::Array(Array::F64(vec![])),
    ];
    values.into_iter().enumerate().map(|(n, value)| (format!("key.{n}"), value)).collect()
}

fn headers() -> Vec<TensorHeader> {
    let header = |name: &str, shape: &[usize], kind| TensorHeader { name: name.into(), shape: shape.to_vec(), kind };
    vec![
        header("a.weight", &[2, 3], TensorType::F32),
        header("b.weight", &[2, 32], TensorType::Q8_0),
        header("c", &[5], TensorType::I8),
        header("d.weight", &[1, 2, 1, 2], TensorType::F16),
    ]
}

/// Bytes that tell the tensors apart.
fn data(headers: &[TensorHeader]) -> Vec<Vec<u8>> {
    let bytes =
        |header: &TensorHeader| (0..header.kind.bytes(&header.shape).unwrap()).map(|n| n as u8 ^ header.name.as_bytes()[0]).collect();
    headers.iter().map(bytes).collect()
}

fn give(data: &[Vec<u8>]) -> impl Iterator<Item = Result<Cow<'_, [u8]>>> {
    data.iter().map(|bytes| Ok(Cow::Borrowed(&bytes[..])))
}

#[test]
fn what_is_written_is_read_back() {
    let folder = scratch("roundtrip");
    for alignment in [None, Some(8), Some(64)] {
        let mut keys = keys();
        keys.extend(alignment.map(|alignment| (ALIGNMENT_KEY.to_string(), Value::U32(alignment))));
        let (headers, path) = (headers(), folder.join("a.gguf"));
        let data = data(&headers);
        write(&path, &keys, &headers, give(&data)).unwrap();
        let file = Gguf::open(&path).unwrap();
        assert_eq!(file.keys, keys);
        assert_eq!(file.tensors.len(), headers.len());
        for ((tensor, header), bytes) in file.tensors.iter().zip(&headers).zip(&data) {
            assert_eq!((&tensor.name, &tensor.shape, tensor.kind), (&header.name, &header.shape, header.kind));
            assert_eq!(file.bytes(tensor), bytes);
            assert_eq!(tensor.range.start % alignment.unwrap_or(32) as usize, 0);
            assert_eq!(file.tensor(&header.name), Some(tensor));
        }
        assert_eq!(std::fs::metadata(&path).unwrap().len() % u64::from(alignment.unwrap_or(32)), 0);
        assert_eq!((file.tensor("e"), file.get("key")), (None, None));
        assert_eq!(file.integer("key.0").unwrap(), Some(200));
        assert_eq!(file.integer("key").unwrap(), None);
        assert_eq!(file.text("key.8").unwrap(), Some("käse\n"));
        assert_eq!(file.integers("key.17").unwrap(), Some(vec![-7, 7]));
        let why = file.integer("key.1").unwrap_err().to_string();
        assert!(why.contains("a.gguf is damaged at key.1: its value is not an integer; download it"), "{why}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

/// A file in memory, written into a folder of the test's own.
fn good(test: &str) -> Vec<u8> {
    let folder = scratch(test);
    let (headers, path) = (headers(), folder.join("good.gguf"));
    write(&path, &keys(), &headers, give(&data(&headers))).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    std::fs::remove_dir_all(folder).unwrap();
    bytes
}

/// What a file's head says, or the sentence that refuses it.
fn read(bytes: &[u8]) -> std::result::Result<Vec<TensorEntry>, String> {
    parse(Path::new("x.gguf"), bytes).map(|(_, tensors)| tensors).map_err(|error| error.to_string())
}

#[test]
fn a_file_that_is_cut_anywhere_is_refused() {
    let good = good("cut");
    let tensors = read(&good).unwrap();
    let last = tensors.last().unwrap().range.end;
    assert!(last < good.len(), "the last tensor is padded too");
    for length in 0..last {
        let why = read(&good[..length]).unwrap_err();
        assert!(why.starts_with("x.gguf is damaged at byte ") && why.contains("download it"), "{length}: {why}");
    }
    assert_eq!(read(&good[..last]), Ok(tensors));
}

#[test]
fn a_file_that_is_changed_anywhere_is_read_or_refused() {
    let good = good("changed");
    let data = read(&good).unwrap()[0].range.start;
    let mut refused = 0;
    for at in 0..good.len() {
        for value in [0, 1, 3, 9, 0x7f, 0x80, 0xff, good[at] ^ 1, good[at] ^ 0x20] {
            let mut bytes = good.clone();
            bytes[at] = value;
            match read(&bytes) {
                Ok(tensors) => assert!(tensors.iter().all(|tensor| tensor.range.end <= bytes.len())),
                Err(why) => {
                    assert!(at < data, "a byte of a tensor is no affair of the head's: {why}");
                    assert!(why.starts_with("x.gguf"), "{why}");
                    refused += 1;
                }
            }
        }
    }
    assert!(refused > data, "{refused} of {} changes were refused", 9 * data);
}

/// A head: version, counts, then what is appended.
fn head(n_tensors: u64, n_keys: u64, rest: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"GGUF\x03\0\0\0".to_vec();
    bytes.extend(n_tensors.to_le_bytes());
    bytes.extend(n_keys.to_le_bytes());
    bytes.extend(rest.concat());
    bytes.resize(bytes.len().next_multiple_of(32) + 256, 0);
    bytes
}

/// A text as the file has it.
fn text(text: &str) -> Vec<u8> {
    [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
}

/// A tensor's entry with dimensions as the file has them, the row first.
fn entry(name: &str, dimensions: &[u64], type_id: u32, offset: u64) -> Vec<u8> {
    let dimensions: Vec<u8> =
        [&(dimensions.len() as u32).to_le_bytes()[..], &dimensions.iter().flat_map(|d| d.to_le_bytes()).collect::<Vec<_>>()].concat();
    [text(name), dimensions, type_id.to_le_bytes().to_vec(), offset.to_le_bytes().to_vec()].concat()
}

#[test]
fn each_refusal_says_what_and_where() {
    let check = |bytes: &[u8], expected: &str| {
        let why = read(bytes).unwrap_err();
        assert!(why.contains(expected), "{why}\n{expected}");
    };
    let number = |type_id: u32, bytes: &[u8]| [&type_id.to_le_bytes()[..], bytes].concat();
    let array = |type_id: u32, n: u64| [9u32.to_le_bytes().to_vec(), type_id.to_le_bytes().to_vec(), n.to_le_bytes().to_vec()].concat();
    check(b"", "damaged at byte 0: the file ends in the middle of the magic");
    check(b"PK\x03\x04....", "is no GGUF file; give a file that was converted to GGUF");
    check(b"GGUF\x01\0\0\0", "GGUF version 1; versions 2 and 3 are read");
    check(b"GGUF\0\0\0\x03", "it is a big-endian file of version 3");
    check(&head(u64::MAX, 0, &[]), "byte 8: it claims 18446744073709551615 tensors, and 272 bytes are left; download it");
    check(&head(0, 1 << 40, &[]), "byte 16: it claims 1099511627776 keys");
    check(&head(0, 1, &[&u64::MAX.to_le_bytes()]), "byte 24: it claims 18446744073709551615 bytes of text");
    check(&head(0, 1, &[&text("a"), &number(13, &[])]), "byte 33: there is no type 13 of values");
    check(&head(0, 1, &[&text("a"), &number(7, &[2])]), "byte 37: 2 is neither 0 nor 1");
    check(&head(0, 1, &[&text("a"), &array(11, 1 << 61)]), "byte 41: it claims 2305843009213693952 elements of an array");
    check(&head(0, 1, &[&text("a"), &array(77, 0)]), "there is no type 77 of values");
    let deep: Vec<u8> = (0..5).flat_map(|_| [9u32.to_le_bytes().to_vec(), 1u64.to_le_bytes().to_vec()].concat()).collect();
    check(&head(0, 1, &[&text("a"), &number(9, &deep)]), "arrays lie in arrays more than 4 deep");
    check(&head(0, 1, &[&1u64.to_le_bytes(), b"\xff"]), "a key is not UTF-8");
    let twice = [text("a"), number(0, &[1])].concat();
    check(&head(0, 2, &[&twice, &twice]), "byte 38: the key \"a\" comes twice");
    for (type_id, value) in [(4, 0u32), (4, 48), (5, 32), (4, 1 << 31)] {
        let bytes = head(0, 1, &[&text(ALIGNMENT_KEY), &number(type_id, &value.to_le_bytes())]);
        check(&bytes, "x.gguf is damaged at general.alignment: the alignment is no power of two");
    }
    check(&head(1, 0, &[&entry("t", &[1; 5], 0, 0)]), "the tensor t has 5 dimensions, and 4 are the most");
    check(&head(1, 0, &[&entry("t", &[4, 0], 0, 0)]), "byte 24: the tensor t has a dimension of 0");
    check(&head(1, 0, &[&entry("t", &[1 << 40, 1 << 40], 0, 0)]), "is beyond any memory");
    check(&head(1, 0, &[&entry("t", &[48], 8, 0)]), "a row of 48 elements is no whole number of Q8_0's blocks of 32");
    check(&head(1, 0, &[&entry("t", &[32], 4, 0)]), "x.gguf: the tensor t is of type Q4_2 (4), which ggml has removed; convert the model");
    check(&head(1, 0, &[&entry("t", &[4], 0, 4)]), "the tensor t begins at byte 4 of the data, which is no multiple of 32");
    check(&head(1, 0, &[&entry("t", &[4], 0, 1 << 20)]), "the tensor t ends at byte 1048592 of the data, and the file has 320 bytes");
    check(&head(1, 0, &[&entry("t", &[4], 0, u64::MAX)]), "the tensor t begins at byte 18446744073709551615 of the data");
    check(&head(2, 0, &[&entry("t", &[4], 0, 0), &entry("t", &[4], 0, 32)]), "the tensor t comes twice");
    check(&head(2, 0, &[&entry("t", &[9], 0, 0), &entry("u", &[4], 0, 32)]), "the tensors t and u overlap");
    let mut second = good("refusals");
    second[4] = 2;
    assert_eq!(read(&second).unwrap().len(), 4, "version 2 has the same layout");
}

#[test]
fn a_file_that_cannot_be_written_leaves_nothing_behind() {
    let folder = scratch("refused");
    let path = folder.join("a.gguf");
    let headers = headers();
    let data = data(&headers);
    let header = |name: &str, shape: &[usize], kind| vec![TensorHeader { name: name.into(), shape: shape.to_vec(), kind }];
    let check = |keys: &[(&str, Value)], headers: &[TensorHeader], data: Vec<Result<Cow<'_, [u8]>>>, expected: &str| {
        let keys: Vec<(String, Value)> = keys.iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
        let why = write(&path, &keys, headers, data).unwrap_err().to_string();
        assert!(why.contains(expected), "{why}");
        assert!(!path.exists());
    };
    check(&[], &headers, give(&data[..3]).collect(), "a.gguf: there are no bytes for the tensor d.weight");
    check(&[], &headers[..3], give(&data).collect(), "there are bytes for more than 3 tensors");
    check(&[], &headers[..1], give(&data[1..]).collect(), "the tensor a.weight comes with 68 bytes where [2, 3] takes 24");
    check(&[], &headers[..1], vec![Err(Error::Refused("no more".into()))], "no more");
    check(&[], &header("x", &[48], TensorType::Q4_0), vec![], "no whole number of Q4_0's blocks");
    check(&[], &header("x", &[], TensorType::F32), vec![], "has the shape []");
    check(&[], &header(&"x".repeat(64), &[1], TensorType::F32), vec![], "too long");
    check(&[("a", Value::U8(1)), ("a", Value::U8(1))], &[], vec![], "the key \"a\" is empty, too long, or there twice");
    check(&[(ALIGNMENT_KEY, Value::U32(12))], &[], vec![], "general.alignment is U32(12)");
    std::fs::remove_dir_all(folder).unwrap();
}
