//! Async client of the kv store.
