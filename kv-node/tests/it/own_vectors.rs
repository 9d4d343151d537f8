//! Vectors that come with values: part of the entry and of the log, found by vectors alone.

use std::sync::Arc;

use bytes::Bytes;
use kv_node::snapshot::Unpaced;
use kv_node::store::{ManualClock, Store, StoreOptions};
use kv_proto::command::{ExpireCondition, Expiry, Set, SimilarTo, When};
use kv_proto::reply::ErrorCode;
use kv_proto::{Command, EncodedValue, Reply, Value};
use kv_wal::{SimStorage, Survival};

const NOW_MS: u64 = 1_000;

struct Node {
    disk: SimStorage,
    store: Arc<Store>,
}

impl Node {
    fn open(disk: SimStorage, vector_dims: usize) -> Node {
        let mut options = StoreOptions::new("data");
        options.indexes.vector_dims = vector_dims;
        let clock = Arc::new(ManualClock::new(NOW_MS));
        let store = Store::open_inline(Arc::new(disk.clone()), clock, &options).unwrap();
        store.db().build_indexes();
        Node { disk, store }
    }

    /// After a power cut.
    fn reopened(self, vector_dims: usize) -> Node {
        let disk = self.disk.reboot_with(Survival::Nothing);
        drop(self.store);
        Node::open(disk, vector_dims)
    }

    fn run(&self, command: Command) -> Reply {
        self.store.execute(command)
    }

    /// The keys that are found, best first.
    fn similar(&self, query: impl Into<SimilarTo>) -> Vec<String> {
        let reply = self.run(Command::Similar {
            query: query.into(),
            k: 10,
            prefix: None,
            explain: false,
        });
        let Reply::Array(items) = reply else {
            panic!("{reply:?}");
        };
        let keys = items.into_iter().filter_map(|item| match item {
            Reply::Bytes(key) => Some(String::from_utf8(key.to_vec()).unwrap()),
            _ => None,
        });
        keys.collect()
    }

    /// What `KV.META` says of a key's vector.
    fn vector(&self, key: &str) -> Option<Vec<f32>> {
        let Reply::Map(fields) = self.run(Command::Meta(key.to_owned().into())) else {
            panic!("no key {key}");
        };
        fields.into_iter().find_map(|(name, value)| match value {
            Reply::Bytes(bytes) if name == Reply::text("vector") => {
                let (numbers, _) = bytes.as_chunks();
                Some(numbers.iter().map(|n| f32::from_le_bytes(*n)).collect())
            }
            _ => None,
        })
    }

    fn refusal(&self, command: Command) -> String {
        match self.run(command) {
            Reply::Error(error) => {
                assert_eq!(error.code, ErrorCode::Err);
                error.message.into_owned()
            }
            other => panic!("{other:?}"),
        }
    }
}

fn set(key: &str, text: &str, vector: &[f32]) -> Command {
    let value = EncodedValue::from(&Value::Str(text.to_owned()));
    Command::Set(Set {
        vector: Some(vector.into()),
        ..Set::new(key.to_owned().into(), value)
    })
}

fn key(key: &str) -> Bytes {
    key.to_owned().into()
}

fn node() -> Node {
    let node = Node::open(SimStorage::new(1), 3);
    assert_eq!(node.run(set("east", "apple", &[1.0, 0.1, 0.0])), Reply::Ok);
    assert_eq!(node.run(set("north", "apple", &[0.0, 2.0, 0.0])), Reply::Ok);
    let plain = EncodedValue::from_bytes(key("apple"));
    node.run(Command::Set(Set::new(key("plain"), plain)));
    node
}

#[test]
fn a_vector_finds_vectors_and_a_text_finds_texts() {
    let node = node();
    assert_eq!(node.similar(vec![3.0, 0.0, 0.0]), ["east", "north"]);
    assert_eq!(node.similar("apple"), ["plain"]);
    assert_eq!(node.similar(SimilarTo::Key(key("north"))), ["east"]);
    assert_eq!(node.similar(SimilarTo::Key(key("plain"))).len(), 0);
    node.run(set("east", "apple", &[0.0, 1.0, 0.0]));
    node.run(Command::Del(vec![key("north")]));
    assert_eq!(node.similar(vec![0.0, 1.0, 0.0]), ["east"]);
}

