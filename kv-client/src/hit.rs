//! From the answer of a search to its hits.

use bytes::Bytes;
use kv_proto::{Hit, Reply, Value};

use crate::answer::{Answer, unexpected};
use crate::error::Error;
use crate::value::from_encoded;

/// Key, score, key, score, …
pub(crate) fn scores(answer: Answer) -> Result<Vec<(Bytes, f64)>, Error> {
    let items = answer.array()?;
    if !items.len().is_multiple_of(2) {
        return Err(Error::Answer {
            expected: "a score for each key",
            found: format!("{} items", items.len()),
        });
    }
    let mut items = items.into_iter().map(Answer::new);
    let mut scores = Vec::with_capacity(items.len() / 2);
    while let (Some(key), Some(score)) = (items.next(), items.next()) {
        scores.push((key.bytes()?, score.float()?));
    }
    Ok(scores)
}

/// The hits, `detailed` if more than scores was asked for.
pub(crate) fn hits(answer: Answer, detailed: bool) -> Result<Vec<Hit>, Error> {
    if detailed {
        return answer.array()?.into_iter().map(hit).collect();
    }
    let scores = scores(answer)?.into_iter();
    Ok(scores.map(|(key, score)| Hit::new(key, score)).collect())
}

/// Fields that are not known here are skipped.
fn hit(reply: Reply) -> Result<Hit, Error> {
    let lacking = |what| move || unexpected(what, &Reply::Nil);
    let fields = Answer::new(reply).fields()?;
    let mut fields = fields.ok_or_else(lacking("a hit"))?;
    let mut field = |name: &str| fields.remove(name).map(Answer::new);
    let key = field("key").ok_or_else(lacking("the key of a hit"))?;
    let score = field("score").ok_or_else(lacking("the score of a hit"))?;
    Ok(Hit {
        key: key.bytes()?,
        score: score.float()?,
        snippet: field("snippet").map(text).transpose()?.flatten(),
        explanation: field("explain").map(value).transpose()?.flatten(),
    })
}

fn text(answer: Answer) -> Result<Option<String>, Error> {
    match answer.into_reply() {
        Reply::Nil => Ok(None),
        Reply::Bytes(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        other => Err(unexpected("the snippet of a hit", &other)),
    }
}

fn value(answer: Answer) -> Result<Option<Value>, Error> {
    let encoded = answer.encoded()?;
    encoded.map(|value| Ok(from_encoded(&value)?)).transpose()
}
