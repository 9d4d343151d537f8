//! Value, full-text, ordered and semantic indexes over (key, value) pairs.
//!
//! Nothing is implemented here yet; the crate holds its place in the layering. It will never do
//! I/O and may use only `kv-proto` and `kv-embed`.
