//! The whole way, files in and files out.

#![forbid(unsafe_code)]

mod curate;
mod filters;
mod hostile;
mod real_warc;
