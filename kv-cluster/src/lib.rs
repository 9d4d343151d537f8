//! A Raft cluster of kv nodes: one primary, linearizable.
//!
//! Nothing is implemented here yet; the crate holds its place in the layering. It may use
//! `kv-node`, `kv-proto` and `kv-wal`, and never sees `kv-p2p`.
