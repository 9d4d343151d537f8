//! Puts a snapshot of another node's in the place of everything.
//!
//! 1. Its files are whole and durable before the consensus hears of it.
//! 2. First a record says that the snapshot took the log's place, with term and vote; then the
//!    manifest names it. A node that stops in between goes on as if there had been no snapshot;
//!    nobody was told of it.
//! 3. Only after both is the other node told.

use kv_node::snapshot::{self, AnnexSummary, Generation, Manifest, SnapshotError};
use kv_wal::WalError;

use super::snapshots::id_of;
use super::transfers::Received;
use super::{Event, Member};
use crate::consensus::{Consensus, Step};
use crate::log::Mark;
use crate::record;

/// Why it could not be installed; the node has to be started again.
#[derive(Debug, thiserror::Error)]
enum InstallError {
    #[error("there is no such snapshot here")]
    Missing,
    #[error(transparent)]
    Log(#[from] WalError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
}

impl Member {
    /// The consensus took a snapshot in. This waits for the disk: the node is so far behind that it
    /// is of no use to anybody meanwhile.
    pub(super) fn install_step(&mut self, step: Step) {
        let Some(mark) = step.install else {
            return;
        };
        match self.install(mark, &step) {
            Ok(()) => {
                self.counters.snapshots_installed += 1;
                self.consensus.accept_step();
                self.consensus.persisted(step.number);
                self.consensus.applied(mark.index);
                self.send_all(step.messages);
                self.send_all(step.messages_after_sync);
                self.out.events.push(Event::SnapshotInstalled(id_of(mark)));
                self.acknowledge_installed(id_of(mark));
            }
            Err(error) => {
                let index = mark.index;
                self.fail(format!(
                    "the snapshot at entry {index} cannot be installed: {error}"
                ));
            }
        }
    }

    fn install(&mut self, mark: Mark, step: &Step) -> Result<(), InstallError> {
        let received = self.take_received(mark).ok_or(InstallError::Missing)?;
        let body = record::encode(&step.hard_state, Some(mark), &step.entries);
        let lsn = self.append_record(&body)?;
        self.journal.flush();
        self.journal.wait(lsn)?;
        let Received {
            mut generation,
            state,
            ..
        } = received;
        let annex = generation.annex.as_mut().ok_or(InstallError::Missing)?;
        annex.log_index = lsn.0 - 1;
        self.load(&generation)?;
        let manifest = Manifest {
            generations: vec![generation],
        };
        let conf = state.conf.clone();
        self.machine.set_state(state);
        let log = self.consensus.log_mut();
        log.reset(mark, conf.clone());
        log.append(&step.entries, lsn);
        log.set_hard_state(step.hard_state.clone());
        self.store_manifest(manifest, mark, conf)?;
        self.pass_over(mark.index);
        Ok(())
    }

    fn load(&self, generation: &Generation) -> Result<(), SnapshotError> {
        let db = self.machine.db();
        let mut writer = db.writer();
        writer.reset();
        snapshot::load(&*self.storage, generation, &mut writer)?;
        drop(writer);
        db.build_indexes();
        Ok(())
    }
}

/// What the manifest says of a snapshot that was offered.
pub(super) fn generation_of(offer: &super::Offer) -> Generation {
    Generation {
        stamp: offer.stamp,
        finished_at_ms: offer.finished_at_ms,
        parts: offer.parts.clone(),
        annex: Some(AnnexSummary {
            tag: offer.id.index,
            file_bytes: offer.annex_bytes,
            crc: offer.annex_crc,
            log_index: 0,
        }),
    }
}
