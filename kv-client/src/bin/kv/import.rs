//! `kv import`: stores what a file holds.
//!
//! A thread reads and checks; meanwhile the records before are sent, many at a time and in the
//! order of the file, so that of two records with one key the later one wins.
//!
//! 1. It stops at the first record that is not stored and names its line; all before it are
//!    stored. With `--keep-going` a bad record is reported and the next one tried.
//! 2. Storing a record twice is the same as once, so a batch that was lost on the way is sent again.

mod object;
mod source;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kv_client::{Client, Error, ErrorKind};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::app::App;
use crate::args::ImportArgs;
use crate::failure::Failure;
use crate::progress::Progress;
use crate::record::Record;
use crate::value_arg::{STDIN, open};

use source::{Counted, Item, Sink};

/// A batch is sent again so often when it was lost on the way.
const RETRIES_MAX: u32 = 5;
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// Names the line at which it stopped.
pub(crate) async fn import(app: &mut App, args: ImportArgs) -> Result<(), Failure> {
    let read_bytes = Arc::new(AtomicU64::new(0));
    let mut batches = start_reading(&args, &read_bytes)?;
    let progress = Progress::bytes(&app.output, file_bytes(&args.file), "importing");
    let mut import = Import {
        client: app.client.clone(),
        args: &args,
        stored: 0,
        failed: 0,
    };
    while let Some(batch) = batches.recv().await {
        import.batch(batch?, &progress).await?;
        progress.set(read_bytes.load(Ordering::Relaxed));
    }
    progress.finish();
    let (stored, failed) = (import.stored, import.failed);
    let summary = json!({ "imported": stored, "failed": failed });
    app.output
        .confirm(&summary, format!("{stored} keys imported"))?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Other {
            what: format!("{failed} records were not imported"),
            cause: Some("see the lines above".to_owned()),
            hint: None,
        }),
    }
}

fn start_reading(
    args: &ImportArgs,
    read_bytes: &Arc<AtomicU64>,
) -> Result<mpsc::Receiver<Result<Vec<Item>, Failure>>, Failure> {
    let reader = Counted::new(open(&args.file)?, read_bytes.clone());
    let (sender, receiver) = mpsc::channel(2);
    let sink = Sink::new(sender, args.from_line);
    let (format, path) = (args.format, args.file.clone());
    tokio::task::spawn_blocking(move || source::read(reader, format, &path, sink));
    Ok(receiver)
}

fn file_bytes(path: &Path) -> Option<u64> {
    let metadata = path.metadata().ok().filter(|_| path != Path::new(STDIN))?;
    metadata.is_file().then_some(metadata.len())
}

struct Import<'a> {
    client: Client,
    args: &'a ImportArgs,
    stored: u64,
    failed: u64,
}

impl Import<'_> {
    /// Stores the records of a batch, up to the first bad one unless it is to go on.
    async fn batch(&mut self, items: Vec<Item>, progress: &Progress) -> Result<(), Failure> {
        let mut records = Vec::with_capacity(items.len());
        for item in items {
            match item.record {
                Ok(record) => records.push((item.line, record)),
                Err(reason) if self.args.keep_going => {
                    self.failed += 1;
                    progress.println(&format!("line {}: {reason}", item.line));
                }
                Err(reason) => {
                    self.store(&records, progress).await?;
                    return Err(self.stopped(item.line, reason, None));
                }
            }
        }
        self.store(&records, progress).await
    }

    async fn store(
        &mut self,
        mut records: &[(u64, Record)],
        progress: &Progress,
    ) -> Result<(), Failure> {
        let mut retries = 0;
        while let Some((index, error)) = self.send(records).await {
            let line = records[index].0;
            self.stored += index as u64;
            records = &records[index..];
            match advice(&error) {
                Advice::Again if retries < RETRIES_MAX => {
                    retries += 1;
                    sleep(RETRY_PAUSE).await;
                }
                Advice::Skip if self.args.keep_going => {
                    self.failed += 1;
                    progress.println(&format!("line {line}: {error}"));
                    records = &records[1..];
                }
                _ => return Err(self.stopped(line, error.to_string(), Some(error))),
            }
        }
        self.stored += records.len() as u64;
        Ok(())
    }

    /// Where it failed first, if it did.
    async fn send(&self, records: &[(u64, Record)]) -> Option<(usize, Error)> {
        let mut pipeline = self.client.pipeline();
        for (_, record) in records {
            let value = record.value.clone();
            pipeline = pipeline.set_encoded(&record.key, value, record.options());
        }
        match pipeline.run().await {
            Ok(answers) => answers
                .into_iter()
                .enumerate()
                .find_map(|(index, answer)| answer.err().map(|error| (index, error))),
            Err(error) => Some((0, error)),
        }
    }

    fn stopped(&self, line: u64, reason: String, error: Option<Error>) -> Failure {
        let file = self.args.file.display();
        let fatal = error.filter(|error| error.kind() == ErrorKind::Connection);
        Failure::Import {
            what: format!(
                "import of {file} stopped at line {line}, {} stored",
                self.stored
            ),
            cause: reason,
            hint: format!("kv import --from-line {line} {file} goes on from there"),
            is_connection: fatal.is_some(),
        }
    }
}

/// What to do about a record that was not stored.
enum Advice {
    Again,
    Skip,
    Stop,
}

fn advice(error: &Error) -> Advice {
    match error.kind() {
        ErrorKind::Invalid => Advice::Skip,
        ErrorKind::Retry | ErrorKind::Timeout | ErrorKind::UnknownOutcome => Advice::Again,
        // No server at all: the client has tried already.
        ErrorKind::Connection if !matches!(error, Error::Connect { .. }) => Advice::Again,
        _ => Advice::Stop,
    }
}
