use super::*;

#[test]
fn parts_cover_every_key_once() {
    for (count, parts) in [(1_000_000, 50), (10, 3), (2, 7), (0, 4)] {
        let keys: Vec<u64> = (0..parts as u64)
            .flat_map(|index| part(count, index, parts))
            .collect();
        assert_eq!(keys, (0..count).collect::<Vec<u64>>());
    }
}
