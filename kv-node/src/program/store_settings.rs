//! Settings of the data on this node's disk and in its memory.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use kv_index::embed::WordVectors;
use kv_index::kinds::{Rule, Rules};
use kv_index::text::Stemming;
use kv_wal::SyncPolicy;

use crate::config::{ByteSize, Period};
use crate::report::{ExitCode, Report};
use crate::server::ServerSettings;
use crate::store::{Limits, StoreOptions};

/// A log record holds one request, and never more than this.
const RECORD_BYTES_MAX: usize = 512 << 20;

/// An I/O thread syncs by itself on a disk that takes no longer: to hand over to another thread and
/// back would take about as long, and no client of that thread has anything else to wait for.
const CALLER_SYNC_MAX: Duration = Duration::from_micros(400);

/// What `--embedder` calls the one that needs no file.
const HASHING: &str = "hashing";

/// Settings of the data on this node's disk and in its memory.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Data")]
pub struct StoreSettings {
    /// Directory for the log and the snapshots; created if need be
    #[arg(long, env = "KV_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// When a write counts as done
    #[arg(long, env = "KV_SYNC", value_name = "WHEN", value_enum, default_value_t = Sync::Always)]
    pub sync: Sync,

    /// With --sync interval: time between two syncs, 1ms to 1h
    #[arg(long, env = "KV_SYNC_INTERVAL", value_name = "TIME", default_value = "1s", value_parser = sync_interval)]
    pub sync_interval: Period,

    /// What to index: `ordered`, `value`, `text`, `semantic`, with commas between them, `all` or
    /// `none`; after `PREFIX=` for keys that begin so. The longest prefix counts; may be repeated, or
    /// written with `;` between
    #[arg(
        long,
        env = "KV_INDEX",
        value_name = "[PREFIX=]KINDS",
        default_value = "all",
        value_delimiter = ';'
    )]
    pub index: Vec<Rule>,

    /// Language whose words are reduced to stems in full-text search, as `german`; `none`: words stay
    /// as they are
    #[arg(
        long,
        env = "KV_LANGUAGE",
        value_name = "NAME",
        default_value = "english"
    )]
    pub language: Stemming,

    /// What makes vectors of texts: `hashing` (what words look like), or a file of word vectors:
    /// word2vec (text or binary), GloVe, fastText's .vec
    #[arg(long, env = "KV_EMBEDDER", value_name = "hashing|FILE", default_value = HASHING)]
    pub embedder: PathBuf,

    /// Dimensions of the vectors that values may come with, 1 to 4096; 0: they come without. Entries
    /// that have a vector of other dimensions already are found by their text alone
    #[arg(
        long,
        env = "KV_VECTOR_DIMS",
        value_name = "N",
        default_value_t = 0,
        value_parser = clap::value_parser!(u16).range(..=4096)
    )]
    pub vector_dims: u16,

    /// Memory of the entries beyond which writes that need more are refused; 0: no limit
    #[arg(long, env = "KV_MAX_MEMORY", value_name = "BYTES", default_value = "0")]
    pub max_memory: ByteSize,
}

/// When a write counts as done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Sync {
    /// When it is on the disk: survives a power cut
    Always,
    /// When the system has it: survives a crash; a power cut costs up to an interval
    Interval,
    /// When the system has it: survives a crash; a power cut costs what the system has not written
    Never,
}

fn word_vectors(path: &Path) -> Result<WordVectors, Report> {
    let read = || WordVectors::read(&mut BufReader::with_capacity(1 << 20, File::open(path)?));
    read().map_err(|error| {
        let what = format!("cannot use the word vectors in {}", path.display());
        let report = Report::new(ExitCode::Usage, what).cause(error);
        report.hint("--embedder takes `hashing`, or a file of word2vec, GloVe or fastText (.vec)")
    })
}

fn sync_interval(text: &str) -> Result<Period, String> {
    let period = text.parse::<Period>().map_err(|error| error.to_string())?;
    match period.0 >= Duration::from_millis(1) && period.0 <= Duration::from_secs(3600) {
        true => Ok(period),
        false => Err("must be between 1ms and 1h".into()),
    }
}

impl StoreSettings {
    /// The store these settings describe, held to the server's limits on requests.
    ///
    /// # Errors
    /// If there is no data directory, or the word vectors cannot be used.
    pub fn options(&self, server: &ServerSettings) -> Result<StoreOptions, Report> {
        let Some(data_dir) = &self.data_dir else {
            return Err(Report::new(ExitCode::Usage, "no data dir is given")
                .cause("the log and the snapshots must lie somewhere")
                .hint("use --data-dir DIR"));
        };
        let mut options = StoreOptions::new(data_dir);
        options.wal.sync = self.sync_policy();
        options.wal.caller_sync_max = CALLER_SYNC_MAX;
        let frame_bytes = server.frame_bytes_max.as_usize();
        let record_bytes = (2 * frame_bytes).min(RECORD_BYTES_MAX);
        options.wal.record_bytes_max = options.wal.record_bytes_max.max(record_bytes);
        options.wal.pending_bytes_max = options.wal.pending_bytes_max.max(record_bytes);
        options.indexes.rules = Rules::new(self.index.clone());
        options.indexes.stemming = self.language;
        if self.embedder != Path::new(HASHING) {
            options.indexes.learns = false;
            options.indexes.embedder = Arc::new(word_vectors(&self.embedder)?);
        }
        options.indexes.vector_dims = usize::from(self.vector_dims);
        options.limits = Limits {
            requests: server.limits(),
            memory_bytes_max: self.max_memory.0,
            allow_faults: server.debug_faults,
            ..options.limits
        };
        Ok(options)
    }

    fn sync_policy(&self) -> SyncPolicy {
        match self.sync {
            Sync::Always => SyncPolicy::Always,
            Sync::Interval => SyncPolicy::Interval(self.sync_interval.0),
            Sync::Never => SyncPolicy::Never,
        }
    }
}
