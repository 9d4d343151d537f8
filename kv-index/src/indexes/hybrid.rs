//! Two rankings as one, by reciprocal rank: an entry scores weight / (60 + rank) in each.
//!
//! Scores of words and of meaning cannot be compared, ranks can. Cormack, Clarke, Büttcher:
//! Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.

use std::collections::HashMap;

use kv_proto::Value;
use kv_proto::command::{SearchOptions, Weights};
use kv_proto::hit::Hit;

use super::SearchError;
use super::similar::{alike, of_texts};
use super::view::{Found, View, best};
use super::words::{Asked, explain, hit};

/// Makes the first ranks count little more than those after them.
const RANK_OFFSET: f64 = 60.0;

/// How deep each ranking is looked at, at the least.
const DEPTH_MIN: usize = 100;

/// An entry's places in the rankings.
struct Place<'a> {
    found: Found<'a>,
    words: Option<usize>,
    meaning: Option<(usize, f64)>,
}

/// The best by both, best first.
pub(super) fn search(
    view: &View<'_>,
    asked: &Asked,
    text: &str,
    vector: &[f32],
    weights: Weights,
    options: &SearchOptions,
    limit: usize,
) -> Result<Vec<Hit>, SearchError> {
    let depth = limit.max(DEPTH_MIN);
    let words = view.words(asked, depth);
    let meaning = view.meaning(of_texts, vector, depth, None)?;
    let places = places(&words, &meaning);
    let scored = places.values().map(|place| Found {
        score: score(place, weights),
        ..place.found
    });
    let best = best(scored.collect(), limit);
    let told = best.iter().map(|found| {
        let explanation = options
            .explain
            .then(|| explain_both(view, found, &places[found.entry.key()], asked, text));
        hit(view, found, options, asked, explanation)
    });
    Ok(told.collect())
}

fn places<'a>(words: &[Found<'a>], meaning: &[Found<'a>]) -> HashMap<&'a [u8], Place<'a>> {
    let mut places = HashMap::new();
    let unplaced = |found: &Found<'a>| Place {
        found: *found,
        words: None,
        meaning: None,
    };
    for (rank, found) in (1..).zip(words) {
        let place = places.entry(found.entry.key());
        place.or_insert_with(|| unplaced(found)).words = Some(rank);
    }
    for (rank, found) in (1..).zip(meaning) {
        let place = places.entry(found.entry.key());
        place.or_insert_with(|| unplaced(found)).meaning = Some((rank, found.score));
    }
    places
}

#[expect(clippy::cast_precision_loss, reason = "ranks are far below 2^52")]
fn score(place: &Place<'_>, weights: Weights) -> f64 {
    let of = |rank: Option<usize>| rank.map_or(0.0, |rank| 1.0 / (RANK_OFFSET + rank as f64));
    weights.words * of(place.words) + weights.meaning * of(place.meaning.map(|(rank, _)| rank))
}

fn explain_both(
    view: &View<'_>,
    found: &Found<'_>,
    place: &Place<'_>,
    asked: &Asked,
    text: &str,
) -> Value {
    let rank = |rank: Option<usize>| match rank {
        Some(rank) => Value::Int(i64::try_from(rank).unwrap_or(i64::MAX)),
        None => Value::Null,
    };
    let cosine = place
        .meaning
        .map_or(Value::Null, |(_, cosine)| Value::Float(cosine));
    let mut fields = match explain(view, found, asked) {
        Value::Map(fields) => fields,
        _ => unreachable!("words are explained by a map"),
    };
    fields.extend([
        ("words_rank".to_owned(), rank(place.words)),
        (
            "meaning_rank".to_owned(),
            rank(place.meaning.map(|(rank, _)| rank)),
        ),
        ("cosine".to_owned(), cosine),
        ("alike".to_owned(), alike(text, found.entry)),
    ]);
    Value::Map(fields)
}
