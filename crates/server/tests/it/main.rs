//! The server over real sockets, with a small random model.

#![forbid(unsafe_code)]

mod look;
mod served;
