//! What clients were answered of late, so that a write that is sent again happens once.
//!
//! 1. Of a client, the newest writes are remembered with their replies; of a reply that is large,
//!    only that there was one.
//! 2. Which clients are forgotten follows from the entries applied, not from this node's clock or
//!    memory: those that wrote nothing for an hour, and when there are too many, those that wrote
//!    longest ago.
//! 3. A write older than what is remembered of its client is refused, never applied. So a client
//!    may have as many writes under way as are remembered, in any order.

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use kv_proto::native::{decode_reply, encode_reply};
use kv_proto::{ErrorCode, ErrorReply, Reply};

use crate::Once;

/// Clients that are remembered.
const CLIENTS_MAX: usize = 10_000;

/// Writes of one client that are remembered.
const REPLIES_MAX: usize = 64;

/// A reply longer than this is not remembered, only that there was one.
const REPLY_BYTES_MAX: usize = 64 << 10;

/// All replies remembered.
const BYTES_MAX: usize = 64 << 20;

/// A client that has not written for so long is forgotten.
const IDLE_MS_MAX: u64 = 60 * 60 * 1000;

/// What is remembered of clients.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sessions {
    clients: HashMap<u64, Client>,
    /// By when they wrote last, as a count of writes.
    order: BTreeMap<u64, u64>,
    next_use: u64,
    bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Client {
    last_use: u64,
    used_ms: u64,
    /// Writes up to this number are not remembered any more.
    floor: u64,
    /// In the order of sequence numbers.
    replies: VecDeque<(u64, Option<Bytes>)>,
}

/// What is known of a write that has arrived.
#[derive(Debug)]
pub(crate) enum Known {
    /// Nothing: it is to be applied.
    New,
    /// It was applied, and answered so.
    Done(Reply),
    /// It may have been applied; nobody knows any more.
    Forgotten,
}

/// A client as a snapshot has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    pub(crate) client: u64,
    pub(crate) used_ms: u64,
    /// Writes up to this number are not remembered any more.
    pub(crate) floor: u64,
    /// Sequence numbers, ascending, and the replies' bytes; `None`: too long to remember.
    pub(crate) replies: Vec<(u64, Option<Bytes>)>,
}

/// Equal in all that later entries could tell.
impl PartialEq for Sessions {
    fn eq(&self, other: &Sessions) -> bool {
        self.remembered().eq(other.remembered())
    }
}

impl Sessions {
    /// Forgets clients that were idle for too long.
    pub(crate) fn expire(&mut self, now_ms: u64) {
        while let Some((_, client)) = self.order.first_key_value() {
            let used_ms = self.clients[client].used_ms;
            if used_ms.saturating_add(IDLE_MS_MAX) > now_ms {
                break;
            }
            self.forget_oldest();
        }
    }

    /// What is known of a write.
    pub(crate) fn look_up(&mut self, once: Once, now_ms: u64) -> Known {
        if once.client == 0 {
            return Known::New;
        }
        let Some(client) = self.clients.get(&once.client) else {
            return Known::New;
        };
        let found = client
            .replies
            .binary_search_by_key(&once.sequence, |(sequence, _)| *sequence);
        let known = match found {
            Ok(at) => Known::Done(reply_of(client.replies[at].1.as_ref())),
            Err(_) if once.sequence > client.floor => return Known::New,
            Err(_) => Known::Forgotten,
        };
        self.touch(once.client, now_ms);
        known
    }

    /// Remembers what a write was answered.
    pub(crate) fn remember(&mut self, once: Once, now_ms: u64, reply: &Reply) {
        if once.client == 0 {
            return;
        }
        let mut bytes = Vec::new();
        encode_reply(reply, &mut bytes);
        let kept = (bytes.len() <= REPLY_BYTES_MAX).then(|| Bytes::from(bytes));
        self.insert(once, now_ms, kept);
        self.touch(once.client, now_ms);
        while self.clients.len() > CLIENTS_MAX || self.bytes > BYTES_MAX {
            self.forget_oldest();
        }
    }

