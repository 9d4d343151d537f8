//! The sender's side of one transfer.

use std::path::PathBuf;

use bytes::Bytes;
use kv_node::Stamp;
use kv_node::snapshot::{AnnexSummary, Generation, PartSummary};
use kv_wal::{OpenMode, Storage};

use super::{Chunk, ChunkAck, Offer, SnapshotId};

/// Bytes sent beyond what was acknowledged.
const WINDOW_BYTES: u64 = 8 * Chunk::BYTES_MAX as u64;

/// Without progress for so long, it is sent again from what was acknowledged.
const OVERDUE_MS: u64 = 500;

/// Without progress for so long, it is given up.
const GIVEN_UP_MS: u64 = 30_000;

/// A snapshot on its way to one node.
#[derive(Debug)]
pub(super) struct Sending {
    pub(super) id: SnapshotId,
    pub(super) term: u64,
    stamp: Stamp,
    finished_at_ms: u64,
    parts: Vec<PartSummary>,
    annex: AnnexSummary,
    /// Files in order: where, and how long.
    files: Vec<(PathBuf, u64)>,
    /// As places in all files behind each other; `None` before the receiver said where to begin.
    acknowledged: Option<u64>,
    sent: u64,
    progress_ms: u64,
    tried_ms: u64,
}

impl Sending {
    /// # Panics
    /// If the generation has no annex: all of this node's have.
    pub(super) fn new(id: SnapshotId, term: u64, generation: &Generation, now_ms: u64) -> Sending {
        let annex = generation
            .annex
            .expect("a member's snapshots have an annex");
        let lens = generation.parts.iter().map(|part| part.file_bytes);
        let lens = lens.chain([annex.file_bytes]);
        Sending {
            id,
            term,
            stamp: generation.stamp,
            finished_at_ms: generation.finished_at_ms,
            parts: generation.parts.clone(),
            annex,
            files: generation.paths().zip(lens).collect(),
            acknowledged: None,
            sent: 0,
            progress_ms: now_ms,
            tried_ms: now_ms,
        }
    }

    pub(super) fn offer(&self) -> Offer {
        Offer {
            id: self.id,
            leader_term: self.term,
            stamp: self.stamp,
            finished_at_ms: self.finished_at_ms,
            parts: self.parts.clone(),
            annex_bytes: self.annex.file_bytes,
            annex_crc: self.annex.crc,
        }
    }

    pub(super) fn is_overdue(&self, now_ms: u64) -> bool {
        now_ms >= self.tried_ms.saturating_add(OVERDUE_MS)
    }

    pub(super) fn is_given_up(&self, now_ms: u64) -> bool {
        now_ms >= self.progress_ms.saturating_add(GIVEN_UP_MS)
    }

    /// Begins again from what was acknowledged.
    pub(super) fn go_back(&mut self, now_ms: u64) {
        self.sent = self.acknowledged.unwrap_or_default();
        self.tried_ms = now_ms;
    }

    /// Whether the receiver has everything.
    pub(super) fn acknowledge(&mut self, ack: &ChunkAck, now_ms: u64) -> bool {
        let file = usize::from(ack.file);
        if file >= self.files.len() {
            return true;
        }
        let before: u64 = self.files[..file].iter().map(|(_, len)| len).sum();
        let place = before + ack.offset.min(self.files[file].1);
        if self
            .acknowledged
            .is_none_or(|acknowledged| acknowledged < place)
        {
            self.progress_ms = now_ms;
            self.tried_ms = now_ms;
        }
        if self.acknowledged.is_none() {
            self.sent = place;
        }
        self.acknowledged = Some(place);
        self.sent = self.sent.max(place);
        false
    }

    /// The next chunk, if there is room for it on the way.
    pub(super) fn next_chunk(&mut self, storage: &dyn Storage) -> Option<std::io::Result<Chunk>> {
        let acknowledged = self.acknowledged?;
        if self.sent >= acknowledged.saturating_add(WINDOW_BYTES) {
            return None;
        }
        let (file, offset) = self.place_of(self.sent)?;
        let (path, len) = &self.files[file];
        let count = (len - offset).min(Chunk::BYTES_MAX as u64);
        let mut bytes = vec![0; usize::try_from(count).unwrap_or_default()];
        let read = storage
            .open(path, OpenMode::Read)
            .and_then(|opened| opened.read_exact_at(&mut bytes, offset));
        if let Err(error) = read {
            return Some(Err(error));
        }
        self.sent += count;
        Some(Ok(Chunk {
            id: self.id,
            file: u16::try_from(file).unwrap_or(u16::MAX),
            offset,
            crc: crc32c::crc32c(&bytes),
            bytes: Bytes::from(bytes),
        }))
    }

    /// File and offset; `None` beyond the last file.
    fn place_of(&self, mut place: u64) -> Option<(usize, u64)> {
        for (file, (_, len)) in self.files.iter().enumerate() {
            if place < *len {
                return Some((file, place));
            }
            place -= len;
        }
        None
    }
}
