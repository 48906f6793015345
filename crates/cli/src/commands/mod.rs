//! The commands, one file or folder each: an `Args`, a `run` that speaks to the user, and a `stage` that `run` and recipes share.

pub mod world;

pub mod crawl;

pub mod curate;

pub mod tokenizer;

pub mod tokenize;

pub mod pretrain;

pub mod answerer;

pub mod ledger;

pub mod synthesize;

pub mod sft;

pub mod questions;

pub mod probe;

pub mod problems;

pub mod rl;

pub mod tools;

pub mod eval;

pub mod import;

pub mod export;

pub mod quantize;

pub mod search;

pub mod complete;

pub mod chat;

pub mod serve;

pub mod run;

pub mod bench;
