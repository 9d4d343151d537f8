use proptest::{collection::vec, prelude::*};

use super::*;

fn cells<T: std::fmt::Debug>(
    any: impl Strategy<Value = T> + Clone,
) -> impl Strategy<Value = [T; CELL]> {
    vec(any, CELL).prop_map(|bytes| bytes.try_into().unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_kernel_has_the_portable_scalar_products(
        query in vec(cells(-127..=127_i8), 1..6),
        rows in vec(cells(any::<u8>()), 4 * 6 * 3),
    ) {
        let rows = rows.as_chunks::<ROW_LANES>().0;
        let stripes = &rows[..rows.len() / query.len() * query.len()];
        let blocks = stripes.len() / query.len();
        let mut expected = vec![[0; ROW_LANES]; blocks];
        portable::products(&query, stripes, &mut expected);
        for kernel in Kernel::available() {
            let mut found = vec![[-1; ROW_LANES]; blocks];
            kernel.products(&query, stripes, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", kernel);
            for (block, expected) in stripes.chunks_exact(query.len()).zip(&expected) {
                let each = [0, 1, 2, 3].map(|lane| kernel.product(&query, block, lane));
                prop_assert_eq!(&each, expected, "{:?}", kernel);
            }
        }
    }

    #[test]
    fn every_kernel_has_the_portable_lookups(
        tables in vec(vec(0..=63_u8, 32), 1..5),
        bytes in vec(cells(any::<u8>()), 8 * 3),
    ) {
        let tables: Vec<Tables> = tables.iter().flat_map(|bytes| {
            let table = [bytes[..16].try_into().unwrap(), bytes[16..].try_into().unwrap()];
            [table, table]
        }).collect();
        let blocks = bytes.len() / tables.len();
        let stripes = &bytes[..blocks * tables.len()];
        let mut expected = vec![[0; SKETCH_LANES]; blocks];
        portable::lookups(&tables, stripes, &mut expected);
        for kernel in Kernel::available() {
            let mut found = vec![[1; SKETCH_LANES]; blocks];
            kernel.lookups(&tables, stripes, &mut found);
            prop_assert_eq!(&found, &expected, "{:?}", kernel);
        }
    }
}

#[test]
fn the_largest_values_do_not_overflow() {
    let query = [[-127; CELL]; 64];
    let stripes = [[[255; CELL]; ROW_LANES]; 64];
    let tables = [[[56; 16]; 2]; 512];
    for kernel in Kernel::available() {
        let mut sums = [[0; ROW_LANES]];
        kernel.products(&query, &stripes, &mut sums);
        assert_eq!(sums, [[-127 * 255 * 4096; ROW_LANES]], "{kernel:?}");
        let mut sums = [[0; SKETCH_LANES]];
        kernel.lookups(&tables, &[[0xa5; SKETCH_LANES]; 512], &mut sums);
        assert_eq!(sums, [[56 * 1024; SKETCH_LANES]], "{kernel:?}");
    }
}
