//! Whose data directory it is, and that it is the one that others know.
//!
//! ```text
//! IDENTITY = "KVIDNT01" | cluster u64 | id u64 | incarnation u64 | flags u8 | members | known | crc32c u32
//! members  = count u32 | (id u64 | client len u16, client | peer len u16, peer)*
//! known    = count u32 | (id u64 | incarnation u64)*                             little-endian
//! ```
//!
//! A node that lost its disk has forgotten whom it voted for and what it promised to keep: under its
//! old id it could undo what a majority agreed on. So:
//!
//! 1. A data directory has a name of its own, its incarnation, drawn when it is made.
//! 2. Before a node takes part for the first time it tells the others its incarnation, and each of
//!    them writes down the first one that it hears of an id, and never accepts another.
//! 3. It takes part once a majority of the others accepted it. Any two such majorities have a node
//!    in common, so a second directory under the same id is refused by one of them.
//!
//! Replaced in one step, like the manifest of snapshots.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::{Buf, BufMut};
use kv_wal::{OpenMode, Storage};

use crate::membership::{put_text, take_text};
use crate::{MemberAddress, MemberSettings, NodeId, OpenError};

const FILE: &str = "IDENTITY";
const FILE_NEW: &str = "IDENTITY.new";
const MAGIC: &[u8; 8] = b"KVIDNT01";
const FLAG_ESTABLISHED: u8 = 1;
const FLAG_JOINED: u8 = 2;
const BYTES_MAX: u64 = 16 << 20;

/// Ids that are remembered.
const KNOWN_MAX: usize = 65_536;

/// Who this data directory belongs to, and who was met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    cluster: u64,
    id: NodeId,
    pub(crate) incarnation: u64,
    /// Whether the others accepted it.
    pub(crate) is_established: bool,
    /// Whether it was added to a cluster that existed.
    pub(crate) has_joined: bool,
    /// Who voted when the cluster was made; for a node that was added, whom it asks.
    pub(crate) members: Vec<MemberAddress>,
    known: BTreeMap<NodeId, u64>,
}

impl Identity {
    /// Reads it, or makes one if the directory is empty.
    ///
    /// # Errors
    /// If the disk refuses, or the directory is somebody else's.
    pub(crate) fn open(
        storage: &dyn Storage,
        settings: &MemberSettings,
    ) -> Result<Identity, OpenError> {
        if let Some(identity) = load(storage)? {
            return identity.check(settings);
        }
        for other in ["MANIFEST", "wal"] {
            let path = Path::new(other);
            if storage.exists(path).map_err(dir_error("look for", FILE))? {
                let problem =
                    format!("the directory has a {other} but no {FILE}: it is not this node's");
                return Err(OpenError::Foreign(problem));
            }
        }
        let identity = Identity {
            cluster: settings.cluster_id,
            id: settings.id,
            incarnation: settings.incarnation,
            is_established: false,
            has_joined: settings.joining,
            members: settings.members.clone(),
            known: BTreeMap::new(),
        };
        identity.store(storage)?;
        Ok(identity)
    }

    fn check(self, settings: &MemberSettings) -> Result<Identity, OpenError> {
        if self.id != settings.id {
            let (is, wants) = (self.id, settings.id);
            let problem = format!("the directory belongs to node {is}, not to node {wants}");
            return Err(OpenError::Foreign(problem));
        }
        if self.cluster != settings.cluster_id {
            let (is, wants) = (self.cluster, settings.cluster_id);
            let problem = format!("the directory belongs to cluster {is}, not to cluster {wants}");
            return Err(OpenError::Foreign(problem));
        }
        Ok(self)
    }

