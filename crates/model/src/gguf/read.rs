//! Reads the head of a GGUF file: keys, and where each tensor's bytes lie.
//!
//! A file is hostile until it is read: each count, length, offset and product is held against the file's size before anything is
//! allocated. Knows no architecture.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use base::mmap::MappedFile;

use super::{ALIGNMENT_KEY, Array, DEFAULT_ALIGNMENT, TensorType, Value};
use crate::{Error, Result};

/// An open file.
#[derive(Debug)]
pub struct Gguf {
    /// Where it lies.
    pub path: PathBuf,
    /// Keys and values in the order of the file, each key once.
    pub keys: Vec<(String, Value)>,
    /// Tensors in the order of the file, each name once, no two on the same bytes.
    pub tensors: Vec<TensorEntry>,
    file: MappedFile,
    places: HashMap<String, usize>,
}

/// What the head of the file says of a tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorEntry {
    /// Its name.
    pub name: String,
    /// Its shape, outermost dimension first; the file has it the other way round.
    pub shape: Vec<usize>,
    /// How its elements are stored.
    pub kind: TensorType,
    /// Where its bytes lie in the file.
    pub range: Range<usize>,
}

/// What to do about a file that is not whole.
const REMEDY: &str = "download it or convert it again";

/// Arrays in arrays in arrays are in no file that is known; without a limit a file could ask for any depth of calls.
const MAX_DEPTH: usize = 4;

/// ggml's tensors have at most four dimensions.
const MAX_DIMENSIONS: u32 = 4;

impl Gguf {
    /// Opens a file and reads its head.
    pub fn open(path: &Path) -> Result<Gguf> {
        let file = MappedFile::open(path)?;
        let (keys, tensors) = parse(path, &file)?;
        let places = tensors.iter().enumerate().map(|(place, tensor)| (tensor.name.clone(), place)).collect();
        Ok(Gguf { path: path.to_path_buf(), keys, tensors, file, places })
    }

    /// The tensor of a name.
    pub fn tensor(&self, name: &str) -> Option<&TensorEntry> {
        self.places.get(name).map(|&place| &self.tensors[place])
    }

    /// A tensor's bytes, in the blocks of its type. Panics if the entry is of another file that is longer.
    pub fn bytes(&self, tensor: &TensorEntry) -> &[u8] {
        &self.file[tensor.range.clone()]
    }

    /// Bytes of the file.
    pub(crate) fn bytes_at(&self, range: Range<usize>) -> &[u8] {
        &self.file[range]
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.keys.iter().find(|(found, _)| found == key).map(|(_, value)| value)
    }

    /// The integer of a key, nothing if there is no such key.
    pub fn integer(&self, key: &str) -> Result<Option<usize>> {
        self.typed(key, "an integer", |value| value.as_u64().and_then(|x| x.try_into().ok()))
    }

    /// The number with a fraction of a key, finite; nothing if there is no such key.
    pub fn number(&self, key: &str) -> Result<Option<f64>> {
        self.typed(key, "a finite number", |value| value.as_f64().filter(|x| x.is_finite()))
    }

    /// The text of a key, nothing if there is no such key.
    pub fn text(&self, key: &str) -> Result<Option<&str>> {
        self.typed(key, "a text", Value::as_str)
    }

    /// The yes or no of a key, nothing if there is no such key.
    pub fn flag(&self, key: &str) -> Result<Option<bool>> {
        self.typed(key, "yes or no", Value::as_bool)
    }

    /// The texts of a key, nothing if there is no such key.
    pub fn texts(&self, key: &str) -> Result<Option<&[String]>> {
        self.typed(key, "a list of texts", Value::as_strings)
    }

    /// The integers of a key, nothing if there is no such key.
    pub fn integers(&self, key: &str) -> Result<Option<Vec<i32>>> {
        self.typed(key, "a list of integers of 32 bits", Value::as_i32s)
    }

    fn typed<'a, T>(&'a self, key: &str, wanted: &str, read: impl Fn(&'a Value) -> Option<T>) -> Result<Option<T>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.damaged(key, format!("its value is not {wanted}")))
    }

