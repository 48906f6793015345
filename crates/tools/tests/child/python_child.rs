//! The child of the Python tool, for this crate's tests: what the hidden command `python-child` is in the binary.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let status = tools::python::child_main(&mut std::io::stdin().lock(), &mut std::io::stdout().lock());
    ExitCode::from(status)
}
