//! The quantised vectors, and a scan over all of them.

use super::{
    interleaved::Interleaved,
    kernel::{CELL, Kernel, ROW_LANES},
    quantized::{Quantized, Query, unbiased},
};

/// How many blocks are scanned before their scores are looked at.
const SCAN_BLOCKS: usize = 32;
const SCAN_ROWS: usize = SCAN_BLOCKS * ROW_LANES;

/// See the module.
#[derive(Debug)]
pub(super) struct Rows {
    cells: Interleaved<[u8; CELL], ROW_LANES>,
    scales: Vec<f32>,
}

impl Rows {
    /// None yet, of vectors with `dims` components.
    pub(super) const fn new(dims: usize) -> Self {
        Self {
            cells: Interleaved::new(dims.div_ceil(CELL)),
            scales: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, vector: &Quantized) {
        self.cells.push(&vector.cells);
        self.scales.push(vector.scale);
    }

    pub(super) fn set(&mut self, row: usize, vector: &Quantized) {
        self.cells.set(row, &vector.cells);
        self.scales[row] = vector.scale;
    }

    pub(super) fn swap_remove(&mut self, row: usize) {
        self.cells.swap_remove(row);
        self.scales.swap_remove(row);
    }

    pub(super) fn shrink(&mut self) {
        self.cells.shrink();
        self.scales.shrink_to_fit();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.cells.memory_bytes() + self.scales.capacity() * size_of::<f32>()
    }

    /// The cells of `row`.
    pub(super) fn cells(&self, row: usize) -> Vec<[u8; CELL]> {
        self.cells.row(row).collect()
    }

    /// The vector of unit length that `row` stands for, padding included.
    pub(super) fn vector(&self, row: usize) -> impl Iterator<Item = f32> {
        let scale = self.scales[row];
        let bytes = self.cells.row(row).flatten();
        bytes.map(move |byte| f32::from(unbiased(byte)) * scale)
    }

    /// The cosine of `query` and `row`.
    pub(super) fn cosine(&self, query: &Query, row: usize) -> f32 {
        query.cosine(self.cells.row(row), self.scales[row])
    }

    /// Asks for the memory of `row`.
    pub(super) fn prefetch(&self, kernel: Kernel, row: usize) {
        let (block, lane) = self.cells.block_of(row);
        kernel.prefetch(block, lane);
    }

    /// A number that orders rows almost as `cosine` does; the query is quantised, too.
    pub(super) fn score(&self, kernel: Kernel, query: &Query, row: usize) -> f32 {
        let (block, lane) = self.cells.block_of(row);
        let product = kernel.product(&query.cells, block, lane);
        score(product, query, self.scales[row])
    }

    /// Shows `visit` every row's `score`: a run of rows at a time, with the number of the first.
    pub(super) fn scan(&self, kernel: Kernel, query: &Query, mut visit: impl FnMut(usize, &[f32])) {
        let mut first = 0;
        let mut sums = [[0; ROW_LANES]; SCAN_BLOCKS];
        let mut scores = [0.0; SCAN_ROWS];
        for stripes in self.runs(query.cells.len() * SCAN_BLOCKS) {
            let sums = &mut sums[..stripes.len() / query.cells.len()];
            kernel.products(&query.cells, stripes, sums);
            let rows = sums.as_flattened().iter().zip(&self.scales[first..]);
            let filled = rows.len();
            for (out, (sum, scale)) in scores.iter_mut().zip(rows) {
                *out = score(*sum, query, *scale);
            }
            visit(first, &scores[..filled]);
            first += filled;
        }
    }

    fn runs(&self, stripes: usize) -> impl Iterator<Item = &[[[u8; CELL]; ROW_LANES]]> {
        self.cells
            .segments()
            .flat_map(move |segment| segment.chunks(stripes))
    }
}

#[expect(clippy::cast_precision_loss, reason = "it only orders rows")]
fn score(product: i32, query: &Query, scale: f32) -> f32 {
    (product - query.excess) as f32 * scale
}
