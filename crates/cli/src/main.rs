//! The binary `schoolhouse`.
fn main() {}
