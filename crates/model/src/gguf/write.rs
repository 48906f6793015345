//! Writes a GGUF file, version 3: the head first, then tensor by tensor as they come, so that a model need not be in memory whole.
//!
//! Knows no architecture, and not what stands in a tensor's blocks.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io::Write;
use std::path::Path;

use base::files::AtomicFile;

use super::value::append_string;
use super::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, TensorType, Value};
use crate::{Error, Result};

/// A tensor that will be written.
#[derive(Clone, Debug, PartialEq)]
pub struct TensorHeader {
    /// Its name, below 64 bytes: ggml has no room for more.
    pub name: String,
    /// Its shape, outermost dimension first; at most four of them.
    pub shape: Vec<usize>,
    /// How its elements are stored.
    pub kind: TensorType,
}

/// Writes a file, whole or not at all: its keys, and for each header the bytes that `data` gives next.
///
/// # Errors
/// A header that no reader would take, bytes that are not as many as a header's shape asks for, more or fewer of them than headers,
/// and what the file system has to say. An error of `data` ends the writing.
pub fn write<'a>(
    path: &Path,
    keys: &[(String, Value)],
    headers: &[TensorHeader],
    data: impl IntoIterator<Item = Result<Cow<'a, [u8]>>>,
) -> Result<()> {
    let refused = |why: String| Error::Refused(format!("cannot write {}: {why}", path.display()));
    let alignment = match keys.iter().find(|(key, _)| key == ALIGNMENT_KEY) {
        None => DEFAULT_ALIGNMENT,
        Some((_, Value::U32(alignment))) if alignment.is_power_of_two() && *alignment >= 8 => *alignment as usize,
        Some((_, value)) => return Err(refused(format!("{ALIGNMENT_KEY} is {value:?}, and should be a power of two, 8 at least"))),
    };
    let sizes = check(keys, headers).map_err(refused)?;
    let io = |source| Error::File(base::Error::io(path, "write", source));
    let mut file = AtomicFile::create(path)?;
    let head = head(keys, headers, &sizes, alignment);
    file.write_all(&head).map_err(io)?;
    pad(&mut file, head.len(), alignment).map_err(io)?;

    let mut data = data.into_iter();
    for (header, &size) in headers.iter().zip(&sizes) {
        let bytes = data.next().ok_or_else(|| refused(format!("there are no bytes for the tensor {}", header.name)))??;
        if bytes.len() != size {
            let why = format!("the tensor {} comes with {} bytes where {:?} takes {size}", header.name, bytes.len(), header.shape);
            return Err(refused(why));
        }
        file.write_all(&bytes).map_err(io)?;
        pad(&mut file, size, alignment).map_err(io)?;
    }
    if data.next().is_some() {
        return Err(refused(format!("there are bytes for more than {} tensors", headers.len())));
    }
    Ok(file.commit()?)
}

/// The bytes of each tensor. The error is what no reader would take.
fn check(keys: &[(String, Value)], headers: &[TensorHeader]) -> std::result::Result<Vec<usize>, String> {
    let mut seen = HashSet::new();
    for (key, _) in keys {
        if key.is_empty() || key.len() > usize::from(u16::MAX) || !seen.insert(key) {
            return Err(format!("the key {key:?} is empty, too long, or there twice"));
        }
    }
    let mut seen = HashSet::new();
    let mut sizes = Vec::with_capacity(headers.len());
    for header in headers {
        let TensorHeader { name, shape, kind } = header;
        if name.is_empty() || name.len() >= 64 || !seen.insert(name) {
            return Err(format!("the tensor name {name:?} is empty, too long, or there twice"));
        }
        if shape.is_empty() || shape.len() > 4 || shape.contains(&0) {
            return Err(format!("the tensor {name} has the shape {shape:?}, and should have one to four dimensions, none of them 0"));
        }
        sizes.push(kind.bytes(shape).map_err(|why| format!("the tensor {name}: {why}"))?);
    }
    Ok(sizes)
}

/// All that stands before the data, without the padding.
fn head(keys: &[(String, Value)], headers: &[TensorHeader], sizes: &[usize], alignment: usize) -> Vec<u8> {
    let mut head = b"GGUF".to_vec();
    head.extend(3u32.to_le_bytes());
    head.extend((headers.len() as u64).to_le_bytes());
    head.extend((keys.len() as u64).to_le_bytes());
    for (key, value) in keys {
        append_string(key, &mut head);
        head.extend(value.type_id().to_le_bytes());
        value.append(&mut head);
    }
    let mut offset = 0u64;
    for (TensorHeader { name, shape, kind }, &size) in headers.iter().zip(sizes) {
        append_string(name, &mut head);
        head.extend((shape.len() as u32).to_le_bytes());
        shape.iter().rev().for_each(|&length| head.extend((length as u64).to_le_bytes()));
        head.extend(kind.id().to_le_bytes());
        head.extend(offset.to_le_bytes());
        offset += size.next_multiple_of(alignment) as u64;
    }
    head
}

/// Zeros up to the next multiple of the alignment.
fn pad(file: &mut AtomicFile, written: usize, alignment: usize) -> std::io::Result<()> {
    file.write_all(&vec![0; written.next_multiple_of(alignment) - written])
}
