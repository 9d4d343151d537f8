//! What an entry of the agreed log holds: the commands of many clients, folded into one.
//!
//! ```text
//! entry   = version u8 | primary u64 | now_ms u64 | count u32 | command*
//! command = client u64 | sequence u64 | len u32 | bytes as in kv-proto         little-endian
//! ```
//!
//! 1. `primary` is the node that led when it was proposed; `now_ms` its clock then.
//! 2. Client and sequence are zero for a write that may happen twice if it is sent twice.
//! 3. An entry without bytes holds nothing: a new leader's first one.

use bytes::{Buf, BufMut, Bytes};
use kv_proto::Command;

use crate::{NodeId, Once};

const VERSION: u8 = 1;
const HEAD_BYTES: usize = 21;

/// Bytes of a command besides its own.
pub(crate) const COMMAND_HEAD_BYTES: usize = 20;

/// Collects commands for one entry.
#[derive(Debug)]
pub(crate) struct EntryBuilder {
    bytes: Vec<u8>,
    count: u32,
}

impl EntryBuilder {
    pub(crate) fn new(primary: NodeId, now_ms: u64) -> EntryBuilder {
        let mut bytes = vec![VERSION];
        bytes.put_u64_le(primary.0);
        bytes.put_u64_le(now_ms);
        bytes.put_u32_le(0);
        EntryBuilder { bytes, count: 0 }
    }

    /// Adds a command that is encoded already.
    pub(crate) fn push(&mut self, once: Once, command: &[u8]) {
        self.bytes.put_u64_le(once.client);
        self.bytes.put_u64_le(once.sequence);
        let len = u32::try_from(command.len()).expect("limits on requests are far below 4 GiB");
        self.bytes.put_u32_le(len);
        self.bytes.put_slice(command);
        self.count += 1;
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        let count_at = HEAD_BYTES - 4;
        self.bytes[count_at..HEAD_BYTES].copy_from_slice(&self.count.to_le_bytes());
        self.bytes
    }
}

/// Commands that were proposed together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Writes {
    pub(crate) primary: NodeId,
    pub(crate) now_ms: u64,
    pub(crate) commands: Vec<(Once, Command)>,
}

/// Why bytes are no entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum EntryError {
    #[error("an entry was written by a later version ({0})")]
    UnknownVersion(u8),
    #[error("an entry does not add up")]
    Malformed,
}

/// The commands that are all of `bytes`; `None` if there are no bytes.
///
/// # Errors
/// If the bytes are anything else.
pub(crate) fn decode(mut bytes: Bytes) -> Result<Option<Writes>, EntryError> {
    match bytes.try_get_u8() {
        Err(_) => Ok(None),
        Ok(VERSION) => {
            let writes = take_writes(&mut bytes).filter(|_| bytes.is_empty());
            writes.map(Some).ok_or(EntryError::Malformed)
        }
        Ok(version) => Err(EntryError::UnknownVersion(version)),
    }
}

fn take_writes(bytes: &mut Bytes) -> Option<Writes> {
    let primary = NodeId(bytes.try_get_u64_le().ok()?);
    let now_ms = bytes.try_get_u64_le().ok()?;
    let count = bytes.try_get_u32_le().ok()?;
    if count as usize > bytes.len() / COMMAND_HEAD_BYTES {
        return None;
    }
    let commands = (0..count).map(|_| take_command(bytes));
    Some(Writes {
        primary,
        now_ms,
        commands: commands.collect::<Option<_>>()?,
    })
}

fn take_command(bytes: &mut Bytes) -> Option<(Once, Command)> {
    let once = Once {
        client: bytes.try_get_u64_le().ok()?,
        sequence: bytes.try_get_u64_le().ok()?,
    };
    let len = bytes.try_get_u32_le().ok()? as usize;
    if len > bytes.len() {
        return None;
    }
    let command = Command::decode(bytes.split_to(len)).ok()?;
    Some((once, command))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Writes {
        let once = Once {
            client: 0x1122_3344_5566_7788,
            sequence: 3,
        };
        Writes {
            primary: NodeId(2),
            now_ms: 1_700_000_000_000,
            commands: vec![
                (once, Command::Del(vec![Bytes::from_static(b"key")])),
                (Once::default(), Command::Flush),
            ],
        }
    }

    fn encode(writes: &Writes) -> Vec<u8> {
        let mut builder = EntryBuilder::new(writes.primary, writes.now_ms);
        for (once, command) in &writes.commands {
            let mut bytes = Vec::new();
            command.encode(&mut bytes);
            builder.push(*once, &bytes);
        }
        builder.finish()
    }

    #[test]
    fn an_entry_has_the_bytes_of_version_1() {
        let golden = include_bytes!("../testdata/entry-v1");
        assert_eq!(encode(&sample()), golden);
        assert_eq!(decode(Bytes::from_static(golden)), Ok(Some(sample())));
    }

    #[test]
    fn no_bytes_are_no_writes() {
        assert_eq!(decode(Bytes::new()), Ok(None));
    }

    #[test]
    fn what_is_cut_or_longer_is_no_entry() {
        let bytes = encode(&sample());
        for len in 1..bytes.len() {
            let cut = Bytes::copy_from_slice(&bytes[..len]);
            assert_eq!(decode(cut), Err(EntryError::Malformed), "{len}");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(decode(longer.into()), Err(EntryError::Malformed));
    }
}