#[test]
fn vectors_survive_a_restart_from_the_log_and_from_a_snapshot() {
    let node = node().reopened(3);
    assert_eq!(node.vector("east"), Some(vec![1.0, 0.1, 0.0]));
    assert_eq!(node.similar(vec![3.0, 0.0, 0.0]), ["east", "north"]);
    let digest = node.store.db().digest();
    node.store.snapshot(&mut Unpaced).unwrap();
    let node = node.reopened(3);
    assert_eq!(node.store.snapshot_status().index, 3);
    assert_eq!(node.store.db().digest(), digest);
    assert_eq!(node.similar(vec![3.0, 0.0, 0.0]), ["east", "north"]);
}

#[test]
fn under_other_settings_vectors_are_kept_and_texts_found() {
    let node = node().reopened(2);
    assert_eq!(node.vector("east"), Some(vec![1.0, 0.1, 0.0]));
    assert_eq!(node.similar(vec![1.0, 0.0]).len(), 0);
    assert_eq!(node.similar("apple"), ["east", "north", "plain"]);
    let node = node.reopened(3);
    assert_eq!(node.similar(vec![3.0, 0.0, 0.0]), ["east", "north"]);
}

#[test]
fn a_vector_stays_with_its_value_and_goes_with_it() {
    let node = node();
    let vector = Some(vec![1.0, 0.1, 0.0]);
    node.run(Command::ExpireAt {
        key: key("east"),
        when: When::InMs(5_000),
        condition: ExpireCondition::Always,
    });
    node.run(Command::Persist(key("east")));
    node.run(Command::GetEx {
        key: key("east"),
        expiry: Expiry::At(When::InMs(5_000)),
    });
    node.run(Command::Copy {
        from: key("east"),
        to: key("copy"),
        replace: false,
    });
    node.run(Command::Rename {
        from: key("east"),
        to: key("moved"),
        only_if_absent: false,
    });
    assert_eq!(
        (node.vector("copy"), node.vector("moved")),
        (vector.clone(), vector)
    );
    assert_eq!(
        node.similar(vec![1.0, 0.0, 0.0]),
        ["copy", "moved", "north"]
    );
    node.run(Command::Append {
        key: key("copy"),
        suffix: key("!"),
    });
    let value = EncodedValue::from_bytes(key("pear"));
    node.run(Command::Set(Set::new(key("moved"), value)));
    assert_eq!((node.vector("copy"), node.vector("moved")), (None, None));
    assert_eq!(node.similar(vec![1.0, 0.0, 0.0]), ["north"]);
}

#[test]
fn what_cannot_be_found_is_refused_before_it_is_logged() {
    let node = node();
    let before = node.store.db().applied();
    let cases: [(&[f32], &str); 5] = [
        (
            &[1.0, 2.0],
            "vector has 2 dimensions, this node stores vectors of 3",
        ),
        (
            &[],
            "vector has 0 dimensions, this node stores vectors of 3",
        ),
        (&[0.0, -0.0, 0.0], "vector is zero"),
        (
            &[0.0, f32::NAN, 0.0],
            "vector holds a number that is not finite",
        ),
        (
            &[f32::INFINITY, 0.0, 0.0],
            "vector holds a number that is not finite",
        ),
    ];
    for (vector, expected) in cases {
        let message = node.refusal(set("east", "apple", vector));
        assert!(message.starts_with(expected), "{message}");
        let message = node.refusal(Command::Transaction {
            watches: Vec::new(),
            commands: vec![Command::Flush, set("east", "apple", vector)],
        });
        assert!(message.starts_with(expected), "{message}");
    }
    assert_eq!(node.store.db().applied(), before);
    let node = node.reopened(0);
    let message = node.refusal(set("east", "apple", &[1.0, 0.1, 0.0]));
    assert!(message.contains("--vector-dims"), "{message}");
    let message = node.refusal(Command::Similar {
        query: vec![1.0, 0.1, 0.0].into(),
        k: 1,
        prefix: None,
        explain: false,
    });
    assert!(message.contains("--vector-dims"), "{message}");
}
