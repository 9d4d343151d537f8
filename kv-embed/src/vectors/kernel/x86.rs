//! The loops for AVX2, and for AVX-512 with VNNI.
//!
//! Scalar products: AVX2 widens bytes to 16 bits and multiplies pairs; `vpdpbusd` multiplies bytes
//! as they are. Lookups: a table of 16 bytes fits a register, and one instruction looks 32 or 64
//! bytes up in it (André, Kermarrec, Le Scouarnec, *Cache locality is not enough*, 2015). Sums of
//! four lookups fit a byte; then they move on to 16 bits, rows with even and with odd lanes apart.
#![expect(unsafe_code, reason = "loads and stores of registers")]

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _MM_HINT_T0, _mm_loadu_si128, _mm_prefetch, _mm256_add_epi8,
    _mm256_add_epi16, _mm256_add_epi32, _mm256_and_si256, _mm256_broadcastsi128_si256,
    _mm256_cvtepi8_epi16, _mm256_cvtepu8_epi16, _mm256_loadu_si256, _mm256_madd_epi16,
    _mm256_set1_epi8, _mm256_set1_epi16, _mm256_setzero_si256, _mm256_shuffle_epi8,
    _mm256_srli_epi16, _mm256_storeu_si256, _mm512_add_epi8, _mm512_add_epi16, _mm512_and_si512,
    _mm512_broadcast_i32x4, _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32,
    _mm512_set1_epi8, _mm512_set1_epi16, _mm512_setzero_si512, _mm512_shuffle_epi8,
    _mm512_srli_epi16, _mm512_storeu_si512,
};

use super::{CELL, ROW_LANES, RowStripe, SKETCH_LANES, Set, SketchStripe, Tables};

