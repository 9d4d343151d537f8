//! Keys by words, ranked; and by words and meaning together.

use std::collections::BTreeMap;

use kv_proto::command::SearchOptions;
use kv_proto::hit::{Hit, MATCH_END, MATCH_START};
use kv_proto::{Entry, Value};

use super::similar::alike;
use super::view::{Found, View};
use super::{Indexes, SearchError, hybrid};
use crate::content::Content;
use crate::kinds::Kinds;
use crate::text::{Analyzer, Budget, Cost, Query, Snippets, TermStats};

/// About so many bytes of a text are shown around the matches.
const SNIPPET_BYTES: usize = 160;

/// A query with its numbers over all shards.
pub(super) struct Asked {
    pub(super) query: Query,
    pub(super) stats: TermStats,
    pub(super) budget: Budget,
}

impl Indexes {
    /// The entries that fit `query` best, best first; with [`SearchOptions::hybrid`] by words and
    /// meaning, and then not all of its words have to be there. The syntax of queries is that of
    /// [`Query`].
    ///
    /// # Errors
    /// If the query makes no sense or would take too long, or there is no such index, or not yet.
    pub fn search(
        &self,
        query: &str,
        options: &SearchOptions,
        now_ms: u64,
    ) -> Result<Vec<Hit>, SearchError> {
        let (asked, found) = self.look(query, options, now_ms)?;
        let analyzer = Analyzer::new(self.maker.stemming);
        let snippets = Snippets::new(&analyzer, &asked.query, &asked.stats);
        let mut hits = Vec::with_capacity(found.len());
        for mut told in found {
            asked.budget.check(&asked.query, &asked.stats)?;
            if let (Some(why), true) = (&mut told.explanation, options.hybrid.is_some()) {
                let alike = alike(query, &told.entry, &asked.budget);
                why.insert("alike".to_owned(), alike);
            }
            let snippet = || marked_snippet(&snippets, &told.entry, &asked.budget);
            hits.push(Hit {
                snippet: options.snippets.then(snippet),
                explanation: told.explanation.map(Value::Map),
                ..Hit::new(told.entry.key().to_vec().into(), told.score)
            });
        }
        asked.budget.check(&asked.query, &asked.stats)?;
        Ok(hits)
    }

    /// What is found, with the shards held no longer than it takes to find it.
    fn look(
        &self,
        query: &str,
        options: &SearchOptions,
        now_ms: u64,
    ) -> Result<(Asked, Vec<Told>), SearchError> {
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
        let asked = view.ask(parsed, Budget::new(self.steps_max))?;
        let limit = usize::try_from(options.limit).unwrap_or(usize::MAX);
        if let Some(weights) = options.hybrid {
            let vector = view.vector_of(query);
            let told = hybrid::search(&view, &asked, &vector, weights, options.explain, limit)?;
            return Ok((asked, told));
        }
        let found = view.words(&asked, limit)?;
        let told = tell(&view, &found, &asked, options.explain);
        Ok((asked, told))
    }
}

/// What is told of an entry that was found, but for what can be read from it alone.
pub(super) struct Told {
    pub(super) entry: Entry,
    score: f64,
    pub(super) explanation: Option<BTreeMap<String, Value>>,
}

/// Tells of the entries that were found; explains them by their words, if they are to be.
pub(super) fn tell(
    view: &View<'_>,
    found: &[Found<'_>],
    asked: &Asked,
    explains: bool,
) -> Vec<Told> {
    let explained = match explains {
        true => explain(view, found, asked),
        false => Vec::new(),
    };
    let mut explained = explained.into_iter();
    let told = found.iter().map(|found| Told {
        entry: found.entry.clone(),
        score: found.score,
        explanation: explained.next(),
    });
    told.collect()
}

/// For each entry the words of the query that are in it, and what each adds to its score; some
/// lack, once the budget is spent.
fn explain(view: &View<'_>, found: &[Found<'_>], asked: &Asked) -> Vec<BTreeMap<String, Value>> {
    let mut explained = vec![BTreeMap::new(); found.len()];
    for (shard, state) in view.shards.iter().enumerate() {
        let of_shard = found.iter().zip(0..);
        let of_shard = of_shard.filter(|(found, _)| found.shard == shard);
        let (docs, places): (Vec<_>, Vec<usize>) =
            of_shard.map(|(found, place)| (found.doc, place)).unzip();
        let words = state
            .text
            .explain(&docs, &asked.query, &asked.stats, &asked.budget);
        for (place, words) in places.into_iter().zip(words) {
            let scores = words.into_iter();
            let scores = scores.map(|(word, score)| (word, Value::Float(f64::from(score))));
            explained[place].insert("words".to_owned(), Value::Map(scores.collect()));
        }
    }
    explained
}

fn marked_snippet(snippets: &Snippets<'_>, entry: &Entry, budget: &Budget) -> String {
    budget.spend_on_document(Cost::Telling, entry.payload().len());
    let fields = Content::of(entry).owned_strings();
    let fields = fields.iter().map(|(path, text)| (&**path, &**text));
    let snippet = snippets.of(fields, SNIPPET_BYTES, budget);
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
