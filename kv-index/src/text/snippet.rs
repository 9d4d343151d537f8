//! The part of a document that shows why it was found.

use std::ops::Range;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::analyzer::{Analyzer, for_each_word};
use super::budget::{Budget, Cost};
use super::query::Query;
use super::stats::TermStats;

/// Bytes of a text that are looked at.
const BYTES_SEEN_MAX: usize = 256 << 10;

/// Bringing a word to its stem, for each of its bytes.
const STEM_BYTE: u64 = 28;

/// A part of a text, and where in it the words are that were sought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Snippet {
    /// The part, with `…` where it was cut. Control characters are spaces.
    pub text: String,
    /// Bytes of `text`, ascending.
    pub marks: Vec<Range<usize>>,
}

/// Makes snippets for one query.
#[derive(Debug)]
pub struct Snippets<'a> {
    analyzer: &'a Analyzer,
    /// What is sought, by stem, and its weight within each leaf's field.
    sought: HashMap<&'a str, Vec<(Option<&'a str>, f32)>, RandomState>,
}

impl<'a> Snippets<'a> {
    /// What is found by `query` according to `stats`.
    #[must_use]
    pub fn new(analyzer: &'a Analyzer, query: &'a Query, stats: &'a TermStats) -> Snippets<'a> {
        let mut sought: HashMap<_, Vec<_>, _> = HashMap::default();
        let leaves = query.leaves.iter().enumerate();
        for (index, leaf) in leaves.filter(|(_, leaf)| leaf.is_sought) {
            for stem in stats.stems(index) {
                let weights = sought.entry(stem.stem).or_default();
                weights.push((leaf.field.as_deref(), stem.idf * stem.boost));
            }
        }
        Snippets { analyzer, sought }
    }

    /// The part of about `width` bytes that has the most of what is sought, the first of equal
    /// ones; the beginning of the first text if nothing is. Looks at the first 256 KiB of each text.
    #[must_use]
    pub fn of<'t>(
        &self,
        texts: impl IntoIterator<Item = (&'t str, &'t str)>,
        width: usize,
        budget: &Budget,
    ) -> Snippet {
        let mut best: Option<Window<'_>> = None;
        for (path, text) in texts {
            let places = self.places(path, text, budget);
            let (weight, range) = best_window(text, &places, width);
            if best.as_ref().is_some_and(|best| weight <= best.weight) {
                continue;
            }
            let marks = places.into_iter().map(|place| place.range);
            let is_inside =
                |mark: &Range<usize>| range.start <= mark.start && mark.end <= range.end;
            best = Some(Window {
                weight,
                text,
                marks: marks.filter(is_inside).collect(),
                range,
            });
        }
        best.map_or_else(Snippet::default, |best| {
            cut(best.text, best.range, &best.marks)
        })
    }

    fn places(&self, path: &str, text: &str, budget: &Budget) -> Vec<Place> {
        let seen = &text[..text.floor_char_boundary(BYTES_SEEN_MAX)];
        budget.spend(Cost::Telling, STEM_BYTE * seen.len() as u64);
        let mut places = Vec::new();
        for_each_word(seen, |range, word| {
            if let Some(weight) = self.weight(path, word) {
                places.push(Place { range, weight });
            }
        });
        places
    }

    /// What a folded word of the field `path` counts for, if it is sought.
    fn weight(&self, path: &str, word: &str) -> Option<f32> {
        let weights = self.sought.get(self.analyzer.stem(word).as_ref())?;
        let fitting = weights
            .iter()
            .filter(|(field, _)| field.is_none_or(|field| field == path));
        fitting.map(|(_, weight)| *weight).reduce(f32::max)
    }
}

/// A word of a text.
struct Place {
    range: Range<usize>,
    weight: f32,
}

/// A part of a text, and the words in it that are sought.
struct Window<'t> {
    weight: f32,
    text: &'t str,
    range: Range<usize>,
    marks: Vec<Range<usize>>,
}

/// The window with the most weight, and it.
fn best_window(text: &str, places: &[Place], width: usize) -> (f32, Range<usize>) {
    let mut best = (0.0, 0..0);
    let (mut first, mut sum) = (0, 0.0);
    for (last, place) in places.iter().enumerate() {
        sum += place.weight;
        while first < last && place.range.end - places[first].range.start > width {
            sum -= places[first].weight;
            first += 1;
        }
        if sum > best.0 * 1.000_01 {
            best = (sum, places[first].range.start..place.range.end);
        }
    }
    (best.0, widen(text, best.1, width))
}

/// Extends a range to `width`, more behind it than before it, and to whole words.
fn widen(text: &str, range: Range<usize>, width: usize) -> Range<usize> {
    let room = width.saturating_sub(range.len());
    let mut start = range.start.saturating_sub(room / 3);
    let end = (start + width.max(range.len()))
        .min(text.len())
        .max(range.end);
    start = start.min(end.saturating_sub(width)).min(range.start);
    let start = text.floor_char_boundary(start);
    let end = text.ceil_char_boundary(end);
    let is_word_start = text[..start]
        .chars()
        .next_back()
        .is_none_or(char::is_whitespace);
    let start = if is_word_start {
        start
    } else {
        after_space(&text[start..range.start], start)
    };
    let end = if end == text.len() {
        end
    } else {
        before_space(&text[range.end..end], range.end, end)
    };
    start..end
}

fn after_space(head: &str, start: usize) -> usize {
    head.find(char::is_whitespace).map_or(start, |at| {
        let rest = &head[at..];
        start + at + (rest.len() - rest.trim_start().len())
    })
}

fn before_space(rest: &str, start: usize, end: usize) -> usize {
    rest.rfind(char::is_whitespace)
        .map_or(end, |at| start + rest[..at].trim_end().len())
}

fn cut(text: &str, window: Range<usize>, marks: &[Range<usize>]) -> Snippet {
    let mut snippet = Snippet::default();
    if window.start > 0 {
        snippet.text.push('…');
    }
    let mut at = window.start;
    for mark in marks {
        push_plain(&text[at..mark.start], &mut snippet.text);
        let start = snippet.text.len();
        push_plain(&text[mark.clone()], &mut snippet.text);
        snippet.marks.push(start..snippet.text.len());
        at = mark.end;
    }
    push_plain(&text[at..window.end], &mut snippet.text);
    if window.end < text.len() {
        snippet.text.push('…');
    }
    snippet
}

fn push_plain(text: &str, out: &mut String) {
    out.extend(
        text.chars()
            .map(|letter| if letter.is_control() { ' ' } else { letter }),
    );
}
