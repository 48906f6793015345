//! Text to ids and back: byte-level BPE, token shards, conversations as tokens.