    /// What is asked of a key that must be there.
    pub fn required<T>(&self, key: &str, found: Option<T>) -> Result<T> {
        found.ok_or_else(|| self.damaged(key, "the key is missing"))
    }

    /// An error of this file at a key or a tensor.
    pub fn damaged(&self, place: &str, why: impl Into<String>) -> Error {
        base::Error::damaged(&self.path, place, why, REMEDY).into()
    }
}

/// Keys and tensors of a file's bytes.
fn parse(path: &Path, bytes: &[u8]) -> Result<(Vec<(String, Value)>, Vec<TensorEntry>)> {
    let mut cursor = Cursor { path, bytes, at: 0 };
    let (n_tensors, n_keys) = parse_counts(&mut cursor)?;

    let (mut keys, mut seen) = (Vec::new(), HashSet::new());
    for _ in 0..n_keys {
        let start = cursor.at;
        let key = cursor.string("a key")?;
        if !seen.insert(key.clone()) {
            return Err(cursor.damaged_at(start, format!("the key {key:?} comes twice")));
        }
        let type_id = cursor.u32("the type of a value")?;
        let value = parse_value(&mut cursor, type_id)?;
        keys.push((key, value));
    }
    let alignment = alignment(&cursor, &keys)?;

    let (mut tensors, mut seen) = (Vec::new(), HashSet::new());
    let mut starts = Vec::new();
    for _ in 0..n_tensors {
        let start = cursor.at;
        let tensor = parse_tensor(&mut cursor)?;
        if !seen.insert(tensor.name.clone()) {
            return Err(cursor.damaged_at(start, format!("the tensor {} comes twice", tensor.name)));
        }
        tensors.push(tensor);
        starts.push(start);
    }

    // The data begins at the next multiple of the alignment, and offsets count from there.
    let data = cursor.at.next_multiple_of(alignment);
    for (tensor, &start) in tensors.iter_mut().zip(&starts) {
        let range = &mut tensor.range;
        let (from, to) = (data.checked_add(range.start), data.checked_add(range.end));
        let (Some(from), Some(to)) = (from, to.filter(|&to| to <= bytes.len())) else {
            let why = format!("the tensor {} ends at byte {} of the data, and the file has {} bytes", tensor.name, range.end, bytes.len());
            return Err(cursor.damaged_at(start, why));
        };
        if !range.start.is_multiple_of(alignment) {
            let why = format!("the tensor {} begins at byte {} of the data, which is no multiple of {alignment}", tensor.name, range.start);
            return Err(cursor.damaged_at(start, why));
        }
        *range = from..to;
    }
    let mut order: Vec<&TensorEntry> = tensors.iter().collect();
    order.sort_by_key(|tensor| tensor.range.start);
    for pair in order.windows(2) {
        if pair[0].range.end > pair[1].range.start {
            return Err(cursor.damaged_at(pair[1].range.start, format!("the tensors {} and {} overlap", pair[0].name, pair[1].name)));
        }
    }
    Ok((keys, tensors))
}

/// Magic, version, and how many tensors and keys there are.
fn parse_counts(cursor: &mut Cursor<'_>) -> Result<(usize, usize)> {
    let magic = cursor.array::<4>("the magic")?;
    if &magic != b"GGUF" {
        let what = format!("it begins with {:?} and is no GGUF file", String::from_utf8_lossy(&magic));
        return Err(Error::unsupported(cursor.path, what, "give a file that was converted to GGUF"));
    }
    match cursor.u32("the version")? {
        2 | 3 => {}
        version if version.swap_bytes() < 1 << 16 => {
            let what = format!("it is a big-endian file of version {}", version.swap_bytes());
            return Err(Error::unsupported(cursor.path, what, "convert the model again, in little-endian order"));
        }
        version => {
            let what = format!("it is GGUF version {version}; versions 2 and 3 are read");
            return Err(Error::unsupported(cursor.path, what, "convert the model again"));
        }
    }
    // A tensor takes a name's length, a number of dimensions, a type and an offset; a key its length, a type and a byte.
    let n_tensors = cursor.count(24, "tensors")?;
    let n_keys = cursor.count(13, "keys")?;
    Ok((n_tensors, n_keys))
}

