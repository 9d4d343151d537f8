//! Segmented write-ahead log with group commit.
