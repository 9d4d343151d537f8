//! What an acknowledged write has behind it. Two servers are compared only at the same level.

use std::fmt;

use serde::Serialize;

use super::contender::Contender;

/// When a write reaches the disk, seen from its acknowledgement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Durability {
    /// Before it.
    Always,
    /// About a second after it.
    EverySecond,
    /// When the operating system likes.
    Never,
}

impl Durability {
    /// What the server's own setting for it is called.
    #[must_use]
    pub fn setting(self, contender: Contender) -> &'static str {
        match (contender, self) {
            (_, Durability::Always) => "always",
            (Contender::KvNode, Durability::EverySecond) => "interval",
            (Contender::KvNode, Durability::Never) => "never",
            (Contender::Redis, Durability::EverySecond) => "everysec",
            (Contender::Redis, Durability::Never) => "no",
        }
    }

    /// The level that a Redis client is told with `CONFIG GET`.
    #[must_use]
    pub fn from_config(append_only: &str, append_fsync: &str) -> Option<Durability> {
        match (append_only, append_fsync) {
            ("yes", "always") => Some(Durability::Always),
            ("yes", "everysec") => Some(Durability::EverySecond),
            ("yes", "no") => Some(Durability::Never),
            _ => None,
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Durability::Always => "each write synced",
            Durability::EverySecond => "synced every second",
            Durability::Never => "never synced",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Durability; 3] = [
        Durability::Always,
        Durability::EverySecond,
        Durability::Never,
    ];

    #[test]
    fn a_redis_with_the_setting_reports_the_level() {
        for level in ALL {
            let setting = level.setting(Contender::Redis);
            assert_eq!(Durability::from_config("yes", setting), Some(level));
        }
    }

    #[test]
    fn a_server_without_a_log_has_no_level() {
        assert_eq!(Durability::from_config("no", "always"), None);
        assert_eq!(Durability::from_config("yes", "sometimes"), None);
    }
}
