//! From a parsed command to what it does.

mod cluster;
mod data;
mod expiry;
mod list;
mod node;
mod search;
mod status;

pub(crate) use list::prefix_pattern;

use crate::app::App;
use crate::args::Command;
use crate::failure::Failure;
use crate::{completions, export, import, wal_dump};

/// Runs one command and prints its answer.
///
/// # Errors
/// Says why it failed; what was printed before that stands.
pub(crate) async fn run(app: &mut App, command: Command) -> Result<(), Failure> {
    let ran = dispatch(app, command).await;
    let flushed = app.output.flush();
    app.tell_position();
    ran.and(flushed)
}

async fn dispatch(app: &mut App, command: Command) -> Result<(), Failure> {
    match command {
        Command::Get { key, raw } => data::get(app, &key, raw).await,
        Command::Set(args) => data::set(app, args).await,
        Command::Del { keys } => data::del(app, &keys).await,
        Command::Mset { pairs, text } => data::mset(app, &pairs, text).await,
        Command::Incr { key, delta } => data::incr(app, &key, &delta).await,
        Command::Cas {
            key,
            old,
            new,
            text,
        } => data::cas(app, &key, [&old, &new], text).await,
        Command::Exists { keys } => data::exists(app, &keys).await,
        Command::Expire { key, ttl } => expiry::expire(app, &key, ttl).await,
        Command::Ttl { key } => expiry::ttl(app, &key).await,
        Command::Persist { key } => expiry::persist(app, &key).await,
        Command::Scan {
            pattern,
            prefix,
            limit,
        } => list::scan(app, pattern, prefix, limit).await,
        Command::Range(args) => list::range(app, args).await,
        Command::Find(args) => search::find(app, args).await,
        Command::Search(args) => search::search(app, args).await,
        Command::Similar(args) => search::similar(app, args).await,
        Command::Train => search::train(app).await,
        Command::Meta { key: Some(key) } => node::key_meta(app, &key).await,
        Command::Meta { key: None } => status::status(app).await,
        Command::Status { watch: None } => status::status(app).await,
        Command::Status { watch: Some(every) } => status::watch_status(app, every).await,
        Command::Cluster(command) => cluster::run(app, command).await,
        Command::Ping => node::ping(app).await,
        Command::Import(args) => import::import(app, args).await,
        Command::Export { file, prefix } => export::export(app, &file, prefix).await,
        Command::WalDump { dir, limit } => wal_dump::wal_dump(app, &dir, limit),
        Command::Completions { shell } => completions::print(app, shell),
        Command::Repl => Err(Failure::Usage("this is an interactive session".to_owned())),
    }
}
