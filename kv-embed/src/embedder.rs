//! What turns text into a vector.

/// Turns text into vectors whose cosine says how alike two texts are.
///
/// 1. A vector has unit length, or is all zeros if the text has no word character.
/// 2. Equal texts have equal vectors: the same bits on every machine and in every run.
/// 3. The time is bounded by the text's length, and each implementation states how many words of a
///    text count at most.
pub trait Embedder: Send + Sync {
    /// What it is, for people.
    fn name(&self) -> String;

    /// How many numbers a vector has.
    fn dims(&self) -> usize;

    /// Writes the vector of a text that is stored.
    ///
    /// # Panics
    /// If `out` has not [`dims`](Self::dims) places.
    fn embed_document(&self, text: &str, out: &mut [f32]);

    /// Writes the vector of a text that is searched for.
    ///
    /// # Panics
    /// If `out` has not [`dims`](Self::dims) places.
    fn embed_query(&self, text: &str, out: &mut [f32]);
}
