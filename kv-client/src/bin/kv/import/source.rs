//! Reads records from a file, in a thread of its own.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::object::read_object;
use crate::args::Format;
use crate::failure::Failure;
use crate::record::{Record, parse_line};

/// Records sent at once, and about their bytes.
const BATCH_COUNT_MAX: usize = 512;
const BATCH_BYTES_MAX: usize = 1 << 20;

/// A line is at most so long: a value of the largest frame in base64, and room to spare.
const LINE_BYTES_MAX: u64 = 64 << 20;

/// A record, or what is wrong with it, and where it was found.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) line: u64,
    pub(super) record: Result<Record, String>,
}

/// A reader that says how far it is.
pub(super) struct Counted {
    inner: Box<dyn Read + Send>,
    read_bytes: Arc<AtomicU64>,
}

impl Counted {
    pub(super) fn new(inner: Box<dyn Read + Send>, read_bytes: Arc<AtomicU64>) -> Counted {
        Counted { inner, read_bytes }
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.read_bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Nobody wants any more.
#[derive(Debug)]
pub(super) struct Stopped;

/// Where records go, in batches.
#[derive(Debug)]
pub(super) struct Sink {
    batches: mpsc::Sender<Result<Vec<Item>, Failure>>,
    batch: Vec<Item>,
    batch_bytes: usize,
    from_line: u64,
}

impl Sink {
    pub(super) fn new(batches: mpsc::Sender<Result<Vec<Item>, Failure>>, from_line: u64) -> Sink {
        Sink {
            batches,
            batch: Vec::new(),
            batch_bytes: 0,
            from_line,
        }
    }

    /// Whether the line counts.
    pub(super) fn wants(&self, line: u64) -> bool {
        line >= self.from_line
    }

    pub(super) fn push(
        &mut self,
        line: u64,
        record: Result<Record, String>,
    ) -> Result<(), Stopped> {
        if !self.wants(line) {
            return Ok(());
        }
        self.batch_bytes += record.as_ref().map_or(0, Record::bytes);
        self.batch.push(Item { line, record });
        match self.batch.len() == BATCH_COUNT_MAX || self.batch_bytes >= BATCH_BYTES_MAX {
            true => self.send(),
            false => Ok(()),
        }
    }

    fn send(&mut self) -> Result<(), Stopped> {
        self.batch_bytes = 0;
        let batch = std::mem::take(&mut self.batch);
        self.batches.blocking_send(Ok(batch)).map_err(|_| Stopped)
    }

    /// What is left, and why there is no more if that is an error.
    fn finish(mut self, failure: Option<Failure>) {
        if self.send().is_ok()
            && let Some(failure) = failure
        {
            // If nobody waits for it, there is an earlier one.
            let _ = self.batches.blocking_send(Err(failure));
        }
    }
}

/// Reads everything into `sink`.
pub(super) fn read(reader: Counted, format: Format, path: &Path, mut sink: Sink) {
    let reader = BufReader::with_capacity(256 * 1024, reader);
    let failure = match read_into(reader, format, path, &mut sink) {
        Ok(Ok(())) | Ok(Err(Stopped)) => None,
        Err(failure) => Some(failure),
    };
    sink.finish(failure);
}

/// What a reader ends with: all is read, nobody wants any more, or the file is at fault.
pub(super) type Ending = Result<Result<(), Stopped>, Failure>;

fn read_into(mut reader: impl BufRead, format: Format, path: &Path, sink: &mut Sink) -> Ending {
    let mut first = Vec::new();
    if format == Format::Auto {
        next_line(&mut reader, path, &mut first)?;
    }
    let is_object = match format {
        Format::Auto => !looks_like_record(&first),
        Format::Lines => false,
        Format::Object => true,
    };
    let reader = first.as_slice().chain(reader);
    match is_object {
        true => read_object(reader, path, sink),
        false => read_lines(reader, path, sink),
    }
}

/// A whole object with a key and a value is a record; any other beginning is an object of values.
fn looks_like_record(first: &[u8]) -> bool {
    let object: Result<serde_json::Map<String, serde_json::Value>, _> =
        serde_json::from_slice(first);
    match object {
        Ok(object) => object.contains_key("key") && parse_line(first).is_ok(),
        // Not JSON up to the end of the line: a record that is damaged, or an object that goes on.
        Err(error) => !error.is_eof() && first.starts_with(b"{\"key\""),
    }
}

fn read_lines(mut reader: impl BufRead, path: &Path, sink: &mut Sink) -> Ending {
    let (mut line, mut text) = (0, Vec::new());
    while next_line(&mut reader, path, &mut text)? {
        line += 1;
        if text.trim_ascii().is_empty() || !sink.wants(line) {
            continue;
        }
        if sink.push(line, parse_line(&text)).is_err() {
            return Ok(Err(Stopped));
        }
    }
    Ok(Ok(()))
}

fn next_line(reader: &mut impl BufRead, path: &Path, line: &mut Vec<u8>) -> Result<bool, Failure> {
    line.clear();
    let count = reader
        .take(LINE_BYTES_MAX)
        .read_until(b'\n', line)
        .map_err(|error| Failure::file("read", path, error))?;
    match count as u64 {
        LINE_BYTES_MAX => Err(Failure::Other {
            what: format!("cannot import {}", path.display()),
            cause: Some(format!("a line is longer than {LINE_BYTES_MAX} bytes")),
            hint: Some("if it is one object, say --format object".to_owned()),
        }),
        count => Ok(count != 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(text: &str, format: Format, from_line: u64) -> Result<Vec<Item>, Failure> {
        let (sender, mut receiver) = mpsc::channel(100);
        let reader = Counted::new(
            Box::new(io::Cursor::new(text.to_owned().into_bytes())),
            Arc::default(),
        );
        read(
            reader,
            format,
            Path::new("file"),
            Sink::new(sender, from_line),
        );
        let mut items = Vec::new();
        while let Some(batch) = receiver.blocking_recv() {
            items.extend(batch?);
        }
        Ok(items)
    }

    fn keys(text: &str, format: Format) -> Vec<(u64, String)> {
        let items = items(text, format, 1).unwrap();
        let key = |item: Item| match item.record {
            Ok(record) => (item.line, String::from_utf8_lossy(&record.key).into_owned()),
            Err(reason) => (item.line, format!("bad: {reason}")),
        };
        items.into_iter().map(key).collect()
    }

    fn keyed(pairs: &[(u64, &str)]) -> Vec<(u64, String)> {
        pairs
            .iter()
            .map(|(line, key)| (*line, (*key).to_owned()))
            .collect()
    }

    #[test]
    fn lines_are_recognised_and_numbered() {
        let text = "{\"key\":\"a\",\"value\":1}\n\n{\"key\":\"b\",\"value\":{}}";
        assert_eq!(keys(text, Format::Auto), keyed(&[(1, "a"), (3, "b")]));
    }

    #[test]
    fn an_object_is_recognised_on_one_line_and_on_many() {
        let expected = keyed(&[(1, "a"), (2, "key")]);
        assert_eq!(keys("{\"a\": 1, \"key\": [true]}", Format::Auto), expected);
        assert_eq!(
            keys("{\n  \"a\": 1,\n  \"key\": [true]\n}\n", Format::Auto),
            expected
        );
        assert_eq!(keys("{}", Format::Auto), []);
    }

    #[test]
    fn the_format_can_be_said() {
        let text = "{\"key\":\"a\",\"value\":1}";
        assert_eq!(
            keys(text, Format::Object),
            keyed(&[(1, "key"), (2, "value")])
        );
        let bad = keys("{\"a\":1}", Format::Lines);
        assert!(bad[0].1.starts_with("bad: unknown field `a`"), "{bad:?}");
    }

    #[test]
    fn a_damaged_first_line_is_still_a_line() {
        let bad = keys(
            "{\"key\":\"a\",\"value\":}\n{\"key\":\"b\",\"value\":1}\n",
            Format::Auto,
        );
        assert!(bad[0].1.starts_with("bad: "));
        assert_eq!(bad[1], (2, "b".to_owned()));
    }

    #[test]
    fn reading_begins_at_the_line_that_was_asked_for() {
        let text = "{\"key\":\"a\",\"value\":1}\nnonsense\n{\"key\":\"b\",\"value\":1}\n";
        let items = items(text, Format::Auto, 3).unwrap();
        assert_eq!(items.len(), 1);
        assert_eq!(items[0].line, 3);
    }

    #[test]
    fn a_broken_object_ends_in_an_error_after_what_was_read() {
        let (sender, mut receiver) = mpsc::channel(100);
        let text = "{\"a\": 1, \"b\": 2, oops}";
        let reader = Counted::new(Box::new(io::Cursor::new(text)), Arc::default());
        read(
            reader,
            Format::Auto,
            Path::new("file"),
            Sink::new(sender, 1),
        );
        assert_eq!(receiver.blocking_recv().unwrap().unwrap().len(), 2);
        assert!(receiver.blocking_recv().unwrap().is_err());
    }

    #[test]
    fn many_records_come_in_bounded_batches() {
        let (sender, mut receiver) = mpsc::channel(100);
        let text = "{\"key\":\"a\",\"value\":1}\n".repeat(BATCH_COUNT_MAX + 1);
        let reader = Counted::new(Box::new(io::Cursor::new(text)), Arc::default());
        read(
            reader,
            Format::Auto,
            Path::new("file"),
            Sink::new(sender, 1),
        );
        assert_eq!(
            receiver.blocking_recv().unwrap().unwrap().len(),
            BATCH_COUNT_MAX
        );
        assert_eq!(receiver.blocking_recv().unwrap().unwrap().len(), 1);
        assert!(receiver.blocking_recv().is_none());
    }
}
