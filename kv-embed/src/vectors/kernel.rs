//! The inner loops of a search, for the instructions that the machine has.
//!
//! Stable Rust reaches wide registers only through intrinsics and through functions that must not
//! be called on a machine without them; both need `unsafe`, and nothing else here does.
//!
//! 1. Everything is integer arithmetic without overflow, so each set of instructions computes the
//!    same numbers. `portable` says which.
//! 2. A `Kernel` names only instructions that this machine was seen to have.
#![expect(
    unsafe_code,
    reason = "intrinsics, and calls of functions compiled for a feature"
)]

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

/// How many components a cell of a quantised row has.
pub(super) const CELL: usize = 64;
/// How many quantised rows are interleaved.
pub(super) const ROW_LANES: usize = 4;
/// How many sketches are interleaved.
pub(super) const SKETCH_LANES: usize = 64;

/// A cell of four quantised rows; each byte is a component plus 128.
pub(super) type RowStripe = [[u8; CELL]; ROW_LANES];
/// Eight bits of the sketch of 64 rows.
pub(super) type SketchStripe = [u8; SKETCH_LANES];
/// What the lower and the upper four of eight bits add to a sum.
pub(super) type Tables = [[u8; 16]; 2];

/// A set of instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kernel(Set);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Portable,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// The best that this machine has.
    pub(super) fn detect() -> Self {
        Self::available()
            .last()
            .expect("the portable one is everywhere")
    }

    /// All that this machine has, the best last.
    pub(super) fn available() -> impl DoubleEndedIterator<Item = Self> {
        let portable = std::iter::once(Self(Set::Portable));
        #[cfg(target_arch = "x86_64")]
        return portable.chain(x86::available().map(Self));
        #[cfg(not(target_arch = "x86_64"))]
        portable
    }

    /// The scalar product of `query` with each row of the blocks in `stripes`. A row's components
    /// count as what their bytes say, 128 too much.
    pub(super) fn products(
        self,
        query: &[[i8; CELL]],
        stripes: &[RowStripe],
        sums: &mut [[i32; ROW_LANES]],
    ) {
        assert_eq!(stripes.len(), query.len() * sums.len());
        match self.0 {
            Set::Portable => portable::products(query, stripes, sums),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: invariant 2.
            Set::Avx2 => unsafe { x86::products_avx2(query, stripes, sums) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: invariant 2.
            Set::Avx512 => unsafe { x86::products_avx512(query, stripes, sums) },
        }
    }

    /// The same for the row of one lane of one block.
    pub(super) fn product(self, query: &[[i8; CELL]], block: &[RowStripe], lane: usize) -> i32 {
        assert!(block.len() == query.len() && lane < ROW_LANES);
        match self.0 {
            Set::Portable => portable::product(query, block, lane),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: invariant 2.
            Set::Avx2 => unsafe { x86::product_avx2(query, block, lane) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: invariant 2.
            Set::Avx512 => unsafe { x86::product_avx512(query, block, lane) },
        }
    }

    /// For each sketch of the blocks in `stripes`, the sum of what `tables` has for its bits; one
    /// pair of tables a stripe of a block. No four entries of tables have a sum above 255, and no
    /// sketch's sum is above 65,535.
    pub(super) fn lookups(
        self,
        tables: &[Tables],
        stripes: &[SketchStripe],
        sums: &mut [[u16; SKETCH_LANES]],
    ) {
        assert!(tables.len().is_multiple_of(2) && stripes.len() == tables.len() * sums.len());
        match self.0 {
            Set::Portable => portable::lookups(tables, stripes, sums),
            #[cfg(target_arch = "x86_64")]
            // SAFETY: invariant 2.
            Set::Avx2 => unsafe { x86::lookups_avx2(tables, stripes, sums) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: invariant 2.
            Set::Avx512 => unsafe { x86::lookups_avx512(tables, stripes, sums) },
        }
    }

    /// Asks for the cells of a row that will soon be needed.
    pub(super) fn prefetch(self, block: &[RowStripe], lane: usize) {
        #[cfg(target_arch = "x86_64")]
        for stripe in block {
            x86::prefetch(&stripe[lane]);
        }
        #[cfg(not(target_arch = "x86_64"))]
        let _ = (block, lane);
    }
}

#[cfg(test)]
mod tests;
