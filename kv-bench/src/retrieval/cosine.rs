//! All documents compared with a query by exact cosine.

use kv_embed::Embedder;

/// Sums that are added up side by side, so that the compiler can use vector instructions.
const LANES: usize = 16;
/// Rows that stay in the cache while all queries pass over them.
const BLOCK_ROWS: usize = 128;

/// The documents' vectors, one after the other.
#[derive(Debug)]
pub struct Matrix {
    dims: usize,
    rows: Vec<f32>,
}

impl Matrix {
    /// Embeds all documents.
    #[must_use]
    pub fn of<S: AsRef<str>>(embedder: &dyn Embedder, documents: &[S]) -> Matrix {
        let dims = embedder.dims();
        let mut rows = vec![0.0; dims * documents.len()];
        for (row, document) in rows.chunks_exact_mut(dims).zip(documents) {
            embedder.embed_document(document.as_ref(), row);
        }
        Matrix { dims, rows }
    }

    /// For each query the cosine with each document.
    ///
    /// # Panics
    /// If a query has other dimensions.
    #[must_use]
    pub fn scores(&self, queries: &[Vec<f32>]) -> Vec<Vec<f32>> {
        let count = self.rows.len() / self.dims;
        let mut scores = vec![Vec::with_capacity(count); queries.len()];
        for block in self.rows.chunks(self.dims * BLOCK_ROWS) {
            for (query, scores) in queries.iter().zip(&mut scores) {
                assert_eq!(query.len(), self.dims, "one embedder made both");
                scores.extend(block.chunks_exact(self.dims).map(|row| dot(row, query)));
            }
        }
        scores
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let (a_chunks, a_rest) = a.as_chunks::<LANES>();
    let (b_chunks, b_rest) = b.as_chunks::<LANES>();
    for (a, b) in a_chunks.iter().zip(b_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

/// The `count` best documents of those not `excluded` (sorted) that score above zero, best first; of
/// equals, the lower number first.
#[must_use]
pub fn best(scores: &[f32], excluded: &[u32], count: usize) -> Vec<u32> {
    let mut candidates: Vec<(f32, u32)> = scores
        .iter()
        .copied()
        .zip(0..)
        .filter(|(score, document)| *score > 0.0 && excluded.binary_search(document).is_err())
        .collect();
    let order = |a: &(f32, u32), b: &(f32, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if candidates.len() > count {
        candidates.select_nth_unstable_by(count, order);
        candidates.truncate(count);
    }
    candidates.sort_unstable_by(order);
    candidates
        .into_iter()
        .map(|(_, document)| document)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_come_first_and_the_excluded_not_at_all() {
        let scores = [0.1, 0.5, -1.0, 0.5, 0.9, 0.0];
        assert_eq!(best(&scores, &[], 10), [4, 1, 3, 0]);
        assert_eq!(best(&scores, &[1, 4], 1), [3]);
    }

    #[test]
    fn a_product_counts_every_place() {
        let ones = [1.0; 37];
        assert_eq!(dot(&ones, &ones), 37.0);
    }
}
