//! What the operating system says of this process.

/// Clock ticks a second in `/proc`; fixed on Linux.
const TICKS_PER_SECOND: f64 = 100.0;

/// Memory and processor time used so far; zeros where the system does not tell.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct ProcessUsage {
    pub(crate) resident_bytes: u64,
    pub(crate) user_seconds: f64,
    pub(crate) system_seconds: f64,
}

impl ProcessUsage {
    /// As of now.
    pub(crate) fn now() -> ProcessUsage {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
        parse(&stat, rustix::param::page_size() as u64).unwrap_or_default()
    }
}

/// Reads fields 14 and 15 (user and system time) and 24 (resident pages) of `/proc/PID/stat`.
fn parse(stat: &str, page_bytes: u64) -> Option<ProcessUsage> {
    // The second field, the program's name, may hold anything but ends with the last `)`.
    let (_, after_name) = stat.rsplit_once(')')?;
    let field = |number: usize| after_name.split_ascii_whitespace().nth(number - 3);
    let seconds = |number| Some(field(number)?.parse::<f64>().ok()? / TICKS_PER_SECOND);
    Some(ProcessUsage {
        resident_bytes: field(24)?.parse::<u64>().ok()? * page_bytes,
        user_seconds: seconds(14)?,
        system_seconds: seconds(15)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stat_is_read_whatever_the_program_is_called() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 250 150 0 0 20 0 4 0 99 1000 512 18446";
        let usage = parse(stat, 4096).unwrap();
        assert_eq!(usage.resident_bytes, 512 * 4096);
        assert_eq!(usage.user_seconds, 2.5);
        assert_eq!(usage.system_seconds, 1.5);
        assert_eq!(parse("nonsense", 4096), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(ProcessUsage::now().resident_bytes > 0);
    }
}
