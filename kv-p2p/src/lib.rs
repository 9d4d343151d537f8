//! A masterless cluster of kv nodes: any node writes, all converge.
//!
//! Nothing is implemented here yet; the crate holds its place in the layering. It may use
//! `kv-node`, `kv-proto` and `kv-wal`, and never sees `kv-cluster`.
