//! Power cuts at every operation of the disk.
//!
//! A workload runs on a simulated disk until the power goes during its n-th operation. What the
//! disk kept is opened again, and must hold every acknowledged write and, of the one that was not
//! acknowledged, everything or nothing. For every n there is, and for every operation of the
//! recovery too.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use kv_node::snapshot::{Manifest, Unpaced};
use kv_node::store::{ManualClock, Store, StoreOptions};
use kv_proto::command::{Expiry, Set, When};
use kv_proto::{Command, EncodedValue, Reply};
use kv_wal::SimStorage;

/// What must be there: key to value and, maybe, the time it expires.
type Model = BTreeMap<String, (String, Option<u64>)>;

/// One step of the workload.
#[derive(Debug, Clone)]
enum Step {
    Run(Command),
    Snapshot,
    Sweep,
    Wait(u64),
}

/// A small generator, so that the workload follows from the seed alone.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn key(number: u64) -> Bytes {
    Bytes::from(format!("key:{number}"))
}

fn value(random: &mut Random, step: u64) -> EncodedValue {
    let padding = "x".repeat(usize::try_from(random.below(600)).unwrap());
    EncodedValue::from_bytes(format!("{step}:{padding}").into())
}

fn workload(seed: u64) -> Vec<Step> {
    let random = &mut Random(seed);
    (0..60)
        .map(|step| match random.below(20) {
            0..=7 => Step::Run(Command::Set(Set::new(
                key(random.below(20)),
                value(random, step),
            ))),
            8..=9 => Step::Run(expiring_set(random, step)),
            10..=13 => Step::Run(batch(random, step)),
            14..=15 => Step::Run(Command::Del(vec![
                key(random.below(20)),
                key(random.below(20)),
            ])),
            16 => Step::Snapshot,
            17 => Step::Sweep,
            _ => Step::Wait(random.below(100)),
        })
        .collect()
}

fn expiring_set(random: &mut Random, step: u64) -> Command {
    let mut set = Set::new(key(random.below(20)), value(random, step));
    set.expiry = Expiry::At(When::InMs(i64::try_from(1 + random.below(200)).unwrap()));
    Command::Set(set)
}

fn batch(random: &mut Random, step: u64) -> Command {
    let pairs = (0..2 + random.below(5)).map(|_| (key(random.below(20)), value(random, step)));
    Command::MSet {
        pairs: pairs.collect(),
        only_if_none_exists: false,
    }
}

fn model_apply(model: &mut Model, command: &Command, now_ms: u64) {
    match command {
        Command::Set(set) => {
            let expires_at = match set.expiry {
                Expiry::At(When::InMs(ms)) => Some(now_ms + ms.unsigned_abs()),
                _ => None,
            };
            model.insert(text(&set.key), (text(&set.value.payload), expires_at));
        }
        Command::MSet { pairs, .. } => model.extend(
            pairs
                .iter()
                .map(|(key, value)| (text(key), (text(&value.payload), None))),
        ),
        Command::Del(keys) => keys.iter().for_each(|key| {
            model.remove(&text(key));
        }),
        other => panic!("{other:?} is not in the workload"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// How a store is run on the simulated disk.
#[derive(Clone, Copy, Default)]
struct Setup {
    #[cfg(feature = "planted-bugs")]
    store_bug: Option<kv_node::store::Bug>,
    #[cfg(feature = "planted-bugs")]
    wal_bug: Option<kv_wal::Bug>,
}

impl Setup {
    fn options(self) -> StoreOptions {
        let mut options = StoreOptions::new("");
        options.wal.segment_bytes = 4 << 10;
        options.wal.segment_bytes_first = 4 << 10;
        options.wal.salt_seed = Some(7);
        options.hash_seed = Some(7);
        #[cfg(feature = "planted-bugs")]
        {
            options.planted = self.store_bug;
            options.wal.planted = self.wal_bug;
        }
        options
    }

    fn open(self, disk: &SimStorage, clock: &Arc<ManualClock>) -> Result<Arc<Store>, String> {
        Store::open_inline(Arc::new(disk.clone()), clock.clone(), &self.options())
            .map_err(|error| error.to_string())
    }
}

/// What a run got to before the power went.
#[derive(Default)]
struct Outcome {
    acknowledged: Model,
    /// With the write that was under way, if there was one.
    attempted: Option<Model>,
}

fn run(disk: &SimStorage, clock: &Arc<ManualClock>, steps: &[Step], setup: Setup) -> Outcome {
    let mut outcome = Outcome::default();
    let Ok(store) = setup.open(disk, clock) else {
        return outcome;
    };
    for step in steps {
        match step {
            Step::Wait(ms) => clock.advance(*ms),
            Step::Sweep => drop(store.sweep()),
            Step::Snapshot => drop(store.snapshot(&mut Unpaced)),
            Step::Run(command) => {
                let mut attempted = outcome.acknowledged.clone();
                model_apply(&mut attempted, command, store.now_ms());
                match store.execute(command.clone()) {
                    Reply::Error(_) => {
                        outcome.attempted = Some(attempted);
                        break;
                    }
                    _ => outcome.acknowledged = attempted,
                }
            }
        }
    }
    outcome
}

/// What a client sees in the store.
fn contents(store: &Store) -> BTreeMap<String, String> {
    let everything = Command::Range {
        start: Bytes::new(),
        end: None,
        limit: u64::MAX,
        reverse: false,
    };
    let Reply::Array(replies) = store.execute(everything) else {
        panic!("a range is an array");
    };
    let pairs = replies.chunks(2).map(|pair| match pair {
        [Reply::Bytes(key), Reply::Entry(entry)] => (text(key), text(entry.payload())),
        other => panic!("{other:?} is no key and value"),
    });
    pairs.collect()
}

fn visible(model: &Model, now_ms: u64) -> BTreeMap<String, String> {
    let live = model
        .iter()
        .filter(|(_, (_, expires_at))| expires_at.is_none_or(|at| at > now_ms));
    live.map(|(key, (value, _))| (key.clone(), value.clone()))
        .collect()
}

fn check(store: &Store, outcome: &Outcome) -> Result<(), String> {
    let (found, now_ms) = (contents(store), store.now_ms());
    let is_expected = found == visible(&outcome.acknowledged, now_ms)
        || (outcome.attempted.as_ref()).is_some_and(|model| found == visible(model, now_ms));
    match is_expected {
        true => Ok(()),
        false => Err(format!(
            "found {found:?}, acknowledged {:?}, attempted {:?}",
            outcome.acknowledged, outcome.attempted
        )),
    }
}

/// Cuts the power at every operation of the workload of `seed`; how many there are.
fn cut_everywhere(seed: u64, setup: Setup, recovery: Recovery) -> Result<u64, String> {
    let steps = workload(seed);
    for cut_at in 1.. {
        let (disk, clock) = (SimStorage::new(seed ^ cut_at), manual_clock());
        disk.cut_at(cut_at);
        let outcome = run(&disk, &clock, &steps, setup);
        let was_cut = disk.is_cut();
        let verdict = recover(&disk, &clock, &outcome, setup, recovery);
        verdict.map_err(|error| format!("seed {seed}, cut at operation {cut_at}: {error}"))?;
        if !was_cut {
            return Ok(cut_at);
        }
    }
    unreachable!("a run ends")
}

/// Whether the recoveries are cut as well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Recovery {
    Whole,
    CutEverywhere,
}

fn manual_clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(1_000_000))
}

