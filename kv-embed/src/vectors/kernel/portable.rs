//! The loops in plain Rust: what runs where there is nothing better, and what defines the results.

use super::{CELL, ROW_LANES, RowStripe, SKETCH_LANES, SketchStripe, Tables};

pub(super) fn products(query: &[[i8; CELL]], stripes: &[RowStripe], sums: &mut [[i32; ROW_LANES]]) {
    for (block, sums) in stripes.chunks_exact(query.len()).zip(sums) {
        *sums = [0; ROW_LANES];
        for (query, rows) in query.iter().zip(block) {
            for (sum, cell) in sums.iter_mut().zip(rows) {
                *sum += cell_product(query, cell);
            }
        }
    }
}

pub(super) fn product(query: &[[i8; CELL]], block: &[RowStripe], lane: usize) -> i32 {
    let cells = query.iter().zip(block);
    cells
        .map(|(query, rows)| cell_product(query, &rows[lane]))
        .sum()
}

fn cell_product(query: &[i8; CELL], cell: &[u8; CELL]) -> i32 {
    let components = query.iter().zip(cell);
    components
        .map(|(query, byte)| i32::from(*query) * i32::from(*byte))
        .sum()
}

pub(super) fn lookups(
    tables: &[Tables],
    stripes: &[SketchStripe],
    sums: &mut [[u16; SKETCH_LANES]],
) {
    for (block, sums) in stripes.chunks_exact(tables.len()).zip(sums) {
        *sums = [0; SKETCH_LANES];
        for ([lower, upper], bytes) in tables.iter().zip(block) {
            for (sum, byte) in sums.iter_mut().zip(bytes) {
                *sum += u16::from(lower[usize::from(byte & 15)]);
                *sum += u16::from(upper[usize::from(byte >> 4)]);
            }
        }
    }
}