/// The value of a type.
fn parse_value(cursor: &mut Cursor<'_>, type_id: u32) -> Result<Value> {
    const WHAT: &str = "a value";
    Ok(match type_id {
        0 => Value::U8(u8::from_le_bytes(cursor.array(WHAT)?)),
        1 => Value::I8(i8::from_le_bytes(cursor.array(WHAT)?)),
        2 => Value::U16(u16::from_le_bytes(cursor.array(WHAT)?)),
        3 => Value::I16(i16::from_le_bytes(cursor.array(WHAT)?)),
        4 => Value::U32(u32::from_le_bytes(cursor.array(WHAT)?)),
        5 => Value::I32(i32::from_le_bytes(cursor.array(WHAT)?)),
        6 => Value::F32(f32::from_le_bytes(cursor.array(WHAT)?)),
        7 => Value::Bool(cursor.flags(1)?[0]),
        8 => Value::String(cursor.string(WHAT)?),
        9 => Value::Array(parse_array(cursor, 1)?),
        10 => Value::U64(u64::from_le_bytes(cursor.array(WHAT)?)),
        11 => Value::I64(i64::from_le_bytes(cursor.array(WHAT)?)),
        12 => Value::F64(f64::from_le_bytes(cursor.array(WHAT)?)),
        unknown => return Err(cursor.damaged_at(cursor.at - 4, format!("there is no type {unknown} of values"))),
    })
}

/// An array: the type of its elements, their number, the elements.
fn parse_array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Array> {
    let start = cursor.at;
    let type_id = cursor.u32("the type of an array")?;
    let least = match type_id {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        4..=6 => 4,
        8 | 10..=12 => 8,
        9 if depth == MAX_DEPTH => return Err(cursor.damaged_at(start, format!("arrays lie in arrays more than {MAX_DEPTH} deep"))),
        9 => 12,
        unknown => return Err(cursor.damaged_at(start, format!("there is no type {unknown} of values"))),
    };
    let n = cursor.count(least, "elements of an array")?;
    Ok(match type_id {
        0 => Array::U8(cursor.take(n, "an array")?.to_vec()),
        1 => Array::I8(cursor.numbers(n, i8::from_le_bytes)?),
        2 => Array::U16(cursor.numbers(n, u16::from_le_bytes)?),
        3 => Array::I16(cursor.numbers(n, i16::from_le_bytes)?),
        4 => Array::U32(cursor.numbers(n, u32::from_le_bytes)?),
        5 => Array::I32(cursor.numbers(n, i32::from_le_bytes)?),
        6 => Array::F32(cursor.numbers(n, f32::from_le_bytes)?),
        7 => Array::Bool(cursor.flags(n)?),
        // These grow as they are read: a text or an array is larger in memory than the few bytes that it may take in the file.
        8 => Array::String((0..n).map(|_| cursor.string("a text of an array")).collect::<Result<_>>()?),
        9 => Array::Array((0..n).map(|_| parse_array(cursor, depth + 1)).collect::<Result<_>>()?),
        10 => Array::U64(cursor.numbers(n, u64::from_le_bytes)?),
        11 => Array::I64(cursor.numbers(n, i64::from_le_bytes)?),
        _ => Array::F64(cursor.numbers(n, f64::from_le_bytes)?),
    })
}

/// The alignment of tensors: a power of two.
fn alignment(cursor: &Cursor<'_>, keys: &[(String, Value)]) -> Result<usize> {
    let Some((_, value)) = keys.iter().find(|(key, _)| key == ALIGNMENT_KEY) else { return Ok(DEFAULT_ALIGNMENT) };
    match *value {
        Value::U32(alignment) if alignment.is_power_of_two() && alignment <= 1 << 30 => Ok(alignment as usize),
        _ => Err(base::Error::damaged(cursor.path, ALIGNMENT_KEY, "the alignment is no power of two", REMEDY).into()),
    }
}

