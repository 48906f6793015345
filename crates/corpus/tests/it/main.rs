//! The whole way, files in and files out.

#![forbid(unsafe_code)]

mod crawl;
mod curate;
mod hostile;
mod real_warc;
mod site;
