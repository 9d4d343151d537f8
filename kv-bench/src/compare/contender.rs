//! The two sides of a comparison.

use std::fmt;
use std::path::Path;
use std::process::Command;

use super::durability::Durability;
use super::server::Addresses;

/// One side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contender {
    /// Ours.
    KvNode,
    /// The reference.
    Redis,
}

impl Contender {
    /// In the order of measuring.
    pub const BOTH: [Contender; 2] = [Contender::KvNode, Contender::Redis];

    /// The command that starts it in the foreground. `tail` is appended and wins over all before.
    ///
    /// Redis neither saves nor rewrites by itself: it is measured at its best.
    #[must_use]
    pub fn command(
        self,
        binary: &Path,
        data_dir: &Path,
        addresses: Addresses,
        durability: Durability,
        tail: &[String],
    ) -> Command {
        let mut command = Command::new(binary);
        let setting = durability.setting(self);
        match self {
            Contender::KvNode => {
                command.arg("--data-dir").arg(data_dir);
                command.args(["--listen", &addresses.client.to_string()]);
                command.args(["--admin", &addresses.admin.to_string()]);
                command.args(["--sync", setting]);
            }
            Contender::Redis => {
                let port = addresses.client.port().to_string();
                command.args(["--bind", "127.0.0.1", "--port", &port, "--dir"]);
                command.arg(data_dir);
                command.args(["--save", "", "--auto-aof-rewrite-percentage", "0"]);
                command.args(["--appendonly", "yes", "--appendfsync", setting]);
            }
        }
        command.args(tail);
        command
    }
}

impl fmt::Display for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Contender::KvNode => "kv-node",
            Contender::Redis => "redis-server",
        })
    }
}
