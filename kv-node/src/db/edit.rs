//! One write at its place in the log: what each command changes, and what it answers.

use std::sync::Arc;

use kv_index::Change;
use kv_proto::command::{Watch, When};
use kv_proto::{Command, EncodedValue, Entry, Reply, Tag};

use super::keyspace::Place;
use super::view::{View, or_error, signed};
use super::writer::State;
use super::{Cut, Db, Stamp, text};

mod expiry;
mod keys;
mod rewrite;
mod set;

/// A write being applied.
pub(super) struct Edit<'a> {
    db: &'a Db,
    state: &'a mut State,
    stamp: Stamp,
    /// Debug mode: nothing reaches memory.
    without_effect: bool,
}

/// A key, where it is, and its entry unless that is expired.
struct Slot<'a> {
    key: &'a [u8],
    place: Place,
    entry: Option<Entry>,
}

/// What an entry holds under its key.
#[derive(Clone, Copy)]
struct Body<'a> {
    tag: Tag,
    payload: &'a [u8],
    /// As an entry has it; a value that a command computes has none.
    vector: &'a [u8],
}

impl<'a> Body<'a> {
    fn new(tag: Tag, payload: &'a [u8]) -> Body<'a> {
        let vector = &[];
        Body {
            tag,
            payload,
            vector,
        }
    }
}

impl<'a> From<&'a Entry> for Body<'a> {
    fn from(entry: &'a Entry) -> Body<'a> {
        Body {
            vector: entry.vector_bytes(),
            ..Body::new(entry.tag(), entry.payload())
        }
    }
}

impl<'a> From<&'a EncodedValue> for Body<'a> {
    fn from(value: &'a EncodedValue) -> Body<'a> {
        Body::new(value.tag, &value.payload)
    }
}

impl Slot<'_> {
    fn expires_at_ms(&self) -> Option<u64> {
        self.entry.as_ref()?.expires_at_ms()
    }
}

/// What becomes of an entry's expiry, in absolute time.
enum Deadline {
    Never,
    At(u64),
    /// Not later than now: the entry is gone at once.
    Past,
}

