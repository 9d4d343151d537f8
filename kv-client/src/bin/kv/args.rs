//! The command line: what there is, and what it says of itself.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::duration::parse_duration;

mod cluster;
mod search;
mod vector;

pub(crate) use cluster::{ClusterCommand, MemberArg};
pub(crate) use search::{FindArgs, SearchArgs, SimilarArgs};
pub(crate) use vector::VectorArg;

/// Key-value store client; without a command, on a terminal, an interactive session.
#[derive(Debug, Parser)]
#[command(name = "kv", version, max_term_width = 100)]
#[command(after_help = "Exit codes: 1 failed, 2 usage, 3 connection, 4 not found, 5 conflict.")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Server, or several that serve the same data
    #[arg(
        short,
        long,
        global = true,
        env = "KV_CONNECT",
        hide_env_values = true,
        default_value = "127.0.0.1:5000"
    )]
    #[arg(value_name = "ADDR[,ADDR…]")]
    pub(crate) connect: String,
    /// File that holds the password, readable by its owner only
    #[arg(
        long,
        global = true,
        env = "KV_PASSWORD_FILE",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) password_file: Option<PathBuf>,
    /// Time limit for one request, as 500ms, 10s, 2m
    #[arg(
        long,
        global = true,
        env = "KV_TIMEOUT",
        hide_env_values = true,
        value_name = "TIME",
        default_value = "10s"
    )]
    #[arg(value_parser = parse_duration)]
    pub(crate) timeout: Duration,
    /// Output for programs: JSON with stable field names
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// No confirmations and no progress
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Let any node of a cluster answer reads, from what it has, which may be old
    #[arg(long, global = true)]
    pub(crate) stale: bool,
    /// Debug mode: chance, 0 to 1, that a write is logged but does not reach memory
    #[arg(long, global = true, value_name = "CHANCE")]
    pub(crate) debug_fault: Option<f64>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print the value of a key
    Get {
        /// Which one
        key: String,
        /// Bytes and text as they are; other values as compact JSON
        #[arg(long)]
        raw: bool,
    },
    /// Store a value
    Set(SetArgs),
    /// Remove keys
    #[command(visible_alias = "delete")]
    Del {
        /// Which ones
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
    /// Store several values in one step, all or none
    #[command(visible_alias = "bulk-set")]
    Mset {
        /// Pairs; without any, a JSON object from stdin
        #[arg(value_name = "KEY=VALUE")]
        pairs: Vec<String>,
        /// Values are text even if they are JSON
        #[arg(long)]
        text: bool,
    },
    /// Add to a number and print the sum
    Incr {
        /// Which one; 0 if there is none
        key: String,
        /// What to add, also negative; not whole: a float
        #[arg(default_value = "1", allow_negative_numbers = true)]
        delta: String,
    },
    /// Compare and set: store NEW only if the value is OLD
    Cas {
        /// Which one
        key: String,
        /// Expected value
        #[arg(allow_negative_numbers = true)]
        old: String,
        /// Value to store
        #[arg(allow_negative_numbers = true)]
        new: String,
        /// Values are text even if they are JSON
        #[arg(long)]
        text: bool,
    },
    /// Count how many of the keys exist
    Exists {
        /// Which ones
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
    /// Let a key expire
    Expire {
        /// Which one
        key: String,
        /// When: from now, as 30s, 5m, 2h, 1d; a plain number is seconds
        #[arg(value_parser = parse_duration)]
        ttl: Duration,
    },
    /// Print how long a key has to live
    Ttl {
        /// Which one
        key: String,
    },
    /// Remove the expiry of a key
    Persist {
        /// Which one
        key: String,
    },
    /// List keys, in no particular order
    Scan {
        /// Glob: * any, ? one, [a-z] one of
        #[arg(conflicts_with = "prefix")]
        pattern: Option<String>,
        /// Keys that begin with this
        #[arg(long)]
        prefix: Option<String>,
        /// At most so many
        #[arg(long, value_name = "COUNT")]
        limit: Option<u64>,
    },
    /// List keys and values in key order
    Range(RangeArgs),
    /// List keys whose value is this one
    Find(FindArgs),
    /// Search by words, best first
    Search(SearchArgs),
    /// Search by meaning, best first
    Similar(SimilarArgs),
    /// Let the server learn from all texts which words go together, for `similar`
    Train,
    /// What the server knows of a key, or of itself
    #[command(visible_alias = "metadata")]
    Meta {
        /// Which one; without it, the server
        key: Option<String>,
    },
    /// What the server says of itself; of several servers a line each
    Status {
        /// Again and again, of all members of a cluster
        #[arg(long, value_name = "EVERY", num_args = 0..=1, default_missing_value = "1s")]
        #[arg(value_parser = parse_duration)]
        watch: Option<Duration>,
    },
    /// Look at a cluster and change who belongs to it
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Ask the server for an answer and say how long it took
    Ping,
    /// Store what a file holds
    Import(ImportArgs),
    /// Write all keys, values and expiries as JSON lines
    Export {
        /// Where to; replaced only when all is written
        #[arg(default_value = "-")]
        file: PathBuf,
        /// Keys that begin with this
        #[arg(long)]
        prefix: Option<String>,
    },
    /// Print the records of a write-ahead log, and where it is damaged
    WalDump {
        /// Data directory of a server, or its `wal`
        dir: PathBuf,
        /// At most so many
        #[arg(long, value_name = "COUNT")]
        limit: Option<u64>,
    },
    /// Print a script that completes `kv` in a shell
    Completions {
        /// For which
        shell: Shell,
    },
    /// Start an interactive session; without a terminal, run the lines of stdin
    Repl,
}

#[derive(Debug, Args)]
pub(crate) struct SetArgs {
    /// Which one
    pub(crate) key: String,
    /// JSON if it is JSON, else text; - reads it from stdin
    #[arg(allow_negative_numbers = true, required_unless_present = "bytes_file")]
    pub(crate) value: Option<String>,
    /// The value is text even if it is JSON
    #[arg(long)]
    pub(crate) text: bool,
    /// The value is the bytes of a file; - is stdin
    #[arg(long, value_name = "FILE", conflicts_with_all = ["value", "text"])]
    pub(crate) bytes_file: Option<PathBuf>,
    /// Its vector: the key is found by it, not by its text, as 0.5,-1,2
    #[arg(long, value_name = "NUMBERS", allow_hyphen_values = true)]
    pub(crate) vector: Option<VectorArg>,
    /// It expires: from now, as 30s, 5m, 2h, 1d; a plain number is seconds
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) ttl: Option<Duration>,
    /// Only if there is no such key
    #[arg(long, conflicts_with = "if_present")]
    pub(crate) if_absent: bool,
    /// Only if there is such a key
    #[arg(long)]
    pub(crate) if_present: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RangeArgs {
    /// First key
    #[arg(conflicts_with = "prefix")]
    pub(crate) start: Option<String>,
    /// First key that is not in any more
    pub(crate) end: Option<String>,
    /// Keys that begin with this
    #[arg(long)]
    pub(crate) prefix: Option<String>,
    /// At most so many
    #[arg(long, value_name = "COUNT")]
    pub(crate) limit: Option<u64>,
    /// From the end backwards
    #[arg(long)]
    pub(crate) reverse: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// JSON lines as `export` writes them, or one JSON object of keys and values; - is stdin
    pub(crate) file: PathBuf,
    /// What the file holds
    #[arg(long, value_enum, default_value_t = Format::Auto)]
    pub(crate) format: Format,
    /// Begin at this line (or, of an object, entry), where an import stopped before
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub(crate) from_line: u64,
    /// Report a bad line and go on
    #[arg(long)]
    pub(crate) keep_going: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// Look at the first line
    Auto,
    /// One record a line: {"key": …, "value": …, "ttl_ms": …}
    Lines,
    /// One object: {key: value, …}
    Object,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn negative_numbers_are_values() {
        let cli = Cli::try_parse_from(["kv", "set", "k", "-1.5", "--ttl", "5m"]).unwrap();
        let Some(Command::Set(set)) = cli.command else {
            panic!("another command");
        };
        assert_eq!(set.value.as_deref(), Some("-1.5"));
        assert_eq!(set.ttl, Some(Duration::from_secs(300)));
    }
}
