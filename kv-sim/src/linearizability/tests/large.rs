//! Histories of the size that a simulation makes.

use super::*;

/// `count` operations over 20 keys, one register each, at once.
fn large(seed: u64, clients: usize, count: usize, unknown_permille: u32) -> Vec<Operation> {
    let mut operations = Vec::new();
    for key in 0..20 {
        let world = World::new(seed.wrapping_mul(20).wrapping_add(key));
        let history = world.run(clients, count / 20, unknown_permille);
        let mut own = history.operations().unwrap();
        own.iter_mut()
            .for_each(|one| one.key = Arc::from(format!("k{key}")));
        operations.extend(own);
    }
    operations
}

#[test]
fn two_thousand_operations_over_twenty_keys_are_decided() {
    for seed in 0..8 {
        let operations = large(seed, 8, 2_000, 50);
        assert_eq!(check(&operations).unwrap(), 20);
    }
}

#[test]
fn twelve_clients_on_each_key_are_decided() {
    let operations = large(1, 12, 4_000, 5);
    assert_eq!(check(&operations).unwrap(), 20);
}
