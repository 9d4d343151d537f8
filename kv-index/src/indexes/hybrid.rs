//! Two rankings as one, by reciprocal rank: an entry scores weight / (60 + rank) in each.
//!
//! Scores of words and of meaning cannot be compared, ranks can. Cormack, Clarke, Büttcher:
//! Reciprocal rank fusion outperforms Condorcet and individual rank learning methods, 2009.

use std::collections::{BTreeMap, HashMap};

use kv_proto::Value;
use kv_proto::command::Weights;

use super::SearchError;
use super::similar::of_texts;
use super::view::{Found, View, best};
use super::words::{Asked, Told, tell};

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
    vector: &[f32],
    weights: Weights,
    explains: bool,
    limit: usize,
) -> Result<Vec<Told>, SearchError> {
    let depth = limit.max(DEPTH_MIN);
    let words = view.words(asked, depth)?;
    let meaning = view.meaning(of_texts, vector, depth, None)?;
    let places = places(&words, &meaning);
    let scored = places.values().map(|place| Found {
        score: score(place, weights),
        ..place.found
    });
    let best = best(scored.collect(), limit);
    let mut told = tell(view, &best, asked, explains);
    for told in &mut told {
        if let Some(why) = &mut told.explanation {
            explain_ranks(why, &places[told.entry.key()]);
        }
    }
    Ok(told)
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

/// Adds what there is to say besides the words.
fn explain_ranks(why: &mut BTreeMap<String, Value>, place: &Place<'_>) {
    let rank = |rank: Option<usize>| match rank {
        Some(rank) => Value::Int(i64::try_from(rank).unwrap_or(i64::MAX)),
        None => Value::Null,
    };
    let (meaning, cosine) = place.meaning.unzip();
    why.extend([
        ("words_rank".to_owned(), rank(place.words)),
        ("meaning_rank".to_owned(), rank(meaning)),
        (
            "cosine".to_owned(),
            cosine.map_or(Value::Null, Value::Float),
        ),
    ]);
}
