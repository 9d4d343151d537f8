//! The receiver's side of a transfer.

use std::path::{Path, PathBuf};

use kv_node::snapshot::{
    self, ANNEX_BYTES_MAX, Generation, PartReader, PartSummary, SNAPSHOT_DIR, SnapshotError,
};
use kv_wal::{OpenMode, Storage};
use raft::eraftpb::{Message, MessageType};

use super::super::install::generation_of;
use super::{Chunk, ChunkAck, Member, Offer, PeerMessage, SnapshotId};
use crate::NodeId;
use crate::consensus::Consensus;
use crate::log::Mark;
use crate::machine::{State, annex};

/// A snapshot that is arriving.
#[derive(Debug)]
pub(super) struct Receiving {
    offer: Offer,
    generation: Generation,
    /// Files in order: where, and how long.
    files: Vec<(PathBuf, u64)>,
    /// The first file that was not there already.
    first_file: usize,
    file: usize,
    offset: u64,
}

/// A snapshot that is all here, and checked.
#[derive(Debug)]
pub(in super::super) struct Received {
    offer: Offer,
    pub(in super::super) generation: Generation,
    pub(in super::super) state: State,
    /// Files that were not there before.
    paths: Vec<PathBuf>,
}

/// Why a chunk was of no use.
#[derive(Debug, thiserror::Error)]
enum ReceiveError {
    #[error("cannot store it: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error("its annex is damaged")]
    Annex,
}

impl Receiving {
    /// `parts` are files of this node's own of the same write: as data they are equal.
    fn new(offer: Offer, parts: Option<Vec<PartSummary>>) -> Receiving {
        let mut generation = generation_of(&offer);
        let lens = offer.parts.iter().map(|part| part.file_bytes);
        let lens = lens.chain([offer.annex_bytes]);
        let files = generation.paths().zip(lens).collect();
        let first_file = if parts.is_some() {
            offer.parts.len()
        } else {
            0
        };
        generation.parts = parts.unwrap_or(generation.parts);
        Receiving {
            files,
            generation,
            offer,
            first_file,
            file: first_file,
            offset: 0,
        }
    }

    fn ack(&self) -> ChunkAck {
        ChunkAck {
            id: self.offer.id,
            file: u16::try_from(self.file).unwrap_or(u16::MAX),
            offset: self.offset,
            is_refused: false,
        }
    }

    fn is_complete(&self) -> bool {
        self.file >= self.files.len()
    }

    /// Whether the chunk is the next one, and fits.
    fn is_next(&self, chunk: &Chunk) -> bool {
        let expected = self.files.get(self.file);
        usize::from(chunk.file) == self.file
            && chunk.offset == self.offset
            && !chunk.bytes.is_empty()
            && chunk.bytes.len() <= Chunk::BYTES_MAX
            && expected.is_some_and(|(_, len)| chunk.bytes.len() as u64 <= len - self.offset)
            && crc32c::crc32c(&chunk.bytes) == chunk.crc
    }

    fn take(&mut self, storage: &dyn Storage, chunk: &Chunk) -> Result<(), ReceiveError> {
        let (path, len) = &self.files[self.file];
        let file = match self.offset {
            0 => {
                if storage.exists(path)? {
                    storage.remove(path)?;
                }
                storage.open(path, OpenMode::CreateNew)?
            }
            _ => storage.open(path, OpenMode::Write)?,
        };
        file.write_at(&chunk.bytes, self.offset)?;
        self.offset += chunk.bytes.len() as u64;
        if self.offset == *len {
            file.sync_all()?;
            self.check(storage)?;
            self.file += 1;
            self.offset = 0;
        }
        Ok(())
    }