/// A tensor's entry, its range still counted from where the data begins.
fn parse_tensor(cursor: &mut Cursor<'_>) -> Result<TensorEntry> {
    let start = cursor.at;
    let name = cursor.string("the name of a tensor")?;
    let n_dimensions = cursor.u32("a number of dimensions")?;
    if n_dimensions > MAX_DIMENSIONS {
        let why = format!("the tensor {name} has {n_dimensions} dimensions, and {MAX_DIMENSIONS} are the most");
        return Err(cursor.damaged_at(start, why));
    }
    let mut shape = Vec::new();
    for _ in 0..n_dimensions {
        let length = cursor.u64("a dimension")?;
        match usize::try_from(length) {
            Ok(length) if length > 0 => shape.push(length),
            _ => return Err(cursor.damaged_at(start, format!("the tensor {name} has a dimension of {length}"))),
        }
    }
    shape.reverse();
    let type_id = cursor.u32("the type of a tensor")?;
    let kind = TensorType::from_id(type_id)
        .map_err(|what| Error::unsupported(cursor.path, format!("the tensor {name} is of {what}"), "convert the model to another type"))?;
    let bytes = kind.bytes(&shape).map_err(|why| cursor.damaged_at(start, format!("the tensor {name}: {why}")))?;
    let offset = cursor.u64("the place of a tensor")?;
    let range = usize::try_from(offset).ok().and_then(|from| Some(from..from.checked_add(bytes)?));
    let range = range.ok_or_else(|| cursor.damaged_at(start, format!("the tensor {name} begins at byte {offset} of the data")))?;
    Ok(TensorEntry { name, shape, kind, range })
}

/// A place in the file's bytes.
struct Cursor<'a> {
    path: &'a Path,
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn damaged_at(&self, at: usize, why: impl Into<String>) -> Error {
        base::Error::damaged(self.path, format!("byte {at}"), why, REMEDY).into()
    }

    /// The next `n` bytes.
    fn take(&mut self, n: usize, what: &str) -> Result<&'a [u8]> {
        match self.bytes[self.at..].get(..n) {
            Some(taken) => {
                self.at += n;
                Ok(taken)
            }
            None => Err(self.damaged_at(self.at, format!("the file ends in the middle of {what}"))),
        }
    }

    fn array<const N: usize>(&mut self, what: &str) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N, what)?);
        Ok(array)
    }

    fn u32(&mut self, what: &str) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array(what)?))
    }

    fn u64(&mut self, what: &str) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array(what)?))
    }

    /// A number of things that take at least `least` bytes each, as many as the rest of the file can hold.
    fn count(&mut self, least: usize, what: &str) -> Result<usize> {
        let start = self.at;
        let n = self.u64(what)?;
        let left = self.bytes.len() - self.at;
        match usize::try_from(n) {
            Ok(n) if n <= left / least => Ok(n),
            _ => Err(self.damaged_at(start, format!("it claims {n} {what}, and {left} bytes are left"))),
        }
    }

    fn string(&mut self, what: &str) -> Result<String> {
        let start = self.at;
        let length = self.count(1, "bytes of text")?;
        let bytes = self.take(length, what)?;
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(text.to_string()),
            Err(_) => Err(self.damaged_at(start, format!("{what} is not UTF-8"))),
        }
    }

    /// `n` numbers of N bytes.
    fn numbers<const N: usize, T>(&mut self, n: usize, read: impl Fn([u8; N]) -> T) -> Result<Vec<T>> {
        let bytes = self.take(n * N, "an array")?;
        Ok(bytes.as_chunks::<N>().0.iter().map(|bytes| read(*bytes)).collect())
    }

    /// `n` bytes that are 0 or 1.
    fn flags(&mut self, n: usize) -> Result<Vec<bool>> {
        let start = self.at;
        let bytes = self.take(n, "a yes or no")?;
        match bytes.iter().position(|&byte| byte > 1) {
            Some(at) => Err(self.damaged_at(start + at, format!("{} is neither 0 nor 1, which a yes or no is", bytes[at]))),
            None => Ok(bytes.iter().map(|&byte| byte == 1).collect()),
        }
    }
}

#[cfg(test)]
mod tests;
