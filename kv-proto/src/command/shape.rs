//! What can be said of a command without executing it: its name, its keys, its size.

use super::{Command, Key, Set};

impl Command {
    /// Its name, for people and metrics; that of the RESP command it comes from.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Command::Get(_) => "get",
            Command::MGet(_) => "mget",
            Command::Exists(_) => "exists",
            Command::Type(_) => "type",
            Command::StrLen(_) => "strlen",
            Command::GetRange { .. } => "getrange",
            Command::Ttl { .. } => "ttl",
            Command::DbSize => "dbsize",
            Command::RandomKey => "randomkey",
            Command::Keys { .. } => "keys",
            Command::Scan { .. } => "scan",
            Command::Range { .. } => "range",
            Command::Find { .. } => "find",
            Command::Search { .. } => "search",
            Command::Similar { .. } => "similar",
            Command::Meta(_) => "meta",
            Command::Versions(_) => "versions",
            Command::Set(_) => "set",
            Command::MSet { .. } => "mset",
            Command::Del(_) => "del",
            Command::GetDel(_) => "getdel",
            Command::GetEx { .. } => "getex",
            Command::Append { .. } => "append",
            Command::SetRange { .. } => "setrange",
            Command::IncrBy { .. } => "incrby",
            Command::IncrByFloat { .. } => "incrbyfloat",
            Command::Rename { .. } => "rename",
            Command::Copy { .. } => "copy",
            Command::ExpireAt { .. } => "expireat",
            Command::Persist(_) => "persist",
            Command::Touch(_) => "touch",
            Command::Flush => "flush",
            Command::Cas { .. } => "cas",
            Command::Transaction { .. } => "transaction",
            Command::Sweep { .. } => "sweep",
            Command::Train => "train",
        }
    }

    /// How many keys, pairs or commands it names.
    #[must_use]
    pub fn op_count(&self) -> usize {
        match self {
            Command::MGet(keys)
            | Command::Exists(keys)
            | Command::Versions(keys)
            | Command::Del(keys)
            | Command::Touch(keys) => keys.len(),
            Command::MSet { pairs, .. } => pairs.len(),
            Command::Transaction { commands, .. } => commands.len(),
            _ => 1,
        }
    }

    /// Calls `visit` with each key it names, until one call fails. The ends of a range and the
    /// prefix of a search are not keys it names, but are visited too: they are bounded alike.
    ///
    /// # Errors
    /// That of the call.
    pub fn visit_keys<'a, E>(
        &'a self,
        visit: &mut impl FnMut(&'a Key) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Command::MGet(keys)
            | Command::Exists(keys)
            | Command::Versions(keys)
            | Command::Del(keys)
            | Command::Touch(keys) => keys.iter().try_for_each(visit),
            Command::MSet { pairs, .. } => pairs.iter().map(|(key, _)| key).try_for_each(visit),
            Command::Rename { from, to, .. } | Command::Copy { from, to, .. } => {
                [from, to].into_iter().try_for_each(visit)
            }
            Command::Range { start, end, .. } => {
                std::iter::once(start).chain(end).try_for_each(visit)
            }
            Command::Search { options, .. } => options.prefix.iter().try_for_each(visit),
            Command::Similar { query, prefix, .. } => {
                query.key().into_iter().chain(prefix).try_for_each(visit)
            }
            Command::Transaction { watches, commands } => {
                watches
                    .iter()
                    .map(|watch| &watch.key)
                    .try_for_each(&mut *visit)?;
                commands
                    .iter()
                    .try_for_each(|command| command.visit_keys(visit))
            }
            one => one.key().map_or(Ok(()), visit),
        }
    }

    /// The key, if it names exactly one.
    #[must_use]
    pub fn key(&self) -> Option<&Key> {
        match self {
            Command::Set(Set { key, .. })
            | Command::Get(key)
            | Command::Type(key)
            | Command::StrLen(key)
            | Command::GetRange { key, .. }
            | Command::Ttl { key, .. }
            | Command::Meta(key)
            | Command::GetDel(key)
            | Command::GetEx { key, .. }
            | Command::Append { key, .. }
            | Command::SetRange { key, .. }
            | Command::IncrBy { key, .. }
            | Command::IncrByFloat { key, .. }
            | Command::ExpireAt { key, .. }
            | Command::Persist(key)
            | Command::Cas { key, .. } => Some(key),
            _ => None,
        }
    }
}
