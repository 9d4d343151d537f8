//! Who a node is, and where it is reached.

use std::fmt;
use std::str::FromStr;

/// A node's number, the operator's choice; never given to another node again, not even to the same
/// machine after it lost its disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u64);

impl NodeId {
    /// The highest there may be: inside, ids are moved up by one, because there 0 means nobody.
    pub const MAX: NodeId = NodeId(u64::MAX - 1);

    /// As consensus counts.
    pub(crate) fn raft(self) -> u64 {
        self.0 + 1
    }

    /// From consensus' number; nobody for 0.
    pub(crate) fn from_raft(raft: u64) -> Option<NodeId> {
        raft.checked_sub(1).map(NodeId)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Where a node is reached; as text `id=client address@peer address`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberAddress {
    /// Which node.
    pub id: NodeId,
    /// Where clients connect to it.
    pub client: String,
    /// Where other nodes connect to it.
    pub peer: String,
}

impl MemberAddress {
    /// An address has at most so many bytes.
    pub const ADDRESS_BYTES_MAX: usize = 512;

    /// What is wrong with it, if anything is.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        if self.id > NodeId::MAX {
            return Err("the id is too large");
        }
        if self.client.is_empty() || self.peer.is_empty() {
            return Err("an address is empty");
        }
        if self.client.len().max(self.peer.len()) > MemberAddress::ADDRESS_BYTES_MAX {
            return Err("an address is too long");
        }
        Ok(())
    }
}

/// Why a text names no member.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is no member: {problem}; write ID=CLIENT-ADDRESS@PEER-ADDRESS, as 0=127.0.0.1:6000@127.0.0.1:6100"
)]
pub struct MemberError {
    text: String,
    problem: &'static str,
}

impl FromStr for MemberAddress {
    type Err = MemberError;

    fn from_str(text: &str) -> Result<MemberAddress, MemberError> {
        parse(text).map_err(|problem| MemberError {
            text: text.to_owned(),
            problem,
        })
    }
}

fn parse(text: &str) -> Result<MemberAddress, &'static str> {
    let (id, addresses) = text.split_once('=').ok_or("there is no =")?;
    let (client, peer) = addresses.split_once('@').ok_or("there is no @")?;
    let id = id.trim().parse().map_err(|_| "the id is not a number")?;
    let member = MemberAddress {
        id: NodeId(id),
        client: client.to_owned(),
        peer: peer.to_owned(),
    };
    member.check().map(|()| member)
}

impl fmt::Display for MemberAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}@{}", self.id, self.client, self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_read_as_it_is_written() {
        let text = "7=127.0.0.1:6000@[::1]:6100";
        let member: MemberAddress = text.parse().unwrap();
        assert_eq!(member.id, NodeId(7));
        assert_eq!(member.peer, "[::1]:6100");
        assert_eq!(member.to_string(), text);
    }

    #[test]
    fn what_is_no_member_is_refused_with_a_reason() {
        for text in [
            "",
            "0",
            "0=a",
            "x=a@b",
            "0=@b",
            "0=a@",
            "18446744073709551615=a@b",
        ] {
            let error = text.parse::<MemberAddress>().unwrap_err();
            assert!(error.to_string().contains("6100"), "{error}");
        }
    }

    #[test]
    fn ids_start_at_zero_outside_and_at_one_inside() {
        assert_eq!(NodeId(0).raft(), 1);
        assert_eq!(NodeId::from_raft(1), Some(NodeId(0)));
        assert_eq!(NodeId::from_raft(0), None);
    }
}