    fn insert(&mut self, once: Once, now_ms: u64, reply: Option<Bytes>) {
        let (next_use, order) = (&mut self.next_use, &mut self.order);
        let client = self.clients.entry(once.client).or_insert_with(|| {
            *next_use += 1;
            order.insert(*next_use, once.client);
            Client {
                last_use: *next_use,
                used_ms: now_ms,
                floor: 0,
                replies: VecDeque::new(),
            }
        });
        self.bytes += weight(reply.as_ref());
        let after = client
            .replies
            .partition_point(|(at, _)| *at < once.sequence);
        if let Some((at, old)) = client.replies.get_mut(after)
            && *at == once.sequence
        {
            self.bytes -= weight(old.as_ref());
            *old = reply;
            return;
        }
        client.replies.insert(after, (once.sequence, reply));
        if client.replies.len() > REPLIES_MAX
            && let Some((sequence, dropped)) = client.replies.pop_front()
        {
            client.floor = sequence;
            self.bytes -= weight(dropped.as_ref());
        }
    }

    fn touch(&mut self, id: u64, now_ms: u64) {
        let client = self.clients.get_mut(&id).expect("it was looked up");
        self.order.remove(&client.last_use);
        self.next_use += 1;
        client.last_use = self.next_use;
        client.used_ms = client.used_ms.max(now_ms);
        self.order.insert(client.last_use, id);
    }

    fn forget_oldest(&mut self) {
        if let Some((_, id)) = self.order.pop_first()
            && let Some(client) = self.clients.remove(&id)
        {
            let weights = client
                .replies
                .iter()
                .map(|(_, reply)| weight(reply.as_ref()));
            self.bytes -= weights.sum::<usize>();
        }
    }

    /// All that is remembered, in the order in which it will be forgotten.
    pub(crate) fn remembered(&self) -> impl ExactSizeIterator<Item = Remembered> + '_ {
        self.order.values().map(|id| {
            let client = &self.clients[id];
            Remembered {
                client: *id,
                used_ms: client.used_ms,
                floor: client.floor,
                replies: client.replies.iter().cloned().collect(),
            }
        })
    }

    /// The opposite of [`Sessions::remembered`].
    pub(crate) fn from_remembered(all: impl IntoIterator<Item = Remembered>) -> Sessions {
        let mut sessions = Sessions::default();
        for one in all {
            for (sequence, reply) in one.replies {
                let once = Once {
                    client: one.client,
                    sequence,
                };
                sessions.insert(once, one.used_ms, reply);
            }
            if let Some(client) = sessions.clients.get_mut(&one.client) {
                client.floor = one.floor;
            }
        }
        sessions
    }
}

/// What a remembered reply costs.
fn weight(reply: Option<&Bytes>) -> usize {
    16 + reply.map_or(0, Bytes::len)
}

