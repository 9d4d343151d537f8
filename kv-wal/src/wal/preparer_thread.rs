//! The thread that keeps spares ready and purges, so that the writer never waits for either.
//!
//! Fills a spare with zeros no faster than the segment in use fills up, unless the writer sleeps or
//! somebody waits: the zeros share the disk with the syncs of live groups.

use std::{sync::Arc, time::Duration};

use parking_lot::MutexGuard;

use super::shared::{PoisonOnPanic, Shared, Stage};
use crate::{
    Lsn,
    preparer::{Pace, Preparer, Unprepared},
};

const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);
/// How often to look whether the writer has moved on, while filling waits for it.
const PACE_INTERVAL: Duration = Duration::from_millis(20);
/// A spare starts when the segment in use is half full, and keeps this far ahead, in 256ths.
const LEAD: u64 = 64;

enum Job {
    Prepare {
        bytes_min: u64,
    },
    Purge {
        through: Lsn,
        keep: usize,
    },
    /// Tell that there are enough spares again.
    Recover,
    End,
}

pub(super) struct PreparerThread {
    shared: Arc<Shared>,
    preparer: Preparer,
    /// How long to wait before the next try, while there is no room.
    retry: Duration,
}

impl PreparerThread {
    pub(super) fn new(shared: Arc<Shared>, preparer: Preparer) -> PreparerThread {
        PreparerThread {
            shared,
            preparer,
            retry: RETRY_MIN,
        }
    }

    pub(super) fn run(mut self) {
        let _guard = PoisonOnPanic(Arc::clone(&self.shared));
        loop {
            match self.next_job() {
                Job::Prepare { bytes_min } => self.prepare(bytes_min),
                Job::Purge { through, keep } => self.purge(through, keep),
                Job::Recover => self.shared.observe(),
                Job::End => return,
            }
        }
    }

    fn next_job(&self) -> Job {
        let mut stage = self.shared.stage.lock();
        let mut may_prepare = stage.staging.starved.is_none();
        loop {
            if stage.is_closing || self.shared.progress.poisoned().is_some() {
                return Job::End;
            }
            if let Some(through) = stage.purge.take() {
                return Job::Purge {
                    through,
                    keep: stage.staging.spares_kept(),
                };
            }
            match stage.staging.wants_spare() {
                Some(bytes_min) if may_prepare => return Job::Prepare { bytes_min },
                Some(_) => {
                    self.shared.demand.wait_for(&mut stage, self.retry);
                }
                None if stage.staging.recover() => return Job::Recover,
                None => {
                    stage.is_preparer_idle = true;
                    self.shared.demand.wait(&mut stage);
                    stage.is_preparer_idle = false;
                }
            }
            may_prepare = true;
        }
    }

    fn prepare(&mut self, bytes_min: u64) {
        let shared = Arc::clone(&self.shared);
        match self
            .preparer
            .prepare(bytes_min, &mut |done| pace(&shared, done))
        {
            Ok(spare) => {
                self.retry = RETRY_MIN;
                self.change(|stage| stage.staging.add_spare(spare));
            }
            Err(Unprepared::NoRoom(reason)) => {
                let was_starved = self.shared.stage.lock().staging.starved.is_some();
                if was_starved {
                    self.retry = (self.retry * 2).min(RETRY_MAX);
                }
                self.change(|stage| stage.staging.starve(reason));
            }
            Err(Unprepared::Failed(reason)) => self.shared.poison(&reason),
            Err(Unprepared::Abandoned) => {}
        }
    }

    fn purge(&mut self, through: Lsn, keep: usize) {
        self.retry = RETRY_MIN;
        match self.preparer.purge(through, keep) {
            Ok(spares) => self.change(|stage| {
                spares
                    .into_iter()
                    .for_each(|spare| stage.staging.add_spare(spare));
            }),
            Err(error) => self
                .shared
                .poison(&format!("cannot purge the log: {error}")),
        }
    }

    /// Changes the stage, and tells appends and, if the health is another, the observer.
    fn change(&self, change: impl FnOnce(&mut Stage)) {
        let mut stage = self.shared.stage.lock();
        let was_starved = stage.staging.starved.is_some();
        change(&mut stage);
        let is_starved = stage.staging.starved.is_some();
        drop(stage);
        self.shared.announce_supply();
        if was_starved != is_starved {
            self.shared.observe();
        }
    }
}

/// Waits until the next step of filling a spare, of which `done` 256ths are done, is due.
fn pace(shared: &Shared, done: u64) -> Pace {
    let mut stage = shared.stage.lock();
    loop {
        if stage.is_closing {
            return Pace::Abandon;
        }
        if stage.staging.is_asked_for_spare() {
            return Pace::Hurry;
        }
        if shared.is_writer_idle() || stage.purge.is_some() || is_due(&stage, done) {
            return Pace::Continue;
        }
        shared.demand.wait_for(&mut stage, PACE_INTERVAL);
    }
}

fn is_due(stage: &MutexGuard<'_, Stage>, done: u64) -> bool {
    let fill = stage.staging.fill();
    stage.staging.lacks_reserve() || done < fill.saturating_sub(128) * 2 + LEAD
}
