//! What can be asked of a cluster.

use std::str::FromStr;

use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Add a member, which learns everything but has no vote until it is promoted
    Add {
        /// Its number, and where its clients and its peers connect
        #[arg(value_name = "ID=CLIENT@PEER")]
        member: MemberArg,
    },
    /// Give a member that only learns a vote
    Promote {
        /// Which one
        id: u64,
    },
    /// Remove a member for ever
    Remove {
        /// Which one
        id: u64,
    },
    /// Make another member the leader
    TransferLeader {
        /// Which one; without it, whichever is fit
        to: Option<u64>,
    },
    /// A line for each member
    Status,
}

/// `3=127.0.0.1:6003@127.0.0.1:6103`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MemberArg {
    pub(crate) id: u64,
    pub(crate) client: String,
    pub(crate) peer: String,
}

impl FromStr for MemberArg {
    type Err = String;

    fn from_str(text: &str) -> Result<MemberArg, String> {
        let parts = || {
            let (id, addrs) = text.split_once('=')?;
            let (client, peer) = addrs.split_once('@')?;
            Some(MemberArg {
                id: id.parse().ok()?,
                client: client.to_owned(),
                peer: peer.to_owned(),
            })
        };
        parts().ok_or_else(|| "a member is as 3=127.0.0.1:6003@127.0.0.1:6103".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_a_number_and_two_addresses() {
        let member = MemberArg {
            id: 3,
            client: "a:1".to_owned(),
            peer: "b:2".to_owned(),
        };
        assert_eq!("3=a:1@b:2".parse(), Ok(member));
        for text in ["", "3", "3=a:1", "a:1@b:2", "x=a:1@b:2"] {
            assert!(text.parse::<MemberArg>().is_err(), "{text}");
        }
    }
}
