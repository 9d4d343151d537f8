//! Where and with what a comparison ran: without it the numbers mean nothing.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Serialize;

use crate::text::bytes;

/// Facts about the machine, the programs and the run. What cannot be found out is `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Machine {
    /// Processor model and number.
    pub processor: String,
    /// Memory.
    pub memory: String,
    /// Operating system.
    pub kernel: String,
    /// Filesystem and device of the data directories.
    pub filesystem: String,
    /// Load average before the first run; above 0.5 something else was going on.
    pub load_before: String,
    /// `kv-node --version`.
    pub kv_node: String,
    /// `redis-server --version`.
    pub redis: String,
    /// Commit of the workspace.
    pub commit: String,
    /// Command line of the comparison and of each server and generator.
    pub commands: Vec<String>,
}

const UNKNOWN: &str = "unknown";

impl Machine {
    /// What can be found out.
    #[must_use]
    pub fn here(kv_node: &Path, redis: &Path, data_dir: &Path, workspace: &Path) -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let git = |arguments: &[&str]| first_line(Command::new("git").args(arguments), workspace);
        let processors = std::thread::available_parallelism().map_or(0, usize::from);
        Machine {
            processor: format!(
                "{} × {processors}",
                field(&read("/proc/cpuinfo"), "model name").unwrap_or(UNKNOWN.to_owned())
            ),
            memory: memory(&read("/proc/meminfo")).unwrap_or(UNKNOWN.to_owned()),
            kernel: format!("Linux {}", read("/proc/sys/kernel/osrelease").trim()),
            filesystem: filesystem(&read("/proc/self/mountinfo"), data_dir)
                .unwrap_or(UNKNOWN.to_owned()),
            load_before: read("/proc/loadavg")
                .split(' ')
                .next()
                .unwrap_or_default()
                .to_owned(),
            kv_node: first_line(Command::new(kv_node).arg("--version"), workspace),
            redis: first_line(Command::new(redis).arg("--version"), workspace),
            commit: git(&["describe", "--always", "--dirty", "--abbrev=12"]),
            commands: Vec::new(),
        }
    }

    /// Name and value of each fact but the command lines.
    #[must_use]
    pub fn facts(&self) -> [(&'static str, &str); 8] {
        [
            ("processor", &self.processor),
            ("memory", &self.memory),
            ("kernel", &self.kernel),
            ("filesystem", &self.filesystem),
            ("load average before", &self.load_before),
            ("kv-node", &self.kv_node),
            ("redis-server", &self.redis),
            ("commit", &self.commit),
        ]
    }
}

fn first_line(command: &mut Command, directory: &Path) -> String {
    let output = command.current_dir(directory).output().ok();
    let line = output
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .and_then(|text| text.lines().next().map(str::to_owned));
    line.unwrap_or(UNKNOWN.to_owned())
}

/// The value of the first `name : value` line.
fn field(text: &str, name: &str) -> Option<String> {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
}

fn memory(meminfo: &str) -> Option<String> {
    let kib: u32 = field(meminfo, "MemTotal")?
        .strip_suffix("kB")?
        .trim()
        .parse()
        .ok()?;
    Some(bytes(f64::from(kib) * 1024.0))
}

/// Type and device of the mount that holds `path`: the one with the longest matching mount point
/// (proc(5): field 5 is the mount point; after a lone dash come type and device).
fn filesystem(mountinfo: &str, path: &Path) -> Option<String> {
    mountinfo
        .lines()
        .filter_map(|line| {
            let (mount, device) = line.split_once(" - ")?;
            Some((Path::new(mount.split(' ').nth(4)?), device))
        })
        .filter(|(point, _)| path.starts_with(point))
        .max_by_key(|(point, _)| point.components().count())
        .map(|(_, device)| {
            device
                .split(' ')
                .take(2)
                .collect::<Vec<&str>>()
                .join(" on ")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_mount_holds_the_path() {
        let mounts = "1 0 8:1 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
                      2 1 0:5 / /data rw - xfs /dev/vdb rw\n\
                      3 1 0:6 / /database rw - tmpfs tmpfs rw\n";
        let of = |path: &str| filesystem(mounts, Path::new(path));
        assert_eq!(of("/data/bench"), Some("xfs on /dev/vdb".to_owned()));
        assert_eq!(of("/srv"), Some("ext4 on /dev/vda".to_owned()));
        assert_eq!(filesystem("", Path::new("/")), None);
    }

    #[test]
    fn fields_are_found_by_their_whole_name() {
        let text = "processor\t: 0\nmodel name\t: EPYC\nmodel\t: 17\n";
        assert_eq!(field(text, "model"), Some("17".to_owned()));
        assert_eq!(field(text, "model name"), Some("EPYC".to_owned()));
        assert_eq!(
            memory("MemTotal:  2097152 kB\n"),
            Some("2.0 GiB".to_owned())
        );
    }

    #[test]
    fn what_cannot_be_found_out_is_unknown() {
        let nowhere = Path::new("/nonexistent");
        let machine = Machine::here(nowhere, nowhere, nowhere, nowhere);
        assert_eq!((&*machine.kv_node, &*machine.commit), (UNKNOWN, UNKNOWN));
        assert!(!machine.load_before.is_empty());
    }
}