/// Opens what the disk kept; then once more for every operation of that, with a cut there.
fn recover(
    disk: &SimStorage,
    clock: &Arc<ManualClock>,
    outcome: &Outcome,
    setup: Setup,
    recovery: Recovery,
) -> Result<(), String> {
    let whole = disk.reboot();
    let store = setup.open(&whole, clock)?;
    check(&store, outcome)?;
    drop(store);
    recover_without_newest(disk, clock, outcome, setup)?;
    let operations = match recovery {
        Recovery::Whole => 0,
        Recovery::CutEverywhere => whole.operations(),
    };
    for cut_at in 1..=operations {
        let again = disk.reboot();
        again.cut_at(cut_at);
        drop(setup.open(&again, clock));
        setup
            .open(&again.reboot(), clock)
            .and_then(|store| check(&store, outcome))
            .map_err(|error| format!("recovery cut at {cut_at}: {error}"))?;
    }
    Ok(())
}

/// Opens what the disk kept, but with the newest snapshot damaged.
fn recover_without_newest(
    disk: &SimStorage,
    clock: &Arc<ManualClock>,
    outcome: &Outcome,
    setup: Setup,
) -> Result<(), String> {
    let disk = disk.reboot();
    let manifest = Manifest::load(&disk).map_err(|error| error.to_string())?;
    let Some(newest) = manifest.generations.first() else {
        return Ok(());
    };
    for id in newest.part_ids() {
        disk.flip_bit(&id.path(), 20, 0);
    }
    setup
        .open(&disk, clock)
        .and_then(|store| check(&store, outcome))
        .map_err(|error| format!("newest snapshot damaged: {error}"))
}

#[test]
fn no_cut_loses_an_acknowledged_write_or_shows_part_of_a_batch() {
    for seed in 1..4 {
        let operations = cut_everywhere(seed, Setup::default(), Recovery::Whole).unwrap();
        assert!(operations > 300, "seed {seed} does next to nothing");
    }
}

#[test]
fn no_cut_of_a_recovery_loses_anything_either() {
    cut_everywhere(0, Setup::default(), Recovery::CutEverywhere).unwrap();
}

#[cfg(feature = "planted-bugs")]
mod planted {
    use kv_node::store::Bug;

    use super::*;

    fn is_caught(setup: Setup) {
        let verdicts = (0..20).map(|seed| cut_everywhere(seed, setup, Recovery::Whole));
        let caught = verdicts.filter_map(Result::err).next();
        assert!(caught.is_some(), "the planted bug went unnoticed");
    }

    fn store_bug(bug: Bug) -> Setup {
        Setup {
            store_bug: Some(bug),
            wal_bug: None,
        }
    }

    fn wal_bug(bug: kv_wal::Bug) -> Setup {
        Setup {
            store_bug: None,
            wal_bug: Some(bug),
        }
    }

    #[test]
    fn an_acknowledgement_before_the_commit_is_caught() {
        is_caught(store_bug(Bug::AckBeforeCommit));
    }

    #[test]
    fn a_torn_batch_is_caught() {
        is_caught(store_bug(Bug::TornBatch));
    }

    #[test]
    fn a_purge_before_the_snapshot_is_published_is_caught() {
        is_caught(store_bug(Bug::PurgeEarly));
    }

    #[test]
    fn an_acknowledgement_before_the_sync_is_caught() {
        is_caught(wal_bug(kv_wal::Bug::AckBeforeSync));
    }

    #[test]
    fn a_segment_without_a_synced_name_is_caught() {
        is_caught(wal_bug(kv_wal::Bug::NoDirectorySync));
    }

    #[test]
    fn a_purge_of_one_segment_too_many_is_caught() {
        is_caught(wal_bug(kv_wal::Bug::PurgeEarly));
    }
}