impl<'a> Edit<'a> {
    pub(super) fn new(
        db: &'a Db,
        state: &'a mut State,
        stamp: Stamp,
        without_effect: bool,
    ) -> Edit<'a> {
        Edit {
            db,
            state,
            stamp,
            without_effect,
        }
    }

    pub(super) fn run(&mut self, command: &Command) -> Reply {
        match command {
            Command::Set(set) => self.set(set),
            Command::MSet {
                pairs,
                only_if_none_exists,
            } => self.mset(pairs, *only_if_none_exists),
            Command::Del(keys) => self.del(keys),
            Command::GetDel(key) => self.get_del(key),
            Command::GetEx { key, expiry } => self.get_ex(key, *expiry),
            Command::Cas { key, old, new } => self.cas(key, old.as_ref(), new.as_ref()),
            Command::Transaction { watches, commands } => self.transaction(watches, commands),
            Command::Flush => self.flush(),
            Command::Sweep { limit } => self.sweep(*limit),
            Command::Train => self.train(),
            Command::ExpireAt {
                key,
                when,
                condition,
            } => self.expire_at(key, *when, *condition),
            Command::Persist(key) => self.persist(key),
            edit => self.rewrite(edit),
        }
    }

    /// Commands whose new value depends on the old one.
    fn rewrite(&mut self, command: &Command) -> Reply {
        or_error(match command {
            Command::Append { key, suffix } => {
                self.rewrite_text(key, |text| text::append(text, suffix))
            }
            Command::SetRange { key, patch, .. } if patch.is_empty() => self.view().text_len(key),
            Command::SetRange { key, offset, patch } => {
                self.rewrite_text(key, |text| text::overwrite(text, *offset, patch))
            }
            Command::IncrBy { key, delta } => self.incr_by(key, *delta),
            Command::IncrByFloat { key, delta } => self.incr_by_float(key, *delta),
            Command::Rename {
                from,
                to,
                only_if_absent,
            } => self.rename(from, to, *only_if_absent),
            Command::Copy { from, to, replace } => self.copy(from, to, *replace),
            read => Ok(self.view().read(read)),
        })
    }

    fn view(&self) -> View<'a> {
        self.db.view(self.stamp.now_ms)
    }

    fn slot<'k>(&self, key: &'k [u8]) -> Slot<'k> {
        let place = self.db.keyspace.place(key);
        let stored = self.db.keyspace.get_at(place, key);
        Slot {
            key,
            place,
            entry: stored.filter(|entry| !entry.is_expired(self.stamp.now_ms)),
        }
    }

    fn store<'b>(
        &mut self,
        slot: &Slot<'_>,
        body: impl Into<Body<'b>>,
        expires_at_ms: Option<u64>,
    ) {
        let (body, version) = (body.into(), self.stamp.index);
        let entry = Entry::with_vector(
            slot.key,
            body.tag,
            body.payload,
            body.vector,
            version,
            expires_at_ms,
        );
        self.insert(slot.place, entry);
    }

    fn insert(&mut self, place: Place, entry: Entry) {
        if self.without_effect {
            return;
        }
        self.preserve(place.shard());
        let expiring = entry.expires_at_ms().is_some().then(|| entry.clone());
        let indexed = self.db.is_indexing().then(|| entry.clone());
        let old = self.db.keyspace.insert_at(place, entry);
        if let Some(entry) = indexed {
            self.db.indexes.enqueue(Change::Put(entry));
        }
        self.forget_deadline(old.as_ref());
        if let Some(entry) = expiring {
            self.state.deadlines.insert(&entry);
            self.db.publish_deadlines(&self.state.deadlines);
        }
    }

    fn remove(&mut self, slot: &Slot<'_>) {
        if self.without_effect {
            return;
        }
        self.preserve(slot.place.shard());
        let old = self.db.keyspace.remove_at(slot.place, slot.key);
        self.forget_deadline(old.as_ref());
        if let Some(old) = old.filter(|_| self.db.is_indexing()) {
            self.db.indexes.enqueue(Change::Remove(old));
        }
    }

    fn forget_deadline(&mut self, old: Option<&Entry>) {
        if let Some(old) = old
            && old.expires_at_ms().is_some()
        {
            self.state.deadlines.remove(old);
            self.db.publish_deadlines(&self.state.deadlines);
        }
    }

    fn preserve(&self, shard: usize) {
        for cut in self.state.cuts() {
            cut.preserve(&self.db.keyspace, shard);
        }
    }

    /// Declares a cut at this very write; what is done with it is not for here.
    fn train(&mut self) -> Reply {
        if !self.without_effect {
            let cut = Arc::new(Cut::new(self.stamp));
            self.state
                .training_cuts
                .retain(|cut| cut.strong_count() > 0);
            self.state.training_cuts.push(Arc::downgrade(&cut));
            self.db.training.want(cut);
        }
        Reply::Int(signed(self.stamp.index))
    }

    fn deadline(&self, when: When) -> Deadline {
        let now_ms = self.stamp.now_ms;
        let at_ms = match when {
            When::UnixMs(at_ms) => u64::try_from(at_ms).unwrap_or(0),
            When::InMs(delta_ms) => now_ms.saturating_add_signed(delta_ms),
        };
        match at_ms {
            past if past <= now_ms => Deadline::Past,
            at_ms => Deadline::At(at_ms.min(i64::MAX.unsigned_abs())),
        }
    }

    fn store_until<'b>(&mut self, slot: &Slot<'_>, body: impl Into<Body<'b>>, deadline: Deadline) {
        match deadline {
            Deadline::Never => self.store(slot, body, None),
            Deadline::At(at_ms) => self.store(slot, body, Some(at_ms)),
            Deadline::Past => self.remove(slot),
        }
    }

    /// All commands as one write; a failing one does not undo the others.
    fn transaction(&mut self, watches: &[Watch], commands: &[Command]) -> Reply {
        if !self.view().unchanged(watches) {
            return Reply::NilArray;
        }
        Reply::Array(commands.iter().map(|command| self.run(command)).collect())
    }
}
