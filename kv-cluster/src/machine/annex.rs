//! What a snapshot says besides the data.
//!
//! ```text
//! annex    = "KVANNX01" | index u64 | term u64 | conf | members | ids (removed) | clock
//!            | provenance | sessions | crc32c u32
//! conf     = ids (voters) | ids (learners) | ids (outgoing) | ids (learners next) | auto u8
//! ids      = count u32 | id u64 *
//! members  = count u32 | (id u64 | client len u16, client | peer len u16, peer)*
//! clock    = count u32 | (id u64 | ordinal u64)*
//! provenance = count u32 | (first ordinal u64 | primary u64 | term u64)*
//! sessions = count u32 | (client u64 | used_ms u64 | floor u64 | count u16 | reply*)*
//! reply    = sequence u64 | len u32 | bytes           len ffffffff: not remembered  little-endian
//! ```
//!
//! Ids are nodes' own, ascending; so equal states have equal bytes on every node.

use bytes::{Buf, BufMut, Bytes};
use raft::eraftpb::ConfState;

use super::provenance::Span;
use super::sessions::Remembered;
use super::{Provenance, Sessions, State};
use crate::log::Mark;
use crate::membership::{put_text, take_text};
use crate::{MemberAddress, NodeId};

const MAGIC: &[u8; 8] = b"KVANNX01";
const NOT_REMEMBERED: u32 = u32::MAX;

/// The annex of a snapshot of `state`.
pub(crate) fn encode(state: &State) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    out.put_u64_le(state.applied.index);
    out.put_u64_le(state.applied.term);
    put_conf(&mut out, &state.conf);
    put_count(&mut out, state.members.len());
    for member in state.members.values() {
        out.put_u64_le(member.id.0);
        put_text(&mut out, &member.client);
        put_text(&mut out, &member.peer);
    }
    put_ids(&mut out, state.removed.iter().map(|id| id.0).collect());
    put_count(&mut out, state.clock.len());
    for (id, ordinal) in &state.clock {
        out.put_u64_le(id.0);
        out.put_u64_le(*ordinal);
    }
    put_count(&mut out, state.provenance.spans().len());
    for span in state.provenance.spans() {
        out.put_u64_le(span.first);
        out.put_u64_le(span.primary.0);
        out.put_u64_le(span.term);
    }
    put_count(&mut out, state.sessions.remembered().len());
    for one in state.sessions.remembered() {
        put_session(&mut out, &one);
    }
    let crc = crc32c::crc32c(&out);
    out.put_u32_le(crc);
    out
}

fn put_conf(out: &mut Vec<u8>, conf: &ConfState) {
    let lists = [
        &conf.voters,
        &conf.learners,
        &conf.voters_outgoing,
        &conf.learners_next,
    ];
    for list in lists {
        put_ids(out, list.iter().map(|id| id - 1).collect());
    }
    out.put_u8(u8::from(conf.auto_leave));
}

fn put_ids(out: &mut Vec<u8>, mut ids: Vec<u64>) {
    ids.sort_unstable();
    put_count(out, ids.len());
    ids.into_iter().for_each(|id| out.put_u64_le(id));
}

fn put_session(out: &mut Vec<u8>, one: &Remembered) {
    out.put_u64_le(one.client);
    out.put_u64_le(one.used_ms);
    out.put_u64_le(one.floor);
    out.put_u16_le(u16::try_from(one.replies.len()).expect("few are remembered"));
    for (sequence, reply) in &one.replies {
        out.put_u64_le(*sequence);
        match reply {
            Some(reply) => {
                put_count(out, reply.len());
                out.put_slice(reply);
            }
            None => out.put_u32_le(NOT_REMEMBERED),
        }
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_u32_le(u32::try_from(count).expect("all of these are bounded far below"));
}

/// The state that all of `bytes` say; `None` if they are anything else.
pub(crate) fn decode(bytes: &[u8]) -> Option<State> {
    let (body, crc) = bytes.split_last_chunk::<4>()?;
    if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
        return None;
    }
    let rest = &mut body.strip_prefix(MAGIC)?;
    let state = State {
        applied: Mark {
            index: rest.try_get_u64_le().ok()?,
            term: rest.try_get_u64_le().ok()?,
        },
        conf: take_conf(rest)?,
        members: take_all(rest, take_member)?
            .into_iter()
            .map(|member| (member.id, member))
            .collect(),
        removed: take_ids(rest)?.into_iter().map(NodeId).collect(),
        clock: take_all(rest, take_reading)?.into_iter().collect(),
        provenance: Provenance::from_spans(take_all(rest, take_span)?),
        sessions: Sessions::from_remembered(take_all(rest, take_session)?),
    };
    rest.is_empty().then_some(state)
}