/// The sets that this machine has, the best last.
pub(super) fn available() -> impl DoubleEndedIterator<Item = Set> {
    let avx2 = is_x86_feature_detected!("avx2");
    let avx512 = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vnni");
    let sets = [(avx2, Set::Avx2), (avx512, Set::Avx512)];
    sets.into_iter()
        .filter_map(|(is_there, set)| is_there.then_some(set))
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn products_avx512(
    query: &[[i8; CELL]],
    stripes: &[RowStripe],
    sums: &mut [[i32; ROW_LANES]],
) {
    for (block, sums) in stripes.chunks_exact(query.len()).zip(sums) {
        let mut lanes = [_mm512_setzero_si512(); ROW_LANES];
        for (query, rows) in query.iter().zip(block) {
            let query = load_512(query);
            for (lane, cell) in lanes.iter_mut().zip(rows) {
                *lane = _mm512_dpbusd_epi32(*lane, load_512(cell), query);
            }
        }
        *sums = lanes.map(|lane| _mm512_reduce_add_epi32(lane));
    }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn product_avx512(query: &[[i8; CELL]], block: &[RowStripe], lane: usize) -> i32 {
    let mut sum = _mm512_setzero_si512();
    for (query, rows) in query.iter().zip(block) {
        sum = _mm512_dpbusd_epi32(sum, load_512(&rows[lane]), load_512(query));
    }
    _mm512_reduce_add_epi32(sum)
}

#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
pub(super) fn lookups_avx512(
    tables: &[Tables],
    stripes: &[SketchStripe],
    sums: &mut [[u16; SKETCH_LANES]],
) {
    for (block, sums) in stripes.chunks_exact(tables.len()).zip(sums) {
        let mut even = _mm512_setzero_si512();
        let mut odd = _mm512_setzero_si512();
        for (tables, bytes) in pairs(tables).zip(pairs(block)) {
            let first = lookup_512(&tables[0], &bytes[0]);
            let four = _mm512_add_epi8(first, lookup_512(&tables[1], &bytes[1]));
            even = _mm512_add_epi16(even, _mm512_and_si512(four, _mm512_set1_epi16(255)));
            odd = _mm512_add_epi16(odd, _mm512_srli_epi16::<8>(four));
        }
        zip_lanes(sums, &store_512(even), &store_512(odd));
    }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn lookup_512([lower, upper]: &Tables, bytes: &SketchStripe) -> __m512i {
    let nibble = _mm512_set1_epi8(15);
    let bytes = load_512(bytes);
    let high = _mm512_and_si512(_mm512_srli_epi16::<4>(bytes), nibble);
    let lower = _mm512_broadcast_i32x4(load_128(lower));
    let upper = _mm512_broadcast_i32x4(load_128(upper));
    let low = _mm512_shuffle_epi8(lower, _mm512_and_si512(bytes, nibble));
    _mm512_add_epi8(low, _mm512_shuffle_epi8(upper, high))
}

#[target_feature(enable = "avx2")]
pub(super) fn products_avx2(
    query: &[[i8; CELL]],
    stripes: &[RowStripe],
    sums: &mut [[i32; ROW_LANES]],
) {
    for (block, sums) in stripes.chunks_exact(query.len()).zip(sums) {
        let mut lanes = [_mm256_setzero_si256(); ROW_LANES];
        for (query, rows) in query.iter().zip(block) {
            for (lane, cell) in lanes.iter_mut().zip(rows) {
                *lane = add_cell_256(*lane, query, cell);
            }
        }
        *sums = lanes.map(|lane| sum_256(lane));
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn product_avx2(query: &[[i8; CELL]], block: &[RowStripe], lane: usize) -> i32 {
    let mut sum = _mm256_setzero_si256();
    for (query, rows) in query.iter().zip(block) {
        sum = add_cell_256(sum, query, &rows[lane]);
    }
    sum_256(sum)
}

#[target_feature(enable = "avx2")]
fn add_cell_256(sum: __m256i, query: &[i8; CELL], cell: &[u8; CELL]) -> __m256i {
    let parts = query
        .as_chunks::<16>()
        .0
        .iter()
        .zip(cell.as_chunks::<16>().0);
    parts.fold(sum, |sum, (query, bytes)| {
        let query = _mm256_cvtepi8_epi16(load_128(query));
        let bytes = _mm256_cvtepu8_epi16(load_128(bytes));
        _mm256_add_epi32(sum, _mm256_madd_epi16(query, bytes))
    })
}

#[target_feature(enable = "avx2")]
fn sum_256(lane: __m256i) -> i32 {
    let mut parts = [0_i32; 8];
    // SAFETY: the array has 32 bytes, and the store needs no alignment.
    unsafe { _mm256_storeu_si256(parts.as_mut_ptr().cast(), lane) };
    parts.iter().sum()
}

#[target_feature(enable = "avx2")]
pub(super) fn lookups_avx2(
    tables: &[Tables],
    stripes: &[SketchStripe],
    sums: &mut [[u16; SKETCH_LANES]],
) {
    for (block, sums) in stripes.chunks_exact(tables.len()).zip(sums) {
        let mut even = [_mm256_setzero_si256(); 2];
        let mut odd = [_mm256_setzero_si256(); 2];
        for (tables, bytes) in pairs(tables).zip(pairs(block)) {
            for half in [0, 1] {
                let first = lookup_256(&tables[0], &bytes[0], half);
                let four = _mm256_add_epi8(first, lookup_256(&tables[1], &bytes[1], half));
                let low = _mm256_and_si256(four, _mm256_set1_epi16(255));
                even[half] = _mm256_add_epi16(even[half], low);
                odd[half] = _mm256_add_epi16(odd[half], _mm256_srli_epi16::<8>(four));
            }
        }
        zip_lanes(sums, &store_256(even), &store_256(odd));
    }
}

#[target_feature(enable = "avx2")]
fn lookup_256([lower, upper]: &Tables, bytes: &SketchStripe, half: usize) -> __m256i {
    let nibble = _mm256_set1_epi8(15);
    let bytes = load_256(&bytes.as_chunks::<32>().0[half]);
    let high = _mm256_and_si256(_mm256_srli_epi16::<4>(bytes), nibble);
    let lower = _mm256_broadcastsi128_si256(load_128(lower));
    let upper = _mm256_broadcastsi128_si256(load_128(upper));
    let low = _mm256_shuffle_epi8(lower, _mm256_and_si256(bytes, nibble));
    _mm256_add_epi8(low, _mm256_shuffle_epi8(upper, high))
}

/// Asks for the cache line at `cell`.
pub(super) fn prefetch(cell: &[u8; CELL]) {
    // SAFETY: every x86-64 has the instruction, and it reads nothing.
    unsafe { _mm_prefetch::<_MM_HINT_T0>(cell.as_ptr().cast()) };
}

fn pairs<T>(items: &[T]) -> impl Iterator<Item = &[T; 2]> {
    items.as_chunks().0.iter()
}

fn zip_lanes(sums: &mut [u16; SKETCH_LANES], even: &[u16; 32], odd: &[u16; 32]) {
    for ((pair, even), odd) in sums.as_chunks_mut::<2>().0.iter_mut().zip(even).zip(odd) {
        *pair = [*even, *odd];
    }
}

/// What can be loaded as it is.
trait Byte {}
impl Byte for u8 {}
impl Byte for i8 {}

#[target_feature(enable = "avx512f")]
fn load_512<T: Byte>(bytes: &[T; 64]) -> __m512i {
    // SAFETY: the array has 64 bytes, and the load needs no alignment.
    unsafe { _mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx2")]
fn load_256<T: Byte>(bytes: &[T; 32]) -> __m256i {
    // SAFETY: the array has 32 bytes, and the load needs no alignment.
    unsafe { _mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "sse2")]
fn load_128<T: Byte>(bytes: &[T; 16]) -> __m128i {
    // SAFETY: the array has 16 bytes, and the load needs no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[target_feature(enable = "avx512f")]
fn store_512(lanes: __m512i) -> [u16; 32] {
    let mut out = [0; 32];
    // SAFETY: the array has 64 bytes, and the store needs no alignment.
    unsafe { _mm512_storeu_si512(out.as_mut_ptr().cast(), lanes) };
    out
}

#[target_feature(enable = "avx2")]
fn store_256(halves: [__m256i; 2]) -> [u16; 32] {
    let mut out = [0; 32];
    for (out, half) in out.as_chunks_mut::<16>().0.iter_mut().zip(halves) {
        // SAFETY: the array has 32 bytes, and the store needs no alignment.
        unsafe { _mm256_storeu_si256(out.as_mut_ptr().cast(), half) };
    }
    out
}
