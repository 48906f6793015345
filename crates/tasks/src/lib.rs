//! Conversations, graded problems and the report card.
