//! Tests of the crate from outside: files that other programs wrote.
#![forbid(unsafe_code)]

mod quants;
