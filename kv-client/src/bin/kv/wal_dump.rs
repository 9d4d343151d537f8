//! `kv wal-dump`: what a write-ahead log holds, and where it is damaged. Asks no server and
//! changes nothing.

use std::path::Path;

use bytes::{Buf, Bytes};
use kv_client::Command;
use kv_wal::inspect::{self, Finding, RecordDump, SegmentFile};
use kv_wal::{DiskStorage, WalError};
use serde_json::{Value as Json, json};

use crate::app::App;
use crate::failure::Failure;
use crate::output::{Output, json_key, show_key};

/// The kind of a record that holds a time and a command, as servers write it.
const KIND_COMMAND: u8 = 1;

/// Keys shown of one record.
const KEYS_SHOWN_MAX: usize = 3;

/// Runs the command.
///
/// # Errors
/// If the log cannot be read, or is damaged before its end.
pub(crate) fn wal_dump(app: &mut App, dir: &Path, limit: Option<u64>) -> Result<(), Failure> {
    let unreadable = |cause: String| Failure::Other {
        what: format!("cannot read a log in {}", dir.display()),
        cause: Some(cause),
        hint: Some("name the data directory of a server, or its `wal`".to_owned()),
    };
    let storage = DiskStorage::open_existing(dir).map_err(|error| unreadable(error.to_string()))?;
    let inner = if dir.join("wal").is_dir() { "wal" } else { "" };
    let files = inspect::segment_files(&storage, Path::new(inner))
        .map_err(|error| unreadable(error.to_string()))?;
    if files.is_empty() {
        return Err(unreadable("there is no segment file".to_owned()));
    }
    let mut dump = Dump {
        output: &mut app.output,
        left: limit.unwrap_or(u64::MAX),
        tail: None,
        damage: None,
    };
    for file in &files {
        dump.segment(&storage, file)?;
    }
    dump.finish()
}

struct Dump<'a> {
    output: &'a mut Output,
    /// Records still to be shown.
    left: u64,
    /// Damage that nothing whole follows so far.
    tail: Option<String>,
    /// The first damage that something whole follows.
    damage: Option<String>,
}

impl Dump<'_> {
    fn segment(&mut self, storage: &DiskStorage, file: &SegmentFile) -> Result<(), Failure> {
        self.goes_on();
        let name = file.path.display().to_string();
        let mut findings = inspect::open_segment(storage, &file.path).map_err(cannot_read)?;
        let header = findings.header();
        let json = json!({
            "segment": name, "seq": file.seq, "first_lsn": file.first_lsn.0,
            "durable_lsn": header.map(|header| header.durable_lsn.0),
        });
        let text = format!("segment {name}  first record {}", file.first_lsn);
        self.output.answer(&json, text)?;
        findings.try_for_each(|finding| match finding {
            Ok(finding) => self.finding(&name, finding),
            Err(error) => Err(Failure::file("read", &file.path, error)),
        })
    }

    /// Something whole comes after what was damaged: so it was not the end of the log.
    fn goes_on(&mut self) {
        if let Some(tail) = self.tail.take() {
            self.damage.get_or_insert(tail);
        }
    }

    fn finding(&mut self, name: &str, finding: Finding) -> Result<(), Failure> {
        match finding {
            Finding::Group(group) => {
                self.goes_on();
                group
                    .records
                    .iter()
                    .try_for_each(|record| self.record(group.offset, record))
            }
            Finding::Damage { offset, damage } => {
                let what = format!("{name} at byte {offset}: {damage}");
                self.tail.get_or_insert(what);
                let json =
                    json!({ "segment": name, "offset": offset, "damage": damage.to_string() });
                self.output
                    .answer(&json, format!("  damage at byte {offset}: {damage}"))
            }
            other => Err(Failure::Usage(format!("unknown finding {other:?}"))),
        }
    }

    fn record(&mut self, offset: u64, record: &RecordDump) -> Result<(), Failure> {
        if self.left == 0 {
            return Ok(());
        }
        self.left -= 1;
        let (json, text) = match stamped_command(record) {
            Some((at_ms, command)) => (
                json!({
                    "lsn": record.lsn.0, "offset": offset, "at_ms": at_ms, "bytes": record.body.len(),
                    "command": name(&command), "keys": json_keys(&command),
                }),
                format!("{}  {}", name(&command), show_keys(&command)),
            ),
            None => (
                json!({
                    "lsn": record.lsn.0, "offset": offset, "bytes": record.body.len(),
                    "kind": record.kind, "flags": record.flags,
                }),
                format!("kind {} flags {:#x}", record.kind, record.flags),
            ),
        };
        let place = format!("  {:>10} @{offset}", record.lsn.0);
        self.output.answer(
            &json,
            format!("{place}  {text}  ({} bytes)", record.body.len()),
        )
    }

    fn finish(self) -> Result<(), Failure> {
        if let Some(damage) = self.damage {
            return Err(Failure::Other {
                what: "the log is damaged".to_owned(),
                cause: Some(damage),
                hint: Some("restore the file from a copy; records before it are whole".to_owned()),
            });
        }
        match self.tail {
            Some(tail) if !self.output.is_json() => {
                let note = "(a torn tail, or a server is writing: a start truncates it)";
                self.output.line(format!("the log ends in {tail} {note}"))
            }
            _ => Ok(()),
        }
    }
}

fn cannot_read(error: WalError) -> Failure {
    Failure::Other {
        what: "cannot read the log".to_owned(),
        cause: Some(error.to_string()),
        hint: None,
    }
}

/// The time, in unix milliseconds, and the command of a record that holds them.
fn stamped_command(record: &RecordDump) -> Option<(u64, Command)> {
    let mut body = Bytes::copy_from_slice(&record.body);
    if record.kind != KIND_COMMAND {
        return None;
    }
    let at_ms = body.try_get_u64_le().ok()?;
    Some((at_ms, Command::decode(body).ok()?))
}

/// `Set`, `Del`, `Transaction`, …
fn name(command: &Command) -> String {
    let debug = format!("{command:?}");
    debug.chars().take_while(|c| c.is_alphanumeric()).collect()
}

fn keys(command: &Command) -> Vec<&[u8]> {
    let mut keys: Vec<&[u8]> = Vec::new();
    let ended: Result<(), ()> = command.visit_keys(&mut |key| {
        keys.push(key);
        if keys.len() > KEYS_SHOWN_MAX {
            Err(())
        } else {
            Ok(())
        }
    });
    // Ending early is no failure: enough keys were seen.
    let _ = ended;
    keys
}

fn show_keys(command: &Command) -> String {
    let keys = keys(command);
    let shown: Vec<String> = keys
        .iter()
        .take(KEYS_SHOWN_MAX)
        .map(|key| show_key(key))
        .collect();
    let more = if keys.len() > KEYS_SHOWN_MAX {
        " …"
    } else {
        ""
    };
    shown.join(" ") + more
}

fn json_keys(command: &Command) -> Vec<Json> {
    keys(command)
        .into_iter()
        .take(KEYS_SHOWN_MAX)
        .map(json_key)
        .collect()
}
