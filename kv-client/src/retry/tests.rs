use std::io;

use super::*;

fn lost() -> Error {
    Error::Lost {
        addr: "a".into(),
        source: Arc::new(io::ErrorKind::ConnectionReset.into()),
    }
}

fn refused(code: ErrorCode, message: &'static str) -> Failure {
    Failure::Refused(ErrorReply::new(code, message))
}

fn attempts(is_write: bool) -> Attempts {
    Attempts::new(Policy::new(&Config::new("a")), is_write)
}

fn retries(is_write: bool, failure: &Failure) -> bool {
    matches!(
        attempts(is_write).next(failure.clone(), false, 0),
        Next::Retry { .. } | Next::Elsewhere { .. }
    )
}

#[test]
fn a_write_that_was_sent_is_not_repeated() {
    let Next::Fail(error) = attempts(true).next(Failure::Unanswered(lost()), false, 0) else {
        panic!("repeated");
    };
    assert!(
        matches!(error, Error::UnknownOutcome { source } if matches!(*source, Error::Lost { .. }))
    );
    assert!(retries(false, &Failure::Unanswered(lost())));
}

#[test]
fn a_write_that_never_left_is_repeated() {
    assert!(retries(true, &Failure::NotSent(lost())));
}

#[test]
fn a_write_is_repeated_exactly_after_refusals_that_pass() {
    let passing = [
        ErrorCode::Busy,
        ErrorCode::Loading,
        ErrorCode::NoLeader,
        ErrorCode::NotLeader,
        ErrorCode::Stale,
    ];
    for code in ErrorCode::ALL {
        assert_eq!(
            retries(true, &refused(*code, "")),
            passing.contains(code),
            "{code:?}"
        );
        assert_eq!(
            retries(false, &refused(*code, "")),
            passing.contains(code),
            "{code:?}"
        );
    }
}

#[test]
fn only_the_unknown_refusal_of_a_write_is_an_unknown_outcome() {
    for code in ErrorCode::ALL {
        let error = refused(*code, "").into_error(true);
        let unknown = matches!(error, Error::UnknownOutcome { .. });
        assert_eq!(unknown, *code == ErrorCode::Unknown, "{code:?}");
    }
}

#[test]
fn repetitions_are_counted() {
    let mut attempts = attempts(false);
    let max = Config::new("a").retries_max;
    for _ in 0..max {
        let next = attempts.next(Failure::NotSent(lost()), false, 0);
        assert!(matches!(next, Next::Retry { .. }));
    }
    let next = attempts.next(Failure::NotSent(lost()), false, 0);
    assert!(matches!(next, Next::Fail(Error::Lost { .. })));
}

#[test]
fn a_leader_is_followed_at_once_then_with_pauses_then_no_more() {
    let mut attempts = attempts(true);
    let mut waits = Vec::new();
    let error = loop {
        match attempts.next(refused(ErrorCode::NotLeader, "10.0.0.2:6000"), false, 0) {
            Next::Follow { addr, after } => {
                assert_eq!(&*addr, "10.0.0.2:6000");
                waits.push(after);
            }
            next @ (Next::Retry { .. } | Next::Elsewhere { .. }) => panic!("{next:?}"),
            Next::Fail(error) => break error,
        }
    };
    assert_eq!(waits.len(), 32);
    assert_eq!(waits[0], Duration::ZERO);
    assert!(waits[1] > Duration::ZERO);
    assert!(matches!(error, Error::Redirects { hops: 32, .. }));
}

#[test]
fn only_addresses_are_followed() {
    for message in ["", "no leader yet", "node:", ":1", "a b:1", "host:99999"] {
        assert!(
            retries(true, &refused(ErrorCode::NotLeader, message)),
            "{message}"
        );
    }
}

#[test]
fn a_write_without_an_answer_is_sent_elsewhere_if_it_is_known_again() {
    let mut attempts = attempts(true);
    for _ in 0..100 {
        let next = attempts.next(Failure::Unanswered(lost()), true, 0);
        let Next::Elsewhere { after } = next else {
            panic!("{next:?}");
        };
        assert!(after <= ELECTION_WAIT_MAX);
    }
    let told = attempts.next(refused(ErrorCode::Unknown, ""), true, 0);
    assert!(matches!(told, Next::Elsewhere { .. }));
}

#[test]
fn a_write_that_may_have_happened_stays_unknown_until_its_own_answer() {
    let after = |code| {
        let mut attempts = attempts(true);
        attempts.next(Failure::Unanswered(lost()), true, 0);
        attempts.next(refused(code, ""), true, 0)
    };
    assert!(matches!(
        after(ErrorCode::Oom),
        Next::Fail(Error::UnknownOutcome { .. })
    ));
    assert!(matches!(
        after(ErrorCode::WrongType),
        Next::Fail(Error::Refused(_))
    ));
}

#[test]
fn a_write_that_one_server_would_not_know_again_is_not_repeated_at_another() {
    let mut attempts = attempts(true);
    attempts.next(Failure::Unanswered(lost()), true, 0);
    let next = attempts.next(Failure::Unanswered(lost()), false, 0);
    assert!(matches!(next, Next::Fail(Error::UnknownOutcome { .. })));
}
