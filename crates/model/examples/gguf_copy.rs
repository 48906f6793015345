//! Reads a GGUF file and writes what was read, for scripts/check/gguf_package.py.
//!
//! `cargo run -p model --example gguf_copy IN OUT`

use std::borrow::Cow;
use std::path::Path;

use model::gguf::{Gguf, TensorHeader, write};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let [_, from, to] = &args[..] else { panic!("give the path of a file to read and of one to write") };
    let file = Gguf::open(Path::new(from)).unwrap_or_else(|error| panic!("{error}"));
    let header =
        |tensor: &model::gguf::TensorEntry| TensorHeader { name: tensor.name.clone(), shape: tensor.shape.clone(), kind: tensor.kind };
    let headers: Vec<TensorHeader> = file.tensors.iter().map(header).collect();
    let data = file.tensors.iter().map(|tensor| Ok(Cow::Borrowed(file.bytes(tensor))));
    write(Path::new(to), &file.keys, &headers, data).unwrap_or_else(|error| panic!("{error}"));
}
