//! The built-in web: a seeded generator of pages and the answer key to them.

pub mod knowledge;
