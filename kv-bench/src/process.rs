//! Processes that are started for a measurement, and never outlive it.
//!
//! 1. A [`Process`] that is dropped, for whatever reason, is ended by its process id and waited
//!    for.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::clock::now;

pub mod usage;

pub use usage::Usage;

/// Between two looks at a condition that nobody announces.
pub const POLL_INTERVAL: Duration = Duration::from_millis(2);

/// A running child process.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
}

impl Process {
    /// Starts `command`; `name` is what messages call it.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start(name: &str, command: &mut Command) -> io::Result<Process> {
        Ok(Process {
            child: command.spawn()?,
            name: name.to_owned(),
        })
    }

    /// What messages call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The child, for its pipes.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// How it ended, if it did.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn exit_status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks it to end (SIGTERM) and waits; after `patience` it is killed.
    ///
    /// # Errors
    ///
    /// If the system does not say how it ended.
    pub fn stop(mut self, patience: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM);
        if let Some(status) = self.wait_until(now() + patience)? {
            return Ok(status);
        }
        self.kill()
    }

    /// Kills it (SIGKILL) and waits.
    ///
    /// # Errors
    ///
    /// If the system does not say how it ended.
    pub fn kill(&mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL);
        self.child.wait()
    }

    fn wait_until(&mut self, deadline: Instant) -> io::Result<Option<ExitStatus>> {
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            if now() >= deadline {
                return Ok(None);
            }
            std::thread::sleep(POLL_INTERVAL);
        }
    }

    /// A child that was not waited for keeps its process id, so nobody else can be hit.
    fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(pid) = pid {
            // It may have ended by itself; then there is nothing left to signal.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            // Nothing can be done about an error while unwinding.
            let _ = self.kill();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Process {
        Process::start("sleeper", Command::new("sleep").arg("600")).unwrap()
    }

    fn is_running(pid: u32) -> bool {
        std::fs::exists(format!("/proc/{pid}")).unwrap()
    }

    #[test]
    fn a_dropped_process_is_gone() {
        let process = sleeper();
        let pid = process.pid();
        assert!(is_running(pid));
        drop(process);
        assert!(!is_running(pid));
    }

    #[test]
    fn a_panic_does_not_leave_the_process_behind() {
        let process = sleeper();
        let pid = process.pid();
        let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(move || {
            let _held = process;
            panic!("as planned");
        }));
        assert!(panicked.is_err());
        assert!(!is_running(pid));
    }

    #[test]
    fn a_process_that_heeds_the_signal_is_not_killed() {
        use std::os::unix::process::ExitStatusExt;
        let status = sleeper().stop(Duration::from_secs(60)).unwrap();
        assert_eq!(status.signal(), Some(15));
    }

    #[test]
    fn a_process_that_ignores_the_signal_is_killed() {
        use std::io::Read;
        use std::os::unix::process::ExitStatusExt;
        use std::process::Stdio;
        let script = "trap '' TERM; echo ready; read -r line_that_never_comes";
        let mut command = Command::new("sh");
        command
            .args(["-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Process::start("deaf", &mut command).unwrap();
        let mut ready = [0; 5];
        let stdout = process.child().stdout.as_mut().unwrap();
        stdout.read_exact(&mut ready).unwrap();
        let status = process.stop(Duration::from_millis(20)).unwrap();
        assert_eq!(status.signal(), Some(9));
    }

    #[test]
    fn a_process_that_ended_by_itself_can_be_stopped() {
        let process = Process::start("true", &mut Command::new("true")).unwrap();
        assert!(process.stop(Duration::from_secs(60)).is_ok());
    }
}