    /// Reads a part that is complete from end to end.
    fn check(&self, storage: &dyn Storage) -> Result<(), SnapshotError> {
        if self.file >= self.offer.parts.len() {
            return Ok(());
        }
        let mut ids = self.generation.part_ids().zip(&self.generation.parts);
        let Some((id, summary)) = ids.nth(self.file) else {
            return Ok(());
        };
        let reader = PartReader::open(storage, id)?;
        if (reader.trailer_crc(), reader.entry_count())
            != (summary.trailer_crc, summary.entry_count)
        {
            return Err(SnapshotError::Corrupt {
                path: id.path(),
                offset: 0,
                damage: snapshot::Damage::Misplaced,
            });
        }
        reader.read(|_| {})
    }

    fn finish(&self, storage: &dyn Storage) -> Result<State, ReceiveError> {
        storage.sync_dir(Path::new(SNAPSHOT_DIR))?;
        let annex = self.generation.annex.ok_or(ReceiveError::Annex)?;
        let bytes = snapshot::read_annex(storage, self.generation.stamp, &annex)?;
        let state = annex::decode(&bytes).ok_or(ReceiveError::Annex)?;
        let mark = mark_of(self.offer.id);
        match state.applied == mark {
            true => Ok(state),
            false => Err(ReceiveError::Annex),
        }
    }

    fn paths(&self) -> Vec<PathBuf> {
        let new = self.files.iter().skip(self.first_file);
        new.map(|(path, _)| path.clone()).collect()
    }
}

/// What came of it is of no use.
fn discard(storage: &dyn Storage, paths: &[PathBuf]) {
    for path in paths {
        // Whatever stays is removed at the next start.
        drop(storage.remove(path));
    }
}

fn mark_of(id: SnapshotId) -> Mark {
    Mark {
        index: id.index,
        term: id.term,
    }
}

fn is_sound(offer: &Offer) -> bool {
    (1..=Offer::PARTS_MAX).contains(&offer.parts.len())
        && (1..=ANNEX_BYTES_MAX).contains(&offer.annex_bytes)
        && offer.parts.iter().all(|part| part.file_bytes > 0)
        && offer.id.index > 0
}

impl Member {
    /// A leader has a snapshot for this node.
    pub(in super::super) fn offered(&mut self, from: NodeId, offer: Offer) {
        let is_void = offer.leader_term < self.consensus.term() || !is_sound(&offer);
        if is_void || self.persistence.is_stuck() {
            return;
        }
        if offer.id.index <= self.machine.applied().index {
            self.acknowledge(from, all_there(&offer));
            return;
        }
        if self.is_received(offer.id) {
            self.give_to_consensus(from, offer.leader_term);
            return;
        }
        let is_known = self
            .transfers
            .receiving
            .as_ref()
            .is_some_and(|receiving| receiving.offer.id == offer.id);
        if !is_known {
            match self.begin_receiving(offer.clone()) {
                Ok(()) => {}
                Err(error) => {
                    tracing::warn!(%error, "a snapshot cannot be received");
                    self.acknowledge(from, refusal(offer.id));
                    return;
                }
            }
        }
        if let Some(receiving) = &mut self.transfers.receiving {
            receiving.offer.leader_term = offer.leader_term;
            let ack = receiving.ack();
            self.acknowledge(from, ack);
        }
    }

    fn begin_receiving(&mut self, offer: Offer) -> Result<(), ReceiveError> {
        self.discard_received();
        if self.snapshots.is_running() {
            return Err(SnapshotError::Busy.into());
        }
        let mut own = self.snapshots.manifest.generations.iter();
        let own = own.find(|own| own.stamp == offer.stamp);
        let parts = own.map(|own| own.parts.clone());
        self.storage.create_dir_all(Path::new(SNAPSHOT_DIR))?;
        self.storage.sync_dir(Path::new(""))?;
        self.transfers.receiving = Some(Receiving::new(offer, parts));
        Ok(())
    }

    /// Ends what arrives if it came to nothing: this node leads now, or has the entries otherwise.
    /// It would hold up snapshots of its own for ever.
    pub(in super::super) fn discard_useless(&mut self) {
        let receiving = self.transfers.receiving.as_ref().map(|one| one.offer.id);
        let received = self.transfers.received.as_ref().map(|one| one.offer.id);
        let Some(id) = receiving.or(received) else {
            return;
        };
        if self.is_leader() || id.index <= self.machine.applied().index {
            self.discard_received();
        }
    }

