//! What a ranked search found, as a reply.
//!
//! ```text
//! plain     array   key bytes, score double, key, score, …
//! detailed  array   of maps { key: bytes, score: double, snippet: bytes, explain: value }
//! ```
//!
//! 1. Best first; of equal scores, the smaller key first, so that a search has one answer.
//! 2. A map has the fields that were asked for, and `key` and `score`; clients skip others.

use bytes::Bytes;

use crate::command::Key;
use crate::reply::Reply;
use crate::value::{EncodedValue, Value};

/// Stands before a match in a snippet. The text itself is not escaped.
pub const MATCH_START: &str = "<b>";

/// Stands after a match in a snippet.
pub const MATCH_END: &str = "</b>";

/// One result of a ranked search.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Where it is stored.
    pub key: Key,
    /// How well it fits; comparable within one answer only.
    pub score: f64,
    /// Text around the matches, each between [`MATCH_START`] and [`MATCH_END`].
    pub snippet: Option<String>,
    /// Why it is a hit: a map whose fields depend on the kind of search.
    pub explanation: Option<Value>,
}

impl Hit {
    /// A hit of which nothing but the score is told.
    #[must_use]
    pub fn new(key: Key, score: f64) -> Hit {
        Hit {
            key,
            score,
            snippet: None,
            explanation: None,
        }
    }
}

/// The reply that tells of `hits`: with `detailed` a map each, else key and score in turn.
#[must_use]
pub fn hits_reply(hits: Vec<Hit>, detailed: bool) -> Reply {
    let replies = hits.into_iter();
    Reply::Array(match detailed {
        true => replies.map(map_of).collect(),
        false => replies
            .flat_map(|hit| [Reply::Bytes(hit.key), Reply::Double(hit.score)])
            .collect(),
    })
}

fn map_of(hit: Hit) -> Reply {
    let mut fields = vec![
        (Reply::text("key"), Reply::Bytes(hit.key)),
        (Reply::text("score"), Reply::Double(hit.score)),
    ];
    if let Some(snippet) = hit.snippet {
        fields.push((Reply::text("snippet"), Reply::Bytes(Bytes::from(snippet))));
    }
    if let Some(explanation) = hit.explanation {
        let explanation = EncodedValue::from(&explanation);
        fields.push((Reply::text("explain"), Reply::Value(explanation)));
    }
    Reply::Map(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hit_is_a_key_and_a_score_or_a_map() {
        let hit = Hit::new(Bytes::from("k"), 0.5);
        let key = || Reply::Bytes(Bytes::from("k"));
        assert_eq!(
            hits_reply(vec![hit.clone()], false),
            Reply::Array(vec![key(), Reply::Double(0.5)])
        );
        let detailed = Hit {
            snippet: Some("a <b>b</b>".to_owned()),
            explanation: Some(Value::Int(1)),
            ..hit
        };
        let fields = vec![
            (Reply::text("key"), key()),
            (Reply::text("score"), Reply::Double(0.5)),
            (Reply::text("snippet"), Reply::text("a <b>b</b>")),
            (
                Reply::text("explain"),
                Reply::Value(EncodedValue::from(&Value::Int(1))),
            ),
        ];
        assert_eq!(
            hits_reply(vec![detailed], true),
            Reply::Array(vec![Reply::Map(fields)])
        );
    }
}
