//! SET in all its forms, MSET, KV.CAS.

use kv_proto::command::{Expiry, Key, Set, SetCondition, SetReply};
use kv_proto::{EncodedValue, Entry, Reply, Tag};

use super::{Body, Deadline, Edit, Slot};
use crate::db::text;

impl Edit<'_> {
    pub(super) fn set(&mut self, set: &Set) -> Reply {
        match set {
            Set {
                key,
                value,
                vector: None,
                condition: SetCondition::Always,
                expiry: Expiry::Clear,
                reply: SetReply::OkOrNil,
            } => self.put(key, value),
            _ => return self.set_with(set),
        }
        Reply::Ok
    }

    /// Stores without a look at what was there.
    fn put(&mut self, key: &[u8], value: &EncodedValue) {
        let place = self.db.keyspace.place(key);
        let entry = Entry::new(key, value.tag, &value.payload, self.stamp.index, None);
        self.insert(place, entry);
    }

    fn set_with(&mut self, set: &Set) -> Reply {
        let slot = self.slot(&set.key);
        let stored = holds(&set.condition, slot.entry.as_ref());
        if stored {
            let deadline = match set.expiry {
                Expiry::Clear => Deadline::Never,
                Expiry::Keep => slot.deadline(),
                Expiry::At(when) => self.deadline(when),
            };
            let vector = set.vector.as_deref().map(le_bytes);
            let body = Body {
                vector: vector.as_deref().unwrap_or_default(),
                ..Body::from(&set.value)
            };
            self.store_until(&slot, body, deadline);
        }
        set_reply(set.reply, stored, slot.entry)
    }

    pub(super) fn mset(
        &mut self,
        pairs: &[(Key, EncodedValue)],
        only_if_none_exists: bool,
    ) -> Reply {
        if only_if_none_exists && pairs.iter().any(|(key, _)| self.slot(key).entry.is_some()) {
            return Reply::Int(0);
        }
        pairs.iter().for_each(|(key, value)| self.put(key, value));
        match only_if_none_exists {
            true => Reply::Int(1),
            false => Reply::Ok,
        }
    }

    /// The expiry stays as it is.
    pub(super) fn cas(
        &mut self,
        key: &[u8],
        old: Option<&EncodedValue>,
        new: Option<&EncodedValue>,
    ) -> Reply {
        let slot = self.slot(key);
        let equal = match (&slot.entry, old) {
            (Some(entry), Some(value)) => is_value(entry, value),
            (None, None) => true,
            _ => false,
        };
        match new {
            _ if !equal => return Reply::Int(0),
            Some(value) => self.store_until(&slot, value, slot.deadline()),
            None if slot.entry.is_some() => self.remove(&slot),
            None => {}
        }
        Reply::Int(1)
    }
}

impl Slot<'_> {
    fn deadline(&self) -> Deadline {
        self.expires_at_ms().map_or(Deadline::Never, Deadline::At)
    }
}

fn le_bytes(vector: &[f32]) -> Vec<u8> {
    let bytes = vector.iter().flat_map(|number| number.to_le_bytes());
    bytes.collect()
}

fn holds(condition: &SetCondition, entry: Option<&Entry>) -> bool {
    match condition {
        SetCondition::Always => true,
        SetCondition::IfAbsent => entry.is_none(),
        SetCondition::IfPresent => entry.is_some(),
        SetCondition::IfEqual(text) => entry.is_some_and(|entry| text::equals(entry, text)),
    }
}

fn set_reply(form: SetReply, stored: bool, old: Option<Entry>) -> Reply {
    match form {
        SetReply::OkOrNil if stored => Reply::Ok,
        SetReply::OkOrNil => Reply::Nil,
        SetReply::Old => old.map_or(Reply::Nil, Reply::Entry),
        SetReply::Count => Reply::Int(i64::from(stored)),
    }
}

/// Whether an entry holds `value`: the same type and the same encoding, or bytes that are the
/// value's text (what a RESP `SET` stored may be compared with a typed value).
fn is_value(entry: &Entry, value: &EncodedValue) -> bool {
    if entry.tag() == value.tag {
        return *entry.payload() == *value.payload;
    }
    let typed = || Entry::new(b"", value.tag, &value.payload, 0, None);
    entry.tag() == Tag::Bytes && text::equals(&typed(), entry.payload())
}
