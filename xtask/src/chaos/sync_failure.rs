//! Syncs of a node's log that fail: strace changes what the system says, if it is installed.

use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal};

use crate::step;

/// Fails one `fdatasync` with EIO, and watches the node until it is dropped.
pub(super) struct SyncFailure {
    strace: Child,
}

impl SyncFailure {
    /// Whether it can be done here.
    pub(super) fn is_possible() -> bool {
        step::is_installed("strace")
    }

    /// The next sync of the process fails; those after it would not.
    pub(super) fn start(pid: u32) -> Result<SyncFailure> {
        let mut command = Command::new("strace");
        command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"]);
        command.args(["-e", "inject=fdatasync:error=EIO:when=1"]);
        command.arg("-p").arg(pid.to_string());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        let strace = command.spawn().context("cannot start strace")?;
        Ok(SyncFailure { strace })
    }
}

impl Drop for SyncFailure {
    fn drop(&mut self) {
        let pid = i32::try_from(self.strace.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It lets go of the node when it is asked to end, not when it is killed. It has ended
            // if the node has.
            let _ = rustix::process::kill_process(pid, Signal::TERM);
        }
        let _ = self.strace.wait();
    }
}
