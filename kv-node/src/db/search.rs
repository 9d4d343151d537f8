//! Searches: by value, by words, by meaning. They see every write that was applied before.

use bytes::Bytes;
use kv_index::{SearchError, SimilarOptions};
use kv_proto::reply::ErrorCode;
use kv_proto::{Command, ErrorReply, Reply, hits_reply};

use super::view::View;

impl View<'_> {
    /// Answers a search.
    pub(super) fn search(&self, command: &Command) -> Result<Reply, ErrorReply> {
        let indexes = self.db.indexes();
        let reply = match command {
            Command::Find { value, path, limit } => {
                let value = value
                    .decode()
                    .map_err(|error| ErrorReply::new(ErrorCode::Err, error.to_string()))?;
                indexes
                    .find(&value, path.as_deref(), count(*limit), self.now_ms)
                    .map(keys_reply)
            }
            Command::Search { query, options } => indexes
                .search(query, options, self.now_ms)
                .map(|hits| hits_reply(hits, options.is_detailed())),
            Command::Similar {
                query,
                k,
                prefix,
                explain,
            } => {
                let options = SimilarOptions {
                    limit: count(*k),
                    prefix: prefix.as_deref(),
                    explain: *explain,
                };
                indexes
                    .similar(query, options, self.now_ms)
                    .map(|hits| hits_reply(hits, *explain))
            }
            other => unreachable!("{other:?} is no search"),
        };
        reply.map_err(|error| refused(&error))
    }
}

fn count(limit: u64) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn keys_reply(entries: Vec<kv_proto::Entry>) -> Reply {
    let keys = entries
        .iter()
        .map(|entry| Reply::Bytes(Bytes::copy_from_slice(entry.key())));
    Reply::Array(keys.collect())
}

fn refused(error: &SearchError) -> ErrorReply {
    let code = match error {
        SearchError::Building => ErrorCode::Loading,
        _ => ErrorCode::Err,
    };
    ErrorReply::new(code, error.to_string())
}