/// As many as are announced; memory for them is taken as they come.
fn take_all<T>(rest: &mut &[u8], take: impl Fn(&mut &[u8]) -> Option<T>) -> Option<Vec<T>> {
    let count = rest.try_get_u32_le().ok()?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(take(rest)?);
    }
    Some(all)
}

fn take_ids(rest: &mut &[u8]) -> Option<Vec<u64>> {
    take_all(rest, |rest| rest.try_get_u64_le().ok())
}

fn take_conf(rest: &mut &[u8]) -> Option<ConfState> {
    let mut conf = ConfState::default();
    conf.set_voters(take_raft_ids(rest)?);
    conf.set_learners(take_raft_ids(rest)?);
    conf.set_voters_outgoing(take_raft_ids(rest)?);
    conf.set_learners_next(take_raft_ids(rest)?);
    conf.auto_leave = match rest.try_get_u8().ok()? {
        0 => false,
        1 => true,
        _ => return None,
    };
    Some(conf)
}

fn take_raft_ids(rest: &mut &[u8]) -> Option<Vec<u64>> {
    let ids = take_ids(rest)?;
    ids.into_iter().map(|id| id.checked_add(1)).collect()
}

fn take_member(rest: &mut &[u8]) -> Option<MemberAddress> {
    Some(MemberAddress {
        id: NodeId(rest.try_get_u64_le().ok()?),
        client: take_text(rest)?,
        peer: take_text(rest)?,
    })
}

fn take_reading(rest: &mut &[u8]) -> Option<(NodeId, u64)> {
    let id = NodeId(rest.try_get_u64_le().ok()?);
    Some((id, rest.try_get_u64_le().ok()?))
}

fn take_span(rest: &mut &[u8]) -> Option<Span> {
    Some(Span {
        first: rest.try_get_u64_le().ok()?,
        primary: NodeId(rest.try_get_u64_le().ok()?),
        term: rest.try_get_u64_le().ok()?,
    })
}

fn take_session(rest: &mut &[u8]) -> Option<Remembered> {
    let client = rest.try_get_u64_le().ok()?;
    let used_ms = rest.try_get_u64_le().ok()?;
    let floor = rest.try_get_u64_le().ok()?;
    let count = rest.try_get_u16_le().ok()?;
    let replies = (0..count).map(|_| take_reply(rest));
    Some(Remembered {
        client,
        used_ms,
        floor,
        replies: replies.collect::<Option<_>>()?,
    })
}

fn take_reply(rest: &mut &[u8]) -> Option<(u64, Option<Bytes>)> {
    let sequence = rest.try_get_u64_le().ok()?;
    let len = rest.try_get_u32_le().ok()?;
    if len == NOT_REMEMBERED {
        return Some((sequence, None));
    }
    let (reply, after) = rest.split_at_checked(len as usize)?;
    *rest = after;
    Some((sequence, Some(Bytes::copy_from_slice(reply))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Once;
    use kv_proto::Reply;

    fn sample() -> State {
        let mut state = State {
            applied: Mark { index: 9, term: 4 },
            ..State::default()
        };
        state.conf.set_voters(vec![3, 1, 2]);
        state.conf.set_learners(vec![5]);
        for id in [0, 1, 2, 4] {
            let address = MemberAddress {
                id: NodeId(id),
                client: format!("c{id}"),
                peer: format!("p{id}"),
            };
            state.members.insert(NodeId(id), address);
        }
        state.removed.insert(NodeId(3));
        state.clock.insert(NodeId(1), 6);
        state.provenance.note(1, NodeId(1), 2);
        let once = Once {
            client: 0xaabb,
            sequence: 2,
        };
        state.sessions.remember(once, 1_000, &Reply::Int(7));
        state
    }

    #[test]
    fn an_annex_has_the_bytes_of_version_1() {
        let golden = include_bytes!("../../testdata/annex-v1");
        assert_eq!(encode(&sample()), golden);
        let read = decode(golden).unwrap();
        assert_eq!(encode(&read), golden);
        assert_eq!(read.members, sample().members);
        assert_eq!(read.sessions, sample().sessions);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let bytes = encode(&sample());
        for at in 0..bytes.len() * 8 {
            let mut bytes = bytes.clone();
            bytes[at / 8] ^= 1 << (at % 8);
            assert_eq!(decode(&bytes), None, "bit {at}");
        }
    }

    #[test]
    fn counts_beyond_the_bytes_are_refused() {
        for cut in 0..encode(&sample()).len() - 4 {
            let mut bytes = encode(&sample());
            bytes.truncate(cut);
            let crc = crc32c::crc32c(&bytes);
            bytes.put_u32_le(crc);
            assert_eq!(decode(&bytes), None, "{cut}");
        }
    }
}
