//! A change of who is in the cluster, as an entry of the log carries it.
//!
//! ```text
//! reconfiguration = version u8 | count u16 | change*
//! change          = kind u8 | id u64 | client len u16, client | peer len u16, peer  little-endian
//! ```
//!
//! Addresses are empty but for a new learner. No change at all leaves a joint configuration; that
//! is also what an entry without bytes means, which the consensus makes by itself.

use bytes::{Buf, BufMut};

use crate::{Change, MemberAddress, NodeId};

const VERSION: u8 = 1;

/// Changes in one entry.
pub(crate) const CHANGES_MAX: usize = 64;

/// What becomes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    AddVoter = 1,
    AddLearner = 2,
    Remove = 3,
}

/// Changes that are made together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reconfiguration {
    pub(crate) changes: Vec<Change>,
}

impl Reconfiguration {
    /// What it does to the consensus.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (Kind, NodeId)> + '_ {
        self.changes.iter().map(|change| match change {
            Change::AddLearner(address) => (Kind::AddLearner, address.id),
            Change::Promote(id) => (Kind::AddVoter, *id),
            Change::Remove(id) => (Kind::Remove, *id),
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![VERSION];
        out.put_u16_le(u16::try_from(self.changes.len()).expect("changes are few"));
        for (change, (kind, id)) in self.changes.iter().zip(self.changes()) {
            out.put_u8(kind as u8);
            out.put_u64_le(id.0);
            let (client, peer) = match change {
                Change::AddLearner(address) => (&*address.client, &*address.peer),
                Change::Promote(_) | Change::Remove(_) => ("", ""),
            };
            put_text(&mut out, client);
            put_text(&mut out, peer);
        }
        out
    }

    /// What all of `bytes` say.
    pub(crate) fn decode(mut bytes: &[u8]) -> Option<Reconfiguration> {
        if bytes.is_empty() {
            return Some(Reconfiguration::default());
        }
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let count = usize::from(bytes.try_get_u16_le().ok()?);
        let changes = (0..count).map(|_| take_change(&mut bytes));
        let changes = changes.collect::<Option<Vec<_>>>()?;
        bytes.is_empty().then_some(Reconfiguration { changes })
    }
}

fn take_change(bytes: &mut &[u8]) -> Option<Change> {
    let kind = bytes.try_get_u8().ok()?;
    let id = NodeId(bytes.try_get_u64_le().ok()?);
    let client = take_text(bytes)?;
    let peer = take_text(bytes)?;
    if id > NodeId::MAX {
        return None;
    }
    match kind {
        1 => Some(Change::Promote(id)),
        2 => Some(Change::AddLearner(MemberAddress { id, client, peer })),
        3 => Some(Change::Remove(id)),
        _ => None,
    }
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.put_u16_le(u16::try_from(text.len()).expect("addresses are short"));
    out.put_slice(text.as_bytes());
}

pub(crate) fn take_text(bytes: &mut &[u8]) -> Option<String> {
    let len = usize::from(bytes.try_get_u16_le().ok()?);
    let (text, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    String::from_utf8(text.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Reconfiguration {
        Reconfiguration {
            changes: vec![
                Change::AddLearner(MemberAddress {
                    id: NodeId(3),
                    client: "c:1".into(),
                    peer: "p:2".into(),
                }),
                Change::Promote(NodeId(4)),
                Change::Remove(NodeId(0)),
            ],
        }
    }

    #[test]
    fn a_reconfiguration_has_the_bytes_of_version_1() {
        let golden = include_bytes!("../testdata/reconfiguration-v1");
        assert_eq!(sample().encode(), golden);
        assert_eq!(Reconfiguration::decode(golden), Some(sample()));
    }

    #[test]
    fn no_bytes_leave_a_joint_configuration() {
        assert_eq!(
            Reconfiguration::decode(&[]),
            Some(Reconfiguration::default())
        );
    }

    #[test]
    fn what_is_cut_or_longer_is_refused() {
        let mut bytes = sample().encode();
        for len in 1..bytes.len() {
            assert_eq!(Reconfiguration::decode(&bytes[..len]), None, "{len}");
        }
        bytes.push(0);
        assert_eq!(Reconfiguration::decode(&bytes), None);
    }
}
