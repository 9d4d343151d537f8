//! 128 numbers in as few bits as the largest needs.
//!
//! ```text
//! row 0: number 0, 1, 2, 3    each row's four numbers lie in four lanes of 32-bit words,
//! row 1: number 4, 5, 6, 7    rows one behind the other: word w of lane l is at 4 · w + l
//! ```
//!
//! The lanes let a compiler unpack four numbers with one instruction, on any machine. `bits` bits a
//! number are `4 · bits` words.

/// Numbers in a block.
pub(super) const BLOCK_LEN: usize = 128;
const LANES: usize = 4;
const ROWS: usize = BLOCK_LEN / LANES;

/// Bits that each of the numbers fits in.
pub(super) fn bits_needed(numbers: &[u32; BLOCK_LEN]) -> u8 {
    let all = numbers.iter().fold(0, |all, number| all | number);
    u8::try_from(u32::BITS - all.leading_zeros()).unwrap_or(32)
}

/// Words that `bits` bits a number take.
pub(super) fn words(bits: u8) -> usize {
    LANES * usize::from(bits)
}

/// Appends the numbers, none of which needs more than `bits` bits.
pub(super) fn pack(numbers: &[u32; BLOCK_LEN], bits: u8, packed: &mut Vec<u32>) {
    let start = packed.len();
    packed.resize(start + words(bits), 0);
    let packed = &mut packed[start..];
    if bits == 0 {
        return;
    }
    for (index, &number) in numbers.iter().enumerate() {
        let (row, lane) = (index / LANES, index % LANES);
        let bit = row * usize::from(bits);
        let (word, shift) = (bit / 32 * LANES + lane, bit % 32);
        packed[word] |= number << shift;
        if shift + usize::from(bits) > 32 {
            packed[word + LANES] |= number >> (32 - shift);
        }
    }
}

/// Reads numbers of `bits` bits from the head of `packed`.
pub(super) fn unpack(packed: &[u32], bits: u8, numbers: &mut [u32; BLOCK_LEN]) {
    macro_rules! by_width {
        ($($width:literal)*) => {
            match bits {
                $($width => unpack_width::<$width>(packed, numbers),)*
                _ => unreachable!("numbers have 32 bits"),
            }
        };
    }
    by_width!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32);
}

fn unpack_width<const BITS: usize>(packed: &[u32], numbers: &mut [u32; BLOCK_LEN]) {
    if BITS == 0 {
        *numbers = [0; BLOCK_LEN];
        return;
    }
    let (packed, _) = packed[..BITS * LANES].as_chunks::<LANES>();
    let (rows, _) = numbers.as_chunks_mut::<LANES>();
    let mask = u32::MAX >> (32 - BITS);
    for (row, out) in rows.iter_mut().enumerate().take(ROWS) {
        let (word, shift) = (row * BITS / 32, row * BITS % 32);
        for lane in 0..LANES {
            let mut number = packed[word][lane] >> shift;
            if shift + BITS > 32 {
                number |= packed[word + 1][lane] << (32 - shift);
            }
            out[lane] = number & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_is_read_as_it_was_written() {
        let mut state = 1u32;
        for bits in 0..=32u8 {
            let numbers = [(); BLOCK_LEN].map(|()| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.checked_shr(32 - u32::from(bits)).unwrap_or(0)
            });
            assert!(bits_needed(&numbers) <= bits);
            let mut packed = vec![7];
            pack(&numbers, bits, &mut packed);
            assert_eq!(packed.len(), 1 + words(bits));
            let mut read = [0; BLOCK_LEN];
            unpack(&packed[1..], bits, &mut read);
            assert_eq!(read, numbers, "{bits} bits");
        }
    }
}
