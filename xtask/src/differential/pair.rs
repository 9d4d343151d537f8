//! Two servers that are told the same.

use std::io;
use std::time::Duration;

use anyhow::{Context, Result};

use super::compare::{Mode, equal, equal_transactions};
use super::sequence::{Lane, Step};
use crate::resp::{Connection, Reply, command};

/// How long a reply may take before it counts as missing.
const REPLY_MAX: Duration = Duration::from_secs(10);

/// What the subscriber pings with to learn that everything before has arrived.
const SENTINEL: &str = "sentinel: all of it has arrived";

/// Connections to one server, one a lane.
struct Side {
    data: [Connection; 2],
    subscriber: Connection,
}

/// The connections to both servers, and what is known of their state.
pub(super) struct Pair {
    redis: Side,
    ours: Side,
    /// For each data lane, how the queued commands of its open transaction are compared.
    queued: [Option<Vec<Mode>>; 2],
}

/// A step whose replies differ.
#[derive(Debug)]
pub(super) struct Mismatch {
    /// Which of the steps played.
    pub index: usize,
    pub expected: String,
    pub got: String,
}

impl Side {
    fn open(addr: &str, protocol: &str) -> Result<Side> {
        let open = || -> Result<Connection> {
            let mut connection = Connection::open(addr, REPLY_MAX)?;
            connection.call(&command(&["HELLO", protocol]))?;
            Ok(connection)
        };
        let context = || format!("cannot connect to {addr}");
        Ok(Side {
            data: [open().with_context(context)?, open().with_context(context)?],
            subscriber: open().with_context(context)?,
        })
    }

    /// Everything that the subscriber has been sent, up to now.
    fn drain(&mut self) -> io::Result<Vec<Reply>> {
        self.subscriber.send([&command(&["PING", SENTINEL])])?;
        let mut replies = Vec::new();
        loop {
            let reply = self.subscriber.receive()?;
            if is_sentinel(&reply) {
                return Ok(replies);
            }
            replies.push(reply);
        }
    }

    /// As many replies as the subscriber of the other server got, and the sentinel, wherever.
    fn drain_count(&mut self, count: usize) -> io::Result<Vec<Reply>> {
        self.subscriber.send([&command(&["PING", SENTINEL])])?;
        let mut replies = Vec::new();
        for _ in 0..=count {
            replies.push(self.subscriber.receive()?);
        }
        replies.retain(|reply| !is_sentinel(reply));
        Ok(replies)
    }
}

impl Pair {
    /// Connects to both and empties both.
    ///
    /// # Errors
    ///
    /// When one of them does not answer.
    pub(super) fn open(redis: &str, ours: &str, protocol: &str) -> Result<Pair> {
        let mut pair = Pair {
            redis: Side::open(redis, protocol)?,
            ours: Side::open(ours, protocol)?,
            queued: [None, None],
        };
        for side in [&mut pair.redis, &mut pair.ours] {
            side.data[0].call(&command(&["FLUSHALL"]))?;
        }
        Ok(pair)
    }

    /// Sends `steps` to both servers, consecutive ones of a lane in one go, and returns the first
    /// whose replies differ.
    ///
    /// # Errors
    ///
    /// When Redis does not answer; when ours does not, that is a mismatch.
    pub(super) fn play(&mut self, steps: &[Step]) -> Result<Option<Mismatch>> {
        let mut start = 0;
        for run in steps.chunk_by(|left, right| left.lane == right.lane) {
            let mismatch = match run[0].lane {
                Lane::A => self.play_data(0, run)?,
                Lane::B => self.play_data(1, run)?,
                Lane::Subscriber => self.play_subscriber(run)?,
            };
            if let Some(mismatch) = mismatch {
                return Ok(Some(Mismatch {
                    index: start + mismatch.index,
                    ..mismatch
                }));
            }
            start += run.len();
        }
        Ok(None)
    }

