use std::io;
use std::sync::Arc;

use bytes::Bytes;
use kv_proto::native::{Incoming, ServerCodec, encode_reply_frame};
use kv_proto::{Command, Limits, Reply, WireLimits};
use proptest::prelude::*;
use tokio_util::codec::Decoder;

use super::*;
use crate::wire::Call;

type Answered = oneshot::Receiver<Outcome>;

fn get(key: impl Into<Bytes>) -> Call {
    Call::Command(Command::Get(key.into()).into())
}

fn ask(mux: &mut Mux, call: Call) -> Answered {
    let (answer, answered) = oneshot::channel();
    mux.submit(Submission::One(Question { call, answer }));
    answered
}

fn error() -> Error {
    Error::Lost {
        addr: "a".into(),
        source: Arc::new(io::ErrorKind::ConnectionReset.into()),
    }
}

/// The ids of the requests among the outgoing bytes, in order.
fn outgoing_ids(mux: &Mux) -> Vec<u64> {
    let mut codec = ServerCodec::new(WireLimits::default(), Limits::default());
    let mut bytes = BytesMut::from(mux.outgoing());
    let mut decode = || codec.decode(&mut bytes).unwrap();
    std::iter::from_fn(|| decode().map(|Incoming { id, .. }| id)).collect()
}

fn reply_bytes(id: u64, reply: &Reply) -> BytesMut {
    let mut bytes = BytesMut::new();
    encode_reply_frame(id, reply, &mut bytes);
    bytes
}

#[test]
fn answers_in_any_order_reach_their_calls() {
    let mut mux = Mux::default();
    let mut first = ask(&mut mux, get("a"));
    let mut second = ask(&mut mux, get("b"));
    let ids = outgoing_ids(&mux);
    for id in ids.iter().rev() {
        let number = i64::try_from(*id).unwrap();
        mux.receive(&mut reply_bytes(*id, &Reply::Int(number)))
            .unwrap();
    }
    assert!(matches!(first.try_recv(), Ok(Ok(Reply::Int(0)))));
    assert!(matches!(second.try_recv(), Ok(Ok(Reply::Int(1)))));
    assert!(mux.is_idle());
    assert_eq!(mux.take_answered_count(), 2);
}

#[test]
fn an_answer_that_was_not_asked_for_or_comes_twice_is_refused() {
    let mut mux = Mux::default();
    let _answered = ask(&mut mux, get("a"));
    let unasked = mux.receive(&mut reply_bytes(7, &Reply::Ok));
    assert!(matches!(unasked, Err(WireError::Unasked(7))));
    mux.receive(&mut reply_bytes(0, &Reply::Ok)).unwrap();
    assert!(mux.receive(&mut reply_bytes(0, &Reply::Ok)).is_err());
}

#[test]
fn a_question_nobody_waits_for_is_not_sent() {
    let mut mux = Mux::default();
    let (answer, answered) = oneshot::channel();
    drop(answered);
    mux.submit(Submission::One(Question {
        call: Call::Ping,
        answer,
    }));
    assert!(mux.outgoing().is_empty());
    assert_eq!(mux.take_answered_count(), 1);
}

#[test]
fn little_is_encoded_ahead_of_a_slow_socket() {
    let mut mux = Mux::default();
    let value_bytes = 10_000;
    let answers: Vec<Answered> = (0..1000)
        .map(|_| ask(&mut mux, get(vec![b'k'; value_bytes])))
        .collect();
    assert!(mux.is_full());
    while mux.is_full() {
        assert!(mux.outgoing().len() <= OUTGOING_BYTES_MAX + value_bytes + 64);
        mux.wrote(mux.outgoing().len());
    }
    assert_eq!(mux.pending.len(), answers.len());
}

#[test]
fn a_request_too_large_for_a_frame_fails_alone() {
    let mut mux = Mux::default();
    let keys = vec![Bytes::from(vec![0; 60_000]); 300];
    let mut too_large = ask(&mut mux, Call::Command(Command::MGet(keys).into()));
    let _fine = ask(&mut mux, Call::Ping);
    assert!(matches!(
        too_large.try_recv(),
        Ok(Err(Failure::Final(Error::Invalid(_))))
    ));
    assert_eq!(outgoing_ids(&mux), [0]);
}

proptest! {
    /// Whatever part of the bytes the socket took, `NotSent` is told exactly to those whose frame
    /// is not whole on the other side.
    #[test]
    fn what_may_have_arrived_is_never_called_not_sent(
        key_lens in prop::collection::vec(0usize..200, 1..20),
        written in any::<prop::sample::Index>(),
        answered_count in 0usize..20,
    ) {
        let mut mux = Mux::default();
        let mut answers: Vec<Answered> =
            key_lens.iter().map(|len| ask(&mut mux, get(vec![b'k'; *len]))).collect();
        let all = mux.outgoing().to_vec();
        let written = written.index(all.len() + 1);
        let mut arrived = BytesMut::from(&all[..written]);
        let mut codec = ServerCodec::new(WireLimits::default(), Limits::default());
        let mut arrived_count = 0;
        while codec.decode(&mut arrived).unwrap().is_some() {
            arrived_count += 1;
        }
        mux.wrote(written);
        let answered_count = answered_count.min(arrived_count);
        for id in 0..answered_count {
            mux.receive(&mut reply_bytes(id as u64, &Reply::Ok)).unwrap();
        }
        mux.fail(&error());
        for (index, answer) in answers.iter_mut().enumerate() {
            let outcome = answer.try_recv().expect("each question is answered");
            let expected = match outcome {
                Ok(Reply::Ok) => index < answered_count,
                Err(Failure::Unanswered(_)) => (answered_count..arrived_count).contains(&index),
                Err(Failure::NotSent(_)) => index >= arrived_count,
                _ => false,
            };
            prop_assert!(expected, "question {index}: {outcome:?}");
        }
    }
}
