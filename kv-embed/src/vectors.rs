//! One shard's vectors, and the ones most like a query.
//!
//! Only directions count: a vector is stored as one small integer a component, and hits are ranked
//! by the cosine of the query, as it is, and what is stored. That costs about 0.001 of the recall.
//!
//! ```
//! use kv_embed::vectors::VectorIndex;
//!
//! let mut index = VectorIndex::new(3);
//! index.insert(7, &[1.0, 0.0, 0.0])?;
//! index.insert(8, &[0.6, 0.8, 0.0])?;
//! let hits = index.search(&[0.8, 0.6, 0.0], 10, None)?;
//! assert_eq!(hits.iter().map(|hit| hit.id).collect::<Vec<_>>(), [8, 7]);
//! # Ok::<(), kv_embed::vectors::VectorError>(())
//! ```
//!
//! A search narrows down in stages, each of which reads less memory a row than the next:
//!
//! ```text
//! few rows    every row's integers ──► the best 2k or so ──► cosine
//! many rows   every row's sketch ──► candidates ──► their integers ──► the best 2k or so ──► cosine
//! ```
//!
//! 1. An id has at most one vector, and no hit names an id that has none.
//! 2. The zero vector has no direction: it is never stored and finds nothing.
//! 3. Results depend on the ids, the vectors and the options; not on the order in which they came,
//!    nor on the machine's instructions. Whether there are sketches can depend on how many vectors
//!    there have been.
//! 4. Memory is bounded by the most vectors there have been since the last renumbering.
//!
//! Never computes a vector, never locks: one writes, or many read.

mod best;
mod interleaved;
mod kernel;
mod quantized;
mod rotation;
mod rows;
mod search;
mod sketch;

use std::collections::HashMap;

use kernel::Kernel;
use quantized::{Quantized, Query};
use rows::Rows;
use search::Search;
use sketch::Sketches;

/// The most components that a vector can have.
pub const DIMS_MAX: usize = 4096;

/// What is found: an id, and how much its vector is like the query.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// The id that the vector was stored under.
    pub id: u32,
    /// The cosine, from -1 to 1.
    pub score: f32,
}

/// When a search looks at sketches first, and how carefully.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VectorOptions {
    /// From how many vectors on there are sketches. They cost an eighth of the memory and make a
    /// search some five times as fast and a little less exact. The insert that brings the number
    /// about makes all of them, which takes some 0.1 s for 100,000. Default 100,000; `usize::MAX`:
    /// never.
    pub sketch_from_count: usize,
    /// How many rows to look at more closely after their sketches, and at least 20 for each hit
    /// that is asked for. A search that would look at over a quarter of all rows looks at all,
    /// without sketches. Default 500.
    pub candidate_count: usize,
}

impl Default for VectorOptions {
    fn default() -> Self {
        Self {
            sketch_from_count: 100_000,
            candidate_count: 500,
        }
    }
}

/// What is wrong with a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VectorError {
    /// It has another number of components than the index.
    #[error("the vector has {found} components; this index has vectors of {expected}")]
    Dims {
        /// How many the vector has.
        found: usize,
        /// How many it should have.
        expected: usize,
    },
    /// A component is infinite or not a number.
    #[error("component {position} of the vector (from 0) is not a finite number")]
    NotFinite {
        /// Which component is the first one, from 0.
        position: usize,
    },
}

/// Says whether an id may be among the hits.
pub type Filter<'a> = &'a dyn Fn(u32) -> bool;

/// See the module.
#[derive(Debug)]
pub struct VectorIndex {
    dims: usize,
    options: VectorOptions,
    kernel: Kernel,
    rows: Rows,
    ids: Vec<u32>,
    rows_by_id: HashMap<u32, u32>,
    sketches: Option<Sketches>,
}

impl VectorIndex {
    /// An empty index of vectors with `dims` components.
    ///
    /// # Panics
    ///
    /// Unless `dims` is 1 to [`DIMS_MAX`].
    #[must_use]
    pub fn new(dims: usize) -> Self {
        Self::with_options(dims, VectorOptions::default())
    }

    /// The same, with other options than the usual ones.
    ///
    /// # Panics
    ///
    /// Unless `dims` is 1 to [`DIMS_MAX`].
    #[must_use]
    pub fn with_options(dims: usize, options: VectorOptions) -> Self {
        assert!(
            (1..=DIMS_MAX).contains(&dims),
            "1 to {DIMS_MAX} components, not {dims}"
        );
        Self {
            dims,
            options,
            kernel: Kernel::detect(),
            rows: Rows::new(dims),
            ids: Vec::new(),
            rows_by_id: HashMap::new(),
            sketches: None,
        }
    }

    /// How many components the vectors have.
    #[must_use]
    pub const fn dims(&self) -> usize {
        self.dims
    }

