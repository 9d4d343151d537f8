//! Models that are learnt from the texts: the same ones everywhere, kept over restarts.

use std::path::Path;
use std::sync::Arc;

use kv_node::snapshot::{SnapshotError, Unpaced};
use kv_node::standalone::Standalone;
use kv_node::store::{ManualClock, Store, StoreOptions};
use kv_proto::command::Set;
use kv_proto::reply::ErrorCode;
use kv_proto::{Command, EncodedValue, Reply};
use kv_wal::{SimStorage, Survival};

const NOW_MS: u64 = 1_000;

struct Node {
    disk: SimStorage,
    store: Arc<Store>,
}

impl Node {
    fn open(disk: SimStorage, hash_seed: u64) -> Node {
        let mut options = StoreOptions::new("data");
        options.hash_seed = Some(hash_seed);
        // Making a segment is an operation for each piece of it.
        options.wal.segment_bytes = 4 << 10;
        options.wal.segment_bytes_first = 4 << 10;
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let store = Store::open_inline(Arc::new(disk.clone()), clock, &options).unwrap();
        store.db().build_indexes();
        Node { disk, store }
    }

    /// After a power cut.
    fn reopened(self) -> Node {
        let disk = self.disk.reboot_with(Survival::Nothing);
        drop(self.store);
        Node::open(disk, 7)
    }

    fn set(&self, number: usize) {
        let texts = [
            "the doctor saw a patient in the hospital",
            "the patient asked the nurse",
            "the nurse helped the doctor",
            "a ship left the port",
        ];
        let value = EncodedValue::from_bytes(texts[number % 4].into());
        let set = Set::new(format!("k{number}").into(), value);
        assert_eq!(self.store.execute(Command::Set(set)), Reply::Ok);
    }

    fn train(&self) -> Reply {
        self.store.execute(Command::Train)
    }

    fn learn(&self) {
        self.store.train(|| true);
    }

    fn embedder(&self) -> String {
        self.store.db().indexes().stats().embedder
    }

    fn model_file(&self, index: u64) -> Option<Vec<u8>> {
        self.disk
            .contents(Path::new(&format!("model/{index:016x}.model")))
    }
}

/// One that has a model of the write 21, and a write after it.
fn trained(hash_seed: u64) -> Node {
    let node = Node::open(SimStorage::new(1), hash_seed);
    (0..20).for_each(|number| node.set(number));
    assert_eq!(node.train(), Reply::Int(21));
    node.set(20);
    node.learn();
    node
}

#[test]
fn nodes_with_the_same_log_learn_the_same_whenever_they_do() {
    let (one, other) = (trained(1), Node::open(SimStorage::new(2), 2));
    (0..20).for_each(|number| other.set(number));
    other.train();
    (20..40).for_each(|number| other.set(number % 30));
    other.store.execute(Command::Flush);
    other.learn();
    assert_eq!(one.embedder(), "trained on 20 documents");
    assert_eq!(one.model_file(21).unwrap(), other.model_file(21).unwrap());
    assert_eq!(one.store.model_index(), 21);
}

#[test]
fn a_model_is_asked_for_once_at_a_time_and_holds_up_snapshots() {
    let node = Node::open(SimStorage::new(1), 1);
    node.set(0);
    node.train();
    let Reply::Error(refused) = node.train() else {
        panic!("two at a time");
    };
    assert_eq!(refused.code, ErrorCode::Busy);
    let snapshot = node.store.snapshot(&mut Unpaced);
    assert!(matches!(snapshot, Err(SnapshotError::Busy)), "{snapshot:?}");
    assert_eq!(node.embedder(), "hashing");
    node.learn();
    assert!(node.store.snapshot(&mut Unpaced).is_ok());
    assert_eq!(node.train(), Reply::Int(3));
    node.learn();
    assert_eq!(node.store.model_index(), 3);
    assert_eq!(node.model_file(2), None, "the older one is gone");
}

#[test]
fn after_a_restart_the_model_is_read_from_its_file() {
    let node = trained(1);
    (0..20).for_each(|number| node.set(number + 100));
    node.store.snapshot(&mut Unpaced).unwrap();
    node.set(0);
    node.store.snapshot(&mut Unpaced).unwrap();
    let node = node.reopened();
    assert_eq!(node.embedder(), "trained on 20 documents");
    assert_eq!(
        (node.store.model_index(), node.store.is_training_due()),
        (21, false)
    );
}

