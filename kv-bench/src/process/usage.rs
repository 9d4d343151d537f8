//! What a process has used, from `/proc/PID/stat` and `/proc/PID/status` (proc(5)).

use std::fs;
use std::io;
use std::time::Duration;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// Processor time of all its threads, user and system; children excluded.
    pub cpu: Duration,
    /// Resident memory now.
    pub rss_bytes: u64,
    /// Most resident memory so far.
    pub rss_bytes_peak: u64,
}

impl Usage {
    /// What process `pid` has used.
    ///
    /// # Errors
    ///
    /// If there is no such process, or its files are not as documented.
    pub fn of(pid: u32) -> io::Result<Usage> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let unreadable = || io::Error::new(io::ErrorKind::InvalidData, "unreadable /proc files");
        Ok(Usage {
            cpu: cpu(&stat, rustix::param::clock_ticks_per_second()).ok_or_else(unreadable)?,
            rss_bytes: kib_field(&status, "VmRSS:").ok_or_else(unreadable)?,
            rss_bytes_peak: kib_field(&status, "VmHWM:").ok_or_else(unreadable)?,
        })
    }

    /// What this process has used.
    ///
    /// # Errors
    ///
    /// If `/proc` is not there.
    pub fn own() -> io::Result<Usage> {
        Usage::of(std::process::id())
    }
}

/// User and system time from a `stat` line. The name, field 2, may hold blanks and parentheses.
fn cpu(stat: &str, ticks_per_second: u64) -> Option<Duration> {
    /// Fields 14 and 15 of the line; the first after the name is field 3.
    const USER: usize = 14 - 3;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut times = fields.split_whitespace().skip(USER);
    let user: u64 = times.next()?.parse().ok()?;
    let system: u64 = times.next()?.parse().ok()?;
    let ticks = u32::try_from(ticks_per_second)
        .ok()
        .filter(|ticks| *ticks > 0)?;
    Some(Duration::from_secs(user.checked_add(system)?) / ticks)
}

/// Bytes of a `status` line in kibibytes.
fn kib_field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 100 0 0 0 150 50 7 7 20 0 1 0 99 1 1";
        assert_eq!(cpu(stat, 100), Some(Duration::from_secs(2)));
        assert_eq!(cpu("42 (short) S 1", 100), None);
        assert_eq!(cpu("", 100), None);
    }

    #[test]
    fn kibibytes_become_bytes() {
        let status = "Name:\tx\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\n";
        assert_eq!(kib_field(status, "VmRSS:"), Some(1 << 20));
        assert_eq!(kib_field(status, "VmSwap:"), None);
        assert_eq!(kib_field("VmRSS: many kB", "VmRSS:"), None);
    }

    #[test]
    fn own_processor_time_grows_and_memory_in_use_is_seen() {
        let before = Usage::own().unwrap();
        let mut held = vec![1_u8; 64 << 20];
        while Usage::own().unwrap().cpu <= before.cpu {
            held.iter_mut()
                .for_each(|byte| *byte = byte.wrapping_add(1));
        }
        let after = Usage::own().unwrap();
        assert!(after.rss_bytes >= held.len() as u64, "{before:?} {after:?}");
        assert!(after.rss_bytes_peak >= after.rss_bytes);
    }

    #[test]
    fn a_process_that_is_not_there_is_an_error() {
        assert!(Usage::of(u32::MAX).is_err());
    }
}
