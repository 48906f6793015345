//! The binary, tested from outside: what it says, what it refuses, and that a killed run ends as an untouched one.

#![forbid(unsafe_code)]

mod bad_input;
mod crawl_recipe;
mod endpoint;
mod export;
mod help;
mod import;
mod odds;
mod practice;
mod problems;
mod quantize;
mod resume;
mod search;
mod serve;
mod support;
mod synthetic;
mod talk;
mod task_files;
mod tokenizer_look;
mod world_curate;
