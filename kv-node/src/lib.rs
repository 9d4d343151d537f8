//! The state machine and server of one kv node.
