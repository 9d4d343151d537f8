use bytes::BytesMut;
use kv_proto::resp::{Parsed, RequestDecoder, parse};
use kv_proto::{Command, Limits, Reply, WireLimits};

use super::*;

fn command(line: &str) -> Command {
    let mut bytes = BytesMut::from(format!("{line}\r\n").as_bytes());
    let mut decoder = RequestDecoder::new(WireLimits::default());
    let requests = decoder.decode(&mut bytes);
    match parse(requests.iter().next().unwrap(), &Limits::default()) {
        Ok(Parsed::Data(request)) => request.command,
        other => panic!("{line}: {other:?}"),
    }
}

/// What `line` is answered, as the write after the last one.
fn answer(db: &Db, line: &str) -> Reply {
    let stamp = Stamp {
        index: db.applied().index + 1,
        now_ms: 1_000_000,
    };
    let mut command = command(line);
    command.stamp(stamp.now_ms);
    db.apply(stamp, &command)
}

#[test]
fn an_impossible_time_is_an_error_only_where_there_is_a_value() {
    let db = Db::with_seed(1);
    answer(&db, "SET k v");
    let refused = Reply::err("invalid expire time in 'getex' command");
    for time in [
        "EX 0",
        "EX -1",
        "PX 0",
        "EXAT 0",
        "PXAT -1",
        "EX 99999999999999999",
    ] {
        assert_eq!(answer(&db, &format!("GETEX none {time}")), Reply::Nil);
        assert_eq!(answer(&db, &format!("GETEX k {time}")), refused, "{time}");
    }
    assert_eq!(db.key_count(), 1);
    assert!(matches!(answer(&db, "GETEX k PXAT 1"), Reply::Entry(_)));
    assert_eq!(db.key_count(), 0);
}
