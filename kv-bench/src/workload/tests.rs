use super::*;

fn workload(read_share: f64, distribution: Distribution) -> Workload {
    Workload {
        space: KeySpace::new(1_000, 20, 100).unwrap(),
        read_share,
        distribution,
    }
}

fn take(workload: &Workload, share: Share, seed: u64, count: usize) -> Vec<Operation> {
    Operations::random(workload, share, seed)
        .take(count)
        .collect()
}

#[test]
fn same_seed_gives_the_same_operations() {
    let workload = workload(0.5, Distribution::Zipf { theta: 0.99 });
    let first = take(&workload, Share::All, 7, 1_000);
    assert_eq!(first, take(&workload, Share::All, 7, 1_000));
    assert_ne!(first, take(&workload, Share::All, 8, 1_000));
}

#[test]
fn the_stream_of_a_seed_never_changes() {
    let workload = workload(0.5, Distribution::Uniform);
    let keys: Vec<u64> = take(&workload, Share::All, 1, 5)
        .iter()
        .map(|op| op.key)
        .collect();
    assert_eq!(keys, [566, 444, 762, 285, 605]);
}

#[test]
fn read_share_is_kept() {
    let reads = |share| {
        take(
            &workload(share, Distribution::Uniform),
            Share::All,
            3,
            10_000,
        )
        .iter()
        .filter(|operation| operation.kind == Kind::Read)
        .count()
    };
    assert_eq!(reads(0.0), 0);
    assert_eq!(reads(1.0), 10_000);
    assert!((2_800..3_200).contains(&reads(0.3)));
}

#[test]
fn writes_under_one_key_differ_in_their_nonce() {
    let operations = take(&workload(0.0, Distribution::Uniform), Share::All, 3, 10_000);
    let mut nonces: Vec<u64> = operations.iter().map(|operation| operation.nonce).collect();
    nonces.sort_unstable();
    nonces.dedup();
    assert_eq!(nonces.len(), 10_000);
}

#[test]
fn own_shares_are_disjoint_and_stay_inside_the_key_space() {
    let workload = workload(0.0, Distribution::Zipf { theta: 0.8 });
    for index in 0..7 {
        let share = Share::Own { index, count: 7 };
        for operation in take(&workload, share, index, 2_000) {
            assert_eq!(operation.key % 7, index);
            assert!(operation.key < 1_000);
        }
    }
}

#[test]
fn fill_writes_each_key_once() {
    let operations: Vec<Operation> = Operations::fill(10..30, 1).collect();
    let keys: Vec<u64> = operations.iter().map(|operation| operation.key).collect();
    assert_eq!(keys, (10..30).collect::<Vec<u64>>());
    assert!(
        operations
            .iter()
            .all(|operation| operation.kind == Kind::Write)
    );
}

#[test]
#[should_panic(expected = "fewer keys than shares")]
fn more_shares_than_keys_are_refused() {
    let share = Share::Own {
        index: 0,
        count: 1_001,
    };
    let _ = Operations::random(&workload(0.0, Distribution::Uniform), share, 1);
}
