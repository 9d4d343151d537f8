//! `kv export`: writes all keys, values and expiries as JSON lines.
//!
//! 1. A file appears under its name only when all is written and on the disk.
//! 2. A key's value, expiry and vector are read in one step. Keys that come or go meanwhile may or may not
//!    be in it.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use kv_client::{Answer, Client, Command, EncodedValue, KeyMetadata, Reply, Scan};
use serde_json::json;
use tempfile::NamedTempFile;

use crate::app::App;
use crate::commands::prefix_pattern;
use crate::failure::Failure;
use crate::output::Output;
use crate::progress::Progress;
use crate::record::to_line;
use crate::value_arg::STDIN;

/// Runs the command.
///
/// # Errors
/// If not everything was written.
pub(crate) async fn export(
    app: &mut App,
    path: &Path,
    prefix: Option<String>,
) -> Result<(), Failure> {
    let total = app.client.count().await?;
    let progress = Progress::keys(&app.output, total, "exporting");
    let pattern = prefix.map(|prefix| prefix_pattern(&prefix));
    let export = Export {
        client: app.client.clone(),
        scan: app.client.scan(pattern.as_deref()),
    };
    if path == Path::new(STDIN) {
        let count = export
            .run(&mut Target::Output(&mut app.output), &progress)
            .await?;
        progress.finish();
        return summary(app, count, path);
    }
    let mut file = Draft::create(path)?;
    let count = export.run(&mut Target::File(&mut file), &progress).await?;
    file.publish()?;
    progress.finish();
    summary(app, count, path)
}

/// On stdout, unless that is where the records went.
fn summary(app: &mut App, count: u64, path: &Path) -> Result<(), Failure> {
    if path == Path::new(STDIN) {
        return Ok(());
    }
    let text = format!("{count} keys exported to {}", path.display());
    app.output.confirm(&json!({ "exported": count }), text)
}

struct Export {
    client: Client,
    scan: Scan,
}

impl Export {
    async fn run(mut self, target: &mut Target<'_>, progress: &Progress) -> Result<u64, Failure> {
        let mut count = 0;
        while let Some(keys) = self.scan.next_page().await? {
            for line in lines(&self.client, &keys).await? {
                target.line(&line)?;
                count += 1;
            }
            target.flush()?;
            progress.set(count);
        }
        Ok(count)
    }
}

/// The lines of those keys that are still there.
async fn lines(client: &Client, keys: &[Bytes]) -> Result<Vec<String>, Failure> {
    let mut pipeline = client.pipeline();
    for key in keys {
        pipeline = pipeline.command(value_and_meta(key));
    }
    let mut lines = Vec::with_capacity(keys.len());
    for (key, answer) in keys.iter().zip(pipeline.run().await?) {
        lines.extend(line(key, answer?)?);
    }
    Ok(lines)
}

fn value_and_meta(key: &Bytes) -> Command {
    Command::Transaction {
        watches: Vec::new(),
        commands: vec![Command::Get(key.clone()), Command::Meta(key.clone())],
    }
}

fn line(key: &[u8], answer: Answer) -> Result<Option<String>, Failure> {
    let (value, meta) = match answer.into_reply() {
        Reply::Array(replies) => match <[Reply; 2]>::try_from(replies) {
            Ok([value, meta]) => (Answer::from(value), Answer::from(meta)),
            Err(replies) => return Err(unexpected(&Reply::Array(replies))),
        },
        other => return Err(unexpected(&other)),
    };
    let line = |(value, meta): (EncodedValue, KeyMetadata)| {
        to_line(key, &value, meta.expires_at_ms, meta.vector.as_deref())
    };
    Ok(value.encoded()?.zip(meta.key_metadata()?).map(line))
}

fn unexpected(reply: &Reply) -> Failure {
    Failure::Other {
        what: "cannot export".to_owned(),
        cause: Some(format!("unexpected answer {reply:?}")),
        hint: None,
    }
}

/// Where lines go.
enum Target<'a> {
    Output(&'a mut Output),
    File(&'a mut Draft),
}

impl Target<'_> {
    fn line(&mut self, line: &str) -> Result<(), Failure> {
        match self {
            Target::Output(output) => output.line(line),
            Target::File(draft) => draft.line(line),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Target::Output(output) => output.flush(),
            Target::File(_) => Ok(()),
        }
    }
}

/// A file that is not there yet.
struct Draft {
    path: PathBuf,
    file: BufWriter<NamedTempFile>,
}

impl Draft {
    fn create(path: &Path) -> Result<Draft, Failure> {
        let file = tempfile::Builder::new()
            .prefix(".kv-export-")
            .tempfile_in(directory_of(path))
            .map_err(|error| Failure::file("create", path, error))?;
        Ok(Draft {
            path: path.to_owned(),
            file: BufWriter::with_capacity(256 * 1024, file),
        })
    }

    fn line(&mut self, line: &str) -> Result<(), Failure> {
        writeln!(self.file, "{line}").map_err(|error| Failure::file("write", &self.path, error))
    }

    fn publish(self) -> Result<(), Failure> {
        let path = self.path;
        let failed = |error: std::io::Error| Failure::file("write", &path, error);
        let file = self
            .file
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.as_file().sync_all().map_err(failed)?;
        file.persist(&path).map_err(|error| failed(error.error))?;
        let directory = std::fs::File::open(directory_of(&path)).map_err(failed)?;
        directory.sync_all().map_err(failed)
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}
