//! Comparisons of redis-server with itself, behind kv-node's flags. Without a redis-server there
//! is nothing to compare.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Understands what `kv-bench compare` passes to kv-node.
const STAND_IN: &str = r#"#!/bin/sh
if [ "$1" = --version ]; then exec redis-server --version; fi
while [ $# -gt 0 ]; do
    case "$1" in
        --data-dir) dir=$2 ;;
        --listen) port=${2##*:} ;;
        --sync) case "$2" in always) fsync=always ;; interval) fsync=everysec ;; *) fsync=no ;; esac ;;
    esac
    shift
done
exec redis-server --bind 127.0.0.1 --port "$port" --dir "$dir" --save "" \
    --appendonly yes --appendfsync "$fsync"
"#;

struct Place {
    dir: TempDir,
}

impl Place {
    /// Nothing, if redis-server is not installed.
    fn with_redis() -> Option<Place> {
        if Command::new("redis-server")
            .arg("--version")
            .output()
            .is_err()
        {
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        let stand_in = dir.path().join("stand-in");
        fs::write(&stand_in, STAND_IN).unwrap();
        fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o700)).unwrap();
        Some(Place { dir })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn compare(&self, arguments: &[&str]) -> Output {
        self.command("0.05").args(arguments).output().unwrap()
    }

    fn command(&self, seconds: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kv-bench"));
        command.arg("compare");
        for (flag, value) in [("--pairs", "2"), ("--seconds", seconds), ("--keys", "2000")] {
            command.args([flag, value]);
        }
        command.arg("--node").arg(self.path("stand-in"));
        command.arg("--dir").arg(self.path("scratch"));
        command
    }

    /// Nothing may be left of the servers' data.
    fn is_clean(&self) -> bool {
        fs::read_dir(self.path("scratch")).unwrap().next().is_none()
    }
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_workload_gives_its_rows() {
    let Some(place) = Place::with_redis() else {
        return;
    };
    let (save, markdown) = (place.path("results.json"), place.path("results.md"));
    let output = place.compare(&[
        "--generator",
        "own",
        "--save",
        save.to_str().unwrap(),
        "--markdown",
        markdown.to_str().unwrap(),
    ]);
    assert!(output.status.success(), "{output:?}");
    let results = json(&save);
    let rows = results["rows"].as_array().unwrap();
    let count = |workload: &str| {
        rows.iter()
            .filter(|row| row["workload"] == workload)
            .count()
    };
    let names = [
        "set-durable",
        "get",
        "set-everysec",
        "memory",
        "restart",
        "snapshot-p99",
    ];
    assert_eq!(names.map(count), [4, 2, 2, 1, 2, 3]);
    for row in rows {
        assert_eq!(row["ratio"]["values"].as_array().unwrap().len(), 2, "{row}");
    }
    assert_eq!(rows[0]["durability"], "always");
    assert!(rows[0]["ours"]["rss_bytes"]["median"].as_f64().unwrap() > 0.0);
    assert!(
        fs::read_to_string(markdown)
            .unwrap()
            .contains("| set-durable |")
    );
    assert!(place.is_clean());
}

#[test]
fn redis_benchmark_makes_the_requests_by_default() {
    let Some(place) = Place::with_redis() else {
        return;
    };
    let save = place.path("results.json");
    let output = place.compare(&["get", "--save", save.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
    let results = json(&save);
    let commands = results["machine"]["commands"].as_array().unwrap();
    let is_benchmark = |command: &&serde_json::Value| {
        command
            .as_str()
            .unwrap()
            .starts_with("redis-benchmark -h 127.0.0.1 -p PORT -c 50")
    };
    assert_eq!(
        commands.iter().filter(is_benchmark).count(),
        2,
        "{commands:?}"
    );
}

#[test]
fn unlike_durability_is_refused() {
    let Some(place) = Place::with_redis() else {
        return;
    };
    let output = place.compare(&["set-durable", "--redis-arg=--appendfsync", "--redis-arg=no"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("refusing to compare unlike durability"),
        "{text}"
    );
    assert!(place.is_clean());
}

#[test]
fn a_server_that_does_not_start_is_quoted() {
    let Some(place) = Place::with_redis() else {
        return;
    };
    let output = place.compare(&["get", "--redis-arg=--no-such-option", "--redis-arg=1"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.contains("redis-server ended with") && text.contains("no-such-option"),
        "{text}"
    );
}

#[test]
fn without_redis_the_comparison_is_skipped_and_says_how_to_install_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_kv-bench"))
        .args(["compare", "--redis", "/nonexistent/redis-server"])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.starts_with("skipped:") && text.contains("apt install redis-server"),
        "{text}"
    );
}

#[test]
fn a_comparison_that_is_told_to_end_leaves_nothing_behind() {
    let Some(place) = Place::with_redis() else {
        return;
    };
    let mut command = place.command("600");
    let mut child = command.arg("get").stderr(Stdio::piped()).spawn().unwrap();
    while processes_in(&place.path("scratch")).len() < 2 {
        assert_eq!(child.try_wait().unwrap(), None, "it ended by itself");
    }
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: interrupted\n"
    );
    assert_eq!(processes_in(&place.path("scratch")), Vec::<PathBuf>::new());
    assert!(place.is_clean());
}

/// `/proc` directories of the servers that work below `scratch`.
fn processes_in(scratch: &Path) -> Vec<PathBuf> {
    let is_inside = |process: &PathBuf| {
        fs::read_link(process.join("cwd")).is_ok_and(|cwd| cwd.starts_with(scratch))
    };
    let processes = fs::read_dir("/proc")
        .unwrap()
        .map(|entry| entry.unwrap().path());
    processes.filter(is_inside).collect()
}
