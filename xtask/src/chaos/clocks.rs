//! Clocks of nodes that can be set: libfaketime, if it is installed.
//!
//! Only the time of day jumps. The clock that elections are measured with does not, as on a real
//! machine whose time is set.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Where distributions put it.
const LIBRARIES: [&str; 4] = [
    "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/aarch64-linux-gnu/faketime/libfaketimeMT.so.1",
    "/usr/lib/faketime/libfaketimeMT.so.1",
    "/usr/lib64/faketime/libfaketimeMT.so.1",
];

/// A file a node, which says how far its clock is off.
pub(super) struct Clocks {
    library: &'static str,
    dir: PathBuf,
}

impl Clocks {
    /// All clocks are right. `None` without the library.
    pub(super) fn find(dir: &Path, count: u64) -> Result<Option<Clocks>> {
        let found = LIBRARIES.into_iter().find(|path| Path::new(path).exists());
        let Some(library) = found else {
            eprintln!("chaos: no clock jumps: libfaketime is not installed");
            return Ok(None);
        };
        let clocks = Clocks {
            library,
            dir: dir.to_path_buf(),
        };
        (0..count).try_for_each(|id| clocks.set(id, 0))?;
        Ok(Some(clocks))
    }

    /// What a node is run under.
    pub(super) fn wrapper(&self, id: u64) -> Vec<OsString> {
        let words = [
            "env".to_owned(),
            format!("LD_PRELOAD={}", self.library),
            format!("FAKETIME_TIMESTAMP_FILE={}", self.file(id).display()),
            "FAKETIME_CACHE_DURATION=1".to_owned(),
            "FAKETIME_DONT_FAKE_MONOTONIC=1".to_owned(),
            "DONT_FAKE_MONOTONIC=1".to_owned(),
        ];
        words.into_iter().map(Into::into).collect()
    }

    /// Within a second, a node's clock is off by this.
    pub(super) fn set(&self, id: u64, seconds: i64) -> Result<()> {
        let file = self.file(id);
        // Replaced whole: the node may read it at any time.
        let new = file.with_extension("new");
        fs::write(&new, format!("{seconds:+}s\n"))
            .and_then(|()| fs::rename(&new, &file))
            .with_context(|| format!("cannot write {}", file.display()))
    }

    fn file(&self, id: u64) -> PathBuf {
        self.dir.join(format!("node{id}.clock"))
    }
}
