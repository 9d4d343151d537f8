use super::*;

fn entry(index: u64, term: u64) -> Entry {
    let mut entry = Entry::default();
    (entry.index, entry.term) = (index, term);
    entry.data = vec![0; 100].into();
    entry
}

fn log() -> RaftLog {
    let mut log = RaftLog::new(Mark { index: 4, term: 2 }, ConfState::default());
    log.append(&[entry(5, 2), entry(6, 2)], Lsn(10));
    log.append(&[entry(7, 3)], Lsn(12));
    log
}

#[test]
fn a_log_knows_the_terms_from_its_base_on() {
    let log = log();
    assert_eq!(log.first_index().unwrap(), 5);
    assert_eq!(log.last_index().unwrap(), 7);
    let terms: Vec<_> = (4..=7).map(|index| log.term(index).unwrap()).collect();
    assert_eq!(terms, [2, 2, 2, 3]);
    assert_eq!(log.term(3), Err(Error::Store(StorageError::Compacted)));
    assert_eq!(log.term(8), Err(Error::Store(StorageError::Unavailable)));
}

#[test]
fn an_entry_is_in_the_record_that_brought_it_last() {
    let mut log = log();
    let records = |log: &RaftLog| (4..=8).map(|at| log.record_of(at)).collect::<Vec<_>>();
    let (first, second) = (Some(Lsn(10)), Some(Lsn(12)));
    assert_eq!(records(&log), [None, first, first, second, None]);
    assert!(log.append(&[entry(6, 4), entry(7, 4), entry(8, 4)], Lsn(13)));
    let third = Some(Lsn(13));
    assert_eq!(records(&log), [None, first, third, third, third]);
    log.compact_to(6);
    assert_eq!(records(&log), [None, None, None, third, third]);
    assert_eq!(log.base(), Mark { index: 6, term: 4 });
}

#[test]
fn what_is_void_is_gone() {
    let mut log = log();
    assert!(log.append(&[entry(6, 5)], Lsn(14)));
    assert_eq!(log.last(), 6);
    assert_eq!(log.term_at(6), Some(5));
    assert!(!log.append(&[entry(7, 5)], Lsn(15)));
}

#[test]
#[should_panic(expected = "does not follow")]
fn a_gap_is_a_broken_invariant() {
    log().append(&[entry(9, 3)], Lsn(13));
}

#[test]
fn only_what_is_applied_is_dropped_and_half_of_the_memory_stays() {
    let mut log = RaftLog::new(Mark::default(), ConfState::default());
    let entries: Vec<_> = (1..=100).map(|index| entry(index, 1)).collect();
    log.append(&entries, Lsn(1));
    let bytes = log.bytes;
    log.compact(100, bytes);
    assert_eq!(log.base().index, 0);
    log.compact(30, bytes - 1);
    assert_eq!(log.base().index, 30);
    log.compact(100, log.bytes - 1);
    assert!(log.bytes <= bytes * 7 / 20 && log.base().index < 70);
}

#[test]
fn entries_are_handed_out_up_to_a_size_but_never_none() {
    let log = log();
    let take = |max: u64| {
        let entries = log.entries(5, 8, max, GetEntriesContext::empty(false));
        entries.unwrap().len()
    };
    assert_eq!([take(0), take(250), take(u64::MAX)], [1, 2, 3]);
    let compacted = log.entries(4, 8, None, GetEntriesContext::empty(false));
    assert_eq!(compacted, Err(Error::Store(StorageError::Compacted)));
}

#[test]
fn a_snapshot_of_no_use_is_not_handed_out_and_another_is_asked_for() {
    let mut log = log();
    let mut conf = ConfState::default();
    conf.set_voters(vec![1, 2]);
    let available = |index| Available {
        mark: Mark { index, term: 2 },
        conf: conf.clone(),
    };
    assert!(log.snapshot(0, 2).is_err());
    assert!(log.take_snapshot_wanted());
    assert!(!log.take_snapshot_wanted());
    // Before the log's base; and one that its receiver is not in.
    log.set_available(Some(available(3)));
    assert!(log.snapshot(0, 2).is_err());
    log.set_available(Some(available(4)));
    assert!(log.snapshot(0, 3).is_err());
    assert_eq!(log.snapshot(0, 2).unwrap().get_metadata().index, 4);
}
