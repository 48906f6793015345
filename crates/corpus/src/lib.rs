//! Raw web pages to clean documents.
