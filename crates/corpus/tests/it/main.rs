//! The whole way, files in and files out.

mod curate;
mod hostile;
mod real_warc;