fn reply_of(bytes: Option<&Bytes>) -> Reply {
    match bytes.map(|bytes| decode_reply(bytes.clone())) {
        Some(Ok(reply)) => reply,
        Some(Err(_)) | None => Reply::Error(ErrorReply::new(
            ErrorCode::Unknown,
            "the write happened; its reply was too long to be remembered",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn once(client: u64, sequence: u64) -> Once {
        Once { client, sequence }
    }

    fn is_new(sessions: &mut Sessions, once: Once) -> bool {
        matches!(sessions.look_up(once, 0), Known::New)
    }

    #[test]
    fn a_write_sent_again_is_answered_as_before() {
        let mut sessions = Sessions::default();
        sessions.remember(once(7, 1), 0, &Reply::Int(41));
        sessions.remember(once(7, 2), 0, &Reply::Int(42));
        for (sequence, value) in [(1, 41), (2, 42)] {
            match sessions.look_up(once(7, sequence), 0) {
                Known::Done(reply) => assert_eq!(reply, Reply::Int(value)),
                other => panic!("{other:?}"),
            }
        }
        assert!(is_new(&mut sessions, once(7, 3)));
        assert!(is_new(&mut sessions, once(8, 1)));
    }

    #[test]
    fn what_was_forgotten_is_refused_and_not_applied() {
        let mut sessions = Sessions::default();
        for sequence in 1..=REPLIES_MAX as u64 + 1 {
            sessions.remember(once(7, sequence), 0, &Reply::Ok);
        }
        assert!(matches!(sessions.look_up(once(7, 1), 0), Known::Forgotten));
        assert!(matches!(sessions.look_up(once(7, 2), 0), Known::Done(_)));
    }

    #[test]
    fn writes_may_arrive_out_of_order() {
        let mut sessions = Sessions::default();
        sessions.remember(once(7, 2), 0, &Reply::Int(2));
        assert!(is_new(&mut sessions, once(7, 1)));
        sessions.remember(once(7, 1), 0, &Reply::Int(1));
        assert!(matches!(
            sessions.look_up(once(7, 1), 0),
            Known::Done(Reply::Int(1))
        ));
        assert!(matches!(
            sessions.look_up(once(7, 2), 0),
            Known::Done(Reply::Int(2))
        ));
    }

    #[test]
    fn who_wrote_longest_ago_is_forgotten_first() {
        let mut sessions = Sessions::default();
        for client in 1..=CLIENTS_MAX as u64 {
            sessions.remember(once(client, 1), 0, &Reply::Ok);
        }
        assert!(!is_new(&mut sessions, once(1, 1)));
        sessions.remember(once(u64::MAX, 1), 0, &Reply::Ok);
        assert!(!is_new(&mut sessions, once(1, 1)));
        assert!(is_new(&mut sessions, once(2, 1)));
    }

    #[test]
    fn idle_clients_are_forgotten_by_the_time_of_entries() {
        let mut sessions = Sessions::default();
        sessions.remember(once(1, 1), 1_000, &Reply::Ok);
        sessions.expire(1_000 + IDLE_MS_MAX - 1);
        assert!(!is_new(&mut sessions, once(1, 1)));
        sessions.expire(1_000 + IDLE_MS_MAX);
        assert!(is_new(&mut sessions, once(1, 1)));
        assert_eq!(sessions.bytes, 0);
    }

    #[test]
    fn a_long_reply_is_remembered_as_that() {
        let mut sessions = Sessions::default();
        let long = Reply::Bytes(vec![0; REPLY_BYTES_MAX].into());
        sessions.remember(once(1, 1), 0, &long);
        match sessions.look_up(once(1, 1), 0) {
            Known::Done(Reply::Error(error)) => assert_eq!(error.code, ErrorCode::Unknown),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn memory_for_replies_is_bounded() {
        let mut sessions = Sessions::default();
        let reply = Reply::Bytes(vec![0; REPLY_BYTES_MAX - 100].into());
        for client in 1..=2_000 {
            sessions.remember(once(client, 1), 0, &reply);
            assert!(sessions.bytes <= BYTES_MAX);
        }
        assert!(is_new(&mut sessions, once(1, 1)));
        assert!(!is_new(&mut sessions, once(2_000, 1)));
    }

    #[test]
    fn a_copy_forgets_in_the_same_order() {
        let mut sessions = Sessions::default();
        for client in [3, 1, 2] {
            for sequence in 1..=client * 30 {
                sessions.remember(once(client, sequence), client, &Reply::Int(1));
            }
        }
        let copy = Sessions::from_remembered(sessions.remembered());
        assert_eq!(copy, sessions);
        assert_eq!(copy.bytes, sessions.bytes);
        let order: Vec<_> = copy.remembered().map(|one| one.client).collect();
        assert_eq!(order, [3, 1, 2]);
    }
}