    fn play_data(&mut self, lane: usize, run: &[Step]) -> Result<Option<Mismatch>> {
        let commands = || run.iter().map(|step| &step.command);
        self.redis.data[lane].send(commands())?;
        let sent = self.ours.data[lane].send(commands());
        for (index, step) in run.iter().enumerate() {
            let expected = self.redis.data[lane].receive()?;
            let got = match &sent {
                Ok(()) => self.ours.data[lane].receive(),
                Err(error) => Err(error.kind().into()),
            };
            if !got
                .as_ref()
                .is_ok_and(|got| self.agree(lane, step, &expected, got))
            {
                return Ok(Some(Mismatch::new(index, &expected, &got)));
            }
        }
        if commands().any(|command| command[0].eq_ignore_ascii_case(b"PUBLISH")) {
            return self.compare_subscribers(run.len() - 1);
        }
        Ok(None)
    }

    /// Compares two replies, and follows the lane's transaction.
    fn agree(&mut self, lane: usize, step: &Step, expected: &Reply, got: &Reply) -> bool {
        let name = step.command[0].to_ascii_uppercase();
        let queued = &mut self.queued[lane];
        let agree = match (name.as_slice(), &queued) {
            (b"EXEC", Some(modes)) => equal_transactions(modes, expected, got),
            _ if expected.is_status("QUEUED") => expected == got,
            _ => equal(step.mode, expected, got),
        };
        match name.as_slice() {
            b"MULTI" if expected.is_status("OK") => *queued = Some(Vec::new()),
            b"EXEC" | b"DISCARD" | b"RESET" => *queued = None,
            _ if expected.is_status("QUEUED") => {
                queued.iter_mut().for_each(|modes| modes.push(step.mode));
            }
            _ => {}
        }
        agree
    }

    fn play_subscriber(&mut self, run: &[Step]) -> Result<Option<Mismatch>> {
        self.redis
            .subscriber
            .send(run.iter().map(|step| &step.command))?;
        // A connection that ours closed shows below, as replies that do not come.
        let _ = self
            .ours
            .subscriber
            .send(run.iter().map(|step| &step.command));
        self.compare_subscribers(run.len() - 1)
    }

    fn compare_subscribers(&mut self, index: usize) -> Result<Option<Mismatch>> {
        let expected = self.redis.drain()?;
        let got = self.ours.drain_count(expected.len());
        let agree = got
            .as_ref()
            .is_ok_and(|got| pushes(got) == pushes(&expected));
        let (expected, got) = (
            Reply::Many(b'*', expected),
            got.map(|got| Reply::Many(b'*', got)),
        );
        Ok((!agree).then(|| Mismatch::new(index, &expected, &got)))
    }
}

impl Mismatch {
    fn new(index: usize, expected: &Reply, got: &io::Result<Reply>) -> Mismatch {
        let got = match got {
            Ok(reply) => format!("{reply:?}"),
            Err(error) => format!("no reply: {error}"),
        };
        Mismatch {
            index,
            expected: format!("{expected:?}"),
            got,
        }
    }
}

fn is_sentinel(reply: &Reply) -> bool {
    match reply {
        Reply::Bulk(_, text) => text == SENTINEL.as_bytes(),
        Reply::Many(_, items) => items.len() == 2 && items[1].bytes() == Some(SENTINEL.as_bytes()),
        _ => false,
    }
}

/// What must agree of what a subscriber got. The order in which one message reaches a channel and
/// the patterns, and in which a bare `UNSUBSCRIBE` leaves the channels, is nobody's promise; the
/// counts of subscriptions are in order whatever the channels'.
fn pushes(replies: &[Reply]) -> (Vec<String>, Vec<i64>) {
    let mut what = Vec::new();
    let mut counts = Vec::new();
    for reply in replies {
        match reply {
            Reply::Many(kind, items) if items.last().is_some_and(|i| i.integer().is_some()) => {
                counts.extend(items.last().and_then(Reply::integer));
                what.push(format!(
                    "{}{:?}",
                    char::from(*kind),
                    &items[..items.len() - 1]
                ));
            }
            other => what.push(format!("{other:?}")),
        }
    }
    what.sort();
    (what, counts)
}
