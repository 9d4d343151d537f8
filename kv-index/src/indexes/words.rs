//! Keys by words, ranked; and by words and meaning together.

use kv_proto::command::SearchOptions;
use kv_proto::hit::{Hit, MATCH_END, MATCH_START};
use kv_proto::{Entry, Value};

use super::view::{Found, View};
use super::{Indexes, SearchError, hybrid};
use crate::content::Content;
use crate::kinds::Kinds;
use crate::text::{Query, TermStats, snippet};

/// About so many bytes of a text are shown around the matches.
const SNIPPET_BYTES: usize = 160;

/// A query with its numbers over all shards.
pub(super) struct Asked {
    pub(super) query: Query,
    pub(super) stats: TermStats,
}

impl Indexes {
    /// The entries that fit `query` best, best first; with [`SearchOptions::hybrid`] by words and
    /// meaning, and then not all of its words have to be there. The syntax of queries is that of
    /// [`Query`].
    ///
    /// # Errors
    /// If the query makes no sense, or there is no such index, or not yet.
    pub fn search(
        &self,
        query: &str,
        options: &SearchOptions,
        now_ms: u64,
    ) -> Result<Vec<Hit>, SearchError> {
        let mut parsed = Query::parse(query)?;
        if options.hybrid.is_some() {
            parsed = parsed.with_any_word();
        }
        let kinds = match options.hybrid {
            None => Kinds::TEXT,
            Some(_) => Kinds::TEXT.and(Kinds::SEMANTIC),
        };
        let shards = self.fresh(kinds)?;
        let view = View {
            shards: &shards,
            prefix: options.prefix.as_deref(),
            now_ms,
        };
        let asked = view.ask(parsed);
        let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
        if let Some(weights) = options.hybrid {
            let vector = view.vector_of(query);
            return hybrid::search(&view, &asked, query, &vector, weights, options, limit);
        }
        let found = view.words(&asked, limit).into_iter();
        Ok(found
            .map(|found| {
                let explanation = options.explain.then(|| explain(&view, &found, &asked));
                hit(&view, &found, options, &asked, explanation)
            })
            .collect())
    }
}

/// What is told of an entry that was found.
pub(super) fn hit(
    view: &View<'_>,
    found: &Found<'_>,
    options: &SearchOptions,
    asked: &Asked,
    explanation: Option<Value>,
) -> Hit {
    let key = bytes::Bytes::copy_from_slice(found.entry.key());
    Hit {
        snippet: options.snippets.then(|| marked_snippet(view, found, asked)),
        explanation,
        ..Hit::new(key, found.score)
    }
}

/// The words of the query that are in the entry, and what each adds to its score.
pub(super) fn explain(view: &View<'_>, found: &Found<'_>, asked: &Asked) -> Value {
    let text = &view.shards[found.shard].text;
    let words = text.explain(found.doc, &asked.query, &asked.stats);
    let words = words
        .into_iter()
        .map(|(word, score)| (word, Value::Float(f64::from(score))));
    Value::Map([("words".to_owned(), Value::Map(words.collect()))].into())
}

fn marked_snippet(view: &View<'_>, found: &Found<'_>, asked: &Asked) -> String {
    let fields = fields_of(found.entry);
    let fields = fields
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    let analyzer = view.shards[found.shard].text.analyzer();
    let snippet = snippet(analyzer, fields, &asked.query, &asked.stats, SNIPPET_BYTES);
    let (mut marked, mut end) = (String::new(), 0);
    for mark in snippet.marks {
        marked.push_str(&snippet.text[end..mark.start]);
        marked.push_str(MATCH_START);
        marked.push_str(&snippet.text[mark.clone()]);
        marked.push_str(MATCH_END);
        end = mark.end;
    }
    marked.push_str(&snippet.text[end..]);
    marked
}

fn fields_of(entry: &Entry) -> Vec<(String, String)> {
    let mut fields = Vec::new();
    Content::of(entry).strings(|path, text| fields.push((path.to_owned(), text.to_owned())));
    fields
}
