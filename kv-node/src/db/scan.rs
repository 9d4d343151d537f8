//! Commands that walk over keys: SCAN, KEYS, RANDOMKEY, KV.RANGE.
//!
//! A scan goes through the keys in the order of their keyed hash, and its cursor is a place in
//! that order: no state is kept between calls, and a key that is there from the first call to the
//! last is returned, whatever else comes and goes meanwhile.

use std::cmp::Ordering;

use bytes::Bytes;
use kv_index::ordered::{Direction, KeyRange};
use kv_proto::{Command, Entry, Reply, glob};

use super::RESP_TYPE;
use super::keyspace::{SHARD_COUNT, shard_of, shard_start};
use super::view::View;

/// What a SCAN wants to see.
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl View<'_> {
    /// Answers the commands that walk over keys.
    pub(super) fn walk(&self, command: &Command) -> Reply {
        match command {
            Command::RandomKey => self.random_key(),
            Command::Keys { pattern } => self.keys(pattern),
            Command::Scan {
                cursor,
                pattern,
                count,
                kind,
            } => {
                let filter = Filter {
                    pattern: pattern.as_deref(),
                    kind: kind.as_deref(),
                };
                self.scan(*cursor, *count, &filter)
            }
            Command::Range {
                start,
                end,
                limit,
                reverse,
            } => self.range(start, end.as_deref(), *limit, *reverse),
            write => unreachable!("{write:?} is a write: it has a place in the log"),
        }
    }

    fn keys(&self, pattern: &[u8]) -> Reply {
        let mut keys = Vec::new();
        for shard in 0..SHARD_COUNT {
            self.visit_live(shard, |entry| {
                if glob::matches_key(pattern, entry.key()) {
                    keys.push(key_reply(entry));
                }
            });
        }
        Reply::Array(keys)
    }

    fn visit_live(&self, shard: usize, mut visit: impl FnMut(&Entry)) {
        self.db.keyspace.visit_shard(shard, |entry| {
            if !entry.is_expired(self.now_ms) {
                visit(entry);
            }
        });
    }

    /// Some random shard's random entry; the shards after it if it is empty.
    fn random_key(&self) -> Reply {
        let first = self.db.random();
        let steps = (0..SHARD_COUNT as u64).map(|step| first.wrapping_add(step));
        steps
            .filter_map(|step| self.random_in(usize::try_from(step % SHARD_COUNT as u64).ok()?))
            .next()
            .map_or(Reply::Nil, |entry| key_reply(&entry))
    }

    fn random_in(&self, shard: usize) -> Option<Entry> {
        let (mut chosen, mut seen) = (None, 0);
        self.visit_live(shard, |entry| {
            seen += 1;
            if self.db.random().is_multiple_of(seen) {
                chosen = Some(entry.clone());
            }
        });
        chosen
    }

    fn scan(&self, cursor: u64, count: u64, filter: &Filter<'_>) -> Reply {
        let count = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
        let (mut seen, mut from) = (Vec::new(), Some(cursor));
        while let Some(position) = from
            && seen.len() < count
        {
            from = self.scan_shard(position, count, &mut seen);
        }
        let keys = seen.iter().filter(|entry| filter.accepts(entry));
        Reply::Array(vec![
            Reply::Bytes(from.unwrap_or(0).to_string().into()),
            Reply::Array(keys.map(key_reply).collect()),
        ])
    }

    /// Appends entries of the shard of `from` in order, from there on, until there are `count`.
    /// Returns where to go on.
    fn scan_shard(&self, from: u64, count: usize, seen: &mut Vec<Entry>) -> Option<u64> {
        let shard = shard_of(from)?;
        let mut entries = Vec::new();
        self.visit_live(shard, |entry| {
            let position = self.db.keyspace.place(entry.key()).position();
            if position >= from {
                entries.push((position, entry.clone()));
            }
        });
        entries.sort_unstable_by_key(|(position, _)| *position);
        let mut end = entries.len().min(count - seen.len());
        while end < entries.len() && entries[end].0 == entries[end - 1].0 {
            end += 1; // keys at one position go together: the cursor cannot tell them apart
        }
        let next = entries.get(end).map(|(position, _)| *position);
        seen.extend(entries.drain(..end).map(|(_, entry)| entry));
        match next {
            Some(position) => Some(position),
            None if shard + 1 < SHARD_COUNT => Some(shard_start(shard + 1)),
            None => None,
        }
    }

    /// From the ordered index; without one, by looking at every key.
    fn range(&self, start: &[u8], end: Option<&[u8]>, limit: u64, reverse: bool) -> Reply {
        let direction = match reverse {
            false => Direction::Ascending,
            true => Direction::Descending,
        };
        let range = KeyRange::new(start, end);
        let count = usize::try_from(limit).unwrap_or(usize::MAX);
        let indexes = &self.db.indexes;
        let entries = indexes
            .range(&range, direction, count, self.now_ms)
            .unwrap_or_else(|| self.select(start, end, count, reverse));
        let pairs = entries.into_iter();
        Reply::Array(
            pairs
                .flat_map(|entry| [key_reply(&entry), Reply::Entry(entry)])
                .collect(),
        )
    }

    /// Holds on to about `limit` entries.
    fn select(&self, start: &[u8], end: Option<&[u8]>, limit: usize, reverse: bool) -> Vec<Entry> {
        let mut best = Best {
            entries: Vec::new(),
            limit,
            reverse,
        };
        for shard in 0..SHARD_COUNT {
            self.visit_live(shard, |entry| {
                if entry.key() >= start && end.is_none_or(|end| entry.key() < end) {
                    best.push(entry);
                }
            });
        }
        best.finish()
    }
}

/// The first `limit` of the entries it was shown.
struct Best {
    entries: Vec<Entry>,
    limit: usize,
    reverse: bool,
}

impl Best {
    fn push(&mut self, entry: &Entry) {
        self.entries.push(entry.clone());
        if self.entries.len() >= self.limit.saturating_mul(2).saturating_add(1024) {
            let reverse = self.reverse;
            self.entries
                .select_nth_unstable_by(self.limit, |a, b| key_order(a, b, reverse));
            self.entries.truncate(self.limit);
        }
    }

    fn finish(mut self) -> Vec<Entry> {
        self.entries
            .sort_unstable_by(|a, b| key_order(a, b, self.reverse));
        self.entries.truncate(self.limit);
        self.entries
    }
}

fn key_order(a: &Entry, b: &Entry, reverse: bool) -> Ordering {
    match reverse {
        false => a.key().cmp(b.key()),
        true => b.key().cmp(a.key()),
    }
}

impl Filter<'_> {
    fn accepts(&self, entry: &Entry) -> bool {
        let kind = self
            .kind
            .is_none_or(|kind| kind.eq_ignore_ascii_case(RESP_TYPE.as_bytes()));
        kind && self
            .pattern
            .is_none_or(|pattern| glob::matches_key(pattern, entry.key()))
    }
}

fn key_reply(entry: &Entry) -> Reply {
    Reply::Bytes(Bytes::copy_from_slice(entry.key()))
}
