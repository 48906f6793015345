//! The whole way, files in and files out.

#![forbid(unsafe_code)]

mod crawl;
mod curate;
mod datatrove;
mod filters;
mod hostile;
mod mutants;
mod real_warc;
mod site;
