//! Rows of equal width, several of them interleaved.
//!
//! A row is `width` cells. `LANES` rows make a block, which holds their cells side by side, so
//! that a scan reads memory from front to back and needs each cell of the query once a block:
//!
//! ```text
//! block 0                                          block 1
//! | cell 0 of rows 0 1 2 3 | cell 1 of rows 0 1 2 3 | … | cell 0 of rows 4 5 6 7 | …
//! '------- stripe ---------'
//! ```
//!
//! Blocks lie in segments of at most `SEGMENT_ROWS` rows. Growing allocates a segment; it never
//! moves what is there.
//!
//! 1. Every segment but the last is full, and no segment is empty.
//! 2. Lanes after the last row hold stale cells; nothing reads them as rows.

/// How many rows a segment holds; a multiple of every number of lanes in use.
const SEGMENT_ROWS: usize = 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Interleaved<T, const LANES: usize> {
    width: usize,
    len: usize,
    segments: Vec<Vec<[T; LANES]>>,
}

impl<T: Copy, const LANES: usize> Interleaved<T, LANES> {
    /// No rows yet, each of which will have `width` cells.
    pub(super) const fn new(width: usize) -> Self {
        const { assert!(SEGMENT_ROWS.is_multiple_of(LANES)) };
        Self {
            width,
            len: 0,
            segments: Vec::new(),
        }
    }

    /// The number of rows.
    #[cfg(test)]
    const fn len(&self) -> usize {
        self.len
    }

    /// The stripes of all blocks in order, a segment at a time.
    pub(super) fn segments(&self) -> impl Iterator<Item = &[[T; LANES]]> {
        self.segments.iter().map(Vec::as_slice)
    }

    /// The block that holds `row`, and the row's lane in it.
    pub(super) fn block_of(&self, row: usize) -> (&[[T; LANES]], usize) {
        let (segment, start) = self.place(row);
        (
            &self.segments[segment][start..start + self.width],
            row % LANES,
        )
    }

    /// The cells of `row`.
    pub(super) fn row(&self, row: usize) -> impl Iterator<Item = T> {
        let (block, lane) = self.block_of(row);
        block.iter().map(move |stripe| stripe[lane])
    }

    /// Appends a row.
    pub(super) fn push(&mut self, cells: &[T]) {
        if self.len.is_multiple_of(LANES) {
            self.push_block(cells);
        }
        self.len += 1;
        self.set(self.len - 1, cells);
    }

    /// Replaces `row`.
    pub(super) fn set(&mut self, row: usize, cells: &[T]) {
        assert!(row < self.len && cells.len() == self.width);
        let (segment, start) = self.place(row);
        let block = &mut self.segments[segment][start..start + self.width];
        for (stripe, cell) in block.iter_mut().zip(cells) {
            stripe[row % LANES] = *cell;
        }
    }

    /// Removes `row`; the last row takes its place.
    pub(super) fn swap_remove(&mut self, row: usize) {
        let last = self.len - 1;
        if row < last {
            let cells: Vec<T> = self.row(last).collect();
            self.set(row, &cells);
        }
        self.len = last;
        if last.is_multiple_of(LANES) {
            self.pop_block();
        }
    }

    /// Gives back what the last segment reserved and does not need.
    pub(super) fn shrink(&mut self) {
        self.segments.shrink_to_fit();
        if let Some(segment) = self.segments.last_mut() {
            segment.shrink_to_fit();
        }
    }

    /// How many bytes are allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        let stripes: usize = self.segments.iter().map(Vec::capacity).sum();
        stripes * size_of::<[T; LANES]>() + self.segments.capacity() * size_of::<Vec<[T; LANES]>>()
    }

    /// The segment of `row`, and where in it the row's block starts.
    fn place(&self, row: usize) -> (usize, usize) {
        (row / SEGMENT_ROWS, row % SEGMENT_ROWS / LANES * self.width)
    }

    fn push_block(&mut self, cells: &[T]) {
        if self.len.is_multiple_of(SEGMENT_ROWS) {
            self.segments.push(Vec::new());
        }
        let segment = self
            .segments
            .last_mut()
            .expect("a row that is not first has a segment");
        segment.extend(cells.iter().map(|cell| [*cell; LANES]));
    }

    fn pop_block(&mut self) {
        let segment = self.segments.last_mut().expect("a block lies in a segment");
        segment.truncate(segment.len() - self.width);
        if segment.is_empty() {
            self.segments.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_read_back_across_blocks_and_segments() {
        let mut rows = Interleaved::<u32, 4>::new(3);
        for row in 0..2500 {
            rows.push(&[row, row + 1, row + 2]);
        }
        for row in 0..2500 {
            let cells: Vec<u32> = rows.row(row as usize).collect();
            assert_eq!(cells, [row, row + 1, row + 2]);
        }
        assert_eq!(rows.segments().count(), 3);
    }

    #[test]
    fn swap_remove_puts_the_last_row_in_the_gap_and_frees_blocks() {
        let mut rows = Interleaved::<u32, 4>::new(1);
        for row in 0..1025 {
            rows.push(&[row]);
        }
        rows.swap_remove(7);
        assert_eq!(rows.row(7).collect::<Vec<_>>(), [1024]);
        assert_eq!((rows.len(), rows.segments().count()), (1024, 1));
        while rows.len() > 0 {
            rows.swap_remove(0);
        }
        assert_eq!(rows.segments().count(), 0);
    }
}