    fn discard_received(&mut self) {
        if let Some(receiving) = self.transfers.receiving.take() {
            discard(&*self.storage, &receiving.paths());
        }
        if let Some(received) = self.transfers.received.take() {
            discard(&*self.storage, &received.paths);
        }
    }

    /// Part of a snapshot arrived.
    pub(in super::super) fn chunk_arrived(&mut self, from: NodeId, chunk: Chunk) {
        let is_stuck = self.persistence.is_stuck();
        let Some(receiving) = &mut self.transfers.receiving else {
            return;
        };
        if receiving.offer.id != chunk.id || is_stuck {
            return;
        }
        if !receiving.is_next(&chunk) {
            let ack = receiving.ack();
            self.acknowledge(from, ack);
            return;
        }
        let taken = receiving.take(&*self.storage, &chunk);
        let ack = receiving.ack();
        match taken {
            Ok(()) if receiving.is_complete() => self.finish_receiving(from),
            Ok(()) => self.acknowledge(from, ack),
            Err(error) => {
                tracing::warn!(%error, "a snapshot was refused");
                self.discard_received();
                self.acknowledge(from, refusal(chunk.id));
            }
        }
    }

    fn finish_receiving(&mut self, from: NodeId) {
        let Some(receiving) = self.transfers.receiving.take() else {
            return;
        };
        match receiving.finish(&*self.storage) {
            Ok(state) => {
                let term = receiving.offer.leader_term;
                self.transfers.received = Some(Received {
                    paths: receiving.paths(),
                    offer: receiving.offer,
                    generation: receiving.generation,
                    state,
                });
                self.give_to_consensus(from, term);
            }
            Err(error) => {
                tracing::warn!(%error, "a snapshot was refused");
                discard(&*self.storage, &receiving.paths());
                self.acknowledge(from, refusal(receiving.offer.id));
            }
        }
    }

    fn is_received(&self, id: SnapshotId) -> bool {
        let received = self.transfers.received.as_ref();
        received.is_some_and(|received| received.offer.id == id)
    }

    fn give_to_consensus(&mut self, from: NodeId, leader_term: u64) {
        let Some(received) = &self.transfers.received else {
            return;
        };
        let mut message = Message::default();
        message.set_msg_type(MessageType::MsgSnapshot);
        message.from = from.raft();
        message.to = self.settings.id.raft();
        message.term = leader_term;
        let metadata = message.mut_snapshot().mut_metadata();
        metadata.index = received.offer.id.index;
        metadata.term = received.offer.id.term;
        metadata.set_conf_state(received.state.conf.clone());
        self.consensus.step(message);
        self.transfers.acknowledge_to = Some(from);
        // At once, before anything else can take its files away.
        self.run_steps();
    }

    /// The snapshot that the consensus took in.
    pub(in super::super) fn take_received(&mut self, mark: Mark) -> Option<Received> {
        let received = self.transfers.received.take();
        received.filter(|received| mark_of(received.offer.id) == mark)
    }

    /// The sender may forget it.
    pub(in super::super) fn acknowledge_installed(&mut self, id: SnapshotId) {
        if let Some(to) = self.transfers.acknowledge_to.take() {
            let ack = ChunkAck {
                id,
                file: u16::MAX,
                offset: 0,
                is_refused: false,
            };
            self.acknowledge(to, ack);
        }
    }

    fn acknowledge(&mut self, to: NodeId, ack: ChunkAck) {
        self.send(to, PeerMessage::ChunkAck(ack));
    }
}

fn all_there(offer: &Offer) -> ChunkAck {
    ChunkAck {
        id: offer.id,
        file: u16::MAX,
        offset: 0,
        is_refused: false,
    }
}

fn refusal(id: SnapshotId) -> ChunkAck {
    ChunkAck {
        id,
        file: 0,
        offset: 0,
        is_refused: true,
    }
}
