use super::*;
use bytes::Bytes;
use kv_proto::EncodedValue;
use kv_proto::command::Set;

fn machine() -> Machine {
    let mut state = State::default();
    state.conf.set_voters(vec![1, 2, 3]);
    for id in 0..3 {
        let address: MemberAddress = format!("{id}=c{id}@p{id}").parse().unwrap();
        state.members.insert(NodeId(id), address);
    }
    Machine::new(Arc::new(Db::with_seed(1)), state)
}

fn set(key: &str) -> Command {
    let value = EncodedValue::from_bytes(Bytes::from_static(b"v"));
    Command::Set(Set::new(key.to_owned().into(), value))
}

fn incr() -> Command {
    Command::IncrBy {
        key: "n".into(),
        delta: 1,
    }
}

fn apply(machine: &mut Machine, primary: u64, commands: Vec<(Once, Command)>) -> Vec<Applied> {
    let writes = Writes {
        primary: NodeId(primary),
        now_ms: 1_000,
        commands,
    };
    let mark = Mark {
        index: machine.applied().index + 1,
        term: 7,
    };
    let mut run = machine.run(mark.term, &writes);
    let mut applied = Vec::new();
    while run.has_next() {
        applied.push(run.next(false));
    }
    drop(run);
    machine.advance(mark);
    applied
}

#[test]
fn a_write_sent_twice_is_applied_once_and_takes_one_place() {
    let mut machine = machine();
    let once = Once {
        client: 9,
        sequence: 1,
    };
    let first = apply(&mut machine, 0, vec![(once, incr())]);
    let again = apply(&mut machine, 1, vec![(once, incr())]);
    assert_eq!(first[0].reply, Reply::Int(1));
    assert_eq!(again[0].reply, Reply::Int(1));
    assert!(again[0].is_retry);
    assert_eq!(machine.ordinal(), 1);
    let nameless = vec![(Once::default(), incr()), (Once::default(), incr())];
    assert_eq!(apply(&mut machine, 0, nameless)[1].reply, Reply::Int(3));
}

#[test]
fn the_clock_has_the_last_write_that_each_primary_led() {
    let mut machine = machine();
    for (primary, key) in [(0, "a"), (0, "b"), (2, "c"), (0, "d")] {
        apply(&mut machine, primary, vec![(Once::default(), set(key))]);
    }
    let clock: Vec<_> = machine
        .state()
        .clock
        .iter()
        .map(|(id, at)| (id.0, *at))
        .collect();
    assert_eq!(clock, [(0, 4), (2, 3)]);
    assert_eq!(machine.state().provenance.of(3).unwrap().primary, NodeId(2));
}

#[test]
fn equal_entries_make_equal_states_through_a_snapshot_too() {
    let (mut one, mut other) = (machine(), machine());
    let writes = |round: u64| {
        let once = Once {
            client: round % 5 + 1,
            sequence: round / 5,
        };
        vec![(once, set(&format!("k{round}"))), (Once::default(), incr())]
    };
    for round in 0..40 {
        apply(&mut one, round % 3, writes(round));
        apply(&mut other, round % 3, writes(round));
        let copied = annex::decode(&annex::encode(other.state())).unwrap();
        assert_eq!(&copied, other.state());
        other.set_state(copied);
    }
    assert_eq!(annex::encode(one.state()), annex::encode(other.state()));
    assert_eq!(one.db().digest(), other.db().digest());
}

#[test]
fn an_id_that_is_gone_is_remembered() {
    let mut machine = machine();
    let mut conf = ConfState::default();
    conf.set_voters(vec![1, 2]);
    let removal = Reconfiguration {
        changes: vec![Change::Remove(NodeId(2))],
    };
    machine.reconfigure(&removal, conf);
    assert_eq!(machine.state().members.len(), 2);
    assert!(machine.state().removed.contains(&NodeId(2)));
}

#[test]
#[should_panic(expected = "is applied after")]
fn no_entry_is_left_out() {
    machine().advance(Mark { index: 2, term: 1 });
}