    /// How many ids have a vector.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether no id has a vector.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// How many bytes are allocated, of which the table from ids to rows is an estimate.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        // A hash table has at least 8/7 slots for what it can hold, and a byte for each of them.
        let slot = size_of::<(u32, u32)>() + 1;
        let table = self.rows_by_id.capacity() * 8 / 7 * slot;
        let ids = self.ids.capacity() * size_of::<u32>();
        let sketches = self.sketches.as_ref().map_or(0, Sketches::memory_bytes);
        self.rows.memory_bytes() + ids + table + sketches
    }

    /// The vector of an id as it is stored: of unit length, components rounded.
    #[must_use]
    pub fn vector(&self, id: u32) -> Option<Vec<f32>> {
        let row = self.row_of(id)?;
        Some(self.rows.vector(row).take(self.dims).collect())
    }

    /// Gives an id a vector, in place of the one it had. The zero vector takes away the one it had.
    ///
    /// # Errors
    ///
    /// When the vector has the wrong number of components, or one that is not finite. Then nothing
    /// changes.
    pub fn insert(&mut self, id: u32, vector: &[f32]) -> Result<(), VectorError> {
        self.check(vector)?;
        match (Quantized::new(vector), self.row_of(id)) {
            (Some(vector), Some(row)) => self.set(row, &vector),
            (Some(vector), None) => self.push(id, &vector),
            (None, _) => self.remove(id),
        }
        Ok(())
    }

    /// Takes away the vector of an id, if it has one.
    pub fn remove(&mut self, id: u32) {
        if let Some(row) = self.row_of(id) {
            self.swap_remove(row);
            self.rows_by_id.remove(&id);
            if let Some(moved) = self.ids.get(row) {
                self.rows_by_id.insert(*moved, number_of(row));
            }
        }
    }

    /// Gives every id the number that `new_id` says; where it says `None`, the vector is removed.
    /// Gives back memory that is not needed.
    ///
    /// # Panics
    ///
    /// When two ids get the same number.
    pub fn renumber(&mut self, new_id: &dyn Fn(u32) -> Option<u32>) {
        // From the last row to the first: the row that fills a gap has its new number already.
        for row in (0..self.len()).rev() {
            match new_id(self.ids[row]) {
                Some(id) => self.ids[row] = id,
                None => self.swap_remove(row),
            }
        }
        self.rows_by_id = self.ids.iter().copied().zip((0..).map(number_of)).collect();
        assert_eq!(
            self.rows_by_id.len(),
            self.len(),
            "two ids got the same number"
        );
        self.shrink();
    }

    /// The `k` ids whose vectors are most like `query` among those that `filter` admits: best
    /// first, the smaller id first where scores are equal. Fewer if there are fewer; none for the
    /// zero vector.
    ///
    /// The filter is asked only for ids that would be hits or candidates.
    ///
    /// # Errors
    ///
    /// When the query has the wrong number of components, or one that is not finite.
    pub fn search(
        &self,
        query: &[f32],
        k: usize,
        filter: Option<Filter<'_>>,
    ) -> Result<Vec<Hit>, VectorError> {
        self.check(query)?;
        let Some(query) = Query::new(query) else {
            return Ok(Vec::new());
        };
        let search = Search {
            index: self,
            query,
            filter,
        };
        Ok(search.hits(k.min(self.len())))
    }

    fn check(&self, vector: &[f32]) -> Result<(), VectorError> {
        if vector.len() != self.dims {
            return Err(VectorError::Dims {
                found: vector.len(),
                expected: self.dims,
            });
        }
        // Without a way out in the middle, several components are tested at a time.
        if vector.iter().fold(true, |all, v| all & v.is_finite()) {
            return Ok(());
        }
        let position = vector.iter().take_while(|v| v.is_finite()).count();
        Err(VectorError::NotFinite { position })
    }

    fn row_of(&self, id: u32) -> Option<usize> {
        self.rows_by_id.get(&id).map(|row| *row as usize)
    }

    fn set(&mut self, row: usize, vector: &Quantized) {
        self.rows.set(row, vector);
        if let Some(sketches) = &mut self.sketches {
            sketches.set(row, &vector.cells);
        }
    }

    fn push(&mut self, id: u32, vector: &Quantized) {
        let row = self.len();
        self.rows.push(vector);
        self.ids.push(id);
        self.rows_by_id.insert(id, number_of(row));
        match &mut self.sketches {
            Some(sketches) => sketches.push(&vector.cells),
            None if row + 1 >= self.options.sketch_from_count => self.sketch_all(),
            None => {}
        }
    }

    fn sketch_all(&mut self) {
        let mut sketches = Sketches::new(self.dims);
        for row in 0..self.len() {
            sketches.push(&self.rows.cells(row));
        }
        self.sketches = Some(sketches);
    }

    /// Removes a row and its id; the last one takes its place. The table of ids is the caller's.
    fn swap_remove(&mut self, row: usize) {
        self.rows.swap_remove(row);
        self.ids.swap_remove(row);
        if let Some(sketches) = &mut self.sketches {
            sketches.swap_remove(row);
        }
    }

    fn shrink(&mut self) {
        self.rows.shrink();
        self.ids.shrink_to_fit();
        self.sketches
            .take_if(|_| self.ids.len() < self.options.sketch_from_count);
        if let Some(sketches) = &mut self.sketches {
            sketches.shrink();
        }
    }
}

fn number_of(row: usize) -> u32 {
    u32::try_from(row).expect("there are no more rows than ids")
}

#[cfg(test)]
mod tests;
