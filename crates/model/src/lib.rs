//! The Transformer: configuration, forward, backward, model folders.