    /// Whether the node `id` may be taken for who it says it is; the first time, that is written
    /// down before this returns.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn accepts(
        &mut self,
        storage: &dyn Storage,
        id: NodeId,
        incarnation: u64,
    ) -> Result<bool, OpenError> {
        if let Some(known) = self.known.get(&id) {
            return Ok(*known == incarnation);
        }
        if self.known.len() >= KNOWN_MAX {
            return Ok(false);
        }
        let mut with = self.clone();
        with.known.insert(id, incarnation);
        with.store(storage)?;
        *self = with;
        Ok(true)
    }

    /// From now on the node takes part.
    ///
    /// # Errors
    /// If the disk refuses.
    pub(crate) fn establish(&mut self, storage: &dyn Storage) -> Result<(), OpenError> {
        let mut with = self.clone();
        with.is_established = true;
        with.store(storage)?;
        *self = with;
        Ok(())
    }

    fn store(&self, storage: &dyn Storage) -> Result<(), OpenError> {
        let (new, path) = (Path::new(FILE_NEW), Path::new(FILE));
        if storage
            .exists(new)
            .map_err(dir_error("look for", FILE_NEW))?
        {
            storage.remove(new).map_err(dir_error("remove", FILE_NEW))?;
        }
        let file = storage
            .open(new, OpenMode::CreateNew)
            .map_err(dir_error("create", FILE_NEW))?;
        file.write_at(&self.encode(), 0)
            .map_err(dir_error("write", FILE_NEW))?;
        file.sync_all().map_err(dir_error("sync", FILE_NEW))?;
        storage
            .rename(new, path)
            .map_err(dir_error("rename", FILE_NEW))?;
        storage
            .sync_dir(Path::new(""))
            .map_err(dir_error("sync", "the data directory"))
    }

    fn encode(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        out.put_u64_le(self.cluster);
        out.put_u64_le(self.id.0);
        out.put_u64_le(self.incarnation);
        let established = if self.is_established {
            FLAG_ESTABLISHED
        } else {
            0
        };
        let joined = if self.has_joined { FLAG_JOINED } else { 0 };
        out.put_u8(established | joined);
        put_count(&mut out, self.members.len());
        for member in &self.members {
            out.put_u64_le(member.id.0);
            put_text(&mut out, &member.client);
            put_text(&mut out, &member.peer);
        }
        put_count(&mut out, self.known.len());
        for (id, incarnation) in &self.known {
            out.put_u64_le(id.0);
            out.put_u64_le(*incarnation);
        }
        let crc = crc32c::crc32c(&out);
        out.put_u32_le(crc);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Identity> {
        let (body, crc) = bytes.split_last_chunk::<4>()?;
        if crc32c::crc32c(body) != u32::from_le_bytes(*crc) {
            return None;
        }
        let rest = &mut body.strip_prefix(MAGIC)?;
        let cluster = rest.try_get_u64_le().ok()?;
        let id = NodeId(rest.try_get_u64_le().ok()?);
        let incarnation = rest.try_get_u64_le().ok()?;
        let flags = rest.try_get_u8().ok()?;
        let member_count = rest.try_get_u32_le().ok()?;
        let members = (0..member_count).map(|_| take_member(rest));
        let members = members.collect::<Option<_>>()?;
        let known_count = rest.try_get_u32_le().ok()?;
        let known = (0..known_count).map(|_| take_known(rest));
        let known = known.collect::<Option<_>>()?;
        rest.is_empty().then_some(Identity {
            cluster,
            id,
            incarnation,
            is_established: flags & FLAG_ESTABLISHED != 0,
            has_joined: flags & FLAG_JOINED != 0,
            members,
            known,
        })
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.put_u32_le(u32::try_from(count).expect("members are few"));
}

fn take_member(rest: &mut &[u8]) -> Option<MemberAddress> {
    Some(MemberAddress {
        id: NodeId(rest.try_get_u64_le().ok()?),
        client: take_text(rest)?,
        peer: take_text(rest)?,
    })
}

fn take_known(rest: &mut &[u8]) -> Option<(NodeId, u64)> {
    let id = NodeId(rest.try_get_u64_le().ok()?);
    Some((id, rest.try_get_u64_le().ok()?))
}

fn load(storage: &dyn Storage) -> Result<Option<Identity>, OpenError> {
    let path = Path::new(FILE);
    if !storage.exists(path).map_err(dir_error("look for", FILE))? {
        return Ok(None);
    }
    let file = storage
        .open(path, OpenMode::Read)
        .map_err(dir_error("open", FILE))?;
    let len = file.len().map_err(dir_error("read", FILE))?.min(BYTES_MAX);
    let mut bytes = vec![0; usize::try_from(len).unwrap_or_default()];
    file.read_exact_at(&mut bytes, 0)
        .map_err(dir_error("read", FILE))?;
    match Identity::decode(&bytes) {
        Some(identity) => Ok(Some(identity)),
        None => Err(OpenError::Corrupt {
            path: FILE,
            problem: "its checksum does not match".to_owned(),
        }),
    }
}

pub(crate) fn dir_error(
    action: &'static str,
    path: &'static str,
) -> impl FnOnce(std::io::Error) -> OpenError {
    move |source| OpenError::Dir {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kv_wal::SimStorage;

    fn settings(incarnation: u64) -> MemberSettings {
        let members = vec!["0=c0@p0".parse().unwrap(), "1=c1@p1".parse().unwrap()];
        MemberSettings {
            cluster_id: 5,
            incarnation,
            ..MemberSettings::new(NodeId(0), members)
        }
    }

    #[test]
    fn an_identity_outlives_a_power_cut() {
        let disk = SimStorage::new(1);
        let mut identity = Identity::open(&disk, &settings(7)).unwrap();
        assert!(identity.accepts(&disk, NodeId(1), 70).unwrap());
        identity.establish(&disk).unwrap();
        let again = Identity::open(&disk.reboot(), &settings(8)).unwrap();
        assert_eq!(again, identity);
        assert_eq!(again.incarnation, 7);
    }

    #[test]
    fn the_first_directory_of_an_id_is_the_only_one() {
        let disk = SimStorage::new(1);
        let mut identity = Identity::open(&disk, &settings(7)).unwrap();
        assert!(identity.accepts(&disk, NodeId(1), 70).unwrap());
        assert!(!identity.accepts(&disk, NodeId(1), 71).unwrap());
        assert!(identity.accepts(&disk, NodeId(1), 70).unwrap());
    }

    #[test]
    fn the_directory_of_another_node_or_cluster_is_refused() {
        let disk = SimStorage::new(1);
        Identity::open(&disk, &settings(7)).unwrap();
        let other_id = MemberSettings {
            id: NodeId(1),
            ..settings(7)
        };
        let other_cluster = MemberSettings {
            cluster_id: 6,
            ..settings(7)
        };
        for other in [other_id, other_cluster] {
            let error = Identity::open(&disk, &other).unwrap_err();
            assert!(matches!(error, OpenError::Foreign(_)), "{error}");
        }
    }

    #[test]
    fn an_identity_has_the_bytes_of_version_1() {
        let disk = SimStorage::new(1);
        let mut identity = Identity::open(&disk, &settings(0x0102)).unwrap();
        identity.accepts(&disk, NodeId(1), 0x0304).unwrap();
        identity.establish(&disk).unwrap();
        let golden = include_bytes!("../testdata/identity-v1");
        assert_eq!(identity.encode(), golden);
        assert_eq!(Identity::decode(golden), Some(identity));
    }
}