#[test]
fn a_model_that_was_not_stored_is_learnt_again_from_the_log() {
    let node = trained(1);
    let expected = node.model_file(21).unwrap();
    node.disk.plant(
        Path::new("model/0000000000000015.model"),
        b"damage".to_vec(),
    );
    let disk = node.disk.clone();
    drop(node);
    let node = Node::open(disk, 3);
    assert_eq!(node.embedder(), "hashing");
    assert!(node.store.model_error().unwrap().contains("damaged"));
    assert!(node.store.is_training_due());
    node.learn();
    assert_eq!(node.model_file(21).unwrap(), expected);
    assert_eq!(node.embedder(), "trained on 20 documents");
}

#[test]
fn a_model_that_is_given_up_is_learnt_after_the_next_start() {
    let node = Node::open(SimStorage::new(1), 1);
    (0..20).for_each(|number| node.set(number));
    node.train();
    node.store.train(|| false);
    assert!(matches!(
        node.store.snapshot(&mut Unpaced),
        Err(SnapshotError::Busy)
    ));
    let node = node.reopened();
    node.learn();
    assert_eq!(node.store.model_index(), 21);
}

#[test]
fn without_any_whole_file_a_node_starts_all_the_same() {
    let node = trained(1);
    for number in 0..2 {
        node.set(number);
        node.store.snapshot(&mut Unpaced).unwrap();
    }
    node.disk
        .plant(Path::new("model/0000000000000015.model"), vec![0; 100]);
    let disk = node.disk.clone();
    drop(node);
    let node = Node::open(disk, 1);
    assert_eq!(
        (node.embedder().as_str(), node.store.model_index()),
        ("hashing", 0)
    );
    assert!(node.store.model_error().is_some());
    assert_eq!(node.train(), Reply::Int(25), "and can be trained again");
}

#[test]
fn a_node_whose_embedder_does_not_learn_says_so() {
    let mut options = StoreOptions::new("data");
    options.indexes.learns = false;
    let clock = Arc::new(ManualClock::new(NOW_MS));
    let disk = Arc::new(SimStorage::new(1));
    let store = Store::open_inline(disk, clock, &options).unwrap();
    let Reply::Error(refused) = store.execute(Command::Train) else {
        panic!("trained for nothing");
    };
    assert!(refused.message.contains("--embedder"), "{refused}");
}

#[test]
fn a_node_trains_in_the_background() {
    let dir = tempfile::tempdir().unwrap();
    let node = Standalone::open(&StoreOptions::new(dir.path())).unwrap();
    let store = node.store();
    for number in 0..20 {
        let value = EncodedValue::from_bytes(format!("doctor and patient {number}").into());
        store.execute(Command::Set(Set::new(format!("k{number}").into(), value)));
    }
    assert_eq!(store.execute(Command::Train), Reply::Int(21));
    while store.model_index() != 21 {
        std::thread::yield_now();
    }
    drop(node);
    let node = Standalone::open(&StoreOptions::new(dir.path())).unwrap();
    assert_eq!(node.store().model_index(), 21);
}

/// Asks for a model, learns it, and takes snapshots until the log has forgotten the command; the power
/// is cut at the `cut_at`th operation of that. Whether the model was promised.
fn train_until(cut_at: u64) -> (SimStorage, bool) {
    let node = Node::open(SimStorage::new(5), 1);
    (0..10).for_each(|number| node.set(number));
    node.disk.cut_at(node.disk.operations() + cut_at);
    let is_promised = node.train() == Reply::Int(11);
    node.learn();
    for number in 0..3 {
        let value = EncodedValue::from_bytes("more".into());
        let set = Set::new(format!("more{number}").into(), value);
        node.store.execute(Command::Set(set));
        let _ = node.store.snapshot(&mut Unpaced);
    }
    (node.disk, is_promised)
}

#[test]
fn no_power_cut_loses_a_model_that_was_promised() {
    let (whole, _) = train_until(u64::MAX >> 1);
    let file = Path::new("model/000000000000000b.model");
    let expected = whole.contents(file).unwrap();
    let mut cut_at = 1;
    loop {
        let (disk, is_promised) = train_until(cut_at);
        if !disk.is_cut() {
            break;
        }
        let survival = match cut_at % 2 {
            0 => Survival::Nothing,
            _ => Survival::Random(cut_at),
        };
        let node = Node::open(disk.reboot_with(survival), 2);
        node.learn();
        let model = node.disk.contents(file);
        let is_there = node.store.model_index() == 11 && model.as_ref() == Some(&expected);
        assert!(is_there || !is_promised, "cut at {cut_at}");
        cut_at += 1;
    }
    assert!(cut_at > 20);
}
