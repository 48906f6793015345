//! Models in the formats of others, read into ours. Which format a file has is told by its content.
//!
//! Knows no vocabularies. A header is checked against the file's length before anything is allocated.

use std::path::Path;

use base::mmap::MappedFile;

use crate::{Error, Model, Result};

mod llama2c;

mod json;

/// A format of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The `.bin` of Karpathy's llama2.c, version 0: a Llama in float32.
    Llama2c,
    /// A minGPT as one JSON object, its tensors in base64: a GPT-2 with another head than its embedding table.
    MinGptJson,
}

impl Format {
    /// Its name, for people.
    pub fn name(self) -> &'static str {
        match self {
            Format::Llama2c => "llama2.c, version 0",
            Format::MinGptJson => "minGPT as JSON",
        }
    }
}

/// What can be done about a file of another kind.
const REMEDY: &str = "import reads llama2.c's .bin of version 0, and a minGPT as JSON";

/// How a llama2.c file of a later version begins: the number 0x616b3432.
const LATER_LLAMA2C: [u8; 4] = 0x616b_3432_u32.to_le_bytes();

/// Reads a model file.
pub fn read(path: &Path) -> Result<(Format, Model)> {
    if path.is_dir() {
        return Err(Error::unsupported(path, "it is a folder and not a file", REMEDY));
    }
    let file = MappedFile::open(path)?;
    if looks_like_json(&file) {
        return Ok((Format::MinGptJson, json::read(path, &file)?));
    }
    let unsupported = |what: &str| Err(Error::unsupported(path, what, REMEDY));
    match file.first_chunk() {
        Some(b"GGUF") => unsupported("it is a GGUF file"),
        Some(&LATER_LLAMA2C) => unsupported("it is llama2.c's, but of a later version"),
        _ => Ok((Format::Llama2c, llama2c::read(path, &file)?)),
    }
}

/// Whether bytes are the beginning of a JSON object. A size of llama2.c may begin with the same byte, or with that of a space; but
/// every such size has a byte 0, which no text has.
fn looks_like_json(bytes: &[u8]) -> bool {
    let begins = bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    begins && !bytes[..bytes.len().min(llama2c::HEADER)].contains(&0)
}

/// Refuses numbers that are none.
fn refuse_not_finite(path: &Path, name: &str, values: &[f32]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        Some(at) => Err(damaged(path, &format!("tensor {name}"), format!("it holds {} at element {at}", values[at]))),
        None => Ok(()),
    }
}

fn damaged(path: &Path, place: &str, why: String) -> Error {
    Error::File(base::Error::damaged(path, place, why, "restore the file or make it again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_kind_is_named_with_what_can_be_read() {
        let folder = std::env::temp_dir().join(format!("schoolhouse-import-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        assert!(read(&folder).unwrap_err().to_string().contains("it is a folder"));
        assert!(read(&folder.join("none")).unwrap_err().to_string().contains("there is no such file"));
        let path = folder.join("model");
        let cases: [(&[u8], &str); 7] = [
            (b"", "it has 0 bytes, and a llama2.c model begins with 28 bytes of sizes"),
            (b"GGUF\x03\0\0\0", "it is a GGUF file"),
            (b"24ka\x01\0\0\0", "of a later version"),
            (b"PK\x03\x04 a zipped PyTorch model, which is long enough", "dim is 67324752"),
            (b"{\"config\": ", "is damaged at line 1"),
            (b" \n{\"config\": {}}", "missing field `n_layer`"),
            // The sizes 123 and 31520, which begin like an object, are sizes all the same.
            (b"{\0\0\0\x20\x7b\0\0", "it has 8 bytes"),
        ];
        for (bytes, expected) in cases {
            std::fs::write(&path, bytes).unwrap();
            let message = read(&path).unwrap_err().to_string();
            assert!(message.contains(expected) && message.contains("/model"), "{message}");
        }
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
