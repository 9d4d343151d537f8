//! Text to vector, cosine similarity and top-k: pure computation.
//!
//! Nothing is implemented here yet; the crate holds its place in the layering. It will never do
//! I/O and never depend on another crate of this workspace.
